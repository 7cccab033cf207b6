//! The time of day as the engine uses it. It follows the machine's clock, but a jump of that is no time that has
//! passed: it is taken over as one step, when what was counted from the clock has been made to fit. Pure.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

/// A clock that was set moves by more than this between two looks; one that is slewed, or a reading that took
/// long, by less.
pub const JUMP_MIN: SignedDuration = SignedDuration::from_secs(5);

/// The time of day.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Daytime {
    /// What time it was when the engine began, by the clock as it is set now.
    began: Timestamp,
}

impl Daytime {
    /// By a clock that says `now` this long after the engine began.
    pub fn new(now: Timestamp, elapsed: Duration) -> Self {
        Self { began: now.checked_sub(elapsed).unwrap_or(Timestamp::MIN) }
    }

    /// What time it is.
    pub fn at(self, elapsed: Duration) -> Timestamp {
        self.began.checked_add(elapsed).unwrap_or(Timestamp::MAX)
    }

    /// Compares with the machine's clock: follows what it was slewed by, and gives what it has jumped by, which
    /// is not followed until [`jump`](Self::jump).
    pub fn look(&mut self, now: Timestamp, elapsed: Duration) -> Option<SignedDuration> {
        let moved = now.duration_since(self.at(elapsed));
        if moved.abs() > JUMP_MIN {
            return Some(moved);
        }
        *self = Self::new(now, elapsed);
        None
    }

    /// Takes a jump over.
    pub fn jump(&mut self, by: SignedDuration) {
        self.began = moved(self.began, by);
    }
}

/// An instant that was read from the clock before it was set, as it would be read now.
pub fn moved(at: Timestamp, by: SignedDuration) -> Timestamp {
    let end = if by.is_negative() { Timestamp::MIN } else { Timestamp::MAX };
    at.checked_add(by).unwrap_or(end)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: SignedDuration = SignedDuration::from_hours(1);

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + second).unwrap()
    }

    fn after(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn a_slewed_clock_is_followed_and_no_jump() {
        let mut day = Daytime::new(at(10), after(10));
        // Fast by a tenth, for an hour.
        for second in (12..3600).step_by(2) {
            let now = at(i64::try_from(second + second / 10).unwrap());
            assert_eq!(day.look(now, after(second)), None, "{second}");
            assert_eq!(day.at(after(second)), now);
        }
    }

    #[test]
    fn a_jump_is_no_time_that_has_passed_until_it_is_taken_over() {
        for (jump, by) in [(-3600, -HOUR), (86_400, HOUR * 24), (6, SignedDuration::from_secs(6))] {
            let mut day = Daytime::new(at(0), after(0));
            for second in [10, 12, 300] {
                let now = at(i64::try_from(second).unwrap());
                let set = now.checked_add(SignedDuration::from_secs(jump)).unwrap();
                assert_eq!(day.look(set, after(second)), Some(by));
                assert_eq!(day.at(after(second)), now, "as if nobody had set the clock");
            }
            day.jump(by);
            assert_eq!(day.at(after(300)), at(300 + jump));
            assert_eq!(day.look(at(301 + jump), after(301)), None, "told once");
        }
    }

    #[test]
    fn a_suspended_machine_is_time_that_has_passed_and_no_jump() {
        let mut day = Daytime::new(at(0), after(0));
        assert_eq!(day.look(at(36_000), after(36_000)), None);
    }

    #[test]
    fn the_ends_of_time_are_no_reason_to_stop() {
        let mut day = Daytime::new(Timestamp::MIN, after(10));
        day.jump(SignedDuration::MIN);
        day.jump(SignedDuration::MAX);
        assert_eq!(day.at(Duration::MAX), Timestamp::MAX);
    }
}
