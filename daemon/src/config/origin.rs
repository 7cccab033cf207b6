//! Where in the files each value stands that somebody wrote: for whoever reads the whole configuration.

use std::collections::BTreeMap;

use super::excerpt::Lines;
use super::findings::Findings;
use super::spanned::{Kind, Place, Table, Value};

/// The keys that are set, by their way from the top: names for what has one, numbers from 0 for other lists.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Origins(BTreeMap<String, String>);

impl Origins {
    /// `FILE:LINE` of a key such as `accounts.main.rate`; `None` = it was left out.
    pub fn of(&self, way: &str) -> Option<&str> {
        self.0.get(way).map(String::as_str)
    }

    /// All of them.
    pub fn all(&self) -> &BTreeMap<String, String> {
        &self.0
    }
}

/// Of everything that the files hold, down to the keys of a notifier's own configuration.
pub(super) fn of(findings: &Findings, root: &Table) -> Origins {
    let lines: Vec<Option<Lines<'_>>> =
        findings.files().iter().map(|file| file.text.as_ref().ok().map(|text| Lines::new(text))).collect();
    let place = |at: Place| {
        let line = lines[at.file].as_ref().map_or(0, |lines| lines.position(at.start).0);
        format!("{}:{line}", findings.files()[at.file].shown.display())
    };
    let mut all = BTreeMap::new();
    for section in &root.0 {
        match &section.value.kind {
            Kind::Array(values) => {
                for (index, value) in values.iter().enumerate() {
                    let Kind::Table(table) = &value.kind else { continue };
                    let name = name_of(table).map_or_else(|| index.to_string(), str::to_owned);
                    note(&mut all, &format!("{}.{name}", section.key), table, &place);
                }
            }
            Kind::Table(table) => note(&mut all, &section.key, table, &place),
            _ => {}
        }
    }
    Origins(all)
}

fn note(all: &mut BTreeMap<String, String>, way: &str, table: &Table, place: &impl Fn(Place) -> String) {
    for entry in &table.0 {
        let way = format!("{way}.{}", entry.key);
        // A header opens a table that others may add to; only what is in it is set there.
        match &entry.value {
            Value { kind: Kind::Table(inner), .. } if !inner.0.is_empty() => note(all, &way, inner, place),
            _ => {}
        }
        all.insert(way, place(entry.key_at));
    }
}

fn name_of(table: &Table) -> Option<&str> {
    match table.get("name").map(|entry| &entry.value.kind) {
        Some(Kind::Text(name)) => Some(name),
        _ => None,
    }
}
