//! A channel's number or encrypted text, in either of the forms in which people paste it.

use percent_encoding::percent_decode_str;

use super::section::Bad;
use crate::core::watch::Stream;

/// Longer texts are no stream ids; real ones have 24 or 25 characters.
const STREAM_CHARS_MAX: usize = 200;

/// Reads a stream written as text: digits, or the encrypted form, `...==` or `...%3d%3d`. It is opaque and
/// case-sensitive; percent-decoded once here, it is encoded once when a request is built.
pub(super) fn parse(text: &str) -> Result<Stream, Bad> {
    let hint =
        "write the channel's number, or its encrypted id as CommBox shows it (\"...==\" or \"...%3d%3d\")";
    let bad = |why: &str| Err(Bad::new(format!("`stream` {why}"), hint));
    if text.bytes().all(|byte| byte.is_ascii_digit()) {
        return text
            .parse()
            .ok()
            .filter(|number| *number > 0)
            .map_or_else(|| bad("is not a channel"), |number| Ok(Stream::Number(number)));
    }
    let Ok(decoded) = percent_decode_str(text).decode_utf8() else { return bad("is not text when decoded") };
    if decoded.contains('%') {
        return bad("was percent-encoded twice");
    }
    if decoded.len() > STREAM_CHARS_MAX {
        return bad("is too long");
    }
    if !decoded.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '=' | '+' | '~' | '.'))
        || decoded.starts_with('.')
    {
        return bad("holds a character that such ids do not have");
    }
    Ok(Stream::Encrypted(decoded.into_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_pasted_forms_are_one_stream() {
        let encrypted = Stream::Encrypted("aB3_fXyZ0123456789abcd==".into());
        for text in
            ["aB3_fXyZ0123456789abcd==", "aB3_fXyZ0123456789abcd%3d%3d", "aB3_fXyZ0123456789abcd%3D%3D"]
        {
            assert_eq!(parse(text).unwrap(), encrypted);
        }
        assert_eq!(parse("532").unwrap(), Stream::Number(532));
    }

    #[test]
    fn what_cannot_stand_in_a_path_is_refused() {
        for text in [
            "abc%253d%253d",
            "a/b==",
            "../x",
            "..",
            "a b",
            "a?b",
            "a#b",
            "abc%2f==",
            "%ff",
            "0",
            "99999999999999999999",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
