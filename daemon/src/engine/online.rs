//! Whether what a configuration names is there: keys, clocks, conversations, notifiers. `commwatch check --online` asks
//! this of itself, or of the running daemon; both ask the same, one request a watch.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use futures_util::future::BoxFuture;
use futures_util::{FutureExt as _, StreamExt as _};
use jiff::{SignedDuration, Timestamp};
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

use super::clock::Clock;
use super::daemon::Shared;
use super::plan::Fetch;
use super::poll::decode;
use super::polling::Guest;
use super::status;
use crate::commbox::{Answer, FetchError, Reaction, page};
use crate::config::Config;
use crate::core::daytime::moved;
use crate::core::listing::{Listing, Sweep};
use crate::core::online::{self, About, AskedBy, KeySeen, Line, Online, ReceiverKnown, Verdict};
use crate::core::skew::ServerClock;
use crate::core::watch::{Priority, Stream};
use crate::ops::status::{NotifierState, NotifierStatus};

/// All questions together must have been answered within this; what was not asked by then is said to be so.
pub const ONLINE_WITHIN: Duration = Duration::from_secs(120);

/// Questions that wait or are under way at once, of all accounts. How many are under way at one is that account's bound.
const AT_ONCE_MAX: usize = 16;

/// After so many refusals, and no answer, an account's key is not tried on further watches.
const REFUSALS_MAX: usize = 2;

/// What is asked of an account: one request.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Question {
    /// A conversation.
    Conversation(Stream, i64),
    /// A page of a list.
    List(Listing),
}

impl Question {
    /// Asks it.
    pub async fn put(&self, client: &dyn Fetch) -> Result<Answer, FetchError> {
        match self {
            Self::Conversation(stream, object) => client.conversation(stream, *object).await,
            Self::List(listing) => client.list(listing).await,
        }
    }
}

/// Why there is no answer.
#[derive(Clone, Debug)]
pub enum NotAsked {
    /// It was asked, and went wrong.
    Fault(FetchError),
    /// The account is left in peace for this time.
    Quiet {
        /// How long.
        left: Duration,
        /// Since its key is refused, rather than because `CommBox` asked us to wait.
        denied: bool,
    },
    /// The account has left the configuration.
    Gone,
    /// Whoever asks is about to end.
    Stopping,
}

/// Asks an account in its turn, never above its bounds.
#[async_trait]
pub trait Ask: Send + Sync {
    /// One request.
    async fn ask(&self, account: &str, question: Question) -> Result<Answer, NotAsked>;
}

/// A watch that is to be asked for.
struct Target<'a> {
    name: &'a str,
    title: &'a str,
    account: &'a str,
    question: Question,
    /// What of it is not asked for.
    rest: Option<String>,
}

/// What the answers say of each account.
#[derive(Default)]
struct Seen {
    key: KeySeen,
    refusals: usize,
    clock: ServerClock,
}

/// Asks for every watch once, and says what that shows of keys, clocks and watches. `expires` is when each account's key
/// ends, where it says so.
pub async fn examine(
    config: &Config,
    expires: &BTreeMap<String, Option<Timestamp>>,
    ask: &dyn Ask,
    clock: &dyn Clock,
    within: Duration,
) -> Vec<Line> {
    let seen: Mutex<BTreeMap<&str, Seen>> = Mutex::default();
    let until = Instant::now() + within;
    let exam = Exam { config, ask, clock, until, within, seen: &seen };
    let asked = targets(config, clock.now()).into_iter().map(|target| exam.watch(target).boxed());
    let asked: Vec<BoxFuture<'_, Line>> = asked.collect();
    let watches: Vec<Line> = futures_util::stream::iter(asked).buffered(AT_ONCE_MAX).collect().await;
    let seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
    let nothing = Seen::default();
    let of = |account: &str| seen.get(account).unwrap_or(&nothing);
    let (now, elapsed) = (clock.now(), clock.elapsed());
    let keys = config.accounts.keys().map(|account| {
        let skew = of(account).clock.skew(now, elapsed).unwrap_or_default();
        online::key(account, &of(account).key, expires.get(account).copied().flatten(), moved(now, skew))
    });
    let clocks =
        config.accounts.keys().map(|account| online::clock(account, of(account).clock.skew(now, elapsed)));
    keys.chain(clocks).chain(watches).collect()
}

