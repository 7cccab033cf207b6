//! What happens when the disk refuses to be written.

use std::time::Duration;

use futures_util::future::join_all;

use super::*;
use crate::core::cursor::{CursorChange, CursorRow, Seen};
use crate::core::event::{Event, EventData, EventKind};
use crate::core::message::ChildId;
use crate::core::notification::Notification;
use crate::store::NewDelivery;

/// Lets the database grow by that many pages and no more.
async fn room(store: &SqliteStore, pages: i64) {
    let limit = move |connection: &Connection| {
        let now: i64 = connection.query_row("PRAGMA page_count", [], |row| row.get(0))?;
        connection
            .query_row(&format!("PRAGMA max_page_count = {}", now + pages), [], |row| row.get::<_, i64>(0))?;
        Ok(())
    };
    store.writer.run(limit).await.unwrap();
}

fn write(store: &SqliteStore, key: String, bytes: i64) -> impl Future<Output = Result<(), StoreError>> {
    store.write(move |connection| {
        connection
            .execute("INSERT INTO meta VALUES (?1, hex(zeroblob(?2)))", rusqlite::params![key, bytes])?;
        Ok(())
    })
}

async fn keys(store: &SqliteStore) -> Vec<String> {
    let all = |connection: &Connection| {
        let mut keys = connection.prepare("SELECT key FROM meta WHERE key LIKE 'k%' ORDER BY key")?;
        let found = keys.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
        Ok(found)
    };
    store.reader.run(all).await.unwrap()
}

#[tokio::test]
async fn a_full_disk_is_named_is_seen_by_who_looks_and_is_over_when_it_is_over() {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(Options::new(folder.path().join("x.db"))).unwrap();
    store.ping().await.unwrap();
    room(&store, 0).await;
    let error = write(&store, "k1".into(), 100_000).await.unwrap_err();
    assert!(matches!(error, StoreError::Full(_)), "{error}");
    // A commit that has nothing to write is no sign that the disk is well.
    store.write(|_| Ok(())).await.unwrap();
    let error = store.ping().await.unwrap_err();
    assert!(matches!(error, StoreError::Full(_)), "{error}");
    room(&store, 1000).await;
    store.ping().await.unwrap();
    write(&store, "k2".into(), 100_000).await.unwrap();
    assert_eq!(keys(&store).await, ["k2"]);
}

#[tokio::test]
async fn what_was_answered_is_kept_and_what_failed_left_nothing_when_the_disk_fills_up_within_a_batch() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.db");
    let store = SqliteStore::open(Options::new(&path)).unwrap();
    room(&store, 40).await;
    // Small ones and large ones, so that the disk fills up in the middle of a commit with others in it.
    let jobs = (0..200_i64).map(|n| write(&store, format!("k{n:03}"), if n % 7 == 3 { 20_000 } else { 10 }));
    let results = join_all(jobs).await;
    let kept: Vec<String> =
        (0..200).filter(|n| results[*n as usize].is_ok()).map(|n: i64| format!("k{n:03}")).collect();
    let failed: Vec<&StoreError> = results.iter().filter_map(|result| result.as_ref().err()).collect();
    assert!(!failed.is_empty());
    assert!(failed.iter().all(|error| matches!(error, StoreError::Full(_))), "{failed:?}");
    drop(store);
    let store = SqliteStore::open(Options::new(&path)).unwrap();
    assert_eq!(keys(&store).await, kept);
}

#[tokio::test]
async fn a_store_whose_writer_died_does_not_answer() {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(Options::new(folder.path().join("x.db"))).unwrap();
    let died = store.write::<()>(|_| panic!("as a test")).await.unwrap_err();
    assert!(matches!(died, StoreError::Closed), "{died}");
    let gone = async {
        while store.ping().await.is_ok() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), gone).await.unwrap();
    assert!(matches!(store.ping().await.unwrap_err(), StoreError::Closed));
}

