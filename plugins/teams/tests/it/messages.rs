//! What is sent, byte for byte: one snapshot for each kind of notification.

use commwatch_plugin_api::testing::{event, golden, notification};
use commwatch_plugin_api::{Action, Notification, Severity};

use crate::deliver;

fn posted(notification: &Notification) -> String {
    let sent = deliver(notification);
    assert_eq!(sent.requests.len(), 1);
    golden(&sent.requests[0])
}

/// The text runs of the card, in order.
fn runs(notification: &Notification) -> Vec<String> {
    let body = deliver(notification).json(0);
    let elements = body["attachments"][0]["content"]["body"].as_array().expect("a body").clone();
    let text = |element: &serde_json::Value| element["inlines"][0]["text"].as_str().map(str::to_owned);
    elements.iter().filter_map(text).collect()
}

#[test]
fn one_message() {
    insta::assert_snapshot!(posted(&notification()));
}

#[test]
fn what_begins_goes_on_and_ends() {
    let mut told = notification();
    told.severity = Severity::Critical;
    for (action, title, text) in [
        (Action::Open, "account main: CommBox refuses the key", "HTTP 401"),
        (Action::Update, "account main: CommBox still refuses the key", "HTTP 401\nsince 10 minutes"),
        (Action::Close, "account main: CommBox accepts the key again", ""),
    ] {
        (told.action, told.title, told.text, told.url) = (action, title.to_owned(), text.to_owned(), None);
        insta::assert_snapshot!(posted(&told));
    }
}

#[test]
fn several_events_and_what_is_left_out_is_counted_once() {
    let mut told = notification();
    told.title = "ACME / Dana Levi: 7 new messages".to_owned();
    told.text = "Hello?\nAnybody?\n\n\n\nPlease.\n… and 4 more".to_owned();
    told.events = vec![event("{}"), event("{}"), event("{}")];
    told.omitted = 4;
    told.attempt = 2;
    insta::assert_snapshot!(posted(&told));
}

#[test]
fn what_customers_write_stays_text() {
    let attack =
        "[pay here](https://evil.example) **b** <at>All</at> {{DATE(2026-10-03T14:05:11Z)}} ${x} \u{202e}\0";
    let mut told = notification();
    told.title = attack.to_owned();
    told.text = format!("{attack}\r\n- item\n1. one\n# head\n[a]: https://evil.example");
    told.url = Some("https://acme.example/\")[x](https://evil.example".to_owned());
    insta::assert_snapshot!(posted(&told));
}

#[test]
fn lines_are_blocks_of_their_own_up_to_a_number_and_none_is_lost() {
    let mut told = notification();
    told.text = (1..=40).map(|n| format!("line {n}\n")).collect();
    let runs = runs(&told);
    assert_eq!(runs.len(), 1 + 30 + 1);
    assert_eq!(runs[30], "line 30");
    assert!(runs[31].starts_with("line 31\nline 32\n") && runs[31].ends_with("line 40"), "{}", runs[31]);
}

#[test]
fn a_long_message_is_cut_below_what_teams_refuses() {
    let mut told = notification();
    told.text = "שלום ".repeat(20_000);
    let sent = deliver(&told);
    let bytes = sent.requests[0].body.0.len();
    assert!((19_980..=20_000).contains(&bytes), "{bytes}");
    assert!(runs(&told)[1].ends_with("…"));
}

#[test]
fn a_card_is_never_without_a_title() {
    let mut told = notification();
    (told.title, told.text) = ("\u{200b}".to_owned(), "\n".to_owned());
    assert_eq!(runs(&told), ["ops"]);
}
