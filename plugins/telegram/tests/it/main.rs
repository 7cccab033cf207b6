//! The plugin as the daemon sees it: a notification goes in, requests and an outcome come out.

mod answers;
mod config;
mod messages;
mod properties;

use commwatch_plugin_api::testing::{self, Delivery, response};
use commwatch_plugin_api::{HttpError, Notification, Response};
use commwatch_telegram::Telegram;
use serde_json::{Value, json};

const SENT: &str =
    r#"{"ok":true,"result":{"message_id":4711,"date":1700000000,"chat":{"id":-100,"type":"group"}}}"#;

fn plain() -> Value {
    json!({"url": {"$secret": "/url"}, "chat_id": -1_001_234_567_890_i64})
}

fn topic() -> Value {
    json!({"url": {"$secret": "/url"}, "chat_id": "@acme_ops", "message_thread_id": 12, "silent": ["info", "warning"]})
}

fn answered(answer: Result<Response, HttpError>) -> Delivery {
    testing::deliver::<Telegram>(&plain(), &testing::notification(), [answer])
}

fn deliver(config: &Value, notification: &Notification) -> Delivery {
    testing::deliver::<Telegram>(config, notification, [Ok(response(200, SENT))])
}
