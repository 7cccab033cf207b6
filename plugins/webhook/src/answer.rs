//! What a receiver's answer means.
//!
//! Mostly what answers usually mean ([`outcome_of`]); here stands what is different for a webhook.

use commwatch_plugin_api::{HttpError, Outcome, Response, excerpt, outcome_of};

/// Reads the answer. No text names the address, which may be a secret.
pub(crate) fn outcome(answer: Result<Response, HttpError>) -> Outcome {
    match answer {
        // Nothing arrived, and nothing will before the address is changed. To reject would throw away every
        // message until somebody looks; a broken notifier keeps them.
        Ok(response) if (300..400).contains(&response.status) => Outcome::broken(format!(
            "HTTP {}: the receiver redirects, which is never followed; set `url` to the address it redirects to",
            response.status
        )),
        // By Standard Webhooks and the CloudEvents HTTP binding a receiver asks for no more requests with it.
        Ok(response) if response.status == 410 => Outcome::broken_until_reload(format!(
            "HTTP 410: the receiver is gone for good; paused until reload, correct `url` or remove the notifier: {}",
            excerpt(&response.body)
        )),
        other => outcome_of(other),
    }
}
