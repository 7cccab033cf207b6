//! Notifiers that are never used, never speak, or whose fallback helps nobody.

use super::Facts;
use crate::config::Notifier;
use crate::config::duration::shown;
use crate::config::log::LEVELS;

pub(super) fn about_notifiers(facts: &Facts<'_>) {
    let all = facts.all_notifiers();
    for (name, (at, notifier)) in &all {
        if !is_named(facts, name) {
            let message = format!("the notifier `{name}` is named by no route, nor by anything else");
            facts.warn(*at, message, "add it to `notify` of a [[route]], or delete it");
        }
        about_times(facts, name, notifier);
        about_quiet(facts, name, notifier);
        about_log(facts, name, notifier);
        for fallback in &notifier.fallback {
            let Some((_, other)) = all.get(fallback.as_str()) else { continue };
            let at = facts.place(&["notifiers", name, "fallback"]);
            if other.library.is_err() {
                let message = format!("`{fallback}`, the fallback of `{name}`, cannot work itself");
                facts.warn(at, message, "mend its plugin, or name another");
            } else if is_same_receiver(notifier, other) {
                let message = format!("`{fallback}`, the fallback of `{name}`, has the same receiver");
                facts.warn(at, message, "name one that works when this one does not");
            }
        }
    }
}

/// Whether anything is ever handed to it.
fn is_named(facts: &Facts<'_>, name: &str) -> bool {
    let heartbeat = facts.heartbeat.into_iter().flat_map(|heartbeat| &heartbeat.notify);
    let routes = facts.routes.iter().flat_map(|placed| &placed.route.notify);
    let notifiers = facts.notifiers.values().filter_map(|named| named.item.as_ref());
    let fallbacks = notifiers.flat_map(|notifier| &notifier.fallback);
    facts.operators.iter().chain(heartbeat).chain(routes).chain(fallbacks).any(|other| other == name)
}

fn about_times(facts: &Facts<'_>, name: &str, notifier: &Notifier) {
    let Notifier { retry_for, fallback_after, timeout, fallback, .. } = notifier;
    let retry = shown(*retry_for);
    if !fallback.is_empty() && retry_for < fallback_after {
        let message = format!(
            "the notifier `{name}` gives up after {retry} (`retry_for`), before its fallback is told ({}, `fallback_after`)",
            shown(*fallback_after)
        );
        let hint =
            "the fallback is told when it gives up; lengthen `retry_for` to have it tried on meanwhile";
        facts.warn(facts.place(&["notifiers", name, "retry_for"]), message, hint);
    }
    if retry_for <= timeout {
        let message = format!(
            "the notifier `{name}` gives up after {retry} (`retry_for`), and one attempt may take {} (`timeout`)",
            shown(*timeout)
        );
        let hint = "nothing is tried twice then; lengthen `retry_for` or shorten `timeout`";
        facts.warn(facts.place(&["notifiers", name, "retry_for"]), message, hint);
    }
}

fn about_quiet(facts: &Facts<'_>, name: &str, notifier: &Notifier) {
    let Some(quiet) = &notifier.pacing.quiet else { return };
    if !quiet.hours.are_always() {
        return;
    }
    let at = facts.place(&["notifiers", name, "quiet_hours"]);
    let hours = facts.hours.get(&quiet.name).map(|named| named.at);
    if !quiet.during {
        let message = format!("the quiet hours of `{name}` never come: `{}` is the whole week", quiet.name);
        facts.warn(at, message, "write during = \"...\" with hours of the night, or delete `quiet_hours`");
        return;
    }
    let besides = if quiet.pass.is_empty() { "nothing" } else { "nothing but what `pass` names" };
    let message = format!("the quiet hours of `{name}` are the whole week: it is told {besides}");
    let note =
        crate::config::findings::Note::warning(at, message).hint("write outside = \"...\", or shorter hours");
    facts.findings.add(match hours {
        Some(hours) => note.also(hours, "the hours are here"),
        None => note,
    });
}

/// The plugin `log` writes into our own log, which may leave its lines out.
fn about_log(facts: &Facts<'_>, name: &str, notifier: &Notifier) {
    if notifier.plugin != "log" {
        return;
    }
    let rank = |level: &str| LEVELS.iter().position(|known| *known == level.to_ascii_lowercase());
    let own = notifier.config.get("level").and_then(serde_json::Value::as_str).unwrap_or("info");
    // Directives say more than can be compared.
    if let (Some(all), Some(lines)) = (rank(&facts.log.level), rank(own))
        && lines > all
    {
        let message = format!(
            "the notifier `{name}` writes lines of level {own}, and the log leaves them out (`level` of [log] is {})",
            facts.log.level
        );
        facts.warn(facts.place(&["log", "level"]), message, "raise the one or the other");
    }
}

/// The same plugin with the same configuration and the same secrets.
fn is_same_receiver(one: &Notifier, other: &Notifier) -> bool {
    one.plugin == other.plugin && one.config == other.config && one.secrets == other.secrets
}
