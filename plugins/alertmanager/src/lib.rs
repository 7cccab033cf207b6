//! Raises alerts in Prometheus Alertmanager (API v2) and ends them.
//!
//! An alert is what its labels are: one that is to be ended must be sent with the very labels it was raised with
//! (`alert`). Alertmanager counts an alert as over when its end is past, so a late delivery gets an end that is not.

mod alert;
mod answer;
mod config;
mod facts;

use commwatch_plugin_api::{Host, Notification, Notifier, Outcome, Request, export_plugin};
use jiff::Timestamp;

use config::Destination;

pub use config::Config;

/// The configuration's JSON Schema.
pub const SCHEMA: &str = include_str!("../schema.json");

/// One Alertmanager.
#[derive(Debug)]
pub struct Alertmanager {
    destination: Destination,
}

impl Notifier for Alertmanager {
    type Config = Config;

    fn start(config: Config, _: &Host) -> Result<Self, String> {
        Ok(Self { destination: config.check()? })
    }

    fn deliver(&self, notification: &Notification, host: &Host) -> Outcome {
        answer::outcome(host.http(&self.request(notification, Timestamp::now())))
    }
}

impl Alertmanager {
    /// What is asked of the host at this time.
    pub fn request(&self, notification: &Notification, now: Timestamp) -> Request {
        let body = alert::body(notification, &self.destination, now);
        Request::post(self.destination.url.as_str(), "application/json", body)
            .auth(self.destination.auth.clone())
    }
}

export_plugin! {
    notifier: Alertmanager,
    name: "alertmanager",
    description: "Raises and ends alerts in Prometheus Alertmanager",
    concurrency: 4,
    notification_bytes_max: 262_144,
    // Prometheus sends what fires again as often.
    repeat_seconds: 60,
    config_schema: SCHEMA,
}
