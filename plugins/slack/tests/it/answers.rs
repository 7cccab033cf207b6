//! What each answer of Slack comes to.

use std::time::Duration;

use commwatch_plugin_api::{HttpError, Outcome};

use crate::world::{Answer, Delivery, answer, answer_after, bot, deliver, notification, webhook};

fn via_webhook(answers: Vec<Answer>) -> Delivery {
    deliver(&webhook(), &notification(), answers)
}

fn via_bot(answers: Vec<Answer>) -> Delivery {
    deliver(&bot(), &notification(), answers)
}

/// The outcome's name, and how many requests were made.
fn kind(delivery: &Delivery) -> (&'static str, usize) {
    let kind = match delivery.outcome {
        Outcome::Delivered { .. } => "delivered",
        Outcome::Retry { .. } => "retry",
        Outcome::Reject { .. } => "reject",
        Outcome::Unknown { .. } => "unknown",
        Outcome::Broken { .. } => "broken",
    };
    (kind, delivery.requests.len())
}

fn why(delivery: &Delivery) -> &str {
    match &delivery.outcome {
        Outcome::Delivered { .. } => "",
        Outcome::Retry { why, .. }
        | Outcome::Reject { why }
        | Outcome::Unknown { why }
        | Outcome::Broken { why, .. } => why,
    }
}

const LOGIN_PAGE: &str = "<html><body>Please log in to the guest network</body></html>";

#[test]
fn a_webhooks_answers() {
    let table: &[(u16, &str, &str)] = &[
        (200, "ok", "delivered"),
        (200, "ok\n", "delivered"),
        (200, LOGIN_PAGE, "broken"),
        (200, "", "broken"),
        (204, "ok", "broken"),
        (302, "", "broken"),
        (401, LOGIN_PAGE, "broken"),
        (403, "action_prohibited", "broken"),
        (403, "invalid_token", "broken"),
        (403, "posting_to_general_channel_denied", "broken"),
        (403, "team_disabled", "broken"),
        (403, "a_new_word", "broken"),
        (404, "channel_not_found", "broken"),
        (404, "no_service", "broken"),
        (404, "no_active_hooks", "broken"),
        (404, "no_team", "broken"),
        (400, "user_not_found", "broken"),
        (407, "", "broken"),
        (410, "channel_is_archived", "broken"),
        (410, "", "broken"),
        (408, "", "retry"),
        (429, "", "retry"),
        (429, "rate_limited", "retry"),
        (500, "rollup_error", "retry"),
        (500, "", "unknown"),
        (502, LOGIN_PAGE, "unknown"),
        (503, "", "retry"),
        (504, "", "unknown"),
    ];
    for &(status, body, expected) in table {
        assert_eq!(kind(&via_webhook(vec![answer(status, body)])), (expected, 1), "{status} {body}");
    }
}

