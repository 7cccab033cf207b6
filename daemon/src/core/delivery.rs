//! What a delivery may be, and how it gets from one to the other: one table, which the store goes by.
//!
//! ```text
//!            its turn          handed over           accepted
//!   queued ───────────► pending ─────────► sending ───────────► delivered
//!     │                  │ ▲   ▲             │ │ │                  │
//!     └──► grouped ◄─────┘ │   └─────────────┘ │ └──► dead ─────────┤
//!       another delivery   │   later: a retry, │      refused, or   │
//!       tells of it        │   or held back    │      given up      │
//!                          │                   │                    │
//!                          ├───────────────────┘                    │
//!                          │  unknown: the daemon ended meanwhile   │
//!                          └────────────────────────────────────────┘
//!                             replayed (queued, when its lane is not empty)
//! ```
//!
//! *Held* is no state of its own: a pending delivery is held while its notifier takes nothing, because it is broken,
//! because its circuit is open, because it has left the configuration, or for its own sake (see
//! [`Held`](crate::core::pacing::Held)). Nor is *aside*: a pending delivery that has
//! stepped aside (see [`Order`](crate::core::outcome::Order)) is tried as before, and the next of its lane has its turn
//! as well. Of each lane, one delivery at most is pending and not aside; where one is queued, exactly one is.
//!
//! What nobody need hear of, since somebody said so (see [`Silence`](crate::core::silence::Silence)), is written as
//! *suppressed* and is nothing else, unless it is replayed; no lane waits for it. A sign of life that was not accepted in
//! time (see [`heartbeat`](crate::core::heartbeat)) becomes that.

/// What a delivery is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum State {
    /// Behind another in its lane.
    Queued,
    /// The head of its lane: handed over when it is due.
    Pending,
    /// Handed over; how that ended is not written yet.
    Sending,
    /// Accepted. Final.
    Delivered,
    /// Given up. Final, until somebody has it replayed.
    Dead,
    /// Another delivery tells of it, together with others. Final.
    Grouped,
    /// Written with a reason why nobody need hear of it. Final, until somebody has it replayed.
    Suppressed,
}

/// What can happen to it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Step {
    /// All before it in its lane are final or have stepped aside.
    Turn,
    /// It goes to the plugin.
    HandedOver,
    /// The plugin never got it.
    TakenBack,
    /// The receiver has it.
    Accepted,
    /// It will never be accepted, or has been tried for long enough.
    GivenUp,
    /// It becomes part of another.
    Gathered,
    /// It is tried again later.
    Again,
    /// It was of use only while it was new.
    Outlived,
    /// The daemon ended before the end of the attempt was written: it may have arrived.
    Interrupted,
    /// An operator wants it sent again. It goes to the end of its lane's queue, or is its head.
    Replayed,
}

use State::{Dead, Delivered, Grouped, Pending, Queued, Sending, Suppressed};
use Step::{
    Accepted, Again, Gathered, GivenUp, HandedOver, Interrupted, Outlived, Replayed, TakenBack, Turn,
};

/// Everything that may happen; what does not stand here does not.
pub const TABLE: [(State, Step, State); 19] = [
    (Queued, Turn, Pending),
    // Waited for too long.
    (Queued, GivenUp, Dead),
    (Queued, Gathered, Grouped),
    (Queued, Outlived, Suppressed),
    // The first of them.
    (Pending, Gathered, Grouped),
    (Pending, HandedOver, Sending),
    // The disk was full when it was handed over, so that it could not be marked.
    (Pending, Accepted, Delivered),
    (Pending, GivenUp, Dead),
    (Pending, Outlived, Suppressed),
    (Pending, Again, Pending),
    (Sending, TakenBack, Pending),
    (Sending, Accepted, Delivered),
    (Sending, GivenUp, Dead),
    (Sending, Again, Pending),
    (Sending, Interrupted, Pending),
    (Delivered, Replayed, Queued),
    (Dead, Replayed, Queued),
    (Suppressed, Replayed, Queued),
    // Marked once is marked.
    (Sending, HandedOver, Sending),
];

/// What a delivery is after a step; `None` when that step cannot happen to it.
pub fn next(state: State, step: Step) -> Option<State> {
    TABLE.iter().find(|(from, with, _)| (*from, *with) == (state, step)).map(|(_, _, to)| *to)
}

impl State {
    /// Every state.
    pub const ALL: [Self; 7] = [Queued, Pending, Sending, Delivered, Dead, Suppressed, Grouped];

    /// The word for people.
    pub fn as_str(self) -> &'static str {
        match self {
            Queued => "queued",
            Pending => "pending",
            Sending => "sending",
            Delivered => "delivered",
            Dead => "dead",
            Grouped => "grouped",
            Suppressed => "suppressed",
        }
    }

    /// Whether nothing more happens by itself.
    pub fn is_final(self) -> bool {
        matches!(self, Delivered | Dead | Suppressed | Grouped)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_step_leads_to_two_states_and_every_state_is_left_or_final() {
        for (n, (from, step, _)) in TABLE.iter().enumerate() {
            assert!(TABLE[n + 1..].iter().all(|(other, with, _)| (other, with) != (from, step)));
        }
        for state in State::ALL {
            let is_left = TABLE.iter().any(|(from, ..)| *from == state);
            assert!(is_left || state == Grouped, "{state:?}");
        }
    }

    #[test]
    fn what_is_final_is_left_by_a_replay_alone() {
        for (from, step, _) in TABLE {
            assert_eq!(from.is_final(), step == Replayed, "{from:?} {step:?}");
        }
        // What tells of it is replayed instead.
        assert_eq!(next(Grouped, Replayed), None);
        assert_eq!(next(Delivered, Accepted), None);
        assert_eq!(next(Queued, HandedOver), None);
    }
}
