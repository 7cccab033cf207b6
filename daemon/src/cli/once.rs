//! `commwatch once`: poll everything once, deliver what is new, and end. The daemon itself does it, in this process.

use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;
use tokio::task::block_in_place;
use tokio::time::Instant;

use super::{Console, Exit, when};
use crate::config::{self, Loaded};
use crate::core::plural::many;
use crate::core::story::{About, EventStory, Story, WatchStory, Why};
use crate::engine::{Daemon, Setup};
use crate::ops::admin::{Request, ask};
use crate::ops::log;
use crate::ops::status::{Status, WatchStatus, columns};
use crate::plugin::{Children, Installed};
use crate::store::{self, OUTBOX_ROWS_MAX};

/// How long it may take, where nothing else is said.
const PATIENCE: &str = "2m";
/// What is written of it: faults, and what the plugin `log` tells.
const LEVEL: &str = "error,commwatch::plugin::host::lines=info";
/// How often it is looked how far it has come.
const LOOK_EVERY: Duration = Duration::from_millis(100);

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Write nothing to the database and tell nobody: say what would be told, and to whom
    #[arg(long)]
    dry_run: bool,
    /// How long to wait for CommBox and for the receivers
    #[arg(long, value_name = "TIME", default_value = PATIENCE, value_parser = when::span)]
    wait: Duration,
}

pub(super) fn run(path: &Path, args: &Args, console: &mut Console<'_>) -> Exit {
    let loaded = match config::load(path, &Installed) {
        Ok(loaded) => loaded,
        Err(mistakes) => {
            console.message(mistakes.to_string().trim_end());
            return Exit::InvalidConfig;
        }
    };
    match once(loaded, args) {
        Ok(report) => {
            console.answer(&report, text(&report).trim_end());
            if report.is_done() { Exit::Done } else { Exit::Failed }
        }
        Err(why) => {
            console.message(&format!("error: {why}"));
            Exit::Failed
        }
    }
}

/// What came of it.
#[derive(Debug, Serialize)]
struct Report {
    /// Whether nothing was written and nobody told.
    dry_run: bool,
    watches: Vec<Polled>,
    /// Notifications that no receiver has accepted yet, of now or of before: they stay in the outbox.
    waiting: u64,
}

/// One watch.
#[derive(Debug, Serialize)]
struct Polled {
    watch: String,
    /// How many conversations it has now, where they are found.
    #[serde(skip_serializing_if = "Option::is_none")]
    conversations: Option<usize>,
    /// Messages that were there at first sight, where this was it.
    #[serde(skip_serializing_if = "Option::is_none")]
    baseline: Option<u64>,
    /// Why it could not be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    /// What was found, oldest first.
    events: Vec<EventStory>,
}

impl Report {
    fn is_done(&self) -> bool {
        self.watches.iter().all(|watch| watch.error.is_none()) && (self.dry_run || self.waiting == 0)
    }
}

fn once(loaded: Loaded, args: &Args) -> Result<Report, String> {
    // Begun before the runtime, from the thread that lives longest.
    let children =
        Children::start().map_err(|error| format!("cannot start the thread that starts plugins: {error}"))?;
    let folder = tempfile::tempdir().map_err(|error| format!("cannot make a folder: {error}"))?;
    let mut loaded = loaded;
    // What the log notifier tells is written, and nothing of what a dry run does without.
    loaded.config.log.level = if args.dry_run { "off" } else { LEVEL }.to_owned();
    let log = log::init(&loaded.config.log).map_err(|error| error.to_string())?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let runtime = runtime.map_err(|error| format!("cannot start the runtime: {error}"))?;
    let socket = folder.path().join("admin.sock");
    by_itself(&mut loaded, &socket);
    let report = runtime.block_on(async {
        if args.dry_run {
            without_effect(&mut loaded, folder.path())?;
        }
        let setup = Setup {
            loaded,
            catalog: Arc::new(Installed),
            accept_new_baseline: false,
            children,
            outbox_rows_max: OUTBOX_ROWS_MAX,
            log: Some(log),
        };
        let daemon = Daemon::start(setup).await.map_err(|error| error.to_string())?;
        let report = follow(&daemon, &socket, args).await;
        daemon.stop().await;
        report
    });
    runtime.shutdown_timeout(LOOK_EVERY);
    report
}

/// Nobody else is to talk to it, and it is over soon.
fn by_itself(loaded: &mut Loaded, socket: &Path) {
    let config = &mut loaded.config;
    config.http.listen = std::net::SocketAddr::from(([127, 0, 0, 1], 0));
    config.admin.socket = socket.to_owned();
    config.reload.on_change = false;
    config.heartbeat = None;
}

/// It works on a copy of the database, and no plugin is started.
fn without_effect(loaded: &mut Loaded, folder: &Path) -> Result<(), String> {
    let config = &mut loaded.config;
    let copy = folder.join("commwatch.db");
    if config.store.path.exists() {
        block_in_place(|| store::copy_unused(&config.store.path, &copy))
            .map_err(|error| error.to_string())?;
    }
    config.store.path = copy;
    for notifier in config.notifiers.values_mut() {
        notifier.library = Err("a dry run starts no plugin".to_owned());
    }
    // Else they would be told that no plugin runs.
    config.operators.clear();
    Ok(())
}

