//! Which of our three errors a fault of the HTTP client is: what may have arrived decides.

use std::error::Error;

use commwatch_plugin_api::HttpError;

use super::address::ForbiddenAddress;
use super::mask::Mask;

/// Longest text of an error, in characters.
const WHY_CHARS_MAX: usize = 300;

/// Reads a fault. In doubt the request was sent.
pub(super) fn of(error: reqwest::Error, mask: &Mask) -> HttpError {
    let error = error.without_url();
    if caused_by::<ForbiddenAddress>(&error) {
        return HttpError::Refused { why: ForbiddenAddress.to_string() };
    }
    let why = mask.text(&chain(&error));
    if error.is_builder() {
        HttpError::Refused { why }
    } else if error.is_connect() {
        HttpError::NotSent { why }
    } else {
        HttpError::NoAnswer { why }
    }
}

/// The causes of an error in one line, each said once. Layers that say no more than that there was an error are
/// left out.
pub(super) fn chain(error: &dyn Error) -> String {
    let mut texts: Vec<String> = Vec::new();
    let mut cause = Some(error);
    while let Some(error) = cause {
        let text = error.to_string();
        if !texts.last().is_some_and(|last| last.ends_with(&text)) {
            texts.push(text);
        }
        cause = error.source();
    }
    let last = texts.len() - 1;
    let telling = texts.iter().enumerate().filter(|(at, text)| *at == last || !is_empty_talk(text));
    one_line(&telling.map(|(_, text)| text.as_str()).collect::<Vec<_>>().join(": "))
}

/// How reqwest and hyper introduce the causes that they wrap.
fn is_empty_talk(text: &str) -> bool {
    text.starts_with("client error (")
        || ["builder error", "error sending request", "error decoding response body", "error resolving DNS"]
            .contains(&text)
}

/// The text in one line of bounded length.
pub(super) fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(WHY_CHARS_MAX).collect()
}

fn caused_by<E: Error + 'static>(error: &dyn Error) -> bool {
    let mut cause = error.source();
    while let Some(error) = cause {
        if error.is::<E>() {
            return true;
        }
        cause = error.source();
    }
    false
}
