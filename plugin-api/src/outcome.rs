//! How a delivery ended.

use std::time::Duration;

use crate::{HttpError, Response};

/// The longest receipt.
const RECEIPT_BYTES_MAX: usize = 255;

/// How a delivery ended, in the words that the daemon acts on.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Outcome {
    /// The receiver accepted it. `receipt` is what the receiver calls it (a message id), if it said so.
    Delivered {
        /// The receiver's own reference, at most 255 bytes; kept with the attempt.
        receipt: Option<String>,
    },
    /// Not accepted now; the same notification may work later. Nothing was delivered.
    Retry {
        /// What the receiver asked for (`Retry-After`); the daemon's own backoff applies where this is shorter.
        after: Option<Duration>,
        /// One line for the operator; never a secret.
        why: String,
    },
    /// This notification will never be accepted: it becomes a dead letter.
    Reject {
        /// One line for the operator.
        why: String,
    },
    /// It may have arrived: the request was sent and its answer was lost.
    Unknown {
        /// One line for the operator.
        why: String,
    },
    /// The notifier as a whole is broken: credentials refused, channel gone. Its queue waits, attempts are not
    /// counted, and it is probed with its oldest delivery.
    Broken {
        /// The receiver wants no more requests (HTTP 410): it is probed after a reload and not before.
        until_reload: bool,
        /// One line for the operator.
        why: String,
    },
}

impl Outcome {
    /// Accepted, without a receipt.
    pub fn delivered() -> Self {
        Self::Delivered { receipt: None }
    }

    /// Accepted, and called `receipt` by the receiver; one that is empty, longer than 255 bytes or anything but
    /// printable ASCII without spaces is left out.
    pub fn delivered_as(receipt: &str) -> Self {
        let is_plain = (1..=RECEIPT_BYTES_MAX).contains(&receipt.len());
        let is_plain = is_plain && receipt.bytes().all(|byte| byte.is_ascii_graphic());
        Self::Delivered { receipt: is_plain.then(|| receipt.to_owned()) }
    }

    /// Not now; the daemon chooses when.
    pub fn retry(why: impl Into<String>) -> Self {
        Self::Retry { after: None, why: why.into() }
    }

    /// Never.
    pub fn reject(why: impl Into<String>) -> Self {
        Self::Reject { why: why.into() }
    }

    /// Perhaps.
    pub fn unknown(why: impl Into<String>) -> Self {
        Self::Unknown { why: why.into() }
    }

    /// The notifier as a whole does not work.
    pub fn broken(why: impl Into<String>) -> Self {
        Self::Broken { until_reload: false, why: why.into() }
    }

    /// The receiver wants no more requests before somebody has changed something.
    pub fn broken_until_reload(why: impl Into<String>) -> Self {
        Self::Broken { until_reload: true, why: why.into() }
    }
}

/// The usual reading of an HTTP answer: what most receivers mean by their status.
///
/// 2xx delivered; 408, 425, 429 and 5xx retry, with `Retry-After` obeyed; 401, 403, 404, 405 and 410 break the
/// notifier (410 until a reload); 3xx and every other 4xx reject. A request that was not sent is retried; one whose answer was lost
/// is [`Outcome::Unknown`]; one that the host refused breaks the notifier, since every other would be refused
/// as well.
pub fn outcome_of(answer: Result<Response, HttpError>) -> Outcome {
    match answer {
        Ok(response) => outcome_of_response(&response),
        Err(HttpError::NotSent { why }) => Outcome::retry(why),
        Err(HttpError::NoAnswer { why }) => Outcome::unknown(why),
        Err(HttpError::Refused { why }) => Outcome::broken(why),
    }
}

fn outcome_of_response(response: &Response) -> Outcome {
    outcome_of_status(response, format!("HTTP {}: {}", response.status, excerpt(&response.body)))
}

/// As [`outcome_of`] reads an answer, with the plugin's own words for the operator: for receivers whose address is
/// a secret, since pages from something in between like to repeat the address.
pub fn outcome_of_status(response: &Response, why: impl Into<String>) -> Outcome {
    match response.status {
        200..=299 => Outcome::delivered(),
        408 | 425 | 429 | 500..=599 => Outcome::Retry { after: response.retry_after(), why: why.into() },
        401 | 403 | 404 | 405 => Outcome::broken(why),
        410 => Outcome::broken_until_reload(why),
        _ => Outcome::reject(why),
    }
}

/// The first line of a body, at most 200 characters: enough for an operator, bounded for a log.
pub fn excerpt(body: &[u8]) -> String {
    const CHARS_MAX: usize = 200;
    let text = String::from_utf8_lossy(body);
    let line: String = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.is_empty() {
        return "(empty answer)".to_owned();
    }
    line.chars().take(CHARS_MAX).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::response;

    #[test]
    fn a_status_is_read_the_same_with_and_without_the_body() {
        for status in 100..600 {
            let (with, without) = (outcome_of(Ok(response(status, "page"))), response(status, "page"));
            let why = format!("HTTP {status}: page");
            assert_eq!(with, outcome_of_status(&without, why));
        }
        assert_eq!(outcome_of_status(&response(404, "secret"), "gone"), Outcome::broken("gone"));
    }

    #[test]
    fn a_receipt_is_one_plain_word_or_none() {
        let receipt = |text: &str| match Outcome::delivered_as(text) {
            Outcome::Delivered { receipt } => receipt,
            other => panic!("{other:?}"),
        };
        assert_eq!(receipt("C01/15.02").as_deref(), Some("C01/15.02"));
        assert_eq!(receipt(&"x".repeat(255)).map(|text| text.len()), Some(255));
        for none in ["", "two words", "line\n", "\u{202e}x", &"x".repeat(256)] {
            assert_eq!(receipt(none), None, "{none:?}");
        }
    }
}
