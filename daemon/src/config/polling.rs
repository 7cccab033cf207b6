//! `[polling]`: how often conversations are asked for.

use std::ops::RangeInclusive;
use std::time::Duration;

use super::section::{Context, Key, Section, key};
use super::spanned::Table;

pub(super) const KEYS: &[Key] = &[key("interval")];

pub(super) const INTERVAL: Duration = Duration::from_secs(30);
pub(super) const INTERVAL_BOUNDS: RangeInclusive<Duration> =
    Duration::from_secs(1)..=Duration::from_secs(86_400);

/// The interval of watches that have none of their own.
pub(super) fn read(cx: Context<'_>, root: &Table) -> Duration {
    let section = root.get("polling").and_then(|entry| Section::open(cx, &entry.value, "[polling]", KEYS));
    section.and_then(|section| section.duration("interval", INTERVAL_BOUNDS)).unwrap_or(INTERVAL)
}
