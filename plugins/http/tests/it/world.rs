//! A notifier between a test's notification and a test's answers.

use commwatch_http::Http;
use commwatch_plugin_api::testing::{self, FakeHost};
use commwatch_plugin_api::{HttpError, Notification, Notifier, Outcome, Request, Response};
use serde_json::{Value, json};

pub(crate) const URL: &str = "https://api.example/in";

/// What came of a delivery.
pub(crate) struct Delivery {
    pub(crate) outcome: Outcome,
    pub(crate) request: Request,
    pub(crate) log: Vec<String>,
}

impl Delivery {
    pub(crate) fn body(&self) -> &str {
        std::str::from_utf8(&self.request.body.0).expect("the body is text")
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(self.body()).expect("the body is JSON")
    }
}

pub(crate) fn start(config: Value) -> Result<Http, String> {
    testing::start(config, &FakeHost::new().host())
}

/// Only a body, as JSON unless `more` says otherwise.
pub(crate) fn with_body(body: &str, more: Value) -> Value {
    with(json!({"url": URL, "body": body}), more)
}

pub(crate) fn with(config: Value, more: Value) -> Value {
    let (Value::Object(mut config), Value::Object(more)) = (config, more) else { panic!("two objects") };
    config.extend(more);
    Value::Object(config)
}

pub(crate) fn deliver(config: Value, notification: &Notification) -> Delivery {
    deliver_to(config, notification, Ok(testing::response(204, "")))
}

/// Hands a notification over; one request is made, whatever happens.
pub(crate) fn deliver_to(
    config: Value,
    notification: &Notification,
    answer: Result<Response, HttpError>,
) -> Delivery {
    let host = FakeHost::new();
    host.answer(answer);
    let outcome =
        start(config).expect("the test's configuration is right").deliver(notification, &host.host());
    let [request] = &host.requests()[..] else { panic!("one request") };
    let log = host.lines().into_iter().map(|(_, line)| line).collect();
    Delivery { outcome, request: request.clone(), log }
}
