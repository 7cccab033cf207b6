//! The plugin as the daemon sees it: a notification goes in, requests and an outcome come out.

mod answers;
mod config;
mod messages;
mod properties;

use commwatch_ntfy::Ntfy;
use commwatch_plugin_api::testing::{self, Delivery, response};
use commwatch_plugin_api::{HttpError, Notification, Response};
use serde_json::{Value, json};

/// An answer of ntfy's to a message that it took.
const PUBLISHED: &str =
    r#"{"id":"hwQ2YpKdmg","time":1635528741,"event":"message","topic":"alerts","message":"x"}"#;

fn plain() -> Value {
    json!({"topic": "alerts"})
}

fn full() -> Value {
    json!({
        "url": "https://ntfy.acme.example/", "topic": "commwatch_alerts", "token": {"$secret": "/token"},
        "priority": {"critical": 4, "info": 1}, "tags": ["acme"],
    })
}

fn answered(notification: &Notification, answer: Result<Response, HttpError>) -> Delivery {
    testing::deliver::<Ntfy>(&plain(), notification, [answer])
}

fn deliver(config: &Value, notification: &Notification) -> Delivery {
    testing::deliver::<Ntfy>(config, notification, [Ok(response(200, PUBLISHED))])
}
