use std::path::Path;

use super::*;
use crate::core::cursor::{CursorRow, Seen};
use crate::core::event::{AuthorData, EventData, EventKind, MessageData};
use crate::core::message::{AuthorKind, ChildId};

mod opening;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_700_000_000 + second).unwrap()
}

fn conversation() -> ConversationId {
    ConversationId { account: "main".into(), object: 2_251_799_813_689_310 }
}

fn told(id: &str, lane: &str, notifiers: &[&str]) -> Told {
    let message = MessageData {
        id: id.into(),
        author: AuthorData { kind: AuthorKind::Customer, id: None, name: None },
        created: None,
        text: format!("text of {id}"),
        text_truncated: false,
        attachments: 0,
    };
    let event = Event {
        id: format!("evt_{id}"),
        kind: EventKind::MessageCreated,
        source: "x".into(),
        subject: None,
        time: at(0),
        recorded: at(1),
        sequence: Some(1),
        data: EventData { message: Some(message), ..EventData::default() },
    };
    let deliveries = notifiers
        .iter()
        .map(|notifier| NewDelivery {
            notification: Notification { id: event.id.clone(), payload: format!("{{\"id\":\"evt_{id}\"}}") },
            notifier: (*notifier).into(),
            lane: lane.into(),
            fallback_after: None,
            urgent: false,
            suppressed: None,
        })
        .collect();
    Told { event, deliveries, routing: vec![] }
}

fn poll(expect: u64, told: Vec<Told>) -> PollCommit {
    let seen = told
        .iter()
        .map(|told| {
            let seen = Seen { instant: Some(at(5)), text_hash: u64::MAX - 1, ..Seen::default() };
            (ChildId::new(told.event.id.clone()), seen)
        })
        .collect();
    let after = CursorRow {
        baseline_at: Some(at(0)),
        listed: true,
        sequence: expect + told.len() as u64,
        status_id: Some(8),
        assigned_manager_id: None,
        ..CursorRow::default()
    };
    PollCommit {
        conversation: conversation(),
        watch: "acme".into(),
        expect_sequence: expect,
        change: CursorChange { after, seen, forget: vec![] },
        told,
        at: at(1),
        silences_over: vec![],
    }
}

fn settle(delivery: i64, fate: Fate) -> Settle {
    Settle {
        delivery,
        started: at(2),
        took: Duration::from_millis(30),
        outcome: "retry",
        detail: "x".repeat(2_000),
        fate,
        counts: true,
        crashed: false,
        alone: false,
        told: None,
    }
}

async fn due_ids(store: &SqliteStore, notifier: &str, second: i64) -> Vec<String> {
    store.due(notifier, at(second), 100).await.unwrap().into_iter().map(|due| due.notification_id).collect()
}

fn open(path: &Path) -> SqliteStore {
    SqliteStore::open(Options::new(path)).unwrap()
}

#[tokio::test]
async fn a_cursor_comes_back_as_it_was_written() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.db");
    let store = open(&path);
    assert_eq!(store.cursor(&conversation()).await.unwrap(), None);
    store.commit_poll(poll(0, vec![told("1", "a", &["ops"])])).await.unwrap();
    drop(store);

    let cursor = open(&path).cursor(&conversation()).await.unwrap().unwrap();
    assert_eq!((cursor.sequence, cursor.status_id, cursor.listed), (1, Some(8), true));
    let seen = &cursor.seen[&ChildId::new("evt_1")];
    assert_eq!((seen.instant, seen.text_hash), (Some(at(5)), u64::MAX - 1));
}

#[tokio::test]
async fn a_commit_that_fails_leaves_nothing_of_itself() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder.path().join("x.db"));
    store.commit_poll(poll(0, vec![told("1", "a", &["ops"])])).await.unwrap();
    // Read before another poll moved the cursor on.
    let error = store.commit_poll(poll(0, vec![told("2", "a", &["ops"])])).await.unwrap_err();
    assert!(matches!(error, StoreError::Conflict(_)), "{error}");
    assert_eq!(due_ids(&store, "ops", 10).await, ["evt_1"]);
    assert_eq!(store.cursor(&conversation()).await.unwrap().unwrap().seen.len(), 1);
    assert_eq!(store.recent_events(10).await.unwrap().len(), 1);
}

