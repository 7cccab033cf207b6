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
    pub(crate) conversation: String,
    pub(crate) text: String,
    pub(crate) time: Option<Timestamp>,
    /// Since when it is ill.
    pub(crate) since: Option<Timestamp>,
    /// Whether the watch is a VIP's; None where the event is about no watch.
    pub(crate) is_vip: Option<bool>,
}

impl Facts {
    /// Reads an event; of one that is not JSON of the expected shape nothing is said.
    pub(crate) fn of(event: &Event) -> Self {
        let Ok(event) = event.decode::<Value>() else { return Self::default() };
        let text =
            |pointer: &str| event.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
        let time = |pointer: &str| text(pointer).parse().ok().filter(|time: &Timestamp| time.as_second() > 0);
        let kind = text("/type");
        let kind = kind.strip_prefix("commwatch.").unwrap_or(&kind);
        let priority = text("/data/watch/priority");
        Self {
            kind: kind.rsplit_once(".v").map_or(kind, |(kind, _)| kind).to_owned(),
            account: text("/data/account"),
            watch: text("/data/watch/name"),
            conversation: text("/data/conversation/object_id"),
            text: text("/data/message/text"),
            time: time("/time"),
            since: time("/data/problem/since"),
            is_vip: (!priority.is_empty()).then_some(priority == "vip"),
        }
    }
}
