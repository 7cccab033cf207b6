//! Why processes are replaced, counted.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};

/// Why a process is replaced.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Reason {
    /// A signal ended it.
    Crashed,
    /// It ended by itself.
    Exited,
    /// It was killed, since a delivery did not end.
    Deadline,
    /// It was killed, since it broke the protocol.
    Protocol,
    /// It did not load, start or spawn.
    Start,
}

impl Reason {
    const ALL: [Self; 5] = [Self::Crashed, Self::Exited, Self::Deadline, Self::Protocol, Self::Start];

    /// The label in metrics and logs.
    pub(super) fn label(self) -> &'static str {
        match self {
            Self::Crashed => "crashed",
            Self::Exited => "exited",
            Self::Deadline => "deadline",
            Self::Protocol => "protocol",
            Self::Start => "start",
        }
    }
}

#[derive(Debug, Default)]
pub(super) struct Restarts([AtomicU64; Reason::ALL.len()]);

impl Restarts {
    pub(super) fn count(&self, reason: Reason) {
        self.0[reason as usize].fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn counts(&self) -> BTreeMap<&'static str, u64> {
        Reason::ALL
            .iter()
            .map(|&reason| (reason.label(), self.0[reason as usize].load(Ordering::Relaxed)))
            .collect()
    }
}
