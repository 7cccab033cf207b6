//! The plugin with real programs: a notification goes in, an outcome comes out.

mod config;
mod runs;

use commwatch_exec::Exec;
use commwatch_plugin_api::Notification;
use commwatch_plugin_api::testing::{self, Delivery};
use serde_json::{Value, json};

/// A configuration that runs a script.
fn sh(script: &str) -> Value {
    json!({"program": "/bin/sh", "args": ["-c", script]})
}

fn deliver(config: &Value, notification: &Notification) -> Delivery {
    testing::deliver::<Exec>(config, notification, [])
}
