//! What the end of a conversation with a server means for the delivery. Knows no socket.

use std::error::Error as _;

use commwatch_plugin_api::{Outcome, excerpt};
use lettre::Address;
use lettre::transport::smtp::Error;

use crate::config::Login;

/// How far a conversation had come.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Step {
    /// Finding the server and connecting.
    Connect,
    /// Its greeting, and TLS where that comes first.
    Greeting,
    /// Asking for TLS, and TLS.
    Starttls,
    /// Signing in.
    Login,
    /// Who it is from.
    From,
    /// Who gets it: everybody was refused.
    To,
    /// Asking to send the mail.
    Data,
    /// The mail itself: the server has it, perhaps.
    Mail,
}

/// How it failed.
#[derive(Debug)]
pub(crate) enum Fault {
    /// The server refused, with this code.
    Said { code: u16, words: String },
    /// TLS failed: a certificate that is not trusted, or no TLS at the other end.
    Tls(String),
    /// The server cannot do what is needed.
    Unable(String),
    /// No connection, no answer, or one that is none.
    Silent(String),
    /// Nobody was to get it, for these reasons; at least one.
    Nobody(Vec<Refused>),
}

/// Somebody for whom the server did not take it.
#[derive(Clone, Debug)]
pub(crate) struct Refused {
    pub(crate) to: Address,
    pub(crate) code: u16,
    pub(crate) words: String,
}

impl Refused {
    /// Whether another try may do.
    pub(crate) fn is_for_now(&self) -> bool {
        self.code < 500
    }
}

impl Fault {
    /// What lettre says.
    pub(crate) fn of(error: &Error) -> Self {
        let source = error.source();
        let words = source.map_or_else(|| error.to_string(), ToString::to_string);
        if let Some(code) = error.status() {
            return Self::Said { code: code.into(), words: excerpt(words.as_bytes()) };
        }
        if is_tls(error) {
            return Self::Tls(words);
        }
        if error.is_client() { Self::Unable(words) } else { Self::Silent(words) }
    }
}

/// Whether it is TLS that failed, and not the network below it.
fn is_tls(error: &Error) -> bool {
    let mut next = error.source();
    while let Some(source) = next {
        // An error of TLS comes wrapped as one of reading.
        let inner = source.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
        if source.is::<rustls::Error>() || inner.is_some_and(|inner| inner.is::<rustls::Error>()) {
            return true;
        }
        next = source.source();
    }
    error.is_tls()
}

/// What a failure comes to. Refusals that every mail would meet break the notifier, so that its queue waits; what is
/// about this mail alone rejects it.
pub(crate) fn outcome(step: Step, fault: Fault, login: Option<&Login>) -> Outcome {
    use Step::{Connect, Data, From, Greeting, Login, Mail, Starttls, To};
    let strike = |text: String| login.map_or(text.clone(), |login| login.struck_from(&text));
    let at = match step {
        Connect => "no connection",
        Greeting => "greeting",
        Starttls => "STARTTLS",
        Login => "signing in",
        From => "`from`",
        To => "`to`",
        Data => "asking to send",
        Mail => "the mail",
    };
    match fault {
        Fault::Nobody(refused) => {
            // What may pass is told rather than what does not: then it is tried again.
            let one = refused.iter().find(|one| one.is_for_now()).or(refused.first());
            let (code, words) =
                one.map_or((550, String::new()), |one| (one.code, format!("{}: {}", one.to, one.words)));
            outcome(step, Fault::Said { code, words }, login)
        }
        Fault::Said { code, words } => {
            let why = strike(format!("SMTP {code} at {at}: {words}"));
            match (step, code) {
                (_, 400..=499) => Outcome::retry(why),
                // Too long for this server: another one may not be.
                (From, 552) | (Data | Mail, _) => Outcome::reject(why),
                (Connect | Greeting | Starttls, _) => {
                    Outcome::broken(format!("{why}; check `host`, `port` and `tls`"))
                }
                (Login, _) => Outcome::broken(format!("{why}; check `username` and `password`")),
                (From, _) => Outcome::broken(format!(
                    "{why}; check `from`, and whether the server wants you to sign in"
                )),
                (To, _) => Outcome::broken(format!("{why}; check `to`")),
            }
        }
        // However the answer was lost, the mail may have gone before.
        Fault::Tls(why) | Fault::Unable(why) | Fault::Silent(why) if step == Mail => {
            Outcome::unknown(strike(format!("no answer to the mail: {why}; it may have arrived")))
        }
        Fault::Tls(why) => {
            Outcome::broken(strike(format!("TLS at {at}: {why}; check `host`, `port`, `tls` and `ca_file`")))
        }
        Fault::Unable(why) => Outcome::broken(strike(format!("{at}: {why}"))),
        Fault::Silent(why) => Outcome::retry(strike(format!("{at}: {why}"))),
    }
}

