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
mod thread;
mod words;

use commwatch_plugin_api::{Auth, Host, Level, Notification, Notifier, Outcome, Request, export_plugin};

use answer::Verdict;
use config::{Destination, Mentions};
use message::{Message, Place};
use thread::{Thread, is_digest};

pub use config::Config;

/// A bot's methods.
const POST: &str = "chat.postMessage";
const UPDATE: &str = "chat.update";

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

    /// At most two requests; in threads, at most four.
    fn deliver(&self, notification: &Notification, host: &Host) -> Outcome {
        let message = Message::of(notification, &self.mentions);
        match &self.destination {
            Destination::Bot { channel, threads: Some(broadcast), .. } => {
                // The most urgent come first.
                let broadcast = notification.severity <= *broadcast;
                self.deliver_in_thread(notification, message, (channel, broadcast), host)
            }
            destination => self.post_somehow(&message, Place::channel(destination.channel()), host).outcome(),
        }
    }
}

/// How a message was taken.
enum Posted {
    Ended(Outcome),
    /// As plain text: its blocks were refused, and would be again.
    Plainly(Outcome),
    /// Its thread takes no replies.
    NoThread {
        why: String,
    },
}

impl Posted {
    fn outcome(self) -> Outcome {
        match self {
            Self::Ended(outcome) | Self::Plainly(outcome) => outcome,
            // Nobody replied to anything.
            Self::NoThread { why } => Outcome::retry(why),
        }
    }
}

impl Slack {
    /// As a reply where the conversation has a thread, and else as the parent of one.
    fn deliver_in_thread(
        &self,
        notification: &Notification,
        message: Message<'_>,
        (channel, broadcast): (&str, bool),
        host: &Host,
    ) -> Outcome {
        if let Some(thread) = Thread::before(notification, channel) {
            let posted = self.post_somehow(&message, Place::reply(&thread, broadcast), host);
            let in_blocks = matches!(posted, Posted::Ended(_));
            match posted {
                Posted::Ended(Outcome::Delivered { .. }) | Posted::Plainly(Outcome::Delivered { .. }) => {
                    let thread = thread.longer();
                    // What somebody wants to see again is not how things stand now.
                    if let Some(held) = thread.held.filter(|_| in_blocks && !notification.replay) {
                        let parent = message.standing(held).in_blocks(Place::parent(&thread));
                        self.on_the_side(
                            "the parent of its thread still says what it said",
                            UPDATE,
                            parent,
                            host,
                        );
                    }
                    return Outcome::Delivered { receipt: Some(thread.receipt()) };
                }
                Posted::Ended(outcome) | Posted::Plainly(outcome) => return outcome,
                Posted::NoThread { why } => {
                    host.log(
                        Level::Info,
                        &format!("begins a thread anew, since the last takes no replies: {why}"),
                    );
                }
            }
        }
        let posted = self.post_somehow(&message, Place::channel(Some(channel)), host);
        let in_blocks = matches!(posted, Posted::Ended(_));
        let outcome = posted.outcome();
        let Outcome::Delivered { receipt } = outcome else { return outcome };
        // What several conversations are told by is the beginning of none.
        let parent = receipt.filter(|_| !is_digest(notification)).and_then(|receipt| Thread::read(&receipt));
        let Some(parent) = parent else { return Outcome::delivered() };
        let copy = message.quiet().in_blocks(Place::reply(&parent, false));
        let is_held = in_blocks && self.on_the_side("its thread begins with the next", POST, copy, host);
        Outcome::Delivered { receipt: Some(Thread { held: is_held.then_some(1), ..parent }.receipt()) }
    }

    /// With blocks, or as plain text where they are refused.
    fn post_somehow(&self, message: &Message<'_>, place: Place<'_>, host: &Host) -> Posted {
        let why = match self.post(POST, message.in_blocks(place), host) {
            Verdict::Ended(outcome) => return Posted::Ended(outcome),
            Verdict::ThreadRefused { why } => return Posted::NoThread { why },
            Verdict::FormRefused { why } => why,
        };
        match self.post(POST, message.as_text(place), host) {
            Verdict::Ended(outcome) => {
                host.log(Level::Warn, &format!("tried as plain text, since the blocks were refused: {why}"));
                Posted::Plainly(outcome)
            }
            Verdict::ThreadRefused { why } => Posted::NoThread { why },
            Verdict::FormRefused { why: again } => Posted::Ended(Outcome::reject(format!(
                "refused with blocks ({why}) and as plain text ({again})"
            ))),
        }
    }

    /// What the notification does not depend on, which has been delivered. Says whether it worked.
    fn on_the_side(&self, otherwise: &str, method: &str, body: Vec<u8>, host: &Host) -> bool {
        let why = match self.post(method, body, host) {
            Verdict::Ended(Outcome::Delivered { .. }) => return true,
            Verdict::Ended(
                Outcome::Retry { why, .. }
                | Outcome::Reject { why }
                | Outcome::Unknown { why }
                | Outcome::Broken { why, .. },
            )
            | Verdict::ThreadRefused { why }
            | Verdict::FormRefused { why } => why,
        };
        host.log(Level::Info, &format!("delivered; {otherwise}: {why}"));
        false
    }

    fn post(&self, method: &str, body: Vec<u8>, host: &Host) -> Verdict {
        const JSON: &str = "application/json; charset=utf-8";
        match &self.destination {
            Destination::Webhook { url } => {
                answer::of_webhook(host.http(&Request::post(url.clone(), JSON, body)))
            }
            Destination::Bot { api, token, .. } => {
                let auth = Auth::Bearer { token: token.clone().into() };
                answer::of_bot(host.http(&Request::post(format!("{api}/{method}"), JSON, body).auth(auth)))
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
    receipts: true,
    config_schema: SCHEMA,
}
