//! What must be in an image: everything that was answered, and nothing by half.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use commwatch::store::{Options, SqliteStore, Store, StoreError};

use crate::work::{CONVERSATIONS, NOTIFIERS, conversation};

/// What is wrong with an image.
#[derive(Debug)]
pub enum Fault {
    /// Something that was answered is not there.
    Lost(String),
    /// It cannot be opened, or something is there by half.
    Worse(String),
}

pub fn check(database: &Path, answered: &[String]) -> Result<(), Fault> {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let store = SqliteStore::open(Options::new(database)).map_err(|error| match error {
        // Its first commit is not there, and so nothing is.
        StoreError::Exchanged { .. } => Fault::Lost(error.to_string()),
        error => worse(error),
    })?;
    runtime.block_on(whole(&store))?;
    runtime.block_on(kept(&store, answered))?;
    drop(store);
    let opened = rusqlite::Connection::open(database).unwrap();
    let found: String = opened.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    if found == "ok" { Ok(()) } else { Err(Fault::Worse(found)) }
}

fn worse(what: impl std::fmt::Display) -> Fault {
    Fault::Worse(what.to_string())
}

/// Attempts by notification and notifier, in the order of their numbers.
async fn attempts(store: &SqliteStore) -> Result<BTreeMap<(String, String), Vec<String>>, Fault> {
    let mut attempts = BTreeMap::<_, Vec<String>>::new();
    let all = store.recent_deliveries(usize::MAX).await.map_err(worse)?;
    for one in all.into_iter().rev() {
        attempts.entry((one.notification_id, one.notifier)).or_default().push(one.outcome);
    }
    Ok(attempts)
}

/// A cursor has moved if and only if what it moved past is in the outbox, and an outcome is written whole.
async fn whole(store: &SqliteStore) -> Result<(), Fault> {
    let events = store.recent_events(usize::MAX).await.map_err(worse)?;
    let events: BTreeSet<String> = events.into_iter().map(|event| event.id).collect();
    let mut expected = BTreeSet::new();
    for object in 0..CONVERSATIONS {
        let Some(cursor) = store.cursor(&conversation(object)).await.map_err(worse)? else { continue };
        if cursor.seen.len() as u64 != cursor.sequence {
            return Err(worse(format!(
                "{object} is at {} and has seen {}",
                cursor.sequence,
                cursor.seen.len()
            )));
        }
        expected.extend((1..=cursor.sequence).map(|n| format!("evt_{object}_{n}")));
    }
    let messages = expected.len() as u64;
    let attempts = attempts(store).await?;
    let ended =
        |how: &'static str| attempts.iter().filter(move |(_, outcomes)| outcomes.last().unwrap() == how);
    expected.extend(ended("reject").map(|((id, notifier), _)| format!("dead_{id}_{notifier}")));
    if events != expected {
        let differing: Vec<&String> = events.symmetric_difference(&expected).collect();
        return Err(worse(format!("events by half: {differing:?}")));
    }
    let counts = store.outbox().await.map_err(worse)?;
    for notifier in NOTIFIERS {
        let of = |how: &'static str| ended(how).filter(|((_, of), _)| of == notifier).count() as u64;
        let count = counts.iter().find(|count| count.notifier == notifier).cloned().unwrap_or_default();
        let all = count.pending + count.dead + of("delivered");
        if (all, count.dead, count.imbalance) != (messages, of("reject"), 0) {
            return Err(worse(format!("{messages} messages, {all} deliveries: {count:?}")));
        }
    }
    Ok(())
}

async fn kept(store: &SqliteStore, answered: &[String]) -> Result<(), Fault> {
    let attempts = attempts(store).await?;
    let mut ended = BTreeMap::<(String, String), Vec<String>>::new();
    for line in answered {
        match line.split(' ').collect::<Vec<_>>()[..] {
            ["polled", object, sequence] => {
                let cursor = store.cursor(&conversation(object.parse().unwrap())).await.map_err(worse)?;
                let at = cursor.map_or(0, |cursor| cursor.sequence);
                if at < sequence.parse().unwrap() {
                    return Err(Fault::Lost(format!("{line}, and it is at {at}")));
                }
            }
            ["ended", id, notifier, outcome] => {
                ended.entry((id.to_owned(), notifier.to_owned())).or_default().push(outcome.to_owned());
            }
            _ => panic!("unknown: {line}"),
        }
    }
    for (of, outcomes) in ended {
        let found = attempts.get(&of).map_or(&[][..], Vec::as_slice);
        if !found.starts_with(&outcomes) {
            return Err(Fault::Lost(format!("{of:?} ended {outcomes:?}, and there is {found:?}")));
        }
    }
    Ok(())
}
