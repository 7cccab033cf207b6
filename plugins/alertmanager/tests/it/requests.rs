//! Golden requests: what is asked of the host for each kind of notification.

use commwatch_plugin_api::testing::{event, notification};
use commwatch_plugin_api::{Action, Auth, Notification, Secret, Severity};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::world::{alert, config, now, request};

fn pretty(notification: &Notification) -> String {
    serde_json::to_string_pretty(&alert(config(), notification)).expect("JSON")
}

fn message(text: &str, time: &str) -> Value {
    json!({"id": "e", "type": "commwatch.message.created.v1", "time": time, "data": {
        "account": "main", "watch": {"name": "acme-cfo", "title": "ACME", "priority": "vip"},
        "conversation": {"object_id": "293854"}, "message": {"author": {"name": "Dana Levi"}, "text": text}}})
}

fn own(kind: &str, action: Action, severity: Severity, data: Value) -> Notification {
    let mut told = notification();
    (told.key, told.action, told.severity) = ("notifier/ops-slack".to_owned(), action, severity);
    (told.title, told.text) = (kind.to_owned(), "Slack: channel_not_found".to_owned());
    told.url = None;
    let event_of_it = json!({"id": "e", "type": format!("commwatch.{kind}.v1"), "time": "2026-03-01T08:00:00Z", "data": data});
    told.events = vec![event(&event_of_it.to_string())];
    told
}

fn problem() -> Value {
    json!({"problem": {"subject": "notifier/ops-slack", "since": "2026-03-01T07:00:00Z"}})
}

fn time(value: &Value) -> Timestamp {
    value.as_str().expect("text").parse().expect("a time")
}

#[test]
fn one_list_is_posted_to_the_api_below_the_address() {
    for url in ["http://alertmanager.example:9093", "http://alertmanager.example:9093/"] {
        let request = request(json!({"url": url}), &notification());
        assert_eq!(
            (request.method.as_str(), request.url),
            ("POST", "http://alertmanager.example:9093/api/v2/alerts".into())
        );
        assert_eq!(
            (&request.headers["content-type"], &request.auth),
            (&"application/json".into(), &Auth::None)
        );
    }
    let prefixed = request(json!({"url": "https://a.example/am"}), &notification());
    assert_eq!(prefixed.url, "https://a.example/am/api/v2/alerts".into());
}

#[test]
fn secrets_are_references_in_what_the_host_authorizes_with() {
    let secret = |name: &str| json!({"$secret": name});
    let bearer = request(
        json!({"url": "https://a.example", "bearer_token": secret("/bearer_token")}),
        &notification(),
    );
    assert_eq!(bearer.auth, Auth::Bearer { token: Secret::named("/bearer_token").into() });
    let basic = request(
        json!({"url": "https://a.example", "user": "me", "password": secret("/password")}),
        &notification(),
    );
    assert_eq!(basic.auth, Auth::Basic { user: "me".into(), password: Secret::named("/password").into() });
}

#[test]
fn a_message_fires_for_a_while() {
    insta::assert_snapshot!(pretty(&notification()));
}

#[test]
fn what_opens_and_what_closes_it_have_the_same_labels() {
    let opened = own("notifier.broken", Action::Open, Severity::Critical, problem());
    let closed = own("notifier.recovered", Action::Close, Severity::Info, problem());
    insta::assert_snapshot!(pretty(&opened));
    insta::assert_snapshot!(pretty(&closed));
    let watch = |priority: &str| json!({"account": "main", "watch": {"name": "w", "priority": priority}, "problem": {"since": "2026-03-01T07:00:00Z"}});
    for (open, close, data, name, severity) in [
        ("notifier.broken", "notifier.recovered", problem(), "CommwatchNotifierBroken", "critical"),
        (
            "account.denied",
            "account.recovered",
            json!({"account": "main"}),
            "CommwatchAccountDenied",
            "critical",
        ),
        ("watch.unreachable", "watch.recovered", watch("vip"), "CommwatchWatchUnreachable", "critical"),
        ("watch.unreachable", "watch.recovered", watch("normal"), "CommwatchWatchUnreachable", "warning"),
        ("weather.bad", "weather.good", json!({}), "CommwatchWeather", "critical"),
    ] {
        let labels = |kind, action, severity| {
            alert(config(), &own(kind, action, severity, data.clone()))["labels"].clone()
        };
        let opened = labels(open, Action::Open, Severity::Warning);
        assert_eq!((&opened["alertname"], &opened["severity"]), (&json!(name), &json!(severity)));
        assert_eq!(opened, labels(open, Action::Update, Severity::Critical), "{open}");
        assert_eq!(opened, labels(close, Action::Close, Severity::Info), "{close}");
    }
}

