//! Events and notifications as other people's programs see them: one example for each type, exactly as the daemon
//! renders it, held to the schemas. `UPDATE_EXAMPLES=1` writes them anew; look at the difference before you commit it.

use std::path::PathBuf;
use std::time::Duration;

use commwatch::core::compose::{self, Scene};
use commwatch::core::detect::Happened;
use commwatch::core::event::{Event, EventKind};
use commwatch::core::message::{Author, AuthorKind, ChildId, Message, Snapshot, Unparsed};
use commwatch::core::notification::{self, Content};
use commwatch::core::sample::{self, Sample};
use commwatch::core::waiting::{Alarm, Ended, Threshold, Waiting};
use commwatch::core::watch::{Baseline, ConversationId, Priority, Stream, Watch};
use commwatch::core::words::Voice;
use jiff::Timestamp;
use jsonschema::Validator;
use serde_json::{Value, json};

use crate::root;

const EVENT: &str = include_str!("../../schema/event.schema.json");
const NOTIFICATION: &str = include_str!("../../schema/notification.schema.json");

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn watch() -> Watch {
    Watch {
        name: "acme-cfo".to_owned(),
        title: "ACME / Dana Levi".to_owned(),
        priority: Priority::Vip,
        tags: vec!["acme".to_owned()],
        conversation: ConversationId { account: "main".to_owned(), object: 2_251_799_813_689_310 },
        stream: Stream::Number(532),
        interval: Duration::from_secs(10),
        baseline: Baseline::Silent,
    }
}

fn snapshot() -> Snapshot {
    Snapshot {
        object_id: 2_251_799_813_689_310,
        stream_id: Some(532),
        status_id: Some(1),
        assigned_manager_id: Some(12_345),
        customer_name: Some("Dana Levi".to_owned()),
        channel: Some(7),
        messages: vec![],
        unparsed: vec![],
        children_listed: true,
        children_cut: false,
        created_at: None,
        updated_at: None,
        answered_at: None,
    }
}

fn message() -> Message {
    Message {
        id: ChildId::new("2251799813699002"),
        created: Some(at("2026-03-01T08:00:00Z")),
        author: Author {
            kind: AuthorKind::Customer,
            id: Some("531826".to_owned()),
            name: Some("Dana Levi".to_owned()),
        },
        text: "Hello, is anybody there?\nIt is about invoice 17.".to_owned(),
        text_truncated: false,
        attachments: 1,
        text_hash: 0,
    }
}

/// Somebody who has waited for an hour, and of whom it was told that she had for so long.
fn waiting(told: &[u64]) -> Waiting {
    let alarm = |seconds: &u64| Alarm {
        threshold: Threshold::after(*seconds),
        to: vec!["ops-slack".to_owned()],
        silenced: false,
    };
    let waiting = Waiting::new(ChildId::new("2251799813699002"), at("2026-03-01T07:00:00Z"));
    Waiting { told: told.iter().map(alarm).collect(), ..waiting }
}