#[tokio::test]
async fn one_failing_job_does_not_take_its_batch_mates_with_it() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder.path().join("x.db"));
    let jobs = (0..50_i64).map(|n| {
        let mut commit = poll(u64::from(n % 2 == 1) * 7, vec![told(&n.to_string(), "a", &["ops"])]);
        commit.conversation.object = n;
        if n % 2 == 1 {
            commit.conversation.object = n - 1;
        }
        store.commit_poll(commit)
    });
    let results = futures_util::future::join_all(jobs).await;
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 25);
    assert_eq!(store.outbox().await.unwrap()[0].pending, 25);
}

#[tokio::test]
async fn an_event_is_told_once_however_often_it_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder.path().join("x.db"));
    store.commit_poll(poll(0, vec![told("1", "a", &["ops"])])).await.unwrap();
    store.commit_poll(poll(1, vec![told("1", "a", &["ops", "other"])])).await.unwrap();
    assert_eq!(due_ids(&store, "ops", 10).await, ["evt_1"]);
    assert!(due_ids(&store, "other", 10).await.is_empty());
}

#[tokio::test]
async fn a_lane_hands_out_its_head_alone_and_the_next_only_when_that_is_final() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder.path().join("x.db"));
    let batch = vec![told("1", "a", &["ops"]), told("2", "a", &["ops"]), told("3", "b", &["ops"])];
    store.commit_poll(poll(0, batch)).await.unwrap();
    assert_eq!(due_ids(&store, "ops", 10).await, ["evt_1", "evt_3"]);
    let head = store.due("ops", at(10), 1).await.unwrap().remove(0);

    store
        .settle(settle(head.id, Fate::RetryAt { at: at(60), delay: Duration::from_secs(58), aside: false }))
        .await
        .unwrap();
    assert_eq!(due_ids(&store, "ops", 10).await, ["evt_3"]);
    assert_eq!(store.due("ops", at(60), 9).await.unwrap().iter().map(|d| d.attempts).sum::<u32>(), 1);

    store.settle(settle(head.id, Fate::Dead("no".into()))).await.unwrap();
    // The lane's next goes behind what has been due in other lanes, so that none starves.
    assert_eq!(due_ids(&store, "ops", 60).await, ["evt_3", "evt_2"]);
    // A second report about the same delivery changes nothing.
    store.settle(settle(head.id, Fate::Delivered)).await.unwrap();
    let outbox = store.outbox().await.unwrap();
    assert_eq!((outbox[0].pending, outbox[0].dead), (2, 1));
    assert!(store.recent_deliveries(9).await.unwrap().iter().all(|d| d.detail.len() == 500));
}

#[tokio::test]
async fn only_attempts_and_the_waits_between_them_count_as_time_that_was_tried() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder.path().join("x.db"));
    store.commit_poll(poll(0, vec![told("1", "a", &["ops"])])).await.unwrap();
    let head = || async { store.due("ops", at(9_999), 1).await.unwrap().remove(0) };
    let id = head().await.id;
    store
        .settle(settle(id, Fate::RetryAt { at: at(12), delay: Duration::from_secs(10), aside: false }))
        .await
        .unwrap();
    let tried = Duration::from_millis(10_030);
    assert_eq!((head().await.tried, head().await.attempts), (tried, 1));
    // A week later the notifier turns out to be broken, and a week after that it is well again.
    let week = 7 * 24 * 3600;
    let broken = Settle {
        started: at(week),
        counts: false,
        outcome: "broken",
        ..settle(id, Fate::Held("401".into()))
    };
    store.settle(broken).await.unwrap();
    let due = store.due("ops", at(3 * week), 1).await.unwrap().remove(0);
    assert_eq!((due.tried, due.attempts), (tried, 1));
    let numbers: Vec<u32> = store.recent_deliveries(9).await.unwrap().iter().map(|d| d.attempt).collect();
    assert_eq!(numbers, [2, 1]);
}

