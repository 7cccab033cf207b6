//! An account's key: kept out of every text, sent in one header.

use std::borrow::Cow;

use data_encoding::BASE64URL_NOPAD;
use jiff::Timestamp;
use reqwest::header::HeaderValue;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

use super::connection::ClientError;

/// What stands in a text where the key stood.
const REDACTED: &str = "[token]";

/// A key as it is sent, without the word `Bearer`.
#[derive(Debug)]
pub(super) struct Token {
    // Debug of a SecretString shows no text.
    bare: SecretString,
}

impl Token {
    /// Takes the key as an operator stores it: blanks around it and one leading `Bearer` are no part of it.
    pub(super) fn new(stored: &SecretString) -> Result<Self, ClientError> {
        let bare = bare(stored.expose_secret());
        if bare.is_empty() {
            return Err(ClientError::Token { why: "is empty" });
        }
        if bare.bytes().any(|byte| byte.is_ascii_control()) {
            return Err(ClientError::Token { why: "holds a line break or another control character" });
        }
        if !bare.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(ClientError::Token { why: "holds blanks or letters that no key has" });
        }
        Ok(Self { bare: SecretString::from(bare) })
    }

    /// The value of the `Authorization` header, marked so that no library prints it.
    pub(super) fn header(&self) -> HeaderValue {
        let mut value = HeaderValue::try_from(format!("Bearer {}", self.bare.expose_secret()))
            .expect("a key of visible ASCII is a header value");
        value.set_sensitive(true);
        value
    }

    /// The text without the key, should a server have echoed it, in whatever case.
    pub(super) fn redact<'a>(&self, text: &'a str) -> Cow<'a, str> {
        // ASCII case leaves every byte where it is.
        let (key, lower) = (self.bare.expose_secret().to_ascii_lowercase(), text.to_ascii_lowercase());
        let mut out = String::new();
        let mut kept = 0;
        for (at, found) in lower.match_indices(&key) {
            out.push_str(&text[kept..at]);
            out.push_str(REDACTED);
            kept = at + found.len();
        }
        if kept == 0 {
            return Cow::Borrowed(text);
        }
        out.push_str(&text[kept..]);
        Cow::Owned(out)
    }
}

/// When the key expires, if it is a JWT that says so. Anything else is silence: a key need not be a JWT.
pub fn token_expiry(token: &SecretString) -> Option<Timestamp> {
    #[derive(Deserialize)]
    struct Claims {
        exp: serde_json::Number,
    }
    let mut parts = bare(token.expose_secret()).split('.');
    let (Some(_), Some(claims), Some(_), None) = (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return None;
    };
    let claims = BASE64URL_NOPAD.decode(claims.trim_end_matches('=').as_bytes()).ok()?;
    let Claims { exp } = serde_json::from_slice(&claims).ok()?;
    // The cast saturates, which is out of a timestamp's range.
    let seconds = exp.as_i64().or_else(|| exp.as_f64().map(|seconds| seconds as i64))?;
    Timestamp::from_second(seconds).ok()
}

fn bare(stored: &str) -> &str {
    let stored = stored.trim();
    match stored.split_at_checked("Bearer".len()) {
        Some((word, rest))
            if word.eq_ignore_ascii_case("Bearer") && (rest.is_empty() || rest.starts_with([' ', '\t'])) =>
        {
            rest.trim()
        }
        _ => stored,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(stored: &str) -> Result<Token, ClientError> {
        Token::new(&SecretString::from(stored))
    }

    #[test]
    fn a_key_is_sent_with_one_bearer_however_it_was_stored() {
        for stored in ["key-1", " key-1\n", "Bearer key-1", "bearer   key-1\r\n", "\tBEARER key-1 "] {
            let header = token(stored).expect("a key").header();
            assert_eq!(header.to_str().unwrap(), "Bearer key-1", "{stored:?}");
            assert!(header.is_sensitive());
        }
        assert_eq!(token("bearerkey").expect("a key").header().to_str().unwrap(), "Bearer bearerkey");
    }

    #[test]
    fn a_key_that_cannot_be_one_is_refused_without_being_shown() {
        for stored in
            ["", "  ", "Bearer ", "Bearer Bearer s3cret", "s3cret\nX-Evil: 1", "s3c\u{0}ret", "s3crét"]
        {
            let error = token(stored).expect_err(stored);
            let text = format!("{error} {error:?}");
            assert!(!text.contains("s3c") && !text.contains("Evil"), "{text}");
        }
    }

    #[test]
    fn a_key_shows_in_no_debug_text_and_is_cut_out_of_an_echo() {
        let token = token("k3y.k3y.k3y").expect("a key");
        assert!(!format!("{token:?} {:?}", token.header()).contains("k3y"));
        assert_eq!(token.redact("no such key: Bearer k3y.k3y.k3y!"), "no such key: Bearer [token]!");
        assert_eq!(token.redact("שלום K3Y.k3y.K3Y"), "שלום [token]");
        assert_eq!(token.redact("nothing here"), "nothing here");
    }

    #[test]
    fn the_expiry_is_read_from_a_jwt_and_nothing_else_is_said() {
        let jwt = |claims: &str| {
            SecretString::from(format!("e30.{}.c2ln", BASE64URL_NOPAD.encode(claims.as_bytes())))
        };
        let at = |seconds| Timestamp::from_second(seconds).ok();
        assert_eq!(token_expiry(&jwt(r#"{"client_secret":"x","exp":1893456000}"#)), at(1_893_456_000));
        assert_eq!(token_expiry(&jwt(r#"{"exp":1893456000.75}"#)), at(1_893_456_000));
        let padded = SecretString::from("Bearer e30.eyJleHAiOjE4OTM0NTYwMDB9====.c2ln");
        assert_eq!(token_expiry(&padded), at(1_893_456_000));
        for silent in [r#"{"exp":"soon"}"#, r#"{"exp":1e300}"#, r"{}", "no json", r#"{"exp":null}"#] {
            assert_eq!(token_expiry(&jwt(silent)), None, "{silent}");
        }
        for silent in
            ["", "0123456789abcdef0123456789abcdef", "a.b.c", "a.b", "e30.eyJleHAiOjE4OTM0NTYwMDB9.c.d"]
        {
            assert_eq!(token_expiry(&SecretString::from(silent)), None, "{silent}");
        }
    }
}
