//! `[reload]`: whether a changed file is read again by itself.

use std::ops::RangeInclusive;
use std::time::Duration;

use super::Reload;
use super::section::{Context, Key, Section, key};
use super::spanned::Table;

pub(super) const KEYS: &[Key] = &[key("on_change"), key("settle")];

pub(super) const SETTLE: Duration = Duration::from_secs(2);
const SETTLE_BOUNDS: RangeInclusive<Duration> = Duration::from_millis(10)..=Duration::from_secs(60);

pub(super) fn read(cx: Context<'_>, root: &Table) -> Reload {
    let section = root.get("reload").and_then(|entry| Section::open(cx, &entry.value, "[reload]", KEYS));
    Reload {
        on_change: section.and_then(|section| section.flag("on_change")).unwrap_or(true),
        settle: section.and_then(|section| section.duration("settle", SETTLE_BOUNDS)).unwrap_or(SETTLE),
    }
}
