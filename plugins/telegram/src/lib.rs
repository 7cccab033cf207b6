//! Writes into a Telegram chat as a bot, with `sendMessage` of the Bot API
//! (<https://core.telegram.org/bots/api#sendmessage>).
//!
//! Text is sent without `parse_mode`, so nothing in it is markup. Telegram still looks for `@names` and `/commands` in
//! plain text; customers' ones are parted so that they call nobody (`neutral`). The bot's token stands in the address,
//! which is a secret as a whole: no text of this plugin names it, and no page is quoted that may.

mod answer;
mod config;
mod message;
mod neutral;

use commwatch_plugin_api::{Host, Notification, Notifier, Outcome, Request, export_plugin};

pub use config::Config;

/// The configuration's JSON Schema.
pub const SCHEMA: &str = include_str!("../schema.json");

/// A chat of Telegram.
#[derive(Debug)]
pub struct Telegram {
    config: Config,
}

impl Notifier for Telegram {
    type Config = Config;

    fn start(config: Config, _host: &Host) -> Result<Self, String> {
        Ok(Self { config: config.check()? })
    }

    fn deliver(&self, notification: &Notification, host: &Host) -> Outcome {
        let body = message::encode(notification, &self.config);
        answer::outcome(host.http(&Request::post(self.config.url.clone(), "application/json", body)))
    }
}

export_plugin! {
    notifier: Telegram,
    name: "telegram",
    description: "Writes into a Telegram chat as a bot",
    // Telegram takes about one message a second for a chat, 20 a minute for a group: more would only wait there.
    concurrency: 1,
    notification_bytes_max: 262_144,
    config_schema: SCHEMA,
}
