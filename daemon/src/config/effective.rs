//! The configuration as it is used: all files merged, every default filled in, as TOML that can be read again. Secrets
//! are named as they are in the files, and whatever is written out and may be one is hidden.

use std::fmt;

use serde_json::{Map, Value as Json, json};
use toml::Value;

use super::Config;
use super::origin::Origins;

mod parts;
mod veil;

const HEADER: &str = "# The configuration as it is used: files merged, defaults filled in, secrets hidden. Beside what is written: where.\n";
const HIDDEN: &str = "hidden: it may hold a secret";

/// The configuration as it is used. It displays as TOML.
#[derive(Clone, Debug)]
pub struct Effective(Vec<Part>);

/// What is used of a configuration.
pub fn effective(config: &Config) -> Effective {
    Effective(parts::of(config))
}

/// A table of the file with all of its keys.
#[derive(Clone, Debug)]
struct Part {
    /// The names that lead to it.
    path: Vec<String>,
    /// Whether it is one of a list.
    is_element: bool,
    /// Where its keys stand among the [`Origins`].
    way: String,
    /// Why it says less than it might.
    remark: Option<String>,
    entries: Vec<Entry>,
}

#[derive(Clone, Debug)]
struct Entry {
    key: String,
    value: Value,
    /// Where it is written; `None` = it is a default.
    origin: Option<String>,
    is_hidden: bool,
}

impl Part {
    fn table(path: &[&str]) -> Self {
        let path: Vec<String> = path.iter().map(|&name| name.to_owned()).collect();
        Self { way: path.join("."), path, is_element: false, remark: None, entries: Vec::new() }
    }

    fn element(list: &str, name: &str) -> Self {
        Self { is_element: true, way: format!("{list}.{name}"), ..Self::table(&[list]) }
    }

    fn set(&mut self, origins: &Origins, key: &str, value: impl Into<Value>) {
        self.put(origins, key, (value.into(), false));
    }

    fn set_some(&mut self, origins: &Origins, key: &str, value: Option<impl Into<Value>>) {
        if let Some(value) = value {
            self.set(origins, key, value);
        }
    }

    /// A value, and whether something of it is hidden.
    fn put(&mut self, origins: &Origins, key: &str, (value, is_hidden): (Value, bool)) {
        let origin = origins.of(&format!("{}.{key}", self.way)).map(str::to_owned);
        self.entries.push(Entry { key: key.to_owned(), value, origin, is_hidden });
    }
}

impl Effective {
    /// For programs: `config` as it would be read from TOML, and `origins`, where each key is written that is not left
    /// to its default (`accounts.main.rate` is `FILE:LINE`).
    pub fn to_json(&self) -> Json {
        let mut config = Map::new();
        let mut origins = Map::new();
        for part in &self.0 {
            let entries = part.entries.iter().map(|entry| (entry.key.clone(), json!(entry.value)));
            put(&mut config, &part.path, part.is_element, entries.collect());
            for entry in &part.entries {
                if let Some(origin) = &entry.origin {
                    origins.insert(format!("{}.{}", part.way, entry.key), json!(origin));
                }
            }
        }
        json!({ "config": config, "origins": origins })
    }
}

/// Puts a table where its path leads.
fn put(config: &mut Map<String, Json>, path: &[String], is_element: bool, table: Map<String, Json>) {
    let [name, below @ ..] = path else { return };
    if is_element {
        let list = config.entry(name.clone()).or_insert_with(|| json!([]));
        if let Json::Array(elements) = list {
            elements.push(Json::Object(table));
        }
        return;
    }
    let inner = config.entry(name.clone()).or_insert_with(|| json!({}));
    if let Json::Object(inner) = inner {
        if below.is_empty() { inner.extend(table) } else { put(inner, below, false, table) }
    }
}

impl fmt::Display for Effective {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(HEADER)?;
        for part in &self.0 {
            let path = part.path.iter().map(|name| bare(name)).collect::<Vec<_>>().join(".");
            match part.is_element {
                true => writeln!(f, "\n[[{path}]]")?,
                false => writeln!(f, "\n[{path}]")?,
            }
            if let Some(remark) = &part.remark {
                writeln!(f, "# {remark}")?;
            }
            for entry in &part.entries {
                write!(f, "{} = {}", bare(&entry.key), entry.value)?;
                let hidden = entry.is_hidden.then_some(HIDDEN);
                let remarks: Vec<&str> = entry.origin.as_deref().into_iter().chain(hidden).collect();
                match remarks[..] {
                    [] => writeln!(f)?,
                    _ => writeln!(f, "  # {}", remarks.join("; "))?,
                }
            }
        }
        Ok(())
    }
}

/// A key as TOML takes it.
fn bare(key: &str) -> String {
    let is_bare = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    if !key.is_empty() && key.chars().all(is_bare) {
        return key.to_owned();
    }
    Value::String(key.to_owned()).to_string()
}
