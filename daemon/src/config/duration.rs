//! Durations as operators write them: `500ms`, `10s`, `5m`, `1h30m`, `30d`.

use std::time::Duration;

use super::section::Bad;

pub(super) const HINT: &str = "durations are written \"500ms\", \"10s\", \"5m\", \"1h30m\" or \"30d\"";

/// In the order in which they may stand, longest first, with their milliseconds.
const UNITS: [(&str, u64); 5] = [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];

/// Reads a duration: whole numbers, each with its unit, longer units first, no unit twice.
pub(super) fn parse(text: &str) -> Result<Duration, Bad> {
    let bad = || Bad::new(format!("`{text}` is not a duration"), HINT);
    let mut rest = text;
    let mut units = UNITS.iter();
    let mut total = 0_u64;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit()).ok_or_else(bad)?;
        let number: u64 = rest[..digits].parse().map_err(|_| bad())?;
        rest = &rest[digits..];
        let unit = &rest[..rest.find(|c: char| !c.is_ascii_lowercase()).unwrap_or(rest.len())];
        let (_, milliseconds) = units.find(|(name, _)| *name == unit).ok_or_else(bad)?;
        total = number.checked_mul(*milliseconds).and_then(|part| total.checked_add(part)).ok_or_else(bad)?;
        rest = &rest[unit.len()..];
    }
    if text.is_empty() { Err(bad()) } else { Ok(Duration::from_millis(total)) }
}

/// Writes a duration the way [`parse`] reads it.
pub(super) fn shown(duration: Duration) -> String {
    let mut rest = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    let mut text = String::new();
    for (name, milliseconds) in UNITS {
        if rest >= milliseconds {
            text.push_str(&format!("{}{name}", rest / milliseconds));
            rest %= milliseconds;
        }
    }
    if text.is_empty() { "0s".to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_documented_forms_are_read() {
        for (text, seconds) in
            [("500ms", 0.5), ("10s", 10.0), ("5m", 300.0), ("1h30m", 5400.0), ("30d", 2_592_000.0)]
        {
            assert_eq!(parse(text).unwrap(), Duration::from_secs_f64(seconds), "{text}");
        }
        assert_eq!(parse("1m500ms").unwrap(), Duration::from_millis(60_500));
        assert_eq!(parse("0s").unwrap(), Duration::ZERO);
    }

    #[test]
    fn everything_else_is_refused() {
        for text in [
            "",
            "10",
            "s",
            "10 s",
            "-1s",
            "1.5s",
            "1s1m",
            "1s1s",
            "10sec",
            "1w",
            "1S",
            "99999999999999999999s",
            "1m ",
        ] {
            assert!(parse(text).is_err(), "{text:?}");
        }
        assert!(parse(&format!("{}d", u64::MAX)).is_err());
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(milliseconds in 0..u64::MAX / 2) {
            let duration = Duration::from_millis(milliseconds);
            prop_assert_eq!(parse(&shown(duration)).unwrap(), duration);
        }
    }
}
