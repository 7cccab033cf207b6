//! Where the readers put down what is wrong, so that all of it is told at once.
//!
//! Which lines hold a secret is known only when everything has been read, so excerpts are cut at the end.

use std::cell::{Cell, RefCell};

use super::excerpt::Lines;
use super::mistake::{Also, Mistake, Severity, Spot};
use super::source::{Source, Unreadable};
use super::spanned::{Kind, Place, Table, Value};
use super::suspicion;
use crate::core::plural::many;

/// How many mistakes are told; the rest is counted.
pub(super) const MISTAKES_MAX: usize = 500;

/// Everything found so far, over all files.
#[derive(Debug)]
pub(super) struct Findings {
    files: Vec<Source>,
    notes: RefCell<Vec<Note>>,
    more: Cell<usize>,
    /// Text that is not to be shown.
    secrets: RefCell<Vec<(Place, Doubt)>>,
}

/// Whether a text is a secret.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Doubt {
    /// It stands where one belongs, or looks like one.
    Is,
    /// Nobody knows what it is.
    May,
}

/// A mistake whose excerpt has not been cut yet.
#[derive(Debug)]
pub(super) struct Note {
    severity: Severity,
    at: Place,
    message: String,
    also: Vec<(Place, String)>,
    hint: Option<String>,
    syntax: bool,
}

impl Note {
    pub(super) fn new(severity: Severity, at: Place, message: impl Into<String>) -> Self {
        Self { severity, at, message: message.into(), also: Vec::new(), hint: None, syntax: false }
    }

    pub(super) fn error(at: Place, message: impl Into<String>) -> Self {
        Self::new(Severity::Error, at, message)
    }

    pub(super) fn warning(at: Place, message: impl Into<String>) -> Self {
        Self::new(Severity::Warning, at, message)
    }

    /// The file is not TOML there. Nothing is known of what its lines mean, so little of them is shown.
    pub(super) fn syntax(at: Place, message: &str) -> Self {
        Self { syntax: true, ..Self::error(at, format!("this is not TOML: {message}")) }
    }

    pub(super) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    pub(super) fn also(mut self, at: Place, note: impl Into<String>) -> Self {
        self.also.push((at, note.into()));
        self
    }
}

impl Findings {
    pub(super) fn new(files: Vec<Source>) -> Self {
        Self { files, notes: RefCell::default(), more: Cell::default(), secrets: RefCell::default() }
    }

    pub(super) fn files(&self) -> &[Source] {
        &self.files
    }

    /// The start of the named file, for what has no place of its own.
    pub(super) fn top(&self) -> Place {
        Place { file: 0, start: 0, end: 0 }
    }

    pub(super) fn add(&self, note: Note) {
        let mut notes = self.notes.borrow_mut();
        if notes.len() < MISTAKES_MAX {
            notes.push(note);
        } else {
            self.more.set(self.more.get() + 1);
        }
    }

    /// Says that something is not there. While a file could not be read, it may stand in that one: then nothing is said.
    pub(super) fn lacking(&self, note: Note) {
        if !self.any_unread() {
            self.add(note);
        }
    }

    pub(super) fn any_errors(&self) -> bool {
        self.any_unread() || self.notes.borrow().iter().any(|note| note.severity == Severity::Error)
    }

    /// Whether a file could not be read or parsed, so that parts of the configuration are missing.
    pub(super) fn any_unread(&self) -> bool {
        self.notes.borrow().iter().any(|note| note.syntax) || self.files.iter().any(|file| file.text.is_err())
    }

    /// Keeps a text out of all excerpts.
    pub(super) fn hide(&self, at: Place, doubt: Doubt) {
        self.secrets.borrow_mut().push((at, doubt));
    }

    /// Hides everything in a value that nobody knows the meaning of.
    pub(super) fn hide_all(&self, value: &Value, doubt: Doubt) {
        match &value.kind {
            Kind::Array(values) => values.iter().for_each(|value| self.hide_all(value, doubt)),
            Kind::Table(table) => table.0.iter().for_each(|entry| self.hide_all(&entry.value, doubt)),
            Kind::Flag(_) => {}
            _ => self.hide(value.at, doubt),
        }
    }

