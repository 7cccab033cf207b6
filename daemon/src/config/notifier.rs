//! `[notifiers.NAME]`: a configured instance of a plugin.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use super::catalog::{Found, NotFound, Opinion, Trial};
use super::collection::{Named, read_named};
use super::findings::{Doubt, Note};
use super::hours::{AllHours, zone};
use super::mistake::Severity;
use super::plugin_config::{self, Checked};
use super::section::{Bad, Context, Key, Section, key, later};
use super::spanned::{Place, Table, Value};
use super::suggest::{did_you_mean, list};
use super::{Content, Notifier, Plugins, Rate, fallback, name, pacing};
use crate::core::outcome::{Order, Retries};
use crate::core::words::Voice;

pub(super) const KEYS: &[Key] = &[
    key("plugin"),
    key("content"),
    key("timezone"),
    key("timeout"),
    key("rate"),
    key("retry_for"),
    key("retries"),
    key("order"),
    key("fallback"),
    key("fallback_after"),
    key("reveal"),
    key("config"),
    key("group"),
    key("max_per"),
    key("quiet_hours"),
    later("network"),
];

pub(super) const CONTENTS: [(&str, Content); 3] =
    [("none", Content::None), ("snippet", Content::Snippet), ("full", Content::Full)];

pub(super) const TIMEOUT: Duration = Duration::from_secs(15);
const TIMEOUT_BOUNDS: RangeInclusive<Duration> = Duration::from_millis(100)..=Duration::from_secs(600);
const RETRY_FOR_BOUNDS: RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_secs(30 * 86_400);

/// What people read takes about one message a second for a channel, a chat, a number or a mailbox.
pub(super) fn default_rate(plugin: &str) -> Rate {
    Rate { count: if is_messenger(plugin) { 1 } else { 10 }, per: Duration::from_secs(1) }
}

/// Whether people read it as it comes.
pub(super) fn is_messenger(plugin: &str) -> bool {
    matches!(plugin, "slack" | "ntfy" | "teams" | "telegram" | "twilio" | "email")
}

/// People do not want yesterday's alerts; programs want every event.
pub(super) fn default_retry_for(plugin: &str) -> Duration {
    Duration::from_secs(if plugin == "webhook" { 3 * 86_400 } else { 6 * 3_600 })
}

pub(super) const RETRIES: [(&str, Retries); 2] =
    [("people", Retries::People), ("machines", Retries::Machines)];

/// Who waits wants it soon; a program that was away for a day wants it still.
pub(super) fn default_retries(plugin: &str) -> Retries {
    if plugin == "webhook" { Retries::Machines } else { Retries::People }
}

pub(super) const ORDERS: [(&str, Order); 2] = [("any", Order::Any), ("conversation", Order::Conversation)];

/// People need the new alert more than the old one before it; programs count on the order.
pub(super) fn default_order(retries: Retries) -> Order {
    match retries {
        Retries::People => Order::Any,
        Retries::Machines => Order::Conversation,
    }
}

/// What is pinned of each plugin's file, or that it is another.
type Pinned = RefCell<BTreeMap<PathBuf, Result<Option<String>, String>>>;

/// Reads all notifiers, finding each one's plugin and checking its configuration against the plugin's schema.
pub(super) fn read_all(
    cx: Context<'_>,
    root: &Table,
    plugins: &Plugins,
    hours: &AllHours,
) -> BTreeMap<String, Named<Notifier>> {
    let pins = Pinned::default();
    read_named(cx, root, "notifiers", |name, title, value| {
        read(cx, (name, title), value, (plugins, &pins), hours)
    })
}

