//! What PagerDuty's answer means.

use commwatch_plugin_api::{HttpError, Outcome, Response, excerpt, outcome_of};
use serde::Deserialize;

use crate::config::Key;

/// Most errors of one answer that are shown.
const ERRORS_SHOWN_MAX: usize = 3;

/// What PagerDuty says of a request.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Said {
    status: String,
    message: String,
    errors: Vec<String>,
}

/// Reads the answer. Only PagerDuty's own words are quoted, and never the key.
pub(crate) fn outcome(answer: Result<Response, HttpError>, key: &Key) -> Outcome {
    let response = match answer {
        Err(error) => return outcome_of(Err(error)),
        Ok(response) => response,
    };
    let said: Option<Said> = serde_json::from_slice(&response.body).ok();
    let words = key.struck_from(&words(said.as_ref()));
    let why = format!("HTTP {}: {words}", response.status);
    match (response.status, said) {
        (202, Some(said)) if said.status == "success" => Outcome::delivered(),
        (200..=299, _) => Outcome::broken(format!(
            "{why}: something else answered, such as a proxy or its login page; check `url`"
        )),
        (300..=399, _) => Outcome::broken(format!(
            "{why}: redirects are never followed; set `url` to the address of the Events API v2"
        )),
        // Every event would meet the same, so the queue waits rather than becoming dead letters.
        (400, Some(said)) if said.is_about_the_key() => {
            Outcome::broken(format!("{why}: check `routing_key` and the region in `url`"))
        }
        (401 | 403 | 404 | 405 | 407, _) => Outcome::broken(format!(
            "{why}: check `routing_key`, `url` and whether a proxy stands in between"
        )),
        (410, _) => Outcome::broken_until_reload(format!("{why}: check `url`")),
        (408 | 425 | 429 | 500..=599, _) => Outcome::Retry { after: response.retry_after(), why },
        _ => Outcome::reject(why),
    }
}

impl Said {
    fn is_about_the_key(&self) -> bool {
        self.errors.iter().chain([&self.message]).any(|text| {
            let text = text.to_ascii_lowercase();
            text.contains("routing_key") || text.contains("routing key") || text.contains("integration key")
        })
    }
}

fn words(said: Option<&Said>) -> String {
    match said {
        Some(said) if !said.message.is_empty() => {
            let errors = said.errors.iter().take(ERRORS_SHOWN_MAX).map(String::as_str);
            let all: Vec<&str> = [said.message.as_str()].into_iter().chain(errors).collect();
            excerpt(all.join("; ").as_bytes())
        }
        _ => "without a word of PagerDuty's".to_owned(),
    }
}
