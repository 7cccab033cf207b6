//! Whatever a notification holds, what is sent is a form of three fields whose text fits its segments.

use crate::form::fields;
use crate::{deliver, plain, service};
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

/// Segments counted from the tables' other end: the characters of GSM's alphabet by their code points, sizes added up
/// without regard to where segments end, with the worst of what that leaves unused.
fn segments_at_least(text: &str) -> usize {
    let is_basic = |c: char| {
        let letters = "@£$¥èéùìòÇØøÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ¤¡ÄÖÑÜ§¿äöñüà";
        matches!(c, '\n' | ' '..='#' | '%'..='?' | 'A'..='Z' | 'a'..='z') || letters.contains(c)
    };
    let is_extended = |c: char| matches!(c, '^' | '{' | '}' | '\\' | '[' | '~' | ']' | '|' | '€');
    if text.chars().all(|c| is_basic(c) || is_extended(c)) {
        let septets: usize = text.chars().map(|c| if is_extended(c) { 2 } else { 1 }).sum();
        if septets <= 160 { 1 } else { septets.div_ceil(153) }
    } else {
        let units = text.encode_utf16().count();
        if units <= 70 { 1 } else { units.div_ceil(67) }
    }
}

/// Panics at the first rule that a request breaks.
fn check(told: &Notification) {
    for (config, sender, segments) in [
        (plain(), ("From", "+15005550006"), 2),
        (service(), ("MessagingServiceSid", "MG00112233445566778899aabbccddeeff"), 1),
    ] {
        let sent = deliver(&config, told);
        assert_eq!(sent.requests.len(), 1);
        let fields = fields(&sent.text(0));
        let [to, from, body] = fields.as_slice() else { panic!("three fields: {fields:?}") };
        assert_eq!((to.0.as_str(), to.1.as_str()), ("To", "+972501234567"));
        assert_eq!((from.0.as_str(), from.1.as_str()), sender);
        let (name, text) = body;
        assert_eq!(name, "Body");
        assert!(!text.trim().is_empty() && text.chars().count() <= 1_600);
        assert!(segments_at_least(text) <= segments, "{} segments: {text:?}", segments_at_least(text));
        assert!(!text.chars().any(|c| c.is_control() && c != '\n'), "a control character: {text:?}");
        assert!(
            !text.contains(|c| matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')),
            "{text:?}"
        );
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
