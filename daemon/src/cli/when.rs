//! Times as a person types them: `2h` is two hours ago, or an instant; and how far ahead something is to end.

use jiff::Timestamp;

use crate::config;
pub(super) use crate::ops::when::{after, instant, span};

/// Reads one; counts from now.
pub(super) fn read(text: &str) -> Result<Timestamp, String> {
    before(text, Timestamp::now())
}

fn before(text: &str, now: Timestamp) -> Result<Timestamp, String> {
    if let Some(ago) = config::duration(text) {
        return now.checked_sub(ago).map_err(|_| format!("{text} ago is before all time"));
    }
    text.parse().map_err(|_| {
        "write how long ago (\"30m\", \"2h\", \"3d\") or an instant (\"2026-03-02T10:00:00Z\")".to_owned()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_how_long_ago_or_an_instant() {
        let now: Timestamp = "2026-03-02T10:00:00Z".parse().unwrap();
        let read = |text| before(text, now).map(|at| at.to_string());
        assert_eq!(read("2h").unwrap(), "2026-03-02T08:00:00Z");
        assert_eq!(read("1h30m").unwrap(), "2026-03-02T08:30:00Z");
        assert_eq!(read("2026-03-01T12:00:00+02:00").unwrap(), "2026-03-01T10:00:00Z");
        for wrong in ["yesterday", "2", "", "2026-03-01", "-2h"] {
            assert!(read(wrong).unwrap_err().starts_with("write how long ago"), "{wrong}");
        }
    }
}
