//! Posts cards into a channel or chat of Microsoft Teams, through a workflow of Power Automate ("When a Teams webhook
//! request is received").
//!
//! What customers wrote stands in text runs, which know no markup (`card`). The workflow's address is a secret as a
//! whole: no text of this plugin names it, and no page is quoted that may (`answer`).

mod answer;
mod card;
mod message;
mod neutral;

use commwatch_plugin_api::{Host, Notification, Notifier, Outcome, Request, Secret, export_plugin};
use serde::Deserialize;

/// The configuration's JSON Schema.
pub const SCHEMA: &str = include_str!("../schema.json");

/// `[notifiers.NAME.config]`; `schema.json` says the same to operators.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    url: Secret,
}

/// A workflow that posts into Teams.
#[derive(Debug)]
pub struct Teams {
    url: Secret,
}

impl Notifier for Teams {
    type Config = Config;

    fn start(config: Config, _host: &Host) -> Result<Self, String> {
        Ok(Self { url: config.url })
    }

    fn deliver(&self, notification: &Notification, host: &Host) -> Outcome {
        // Without the charset emoji are lost (Microsoft: "Format cards in Teams").
        const JSON: &str = "application/json; charset=utf-8";
        answer::outcome(host.http(&Request::post(self.url.clone(), JSON, message::encode(notification))))
    }
}

export_plugin! {
    notifier: Teams,
    name: "teams",
    description: "Posts cards into a Microsoft Teams channel or chat, through a workflow",
    // Teams takes a few messages a second for a channel: more would only wait there.
    concurrency: 2,
    notification_bytes_max: 262_144,
    config_schema: SCHEMA,
}
