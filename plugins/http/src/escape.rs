//! How what is put into a template is escaped, by what the template makes.

use std::fmt::Write as _;

use minijinja::value::Value;
use minijinja::{AutoEscape, Error, Output, State, escape_formatter};

/// The name of the body's template.
pub(crate) const BODY: &str = "body";
/// The name of the path's template; others are names of headers.
pub(crate) const PATH: &str = "path";

const PERCENT: &str = "percent";
const HEADER: &str = "header";

/// What a body is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Form {
    Json,
    Html,
    Urlencoded,
    Text,
}

impl Form {
    /// By the content type, whose parameters do not matter.
    pub(crate) fn of(content_type: &str) -> Self {
        let essence = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        match essence.as_str() {
            "application/x-www-form-urlencoded" => Self::Urlencoded,
            json if json.ends_with("/json") || json.ends_with("+json") => Self::Json,
            html if html.ends_with("/html") || html.ends_with("/xml") || html.ends_with("+xml") => Self::Html,
            _ => Self::Text,
        }
    }

    /// How the template of this name escapes.
    pub(crate) fn escape(self, template: &str) -> AutoEscape {
        match (template, self) {
            (PATH, _) | (BODY, Self::Urlencoded) => AutoEscape::Custom(PERCENT.into()),
            (BODY, Self::Json) => AutoEscape::Json,
            (BODY, Self::Html) => AutoEscape::Html,
            (BODY, Self::Text) => AutoEscape::None,
            _ => AutoEscape::Custom(HEADER.into()),
        }
    }
}

/// Writes a value. Nothing is written for what is not there, but `null` in JSON.
pub(crate) fn write(out: &mut Output<'_>, state: &mut State<'_, '_>, value: &Value) -> Result<(), Error> {
    if *state.auto_escape() == AutoEscape::Json {
        return escape_formatter(out, state, value);
    }
    if value.is_none() || value.is_undefined() {
        return Ok(());
    }
    match state.auto_escape() {
        AutoEscape::Custom(name) if !value.is_safe() => {
            let text = value.to_string();
            out.write_str(&if name == PERCENT { percent(&text) } else { one_line(&text) })
                .map_err(Error::from)
        }
        AutoEscape::Custom(_) => out.write_str(&value.to_string()).map_err(Error::from),
        _ => escape_formatter(out, state, value),
    }
}

/// Percent-encoded as a whole (RFC 3986, unreserved characters stay).
pub(crate) fn percent(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            write!(encoded, "%{byte:02X}").expect("a text takes all that is written");
        }
    }
    encoded
}

/// Without line breaks and other control characters.
pub(crate) fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}