/// What was written before another program began to read cannot be folded in past what that sees, so the log goes on.
#[tokio::test]
async fn somebody_else_who_reads_for_ever_makes_the_log_no_longer_than_its_bound_and_then_it_is_short_again()
{
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.db");
    let log_bytes_max = 2 * 1024 * 1024;
    let store = SqliteStore::open(Options { log_bytes_max, ..Options::new(&path) }).unwrap();
    write(&store, "k0000".into(), 10).await.unwrap();
    let other = Connection::open(&path).unwrap();
    other.execute_batch("BEGIN; SELECT count(*) FROM meta").unwrap();
    let log = || backup::log_bytes(&path);
    let mut written = 1;
    let error = loop {
        match write(&store, format!("k{written:04}"), 40_000).await {
            Ok(()) => written += 1,
            Err(error) => break error,
        }
        assert!(log() <= log_bytes_max + 200_000, "{} bytes", log());
    };
    assert!(matches!(&error, StoreError::Full(why) if why.contains("another program")), "{error}");
    assert!(matches!(store.ping().await.unwrap_err(), StoreError::Full(_)));
    other.execute_batch("COMMIT").unwrap();
    store.ping().await.unwrap();
    write(&store, "k9999".into(), 10).await.unwrap();
    assert!(log() <= LOG_KEPT_BYTES.min(log_bytes_max), "{} bytes", log());
    assert_eq!(keys(&store).await.len(), written + 1);
}

#[tokio::test]
async fn a_log_that_was_long_once_is_made_short_when_nothing_waits() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.db");
    let store = SqliteStore::open(Options::new(&path)).unwrap();
    let (mut longest, mut written) = (0, 0);
    for n in 0..30 {
        write(&store, format!("k{n:04}"), 500_000).await.unwrap();
        longest = longest.max(backup::log_bytes(&path));
        written += 1_000_000;
    }
    // The thread may be at it still when the last is answered.
    write(&store, "k9999".into(), 10).await.unwrap();
    assert!(written > 25_000_000 && longest < 20 * 1024 * 1024, "{longest} of {written}");
    store.write(|_| Ok(())).await.unwrap();
    assert!(backup::log_bytes(&path) < 18 * 1024 * 1024);
}

#[tokio::test]
async fn a_disk_that_failed_ends_the_writer_and_the_reader_and_whoever_waits_hears_why() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.db");
    let store = SqliteStore::open(Options::new(&path)).unwrap();
    write(&store, "k1".into(), 10).await.unwrap();
    let fails = |_: &Connection| -> Result<(), StoreError> {
        let error = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_IOERR_FSYNC);
        Err(rusqlite::Error::SqliteFailure(error, None).into())
    };
    let jobs = (0..5).map(|n| write(&store, format!("k before {n}"), 10));
    let after = (0..5).map(|n| write(&store, format!("k after {n}"), 10));
    let (failed, _, after) = futures_util::join!(store.write(fails), join_all(jobs), join_all(after));
    let is_failed = |error: &StoreError| matches!(error, StoreError::Failed { path: of, .. } if *of == path);
    assert!(is_failed(&failed.unwrap_err()));
    assert!(after.iter().all(|result| is_failed(result.as_ref().unwrap_err())), "{after:?}");
    assert!(is_failed(&store.failed().await) && is_failed(&store.ping().await.unwrap_err()));
    assert!(is_failed(&write(&store, "k late".into(), 10).await.unwrap_err()));
    assert!(is_failed(&store.episodes().await.unwrap_err()));
    let log = std::fs::read(beside(&path, "-wal")).unwrap();
    drop(store);
    assert_eq!(std::fs::read(beside(&path, "-wal")).unwrap(), log, "closing has changed the files");
    let store = SqliteStore::open(Options::new(&path)).unwrap();
    assert_eq!(keys(&store).await, ["k1"]);
    assert_eq!(
        backup::log_bytes(&path),
        0,
        "what comes next is not written behind pages that may not be there"
    );
}

