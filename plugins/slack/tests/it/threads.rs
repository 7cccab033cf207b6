//! One thread a conversation: what is posted where, what comes back as the receipt, and what happens when it fails.

use commwatch_plugin_api::Outcome;
use serde_json::{Value, json};

use crate::world::{Delivery, answer, bot, deliver, message, notification, start, webhook, with};

const PARENT: &str = "1790000000.000100";
const POSTED: &str = r#"{"ok":true,"channel":"C0123456789","ts":"1790000000.000100"}"#;
const REPLIED: &str = r#"{"ok":true,"channel":"C0123456789","ts":"1790000050.000200"}"#;

fn threads() -> Value {
    with(bot(), json!({"thread": true}))
}

/// The next of a conversation, found ten minutes after its thread began.
fn after(receipt: &str) -> Value {
    let mut event = message("Dana Levi", "Hello?", "2026-09-21T15:23:20Z");
    event["recordedtime"] = json!("2026-09-21T15:23:20Z");
    with(notification(), json!({"receipt": receipt, "events": [event]}))
}

fn paths(delivery: &Delivery) -> Vec<String> {
    let path = |request| {
        let request = serde_json::to_value(request).expect("a request is JSON");
        let url = request["url"].as_str().expect("an address that is text").to_owned();
        url.rsplit('/').next().unwrap_or_default().to_owned()
    };
    delivery.requests.iter().map(path).collect()
}

fn receipt(delivery: &Delivery) -> Option<&str> {
    match &delivery.outcome {
        Outcome::Delivered { receipt } => receipt.as_deref(),
        other => panic!("{other:?}"),
    }
}

fn small_print(body: &Value) -> String {
    body["blocks"].as_array().and_then(|blocks| blocks.last()).expect("blocks").to_string()
}

#[test]
fn the_first_of_a_conversation_is_the_parent_and_stands_in_the_thread_as_well() {
    let config = with(threads(), json!({"mention": {"info": ["@here"]}}));
    let sent = deliver(&config, &notification(), vec![answer(200, POSTED), answer(200, REPLIED)]);
    assert_eq!(paths(&sent), ["chat.postMessage", "chat.postMessage"]);
    let (parent, copy) = (sent.body(0), sent.body(1));
    assert_eq!((&parent["thread_ts"], &copy["thread_ts"]), (&Value::Null, &json!(PARENT)));
    assert_eq!((&copy["reply_broadcast"], &copy["text"]), (&Value::Null, &parent["text"]));
    assert!(parent.to_string().contains("<!here>") && !copy.to_string().contains("<!here>"));
    assert_eq!(receipt(&sent), Some("C0123456789/1790000000.000100/1"));
}

#[test]
fn the_next_is_a_reply_and_the_parent_shows_how_things_stand() {
    let config = with(threads(), json!({"mention": {"info": ["@here"]}}));
    let answers = vec![answer(200, REPLIED), answer(200, POSTED)];
    let sent = deliver(&config, &after("C0123456789/1790000000.000100/1"), answers);
    assert_eq!(paths(&sent), ["chat.postMessage", "chat.update"]);
    let (reply, parent) = (sent.body(0), sent.body(1));
    assert_eq!((&reply["thread_ts"], &reply["ts"]), (&json!(PARENT), &Value::Null));
    assert_eq!((&parent["ts"], &parent["thread_ts"]), (&json!(PARENT), &Value::Null));
    assert_eq!((&parent["channel"], &parent["text"]), (&json!("C0123456789"), &reply["text"]));
    assert!(small_print(&parent).contains("2 in the thread"), "{parent}");
    assert!(!small_print(&reply).contains("in the thread"), "{reply}");
    assert!(reply.to_string().contains("<!here>") && !parent.to_string().contains("<!here>"));
    assert_eq!(receipt(&sent), Some("C0123456789/1790000000.000100/2"));
}

#[test]
fn the_channel_sees_replies_that_matter() {
    let cases = [
        (json!({}), "info", false),
        (json!({}), "warning", true),
        (json!({}), "critical", true),
        (json!({"broadcast": "info"}), "info", true),
        (json!({"broadcast": "critical"}), "warning", false),
        (json!({"broadcast": "critical"}), "critical", true),
    ];
    for (config, severity, is_seen) in cases {
        let one = with(after("C0123456789/1790000000.000100"), json!({"severity": severity}));
        let sent = deliver(&with(threads(), config.clone()), &one, vec![answer(200, REPLIED)]);
        assert_eq!(sent.body(0).get("reply_broadcast").is_some(), is_seen, "{config} {severity}");
    }
}

