//! What a 200 can be, other than a conversation; and how unchanged ones are known without a parse.

use std::hash::RandomState;

use super::*;
use crate::commbox::{Code, Reaction};

#[test]
fn a_200_that_is_no_conversation_is_named() {
    const NO_CONVERSATION: &str = "the answer holds no conversation";
    let other = format!("the answer is about another conversation than {OBJECT}");
    for (body, reaction, code, detail) in [
        ("", Reaction::Malformed, Code::Decode, "the answer is empty"),
        (" \r\n", Reaction::Malformed, Code::Decode, "the answer is empty"),
        (
            "<!DOCTYPE html><html>login</html>",
            Reaction::Malformed,
            Code::Decode,
            "an HTML page instead of JSON",
        ),
        ("{\"status\":200,\"data\":[", Reaction::Malformed, Code::Decode, "broken JSON"),
        ("{\"status\":200}{}", Reaction::Malformed, Code::Decode, "broken JSON"),
        ("[]", Reaction::Malformed, Code::Decode, "JSON that is not an object"),
        ("null", Reaction::Malformed, Code::Decode, "JSON that is not an object"),
        ("OK", Reaction::Malformed, Code::Decode, "text that is not JSON"),
        ("{}", Reaction::Malformed, Code::Envelope, "JSON that is no answer of CommBox (no status, no data)"),
        (
            "{\"error\":\"x\"}",
            Reaction::Malformed,
            Code::Envelope,
            "JSON that is no answer of CommBox (no status, no data)",
        ),
        (
            "{\"status\":\"fine\",\"data\":[]}",
            Reaction::Malformed,
            Code::Envelope,
            "the answer's status is not a number",
        ),
        ("{\"status\":200}", Reaction::Gone, Code::Envelope, NO_CONVERSATION),
        ("{\"status\":200,\"data\":null}", Reaction::Gone, Code::Envelope, NO_CONVERSATION),
        ("{\"status\":200,\"data\":\"\"}", Reaction::Gone, Code::Envelope, NO_CONVERSATION),
        ("{\"status\":200,\"data\":\"null\"}", Reaction::Gone, Code::Envelope, NO_CONVERSATION),
        ("{\"status\":200,\"data\":[]}", Reaction::Gone, Code::Envelope, NO_CONVERSATION),
        ("{\"status\":200,\"data\":[null]}", Reaction::Gone, Code::Envelope, NO_CONVERSATION),
        ("{\"status\":200,\"data\":[{}]}", Reaction::Gone, Code::Envelope, NO_CONVERSATION),
        ("{\"status\":200,\"data\":{}}", Reaction::Gone, Code::Envelope, NO_CONVERSATION),
        ("{\"data\":null}", Reaction::Gone, Code::Envelope, NO_CONVERSATION),
        (
            "{\"status\":200,\"data\":5}",
            Reaction::Malformed,
            Code::Envelope,
            "data holds a number instead of a conversation",
        ),
        (
            "{\"status\":200,\"data\":[\"x\"]}",
            Reaction::Malformed,
            Code::Envelope,
            "data holds text instead of a conversation",
        ),
        (
            "{\"data\":{\"errors\":[]}}",
            Reaction::Malformed,
            Code::Envelope,
            "data holds something without an object id",
        ),
        ("{\"status\":200,\"data\":[{\"objectId\":1}]}", Reaction::Malformed, Code::Envelope, &other),
        ("{\"status\":200,\"data\":{\"Id\":\"293855\"}}", Reaction::Malformed, Code::Envelope, &other),
        (
            "{\"status\":201,\"data\":[]}",
            Reaction::Malformed,
            Code::Envelope,
            "HTTP 200, but the answer says 201",
        ),
        (
            "{\"status\":\"503\"}",
            Reaction::Unavailable { retry_after: None },
            Code::Envelope,
            "HTTP 200, but the answer says 503",
        ),
        ("{\"status\":403}", Reaction::Denied, Code::Envelope, "HTTP 200, but the answer says 403"),
    ] {
        let error = answer(body).decode(OBJECT, &[]).expect_err(body);
        assert_eq!((error.reaction, error.code, error.detail.as_str()), (reaction, code, detail), "{body}");
    }
}

