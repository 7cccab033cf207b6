//! Reads an answer, as much of it as a plugin may see.

use std::collections::BTreeMap;
use std::time::SystemTime;

use commwatch_plugin_api::{HttpError, Response};
use reqwest::header::HeaderMap;

use super::mask::Mask;
use super::{RESPONSE_BODY_MAX, fault, retry_after};

/// Where a plugin finds what the receiver asked to wait, in milliseconds.
const RETRY_AFTER_MS: &str = "commwatch-retry-after-ms";
/// Headers that only the host writes.
const OURS: &str = "commwatch-";
/// Most headers that a plugin is shown; the rest is left out.
const HEADERS_MAX: usize = 64;
/// Most bytes of names and values together that a plugin is shown; a header that does not fit is left out.
const HEADER_BYTES_MAX: usize = 16 * 1024;

/// Reads the answer up to its bounds. An answer that breaks off before is no answer, whatever its status said.
///
/// # Errors
/// [`HttpError::NoAnswer`].
pub(super) async fn read(
    mut response: reqwest::Response,
    now: SystemTime,
    mask: &Mask,
) -> Result<Response, HttpError> {
    let status = response.status().as_u16();
    if status > 599 {
        return Err(HttpError::NoAnswer { why: format!("status {status} is not one of HTTP") });
    }
    let headers = shown(response.headers(), now, mask);
    let bytes_max = RESPONSE_BODY_MAX + mask.overhang();
    let mut body = Vec::new();
    while body.len() < bytes_max
        && let Some(chunk) = response.chunk().await.map_err(|error| broke_off(status, error, mask))?
    {
        body.extend_from_slice(&chunk[..chunk.len().min(bytes_max - body.len())]);
    }
    Ok(Response { status, headers, body: mask.bytes(&body, RESPONSE_BODY_MAX) })
}

fn broke_off(status: u16, error: reqwest::Error, mask: &Mask) -> HttpError {
    let why = mask.text(&fault::chain(&error.without_url()));
    HttpError::NoAnswer { why: format!("the answer (status {status}) broke off: {why}") }
}

fn shown(received: &HeaderMap, now: SystemTime, mask: &Mask) -> BTreeMap<String, String> {
    let mut headers = BTreeMap::new();
    let mut bytes_left = HEADER_BYTES_MAX;
    // By name, each with its first value.
    for name in received.keys().filter(|name| !name.as_str().starts_with(OURS)).take(HEADERS_MAX) {
        let Some(value) = received.get(name) else { continue };
        let value = mask.text(&String::from_utf8_lossy(value.as_bytes()));
        if let Some(left) = bytes_left.checked_sub(name.as_str().len() + value.len()) {
            bytes_left = left;
            headers.insert(name.as_str().to_owned(), value);
        }
    }
    if let Some(span) = retry_after::of(received, now) {
        headers.insert(RETRY_AFTER_MS.to_owned(), span.as_millis().to_string());
    }
    headers
}
