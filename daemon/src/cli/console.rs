//! Where a command writes: results to stdout, messages to stderr.

use std::fmt;
use std::io::Write;

use serde::Serialize;

use super::Output;

/// A command's two streams, and how results are written.
pub struct Console<'a> {
    /// How results are written.
    pub output: Output,
    /// Whether results may have colours.
    pub colour: bool,
    out: &'a mut dyn Write,
    err: &'a mut dyn Write,
    is_gone: bool,
}

impl fmt::Debug for Console<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Console")
            .field("output", &self.output)
            .field("colour", &self.colour)
            .finish_non_exhaustive()
    }
}

impl<'a> Console<'a> {
    /// Writes results to `out`, messages to `err`.
    pub fn new(output: Output, colour: bool, out: &'a mut dyn Write, err: &'a mut dyn Write) -> Self {
        Self { output, colour, out, err, is_gone: false }
    }

    /// Writes a result and a line break. A reader that went away (`| head`) has what it wanted.
    pub fn result(&mut self, text: &str) {
        let written = writeln!(self.out, "{text}").and_then(|()| self.out.flush());
        self.is_gone |= written.is_err();
    }

    /// Whether nobody reads results any more.
    pub fn is_gone(&self) -> bool {
        self.is_gone
    }

    /// Writes a result for programs.
    pub fn json(&mut self, value: &impl Serialize) {
        let text = serde_json::to_string_pretty(value).expect("results have text for keys");
        self.result(&text);
    }

    /// Writes one of several results for programs, as a line of JSON.
    pub fn line(&mut self, value: &impl Serialize) {
        let text = serde_json::to_string(value).expect("results have text for keys");
        self.result(&text);
    }

    /// Writes a result for whom it was asked: `value` for programs, `text` for people, unless there is none.
    pub fn answer(&mut self, value: &impl Serialize, text: &str) {
        match self.output {
            Output::Json => self.json(value),
            Output::Text if text.is_empty() => {}
            Output::Text => self.result(text),
        }
    }

    /// Writes a message and a line break.
    pub fn message(&mut self, text: &str) {
        let _ = writeln!(self.err, "{text}");
    }
}
