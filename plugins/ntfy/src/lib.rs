//! Publishes to a topic of ntfy, as JSON (<https://docs.ntfy.sh/publish/#publish-as-json>).
//!
//! Markdown is not asked for, so what customers wrote is plain text. What a message may measure stands in `message`,
//! what an answer means in `answer`.

mod answer;
mod config;
mod message;

use commwatch_plugin_api::{Auth, Host, Notification, Notifier, Outcome, Request, export_plugin};

use config::Destination;

pub use config::Config;

/// The configuration's JSON Schema.
pub const SCHEMA: &str = include_str!("../schema.json");

/// A topic of ntfy.
#[derive(Debug)]
pub struct Ntfy {
    destination: Destination,
}

impl Notifier for Ntfy {
    type Config = Config;

    fn start(config: Config, _host: &Host) -> Result<Self, String> {
        Ok(Self { destination: config.check()? })
    }

    fn deliver(&self, notification: &Notification, host: &Host) -> Outcome {
        let Destination { url, token, .. } = &self.destination;
        let body = message::encode(notification, &self.destination);
        let mut request = Request::post(url.as_str(), "application/json", body);
        if let Some(token) = token {
            request = request.auth(Auth::Bearer { token: token.clone().into() });
        }
        answer::outcome(host.http(&request))
    }
}

export_plugin! {
    notifier: Ntfy,
    name: "ntfy",
    description: "Publishes to a topic of ntfy, for phones and desktops",
    // A server lets a visitor send 60 requests at once and then one in 5 seconds: more would only wait there.
    concurrency: 2,
    notification_bytes_max: 262_144,
    config_schema: SCHEMA,
}