/// An event of this kind, made as the daemon makes it.
fn example(kind: EventKind) -> Event {
    let (now, since) = (at("2026-03-01T08:00:04.25Z"), at("2026-03-01T07:00:00Z"));
    let found = |happened: Happened, seen: bool| {
        let (watch, snapshot) = (watch(), snapshot());
        let scene = Scene {
            watch: &watch,
            base_url: "https://api.commbox.io",
            console_url: Some("https://acme.example/widget/object/{object_id}"),
            snapshot: seen.then_some(&snapshot),
            now,
            now_there: now,
            previous_poll_at: Some(at("2026-03-01T07:59:54Z")),
        };
        compose::event(scene, &happened, 42)
    };
    let own = |subject: &str, why: &str| compose::own_health(kind, subject, since, why, now);
    match kind {
        EventKind::MessageCreated => found(Happened::Message(message()), true),
        EventKind::MessageEdited => found(Happened::Edited { message: message(), revision: 1 }, true),
        EventKind::MessageDeleted => {
            let Message { id, created, .. } = message();
            found(Happened::Deleted { id, author: Some(AuthorKind::Customer), created, revision: 2 }, true)
        }
        EventKind::MessageUnparsed => {
            let why = "its time cannot be read".to_owned();
            found(
                Happened::Unparsed(Unparsed { id: ChildId::new("2251799813699003"), why, bytes: 312 }),
                true,
            )
        }
        EventKind::Opened => found(Happened::Opened { created: Some(at("2026-03-01T07:59:58Z")) }, true),
        EventKind::StatusChanged => found(Happened::Status { previous: Some(2), current: Some(1) }, true),
        EventKind::Assigned => found(Happened::Assigned { previous: None, current: Some(12_345) }, true),
        EventKind::Waiting => {
            let (waiting, message) = (waiting(&[]), Some(message()));
            let passed = vec![Threshold::after(3_600)];
            found(Happened::Waiting { waiting, passed, message, confirmed: true }, true)
        }
        EventKind::Answered => {
            let by = Author { kind: AuthorKind::Agent, id: Some("51".into()), name: Some("Noa Bar".into()) };
            let ended = Ended::Replied { by, at: at("2026-03-01T08:00:01Z") };
            found(Happened::Answered { waiting: waiting(&[3_600]), ended }, true)
        }
        EventKind::WatchUnreachable => {
            found(Happened::Unreachable { since, why: "404 Not Found".to_owned() }, false)
        }
        EventKind::WatchRecovered => found(Happened::Recovered { since }, true),
        EventKind::GapUnresolved => {
            let why = "the list of messages looks cut: 50 known ones are missing at once".to_owned();
            found(Happened::Gap { since: now, why }, true)
        }
        EventKind::AccountDenied => own("account/main", "401 Unauthorized"),
        EventKind::AccountRecovered => own("account/main", "over after 1h: 401 Unauthorized"),
        EventKind::TokenExpiring => {
            let expires = at("2026-03-04T08:00:00Z");
            compose::token_expiring("main", expires, 2, now, now)
        }
        EventKind::NotifierBroken => own("notifier/ops-slack", "Slack says channel_not_found"),
        EventKind::NotifierRecovered => {
            own("notifier/ops-slack", "over after 1h: Slack says channel_not_found")
        }
        EventKind::DeliveryDead => own("notifier/ops-slack", "given up after 40 attempts in 360 min: 503"),
        EventKind::Heartbeat => compose::heartbeat(at("2026-03-01T08:00:01.5Z"), now),
        EventKind::Test => {
            let (like, watch) = (Some(EventKind::Waiting), watch());
            let console_url = Some("https://acme.example/widget/object/{object_id}");
            let watch = Some(&watch);
            sample::event(Sample { notifier: "ops-slack", like, watch, console_url, by: "uid 0" }, now)
        }
    }
}

fn examples() -> Vec<(String, String)> {
    let mut examples: Vec<(String, String)> =
        EventKind::ALL.into_iter().map(|kind| (kind.as_str().to_owned(), example(kind).to_json())).collect();
    let handed = notification::of_event(
        &example(EventKind::MessageCreated),
        "ops-slack",
        Content::Snippet,
        &Voice::default(),
    );
    examples.push(("notification".to_owned(), handed.payload));
    examples
}

fn folder() -> PathBuf {
    root().join("daemon/schema/examples")
}

/// The same JSON on several lines, members in their order.
fn pretty(json: &str) -> String {
    let (mut out, mut depth, mut quoted, mut escaped) = (String::new(), 0, false, false);
    let line = |out: &mut String, depth: usize| {
        out.push('\n');
        out.push_str(&"  ".repeat(depth));
    };
    for c in json.chars() {
        let closes = !quoted && matches!(c, '}' | ']');
        if closes {
            depth -= 1;
            line(&mut out, depth);
        }
        out.push(c);
        match c {
            '"' if !escaped => quoted = !quoted,
            '{' | '[' if !quoted => {
                depth += 1;
                line(&mut out, depth);
            }
            ',' if !quoted => line(&mut out, depth),
            ':' if !quoted => out.push(' '),
            _ => {}
        }
        escaped = quoted && c == '\\' && !escaped;
    }
    out + "\n"
}

fn parse(json: &str) -> Value {
    serde_json::from_str(json).unwrap()
}

