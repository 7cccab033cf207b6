//! What the simulator knows about one conversation. Knows no JSON and no HTTP.

use jiff::Timestamp;

use crate::post::{Author, Garbled, Post};
use crate::shape::Shape;

/// The statuses in which a conversation is over: resolved, irrelevant, deleted, archived.
const OVER: [i64; 4] = [2, 4, 5, 14];
const STATUS_OPEN: i64 = 1;

/// The kind of channel a conversation runs on; it decides addresses and type numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Channel {
    #[default]
    Chat,
    Mail,
    WhatsApp,
    Sms,
}

/// An agent or bot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Manager {
    pub(crate) id: i64,
    pub(crate) identity: i64,
    pub(crate) address: String,
    pub(crate) first_name: Option<String>,
    pub(crate) last_name: Option<String>,
}

#[derive(Clone, Debug)]
pub(crate) struct Child {
    pub(crate) id: i64,
    pub(crate) post: Post,
    pub(crate) created: Timestamp,
    /// The agent or bot who wrote it.
    pub(crate) manager: Option<Manager>,
    pub(crate) redacted: bool,
    pub(crate) garbled: Option<Garbled>,
}

/// A system event on a conversation.
#[derive(Clone, Debug)]
pub(crate) struct Activity {
    pub(crate) kind: i64,
    pub(crate) data: crate::json::Json,
    pub(crate) at: Timestamp,
    pub(crate) by: Manager,
}

#[derive(Clone, Debug)]
pub(crate) struct Record {
    pub(crate) object_id: i64,
    pub(crate) stream_id: i64,
    pub(crate) sub_stream_id: i64,
    pub(crate) channel: Channel,
    /// A small number of its own, from which the customer's invented ids and addresses are made.
    pub(crate) serial: i64,
    pub(crate) identity_id: i64,
    pub(crate) user_id: i64,
    pub(crate) first_name: Option<String>,
    pub(crate) last_name: Option<String>,
    pub(crate) address: Option<String>,
    pub(crate) unique_id: String,
    pub(crate) remarks: String,
    pub(crate) custom_fields: Vec<(&'static str, crate::json::Json)>,
    pub(crate) num_tags: Option<i64>,
    pub(crate) created: Timestamp,
    pub(crate) updated: Timestamp,
    pub(crate) closed: Option<Timestamp>,
    pub(crate) first_response: Option<Timestamp>,
    pub(crate) last_response: Option<Timestamp>,
    pub(crate) status_id: i64,
    pub(crate) assigned: i64,
    pub(crate) last_assigned: i64,
    /// In the order of posting.
    pub(crate) children: Vec<Child>,
    pub(crate) activities: Vec<Activity>,
    pub(crate) shape: Shape,
    /// Answered with 404, as if it had been deleted.
    pub(crate) vanished: bool,
}

impl Record {
    pub(crate) fn new(stream_id: i64, object_id: i64, serial: i64, now: Timestamp) -> Record {
        Record {
            object_id,
            stream_id,
            sub_stream_id: 0,
            channel: Channel::Chat,
            serial,
            identity_id: 880_000 + serial,
            user_id: 660_000 + serial,
            first_name: None,
            last_name: None,
            address: None,
            unique_id: String::new(),
            remarks: String::new(),
            custom_fields: Vec::new(),
            num_tags: None,
            created: now,
            updated: now,
            closed: None,
            first_response: None,
            last_response: None,
            status_id: STATUS_OPEN,
            assigned: 0,
            last_assigned: 0,
            children: Vec::new(),
            activities: Vec::new(),
            shape: Shape::default(),
            vanished: false,
        }
    }

    pub(crate) fn add(&mut self, child: Child) {
        self.created = self.created.min(child.created);
        self.updated = self.updated.max(child.created);
        if child.post.author.is_manager() {
            self.first_response.get_or_insert(child.created);
            self.last_response = self.last_response.max(Some(child.created));
        }
        self.children.push(child);
    }

    pub(crate) fn set_status(&mut self, status_id: i64, now: Timestamp) {
        self.status_id = status_id;
        self.closed = OVER.contains(&status_id).then_some(now);
        self.touch(now);
    }

    /// Gives the conversation to an agent; 0 is nobody.
    pub(crate) fn assign(&mut self, manager_id: i64, now: Timestamp) {
        self.last_assigned = if manager_id == 0 { self.assigned } else { manager_id };
        self.assigned = manager_id;
        self.touch(now);
    }

    pub(crate) fn touch(&mut self, now: Timestamp) {
        self.updated = self.updated.max(now);
    }

    /// The children an answer may show, oldest first, without the newest `missing` ones.
    pub(crate) fn visible(&self, missing: usize) -> Vec<&Child> {
        let mut children: Vec<_> = self.children.iter().filter(|child| !child.redacted).collect();
        children.sort_by_key(|child| (child.created, child.id));
        children.truncate(children.len().saturating_sub(missing));
        children
    }

    /// The customer's address on the channel.
    pub(crate) fn address(&self) -> String {
        if let Some(address) = &self.address {
            return address.clone();
        }
        let serial = self.serial;
        match self.channel {
            Channel::Chat => format!("1f0c2f2e-0000-4000-8000-{serial:012x}"),
            Channel::Mail => format!("customer{serial}@example.com"),
            Channel::WhatsApp | Channel::Sms => format!("972500{serial:06}"),
        }
    }
}

impl Channel {
    /// The `streamProviderType` of the conversation.
    pub(crate) fn provider(self) -> i64 {
        match self {
            Channel::Chat => 0,
            Channel::Mail => 4,
            Channel::Sms => 5,
            Channel::WhatsApp => 16,
        }
    }

    /// The type of the customer's identity: a `WhatsApp` customer is known by phone.
    pub(crate) fn identity(self) -> i64 {
        match self {
            Channel::Chat => 6,
            Channel::Mail => 4,
            Channel::WhatsApp | Channel::Sms => 5,
        }
    }

    /// The `streamProviderType` of a customer's child.
    pub(crate) fn child(self) -> i64 {
        if self == Channel::Chat { 6 } else { self.provider() }
    }

    /// The conversation's `type`: a mail or a conversation.
    pub(crate) fn object_type(self) -> i64 {
        if self == Channel::Mail { 5 } else { 4 }
    }
}

impl Child {
    pub(crate) fn author(&self) -> &Author {
        &self.post.author
    }
}
