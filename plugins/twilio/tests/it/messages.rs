//! What is sent, byte for byte: one snapshot for each kind of notification.

use commwatch_plugin_api::testing::{event, golden, notification};
use commwatch_plugin_api::{Action, Notification, Severity};
use serde_json::Value;

use crate::form::fields;
use crate::{deliver, plain, service};

fn posted(config: &Value, notification: &Notification) -> String {
    let sent = deliver(config, notification);
    assert_eq!(sent.requests.len(), 1);
    golden(&sent.requests[0])
}

/// What the phone shows.
fn sms(config: &Value, notification: &Notification) -> String {
    fields(&deliver(config, notification).text(0)).pop().expect("a body").1
}

#[test]
fn one_message() {
    insta::assert_snapshot!(posted(&plain(), &notification()));
}

#[test]
fn one_message_through_a_messaging_service_with_an_api_key() {
    insta::assert_snapshot!(posted(&service(), &notification()));
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
        (told.action, told.title, told.text) = (action, title.to_owned(), text.to_owned());
        all += &format!("{}\n\n", sms(&plain(), &told));
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
    insta::assert_snapshot!(sms(&plain(), &told), @r"
    AGAIN?: ACME / Dana Levi: 7 new messages
    Hello?
    Anybody?

    Please.
    ... and 4 more
    ");
}

#[test]
fn what_customers_write_cannot_leave_its_field() {
    let mut told = notification();
    told.title = "x&To=+15005550009&From=evil%26=+;\u{202e}\0".to_owned();
    told.text = "“so”…\r\n&MediaUrl=https://evil.example".to_owned();
    insta::assert_snapshot!(posted(&plain(), &told));
}

#[test]
fn a_long_message_is_cut_to_its_segments() {
    let mut told = notification();
    told.title = "title".to_owned();
    told.text = "word ".repeat(500);
    let text = sms(&plain(), &told);
    assert!(text.ends_with("...") && (299..=306).contains(&text.len()), "{}", text.len());
    let text = sms(&service(), &told);
    assert!((153..=160).contains(&text.len()), "one segment: {}", text.len());
    told.text = "שלום ".repeat(500);
    let text = sms(&plain(), &told);
    assert!(text.ends_with("...") && (125..=134).contains(&text.chars().count()), "{}", text.chars().count());
}

#[test]
fn a_message_is_never_empty() {
    let mut told = notification();
    (told.title, told.text) = ("\u{2066}\u{2069}".to_owned(), "\n".to_owned());
    assert_eq!(sms(&plain(), &told), "ops");
}
