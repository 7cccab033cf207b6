//! How full the outbox is, as far as polling has to know it: full means poll less, never forget. Pure.

use std::time::Duration;

use crate::core::watch::Priority;

/// From this share of the bound on, watches are polled ever more slowly; VIPs only from [`VIPS_FROM`] on.
pub const SLOW_FROM: f64 = 0.80;
/// From this share of the bound on, VIPs are polled more slowly as well.
pub const VIPS_FROM: f64 = 0.95;
/// Below this share of the bound, what was stopped goes on, slowly.
pub const RESUMED_BELOW: f64 = 0.90;
/// Below this share of the bound, what was slow is as fast as ever.
pub const CALM_BELOW: f64 = 0.70;
/// Just below the bound, intervals are this many times as long.
pub const STRETCH_MAX: u32 = 10;
/// At the bound, one conversation is polled this often, so that it is seen when one can be kept again.
pub const PROBE_EVERY: Duration = Duration::from_secs(60);

/// Open deliveries, and how many there may be.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Fill {
    /// Not final yet.
    pub open: u64,
    /// The bound.
    pub max: u64,
}

/// What that means for polling.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Pressure {
    /// Nothing.
    #[default]
    Calm,
    /// Watches are polled more slowly. Holds the share of the bound that is in use.
    Slow(f64),
    /// Nothing is polled but a probe: what an answer brings could not be kept.
    Stopped,
}

impl Fill {
    /// The share of the bound that is in use.
    #[expect(clippy::cast_precision_loss, reason = "rows of a table")]
    pub fn share(self) -> f64 {
        self.open as f64 / self.max.max(1) as f64
    }
}

impl Pressure {
    /// What follows on this when the outbox is so full. It lets go later than it takes hold, so that it does not
    /// go back and forth.
    #[must_use]
    pub fn then(self, fill: Fill) -> Self {
        let share = fill.share();
        let stop_from = if self == Self::Stopped { RESUMED_BELOW } else { 1.0 };
        let slow_from = if self == Self::Calm { SLOW_FROM } else { CALM_BELOW };
        match share {
            _ if share >= stop_from => Self::Stopped,
            _ if share >= slow_from => Self::Slow(share),
            _ => Self::Calm,
        }
    }

    /// An answer was refused since the outbox is too full for what it brought. Where there is room for others, that
    /// is the answer's fault.
    #[must_use]
    pub fn refused(self) -> Self {
        match self {
            Self::Slow(share) if share >= RESUMED_BELOW => Self::Stopped,
            other => other,
        }
    }

    /// How many times as long intervals are. Grows evenly from 1 where it begins to [`STRETCH_MAX`] at the bound.
    pub fn stretch(self, priority: Priority) -> u32 {
        let Self::Slow(share) = self else { return 1 };
        let from = match priority {
            Priority::Vip => VIPS_FROM,
            Priority::Normal => SLOW_FROM,
        };
        let way = ((share - from) / (1.0 - from)).clamp(0.0, 1.0);
        let longest = f64::from(STRETCH_MAX - 1);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 0 and 9")]
        let more = (way * longest).ceil() as u32;
        1 + more
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fill(open: u64) -> Fill {
        Fill { open, max: 100 }
    }

    /// The words of a walk through these fills.
    fn walk(opens: &[u64]) -> Vec<&'static str> {
        let mut pressure = Pressure::Calm;
        let step = |open: &u64| {
            pressure = pressure.then(fill(*open));
            match pressure {
                Pressure::Calm => "calm",
                Pressure::Slow(_) => "slow",
                Pressure::Stopped => "stopped",
            }
        };
        opens.iter().map(step).collect()
    }

    #[test]
    fn it_takes_hold_at_its_marks_and_lets_go_below_them() {
        assert_eq!(walk(&[0, 79, 80, 75, 70, 69]), ["calm", "calm", "slow", "slow", "slow", "calm"]);
        assert_eq!(
            walk(&[99, 100, 99, 90, 89, 95]),
            ["slow", "stopped", "stopped", "stopped", "slow", "slow"]
        );
        assert_eq!(walk(&[100, 10, 79]), ["stopped", "calm", "calm"]);
        // One answer that brings more than the bound by itself is kept when nothing else is open.
        assert_eq!(walk(&[5_000, 89]), ["stopped", "slow"]);
    }

    #[test]
    fn normal_watches_slow_down_first_and_vips_last() {
        for (open, normal, vip) in [(80, 1, 1), (81, 2, 1), (90, 6, 1), (95, 8, 1), (98, 10, 7), (99, 10, 9)]
        {
            let pressure = Pressure::Slow(fill(open).share());
            let stretch = |priority| pressure.stretch(priority);
            assert_eq!((stretch(Priority::Normal), stretch(Priority::Vip)), (normal, vip), "{open}");
        }
        // It lets go below 70 %, and is no slower there than at its beginning.
        assert_eq!(Pressure::Slow(0.75).stretch(Priority::Normal), 1);
        assert_eq!(Pressure::Calm.stretch(Priority::Normal), 1);
    }

    #[test]
    fn an_answer_that_is_refused_stops_polling_where_the_outbox_is_nearly_full_and_nowhere_else() {
        assert_eq!(Pressure::Calm.then(fill(10)).refused(), Pressure::Calm);
        assert!(matches!(Pressure::Calm.then(fill(85)).refused(), Pressure::Slow(_)));
        assert_eq!(Pressure::Calm.then(fill(90)).refused(), Pressure::Stopped);
    }

    #[test]
    fn a_bound_of_nothing_is_always_reached() {
        assert_eq!(Pressure::Calm.then(Fill { open: 1, max: 0 }), Pressure::Stopped);
    }
}