    /// Hides what looks like a secret by itself or by the name of its key, whatever else is wrong with it.
    pub(super) fn hide_suspicious(&self, table: &Table) {
        for entry in &table.0 {
            match &entry.value.kind {
                // The names in `{ credential = "NAME" }` are no secrets.
                Kind::Table(table) => self.hide_suspicious(table),
                _ if suspicion::key_sounds_secret(&entry.key) => self.hide_secret(&entry.value),
                _ => self.hide_suspicious_value(&entry.value),
            }
        }
    }

    fn hide_secret(&self, value: &Value) {
        match &value.kind {
            Kind::Array(values) => values.iter().for_each(|value| self.hide_secret(value)),
            Kind::Table(table) => self.hide_suspicious(table),
            _ => self.hide(value.at, Doubt::Is),
        }
    }

    fn hide_suspicious_value(&self, value: &Value) {
        match &value.kind {
            Kind::Text(text) if suspicion::text_looks_secret(text) => self.hide(value.at, Doubt::Is),
            Kind::Array(values) => values.iter().for_each(|value| self.hide_suspicious_value(value)),
            Kind::Table(table) => self.hide_suspicious(table),
            _ => {}
        }
    }

    /// All that was found, in order of the files.
    pub(super) fn finish(self) -> Vec<Mistake> {
        let Self { files, notes, more, secrets } = self;
        let secrets = secrets.into_inner();
        let lines: Vec<Option<Lines<'_>>> =
            files.iter().map(|file| file.text.as_ref().ok().map(|text| Lines::new(text))).collect();
        let spot = |at: Place, syntax: bool| {
            let shown = files[at.file].shown.clone();
            let Some(lines) = &lines[at.file] else {
                return Spot { file: shown, line: 0, column: 0, excerpt: None };
            };
            let (line, column) = lines.position(at.start);
            let excerpt = if syntax {
                Some(lines.bare_excerpt(at))
            } else if at.end == 0 {
                None
            } else {
                Some(lines.excerpt(at, &secrets))
            };
            Spot { file: shown, line, column, excerpt }
        };
        let mut notes = notes.into_inner();
        notes.sort_by_key(|note| note.at);
        // One slip makes the parser stumble several times over a line; the first time says it.
        let line = |note: &Note| lines[note.at.file].as_ref().map(|lines| lines.position(note.at.start).0);
        notes.dedup_by(|a, b| a.syntax && b.syntax && a.at.file == b.at.file && line(a) == line(b));
        let mut mistakes: Vec<Mistake> = files.iter().filter_map(unreadable).collect();
        mistakes.extend(notes.into_iter().map(|note| Mistake {
            severity: note.severity,
            spot: spot(note.at, note.syntax),
            also: note.also.into_iter().map(|(at, note)| Also { note, spot: spot(at, false) }).collect(),
            message: note.message,
            hint: note.hint,
        }));
        if more.get() > 0 {
            let spot = Spot { file: files[0].shown.clone(), line: 0, column: 0, excerpt: None };
            let message = format!("and {}", many(more.get(), "more mistake", "more mistakes"));
            mistakes.push(Mistake { severity: Severity::Error, message, spot, also: Vec::new(), hint: None });
        }
        mistakes
    }
}

fn unreadable(file: &Source) -> Option<Mistake> {
    let error = file.text.as_ref().err()?;
    let (line, column) = match error {
        Unreadable::NotText { valid_up_to } => Lines::new(valid_up_to).position(valid_up_to.len()),
        _ => (0, 0),
    };
    Some(Mistake {
        severity: Severity::Error,
        message: error.to_string(),
        spot: Spot { file: file.shown.clone(), line, column, excerpt: None },
        also: Vec::new(),
        hint: None,
    })
}
