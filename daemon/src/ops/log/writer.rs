//! One event, one line: whatever a line holds, it cannot start another.

use std::io::{self, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::MetadataExt;

use tracing::{Level, Metadata};
use tracing_subscriber::fmt::MakeWriter;

/// What is made of a line on its way.
#[derive(Clone, Copy, Debug)]
pub(super) struct Destination {
    /// Whether it begins with the journal's `<N>` (sd-daemon(3)).
    pub(super) prefix: bool,
    /// What its lines are made of.
    pub(super) kind: Kind,
}

/// What lines are made of, and so which control characters may stand in them.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Kind {
    /// None.
    Plain,
    /// Colours.
    Coloured,
    /// JSON has none to begin with.
    Json,
}

/// Writes events to something, each as one line.
#[derive(Clone, Debug)]
pub(super) struct Lines<W> {
    to: W,
    destination: Destination,
}

impl<W> Lines<W> {
    pub(super) fn new(to: W, destination: Destination) -> Self {
        Self { to, destination }
    }
}

impl<'a, W: MakeWriter<'a>> MakeWriter<'a> for Lines<W> {
    type Writer = Line<W::Writer>;

    fn make_writer(&'a self) -> Self::Writer {
        Line { to: self.to.make_writer(), kind: self.destination.kind, prefix: None }
    }

    fn make_writer_for(&'a self, event: &Metadata<'_>) -> Self::Writer {
        let prefix = self.destination.prefix.then(|| prefix(*event.level()));
        Line { prefix, ..self.make_writer() }
    }
}

/// A writer that is handed one whole event.
pub(super) struct Line<W> {
    to: W,
    kind: Kind,
    prefix: Option<&'static str>,
}

impl<W: Write> Write for Line<W> {
    /// The event comes in one piece, with its line break. It leaves in one piece as well, so that lines of two
    /// threads do not mix.
    fn write(&mut self, event: &[u8]) -> io::Result<usize> {
        let mut line = Vec::with_capacity(event.len() + 8);
        line.extend_from_slice(self.prefix.unwrap_or_default().as_bytes());
        match self.kind {
            Kind::Json => line.extend_from_slice(event),
            kind => {
                let text = String::from_utf8_lossy(event);
                escape(text.strip_suffix('\n').unwrap_or(&text), kind == Kind::Coloured, &mut line);
                line.push(b'\n');
            }
        }
        self.to.write_all(&line)?;
        Ok(event.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}

/// Writes control characters out, but for tabs, and colours where they may be.
pub(super) fn escape(body: &str, coloured: bool, line: &mut Vec<u8>) {
    for (at, c) in body.char_indices() {
        let stays = !c.is_control() || c == '\t' || (coloured && is_colour(&body[at..]));
        match stays {
            true => line.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
            false => line.extend(c.escape_default().map(|c| c as u8)),
        }
    }
}

/// Whether this begins with a sequence that does nothing but colour: `ESC [ 1 ; 31 m`.
fn is_colour(text: &str) -> bool {
    let Some(codes) = text.strip_prefix("\u{1b}[") else { return false };
    codes.trim_start_matches(|c: char| c.is_ascii_digit() || c == ';').starts_with('m')
}

/// The level as syslog has it.
fn prefix(level: Level) -> &'static str {
    match level {
        Level::ERROR => "<3>",
        Level::WARN => "<4>",
        Level::INFO => "<6>",
        _ => "<7>",
    }
}

/// Whether stderr goes to the journal: systemd says which file it connected, and a redirection would differ.
pub(super) fn stderr_is_the_journal() -> bool {
    let Ok(stream) = std::env::var("JOURNAL_STREAM") else { return false };
    let Ok(stderr) = io::stderr().as_fd().try_clone_to_owned() else { return false };
    let file = std::fs::File::from(stderr).metadata();
    file.is_ok_and(|file| stream == format!("{}:{}", file.dev(), file.ino()))
}
