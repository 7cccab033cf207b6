//! What templates can name.

use commwatch_plugin_api::{Action, Notification, Severity};
use minijinja::value::{Serde, Value};
use serde_json::{Value as Json, json};

use crate::filters;

/// The notification as it is, with the first event, a link and a sign beside it.
pub(crate) fn of(notification: &Notification) -> Value {
    with_text(notification, &notification.title, &notification.text)
}

/// The same with another title and text.
pub(crate) fn with_text(notification: &Notification, title: &str, text: &str) -> Value {
    // An event that cannot be read is empty; what is ready to be shown does not depend on it.
    let events: Vec<Json> =
        notification.events.iter().map(|event| event.decode().unwrap_or_else(|_| json!({}))).collect();
    let more = notification.omitted.saturating_add(notification.events.len().saturating_sub(1) as u64);
    let Notification { id, notifier, attempt, replay, key, action, severity, omitted, .. } = notification;
    let mut all = json!({
        "id": id, "notifier": notifier, "attempt": attempt, "replay": replay, "key": key, "action": action,
        "severity": severity, "title": title, "text": text, "omitted": omitted,
    });
    all["event"] = events.first().cloned().unwrap_or_else(|| json!({}));
    all["events"] = Json::Array(events);
    all["url"] = json!(notification.url.as_deref().unwrap_or_default());
    all["link"] = json!(notification.url.as_deref().map(filters::link).unwrap_or_default());
    all["more"] = json!(if more > 0 { format!("\nand {more} more") } else { String::new() });
    all["sign"] = json!(match (notification.action, notification.severity) {
        (Action::Close, _) => "✅ ",
        (_, Severity::Critical) => "🔴 ",
        (_, Severity::Warning) => "🟠 ",
        (_, Severity::Info) => "",
    });
    Value::from(Serde(&all))
}

/// A notification that has everything that any has: what templates are tried with when the notifier starts.
pub(crate) fn sample_notification() -> Notification {
    let event: Json = json!({
        "specversion": "1.0", "id": "evt_sample", "source": "https://api.commbox.io/objects/1", "subject": "child/2",
        "type": "commwatch.message.created.v1", "time": "2026-03-01T08:00:00Z", "recordedtime": "2026-03-01T08:00:04Z",
        "sequence": "00000000000000000001", "datacontenttype": "application/json",
        "data": {
            "account": "main",
            "watch": {"name": "sample", "title": "Sample", "priority": "vip", "tags": ["sample"]},
            "conversation": {"stream_id": "1", "object_id": "1", "status_id": 1, "status": "open",
                "assigned_manager_id": "1", "customer_name": "Dana", "channel": "whatsapp", "console_url": "https://acme.example/1"},
            "message": {"id": "2", "author": {"kind": "customer", "id": "3", "name": "Dana"}, "created": "2026-03-01T08:00:00Z",
                "text": "Sample \"text\"", "text_truncated": false, "attachments": 1},
            "change": {"previous": "a", "current": "b"},
            "waiting": {"since": "2026-03-01T07:50:00Z", "child_id": "2", "waited_seconds": 601, "threshold_seconds": 600,
                "hours": "desk", "reply_until": "2026-03-02T07:50:00Z", "confirmed": true, "ended": "replied", "answered_at": "2026-03-01T08:00:01Z",
                "answered_by": {"kind": "agent", "id": "51", "name": "Noa Bar"}},
            "problem": {"subject": "notifier/sample", "since": "2026-03-01T07:00:00Z", "why": "a reason",
                        "expires": "2026-03-04T08:00:00Z"},
            "detection": {"polled_at": "2026-03-01T08:00:04Z", "previous_poll_at": "2026-03-01T07:59:54Z", "delay_seconds": 4, "approximate": true},
            "test": {"like": "message.created", "by": "uid 0"},
        },
    });
    let sample = json!({
        "id": "evt_sample", "notifier": "sample", "attempt": 1, "replay": false, "key": "main/1", "action": "notify",
        "severity": "warning", "title": "Sample: \"Dana\" wrote", "text": "Sample \"text\"\nof two lines",
        "url": "https://acme.example/1", "events": [event], "omitted": 1,
    });
    serde_json::from_str(&sample.to_string()).expect("this is a notification")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each property that the schema describes, with a value that the sample has at the same place.
    fn assert_complete(schema: &Json, root: &Json, sample: &Json, at: &str) {
        let schema = match schema["$ref"].as_str().and_then(|text| text.strip_prefix('#')) {
            Some(pointer) => root.pointer(pointer).expect("a definition"),
            None => schema,
        };
        for (name, property) in schema["properties"].as_object().into_iter().flatten() {
            let value = sample.get(name).unwrap_or_else(|| panic!("the sample has no {at}.{name}"));
            assert_complete(property, root, value, &format!("{at}.{name}"));
        }
    }

    #[test]
    fn the_sample_has_all_that_events_have() {
        let schema: Json =
            serde_json::from_str(include_str!("../../../daemon/schema/event.schema.json")).expect("JSON");
        let sample: Json = sample_notification().events[0].decode().expect("JSON");
        assert!(schema["properties"]["data"].is_object());
        assert_complete(&schema, &schema, &sample, "event");
    }
}
