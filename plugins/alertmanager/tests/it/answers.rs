//! What each answer comes to; the same table as in the README.

use std::time::Duration;

use commwatch_plugin_api::testing::{notification, response};
use commwatch_plugin_api::{HttpError, Outcome};

use crate::world::outcome;

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
            200 => "delivered",
            201..=299 | 300..=399 | 401 | 403 | 404 | 405 | 407 | 410 => "broken",
            408 | 425 | 429 | 500..=599 => "retry",
            _ => "reject",
        };
        assert_eq!(kind(&outcome(&notification(), Ok(response(status, "")))), expected, "{status}");
    }
    assert_eq!(kind(&outcome(&notification(), Ok(response(200, "\n<html>log in</html>")))), "broken");
}

#[test]
fn a_fault_is_read_by_what_may_have_arrived() {
    let why = || "connection reset".to_owned();
    let said = |error| outcome(&notification(), Err(error));
    assert_eq!(said(HttpError::NotSent { why: why() }), Outcome::retry(why()));
    assert_eq!(said(HttpError::NoAnswer { why: why() }), Outcome::unknown(why()));
    assert_eq!(said(HttpError::Refused { why: why() }), Outcome::broken(why()));
}

#[test]
fn what_is_asked_to_wait_is_handed_on() {
    let mut busy = response(503, "");
    busy.headers.insert("commwatch-retry-after-ms".to_owned(), "7500".to_owned());
    let outcome = outcome(&notification(), Ok(busy));
    let Outcome::Retry { after, .. } = outcome else { panic!("{outcome:?}") };
    assert_eq!(after, Some(Duration::from_millis(7500)));
}

#[test]
fn a_reason_says_what_to_do() {
    let why = |status, body: &str| match outcome(&notification(), Ok(response(status, body))) {
        Outcome::Retry { why, .. } | Outcome::Reject { why } | Outcome::Broken { why, .. } => why,
        other => panic!("{other:?}"),
    };
    insta::assert_snapshot!(why(400, "\"start time must be before end time\""), @r#"HTTP 400: "start time must be before end time""#);
    insta::assert_snapshot!(why(404, "404 page not found"), @"HTTP 404: 404 page not found: no Alertmanager with an API v2 answers there; check `url` and its path");
    insta::assert_snapshot!(why(302, "https://a.example/login"), @"HTTP 302: redirects are never followed; set `url` to where it leads");
}