#[test]
fn a_parent_whose_text_stands_nowhere_else_keeps_it() {
    // The copy was refused.
    let refused = answer(200, r#"{"ok":false,"error":"ratelimited"}"#);
    let sent = deliver(&threads(), &notification(), vec![answer(200, POSTED), refused]);
    assert_eq!(receipt(&sent), Some("C0123456789/1790000000.000100"));
    assert_eq!(sent.log, ["delivered; its thread begins with the next: Slack: ratelimited"]);
    let sent = deliver(&threads(), &after("C0123456789/1790000000.000100"), vec![answer(200, REPLIED)]);
    assert_eq!(paths(&sent), ["chat.postMessage"]);
    assert_eq!(receipt(&sent), Some("C0123456789/1790000000.000100"));
}

#[test]
fn a_parent_that_cannot_be_exchanged_makes_no_alert_come_again() {
    for why in ["cant_update_message", "edit_window_closed", "invalid_blocks", "internal_error"] {
        let refused = answer(200, &json!({"ok": false, "error": why}).to_string());
        let sent = deliver(
            &threads(),
            &after("C0123456789/1790000000.000100/1"),
            vec![answer(200, REPLIED), refused],
        );
        assert_eq!(receipt(&sent), Some("C0123456789/1790000000.000100/2"), "{why}");
        assert!(sent.log[0].starts_with("delivered; the parent of its thread still says what it said: "));
    }
}

#[test]
fn a_reply_that_fails_fails_as_any_message_does() {
    for (body, is_unknown) in [("internal_error", true), ("ratelimited", false)] {
        let refused = answer(200, &json!({"ok": false, "error": body}).to_string());
        let sent = deliver(&threads(), &after("C0123456789/1790000000.000100/1"), vec![refused]);
        assert_eq!(matches!(sent.outcome, Outcome::Unknown { .. }), is_unknown, "{:?}", sent.outcome);
        assert_eq!(sent.requests.len(), 1);
    }
}

#[test]
fn what_is_sent_again_on_request_is_a_reply_and_does_not_turn_the_parent_back() {
    let again = with(after("C0123456789/1790000000.000100/3"), json!({"replay": true}));
    let sent = deliver(&threads(), &again, vec![answer(200, REPLIED)]);
    assert_eq!(
        (paths(&sent), &sent.body(0)["thread_ts"]),
        (vec!["chat.postMessage".to_owned()], &json!(PARENT))
    );
    assert_eq!(receipt(&sent), Some("C0123456789/1790000000.000100/4"));
}

#[test]
fn where_blocks_were_refused_none_are_tried_beside_them_and_four_requests_are_the_most() {
    let refused = || answer(200, r#"{"ok":false,"error":"invalid_blocks"}"#);
    let sent = deliver(&threads(), &notification(), vec![refused(), answer(200, POSTED)]);
    assert_eq!((sent.requests.len(), receipt(&sent)), (2, Some("C0123456789/1790000000.000100")));
    let next = after("C0123456789/1790000000.000100/3");
    let sent = deliver(&threads(), &next, vec![refused(), answer(200, REPLIED)]);
    assert_eq!((sent.requests.len(), receipt(&sent)), (2, Some("C0123456789/1790000000.000100/4")));
    let gone = answer(200, r#"{"ok":false,"error":"thread_not_found"}"#);
    let sent = deliver(&threads(), &next, vec![refused(), gone, refused(), answer(200, POSTED)]);
    assert_eq!((sent.requests.len(), receipt(&sent)), (4, Some("C0123456789/1790000000.000100")));
}

#[test]
fn a_thread_that_is_gone_begins_anew() {
    let words = [
        "thread_not_found",
        "cannot_reply_to_message",
        "restricted_action_thread_locked",
        "message_not_found",
    ];
    for why in words {
        let gone = answer(200, &json!({"ok": false, "error": why}).to_string());
        let answers = vec![gone, answer(200, POSTED), answer(200, REPLIED)];
        let sent = deliver(&threads(), &after("C0123456789/1790000000.000100/4"), answers);
        assert_eq!(sent.body(0)["thread_ts"], PARENT);
        assert_eq!(sent.body(1)["thread_ts"], Value::Null);
        assert_eq!(receipt(&sent), Some("C0123456789/1790000000.000100/1"), "{why}");
    }
}

#[test]
fn what_belongs_into_no_thread_is_posted_as_ever() {
    let digest = json!({"key": "digest"});
    for one in [
        // Of another channel; a day and more old; of no thread.
        after("C9999999999/1790000000.000100/1"),
        after("C0123456789/1789900000.000100/1"),
        after("something else"),
        with(after("C0123456789/1790000000.000100/1"), digest.clone()),
    ] {
        let sent = deliver(&threads(), &one, vec![answer(200, POSTED), answer(200, REPLIED)]);
        assert_eq!(sent.body(0)["thread_ts"], Value::Null, "{one}");
    }
    // A digest begins none either.
    let sent = deliver(&threads(), &with(notification(), digest), vec![answer(200, POSTED)]);
    assert_eq!((sent.requests.len(), receipt(&sent)), (1, None));
    // Nor does anything where nobody asked for threads.
    let sent = deliver(&bot(), &after("C0123456789/1790000000.000100/1"), vec![answer(200, POSTED)]);
    assert_eq!((sent.body(0).get("thread_ts"), sent.requests.len()), (None, 1));
}

#[test]
fn threads_need_a_bot_and_the_id_of_its_channel() {
    let why = |config| start(&config).unwrap_err();
    assert!(why(with(webhook(), json!({"thread": true}))).contains("needs a bot"));
    for channel in ["#support", "support", "U0123456789"] {
        let why = why(with(threads(), json!({"channel": channel})));
        assert!(why.contains("the id of a channel"), "{channel}: {why}");
    }
    assert!(why(with(bot(), json!({"broadcast": "info"}))).contains("add `thread = true`"));
}
