//! From a notification to the form that is posted.

use commwatch_plugin_api::{Action, Notification, Severity, text};

use crate::config::{Account, Sender};
use crate::sms;

/// Not `…`, which is not in the GSM alphabet.
const ELLIPSIS: &str = "...";

pub(crate) fn encode(notification: &Notification, account: &Account) -> String {
    let (name, sender) = match &account.sender {
        Sender::From(sender) => ("From", sender),
        Sender::MessagingService(sid) => ("MessagingServiceSid", sid),
    };
    let body = body(notification, account.segments);
    [("To", account.to.as_str()), (name, sender), ("Body", &body)]
        .map(|(name, value)| format!("{name}={}", form(value)))
        .join("&")
}

/// Title and text, as much of them as the segments hold. No link: it takes half a segment, and operators of networks
/// stop messages for links.
fn body(notification: &Notification, segments: usize) -> String {
    let title = text::line(&notification.title);
    let lines = [format!("{}{title}", words(notification)), text::lines(&notification.text)];
    let lines: Vec<&str> = lines.iter().map(|line| line.trim()).filter(|line| !line.is_empty()).collect();
    let whole = sms::plain(&lines.join("\n"));
    let body = text::cut(&whole, ELLIPSIS, |text| sms::segments(text) <= segments);
    // Twilio refuses an empty message (21602).
    if body.trim().is_empty() { notification.notifier.clone() } else { body.into_owned() }
}

/// What stands before the title, where there is something to say.
fn words(notification: &Notification) -> String {
    let state = match (notification.action, notification.severity) {
        (Action::Close, _) => Some("OVER"),
        (_, Severity::Critical) => Some("CRITICAL"),
        _ => None,
    };
    let repeat = (notification.attempt > 1 || notification.replay).then_some("AGAIN?");
    let words: Vec<&str> = state.into_iter().chain(repeat).collect();
    if words.is_empty() { String::new() } else { format!("{}: ", words.join(" ")) }
}

/// A value of a form (`application/x-www-form-urlencoded`): all that is not a plain letter is percent-encoded, so
/// nothing in a text can end its field.
fn form(value: &str) -> String {
    let mut encoded = String::with_capacity(value.len());
    for byte in value.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._*".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}
