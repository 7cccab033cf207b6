//! `[heartbeat]`: a sign of life that goes the way of every alert.

use std::ops::RangeInclusive;
use std::time::Duration;

use super::route::{self, Notifiers};
use super::section::{Context, Key, Section, key};
use super::spanned::Table;
use crate::core::heartbeat::Heartbeat;

pub(super) const KEYS: &[Key] = &[key("every"), key("notify")];

pub(super) const EVERY: Duration = Duration::from_secs(300);
const BOUNDS: RangeInclusive<Duration> = Duration::from_secs(10)..=Duration::from_secs(86_400);

pub(super) fn read(cx: Context<'_>, root: &Table, notifiers: &Notifiers) -> Option<Heartbeat> {
    let entry = root.get("heartbeat")?;
    let section = Section::open(cx, &entry.value, "[heartbeat]", KEYS)?;
    section.need("notify", "[heartbeat]", "name who gets it, such as notify = [\"deadman\"]");
    Some(Heartbeat {
        every: section.duration("every", BOUNDS).unwrap_or(EVERY),
        notify: route::notified(&section, "[heartbeat]", notifiers),
    })
}
