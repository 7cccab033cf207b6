//! An answer that came whole: hashed to see whether anything changed, parsed only when something has.

use std::borrow::Cow;
use std::fmt;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use jiff::Timestamp;

use super::error::{Code, FetchError, Reaction};
use super::response_time;
use super::token::Token;
use super::{conversation, envelope, listing, time};
use crate::core::listing::{Listing, Page};
use crate::core::message::{Bot, Snapshot};

/// The body of a 200, not parsed.
pub struct Answer {
    body: Bytes,
    date: Option<SystemTime>,
    retry_after: Option<Duration>,
    took: Duration,
    token: Arc<Token>,
}

/// What a page says, or why it does not. An identity of which nothing is known has no conversations so far.
pub fn page(question: &Listing, asked: Result<Answer, FetchError>) -> Result<Page, FetchError> {
    match (question, asked.and_then(|answer| answer.decode_page())) {
        (Listing::Identity(_), Err(error)) if error.code == Code::Http(404) => Ok(Page::default()),
        (_, page) => page,
    }
}

impl Answer {
    pub(super) fn new(
        body: Bytes,
        date: Option<SystemTime>,
        retry_after: Option<Duration>,
        took: Duration,
        token: Arc<Token>,
    ) -> Self {
        Self { body, date, retry_after, took, token }
    }

    /// An answer that did not come over a network.
    #[cfg(test)]
    pub(crate) fn made(body: Vec<u8>, took: Duration) -> Self {
        let token = Token::new(&secrecy::SecretString::from("made")).expect("a key");
        Self::new(body.into(), None, None, took, Arc::new(token))
    }

    /// A hash of everything but the value of `response_time`, which differs on each call. `keys` are drawn anew
    /// at every start. Where that value can't be told for certain, everything is hashed: then an unchanged
    /// answer looks changed, never the other way round.
    pub fn fingerprint(&self, keys: &RandomState) -> u64 {
        let mut hasher = keys.build_hasher();
        match response_time::find(&self.body) {
            Some(value) => {
                hasher.write(&self.body[..value.start]);
                // No byte of UTF-8: what stands on either side of the cut can't be mistaken for the other.
                hasher.write_u8(0xff);
                hasher.write(&self.body[value.end..]);
            }
            None => hasher.write(&self.body),
        }
        hasher.finish()
    }

    /// What the answer says of the conversation `object`, with `bots` told from people.
    pub fn decode(&self, object: i64, bots: &[Bot]) -> Result<Snapshot, FetchError> {
        self.read(object, bots).map_err(|error| error.after(self.took))
    }

    /// What the answer lists.
    pub fn decode_page(&self) -> Result<Page, FetchError> {
        let read = || {
            let body = self.text();
            let envelope = envelope::open(&body, self.retry_after, &self.token)?;
            let answered_at = envelope.response_time.or_else(|| self.dated());
            listing::page(envelope.data, answered_at)
        };
        read().map_err(|error: FetchError| error.after(self.took))
    }

    /// `CommBox`'s clock when it answered: the body's `response_time`, else the `Date` header (whole seconds).
    pub fn server_clock(&self) -> Option<Timestamp> {
        let said =
            response_time::find(&self.body).and_then(|value| std::str::from_utf8(&self.body[value]).ok());
        said.and_then(|text| time::instant(text.trim_matches('"'))).or_else(|| self.dated())
    }

    /// How long the request took, to the last byte.
    pub fn took(&self) -> Duration {
        self.took
    }

    /// The size of the body in bytes.
    pub fn body_bytes(&self) -> usize {
        self.body.len()
    }

    /// Whether the envelope agrees that this is a success.
    pub(super) fn check(&self) -> Result<(), FetchError> {
        envelope::open(&self.text(), self.retry_after, &self.token)
            .map(|_| ())
            .map_err(|error| error.after(self.took))
    }

    fn read(&self, object: i64, bots: &[Bot]) -> Result<Snapshot, FetchError> {
        let body = self.text();
        let envelope = envelope::open(&body, self.retry_after, &self.token)?;
        let answered_at = envelope.response_time.or_else(|| self.dated());
        let Some(data) = envelope.data else {
            return Err(FetchError::new(Reaction::Gone, Code::Envelope, "the answer holds no conversation"));
        };
        conversation::snapshot(data, object, bots, answered_at)
    }

    /// The body as text; a byte that is not UTF-8 costs one character, not the answer.
    fn text(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.body)
    }

    fn dated(&self) -> Option<Timestamp> {
        Timestamp::try_from(self.date?).ok()
    }
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answer")
            .field("bytes", &self.body.len())
            .field("took", &self.took)
            .finish_non_exhaustive()
    }
}
