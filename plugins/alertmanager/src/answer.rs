//! What Alertmanager's answer means.

use commwatch_plugin_api::{HttpError, Outcome, Response, excerpt, outcome_of};

/// Reads the answer. To say the same again changes nothing there, so whatever may have arrived is tried again.
pub(crate) fn outcome(answer: Result<Response, HttpError>) -> Outcome {
    let response = match answer {
        Ok(response) => response,
        Err(error) => return outcome_of(Err(error)),
    };
    let why = format!("HTTP {}: {}", response.status, excerpt(&response.body));
    match response.status {
        // Alertmanager says nothing when it accepts.
        200 if !is_page(&response) => Outcome::delivered(),
        200..=299 => {
            Outcome::broken(format!("{why}: something else answered, such as a login page; check `url`"))
        }
        300..=399 => Outcome::broken(format!(
            "HTTP {}: redirects are never followed; set `url` to where it leads",
            response.status
        )),
        401 | 403 | 407 => Outcome::broken(format!("{why}: check `user` and `password`, or `bearer_token`")),
        404 | 405 => Outcome::broken(format!(
            "{why}: no Alertmanager with an API v2 answers there; check `url` and its path"
        )),
        _ => outcome_of(Ok(response)),
    }
}

fn is_page(response: &Response) -> bool {
    response.body.trim_ascii_start().starts_with(b"<")
}
