//! Opens and closes alerts in PagerDuty, through its Events API v2.
//!
//! All notifications with one key are one alert there (`dedup_key`), so a repeat adds a line to it and wakes nobody
//! a second time. The integration key stands in the body of each request, which the host never writes in: the
//! operator has to reveal it to this plugin.

mod answer;
mod config;
mod event;
mod facts;

use commwatch_plugin_api::{Host, Notification, Notifier, Outcome, Request, export_plugin};

use config::Service;

pub use config::Config;

/// The configuration's JSON Schema.
pub const SCHEMA: &str = include_str!("../schema.json");

/// A service of PagerDuty.
#[derive(Debug)]
pub struct PagerDuty {
    service: Service,
}

impl Notifier for PagerDuty {
    type Config = Config;

    fn start(config: Config, _: &Host) -> Result<Self, String> {
        Ok(Self { service: config.check()? })
    }

    fn deliver(&self, notification: &Notification, host: &Host) -> Outcome {
        let body = event::body(notification, &self.service);
        let answer = host.http(&Request::post(self.service.url.as_str(), "application/json", body));
        answer::outcome(answer, &self.service.key)
    }
}

export_plugin! {
    notifier: PagerDuty,
    name: "pagerduty",
    description: "Opens and closes alerts in PagerDuty (Events API v2)",
    concurrency: 2,
    notification_bytes_max: 262_144,
    config_schema: SCHEMA,
}
