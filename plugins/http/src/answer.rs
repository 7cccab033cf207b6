//! What an answer means.

use commwatch_plugin_api::{HttpError, Outcome, Response, excerpt, outcome_of};

use crate::config::Expect;

/// Reads the answer: accepted is what the operator expects, anything else is read as usual.
pub(crate) fn outcome(answer: Result<Response, HttpError>, expect: &Expect) -> Outcome {
    let response = match answer {
        Ok(response) => response,
        Err(error) => return outcome_of(Err(error)),
    };
    let status = response.status;
    let is_expected = match &expect.0 {
        None => response.is_success(),
        Some(expected) => expected.contains(&status),
    };
    match status {
        _ if is_expected => Outcome::delivered(),
        // Nothing else would be accepted either, so the queue waits.
        200..=299 => Outcome::broken(format!(
            "HTTP {status}: {}: not a status of `expect`; correct it, or the address",
            excerpt(&response.body)
        )),
        300..=399 => Outcome::broken(format!(
            "HTTP {status}: the receiver redirects, which is never followed; set `url` to the address it redirects to"
        )),
        _ => outcome_of(Ok(response)),
    }
}
