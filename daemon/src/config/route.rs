//! `[[route]]`: which events go where.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;
use std::time::Duration;

use super::collection::{Named, Once, listed, title};
use super::hours::{self, AllHours};
use super::section::{Context, Key, Section, key};
use super::spanned::{Kind, Place, Table};
use super::suggest::{did_you_mean, list};
use super::watch::PRIORITIES;
use super::{Notifier, duration, event_type, name};
use crate::core::message::AuthorKind;
use crate::core::route::Route;
use crate::core::waiting::Threshold;

/// Times that one route may name.
const THRESHOLDS_MAX: usize = 8;
/// In place of a duration: an hour before `WhatsApp` takes no more replies.
pub(super) const WHATSAPP_WINDOW: &str = "whatsapp-window";
const THRESHOLD_BOUNDS: RangeInclusive<Duration> = Duration::from_secs(10)..=Duration::from_secs(30 * 86_400);

pub(super) const KEYS: &[Key] = &[
    key("name"),
    key("priority"),
    key("events"),
    key("from"),
    key("tags"),
    key("tags_all"),
    key("not_tags"),
    key("notify"),
    key("unanswered_for"),
    key("hours"),
];

const AUTHORS: [(&str, AuthorKind); 5] = [
    ("customer", AuthorKind::Customer),
    ("agent", AuthorKind::Agent),
    ("bot", AuthorKind::Bot),
    ("system", AuthorKind::System),
    ("unknown", AuthorKind::Unknown),
];
/// Whose messages a route gets that names no authors: nobody's own colleagues, and whoever cannot be told.
pub(super) const FROM: [AuthorKind; 2] = [AuthorKind::Customer, AuthorKind::Unknown];

/// The notifiers that the file declares.
pub(super) type Notifiers = BTreeMap<String, Named<Notifier>>;

/// A route and where it stands.
#[derive(Debug)]
pub(super) struct Placed {
    pub(super) at: Place,
    /// Where it says whose messages it tells, or as a whole.
    pub(super) from_at: Place,
    pub(super) route: Route,
}

/// Reads all routes, in order of the files.
pub(super) fn read_all(
    cx: Context<'_>,
    root: &Table,
    notifiers: &Notifiers,
    hours: &AllHours,
) -> Vec<Placed> {
    let mut names = Once::new();
    let mut routes = Vec::new();
    for (index, value) in listed(cx, root, "route").iter().enumerate() {
        let title = title("route", value);
        let Some(section) = Section::open(cx, value, &title, KEYS).map(Section::whole) else { continue };
        let name =
            section.parse("name", name::check).map_or_else(|| format!("route-{}", index + 1), str::to_owned);
        let message = || format!("two routes are called `{name}`");
        names.see(cx, name.clone(), section.place("name"), message, "give one of them another name");
        let unanswered_for = thresholds(&section, hours);
        section.need("notify", &title, "name the notifiers to tell, such as notify = [\"ops-slack\"]");
        let route = Route {
            name,
            priority: section.word("priority", &PRIORITIES),
            events: if section.get("unanswered_for").is_some() && section.get("events").is_none() {
                Vec::new()
            } else {
                events(&section)
            },
            from: authors(&section),
            tags: tags(&section, "tags"),
            tags_all: tags(&section, "tags_all"),
            not_tags: tags(&section, "not_tags"),
            unanswered_for,
            notify: notified(&section, "a route", notifiers),
        };
        routes.push(Placed { at: section.at, from_at: section.place("from"), route });
    }
    routes
}

/// The notifiers that `notify` names, each once; there must be one.
pub(super) fn notified(section: &Section<'_>, place: &str, notifiers: &Notifiers) -> Vec<String> {
    let Some(names) = section.texts("notify") else { return Vec::new() };
    if names.is_empty() {
        section.error(
            section.place("notify"),
            "`notify` names nobody",
            "name a notifier, or delete the whole section",
        );
    }
    let mut known: Vec<String> = Vec::new();
    for (at, name) in names {
        if !notifiers.contains_key(name) {
            unknown_notifier(section, at, name, place, notifiers);
        } else if !known.iter().any(|other| other == name) {
            known.push(name.to_owned());
        }
    }
    known
}

