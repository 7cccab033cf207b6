//! What a child says. All of it is untrusted.

use std::time::Duration;

use commwatch_plugin_api::{Level, Outcome, abi};
use serde::{Deserialize, Serialize};

use super::{Cursor, Frame, PROTOCOL, Violation, encode};

const READY: u8 = 65;
const REFUSED: u8 = 66;
const OUTCOME: u8 = 67;
const HTTP: u8 = 68;
const LOG: u8 = 69;

/// The longest text of an outcome or a refusal that is kept.
pub(in crate::plugin) const TEXT_BYTES_MAX: usize = 4096;

/// The plugin is loaded and its notifier made.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Ready {
    /// [`PROTOCOL`].
    pub protocol: u32,
    /// The plugin's version, as its manifest says it.
    pub version: String,
}

/// What a child says.
#[derive(Debug, PartialEq)]
pub enum FromChild {
    /// Deliveries may come.
    Ready(Ready),
    /// The plugin does not load or start.
    Refused {
        /// One line for the operator.
        why: String,
    },
    /// A delivery ended.
    Outcome {
        /// Its token.
        token: u64,
        /// How it ended.
        outcome: Outcome,
    },
    /// A delivery wants a request to be sent.
    Http {
        /// The delivery's token.
        token: u64,
        /// The request's JSON, not looked at.
        description: Vec<u8>,
        /// The bytes to send.
        body: Vec<u8>,
    },
    /// A line for the log.
    Log {
        /// How much it matters.
        level: Level,
        /// One line, at most [`abi::LOG_LINE_MAX`].
        line: String,
    },
}

/// A [`FromChild::Http`] without a copy of the body on the way.
pub(in crate::plugin) fn http(token: u64, description: &[u8], body: &[u8]) -> Vec<u8> {
    encode(HTTP, token, &[&(description.len() as u32).to_le_bytes(), description, body])
}

impl FromChild {
    /// The frame's bytes.
    pub fn encode(&self) -> Vec<u8> {
        match self {
            Self::Ready(ready) => {
                encode(READY, 0, &[&serde_json::to_vec(ready).expect("numbers and text are JSON")])
            }
            Self::Refused { why } => encode(REFUSED, 0, &[cut(why, TEXT_BYTES_MAX)]),
            Self::Outcome { token, outcome } => {
                let (kind, after, text) = parts(outcome);
                let parts: [&[u8]; 3] = [&[kind as u8], &after.to_le_bytes(), cut(text, TEXT_BYTES_MAX)];
                encode(OUTCOME, *token, &parts)
            }
            Self::Http { token, description, body } => http(*token, description, body),
            Self::Log { level, line } => {
                let level = match level {
                    Level::Error => abi::LOG_ERROR,
                    Level::Warn => abi::LOG_WARN,
                    Level::Info => abi::LOG_INFO,
                    Level::Debug => abi::LOG_DEBUG,
                };
                encode(LOG, 0, &[&[level as u8], cut(line, abi::LOG_LINE_MAX as usize)])
            }
        }
    }

    /// Reads a frame.
    ///
    /// # Errors
    /// [`Violation`], when it is none of these.
    pub fn decode(frame: Frame) -> Result<Self, Violation> {
        let Frame { kind, token, body } = frame;
        let mut body = Cursor(&body);
        Ok(match kind {
            READY => Self::Ready(ready(body.0)?),
            REFUSED => Self::Refused { why: body.line(TEXT_BYTES_MAX) },
            OUTCOME => {
                let (kind, after) = (body.u8()?, body.u64()?);
                Self::Outcome { token, outcome: outcome(kind.into(), after, body.line(TEXT_BYTES_MAX)) }
            }
            HTTP => {
                let len = body.u32()? as usize;
                Self::Http { token, description: body.take(len)?.to_vec(), body: body.rest() }
            }
            LOG => {
                let level = level(body.u8()?.into());
                Self::Log { level, line: body.line(abi::LOG_LINE_MAX as usize) }
            }
            _ => return Err(Violation(format!("a frame of unknown kind {kind}"))),
        })
    }
}

fn ready(json: &[u8]) -> Result<Ready, Violation> {
    const VERSION_BYTES_MAX: usize = 64;
    let mut ready: Ready = serde_json::from_slice(json).map_err(|error| Violation(error.to_string()))?;
    if ready.protocol != PROTOCOL {
        let theirs = ready.protocol;
        return Err(Violation(format!("it speaks version {theirs}, this is version {PROTOCOL}")));
    }
    ready.version.truncate(ready.version.floor_char_boundary(VERSION_BYTES_MAX));
    Ok(ready)
}

/// A level of the ABI; an unknown one is `Info`.
pub(in crate::plugin) fn level(number: u32) -> Level {
    match number {
        abi::LOG_ERROR => Level::Error,
        abi::LOG_WARN => Level::Warn,
        abi::LOG_DEBUG => Level::Debug,
        _ => Level::Info,
    }
}

/// An outcome of the ABI; an unknown one is `Unknown`.
pub(in crate::plugin) fn outcome(kind: u32, retry_after_ms: u64, text: String) -> Outcome {
    const RECEIPT_BYTES_MAX: usize = 255;
    let why = if text.is_empty() { "(the plugin gave no reason)".to_owned() } else { text.clone() };
    match kind {
        abi::OUTCOME_DELIVERED => {
            let cut = text.floor_char_boundary(RECEIPT_BYTES_MAX);
            Outcome::Delivered { receipt: (cut > 0).then(|| text[..cut].to_owned()) }
        }
        abi::OUTCOME_RETRY => {
            let after = (retry_after_ms > 0).then(|| Duration::from_millis(retry_after_ms));
            Outcome::Retry { after, why }
        }
        abi::OUTCOME_REJECT => Outcome::Reject { why },
        abi::OUTCOME_BROKEN => Outcome::Broken { until_reload: retry_after_ms == abi::UNTIL_RELOAD, why },
        _ => Outcome::Unknown { why },
    }
}

fn parts(outcome: &Outcome) -> (u32, u64, &str) {
    match outcome {
        Outcome::Delivered { receipt } => (abi::OUTCOME_DELIVERED, 0, receipt.as_deref().unwrap_or("")),
        Outcome::Retry { after, why } => {
            let after = after.map_or(0, |after| after.as_millis().try_into().unwrap_or(u64::MAX));
            (abi::OUTCOME_RETRY, after, why)
        }
        Outcome::Reject { why } => (abi::OUTCOME_REJECT, 0, why),
        Outcome::Unknown { why } => (abi::OUTCOME_UNKNOWN, 0, why),
        Outcome::Broken { until_reload, why } => {
            (abi::OUTCOME_BROKEN, if *until_reload { abi::UNTIL_RELOAD } else { 0 }, why)
        }
    }
}

fn cut(text: &str, bytes_max: usize) -> &[u8] {
    &text.as_bytes()[..text.floor_char_boundary(bytes_max)]
}
