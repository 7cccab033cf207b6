//! Writes into a Slack channel, through an incoming webhook or as a bot.
//!
//! What customers wrote is shown as plain text: it can call nobody and change nothing of the message around
//! it (`escape`). A message is made to fit Slack's limits (`limits`); if Slack refuses its form all the same,
//! it is sent once more as one plain text, so that no alert is lost to a block that Slack does not like.

mod answer;
mod blocks;
mod config;
mod escape;
mod happening;
mod limits;
mod message;
mod words;

use commwatch_plugin_api::{Auth, Host, Level, Notification, Notifier, Outcome, Request, export_plugin};

use answer::Verdict;
use config::{Destination, Mentions};
use message::Message;

pub use config::Config;

/// The configuration's JSON Schema.
pub const SCHEMA: &str = include_str!("../schema.json");

/// A channel of Slack.
#[derive(Debug)]
pub struct Slack {
    destination: Destination,
    mentions: Mentions,
}

impl Notifier for Slack {
    type Config = Config;

    fn start(config: Config, _host: &Host) -> Result<Self, String> {
        let (destination, mentions) = config.split()?;
        Ok(Self { destination, mentions })
    }

    /// At most two requests.
    fn deliver(&self, notification: &Notification, host: &Host) -> Outcome {
        let message = Message::of(notification, &self.mentions);
        let channel = self.destination.channel();
        match self.post(message.in_blocks(channel), host) {
            Verdict::Ended(outcome) => outcome,
            Verdict::FormRefused { why } => match self.post(message.as_text(channel), host) {
                Verdict::Ended(outcome) => {
                    host.log(
                        Level::Warn,
                        &format!("tried as plain text, since the blocks were refused: {why}"),
                    );
                    outcome
                }
                Verdict::FormRefused { why: again } => {
                    Outcome::reject(format!("refused with blocks ({why}) and as plain text ({again})"))
                }
            },
        }
    }
}

impl Slack {
    fn post(&self, body: Vec<u8>, host: &Host) -> Verdict {
        const JSON: &str = "application/json; charset=utf-8";
        match &self.destination {
            Destination::Webhook { url } => {
                answer::of_webhook(host.http(&Request::post(url.clone(), JSON, body)))
            }
            Destination::Bot { url, token, .. } => {
                let auth = Auth::Bearer { token: token.clone().into() };
                answer::of_bot(host.http(&Request::post(url.as_str(), JSON, body).auth(auth)))
            }
        }
    }
}

export_plugin! {
    notifier: Slack,
    name: "slack",
    description: "Writes into a Slack channel, through an incoming webhook or as a bot",
    // Slack takes about one message a second for a channel: more would only wait there.
    concurrency: 2,
    notification_bytes_max: 262_144,
    config_schema: SCHEMA,
}
