//! From ntfy's answer to an outcome.
//!
//! Statuses and codes: `server/errors.go` of ntfy (`40009` is HTTP 400, and so on). ntfy sends no `Retry-After` of its
//! own; a proxy before it may.

use commwatch_plugin_api::{HttpError, Outcome, Response, outcome_of, outcome_of_status};
use serde::Deserialize;

/// ntfy's own sentences are far shorter.
const ERROR_CHARS_MAX: usize = 200;
/// The topic's name is not allowed here; no other message would be taken either.
const TOPIC_CODES: [u32; 2] = [40_009, 40_010];

/// A message that was published, or an error.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Said {
    id: String,
    event: String,
    code: u32,
    error: String,
}

pub(crate) fn outcome(answer: Result<Response, HttpError>) -> Outcome {
    let response = match answer {
        Err(error) => return outcome_of(Err(error)),
        Ok(response) => response,
    };
    let said: Said = serde_json::from_slice(&response.body).unwrap_or_default();
    let status = response.status;
    let why = why(status, &said);
    match status {
        200..=299 if said.event == "message" => Outcome::delivered_as(&said.id),
        200..=299 => Outcome::broken(format!(
            "{why}: something else answered; check `url`, and whether a proxy asks for a login"
        )),
        300..=399 => {
            Outcome::broken(format!("{why}: redirects are not followed; set `url` to where it leads"))
        }
        400 if TOPIC_CODES.contains(&said.code) => Outcome::broken(format!("{why}: choose another `topic`")),
        401 | 403 => Outcome::broken(format!("{why}: check `token`, and whether it may write to the topic")),
        404 | 405 => Outcome::broken(format!("{why}: check that `url` is the server's root")),
        _ => outcome_of_status(&response, why),
    }
}

/// A page from something in between is not quoted.
fn why(status: u16, said: &Said) -> String {
    let error: String = said.error.split_whitespace().collect::<Vec<_>>().join(" ");
    if said.code == 0 || error.is_empty() {
        return format!("HTTP {status} without a word of ntfy's");
    }
    format!("ntfy: {} ({})", error.chars().take(ERROR_CHARS_MAX).collect::<String>(), said.code)
}
