//! What the log says of faults that last, of a notifier's receiver and of what it does itself.

use super::Delivering;
use crate::core::lasting::Said;
use crate::core::plural::many;
use crate::store::StoreError;

/// Whose fault it is that something is not taken.
const RECEIVER: &str = "its receiver";

/// Something of its own that needs the store: what is said when it could not be done, and what follows from that.
pub(super) struct Doing {
    pub(super) what: &'static str,
    pub(super) next: &'static str,
}

impl Doing {
    /// One that is tried again.
    pub(super) const fn again(what: &'static str) -> Self {
        Self { what, next: "it is tried again" }
    }
}

impl Delivering {
    /// Its receiver does not take something: a line when that begins, and every ten minutes while it lasts.
    pub(super) fn fails(&mut self, event: &str, attempt: u32, next: &str, what: &str, took_ms: u128) {
        let said = self.faults.fails(None, RECEIVER, self.parts.clock.elapsed());
        let notifier = &self.parts.notifier;
        match said {
            Some(Said { lasts, times, .. }) if !lasts.is_zero() => {
                let seconds = lasts.as_secs();
                tracing::warn!(
                    notifier,
                    event,
                    attempt,
                    took_ms,
                    next,
                    seconds,
                    times,
                    "{what} (for {seconds} s, {})",
                    many(times, "attempt", "attempts")
                );
            }
            Some(_) => tracing::warn!(notifier, event, attempt, took_ms, next, "{what}"),
            None => tracing::debug!(notifier, event, attempt, took_ms, next, "{what}"),
        }
    }

    /// Its receiver takes something.
    pub(super) fn receiver_takes(&mut self) {
        self.is_well(RECEIVER);
    }

    /// A receiver, or a doing of its own, does as it should.
    fn is_well(&mut self, whose: &str) {
        let notifier = &self.parts.notifier;
        for (cause, Said { lasts, times, .. }) in self.faults.well(whose, self.parts.clock.elapsed()) {
            let seconds = lasts.as_secs();
            match cause {
                None => tracing::info!(
                    notifier,
                    seconds,
                    times,
                    "{notifier} takes what it is sent again, after {seconds} s"
                ),
                Some(what) => tracing::info!(notifier, seconds, times, "over after {seconds} s: {what}"),
            }
        }
    }

    /// Something of its own that needs the store was done.
    pub(super) fn did(&mut self, doing: &Doing) {
        self.is_well(doing.what);
    }

    /// It was not.
    pub(super) fn did_not(&mut self, doing: &Doing, error: &StoreError) {
        let Doing { what, next } = *doing;
        self.parts.metrics.store_error();
        let notifier = &self.parts.notifier;
        match self.faults.fails(Some(what), what, self.parts.clock.elapsed()) {
            Some(Said { times, lasts, .. }) => {
                let seconds = lasts.as_secs();
                tracing::error!(notifier, %error, seconds, times, "{what}; {next}: {error}");
            }
            None => tracing::debug!(notifier, %error, "{what}; {next}: {error}"),
        }
    }
}
