//! `[operators]`: who is told about our own health.

use super::route::{self, Notifiers};
use super::section::{Context, Key, Section, key};
use super::spanned::{Place, Table};

pub(super) const KEYS: &[Key] = &[key("notify")];

/// The names, and where the section stands if there is one.
pub(super) fn read(cx: Context<'_>, root: &Table, notifiers: &Notifiers) -> (Vec<String>, Option<Place>) {
    let Some(entry) = root.get("operators") else { return (Vec::new(), None) };
    let Some(section) = Section::open(cx, &entry.value, "[operators]", KEYS) else {
        return (Vec::new(), None);
    };
    section.need("notify", "[operators]", "name the notifiers to tell, such as notify = [\"ops-slack\"]");
    (route::notified(&section, "[operators]", notifiers), Some(section.at))
}
