//! What a server does at each step, and what comes of it.

use commwatch_email::Email;
use commwatch_plugin_api::testing::{Delivery, FakeHost, notification, start};
use commwatch_plugin_api::{Notifier as _, Outcome};
use serde_json::json;

use crate::receiver::{Manner, Receiver};
use crate::{deliver, to};

/// What comes of one delivery to a server that answers so, and how many mails it then has.
fn after(answers: &[(&'static str, &'static str)]) -> (Delivery, usize) {
    let receiver = Receiver::start(Manner { answers: answers.to_vec(), ..Manner::default() });
    let mut told = notification();
    // For those servers that say nothing.
    told.remaining_ms = 400;
    let ended = deliver(&to(&receiver), &told);
    (ended, receiver.taken().len())
}

#[test]
fn every_answer_at_every_step_has_its_outcome() {
    let table: &[(&'static str, &'static str, &str)] = &[
        ("greeting", "421 busy", "retry"),
        ("greeting", "554 go away", "broken"),
        ("greeting", "", "retry"),
        ("greeting", "...", "retry"),
        ("greeting", "SSH-2.0-OpenSSH", "retry"),
        ("EHLO", "451 later", "retry"),
        ("EHLO", "550 who are you", "broken"),
        ("EHLO", "...", "retry"),
        ("MAIL", "451 4.3.0 later", "retry"),
        ("MAIL", "550 5.7.1 not you", "broken"),
        ("MAIL", "552 5.3.4 too big", "reject"),
        ("MAIL", "", "retry"),
        ("RCPT", "450 4.2.0 greylisted", "retry"),
        ("RCPT", "550 5.1.1 no such user", "broken"),
        ("RCPT", "421 4.7.0 goodbye", "retry"),
        ("RCPT", "...", "retry"),
        ("DATA", "451 later", "retry"),
        ("DATA", "554 5.7.1 no", "reject"),
        ("DATA", "", "retry"),
        ("DATA", "250 ok", "retry"),
        ("DATA", "334 VXNlcm5hbWU6", "retry"),
        (".", "451 4.3.0 later", "retry"),
        (".", "452 4.3.1 disk full", "retry"),
        (".", "554 5.7.1 spam", "reject"),
        (".", "552 5.3.4 too big", "reject"),
        (".", "", "unknown"),
        (".", "...", "unknown"),
        (".", "hm", "unknown"),
        (".", "354 go on", "unknown"),
    ];
    for &(step, answer, expected) in table {
        let (ended, taken) = after(&[(step, answer)]);
        assert_eq!((ended.kind(), taken), (expected, 0), "{answer:?} to {step}: {}", ended.why());
        assert!(ended.requests.is_empty(), "the host is not asked for anything");
    }
    // What comes after it was taken changes nothing.
    for goodbye in ["", "...", "500 what"] {
        let (ended, taken) = after(&[("QUIT", goodbye)]);
        assert_eq!(
            (ended.outcome, taken),
            (Outcome::Delivered { receipt: Some("4XyZ12".into()) }, 1),
            "{goodbye:?}"
        );
    }
}

#[test]
fn nobody_there_is_a_reason_to_come_again() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address");
    let config = json!({"host": "127.0.0.1", "port": free.port(), "tls": "none", "from": "a@x.example", "to": ["b@x.example"]});
    let ended = deliver(&config, &notification());
    assert_eq!(ended.kind(), "retry");
    assert!(ended.why().starts_with(&format!("no connection: {free}: ")), "{}", ended.why());
    let mut nowhere = config;
    nowhere["host"] = "nowhere.invalid".into();
    nowhere["tls"] = "starttls".into();
    assert_eq!(deliver(&nowhere, &notification()).kind(), "retry");
}

#[test]
fn a_refusal_says_what_to_look_at() {
    let why = |answers: &[(&'static str, &'static str)]| after(answers).0.why().to_owned();
    insta::assert_snapshot!(why(&[("RCPT", "550-5.1.1 no such\r\n550 5.1.1 user")]), @"SMTP 550 at `to`: night@acme.example: 5.1.1 no such user; check `to`");
    insta::assert_snapshot!(why(&[("MAIL", "530 5.7.0 sign in first")]), @"SMTP 530 at `from`: 5.7.0 sign in first; check `from`, and whether the server wants you to sign in");
    insta::assert_snapshot!(why(&[(".", "554 5.7.1 looks like spam")]), @"SMTP 554 at the mail: 5.7.1 looks like spam");
    insta::assert_snapshot!(why(&[(".", "")]), @"no answer to the mail: incomplete response; it may have arrived");
    insta::assert_snapshot!(why(&[(".", "...")]), @"the server did not answer in time after it was sent the mail");
    insta::assert_snapshot!(why(&[("EHLO", "...")]), @"the server did not answer in time; nothing was sent");
}

