//! What is recorded: polls of several conversations at once, and outcomes of every kind.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use commwatch::core::cursor::{CursorChange, CursorRow, Seen};
use commwatch::core::event::{Event, EventData, EventKind};
use commwatch::core::message::ChildId;
use commwatch::core::notification::Notification;
use commwatch::core::outcome::Fate;
use commwatch::core::watch::ConversationId;
use commwatch::store::{Due, NewDelivery, Options, PollCommit, Retention, Settle, SqliteStore, Store, Told};
use futures_util::future::join_all;
use jiff::Timestamp;

use crate::recorded::ANSWERS;

pub const CONVERSATIONS: i64 = 4;
pub const NOTIFIERS: [&str; 2] = ["hook", "ops"];
const ROUNDS: u64 = 120;
/// The store is closed and opened again so often.
const REOPENED_EVERY: u64 = 35;
/// Deliveries of a notifier that end in one round, at most.
const ENDED_MAX: usize = 12;

pub fn conversation(object: i64) -> ConversationId {
    ConversationId { account: "main".into(), object }
}

/// Nothing but when it is started to be recorded.
#[test]
fn the_work_that_is_recorded() {
    let Some(folder) = std::env::var_os("RECORD_FOLDER").map(PathBuf::from) else { return };
    let too_early = std::env::var("RECORD_TOO_EARLY").is_ok_and(|value| !value.is_empty());
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(work(&folder, too_early));
}

async fn work(folder: &Path, too_early: bool) {
    let open = || {
        let path = folder.join("commwatch.db");
        SqliteStore::open(Options { answers_too_early: too_early, ..Options::new(path) }).unwrap()
    };
    let answers = std::fs::File::create(folder.join(ANSWERS)).unwrap();
    let mut store = open();
    for round in 0..ROUNDS {
        let polls = (0..CONVERSATIONS).map(|object| poll(&store, object, round, &answers));
        join_all(polls).await;
        for notifier in NOTIFIERS {
            let due = store.due(notifier, at(round), ENDED_MAX).await.unwrap();
            join_all(due.into_iter().map(|due| end(&store, notifier, due, round, &answers))).await;
        }
        if round % 40 == 39 {
            // Of what is this old there is nothing; the text of all that is done goes.
            let unwatched_before = Timestamp::UNIX_EPOCH;
            let older =
                Retention { rows_before: Timestamp::UNIX_EPOCH, text_before: at(round), unwatched_before };
            store.prune(older).await.unwrap();
        }
        if round % REOPENED_EVERY == REOPENED_EVERY - 1 {
            drop(store);
            store = open();
        }
    }
}

fn at(round: u64) -> Timestamp {
    Timestamp::from_second(1_700_000_000 + i64::try_from(round).unwrap() * 60).unwrap()
}

/// What the store has answered must last from now on.
fn answered(mut answers: &std::fs::File, what: &str) {
    answers.write_all(format!("{what}\n").as_bytes()).unwrap();
}

async fn poll(store: &SqliteStore, object: i64, round: u64, answers: &std::fs::File) {
    let id = conversation(object);
    let before = store.cursor(&id).await.unwrap().unwrap_or_default();
    let new = 1 + (round + object.unsigned_abs()) % 3;
    let told: Vec<Told> = (1..=new).map(|n| told(object, before.sequence + n, round)).collect();
    let seen = told.iter().map(|told| {
        let seen = Seen { instant: Some(at(round)), text_hash: 1, ..Seen::default() };
        (ChildId::new(told.event.id.clone()), seen)
    });
    let commit = PollCommit {
        conversation: id,
        watch: format!("w{object}"),
        expect_sequence: before.sequence,
        change: CursorChange {
            after: CursorRow {
                baseline_at: Some(at(0)),
                listed: true,
                sequence: before.sequence + new,
                ..before.row()
            },
            seen: seen.collect(),
            forget: vec![],
        },
        told,
        at: at(round),
        silences_over: vec![],
    };
    store.commit_poll(commit).await.unwrap();
    answered(answers, &format!("polled {object} {}", before.sequence + new));
}

fn event(id: String, round: u64, sequence: Option<u64>) -> Event {
    Event {
        id,
        kind: EventKind::MessageCreated,
        source: "x".into(),
        subject: None,
        time: at(round),
        recorded: at(round),
        sequence,
        data: EventData::default(),
    }
}

fn told(object: i64, sequence: u64, round: u64) -> Told {
    let event = event(format!("evt_{object}_{sequence}"), round, Some(sequence));
    // Some small, some of several pages.
    let text = "x".repeat(200 + usize::try_from(sequence % 7).unwrap() * 1_500);
    let deliveries = NOTIFIERS.map(|notifier| NewDelivery {
        notification: Notification { id: event.id.clone(), payload: format!("{{\"text\":\"{text}\"}}") },
        notifier: notifier.into(),
        lane: object.to_string(),
        fallback_after: None,
        urgent: false,
        suppressed: None,
    });
    Told { event, deliveries: deliveries.into(), routing: vec![] }
}

async fn end(store: &SqliteStore, notifier: &str, due: Due, round: u64, answers: &std::fs::File) {
    store.hand_over(vec![due.id], at(round)).await.unwrap();
    let retry = Fate::RetryAt { at: at(round + 1), delay: Duration::from_secs(60), aside: false };
    let (outcome, fate) = match (due.id + i64::from(due.attempts)) % 5 {
        0 => ("reject", Fate::Dead("no".into())),
        1 | 2 => ("retry", retry),
        _ => ("delivered", Fate::Delivered),
    };
    let is_dead = matches!(fate, Fate::Dead(_));
    let dead = || Told {
        event: event(format!("dead_{}_{notifier}", due.notification_id), round, None),
        deliveries: vec![],
        routing: vec![],
    };
    let settle = Settle {
        delivery: due.id,
        started: at(round),
        took: Duration::from_millis(30),
        outcome,
        detail: "a word".into(),
        fate,
        counts: true,
        crashed: false,
        alone: false,
        told: is_dead.then(dead),
    };
    store.settle(settle).await.unwrap();
    answered(answers, &format!("ended {} {notifier} {outcome}", due.notification_id));
}
