//! Stopping: named steps in order under one deadline. A step that fails is named and does not keep the next
//! from running; what is not done then is in the store.

use std::time::Duration;

use tokio::time::Instant;

/// From SIGTERM to the end of the process, at most. The unit's `TimeoutStopSec` is longer.
pub const STOP_DEADLINE: Duration = Duration::from_secs(20);

/// What is left for the store to close and the process to end when all steps are done.
const CLOSING: Duration = Duration::from_secs(2);

/// Runs the steps of a stop.
#[derive(Debug)]
pub(super) struct Steps {
    deadline: Instant,
}

impl Steps {
    pub(super) fn begin() -> Self {
        Self { deadline: Instant::now() + STOP_DEADLINE - CLOSING }
    }

    /// Runs one step; `share` of what is left of the deadline is its own. Says whether it ended in time.
    pub(super) async fn step(&self, name: &str, share: f64, work: impl Future<Output = ()>) -> bool {
        let left = self.deadline.saturating_duration_since(Instant::now());
        let ended = tokio::time::timeout(left.mul_f64(share), work).await.is_ok();
        if ended {
            tracing::debug!(step = name, "stopping: {name}: done");
        } else {
            tracing::warn!(step = name, "stopping: {name} took too long; going on");
        }
        ended
    }
}