/// VIPs first.
fn targets(config: &Config, now: Timestamp) -> Vec<Target<'_>> {
    let named = config.watches.iter().map(|watch| {
        let target = Target {
            name: &watch.name,
            title: &watch.title,
            account: &watch.conversation.account,
            question: Question::Conversation(watch.stream.clone(), watch.conversation.object),
            rest: None,
        };
        (watch.priority, target)
    });
    let sought = config.seeks.iter().filter_map(|seek| {
        let places = match &seek.sought {
            crate::core::seek::Sought::Address { streams, .. } => streams.len(),
            _ => 1,
        };
        let target = Target {
            name: &seek.name,
            title: &seek.title,
            account: &seek.account,
            question: Question::List(Sweep::new(&seek.sought, now).question()?.clone()),
            rest: (places > 1).then(|| format!("only the first of its {places} channels was asked")),
        };
        Some((seek.priority, target))
    });
    let mut all: Vec<(Priority, Target<'_>)> = named.chain(sought).collect();
    all.sort_by_key(|(priority, _)| *priority);
    all.into_iter().map(|(_, target)| target).collect()
}

#[derive(Clone, Copy)]
struct Exam<'a> {
    config: &'a Config,
    ask: &'a dyn Ask,
    clock: &'a dyn Clock,
    until: Instant,
    within: Duration,
    seen: &'a Mutex<BTreeMap<&'a str, Seen>>,
}

impl<'a> Exam<'a> {
    async fn watch(self, target: Target<'a>) -> Line {
        let not = |result, why: String| {
            Line::new(result, About::Watch, target.name, format!("{}: {why}", target.title))
        };
        if self.is_refused(target.account) {
            return not(Verdict::Warn, "not asked: CommBox refuses the account's key".to_owned());
        }
        let asked = self.ask.ask(target.account, target.question.clone());
        let asked = match tokio::time::timeout_at(self.until, asked).await {
            Ok(asked) => asked,
            Err(_) => {
                let seconds = self.within.as_secs();
                let why = format!("not asked within {seconds} s: the account's `rate` allows no more");
                return not(Verdict::Warn, why);
            }
        };
        let said = self.said(&target, asked).await;
        self.note(target.account, &said);
        match said {
            Ok(line) => line,
            Err(NotAsked::Fault(error)) => not(Verdict::Fail, error.to_string()),
            Err(NotAsked::Quiet { left, denied: false }) => {
                let why = format!("not asked: CommBox asked us to wait for {} s more", left.as_secs());
                not(Verdict::Warn, why)
            }
            Err(NotAsked::Quiet { left, denied: true }) => {
                let seconds = left.as_secs();
                let why =
                    format!("not asked: CommBox refuses the account's key, which is tried in {seconds} s");
                not(Verdict::Warn, why)
            }
            Err(NotAsked::Gone) => {
                not(Verdict::Warn, "not asked: its account has left the configuration".to_owned())
            }
            Err(NotAsked::Stopping) => not(Verdict::Warn, "not asked: the daemon is stopping".to_owned()),
        }
    }

    /// What an answer says of what was asked for.
    async fn said(self, target: &Target<'a>, asked: Result<Answer, NotAsked>) -> Result<Line, NotAsked> {
        if let Ok(answer) = &asked
            && let Some(said) = answer.server_clock()
        {
            let middle = self.clock.elapsed().saturating_sub(answer.took() / 2);
            self.with(target.account, |seen| seen.clock.answered(said, middle));
        }
        let now = moved(self.clock.now(), self.skew(target.account));
        match &target.question {
            Question::Conversation(_, object) => {
                let account = self.config.accounts.get(target.account);
                let snapshot = decode(account, *object, asked?).await.map_err(NotAsked::Fault)?;
                Ok(online::conversation(target.name, target.title, &snapshot, now))
            }
            Question::List(listing) => {
                let asked = match asked {
                    Err(NotAsked::Fault(error)) => Err(error),
                    Err(other) => return Err(other),
                    Ok(answer) => Ok(answer),
                };
                let page = page(listing, asked).map_err(NotAsked::Fault)?;
                Ok(online::listed(target.name, target.title, &page, target.rest.as_deref(), now))
            }
        }
    }