/// Waits until everything was polled, and until what is new was tried.
async fn follow(daemon: &Daemon, socket: &Path, args: &Args) -> Result<Report, String> {
    let deadline = Instant::now() + args.wait;
    let polled = loop {
        if daemon.has_asked_for_everything() || Instant::now() >= deadline {
            break daemon.status().await;
        }
        tokio::time::sleep(LOOK_EVERY).await;
    };
    let started = polled.started;
    let mut waiting = open(&polled);
    while !args.dry_run && waiting > 0 && Instant::now() < deadline {
        tokio::time::sleep(LOOK_EVERY).await;
        let status = daemon.status().await;
        // What a receiver refuses for now is not waited for: it stays in the outbox.
        let is_held = status
            .notifiers
            .iter()
            .all(|one| one.pending == 0 || one.held == one.pending || one.last_error.is_some());
        waiting = open(&status);
        if is_held {
            break;
        }
    }
    let mut watches = Vec::new();
    for watch in &polled.watches {
        let story = block_in_place(|| story(socket, watch.name.clone(), started))?;
        let not_polled = || (!is_polled(watch)).then(|| "no answer in time".to_owned());
        watches.push(Polled {
            watch: watch.name.clone(),
            conversations: watch.conversations,
            baseline: first_sight(&story, started).filter(|_| watch.conversations.is_none()),
            error: watch.last_error.clone().or_else(not_polled),
            events: story.events.shown.into_iter().rev().collect(),
        });
    }
    watches.sort_by(|a, b| a.watch.cmp(&b.watch));
    Ok(Report { dry_run: args.dry_run, watches, waiting })
}

/// Whether there is something to say: an answer, or why there is none.
fn is_polled(watch: &WatchStatus) -> bool {
    watch.last_success.is_some() || watch.last_error.is_some()
}

fn open(status: &Status) -> u64 {
    status.notifiers.iter().map(|one| one.pending).sum()
}

fn story(socket: &Path, name: String, since: Timestamp) -> Result<WatchStory, String> {
    let asked = Request::Why { of: About::Watch { name, since, conversation: None } };
    let why: Why = ask(socket, &asked).map_err(|error| error.to_string())?;
    match why.story {
        Story::Watch(story) => Ok(*story),
        _ => Err("the answer is about something else".to_owned()),
    }
}

/// How many messages were taken for the baseline, where that has just been done.
fn first_sight(story: &WatchStory, started: Timestamp) -> Option<u64> {
    let conversation = story.conversation.as_ref()?;
    let is_new = conversation.baseline_at.is_some_and(|at| at >= started);
    is_new.then_some(conversation.messages)
}

fn text(report: &Report) -> String {
    let mut text = String::new();
    let rows = report.watches.iter().map(|one| [one.watch.clone(), said(one)]).collect();
    text += &columns(["WATCH", "WHAT CAME"], rows);
    let found = || report.watches.iter().flat_map(|one| &one.events);
    if found().next().is_some() {
        text.push('\n');
        let rows = found().map(|event| {
            let told = event.deliveries.shown.iter().map(|one| {
                let state = if report.dry_run { "would be told" } else { one.state.as_str() };
                let last = one.attempts.shown.last().filter(|_| one.state != "delivered");
                let why = last.map_or(String::new(), |last| format!(" ({}: {})", last.outcome, last.detail));
                let state =
                    one.suppressed_by.as_ref().map_or(state.to_owned(), |by| format!("not told: {by}"));
                format!("{}: {state}{why}", one.notifier)
            });
            let told: Vec<String> = told.collect();
            let told = if told.is_empty() { "nobody: no route".to_owned() } else { told.join(", ") };
            [event.watch.clone().unwrap_or_default(), event.kind.clone(), event.id.clone(), told]
        });
        text += &columns(["WATCH", "EVENT", "ID", "TOLD"], rows.collect());
    }
    if report.dry_run {
        text += "\nA dry run: nothing was written, and nobody was told.\n";
    } else if report.waiting > 0 {
        let _ = writeln!(
            text,
            "\n{} in the outbox, for the daemon or the next `commwatch once`.",
            many(
                report.waiting,
                "notification is not accepted yet: it stays",
                "notifications are not accepted yet: they stay"
            )
        );
    }
    text
}

fn said(one: &Polled) -> String {
    let conversations =
        one.conversations.map_or(String::new(), |count| many(count, "conversation, ", "conversations, "));
    match (&one.error, one.baseline, one.events.len()) {
        (Some(error), ..) => format!("error: {error}"),
        (None, Some(messages), _) => {
            let messages = many(messages, "message is", "messages are");
            format!("{conversations}first sight: {messages} the baseline, and no news")
        }
        (None, None, 0) => format!("{conversations}nothing new"),
        (None, None, count) => format!("{conversations}{}", many(count, "event", "events")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn polled(watch: &str, more: Polled) -> Polled {
        Polled { watch: watch.into(), ..more }
    }

    #[test]
    fn it_says_of_each_watch_what_came() {
        let nothing = || Polled {
            watch: String::new(),
            conversations: None,
            baseline: None,
            error: None,
            events: vec![],
        };
        let report = Report {
            dry_run: false,
            watches: vec![
                polled("acme-anyone", Polled { conversations: Some(2), ..nothing() }),
                polled("acme-cfo", Polled { baseline: Some(12), ..nothing() }),
                polled("globex", Polled { error: Some("404 Not Found".into()), ..nothing() }),
            ],
            waiting: 1,
        };
        insta::assert_snapshot!(text(&report), @r"
        WATCH        WHAT CAME
        acme-anyone  2 conversations, nothing new
        acme-cfo     first sight: 12 messages are the baseline, and no news
        globex       error: 404 Not Found

        1 notification is not accepted yet: it stays in the outbox, for the daemon or the next `commwatch once`.
        ");
        assert!(!report.is_done());
        assert!(!Report { watches: vec![], ..report }.is_done(), "something waits");
        assert!(Report { dry_run: true, watches: vec![], waiting: 1 }.is_done());
    }
}
