//! Whose turn it is: the conversation's, until its time is over. It takes the turn once more before it sends the mail,
//! so that what has been given up is not sent after all, and what is being sent is not said to be unsent.

use std::sync::atomic::{AtomicU8, Ordering};
use std::time::{Duration, Instant};

/// Nothing has been sent.
const TALKING: u8 = 0;
/// The mail is being sent, or was.
const SENDING: u8 = 1;
/// Nobody waits for the conversation any more.
const GIVEN_UP: u8 = 2;

/// Shared by a conversation and by who waits for its end.
#[derive(Debug)]
pub(crate) struct Turn {
    until: Instant,
    state: AtomicU8,
}

impl Turn {
    /// As long as this.
    pub(crate) fn of(time: Duration) -> Self {
        Self { until: Instant::now() + time, state: AtomicU8::new(TALKING) }
    }

    /// What is left of it.
    pub(crate) fn left(&self) -> Duration {
        self.until.saturating_duration_since(Instant::now())
    }

    /// Whether the mail may be sent now; from then on it may have arrived.
    pub(crate) fn take(&self) -> bool {
        self.state.compare_exchange(TALKING, SENDING, Ordering::AcqRel, Ordering::Acquire).is_ok()
    }

    /// Ends the waiting. Whether nothing was sent, and now nothing will be.
    pub(crate) fn give_up(&self) -> bool {
        self.state.compare_exchange(TALKING, GIVEN_UP, Ordering::AcqRel, Ordering::Acquire).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_given_up_is_not_sent_and_what_is_sent_is_not_given_up() {
        let turn = Turn::of(Duration::ZERO);
        assert!(turn.left().is_zero() && turn.give_up() && !turn.take());
        let turn = Turn::of(Duration::from_secs(60));
        assert!(turn.take() && !turn.give_up() && !turn.take());
    }
}
