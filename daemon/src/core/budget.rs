//! How often something may happen: a token bucket that is told the time.

use std::time::Duration;

/// A token bucket. Time is the span since any fixed moment; it must not run backwards.
#[derive(Clone, Debug)]
pub struct Budget {
    per_second: f64,
    burst: f64,
    tokens: f64,
    filled_at: Duration,
    /// 1 in peace; halved each time the other side says that we ask too much, and slowly grown again.
    factor: f64,
}

/// However often the other side throttles us, this much of the rate is left.
const FACTOR_MIN: f64 = 1.0 / 16.0;
/// How much of the full rate comes back a minute.
const RECOVERY_PER_MINUTE: f64 = 0.05;

impl Budget {
    /// A full bucket. `per_second` must be more than 0, `burst` at least 1.
    pub fn new(per_second: f64, burst: u32, now: Duration) -> Self {
        let burst = f64::from(burst.max(1));
        Self { per_second, burst, tokens: burst, filled_at: now, factor: 1.0 }
    }

    /// Takes a token, or says how long to wait for one.
    ///
    /// # Errors
    /// The time until a token will be there.
    pub fn take(&mut self, now: Duration) -> Result<(), Duration> {
        self.fill(now);
        if self.tokens >= 1.0 {
            self.tokens -= 1.0;
            return Ok(());
        }
        let missing = 1.0 - self.tokens;
        // A microsecond more, so that rounding never makes the next call a hair too early.
        Err(Duration::from_secs_f64(missing / self.rate()) + Duration::from_micros(1))
    }

    /// The other side said that this is too much: half the rate, and what was saved up is gone.
    pub fn throttled(&mut self, now: Duration) {
        self.fill(now);
        self.factor = (self.factor / 2.0).max(FACTOR_MIN);
        self.tokens = 0.0;
    }

    /// Changes the configured rate; what is in the bucket stays, up to the new burst.
    pub fn reconfigure(&mut self, per_second: f64, burst: u32, now: Duration) {
        self.fill(now);
        self.per_second = per_second;
        self.burst = f64::from(burst.max(1));
        self.tokens = self.tokens.min(self.burst);
    }

    /// The rate in force, per second.
    pub fn rate(&self) -> f64 {
        self.per_second * self.factor
    }

    fn fill(&mut self, now: Duration) {
        let passed = now.saturating_sub(self.filled_at).as_secs_f64();
        self.tokens = (self.tokens + passed * self.rate()).min(self.burst);
        self.factor = (self.factor + passed / 60.0 * RECOVERY_PER_MINUTE).min(1.0);
        self.filled_at = self.filled_at.max(now);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_burst_then_the_rate() {
        let mut budget = Budget::new(2.0, 3, Duration::ZERO);
        for _ in 0..3 {
            budget.take(Duration::ZERO).unwrap();
        }
        let wait = budget.take(Duration::ZERO).unwrap_err();
        assert!((0.5..0.51).contains(&wait.as_secs_f64()), "{wait:?}");
        budget.take(wait).unwrap();
        budget.take(wait).unwrap_err();
    }

    #[test]
    fn being_throttled_halves_the_rate_and_empties_the_bucket_until_it_recovers() {
        let mut budget = Budget::new(1.0, 5, Duration::ZERO);
        budget.throttled(Duration::ZERO);
        assert_eq!(budget.take(Duration::ZERO).unwrap_err().as_secs(), 2);
        for _ in 0..20 {
            budget.throttled(Duration::ZERO);
        }
        assert!((budget.rate() - FACTOR_MIN).abs() < 1e-9);
        budget.take(Duration::from_secs(20 * 60)).unwrap();
        assert!((budget.rate() - 1.0).abs() < 1e-9, "{}", budget.rate());
    }

    proptest! {
        #[test]
        fn no_window_ever_sees_more_than_the_burst_and_the_rate(
            per_second in 0.1_f64..50.0, burst in 1_u32..10, gaps in prop::collection::vec(0_u64..500, 1..400)
        ) {
            let mut budget = Budget::new(per_second, burst, Duration::ZERO);
            let (mut now, mut taken) = (Duration::ZERO, Vec::new());
            for gap in gaps {
                now += Duration::from_millis(gap);
                if budget.take(now).is_ok() {
                    taken.push(now);
                }
            }
            for (i, start) in taken.iter().enumerate() {
                for (j, end) in taken.iter().enumerate().skip(i) {
                    let allowed = f64::from(burst) + (*end - *start).as_secs_f64() * per_second + 1e-3;
                    #[allow(clippy::cast_precision_loss)]
                    let seen = (j - i + 1) as f64;
                    prop_assert!(seen <= allowed, "{seen} in {:?}", *end - *start);
                }
            }
        }
    }
}
