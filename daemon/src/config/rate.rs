//! Rates as operators write them: `1/s`, `100/m`, `20/h`.

use std::time::Duration;

use super::section::Bad;
use super::{Rate, duration};

pub(super) const HINT: &str = "rates are written \"1/s\", \"100/m\" or \"20/h\"";
/// The longest time that a rate is counted over.
const PER_MAX: Duration = Duration::from_secs(86_400);

/// Reads a rate: a count and a unit (`s`, `m`, `h`), or a longer time such as `10s`.
pub(super) fn parse(text: &str) -> Result<Rate, Bad> {
    let bad = || Bad::new(format!("`{text}` is not a rate"), HINT);
    let (count, per) = text.split_once('/').ok_or_else(bad)?;
    if !count.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(bad());
    }
    let count: u32 = count.parse().map_err(|_| bad())?;
    let per = match per {
        "s" | "m" | "h" => duration::parse(&format!("1{per}")),
        _ => duration::parse(per),
    }
    .map_err(|_| bad())?;
    if count == 0 || per.is_zero() || per > PER_MAX {
        return Err(Bad::new(format!("`{text}` is not a rate that anything can keep"), HINT));
    }
    Ok(Rate { count, per })
}

/// Writes a rate the way [`parse`] reads it.
pub(super) fn shown(count: u32, per: Duration) -> String {
    match per.as_secs_f64() {
        1.0 => format!("{count}/s"),
        60.0 => format!("{count}/m"),
        3600.0 => format!("{count}/h"),
        _ => format!("{count}/{}", duration::shown(per)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_documented_forms_are_read() {
        for (text, count, seconds) in
            [("1/s", 1, 1), ("100/m", 100, 60), ("20/h", 20, 3600), ("1/10s", 1, 10)]
        {
            assert_eq!(parse(text).unwrap(), Rate { count, per: Duration::from_secs(seconds) }, "{text}");
        }
    }

    #[test]
    fn everything_else_is_refused() {
        for text in [
            "",
            "1",
            "/s",
            "1/",
            "0/s",
            "-1/s",
            "+1/s",
            "1.5/s",
            "1/sec",
            "1 / s",
            "1/0s",
            "1/2d",
            "9999999999/s",
        ] {
            assert!(parse(text).is_err(), "{text:?}");
        }
    }
}
