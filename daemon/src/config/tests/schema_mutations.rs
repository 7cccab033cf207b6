//! What the reader refuses the schema refuses, and the other way round: the manual with all of its examples, wrong in
//! one place at a time. What only the reader can know is listed.

use std::collections::BTreeMap;
use std::fs;

use toml::{Table, Value};

use super::manual::with_everything;
use super::schema::{REAL, Shipped};
use crate::config::load::{Surroundings, load_in};

/// What is done to one value.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
enum Change {
    /// Its key is misspelt.
    Rename,
    /// It is gone.
    Remove,
    /// It is of another type.
    Retype,
    /// A number too small, a text of nothing.
    Shrink,
    /// A number too large, a text of one word that means nothing.
    Confuse,
    /// A duration of many years.
    Lengthen,
}

use Change::{Confuse, Lengthen, Remove, Rename, Retype, Shrink};

const CHANGES: [Change; 6] = [Rename, Remove, Retype, Shrink, Confuse, Lengthen];

/// Ways on which `*` is any one name, what is done there, and why a schema cannot know.
const ONLY_THE_READER: &[(&str, &[Change], &str)] = &[
    ("accounts", &[Remove], "another file may hold them"),
    ("accounts.*", &[Rename], "watches name it"),
    ("accounts.*.ca_file", &[Confuse], "whether there is such a file"),
    ("hours", &[Remove], "routes and quiet hours name them"),
    ("hours.*", &[Remove, Rename], "routes and quiet hours name them"),
    ("hours.*.timezone", &[Confuse], "which time zones there are"),
    ("log.level", &[Confuse], "directives are a language of their own"),
    ("notifiers", &[Remove], "routes name them"),
    ("notifiers.*", &[Remove, Rename], "routes name them"),
    ("notifiers.*.reveal", &[Remove], "which secrets are configured"),
    ("notifiers.*.reveal.*", &[Remove, Confuse], "which secrets are configured"),
    ("notifiers.*.timezone", &[Confuse], "which time zones there are"),
    ("notifiers.*.quiet_hours.*", &[Confuse], "which hours there are"),
    ("route.*.hours", &[Confuse], "which hours there are"),
    ("watch.*.account", &[Confuse], "which accounts there are"),
    ("watch.*.since", &[Confuse], "what is an instant"),
    ("watch.*.streams", &[Remove], "whether its account has some"),
    ("accounts.*.timeout", &[Lengthen], BOUNDS),
    ("polling.*", &[Lengthen], BOUNDS),
    ("watch.*.interval", &[Lengthen], BOUNDS),
    ("watch.*.since", &[Lengthen], BOUNDS),
    ("watch.*.discovery", &[Lengthen], BOUNDS),
    ("watch.*.keep_for", &[Lengthen], BOUNDS),
    ("notifiers.*.timeout", &[Lengthen], BOUNDS),
    ("notifiers.*.retry_for", &[Lengthen], BOUNDS),
    ("notifiers.*.fallback_after", &[Lengthen], BOUNDS),
    ("notifiers.*.group.*", &[Lengthen], BOUNDS),
    ("route.*.unanswered_for.*", &[Lengthen], BOUNDS),
    ("heartbeat.every", &[Lengthen], BOUNDS),
    ("store.*", &[Lengthen], BOUNDS),
    ("reload.settle", &[Lengthen], BOUNDS),
];

const BOUNDS: &str = "how long a duration is: it is a text";

/// The way to every value, lists' elements by number.
fn ways(value: &Value, way: &mut Vec<String>, all: &mut Vec<Vec<String>>) {
    let inner: Vec<(String, &Value)> = match value {
        Value::Table(table) => table.iter().map(|(key, value)| (key.clone(), value)).collect(),
        Value::Array(values) => {
            values.iter().enumerate().map(|(index, value)| (index.to_string(), value)).collect()
        }
        _ => Vec::new(),
    };
    for (key, value) in inner {
        way.push(key);
        all.push(way.clone());
        ways(value, way, all);
        way.pop();
    }
}

