//! From a notification to the bytes of a mail (RFC 5322): plain text, encoded by lettre, so that nobody's words can
//! become a header or a part of their own.

use std::time::SystemTime;

use commwatch_plugin_api::{Notification, Severity, text};
use data_encoding::HEXLOWER;
use lettre::Message;
use lettre::message::header::{ContentType, HeaderName, HeaderValue, MIME_VERSION_1_0};
use sha2::{Digest as _, Sha256};

use crate::config::Addresses;

/// A subject. Ours: the daemon's own titles have 200 at most.
const SUBJECT_CHARS_MAX: usize = 200;
/// A body. Ours: servers take at least 64 KiB (RFC 5321, 4.5.3.1.7), also encoded.
const TEXT_CHARS_MAX: usize = 10_000;
/// How much of a hash stands in for a key.
const KEY_HASH_BYTES: usize = 16;

/// The mail of a notification, but for the dots that are put before dots. Attempts differ in their date and in a line
/// that says so; the id stays.
///
/// # Errors
/// Never with addresses that were checked.
pub(crate) fn write(
    notification: &Notification,
    addresses: &Addresses,
    now: SystemTime,
) -> Result<Vec<u8>, String> {
    let domain = addresses.from.email.domain();
    // Of one notifier: the same event may be another mail through another.
    let id = format!("{}.{}@{domain}", word(&notification.id), word(&notification.notifier));
    // The root of a conversation's thread. Nobody ever sends it; mail programs put together what refers to it.
    let root = format!("<{}.thread@{domain}>", &hash(&notification.key));
    let mut message = Message::builder()
        .message_id(Some(format!("<{id}>")))
        .in_reply_to(root.clone())
        .references(root)
        .date(now)
        .from(addresses.from.clone())
        .subject(not_encoded(&subject(notification)))
        .header(MIME_VERSION_1_0)
        .header(ContentType::TEXT_PLAIN);
    for to in &addresses.to {
        message = message.to(to.clone());
    }
    if let Some(to) = &addresses.reply_to {
        message = message.reply_to(to.clone());
    }
    // No machine is to answer this one (RFC 3834); the second is what Exchange goes by.
    message = message.raw_header(raw("Auto-Submitted", "auto-generated"));
    message = message.raw_header(raw("X-Auto-Response-Suppress", "All"));
    if notification.severity == Severity::Critical {
        message = message.raw_header(raw("Importance", "high"));
    }
    let message = message.body(body(notification)).map_err(|error| error.to_string())?;
    Ok(message.formatted())
}

fn raw(name: &'static str, value: &str) -> HeaderValue {
    HeaderValue::new(HeaderName::new_from_ascii_str(name), value.to_owned())
}

fn subject(notification: &Notification) -> String {
    let title = text::line_within(&notification.title, SUBJECT_CHARS_MAX);
    if title.is_empty() { format!("commwatch: {}", word(&notification.notifier)) } else { title }
}

/// A mail program would decode what looks like an encoded word (RFC 2047), and show whatever is in it.
fn not_encoded(line: &str) -> String {
    line.replace("=?", "=\u{2060}?")
}

fn body(notification: &Notification) -> String {
    let said = text::lines_within(&notification.text, TEXT_CHARS_MAX);
    let said = if said.is_empty() { subject(notification) } else { said };
    let link = notification.url.as_deref().and_then(text::link);
    let repeat = (notification.attempt > 1 || notification.replay).then(|| "possible repeat".to_owned());
    let id = Some(text::line(&notification.id)).filter(|id| !id.is_empty());
    let small_print: Vec<String> = repeat.into_iter().chain(id).collect();
    let parts = [Some(said), link, Some(format!("-- \ncommwatch · {}", small_print.join(" · ")))];
    parts.into_iter().flatten().collect::<Vec<_>>().join("\n\n")
}

/// What may stand in an id as it is; anything else by its hash.
fn word(text: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
    if (1..=64).contains(&text.len()) && text.bytes().all(is_plain) { text.to_owned() } else { hash(text) }
}

fn hash(text: &str) -> String {
    HEXLOWER.encode(&Sha256::digest(text)[..KEY_HASH_BYTES])
}
