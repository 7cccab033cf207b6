//! What is sent, byte for byte: one snapshot for each kind of notification.

use commwatch_plugin_api::testing::{event, golden, notification};
use commwatch_plugin_api::{Action, Notification, Severity};
use serde_json::{Value, json};

use crate::{deliver, plain, topic};

fn posted(config: &Value, notification: &Notification) -> String {
    let sent = deliver(config, notification);
    assert_eq!(sent.requests.len(), 1);
    golden(&sent.requests[0])
}

fn text(notification: &Notification) -> String {
    deliver(&plain(), notification).json(0)["text"].as_str().expect("a text").to_owned()
}

#[test]
fn one_message() {
    insta::assert_snapshot!(posted(&plain(), &notification()));
}

#[test]
fn a_topic_of_a_group_that_is_told_quietly() {
    insta::assert_snapshot!(posted(&topic(), &notification()));
}

#[test]
fn what_begins_goes_on_and_ends() {
    let mut told = notification();
    told.severity = Severity::Critical;
    let mut all = String::new();
    for (action, title, text) in [
        (Action::Open, "account main: CommBox refuses the key", "HTTP 401"),
        (Action::Update, "account main: CommBox still refuses the key", "HTTP 401\nsince 10 minutes"),
        (Action::Close, "account main: CommBox accepts the key again", ""),
    ] {
        (told.action, told.title, told.text, told.url) = (action, title.to_owned(), text.to_owned(), None);
        all += &format!("{}\n\n", posted(&plain(), &told));
    }
    insta::assert_snapshot!(all);
}

#[test]
fn several_events_and_what_is_left_out_is_counted_once() {
    let mut told = notification();
    told.title = "ACME / Dana Levi: 7 new messages".to_owned();
    told.text = "Hello?\nAnybody?\n\n\n\nPlease.\n… and 4 more".to_owned();
    told.events = vec![event("{}"), event("{}"), event("{}")];
    told.omitted = 4;
    told.attempt = 2;
    insta::assert_snapshot!(posted(&plain(), &told));
}

#[test]
fn what_customers_write_calls_nobody_and_stays_text() {
    let attack = "@admin /stop <a href=\"tg://user?id=1\">x</a> [pay](https://evil.example) *b* \u{202e}@\u{200b}all\0";
    let mut told = notification();
    told.title = attack.to_owned();
    told.text = format!("{attack}\r\n@everyone");
    told.url = Some("https://acme.example/\n@admin".to_owned());
    insta::assert_snapshot!(posted(&plain(), &told));
}

#[test]
fn a_long_message_is_cut_in_its_text_and_keeps_its_link() {
    let mut told = notification();
    told.text = "😀 word ".repeat(1_000);
    let text = text(&told);
    let units = text.encode_utf16().count();
    assert!((4_080..=4_096).contains(&units), "{units}");
    assert!(text.ends_with("…\n\nhttps://acme.example/widget/object/293854"), "{text}");
}

#[test]
fn info_makes_no_sound_unless_the_operator_wants_it() {
    let quiet = |config: &Value, severity| {
        let mut told = notification();
        told.severity = severity;
        deliver(config, &told).json(0)["disable_notification"].as_bool().expect("a flag")
    };
    let all = [Severity::Critical, Severity::Warning, Severity::Info];
    assert_eq!(all.map(|severity| quiet(&plain(), severity)), [false, false, true]);
    assert_eq!(all.map(|severity| quiet(&topic(), severity)), [false, true, true]);
    let mut loud = plain();
    loud["silent"] = json!([]);
    assert_eq!(all.map(|severity| quiet(&loud, severity)), [false; 3]);
}

#[test]
fn a_message_is_never_empty() {
    let mut told = notification();
    (told.title, told.text, told.url, told.severity) = (String::new(), "\n".into(), None, Severity::Info);
    assert_eq!(text(&told), "ops");
}
