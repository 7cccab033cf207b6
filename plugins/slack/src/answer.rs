//! From Slack's answer to an outcome.
//!
//! An answer is quoted only as far as it is one of Slack's words: any other body comes from something in
//! between, and such pages like to repeat the address, which for a webhook is the secret.

use commwatch_plugin_api::{HttpError, Outcome, Response, outcome_of};
use serde::Deserialize;

use crate::words::{self, Meaning};

/// Slack's words and scopes are far shorter.
const WORD_BYTES_MAX: usize = 100;
/// A receipt's length, as the plugin contract has it.
const RECEIPT_BYTES_MAX: usize = 255;

/// What follows from an answer.
#[derive(Debug, Eq, PartialEq)]
pub(crate) enum Verdict {
    /// This is how the delivery ended.
    Ended(Outcome),
    /// The thread takes no replies, and nothing was posted: its parent is gone, or locked.
    ThreadRefused {
        /// One line for the operator.
        why: String,
    },
    /// The message's form was refused and nothing was posted: another form may work.
    FormRefused {
        /// One line for the operator.
        why: String,
    },
}

/// What `chat.postMessage` answers with.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Said {
    ok: Option<bool>,
    error: Option<String>,
    needed: Option<String>,
    channel: Option<String>,
    ts: Option<String>,
}

/// Reads what a webhook answered: `ok`, or one word as text.
pub(crate) fn of_webhook(answer: Result<Response, HttpError>) -> Verdict {
    let response = match answer {
        Err(error) => return Verdict::Ended(outcome_of(Err(error))),
        Ok(response) => response,
    };
    let body = response.text();
    match (response.status, body.trim()) {
        (200, "ok") => Verdict::Ended(Outcome::delivered()),
        (_, body) => {
            let word = word(body);
            word.and_then(|word| refused(&response, word, None)).unwrap_or_else(|| by_status(&response, word))
        }
    }
}

/// Reads what `chat.postMessage` or `chat.update` answered: JSON, mostly with status 200, whose `ok` tells.
pub(crate) fn of_bot(answer: Result<Response, HttpError>) -> Verdict {
    let response = match answer {
        Err(error) => return Verdict::Ended(outcome_of(Err(error))),
        Ok(response) => response,
    };
    let said: Said = serde_json::from_slice(&response.body).unwrap_or_default();
    let word = said.error.as_deref().and_then(word);
    let needed = said.needed.as_deref().and_then(self::word);
    match said.ok {
        Some(true) if response.status == 200 => {
            Verdict::Ended(Outcome::Delivered { receipt: receipt(&said) })
        }
        Some(false) => {
            let known = word.and_then(|word| refused(&response, word, needed));
            known.unwrap_or_else(|| refused_for_a_new_reason(&response, word))
        }
        _ => by_status(&response, None),
    }
}

/// Reads a refusal; None when its word is not known here.
fn refused(response: &Response, word: &str, needed: Option<&str>) -> Option<Verdict> {
    let why = format!("Slack: {word}");
    Some(match words::meaning(word)? {
        Meaning::Form => Verdict::FormRefused { why },
        Meaning::Thread => Verdict::ThreadRefused { why },
        Meaning::Wait => retry(response, &why),
        Meaning::Perhaps => Verdict::Ended(Outcome::unknown(why)),
        Meaning::Broken(hint) => {
            let needed = needed.map(|scope| format!(" (needed: {scope})")).unwrap_or_default();
            Verdict::Ended(Outcome::broken(format!("{why}{needed}: {hint}")))
        }
    })
}

/// A word that Slack learnt after this was written. Nothing was posted, so trying again is safe: it ends as a
/// dead letter after `retry_for` if it is about this message, and loses nothing if it is about the channel or
/// the hour. To reject would make every message a dead letter at once; to break would hold them all for one.
fn refused_for_a_new_reason(response: &Response, word: Option<&str>) -> Verdict {
    if response.is_success() {
        retry(response, &format!("Slack: {}, a word that is not known here", word.unwrap_or("(none)")))
    } else {
        by_status(response, word)
    }
}

/// Reads an answer that does not carry a word known here: it may come from something in between.
fn by_status(response: &Response, word: Option<&str>) -> Verdict {
    let status = response.status;
    let why = match word {
        Some(word) => format!("HTTP {status}: {word}"),
        None => format!("HTTP {status} without a word of Slack's"),
    };
    let broken = |hint: &str| Verdict::Ended(Outcome::broken(format!("{why}: {hint}")));
    match status {
        400 | 413 | 415 | 422 => Verdict::FormRefused { why },
        408 | 425 | 429 | 503 => retry(response, &why),
        // It may have posted before it, or what stands before it, gave up.
        500..=599 => Verdict::Ended(Outcome::unknown(why)),
        200..=299 => broken("something else answered, such as a proxy or its login page"),
        300..=399 => broken(
            "an address that redirects is not Slack's; check it, and whether a proxy stands in between",
        ),
        401 | 403 | 407 => {
            broken("access was refused; check the secret, and whether a proxy stands in between")
        }
        _ => broken("check the address and the secret"),
    }
}

fn retry(response: &Response, why: &str) -> Verdict {
    Verdict::Ended(Outcome::Retry { after: response.retry_after(), why: why.to_owned() })
}

fn receipt(said: &Said) -> Option<String> {
    let receipt = format!("{}/{}", said.channel.as_deref()?, said.ts.as_deref()?);
    let is_plain = receipt.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"./_-".contains(&byte));
    (is_plain && receipt.len() <= RECEIPT_BYTES_MAX).then_some(receipt)
}

/// The text, if it can be one of Slack's words (`invalid_blocks`) or scopes (`chat:write`).
fn word(text: &str) -> Option<&str> {
    let fits = (1..=WORD_BYTES_MAX).contains(&text.len());
    let is_word = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_:.,".contains(&byte);
    (fits && text.bytes().all(is_word)).then_some(text)
}
