//! Whatever a notification holds, what is sent is one mail of one plain text, with the headers that it always has.

use std::sync::LazyLock;

use commwatch_plugin_api::testing::{HOSTILE, notification};
use commwatch_plugin_api::{Notification, Severity, text};
use proptest::prelude::*;
use proptest::sample::select;

use crate::mail::Mail;
use crate::receiver::{Manner, Receiver};
use crate::{deliver, to};

const HEADERS: [&str; 13] = [
    "Message-ID",
    "In-Reply-To",
    "References",
    "Date",
    "From",
    "Subject",
    "Content-Type",
    "To",
    "Auto-Submitted",
    "X-Auto-Response-Suppress",
    "Importance",
    "Content-Transfer-Encoding",
    "MIME-Version",
];

/// Mostly short, sometimes far beyond every limit.
fn foreign() -> impl Strategy<Value = String> {
    let piece =
        prop_oneof![3 => select(HOSTILE).prop_map(str::to_owned), 1 => any::<char>().prop_map(String::from)];
    let more = select(
        &[
            "\r\n.\r\n",
            "\r\nBcc: x@evil.example",
            "\r\n\r\n",
            "=?utf-8?b?aGk=?=",
            " =?utf-8?b?4oCu?= ",
            "=0D=0A",
            "From ",
            ".",
        ][..],
    );
    let piece = prop_oneof![4 => piece, 1 => more.prop_map(str::to_owned)];
    let pieces = prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat());
    prop_oneof![
        5 => pieces.clone(),
        1 => (pieces, 1..500usize).prop_map(|(piece, times)| piece.repeat(times).chars().take(20_000).collect()),
    ]
}

/// Panics at the first rule that the mail breaks.
fn check(told: &Notification) {
    static RECEIVER: LazyLock<Receiver> = LazyLock::new(|| Receiver::start(Manner::default()));
    let before = RECEIVER.commands().len();
    let ended = deliver(&to(&RECEIVER), told);
    assert_eq!(ended.kind(), "delivered", "{}", ended.why());
    let commands = RECEIVER.commands().split_off(before);
    let verbs = commands.iter().map(|said| said.split([' ', ':']).next().unwrap_or_default());
    // Goodbyes come when they come, also the one before.
    let verbs: Vec<&str> = verbs.filter(|verb| *verb != "QUIT").collect();
    assert_eq!(verbs, ["EHLO", "MAIL", "RCPT", "DATA"], "one mail, and nothing slips out of it");
    let taken = RECEIVER.taken().pop().expect("a mail");
    assert_eq!(
        (taken.from.as_str(), taken.to.as_slice()),
        ("alerts@acme.example", &["night@acme.example".to_owned()][..])
    );
    let mail = Mail::read(&taken.bytes);
    for (name, value) in &mail.headers {
        assert!(HEADERS.contains(&name.as_str()), "{name}: {value}");
        assert!(!value.chars().any(char::is_control), "{name}: {value:?}");
    }
    assert_eq!(mail.header("To"), "night@acme.example");
    assert_eq!(mail.header("Content-Type"), "text/plain; charset=utf-8");
    let title = text::line_within(&told.title, 200);
    if !title.is_empty() {
        assert_eq!(mail.header("Subject").trim(), title.replace("=?", "=\u{2060}?").trim());
    }
    let said = text::lines_within(&told.text, 10_000);
    assert!(mail.body.starts_with(&said), "{:?} is not the beginning of {:?}", said, mail.body);
    assert!(!mail.body.chars().any(|c| c.is_control() && c != '\n'), "{:?}", mail.body);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_notification_is_one_plain_mail(
        [id, key, title, text, url] in [foreign(), foreign(), foreign(), foreign(), foreign()],
        severity in select(&[Severity::Critical, Severity::Info][..]),
        attempt in any::<u32>(),
    ) {
        check(&Notification { id, key, title, text, url: Some(url), severity, attempt, ..notification() });
    }
}