#[tokio::test]
async fn a_clock_that_was_wrong_holds_up_no_delivery() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder.path().join("x.db"));
    let day = 24 * 3600;
    let mut written_tomorrow = told("1", "a", &["ops"]);
    written_tomorrow.event.recorded = at(day);
    store.commit_poll(poll(0, vec![written_tomorrow, told("2", "b", &["ops"])])).await.unwrap();
    let now = store.due("ops", at(10), 1).await.unwrap().remove(0);
    assert_eq!(now.notification_id, "evt_2");
    store
        .settle(settle(
            now.id,
            Fate::RetryAt { at: at(3600), delay: Duration::from_secs(3590), aside: false },
        ))
        .await
        .unwrap();
    // The clock was put right. What was written tomorrow is due already.
    assert_eq!(due_ids(&store, "ops", 10).await, ["evt_1"]);
    assert_eq!(due_ids(&store, "ops", 3600).await, ["evt_2", "evt_1"]);
    assert_eq!(store.due("ops", at(3600), 1).await.unwrap().len(), 1);
    // Once it was tried it waits as others do.
    let tomorrows = store.due("ops", at(10), 1).await.unwrap().remove(0);
    let later = Fate::RetryAt { at: at(600), delay: Duration::from_secs(590), aside: false };
    store.settle(settle(tomorrows.id, later)).await.unwrap();
    assert_eq!(due_ids(&store, "ops", 599).await, [""; 0]);
    assert_eq!(due_ids(&store, "ops", 600).await, ["evt_1"]);
}

#[tokio::test]
async fn a_wait_that_is_cut_short_does_not_count_as_time_in_which_it_was_tried() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder.path().join("x.db"));
    store.commit_poll(poll(0, vec![told("1", "a", &["ops"])])).await.unwrap();
    let delivery = store.due("ops", at(10), 1).await.unwrap().remove(0);
    // Tried at 2 s, for 30 ms, and to be tried again 600 s later; but at 102 s its receiver is back.
    let later = Fate::RetryAt { at: at(602), delay: Duration::from_secs(600), aside: false };
    store.settle(settle(delivery.id, later)).await.unwrap();
    store.bring_forward("ops", at(102)).await.unwrap();
    let due = store.due("ops", at(102), 1).await.unwrap().remove(0);
    assert_eq!(due.tried, Duration::from_millis(100_030));
    store.bring_forward("ops", at(110)).await.unwrap();
    assert_eq!(store.due("ops", at(110), 1).await.unwrap().remove(0).tried, due.tried);
}

#[tokio::test]
async fn who_waits_is_kept_with_the_cursor() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.db");
    let waiting = crate::core::waiting::Waiting::new(ChildId::new("1"), at(3));
    let store = open(&path);
    let mut first = poll(0, vec![told("1", "a", &["ops"])]);
    first.change.after.waiting = Some(waiting.clone());
    store.commit_poll(first).await.unwrap();
    drop(store);
    let store = open(&path);
    let waits = Waits { conversation: conversation(), waiting, acked: false };
    assert_eq!(store.waits().await.unwrap(), [waits]);
    store.commit_poll(poll(1, vec![])).await.unwrap();
    assert_eq!(store.waits().await.unwrap(), []);
}

#[tokio::test]
async fn another_notifier_s_lane_is_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder.path().join("x.db"));
    store
        .commit_poll(poll(0, vec![told("1", "a", &["ops", "hook"]), told("2", "a", &["hook"])]))
        .await
        .unwrap();
    let hook = store.due("hook", at(10), 1).await.unwrap().remove(0);
    store.settle(settle(hook.id, Fate::Delivered)).await.unwrap();
    assert_eq!(due_ids(&store, "ops", 10).await, ["evt_1"]);
    assert_eq!(due_ids(&store, "hook", 10).await, ["evt_2"]);
}

