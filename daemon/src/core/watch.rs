//! What the operator asked to watch.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Names of accounts, watches, notifiers and routes are `[a-z0-9-]`, 1 to 63 characters.
pub const NAME_CHARS_MAX: usize = 63;

/// A conversation is (account, object id); the stream is only its address.
#[derive(Clone, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
pub struct ConversationId {
    /// The account's configured name.
    pub account: String,
    /// `CommBox`'s object id, an int64 (commbox-api §4).
    pub object: i64,
}

impl fmt::Display for ConversationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.account, self.object)
    }
}

/// What is no conversation as people write one.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct NoConversation;

impl fmt::Display for NoConversation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("write ACCOUNT/OBJECT, such as main/293854; `commwatch why --watch NAME` has both")
    }
}

impl std::error::Error for NoConversation {}

/// As it is displayed.
impl FromStr for ConversationId {
    type Err = NoConversation;

    fn from_str(text: &str) -> Result<Self, NoConversation> {
        let (account, object) = text.rsplit_once('/').ok_or(NoConversation)?;
        let object = object.parse().map_err(|_| NoConversation)?;
        if account.is_empty() {
            return Err(NoConversation);
        }
        Ok(Self { account: account.to_owned(), object })
    }
}

/// A channel, as it stands in a request's path.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub enum Stream {
    /// The plain number.
    Number(i64),
    /// The encrypted text, percent-decoded once (`...==`), opaque and case-sensitive.
    Encrypted(String),
}

impl fmt::Display for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => write!(f, "{number}"),
            Self::Encrypted(text) => f.write_str(text),
        }
    }
}

/// How much a watch matters.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Priority {
    /// The most important customers.
    Vip,
    /// Everybody else.
    #[default]
    Normal,
}

impl Priority {
    /// Every value, for metrics that start at zero.
    pub const ALL: [Self; 2] = [Self::Vip, Self::Normal];

    /// The word used in configuration, metrics and events.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Vip => "vip",
            Self::Normal => "normal",
        }
    }
}

/// What of a conversation's first answer is told.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Baseline {
    /// Nothing: what is there has been seen.
    #[default]
    Silent,
    /// The newest message.
    Newest,
    /// Whatever was written since then.
    Since(Since),
    /// All of it, and that the conversation was opened: it began after its watch did.
    Opened,
}

/// From when on.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Since {
    /// An instant.
    At(jiff::Timestamp),
    /// So long before the first answer.
    Before(Duration),
}

/// How many intervals may pass without a successful poll before a watch is stale.
const INTERVALS_MISSED_MAX: u32 = 3;

/// For how long a watch is as good as seen after a poll that succeeded: three intervals, and the time that a poll may take.
pub fn patience(interval: Duration, timeout: Duration) -> Duration {
    interval.saturating_mul(INTERVALS_MISSED_MAX).saturating_add(timeout)
}

/// One conversation that is watched: the operator named it, or it was found for a [`Seek`](crate::core::seek::Seek).
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Watch {
    /// `[a-z0-9-]`; the label in metrics. Conversations that were found share their watch's.
    pub name: String,
    /// What people read; the name where the operator gave none.
    pub title: String,
    /// How much it matters.
    pub priority: Priority,
    /// For routes.
    pub tags: Vec<String>,
    /// The conversation.
    pub conversation: ConversationId,
    /// Its address.
    pub stream: Stream,
    /// How often it is polled; at least a second.
    pub interval: Duration,
    /// What of its first answer is told.
    pub baseline: Baseline,
}

/// A conversation on the wire, as `account/object`: an object's number passes 2^53.
pub(crate) mod id_as_text {
    use serde::{Deserialize as _, Deserializer, Serializer, de};

    use super::ConversationId;

    pub(crate) fn serialize<S: Serializer>(id: &ConversationId, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(id)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<ConversationId, D::Error> {
        String::deserialize(from)?.parse().map_err(de::Error::custom)
    }

    /// One that may not be there.
    pub(crate) mod option {
        use super::{ConversationId, Deserializer, Serializer};

        #[allow(clippy::ref_option, reason = "serde asks for it like this")]
        pub(crate) fn serialize<S: Serializer>(
            id: &Option<ConversationId>,
            to: S,
        ) -> Result<S::Ok, S::Error> {
            match id {
                Some(id) => super::serialize(id, to),
                None => to.serialize_none(),
            }
        }

        /// Of a field that is there; where it is not, serde takes its default.
        pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
            from: D,
        ) -> Result<Option<ConversationId>, D::Error> {
            super::deserialize(from).map(Some)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_conversation_is_an_account_and_an_object() {
        let id: ConversationId = "main/9007199254740993".parse().unwrap();
        assert_eq!((id.account.as_str(), id.object), ("main", 9_007_199_254_740_993));
        assert_eq!(id.to_string().parse(), Ok(id));
        for wrong in ["main", "/7", "7", "main/x", ""] {
            assert_eq!(wrong.parse::<ConversationId>(), Err(NoConversation), "{wrong}");
        }
    }
}
