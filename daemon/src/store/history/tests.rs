use std::time::Duration;

use rusqlite::Connection;

use super::*;
use crate::core::cursor::{Cursor, CursorChange, CursorRow, Seen, Vanished};
use crate::core::event::{AuthorData, DetectionData, Event, EventData, EventKind, MessageData, WatchData};
use crate::core::message::{AuthorKind, ChildId};
use crate::core::notification::Notification;
use crate::core::outcome::Fate;
use crate::core::route::Said;
use crate::core::story::ATTEMPTS_MAX;
use crate::core::watch::Priority;
use crate::store::{NewDelivery, Options, PollCommit, Selection, Settle, Store as _, Told};

/// Small tables: as many rows as there are conversations, notifiers, or ids in a question.
const SMALL: [&str; 3] = ["SCAN c", "SCAN t", "SCAN json_each"];

#[test]
fn nothing_is_looked_for_in_a_whole_table() {
    let connection = Connection::open_in_memory().unwrap();
    for step in super::super::migrate::STEPS {
        connection.execute_batch(step).unwrap();
    }
    let questions = [
        (events::ONE, "SEARCH e"),
        (events::ALL, "event_recorded"),
        (events::OF_WATCH, "event_watch"),
        (events::OF_WATCH_WITHIN, "event_conversation"),
        (events::OF_TYPE, "event_type"),
        (events::OF_CHILD, "event_child"),
        (events::OF_CHILD_WITHIN, "event_child"),
        (events::OF_ACCOUNT, "event_type"),
        (deliveries::OF_EVENT, "SEARCH d"),
        (deliveries::ALL, "SEARCH d"),
        (deliveries::OF_NOTIFIER, "delivery_notifier"),
        (deliveries::DEAD, "delivery_dead"),
        (deliveries::DEAD_OF_NOTIFIER, "delivery_dead"),
        (deliveries::WAITING, "delivery_lane"),
        (deliveries::WAITING_OF_WATCH, "delivery_lane"),
        (deliveries::ATTEMPTS, "attempt_delivery"),
        (conversations::SEEN, "SEARCH s"),
        (conversations::SEEN_WITHIN, "SEARCH s"),
        (conversations::POLLS, "SEARCH p"),
        (conversations::POLLS_OF_WATCH, "SEARCH p"),
    ];
    let questions = questions
        .iter()
        .flat_map(|(question, index)| [(question.sql(10), *index), (question.count(10), *index)]);
    let others = [
        (deliveries::HEAD, "delivery_head"),
        (deliveries::AHEAD, "delivery_lane"),
        (conversations::CONVERSATION, "SEARCH c"),
        (conversations::OF_WATCH, "SCAN c"),
    ];
    for (sql, index) in questions.chain(others.map(|(sql, index)| (sql.to_owned(), index))) {
        let mut plan = connection.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
        let found: Vec<String> = plan.raw_query().mapped(|row| row.get(3)).collect::<Result<_, _>>().unwrap();
        let is_small =
            |step: &str| SMALL.iter().any(|small| format!("{step} ").starts_with(&format!("{small} ")));
        let scans = |step: &&String| {
            step.starts_with("SCAN") && !step.contains("subquery") && *step != "SCAN CONSTANT ROW"
        };
        let large = found.iter().filter(scans).find(|step| !is_small(step));
        assert!(large.is_none() && found.iter().any(|step| step.contains(index)), "{sql}\n{found:#?}");
    }
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_700_000_000 + second).unwrap()
}

fn conversation(object: i64) -> ConversationId {
    ConversationId { account: "main".into(), object }
}

/// A message that `hook` is told of.
fn told(id: ConversationId, n: u64) -> Told {
    let message = MessageData {
        id: n.to_string(),
        author: AuthorData { kind: AuthorKind::Customer, id: None, name: Some("Dana".into()) },
        created: None,
        text: "my secret wish".into(),
        text_truncated: false,
        attachments: 0,
    };
    let detection = DetectionData {
        polled_at: at(1),
        previous_poll_at: None,
        delay_seconds: Some(1.0),
        approximate: false,
    };
    let event = Event {
        id: format!("evt_{}_{n}", id.object),
        kind: EventKind::MessageCreated,
        source: "x".into(),
        subject: Some(format!("child/{n}")),
        time: at(0),
        recorded: at(i64::try_from(n).unwrap()),
        sequence: Some(n),
        data: EventData {
            account: Some(id.account.clone()),
            watch: Some(WatchData {
                name: format!("w{}", id.object),
                title: String::new(),
                priority: Priority::Vip,
                tags: vec![],
            }),
            message: Some(message),
            detection: Some(detection),
            ..EventData::default()
        },
    };
    let delivery = NewDelivery {
        notification: Notification { id: event.id.clone(), payload: "my secret wish".into() },
        notifier: "hook".into(),
        lane: format!("{}/{}", id.account, id.object),
        fallback_after: None,
        urgent: false,
        suppressed: None,
    };
    let routing = vec![Said { route: "vip".into(), told: vec!["hook".into()], no: None }];
    Told { event, deliveries: vec![delivery], routing }
}

