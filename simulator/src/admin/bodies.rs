//! What people send to turn a knob. An unknown field is refused, since it is a typing mistake.

use jiff::Timestamp;
use serde::Deserialize;

use crate::fault::{Fault, Scope, Times};
use crate::post::{Attachment, Author, Garbled, Post};
use crate::record::Channel;
use crate::shape::Shape;
use crate::throttle::RetryAfter;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct MakeConversation {
    pub(super) stream: i64,
    pub(super) object: i64,
    #[serde(default)]
    pub(super) first_name: String,
    #[serde(default)]
    pub(super) last_name: String,
    #[serde(default)]
    pub(super) channel: Channel,
    pub(super) address: Option<String>,
    pub(super) identity: Option<i64>,
    pub(super) encrypted_stream: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Say {
    pub(super) object: i64,
    #[serde(default)]
    author: Kind,
    /// The agent's full name.
    #[serde(default = "some_agent")]
    name: String,
    text: String,
    html: Option<String>,
    created: Option<Timestamp>,
    id: Option<i64>,
    #[serde(default)]
    attachments: Vec<Attachment>,
    child_type: Option<i64>,
    garbled: Option<Garbled>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Kind {
    #[default]
    Customer,
    Agent,
    Bot,
    Unknown,
}

impl Say {
    pub(super) fn into_post(self) -> Post {
        let author = match self.author {
            Kind::Customer => Author::Customer,
            Kind::Agent => Author::Agent(self.name),
            Kind::Bot => Author::Bot,
            Kind::Unknown => Author::Unknown,
        };
        Post {
            author,
            text: self.text,
            html: self.html,
            created: self.created,
            id: self.id,
            attachments: self.attachments,
            child_type: self.child_type,
            garbled: self.garbled,
        }
    }
}

/// A message by conversation and child id.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Named {
    pub(super) object: i64,
    pub(super) child: i64,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Edit {
    pub(super) object: i64,
    pub(super) child: i64,
    pub(super) text: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Garble {
    pub(super) object: i64,
    pub(super) child: i64,
    /// Without it the message is written sensibly again.
    pub(super) how: Option<Garbled>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SetStatus {
    pub(super) object: i64,
    pub(super) status: i64,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Assign {
    pub(super) object: i64,
    /// The agent's full name; without it, nobody.
    pub(super) agent: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Vanish {
    pub(super) object: i64,
    pub(super) vanished: bool,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SetShape {
    pub(super) object: i64,
    pub(super) shape: Shape,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SetFault {
    pub(super) scope: Scope,
    pub(super) fault: Fault,
    #[serde(default)]
    pub(super) times: Times,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SetThrottle {
    pub(super) requests: usize,
    pub(super) window_ms: u64,
    #[serde(default)]
    pub(super) retry_after: RetryAfter,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Clock {
    /// How far the server's clock is ahead; negative is behind.
    pub(super) skew_seconds: i64,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Tokens {
    pub(super) accept: Vec<String>,
}

fn some_agent() -> String {
    "Avi Example".to_owned()
}
