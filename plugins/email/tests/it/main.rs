//! The plugin as the daemon sees it, in conversation with a server: a notification goes in, a mail and an outcome come out.

mod config;
mod conversations;
mod encryption;
mod mail;
mod messages;
mod properties;
mod receiver;
mod tls;

use commwatch_email::Email;
use commwatch_plugin_api::Notification;
use commwatch_plugin_api::testing::{self, Delivery};
use serde_json::{Value, json};

use mail::Mail;
use receiver::{Manner, Receiver};

/// A configuration for a server without encryption.
fn to(receiver: &Receiver) -> Value {
    json!({
        "host": "127.0.0.1", "port": receiver.address.port(), "tls": "none",
        "from": "commwatch <alerts@acme.example>", "to": ["night@acme.example"],
    })
}

fn deliver(config: &Value, notification: &Notification) -> Delivery {
    testing::deliver::<Email>(config, notification, [])
}

/// The mail that comes of a notification.
fn sent(notification: &Notification) -> Mail {
    let receiver = Receiver::start(Manner::default());
    let ended = deliver(&to(&receiver), notification);
    assert_eq!(ended.kind(), "delivered", "{}", ended.why());
    Mail::read(&receiver.taken().remove(0).bytes)
}