fn read(
    cx: Context<'_>,
    (name, title): (&str, &str),
    value: &Value,
    (plugins, pins): (&Plugins, &Pinned),
    hours: &AllHours,
) -> Option<Notifier> {
    let section = Section::open(cx, value, title, KEYS)?;
    section.need("plugin", title, "name the plugin, such as plugin = \"slack\"");
    let plugin = section.parse("plugin", plugin_word);
    let content = section.word("content", &CONTENTS).unwrap_or(Content::Snippet);
    let voice = section.parse("timezone", zone).map(Voice::at).unwrap_or_default();
    let timeout = section.duration("timeout", TIMEOUT_BOUNDS).unwrap_or(TIMEOUT);
    let rate = section.rate("rate");
    let retry_for = section.duration("retry_for", RETRY_FOR_BOUNDS);
    let retries = section.word("retries", &RETRIES);
    let order = section.word("order", &ORDERS);
    let (fallback, fallback_after) = fallback::read(&section);
    let config = section.get("config").map(|entry| &entry.value);
    let found = plugin.map(|plugin| find(cx, plugin, section.place("plugin"), plugins));
    let (found, pinned) = pinned(cx, found, section.place("plugin"), plugins, pins);
    if let (None | Some(Err(_)), Some(config)) = (&found, config) {
        // Which of these are secrets is known to the plugin alone.
        cx.findings.hide_all(config, Doubt::May);
    }
    let mut pacing = pacing::read(&section, title, plugin.unwrap_or_default(), hours);
    pacing.keeps_incidents |= found.as_ref().is_some_and(|found| found.as_ref().is_ok_and(|one| one.repeats));
    let plugin = plugin?;
    let checked = found?.and_then(|found| {
        let checked = check_config(cx, title, &section, config, &found)?;
        Ok((found, checked))
    });
    let (found, checked) = checked.map_or_else(
        |why| (Err(why), Checked::default()),
        |(found, checked)| (Ok(found), checked.unwrap_or_default()),
    );
    let reveal = reveal(&section, title, found.is_ok(), &checked);
    let Checked { config, secrets, to_reveal: _, private } = checked;
    if let Ok(found) = &found
        && !config.is_null()
        && !cx.findings.any_unread()
    {
        let trial = Trial {
            notifier: name,
            found,
            pinned: pinned.as_deref(),
            config: &config,
            secrets: &secrets,
            reveal: &reveal,
        };
        ask(cx, &section, plugin, &trial);
    }
    let library = found.map(|found| found.library);
    let retries = retries.unwrap_or_else(|| default_retries(plugin));
    Some(Notifier {
        plugin: plugin.to_owned(),
        library,
        pinned,
        content,
        voice,
        timeout,
        rate: rate.unwrap_or_else(|| default_rate(plugin)),
        retry_for: retry_for.unwrap_or_else(|| default_retry_for(plugin)),
        retries,
        order: order.unwrap_or_else(|| default_order(retries)),
        fallback,
        fallback_after,
        pacing,
        config,
        secrets,
        reveal,
        private,
    })
}

/// The pointers of the secrets that the plugin is told. Without a configuration that was accepted nothing is known
/// of its secrets, and nothing more needs to be said.
fn reveal(section: &Section<'_>, title: &str, is_there: bool, checked: &Checked) -> BTreeSet<String> {
    let is_checked = is_there && !checked.config.is_null();
    let named = section.texts("reveal").unwrap_or_default();
    for (at, field) in &named {
        if is_checked && !checked.secrets.contains_key(&plugin_config::pointer_to(field)) {
            let fields: Vec<&str> = checked.secrets.keys().map(|pointer| &pointer[1..]).collect();
            let hint = match fields[..] {
                [] => "no secret is configured there; delete the line".to_owned(),
                _ => format!("secrets there are {}", list(fields.iter().copied())),
            };
            section.lacking(*at, format!("`{field}` in `reveal` is no secret of {}", of_config(title)), hint);
        }
    }
    let reveal: BTreeSet<String> =
        named.into_iter().map(|(_, field)| plugin_config::pointer_to(field)).collect();
    for pointer in checked.to_reveal.difference(&reveal) {
        let field = &pointer[1..];
        let hint = format!(
            "write reveal = [\"{field}\"] in {title}: its receiver wants it where only the plugin can put it"
        );
        section.lacking(section.place("config"), format!("the plugin must be told `{field}`"), hint);
    }
    reveal
}