#[tokio::test]
async fn a_full_outbox_takes_no_more_and_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let options = Options { outbox_rows_max: 1, ..Options::new(folder.path().join("x.db")) };
    let store = SqliteStore::open(options).unwrap();
    store.commit_poll(poll(0, vec![told("1", "a", &["ops"])])).await.unwrap();
    let before = store.cursor(&conversation()).await.unwrap();
    let error = store.commit_poll(poll(1, vec![told("2", "a", &["ops"])])).await.unwrap_err();
    assert!(matches!(error, StoreError::OutboxFull(1)), "{error}");
    assert_eq!(store.cursor(&conversation()).await.unwrap(), before, "it will be found again");
    // What tells nobody still goes on.
    store.commit_poll(poll(1, vec![told("3", "a", &[])])).await.unwrap();
    let head = store.due("ops", at(10), 1).await.unwrap().remove(0);
    store.settle(settle(head.id, Fate::Delivered)).await.unwrap();
    // An answer that exceeds the bound by itself would otherwise never be taken.
    store.commit_poll(poll(2, vec![told("4", "a", &["ops"]), told("5", "a", &["ops"])])).await.unwrap();
}

#[tokio::test]
async fn with_little_room_left_nothing_new_is_taken_in_and_what_was_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.db");
    let store = open(&path);
    store.commit_poll(poll(0, vec![told("1", "a", &["ops"]), told("2", "a", &["ops"])])).await.unwrap();
    drop(store);
    let store = SqliteStore::open(Options { room_min: u64::MAX, ..Options::new(&path) }).unwrap();
    let before = store.cursor(&conversation()).await.unwrap();
    let error = store.commit_poll(poll(2, vec![told("3", "a", &["ops"])])).await.unwrap_err();
    assert!(matches!(error, StoreError::Full(_)), "{error}");
    assert_eq!(store.cursor(&conversation()).await.unwrap(), before, "it will be found again");
    assert!(matches!(store.ping().await.unwrap_err(), StoreError::Full(_)), "and people are told");
    for id in ["evt_1", "evt_2"] {
        let head = store.due("ops", at(10), 1).await.unwrap().remove(0);
        assert_eq!(head.notification_id, id);
        store.settle(settle(head.id, Fate::Delivered)).await.unwrap();
    }
}

#[tokio::test]
async fn the_files_have_more_of_the_disk_than_they_use() {
    use std::os::unix::fs::MetadataExt as _;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.db");
    let store = open(&path);
    let held = |suffix| {
        let meta = std::fs::metadata(lock::beside(&path, suffix)).unwrap();
        meta.blocks() * 512 - meta.len()
    };
    let is_enough = || held("") > 1_000_000 && held("-wal") > 4_000_000;
    assert!(is_enough(), "{} and {}", held(""), held("-wal"));
    let batch = |n: u64| (0..40).map(|m| told(&format!("{n}-{m}"), "a", &["ops"])).collect();
    for n in 0..150 {
        store.commit_poll(poll(n * 40, batch(n))).await.unwrap();
    }
    drop(store);
    let store = open(&path);
    assert!(is_enough(), "{} and {}", held(""), held("-wal"));
    drop(store);
}

#[tokio::test]
async fn what_was_written_for_a_notifier_is_delivered_dead_or_open_or_the_imbalance_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.db");
    let store = open(&path);
    let batch = (0..6).map(|n| told(&n.to_string(), "a", &["ops", "hook"])).collect();
    store.commit_poll(poll(0, batch)).await.unwrap();
    for fate in [Fate::Delivered, Fate::Dead("no".into())] {
        let head = store.due("ops", at(10), 1).await.unwrap().remove(0);
        store.settle(settle(head.id, fate)).await.unwrap();
    }
    while store
        .prune(Retention { rows_before: at(100), text_before: at(100), unwatched_before: at(0) })
        .await
        .unwrap()
        > 0
    {}
    let count = |pending, imbalance| {
        move |one: &OutboxCount| {
            assert_eq!((one.pending, one.imbalance), (pending, imbalance), "{one:?}");
            assert_eq!(one.oldest_pending, Some(at(1)));
        }
    };
    let outbox = store.outbox().await.unwrap();
    outbox.iter().zip([6, 4]).for_each(|(one, pending)| count(pending, 0)(one));
    // A row that is lost by a way that the daemon does not have.
    let other = rusqlite::Connection::open(&path).unwrap();
    other.execute("DELETE FROM delivery WHERE notifier = 'hook' AND state = 'queued'", []).unwrap();
    let outbox = store.outbox().await.unwrap();
    outbox.iter().zip([(1, 5), (4, 0)]).for_each(|(one, (pending, missing))| count(pending, missing)(one));
}

