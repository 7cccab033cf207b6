//! How long to wait after the n-th failure in a row.

use std::time::Duration;

/// Exponential backoff with jitter: a checked value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Backoff {
    smallest: Duration,
    largest: Duration,
    jitter: f64,
}

impl Backoff {
    /// `smallest` doubles with each failure up to `largest`; each delay is then made up to `jitter` (0 to 1)
    /// longer or shorter, but never shorter than `smallest`.
    ///
    /// # Panics
    /// When `smallest` is zero or above `largest`, or `jitter` is not within 0 and 1.
    pub const fn new(smallest: Duration, largest: Duration, jitter: f64) -> Self {
        assert!(!smallest.is_zero(), "the smallest delay must not be zero");
        assert!(
            smallest.as_nanos() <= largest.as_nanos(),
            "the smallest delay must not be above the largest"
        );
        assert!(jitter >= 0.0 && jitter <= 1.0, "jitter is a fraction");
        Self { smallest, largest, jitter }
    }

    /// The delay after `failures` failures in a row (1 = the first). `seed` decides the jitter.
    pub fn after(&self, failures: u32, seed: u64) -> Duration {
        const DOUBLINGS_MAX: u32 = 31;
        let doublings = failures.saturating_sub(1).min(DOUBLINGS_MAX);
        let plain = self.smallest.saturating_mul(1 << doublings).min(self.largest);
        let fraction = unit(seed) * 2.0 - 1.0;
        plain.mul_f64(1.0 + self.jitter * fraction).max(self.smallest)
    }
}

/// A number in 0..1 that looks random, from a seed.
pub fn unit(seed: u64) -> f64 {
    // The upper 53 bits fill the mantissa of a double.
    #[expect(clippy::cast_precision_loss, reason = "53 bits fit")]
    let fraction = (mix(seed) >> 11) as f64;
    fraction / (1_u64 << 53) as f64
}

/// Spreads the bits of a seed (the finaliser of splitmix64).
pub fn mix(seed: u64) -> u64 {
    let mut z = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// A seed from text that is the same on every machine and in every version (FNV-1a, 64 bits).
pub fn seed_of(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn delays_double_up_to_the_largest() {
        let backoff = Backoff::new(SECOND, SECOND * 10, 0.0);
        let delays: Vec<u64> = (1..=6).map(|n| backoff.after(n, 7).as_secs()).collect();
        assert_eq!(delays, [1, 2, 4, 8, 10, 10]);
        assert_eq!(backoff.after(u32::MAX, 7), SECOND * 10);
    }

    #[test]
    fn jitter_stays_within_its_fraction_and_never_goes_below_the_smallest() {
        let backoff = Backoff::new(SECOND, SECOND * 100, 0.2);
        for seed in 0..1_000 {
            let first = backoff.after(1, seed);
            assert!(first >= SECOND && first <= SECOND.mul_f64(1.2), "{first:?}");
            let fifth = backoff.after(5, seed);
            assert!(fifth >= SECOND.mul_f64(12.8) && fifth <= SECOND.mul_f64(19.2), "{fifth:?}");
        }
    }

    #[test]
    fn seeds_spread_evenly() {
        let below_half = (0..10_000).filter(|&seed| unit(seed) < 0.5).count();
        assert!((4_700..5_300).contains(&below_half), "{below_half}");
    }
}
