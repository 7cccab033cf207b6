//! What each answer of Telegram comes to.

use std::time::Duration;

use commwatch_plugin_api::testing::{response, response_after};
use commwatch_plugin_api::{HttpError, Outcome};
use serde_json::json;

use crate::{SENT, answered};

const LOGIN_PAGE: &str = "<p>No such page: https://api.telegram.org/bot1:SECRET/sendMessage</p>";

fn refusal(code: u16, description: &str) -> String {
    json!({"ok": false, "error_code": code, "description": description}).to_string()
}

#[test]
fn what_telegram_refuses_has_its_outcome() {
    let table: &[(u16, &str, &str)] = &[
        (400, "Bad Request: message is too long", "reject"),
        (400, "Bad Request: message text is empty", "reject"),
        (400, "Bad Request: text must be encoded in UTF-8", "reject"),
        (400, "Bad Request: chat not found", "broken"),
        (400, "Bad Request: message thread not found", "broken"),
        (400, "Bad Request: TOPIC_CLOSED", "broken"),
        (400, "Bad Request: group chat was upgraded to a supergroup chat", "broken"),
        (400, "Bad Request: not enough rights to send text messages to the chat", "broken"),
        (400, "Bad Request: have no rights to send a message", "broken"),
        (400, "Bad Request: CHAT_WRITE_FORBIDDEN", "broken"),
        (401, "Unauthorized", "broken"),
        (401, "Unauthorized: invalid token specified", "broken"),
        (403, "Forbidden: bot was blocked by the user", "broken"),
        (403, "Forbidden: bot was kicked from the supergroup chat", "broken"),
        (403, "Forbidden: bot is not a member of the channel chat", "broken"),
        (403, "Forbidden: user is deactivated", "broken"),
        (404, "Not Found", "broken"),
        (421, "Misdirected Request: unallowed token specified", "broken"),
        (429, "Too Many Requests: retry after 5", "retry"),
        (500, "Internal Server Error: restart", "retry"),
        (502, "Bad Gateway", "retry"),
    ];
    for &(code, description, expected) in table {
        let sent = answered(Ok(response(code, &refusal(code, description))));
        assert_eq!((sent.kind(), sent.requests.len()), (expected, 1), "{description}");
        assert!(sent.why().starts_with(&format!("Telegram: {description} ({code})")), "{}", sent.why());
    }
}

#[test]
fn what_is_not_telegrams_has_its_outcome_and_is_not_quoted() {
    let table: &[(u16, &str, &str)] = &[
        (200, LOGIN_PAGE, "broken"),
        (200, "", "broken"),
        (200, r#"{"ok":"yes"}"#, "broken"),
        (204, "", "broken"),
        (302, LOGIN_PAGE, "broken"),
        (400, LOGIN_PAGE, "broken"),
        (403, LOGIN_PAGE, "broken"),
        (404, LOGIN_PAGE, "broken"),
        (404, SENT, "broken"),
        (410, "", "gone"),
        (429, "", "retry"),
        (500, "", "retry"),
        (502, LOGIN_PAGE, "retry"),
        (200, r#"{"ok":false}"#, "retry"),
        (407, LOGIN_PAGE, "reject"),
    ];
    for &(status, body, expected) in table {
        let sent = answered(Ok(response(status, body)));
        assert_eq!(sent.kind(), expected, "{status} {body}");
        assert!(!sent.why().contains("SECRET"), "{}", sent.why());
    }
}

#[test]
fn no_answer_is_told_apart_from_one_that_was_lost() {
    let kind = |error| answered(Err(error)).kind();
    assert_eq!(kind(HttpError::NotSent { why: "refused".into() }), "retry");
    assert_eq!(kind(HttpError::NoAnswer { why: "timed out".into() }), "unknown");
    assert_eq!(kind(HttpError::Refused { why: "no such host".into() }), "broken");
}

#[test]
fn the_seconds_in_the_body_are_waited_but_no_longer_than_an_hour() {
    let after = |answer| match answered(Ok(answer)).outcome {
        Outcome::Retry { after, .. } => after.map(|after| after.as_secs()),
        other => panic!("{other:?}"),
    };
    let asks = |seconds: u64| {
        let parameters = json!({"retry_after": seconds});
        json!({"ok": false, "error_code": 429, "description": "", "parameters": parameters}).to_string()
    };
    assert_eq!(after(response(429, &asks(35))), Some(35));
    assert_eq!(after(response_after(429, &asks(35), Duration::from_secs(40))), Some(40));
    assert_eq!(after(response(429, &asks(u64::MAX))), Some(3600));
    assert_eq!(after(response(429, &refusal(429, "Too Many Requests"))), None);
    assert_eq!(after(response_after(429, "", Duration::from_secs(7))), Some(7));
}

#[test]
fn the_messages_number_is_the_receipt() {
    assert_eq!(
        answered(Ok(response(200, SENT))).outcome,
        Outcome::Delivered { receipt: Some("4711".to_owned()) }
    );
    assert_eq!(answered(Ok(response(200, r#"{"ok":true}"#))).outcome, Outcome::delivered());
}

#[test]
fn a_reason_says_what_to_do() {
    let why = |code, description| answered(Ok(response(code, &refusal(code, description)))).why().to_owned();
    insta::assert_snapshot!(why(401, "Unauthorized"), @"Telegram: Unauthorized (401): check the token in `url`, and that it ends in /sendMessage");
    insta::assert_snapshot!(why(403, "Forbidden: bot was blocked by the user"), @"Telegram: Forbidden: bot was blocked by the user (403): add the bot to the chat, or have the person unblock it and write to it");
    insta::assert_snapshot!(why(400, "Bad Request: chat not found"), @"Telegram: Bad Request: chat not found (400): check `chat_id`, `message_thread_id` and what the bot may do there");
    let moved = json!({
        "ok": false, "error_code": 400,
        "description": "Bad Request: group chat was upgraded to a supergroup chat",
        "parameters": {"migrate_to_chat_id": -100_777},
    });
    insta::assert_snapshot!(answered(Ok(response(400, &moved.to_string()))).why(), @"Telegram: Bad Request: group chat was upgraded to a supergroup chat (400): set `chat_id` to -100777");
}
