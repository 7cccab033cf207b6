//! What somebody says in a conversation, and the record of it that a checker compares with.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Who says it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Author {
    Customer,
    /// An agent, by full name. The same name is the same agent everywhere.
    Agent(String),
    Bot,
    /// A child that does not say who wrote it.
    Unknown,
}

impl Author {
    /// From the business side.
    pub fn is_manager(&self) -> bool {
        matches!(self, Author::Agent(_) | Author::Bot)
    }
}

/// A file that comes with a message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attachment {
    pub name: String,
    pub url: String,
    #[serde(default)]
    pub size: Option<i64>,
}

/// How a child is written so that no reader can make a message of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Garbled {
    /// `createdTime` is no time.
    BadTime,
    /// `createdTime` is missing.
    NoTime,
    /// No `id`.
    NoId,
    /// `id` is a word.
    BadId,
    /// `message` is an object.
    BadMessage,
    /// The child is a text instead of an object.
    NotAnObject,
}

/// One message to put into a conversation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Post {
    pub author: Author,
    pub text: String,
    /// What the API writes instead of the text, for mails.
    pub html: Option<String>,
    /// When it was written; the simulator's now when none. Back-dated and equal times are fine.
    pub created: Option<Timestamp>,
    /// The child's id; the next free one when none.
    pub id: Option<i64>,
    pub attachments: Vec<Attachment>,
    /// The child's `type`, which is left out when none.
    pub child_type: Option<i64>,
    pub garbled: Option<Garbled>,
}

impl Post {
    pub fn new(author: Author, text: impl Into<String>) -> Post {
        Post {
            author,
            text: text.into(),
            html: None,
            created: None,
            id: None,
            attachments: Vec::new(),
            child_type: None,
            garbled: None,
        }
    }

    pub fn customer(text: impl Into<String>) -> Post {
        Post::new(Author::Customer, text)
    }

    pub fn agent(name: impl Into<String>, text: impl Into<String>) -> Post {
        Post::new(Author::Agent(name.into()), text)
    }

    pub fn bot(text: impl Into<String>) -> Post {
        Post::new(Author::Bot, text)
    }

    pub fn unknown(text: impl Into<String>) -> Post {
        Post::new(Author::Unknown, text)
    }

    pub fn at(mut self, created: Timestamp) -> Post {
        self.created = Some(created);
        self
    }

    pub fn id(mut self, id: i64) -> Post {
        self.id = Some(id);
        self
    }

    pub fn html(mut self, html: impl Into<String>) -> Post {
        self.html = Some(html.into());
        self
    }

    pub fn attachment(mut self, name: &str, url: &str, size: Option<i64>) -> Post {
        self.attachments.push(Attachment { name: name.to_owned(), url: url.to_owned(), size });
        self
    }

    pub fn child_type(mut self, child_type: i64) -> Post {
        self.child_type = Some(child_type);
        self
    }

    pub fn garbled(mut self, how: Garbled) -> Post {
        self.garbled = Some(how);
        self
    }
}

/// One message as it was posted, in the order of posting.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Posted {
    pub stream_id: i64,
    pub object_id: i64,
    pub child_id: i64,
    pub author: Author,
    /// The plain text, also when the API is told HTML.
    pub text: String,
    /// The child's `createdTime`.
    pub at: Timestamp,
}
