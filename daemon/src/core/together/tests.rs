//! What people read when several things are told at once.

use std::sync::LazyLock;
use std::time::Duration;

use serde_json::Value;

use super::*;
use crate::core::event::{AuthorData, ConversationData, EventData, MessageData, WaitingData, WatchData};
use crate::core::message::AuthorKind;
use crate::core::pacing::{Cap, Held};
use crate::core::watch::Priority;
use crate::core::words::English;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + second).unwrap()
}

fn event(kind: EventKind, n: i64, object: &str, data: EventData) -> Event {
    let (watch, name) = if object == "7" { ("ACME", "Dana Levi") } else { ("Globex", "Omer Bar") };
    Event {
        id: format!("evt_{n}"),
        kind,
        source: format!("https://api.example/objects/{object}"),
        subject: Some(format!("child/{n}")),
        time: at(n),
        recorded: at(n),
        sequence: Some(1),
        data: EventData {
            account: Some("main".into()),
            watch: Some(WatchData {
                name: watch.to_lowercase(),
                title: watch.into(),
                priority: if object == "7" { Priority::Vip } else { Priority::Normal },
                tags: vec![],
            }),
            conversation: Some(ConversationData {
                object_id: object.into(),
                customer_name: Some(name.into()),
                console_url: Some(format!("https://acme.example/{object}")),
                ..ConversationData::default()
            }),
            ..data
        },
    }
}

fn message(n: i64, object: &str, text: &str) -> Event {
    let name = if object == "7" { "Dana Levi" } else { "Omer Bar" };
    let message = MessageData {
        id: n.to_string(),
        author: AuthorData { kind: AuthorKind::Customer, id: None, name: Some(name.into()) },
        created: Some(at(n)),
        text: text.into(),
        text_truncated: false,
        attachments: 0,
    };
    event(EventKind::MessageCreated, n, object, EventData { message: Some(message), ..EventData::default() })
}

fn wait(n: i64, object: &str, ended: Option<&str>) -> Event {
    let waiting = WaitingData {
        since: at(0),
        waited_seconds: 600,
        child_id: "1".into(),
        threshold_seconds: 600,
        hours: None,
        confirmed: true,
        ended: ended.map(str::to_owned),
        answered_by: ended.map(|_| AuthorData {
            kind: AuthorKind::Agent,
            id: None,
            name: Some("Noa Bar".into()),
        }),
        answered_at: None,
        reply_until: None,
    };
    let kind = if ended.is_some() { EventKind::Answered } else { EventKind::Waiting };
    event(kind, n, object, EventData { waiting: Some(waiting), ..EventData::default() })
}

fn told(events: &[Event], content: Content, shown: usize, why: Option<&str>) -> Value {
    let reader = Reader { shown, now: at(28_800), ..reader("ops", content) };
    let notification = of_events(events, reader, why).unwrap();
    let payload: Value = serde_json::from_str(&notification.payload).unwrap();
    assert_eq!(payload["id"], notification.id.as_str());
    let all = payload["events"].as_array().unwrap().len() as u64 + payload["omitted"].as_u64().unwrap();
    assert_eq!(all, events.len() as u64, "every event is there or counted");
    payload
}

fn reader(notifier: &str, content: Content) -> Reader<'_> {
    static VOICE: LazyLock<Voice> = LazyLock::new(Voice::default);
    Reader { notifier, content, voice: &VOICE, shown: 9, whole: false, now: at(0) }
}

fn read(payload: &Value) -> String {
    let word = |key: &str| payload[key].as_str().unwrap_or("-").to_owned();
    let head = ["key", "action", "severity", "title"].map(word).join(" | ");
    format!("{head}\n{}\n{} omitted, {}", word("text"), payload["omitted"], word("url"))
}

