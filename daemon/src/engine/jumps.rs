//! When the machine's clock was set: what was counted from it is made to fit, and then it is followed.

use std::time::Duration;

use jiff::SignedDuration;

use super::daemon::Shared;
use crate::core::skew::whole_seconds;

/// For so long after the clock was set back, the store is asked for what was written by the clock as it was before
/// (a commit may take its time).
const STRAGGLERS_WITHIN: Duration = Duration::from_secs(60);
/// A nap that lasted so much longer than it was meant to was no nap: the machine slept.
const OVERSLEPT_MIN: Duration = Duration::from_secs(10);

#[derive(Debug)]
pub(super) struct Jumps {
    /// Whether it may have been set while no daemon ran.
    is_unsure: bool,
    /// What the clock was set back by, and due times not yet with it.
    owed: SignedDuration,
    stragglers_until: Option<Duration>,
}

impl Jumps {
    pub(super) fn new() -> Self {
        Self { is_unsure: true, owed: SignedDuration::ZERO, stragglers_until: None }
    }

    /// Looks whether the clock was set. Due times are moved in such an order that what is written meanwhile can come
    /// to be due too early, and never too late.
    pub(super) async fn look(&mut self, shared: &Shared) {
        self.is_unsure = self.is_unsure && !move_due(shared, None).await;
        if let Some(by) = shared.day.look() {
            let goes_back = by.is_negative();
            if !goes_back && !move_due(shared, Some(by)).await {
                // Followed when the store can be written again: until then, nothing has happened.
                return;
            }
            shared.day.jump(by);
            shared.board.clock_jumped(by);
            shared.metrics.clock_jumped(by);
            if goes_back {
                self.owed += by;
                self.stragglers_until = Some(shared.clock.elapsed() + STRAGGLERS_WITHIN);
            }
            let seconds = whole_seconds(by);
            tracing::warn!(
                seconds,
                "the machine's clock was set {} by {:#}; what waits keeps its time",
                if goes_back { "back" } else { "forward" },
                SignedDuration::from_secs(seconds).abs()
            );
        }
        if !self.owed.is_zero() && move_due(shared, Some(self.owed)).await {
            self.owed = SignedDuration::ZERO;
        }
        if let Some(until) = self.stragglers_until {
            move_due(shared, Some(SignedDuration::ZERO)).await;
            self.stragglers_until = Some(until).filter(|until| *until > shared.clock.elapsed());
        }
    }

    /// A nap of `meant` has ended after `slept`.
    pub(super) fn woke(meant: Duration, slept: Duration) {
        let more = slept.saturating_sub(meant);
        if more >= OVERSLEPT_MIN {
            tracing::info!(
                seconds = more.as_secs(),
                "the machine was suspended, or gave commwatch no time, for {} s; what is overdue is due now",
                more.as_secs()
            );
        }
    }
}

async fn move_due(shared: &Shared, by: Option<SignedDuration>) -> bool {
    match shared.store.clock_moved(shared.clock.now(), by).await {
        Ok(moved) => {
            if moved > 0 {
                shared.wakes.ring_all();
            }
            true
        }
        Err(error) => {
            shared.metrics.store_error();
            tracing::error!(%error, "could not move due times with the clock; it is tried again");
            false
        }
    }
}
