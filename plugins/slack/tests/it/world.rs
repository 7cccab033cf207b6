//! A notifier between a test's notification and a test's answers.

use commwatch_plugin_api::testing::{self, FakeHost};
use commwatch_plugin_api::{HttpError, Notification, Notifier, Outcome, Request, Response};
use commwatch_slack::Slack;
use serde_json::{Value, json};

pub(crate) type Answer = Result<Response, HttpError>;

/// What came of a delivery.
pub(crate) struct Delivery {
    pub(crate) outcome: Outcome,
    pub(crate) requests: Vec<Request>,
    pub(crate) log: Vec<String>,
}

impl Delivery {
    /// The body of a request, from 0.
    pub(crate) fn body(&self, request: usize) -> Value {
        serde_json::from_slice(&self.requests[request].body.0).expect("the body is JSON")
    }
}

/// Starts a notifier.
pub(crate) fn start(config: &Value) -> Result<Slack, String> {
    testing::start(config.clone(), &FakeHost::new().host())
}

/// Hands a notification over; `answers` are given to the requests in turn.
pub(crate) fn deliver(config: &Value, notification: &Value, answers: Vec<Answer>) -> Delivery {
    let host = FakeHost::new();
    answers.into_iter().for_each(|answer| host.answer(answer));
    let text = notification.to_string();
    let notification: Notification = serde_json::from_str(&text).expect("the test's notification is one");
    let slack = start(config).expect("the test's configuration is right");
    let outcome = slack.deliver(&notification, &host.host());
    let log = host.lines().into_iter().map(|(_, line)| line).collect();
    Delivery { outcome, requests: host.requests(), log }
}

pub(crate) fn webhook() -> Value {
    json!({"webhook_url": {"$secret": "/webhook_url"}})
}

pub(crate) fn bot() -> Value {
    json!({"bot_token": {"$secret": "/bot_token"}, "channel": "C0123456789"})
}

/// With fields of `more` in place of the config's own.
pub(crate) fn with(config: Value, more: Value) -> Value {
    let (Value::Object(mut config), Value::Object(more)) = (config, more) else { panic!("two objects") };
    config.extend(more);
    Value::Object(config)
}

pub(crate) fn answer(status: u16, body: &str) -> Answer {
    Ok(testing::response(status, body))
}

pub(crate) fn answer_after(status: u16, body: &str, retry_after_ms: u64) -> Answer {
    let mut response = testing::response(status, body);
    response.headers.insert("commwatch-retry-after-ms".to_owned(), retry_after_ms.to_string());
    Ok(response)
}

/// One new message of one customer.
pub(crate) fn notification() -> Value {
    json!({
        "id": "ev_4k2", "notifier": "ops-slack", "attempt": 1, "replay": false, "key": "main/293854",
        "action": "notify", "severity": "info",
        "title": "ACME / Dana Levi: new message", "text": "Where is my order?",
        "url": "https://acme.example/widget/object/293854?tab=1&view=all",
        "events": [message("Dana Levi", "Where is my order?", "2026-10-03T14:05:11Z")],
    })
}

pub(crate) fn message(name: &str, text: &str, time: &str) -> Value {
    json!({
        "specversion": "1.0", "id": "ev_4k2", "source": "https://api.commbox.io/objects/293854",
        "type": "commwatch.message.created.v1", "subject": "child/77", "time": time,
        "data": {
            "watch": {"name": "acme-cfo", "title": "ACME / Dana Levi", "priority": "vip", "tags": ["acme"]},
            "message": {"id": "77", "author": {"kind": "customer", "id": "531826", "name": name},
                        "text": text, "text_truncated": false, "attachments": 0},
        },
    })
}
