//! Sends mail through an SMTP server, over connections of its own: the host's services are HTTP, and a server that asks
//! who one is wants the password from whoever talks to it. So this plugin is told its password (`reveal`), and opens
//! sockets.
//!
//! What a mail is stands in `message`, what is said to the server in `conversation`, what an answer means in `answer`,
//! for how long it is waited for in `turn`, and who of several has it already in `recipients`.

mod answer;
mod config;
mod conversation;
mod message;
mod recipients;
mod turn;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::{Duration, SystemTime};

use commwatch_plugin_api::{Host, Level, Notification, Notifier, Outcome, export_plugin};
use lettre::Address;

use answer::{Fault, Refused};
use config::{Addresses, Server};
use conversation::{Failed, Taken};
use recipients::Recipients;
use turn::Turn;

pub use config::Config;

/// The configuration's JSON Schema.
pub const SCHEMA: &str = include_str!("../schema.json");

/// So long before the host would end this process, the outcome is said; at most a tenth of the time.
const SAID_BEFORE: Duration = Duration::from_millis(500);
/// Conversations that were given up and have not noticed yet; with more, no new one is begun.
const LEFT_BEHIND_MAX: usize = 8;

/// A server, and the people to whom it is to hand mail.
#[derive(Debug)]
pub struct Email {
    server: Arc<Server>,
    addresses: Addresses,
    /// Who has what already.
    recipients: Recipients,
    /// Conversations under way, also those for which nobody waits.
    under_way: Arc<AtomicUsize>,
}

impl Notifier for Email {
    type Config = Config;

    fn start(config: Config, _: &Host) -> Result<Self, String> {
        let (server, addresses) = config.check()?;
        Ok(Self {
            server: Arc::new(server),
            addresses,
            recipients: Recipients::default(),
            under_way: Arc::default(),
        })
    }

    fn deliver(&self, notification: &Notification, host: &Host) -> Outcome {
        let mail = match message::write(notification, &self.addresses, SystemTime::now()) {
            Ok(mail) => mail,
            Err(why) => return Outcome::reject(why),
        };
        let left = self.recipients.left(notification);
        let others_have_it = left.is_some();
        let to = left.unwrap_or_else(|| self.addresses.to.iter().map(|to| to.email.clone()).collect());
        let remaining = Duration::from_millis(notification.remaining_ms);
        let turn = Arc::new(Turn::of(remaining.saturating_sub(SAID_BEFORE.min(remaining / 10))));
        match self.talk(mail, to, &turn) {
            Err(outcome) => outcome,
            // That these do not get it is no fault of the server, which took it for the others.
            Ok(Err((_, Fault::Nobody(refused)))) if others_have_it => {
                self.taken(notification, Taken { words: String::new(), refused }, host)
            }
            Ok(Err((step, fault))) => answer::outcome(step, fault, self.server.login.as_ref()),
            Ok(Ok(taken)) => self.taken(notification, taken, host),
        }
    }
}

impl Email {
    /// Holds the conversation on a thread of its own, since a server that says a letter a second would keep any
    /// time-out from being one. `Err`: its time is over.
    fn talk(
        &self,
        mail: Vec<u8>,
        to: Vec<Address>,
        turn: &Arc<Turn>,
    ) -> Result<Result<Taken, Failed>, Outcome> {
        let under_way = UnderWay::one_more(&self.under_way);
        if under_way.before >= LEFT_BEHIND_MAX + usize::from(CONCURRENCY) {
            return Err(Outcome::retry(format!(
                "{LEFT_BEHIND_MAX} conversations with the server have not come to an end"
            )));
        }
        let (say, said) = mpsc::channel();
        let hold = {
            let (server, turn) = (Arc::clone(&self.server), Arc::clone(turn));
            let from = self.addresses.from.email.clone();
            move || {
                let _under_way = under_way;
                conversation::hold(&server, &from, &to, &mail, &turn, |ended| {
                    // Nobody may be waiting for it any more.
                    let _ = say.send(ended);
                });
            }
        };
        let spawned = thread::Builder::new().name("conversation".to_owned()).spawn(hold);
        if let Err(error) = spawned {
            return Err(Outcome::retry(format!("cannot start a thread: {error}")));
        }
        said.recv_timeout(turn.left()).map_err(|_| {
            if turn.give_up() {
                Outcome::retry("the server did not answer in time; nothing was sent")
            } else {
                Outcome::unknown("the server did not answer in time after it was sent the mail")
            }
        })
    }

    /// The server has it for one at least, by now.
    fn taken(&self, notification: &Notification, taken: Taken, host: &Host) -> Outcome {
        let strike = |text: &str| match &self.server.login {
            Some(login) => login.struck_from(text),
            None => text.to_owned(),
        };
        for one in taken.refused.iter().filter(|one| !one.is_for_now()) {
            let why = format!("{} does not get it: {} {}", one.to, one.code, one.words);
            host.log(Level::Warn, &strike(&why));
        }
        let later: Vec<_> = taken.refused.iter().filter(|one| one.is_for_now()).collect();
        let missing = later.iter().map(|one| one.to.clone()).collect();
        self.recipients.remember(notification, missing);
        match later.first() {
            Some(one) => {
                let Refused { to, code, words } = one;
                let why = format!("{to} is to get it later: SMTP {code} {words}; the others have it");
                Outcome::retry(strike(&why))
            }
            None => Outcome::delivered_as(answer::receipt(&taken.words).unwrap_or_default()),
        }
    }
}

/// A conversation that counts until it ends, in whatever way.
struct UnderWay {
    all: Arc<AtomicUsize>,
    /// How many there were before it.
    before: usize,
}

impl UnderWay {
    fn one_more(all: &Arc<AtomicUsize>) -> Self {
        Self { before: all.fetch_add(1, Ordering::AcqRel), all: Arc::clone(all) }
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.all.fetch_sub(1, Ordering::AcqRel);
    }
}

/// Conversations at once. A server that hands mail to people has no use for more.
const CONCURRENCY: u16 = 2;

export_plugin! {
    notifier: Email,
    name: "email",
    description: "Sends mail through an SMTP server, over connections of its own",
    concurrency: CONCURRENCY,
    notification_bytes_max: 262_144,
    config_schema: SCHEMA,
}

#[cfg(test)]
mod tests {
    use commwatch_plugin_api::testing::{FakeHost, notification, start};

    use super::*;

    #[test]
    fn with_many_conversations_that_do_not_end_no_new_one_is_begun() {
        let host = FakeHost::new().host();
        let config = r#"{"host": "127.0.0.1", "port": 1, "tls": "none", "from": "a@x.example", "to": ["b@x.example"]}"#;
        let email: Email = start(serde_json::from_str(config).unwrap(), &host).unwrap();
        let why = || match email.deliver(&notification(), &host) {
            Outcome::Retry { why, .. } => why,
            other => panic!("{other:?}"),
        };
        email.under_way.store(9, Ordering::Release);
        assert!(why().starts_with("no connection: 127.0.0.1:1: "));
        email.under_way.store(10, Ordering::Release);
        assert_eq!(why(), "8 conversations with the server have not come to an end");
        assert_eq!(email.under_way.load(Ordering::Acquire), 10);
    }
}
