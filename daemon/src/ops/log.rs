//! The log: where lines go, how they look, which are written.
//!
//! Lines go to stderr. A level speaks of commwatch; what it is built on says warnings, unless the operator
//! writes directives of his own. What an HTTP library says below `info` is never written: it may hold headers
//! and addresses, and with them secrets.

mod writer;

use std::io::{self, IsTerminal};

use tracing::level_filters::LevelFilter;
use tracing::{Metadata, Subscriber};
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::{EnvFilter, Layer, Registry, fmt, reload};

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
    let format = Format::choose(log.format, writer::stderr_is_the_journal(), io::stderr().is_terminal());
    let (subscriber, handle) = subscriber(format, &log.level, io::stderr)?;
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
    Json {
        prefix: bool,
    },
    /// Text without times, which the journal has, with its level prefixes.
    Journald,
}

impl Format {
    fn choose(wanted: LogFormat, journal: bool, terminal: bool) -> Self {
        let colour = terminal && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        match wanted {
            LogFormat::Auto if journal => Self::Json { prefix: true },
            LogFormat::Auto | LogFormat::Text => Self::Text { colour },
            LogFormat::Json => Self::Json { prefix: false },
            LogFormat::Journald => Self::Journald,
        }
    }
}

fn subscriber<W>(
    format: Format,
    level: &str,
    to: W,
) -> Result<(impl Subscriber + use<W>, LogHandle), LogError>
where
    W: for<'a> MakeWriter<'a> + Clone + Send + Sync + 'static,
{
    let (filter, handle) = reload::Layer::new(filter(level)?);
    let kind = match format {
        Format::Json { .. } => Kind::Json,
        Format::Text { colour: true } => Kind::Coloured,
        _ => Kind::Plain,
    };
    let lines = |prefix| Lines::new(to.clone(), Destination { prefix, kind });
    let layer: Box<dyn Layer<_> + Send + Sync> = match format {
        Format::Text { colour } => Box::new(fmt::layer().with_ansi(colour).with_writer(lines(false))),
        Format::Json { prefix } => {
            Box::new(fmt::layer().json().flatten_event(true).with_ansi(false).with_writer(lines(prefix)))
        }
        Format::Journald => {
            Box::new(fmt::layer().without_time().with_level(false).with_ansi(false).with_writer(lines(true)))
        }
    };
    let layer = layer.with_filter(filter_fn(harmless));
    Ok((Registry::default().with(filter).with(layer), LogHandle(handle)))
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
