//! Instants in every form in which `CommBox` writes them (commbox-api §11.9).
//!
//! An admin can switch the zone suffix on for all fields, so the same message's text can change overnight:
//! only the instant counts, and a time without a zone is UTC.

use jiff::Timestamp;
use jiff::civil::{Date, DateTime, Time};
use jiff::tz::{Offset, TimeZone};

/// The instant that `text` names, if it can be read.
///
/// `YYYY-MM-DD` or `DD-MM-YYYY` or the US `MM/DD/YYYY`, then (behind `T`, blanks or nothing) `HH:MM[:SS]` with a
/// fraction of any length behind `.`, `,` or `:`, then AM or PM, then `Z`, an offset or nothing.
/// .NET's empty value, the year 1, is no instant.
pub(super) fn instant(text: &str) -> Option<Timestamp> {
    let mut rest = Rest(text.trim());
    let date = date(&mut rest)?;
    rest.separator();
    let time = time(&mut rest)?;
    let offset = offset(&mut rest)?;
    if !rest.0.is_empty() || date.year() <= 1 {
        return None;
    }
    DateTime::from_parts(date, time).to_zoned(TimeZone::fixed(offset)).ok().map(|zoned| zoned.timestamp())
}

fn date(rest: &mut Rest<'_>) -> Option<Date> {
    let (first, width) = rest.number(4)?;
    let (year, month, day) = if width == 4 {
        rest.take('-')?;
        let month = rest.number(2)?.0;
        rest.take('-')?;
        (first, month, rest.number(2)?.0)
    } else if rest.take('/').is_some() {
        let day = rest.number(2)?.0;
        rest.take('/')?;
        (rest.exactly(4)?, first, day)
    } else {
        rest.take('-')?;
        let month = rest.number(2)?.0;
        rest.take('-')?;
        (rest.exactly(4)?, month, first)
    };
    Date::new(i16::try_from(year).ok()?, i8::try_from(month).ok()?, i8::try_from(day).ok()?).ok()
}

fn time(rest: &mut Rest<'_>) -> Option<Time> {
    if rest.0.is_empty() {
        return Some(Time::midnight());
    }
    let mut hour = rest.number(2)?.0;
    rest.take(':')?;
    let minute = rest.number(2)?.0;
    let second = if rest.take(':').is_some() { rest.number(2)?.0 } else { 0 };
    let nanos = if rest.take('.').or_else(|| rest.take(',')).or_else(|| rest.take(':')).is_some() {
        rest.fraction()?
    } else {
        0
    };
    rest.blanks();
    if let Some(afternoon) = rest.half_of_day() {
        if !(1..=12).contains(&hour) {
            return None;
        }
        hour = hour % 12 + if afternoon { 12 } else { 0 };
    }
    // A leap second is the last one of its minute.
    let second = if second == 60 { 59 } else { second };
    let [hour, minute, second] = [hour, minute, second].map(|part| i8::try_from(part).unwrap_or(i8::MAX));
    Time::new(hour, minute, second, nanos).ok()
}

fn offset(rest: &mut Rest<'_>) -> Option<Offset> {
    rest.blanks();
    if rest.0.is_empty() || rest.take('Z').or_else(|| rest.take('z')).is_some() {
        return Some(Offset::UTC);
    }
    let sign = if rest.take('-').is_some() {
        -1
    } else {
        rest.take('+')?;
        1
    };
    let hours = i32::try_from(rest.exactly(2)?).ok()?;
    let _ = rest.take(':');
    let minutes = if rest.0.is_empty() { 0 } else { i32::try_from(rest.exactly(2)?).ok()? };
    if minutes > 59 {
        return None;
    }
    Offset::from_seconds(sign * (hours * 3_600 + minutes * 60)).ok()
}

/// What has not been read yet.
struct Rest<'a>(&'a str);