#[test]
fn a_bots_answers() {
    let table: &[(&str, &str)] = &[
        ("ratelimited", "retry"),
        ("rate_limited", "retry"),
        ("service_unavailable", "retry"),
        ("request_timeout", "retry"),
        ("team_added_to_org", "retry"),
        ("internal_error", "unknown"),
        ("fatal_error", "unknown"),
        ("invalid_auth", "broken"),
        ("not_authed", "broken"),
        ("token_revoked", "broken"),
        ("token_expired", "broken"),
        ("account_inactive", "broken"),
        ("missing_scope", "broken"),
        ("no_permission", "broken"),
        ("channel_not_found", "broken"),
        ("not_in_channel", "broken"),
        ("is_archived", "broken"),
        ("restricted_action", "broken"),
        ("restricted_action_read_only_channel", "broken"),
        ("restricted_action_thread_only_channel", "broken"),
        ("messages_tab_disabled", "broken"),
        ("team_access_not_granted", "broken"),
        ("ekm_access_denied", "broken"),
        ("org_login_required", "broken"),
        ("message_limit_exceeded", "broken"),
        ("invalid_charset", "broken"),
        ("a_word_of_next_year", "retry"),
        ("<script>", "retry"),
    ];
    for (word, expected) in table {
        let body = serde_json::json!({"ok": false, "error": word}).to_string();
        assert_eq!(kind(&via_bot(vec![answer(200, &body)])), (*expected, 1), "{word}");
    }
    let by_status: &[(u16, &str, &str)] = &[
        (200, r#"{"ok":true}"#, "delivered"),
        (200, r#"{"ok":false}"#, "retry"),
        (200, r#"{"ok":"true"}"#, "broken"),
        (200, r#"{"message":"hello"}"#, "broken"),
        (200, "ok", "broken"),
        (200, LOGIN_PAGE, "broken"),
        (200, "", "broken"),
        (302, "", "broken"),
        (403, LOGIN_PAGE, "broken"),
        (404, r#"{"ok":false,"error":"unknown_method"}"#, "broken"),
        (404, r#"{"ok":true}"#, "broken"),
        (429, r#"{"ok":false,"error":"ratelimited"}"#, "retry"),
        (429, "", "retry"),
        (500, r#"{"ok":false,"error":"fatal_error"}"#, "unknown"),
        (502, LOGIN_PAGE, "unknown"),
        (503, r#"{"ok":false,"error":"service_unavailable"}"#, "retry"),
    ];
    for &(status, body, expected) in by_status {
        assert_eq!(kind(&via_bot(vec![answer(status, body)])), (expected, 1), "{status} {body}");
    }
}

const FORM_WORDS: [&str; 10] = [
    "invalid_payload",
    "invalid_blocks",
    "invalid_blocks_format",
    "no_text",
    "too_many_attachments",
    "msg_too_long",
    "msg_blocks_too_long",
    "invalid_arguments",
    "metadata_too_large",
    "metadata_must_be_sent_from_app",
];

#[test]
fn a_message_whose_form_is_refused_is_sent_once_more_as_plain_text() {
    for word in FORM_WORDS {
        let sent = via_webhook(vec![answer(400, word), answer(200, "ok")]);
        assert_eq!(kind(&sent), ("delivered", 2), "{word}");
        assert!(sent.body(0)["blocks"].is_array() && sent.body(1)["blocks"].is_null());
        assert!(sent.log[0].contains(word), "{:?}", sent.log);

        let refusal = format!(r#"{{"ok":false,"error":"{word}"}}"#);
        let sent =
            via_bot(vec![answer(200, &refusal), answer(200, r#"{"ok":true,"channel":"C1","ts":"1.2"}"#)]);
        assert_eq!(sent.outcome, Outcome::Delivered { receipt: Some("C1/1.2".into()) }, "{word}");
        assert!(sent.body(1)["metadata"].is_null());
    }
}

#[test]
fn a_message_refused_in_both_forms_is_rejected() {
    for word in FORM_WORDS {
        let sent = via_webhook(vec![answer(400, word), answer(400, "invalid_payload")]);
        assert_eq!(kind(&sent), ("reject", 2), "{word}");
        assert!(why(&sent).contains(word) && why(&sent).contains("invalid_payload"), "{}", why(&sent));
    }
    for status in [400, 413, 415, 422] {
        assert_eq!(
            kind(&via_webhook(vec![answer(status, ""), answer(status, "")])),
            ("reject", 2),
            "{status}"
        );
    }
}

#[test]
fn the_second_request_ends_the_delivery_whatever_it_comes_to() {
    let second: Vec<(Answer, &str)> = vec![
        (answer(429, ""), "retry"),
        (answer(404, "no_service"), "broken"),
        (answer(502, ""), "unknown"),
        (Err(HttpError::NotSent { why: "refused".into() }), "retry"),
        (Err(HttpError::NoAnswer { why: "timed out".into() }), "unknown"),
        (Err(HttpError::Refused { why: "no such host".into() }), "broken"),
    ];
    for (second, expected) in second {
        let sent = via_webhook(vec![answer(400, "invalid_blocks"), second]);
        assert_eq!(kind(&sent), (expected, 2));
    }
}

#[test]
fn a_lost_answer_is_unknown_and_is_not_sent_again_within_the_delivery() {
    let lost = || vec![Err(HttpError::NoAnswer { why: "timed out after 10 s".into() })];
    assert_eq!(kind(&via_webhook(lost())), ("unknown", 1));
    assert_eq!(kind(&via_bot(lost())), ("unknown", 1));
    let unsent = || vec![Err(HttpError::NotSent { why: "connection refused".into() })];
    assert_eq!(kind(&via_webhook(unsent())), ("retry", 1));
    assert_eq!(kind(&via_bot(unsent())), ("retry", 1));
}

#[test]
fn what_slack_asks_to_wait_is_handed_on() {
    let refusal = r#"{"ok":false,"error":"ratelimited"}"#;
    for sent in [
        via_webhook(vec![answer_after(429, "rate_limited", 30_000)]),
        via_bot(vec![answer_after(429, refusal, 30_000)]),
        via_bot(vec![answer_after(200, refusal, 30_000)]),
    ] {
        let Outcome::Retry { after, .. } = &sent.outcome else { panic!("{:?}", sent.outcome) };
        assert_eq!(*after, Some(Duration::from_secs(30)));
    }
}

#[test]
fn a_receipt_is_kept_only_when_it_looks_like_one() {
    let receipt = |body: &str| match via_bot(vec![answer(200, body)]).outcome {
        Outcome::Delivered { receipt } => receipt,
        other => panic!("{other:?}"),
    };
    assert_eq!(
        receipt(r#"{"ok":true,"channel":"C0123456789","ts":"1503435956.000247"}"#).as_deref(),
        Some("C0123456789/1503435956.000247"),
    );
    assert_eq!(receipt(r#"{"ok":true,"channel":"C1"}"#), None);
    assert_eq!(receipt(r#"{"ok":true,"channel":"C1","ts":"\n<b>"}"#), None);
    assert_eq!(receipt(&format!(r#"{{"ok":true,"channel":"{}","ts":"1"}}"#, "C".repeat(300))), None);
}

#[test]
fn no_text_repeats_a_body_since_a_body_may_repeat_the_address() {
    let page = "<p>No such page: https://hooks.slack.com/services/T0/B0/SECRET</p>";
    for status in [200, 302, 403, 404, 429, 500, 502, 503] {
        for sent in [via_webhook(vec![answer(status, page)]), via_bot(vec![answer(status, page)])] {
            assert!(!why(&sent).contains("SECRET") && !why(&sent).contains("hooks"), "{}", why(&sent));
        }
    }
    let echo = r#"{"ok":false,"error":"xoxb-1-secret"}"#;
    assert!(!why(&via_bot(vec![answer(200, echo)])).contains("xoxb"));
    let sent = via_webhook(vec![answer(400, page), answer(400, page)]);
    assert!(!format!("{:?} {:?}", sent.outcome, sent.log).contains("SECRET"));
}

#[test]
fn a_reason_says_what_to_do() {
    let bot = |body: &str| why(&via_bot(vec![answer(200, body)])).to_owned();
    insta::assert_snapshot!(bot(r#"{"ok":false,"error":"missing_scope","needed":"chat:write","provided":"x"}"#), @"Slack: missing_scope (needed: chat:write): the app lacks a permission; give it `chat:write`, install it again and invite it to the channel");
    insta::assert_snapshot!(bot(r#"{"ok":false,"error":"not_in_channel"}"#), @"Slack: not_in_channel: the app is not in the channel; invite it there (/invite)");
    insta::assert_snapshot!(bot(r#"{"ok":false,"error":"a_word_of_next_year"}"#), @"Slack: a_word_of_next_year, a word that is not known here");
    insta::assert_snapshot!(bot(LOGIN_PAGE), @"HTTP 200 without a word of Slack's: something else answered, such as a proxy or its login page");
    insta::assert_snapshot!(why(&via_webhook(vec![answer(404, "no_service")])), @"Slack: no_service: the webhook is gone or switched off; make a new one and change `webhook_url`");
    insta::assert_snapshot!(why(&via_webhook(vec![answer(400, "invalid_blocks"), answer(400, "invalid_payload")])), @"refused with blocks (Slack: invalid_blocks) and as plain text (Slack: invalid_payload)");
}
