//! What is asked of an account again and again.

use std::fmt;
use std::hash::Hash;

use crate::core::seek::SeekId;
use crate::core::watch::ConversationId;

/// Something that is asked of an account again and again. What it is called decides its place on the grid.
pub trait Asked: Clone + fmt::Debug + fmt::Display + Eq + Hash + Ord {
    /// The account's configured name.
    fn account(&self) -> &str;
}

impl Asked for ConversationId {
    fn account(&self) -> &str {
        &self.account
    }
}

/// What a daemon asks for: conversations, and which there are.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Errand {
    /// A page of a list. Before conversations that are due as long: it may bring one that nobody knows of.
    Look(SeekId),
    /// One conversation.
    Poll(ConversationId),
}

impl Asked for Errand {
    fn account(&self) -> &str {
        match self {
            Self::Look(seek) => &seek.account,
            Self::Poll(conversation) => &conversation.account,
        }
    }
}

impl fmt::Display for Errand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Look(seek) => seek.fmt(f),
            Self::Poll(conversation) => conversation.fmt(f),
        }
    }
}
