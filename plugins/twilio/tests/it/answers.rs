//! What each answer of Twilio comes to.

use std::time::Duration;

use commwatch_plugin_api::testing::{response, response_after};
use commwatch_plugin_api::{HttpError, Outcome};
use serde_json::json;

use crate::{QUEUED, answered};

const PAGE: &str = "<p>SECRET</p>";

fn refusal(status: u16, code: u32) -> String {
    let message = "The 'To' number +972501234567 cannot get SECRET.";
    json!({"code": code, "message": message, "more_info": "https://www.twilio.com/docs/errors", "status": status})
        .to_string()
}

#[test]
fn what_twilio_refuses_has_its_outcome() {
    let table: &[(u16, u32, &str)] = &[
        (400, 21_211, "broken"),
        (400, 21_614, "broken"),
        (400, 21_635, "broken"),
        (400, 21_612, "broken"),
        (400, 21_610, "broken"),
        (400, 21_608, "broken"),
        (403, 21_408, "broken"),
        (400, 21_606, "broken"),
        (400, 21_212, "broken"),
        (400, 21_660, "broken"),
        (400, 21_703, "broken"),
        (401, 20_003, "broken"),
        (403, 20_003, "broken"),
        (403, 20_403, "broken"),
        (404, 20_404, "broken"),
        (401, 70_051, "broken"),
        (400, 21_617, "reject"),
        (400, 21_602, "reject"),
        (400, 21_658, "reject"),
        (400, 99_999, "reject"),
        (429, 20_429, "retry"),
        (429, 21_611, "retry"),
        (429, 63_038, "retry"),
        (400, 21_611, "retry"),
        (429, 99_999, "retry"),
        (503, 20_503, "retry"),
        (500, 20_500, "unknown"),
    ];
    for &(status, code, expected) in table {
        let sent = answered(Ok(response(status, &refusal(status, code))));
        assert_eq!((sent.kind(), sent.requests.len()), (expected, 1), "{status} {code}");
        assert!(
            sent.why().contains(&format!("error {code},")) && !sent.why().contains("SECRET"),
            "{}",
            sent.why()
        );
    }
}

#[test]
fn an_answer_without_a_code_goes_by_its_status() {
    let table: &[(u16, &str, &str)] = &[
        (201, QUEUED, "delivered"),
        (200, QUEUED, "delivered"),
        (200, PAGE, "broken"),
        (201, "{}", "broken"),
        (204, "", "broken"),
        (302, PAGE, "broken"),
        (400, PAGE, "reject"),
        (401, "", "broken"),
        (403, PAGE, "broken"),
        (404, PAGE, "broken"),
        (407, PAGE, "broken"),
        (410, "", "gone"),
        (408, "", "retry"),
        (429, "", "retry"),
        (500, "", "unknown"),
        (502, PAGE, "unknown"),
        (503, "", "retry"),
        (504, "", "unknown"),
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
fn the_messages_sid_is_the_receipt_and_a_wait_is_handed_on() {
    let receipt = Some("SM00112233445566778899aabbccddeeff".to_owned());
    assert_eq!(answered(Ok(response(201, QUEUED))).outcome, Outcome::Delivered { receipt });
    for body in [refusal(429, 20_429), String::new()] {
        let sent = answered(Ok(response_after(429, &body, Duration::from_secs(30))));
        assert!(matches!(sent.outcome, Outcome::Retry { after: Some(after), .. } if after.as_secs() == 30));
    }
}

#[test]
fn a_reason_says_what_to_do() {
    let why = |status, code| answered(Ok(response(status, &refusal(status, code)))).why().to_owned();
    insta::assert_snapshot!(why(400, 21_610), @"Twilio: error 21610, https://www.twilio.com/docs/errors/21610: whoever has `to` has stopped these messages (STOP); they come again after START from that phone");
    insta::assert_snapshot!(why(401, 20_003), @"Twilio: error 20003, https://www.twilio.com/docs/errors/20003: Twilio does not take the credentials; check `account_sid`, `api_key` and `auth_token`");
    insta::assert_snapshot!(why(400, 99_999), @"Twilio: error 99999, https://www.twilio.com/docs/errors/99999");
}
