//! What the daemon says.

use std::collections::BTreeMap;

use commwatch_plugin_api::{HttpError, Response};
use serde::{Deserialize, Serialize};

use super::{Cursor, Frame, PROTOCOL, Violation, encode};

const HELLO: u8 = 1;
const DELIVER: u8 = 2;
const HTTP_END: u8 = 3;
const STOP: u8 = 4;

/// The first frame: what to load and what to tell it. Holds no secret.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Hello {
    /// [`PROTOCOL`].
    pub protocol: u32,
    /// Absolute path of the `.so`.
    pub library: String,
    /// The SHA-256 that it must have, in hexadecimal; left out = any.
    pub pinned: Option<String>,
    /// The notifier's configuration, with secrets as references but for those that are revealed.
    pub config: serde_json::Value,
    /// How many deliveries will be outstanding at once.
    pub concurrency: u16,
}

/// How a request ended, ready for the ABI.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum HttpEnd {
    /// An answer came.
    Answer {
        /// 100 to 599.
        status: u16,
        /// JSON object of names and values.
        headers: Vec<u8>,
        /// The body, as far as it is kept.
        body: Vec<u8>,
    },
    /// None came.
    Fault(HttpError),
}

impl From<Result<Response, HttpError>> for HttpEnd {
    fn from(end: Result<Response, HttpError>) -> Self {
        match end {
            Ok(Response { status, headers, body }) => {
                Self::Answer { status, headers: headers_json(&headers), body }
            }
            Err(error) => Self::Fault(error),
        }
    }
}

fn headers_json(headers: &BTreeMap<String, String>) -> Vec<u8> {
    serde_json::to_vec(headers).expect("names and values are text")
}

/// What the daemon says.
#[derive(Debug, Eq, PartialEq)]
pub enum ToChild {
    /// Load this.
    Hello(Hello),
    /// Deliver this.
    Deliver {
        /// The delivery's token.
        token: u64,
        /// From 1.
        attempt: u32,
        /// Whether an operator asked for it again.
        replay: bool,
        /// What is left of the delivery's time.
        remaining_ms: u64,
        /// What the receiver said of the one before; empty, where that is not known or not asked for.
        receipt: String,
        /// The frozen JSON.
        notification: Vec<u8>,
    },
    /// Your request ended.
    HttpEnd {
        /// The delivery's token.
        token: u64,
        /// How.
        end: HttpEnd,
    },
    /// Finish what you have, destroy the notifier and end.
    Stop,
}

/// A [`ToChild::Deliver`] without a copy of the notification on the way.
pub(in crate::plugin) fn deliver(
    token: u64,
    attempt: u32,
    replay: bool,
    remaining_ms: u64,
    receipt: &str,
    notification: &[u8],
) -> Vec<u8> {
    let receipt_len = (receipt.len() as u32).to_le_bytes();
    let parts: [&[u8]; 6] = [
        &attempt.to_le_bytes(),
        &[u8::from(replay)],
        &remaining_ms.to_le_bytes(),
        &receipt_len,
        receipt.as_bytes(),
        notification,
    ];
    encode(DELIVER, token, &parts)
}

impl ToChild {
    /// The frame's bytes.
    pub fn encode(&self) -> Vec<u8> {
        match self {
            Self::Hello(hello) => {
                encode(HELLO, 0, &[&serde_json::to_vec(hello).expect("a hello is plain JSON")])
            }
            Self::Deliver { token, attempt, replay, remaining_ms, receipt, notification } => {
                deliver(*token, *attempt, *replay, *remaining_ms, receipt, notification)
            }
            Self::HttpEnd { token, end: HttpEnd::Answer { status, headers, body } } => {
                let len = (headers.len() as u32).to_le_bytes();
                encode(HTTP_END, *token, &[&[0], &status.to_le_bytes(), &len, headers, body])
            }
            Self::HttpEnd { token, end: HttpEnd::Fault(error) } => {
                let (kind, why) = match error {
                    HttpError::NotSent { why } => (1, why),
                    HttpError::NoAnswer { why } => (2, why),
                    HttpError::Refused { why } => (3, why),
                };
                encode(HTTP_END, *token, &[&[kind], why.as_bytes()])
            }
            Self::Stop => encode(STOP, 0, &[]),
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
            HELLO => {
                let hello: Hello =
                    serde_json::from_slice(body.0).map_err(|error| Violation(error.to_string()))?;
                if hello.protocol != PROTOCOL {
                    let theirs = hello.protocol;
                    return Err(Violation(format!("it speaks version {theirs}, this is version {PROTOCOL}")));
                }
                Self::Hello(hello)
            }
            DELIVER => Self::Deliver {
                token,
                attempt: body.u32()?,
                replay: body.u8()? != 0,
                remaining_ms: body.u64()?,
                receipt: {
                    let len = body.u32()? as usize;
                    String::from_utf8_lossy(body.take(len)?).into_owned()
                },
                notification: body.rest(),
            },
            HTTP_END => Self::HttpEnd { token, end: http_end(&mut body)? },
            STOP => Self::Stop,
            _ => return Err(Violation(format!("a frame of unknown kind {kind}"))),
        })
    }
}

fn http_end(body: &mut Cursor<'_>) -> Result<HttpEnd, Violation> {
    const WHY_BYTES_MAX: usize = 4096;
    Ok(match body.u8()? {
        0 => {
            let status = body.u16()?;
            let headers = body.u32()? as usize;
            HttpEnd::Answer { status, headers: body.take(headers)?.to_vec(), body: body.rest() }
        }
        1 => HttpEnd::Fault(HttpError::NotSent { why: body.line(WHY_BYTES_MAX) }),
        3 => HttpEnd::Fault(HttpError::Refused { why: body.line(WHY_BYTES_MAX) }),
        _ => HttpEnd::Fault(HttpError::NoAnswer { why: body.line(WHY_BYTES_MAX) }),
    })
}
