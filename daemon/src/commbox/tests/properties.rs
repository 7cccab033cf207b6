//! Anything at all.

use proptest::prelude::*;
use proptest::sample::Index;

use super::*;
use crate::core::message::Message;

/// The samples that are conversations.
const SAMPLES: [(&str, i64); 12] = [
    ("01-last-message-only", 70_012_001),
    ("02-with-childs-newest-first", 70_012_002),
    ("03-with-childs-oldest-first-no-zone", 70_012_002),
    ("04-with-activity-log", 70_012_004),
    ("05-empty-childs", 70_012_005),
    ("06-email-html", 70_012_006),
    ("07-hebrew-whatsapp", 2_251_799_813_689_310),
    ("08-agent-reply-newest", 70_012_008),
    ("09-bot-newest", 70_012_009),
    ("10-encrypted-stream-request", 70_012_010),
    ("11-closed-conversation", 70_012_011),
    ("12-documented-oddities", 9_288_674_231_451_900),
];

/// Reads an answer in every way there is.
fn read(body: Vec<u8>, object: i64) -> Result<Snapshot, FetchError> {
    let answer = answer(body);
    let _ = (answer.fingerprint(&std::hash::RandomState::new()), answer.server_clock(), answer.check());
    let snapshot = answer.decode(object, &bots());
    match &snapshot {
        Ok(snapshot) => snapshot.messages.iter().for_each(is_fit),
        Err(error) => assert!(
            is_one_line(&error.detail) && error.detail.chars().count() <= super::super::DETAIL_CHARS_MAX
        ),
    }
    snapshot
}

/// What every message promises.
fn is_fit(message: &Message) {
    assert!(message.text.chars().count() <= crate::core::message::TEXT_CHARS_MAX);
    assert!(message.text.chars().all(|c| matches!(c, '\n' | '\t') || !c.is_control()), "{:?}", message.text);
    assert!(!message.id.as_str().is_empty() && !message.id.as_str().contains('.'));
    assert!(message.author.name.as_deref().is_none_or(is_one_line));
}

fn is_one_line(text: &str) -> bool {
    !text.chars().any(char::is_control)
}

/// JSON-like noise with our own words in it, so that it gets far.
fn noise() -> impl Strategy<Value = String> {
    let word = prop_oneof![
        Just("{"),
        Just("}"),
        Just("["),
        Just("]"),
        Just(","),
        Just(":"),
        Just("\""),
        Just("\\"),
        Just("null"),
        Just("\"status\":200"),
        Just("\"data\":"),
        Just("\"objectId\":293854"),
        Just("\"childs\":["),
        Just("\"id\":"),
        Just("\"message\":"),
        Just("\"user\":{"),
        Just("\"content\":\"{"),
        Just("\"createdTime\":"),
        Just("1e9"),
        Just("\"response_time\":\""),
        Just("2026-03-02T09:42:00Z"),
        Just("<div"),
        Just("&#x"),
        Just("\\ud83d"),
        Just("שלום"),
    ];
    prop::collection::vec(word, 0..60).prop_map(|words| words.concat())
}

#[test]
fn a_sample_with_bytes_changed_dropped_or_doubled_never_panics() {
    // A fixed sequence: what fails here fails again.
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = |bound: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        usize::try_from(state % bound as u64).expect("smaller than bound")
    };
    let mut readable = 0;
    for round in 0..4_000 {
        let (name, object) = SAMPLES[round % SAMPLES.len()];
        let mut body = sample(name).into_bytes();
        for _ in 0..=next(2) {
            let (from, to) = (next(body.len()), next(body.len()));
            match next(4) {
                0 => body[from] ^= 1 << next(8),
                1 => body[from] = b"\"\\{}[],:0<&\xff"[next(12)],
                2 => drop(body.drain(from.min(to)..from.max(to).min(from.min(to) + 40))),
                _ => body.extend_from_within(from.min(to)..from.max(to).min(from.min(to) + 40)),
            }
        }
        readable += usize::from(read(body, object).is_ok());
    }
    assert!(readable > 400, "most changes must get far: {readable}");
}

#[test]
fn a_sample_that_ends_anywhere_is_an_error_and_never_a_part() {
    for (name, object) in SAMPLES {
        let body = sample(name).trim_end().to_owned().into_bytes();
        for end in 0..body.len() {
            assert!(read(body[..end].to_vec(), object).is_err(), "{name} up to {end}");
        }
    }
}

proptest! {
    #[test]
    fn any_bytes_are_read_without_a_panic(body in prop::collection::vec(any::<u8>(), 0..400)) {
        let _ = read(body, OBJECT);
    }

    #[test]
    fn any_noise_of_our_words_is_read_without_a_panic(body in noise()) {
        let _ = read(body.into_bytes(), OBJECT);
    }

    #[test]
    fn any_text_becomes_a_fit_message(text in any::<String>(), mail in any::<bool>()) {
        let members = format!("\"id\":1,\"type\":{},\"message\":{}", if mail { 5 } else { 0 }, serde_json::json!(text));
        let snapshot = child(&members);
        is_fit(&snapshot.messages[0]);
        prop_assert_eq!(snapshot, child(&members));
    }

    #[test]
    fn any_text_without_angle_brackets_keeps_its_words_in_a_chat(text in "[^<]*") {
        let seen = child(&format!("\"id\":1,\"message\":{}", serde_json::json!(text)));
        let text: String = text.chars().filter(|c| !c.is_control() || c.is_whitespace()).collect();
        let words: Vec<&str> = text.split(|c: char| c.is_whitespace() || c == '\u{feff}').filter(|w| !w.is_empty()).collect();
        prop_assert_eq!(words.concat(), seen.messages[0].text.split_whitespace().collect::<String>());
    }

    #[test]
    fn every_id_survives_as_number_and_as_text(id in "[1-9][0-9]{0,39}", small in any::<i64>(), large in any::<u64>()) {
        for id in [id, small.to_string(), large.to_string()].into_iter().filter(|id| id != "0") {
            for written in [id.clone(), format!("\"{id}\"")] {
                let snapshot = child(&format!("\"id\":{written}"));
                prop_assert_eq!(snapshot.messages[0].id.as_str(), &id);
            }
        }
    }

    #[test]
    fn the_order_of_children_does_not_matter(swaps in prop::collection::vec((any::<Index>(), any::<Index>()), 0..12)) {
        let mut childs: Vec<String> = (0..8).map(|n| format!(
            // Two without an id, two with the same one, equal times.
            r#"{{"id":{},"message":"m{n}","createdTime":"2026-03-02T09:42:0{}"}}"#, [1, 2, 3, 4, 4, 6, 0, 0][n], n / 3,
        )).collect();
        childs.push("7".to_owned());
        let in_order = render(&conversation(&format!("\"childs\":[{}]", childs.join(","))));
        for (one, other) in swaps {
            let (one, other) = (one.index(childs.len()), other.index(childs.len()));
            childs.swap(one, other);
        }
        prop_assert_eq!(render(&conversation(&format!("\"childs\":[{}]", childs.join(",")))), in_order);
    }
}
