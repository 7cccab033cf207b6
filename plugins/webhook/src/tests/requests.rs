//! Golden requests: what is asked of the host, for each shape of notification and configuration.

use commwatch_plugin_api::testing::{event, notification};
use commwatch_plugin_api::{Notification, Notifier, Outcome, Request};

use super::*;

/// Bytes that every JSON writer would change: spaces, key order, escapes, a number's form, a doubled key.
const ODD: &str =
    r#"{ "id" :"e-1","specversion":"1.0",  "data":{"z":1.0,"a":1e3,"text":"\u05e9\/ש & <b>","z":2} }"#;

/// An event as the daemon writes it.
const EVENT: &str = r#"{"specversion":"1.0","id":"main-293854-900001-created","source":"https://api.commbox.io/objects/293854","type":"commwatch.message.created.v1","subject":"child/900001","time":"2026-03-01T08:00:00Z","recordedtime":"2026-03-01T08:00:04Z","sequence":"00000000000000000001","datacontenttype":"application/json","data":{"account":"main","message":{"id":"900001","text":"שלום 👋"}}}"#;

fn request_for(config: Json, notification: &Notification) -> Request {
    let (webhook, fake) = webhook(config);
    fake.answer(Ok(response(204, "")));
    assert_eq!(webhook.deliver(notification, &fake.host()), Outcome::delivered());
    fake.requests().remove(0)
}

/// A request as text: its description as JSON, an empty line, its body.
fn text(request: &Request) -> String {
    let body = String::from_utf8(request.body.0.clone()).unwrap();
    format!("{}\n\n{body}\n", serde_json::to_string_pretty(request).unwrap())
}

fn with_events(events: &[&str]) -> Notification {
    let mut notification = notification();
    notification.id = "n-7".to_owned();
    notification.events = events.iter().map(|json| event(json)).collect();
    notification
}

#[test]
fn one_event_is_posted_as_it_is_and_signed_under_its_own_id() {
    let request = request_for(signed(), &with_events(&[EVENT]));
    assert_eq!(text(&request), include_str!("../../tests/golden/one-event.txt"));
}

#[test]
fn several_events_are_posted_as_an_array_under_the_notifications_id() {
    let request = request_for(signed(), &with_events(&[EVENT, r#"{"id":"e-2"}"#, ODD]));
    assert_eq!(text(&request), include_str!("../../tests/golden/batch.txt"));
}

#[test]
fn the_bytes_of_an_event_are_not_changed() {
    let request = request_for(signed(), &with_events(&[ODD]));
    assert_eq!(request.body.0, ODD.as_bytes());
    let request = request_for(signed(), &with_events(&[ODD, ODD]));
    assert_eq!(request.body.0, format!("[{ODD},{ODD}]").into_bytes());
}

#[test]
fn while_a_secret_is_rotated_all_of_them_sign_in_the_order_given() {
    let config = json!({"url": URL, "secrets": [{"$secret": "/secrets/0"}, {"$secret": "/secrets/1"}]});
    let request = request_for(config, &with_events(&[ODD]));
    assert_eq!(text(&request), include_str!("../../tests/golden/two-secrets.txt"));
}

#[test]
fn unsigned_requests_carry_the_id_and_the_operators_headers() {
    let headers = json!({"Authorization": {"$secret": "/headers/Authorization"}, "X-Team": "ops"});
    let request = request_for(json!({"url": URL, "headers": headers}), &with_events(&[ODD]));
    assert_eq!(text(&request), include_str!("../../tests/golden/unsigned.txt"));
}

#[test]
fn every_attempt_asks_for_the_same() {
    let mut again = notification();
    (again.attempt, again.replay) = (7, true);
    assert_eq!(text(&request_for(signed(), &again)), text(&request_for(signed(), &notification())));
}

#[test]
fn what_is_no_event_is_rejected_and_not_sent() {
    let (webhook, fake) = webhook(signed());
    for events in [&[][..], &[r#"{"specversion":"1.0"}"#], &["7"]] {
        let outcome = webhook.deliver(&with_events(events), &fake.host());
        assert!(matches!(outcome, Outcome::Reject { .. }), "{events:?}: {outcome:?}");
    }
    assert!(fake.requests().is_empty());
}
