//! The plugin against a host that answers as told.

mod answers;
mod configuration;
mod requests;

use commwatch_plugin_api::testing::{FakeHost, response, start};
use serde_json::{Value as Json, json};

use crate::Webhook;

/// Stands in the address of every test; no text may hold it.
const URL: &str = "https://receiver.example/hooks/TOPSECRET";

fn webhook(config: Json) -> (Webhook, &'static FakeHost) {
    let fake = FakeHost::new();
    (start(config, &fake.host()).unwrap(), fake)
}

fn signed() -> Json {
    json!({"url": {"$secret": "/url"}, "secret": {"$secret": "/secret"}})
}
