//! What time it is for `CommBox`, as far as its answers tell. Pure: time is the span since the engine began, so that
//! a jump of our own clock changes nothing here.

use std::collections::VecDeque;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

/// Answers that count. The median of them bears that almost half are wrong.
const SAMPLES_MAX: usize = 20;
/// With fewer answers than this, nothing is said about the clocks.
const SAMPLES_MIN: usize = 3;
/// From a difference of this on, somebody is told.
pub const SKEW_WARNED: SignedDuration = SignedDuration::from_secs(30);
/// From here on, times and ages are of no use to anybody, and TLS begins to fail.
pub const SKEW_GRAVE: SignedDuration = SignedDuration::from_mins(5);
/// What was said is over when the difference is below this.
const SKEW_OVER: SignedDuration = SignedDuration::from_secs(20);
/// Seconds since 1970 that no server means: before 2020 (a default value of some language) and after 2200.
const MEANT_SECONDS: std::ops::Range<i64> = 1_577_836_800..7_258_118_400;

/// `CommBox`'s clock.
#[derive(Clone, Debug, Default)]
pub struct ServerClock {
    /// By each answer, what time it was for the server when the engine began.
    samples: VecDeque<Timestamp>,
    median: Option<Timestamp>,
    said: Grade,
}

/// How far two clocks are apart, in words.
#[derive(Clone, Copy, Debug, Default, Eq, Ord, PartialEq, PartialOrd)]
pub enum Grade {
    /// Near enough.
    #[default]
    Well,
    /// More than [`SKEW_WARNED`].
    Apart,
    /// More than [`SKEW_GRAVE`].
    Grave,
}

impl ServerClock {
    /// An answer said this time; the middle of its request was `middle` after the engine began. A time without a
    /// fraction (a `Date` header) was cut off: on average it was half a second later.
    pub fn answered(&mut self, said: Timestamp, middle: Duration) {
        if !MEANT_SECONDS.contains(&said.as_second()) {
            return;
        }
        let cut_off = if said.subsec_nanosecond() == 0 { Duration::from_millis(500) } else { Duration::ZERO };
        let Some(began) = said.checked_add(cut_off).and_then(|at| at.checked_sub(middle)).ok() else {
            return;
        };
        if self.samples.len() == SAMPLES_MAX {
            self.samples.pop_front();
        }
        self.samples.push_back(began);
        let mut sorted: Vec<Timestamp> = self.samples.iter().copied().collect();
        sorted.sort_unstable();
        self.median = Some(sorted[sorted.len() / 2]);
    }

    /// What time it is for the server.
    pub fn now(&self, elapsed: Duration) -> Option<Timestamp> {
        self.median?.checked_add(elapsed).ok()
    }

    /// The server's clock minus ours.
    pub fn skew(&self, now: Timestamp, elapsed: Duration) -> Option<SignedDuration> {
        Some(self.now(elapsed)?.duration_since(now))
    }

    /// Says how far the clocks are apart when that has changed enough to be told: once when it begins or becomes
    /// grave, once when it is over.
    pub fn tell(&mut self, now: Timestamp, elapsed: Duration) -> Option<Grade> {
        let skew = self.skew(now, elapsed)?.abs();
        if self.samples.len() < SAMPLES_MIN {
            return None;
        }
        let grade = match skew {
            _ if skew > SKEW_GRAVE => Grade::Grave,
            _ if skew > SKEW_WARNED => Grade::Apart,
            _ if skew > SKEW_OVER => return None,
            _ => Grade::Well,
        };
        // Grave that has become less is not news until it is over.
        if grade == self.said || (grade == Grade::Apart && self.said == Grade::Grave) {
            return None;
        }
        self.said = grade;
        Some(grade)
    }
}

