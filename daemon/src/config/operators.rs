//! `[operators]`: who is told about our own health.

use super::route::{self, Notifiers};
use super::section::{Context, Key, Section, key};
use super::spanned::Table;

pub(super) const KEYS: &[Key] = &[key("notify")];

/// Their names.
pub(super) fn read(cx: Context<'_>, root: &Table, notifiers: &Notifiers) -> Vec<String> {
    let Some(entry) = root.get("operators") else { return Vec::new() };
    let Some(section) = Section::open(cx, &entry.value, "[operators]", KEYS) else { return Vec::new() };
    section.need("notify", "[operators]", "name the notifiers to tell, such as notify = [\"ops-slack\"]");
    route::notified(&section, "[operators]", notifiers)
}
