//! Whatever a notification holds, what is sent keeps Teams' limits and holds no live markup.

use commwatch_plugin_api::testing::{HOSTILE, notification};
use commwatch_plugin_api::{Action, Notification, Severity};
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::Value;

use crate::deliver;

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

/// Panics at the first rule that a request's body breaks:
/// - other people's text stands in text runs, which know no Markdown, and nowhere else;
/// - facts, which do, hold words of ours; there is no other element;
/// - no function, template or mention can begin in any text;
/// - the one link is the operator's, and whole.
fn check(told: &Notification) {
    let sent = deliver(told);
    let [request] = sent.requests.as_slice() else { panic!("one request") };
    assert!(request.body.0.len() <= 20_000, "{} bytes", request.body.0.len());
    let body = sent.json(0);
    assert_eq!(
        (&body["type"], body["attachments"].as_array().expect("a list").len()),
        (&"message".into(), 1)
    );
    let attachment = &body["attachments"][0];
    assert_eq!(attachment["contentType"], "application/vnd.microsoft.card.adaptive");
    let card = &attachment["content"];
    assert_eq!((&card["type"], &card["version"]), (&"AdaptiveCard".into(), &"1.4".into()));
    assert!(card["msteams"].get("entities").is_none(), "nobody is mentioned");
    for element in card["body"].as_array().expect("a list") {
        match element["type"].as_str() {
            Some("RichTextBlock") => {
                element["inlines"].as_array().expect("a list").iter().for_each(check_run);
            }
            Some("FactSet") => element["facts"].as_array().expect("a list").iter().for_each(check_fact),
            other => panic!("an element of type {other:?}"),
        }
    }
    for action in card["actions"].as_array().into_iter().flatten() {
        assert_eq!(
            (&action["type"], &action["title"]),
            (&"Action.OpenUrl".into(), &"Open in CommBox".into())
        );
        let url = action["url"].as_str().expect("text");
        assert!(url.starts_with("http") && url.bytes().all(|byte| byte.is_ascii_graphic()), "{url}");
    }
}

fn check_run(run: &Value) {
    assert_eq!(run["type"], "TextRun");
    assert!(run.get("selectAction").is_none());
    let text = run["text"].as_str().expect("text");
    assert!(!text.trim().is_empty());
    assert!(!text.chars().any(|c| c.is_control() && c != '\n'), "a control character: {text:?}");
    assert!(!text.contains(['\u{202a}', '\u{202b}', '\u{202d}', '\u{202e}']), "an override: {text:?}");
    let lower = text.to_ascii_lowercase();
    for live in ["{{", "${", "<at", "</at"] {
        assert!(!lower.contains(live), "{live} in {text:?}");
    }
}

fn check_fact(fact: &Value) {
    let value = fact["value"].as_str().expect("a value");
    match fact["title"].as_str() {
        Some("Severity") => assert!(["critical", "warning", "info"].contains(&value), "{value}"),
        Some("State") => assert!(["begins", "goes on", "over"].contains(&value), "{value}"),
        Some("Further events") => assert!(value.bytes().all(|byte| byte.is_ascii_digit()), "{value}"),
        Some("Note") => assert_eq!(value, "possible repeat"),
        other => panic!("a fact {other:?}"),
    }
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