#[test]
fn the_envelope_comes_in_many_shapes() {
    let expected =
        answer(r#"{"status":200,"data":[{"objectId":293854}]}"#).decode(OBJECT, &[]).expect("a snapshot");
    for body in [
        r#"{"status":"200","data":{"objectId":"293854"}}"#,
        r#"{"Status":200.0,"Data":[{"object_id":293854}]}"#,
        r#"{"data":[{"id":293854}]}"#,
        r#"{"status":null,"data":[null,{},{"objectId":1},{"Id":"293854"}],"totalUnreadChatMessages":{"a":[1]}}"#,
        "\u{feff} {\"status\":200,\"data\":[{\"objectid\":293854.0}]}\n",
    ] {
        assert_eq!(answer(body).decode(OBJECT, &[]).expect(body), expected, "{body}");
    }
}

#[test]
fn bytes_that_are_no_text_cost_a_character_and_not_the_answer() {
    let body =
        [&b"{\"data\":{\"id\":293854,\"childs\":[{\"id\":1,\"message\":\"a"[..], b"\xff\xed\xa0", b"b\"}]}}"]
            .concat();
    let snapshot = answer(body).decode(OBJECT, &[]).expect("a snapshot");
    assert_eq!(snapshot.messages[0].text, "a\u{fffd}\u{fffd}\u{fffd}b");
}

#[test]
fn of_more_children_than_the_bound_the_newest_are_kept_and_that_is_said() {
    use crate::core::message::{CHILDREN_MAX, ChildId};
    let childs = |count: usize| {
        let child = |n: usize| {
            let at = jiff::Timestamp::from_second(1_700_000_000 + n as i64).unwrap();
            format!("{{\"id\":{},\"createdTime\":\"{at}\"}}", 1_000_000 - n)
        };
        let childs: Vec<String> = (1..=count).map(child).collect();
        conversation(&format!("\"childs\":[{}]", childs.join(",")))
    };
    let all = childs(CHILDREN_MAX);
    assert_eq!((all.messages.len(), all.children_cut), (CHILDREN_MAX, false));
    let cut = childs(CHILDREN_MAX + 2);
    assert_eq!((cut.messages.len(), cut.children_cut), (CHILDREN_MAX, true));
    let has = |id: &str| cut.messages.iter().any(|message| message.id == ChildId::new(id));
    // The newest have the lowest ids here.
    assert!(has("949998") && has("999997") && !has("999998") && !has("999999"));
}

#[test]
fn an_unchanged_answer_has_the_same_fingerprint_whenever_it_is_given() {
    let keys = RandomState::new();
    for name in
        ["02-with-childs-newest-first", "06-email-html", "07-hebrew-whatsapp", "12-documented-oddities"]
    {
        let body = sample(name);
        let (before, rest) = body.split_once("\"response_time\": \"").expect("a time");
        let (_, after) = rest.split_once('"').expect("its end");
        let at =
            |time: &str| answer(format!("{before}\"response_time\": \"{time}\"{after}")).fingerprint(&keys);
        assert_eq!(answer(body.clone()).fingerprint(&keys), at("2027-01-01T00:00:00Z"), "{name}");
        assert_eq!(at("2026-03-02T10:06:55.9003312Z"), at("2026-03-02T10:06:56"), "{name}");
        assert_ne!(at("2027-01-01T00:00:00Z"), at("a message"), "only a time is left out");
        assert_ne!(
            answer(body.clone()).fingerprint(&keys),
            answer(body).fingerprint(&RandomState::new()),
            "{name}"
        );
    }
}

#[test]
fn any_other_change_changes_the_fingerprint() {
    let keys = RandomState::new();
    let body = sample("02-with-childs-newest-first").into_bytes();
    let time = crate::commbox::response_time::find(&body).expect("a time");
    let unchanged = answer(body.clone()).fingerprint(&keys);
    for at in (0..body.len()).filter(|at| !time.contains(at)) {
        let mut changed = body.clone();
        changed[at] ^= 1;
        assert_ne!(answer(changed).fingerprint(&keys), unchanged, "byte {at}");
    }
}

#[test]
fn the_servers_clock_is_the_bodys_or_the_headers() {
    let date = SystemTime::UNIX_EPOCH + Duration::from_secs(1_893_456_000);
    let dated = |body: &str| dated_answer(body.to_owned(), Some(date));
    let said =
        r#"{"status":200,"response_time":"2026-03-02T09:42:00.1182044Z","data":[{"objectId":293854}]}"#;
    let silent = r#"{"status":200,"response_time":null,"data":[{"objectId":293854}]}"#;
    for (answer, expected) in [
        (dated(said), Some("2026-03-02T09:42:00.1182044Z")),
        (dated(silent), Some("2030-01-01T00:00:00Z")),
        (answer(silent), None),
    ] {
        let expected = expected.map(|text| text.parse().unwrap());
        assert_eq!(answer.server_clock(), expected);
        assert_eq!(answer.decode(OBJECT, &[]).expect("a snapshot").answered_at, expected);
    }
}