/// What the server calls the mail, where it says so in a way that is known: "queued as X", "id=X".
pub(crate) fn receipt(words: &str) -> Option<&str> {
    let after = |mark: &str| words.split_once(mark)?.1.split_whitespace().next();
    after("queued as ").or_else(|| after("id=")).map(|name| name.trim_end_matches(['.', ',', ';', ')']))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(outcome: &Outcome) -> &'static str {
        match outcome {
            Outcome::Delivered { .. } => "delivered",
            Outcome::Retry { .. } => "retry",
            Outcome::Reject { .. } => "reject",
            Outcome::Unknown { .. } => "unknown",
            Outcome::Broken { .. } => "broken",
        }
    }

    #[test]
    fn every_refusal_at_every_step_has_its_outcome() {
        use Step::{Connect, Data, From, Greeting, Login, Mail, Starttls, To};
        let all = [Connect, Greeting, Starttls, Login, From, To, Data, Mail];
        let said = |step, code| kind(&outcome(step, Fault::Said { code, words: "no".into() }, None));
        for step in all {
            for code in [421, 450, 451, 452, 454] {
                assert_eq!(said(step, code), "retry", "{step:?} {code}");
            }
            let hard = if matches!(step, Data | Mail) { "reject" } else { "broken" };
            for code in [500, 502, 530, 535, 550, 553, 554] {
                assert_eq!(said(step, code), hard, "{step:?} {code}");
            }
            for (fault, before) in [
                (Fault::Silent("reset".into()), "retry"),
                (Fault::Tls("unknown issuer".into()), "broken"),
                (Fault::Unable("no STARTTLS".into()), "broken"),
            ] {
                // Once the mail was sent, nobody knows.
                let expected = if step == Mail { "unknown" } else { before };
                let shown = format!("{step:?} {fault:?}");
                assert_eq!(kind(&outcome(step, fault, None)), expected, "{shown}");
            }
        }
        assert_eq!((said(From, 552), said(To, 552)), ("reject", "broken"));
    }

    #[test]
    fn that_everybody_is_refused_is_for_now_as_long_as_it_is_for_one() {
        let one = |code| Refused { to: "a@x.example".parse().unwrap(), code, words: "no".into() };
        let all = |codes: &[u16]| {
            let refused = codes.iter().map(|code| one(*code)).collect();
            kind(&outcome(Step::To, Fault::Nobody(refused), None))
        };
        assert_eq!((all(&[550]), all(&[550, 553]), all(&[550, 450])), ("broken", "broken", "retry"));
    }

    #[test]
    fn what_servers_call_a_mail_is_its_receipt() {
        for (words, expected) in [
            ("2.0.0 Ok: queued as 4XyZ12", Some("4XyZ12")),
            ("OK id=1rXabc-0001-Ab", Some("1rXabc-0001-Ab")),
            ("2.0.0 5a1b Message accepted for delivery", None),
            ("queued as ", None),
        ] {
            assert_eq!(receipt(words), expected, "{words}");
        }
    }
}
