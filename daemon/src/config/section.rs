//! One table of the file, read key by key: every reader records what is wrong and goes on.

use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::Rate;
use super::catalog::Catalog;
use super::duration::{self, shown};
use super::findings::{Doubt, Findings, Note};
use super::load::Surroundings;
use super::rate;
use super::spanned::{Entry, Kind, Place, Table, Value};
use super::suggest::{did_you_mean, list, nearest};

/// A key that a section may have.
#[derive(Clone, Copy, Debug)]
pub(super) struct Key {
    pub(super) name: &'static str,
    /// The name is taken, but nothing stands behind it yet.
    pub(super) later: bool,
}

pub(super) const fn key(name: &'static str) -> Key {
    Key { name, later: false }
}

pub(super) const fn later(name: &'static str) -> Key {
    Key { name, later: true }
}

/// What every reader needs.
#[derive(Clone, Copy)]
pub(super) struct Context<'a> {
    pub(super) findings: &'a Findings,
    /// The folder of the named file, absolute; relative paths start here.
    pub(super) folder: &'a Path,
    pub(super) surroundings: &'a Surroundings,
    pub(super) catalog: &'a dyn Catalog,
}

/// Why a text is not what it should be, and what would be.
#[derive(Debug, Eq, PartialEq)]
pub(super) struct Bad {
    pub(super) message: String,
    pub(super) hint: String,
}

impl Bad {
    pub(super) fn new(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { message: message.into(), hint: hint.into() }
    }
}

/// A table whose keys have been checked for being known.
#[derive(Clone, Copy)]
pub(super) struct Section<'a> {
    pub(super) cx: Context<'a>,
    /// Its header.
    pub(super) at: Place,
    table: &'a Table,
    keys: &'static [Key],
    /// Whether no other file can add to it.
    whole: bool,
}

impl<'a> Section<'a> {
    /// Opens a table; `title` says which in messages. Anything but a table is a mistake.
    pub(super) fn open(cx: Context<'a>, value: &'a Value, title: &str, keys: &'static [Key]) -> Option<Self> {
        let Kind::Table(table) = &value.kind else {
            if !matches!(value.kind, Kind::Unusable) {
                cx.findings.hide_all(value, Doubt::May);
                let message = format!("{title} must be a table, not {}", value.kind_name());
                cx.findings.add(Note::error(value.at, message));
            }
            return None;
        };
        let section = Self { cx, at: value.at, table, keys, whole: false };
        table.0.iter().for_each(|entry| section.check_known(entry, title));
        Some(section)
    }

    /// As an element of a list, which stands in one file from beginning to end.
    pub(super) fn whole(self) -> Self {
        Self { whole: true, ..self }
    }

    fn check_known(&self, entry: &Entry, title: &str) {
        match self.keys.iter().find(|key| key.name == entry.key) {
            Some(key) if key.later => {
                self.cx.findings.add(not_yet(entry, &format!("`{}` in {title}", key.name), "the key"));
            }
            Some(_) => {}
            None => {
                let names = self.keys.iter().filter(|key| !key.later).map(|key| key.name);
                self.cx.findings.hide_all(&entry.value, Doubt::May);
                self.cx.findings.add(unknown_key(entry, title, names));
            }
        }
    }

    pub(super) fn error(&self, at: Place, message: impl Into<String>, hint: impl Into<String>) {
        self.cx.findings.add(Note::error(at, message).hint(hint));
    }

    /// Says that something is not there that another file may hold.
    pub(super) fn lacking(&self, at: Place, message: impl Into<String>, hint: impl Into<String>) {
        self.cx.findings.lacking(Note::error(at, message).hint(hint));
    }