fn unknown_notifier(section: &Section<'_>, at: Place, name: &str, place: &str, notifiers: &Notifiers) {
    let names = || notifiers.keys().map(String::as_str);
    let hint = if notifiers.is_empty() {
        format!("there is no notifier in this file; add [notifiers.{name}]")
    } else {
        format!("notifiers in this file are {}{}", list(names()), did_you_mean(name, names()))
    };
    section.lacking(at, format!("unknown notifier `{name}` in {place}"), hint);
}

/// For how long nobody may wait, and in which hours that counts.
fn thresholds(section: &Section<'_>, hours: &AllHours) -> Vec<Threshold> {
    let named = section
        .text("hours")
        .and_then(|(at, name)| hours::find(section, at, name, "a route", hours).map(|_| name.to_owned()));
    let Some(entry) = section.get("unanswered_for") else {
        if section.get("hours").is_some() {
            let hint = r#"add unanswered_for = ["10m"], or delete `hours`"#;
            section.error(
                section.place("hours"),
                "`hours` says when waiting counts, and nothing waits",
                hint,
            );
        }
        return Vec::new();
    };
    // One, or several.
    let texts = match &entry.value.kind {
        Kind::Text(text) => vec![(entry.value.at, text.as_str())],
        _ => section.texts("unanswered_for").unwrap_or_default(),
    };
    if matches!(&entry.value.kind, Kind::Array(values) if values.is_empty()) {
        let message = "`unanswered_for` is empty: nobody would be told who waits";
        section.error(entry.value.at, message, r#"name how long is too long, such as ["10m", "30m"]"#);
    }
    if texts.len() > THRESHOLDS_MAX {
        let message = format!("`unanswered_for` names {} times", texts.len());
        section.error(entry.value.at, message, format!("there may be {THRESHOLDS_MAX} of them"));
    }
    let mut thresholds = BTreeSet::new();
    for (at, text) in texts {
        if text == WHATSAPP_WINDOW {
            // It ends by night as well.
            thresholds.insert(Threshold::whatsapp_window());
            continue;
        }
        let Some(duration) = section.parsed(at, duration::parse(text)) else { continue };
        if !THRESHOLD_BOUNDS.contains(&duration) || duration.subsec_nanos() > 0 {
            let message = format!("`unanswered_for` holds {}", duration::shown(duration));
            section.error(at, message, "whole seconds, from 10s to 30d");
            continue;
        }
        thresholds.insert(Threshold { hours: named.clone(), ..Threshold::after(duration.as_secs()) });
    }
    thresholds.into_iter().collect()
}

fn events(section: &Section<'_>) -> Vec<String> {
    let Some(words) = section.texts("events") else { return vec![event_type::DEFAULT.to_owned()] };
    if words.is_empty() {
        let hint = format!("delete the key for `{}`, or name event types", event_type::DEFAULT);
        section.error(section.place("events"), "`events` is empty: the route would never apply", hint);
    }
    let mut events = Vec::new();
    for (at, word) in words {
        if let Some((_, message, hint)) = event_type::UNROUTED.iter().find(|(unrouted, ..)| word == *unrouted)
        {
            section.error(at, *message, *hint);
        } else if event_type::NOW.contains(&word) {
            events.push(word.to_owned());
        } else {
            let meant = word.trim_start_matches("commwatch.").trim_end_matches(".v1");
            let similar = did_you_mean(meant, event_type::routed());
            let hint = format!("types are {}{similar}", list(event_type::routed()));
            section.error(at, format!("unknown event type `{word}`"), hint);
        }
    }
    events
}

fn authors(section: &Section<'_>) -> Vec<AuthorKind> {
    let Some(words) = section.texts("from") else { return FROM.to_vec() };
    if words.is_empty() {
        section.error(
            section.place("from"),
            "`from` is empty: no message would match",
            "delete the key for customer and unknown",
        );
    }
    words.into_iter().filter_map(|(at, word)| section.one_of("from", at, word, &AUTHORS)).collect()
}

fn tags(section: &Section<'_>, key: &str) -> Vec<String> {
    section.texts(key).unwrap_or_default().into_iter().map(|(_, tag)| tag.to_owned()).collect()
}
