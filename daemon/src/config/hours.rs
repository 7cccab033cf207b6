//! `[hours.NAME]`: when people are at work.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::civil::{Date, Time};
use jiff::tz::TimeZone;

use super::collection::{Named, read_named};
use super::section::{Bad, Context, Key, Section, key};
use super::spanned::{Place, Table, Value};
use super::suggest::{did_you_mean, list};
use crate::core::hours::{Hours, Span};

pub(super) const KEYS: &[Key] = &[key("timezone"), key("open"), key("holidays")];

/// Days off that one section may name.
const HOLIDAYS_MAX: usize = 1_000;
pub(super) const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
const OPEN_HINT: &str =
    "hours are written \"sun-thu 09:00-18:00\", \"fri 09:00-13:00\" or \"sat,sun 00:00-24:00\"";

/// Hours that the file declares.
pub(super) type AllHours = BTreeMap<String, Named<Arc<Hours>>>;

pub(super) fn read_all(cx: Context<'_>, root: &Table) -> AllHours {
    read_named(cx, root, "hours", |_, title, value| read(cx, title, value))
}

/// Hours that the file declares; `None` when it does not, which is a mistake `place`, where they are named.
pub(super) fn find<'a>(
    section: &Section<'_>,
    at: Place,
    name: &str,
    place: &str,
    all: &'a AllHours,
) -> Option<&'a Named<Arc<Hours>>> {
    if let Some(hours) = all.get(name) {
        return Some(hours);
    }
    let names = || all.keys().map(String::as_str);
    let hint = if all.is_empty() {
        format!("there are no hours in this file; add [hours.{name}]")
    } else {
        format!("hours in this file are {}{}", list(names()), did_you_mean(name, names()))
    };
    section.lacking(at, format!("unknown hours `{name}` in {place}"), hint);
    None
}

fn read(cx: Context<'_>, title: &str, value: &Value) -> Option<Arc<Hours>> {
    let section = Section::open(cx, value, title, KEYS)?;
    section.need(
        "timezone",
        title,
        "name the place whose clocks count, such as timezone = \"Asia/Jerusalem\"",
    );
    section.need("open", title, "say when people are at work, such as open = [\"sun-thu 09:00-18:00\"]");
    let zone = section.parse("timezone", zone);
    let mut week: [Vec<Span>; 7] = Default::default();
    let written = section.texts("open");
    if written.as_ref().is_some_and(Vec::is_empty) {
        section.error(section.place("open"), "`open` holds no hours: no time would ever count", OPEN_HINT);
    }
    for (at, text) in written.unwrap_or_default() {
        if let Some((days, span)) = section.parsed(at, open(text)) {
            days.into_iter().for_each(|day| week[day].push(span));
        }
    }
    let named = section.texts("holidays").unwrap_or_default();
    if named.len() > HOLIDAYS_MAX {
        let message = format!("`holidays` names {} days", named.len());
        section.error(section.place("holidays"), message, format!("there may be {HOLIDAYS_MAX} of them"));
    }
    let holidays = named.into_iter().filter_map(|(at, text)| section.parsed(at, date(text)));
    let holidays: BTreeSet<Date> = holidays.collect();
    Some(Arc::new(Hours::new(zone?, week, holidays)))
}

/// A place whose clocks count, by IANA's name.
pub(super) fn zone(text: &str) -> Result<TimeZone, Bad> {
    TimeZone::get(text).map_err(|_| {
        let hint = "time zones have IANA's names, such as \"Europe/Berlin\" or \"UTC\"";
        Bad::new(format!("there is no time zone `{text}`"), hint)
    })
}

fn date(text: &str) -> Result<Date, Bad> {
    text.parse().map_err(|_| Bad::new(format!("`{text}` is not a day"), "days are written \"2026-12-25\""))
}

/// `days from-until`.
fn open(text: &str) -> Result<(Vec<usize>, Span), Bad> {
    let bad = || Bad::new(format!("`{text}` are no hours"), OPEN_HINT);
    let (days, times) = text.trim().split_once(' ').ok_or_else(bad)?;
    let (from, until) = times.trim().split_once('-').ok_or_else(bad)?;
    let from = time(from).flatten().ok_or_else(bad)?;
    let until = time(until).ok_or_else(bad)?;
    if until.is_some_and(|until| until <= from) {
        let hint = "hours that go past midnight are two: \"mon 22:00-24:00\" and \"tue 00:00-06:00\"";
        return Err(Bad::new(format!("`{text}` ends before it begins"), hint));
    }
    let mut named = Vec::new();
    for part in days.split(',') {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let place = |name: &str| DAYS.iter().position(|day| *day == name.trim().to_ascii_lowercase());
        let (first, last) = (place(first).ok_or_else(bad)?, place(last).ok_or_else(bad)?);
        // From one day on to another, over the end of the week as well.
        named.extend((0..=(last + 7 - first) % 7).map(|n| (first + n) % 7));
    }
    Ok((named, Span { from, until }))
}

/// `HH:MM`; `Some(None)` is 24:00.
fn time(text: &str) -> Option<Option<Time>> {
    let (hour, minute) = text.trim().split_once(':')?;
    let digits = |text: &str| text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(hour) || !digits(minute) {
        return None;
    }
    if (hour, minute) == ("24", "00") {
        return Some(None);
    }
    Time::new(hour.parse().ok()?, minute.parse().ok()?, 0, 0).ok().map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Option<(Vec<usize>, String)> {
        open(text)
            .ok()
            .map(|(days, span)| (days, format!("{}-{:?}", span.from, span.until.map(|t| t.to_string()))))
    }

    #[test]
    fn the_documented_forms_are_read() {
        let nine_to_six = "09:00:00-Some(\"18:00:00\")".to_owned();
        assert_eq!(read("sun-thu 09:00-18:00"), Some((vec![6, 0, 1, 2, 3], nine_to_six.clone())));
        assert_eq!(read("Mon,wed 09:00-18:00"), Some((vec![0, 2], nine_to_six.clone())));
        assert_eq!(read("fri-mon  09:00 - 18:00"), Some((vec![4, 5, 6, 0], nine_to_six)));
        assert_eq!(read("sat 00:00-24:00"), Some((vec![5], "00:00:00-None".to_owned())));
    }

    #[test]
    fn everything_else_is_refused() {
        for text in [
            "",
            "mon",
            "09:00-18:00",
            "someday 09:00-18:00",
            "mon 9-18",
            "mon 09:00",
            "mon 18:00-09:00",
            "mon 24:00-24:00",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
        assert!(zone("Europe/Nowhere").is_err() && date("2026-02-30").is_err());
    }
}