#[test]
fn messages_of_one_conversation_are_a_list_with_the_rest_counted() {
    let events: Vec<Event> = (1..=5).map(|n| message(n, "7", &format!("line {n}"))).collect();
    insta::assert_snapshot!(read(&told(&events, Content::Full, 3, None)), @"
    main/7 | notify | warning | ACME: Dana Levi wrote 5 messages
    Dana Levi: line 1
    Dana Levi: line 2
    Dana Levi: line 3
    … and 2 more
    2 omitted, https://acme.example/7
    ");
    insta::assert_snapshot!(read(&told(&events[..2], Content::None, 3, Some("why"))), @"
    main/7 | notify | warning | ACME: the customer wrote 2 messages
    the customer wrote
    the customer wrote
    [why]
    0 omitted, https://acme.example/7
    ");
    let edited = Event { kind: EventKind::MessageEdited, ..message(9, "7", "other words") };
    let status = event(EventKind::StatusChanged, 10, "7", EventData::default());
    insta::assert_snapshot!(read(&told(&[message(1, "7", "hi"), edited, status], Content::Full, 20, None)), @"
    main/7 | notify | warning | ACME: 3 changes
    Dana Levi: hi
    Dana Levi edited a message: other words
    status unknown (was unknown)
    0 omitted, https://acme.example/7
    ");
}

#[test]
fn what_came_with_a_message_and_when_it_was_written_is_said_of_each_of_several() {
    let mut events = [message(1, "7", "look"), message(2, "7", ""), message(3, "7", "two\nlines")];
    for (event, (files, late)) in events.iter_mut().zip([(1, 0), (2, 0), (0, 600)]) {
        event.data.message.as_mut().unwrap().attachments = files;
        event.recorded = at(3 + late);
    }
    let voice = Voice::at(jiff::tz::TimeZone::get("Asia/Jerusalem").unwrap());
    let text = |content| {
        let reader = Reader { voice: &voice, ..reader("ops", content) };
        let payload: Value =
            serde_json::from_str(&of_events(&events, reader, None).unwrap().payload).unwrap();
        payload["text"].as_str().unwrap().to_owned()
    };
    insta::assert_snapshot!(text(Content::Full), @"
    Dana Levi: look [1 file]
    Dana Levi: [2 files]
    Dana Levi: two
    lines [written Fri 15 Jan 10:00 IST]
    ");
    insta::assert_snapshot!(text(Content::None), @"
    the customer wrote: [1 file]
    the customer wrote: [2 files]
    the customer wrote: [written Fri 15 Jan 10:00 IST]
    ");
    // As one that is told alone has it.
    for event in &events {
        let alone = crate::core::notification::of_event(event, "ops", Content::Full, &voice).payload;
        let alone: Value = serde_json::from_str(&alone).unwrap();
        for note in alone["text"].as_str().unwrap().lines().filter(|line| line.starts_with('[')) {
            assert!(text(Content::Full).contains(note), "{note}");
        }
    }
}

#[test]
fn a_digest_has_a_line_a_conversation_and_says_what_is_still_true() {
    let events = [
        message(1, "9", "secret one"),
        message(2, "7", "hello?"),
        wait(602, "7", None),
        wait(603, "9", None),
        message(700, "7", "anybody?"),
        wait(900, "9", Some("replied")),
    ];
    let quiet = English.held_back(Held::Quiet, None);
    insta::assert_snapshot!(read(&told(&events, Content::Full, 20, Some(&quiet))), @"
    digest | notify | critical | 6 events of 2 conversations; 1 customer waits for an answer
    ACME: Dana Levi wrote 2 messages; Dana Levi has waited 8 h for an answer
    Globex: Omer Bar wrote a message; agent Noa Bar answered after 10 min
    [held back in quiet hours]
    4 omitted, -
    ");
    let cap = English.held_back(Held::Cap, Some(Cap { count: 20, per: Duration::from_secs(600) }));
    insta::assert_snapshot!(read(&told(&events, Content::None, 1, Some(&cap))), @"
    digest | notify | critical | 6 events of 2 conversations; 1 customer waits for an answer
    ACME: the customer wrote 2 messages; the customer has waited 8 h for an answer
    … and 1 more
    [held back: more than 20 notifications in 10 min]
    5 omitted, -
    ");
    let none = of_events(&events, reader("ops", Content::None), None);
    for hidden in ["secret", "Levi", "Noa", "hello"] {
        assert!(!none.as_ref().unwrap().payload.contains(hidden), "{none:?}");
    }
}

#[test]
fn a_cap_is_named_as_it_was_configured() {
    for (seconds, expected) in
        [(1, "1 s"), (60, "1 min"), (90, "90 s"), (600, "10 min"), (5_400, "90 min"), (7_200, "2 h")]
    {
        let cap = Cap { count: 20, per: Duration::from_secs(seconds) };
        let said = English.held_back(Held::Cap, Some(cap));
        assert_eq!(said, format!("held back: more than 20 notifications in {expected}"));
    }
}

#[test]
fn one_id_is_of_the_same_events_for_the_same_notifier() {
    let events = [message(1, "7", "a"), message(2, "7", "b")];
    let id =
        |events: &[Event], notifier| of_events(events, reader(notifier, Content::Full), None).unwrap().id;
    assert_eq!(id(&events, "ops"), id(&events, "ops"));
    assert_ne!(id(&events, "ops"), id(&events, "sms"));
    assert_ne!(id(&events, "ops"), id(&events[..1], "ops"));
    assert!(id(&events, "ops").starts_with("ntf_"));
    assert_eq!(of_events(&[], reader("ops", Content::Full), None), None);
}

#[test]
fn a_notification_is_bounded_however_much_was_written() {
    let events: Vec<Event> = (1..=200).map(|n| message(n, "7", &"x".repeat(10_000))).collect();
    let payload = told(&events, Content::Full, 20, None);
    assert!(payload["events"].as_array().unwrap().len() < 20);
    let whole = Reader { whole: true, ..reader("hook", Content::Full) };
    let several = of_events(&events[..12], whole, None).unwrap().payload;
    let several: Value = serde_json::from_str(&several).unwrap();
    assert_eq!((several["events"].as_array().unwrap().len(), &several["omitted"]), (12, &Value::from(0)));
    assert!((12..14).contains(&fitting(&events)), "{}", fitting(&events));
    let huge = [message(1, "7", &"x".repeat(EVENTS_BYTES_MAX + 1)), message(2, "7", "y")];
    assert_eq!(told(&huge, Content::Full, 20, None)["events"].as_array().unwrap().len(), 1);
}