#[test]
fn a_late_delivery_does_not_arrive_as_already_over_and_a_close_always_does() {
    let mut late = notification();
    late.events = vec![event(&message("Hello?", "2026-02-20T08:00:00Z").to_string())];
    let fires = |told: &Notification| time(&alert(config(), told)["endsAt"]).duration_since(now());
    assert_eq!(fires(&late), SignedDuration::from_mins(5));
    late.action = Action::Open;
    assert_eq!(fires(&late), SignedDuration::from_mins(15));
    late.action = Action::Close;
    assert_eq!(alert(config(), &late)["endsAt"], "2026-02-20T08:00:00Z");
    // Somebody's clock is ahead of ours.
    late.events = vec![event(&message("Hello?", "2026-03-02T08:00:00Z").to_string())];
    let closed = alert(config(), &late);
    assert_eq!((fires(&late), &closed["startsAt"]), (SignedDuration::ZERO, &closed["endsAt"]));
}

#[test]
fn the_operator_chooses_how_long_it_fires_and_further_labels() {
    let config = json!({"url": "http://a.example", "resolve_after": "1h30m", "open_for": "7d", "labels": {"team": "שירות"}});
    let mut told = notification();
    let sent = alert(config.clone(), &told);
    assert_eq!(sent["labels"]["team"], "שירות");
    assert_eq!(time(&sent["endsAt"]).duration_since(now()), SignedDuration::from_mins(90));
    told.action = Action::Open;
    assert_eq!(
        time(&alert(config, &told)["endsAt"]).duration_since(now()),
        SignedDuration::from_hours(7 * 24)
    );
}

#[test]
fn of_several_events_each_one_is_listed_and_the_rest_counted() {
    let mut told = notification();
    told.omitted = 3;
    told.text.push_str("\n… and 3 more");
    told.events =
        ["Hello?", "Any\nbody?"].map(|text| event(&message(text, "2026-03-01T08:00:00Z").to_string())).into();
    insta::assert_snapshot!(alert(config(), &told)["annotations"]["description"].as_str().expect("text"), @"
    Hello, is anybody there?
    … and 3 more
    2026-03-01 08:00:00 UTC message.created Hello?
    2026-03-01 08:00:00 UTC message.created Any body?
    ");
    told.events =
        (0..25).map(|_| event(&message(&"long ".repeat(99), "2026-03-01T08:00:00Z").to_string())).collect();
    let described = alert(config(), &told)["annotations"]["description"].clone();
    let described = described.as_str().expect("text");
    assert!(described.ends_with("…\nand 5 more") && described.chars().count() <= 4_000, "{described}");
}

#[test]
fn hostile_text_is_only_text() {
    let attack = "\u{202e}gnp\0.exe \"},\"severity\":\"x\" {{ .Labels }} <b>\u{1b}[31m שלום 👨‍👩‍👧";
    let mut told = notification();
    (told.title, told.text) = (attack.to_owned(), format!("{attack}\r\n{attack}"));
    (told.key, told.url) = (attack.to_owned(), Some("https://a.example/%zz".to_owned()));
    let mut message = message(attack, attack);
    message["data"]["watch"]["name"] = json!(attack);
    message["type"] = json!(attack);
    told.events = vec![event(&message.to_string())];
    insta::assert_snapshot!(pretty(&told));
}

#[test]
fn only_an_address_that_alertmanager_takes_is_sent_as_one() {
    let sent = |url: &str| {
        let mut told = notification();
        told.url = Some(url.to_owned());
        alert(config(), &told).get("generatorURL").is_some()
    };
    for good in ["https://a.example", "http://a-b.example:80/x?y=1&z=%D7%A9#f", "https://127.0.0.1/"] {
        assert!(sent(good), "{good}");
    }
    for bad in [
        "",
        "x",
        "javascript:alert(1)",
        "ftp://a.example/",
        "https://",
        "https://:80/",
        "https://a.example/%z",
        "https://a.example/%",
        "https://a b.example/",
        "https://u:p@a.example/",
        "https://a.example/ש",
        "https://a.example:x/",
        "https://[::1",
    ] {
        assert!(!sent(bad), "{bad}");
    }
    assert!(!sent(&format!("https://a.example/{}", "x".repeat(2_000))));
}
