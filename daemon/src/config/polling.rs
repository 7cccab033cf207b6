//! `[polling]`: how often conversations are asked for.

use std::ops::RangeInclusive;
use std::time::Duration;

use super::section::{Context, Key, Section, key};
use super::seek;
use super::spanned::Table;

pub(super) const KEYS: &[Key] = &[key("interval"), key("discovery")];

pub(super) const INTERVAL: Duration = Duration::from_secs(30);
pub(super) const INTERVAL_BOUNDS: RangeInclusive<Duration> =
    Duration::from_secs(1)..=Duration::from_secs(86_400);

/// What watches have that say nothing of their own.
#[derive(Clone, Copy, Debug)]
pub(super) struct Paces {
    /// How often a conversation is asked for.
    pub(super) interval: Duration,
    /// How often new ones are looked for.
    pub(super) discovery: Duration,
}

/// Both of them.
pub(super) fn read(cx: Context<'_>, root: &Table) -> Paces {
    let section = root.get("polling").and_then(|entry| Section::open(cx, &entry.value, "[polling]", KEYS));
    let read = |key, bounds| section.and_then(|section| section.duration(key, bounds));
    Paces {
        interval: read("interval", INTERVAL_BOUNDS).unwrap_or(INTERVAL),
        discovery: read("discovery", seek::DISCOVERY_BOUNDS).unwrap_or(seek::DISCOVERY),
    }
}
