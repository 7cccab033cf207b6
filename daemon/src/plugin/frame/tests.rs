use commwatch_plugin_api::{HttpError, Level, Outcome};
use proptest::prelude::*;
use serde_json::json;

use super::*;

fn through_the_wire(bytes: &[u8]) -> Frame {
    read(&mut &bytes[..]).unwrap().expect("one frame")
}

#[test]
fn what_the_daemon_says_arrives_as_it_was_said() {
    let answer = HttpEnd::Answer { status: 204, headers: b"{\"a\":\"b\"}".to_vec(), body: vec![0, 1, 2] };
    let fault = |error| ToChild::HttpEnd { token: 5, end: HttpEnd::Fault(error) };
    let why = "why".to_owned();
    for said in [
        ToChild::Hello(Hello {
            protocol: PROTOCOL,
            library: "/a.so".into(),
            pinned: Some("00".into()),
            config: json!({"token": {"$secret": "/token"}}),
            concurrency: 4,
        }),
        ToChild::Deliver {
            token: u64::MAX,
            attempt: 2,
            replay: true,
            remaining_ms: 7,
            receipt: "C1/17".into(),
            notification: b"{}".to_vec(),
        },
        ToChild::HttpEnd { token: 5, end: answer },
        fault(HttpError::NotSent { why: why.clone() }),
        fault(HttpError::NoAnswer { why: why.clone() }),
        fault(HttpError::Refused { why }),
        ToChild::Stop,
    ] {
        assert_eq!(ToChild::decode(through_the_wire(&said.encode())).unwrap(), said);
    }
}

#[test]
fn what_a_child_says_arrives_as_it_was_said() {
    let outcome = |outcome| FromChild::Outcome { token: 9, outcome };
    for said in [
        FromChild::Ready(Ready { protocol: PROTOCOL, version: "1.2".into() }),
        FromChild::Refused { why: "no such room".into() },
        outcome(Outcome::delivered()),
        outcome(Outcome::Delivered { receipt: Some("r-1".into()) }),
        outcome(Outcome::Retry { after: Some(std::time::Duration::from_millis(1500)), why: "429".into() }),
        outcome(Outcome::retry("500")),
        outcome(Outcome::reject("400")),
        outcome(Outcome::unknown("lost")),
        outcome(Outcome::broken("401")),
        FromChild::Http { token: 9, description: b"{}".to_vec(), body: vec![7; 1 << 20] },
        FromChild::Log { level: Level::Debug, line: "שלום".into() },
    ] {
        assert_eq!(FromChild::decode(through_the_wire(&said.encode())).unwrap(), said);
    }
}

#[test]
fn a_frame_that_announces_too_much_is_refused_before_it_is_read() {
    let mut header = [0; HEADER_BYTES];
    header[..4].copy_from_slice(&(FRAME_BYTES_MAX as u32 + 1).to_le_bytes());
    let error = read(&mut &header[..]).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::InvalidData);
}

#[test]
fn another_version_of_the_protocol_is_refused_with_both_numbers() {
    let ready = Ready { protocol: 9, version: "1".into() };
    let violation = FromChild::decode(through_the_wire(&FromChild::Ready(ready).encode())).unwrap_err();
    assert_eq!(violation.to_string(), "it broke the protocol: it speaks version 9, this is version 2");
}

#[test]
fn text_from_a_child_is_one_bounded_line() {
    let why = format!("a\nb\u{1b}[31m{}", "x".repeat(2 * from_child::TEXT_BYTES_MAX));
    let said = FromChild::Outcome { token: 1, outcome: Outcome::reject(why) };
    let Ok(FromChild::Outcome { outcome: Outcome::Reject { why }, .. }) =
        FromChild::decode(through_the_wire(&said.encode()))
    else {
        panic!("not a rejection")
    };
    assert!(why.starts_with("a b [31mxxx"), "{}", &why[..20]);
    assert!(why.len() <= from_child::TEXT_BYTES_MAX);
}

#[test]
fn a_stream_that_ends_within_a_frame_is_an_error_and_between_frames_is_not() {
    let frame = ToChild::Stop.encode();
    assert!(read(&mut &frame[..5]).is_err());
    assert!(read(&mut &frame[..0]).unwrap().is_none());
}

proptest! {
    #[test]
    fn no_bytes_of_a_child_can_panic_the_daemon(
        kind in prop_oneof![any::<u8>(), 60u8..75], token: u64, body in prop::collection::vec(any::<u8>(), 0..200),
    ) {
        let _ = FromChild::decode(Frame { kind, token, body: body.clone() });
        let _ = ToChild::decode(Frame { kind, token, body });
    }
}