/// The same configuration with what is not on the way left small: other notifiers cost time.
fn around(everything: &Table, way: &[String]) -> Table {
    let mut config = everything.clone();
    let notifiers = config["notifiers"].as_table_mut().unwrap();
    for (name, notifier) in notifiers.iter_mut() {
        if way.len() < 2 || way[0] != "notifiers" || way[1] != *name {
            *notifier = Value::Table(Table::from_iter([("plugin".to_owned(), Value::from("none"))]));
        }
    }
    config
}

/// What the value is on whose way this is the last step.
fn holder<'c>(config: &'c mut Value, way: &[String]) -> Option<&'c mut Value> {
    let [step, below @ ..] = way else { return Some(config) };
    let inner = match config {
        Value::Table(table) => table.get_mut(step)?,
        Value::Array(values) => values.get_mut(step.parse::<usize>().ok()?)?,
        _ => return None,
    };
    holder(inner, below)
}

/// `None`: that cannot be done to it.
fn changed(config: Table, way: &[String], change: Change) -> Option<Table> {
    let mut config = Value::Table(config);
    let (last, above) = way.split_last()?;
    match (change, holder(&mut config, above)?) {
        (Rename, Value::Table(table)) => {
            let value = table.remove(last)?;
            table.insert(format!("{last}-x"), value);
        }
        (Remove, Value::Table(table)) => drop(table.remove(last)?),
        (Remove, Value::Array(values)) => drop(values.remove(last.parse().ok()?)),
        (Rename, _) => return None,
        (_, holder) => {
            let value = self::holder(holder, std::slice::from_ref(last))?;
            *value = match (change, &*value) {
                (Retype, Value::String(_)) => Value::from(false),
                (Retype, Value::Integer(_)) => Value::from(1.5),
                (Retype, _) => Value::from(-7),
                (Lengthen, Value::String(text)) => {
                    crate::config::duration(text)?;
                    Value::from("9999d")
                }
                (Shrink, Value::String(_)) => Value::from(""),
                (Shrink, Value::Integer(_)) => Value::from(-1_i64 << 40),
                (Confuse, Value::String(_)) => Value::from("zz zz"),
                (Confuse, Value::Integer(_)) => Value::from(1_i64 << 40),
                _ => return None,
            };
        }
    }
    match config {
        Value::Table(table) => Some(table),
        _ => None,
    }
}

fn fits(pattern: &str, way: &[String]) -> bool {
    let steps: Vec<&str> = pattern.split('.').collect();
    steps.len() == way.len() && steps.iter().zip(way).all(|(step, name)| *step == "*" || step == name)
}

#[test]
fn the_schema_and_the_reader_refuse_the_same_mistakes() {
    let everything: Table = with_everything().parse().unwrap();
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("company-ca.pem"), "").unwrap();
    let path = folder.path().join("config.toml");
    let mut all = Vec::new();
    ways(&Value::Table(everything.clone()), &mut Vec::new(), &mut all);
    let (mut both, mut neither, mut wrong, mut used) = (0, 0, Vec::new(), BTreeMap::new());
    for way in &all {
        for change in CHANGES {
            let Some(config) = changed(around(&everything, way), way, change) else { continue };
            fs::write(&path, toml::to_string(&config).unwrap()).unwrap();
            let by_reader = load_in(&path, &Shipped, &Surroundings::default()).is_err();
            let by_schema = !REAL.is_valid(&serde_json::to_value(&config).unwrap());
            let listed = ONLY_THE_READER
                .iter()
                .position(|(pattern, changes, _)| fits(pattern, way) && changes.contains(&change));
            match (by_reader, by_schema, listed) {
                (true, true, _) => both += 1,
                (false, false, _) => neither += 1,
                (true, false, Some(index)) => *used.entry(index).or_insert(0) += 1,
                _ => wrong.push(format!(
                    "{} {change:?}: refused by the {}",
                    way.join("."),
                    if by_reader { "reader alone" } else { "schema alone" }
                )),
            }
        }
    }
    assert!(wrong.is_empty(), "{} of both, {} of neither, but\n{}", both, neither, wrong.join("\n"));
    assert!(both > 500, "{both}");
    assert_eq!(used.len(), ONLY_THE_READER.len(), "what is listed happens: {used:?}");
}
