//! When people are at work: the hours of a week in a time zone, and the days that are off. Pure; a time zone is a value.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::{Date, Time, Weekday};
use jiff::tz::TimeZone;

/// Hours are looked for this many days ahead; whoever is away for longer does not answer.
pub const DAYS_MAX: usize = 400;

/// The hours of a week.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Hours {
    zone: TimeZone,
    /// Monday first; in order, and none touches another.
    week: [Vec<Span>; 7],
    holidays: BTreeSet<Date>,
}

/// From one time of a day to another.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Span {
    /// When it begins.
    pub from: Time,
    /// When it ends; `None` = with the day.
    pub until: Option<Time>,
}

impl Hours {
    /// `week` has Monday first, and may be in any order and overlap within a day.
    pub fn new(zone: TimeZone, mut week: [Vec<Span>; 7], holidays: BTreeSet<Date>) -> Self {
        for spans in &mut week {
            spans.sort();
            let mut joined: Vec<Span> = Vec::new();
            for span in spans.drain(..) {
                match joined.last_mut() {
                    Some(last) if last.until.is_none_or(|until| until >= span.from) => {
                        last.until = match (last.until, span.until) {
                            (Some(one), Some(other)) => Some(one.max(other)),
                            _ => None,
                        };
                    }
                    _ => joined.push(span),
                }
            }
            *spans = joined;
        }
        Self { zone, week, holidays }
    }

    /// The time zone that the hours are in.
    pub fn zone(&self) -> &TimeZone {
        &self.zone
    }

    /// The hours of each day, Monday first: in order, and none touches another.
    pub fn week(&self) -> &[Vec<Span>; 7] {
        &self.week
    }

    /// The days that are off.
    pub fn holidays(&self) -> &BTreeSet<Date> {
        &self.holidays
    }

    /// Whether they are all hours of all days but holidays.
    pub fn are_always(&self) -> bool {
        let is_whole = |span: &Span| span.from == Time::midnight() && span.until.is_none();
        self.week.iter().all(|day| day.iter().any(is_whole))
    }

    /// Whether people are at work.
    pub fn is_open(&self, at: Timestamp) -> bool {
        self.spans(self.zone.to_datetime(at).date()).any(|(from, until)| from <= at && at < until)
    }

    /// When people will have been at work for so long since then. `None`: not within [`DAYS_MAX`] days.
    ///
    /// An hour that a day has twice, since clocks are put back, counts twice where it lies within the hours; one that
    /// it has not at all does not count.
    pub fn after(&self, since: Timestamp, worked: Duration) -> Option<Timestamp> {
        let mut left = worked;
        let mut date = self.zone.to_datetime(since).date();
        for _ in 0..DAYS_MAX {
            for (from, until) in self.spans(date) {
                let from = from.max(since);
                let length = Duration::try_from(until.duration_since(from)).unwrap_or_default();
                if length.is_zero() {
                    continue;
                }
                match left.checked_sub(length) {
                    Some(rest) if !rest.is_zero() => left = rest,
                    _ => return from.checked_add(left).ok(),
                }
            }
            date = date.tomorrow().ok()?;
        }
        None
    }

    /// When that is no longer as it is at some time: when people go, if they are at work, or come. `None`: not within
    /// [`DAYS_MAX`] days.
    pub fn next_change(&self, at: Timestamp) -> Option<Timestamp> {
        let mut date = self.zone.to_datetime(at).date();
        let is_open = self.is_open(at);
        // While people are at work: until when that is known.
        let mut known = at;
        for _ in 0..DAYS_MAX {
            for (from, until) in self.spans(date) {
                if is_open && from <= known {
                    // Hours of two days may touch.
                    known = known.max(until);
                } else if from > at {
                    return Some(if is_open { known } else { from });
                }
            }
            date = date.tomorrow().ok()?;
            if is_open && self.zone.to_datetime(known).date() < date {
                return Some(known);
            }
        }
        None
    }

