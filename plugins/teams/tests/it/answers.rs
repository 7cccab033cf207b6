//! What each answer of a workflow comes to.

use std::time::Duration;

use commwatch_plugin_api::testing::{response, response_after};
use commwatch_plugin_api::{HttpError, Outcome};

use crate::answered;

const PAGE: &str = "<p>No such page: https://prod-1.westeurope.logic.azure.com/workflows/x?sig=SECRET</p>";
const HIDDEN: &str =
    "Webhook message delivery failed with error: Microsoft Teams endpoint returned HTTP error";

fn refusal(code: &str) -> String {
    serde_json::json!({"error": {"code": code, "message": "The workflow at https://x/?sig=SECRET says no."}})
        .to_string()
}

#[test]
fn every_answer_has_its_outcome() {
    let table: &[(u16, &str, &str)] = &[
        (202, "", "delivered"),
        (202, PAGE, "delivered"),
        (200, "1", "delivered"),
        (200, "", "delivered"),
        (204, "", "delivered"),
        (200, PAGE, "broken"),
        (200, &format!("{HIDDEN} 429 with ContextId x"), "retry"),
        (200, &format!("{HIDDEN} 413 with ContextId x"), "reject"),
        (200, &format!("{HIDDEN} 403 with ContextId x"), "broken"),
        (200, &format!("{HIDDEN} ???"), "retry"),
        (302, PAGE, "broken"),
        (400, &refusal("TriggerInputSchemaMismatch"), "reject"),
        (400, &refusal("WorkflowTriggerIsNotEnabled"), "broken"),
        (400, &refusal("WorkflowDisabled"), "broken"),
        (400, PAGE, "reject"),
        (401, &refusal("DirectApiAuthorizationRequired"), "broken"),
        (403, PAGE, "broken"),
        (404, &refusal("WorkflowNotFound"), "broken"),
        (405, "", "broken"),
        (407, PAGE, "broken"),
        (408, "", "retry"),
        (410, "", "gone"),
        (413, &refusal("RequestEntityTooLarge"), "reject"),
        (429, &refusal("TooManyRequests"), "retry"),
        (500, "", "retry"),
        (502, &refusal("NoResponse"), "retry"),
        (503, PAGE, "retry"),
    ];
    for &(status, body, expected) in table {
        let sent = answered(Ok(response(status, body)));
        assert_eq!((sent.kind(), sent.requests.len()), (expected, 1), "{status} {body}");
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
fn the_runs_id_is_the_receipt_and_a_wait_is_handed_on() {
    let mut begun = response(202, "");
    begun.headers.insert("x-ms-workflow-run-id".to_owned(), "08584".to_owned());
    assert_eq!(answered(Ok(begun)).outcome, Outcome::Delivered { receipt: Some("08584".to_owned()) });
    let sent = answered(Ok(response_after(429, "", Duration::from_secs(30))));
    assert!(matches!(sent.outcome, Outcome::Retry { after: Some(after), .. } if after.as_secs() == 30));
}

#[test]
fn a_reason_says_what_to_do() {
    let why = |status, body: &str| answered(Ok(response(status, body))).why().to_owned();
    insta::assert_snapshot!(why(400, &refusal("WorkflowTriggerIsNotEnabled")), @"Teams workflow: WorkflowTriggerIsNotEnabled (HTTP 400): switch the workflow on, or make a new one and change `url`");
    insta::assert_snapshot!(why(404, ""), @"HTTP 404 without a word of the workflow's: the workflow is gone; make a new one and change `url`");
    insta::assert_snapshot!(why(400, &refusal("https://x?sig=SECRET")), @"HTTP 400 without a word of the workflow's");
    insta::assert_snapshot!(why(200, &format!("{HIDDEN} 429 with ContextId x")), @"Teams refused behind the webhook: HTTP 429");
}
