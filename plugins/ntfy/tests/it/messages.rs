//! What is sent, byte for byte: one snapshot for each kind of notification.

use commwatch_plugin_api::testing::{event, golden, notification};
use commwatch_plugin_api::{Action, Notification, Severity};
use serde_json::Value;

use crate::{deliver, full, plain};

fn posted(config: &Value, notification: &Notification) -> String {
    let sent = deliver(config, notification);
    assert_eq!(sent.requests.len(), 1);
    golden(&sent.requests[0])
}

#[test]
fn one_message() {
    insta::assert_snapshot!(posted(&plain(), &notification()));
}

#[test]
fn a_server_of_ones_own_with_a_token_and_other_priorities() {
    let mut told = notification();
    told.severity = Severity::Info;
    insta::assert_snapshot!(posted(&full(), &told));
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
fn what_customers_write_stays_text() {
    let attack =
        "<!channel> **bold** [pay](https://evil.example) \u{202e}\u{2066}evil\0\u{1b}[31m \"x\" {{TIME}}";
    let mut told = notification();
    told.title = format!("{attack}\nx-priority: 5");
    told.text = format!("{attack}\r\n- item");
    told.url = Some("javascript:alert(1)".to_owned());
    insta::assert_snapshot!(posted(&plain(), &told));
}

#[test]
fn a_message_is_cut_before_ntfy_would_make_a_file_of_it() {
    let mut told = notification();
    told.text = "word ".repeat(2_000);
    let message = deliver(&plain(), &told).json(0)["message"].as_str().expect("text").to_owned();
    assert!(message.ends_with("…") && (4_085..=4_095).contains(&message.len()), "{}", message.len());
    told.text = "x".repeat(4_095);
    assert_eq!(deliver(&plain(), &told).json(0)["message"], told.text, "what just fits is whole");
    // Characters that JSON escapes reach the body's limit before the message's own.
    told.text = "\"".repeat(4_095);
    let sent = deliver(&plain(), &told);
    assert!((8_180..=8_191).contains(&sent.requests[0].body.0.len()), "{}", sent.requests[0].body.0.len());
}

#[test]
fn an_empty_message_would_be_shown_as_triggered_so_the_title_takes_its_place() {
    let mut told = notification();
    told.text = " \u{200b}\n".to_owned();
    let body = deliver(&plain(), &told).json(0);
    assert_eq!((&body["message"], &body["title"]), (&told.title.clone().into(), &Value::Null));
    told.title = "\u{202e}".to_owned();
    assert_eq!(deliver(&plain(), &told).json(0)["message"], "ops");
}
