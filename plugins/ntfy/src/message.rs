//! From a notification to the bytes that are published.
//!
//! Limits: <https://docs.ntfy.sh/publish/#limitations> says 4,096 bytes for a message; longer ones become attachments.
//! The server's source (`util.Peek`, `transformBodyJSON`) shows that a message of exactly that length counts as longer,
//! and that the JSON around it must stay below twice that length.

use commwatch_plugin_api::{Action, Notification, Severity, text};
use serde::Serialize;

use crate::config::Destination;

/// The longest message that is not made an attachment.
const MESSAGE_BYTES_MAX: usize = 4_095;
/// The longest body.
const BODY_BYTES_MAX: usize = 8_191;
/// The title. Ours: ntfy names no limit, phones show a line or two.
const TITLE_BYTES_MAX: usize = 500;

/// What is published; names as in ntfy's `publishMessage`.
#[derive(Serialize)]
struct Post<'a> {
    topic: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    title: &'a str,
    message: &'a str,
    priority: u8,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tags: Vec<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    click: Option<&'a str>,
}

pub(crate) fn encode(notification: &Notification, destination: &Destination) -> Vec<u8> {
    let title = text::line(&notification.title);
    let title = text::cut(&title, "…", |title| title.len() <= TITLE_BYTES_MAX);
    let click = notification.url.as_deref().and_then(text::link);
    let small_print = small_print(notification);
    let below = if small_print.is_empty() { String::new() } else { format!("\n\n{small_print}") };
    let body = text::lines(&notification.text);

    let post = |body: &str| {
        // An empty message is shown as "triggered": the title moves into its place.
        let (title, message) = match (format!("{body}{below}").trim(), &*title) {
            ("", "") => (String::new(), notification.notifier.clone()),
            ("", title) => (String::new(), title.to_owned()),
            (message, title) => (title.to_owned(), message.to_owned()),
        };
        let post = Post {
            topic: &destination.topic,
            title: &title,
            message: &message,
            priority: destination.priority.of(notification.severity),
            tags: sign(notification).into_iter().chain(destination.tags.iter().map(String::as_str)).collect(),
            click: click.as_deref(),
        };
        let bytes = serde_json::to_vec(&post).expect("strings, numbers and lists always have a JSON form");
        let fits = message.len() <= MESSAGE_BYTES_MAX && bytes.len() <= BODY_BYTES_MAX;
        (bytes, fits)
    };
    post(&text::cut(&body, "…", |body| post(body).1)).0
}

/// A tag that ntfy shows as an emoji before the title (<https://docs.ntfy.sh/emojis/>).
fn sign(notification: &Notification) -> Option<&'static str> {
    match (notification.action, notification.severity) {
        (Action::Close, _) => Some("white_check_mark"),
        (_, Severity::Critical) => Some("rotating_light"),
        (_, Severity::Warning) => Some("warning"),
        (_, Severity::Info) => None,
    }
}

/// How many events are not listed is said by the text.
fn small_print(notification: &Notification) -> &'static str {
    if notification.attempt > 1 || notification.replay { "possible repeat" } else { "" }
}