#[tokio::test]
async fn an_episode_begins_once_and_ends_once() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder.path().join("x.db"));
    let episode = Episode { subject: "account/main".into(), since: at(1), why: "401".into() };
    assert!(store.begin_episode(episode.clone(), told("1", "x", &["ops"])).await.unwrap());
    assert!(!store.begin_episode(episode.clone(), told("2", "x", &["ops"])).await.unwrap());
    assert_eq!(store.episodes().await.unwrap(), [episode]);
    assert!(store.end_episode("account/main", told("3", "x", &["ops"])).await.unwrap());
    assert!(!store.end_episode("account/main", told("4", "x", &["ops"])).await.unwrap());
    assert_eq!(store.outbox().await.unwrap()[0].pending, 2);
}

#[tokio::test]
async fn a_key_that_ends_is_told_once_for_each_stage_and_anew_for_another_end() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.db");
    let mut store = open(&path);
    let mut number = 0;
    for (account, ends, stage, is_told) in [
        ("main", 100, 1, true),
        ("main", 100, 1, false),
        ("other", 100, 1, true),
        ("main", 100, 3, true),
        // A clock that was set back meanwhile.
        ("main", 100, 2, false),
        ("main", 100, 3, false),
        ("main", 200, 1, true),
        ("main", 200, 1, false),
    ] {
        number += 1;
        let told = told(&number.to_string(), "x", &["ops"]);
        let real = store.token_expiring(account, at(ends), stage, told).await.unwrap();
        assert_eq!(real, is_told, "{account} {ends} {stage}");
        drop(store);
        store = open(&path);
    }
    assert_eq!(store.outbox().await.unwrap()[0].pending, 4);
}

#[tokio::test]
async fn pruning_takes_the_old_and_leaves_what_is_open() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.db");
    let store = open(&path);
    let batch = vec![told("1", "a", &["ops"]), told("2", "b", &["ops"]), told("3", "c", &["ops"])];
    store.commit_poll(poll(0, batch)).await.unwrap();
    let heads = store.due("ops", at(10), 2).await.unwrap();
    store.settle(settle(heads[0].id, Fate::Delivered)).await.unwrap();
    store.settle(settle(heads[1].id, Fate::Dead("no".into()))).await.unwrap();
    let open_payload = store.due("ops", at(10), 1).await.unwrap().remove(0).payload;

    let text_only = Retention { rows_before: at(0), text_before: at(100), unwatched_before: at(0) };
    assert_eq!(store.prune(text_only).await.unwrap(), 4, "three events and one delivery lose their text");
    assert_eq!(store.prune(text_only).await.unwrap(), 0);
    assert_eq!(store.recent_events(9).await.unwrap().len(), 3);
    assert_eq!(store.due("ops", at(10), 1).await.unwrap()[0].payload, open_payload, "it has to be said yet");

    let all = Retention { rows_before: at(100), text_before: at(100), unwatched_before: at(0) };
    while store.prune(all).await.unwrap() > 0 {}
    let left: Vec<String> = store.recent_events(9).await.unwrap().into_iter().map(|event| event.id).collect();
    assert_eq!(left, ["evt_3"]);
    assert_eq!(due_ids(&store, "ops", 10).await, ["evt_3"]);
    drop(store);
    let rows = |sql| {
        let connection = rusqlite::Connection::open(&path).unwrap();
        connection.query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap()
    };
    assert_eq!(rows("SELECT count(*) FROM notification_event"), 1);
    assert_eq!(rows("SELECT count(*) FROM attempt"), 0);
    assert_eq!(rows("SELECT count(*) FROM event WHERE body LIKE '%text of%'"), 0);
    assert_eq!(rows("SELECT count(*) FROM seen"), 3, "what was seen is never forgotten with it");
}

