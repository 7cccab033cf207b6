//! What must be true of every request: it keeps Slack's limits and calls nobody.
//!
//! "Calls nobody" means: in every text object and in the top-level text,
//! - markup is one of our own three forms and fills its text object whole: the operator's mentions, the link
//!   with our label, a time; no foreign character stands in it but in the link's address, percent-encoded;
//! - everywhere else there is no `<` and no `>`, every `&` begins `&amp;`, `&lt;` or `&gt;`, and no `@` stands
//!   before `channel`, `here`, `everyone` or `group`, in whatever case;
//! - Slack is told not to look for names or links (`parse`, `link_names`, `verbatim`).

use serde_json::{Value, json};

/// Panics at the first rule that a request's body breaks; `mention` is what the operator wants in it.
pub(crate) fn check(body: &[u8], mention: Option<&str>) {
    assert!(body.len() <= 12_000, "{} bytes", body.len());
    let body: Value = serde_json::from_slice(body).expect("the body is JSON");
    assert_eq!((&body["parse"], &body["link_names"]), (&json!("none"), &json!(false)));
    assert_eq!((&body["unfurl_links"], &body["unfurl_media"]), (&json!(false), &json!(false)));

    let text = body["text"].as_str().expect("a top-level text");
    assert_length(text, 3_500);
    let Some(blocks) = body["blocks"].as_array() else {
        let rest = mention.and_then(|mention| text.strip_prefix(mention)).unwrap_or(text);
        assert_eq!(body["mrkdwn"], json!(mention.is_some()));
        return assert_calls_nobody(rest);
    };
    assert_eq!(body["mrkdwn"], json!(false));
    assert_calls_nobody(text);
    assert!((1..=50).contains(&blocks.len()), "{} blocks", blocks.len());
    for block in blocks {
        match block["type"].as_str() {
            Some("header") => {
                assert_eq!(block["text"]["type"], "plain_text");
                check_text(&block["text"], 150, mention);
            }
            Some("section") => check_text(&block["text"], 3_000, mention),
            Some("context") => {
                let elements = block["elements"].as_array().expect("elements");
                assert!((1..=10).contains(&elements.len()));
                elements.iter().for_each(|element| check_text(element, 300, mention));
            }
            other => panic!("a block of type {other:?}"),
        }
    }
}

fn check_text(object: &Value, units_max: usize, mention: Option<&str>) {
    let text = object["text"].as_str().expect("text");
    assert_length(text, units_max);
    match object["type"].as_str() {
        Some("plain_text") => {
            assert_eq!(object["emoji"], json!(false));
            assert_calls_nobody(text);
        }
        Some("mrkdwn") => {
            assert_eq!(object["verbatim"], json!(true));
            assert!(Some(text) == mention || is_our_link(text) || is_our_time(text), "markup: {text:?}");
        }
        other => panic!("text of type {other:?}"),
    }
}

fn assert_length(text: &str, units_max: usize) {
    let units = text.encode_utf16().count();
    assert!((1..=units_max).contains(&units), "{units} units where {units_max} are the most");
    assert!(!text.trim().is_empty());
}

fn is_our_link(text: &str) -> bool {
    let Some(url) = text.strip_prefix("<").and_then(|text| text.strip_suffix("|Open in CommBox>")) else {
        return false;
    };
    let scheme = url.to_ascii_lowercase();
    (scheme.starts_with("https://") || scheme.starts_with("http://"))
        && url.bytes().all(|byte| byte.is_ascii_graphic() && !b"<>|@\"`*".contains(&byte))
        && entities_only(url)
}

fn is_our_time(text: &str) -> bool {
    let Some(rest) = text.strip_prefix("<!date^").and_then(|rest| rest.strip_suffix(" UTC>")) else {
        return false;
    };
    let Some((seconds, fallback)) = rest.split_once("^{date_short_pretty} {time_secs}|") else {
        return false;
    };
    let digits_and =
        |text: &str, more: &[u8]| text.bytes().all(|byte| byte.is_ascii_digit() || more.contains(&byte));
    digits_and(seconds, b"") && digits_and(fallback, b"-: ")
}

fn assert_calls_nobody(text: &str) {
    assert!(!text.contains(['<', '>']) && entities_only(text), "live markup: {text:?}");
    let lower = text.to_ascii_lowercase();
    for call in ["@channel", "@here", "@everyone", "@group"] {
        assert!(!lower.contains(call), "{call} in {text:?}");
    }
    assert!(!text.chars().any(|c| c.is_control() && c != '\n'), "a control character: {text:?}");
    assert!(
        !text.contains(['\u{202a}', '\u{202b}', '\u{202c}', '\u{202d}', '\u{202e}']),
        "an override: {text:?}"
    );
    for line in text.split('\n') {
        let depth = line.chars().try_fold(0i32, |depth, c| match c {
            '\u{2066}'..='\u{2068}' => Some(depth + 1),
            '\u{2069}' => (depth > 0).then_some(depth - 1),
            _ => Some(depth),
        });
        assert_eq!(depth, Some(0), "isolates without a pair: {line:?}");
    }
}

fn entities_only(text: &str) -> bool {
    text.split('&').skip(1).all(|rest| ["amp;", "lt;", "gt;"].iter().any(|entity| rest.starts_with(entity)))
}
