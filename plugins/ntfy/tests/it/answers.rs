//! What each answer of ntfy comes to.

use std::time::Duration;

use commwatch_plugin_api::testing::{notification, response, response_after};
use commwatch_plugin_api::{HttpError, Outcome};

use crate::{PUBLISHED, answered};

const LOGIN_PAGE: &str = "<html><body>Please log in at https://portal.example/SECRET</body></html>";

#[test]
fn every_answer_has_its_outcome() {
    let table: &[(u16, &str, &str)] = &[
        (200, PUBLISHED, "delivered"),
        (200, LOGIN_PAGE, "broken"),
        (200, r#"{"event":"open"}"#, "broken"),
        (200, "", "broken"),
        (301, "", "broken"),
        (
            400,
            r#"{"code":40017,"http":400,"error":"invalid request: request body must be message JSON"}"#,
            "reject",
        ),
        (400, r#"{"code":40009,"http":400,"error":"invalid request: topic invalid"}"#, "broken"),
        (400, r#"{"code":40010,"http":400,"error":"invalid request: topic name is not allowed"}"#, "broken"),
        (401, r#"{"code":40101,"http":401,"error":"unauthorized"}"#, "broken"),
        (403, r#"{"code":40301,"http":403,"error":"forbidden"}"#, "broken"),
        (404, r#"{"code":40401,"http":404,"error":"page not found"}"#, "broken"),
        (405, "", "broken"),
        (410, "", "gone"),
        (413, r#"{"code":41303,"http":413,"error":"JSON body too large"}"#, "reject"),
        (429, r#"{"code":42901,"http":429,"error":"limit reached: too many requests"}"#, "retry"),
        (429, r#"{"code":42908,"http":429,"error":"limit reached: daily message quota reached"}"#, "retry"),
        (500, r#"{"code":50001,"http":500,"error":"internal server error"}"#, "retry"),
        (502, LOGIN_PAGE, "retry"),
        (507, r#"{"code":50701,"http":507,"error":"cannot publish to UnifiedPush topic"}"#, "retry"),
    ];
    for &(status, body, expected) in table {
        let sent = answered(&notification(), Ok(response(status, body)));
        assert_eq!((sent.kind(), sent.requests.len()), (expected, 1), "{status} {body}");
        assert!(!sent.why().contains("SECRET"), "{}", sent.why());
    }
}

#[test]
fn no_answer_is_told_apart_from_one_that_was_lost() {
    let kind = |error| answered(&notification(), Err(error)).kind();
    assert_eq!(kind(HttpError::NotSent { why: "refused".into() }), "retry");
    assert_eq!(kind(HttpError::NoAnswer { why: "timed out".into() }), "unknown");
    assert_eq!(kind(HttpError::Refused { why: "no such host".into() }), "broken");
}

#[test]
fn ntfys_id_is_the_receipt_and_a_wait_is_handed_on() {
    let sent = answered(&notification(), Ok(response(200, PUBLISHED)));
    assert_eq!(sent.outcome, Outcome::Delivered { receipt: Some("hwQ2YpKdmg".into()) });
    let sent = answered(&notification(), Ok(response_after(429, "", Duration::from_secs(30))));
    assert!(matches!(sent.outcome, Outcome::Retry { after: Some(after), .. } if after.as_secs() == 30));
}

#[test]
fn a_reason_says_what_to_do() {
    let why = |status, body| answered(&notification(), Ok(response(status, body))).why().to_owned();
    insta::assert_snapshot!(why(403, r#"{"code":40301,"http":403,"error":"forbidden"}"#), @"ntfy: forbidden (40301): check `token`, and whether it may write to the topic");
    insta::assert_snapshot!(why(200, LOGIN_PAGE), @"HTTP 200 without a word of ntfy's: something else answered; check `url`, and whether a proxy asks for a login");
    insta::assert_snapshot!(why(413, r#"{"code":41303,"http":413,"error":"JSON body\n too large"}"#), @"ntfy: JSON body too large (41303)");
}
