//! Finds the value of the envelope's `response_time` without parsing the body.
//!
//! It stands at the envelope's beginning or at its end. Only a place that is certain counts: a customer's text
//! must not be able to pass for it, or a change could go unseen.

use std::ops::Range;

/// How far from the beginning or the end it is looked for, in bytes.
const WINDOW: usize = 1_024;

/// The longest value that passes for a time, in bytes with its quotes.
const VALUE_BYTES_MAX: usize = 64;

const NAME: &[u8] = b"\"response_time\"";

/// Where the value stands (with its quotes), if that is certain.
pub(super) fn find(body: &[u8]) -> Option<Range<usize>> {
    from_the_front(body).or_else(|| from_the_back(body))
}

/// Walks the envelope's first members, as long as they are plain values.
fn from_the_front(body: &[u8]) -> Option<Range<usize>> {
    let mut at = expect(body, blanks(body, 0), b'{')?;
    while at < WINDOW {
        let name = string(body, blanks(body, at))?;
        let value = blanks(body, expect(body, blanks(body, name.end), b':')?);
        let end = plain(body, value)?;
        if &body[name] == NAME {
            return time(body, value..end);
        }
        at = expect(body, blanks(body, end), b',')?;
    }
    None
}

/// Takes the last place where the name stands, and walks from there: only plain members, one closing brace and
/// nothing else may follow, so it is the outermost object's.
fn from_the_back(body: &[u8]) -> Option<Range<usize>> {
    let start = body.len().saturating_sub(WINDOW);
    let name = start + body[start..].windows(NAME.len()).rposition(|window| window == NAME)?;
    // A member's name follows a brace or a comma; anything else is a text that ends in this word.
    let before = body[..name].iter().rposition(|byte| !byte.is_ascii_whitespace())?;
    if !matches!(body[before], b',' | b'{') {
        return None;
    }
    let value = blanks(body, expect(body, blanks(body, name + NAME.len()), b':')?);
    let end = plain(body, value)?;
    let mut at = blanks(body, end);
    while body.get(at) == Some(&b',') {
        let name = string(body, blanks(body, at + 1))?;
        let other = blanks(body, expect(body, blanks(body, name.end), b':')?);
        at = blanks(body, plain(body, other)?);
    }
    let rest = blanks(body, expect(body, at, b'}')?);
    if rest == body.len() { time(body, value..end) } else { None }
}

/// The range, if what stands there is a time's text and nothing that could hide something.
fn time(body: &[u8], value: Range<usize>) -> Option<Range<usize>> {
    let text = &body[value.clone()];
    let inner = text.strip_prefix(b"\"")?.strip_suffix(b"\"")?;
    let is_time = inner.iter().all(|byte| byte.is_ascii_digit() || b"-:.,+ TZtzAPMapm/".contains(byte));
    (is_time && text.len() <= VALUE_BYTES_MAX).then_some(value)
}

/// The end of a value without structure: text, number, boolean, null.
fn plain(body: &[u8], at: usize) -> Option<usize> {
    match body.get(at)? {
        b'"' => string(body, at).map(|range| range.end),
        b'{' | b'[' => None,
        _ => {
            let rest = &body[at..];
            rest.iter()
                .position(|byte| matches!(byte, b',' | b'}' | b']') || byte.is_ascii_whitespace())
                .map(|end| at + end)
        }
    }
}

/// A string with its quotes.
fn string(body: &[u8], at: usize) -> Option<Range<usize>> {
    let mut end = expect(body, at, b'"')?;
    loop {
        match body.get(end)? {
            b'"' => return Some(at..end + 1),
            b'\\' => end += 2,
            _ => end += 1,
        }
    }
}

fn expect(body: &[u8], at: usize, byte: u8) -> Option<usize> {
    (body.get(at) == Some(&byte)).then_some(at + 1)
}

fn blanks(body: &[u8], at: usize) -> usize {
    at + body.get(at..).map_or(0, |rest| rest.iter().take_while(|byte| byte.is_ascii_whitespace()).count())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(body: &str) -> Option<&str> {
        find(body.as_bytes()).map(|range| &body[range])
    }

    #[test]
    fn the_time_is_found_at_the_beginning_and_at_the_end() {
        let time = Some("\"2026-03-02T09:42:00.1182044Z\"");
        for body in [
            r#"{"status":200,"description":"OK","response_time":"2026-03-02T09:42:00.1182044Z","data":[]}"#,
            "{\n  \"status\": \"200\",\n  \"response_time\" : \"2026-03-02T09:42:00.1182044Z\",\n  \"data\": [{}]\n}\n",
            r#" {"response_time":"2026-03-02T09:42:00.1182044Z"}"#,
            r#"{"data":[{"a":{"b":[1]}}],"response_time":"2026-03-02T09:42:00.1182044Z"}"#,
            r#"{"data":[{}],"response_time":"2026-03-02T09:42:00.1182044Z","status":200,"description":"a \" } b" } "#,
            r#"{"description":"a \"response_time\": \"x\"","response_time":"2026-03-02T09:42:00.1182044Z","data":[]}"#,
        ] {
            assert_eq!(found(body), time, "{body}");
        }
    }

    #[test]
    fn what_only_looks_like_it_is_not_cut_out() {
        for body in [
            // In a child, in a child at the end, as a customer's text at the end, as the end of a customer's text.
            r#"{"data":[{"response_time":"2026-03-02T09:42:00Z"}],"status":200}"#,
            r#"{"data":[{"response_time":"2026-03-02T09:42:00Z"}]}"#,
            r#"{"data":{"response_time":"2026-03-02T09:42:00Z"}}"#,
            r#"{"data":[{"message":"\"response_time\":\"2026-03-02T09:42:00Z\""}]}"#,
            r#"{"data":"x\"response_time":"2026-03-02T09:42:00Z"}"#,
            // Not a time.
            r#"{"response_time":"my wife is ill","data":[]}"#,
            r#"{"response_time":null,"data":[]}"#,
            r#"{"response_time":5,"data":[]}"#,
            r#"{"response_time":["2026-03-02T09:42:00Z"],"data":[]}"#,
            // Not JSON.
            r#"{"response_time":"2026-03-02T09:42:00Z"#,
            r#"{"response_time"}"#,
            r#"{"response_time":"\"#,
            "<html>",
            "{",
            "",
        ] {
            assert_eq!(found(body), None, "{body}");
        }
        let far = format!(
            r#"{{"data":[],"response_time":"2026-03-02T09:42:00Z","x":"{}"}}"#,
            "y".repeat(2 * WINDOW)
        );
        assert_eq!(found(&far), None);
    }
}
