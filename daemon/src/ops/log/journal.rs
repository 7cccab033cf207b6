//! The journal's own protocol (<https://systemd.io/JOURNAL_NATIVE_PROTOCOL>): what a line says of a watch or a notifier
//! arrives as a field of its own, by which `journalctl` can choose.

use std::io::{self, Write as _};
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::fmt::format::{DefaultFields, FormatFields as _, Writer};
use tracing_subscriber::fmt::{FormattedFields, MakeWriter};
use tracing_subscriber::layer::Context;

use super::writer;

/// Where systemd's journal listens.
pub(super) const SOCKET: &str = "/run/systemd/journal/socket";

/// The longest value, bytes: what all fields of a line have together stays below what a datagram may have.
const VALUE_MAX: usize = 4096;

/// The longest name that the journal takes.
const NAME_MAX: usize = 64;
/// The journal takes an entry within this, or it is written as a line: whoever says something must not wait for a disk.
const TAKEN_WITHIN: Duration = Duration::from_millis(100);

/// Hands each line to the journal; what it does not take is written as a line instead.
#[derive(Debug)]
pub(super) struct Journal<W> {
    socket: UnixDatagram,
    to: PathBuf,
    otherwise: W,
}

impl<W> Journal<W> {
    /// # Errors
    /// When nobody listens there, or we may not ask.
    pub(super) fn open(to: &Path, otherwise: W) -> io::Result<Self> {
        let socket = UnixDatagram::unbound()?;
        socket.set_write_timeout(Some(TAKEN_WITHIN))?;
        // An empty entry is dropped by the journal, so this asks whether it is there.
        socket.send_to(b"", to)?;
        Ok(Self { socket, to: to.to_owned(), otherwise })
    }
}

impl<S: Subscriber, W: for<'a> MakeWriter<'a> + 'static> Layer<S> for Journal<W> {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let message = message(event);
        let mut entry = Entry::default();
        entry.put("MESSAGE", &message);
        entry.put("PRIORITY", priority(*event.metadata().level()));
        entry.put("SYSLOG_IDENTIFIER", "commwatch");
        entry.put("COMMWATCH_MODULE", event.metadata().target());
        event.record(&mut entry);
        // The journal's socket outlives the journal: it is started anew without our noticing.
        if self.socket.send_to(&entry.0, &self.to).is_err() {
            let mut line = self.otherwise.make_writer_for(event.metadata());
            // Nobody is left who could be told.
            let _ = line.write_all(format!("{message}\n").as_bytes());
        }
    }
}

/// The line as people read it: what it says, and its fields.
fn message(event: &Event<'_>) -> String {
    let mut fields = FormattedFields::<DefaultFields>::new(String::new());
    // A field whose value cannot be formatted costs the rest of the line, and no more.
    let _ = DefaultFields::new().format_fields(Writer::new(&mut fields.fields), event);
    let mut line = Vec::with_capacity(fields.fields.len());
    writer::escape(&fields.fields, false, &mut line);
    String::from_utf8_lossy(&line).into_owned()
}

/// One entry on its way. Every value is written with its length before it, so none can pass for another field.
#[derive(Default)]
struct Entry(Vec<u8>);

impl Entry {
    fn put(&mut self, name: &str, value: &str) {
        let value = &value[..value.floor_char_boundary(VALUE_MAX)];
        self.0.extend_from_slice(name.as_bytes());
        self.0.push(b'\n');
        self.0.extend_from_slice(&(value.len() as u64).to_le_bytes());
        self.0.extend_from_slice(value.as_bytes());
        self.0.push(b'\n');
    }
}

impl Visit for Entry {
    fn record_str(&mut self, field: &Field, value: &str) {
        // The message stands in the entry already, and what a library of others adds about itself is not ours.
        if field.name() != "message" && !field.name().starts_with("log.") {
            self.put(&name(field.name()), value);
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        self.record_str(field, &format!("{value:?}"));
    }
}

/// `watch` is `COMMWATCH_WATCH`: capitals, digits and underscores are all that the journal takes.
fn name(field: &str) -> String {
    let field = field.strip_prefix("r#").unwrap_or(field);
    let capital = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' };
    let name = "COMMWATCH_".chars().chain(field.chars().map(capital));
    name.take(NAME_MAX).collect()
}

/// The level as syslog has it.
fn priority(level: Level) -> &'static str {
    match level {
        Level::ERROR => "3",
        Level::WARN => "4",
        Level::INFO => "6",
        _ => "7",
    }
}

#[cfg(test)]
mod tests;
