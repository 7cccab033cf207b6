//! Things of which there are several: `[accounts.NAME]`, `[[watch]]`, and what may come only once among them.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry as Slot;

use super::findings::{Doubt, Note};
use super::name;
use super::section::Context;
use super::spanned::{Kind, Place, Table, Value};

/// Something that the file declares. It counts as declared even if it could not be read, so that one mistake in
/// it does not make every reference to it another.
#[derive(Debug)]
pub(super) struct Named<T> {
    /// Where its header or key stands.
    pub(super) at: Place,
    pub(super) item: Option<T>,
}

/// Reads every table under `section`: `read` gets its name, its title for messages, and the table.
pub(super) fn read_named<T>(
    cx: Context<'_>,
    root: &Table,
    section: &str,
    read: impl Fn(&str, &str, &Value) -> Option<T>,
) -> BTreeMap<String, Named<T>> {
    let Some(entry) = root.get(section) else { return BTreeMap::new() };
    let Kind::Table(table) = &entry.value.kind else {
        cx.findings.hide_all(&entry.value, Doubt::May);
        let message =
            format!("`{section}` must be tables such as [{section}.main], not {}", entry.value.kind_name());
        cx.findings.add(Note::error(entry.value.at, message));
        return BTreeMap::new();
    };
    let mut all = BTreeMap::new();
    for entry in &table.0 {
        if let Err(bad) = name::check(&entry.key) {
            cx.findings.add(Note::error(entry.key_at, bad.message).hint(bad.hint));
        }
        let item = read(&entry.key, &format!("[{section}.{}]", entry.key), &entry.value);
        all.insert(entry.key.clone(), Named { at: entry.value.at, item });
    }
    all
}

/// The elements of `[[section]]`.
pub(super) fn listed<'a>(cx: Context<'_>, root: &'a Table, section: &str) -> &'a [Value] {
    let Some(entry) = root.get(section) else { return &[] };
    if let Kind::Array(values) = &entry.value.kind {
        return values;
    }
    cx.findings.hide_all(&entry.value, Doubt::May);
    let message = format!("`{section}` must be a list of tables, not {}", entry.value.kind_name());
    cx.findings
        .add(Note::error(entry.value.at, message).hint(format!("write [[{section}]] with two brackets")));
    &[]
}

/// How messages call one element of a list: by its name, if it has one.
pub(super) fn title(section: &str, value: &Value) -> String {
    let Kind::Table(table) = &value.kind else { return format!("an element of `{section}`") };
    match table.get("name").map(|entry| &entry.value.kind) {
        Some(Kind::Text(name)) if !name.is_empty() => format!("[[{section}]] `{name}`"),
        _ => format!("[[{section}]]"),
    }
}

/// What has been seen, and where first.
#[derive(Debug)]
pub(super) struct Once<K>(BTreeMap<K, Place>);

impl<K: Ord> Once<K> {
    pub(super) fn new() -> Self {
        Self(BTreeMap::new())
    }

    /// Says so if this one was seen before, naming both places.
    pub(super) fn see(
        &mut self,
        cx: Context<'_>,
        key: K,
        at: Place,
        message: impl FnOnce() -> String,
        hint: &str,
    ) {
        match self.0.entry(key) {
            Slot::Vacant(slot) => {
                slot.insert(at);
            }
            Slot::Occupied(first) => {
                cx.findings
                    .add(Note::error(at, message()).also(*first.get(), "the first one is here").hint(hint));
            }
        }
    }
}
