//! A notifier between a test's notification and a test's answers.

use commwatch_pagerduty::PagerDuty;
use commwatch_plugin_api::testing::{self, FakeHost};
use commwatch_plugin_api::{HttpError, Notification, Notifier, Outcome, Request, Response};
use serde_json::{Value, json};

/// Stands in every request's body and may stand in no other text.
pub(crate) const KEY: &str = "r0utingkeyr0utingkeyr0utingkey12";

pub(crate) fn config() -> Value {
    json!({"routing_key": KEY})
}

pub(crate) fn start(config: Value) -> Result<PagerDuty, String> {
    testing::start(config, &FakeHost::new().host())
}

/// What came of a delivery; at most one request is made.
pub(crate) fn deliver(
    config: Value,
    notification: &Notification,
    answer: Result<Response, HttpError>,
) -> (Outcome, Request) {
    let host = FakeHost::new();
    host.answer(answer);
    let outcome =
        start(config).expect("the test's configuration is right").deliver(notification, &host.host());
    assert_eq!(host.lines(), []);
    let [request] = &host.requests()[..] else { panic!("one request") };
    (outcome, request.clone())
}

pub(crate) fn accepted() -> Result<Response, HttpError> {
    Ok(testing::response(
        202,
        r#"{"status":"success","message":"Event processed","dedup_key":"main/293854"}"#,
    ))
}

pub(crate) fn body(config: Value, notification: &Notification) -> Value {
    let (outcome, request) = deliver(config, notification, accepted());
    assert_eq!(outcome, Outcome::delivered());
    serde_json::from_slice(&request.body.0).expect("the body is JSON")
}
