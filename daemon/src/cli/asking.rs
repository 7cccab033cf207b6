//! `CommBox`, asked by a command: one thing at a time, no faster than the account allows.

use std::future::Future;
use std::path::Path;

use jiff::Timestamp;
use tokio::time::{Instant, sleep};

use super::{Console, Exit};
use crate::commbox::{Client, FetchError, page};
use crate::config::{self, Account, Config, unknown};
use crate::core::budget::Budget;
use crate::core::event::{channel_name, status_word};
use crate::core::listing::{Listed, Sweep};
use crate::core::message::Snapshot;
use crate::core::seek::Sought;
use crate::core::watch::Stream;
use crate::plugin::Installed;

/// What asks one account.
pub(super) struct Asking {
    client: Client,
    budget: Budget,
    began: Instant,
    account: Account,
}

/// Why nothing came.
pub(super) enum NotAsked {
    /// The configuration is invalid; the text says how.
    Config(String),
    /// Anything else.
    Failed(String),
}

impl NotAsked {
    /// Says it.
    pub(super) fn tell(&self, console: &mut Console<'_>) -> Exit {
        match self {
            Self::Config(text) => {
                console.message(text.trim_end());
                Exit::InvalidConfig
            }
            Self::Failed(text) => {
                console.message(&format!("error: {text}"));
                Exit::Failed
            }
        }
    }
}

impl Asking {
    /// Reads the account's key.
    pub(super) fn of(config: &Config, account: &str) -> Result<Self, NotAsked> {
        let configured = config.accounts.get(account);
        let configured = configured.ok_or_else(|| {
            NotAsked::Failed(unknown("account", account, config.accounts.keys().map(String::as_str)))
        })?;
        crate::tls::install();
        let client = Client::open(account, configured).map_err(NotAsked::Failed)?;
        let budget = Budget::new(configured.rate.per_second(), configured.burst, std::time::Duration::ZERO);
        Ok(Self { client, budget, began: Instant::now(), account: configured.clone() })
    }

    async fn in_turn(&mut self) {
        while let Err(wait) = self.budget.take(self.began.elapsed()) {
            sleep(wait).await;
        }
    }

    /// A conversation as it is now.
    pub(super) async fn conversation(&mut self, stream: &Stream, object: i64) -> Result<Snapshot, NotAsked> {
        self.in_turn().await;
        let answer = self.client.conversation(stream, object).await;
        answer.and_then(|answer| answer.decode(object, &self.account.bots)).map_err(failed)
    }

    /// All conversations of somebody, and whether there may be more.
    pub(super) async fn all_of(&mut self, sought: &Sought) -> Result<(Vec<Listed>, bool), NotAsked> {
        let mut sweep = Sweep::new(sought, Timestamp::now());
        let mut all: Vec<Listed> = Vec::new();
        while let Some(question) = sweep.question().cloned() {
            self.in_turn().await;
            let page = page(&question, self.client.list(&question).await).map_err(failed)?;
            sweep.answered(&page, Timestamp::now());
            let new = page
                .conversations
                .into_iter()
                .filter(|one| all.iter().all(|known| known.object != one.object));
            let new: Vec<Listed> = new.collect();
            all.extend(new);
        }
        Ok((all, sweep.is_cut()))
    }
}

fn failed(error: FetchError) -> NotAsked {
    NotAsked::Failed(format!("CommBox does not answer as it should: {error}"))
}

/// The configuration, checked.
pub(super) fn configuration(path: &Path) -> Result<Config, NotAsked> {
    let loaded = config::load(path, &Installed).map_err(|mistakes| NotAsked::Config(mistakes.to_string()))?;
    Ok(loaded.config)
}

/// Waits for what a command asks for.
pub(super) fn wait<T>(asked: impl Future<Output = Result<T, NotAsked>>) -> Result<T, NotAsked> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.map_err(|error| NotAsked::Failed(format!("cannot start the runtime: {error}")))?.block_on(asked)
}

/// A status as people read it.
pub(super) fn status(id: Option<i64>) -> String {
    id.map_or_else(|| "status unknown".to_owned(), status_word)
}

/// A channel's kind as people read it.
pub(super) fn channel(id: Option<i64>) -> String {
    let word = |id| channel_name(id).map_or_else(|| format!("channel type {id}"), str::to_owned);
    id.map_or_else(|| "channel unknown".to_owned(), word)
}

/// A time to the second.
pub(super) fn second(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%SZ").to_string()
}
