//! Encryption and signing in: never less than the operator asked for.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use commwatch_plugin_api::testing::notification;
use serde_json::{Value, json};

use crate::deliver;
use crate::receiver::{Manner, Receiver};
use crate::tls::Authority;

const PASSWORD: &str = "hush-hush";

fn login() -> Option<String> {
    Some(BASE64.encode(format!("\0dana\0{PASSWORD}")))
}

fn config(receiver: &Receiver, tls: &str, authority: &Authority) -> Value {
    json!({
        "host": "localhost", "port": receiver.address.port(), "tls": tls, "ca_file": authority.file,
        "username": "dana", "password": PASSWORD, "from": "alerts@acme.example", "to": ["night@acme.example"],
    })
}

/// Nothing that is worth hiding was said before there was encryption.
fn is_discreet(receiver: &Receiver) -> bool {
    receiver.commands().iter().all(|said| said.starts_with("EHLO") || said == "STARTTLS" || said == "QUIT")
}

#[test]
fn with_starttls_everything_after_it_is_encrypted_and_signed_in() {
    let authority = Authority::new("starttls");
    let manner =
        Manner { starttls: Some(authority.server("localhost")), login: login(), ..Manner::default() };
    let receiver = Receiver::start(manner);
    let ended = deliver(&config(&receiver, "starttls", &authority), &notification());
    assert_eq!(ended.kind(), "delivered", "{}", ended.why());
    let taken = receiver.taken().remove(0);
    assert!(taken.encrypted && taken.signed_in);
}

#[test]
fn encryption_may_begin_with_the_connection() {
    let authority = Authority::new("implicit");
    let manner =
        Manner { implicit: Some(authority.server("localhost")), login: login(), ..Manner::default() };
    let receiver = Receiver::start(manner);
    let ended = deliver(&config(&receiver, "implicit", &authority), &notification());
    assert_eq!(ended.kind(), "delivered", "{}", ended.why());
    assert!(receiver.taken()[0].encrypted);
}

#[test]
fn a_server_that_does_not_offer_encryption_is_told_nothing() {
    let authority = Authority::new("none");
    let receiver = Receiver::start(Manner { login: login(), ..Manner::default() });
    let ended = deliver(&config(&receiver, "starttls", &authority), &notification());
    assert_eq!(ended.kind(), "broken");
    insta::assert_snapshot!(ended.why(), @r#"STARTTLS: the server does not offer it; `tls` may have to be "implicit", on another `port`"#);
    assert!(is_discreet(&receiver), "{:?}", receiver.commands());
}

#[test]
fn a_certificate_of_somebody_else_breaks_it() {
    let (ours, theirs) = (Authority::new("ours"), Authority::new("theirs"));
    for (tls, encrypt) in [
        ("starttls", theirs.server("localhost")),
        ("starttls", ours.server("mx.other.example")),
        ("implicit", theirs.server("localhost")),
        ("implicit", ours.server("mx.other.example")),
    ] {
        let manner = match tls {
            "implicit" => Manner { implicit: Some(encrypt), login: login(), ..Manner::default() },
            _ => Manner { starttls: Some(encrypt), login: login(), ..Manner::default() },
        };
        let receiver = Receiver::start(manner);
        let ended = deliver(&config(&receiver, tls, &ours), &notification());
        assert_eq!(ended.kind(), "broken", "{}", ended.why());
        assert!(ended.why().contains("certificate") && ended.why().contains("`ca_file`"), "{}", ended.why());
        assert!(is_discreet(&receiver) && receiver.taken().is_empty(), "{:?}", receiver.commands());
    }
}

#[test]
fn the_wrong_kind_of_encryption_breaks_it() {
    let authority = Authority::new("kinds");
    let plain = Receiver::start(Manner { login: login(), ..Manner::default() });
    let ended = deliver(&config(&plain, "implicit", &authority), &notification());
    assert_eq!(ended.kind(), "broken", "{}", ended.why());
    assert!(plain.commands().iter().all(|said| !said.contains("AUTH")));
}

#[test]
fn a_refused_password_breaks_it_and_is_not_repeated() {
    let authority = Authority::new("password");
    let said = login().expect("a login");
    for (answer, expected) in [
        ("535 5.7.8 no".to_owned(), "broken"),
        ("534 5.7.9 too weak".to_owned(), "broken"),
        ("454 4.7.0 later".to_owned(), "retry"),
        (format!("501 what is AUTH PLAIN {said} or {PASSWORD}?"), "broken"),
    ] {
        let answer: &'static str = answer.leak();
        let manner = Manner {
            starttls: Some(authority.server("localhost")),
            login: login(),
            answers: vec![("AUTH", answer)],
            ..Manner::default()
        };
        let receiver = Receiver::start(manner);
        let ended = deliver(&config(&receiver, "starttls", &authority), &notification());
        assert_eq!((ended.kind(), receiver.taken().len()), (expected, 0), "{answer}: {}", ended.why());
        let shown = format!("{ended:?}");
        assert!(!shown.contains(PASSWORD) && !shown.contains(&said), "{shown}");
    }
}

#[test]
fn a_server_that_knows_no_way_to_sign_in_breaks_it() {
    let authority = Authority::new("ways");
    let receiver =
        Receiver::start(Manner { starttls: Some(authority.server("localhost")), ..Manner::default() });
    let ended = deliver(&config(&receiver, "starttls", &authority), &notification());
    assert_eq!((ended.kind(), receiver.taken().len()), ("broken", 0));
    insta::assert_snapshot!(ended.why(), @"signing in: No compatible authentication mechanism was found");
}
