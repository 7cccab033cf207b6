//! A conversation with a server (RFC 5321), over a connection of its own, step by step: what an answer means depends on
//! the step at which it comes.

use std::net::{SocketAddr, ToSocketAddrs as _};
use std::time::Duration;

use commwatch_plugin_api::excerpt;
use lettre::Address;
use lettre::transport::smtp::authentication::Mechanism;
use lettre::transport::smtp::client::SmtpConnection;
use lettre::transport::smtp::commands::{Data, Mail as MailFrom, Rcpt};
use lettre::transport::smtp::response::{Response, Severity};

use crate::answer::{Fault, Refused, Step};
use crate::config::Server;
use crate::turn::Turn;

/// How long the server may take to say goodbye, after it has taken the mail.
const GOODBYE: Duration = Duration::from_millis(500);
/// Addresses of one name that are tried.
const ADDRESSES_MAX: usize = 8;
/// The answer that lets the mail come (RFC 5321, 4.3.2).
const MAY_SEND: u16 = 354;

/// The server took the mail.
#[derive(Debug)]
pub(crate) struct Taken {
    /// In which words.
    pub(crate) words: String,
    /// For whom not, and why: never, or not now.
    pub(crate) refused: Vec<Refused>,
}

/// Where and how it failed.
pub(crate) type Failed = (Step, Fault);

/// Hands the mail to the server, for as many of `to` as it takes it for, as long as it is still our turn. How that ended
/// is said before goodbye is, which nothing depends on.
pub(crate) fn hold(
    server: &Server,
    from: &Address,
    to: &[Address],
    mail: &[u8],
    turn: &Turn,
    say: impl FnOnce(Result<Taken, Failed>),
) {
    let mut talk = match Talk::begin(server, turn) {
        Ok(talk) => talk,
        Err(failed) => return say(Err(failed)),
    };
    let ended = talk.hand_over(server, from, to, mail);
    let is_taken = ended.is_ok();
    say(ended);
    if is_taken && talk.connection.set_timeout(Some(GOODBYE)).is_ok() {
        let _ = talk.connection.quit();
    }
}

/// A connection, and until when it is ours.
struct Talk<'a> {
    connection: SmtpConnection,
    turn: &'a Turn,
}

impl<'a> Talk<'a> {
    /// Connects to one of the addresses that the server's name has.
    fn begin(server: &Server, turn: &'a Turn) -> Result<Self, Failed> {
        let silent = |why: String| (Step::Connect, Fault::Silent(why));
        let found = (server.host.as_str(), server.port).to_socket_addrs();
        let found = found.map_err(|error| silent(format!("{}: {error}", server.host)))?;
        // Without encryption nothing leaves this machine, whatever the name has come to mean.
        let is_ours = |at: &SocketAddr| server.tls.is_some() || at.ip().is_loopback();
        let addresses: Vec<SocketAddr> = found.filter(is_ours).take(ADDRESSES_MAX).collect();
        let mut last = silent(format!("{} has no address that may be used", server.host));
        for (tried, address) in addresses.iter().enumerate() {
            let patience = match turn.left() {
                left if left.is_zero() => break,
                left => left / u32::try_from(addresses.len() - tried).unwrap_or(1),
            };
            let tls = server.tls.as_ref().filter(|_| !server.starts_plain);
            match SmtpConnection::connect(address, Some(patience), &server.hello, tls, None) {
                Ok(connection) => return Ok(Self { connection, turn }),
                Err(error) => match Fault::of(&error) {
                    Fault::Silent(why) => last = silent(format!("{address}: {why}")),
                    fault => return Err((Step::Greeting, fault)),
                },
            }
        }
        Err(last)
    }

    /// Everything between the greeting and the goodbye.
    fn hand_over(
        &mut self,
        server: &Server,
        from: &Address,
        to: &[Address],
        mail: &[u8],
    ) -> Result<Taken, Failed> {
        if server.starts_plain
            && let Some(tls) = &server.tls
        {
            if !self.connection.can_starttls() {
                let why =
                    "the server does not offer it; `tls` may have to be \"implicit\", on another `port`";
                return Err((Step::Starttls, Fault::Unable(why.to_owned())));
            }
            self.at(Step::Starttls, |connection| connection.starttls(tls, &server.hello))?;
        }
        if let Some(login) = &server.login {
            let ways = [Mechanism::Plain, Mechanism::Login];
            self.at(Step::Login, |connection| connection.auth(&ways, &login.credentials))?;
        }
        self.at(Step::From, |connection| connection.command(MailFrom::new(Some(from.clone()), Vec::new())))?;
        let refused = self.recipients(to)?;
        let answer = self.at(Step::Data, |connection| connection.command(Data))?;
        // Any other answer is no leave to send: the mail would be read as commands.
        if !answer.has_code(MAY_SEND) {
            return Err((Step::Data, odd(&answer)));
        }
        if !self.turn.take() {
            return Err((Step::Data, Fault::Silent("there was no time left to send it".to_owned())));
        }
        let answer = self.at(Step::Mail, |connection| connection.message(mail))?;
        if answer.code().severity != Severity::PositiveCompletion {
            return Err((Step::Mail, odd(&answer)));
        }
        Ok(Taken { words: answer.message().collect::<Vec<_>>().join(" "), refused })
    }

    /// One step, for as long as there is time.
    fn at<T>(
        &mut self,
        step: Step,
        say: impl FnOnce(&mut SmtpConnection) -> Result<T, lettre::transport::smtp::Error>,
    ) -> Result<T, Failed> {
        let left = self.turn.left();
        if left.is_zero() {
            return Err((step, Fault::Silent("there was no time left".to_owned())));
        }
        let set = self.connection.set_timeout(Some(left));
        set.map_err(|error| (step, Fault::Silent(error.to_string())))?;
        say(&mut self.connection).map_err(|error| (step, Fault::of(&error)))
    }

    /// Names everybody. As long as the server takes it for one of them, the others are told of and not an end.
    fn recipients(&mut self, to: &[Address]) -> Result<Vec<Refused>, Failed> {
        let mut refused = Vec::new();
        for to in to {
            let named = self.at(Step::To, |connection| connection.command(Rcpt::new(to.clone(), Vec::new())));
            match named {
                Ok(_) => {}
                // The whole conversation is over (RFC 5321, 3.8).
                Err((step, Fault::Said { code: 421, words })) => {
                    return Err((step, Fault::Said { code: 421, words }));
                }
                Err((_, Fault::Said { code, words })) => {
                    refused.push(Refused { to: to.clone(), code, words });
                }
                Err(failed) => return Err(failed),
            }
        }
        if refused.len() == to.len() { Err((Step::To, Fault::Nobody(refused))) } else { Ok(refused) }
    }
}

/// An answer that is none to what was said.
fn odd(answer: &Response) -> Fault {
    let words = answer.message().collect::<Vec<_>>().join(" ");
    Fault::Silent(format!("the answer makes no sense here: {} {}", answer.code(), excerpt(words.as_bytes())))
}