/// The published schemas, or the same without room for members that they do not name.
fn validators(strict: bool) -> (Validator, Validator) {
    let (mut event, mut notification) = (parse(EVENT), parse(NOTIFICATION));
    if strict {
        close(&mut event);
        close(&mut notification);
    }
    let events = jsonschema::options().should_validate_formats(true).build(&event).unwrap();
    // As a program would that has both files.
    notification["properties"]["events"]["items"] = event;
    let notifications = jsonschema::options().should_validate_formats(true).build(&notification).unwrap();
    (events, notifications)
}

fn close(schema: &mut Value) {
    match schema {
        Value::Object(members) => {
            if members.get("type") == Some(&json!("object")) {
                members.insert("additionalProperties".to_owned(), json!(false));
            }
            members.values_mut().for_each(close);
        }
        Value::Array(items) => items.iter_mut().for_each(close),
        _ => {}
    }
}

fn remarks(validator: &Validator, value: &Value) -> Vec<String> {
    validator.iter_errors(value).map(|error| format!("{}: {error}", error.instance_path())).collect()
}

#[test]
fn the_examples_are_what_the_daemon_renders() {
    let update = std::env::var_os("UPDATE_EXAMPLES").is_some();
    let mut names = Vec::new();
    for (name, json) in examples() {
        let path = folder().join(format!("{name}.json"));
        if update {
            std::fs::write(&path, pretty(&json)).unwrap();
        }
        let golden = std::fs::read_to_string(&path).unwrap_or_default();
        assert_eq!(golden, pretty(&json), "{name}: see UPDATE_EXAMPLES");
        assert_eq!(parse(&golden), parse(&json));
        names.push(format!("{name}.json"));
    }
    let mut there: Vec<String> = std::fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    there.sort();
    assert_eq!(there, names);
}

#[test]
fn the_examples_fit_the_schemas_and_the_schemas_name_all_that_is_in_them() {
    for strict in [false, true] {
        let (events, notifications) = validators(strict);
        for (name, json) in examples() {
            let validator = if name == "notification" { &notifications } else { &events };
            assert_eq!(remarks(validator, &parse(&json)), [""; 0], "{name}");
        }
    }
}

