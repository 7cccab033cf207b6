//! From a notification to the bytes that are posted.

use commwatch_plugin_api::{Action, Notification, Severity, text};
use serde::Serialize;

use crate::config::{Chat, Config};
use crate::neutral::neutral;

/// `text` of `sendMessage`: "1-4096 characters after entities parsing". Counted in UTF-16 code units, as Telegram
/// counts entities, which is never less than characters.
const TEXT_UNITS_MAX: usize = 4_096;
/// The title within it. Ours.
const TITLE_UNITS_MAX: usize = 300;

/// Parameters of `sendMessage`. There is no `parse_mode`, so nothing in the text is markup.
#[derive(Serialize)]
struct Post<'a> {
    chat_id: &'a Chat,
    #[serde(skip_serializing_if = "Option::is_none")]
    message_thread_id: Option<u64>,
    text: &'a str,
    link_preview_options: LinkPreviewOptions,
    disable_notification: bool,
}

#[derive(Serialize)]
struct LinkPreviewOptions {
    is_disabled: bool,
}

pub(crate) fn encode(notification: &Notification, config: &Config) -> Vec<u8> {
    let post = Post {
        chat_id: &config.chat_id,
        message_thread_id: config.message_thread_id,
        text: &text_of(notification),
        link_preview_options: LinkPreviewOptions { is_disabled: true },
        disable_notification: config.is_silent(notification.severity),
    };
    serde_json::to_vec(&post).expect("strings, numbers and flags always have a JSON form")
}

/// Title, text, small print and link; the text is what gives way.
fn text_of(notification: &Notification) -> String {
    let fits = |max: usize| move |text: &str| text.encode_utf16().count() <= max;
    let title = neutral(&text::line(&notification.title));
    let title = text::cut(&title, "…", fits(TITLE_UNITS_MAX));
    let title =
        [sign(notification), &title].iter().filter(|part| !part.is_empty()).copied().collect::<Vec<_>>();
    let title = title.join(" ");
    let body = neutral(&text::lines(&notification.text));
    let link = notification.url.as_deref().and_then(text::link).unwrap_or_default();
    let below = [small_print(notification), &link];
    let below = below.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("\n");

    let whole = |body: &str| {
        let parts = [&title, body, &below];
        parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("\n\n")
    };
    let whole = whole(&text::cut(&body, "…", |body| fits(TEXT_UNITS_MAX)(&whole(body))));
    // A message must not be empty.
    if whole.is_empty() { notification.notifier.clone() } else { whole }
}

fn sign(notification: &Notification) -> &'static str {
    match (notification.action, notification.severity) {
        (Action::Close, _) => "✅",
        (_, Severity::Critical) => "🔴",
        (_, Severity::Warning) => "🟠",
        (_, Severity::Info) => "",
    }
}

/// How many events are not listed is said by the text.
fn small_print(notification: &Notification) -> &'static str {
    if notification.attempt > 1 || notification.replay { "possible repeat" } else { "" }
}
