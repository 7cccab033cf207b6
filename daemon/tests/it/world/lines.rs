//! What processes wrote, line by line, and a way to wait for a line.

use std::io::{BufRead as _, BufReader, Read};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use serde_json::Value;

#[derive(Default)]
pub struct Lines {
    lines: Mutex<Vec<String>>,
    more: Condvar,
}

impl Lines {
    /// Takes up whatever comes out of a pipe, until its end.
    pub fn collect(self: &Arc<Self>, pipe: impl Read + Send + 'static) {
        let lines = Arc::clone(self);
        std::thread::spawn(move || {
            for line in BufReader::new(pipe).lines().map_while(Result::ok) {
                lines.lines.lock().unwrap().push(line);
                lines.more.notify_all();
            }
        });
    }

    pub fn count(&self) -> usize {
        self.lines.lock().unwrap().len()
    }

    pub fn containing(&self, text: &str) -> Vec<String> {
        self.lines.lock().unwrap().iter().filter(|line| line.contains(text)).cloned().collect()
    }

    pub fn all(&self) -> String {
        self.lines.lock().unwrap().join("\n")
    }

    /// Lines of the log with this text, read: each an object whose fields stand beside its `message`.
    pub fn logged(&self, text: &str) -> Vec<Value> {
        let lines = self.lines.lock().unwrap();
        lines
            .iter()
            .filter(|line| line.contains(text))
            .filter_map(|line| serde_json::from_str(line).ok())
            .collect()
    }

    /// Where the first line with this text stands.
    pub fn position(&self, text: &str) -> Option<usize> {
        self.lines.lock().unwrap().iter().position(|line| line.contains(text))
    }

    /// Where the last line with this text stands.
    pub fn last_position(&self, text: &str) -> Option<usize> {
        self.lines.lock().unwrap().iter().rposition(|line| line.contains(text))
    }

    /// Waits for a line with this text among those after the first `from`.
    pub fn wait(&self, from: usize, text: &str, within: Duration) -> Option<String> {
        let found = |lines: &Vec<String>| lines.iter().skip(from).find(|line| line.contains(text)).cloned();
        let lines = self.lines.lock().unwrap();
        let (lines, _) = self.more.wait_timeout_while(lines, within, |lines| found(lines).is_none()).unwrap();
        found(&lines)
    }
}
