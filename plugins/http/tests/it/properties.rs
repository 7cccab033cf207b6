//! Whatever a notification holds, what is sent is valid and small enough.

use commwatch_plugin_api::Notification;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::presets::{ALL, message};
use crate::world::{deliver, with_body};

fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        3 => any::<String>(),
        1 => prop::collection::vec(any::<char>(), 900..5_000).prop_map(String::from_iter),
        2 => prop::collection::vec(prop::sample::select(&[
            "@everyone", "@here", "@channel", "<@1>", "<!channel>", "<users/all>", "**", "_", "`", "```", "[a](b)", ":tada:", "\\",
            "\"", "{{ key }}", "{% raw %}", "&lt;", "</p>", "\u{202e}", "\u{2060}", "\0", "\n", "\r\n", "👨‍👩‍👧", "שלום", "..", "/", "%2e",
        ][..]), 0..200).prop_map(|parts| parts.concat()),
    ]
}

fn notification() -> impl Strategy<Value = Value> {
    let event = prop_oneof![
        9 => prop::array::uniform3(text()).prop_map(|[a, b, c]| json!({"type": a, "data": {
            "watch": {"name": b, "title": b}, "message": {"author": {"name": c}, "text": a}}})),
        1 => prop_oneof![Just(json!(null)), Just(json!([7])), Just(json!({"data": "x", "type": 7}))],
    ];
    let action = prop::sample::select(&["notify", "open", "update", "close", "sing"][..]);
    let severity = prop::sample::select(&["critical", "warning", "info", "dreadful"][..]);
    let url = prop_oneof![
        Just(None),
        text().prop_map(Some),
        text().prop_map(|text| Some(format!("https://a.example/{text}")))
    ];
    (prop::array::uniform4(text()), url, action, severity, prop::collection::vec(event, 1..4), any::<u64>()).prop_map(
        |([id, key, title, text], url, action, severity, events, omitted)| {
            json!({"id": id, "notifier": "n", "attempt": 1, "replay": false, "key": key, "action": action,
                "severity": severity, "title": title, "text": text, "url": url, "events": events, "omitted": omitted})
        },
    )
}

/// No word that calls somebody, and no sign that formats, but those of our own.
fn assert_is_text(text: &str) {
    let own = text.replacen("**", "", 1).replacen("**\n", "\n", 1);
    for call in ["@everyone", "@here", "@channel", "@all", "<@", "<!", "<users"] {
        assert!(!own.contains(call), "{call} in {text:?}");
    }
    let own = own.rsplit_once("\n<http").map_or(own.as_str(), |(text, _link)| text);
    let mut characters = own.chars();
    while let Some(c) = characters.next() {
        if c == '\\' {
            characters.next();
        } else {
            assert!(!"*_`|~[]".contains(c), "{c:?} in {text:?}");
        }
    }
}

fn check(preset: &str, message: &Value) {
    match preset {
        "discord" => {
            let content = message["content"].as_str().expect("text");
            assert!((1..=2_000).contains(&content.encode_utf16().count()), "{content}");
            assert_eq!(message["allowed_mentions"], json!({"parse": []}));
            assert_is_text(content);
        }
        "mattermost" => {
            let text = message["text"].as_str().expect("text");
            assert!((1..=16_383).contains(&text.encode_utf16().count()));
            assert_is_text(text);
        }
        _ => {
            assert!(message.to_string().len() <= 32_000);
            let widgets = &message["cardsV2"][0]["card"]["sections"][0]["widgets"];
            let text = widgets[0]["textParagraph"]["text"].as_str().expect("text");
            assert!(!text.is_empty() && !text.contains(['<', '>']), "{text}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_notification_is_a_valid_request(told in notification()) {
        let told: Notification = serde_json::from_str(&told.to_string()).expect("a notification");
        for preset in ALL {
            check(preset, &message(preset, &told));
        }
        let own = r#"{"t": {{ title }}, "e": {{ event.data.message.text }}, "x": [{{ "a" ~ text }}, {{ events }}]}"#;
        let more = json!({"path": "/{{ title }}/x?y={{ text | cut(99) }}", "headers": {"x-title": "{{ title | cut(99) }}"}});
        let delivery = deliver(with_body(own, more), &told);
        prop_assert_eq!(&delivery.json()["t"], &json!(told.title));
        let commwatch_plugin_api::Value::Text(url) = &delivery.request.url else { panic!("text") };
        prop_assert!(url.starts_with("https://api.example/in") && url.bytes().all(|byte| byte.is_ascii_graphic()));
        prop_assert!(!url.contains("/../") && !url.contains("/./"), "{}", url);
        if let Some(commwatch_plugin_api::Value::Text(title)) = delivery.request.headers.get("x-title") {
            prop_assert!(!title.chars().any(char::is_control));
        }
        let form = deliver(with_body("a={{ title }}&b={{ text }}", json!({"content_type": "application/x-www-form-urlencoded"})), &told);
        prop_assert_eq!(form.body().matches(['&', '=']).count(), 3);
    }
}
