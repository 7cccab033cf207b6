//! What a notifier is handed: one event or several, with a ready title and text.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// The key of a notification that tells of several conversations or incidents: a digest. Others are no such word.
pub const DIGEST_KEY: &str = "digest";

/// What a notifier is handed. Title, text and url are ready to send: a plugin for short messages needs nothing
/// else. Everything but `attempt`, `replay`, `remaining_ms` and `receipt` is the same for every attempt of one
/// delivery, byte for byte.
#[derive(Debug, Deserialize, Serialize)]
pub struct Notification {
    /// Stable over crash, retry and replay. Holds no dot, so it may serve as `webhook-id`.
    pub id: String,
    /// The configured name of the notifier that this is for.
    pub notifier: String,
    /// Which attempt this is, from 1. Attempts whose end was lost in a crash are not counted.
    pub attempt: u32,
    /// True when an operator asked for this delivery again.
    pub replay: bool,
    /// How long this attempt may take from when it is handed over, in milliseconds: after that the process is ended
    /// and the outcome is [`Outcome::Unknown`](crate::Outcome::Unknown). The host keeps its requests shorter; only a
    /// plugin that waits for something else needs to know.
    #[serde(default = "unsaid", skip_serializing)]
    pub remaining_ms: u64,
    /// What the receiver said of the latest notification that was delivered for the same conversation or incident
    /// (before this one, but for one that is replayed): the receipt of its [`Outcome::Delivered`](crate::Outcome::Delivered), at most 255 bytes. Only for a
    /// plugin that asks for it (`receipts: true` in [`export_plugin!`](crate::export_plugin)), and it may differ from
    /// one attempt to the next.
    #[serde(default, skip_serializing)]
    pub receipt: Option<String>,
    /// The conversation or incident, at most 255 bytes: equal keys belong together. [`DIGEST_KEY`] where it tells of
    /// several.
    pub key: String,
    /// What the receiver should do with the key.
    pub action: Action,
    /// How much it matters.
    pub severity: Severity,
    /// One line of plain text.
    pub title: String,
    /// Plain text, may hold several lines, may be empty. Of several events it says itself how many it leaves out.
    pub text: String,
    /// Where a person can look at the conversation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// What happened, oldest first; at least one.
    pub events: Vec<Event>,
    /// How many further events were counted rather than listed in `events`.
    #[serde(default)]
    pub omitted: u64,
}

/// What an attempt may take where nobody says: the daemon's own default.
fn unsaid() -> u64 {
    15_000
}

/// One event as CloudEvents 1.0 structured JSON, kept as the very bytes that the daemon stored.
#[derive(Debug, Deserialize, Serialize)]
#[serde(transparent)]
pub struct Event(Box<RawValue>);

impl Event {
    /// The event's JSON text, byte for byte as stored: what a webhook sends and what is signed.
    pub fn as_json(&self) -> &str {
        self.0.get()
    }

    /// Decodes the event into a type of the caller's choice, that names only the fields it needs.
    ///
    /// # Errors
    /// When the JSON does not fit `T`.
    pub fn decode<'de, T: Deserialize<'de>>(&'de self) -> Result<T, serde_json::Error> {
        serde_json::from_str(self.0.get())
    }
}

/// What the receiver should do with the notification's key.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Action {
    /// Something begins that a later `close` will end (an incident, a waiting customer).
    Open,
    /// More about what is open.
    Update,
    /// What was open is over.
    Close,
    /// Tell; nothing is open or closed by it. Also what an action unknown to this version is read as.
    #[serde(other)]
    Notify,
}

/// How much it matters, the most urgent first.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Somebody should look now.
    Critical,
    /// Somebody should look soon.
    Warning,
    /// Worth knowing. Also what a severity unknown to this version is read as.
    #[serde(other)]
    Info,
}
