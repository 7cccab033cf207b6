//! The log: where lines go, how they look, which are written.
//!
//! Lines go to stderr, or to systemd's journal with their fields. A level speaks of commwatch; what it is built on says
//! warnings, unless the operator writes directives of his own. What an HTTP library says below `info` is never written:
//! it may hold headers and addresses, and with them secrets.

mod journal;
mod writer;

use std::io::{self, IsTerminal};
use std::path::Path;

use tracing::level_filters::LevelFilter;
use tracing::{Metadata, Subscriber};
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::{Layered, SubscriberExt};
use tracing_subscriber::{EnvFilter, Layer, Registry, fmt, reload};

use self::journal::Journal;
use self::writer::{Destination, Kind, Lines};
use crate::config::{Log, LogFormat};

/// Libraries that see what we send and receive.
const WIRE: [&str; 7] = ["h2", "hyper", "hyper_util", "reqwest", "rustls", "tower", "axum"];

/// The log is set up already, or a level cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// Not a level and not directives.
    #[error(
        "`{level}` is neither a log level (error, warn, info, debug, trace, off) nor filter directives: {why}"
    )]
    Level {
        /// What was written.
        level: String,
        /// What is wrong with it.
        why: String,
    },
    /// There can be one log a process.
    #[error("the log was set up twice")]
    Twice,
}

/// Changes the level of the log while it is in use.
#[derive(Clone, Debug)]
pub struct LogHandle(reload::Handle<EnvFilter, Registry>);

impl LogHandle {
    /// From now on, write this much.
    ///
    /// # Errors
    /// When `level` cannot be read; then nothing changes.
    pub fn set_level(&self, level: &str) -> Result<(), LogError> {
        let filter = filter(level)?;
        // It fails only when the log is gone, and then nothing is left to change.
        let _ = self.0.reload(filter);
        Ok(())
    }
}

/// Sets up the log of this process.
///
/// # Errors
/// When the level cannot be read, or there is a log already.
pub fn init(log: &Log) -> Result<LogHandle, LogError> {
    let journal = writer::stderr_is_the_journal();
    let format = Format::choose(log.format, journal, io::stderr().is_terminal());
    let (subscriber, handle) = subscriber(format, &log.level, io::stderr, Path::new(journal::SOCKET))?;
    tracing::subscriber::set_global_default(subscriber).map_err(|_| LogError::Twice)?;
    Ok(handle)
}

/// Whether `level` can be read, for checking a configuration.
///
/// # Errors
/// When it cannot.
pub fn check_level(level: &str) -> Result<(), LogError> {
    filter(level).map(|_| ())
}

/// How lines are written, once it is known where to.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Format {
    Text {
        colour: bool,
    },
    Json,
    /// Text without times, with the level prefixes of sd-daemon(3).
    Prefixed,
    /// The journal's own protocol, or prefixed text where that is not spoken.
    Journal,
}

impl Format {
    fn choose(wanted: LogFormat, journal: bool, terminal: bool) -> Self {
        let colour = terminal && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        match wanted {
            LogFormat::Auto | LogFormat::Journald if journal => Self::Journal,
            LogFormat::Auto | LogFormat::Text => Self::Text { colour },
            LogFormat::Json => Self::Json,
            LogFormat::Journald => Self::Prefixed,
        }
    }
}

/// What the lines that the level lets through go to.
type Filtered = Layered<reload::Layer<EnvFilter, Registry>, Registry>;

fn subscriber<W>(
    format: Format,
    level: &str,
    to: W,
    journal: &Path,
) -> Result<(impl Subscriber + use<W>, LogHandle), LogError>
where
    W: for<'a> MakeWriter<'a> + Clone + Send + Sync + 'static,
{
    let (filter, handle) = reload::Layer::new(filter(level)?);
    let layer = layer(format, to, journal).with_filter(filter_fn(harmless));
    Ok((Registry::default().with(filter).with(layer), LogHandle(handle)))
}

fn layer<W>(format: Format, to: W, journal: &Path) -> Box<dyn Layer<Filtered> + Send + Sync>
where
    W: for<'a> MakeWriter<'a> + Clone + Send + Sync + 'static,
{
    let lines = |prefix, kind| Lines::new(to.clone(), Destination { prefix, kind });
    match format {
        Format::Text { colour } => {
            let kind = if colour { Kind::Coloured } else { Kind::Plain };
            Box::new(fmt::layer().with_ansi(colour).with_writer(lines(false, kind)))
        }
        Format::Json => Box::new(
            fmt::layer().json().flatten_event(true).with_ansi(false).with_writer(lines(false, Kind::Json)),
        ),
        Format::Prefixed => {
            let layer = fmt::layer().without_time().with_level(false).with_ansi(false);
            Box::new(layer.with_writer(lines(true, Kind::Plain)))
        }
        Format::Journal => match Journal::open(journal, lines(true, Kind::Plain)) {
            Ok(journal) => Box::new(journal),
            Err(_) => layer(Format::Prefixed, to, journal),
        },
    }
}

/// A bare level speaks of us; the rest says warnings, or less where we do.
fn filter(level: &str) -> Result<EnvFilter, LogError> {
    let wrong = |why: String| LogError::Level { level: level.to_owned(), why };
    let is_level = |word: &str| !word.trim().is_empty() && word.trim().parse::<LevelFilter>().is_ok();
    // A word alone would be taken for the name of a module: with a slip of the pen the log would be silent.
    if let Some(word) = level.split(',').find(|directive| !directive.contains('=') && !is_level(directive)) {
        return Err(wrong(format!("`{word}` is not a level")));
    }
    let directives = match level.trim().parse::<LevelFilter>() {
        Ok(ours) => format!("{},commwatch={ours}", ours.min(LevelFilter::WARN)),
        Err(_) => level.to_owned(),
    };
    EnvFilter::builder().parse(directives).map_err(|error| wrong(error.to_string()))
}

/// Whether a line can hold no secret of the wire.
fn harmless(line: &Metadata<'_>) -> bool {
    let library = line.target().split("::").next().unwrap_or_default();
    *line.level() <= tracing::Level::INFO || !WIRE.contains(&library)
}

#[cfg(test)]
mod tests;