/// What messages call a notifier's own configuration.
fn of_config(title: &str) -> String {
    title.replace(']', ".config]")
}

fn plugin_word(text: &str) -> Result<&str, Bad> {
    name::check(text).map_err(|_| {
        let hint = "write the plugin's word, such as \"slack\" for the file libcommwatch_slack.so";
        Bad::new(format!("`{text}` cannot be the name of a plugin"), hint)
    })
}

/// A plugin that is not there breaks its notifiers, not the configuration.
fn find(cx: Context<'_>, plugin: &str, at: Place, plugins: &Plugins) -> Result<Found, String> {
    let NotFound { why, looked_in, names } = match cx.catalog.find(plugin, &plugins.path, plugins.trust) {
        Ok(found) => return Ok(found),
        Err(not_found) => not_found,
    };
    let folders: Vec<_> = looked_in.iter().map(|folder| folder.to_string_lossy()).collect();
    let mut hint = format!("looked in {}", list(folders.iter().map(AsRef::as_ref)));
    if !names.is_empty() {
        hint.push_str(&format!("; plugins there are {}", list(names.iter().map(String::as_str))));
        // A file that is there and cannot be used has the name that was meant.
        if !names.iter().any(|name| name == plugin) {
            hint.push_str(&did_you_mean(plugin, names.iter().map(String::as_str)));
        }
    }
    let why = format!("no plugin `{plugin}`: {why}");
    cx.findings.lacking(Note::new(Severity::Broken, at, why.clone()).hint(hint));
    Err(why)
}

/// One that is not the file that was pinned is as good as not there.
fn pinned(
    cx: Context<'_>,
    found: Option<Result<Found, String>>,
    at: Place,
    plugins: &Plugins,
    pins: &Pinned,
) -> (Option<Result<Found, String>>, Option<String>) {
    let Some(Ok(found)) = found else { return (found, None) };
    // A file is read once, however many notifiers it is of.
    let mut known = pins.borrow_mut();
    let pinned =
        known.entry(found.library.clone()).or_insert_with(|| cx.catalog.pinned(&found, &plugins.pins));
    match pinned.clone() {
        Ok(pinned) => (Some(Ok(found)), pinned),
        Err(why) => {
            cx.findings.add(Note::new(Severity::Broken, at, why.clone()));
            (Some(Err(why)), None)
        }
    }
}

/// What the plugin itself has against its configuration, which its schema could not say, breaks the notifier.
fn ask(cx: Context<'_>, section: &Section<'_>, plugin: &str, trial: &Trial<'_>) {
    let at = section.get("config").map_or(section.at, |entry| entry.key_at);
    match cx.catalog.opinion(trial) {
        Opinion::Takes => {}
        Opinion::Refuses(why) => {
            let message = format!("the plugin `{plugin}` does not take this configuration: {why}");
            cx.findings.add(Note::new(Severity::Broken, at, message));
        }
        Opinion::NotAsked(why) => {
            let message = format!("the plugin `{plugin}` could not be asked about its configuration: {why}");
            cx.findings.add(Note::warning(at, message).hint("the daemon asks it when it starts"));
        }
    }
}

/// `None`: there are mistakes in it, which have been told.
fn check_config(
    cx: Context<'_>,
    title: &str,
    section: &Section<'_>,
    config: Option<&Value>,
    found: &Found,
) -> Result<Option<Checked>, String> {
    let title = of_config(title);
    plugin_config::check(cx, &title, config, section.at, &found.schema).map_err(|why| {
        if let Some(config) = config {
            cx.findings.hide_all(config, Doubt::May);
        }
        let message = format!("the plugin's own description of its configuration is unusable: {why}");
        let hint = format!("the fault is in {}, version {}", found.library.display(), found.version);
        cx.findings.add(Note::new(Severity::Broken, section.place("plugin"), message.clone()).hint(hint));
        message
    })
}