    fn note(self, account: &'a str, said: &Result<Line, NotAsked>) {
        self.with(account, |seen| match said {
            Ok(_) => seen.key.accepted += 1,
            Err(NotAsked::Fault(error)) => match error.reaction {
                Reaction::Denied => {
                    seen.refusals += 1;
                    seen.key.refused = Some(error.to_string());
                }
                // It is not there, or not as it should be: the key was taken.
                Reaction::Gone | Reaction::Malformed => seen.key.accepted += 1,
                Reaction::Throttled { .. } | Reaction::Unavailable { .. } => {
                    seen.key.fault = Some(error.to_string());
                }
            },
            Err(NotAsked::Quiet { denied: true, .. }) => {
                seen.refusals += REFUSALS_MAX;
                seen.key.refused.get_or_insert_with(|| "the daemon's polls were refused".to_owned());
            }
            Err(NotAsked::Quiet { left, .. }) => {
                seen.key.fault = Some(format!("it asked us to wait for {} s more", left.as_secs()));
            }
            Err(NotAsked::Gone | NotAsked::Stopping) => {}
        });
    }

    fn is_refused(self, account: &'a str) -> bool {
        self.with(account, |seen| seen.refusals >= REFUSALS_MAX && seen.key.accepted == 0)
    }

    fn skew(self, account: &'a str) -> SignedDuration {
        let (now, elapsed) = (self.clock.now(), self.clock.elapsed());
        self.with(account, |seen| seen.clock.skew(now, elapsed)).unwrap_or_default()
    }

    fn with<T>(self, account: &'a str, note: impl FnOnce(&mut Seen) -> T) -> T {
        note(self.seen.lock().unwrap_or_else(PoisonError::into_inner).entry(account).or_default())
    }
}

/// What is known of a notifier's receiver without sending it anything.
pub fn receiver(status: &NotifierStatus) -> ReceiverKnown {
    ReceiverKnown {
        broken: (status.state == NotifierState::Broken).then(|| status.why.clone().unwrap_or_default()),
        accepted: status.last_delivered,
        failed: status.last_error.clone(),
    }
}

/// The daemon's polling loop, asked for a turn.
struct InTurn<'a>(&'a mpsc::Sender<Guest>);

#[async_trait]
impl Ask for InTurn<'_> {
    async fn ask(&self, account: &str, question: Question) -> Result<Answer, NotAsked> {
        let (reply, answer) = oneshot::channel();
        let guest = Guest { account: account.to_owned(), question, reply };
        self.0.send(guest).await.map_err(|_| NotAsked::Stopping)?;
        answer.await.map_err(|_| NotAsked::Stopping)?
    }
}

/// The running daemon's own answer: what it asks comes out of what its polls leave of the budget.
pub(super) async fn of_daemon(shared: &Arc<Shared>) -> Result<Online, String> {
    let Ok(_alone) = shared.examining.try_lock() else {
        return Err("another `check --online` is under way; wait for it".to_owned());
    };
    let plan = shared.plans.borrow().clone();
    let expires = plan.clients.iter().map(|(name, client)| (name.clone(), client.expires())).collect();
    let ask = InTurn(&shared.guests);
    let mut lines = examine(&plan.config, &expires, &ask, &*shared.clock, ONLINE_WITHIN).await;
    let status = status::snapshot(shared).await;
    lines.extend(status.notifiers.iter().map(|one| {
        let started = match one.state {
            NotifierState::Running | NotifierState::Broken => {
                Ok(format!("{} {}", one.plugin, one.version.as_deref().unwrap_or("")).trim_end().to_owned())
            }
            NotifierState::Starting => Err("it is still being started".to_owned()),
            NotifierState::Restarting | NotifierState::Failed => {
                Err(one.why.clone().unwrap_or_else(|| "its process has ended".to_owned()))
            }
        };
        let started = started.as_deref().map_err(Clone::clone);
        online::notifier(&one.name, started, Some(&receiver(one)), status.taken)
    }));
    Ok(Online { asked_by: AskedBy::Daemon, lines })
}