#[test]
fn the_schema_knows_exactly_the_types_that_exist() {
    let schema = parse(EVENT);
    let known: Vec<&str> =
        schema["properties"]["type"]["enum"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    let there: Vec<String> =
        EventKind::ALL.iter().map(|kind| format!("commwatch.{}.v1", kind.as_str())).collect();
    assert_eq!(known, there);
}

#[test]
fn a_message_without_anything_that_can_be_left_out_fits_as_well() {
    let (events, notifications) = validators(true);
    let mut watch = watch();
    watch.tags.clear();
    let bare = Message {
        created: None,
        author: Author { kind: AuthorKind::Unknown, id: None, name: None },
        text: String::new(),
        ..message()
    };
    let blank = Snapshot {
        stream_id: None,
        status_id: None,
        assigned_manager_id: None,
        customer_name: None,
        channel: None,
        ..snapshot()
    };
    let scene = Scene {
        watch: &watch,
        base_url: "https://api.commbox.io",
        console_url: None,
        snapshot: Some(&blank),
        now: at("2026-03-01T08:00:04Z"),
        now_there: at("2026-03-01T08:00:04Z"),
        previous_poll_at: None,
    };
    let event = compose::event(scene, &Happened::Message(bare), 1);
    assert_eq!(remarks(&events, &parse(&event.to_json())), [""; 0]);
    for content in [Content::None, Content::Snippet, Content::Full] {
        let handed = notification::of_event(&event, "log", content, &Voice::default());
        assert_eq!(remarks(&notifications, &parse(&handed.payload)), [""; 0]);
    }
}

#[test]
fn every_member_that_is_asked_for_is_missed() {
    let (events, notifications) = validators(false);
    for (name, json) in examples() {
        let (validator, schema) = match name.as_str() {
            "notification" => (&notifications, parse(NOTIFICATION)),
            _ => (&events, parse(EVENT)),
        };
        for member in schema["required"].as_array().unwrap() {
            let mut mutant = parse(&json);
            mutant.as_object_mut().unwrap().remove(member.as_str().unwrap()).unwrap();
            assert_ne!(remarks(validator, &mutant), [""; 0], "{name} without {member}");
        }
    }
}

#[test]
fn what_is_wrong_is_refused() {
    let (events, notifications) = validators(false);
    let created = parse(&example(EventKind::MessageCreated).to_json());
    let mutants = [
        ("/specversion", json!("0.3")),
        ("/id", json!("evt.1")),
        ("/id", json!(7)),
        ("/type", json!("message.created")),
        ("/type", json!("commwatch.message.created.v2")),
        ("/subject", json!("2251799813699002")),
        ("/time", json!("yesterday")),
        ("/time", json!("2026-03-01T08:00:00+02:00")),
        ("/recordedtime", json!(1_772_352_000)),
        ("/sequence", json!("42")),
        ("/sequence", json!(42)),
        ("/datacontenttype", json!("text/plain")),
        ("/data/account", json!("Main Account")),
        ("/data/watch/priority", json!("urgent")),
        ("/data/conversation/object_id", json!(2_251_799_813_689_310_i64)),
        ("/data/conversation/stream_id", json!(532)),
        ("/data/conversation/assigned_manager_id", json!(12_345)),
        ("/data/message/id", json!(2_251_799_813_699_002_i64)),
        ("/data/message/author/id", json!(531_826)),
        ("/data/message/author/kind", json!("person")),
        ("/data/message/text", json!(null)),
        ("/data/message/attachments", json!(-1)),
        ("/data/detection/delay_seconds", json!(-0.5)),
        ("/data/message", json!(null)),
    ];
    for (place, wrong) in mutants {
        let mut mutant = created.clone();
        *mutant.pointer_mut(place).unwrap() = wrong.clone();
        assert_ne!(remarks(&events, &mutant), [""; 0], "{place} = {wrong}");
    }
    let handed = parse(&examples().pop().unwrap().1);
    let mutants = [
        ("/id", json!("evt.1")),
        ("/notifier", json!("Ops Slack")),
        ("/key", json!("")),
        ("/action", json!("shout")),
        ("/severity", json!("fatal")),
        ("/title", json!("two\nlines")),
        ("/title", json!("")),
        ("/url", json!("no address")),
        ("/events", json!([])),
        ("/events/0/id", json!("evt.1")),
        ("/omitted", json!(-1)),
    ];
    for (place, wrong) in mutants {
        let mut mutant = handed.clone();
        *mutant.pointer_mut(place).unwrap() = wrong.clone();
        assert_ne!(remarks(&notifications, &mutant), [""; 0], "{place} = {wrong}");
    }
}

#[test]
fn each_type_needs_what_it_is_about() {
    let (events, _) = validators(false);
    for (kind, part) in [
        (EventKind::MessageCreated, "message"),
        (EventKind::MessageEdited, "message"),
        (EventKind::MessageDeleted, "message"),
        (EventKind::MessageUnparsed, "problem"),
        (EventKind::GapUnresolved, "conversation"),
        (EventKind::GapUnresolved, "problem"),
        (EventKind::StatusChanged, "change"),
        (EventKind::Assigned, "change"),
        (EventKind::WatchUnreachable, "problem"),
        (EventKind::WatchRecovered, "watch"),
        (EventKind::AccountDenied, "account"),
        (EventKind::AccountRecovered, "problem"),
        (EventKind::TokenExpiring, "problem"),
        (EventKind::NotifierBroken, "problem"),
        (EventKind::NotifierRecovered, "problem"),
        (EventKind::DeliveryDead, "problem"),
        (EventKind::Heartbeat, "detection"),
        (EventKind::Test, "test"),
    ] {
        let mut mutant = parse(&example(kind).to_json());
        mutant["data"].as_object_mut().unwrap().remove(part).unwrap();
        assert_ne!(remarks(&events, &mutant), [""; 0], "{} without {part}", kind.as_str());
    }
}

#[test]
fn what_plugin_authors_test_with_is_a_notification_as_well() {
    let (_, notifications) = validators(true);
    let fixture = std::fs::read_to_string(root().join("plugin-api/src/testing/notification.json")).unwrap();
    assert_eq!(remarks(&notifications, &parse(&fixture)), [""; 0]);
}
