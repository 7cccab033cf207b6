//! From a notification to the bytes that are posted.

use commwatch_plugin_api::{Action as Step, Notification, Severity, text};

use crate::card::{Action, Element, Fact, Post};
use crate::neutral::Neutral;

/// The whole request. Microsoft says "approximately 28 KB" (connector `teams`, known issues; incoming webhooks); other
/// senders' cards were refused from about 21 KB on.
const BODY_BYTES_MAX: usize = 20_000;
/// The title. Ours.
const TITLE_CHARS_MAX: usize = 250;
/// Lines of a text that are blocks of their own, since not every app breaks lines within a block; what follows stands
/// in one more block. Ours.
const LINES_MAX: usize = 30;

pub(crate) fn encode(notification: &Notification) -> Vec<u8> {
    let body = text::lines(&notification.text);
    let post = |body: &str| {
        serde_json::to_vec(&post(notification, body)).expect("strings and lists always have a JSON form")
    };
    post(&text::cut(&body, "…", |body| post(body).len() <= BODY_BYTES_MAX))
}

fn post(notification: &Notification, text: &str) -> Post {
    let mut body = vec![Element::title(title(notification), color(notification))];
    body.extend(lines(text));
    body.push(Element::FactSet { facts: facts(notification) });
    let url = notification.url.as_deref().and_then(text::link);
    Post::of(body, url.map(|url| Action::OpenUrl { title: "Open in CommBox", url }).into_iter().collect())
}

fn title(notification: &Notification) -> Neutral {
    let line = text::line_within(&notification.title, TITLE_CHARS_MAX);
    // A run of text must not be empty.
    Neutral::of(if line.is_empty() { &notification.notifier } else { &line })
}

fn lines(text: &str) -> Vec<Element> {
    let mut elements = Vec::new();
    let mut gap = true;
    let mut rest = text;
    while !rest.is_empty() {
        let (line, after) = match rest.split_once('\n') {
            Some(parts) if elements.len() < LINES_MAX => parts,
            _ => (rest, ""),
        };
        if !line.trim().is_empty() {
            elements.push(Element::text(Neutral::of(line), (!gap).then_some("None")));
        }
        gap = line.trim().is_empty();
        rest = after;
    }
    elements
}

/// One of the schema's `Colors`.
fn color(notification: &Notification) -> &'static str {
    match (notification.action, notification.severity) {
        (Step::Close, _) => "Good",
        (_, Severity::Critical) => "Attention",
        (_, Severity::Warning) => "Warning",
        (_, Severity::Info) => "Default",
    }
}

fn facts(notification: &Notification) -> Vec<Fact> {
    let severity = match notification.severity {
        Severity::Critical => "critical",
        Severity::Warning => "warning",
        Severity::Info => "info",
    };
    let state = match notification.action {
        Step::Open => Some("begins"),
        Step::Update => Some("goes on"),
        Step::Close => Some("over"),
        Step::Notify => None,
    };
    let fact = |title, value: &str| Fact { title, value: value.to_owned() };
    let mut facts = vec![fact("Severity", severity)];
    facts.extend(state.map(|state| fact("State", state)));
    if notification.attempt > 1 || notification.replay {
        facts.push(fact("Note", "possible repeat"));
    }
    facts
}