/// A difference as people are told it, in whole seconds.
pub fn whole_seconds(skew: SignedDuration) -> i64 {
    skew.as_secs() + i64::from(skew.subsec_nanos() / 500_000_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    /// `seconds` after our own time, which is that of the engine's beginning.
    fn at(seconds: f64) -> Timestamp {
        let nanos = (seconds * 1e9) as i128 + 1_800_000_000_000_000_000;
        Timestamp::from_nanosecond(nanos).unwrap()
    }

    fn clock(said: &[f64]) -> ServerClock {
        let mut clock = ServerClock::default();
        said.iter().for_each(|seconds| clock.answered(at(*seconds), Duration::ZERO));
        clock
    }

    fn skew(clock: &ServerClock) -> f64 {
        clock.skew(at(0.0), Duration::ZERO).unwrap().as_secs_f64()
    }

    #[test]
    fn the_difference_is_the_median_of_the_last_twenty_answers() {
        for (said, expected) in [
            (vec![0.25], 0.25),
            (vec![-2.25, -2.5, -2.75], -2.5),
            // One answer in three from a replica with a clock of its own, or after a wait on the way.
            (vec![0.25, 900.5, 0.5, 0.375, -900.5], 0.375),
            // What is older than twenty answers does not count.
            ([vec![600.5; 30], vec![0.25; 20]].concat(), 0.25),
            ([vec![600.5; 11], vec![0.25; 9]].concat(), 600.5),
        ] {
            assert!((skew(&clock(&said)) - expected).abs() < 1e-6, "{said:?}");
        }
        assert_eq!(ServerClock::default().skew(at(0.0), Duration::ZERO), None);
    }

    #[test]
    fn a_time_of_whole_seconds_is_taken_for_the_middle_of_its_second() {
        // The header of a server whose clock is right, asked at every tenth of a second.
        let mut clock = ServerClock::default();
        for tenth in 0..20 {
            let elapsed = SECOND / 10 * tenth;
            clock.answered(at(elapsed.as_secs() as f64), elapsed);
        }
        assert!(skew(&clock).abs() < 0.11, "{}", skew(&clock));
    }

    #[test]
    fn what_people_are_told_is_the_nearest_second() {
        for (millis, seconds) in [(89_999, 90), (90_499, 90), (-89_999, -90), (-400, 0), (500, 1)] {
            assert_eq!(whole_seconds(SignedDuration::from_millis(millis)), seconds, "{millis}");
        }
    }

    #[test]
    fn a_time_that_no_server_means_does_not_count() {
        let mut clock = clock(&[1.5]);
        for said in [Timestamp::MIN, Timestamp::UNIX_EPOCH, at(-3e8), Timestamp::UNIX_EPOCH] {
            clock.answered(said, SECOND);
        }
        assert!((skew(&clock) - 1.5).abs() < 1e-6);
    }

    #[test]
    fn a_jump_of_our_own_clock_changes_nothing_of_what_is_known_of_the_servers() {
        let clock = clock(&[0.5; 5]);
        let hour = Duration::from_secs(3600);
        assert_eq!(clock.now(hour), Some(at(3600.5)));
        // Our clock was set back by an hour: nothing has passed for it.
        assert_eq!(clock.skew(at(0.0), hour), Some(SignedDuration::from_millis(3_600_500)));
    }

    #[test]
    fn clocks_that_are_apart_are_told_once_and_once_when_that_is_over() {
        let mut clock = clock(&[0.5; 5]);
        for (second, told) in [
            (0.5, None),
            (25.0, None),
            (29.0, None),
            (31.5, Some(Grade::Apart)),
            (29.0, None),
            (40.0, None),
            (-299.0, None),
            (400.0, Some(Grade::Grave)),
            (60.0, None),
            (-400.0, None),
            (10.0, Some(Grade::Well)),
            (10.0, None),
            (-400.0, Some(Grade::Grave)),
            (0.5, Some(Grade::Well)),
        ] {
            // Ours moves, which is the same as theirs moving the other way.
            assert_eq!(clock.tell(at(0.5 - second), Duration::ZERO), told, "{second}");
        }
        let mut young = self::clock(&[900.5; 2]);
        assert_eq!(young.tell(at(0.0), Duration::ZERO), None, "two answers prove nothing");
        young.answered(at(900.5), Duration::ZERO);
        assert_eq!(young.tell(at(0.0), Duration::ZERO), Some(Grade::Grave));
    }
}
