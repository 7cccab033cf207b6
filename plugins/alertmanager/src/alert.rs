//! From a notification to an alert.
//!
//! Alertmanager knows an alert by its labels alone. What is opened and closed must therefore have the same ones at
//! both ends, though the closing event has another type and matters less: its name is that of what was opened, and
//! its severity follows from what it is about.

use std::collections::BTreeMap;

use commwatch_plugin_api::{Action, Notification, Severity, text};
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use crate::config::Destination;
use crate::facts::Facts;

/// The labels that are written for each alert.
pub(crate) const LABELS: [&str; 6] = ["account", "alertname", "conversation", "key", "severity", "watch"];

/// What ends what, by the types of the events.
const ENDS: [(&str, &str); 4] = [
    ("account.recovered", "account.denied"),
    ("conversation.answered", "conversation.waiting"),
    ("notifier.recovered", "notifier.broken"),
    ("watch.recovered", "watch.unreachable"),
];

/// A label. Ours: Alertmanager names no bound.
const LABEL_CHARS_MAX: usize = 255;
/// The summary. Ours.
const SUMMARY_CHARS_MAX: usize = 1_024;
/// The description. Ours.
const DESCRIPTION_CHARS_MAX: usize = 4_000;
/// The text of one of several events within the description. Ours.
const EVENT_TEXT_CHARS_MAX: usize = 500;
/// Events that are listed; further ones are counted. Ours.
const EVENTS_LISTED_MAX: usize = 20;
/// A longer address is left out, since half an address leads nowhere. Ours.
const URL_BYTES_MAX: usize = 2_000;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Alert<'a> {
    labels: BTreeMap<&'a str, String>,
    annotations: BTreeMap<&'static str, String>,
    starts_at: Timestamp,
    ends_at: Timestamp,
    #[serde(rename = "generatorURL", skip_serializing_if = "Option::is_none")]
    generator_url: Option<&'a str>,
}

/// The bytes that are posted: a list of one alert. Only the end depends on `now`.
pub(crate) fn body(notification: &Notification, destination: &Destination, now: Timestamp) -> Vec<u8> {
    let first = notification.events.first().map(Facts::of).unwrap_or_default();
    let url = notification.url.as_deref().filter(|url| can_be_a_link(url));
    let (starts_at, ends_at) = times(notification, &first, destination, now);
    let alert = Alert {
        labels: labels(notification, &first, destination),
        annotations: annotations(notification, url),
        starts_at,
        ends_at,
        generator_url: url,
    };
    serde_json::to_vec(&[alert]).expect("texts and times always have a JSON form")
}

/// When it began and when it is over. An end in the past would be taken for an alert that nobody needs to hear of,
/// so what fires is counted from `now` where it comes late.
fn times(
    notification: &Notification,
    first: &Facts,
    destination: &Destination,
    now: Timestamp,
) -> (Timestamp, Timestamp) {
    let last = notification.events.last().and_then(|event| Facts::of(event).time);
    let happened = first.time.unwrap_or(now);
    let after = |fires: SignedDuration| {
        let from = last.unwrap_or(happened).max(happened).max(now);
        from.checked_add(fires).unwrap_or(Timestamp::MAX)
    };
    match notification.action {
        Action::Notify => (happened, after(destination.resolve_after)),
        Action::Open | Action::Update => {
            (first.since.unwrap_or(happened).min(happened), after(destination.open_for))
        }
        // By our own clock it is over now, whatever the event's says.
        Action::Close => {
            let end = last.unwrap_or(happened).min(now);
            (first.since.unwrap_or(end).min(end), end)
        }
    }
}

