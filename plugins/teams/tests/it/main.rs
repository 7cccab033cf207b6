//! The plugin as the daemon sees it: a notification goes in, requests and an outcome come out.

mod answers;
mod config;
mod messages;
mod properties;

use commwatch_plugin_api::testing::{self, Delivery, response};
use commwatch_plugin_api::{HttpError, Notification, Response};
use commwatch_teams::Teams;
use serde_json::{Value, json};

fn config() -> Value {
    json!({"url": {"$secret": "/url"}})
}

fn answered(answer: Result<Response, HttpError>) -> Delivery {
    testing::deliver::<Teams>(&config(), &testing::notification(), [answer])
}

fn deliver(notification: &Notification) -> Delivery {
    testing::deliver::<Teams>(&config(), notification, [Ok(response(202, ""))])
}
