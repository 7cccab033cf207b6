//! The words for what happens, as routes may name them.

use crate::core::event::EventKind;

/// What a route gets that names no events.
pub(super) const DEFAULT: &str = "message.created";

/// Types of events that happen.
pub(super) const NOW: [&str; EventKind::ALL.len()] = {
    let mut words = [""; EventKind::ALL.len()];
    let mut n = 0;
    while n < words.len() {
        words[n] = EventKind::ALL[n].as_str();
        n += 1;
    }
    words
};

/// Types whose names are taken.
pub(super) const LATER: [&str; EventKind::NOT_YET.len()] = EventKind::NOT_YET;

/// The type that no route tells.
pub(super) const HEARTBEAT: &str = EventKind::Heartbeat.as_str();

/// Whether an event of this type is about our own health rather than a conversation.
pub(super) fn is_own_health(event: &str) -> bool {
    ["account.", "notifier.", "watch.", "gap.", "delivery."]
        .iter()
        .any(|beginning| event.starts_with(beginning))
}