    /// When people come and go on a day. A time that the day does not have is the one after the gap, one that it has
    /// twice the first.
    fn spans(&self, date: Date) -> impl Iterator<Item = (Timestamp, Timestamp)> {
        let is_off = self.holidays.contains(&date);
        let spans = if is_off { &[][..] } else { &self.week[day(date.weekday())][..] };
        spans.iter().filter_map(move |span| {
            let at = |date: Date, time| self.zone.to_timestamp(date.to_datetime(time)).ok();
            let until = match span.until {
                Some(until) => at(date, until),
                None => at(date.tomorrow().ok()?, Time::midnight()),
            };
            Some((at(date, span.from)?, until?)).filter(|(from, until)| from < until)
        })
    }
}

/// The place of a day in a week, Monday first.
pub fn day(weekday: Weekday) -> usize {
    usize::try_from(weekday.to_monday_zero_offset()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn span(from: i8, until: i8) -> Span {
        let until = (until < 24).then(|| Time::constant(until, 0, 0, 0));
        Span { from: Time::constant(from, 0, 0, 0), until }
    }

    fn hours(zone: &str, days: &[usize], spans: &[Span], holidays: &[&str]) -> Hours {
        let mut week: [Vec<Span>; 7] = Default::default();
        days.iter().for_each(|day| week[*day] = spans.to_vec());
        let holidays = holidays.iter().map(|day| day.parse().unwrap()).collect();
        Hours::new(TimeZone::get(zone).unwrap(), week, holidays)
    }

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn minutes(minutes: u64) -> Duration {
        Duration::from_secs(minutes * 60)
    }

    /// Sunday to Thursday, nine to five.
    fn tel_aviv(holidays: &[&str]) -> Hours {
        hours("Asia/Jerusalem", &[6, 0, 1, 2, 3], &[span(9, 17)], holidays)
    }

    #[track_caller]
    fn check(hours: &Hours, since: &str, worked: u64, expected: &str) {
        let reached = hours.after(at(since), minutes(worked)).unwrap();
        assert_eq!(reached, at(expected), "{}", hours.zone().to_datetime(reached));
    }

    #[test]
    fn only_hours_at_work_count() {
        let desk = tel_aviv(&[]);
        // A Thursday, 14:00 there.
        check(&desk, "2026-11-26T12:00:00Z", 30, "2026-11-26T12:30:00Z");
        check(&desk, "2026-11-26T12:00:00Z", 180, "2026-11-26T15:00:00Z");
        // One minute more is on Sunday: Friday and Saturday are off.
        check(&desk, "2026-11-26T12:00:00Z", 181, "2026-11-29T07:01:00Z");
        check(&desk, "2026-11-27T08:00:00Z", 10, "2026-11-29T07:10:00Z");
        // Before work begins.
        check(&desk, "2026-11-26T03:00:00Z", 10, "2026-11-26T07:10:00Z");
        // Sunday is a holiday, Monday is not.
        check(&tel_aviv(&["2026-11-29"]), "2026-11-27T08:00:00Z", 10, "2026-11-30T07:10:00Z");
        assert!(desk.is_open(at("2026-11-26T07:00:00Z")) && !desk.is_open(at("2026-11-26T15:00:00Z")));
        assert!(!desk.is_open(at("2026-11-27T10:00:00Z")));
    }

    #[test]
    fn an_hour_that_a_day_lacks_does_not_count_and_one_that_it_has_twice_counts_twice() {
        let night = hours("Europe/Berlin", &[6], &[span(1, 4)], &[]);
        // On 2026-03-29 clocks go from 2:00 to 3:00: two hours, not three.
        check(&night, "2026-03-29T00:00:00Z", 120, "2026-03-29T02:00:00Z");
        check(&night, "2026-03-29T00:00:00Z", 121, "2026-04-04T23:01:00Z");
        // On 2026-10-25 they go from 3:00 to 2:00: four hours.
        check(&night, "2026-10-24T23:00:00Z", 240, "2026-10-25T03:00:00Z");
        // Hours that begin or end in the gap: nothing is left of those within it.
        let gap = hours("Europe/Berlin", &[6], &[span(2, 3)], &[]);
        check(&gap, "2026-03-29T00:00:00Z", 30, "2026-04-05T00:30:00Z");
        let into = hours("Europe/Berlin", &[6], &[span(1, 2)], &[]);
        check(&into, "2026-03-29T00:00:00Z", 60, "2026-03-29T01:00:00Z");
    }

    #[test]
    fn whole_days_follow_on_each_other_and_hours_that_overlap_are_one() {
        let always = hours("UTC", &[0, 1, 2, 3, 4, 5, 6], &[span(12, 24), span(0, 8), span(7, 12)], &[]);
        check(&always, "2026-02-01T00:00:00Z", 3 * 24 * 60, "2026-02-04T00:00:00Z");
        assert_eq!(always.week[0], [span(0, 24)]);
    }

    #[test]
    fn what_is_so_now_ends_when_people_come_or_go() {
        let change = |hours: &Hours, from: &str| hours.next_change(at(from));
        let desk = tel_aviv(&["2026-11-29"]);
        assert_eq!(change(&desk, "2026-11-26T12:00:00Z"), Some(at("2026-11-26T15:00:00Z")));
        assert_eq!(change(&desk, "2026-11-26T03:00:00Z"), Some(at("2026-11-26T07:00:00Z")));
        // Thursday evening, before a weekend and a holiday.
        assert_eq!(change(&desk, "2026-11-26T15:00:00Z"), Some(at("2026-11-30T07:00:00Z")));
        // A night that is two days' hours, with an hour twice in it.
        let night = hours("Europe/Berlin", &[0, 1, 2, 3, 4, 5, 6], &[span(22, 24), span(0, 7)], &[]);
        assert_eq!(change(&night, "2026-10-24T21:00:00Z"), Some(at("2026-10-25T06:00:00Z")));
        assert_eq!(change(&night, "2026-10-25T06:00:00Z"), Some(at("2026-10-25T21:00:00Z")));
        let always = hours("UTC", &[0, 1, 2, 3, 4, 5, 6], &[span(0, 24)], &[]);
        assert_eq!(change(&always, "2026-02-01T00:00:00Z"), None);
        assert_eq!(change(&hours("UTC", &[], &[], &[]), "2026-02-01T00:00:00Z"), None);
    }

    #[test]
    fn whoever_is_away_for_more_than_a_year_does_not_answer() {
        assert_eq!(hours("UTC", &[], &[], &[]).after(at("2026-02-01T00:00:00Z"), minutes(1)), None);
        assert_eq!(tel_aviv(&[]).after(Timestamp::MAX, minutes(1)), None);
    }

    proptest! {
        /// What is reached is at work or its end, and longer work is never reached sooner.
        #[test]
        fn time_at_work_only_goes_on(since in 1_700_000_000_i64..1_800_000_000, one in 0_u64..5_000, more in 0_u64..5_000) {
            let desk = tel_aviv(&["2024-04-23"]);
            let since = Timestamp::from_second(since).unwrap();
            let (first, second) = (desk.after(since, minutes(one)).unwrap(), desk.after(since, minutes(one + more)).unwrap());
            prop_assert!(since <= first && first <= second);
            prop_assert!(desk.is_open(first) || desk.is_open(first - Duration::from_nanos(1)) );
            let change = desk.next_change(since).unwrap();
            prop_assert!(since < change);
            prop_assert_ne!(desk.is_open(since), desk.is_open(change));
            prop_assert_eq!(desk.is_open(since), desk.is_open(change - Duration::from_nanos(1)));
            let gap = second.duration_since(first).as_secs();
            prop_assert!(gap >= i64::try_from(more * 60).unwrap());
        }
    }
}
