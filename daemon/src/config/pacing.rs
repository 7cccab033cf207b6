//! `group`, `max_per` and `quiet_hours` of a notifier: what it is told together, how much in a while, and when nothing.

use std::ops::RangeInclusive;
use std::time::Duration;

use super::hours::{self, AllHours};
use super::section::{Key, Section, key};
use super::spanned::Kind;
use super::{notifier, rate};
use crate::core::pacing::{CAP_MAX, Cap, Group, Pacing, Pass, Quiet, SHOWN};

pub(super) const GROUP_KEYS: &[Key] = &[key("wait"), key("interval"), key("max")];
pub(super) const QUIET_KEYS: &[Key] = &[key("during"), key("outside"), key("pass")];

const WAIT_BOUNDS: RangeInclusive<Duration> = Duration::ZERO..=Duration::from_secs(300);
const INTERVAL_BOUNDS: RangeInclusive<Duration> = Duration::ZERO..=Duration::from_secs(3_600);
const MAX_BOUNDS: RangeInclusive<u32> = 1..=100;

/// For who reads it: the first message at once, what follows within half a minute together.
const GROUP: Group = Group { wait: Duration::ZERO, interval: Duration::from_secs(30), max: SHOWN };
/// For who reads it: two a minute, on the average of ten.
const CAP: Cap = Cap { count: 20, per: Duration::from_secs(600) };

pub(super) const PASSES: [(&str, Pass); 3] =
    [("vip", Pass::Vip), ("warning", Pass::Warning), ("critical", Pass::Critical)];

/// Those whose receivers keep incidents: what opens one there must close it. A plugin that wants to be told again what is
/// open says so itself; these do also where their file cannot be read.
fn keeps_incidents(plugin: &str) -> bool {
    matches!(plugin, "pagerduty" | "alertmanager")
}

/// Those that hand events on to a program.
fn is_program(plugin: &str) -> bool {
    matches!(plugin, "webhook" | "exec" | "log")
}

/// What a notifier of that plugin has where nothing is written.
pub(super) fn default_for(plugin: &str) -> Pacing {
    let is_read = notifier::is_messenger(plugin);
    Pacing {
        group: is_read.then_some(GROUP),
        cap: is_read.then_some(CAP),
        quiet: None,
        keeps_incidents: keeps_incidents(plugin),
        whole: is_program(plugin),
    }
}

/// Reads all three keys.
pub(super) fn read(section: &Section<'_>, title: &str, plugin: &str, hours: &AllHours) -> Pacing {
    let default = default_for(plugin);
    Pacing {
        group: group(section, title, default.group),
        cap: cap(section, default.cap),
        quiet: quiet(section, title, hours),
        keeps_incidents: default.keeps_incidents,
        whole: default.whole,
    }
}

fn group(section: &Section<'_>, title: &str, default: Option<Group>) -> Option<Group> {
    let Some(entry) = section.get("group") else { return default };
    match entry.value.kind {
        Kind::Flag(false) => None,
        Kind::Flag(true) => Some(GROUP),
        Kind::Table(_) => {
            let title = format!("`group` of {title}");
            let group = Section::open(section.cx, &entry.value, &title, GROUP_KEYS)?;
            Some(Group {
                wait: group.duration("wait", WAIT_BOUNDS).unwrap_or(GROUP.wait),
                interval: group.duration("interval", INTERVAL_BOUNDS).unwrap_or(GROUP.interval),
                max: group.count("max", MAX_BOUNDS).map_or(GROUP.max, |max| max as usize),
            })
        }
        _ => {
            section.wrong_kind(entry, "true, false or a table such as { interval = \"1m\", max = 20 }");
            None
        }
    }
}

fn cap(section: &Section<'_>, default: Option<Cap>) -> Option<Cap> {
    let Some(entry) = section.get("max_per") else { return default };
    if let Kind::Flag(false) = entry.value.kind {
        return None;
    }
    let hint = "write max_per = \"20/10m\", or false for as many as there are";
    let rate = section.written("max_per", "a number in a time", hint, rate::parse)?;
    if rate.count > CAP_MAX {
        let message = format!("`max_per` counts {}", rate.count);
        section.error(entry.value.at, message, format!("it counts {CAP_MAX} at most"));
        return None;
    }
    Some(Cap { count: rate.count, per: rate.per })
}

fn quiet(section: &Section<'_>, title: &str, all: &AllHours) -> Option<Quiet> {
    let entry = section.get("quiet_hours")?;
    let title = format!("`quiet_hours` of {title}");
    let quiet = Section::open(section.cx, &entry.value, &title, QUIET_KEYS)?;
    let pass = quiet.texts("pass").unwrap_or_default();
    let pass = pass.into_iter().filter_map(|(at, word)| quiet.one_of("pass", at, word, &PASSES)).collect();
    let (during, outside) = (quiet.text("during"), quiet.text("outside"));
    let (at, name, is_during) = match (during, outside) {
        (Some((at, name)), None) => (at, name, true),
        (None, Some((at, name))) => (at, name, false),
        (None, None) => {
            if quiet.get("during").is_none() && quiet.get("outside").is_none() {
                let hint = "write { during = \"night\" } or { outside = \"desk\" }, and [hours.night] or [hours.desk]";
                quiet.error(entry.value.at, "`quiet_hours` does not say when", hint);
            }
            return None;
        }
        (Some(_), Some((at, _))) => {
            quiet.error(at, "`quiet_hours` has both `during` and `outside`", "delete one of them");
            return None;
        }
    };
    // Hours with a mistake of their own have been told.
    let hours = hours::find(section, at, name, "`quiet_hours`", all)?.item.clone()?;
    Some(Quiet { name: name.to_owned(), hours, during: is_during, pass })
}
