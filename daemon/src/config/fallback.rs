//! `fallback` of a notifier: who is told in its place, and when.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::time::Duration;

use super::findings::Note;
use super::section::{Context, Section};
use super::spanned::{Kind, Place, Table, Value};
use super::suggest::{did_you_mean, list};

/// How long a notifier has to accept something before its fallbacks are told.
pub(super) const AFTER: Duration = Duration::from_secs(300);
/// A delivery waits no longer than a day for anything.
const AFTER_BOUNDS: RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_secs(86_400);
/// Fallbacks of one notifier: so many more than the outbox may hold can be in it.
const FALLBACKS_MAX: usize = 4;

/// Reads both keys; who is named is [checked](check) when all notifiers are known.
pub(super) fn read(section: &Section<'_>) -> (Vec<String>, Duration) {
    let after = section.duration("fallback_after", AFTER_BOUNDS);
    let names = section.texts("fallback").unwrap_or_default();
    if names.is_empty() && section.get("fallback_after").is_some() {
        let hint = "name who is told then, such as fallback = [\"sms\"], or delete the key";
        section.lacking(
            section.place("fallback_after"),
            "`fallback_after` without anybody in `fallback`",
            hint,
        );
    }
    if names.len() > FALLBACKS_MAX {
        let message = format!("`fallback` names {} notifiers, and {FALLBACKS_MAX} is the most", names.len());
        section.error(section.place("fallback"), message, "name those that would reach somebody");
    }
    let mut fallback: Vec<String> = Vec::new();
    for (_, name) in names {
        if !fallback.iter().any(|other| other == name) {
            fallback.push(name.to_owned());
        }
    }
    (fallback, after.unwrap_or(AFTER))
}

/// Says who is named and does not exist, and which notifiers would fall back on themselves.
pub(super) fn check(cx: Context<'_>, root: &Table) {
    let all = written(root);
    for (notifier, fallbacks) in &all {
        for (at, name) in fallbacks {
            let names = || all.keys().copied();
            if !all.contains_key(name) {
                let hint =
                    format!("notifiers in this file are {}{}", list(names()), did_you_mean(name, names()));
                let message = format!("unknown notifier `{name}` in `fallback`");
                cx.findings.lacking(Note::error(*at, message).hint(hint));
            } else if name == notifier {
                let message = format!("`{name}` cannot be its own fallback");
                cx.findings.add(Note::error(*at, message).hint("name one that works when this one does not"));
            } else if let Some(way) = way(&all, name, notifier) {
                let way = way.join("`, whose fallback is `");
                let message = format!("fallbacks go in a circle: `{notifier}`, whose fallback is `{way}`");
                cx.findings.add(Note::error(*at, message).hint("leave out one of them"));
            }
        }
    }
}

type Written<'a> = BTreeMap<&'a str, Vec<(Place, &'a str)>>;

/// What each notifier names, as far as it can be read: the rest has been told.
fn written(root: &Table) -> Written<'_> {
    let Some(Kind::Table(notifiers)) = root.get("notifiers").map(|entry| &entry.value.kind) else {
        return BTreeMap::new();
    };
    let named = notifiers.0.iter().map(|entry| {
        let values = match &entry.value.kind {
            Kind::Table(table) => named_by(table),
            _ => &[],
        };
        let texts = values.iter().filter_map(|value| match &value.kind {
            Kind::Text(text) => Some((value.at, text.as_str())),
            _ => None,
        });
        (entry.key.as_str(), texts.collect())
    });
    named.collect()
}

fn named_by(notifier: &Table) -> &[Value] {
    match notifier.get("fallback").map(|entry| &entry.value.kind) {
        Some(Kind::Array(values)) => values,
        _ => &[],
    }
}

/// From one notifier to another by way of fallbacks, both named.
fn way<'a>(all: &Written<'a>, from: &'a str, to: &str) -> Option<Vec<&'a str>> {
    let mut seen = vec![from];
    let mut ways = vec![vec![from]];
    while let Some(way) = ways.pop() {
        let last = *way.last()?;
        if last == to {
            return Some(way);
        }
        for (_, next) in all.get(last).into_iter().flatten() {
            if *next == to || !seen.contains(next) {
                seen.push(next);
                ways.push(way.iter().copied().chain([*next]).collect());
            }
        }
    }
    None
}