    /// The entry of a key, if it is there and can be used.
    pub(super) fn get(&self, key: &str) -> Option<&'a Entry> {
        debug_assert!(
            self.keys.iter().any(|known| known.name == key),
            "`{key}` is not among the section's keys"
        );
        #[cfg(test)]
        asked::note(self.keys, key);
        self.table.get(key).filter(|entry| !matches!(entry.value.kind, Kind::Unusable))
    }

    /// Says so if the key is missing.
    pub(super) fn need(&self, key: &str, title: &str, hint: &str) {
        if self.table.get(key).is_none() {
            let note = Note::error(self.at, format!("`{key}` is missing in {title}")).hint(hint);
            if self.whole { self.cx.findings.add(note) } else { self.cx.findings.lacking(note) }
        }
    }

    /// Where a key's value stands, or the section if it was left out.
    pub(super) fn place(&self, key: &str) -> Place {
        self.get(key).map_or(self.at, |entry| entry.value.at)
    }

    pub(super) fn wrong_kind(&self, entry: &Entry, wanted: &str) {
        let message = format!("`{}` must be {wanted}, not {}", entry.key, entry.value.kind_name());
        self.cx.findings.add(Note::error(entry.value.at, message));
    }

    /// Text that is not empty.
    pub(super) fn text(&self, key: &str) -> Option<(Place, &'a str)> {
        let entry = self.get(key)?;
        match &entry.value.kind {
            Kind::Text(text) if !text.trim().is_empty() => return Some((entry.value.at, text)),
            Kind::Text(_) => {
                self.error(entry.value.at, format!("`{key}` is empty"), "delete the line or fill it in");
            }
            _ => self.wrong_kind(entry, "text in quotes"),
        }
        None
    }

    /// Text that means something.
    pub(super) fn parse<T>(&self, key: &str, parse: impl Fn(&'a str) -> Result<T, Bad>) -> Option<T> {
        let (at, text) = self.text(key)?;
        self.parsed(at, parse(text))
    }

    pub(super) fn parsed<T>(&self, at: Place, result: Result<T, Bad>) -> Option<T> {
        result.map_err(|bad| self.error(at, bad.message, bad.hint)).ok()
    }

    /// One of a few words.
    pub(super) fn word<T: Copy>(&self, key: &str, words: &[(&str, T)]) -> Option<T> {
        let (at, text) = self.text(key)?;
        self.one_of(key, at, text, words)
    }

    /// Looks a word up.
    pub(super) fn one_of<T: Copy>(&self, key: &str, at: Place, text: &str, words: &[(&str, T)]) -> Option<T> {
        let found = words.iter().find(|(word, _)| *word == text).map(|(_, value)| *value);
        if found.is_none() {
            let names = || words.iter().map(|(word, _)| *word);
            let hint = format!("`{key}` is one of {}{}", list(names()), did_you_mean(text, names()));
            self.error(at, format!("unknown word `{text}` for `{key}`"), hint);
        }
        found
    }

    pub(super) fn flag(&self, key: &str) -> Option<bool> {
        let entry = self.get(key)?;
        let Kind::Flag(flag) = entry.value.kind else {
            self.wrong_kind(entry, "true or false without quotes");
            return None;
        };
        Some(flag)
    }

    /// A whole number within bounds.
    pub(super) fn count(&self, key: &str, bounds: RangeInclusive<u32>) -> Option<u32> {
        let entry = self.get(key)?;
        let Kind::Integer(number) = entry.value.kind else {
            self.wrong_kind(entry, "a whole number without quotes");
            return None;
        };
        let count = u32::try_from(number).ok().filter(|count| bounds.contains(count));
        if count.is_none() {
            let hint = format!("`{key}` is from {} to {}", bounds.start(), bounds.end());
            self.error(entry.value.at, format!("`{key}` is {number}"), hint);
        }
        count
    }

    /// Text with a form of its own, such as a rate; `hint` shows it.
    pub(super) fn written<T>(
        &self,
        key: &str,
        what: &str,
        hint: &str,
        parse: impl Fn(&'a str) -> Result<T, Bad>,
    ) -> Option<T> {
        let entry = self.get(key)?;
        if !matches!(entry.value.kind, Kind::Text(_)) {
            let message = format!("`{key}` must be {what} in quotes, not {}", entry.value.kind_name());
            self.error(entry.value.at, message, hint);
            return None;
        }
        self.parse(key, parse)
    }

    /// A duration within bounds.
    pub(super) fn duration(&self, key: &str, bounds: RangeInclusive<Duration>) -> Option<Duration> {
        let duration = self.written(key, "a duration", duration::HINT, duration::parse)?;
        if bounds.contains(&duration) {
            return Some(duration);
        }
        let message = format!("`{key}` is {}", shown(duration));
        let hint = format!("`{key}` is from {} to {}", shown(*bounds.start()), shown(*bounds.end()));
        self.error(self.place(key), message, hint);
        None
    }

    /// How often something may happen.
    pub(super) fn rate(&self, key: &str) -> Option<Rate> {
        self.written(key, "a rate", rate::HINT, rate::parse)
    }

    /// A list, each element with its place. An empty one is allowed.
    pub(super) fn values(&self, key: &str, wanted: &str) -> Option<&'a [Value]> {
        let entry = self.get(key)?;
        let Kind::Array(values) = &entry.value.kind else {
            self.wrong_kind(entry, wanted);
            return None;
        };
        Some(values)
    }

    /// A list of texts, none empty; those that are something else are told and left out.
    pub(super) fn texts(&self, key: &str) -> Option<Vec<(Place, &'a str)>> {
        let values = self.values(key, "a list of texts")?;
        let texts = values.iter().filter_map(|value| match &value.kind {
            Kind::Text(text) if !text.trim().is_empty() => Some((value.at, text.as_str())),
            Kind::Unusable => None,
            _ => {
                let message = format!("`{key}` holds {} where text in quotes is needed", value.kind_name());
                let empty = format!("`{key}` holds an empty text");
                let message = if matches!(value.kind, Kind::Text(_)) { empty } else { message };
                self.cx.findings.add(Note::error(value.at, message));
                None
            }
        });
        Some(texts.collect())
    }

    /// A path, relative ones starting at the named file.
    pub(super) fn path(&self, key: &str) -> Option<PathBuf> {
        self.text(key).map(|(_, text)| self.cx.folder.join(text))
    }
}

