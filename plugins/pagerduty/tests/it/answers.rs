//! What each answer comes to; the same table as in the README.

use std::time::Duration;

use commwatch_plugin_api::testing::{notification, response};
use commwatch_plugin_api::{HttpError, Outcome, Response};

use crate::world::{KEY, accepted, config, deliver};

fn outcome(answer: Result<Response, HttpError>) -> Outcome {
    let outcome = deliver(config(), &notification(), answer).0;
    assert!(!format!("{outcome:?}").contains(KEY), "{outcome:?}");
    outcome
}

fn kind(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Delivered { .. } => "delivered",
        Outcome::Retry { .. } => "retry",
        Outcome::Reject { .. } => "reject",
        Outcome::Unknown { .. } => "unknown",
        Outcome::Broken { .. } => "broken",
    }
}

const INVALID: &str = r#"{"status":"invalid event","message":"Event object is invalid","errors":["'payload.summary' is missing or blank"]}"#;
const WRONG_KEY: &str = r#"{"status":"invalid event","message":"Event object is invalid","errors":["Length of 'routing_key' is incorrect (should be 32 characters)"]}"#;
const LOGIN_PAGE: &str = "<html>Please log in</html>";

#[test]
fn every_answer_has_its_outcome() {
    let table: &[(u16, &str, &str)] = &[
        (202, LOGIN_PAGE, "broken"),
        (202, r#"{"status":"failure"}"#, "broken"),
        (200, LOGIN_PAGE, "broken"),
        (204, "", "broken"),
        (301, "", "broken"),
        (400, INVALID, "reject"),
        (400, WRONG_KEY, "broken"),
        (400, LOGIN_PAGE, "reject"),
        (401, "", "broken"),
        (403, LOGIN_PAGE, "broken"),
        (404, "", "broken"),
        (405, "", "broken"),
        (407, "", "broken"),
        (408, "", "retry"),
        (410, "", "broken"),
        (413, "", "reject"),
        (422, "", "reject"),
        (425, "", "retry"),
        (
            429,
            r#"{"status":"throttle exceeded","message":"Requests for this service are arriving too quickly."}"#,
            "retry",
        ),
        (500, "", "retry"),
        (502, LOGIN_PAGE, "retry"),
        (503, "", "retry"),
        (504, "", "retry"),
    ];
    for &(status, body, expected) in table {
        assert_eq!(kind(&outcome(Ok(response(status, body)))), expected, "{status} {body}");
    }
    assert_eq!(outcome(accepted()), Outcome::delivered());
}

#[test]
fn a_fault_is_read_by_what_may_have_arrived() {
    let why = || "connection reset".to_owned();
    assert_eq!(outcome(Err(HttpError::NotSent { why: why() })), Outcome::retry(why()));
    assert_eq!(outcome(Err(HttpError::NoAnswer { why: why() })), Outcome::unknown(why()));
    assert_eq!(outcome(Err(HttpError::Refused { why: why() })), Outcome::broken(why()));
}

#[test]
fn what_pagerduty_asks_to_wait_is_handed_on() {
    let mut busy = response(429, "");
    busy.headers.insert("commwatch-retry-after-ms".to_owned(), "7500".to_owned());
    let outcome = outcome(Ok(busy));
    let Outcome::Retry { after, .. } = outcome else { panic!("{outcome:?}") };
    assert_eq!(after, Some(Duration::from_millis(7500)));
}

#[test]
fn a_reason_says_what_to_do_and_quotes_pagerduty_alone() {
    let why = |status, body: &str| match outcome(Ok(response(status, body))) {
        Outcome::Retry { why, .. } | Outcome::Reject { why } | Outcome::Broken { why, .. } => why,
        other => panic!("{other:?}"),
    };
    insta::assert_snapshot!(why(400, INVALID), @"HTTP 400: Event object is invalid; 'payload.summary' is missing or blank");
    insta::assert_snapshot!(why(400, WRONG_KEY), @"HTTP 400: Event object is invalid; Length of 'routing_key' is incorrect (should be 32 characters): check `routing_key` and the region in `url`");
    insta::assert_snapshot!(why(200, LOGIN_PAGE), @"HTTP 200: without a word of PagerDuty's: something else answered, such as a proxy or its login page; check `url`");
    let echo = format!(r#"{{"status":"invalid event","message":"no such key: {KEY}"}}"#);
    insta::assert_snapshot!(why(400, &echo), @"HTTP 400: no such key: [secret]");
}
