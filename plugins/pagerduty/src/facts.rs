//! What is said of an event. Every field is looked for and none is needed: of an event of an unknown kind its type
//! is said.

use commwatch_plugin_api::Event;
use jiff::Timestamp;
use serde_json::Value;

/// The fields of an event that are told.
#[derive(Debug, Default)]
pub(crate) struct Facts {
    /// Without `commwatch.` and the version.
    pub(crate) kind: String,
    pub(crate) account: String,
    pub(crate) watch: String,
    pub(crate) watch_title: String,
    pub(crate) conversation: String,
    pub(crate) author: String,
    pub(crate) text: String,
    /// What of commwatch is ill, where the event is about that.
    pub(crate) subject: String,
    pub(crate) time: Option<Timestamp>,
}

impl Facts {
    /// Reads an event; of one that is not JSON of the expected shape nothing is said.
    pub(crate) fn of(event: &Event) -> Self {
        let Ok(event) = event.decode::<Value>() else { return Self::default() };
        let text =
            |pointer: &str| event.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
        let kind = text("/type");
        let kind = kind.strip_prefix("commwatch.").unwrap_or(&kind);
        Self {
            kind: kind.rsplit_once(".v").map_or(kind, |(kind, _)| kind).to_owned(),
            account: text("/data/account"),
            watch: text("/data/watch/name"),
            watch_title: text("/data/watch/title"),
            conversation: text("/data/conversation/object_id"),
            author: text("/data/message/author/name"),
            text: text("/data/message/text"),
            subject: text("/data/problem/subject"),
            time: text("/time").parse().ok().filter(|time: &Timestamp| time.as_second() > 0),
        }
    }
}