#[tokio::test]
async fn a_conversation_is_kept_while_it_is_watched_and_forgotten_a_while_after() {
    const DAY: i64 = 86_400;
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder.path().join("x.db"));
    store.commit_poll(poll(0, vec![told("1", "a", &["ops"])])).await.unwrap();
    let is_known = || async { store.cursor(&conversation()).await.unwrap().is_some() };
    let older = |days: i64| Retention {
        rows_before: at(0),
        text_before: at(0),
        unwatched_before: at(days * DAY + 10),
    };
    // Quiet for months, and watched all the time.
    for day in 1..90 {
        store.watched(vec![conversation()], vec![], at(day * DAY + 60)).await.unwrap();
        store.prune(older(day - 1)).await.unwrap();
        assert!(is_known().await, "{day}");
    }
    store.prune(older(88)).await.unwrap();
    assert!(is_known().await);
    store.prune(older(90)).await.unwrap();
    assert!(!is_known().await);
}

/// What waits for somebody else to be told: of what, and whether it is dead.
async fn waits(store: &SqliteStore, second: i64) -> Vec<(String, bool)> {
    let found = store.unaccepted(at(second), 9).await.unwrap().into_iter();
    found.map(|one| (one.events[0].id.clone(), one.is_dead)).collect()
}

async fn head(store: &SqliteStore) -> i64 {
    store.due("ops", at(50), 1).await.unwrap().remove(0).id
}

#[tokio::test]
async fn what_is_not_accepted_in_time_is_told_to_somebody_else_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.db");
    let store = open(&path);
    let after = |id: &str| {
        let mut told = told(id, "a", &["ops", "other"]);
        told.deliveries[0].fallback_after = Some(Duration::from_secs(60));
        told
    };
    store.commit_poll(poll(0, vec![after("1"), after("2"), after("3")])).await.unwrap();
    assert_eq!(waits(&store, 60).await, Vec::new());
    // What was accepted waits for nothing, what was given up does not wait for its time.
    let one = head(&store).await;
    store.settle(settle(one, Fate::Delivered)).await.unwrap();
    let two = head(&store).await;
    store.settle(settle(two, Fate::Dead("400".into()))).await.unwrap();
    assert_eq!(waits(&store, 3).await, [("evt_2".to_owned(), true)]);
    assert_eq!(waits(&store, 61).await, [("evt_2".to_owned(), true), ("evt_3".to_owned(), false)]);
    // It survives a restart.
    drop(store);
    let store = open(&path);
    let late = store.unaccepted(at(61), 9).await.unwrap().remove(1);
    assert_eq!((late.notifier.as_str(), late.lane.as_str()), ("ops", "a"));
    let mut new = told("3", "a", &["sms", "other"]).deliveries;
    new[0].notification.payload = "in place".into();
    let fall_back = FallBack { delivery: late.delivery, deliveries: new, at: at(61) };
    // `other` has it already.
    assert_eq!(store.fall_back(fall_back.clone()).await.unwrap(), Some(vec!["sms".to_owned()]));
    assert_eq!(store.fall_back(fall_back.clone()).await.unwrap(), None);
    let sms = store.due("sms", at(61), 9).await.unwrap();
    assert_eq!((sms.len(), sms[0].payload.as_str(), sms[0].created_at), (1, "in place", at(61)));
    // The first goes on, and both are counted.
    assert_eq!(due_ids(&store, "ops", 61).await, ["evt_3"]);
    assert!(store.outbox().await.unwrap().iter().all(|count| count.imbalance == 0));
    let accepted = FallBack { delivery: one, ..fall_back };
    assert_eq!(store.fall_back(accepted).await.unwrap(), None);
    assert_eq!(waits(&store, 9_999).await, [("evt_2".to_owned(), true)]);
}

