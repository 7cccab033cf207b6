//! What each answer comes to; the same table as in the README.

use std::time::Duration;

use commwatch_plugin_api::testing::notification;
use commwatch_plugin_api::{HttpError, Notifier, Outcome, Response};

use super::*;

fn outcome_of(answer: Result<Response, HttpError>) -> Outcome {
    let (webhook, fake) = webhook(json!({"url": URL}));
    fake.answer(answer);
    let outcome = webhook.deliver(&notification(), &fake.host());
    assert_eq!(fake.requests().len(), 1, "a request is repeated by the daemon alone");
    let said = format!("{outcome:?} {:?}", fake.lines());
    assert!(!said.contains("TOPSECRET") && !said.contains("receiver.example"), "{said}");
    outcome
}

fn outcome_of_status(status: u16) -> Outcome {
    outcome_of(Ok(response(status, "what the\nreceiver says")))
}

fn why(outcome: Outcome) -> String {
    match outcome {
        Outcome::Retry { why, .. }
        | Outcome::Reject { why }
        | Outcome::Unknown { why }
        | Outcome::Broken { why, .. } => why,
        Outcome::Delivered { .. } => panic!("delivered"),
    }
}

#[test]
fn every_status_has_its_outcome() {
    for status in 200..600 {
        let outcome = outcome_of_status(status);
        let fits = match status {
            200..=299 => matches!(outcome, Outcome::Delivered { receipt: None }),
            408 | 425 | 429 | 500..=599 => matches!(outcome, Outcome::Retry { after: None, .. }),
            300..=399 | 401 | 403 | 404 | 405 | 410 => matches!(outcome, Outcome::Broken { .. }),
            _ => matches!(outcome, Outcome::Reject { .. }),
        };
        assert!(fits, "{status}: {outcome:?}");
    }
}

#[test]
fn the_operator_reads_the_status_and_what_the_receiver_says() {
    for status in [400, 404, 422, 500] {
        assert_eq!(why(outcome_of_status(status)), format!("HTTP {status}: what the receiver says"));
    }
    assert_eq!(
        why(outcome_of_status(410)),
        "HTTP 410: the receiver is gone for good; paused until reload, correct `url` or remove the notifier: \
         what the receiver says"
    );
}

#[test]
fn a_redirect_is_said_to_be_one_without_saying_where_it_leads() {
    let mut redirect = response(308, "");
    redirect.headers.insert("location".to_owned(), format!("{URL}/"));
    let why = why(outcome_of(Ok(redirect)));
    assert!(why.starts_with("HTTP 308: the receiver redirects"), "{why}");
}

#[test]
fn what_the_receiver_asked_to_wait_is_handed_on() {
    for status in [429, 503] {
        let mut busy = response(status, "");
        busy.headers.insert("commwatch-retry-after-ms".to_owned(), "7500".to_owned());
        let outcome = outcome_of(Ok(busy));
        let Outcome::Retry { after, .. } = outcome else { panic!("{outcome:?}") };
        assert_eq!(after, Some(Duration::from_millis(7500)));
    }
}

#[test]
fn a_fault_is_read_by_what_may_have_arrived() {
    let why = || "connection reset".to_owned();
    assert_eq!(outcome_of(Err(HttpError::NotSent { why: why() })), Outcome::retry(why()));
    assert_eq!(outcome_of(Err(HttpError::NoAnswer { why: why() })), Outcome::unknown(why()));
    assert_eq!(outcome_of(Err(HttpError::Refused { why: why() })), Outcome::broken(why()));
}
