//! A key that says when it ends: when that is told, and in which words. Pure.

use jiff::{SignedDuration, Timestamp};

use crate::core::plural::many;

/// So long before a key ends, somebody is told: once for each of these, the nearest that has begun.
pub const TOLD_AHEAD: [SignedDuration; 3] =
    [SignedDuration::from_hours(14 * 24), SignedDuration::from_hours(3 * 24), SignedDuration::from_hours(24)];

/// How a new key is taken up.
pub const TAKEN_UP: &str = "reload (a credential of systemd: restart)";
/// From this many hours on, days are said.
const HOURS_SAID_MAX: i64 = 48;

/// How many times somebody must have been told by now of a key that ends at `expires`: 0 while that is far.
pub fn stage(expires: Timestamp, now: Timestamp) -> u8 {
    let left = expires.duration_since(now);
    let begun = TOLD_AHEAD.iter().filter(|ahead| left <= **ahead).count();
    u8::try_from(begun).unwrap_or(u8::MAX)
}

/// When that is, for people.
pub fn said(expires: Timestamp, now: Timestamp) -> String {
    let left = expires.duration_since(now);
    let hours = left.abs().as_hours();
    let span = match hours {
        0 => many(left.abs().as_mins(), "minute", "minutes"),
        1..=HOURS_SAID_MAX => many(hours, "hour", "hours"),
        _ => many(hours / 24, "day", "days"),
    };
    let at = expires.strftime("%Y-%m-%d %H:%M:%SZ");
    if left.is_positive() {
        format!("expires on {at}, in {span}")
    } else {
        format!("expired on {at}, {span} ago")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_stage_begins_at_its_time_and_none_before() {
        let expires: Timestamp = "2026-03-31T12:00:00Z".parse().unwrap();
        let minute = SignedDuration::from_mins(1);
        for (left, told) in [(365 * 24, 0), (14 * 24, 1), (3 * 24, 2), (24, 3), (0, 3), (-100, 3)] {
            let now = expires - SignedDuration::from_hours(left);
            assert_eq!(stage(expires, now), told, "{left} h before");
            if (1..=2).contains(&told) {
                assert_eq!(stage(expires, now - minute), told - 1, "a minute more than {left} h before");
            }
        }
        assert_eq!(stage(expires, expires - TOLD_AHEAD[2] - minute), 2);
    }

    #[test]
    fn the_words_say_when_and_how_long_that_is() {
        let expires: Timestamp = "2026-03-31T12:00:00Z".parse().unwrap();
        for (minutes, words) in [
            (20_160, "expires on 2026-03-31 12:00:00Z, in 14 days"),
            (20_159, "expires on 2026-03-31 12:00:00Z, in 13 days"),
            (2_880, "expires on 2026-03-31 12:00:00Z, in 48 hours"),
            (60, "expires on 2026-03-31 12:00:00Z, in 1 hour"),
            (59, "expires on 2026-03-31 12:00:00Z, in 59 minutes"),
            (0, "expired on 2026-03-31 12:00:00Z, 0 minutes ago"),
            (-4_000, "expired on 2026-03-31 12:00:00Z, 2 days ago"),
        ] {
            assert_eq!(said(expires, expires - SignedDuration::from_mins(minutes)), words);
        }
    }
}
