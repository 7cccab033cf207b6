//! Whatever a notification holds, what is sent keeps Telegram's limits and calls nobody.

use crate::{deliver, topic};
use commwatch_plugin_api::testing::{HOSTILE, notification};
use commwatch_plugin_api::{Action, Notification, Severity};
use proptest::prelude::*;
use proptest::sample::select;

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
    let sent = deliver(&topic(), told);
    assert_eq!(sent.requests.len(), 1);
    let body = sent.json(0);
    let known = ["chat_id", "message_thread_id", "text", "link_preview_options", "disable_notification"];
    assert!(body.as_object().expect("an object").keys().all(|key| known.contains(&key.as_str())), "{body}");
    assert_eq!((&body["chat_id"], &body["message_thread_id"]), (&"@acme_ops".into(), &12.into()));
    assert_eq!(body["link_preview_options"]["is_disabled"], true);
    let text = body["text"].as_str().expect("a text");
    let units = text.encode_utf16().count();
    assert!((1..=4_096).contains(&units) && !text.trim().is_empty(), "{units} units");
    assert!(!text.chars().any(|c| c.is_control() && c != '\n'), "a control character: {text:?}");
    assert!(!text.contains(['\u{202a}', '\u{202b}', '\u{202d}', '\u{202e}']), "an override: {text:?}");
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    // The operator's own link is one, and stands alone in the last line.
    let foreign = text.rsplit_once('\n').map_or(text, |(foreign, link)| {
        if link.starts_with("http") && !link.contains(['@', ' ']) { foreign } else { text }
    });
    let chars: Vec<char> = foreign.chars().collect();
    for (at, pair) in chars.windows(2).enumerate() {
        let before = at.checked_sub(1).map(|at| chars[at]);
        let within_word = before.is_some_and(|c| c.is_ascii_alphanumeric());
        assert!(pair[0] != '@' || !is_word(pair[1]) || within_word, "calls somebody: {text:?}");
        let is_path = within_word || before == Some('/');
        assert!(pair[0] != '/' || !is_word(pair[1]) || is_path, "a command: {text:?}");
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
