//! What one account allows, and what is known of its key.

use std::collections::BTreeSet;
use std::time::Duration;

use super::{Allowance, Asked, Polled};
use crate::core::backoff::Backoff;
use crate::core::budget::Budget;
use crate::core::watch::Priority;

/// Without `Retry-After`, a throttled account waits this long, then longer.
pub const THROTTLED: Backoff = Backoff::new(Duration::from_secs(30), super::BACKOFF_MAX, 0.2);
/// However long `CommBox` asks us to wait, we come back after this.
pub const RETRY_AFTER_MAX: Duration = Duration::from_secs(3600);

/// Whether something that is not scheduled may be asked.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Admission {
    /// Now; it counts as begun.
    Now,
    /// In this time at the earliest; nothing = when a request that is under way has ended.
    Later(Option<Duration>),
    /// Not before this time has passed: `CommBox` refuses the key, or asked us to wait.
    Quiet {
        /// How long.
        left: Duration,
        /// Whether it is the key.
        denied: bool,
    },
    /// There is no such account.
    Unknown,
}

/// An account, and what of it is due.
#[derive(Debug)]
pub(super) struct AccountQueue<K> {
    pub(super) allowance: Allowance,
    pub(super) budget: Budget,
    pub(super) in_flight: u32,
    /// Until when `CommBox` asked us to wait.
    pub(super) blocked_until: Duration,
    pub(super) throttles: u32,
    pub(super) key: Key,
    /// Whether a slot may be `unavailable`: most successes need not look for one.
    pub(super) any_unavailable: bool,
    /// Due now, VIPs and the oldest first.
    pub(super) ready: BTreeSet<(Priority, Duration, K)>,
}

/// What is known of an account's key.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Key {
    /// Nothing speaks against it.
    Good,
    /// One conversation was refused. The next one to be polled tells whether that is the key's fault.
    Doubted,
    /// Two conversations were refused one after the other, or the only one.
    Refused {
        /// When it is tried again.
        probe_at: Duration,
    },
}

impl<K: Asked> AccountQueue<K> {
    pub(super) fn new(allowance: Allowance, now: Duration) -> Self {
        Self {
            allowance,
            budget: Budget::new(allowance.per_second, allowance.burst, now),
            in_flight: 0,
            blocked_until: Duration::ZERO,
            throttles: 0,
            key: Key::Good,
            any_unavailable: false,
            ready: BTreeSet::new(),
        }
    }

    /// While its key is in doubt, an account is asked one thing at a time.
    pub(super) fn in_flight_max(&self) -> u32 {
        if self.key == Key::Good { self.allowance.in_flight_max.max(1) } else { 1 }
    }

    /// Whether it may be asked for something now: then that counts as begun.
    pub(super) fn admit(&mut self, now: Duration) -> Admission {
        if self.in_flight >= self.in_flight_max() {
            return Admission::Later(None);
        }
        if let Some(left) = self.quiet_until().checked_sub(now).filter(|left| !left.is_zero()) {
            return Admission::Quiet { left, denied: matches!(self.key, Key::Refused { .. }) };
        }
        match self.budget.take(now) {
            Ok(()) => {
                self.in_flight += 1;
                Admission::Now
            }
            Err(left) => Admission::Later(Some(left)),
        }
    }

    /// Nothing is asked before then.
    pub(super) fn quiet_until(&self) -> Duration {
        match self.key {
            Key::Refused { probe_at } => self.blocked_until.max(probe_at),
            Key::Good | Key::Doubted => self.blocked_until,
        }
    }

    /// Whether there is something to be remembered of an account that has left the configuration.
    pub(super) fn is_owed(&self, now: Duration) -> bool {
        self.in_flight > 0 || self.blocked_until > now
    }

    pub(super) fn note(&mut self, polled: Polled, now: Duration, seed: u64) {
        match polled {
            Polled::Throttled(asked) => {
                self.throttles += 1;
                self.budget.throttled(now);
                let asked = asked.map(|asked| asked.min(RETRY_AFTER_MAX));
                let wait = asked.unwrap_or_else(|| THROTTLED.after(self.throttles, seed));
                self.blocked_until = self.blocked_until.max(now + wait);
            }
            Polled::Unavailable(Some(asked)) => {
                self.blocked_until = self.blocked_until.max(now + asked.min(RETRY_AFTER_MAX));
            }
            Polled::Ok => {
                self.throttles = 0;
                self.key = Key::Good;
            }
            Polled::Denied
            | Polled::Gone
            | Polled::Unavailable(None)
            | Polled::Malformed
            | Polled::NotKept => {}
        }
    }
}
