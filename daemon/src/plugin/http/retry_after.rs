//! `Retry-After` (RFC 9110, 10.2.3): a number of seconds or a date, turned into a span.

use std::time::{Duration, SystemTime};

use reqwest::header::{DATE, HeaderMap, RETRY_AFTER};

use super::RETRY_AFTER_MAX;

/// How long the receiver asks to be left alone, at most [`RETRY_AFTER_MAX`]. A date is measured against the
/// receiver's own `Date`, so that neither clock has to be right; without one, against `now`. Text that is
/// neither form asks for nothing.
pub(super) fn of(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    let asked = seconds(text).or_else(|| until(text, headers, now))?;
    Some(asked.min(RETRY_AFTER_MAX))
}

/// Whole seconds by the standard; a fraction, which some receivers send, is rounded up.
fn seconds(text: &str) -> Option<Duration> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(whole) || !digits(fraction) {
        return None;
    }
    let more = u64::from(fraction.bytes().any(|byte| byte != b'0'));
    // Too many digits for a number is still a number, and far beyond the bound.
    Some(Duration::from_secs(whole.parse().unwrap_or(u64::MAX).saturating_add(more)))
}

fn until(text: &str, headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let then = httpdate::parse_http_date(text).ok()?;
    let theirs = headers.get(DATE).and_then(|date| httpdate::parse_http_date(date.to_str().ok()?).ok());
    Some(then.duration_since(theirs.unwrap_or(now)).unwrap_or(Duration::ZERO))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sun, 06 Nov 1994 08:49:37 GMT
    const NOW: u64 = 784_111_777;

    fn asked(retry_after: &str, date: Option<&str>) -> Option<u64> {
        let mut headers = HeaderMap::new();
        headers.insert(RETRY_AFTER, retry_after.parse().unwrap());
        if let Some(date) = date {
            headers.insert(DATE, date.parse().unwrap());
        }
        of(&headers, SystemTime::UNIX_EPOCH + Duration::from_secs(NOW)).map(|span| span.as_secs())
    }

    #[test]
    fn both_forms_become_a_span() {
        for (text, date, span) in [
            ("0", None, Some(0)),
            ("120", None, Some(120)),
            (" 7 ", None, Some(7)),
            ("0.2", None, Some(1)),
            ("3.0", None, Some(3)),
            ("Sun, 06 Nov 1994 08:50:07 GMT", None, Some(30)),
            ("Sunday, 06-Nov-94 08:50:07 GMT", None, Some(30)),
            ("Sun Nov  6 08:50:07 1994", None, Some(30)),
            ("Sun, 06 Nov 1994 08:00:00 GMT", None, Some(0)),
            ("Tue, 01 Jan 2030 00:01:00 GMT", Some("Tue, 01 Jan 2030 00:00:00 GMT"), Some(60)),
            ("Sun, 06 Nov 1994 08:50:07 GMT", Some("half past eight"), Some(30)),
        ] {
            assert_eq!(asked(text, date), span, "{text:?} {date:?}");
        }
    }

    #[test]
    fn what_is_neither_form_asks_for_nothing() {
        for text in ["", "soon", "-5", "+5", "1e3", ".5", "5.", "1.2.3", "0x10", "5 s"] {
            assert_eq!(asked(text, None), None, "{text:?}");
        }
    }

    #[test]
    fn no_receiver_can_silence_us_for_longer_than_the_bound() {
        let bound = Some(RETRY_AFTER_MAX.as_secs());
        for text in [
            "3601",
            "86400",
            "99999999999999999999999",
            "18446744073709551615.9",
            "Fri, 31 Dec 9999 23:59:59 GMT",
        ] {
            assert_eq!(asked(text, None), bound, "{text:?}");
        }
    }
}
