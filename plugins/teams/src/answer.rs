//! From a workflow's answer to an outcome.
//!
//! A workflow answers 202 as soon as it has begun; whether the card then reached the channel is seen in its run history
//! alone. Its refusals are JSON with `error.code` (Azure Logic Apps), of which only that one word is quoted: pages from
//! something in between like to repeat the address, which is the secret.

use commwatch_plugin_api::{HttpError, Outcome, Response, outcome_of, outcome_of_status};
use serde::Deserialize;

/// Codes are far shorter.
const CODE_BYTES_MAX: usize = 100;
/// What an incoming webhook of the older kind says with status 200 when Teams itself refused.
const HIDDEN_ERROR: &str = "returned HTTP error ";
/// Codes of a 400 that are about the workflow and not about this card.
const ABOUT_THE_WORKFLOW: [&str; 4] =
    ["WorkflowTriggerIsNotEnabled", "WorkflowDisabled", "WorkflowNotFound", "WorkflowTriggerNotFound"];

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Said {
    error: Refusal,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Refusal {
    code: String,
}

pub(crate) fn outcome(answer: Result<Response, HttpError>) -> Outcome {
    let response = match answer {
        Err(error) => return outcome_of(Err(error)),
        Ok(response) => response,
    };
    let code = code(&response);
    let why = match &code {
        Some(code) => format!("Teams workflow: {code} (HTTP {})", response.status),
        None => format!("HTTP {} without a word of the workflow's", response.status),
    };
    let broken = |hint: &str| Outcome::broken(format!("{why}: {hint}"));
    match response.status {
        202 => accepted(&response),
        200..=299 => perhaps_accepted(response),
        300..=399 => broken("an address that redirects is not a workflow's; make a new one and change `url`"),
        400 if code.is_some_and(|code| ABOUT_THE_WORKFLOW.contains(&code.as_str())) => {
            broken("switch the workflow on, or make a new one and change `url`")
        }
        401 | 403 => {
            broken("the workflow does not take the address; copy `url` anew, and see who may trigger it")
        }
        404 | 405 => broken("the workflow is gone; make a new one and change `url`"),
        407 => broken("a proxy stands in between"),
        _ => outcome_of_status(&response, why),
    }
}

/// The run's id finds it in the workflow's run history.
fn accepted(response: &Response) -> Outcome {
    response
        .headers
        .get("x-ms-workflow-run-id")
        .map_or_else(Outcome::delivered, |id| Outcome::delivered_as(id))
}

/// Reads a success that is not a workflow's usual one: of an incoming webhook of the older kind, of a workflow that
/// answers by itself, or of something in between.
fn perhaps_accepted(mut response: Response) -> Outcome {
    let body = response.text();
    if let Some((_, rest)) = body.split_once(HIDDEN_ERROR) {
        let digits: String = rest.chars().take_while(char::is_ascii_digit).take(3).collect();
        response.status = digits.parse().ok().filter(|status| (400..600).contains(status)).unwrap_or(502);
        return outcome_of_status(
            &response,
            format!("Teams refused behind the webhook: HTTP {}", response.status),
        );
    }
    if body.trim_start().starts_with('<') {
        let why = format!("HTTP {}: a page answered", response.status);
        return Outcome::broken(format!("{why}; check `url`, and whether a proxy asks for a login"));
    }
    accepted(&response)
}

fn code(response: &Response) -> Option<String> {
    let said: Said = serde_json::from_slice(&response.body).ok()?;
    let code = said.error.code;
    let is_word = code.bytes().all(|byte| byte.is_ascii_alphanumeric());
    (is_word && (1..=CODE_BYTES_MAX).contains(&code.len())).then_some(code)
}
