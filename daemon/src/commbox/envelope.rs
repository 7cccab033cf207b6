//! What stands around every answer: `status`, `description`, `response_time`, `data`.

use std::time::Duration;

use jiff::Timestamp;

use super::error::{Code, FetchError, one_line, reaction};
use super::json::{Json, Object};
use super::token::Token;

/// Characters of a description that are shown.
const DESCRIPTION_CHARS_MAX: usize = 120;

/// An answer's envelope, with `data` not yet looked into.
#[derive(Debug)]
pub(super) struct Envelope<'a> {
    /// The payload; `None` where it is absent, null or `""`.
    pub(super) data: Option<Json<'a>>,
    /// `CommBox`'s clock.
    pub(super) response_time: Option<Timestamp>,
}

/// Opens the envelope of a 200. One that names another status is an error, reacted to as that status would be.
pub(super) fn open<'a>(
    body: &'a str,
    retry_after: Option<Duration>,
    token: &Token,
) -> Result<Envelope<'a>, FetchError> {
    let members = members(body)?;
    check(&members, retry_after, token)?;
    let data = members.get(&["data"]);
    if data.is_none() && !members.has(&["data", "status"]) {
        return Err(FetchError::malformed(
            Code::Envelope,
            "JSON that is no answer of CommBox (no status, no data)",
        ));
    }
    Ok(Envelope { data, response_time: members.get(&["responsetime"]).and_then(Json::instant) })
}

/// The `description` of an error's body, if there is one: one line, bounded, without the key.
pub(super) fn description(body: &str, token: &Token) -> Option<String> {
    described(&Json::parse(body)?.object()?, token)
}

fn members(body: &str) -> Result<Object<'_>, FetchError> {
    let body = body.trim_start_matches('\u{feff}').trim();
    if let Some(members) = Json::parse(body).and_then(Json::object) {
        return Ok(members);
    }
    let what = match body.as_bytes().first() {
        None => "the answer is empty",
        Some(b'<') => "an HTML page instead of JSON",
        Some(b'{') => "broken JSON",
        Some(_) if Json::parse(body).is_some() => "JSON that is not an object",
        Some(_) => "text that is not JSON",
    };
    Err(FetchError::malformed(Code::Decode, what))
}

fn check(members: &Object<'_>, retry_after: Option<Duration>, token: &Token) -> Result<(), FetchError> {
    let Some(status) = members.get(&["status"]) else { return Ok(()) };
    let Some(status) = status.integer().and_then(|status| u16::try_from(status).ok()) else {
        return Err(FetchError::malformed(Code::Envelope, "the answer's status is not a number"));
    };
    if status == 200 {
        return Ok(());
    }
    let said = described(members, token).unwrap_or_default();
    let detail = format!("HTTP 200, but the answer says {status} {said}");
    Err(FetchError::new(reaction(status, retry_after), Code::Envelope, detail))
}

fn described(members: &Object<'_>, token: &Token) -> Option<String> {
    let said = members.get(&["description"])?.scalar()?;
    // Cut out the key before cutting the text, or half of it might stay.
    Some(one_line(&token.redact(&said), DESCRIPTION_CHARS_MAX)).filter(|line| !line.is_empty())
}
