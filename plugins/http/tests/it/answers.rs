//! What each answer comes to; the same table as in the README.

use std::time::Duration;

use commwatch_plugin_api::testing::{notification, response};
use commwatch_plugin_api::{HttpError, Outcome, Response};
use serde_json::{Value, json};

use crate::world::{deliver_to, with_body};

fn outcome(more: Value, answer: Result<Response, HttpError>) -> Outcome {
    deliver_to(with_body("1", more), &notification(), answer).outcome
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

#[test]
fn every_status_has_its_outcome() {
    for status in 200..600 {
        let expected = match status {
            200..=299 => "delivered",
            408 | 425 | 429 | 500..=599 => "retry",
            300..=399 | 401 | 403 | 404 | 405 | 410 => "broken",
            _ => "reject",
        };
        assert_eq!(kind(&outcome(json!({}), Ok(response(status, "said")))), expected, "{status}");
    }
}

#[test]
fn the_operator_says_which_statuses_mean_accepted() {
    let expect = || json!({"expect": [202, 409]});
    for (status, expected) in
        [(202, "delivered"), (409, "delivered"), (200, "broken"), (400, "reject"), (503, "retry")]
    {
        assert_eq!(kind(&outcome(expect(), Ok(response(status, "said")))), expected, "{status}");
    }
    let Outcome::Broken { why, .. } = outcome(expect(), Ok(response(200, "welcome"))) else {
        panic!("not broken")
    };
    insta::assert_snapshot!(why, @"HTTP 200: welcome: not a status of `expect`; correct it, or the address");
}

#[test]
fn a_fault_is_read_by_what_may_have_arrived() {
    let why = || "connection reset".to_owned();
    let said = |error| outcome(json!({}), Err(error));
    assert_eq!(said(HttpError::NotSent { why: why() }), Outcome::retry(why()));
    assert_eq!(said(HttpError::NoAnswer { why: why() }), Outcome::unknown(why()));
    assert_eq!(said(HttpError::Refused { why: why() }), Outcome::broken(why()));
}

#[test]
fn what_is_asked_to_wait_is_handed_on() {
    let mut busy = response(429, "");
    busy.headers.insert("commwatch-retry-after-ms".to_owned(), "7500".to_owned());
    let outcome = outcome(json!({}), Ok(busy));
    let Outcome::Retry { after, .. } = outcome else { panic!("{outcome:?}") };
    assert_eq!(after, Some(Duration::from_millis(7500)));
}
