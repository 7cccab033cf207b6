//! The polled API. `CommBox`'s JSON, its quirks and its faults end here.
//!
//! ```text
//! client ─► connection, address, token, transport      one request, and what can go wrong with it
//!   │
//! answer ─► response_time                              unchanged? (no parse)
//!   │
//! decode ─► envelope ─► conversation (or listing) ─► child ─► author, content, text (html, entities)
//!           └────────── json, number, time ──────────┘ one level at a time, whatever the shape
//! ```
//!
//! Reading is lenient, since the vendor's schema and examples contradict each other: what can't be understood
//! costs the field, never the message; a child that can't be read is named rather than dropped. It knows no
//! schedule, keeps no state, and logs nothing.

mod address;
mod answer;
mod author;
mod child;
mod client;
mod connection;
mod content;
mod conversation;
mod entities;
mod envelope;
mod error;
mod html;
mod json;
mod listing;
mod number;
mod response_time;
mod retry_after;
mod text;
mod time;
mod token;
mod transport;

#[cfg(test)]
mod tests;

pub use answer::{Answer, page};
pub use client::{Client, Limits};
pub use connection::ClientError;
pub use error::{Code, DETAIL_CHARS_MAX, FetchError, Reaction};
pub use retry_after::RETRY_AFTER_MAX;
pub use token::token_expiry;
