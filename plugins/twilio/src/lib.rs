//! Sends SMS to one number through Twilio's `Messages` resource
//! (<https://www.twilio.com/docs/messaging/api/message-resource>).
//!
//! One notifier has one recipient: a delivery has one end, and with several numbers some could have got it and others
//! not. Twilio has no key by which it would know a message again, so after an unknown end one may come twice.

mod answer;
mod config;
mod message;
mod sms;

use commwatch_plugin_api::{Auth, Host, Notification, Notifier, Outcome, Request, export_plugin};

use config::Account;

pub use config::Config;

/// The configuration's JSON Schema.
pub const SCHEMA: &str = include_str!("../schema.json");

/// A number that gets SMS.
#[derive(Debug)]
pub struct Twilio {
    account: Account,
}

impl Notifier for Twilio {
    type Config = Config;

    fn start(config: Config, _host: &Host) -> Result<Self, String> {
        Ok(Self { account: config.check()? })
    }

    fn deliver(&self, notification: &Notification, host: &Host) -> Outcome {
        const FORM: &str = "application/x-www-form-urlencoded";
        let Account { url, user, password, .. } = &self.account;
        let auth = Auth::Basic { user: user.clone(), password: password.clone().into() };
        let body = message::encode(notification, &self.account);
        answer::outcome(host.http(&Request::post(url.as_str(), FORM, body).auth(auth)))
    }
}

export_plugin! {
    notifier: Twilio,
    name: "twilio",
    description: "Sends SMS to one number through Twilio",
    // A number sends about one segment a second: more would only wait at Twilio.
    concurrency: 1,
    notification_bytes_max: 262_144,
    config_schema: SCHEMA,
}
