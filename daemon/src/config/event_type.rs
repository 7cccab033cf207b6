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

/// The types that a route may tell.
pub(super) fn routed() -> impl Iterator<Item = &'static str> {
    NOW.into_iter().filter(|word| UNROUTED.iter().all(|(unrouted, ..)| word != unrouted))
}

/// The types that no route tells, and what brings them instead.
pub(super) const UNROUTED: [(&str, &str, &str); 2] = [
    (
        EventKind::Heartbeat.as_str(),
        "heartbeats are told by [heartbeat], not by a route",
        "delete the word, and name the notifier in [heartbeat] notify",
    ),
    (
        EventKind::Test.as_str(),
        "a test goes to the notifier that it is for, by no route",
        "delete the word; `commwatch test-notification NAME` sends one",
    ),
];

/// Whether an event of this type is about our own health rather than a conversation.
pub(super) fn is_own_health(event: &str) -> bool {
    ["account.", "notifier.", "watch.", "gap.", "delivery."]
        .iter()
        .any(|beginning| event.starts_with(beginning))
}
