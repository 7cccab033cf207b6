//! Posts events to a web address: `CloudEvents` 1.0 in the body, signed by the rules of Standard Webhooks 1.0.
//!
//! The bytes of an event are sent as the daemon stored them. The host signs them, so this plugin sees no key; it
//! never says the address either, which may be a secret. What an answer means stands in `answer.rs`, what the
//! configuration may hold in `config.rs` and `schema.json`, and both for people in `README.md`.

mod answer;
mod config;
mod message;
#[cfg(test)]
mod tests;

use commwatch_plugin_api::{Host, Notification, Notifier, Outcome, Request, Sign};

use crate::config::{Config, Destination};
use crate::message::Message;

struct Webhook {
    destination: Destination,
}

impl Notifier for Webhook {
    type Config = Config;

    fn start(config: Config, _: &Host) -> Result<Self, String> {
        Ok(Self { destination: config.check()? })
    }

    fn deliver(&self, notification: &Notification, host: &Host) -> Outcome {
        match Message::of(notification) {
            Ok(message) => answer::outcome(host.http(&self.request(message))),
            Err(why) => Outcome::reject(why),
        }
    }
}

impl Webhook {
    fn request(&self, message: Message) -> Request {
        let Destination { url, secrets, headers } = &self.destination;
        let mut request = Request::post(url.clone(), message.content_type, message.body);
        for (name, value) in headers {
            request = request.header(name, value.clone());
        }
        if secrets.is_empty() {
            // Receivers tell repeats by it, signed or not.
            return request.header("webhook-id", message.id);
        }
        let secrets = secrets.iter().cloned().map(Into::into).collect();
        request.sign(Sign::StandardWebhooks { id: message.id, secrets })
    }
}

commwatch_plugin_api::export_plugin! {
    notifier: Webhook,
    name: "webhook",
    description: "Posts signed CloudEvents to a web address (Standard Webhooks)",
    concurrency: 4,
    notification_bytes_max: 262_144,
    config_schema: include_str!("../schema.json"),
}