async fn found(store: &SqliteStore, id: ConversationId, messages: std::ops::RangeInclusive<u64>) {
    let before = store.cursor(&id).await.unwrap().unwrap_or_else(Cursor::default);
    let seen = |n: u64| (ChildId::new(n.to_string()), Seen { found_at: Some(at(1)), ..Seen::default() });
    let commit = PollCommit {
        conversation: id.clone(),
        watch: format!("w{}", id.object),
        expect_sequence: before.sequence,
        change: CursorChange {
            after: CursorRow { baseline_at: Some(at(0)), sequence: *messages.end(), ..before.row() },
            seen: messages.clone().map(seen).collect(),
            forget: vec![],
        },
        told: messages.map(|n| told(id.clone(), n)).collect(),
        at: at(1),
        silences_over: vec![],
    };
    store.commit_poll(commit).await.unwrap();
}

async fn settle(store: &SqliteStore, fate: Fate, times: usize) {
    for _ in 0..times {
        let head = store.due("hook", at(9_999), 1).await.unwrap().remove(0);
        let settle = Settle {
            delivery: head.id,
            started: at(20),
            took: Duration::from_millis(30),
            outcome: "retry",
            detail: "status 500".into(),
            fate: fate.clone(),
            counts: true,
            crashed: false,
            alone: false,
            told: None,
        };
        store.settle(settle).await.unwrap();
    }
}

fn open() -> (tempfile::TempDir, SqliteStore) {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(Options::new(folder.path().join("x.db"))).unwrap();
    (folder, store)
}

#[tokio::test]
async fn an_event_comes_with_what_the_routes_said_and_its_attempts_and_without_its_text() {
    let (_folder, store) = open();
    found(&store, conversation(7), 1..=3).await;
    let again = Fate::RetryAt { at: at(40), delay: Duration::from_secs(20), aside: false };
    settle(&store, again, ATTEMPTS_MAX + 2).await;
    let event = store.event("evt_7_1").await.unwrap().unwrap();
    assert!(!format!("{event:?}").contains("secret"), "{event:?}");
    assert_eq!((event.child.as_deref(), event.author), (Some("1"), Some(AuthorKind::Customer)));
    assert_eq!((event.routing[0].route.as_str(), event.text_kept), ("vip", true));
    assert_eq!(event.detection.unwrap().delay_seconds, Some(1.0));
    let hook = &event.deliveries.shown[0];
    assert_eq!((hook.state.as_str(), hook.due_at, hook.counted), ("pending", Some(at(40)), 52));
    let numbers: Vec<u32> = hook.attempts.shown.iter().map(|attempt| attempt.number).collect();
    assert_eq!((numbers[0], numbers.len(), hook.attempts.more), (3, ATTEMPTS_MAX, 2));
    assert!(numbers.is_sorted());

    let queued = store.event("evt_7_3").await.unwrap().unwrap().deliveries.shown.remove(0);
    let behind = queued.behind.unwrap();
    assert_eq!((queued.state.as_str(), behind.event.as_str(), behind.ahead), ("queued", "evt_7_1", 2));
    store.hand_over(vec![1], at(50)).await.unwrap();
    let sending = store.event("evt_7_1").await.unwrap().unwrap().deliveries.shown.remove(0);
    assert_eq!((sending.state.as_str(), sending.sending_since), ("sending", Some(at(50))));
    assert_eq!(store.event("evt_none").await.unwrap(), None);
}

#[tokio::test]
async fn a_text_leaves_the_store_only_for_whoever_may_show_it_and_asks() {
    let (_folder, store) = open();
    found(&store, conversation(7), 1..=2).await;
    let ids = || vec!["evt_7_1".to_owned(), "evt_gone".to_owned(), "evt_7_2".to_owned()];
    let without = store.briefs(ids(), false).await.unwrap();
    assert!(!format!("{without:?}").contains("secret"), "{without:?}");
    assert_eq!(without.keys().collect::<Vec<_>>(), ["evt_7_1", "evt_7_2"]);
    assert_eq!(without["evt_7_1"].kind, "message.created");
    let with = store.briefs(ids(), true).await.unwrap();
    assert!(with["evt_7_2"].text.as_ref().unwrap().contains("secret"), "{with:?}");
}

