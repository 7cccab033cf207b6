//! `[store]`: where what was seen is kept, and for how long.

use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use super::Store;
use super::section::{Context, Key, Section, key};
use super::spanned::Table;

pub(super) const KEYS: &[Key] = &[key("path"), key("retention"), key("text_retention")];

const DAY: Duration = Duration::from_secs(86_400);
pub(super) const RETENTION: Duration = DAY.saturating_mul(30);
pub(super) const TEXT_RETENTION: Duration = DAY.saturating_mul(7);
const BOUNDS: RangeInclusive<Duration> = Duration::from_secs(60)..=DAY.saturating_mul(3_650);

const FOLDER: &str = "/var/lib/commwatch";
const FILE: &str = "commwatch.db";

pub(super) fn read(cx: Context<'_>, root: &Table) -> Store {
    let section = root.get("store").and_then(|entry| Section::open(cx, &entry.value, "[store]", KEYS));
    let folder = || cx.surroundings.state_directory.clone().unwrap_or_else(|| PathBuf::from(FOLDER));
    let duration = |key| section.and_then(|section| section.duration(key, BOUNDS));
    Store {
        path: section.and_then(|section| section.path("path")).unwrap_or_else(|| folder().join(FILE)),
        retention: duration("retention").unwrap_or(RETENTION),
        text_retention: duration("text_retention").unwrap_or(TEXT_RETENTION),
    }
}
