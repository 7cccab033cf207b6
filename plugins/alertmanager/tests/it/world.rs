//! A notifier between a test's notification and a test's answers.

use commwatch_alertmanager::Alertmanager;
use commwatch_plugin_api::testing::{self, FakeHost};
use commwatch_plugin_api::{HttpError, Notification, Notifier, Outcome, Request, Response};
use jiff::Timestamp;
use serde_json::{Value, json};

/// When all golden requests are made: four seconds after the message that the daemon's sample is about.
pub(crate) const NOW: &str = "2026-03-01T08:00:04Z";

pub(crate) fn config() -> Value {
    json!({"url": "http://alertmanager.example:9093"})
}

pub(crate) fn start(config: Value) -> Result<Alertmanager, String> {
    testing::start(config, &FakeHost::new().host())
}

pub(crate) fn outcome(notification: &Notification, answer: Result<Response, HttpError>) -> Outcome {
    let host = FakeHost::new();
    host.answer(answer);
    let outcome = start(config()).expect("right").deliver(notification, &host.host());
    assert_eq!(host.requests().len(), 1, "a request is repeated by the daemon alone");
    outcome
}

pub(crate) fn request(config: Value, notification: &Notification) -> Request {
    start(config).expect("the test's configuration is right").request(notification, now())
}

/// The one alert that is sent.
pub(crate) fn alert(config: Value, notification: &Notification) -> Value {
    let request = request(config, notification);
    let Value::Array(alerts) = serde_json::from_slice(&request.body.0).expect("JSON") else {
        panic!("a list")
    };
    let [alert] = &alerts[..] else { panic!("one alert") };
    alert.clone()
}

pub(crate) fn now() -> Timestamp {
    NOW.parse().expect("a time")
}
