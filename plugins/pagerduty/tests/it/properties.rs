//! Whatever a notification holds, what is sent keeps PagerDuty's limits.

use commwatch_plugin_api::Notification;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::world::{KEY, body, config};

fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        3 => any::<String>(),
        1 => prop::collection::vec(any::<char>(), 900..3_000).prop_map(String::from_iter),
        1 => ("[a-z\u{202e}\u{0}\n👨‍👩‍👧 ]{1,9}", 1..400usize).prop_map(|(text, times)| text.repeat(times)),
    ]
}

fn notification() -> impl Strategy<Value = Value> {
    let event = prop_oneof![
        9 => prop::array::uniform8(text()).prop_map(|[a, b, c, d, e, f, g, h]| json!({"type": a, "time": b, "data": {
            "account": c, "watch": {"name": d, "title": e}, "conversation": {"object_id": f},
            "message": {"author": {"name": g}, "text": h}, "problem": {"subject": a}}})),
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

fn check(body: &Value) {
    assert!(body.to_string().len() <= 512_000, "PagerDuty takes 512 KB");
    assert_eq!(body["routing_key"], KEY);
    let chars = |value: &Value| value.as_str().map_or(0, |text| text.chars().count());
    assert!(chars(&body["dedup_key"]) <= 255);
    if body["event_action"] == "resolve" {
        return assert!(body.get("payload").is_none());
    }
    assert_eq!(body["event_action"], "trigger");
    let payload = &body["payload"];
    assert!((1..=1_024).contains(&chars(&payload["summary"])), "{payload}");
    assert!((1..=255).contains(&chars(&payload["source"])), "{payload}");
    assert!(["critical", "warning", "info"].contains(&payload["severity"].as_str().unwrap_or_default()));
    assert!(!payload["summary"].as_str().is_some_and(|text| text.chars().any(char::is_control)));
    if let Some(links) = body.get("links") {
        assert!(links[0]["href"].as_str().is_some_and(|href| href.starts_with("http")));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_notification_keeps_the_limits(told in notification()) {
        let told: Notification = serde_json::from_str(&told.to_string()).expect("a notification");
        check(&body(config(), &told));
    }
}
