//! Whatever a notification holds, what is sent is an alert that Alertmanager takes.

use commwatch_plugin_api::{Action, Notification};
use jiff::Timestamp;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::world::{alert, config, now};

const LABELS: [&str; 6] = ["account", "alertname", "conversation", "key", "severity", "watch"];

fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        3 => any::<String>(),
        1 => prop::collection::vec(any::<char>(), 900..3_000).prop_map(String::from_iter),
        1 => ("[a-z\u{202e}\u{0}\n👨‍👩‍👧 ]{1,9}", 1..400usize).prop_map(|(text, times)| text.repeat(times)),
    ]
}

fn time() -> impl Strategy<Value = String> {
    prop_oneof![
        2 => any::<i64>().prop_map(|seconds| {
            let (least, most) = (Timestamp::MIN.as_second(), Timestamp::MAX.as_second());
            Timestamp::from_second(seconds.rem_euclid(most - least) + least).expect("within bounds").to_string()
        }),
        1 => (0..4_000_000_000i64).prop_map(|s| Timestamp::from_second(s).expect("within bounds").to_string()),
        1 => text(),
    ]
}

fn notification() -> impl Strategy<Value = Value> {
    let event = prop_oneof![
        9 => (prop::array::uniform8(text()), time()).prop_map(|([a, b, c, d, e, f, _, h], t)| json!({"type": a, "time": t, "data": {
            "account": c, "watch": {"name": d, "title": e, "priority": b}, "conversation": {"object_id": f},
            "message": {"text": h}, "problem": {"since": t}}})),
        1 => prop_oneof![Just(json!(null)), Just(json!([7])), Just(json!({"data": "x", "type": 7}))],
    ];
    let action = prop::sample::select(&["notify", "open", "update", "close", "sing"][..]);
    let severity = prop::sample::select(&["critical", "warning", "info", "dreadful"][..]);
    let events = prop::collection::vec(event, 1..4);
    (prop::array::uniform4(text()), any::<Option<String>>(), action, severity, events, 1..10usize, any::<u64>()).prop_map(
        |([id, key, title, text], url, action, severity, events, times, omitted)| {
            let events: Vec<Value> = events.iter().cycle().take(events.len() * times).cloned().collect();
            json!({"id": id, "notifier": "n", "attempt": 1, "replay": false, "key": key, "action": action,
                "severity": severity, "title": title, "text": text, "url": url, "events": events, "omitted": omitted})
        },
    )
}

fn check(alert: &Value) {
    assert!(alert.to_string().len() <= 200_000);
    let labels = alert["labels"].as_object().expect("labels");
    assert!(labels["alertname"].as_str().is_some_and(|name| name.starts_with("Commwatch")));
    for (name, value) in labels {
        let value = value.as_str().expect("text");
        assert!(
            LABELS.contains(&name.as_str()) && (1..=255).contains(&value.chars().count()),
            "{name}: {value}"
        );
        assert!(!value.chars().any(char::is_control), "{name}: {value:?}");
    }
    for (name, value) in alert["annotations"].as_object().expect("annotations") {
        let chars = value.as_str().expect("text").chars().count();
        assert!((1..=4_000).contains(&chars), "{name}: {chars}");
    }
    let time = |field: &str| alert[field].as_str().expect("text").parse::<Timestamp>().expect("a time");
    assert!(time("startsAt") <= time("endsAt") && time("startsAt").as_second() > 0, "{alert}");
    // RFC 3339 has four digits for the year.
    assert!(!alert["endsAt"].as_str().is_some_and(|text| text.starts_with(['-', '+'])));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_notification_makes_an_alert_that_is_valid(told in notification()) {
        let told: Notification = serde_json::from_str(&told.to_string()).expect("a notification");
        let alert = alert(config(), &told);
        check(&alert);
        let ends: Timestamp = alert["endsAt"].as_str().expect("text").parse().expect("a time");
        prop_assert_eq!(ends > now(), told.action != Action::Close, "what fires is not over, what closes is");
    }
}
