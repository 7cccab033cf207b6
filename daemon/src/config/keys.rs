//! Every key there is, by section: for the manual's test, and to tell our own words from other people's.

use super::section::Key;
use super::section::key;
use super::{
    account, admin, heartbeat, hours, http, log, notifier, operators, pacing, plugins, polling, reference,
    reload, route, seek, store, watch,
};

/// Sections of the file.
pub(super) const SECTIONS: &[Key] = &[
    key("accounts"),
    key("polling"),
    key("watch"),
    key("notifiers"),
    key("route"),
    key("operators"),
    key("plugins"),
    key("store"),
    key("http"),
    key("admin"),
    key("reload"),
    key("log"),
    key("hours"),
    key("heartbeat"),
];

/// The keys of each.
pub(super) const KEYS: [(&str, &[Key]); 14] = [
    ("accounts", account::KEYS),
    ("polling", polling::KEYS),
    ("watch", watch::KEYS),
    ("notifiers", notifier::KEYS),
    ("route", route::KEYS),
    ("operators", operators::KEYS),
    ("plugins", plugins::KEYS),
    ("store", store::KEYS),
    ("http", http::KEYS),
    ("admin", admin::KEYS),
    ("reload", reload::KEYS),
    ("log", log::KEYS),
    ("hours", hours::KEYS),
    ("heartbeat", heartbeat::KEYS),
];

/// The keys of tables within them.
pub(super) const INNER: [(&str, &[Key]); 5] = [
    ("secret", reference::KEYS),
    ("customer", seek::CUSTOMER_KEYS),
    ("channel", seek::CHANNEL_KEYS),
    ("group", pacing::GROUP_KEYS),
    ("quiet_hours", pacing::QUIET_KEYS),
];

/// Whether a word is one of ours, and so no secret.
pub(super) fn is_known_word(word: &str) -> bool {
    let known = |keys: &[Key]| keys.iter().any(|key| key.name == word);
    known(SECTIONS) || KEYS.iter().chain(&INNER).any(|(_, keys)| known(keys))
}