/// The word for a value: what [`Section::word`] reads.
pub(super) fn word_for<T: Copy + PartialEq>(words: &[(&'static str, T)], value: T) -> &'static str {
    words.iter().find(|(_, other)| *other == value).map_or("", |(word, _)| word)
}

/// Says that a name is taken for something that does not exist yet.
pub(super) fn not_yet(entry: &Entry, what: &str, delete: &str) -> Note {
    let hint = format!("delete {delete}; a later version brings it");
    Note::error(entry.key_at, format!("{what} does not exist yet")).hint(hint)
}

/// Says that there is no such key, and which was meant.
pub(super) fn unknown_key<'k>(
    entry: &Entry,
    title: &str,
    keys: impl Iterator<Item = &'k str> + Clone,
) -> Note {
    let hint = match nearest(&entry.key, keys.clone()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("keys here are {}", list(keys)),
    };
    Note::error(entry.key_at, format!("unknown key `{}` in {title}", entry.key)).hint(hint)
}

/// What readers have asked for, by the keys of the section: what a key is for that nobody asks for, nobody knows.
#[cfg(test)]
pub(super) mod asked {
    use std::cell::RefCell;
    use std::collections::{BTreeMap, BTreeSet};

    use super::Key;

    /// By the names of a section's keys.
    pub(crate) type Asked = BTreeMap<Vec<&'static str>, BTreeSet<String>>;

    thread_local! {
        static ASKED: RefCell<Asked> = RefCell::default();
    }

    pub(super) fn note(keys: &'static [Key], key: &str) {
        let names = keys.iter().map(|key| key.name).collect();
        ASKED.with_borrow_mut(|asked| asked.entry(names).or_default().insert(key.to_owned()));
    }

    /// All of it, on this thread.
    pub(crate) fn so_far() -> Asked {
        ASKED.with_borrow(Clone::clone)
    }
}
