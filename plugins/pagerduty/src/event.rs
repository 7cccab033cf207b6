//! From a notification to the body of a request (PD-CEF).

use commwatch_plugin_api::{Action, Notification, Severity, text};
use jiff::Timestamp;
use serde::Serialize;

use crate::config::Service;
use crate::facts::Facts;

/// A summary (documented: 1024 characters).
const SUMMARY_CHARS_MAX: usize = 1_024;
/// A key (documented: 255 characters); the daemon's own have at most 255 bytes.
const KEY_CHARS_MAX: usize = 255;
/// Source, component, group and class. Ours.
const NAME_CHARS_MAX: usize = 255;
/// The notification's text within the details. Ours.
const TEXT_CHARS_MAX: usize = 4_000;
/// The text of one of several events. Ours.
const EVENT_TEXT_CHARS_MAX: usize = 500;
/// Events that are listed; further ones are counted. Ours. With it a request stays far below PagerDuty's 512 KB.
const EVENTS_LISTED_MAX: usize = 20;
/// A longer address is left out, since half an address leads nowhere. Ours.
const URL_BYTES_MAX: usize = 2_000;

#[derive(Serialize)]
struct Event<'a> {
    routing_key: &'a str,
    event_action: &'static str,
    dedup_key: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    payload: Option<Payload>,
    #[serde(skip_serializing_if = "Option::is_none")]
    client: Option<&'static str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    links: Vec<Link<'a>>,
}

#[derive(Serialize)]
struct Payload {
    summary: String,
    source: String,
    severity: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    timestamp: Option<Timestamp>,
    #[serde(skip_serializing_if = "String::is_empty")]
    component: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    group: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    class: String,
    custom_details: Details,
}

#[derive(Serialize)]
struct Details {
    #[serde(skip_serializing_if = "String::is_empty")]
    text: String,
    notification: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    conversation: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    author: String,
    /// Of several events each one, oldest first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    events: Vec<Listed>,
    #[serde(skip_serializing_if = "is_zero")]
    more_events: u64,
}

#[derive(Serialize)]
struct Listed {
    #[serde(rename = "type")]
    kind: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    time: Option<Timestamp>,
    #[serde(skip_serializing_if = "String::is_empty")]
    author: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    text: String,
}

#[derive(Serialize)]
struct Link<'a> {
    href: &'a str,
    text: &'static str,
}

/// The bytes that are posted. They are the same for every attempt.
pub(crate) fn body(notification: &Notification, service: &Service) -> Vec<u8> {
    let closes = notification.action == Action::Close;
    let link = notification.url.as_deref().filter(|url| can_be_a_link(url));
    let event = Event {
        routing_key: service.key.in_body(),
        event_action: if closes { "resolve" } else { "trigger" },
        dedup_key: notification.key.chars().take(KEY_CHARS_MAX).collect(),
        payload: (!closes).then(|| payload(notification, service)),
        client: (!closes).then_some("commwatch"),
        links: link
            .filter(|_| !closes)
            .map(|href| Link { href, text: "Open in CommBox" })
            .into_iter()
            .collect(),
    };
    serde_json::to_vec(&event).expect("texts, numbers and lists always have a JSON form")
}

fn payload(notification: &Notification, service: &Service) -> Payload {
    let first = notification.events.first().map(Facts::of).unwrap_or_default();
    let name = |text: &str| text::line_within(text, NAME_CHARS_MAX);
    let summary = text::line_within(&notification.title, SUMMARY_CHARS_MAX);
    let named = [&first.watch_title, &first.subject, &first.watch, &notification.key].map(|text| name(text));
    let source = service.source.clone().or_else(|| named.into_iter().find(|name| !name.is_empty()));
    let component = if first.watch.is_empty() { &first.subject } else { &first.watch };
    Payload {
        summary: if summary.is_empty() { "Notification".to_owned() } else { summary },
        source: source.unwrap_or_else(|| "commwatch".to_owned()),
        severity: match notification.severity {
            Severity::Critical => "critical",
            Severity::Warning => "warning",
            Severity::Info => "info",
        },
        timestamp: first.time,
        component: name(component),
        group: name(&first.account),
        class: name(&first.kind),
        custom_details: details(notification, &first),
    }
}

fn details(notification: &Notification, first: &Facts) -> Details {
    let events = &notification.events;
    let is_list = events.len() > 1;
    let listed = events.iter().take(if is_list { EVENTS_LISTED_MAX } else { 0 });
    let unlisted = if is_list { events.len().saturating_sub(EVENTS_LISTED_MAX) } else { 0 } as u64;
    let name = |text: &str| text::line_within(text, NAME_CHARS_MAX);
    Details {
        text: text::lines_within(&notification.text, TEXT_CHARS_MAX),
        notification: name(&notification.id),
        conversation: name(&first.conversation),
        author: if is_list { String::new() } else { name(&first.author) },
        events: listed
            .map(|event| {
                let facts = Facts::of(event);
                Listed {
                    kind: name(&facts.kind),
                    time: facts.time,
                    author: name(&facts.author),
                    text: text::lines_within(&facts.text, EVENT_TEXT_CHARS_MAX),
                }
            })
            .collect(),
        more_events: notification.omitted.saturating_add(unlisted),
    }
}

/// An absolute web address that PagerDuty can show.
fn can_be_a_link(url: &str) -> bool {
    let is_web = url.starts_with("https://") || url.starts_with("http://");
    is_web && url.len() <= URL_BYTES_MAX && url.bytes().all(|byte| byte.is_ascii_graphic())
}

fn is_zero(number: &u64) -> bool {
    *number == 0
}
