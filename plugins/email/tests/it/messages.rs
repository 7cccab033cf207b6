//! What is sent: one snapshot for each kind of notification.

use commwatch_plugin_api::testing::notification;
use commwatch_plugin_api::{Action, Severity};

use crate::receiver::{Manner, Receiver};
use crate::{deliver, sent, to};

#[test]
fn one_message() {
    insta::assert_snapshot!(sent(&notification()).golden());
}

#[test]
fn what_is_critical_is_marked_and_a_conversation_is_one_thread() {
    let mut told = notification();
    (told.action, told.severity, told.key) =
        (Action::Open, Severity::Critical, "main/293854/waiting".to_owned());
    told.title = "ACME / דנה לוי: has waited 11 min for an answer".to_owned();
    told.text = "האם יש שם מישהו?\n[since Mon 2 Mar 12:06 IST]".to_owned();
    let opens = sent(&told);
    insta::assert_snapshot!(opens.golden());
    (told.id, told.action, told.severity) = ("n-2".to_owned(), Action::Close, Severity::Info);
    let closes = sent(&told);
    assert_eq!(opens.header("References"), closes.header("References"));
    assert_eq!(closes.header("References"), closes.header("In-Reply-To"));
    assert_ne!(opens.header("Message-ID"), closes.header("Message-ID"));
    told.key = "main/7".to_owned();
    assert_ne!(sent(&told).header("References"), closes.header("References"));
}

#[test]
fn every_attempt_has_the_same_id_and_says_that_it_may_be_a_repeat() {
    let mut told = notification();
    let first = sent(&told);
    // How many are left out is said by the text.
    (told.attempt, told.omitted) = (3, 4);
    let again = sent(&told);
    assert_eq!(first.header("Message-ID"), again.header("Message-ID"));
    assert!(
        again.body.trim_end().ends_with("-- \ncommwatch · possible repeat · n-293854-900001"),
        "{}",
        again.body
    );
    told.notifier = "others".to_owned();
    assert_ne!(
        sent(&told).header("Message-ID"),
        again.header("Message-ID"),
        "another notifier's is another mail"
    );
}

#[test]
fn a_text_that_is_empty_leaves_the_title_and_a_title_that_is_empty_the_notifier() {
    let mut told = notification();
    (told.title, told.text, told.url) = ("\u{202e}\r\n".to_owned(), "\u{200b}".to_owned(), None);
    let mail = sent(&told);
    assert_eq!(mail.header("Subject"), "commwatch: ops");
    assert!(mail.body.starts_with("commwatch: ops\n\n-- \n"), "{}", mail.body);
}

#[test]
fn several_people_see_each_other_and_answers_go_where_they_are_to() {
    let receiver = Receiver::start(Manner::default());
    let mut config = to(&receiver);
    config["to"] = serde_json::json!(["Night Desk <night@acme.example>", "דנה <dana@acme.example>"]);
    config["reply_to"] = "support@acme.example".into();
    assert_eq!(deliver(&config, &notification()).kind(), "delivered");
    let taken = receiver.taken().remove(0);
    assert_eq!(
        (taken.from.as_str(), taken.to),
        ("alerts@acme.example", vec!["night@acme.example".into(), "dana@acme.example".into()])
    );
    let mail = crate::Mail::read(&taken.bytes);
    assert_eq!(mail.header("To"), "\"Night Desk\" <night@acme.example>, דנה <dana@acme.example>");
    assert_eq!(mail.header("Reply-To"), "support@acme.example");
}

#[test]
fn what_customers_write_stays_in_its_place() {
    let mut told = notification();
    let attack = "hi\r\nBcc: evil@evil.example\r\n\r\n<b>x</b>\r\n.\r\nQUIT\r\n=?utf-8?b?aGk=?= \u{202e}\0";
    (told.title, told.text) = (attack.to_owned(), attack.to_owned());
    told.url = Some("javascript:alert(1)".to_owned());
    let mail = sent(&told);
    insta::assert_snapshot!(mail.golden());
}
