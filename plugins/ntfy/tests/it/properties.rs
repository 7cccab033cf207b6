//! Whatever a notification holds, what is sent keeps ntfy's limits and is plain text.

use commwatch_plugin_api::testing::{HOSTILE, notification};
use commwatch_plugin_api::{Action, Notification, Severity};
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::Value;

use crate::{deliver, full};

/// Mostly short, sometimes far beyond every limit.
fn foreign() -> impl Strategy<Value = String> {
    let piece =
        prop_oneof![3 => select(HOSTILE).prop_map(str::to_owned), 1 => any::<char>().prop_map(String::from)];
    let pieces = prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat());
    prop_oneof![
        5 => pieces.clone(),
        1 => (pieces, 1..500usize).prop_map(|(piece, times)| piece.repeat(times).chars().take(20_000).collect()),
    ]
}

/// Panics at the first rule that a request's body breaks.
fn check(told: &Notification) {
    let sent = deliver(&full(), told);
    let [request] = sent.requests.as_slice() else { panic!("one request") };
    assert!(request.body.0.len() < 8_192, "{} bytes", request.body.0.len());
    let body = sent.json(0);
    let known = ["topic", "title", "message", "priority", "tags", "click"];
    assert!(body.as_object().expect("an object").keys().all(|key| known.contains(&key.as_str())), "{body}");
    assert_eq!(body["topic"], "commwatch_alerts");
    let message = body["message"].as_str().expect("a message");
    assert!((1..4_096).contains(&message.len()) && !message.trim().is_empty(), "{} bytes", message.len());
    let title = body["title"].as_str().unwrap_or_default();
    assert!(title.len() <= 500 && !title.contains('\n'), "{title:?}");
    for text in [message, title] {
        assert!(!text.chars().any(|c| c.is_control() && c != '\n'), "a control character: {text:?}");
        assert!(!text.contains(['\u{202a}', '\u{202b}', '\u{202d}', '\u{202e}']), "an override: {text:?}");
    }
    if let Some(click) = body.get("click").map(|click| click.as_str().expect("text")) {
        assert!(click.starts_with("http") && click.bytes().all(|byte| byte.is_ascii_graphic()), "{click}");
    }
    assert!((1..=5).contains(&body["priority"].as_u64().expect("a number")));
    assert!(body["tags"].as_array().expect("a list").iter().all(Value::is_string));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_notification_keeps_the_limits(
        [title, text, url] in [foreign(), foreign(), foreign()],
        is_url in any::<bool>(),
        severity in select(&[Severity::Critical, Severity::Warning, Severity::Info][..]),
        action in select(&[Action::Open, Action::Update, Action::Close, Action::Notify][..]),
        attempt in any::<u32>(),
        omitted in any::<u64>(),
    ) {
        let url = Some(if is_url { format!("https://a.example/{url}") } else { url });
        check(&Notification { title, text, url, severity, action, attempt, omitted, ..notification() });
    }
}

#[test]
fn the_largest_of_everything_still_fits() {
    for filling in ["漢", "\"", "\\", "😀", "שלום ", "\u{10ffff}", "a", "e\u{301}", "\n", "\u{ad}"] {
        check(&Notification {
            title: filling.repeat(5_000),
            text: filling.repeat(50_000),
            url: Some(format!("https://a.example/{}", "\"".repeat(660))),
            attempt: u32::MAX,
            omitted: u64::MAX,
            ..notification()
        });
    }
}
