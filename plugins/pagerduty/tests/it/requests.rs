//! Golden requests: what is asked of the host for each kind of notification.

use commwatch_plugin_api::testing::{event, notification};
use commwatch_plugin_api::{Action, Auth, Notification, Severity, Sign};
use serde_json::{Value, json};

use crate::world::{KEY, accepted, body, config, deliver};

fn pretty(notification: &Notification) -> String {
    serde_json::to_string_pretty(&body(config(), notification)).expect("JSON")
}

fn message(text: &str, time: &str) -> Value {
    json!({"id": "e", "type": "commwatch.message.created.v1", "time": time, "data": {
        "account": "main", "watch": {"name": "acme-cfo", "title": "ACME / Dana Levi"},
        "conversation": {"object_id": "293854"}, "message": {"author": {"name": "Dana Levi"}, "text": text}}})
}

fn own(kind: &str, action: Action) -> Notification {
    let mut told = notification();
    (told.key, told.action, told.severity) = ("notifier/ops-slack".to_owned(), action, Severity::Critical);
    (told.title, told.text) =
        ("Notifier ops-slack is broken".to_owned(), "Slack: channel_not_found".to_owned());
    told.url = None;
    told.events = vec![event(
        &json!({"id": "e", "type": kind, "time": "2026-03-01T08:00:04.25Z", "data": {"problem": {"subject": "notifier/ops-slack"}}})
            .to_string(),
    )];
    told
}

#[test]
fn one_json_is_posted_without_any_secret_of_the_hosts() {
    let (_, request) = deliver(config(), &notification(), accepted());
    assert_eq!(
        (request.method.as_str(), request.url),
        ("POST", "https://events.pagerduty.com/v2/enqueue".into())
    );
    assert_eq!(request.headers, [("content-type".to_owned(), "application/json".into())].into());
    assert_eq!((request.auth, request.sign), (Auth::None, Sign::None));
}

#[test]
fn a_message_triggers() {
    insta::assert_snapshot!(pretty(&notification()));
}

#[test]
fn our_own_ill_health_opens_and_its_end_resolves() {
    insta::assert_snapshot!(pretty(&own("commwatch.notifier.broken.v1", Action::Open)));
    let mut update = own("commwatch.notifier.broken.v1", Action::Update);
    update.severity = Severity::Info;
    let update = body(config(), &update);
    assert_eq!(
        (&update["event_action"], &update["payload"]["severity"]),
        (&json!("trigger"), &json!("info"))
    );
    insta::assert_snapshot!(pretty(&own("commwatch.notifier.recovered.v1", Action::Close)));
}

#[test]
fn of_several_events_each_one_is_listed_and_the_rest_counted() {
    let mut told = notification();
    told.omitted = 3;
    told.events =
        ["Hello?", "Anybody?"].map(|text| event(&message(text, "2026-03-01T08:00:00Z").to_string())).into();
    insta::assert_snapshot!(pretty(&told));
    told.events = (0..25).map(|_| event(&message("Hello?", "2026-03-01T08:00:00Z").to_string())).collect();
    let details = &body(config(), &told)["payload"]["custom_details"];
    assert_eq!((details["events"].as_array().map(Vec::len), &details["more_events"]), (Some(20), &json!(8)));
}

#[test]
fn hostile_text_is_only_text() {
    let attack = "\u{202e}gnp\0.exe \"},\"routing_key\":\"x\" <b>&\u{1b}[31m שלום 👨‍👩‍👧";
    let mut told = notification();
    (told.title, told.text) = (attack.to_owned(), format!("{attack}\r\n{attack}"));
    told.url = Some("javascript:alert(1)".to_owned());
    told.events = vec![event(&message(attack, attack).to_string())];
    insta::assert_snapshot!(pretty(&told));
}

#[test]
fn every_attempt_asks_for_the_same() {
    let mut again = notification();
    (again.attempt, again.replay) = (7, true);
    assert_eq!(pretty(&again), pretty(&notification()));
}

#[test]
fn the_operator_chooses_the_source_and_the_region() {
    let config =
        json!({"routing_key": KEY, "source": "support", "url": "https://events.eu.pagerduty.com/v2/enqueue"});
    assert_eq!(body(config.clone(), &notification())["payload"]["source"], "support");
    let (_, request) = deliver(config, &notification(), accepted());
    assert_eq!(request.url, "https://events.eu.pagerduty.com/v2/enqueue".into());
}
