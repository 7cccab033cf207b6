//! What an operator has sent again: which deliveries are meant, and what became of that.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Which finished deliveries are meant; every condition that is there must hold.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Selection {
    /// Of this event.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event: Option<String>,
    /// Dead letters alone.
    #[serde(default)]
    pub dead: bool,
    /// Of this notifier.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notifier: Option<String>,
    /// Of events that this watch found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub watch: Option<String>,
    /// Written at or after then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Timestamp>,
    /// Written before then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
}

/// At most so many deliveries are replayed or dropped at once, the oldest first.
pub const REPLAY_MAX: usize = 1_000;

/// What a replay sends again.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct Replayed {
    /// The deliveries, the oldest first.
    pub deliveries: Vec<ReplayedDelivery>,
    /// How many match whose text is gone: there is nothing left to send.
    pub without_text: u64,
    /// Whether there are more than [`REPLAY_MAX`].
    pub more: bool,
}

/// One delivery that is sent again.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct ReplayedDelivery {
    /// The event, whose id stays.
    pub event: String,
    /// To whom.
    pub notifier: String,
    /// What it was: `delivered` or `dead`.
    pub was: String,
    /// When it was written first.
    pub created_at: Timestamp,
}

/// The answer to who asked for a replay.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct ReplayReport {
    /// Whether nothing was done but to look.
    pub dry_run: bool,
    /// What is sent again, the first [`REPLAY_MAX`] of it, by notifier.
    pub deliveries: Vec<ReplayedDelivery>,
    /// How many beyond those are sent again.
    pub omitted: u64,
    /// How many match whose text is gone: there is nothing left to send.
    pub without_text: u64,
    /// Whether there is more of the kind, which the same command takes next.
    pub more: bool,
    /// What else matches and is not sent again, a line each.
    pub left_out: Vec<String>,
}