#[test]
fn of_several_people_each_gets_it_once_though_the_server_takes_it_for_some_only() {
    let receiver = Receiver::start(Manner::default());
    let mut config = to(&receiver);
    config["to"] = json!(["a@acme.example", "b@acme.example", "c@acme.example"]);
    receiver.then(&[("RCPT TO:<b@", "450 4.2.0 greylisted"), ("RCPT TO:<c@", "550 5.1.1 no such user")]);
    let host = FakeHost::new();
    let email: Email = start(config, &host.host()).expect("it starts");
    let mut told = notification();
    let Outcome::Retry { why, .. } = email.deliver(&told, &host.host()) else { panic!("retry") };
    assert_eq!(why, "b@acme.example is to get it later: SMTP 450 4.2.0 greylisted; the others have it");
    told.attempt = 2;
    assert!(matches!(email.deliver(&told, &host.host()), Outcome::Delivered { .. }));
    let to: Vec<_> = receiver.taken().into_iter().map(|taken| taken.to).collect();
    assert_eq!(to, [["a@acme.example"], ["b@acme.example"]]);
    let lines: Vec<_> = host.lines().into_iter().map(|(_, line)| line).collect();
    assert_eq!(lines, ["c@acme.example does not get it: 550 5.1.1 no such user"]);
    // The next one goes to everybody.
    told.id = "n-2".to_owned();
    assert!(matches!(email.deliver(&told, &host.host()), Outcome::Delivered { .. }));
    assert_eq!(receiver.taken()[2].to.len(), 3);
}

/// A server that took a mail for some of several people, who were greylisted: `then` is what it says when they are named
/// again.
fn at_the_second_try(then: &[(&'static str, &'static str)]) -> (Outcome, Vec<String>, Receiver, Email) {
    let receiver = Receiver::start(Manner::default());
    let mut config = to(&receiver);
    config["to"] = json!(["a@acme.example", "b@acme.example", "c@acme.example"]);
    receiver.then(&[("RCPT TO:<b@", "450 4.2.0 greylisted"), ("RCPT TO:<c@", "450 4.2.0 greylisted")]);
    let host = FakeHost::new();
    let email: Email = start(config, &host.host()).expect("it starts");
    let mut told = notification();
    assert!(matches!(email.deliver(&told, &host.host()), Outcome::Retry { .. }));
    receiver.then(then);
    told.attempt = 2;
    let ended = email.deliver(&told, &host.host());
    (ended, host.lines().into_iter().map(|(_, line)| line).collect(), receiver, email)
}

#[test]
fn who_is_refused_at_last_is_said_and_does_not_break_it_for_the_others() {
    let gone = [("RCPT TO:<b@", "550 5.1.1 no such user"), ("RCPT TO:<c@", "553 5.1.3 no mailbox")];
    let (ended, lines, receiver, _) = at_the_second_try(&gone);
    assert_eq!(ended, Outcome::delivered());
    assert_eq!(
        lines,
        [
            "b@acme.example does not get it: 550 5.1.1 no such user",
            "c@acme.example does not get it: 553 5.1.3 no mailbox"
        ]
    );
    assert_eq!(receiver.taken().len(), 1);
    let still = [("RCPT TO:<b@", "550 5.1.1 no such user"), ("RCPT TO:<c@", "450 4.2.0 greylisted")];
    let (ended, lines, _, _) = at_the_second_try(&still);
    let Outcome::Retry { why, .. } = ended else { panic!("{ended:?}") };
    assert_eq!(why, "c@acme.example is to get it later: SMTP 450 4.2.0 greylisted; the others have it");
    assert_eq!(lines, ["b@acme.example does not get it: 550 5.1.1 no such user"]);
}

#[test]
fn what_a_person_asks_for_again_goes_to_everybody_once() {
    let (_, _, receiver, email) = at_the_second_try(&[]);
    let (host, mut told) = (FakeHost::new(), notification());
    (told.replay, told.attempt) = (true, 3);
    receiver.then(&[("RCPT TO:<b@", "450 4.2.0 greylisted")]);
    assert!(matches!(email.deliver(&told, &host.host()), Outcome::Retry { .. }));
    told.attempt = 4;
    assert!(matches!(email.deliver(&told, &host.host()), Outcome::Delivered { .. }));
    let to: Vec<_> = receiver.taken().into_iter().skip(2).map(|taken| taken.to).collect();
    assert_eq!(to, [vec!["a@acme.example", "c@acme.example"], vec!["b@acme.example"]]);
}
