//! Faults on the way, told apart; and bodies, read with a bound.

use std::error::Error;
use std::io;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use reqwest::Response;

use super::error::Code;

/// What a peer that hangs up while shaking hands looks like in the TLS library's error.
const HANDSHAKE_EOF: &str = "tls handshake eof";

/// How far a request had come.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Phase {
    /// The answer had not begun.
    Head,
    /// It had.
    Body,
}

/// Why a body was not had.
#[derive(Debug)]
pub(super) enum BodyError {
    /// It is larger than allowed; the rest was not read.
    TooLarge,
    /// It broke off.
    Fault(reqwest::Error),
}

/// Reads a body of at most `max` bytes. A larger one is known by its announced length or while it comes.
pub(super) async fn body(response: &mut Response, max: usize) -> Result<Bytes, BodyError> {
    let announced = response.content_length().unwrap_or(0);
    if announced > max as u64 {
        return Err(BodyError::TooLarge);
    }
    let mut whole = Bytes::new();
    let mut growing = BytesMut::new();
    while let Some(chunk) = response.chunk().await.map_err(BodyError::Fault)? {
        if whole.len() + growing.len() + chunk.len() > max {
            return Err(BodyError::TooLarge);
        }
        if whole.is_empty() && growing.is_empty() {
            // Mostly the first chunk is all there is, and needs no copy.
            whole = chunk;
            continue;
        }
        if growing.is_empty() {
            growing.reserve(usize::try_from(announced).unwrap_or(0).max(whole.len() + chunk.len()));
            growing.extend_from_slice(&whole);
            whole = Bytes::new();
        }
        growing.extend_from_slice(&chunk);
    }
    Ok(if growing.is_empty() { whole } else { growing.freeze() })
}

/// What a fault was, and a line about it.
pub(super) fn classify(error: &reqwest::Error, phase: Phase, timeout: Duration) -> (Code, String) {
    let why = cause(error);
    if error.is_timeout() {
        return (Code::Timeout, format!("no whole answer within {timeout:?}"));
    }
    if error.is_dns() || chain(error).any(|error| error.to_string() == "dns error") {
        return (Code::Dns, format!("the host's name can't be resolved: {why}"));
    }
    if chain(error).any(is_tls) {
        return (Code::Tls, format!("no secure connection: {why}"));
    }
    match phase {
        Phase::Head if error.is_connect() => (Code::Connect, format!("can't connect: {why}")),
        Phase::Head => (Code::Connect, format!("the connection broke before an answer: {why}")),
        Phase::Body => (Code::Body, format!("the answer broke off: {why}")),
    }
}

/// The innermost cause, which says most, and no address.
pub(super) fn cause(error: &reqwest::Error) -> String {
    chain(error).last().map_or_else(|| "unknown cause".to_owned(), ToString::to_string)
}

/// The causes of an error, from the outside in, without the error itself (its text holds the address).
fn chain(error: &reqwest::Error) -> impl Iterator<Item = &(dyn Error + 'static)> {
    std::iter::successors(error.source(), |error| inner(*error))
}

/// An `io::Error` hides the error it was made of and shows that one's cause.
fn inner<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a (dyn Error + 'static)> {
    match error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
        Some(inner) => Some(inner),
        None => error.source(),
    }
}

fn is_tls(error: &(dyn Error + 'static)) -> bool {
    error.is::<rustls::Error>() || error.to_string() == HANDSHAKE_EOF
}
