//! How long an answer asks to wait.

use std::time::{Duration, SystemTime};

use reqwest::header::{DATE, HeaderMap, RETRY_AFTER};

/// The longest wait that is obeyed.
pub const RETRY_AFTER_MAX: Duration = Duration::from_secs(3_600);

/// The wait that `Retry-After` asks for, as seconds or as a date; at most [`RETRY_AFTER_MAX`]. A date counts from
/// the answer's own `Date`, so that clocks that differ do no harm, else from `now`.
pub(super) fn retry_after(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let value = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    let wait = match seconds(value) {
        Some(wait) => wait,
        None => {
            let from = date(headers).unwrap_or(now);
            httpdate::parse_http_date(value).ok()?.duration_since(from).unwrap_or(Duration::ZERO)
        }
    };
    Some(wait.min(RETRY_AFTER_MAX))
}

/// The answer's `Date`.
pub(super) fn date(headers: &HeaderMap) -> Option<SystemTime> {
    httpdate::parse_http_date(headers.get(DATE)?.to_str().ok()?).ok()
}

/// Whole seconds; a fraction, which some gateways send, rounds up; a number too large is the largest.
fn seconds(value: &str) -> Option<Duration> {
    let (whole, fraction) = value.split_once('.').unwrap_or((value, ""));
    if whole.is_empty() || !whole.bytes().chain(fraction.bytes()).all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let whole: u64 = whole.parse().unwrap_or(u64::MAX);
    let up = u64::from(fraction.bytes().any(|digit| digit != b'0'));
    Some(Duration::from_secs(whole.saturating_add(up)))
}

#[cfg(test)]
mod tests {
    use reqwest::header::HeaderValue;

    use super::*;

    fn wait(value: &str, date: Option<&str>) -> Option<u64> {
        let mut headers = HeaderMap::new();
        headers.insert(RETRY_AFTER, HeaderValue::from_bytes(value.as_bytes()).unwrap());
        if let Some(date) = date {
            headers.insert(DATE, HeaderValue::from_str(date).unwrap());
        }
        let now = httpdate::parse_http_date("Mon, 02 Mar 2026 15:00:00 GMT").unwrap();
        retry_after(&headers, now).map(|wait| wait.as_secs())
    }

    #[test]
    fn seconds_and_dates_are_obeyed_up_to_an_hour() {
        let server_is_late = Some("Mon, 02 Mar 2026 14:00:00 GMT");
        for (value, date, expected) in [
            ("0", None, Some(0)),
            (" 120 ", None, Some(120)),
            ("1.5", None, Some(2)),
            ("2.0", None, Some(2)),
            ("3601", None, Some(3_600)),
            ("99999999999999999999999999", None, Some(3_600)),
            ("Mon, 02 Mar 2026 15:01:30 GMT", None, Some(90)),
            ("Mon, 02 Mar 2026 14:01:30 GMT", server_is_late, Some(90)),
            ("Mon, 02 Mar 2026 14:59:59 GMT", None, Some(0)),
            ("Tue, 03 Mar 2026 15:00:00 GMT", None, Some(3_600)),
            ("Monday, 02-Mar-26 15:00:10 GMT", None, Some(10)),
            ("-5", None, None),
            ("soon", None, None),
            ("", None, None),
            ("5s", None, None),
        ] {
            assert_eq!(wait(value, date), expected, "{value}");
        }
    }

    #[test]
    fn no_header_asks_for_nothing() {
        assert_eq!(retry_after(&HeaderMap::new(), SystemTime::UNIX_EPOCH), None);
    }
}
