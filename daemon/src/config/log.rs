//! `[log]`: which log lines are written, and how.

use tracing_subscriber::EnvFilter;

use super::section::{Bad, Context, Key, Section, key};
use super::spanned::Table;
use super::suggest::did_you_mean;
use super::{Log, LogFormat};

pub(super) const KEYS: &[Key] = &[key("level"), key("format")];

pub(super) const LEVEL: &str = "info";
/// From the one that says least.
pub(super) const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];
pub(super) const FORMATS: [(&str, LogFormat); 4] = [
    ("auto", LogFormat::Auto),
    ("text", LogFormat::Text),
    ("json", LogFormat::Json),
    ("journald", LogFormat::Journald),
];

pub(super) fn read(cx: Context<'_>, root: &Table) -> Log {
    let section = root.get("log").and_then(|entry| Section::open(cx, &entry.value, "[log]", KEYS));
    Log {
        level: section.and_then(|section| section.parse("level", level)).unwrap_or_else(|| LEVEL.to_owned()),
        format: section.and_then(|section| section.word("format", &FORMATS)).unwrap_or(LogFormat::Auto),
    }
}

/// A level, or directives. A bare word that is no level would be taken for the name of a module and silence
/// everything else, so it is refused.
fn level(text: &str) -> Result<String, Bad> {
    let hint =
        "levels are error, warn, info, debug, trace, off; or directives such as \"commwatch=debug,info\"";
    for part in text.split(',').map(str::trim) {
        let bare = !part.contains(['=', '[', ':']);
        if bare && !LEVELS.contains(&part.to_ascii_lowercase().as_str()) {
            return Err(Bad::new(
                format!("`{part}` is not a level"),
                format!("{hint}{}", did_you_mean(part, LEVELS)),
            ));
        }
    }
    match EnvFilter::builder().parse(text) {
        Ok(_) => Ok(text.to_owned()),
        Err(error) => Err(Bad::new(format!("`{text}` is not a log filter: {error}"), hint)),
    }
}
