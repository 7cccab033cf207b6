//! A conversation and its messages as we understand them; `CommBox`'s JSON never comes this far.

use std::cmp::Ordering;
use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// How many characters of a message's plain text are kept; the rest is cut and said to be.
pub const TEXT_CHARS_MAX: usize = 4_000;

/// How many messages of one conversation are looked at: the newest. Past it `gap.unresolved` is said.
pub const CHILDREN_MAX: usize = 50_000;

/// What one successful answer says about a conversation.
#[derive(Clone, Debug, PartialEq)]
pub struct Snapshot {
    /// The conversation's object id, as the answer has it.
    pub object_id: i64,
    /// The plain channel number.
    pub stream_id: Option<i64>,
    /// `ObjectStatusType` (commbox-api §8.1); unknown numbers are kept.
    pub status_id: Option<i64>,
    /// The agent it is assigned to; `CommBox`'s 0 is `None`.
    pub assigned_manager_id: Option<i64>,
    /// First and last name, if there are any.
    pub customer_name: Option<String>,
    /// `StreamProviderType` (commbox-api §8.2); unknown numbers are kept.
    pub channel: Option<i64>,
    /// Every child that could be read, in no particular order, no id twice.
    pub messages: Vec<Message>,
    /// Children that could not be read.
    pub unparsed: Vec<Unparsed>,
    /// Whether the answer listed children at all (an empty list is a list; null and absence are not).
    pub children_listed: bool,
    /// Whether there were more children than are kept; the newest [`CHILDREN_MAX`] are here.
    pub children_cut: bool,
    /// When the conversation began, if it says so.
    pub created_at: Option<Timestamp>,
    /// `CommBox`'s `updatedTime` of the conversation, if it says so. A copy that lags behind says an older one.
    pub updated_at: Option<Timestamp>,
    /// `CommBox`'s clock when it answered, if it said so.
    pub answered_at: Option<Timestamp>,
}

/// A child that could not be read. It is told of rather than dropped.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Unparsed {
    /// Its id, where that much could be read; else derived from a hash of its bytes.
    pub id: ChildId,
    /// What is wrong with it, one line without customer text.
    pub why: String,
    /// Its size in bytes.
    pub bytes: usize,
}

/// One message.
#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    /// What tells it apart.
    pub id: ChildId,
    /// When it was written, if that could be read.
    pub created: Option<Timestamp>,
    /// Who wrote it.
    pub author: Author,
    /// Plain text, at most [`TEXT_CHARS_MAX`] characters, no control characters but newline and tab.
    pub text: String,
    /// Whether the text was cut.
    pub text_truncated: bool,
    /// How many files came with it.
    pub attachments: u32,
    /// Of the whole normalised text (whitespace folded), so that an edit beyond the cut is seen as well.
    pub text_hash: u64,
}

/// The id of a child. Ordered as the number that it is, without going through a float or a fixed width.
#[derive(Clone, Debug, Deserialize, Eq, Hash, PartialEq, Serialize)]
#[serde(transparent)]
pub struct ChildId(String);

impl ChildId {
    /// The id as `CommBox` wrote it: decimal digits.
    pub fn new(id: impl Into<String>) -> Self {
        Self(id.into())
    }

    /// For a child without an id: a hash of what it says. Marked, so that it can be told from a real one.
    pub fn approximate(hash: u64) -> Self {
        Self(format!("~{hash:016x}"))
    }

    /// Whether it was derived rather than given.
    pub fn is_approximate(&self) -> bool {
        self.0.starts_with('~')
    }

    /// Its text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Ord for ChildId {
    fn cmp(&self, other: &Self) -> Ordering {
        // Decimal numbers without leading zeros sort by length, then text.
        self.0.len().cmp(&other.0.len()).then_with(|| self.0.cmp(&other.0))
    }
}

impl PartialOrd for ChildId {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for ChildId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Who wrote a message.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Author {
    /// Which side.
    pub kind: AuthorKind,
    /// `CommBox`'s id of the person, as text.
    pub id: Option<String>,
    /// First and last name, if there are any.
    pub name: Option<String>,
}

/// Which side wrote a message.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum AuthorKind {
    /// The customer.
    Customer,
    /// Somebody of the business.
    Agent,
    /// An author that the account's `bots` lists, or that `CommBox` marks as one.
    Bot,
    /// Machine-made (child type 11).
    System,
    /// Could not be told; alerts as a customer would, so that nothing is missed.
    Unknown,
}

impl AuthorKind {
    /// Every kind.
    pub const ALL: [Self; 5] = [Self::Customer, Self::Agent, Self::Bot, Self::System, Self::Unknown];

    /// The word used in configuration and events.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Customer => "customer",
            Self::Agent => "agent",
            Self::Bot => "bot",
            Self::System => "system",
            Self::Unknown => "unknown",
        }
    }
}

/// An author that counts as a bot, by id or by name.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Bot {
    /// A user or manager id.
    Id(String),
    /// A full name or first name, compared without regard to case.
    Name(String),
}