#[tokio::test]
async fn damage_that_is_found_while_running_ends_it_and_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.db");
    let store = SqliteStore::open(Options::new(&path)).unwrap();
    for n in 0..100 {
        write(&store, format!("k{n}"), 3_000).await.unwrap();
    }
    drop(store);
    let store = SqliteStore::open(Options::new(&path)).unwrap();
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[8192..].fill(0xa5);
    std::fs::write(&path, &bytes).unwrap();
    let all = |connection: &Connection| {
        Ok(connection.query_row("SELECT sum(length(value)) FROM meta", [], |row| row.get::<_, i64>(0))?)
    };
    let error = store.reader.run(all).await.unwrap_err();
    assert!(matches!(&error, StoreError::Corrupt { path: of, .. } if *of == path), "{error}");
    assert!(matches!(store.failed().await, StoreError::Corrupt { .. }));
    let error = write(&store, "k".into(), 10).await.unwrap_err();
    assert!(matches!(error, StoreError::Corrupt { .. }), "the writer takes nothing either: {error}");
    drop(store);
    assert!(std::fs::read(&path).unwrap() == bytes, "its file has changed");
}

/// A poll that found one message, whose notification is so large.
fn found(id: &str, before: &Option<Cursor>, bytes: usize) -> PollCommit {
    let at = Timestamp::from_second(1_800_000_000).unwrap();
    let sequence = before.as_ref().map_or(0, |cursor| cursor.sequence);
    let event = Event {
        id: format!("evt_{id}"),
        kind: EventKind::MessageCreated,
        source: "x".into(),
        subject: None,
        time: at,
        recorded: at,
        sequence: Some(sequence + 1),
        data: EventData::default(),
    };
    let notification = Notification { id: event.id.clone(), payload: "x".repeat(bytes) };
    let delivery = NewDelivery {
        notification,
        notifier: "ops".into(),
        lane: "a".into(),
        fallback_after: None,
        urgent: false,
        suppressed: None,
    };
    let seen = Seen { instant: Some(at), text_hash: 1, ..Seen::default() };
    let after = CursorRow {
        baseline_at: Some(at),
        listed: true,
        sequence: sequence + 1,
        ..before.clone().unwrap_or_default().row()
    };
    PollCommit {
        conversation: ConversationId { account: "main".into(), object: 7 },
        watch: "w".into(),
        expect_sequence: sequence,
        change: CursorChange { after, seen: vec![(ChildId::new(id), seen)], forget: vec![] },
        told: vec![Told { event, deliveries: vec![delivery], routing: vec![] }],
        at,
        silences_over: vec![],
    }
}

/// The promise rests on this. Wherever writing stops, the cursor has moved if and only if what it moved past is in
/// the outbox: the disk fills up after every possible number of pages.
#[tokio::test]
async fn a_cursor_never_moves_without_what_it_moved_past() {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(Options::new(folder.path().join("x.db"))).unwrap();
    let conversation = ConversationId { account: "main".into(), object: 7 };
    let (mut kept, mut refused) = (0, 0);
    for n in 1..60_usize {
        room(&store, (n % 20) as i64).await;
        let before = store.cursor(&conversation).await.unwrap();
        let result = store.commit_poll(found(&n.to_string(), &before, 40_000)).await;
        let after = store.cursor(&conversation).await.unwrap();
        let count = store.outbox().await.unwrap().first().map_or(0, |count| count.pending);
        match result {
            Ok(()) => kept += 1,
            Err(error) => {
                assert!(matches!(error, StoreError::Full(_)), "{error}");
                assert_eq!(after, before, "room for {} pages: seen, and told to nobody", n % 20);
                refused += 1;
            }
        }
        let seen = after.map_or(0, |cursor| cursor.seen.len());
        assert_eq!((seen, count), (kept, kept as u64));
        assert_eq!(store.recent_events(100).await.unwrap().len(), kept);
    }
    assert!(kept > 10 && refused > 10, "{kept} kept, {refused} refused");
}