#[tokio::test]
async fn lists_are_bounded_newest_first_and_count_the_rest() {
    let (_folder, store) = open();
    found(&store, conversation(7), 1..=40).await;
    found(&store, conversation(8), 1..=2).await;
    let ids = |several: &Several<EventStory>| {
        several.shown.iter().map(|event| event.id.clone()).collect::<Vec<_>>()
    };
    let events = |filter| store.events(filter);
    let all = events(EventFilter { limit: 2, ..EventFilter::default() }).await.unwrap();
    assert_eq!((ids(&all), all.more), (vec!["evt_7_40".into(), "evt_7_39".into()], 40));
    let late = EventFilter { since: Some(at(39)), limit: 9, ..EventFilter::default() };
    assert_eq!(events(late).await.unwrap().shown.len(), 2);
    let kind = Some("message.edited".to_owned());
    assert!(events(EventFilter { kind, limit: 9, ..EventFilter::default() }).await.unwrap().shown.is_empty());
    let within = |watch: &str, within| EventFilter {
        watch: Some(watch.into()),
        within,
        limit: 9,
        ..EventFilter::default()
    };
    let of_watch = events(within("w8", Some(conversation(8)))).await.unwrap();
    assert_eq!((ids(&of_watch), of_watch.more), (vec!["evt_8_2".into(), "evt_8_1".into()], 0));
    assert!(events(within("w8", Some(conversation(7)))).await.unwrap().shown.is_empty());
    let of_child = store.events_of_child("2", None).await.unwrap();
    assert_eq!(of_child.shown.len(), 2);
    let within = store.events_of_child("2", Some(conversation(8))).await.unwrap();
    assert_eq!(ids(&within), ["evt_8_2"]);
    assert_eq!(store.seen("2", None).await.unwrap().shown.len(), 2);
    assert_eq!(store.seen("2", Some(conversation(8))).await.unwrap().shown[0].watch, "w8");
    assert!(store.seen("41", None).await.unwrap().shown.is_empty());

    let waiting = store.waiting("main/7").await.unwrap();
    assert_eq!((waiting.shown[0].event.as_str(), waiting.shown[0].state.as_str()), ("evt_7_1", "pending"));
    assert_eq!(waiting.shown.len() as u64 + waiting.more, 40);
    // A watch that was renamed since, of which nothing has changed, and then one that is gone.
    for (name, found) in [("renamed", vec![conversation(8)]), ("w8", vec![])] {
        let of_watch = store.waiting_of_watch(name, found).await.unwrap();
        assert_eq!((of_watch.shown[0].event.as_str(), of_watch.shown.len()), ("evt_8_1", 2), "{name}");
    }
    assert!(store.waiting_of_watch("renamed", vec![]).await.unwrap().shown.is_empty());
    settle(&store, Fate::Dead("400".into()), 2).await;
    let dead = store.deliveries(true, None, 1).await.unwrap();
    assert_eq!((dead.shown.len(), dead.more, dead.shown[0].state.as_str()), (1, 1, "dead"));
    assert_eq!(store.deliveries(true, Some("log".into()), 9).await.unwrap().shown.len(), 0);
    let newest = store.deliveries(false, Some("hook".into()), 1).await.unwrap();
    assert_eq!((newest.shown[0].event.as_str(), newest.more), ("evt_8_2", 41));
}

#[tokio::test]
async fn what_is_kept_of_a_conversation_is_told_with_what_has_vanished() {
    let (_folder, store) = open();
    found(&store, conversation(7), 1..=2).await;
    let before = store.cursor(&conversation(7)).await.unwrap().unwrap();
    let gone =
        Seen { vanished: Some((at(9), Vanished::Deleted)), revision: 1, baseline: true, ..Seen::default() };
    let commit = PollCommit {
        conversation: conversation(7),
        watch: "renamed".into(),
        expect_sequence: 2,
        change: CursorChange {
            after: CursorRow { status_id: Some(1), unreachable_since: Some(at(8)), ..before.row() },
            seen: vec![(ChildId::new("2"), gone)],
            forget: vec![],
        },
        told: vec![],
        at: at(9),
        silences_over: vec![],
    };
    store.commit_poll(commit).await.unwrap();
    let seen = store.seen("2", None).await.unwrap().shown.remove(0);
    assert_eq!((seen.gone_since, seen.gone_as.as_deref()), (Some(at(9)), Some("deleted")));
    assert_eq!((seen.revision, seen.baseline, seen.watch.as_str()), (1, true, "renamed"));
    let kept = store.conversation(&conversation(7)).await.unwrap().unwrap();
    assert_eq!((kept.status.as_deref(), kept.messages, kept.sequence), (Some("open"), 2, 2));
    assert_eq!(kept.unreachable_since, Some(at(8)));
    assert_eq!(store.conversation_of("renamed").await.unwrap(), Some(conversation(7)));
    assert_eq!(store.conversation_of("w7").await.unwrap(), None);
}

#[tokio::test]
async fn a_replay_of_one_event_takes_its_deliveries_alone() {
    let (_folder, store) = open();
    found(&store, conversation(7), 1..=2).await;
    settle(&store, Fate::Delivered, 2).await;
    let selection = Selection { event: Some("evt_7_2".into()), ..Selection::default() };
    let replayed = store.replay(selection, at(99), false).await.unwrap();
    assert_eq!(replayed.deliveries.len(), 1);
    let hook = store.event("evt_7_2").await.unwrap().unwrap().deliveries.shown.remove(0);
    assert!(hook.replay && hook.is_open() && hook.attempts.shown.len() == 1);
    let other = store.event("evt_7_1").await.unwrap().unwrap().deliveries.shown.remove(0);
    assert!(!other.replay && !other.is_open());
}
