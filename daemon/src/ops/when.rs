//! How far ahead something is to end, as a person writes it: at a command and on the page alike.

use std::time::Duration;

use jiff::Timestamp;

use crate::config;

/// Reads how long from now something ends.
///
/// # Errors
/// When it is no duration: how one is written.
pub fn span(text: &str) -> Result<Duration, String> {
    config::duration(text).ok_or_else(|| "write how long: \"30m\", \"2h\", \"3d\"".to_owned())
}

/// Reads an instant.
///
/// # Errors
/// When it is none: how one is written.
pub fn instant(text: &str) -> Result<Timestamp, String> {
    text.parse().map_err(|_| "write an instant: \"2026-03-02T10:00:00Z\", or with an offset".to_owned())
}

/// So long after `now`; the end of time where that is beyond it.
pub fn after(now: Timestamp, span: Duration) -> Timestamp {
    now.checked_add(span).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_is_so_long_from_now_or_an_instant() {
        assert_eq!(span("2h"), Ok(Duration::from_secs(7200)));
        assert!(span("2026-03-01T12:00:00Z").is_err() && span("").is_err() && instant("2h").is_err());
        let now: Timestamp = "2026-03-02T10:00:00Z".parse().unwrap();
        assert_eq!(instant("2026-03-02T12:00:00+02:00"), Ok(now));
        assert_eq!(after(now, Duration::from_secs(60)).to_string(), "2026-03-02T10:01:00Z");
        assert_eq!(after(now, Duration::MAX), Timestamp::MAX);
    }
}