#[tokio::test]
async fn one_that_steps_aside_is_tried_on_and_the_next_of_its_lane_is_the_head() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder.path().join("x.db"));
    let batch = (1..=4).map(|n| told(&n.to_string(), "a", &["ops"])).collect();
    store.commit_poll(poll(0, batch)).await.unwrap();
    let head = store.due("ops", at(10), 9).await.unwrap();
    assert_eq!(head.len(), 1);
    let aside = |id| settle(id, Fate::RetryAt { at: at(60), delay: Duration::from_secs(58), aside: true });
    store.settle(aside(head[0].id)).await.unwrap();
    assert_eq!(due_ids(&store, "ops", 10).await, ["evt_2"]);
    // Once more, and the next is still one.
    store.settle(aside(head[0].id)).await.unwrap();
    assert_eq!(due_ids(&store, "ops", 60).await, ["evt_2", "evt_1"]);
    // Its end frees nothing that had its turn already.
    store.settle(settle(head[0].id, Fate::Delivered)).await.unwrap();
    assert_eq!(due_ids(&store, "ops", 60).await, ["evt_2"]);
    let two = store.due("ops", at(60), 9).await.unwrap()[0].id;
    store.settle(aside(two)).await.unwrap();
    let three = store.due("ops", at(10), 9).await.unwrap()[0].id;
    store.settle(settle(three, Fate::Dead("400".into()))).await.unwrap();
    assert_eq!(due_ids(&store, "ops", 60).await, ["evt_4", "evt_2"]);
    // What comes while one is aside alone does not wait for it; sent once more, it is as it was at first.
    let four = store.due("ops", at(10), 9).await.unwrap()[0].id;
    store.settle(settle(four, Fate::Delivered)).await.unwrap();
    store.commit_poll(poll(4, vec![told("5", "a", &["ops"])])).await.unwrap();
    assert_eq!(due_ids(&store, "ops", 60).await, ["evt_5", "evt_2"]);
    store.settle(settle(two, Fate::Dead("no".into()))).await.unwrap();
    let again = Selection { event: Some("evt_2".into()), ..Selection::default() };
    store.replay(again, at(70), false).await.unwrap();
    assert_eq!(due_ids(&store, "ops", 99).await, ["evt_5"]);
}

/// What may not wait comes while it is decided to hold back what is before it in its lane.
#[tokio::test]
async fn a_hold_counts_only_while_its_lane_is_as_it_was_when_that_was_decided() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder.path().join("x.db"));
    store.commit_poll(poll(0, vec![told("1", "a", &["ops"])])).await.unwrap();
    let one = head(&store).await;
    let hold = |seen| Hold { delivery: one, until: at(9_000), why: Held::Quiet, at: at(10), seen };
    // Rows of other lanes and of other notifiers are none of its business.
    store.commit_poll(poll(1, vec![told("2", "b", &["ops"]), told("3", "a", &["other"])])).await.unwrap();
    let mut urgent = told("4", "a", &["ops"]);
    urgent.deliveries[0].urgent = true;
    store.commit_poll(poll(3, vec![urgent])).await.unwrap();
    store.hold(vec![hold(one)]).await.unwrap();
    assert_eq!(due_ids(&store, "ops", 50).await, ["evt_1", "evt_2"], "decided without the urgent one");
    let four = store.together("ops", Scope::Lane("a".into()), 9).await.unwrap()[1].delivery;
    store.hold(vec![hold(four)]).await.unwrap();
    assert_eq!(due_ids(&store, "ops", 50).await, ["evt_2"], "decided with it");
    // What is final lets nothing of its lane wait for it, and keeps nothing from being held.
    let two = store.due("ops", at(50), 9).await.unwrap()[0].id;
    store.commit_poll(poll(4, vec![told("5", "b", &["ops"])])).await.unwrap();
    let five = store.together("ops", Scope::Lane("b".into()), 9).await.unwrap()[1].delivery;
    store.give_up(five, "no", at(20), told("6", "c", &["ops"])).await.unwrap();
    let hold = Hold { delivery: two, seen: two, ..hold(two) };
    store.hold(vec![hold]).await.unwrap();
    assert_eq!(due_ids(&store, "ops", 50).await, ["evt_6"]);
}
