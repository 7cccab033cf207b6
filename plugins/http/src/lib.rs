//! Sends what the operator's templates make of a notification to any web address.
//!
//! Templates are compiled and tried when the notifier starts (`templates`). What customers wrote is escaped by what
//! the body is (`escape`); a template that fails on a notification all the same costs its form, not the alert: a
//! plain body goes instead, and a warning says so.

mod answer;
mod config;
mod context;
mod escape;
mod filters;
mod presets;
mod templates;

use commwatch_plugin_api::{Host, Level, Notification, Notifier, Outcome, Request, export_plugin};

use config::Endpoint;
use templates::Templates;

pub use config::Config;

/// The configuration's JSON Schema.
pub const SCHEMA: &str = include_str!("../schema.json");

/// A web address, and how it is spoken to.
#[derive(Debug)]
pub struct Http {
    endpoint: Endpoint,
    templates: Templates,
}

impl Notifier for Http {
    type Config = Config;

    fn start(config: Config, _: &Host) -> Result<Self, String> {
        let (endpoint, sources) = config.check()?;
        Ok(Self { templates: Templates::compile(sources)?, endpoint })
    }

    fn deliver(&self, notification: &Notification, host: &Host) -> Outcome {
        let rendered = self.templates.render(notification);
        for fault in &rendered.faults {
            host.log(Level::Warn, &format!("sent in a plain form instead: {fault}"));
        }
        let mut request = Request::post(
            self.endpoint.url_with(&rendered.path),
            self.templates.content_type(),
            rendered.body,
        );
        request.method.clone_from(&self.endpoint.method);
        for (name, value) in &self.endpoint.secret_headers {
            request = request.header(name, value.clone());
        }
        for (name, text) in rendered.headers {
            request = request.header(&name, text);
        }
        answer::outcome(host.http(&request), &self.endpoint.expect)
    }
}

export_plugin! {
    notifier: Http,
    name: "http",
    description: "Sends what your templates make of a notification to any web address",
    concurrency: 4,
    notification_bytes_max: 262_144,
    config_schema: SCHEMA,
}
