//! The words for what happens, as routes may name them.

/// What a route gets that names no events.
pub(super) const DEFAULT: &str = "message.created";

/// Types of events that happen.
pub(super) const NOW: [&str; 11] = [
    DEFAULT,
    "message.unparsed",
    "conversation.status_changed",
    "conversation.assigned",
    "watch.unreachable",
    "watch.recovered",
    "account.denied",
    "account.recovered",
    "notifier.broken",
    "notifier.recovered",
    "delivery.dead",
];

/// Types whose names are taken.
pub(super) const LATER: [&str; 9] = [
    "message.edited",
    "message.deleted",
    "conversation.opened",
    "conversation.waiting",
    "conversation.answered",
    "gap.unresolved",
    "account.token_expiring",
    "heartbeat",
    "test",
];

/// Whether an event of this type is about our own health rather than a conversation.
pub(super) fn is_own_health(event: &str) -> bool {
    ["account.", "notifier.", "watch.", "gap.", "delivery."]
        .iter()
        .any(|beginning| event.starts_with(beginning))
}
