//! The plugin as the daemon sees it: a notification goes in, requests and an outcome come out.

mod answers;
mod config;
mod form;
mod messages;
mod properties;

use commwatch_plugin_api::testing::{self, Delivery, response};
use commwatch_plugin_api::{HttpError, Notification, Response};
use commwatch_twilio::Twilio;
use serde_json::{Value, json};

const SID: &str = "00112233445566778899aabbccddeeff";
const QUEUED: &str = r#"{"sid":"SM00112233445566778899aabbccddeeff","status":"queued","error_code":null}"#;

fn plain() -> Value {
    json!({
        "account_sid": format!("AC{SID}"), "auth_token": {"$secret": "/auth_token"},
        "from": "+15005550006", "to": "+972501234567",
    })
}

fn service() -> Value {
    json!({
        "account_sid": format!("AC{SID}"), "api_key": format!("SK{SID}"), "auth_token": {"$secret": "/auth_token"},
        "messaging_service_sid": format!("MG{SID}"), "to": "+972501234567", "segments": 1,
        "api_url": "https://api.dublin.ie1.twilio.com/",
    })
}

fn answered(answer: Result<Response, HttpError>) -> Delivery {
    testing::deliver::<Twilio>(&plain(), &testing::notification(), [answer])
}

fn deliver(config: &Value, notification: &Notification) -> Delivery {
    testing::deliver::<Twilio>(config, notification, [Ok(response(201, QUEUED))])
}
