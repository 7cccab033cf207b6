//! TOML values that remember where they stand, and the merging of several files into one table.

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::findings::{Findings, Note};

/// Some bytes of one of the files.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) struct Place {
    /// Index among the files that were read.
    pub(super) file: usize,
    pub(super) start: usize,
    pub(super) end: usize,
}

/// A value and where it stands. A table that a `[header]` opened stands at its header.
#[derive(Debug)]
pub(super) struct Value {
    pub(super) at: Place,
    pub(super) kind: Kind,
}

#[derive(Debug)]
pub(super) enum Kind {
    Text(String),
    Integer(i64),
    Float(f64),
    Flag(bool),
    Date(String),
    Array(Vec<Value>),
    Table(Table),
    /// Cannot be held; that has been said already, so nobody needs to say more.
    Unusable,
}

/// Entries in order of the file.
#[derive(Debug, Default)]
pub(super) struct Table(pub(super) Vec<Entry>);

#[derive(Debug)]
pub(super) struct Entry {
    pub(super) key: String,
    pub(super) key_at: Place,
    pub(super) value: Value,
}

impl Value {
    /// What kind of thing it is, for messages.
    pub(super) fn kind_name(&self) -> &'static str {
        match &self.kind {
            Kind::Text(_) => "text",
            Kind::Integer(_) => "a number",
            Kind::Float(_) => "a number with a fraction",
            Kind::Flag(_) => "true or false",
            Kind::Date(_) => "a date",
            Kind::Array(_) => "a list",
            Kind::Table(_) => "a table",
            Kind::Unusable => "unusable",
        }
    }
}

impl Table {
    pub(super) fn get(&self, key: &str) -> Option<&Entry> {
        self.0.iter().find(|entry| entry.key == key)
    }

    /// Takes in another file's table: tables merge, lists of tables append, anything else may be set once. `path` is
    /// what messages call this table, with a dot at its end.
    pub(super) fn merge(&mut self, other: Self, path: &str, findings: &Findings) {
        for entry in other.0 {
            let Some(mine) = self.0.iter_mut().find(|mine| mine.key == entry.key) else {
                self.0.push(entry);
                continue;
            };
            match (&mut mine.value.kind, entry.value.kind) {
                (Kind::Table(mine), Kind::Table(other)) => {
                    mine.merge(other, &format!("{path}{}.", entry.key), findings);
                }
                (Kind::Array(mine), Kind::Array(other)) if all_tables(mine) && all_tables(&other) => {
                    mine.extend(other);
                }
                _ => findings.add(
                    Note::error(entry.key_at, format!("`{path}{}` is set in two files", entry.key))
                        .also(mine.key_at, "also set here")
                        .hint(if is_named(path) { ONE_NAME } else { ONE_PLACE }),
                ),
            }
        }
    }
}

const ONE_PLACE: &str = "delete one of them; only tables and lists of tables such as [[watch]] are merged";
const ONE_NAME: &str = "if two are meant, give one of them another name; else delete one of the lines";

/// Whether a path leads into something that has a name of its own, such as `notifiers.log.`.
fn is_named(path: &str) -> bool {
    ["accounts.", "notifiers.", "hours."].iter().any(|section| path.starts_with(section) && path != *section)
}

fn all_tables(values: &[Value]) -> bool {
    values.iter().all(|value| matches!(value.kind, Kind::Table(_)))
}

/// Parses one file. If it is not TOML, that is recorded, and nothing of it is taken: what a parser makes of it says
/// little of what was meant, and may hold anything.
pub(super) fn parse(file: usize, text: &str, findings: &Findings) -> Table {
    let (table, errors) = DeTable::parse_recoverable(text);
    if errors.is_empty() {
        return Convert { file, findings }.table(table.get_ref());
    }
    for error in errors {
        let span = error.span().unwrap_or(0..0);
        let note = Note::syntax(Place { file, start: span.start, end: span.end }, error.message());
        findings.add(if findings.files().len() > 1 { note.hint(NOT_TAKEN) } else { note });
    }
    Table::default()
}

const NOT_TAKEN: &str =
    "nothing is taken from this file; what the others need of it is not checked until it can be read";

struct Convert<'a> {
    file: usize,
    findings: &'a Findings,
}

impl Convert<'_> {
    /// The parser bounds how deep this goes.
    fn table(&self, table: &DeTable<'_>) -> Table {
        let mut entries: Vec<Entry> = table
            .iter()
            .map(|(key, value)| Entry {
                key: key.get_ref().to_string(),
                key_at: self.place(key.span()),
                value: self.value(value),
            })
            .collect();
        entries.sort_by_key(|entry| entry.key_at);
        Table(entries)
    }

    fn value(&self, value: &Spanned<DeValue<'_>>) -> Value {
        let at = self.place(value.span());
        let kind = match value.get_ref() {
            DeValue::String(text) => Kind::Text(text.to_string()),
            DeValue::Integer(number) => match i64::from_str_radix(number.as_str(), number.radix()) {
                Ok(number) => Kind::Integer(number),
                Err(_) => self.unusable(at),
            },
            DeValue::Float(number) => match number.as_str().parse::<f64>() {
                Ok(number) if number.is_finite() => Kind::Float(number),
                _ => self.unusable(at),
            },
            DeValue::Boolean(flag) => Kind::Flag(*flag),
            DeValue::Datetime(date) => Kind::Date(date.to_string()),
            DeValue::Array(values) => Kind::Array(values.iter().map(|value| self.value(value)).collect()),
            DeValue::Table(table) => Kind::Table(self.table(table)),
        };
        Value { at, kind }
    }

    fn unusable(&self, at: Place) -> Kind {
        self.findings.add(Note::error(at, "the number is beyond what can be held (64 bits)"));
        Kind::Unusable
    }

    fn place(&self, span: std::ops::Range<usize>) -> Place {
        Place { file: self.file, start: span.start, end: span.end }
    }
}
