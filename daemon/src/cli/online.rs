//! `commwatch check --online`: do the keys, the conversations and the notifiers work that the configuration names? Asked
//! by this command where it can read the keys, else by the running daemon. No message is sent.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::sync::{Mutex, Semaphore};
use tokio::time::{Instant, sleep};

use super::check::{self, Checked};
use super::{Console, Exit, Output, unanswered};
use crate::commbox::{Answer, Client};
use crate::config::{Config, Opinion};
use crate::core::budget::Budget;
use crate::core::online::{self, About, AskedBy, Line, Online, ReceiverKnown, Verdict};
use crate::engine::{Ask, NotAsked, ONLINE_WITHIN, Question, SystemClock, examine, receiver};
use crate::ops::admin::{AskError, Request, ask};
use crate::ops::status::{Status, plain};
use crate::plugin::TriedOut;

/// Checks the configuration; when it is valid, tries what it names.
pub(super) fn run(path: &Path, socket: &Path, plugins: &TriedOut, console: &mut Console<'_>) -> Exit {
    let (checked, config) = check::checked(path, plugins, console.output, false);
    let Some(config) = config.filter(|_| checked.code == check::OK) else {
        return checked.tell(console);
    };
    let found = match direct(&config) {
        Ok(accounts) => by_ourselves(&config, &accounts, socket, plugins),
        Err(why) => match by_the_daemon(&config, socket) {
            Ok(found) => Ok(found),
            Err(error) => {
                let because =
                    format!("this command cannot ask by itself: {why}; so the running daemon was asked");
                console.message(&because);
                return unanswered(&error, console);
            }
        },
    };
    match found {
        Ok(found) => tell(checked, &found, console),
        Err(why) => {
            console.message(&format!("error: {why}"));
            Exit::Failed
        }
    }
}

fn tell(checked: Checked, found: &Online, console: &mut Console<'_>) -> Exit {
    if !checked.stderr.is_empty() {
        console.message(checked.stderr.trim_end());
    }
    match console.output {
        Output::Text => console.result(format!("{}{}", checked.stdout, text(found)).trim_end()),
        Output::Json => {
            let mut value: Value = serde_json::from_str(&checked.stdout).unwrap_or_else(|_| json!({}));
            value["online"] = json!(found);
            console.json(&value);
        }
    }
    if found.count(Verdict::Fail) > 0 { Exit::Failed } else { Exit::Done }
}

/// A line for each thing, and how many of which kind there are.
fn text(found: &Online) -> String {
    let mut text = match found.asked_by {
        AskedBy::Command => String::new(),
        AskedBy::Daemon => {
            "asked by the running daemon, with the configuration that it runs with:\n".to_owned()
        }
    };
    let width = found.lines.iter().map(|line| line.name.chars().count()).max().unwrap_or_default();
    for Line { result, about, name, text: said } in &found.lines {
        let (result, about, name) = (result.as_str(), about.as_str(), plain(name));
        let _ = writeln!(text, "{result:<5} {about:<8}  {name:<width$}  {}", plain(said));
    }
    let (ok, warn, fail) = (found.count(Verdict::Ok), found.count(Verdict::Warn), found.count(Verdict::Fail));
    let _ = writeln!(text, "{ok} ok, {warn} to look at, {fail} failed; no message was sent");
    text
}

/// An account that this command asks by itself.
struct Direct {
    client: Client,
    budget: Mutex<Budget>,
    places: Semaphore,
}

/// Every account's key, if all can be read.
fn direct(config: &Config) -> Result<BTreeMap<String, Direct>, String> {
    crate::tls::install();
    let open = |(name, account): (&String, &crate::config::Account)| {
        let client = Client::open(name, account)?;
        let budget = Budget::new(account.rate.per_second(), account.burst, Duration::ZERO);
        let places = Semaphore::new(usize::try_from(account.max_in_flight.max(1)).unwrap_or(1));
        Ok((name.clone(), Direct { client, budget: Mutex::new(budget), places }))
    };
    config.accounts.iter().map(open).collect()
}

/// This command, asking.
struct Ourselves<'a> {
    accounts: &'a BTreeMap<String, Direct>,
    began: Instant,
}

#[async_trait]
impl Ask for Ourselves<'_> {
    async fn ask(&self, account: &str, question: Question) -> Result<Answer, NotAsked> {
        let account = self.accounts.get(account).ok_or(NotAsked::Gone)?;
        let _place = account.places.acquire().await.map_err(|_| NotAsked::Stopping)?;
        {
            // Whoever holds it waits for all: the others stand behind.
            let mut budget = account.budget.lock().await;
            while let Err(wait) = budget.take(self.began.elapsed()) {
                sleep(wait).await;
            }
        }
        let asked = question.put(&account.client).await;
        asked.map_err(NotAsked::Fault)
    }
}

fn by_ourselves(
    config: &Config,
    accounts: &BTreeMap<String, Direct>,
    socket: &Path,
    plugins: &TriedOut,
) -> Result<Online, String> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| format!("cannot start the runtime: {error}"))?;
    let expires = accounts.iter().map(|(name, account)| (name.clone(), account.client.expires())).collect();
    let clock = SystemClock::new();
    let mut lines = runtime.block_on(async {
        let ask = Ourselves { accounts, began: Instant::now() };
        examine(config, &expires, &ask, &clock, ONLINE_WITHIN).await
    });
    // Where a daemon runs, it knows of receivers; none has to.
    let known = ask::<Status>(socket, &Request::Status {}).ok();
    let receivers: BTreeMap<&str, ReceiverKnown> = known
        .iter()
        .flat_map(|status| &status.notifiers)
        .map(|status| (status.name.as_str(), receiver(status)))
        .collect();
    let now = Timestamp::now();
    lines.extend(config.notifiers.iter().map(|(name, notifier)| {
        let not_started = |why: String| {
            let text =
                format!("its plugin was not started: {why}; ask the running daemon: `commwatch notifiers`");
            Line::new(Verdict::Warn, About::Notifier, name, text)
        };
        // The check before has started each.
        match (&notifier.library, plugins.said(name)) {
            (Err(why), _) => online::notifier(name, Err(why.clone()), None, now),
            (Ok(_), Some((Opinion::Takes, version))) => {
                let plugin = format!("{} {version}", notifier.plugin);
                online::notifier(name, Ok(&plugin), receivers.get(name.as_str()), now)
            }
            (Ok(_), Some((Opinion::Refuses(why), _))) => online::notifier(name, Err(why), None, now),
            (Ok(_), Some((Opinion::NotAsked(why), _))) => not_started(why),
            (Ok(_), None) => not_started("it was not asked".to_owned()),
        }
    }));
    Ok(Online { asked_by: AskedBy::Command, lines })
}

fn by_the_daemon(config: &Config, socket: &Path) -> Result<Online, AskError> {
    let mut found: Online = ask(socket, &Request::Online {})?;
    let watches: Vec<&str> = config.watch_names().collect();
    let notifiers: Vec<&str> = config.notifiers.keys().map(String::as_str).collect();
    found.lines.extend(online::unknown_to_the_daemon(&found.lines, &watches, &notifiers));
    Ok(found)
}

#[cfg(test)]
mod tests;