impl Rest<'_> {
    fn take(&mut self, wanted: char) -> Option<()> {
        self.0 = self.0.strip_prefix(wanted)?;
        Some(())
    }

    fn blanks(&mut self) {
        self.0 = self.0.trim_start();
    }

    fn separator(&mut self) {
        if self.take('T').is_none() && self.take('t').is_none() {
            self.blanks();
        }
    }

    /// One to `max` digits, and how many there were.
    fn number(&mut self, max: usize) -> Option<(u32, usize)> {
        let width = self.0.bytes().take(max).take_while(u8::is_ascii_digit).count();
        let number = self.0[..width].parse().ok()?;
        self.0 = &self.0[width..];
        Some((number, width))
    }

    fn exactly(&mut self, wanted: usize) -> Option<u32> {
        self.number(wanted).filter(|(_, width)| *width == wanted).map(|(number, _)| number)
    }

    /// Nanoseconds; digits past the ninth are cut.
    fn fraction(&mut self) -> Option<i32> {
        let width = self.0.bytes().take_while(u8::is_ascii_digit).count();
        let digits = &self.0[..width.min(9)];
        let nanos = digits.parse::<i32>().ok()? * 10_i32.pow(9 - u32::try_from(digits.len()).ok()?);
        self.0 = &self.0[width..];
        Some(nanos)
    }

    /// Whether it is the afternoon, if AM or PM stands here.
    fn half_of_day(&mut self) -> Option<bool> {
        let word = self.0.get(..2)?;
        let afternoon = word.eq_ignore_ascii_case("pm");
        if !afternoon && !word.eq_ignore_ascii_case("am") {
            return None;
        }
        self.0 = &self.0[2..];
        Some(afternoon)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_of_an_instant_is_the_same_instant() {
        for (given, expected) in [
            ("2026-03-02T10:06:40.5129917Z", "2026-03-02T10:06:40.5129917Z"),
            ("2026-03-02T10:06:40.512991Z", "2026-03-02T10:06:40.512991Z"),
            ("2026-03-02T10:06:40.63079Z", "2026-03-02T10:06:40.63079Z"),
            ("2026-03-02T10:06:40.512", "2026-03-02T10:06:40.512Z"),
            ("2026-03-02T10:06:40.5", "2026-03-02T10:06:40.5Z"),
            ("2026-03-02T10:06:40.51299171234567Z", "2026-03-02T10:06:40.512991712Z"),
            ("2026-03-02T10:06:40Z", "2026-03-02T10:06:40Z"),
            ("2026-03-02T10:06:40", "2026-03-02T10:06:40Z"),
            ("2026-03-02 10:06:40", "2026-03-02T10:06:40Z"),
            ("2026-03-02  10:06:40", "2026-03-02T10:06:40Z"),
            (" 2026-03-02t10:06:40z ", "2026-03-02T10:06:40Z"),
            ("2026-03-0210:06:40", "2026-03-02T10:06:40Z"),
            ("2026-03-02T10:06:40:512Z", "2026-03-02T10:06:40.512Z"),
            ("2026-03-02T10:06:40,512Z", "2026-03-02T10:06:40.512Z"),
            ("2026-03-02T10:06", "2026-03-02T10:06:00Z"),
            ("2026-03-02", "2026-03-02T00:00:00Z"),
            ("2026-03-02T", "2026-03-02T00:00:00Z"),
            ("2026-03-02T12:06:40+02:00", "2026-03-02T10:06:40Z"),
            ("2026-03-02T12:06:40.5+0200", "2026-03-02T10:06:40.5Z"),
            ("2026-03-02T05:06:40-05", "2026-03-02T10:06:40Z"),
            ("02-03-2026 10:06:40", "2026-03-02T10:06:40Z"),
            ("03/02/2026 10:06:40", "2026-03-02T10:06:40Z"),
            ("3/2/2026 10:06:40 AM", "2026-03-02T10:06:40Z"),
            ("3/2/2026 10:06:40 pm", "2026-03-02T22:06:40Z"),
            ("3/2/2026 12:06:40 AM", "2026-03-02T00:06:40Z"),
            ("2026-06-30T23:59:60Z", "2026-06-30T23:59:59Z"),
        ] {
            assert_eq!(instant(given), Some(expected.parse().unwrap()), "{given}");
        }
    }

    #[test]
    fn what_is_no_instant_is_none() {
        for given in [
            "",
            "null",
            "yesterday",
            "0001-01-01T00:00:00",
            "0001-01-01T00:00:00Z",
            "2026-13-02T10:06:40Z",
            "2026-02-30T10:06:40Z",
            "2026-03-02T25:06:40Z",
            "2026-03-02T10:61:40Z",
            "2026-03-02T10:06:40.Z",
            "2026-03-02T10:06:40Zx",
            "2026-03-02T10:06:40+99:00",
            "2026-03-02T10:06:40+02:75",
            "2026-3",
            "13/13/2026 10:00:00",
            "3/2/2026 13:06:40 PM",
            "9999-12-31T23:59:59-12:00",
            "٢٠٢٦-03-02",
        ] {
            assert_eq!(instant(given), None, "{given}");
        }
    }
}
