//! Whatever a notification holds, what is sent keeps the rules.

use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Value, json};

use crate::rules::check;
use crate::world::{answer, bot, deliver, webhook, with};

/// What [`check_all_forms`] configures for critical notifications.
const MENTION: &str = "<!channel> <@U012ABC>";

const NASTY: &[&str] = &[
    "<!channel>",
    "<!here|x>",
    "<!everyone>",
    "<@U012ABC>",
    "<#C012|general>",
    "<!subteam^S012>",
    "@channel",
    "@HERE",
    "@everyone",
    "@group",
    "@",
    "channel",
    "here",
    "everyone",
    "<",
    ">",
    "&",
    "&lt;",
    "&amp;",
    "|",
    "`",
    "```",
    "*",
    "_",
    "~",
    ":tada:",
    "\"",
    "\\",
    "\\u0000",
    "\n",
    "\r\n",
    "\t",
    "\0",
    "\u{1b}[31m",
    "\u{200b}",
    "\u{200d}",
    "\u{200e}",
    "\u{200f}",
    "\u{2028}",
    "\u{202a}",
    "\u{202b}",
    "\u{202c}",
    "\u{202d}",
    "\u{202e}",
    "\u{2060}",
    "\u{2066}",
    "\u{2067}",
    "\u{2068}",
    "\u{2069}",
    "\u{feff}",
    "\u{fffe}",
    "\u{10ffff}",
    "שלום",
    "مرحبا",
    "👨‍👩‍👧‍👦",
    "🇮🇱",
    "e\u{301}\u{301}\u{301}",
    "漢字",
    "https://evil.example/@here",
    " ",
    "word",
];

fn foreign(pieces_max: usize) -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        3 => select(NASTY).prop_map(str::to_owned),
        1 => any::<char>().prop_map(String::from),
    ];
    prop::collection::vec(piece, 0..pieces_max).prop_map(|pieces| pieces.concat())
}

/// Mostly short text, sometimes far beyond every limit.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        6 => foreign(30),
        1 => foreign(600),
        1 => (foreign(5), 1..5_000usize).prop_map(|(piece, times)| piece.repeat(times).chars().take(20_000).collect()),
    ]
}

fn event() -> impl Strategy<Value = Value> {
    let kind = prop_oneof![
        Just("commwatch.message.created.v1".to_owned()),
        Just("commwatch.message.edited.v1".to_owned()),
        Just("commwatch.conversation.status_changed.v1".to_owned()),
        foreign(10),
    ];
    let time = prop_oneof![
        Just("2026-10-03T14:05:11Z".to_owned()),
        Just("-000042-01-01T00:00:00Z".to_owned()),
        foreign(5)
    ];
    let shaped = (kind, time, [foreign(20), foreign(20), foreign(20), foreign(20)], text(), any::<u64>()).prop_map(
        |(kind, time, [title, author, previous, current], text, attachments)| {
            json!({"type": kind, "time": time, "data": {
                "watch": {"title": title, "name": "x"},
                "message": {"author": {"kind": "customer", "name": author}, "text": text, "attachments": attachments},
                "change": {"previous": previous, "current": current},
            }})
        },
    );
    let shapeless = prop_oneof![
        Just(json!(null)),
        Just(json!([])),
        Just(json!("text")),
        Just(json!({"data": [], "type": 7})),
        Just(json!({"data": {"watch": "x", "message": {"author": "Dana", "text": 7}}})),
    ];
    prop_oneof![9 => shaped, 1 => shapeless]
}

fn notification() -> impl Strategy<Value = Value> {
    let events = prop_oneof![
        3 => prop::collection::vec(event(), 1..3),
        1 => prop::collection::vec(event(), 1..40),
    ];
    let severity = select(&["critical", "warning", "info", "dreadful"][..]);
    let action = select(&["notify", "open", "update", "close", "sing"][..]);
    let url = prop_oneof![
        Just(None),
        text().prop_map(|text| Some(format!("https://a.example/{text}"))),
        text().prop_map(Some),
    ];
    (foreign(20), any::<u32>(), any::<bool>(), severity, action, [text(), text()], url, events, any::<u64>())
        .prop_map(|(id, attempt, replay, severity, action, [title, text], url, events, omitted)| {
            let mut notification = json!({
                "id": id, "notifier": "n", "attempt": attempt, "replay": replay, "key": "k", "action": action,
                "severity": severity, "title": title, "text": text, "events": events, "omitted": omitted,
            });
            if let Some(url) = url {
                notification["url"] = json!(url);
            }
            notification
        })
}

/// Sends it as blocks and, refused, as plain text; by webhook and by bot.
fn check_all_forms(notification: &Value) {
    let mention = json!({"mention": {"critical": ["@channel", "U012ABC"]}});
    let called = (notification["severity"] == "critical").then_some(MENTION);
    let refusal = r#"{"ok":false,"error":"invalid_blocks"}"#;
    let by_bot = deliver(
        &with(bot(), mention),
        notification,
        vec![answer(200, refusal), answer(200, r#"{"ok":true,"channel":"C1","ts":"1.2"}"#)],
    );
    let by_webhook =
        deliver(&webhook(), notification, vec![answer(400, "invalid_blocks"), answer(200, "ok")]);
    for (sent, mention) in [(by_bot, called), (by_webhook, None)] {
        assert_eq!(sent.requests.len(), 2);
        sent.requests.iter().for_each(|request| check(&request.body.0, mention));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_notification_keeps_the_limits_and_calls_nobody(notification in notification()) {
        check_all_forms(&notification);
    }

    #[test]
    fn only_what_slack_itself_says_counts_as_delivered(
        status in prop_oneof![Just(200u16), 100..600u16],
        body in prop_oneof![
            Just("ok".to_owned()),
            Just(r#"{"ok":true}"#.to_owned()),
            Just(r#"{"ok":false,"error":"invalid_blocks"}"#.to_owned()),
            "[a-z_]{0,20}",
            foreign(20),
        ],
    ) {
        let notification = crate::world::notification();
        let answers = || vec![answer(status, &body), answer(status, &body)];
        let delivered = |config: &Value| {
            let sent = deliver(config, &notification, answers());
            matches!(sent.outcome, commwatch_plugin_api::Outcome::Delivered { .. })
        };
        prop_assert_eq!(delivered(&webhook()), status == 200 && body.trim() == "ok");
        prop_assert_eq!(delivered(&bot()), status == 200 && body == r#"{"ok":true}"#);
    }
}

#[test]
fn the_largest_of_everything_still_fits() {
    for filling in ["漢", "\"", "😀", "&", "שלום ", "\u{10ffff}", "a", "@here", "e\u{301}", "\n"] {
        let long = filling.repeat(3_200);
        let event = json!({"type": long, "time": "2026-10-03T14:05:11Z", "data": {
            "watch": {"title": long},
            "message": {"author": {"kind": long, "name": long}, "text": long, "attachments": u64::MAX},
            "change": {"previous": long, "current": long},
        }});
        let url = format!("https://a.example/{}", "&".repeat(396));
        for events in [1, 2, 25] {
            check_all_forms(&json!({
                "id": "i".repeat(255), "notifier": "n", "attempt": u32::MAX, "replay": true, "key": "k",
                "action": "open", "severity": "critical", "title": long, "text": long, "url": url,
                "events": vec![event.clone(); events], "omitted": u64::MAX,
            }));
        }
    }
}