fn labels<'a>(
    notification: &Notification,
    first: &Facts,
    destination: &'a Destination,
) -> BTreeMap<&'a str, String> {
    let is_told_once = notification.action == Action::Notify;
    let severity = match (is_told_once, notification.severity) {
        (true, Severity::Critical) => "critical",
        (true, Severity::Warning) => "warning",
        (true, Severity::Info) => "info",
        (false, _) if first.is_vip == Some(false) => "warning",
        (false, _) => "critical",
    };
    let line = |text: &str| text::line_within(text, LABEL_CHARS_MAX);
    let own = [
        ("alertname", alertname(&first.kind, is_told_once)),
        ("severity", severity.to_owned()),
        ("key", line(&notification.key)),
        ("watch", line(&first.watch)),
        ("account", line(&first.account)),
        ("conversation", line(&first.conversation)),
    ];
    let added = destination.labels.iter().map(|(name, value)| (name.as_str(), value.clone()));
    // An empty label is none to Alertmanager.
    added.chain(own).filter(|(_, value)| !value.is_empty()).collect()
}

/// `message.created` is `CommwatchMessageCreated`; what ends something has the name of what it ends. Of a pair that
/// is not known here both ends have the name of what they are about.
fn alertname(kind: &str, is_told_once: bool) -> String {
    let opening = ENDS.iter().find(|(end, open)| kind == *end || kind == *open).map(|(_, open)| *open);
    let about = kind.split('.').next().unwrap_or_default();
    let words = if is_told_once { kind } else { opening.unwrap_or(about) };
    let mut name = "Commwatch".to_owned();
    for word in words.split(|c: char| !c.is_ascii_alphanumeric()) {
        let mut letters = word.chars();
        name.extend(letters.next().map(|first| first.to_ascii_uppercase()));
        name.extend(letters);
    }
    text::line_within(&name, LABEL_CHARS_MAX)
}

fn annotations(notification: &Notification, url: Option<&str>) -> BTreeMap<&'static str, String> {
    let summary = text::line_within(&notification.title, SUMMARY_CHARS_MAX);
    let summary = if summary.is_empty() { "Notification".to_owned() } else { summary };
    let all = [
        ("summary", summary),
        ("description", description(notification)),
        ("url", url.unwrap_or_default().to_owned()),
        ("notification", text::line_within(&notification.id, LABEL_CHARS_MAX)),
    ];
    all.into_iter().filter(|(_, text)| !text.is_empty()).collect()
}

/// The text, under it each of several events, and how many more there are.
fn description(notification: &Notification) -> String {
    let events = &notification.events;
    let mut lines = vec![text::lines_within(&notification.text, DESCRIPTION_CHARS_MAX)];
    let listed = if events.len() > 1 { events.len().min(EVENTS_LISTED_MAX) } else { events.len() };
    if events.len() > 1 {
        lines.extend(events[..listed].iter().map(|event| {
            let facts = Facts::of(event);
            let time = facts.time.map(|time| time.strftime("%Y-%m-%d %H:%M:%S UTC").to_string());
            let said = text::line_within(&facts.text, EVENT_TEXT_CHARS_MAX);
            let kind = text::line_within(&facts.kind, LABEL_CHARS_MAX);
            [time.unwrap_or_default(), kind, said].join(" ").trim().to_owned()
        }));
    }
    lines.retain(|line| !line.is_empty());
    // Those that were left out before are counted in the text.
    let more = events.len() - listed;
    let more = if more > 0 { format!("and {more} more") } else { String::new() };
    let room = DESCRIPTION_CHARS_MAX.saturating_sub(more.len() + 1);
    let listed = text::lines_within(&lines.join("\n"), room);
    format!("{listed}\n{more}").trim().to_owned()
}

/// An absolute web address that Alertmanager takes: its parser refuses what is no host, and half an escape.
fn can_be_a_link(url: &str) -> bool {
    let Some(rest) = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://")) else {
        return false;
    };
    let (authority, tail) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    let (host, port) = authority.split_once(':').unwrap_or((authority, ""));
    let is_host =
        !host.is_empty() && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-_".contains(&byte));
    let is_port = port.bytes().all(|byte| byte.is_ascii_digit());
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~/?#=&+:@!$,;*'()%".contains(&byte);
    let escapes = tail.split('%').skip(1);
    let is_escape = |rest: &str| rest.len() >= 2 && rest.bytes().take(2).all(|byte| byte.is_ascii_hexdigit());
    is_host
        && is_port
        && url.len() <= URL_BYTES_MAX
        && tail.bytes().all(is_plain)
        && escapes.into_iter().all(is_escape)
}
