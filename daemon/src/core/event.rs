//! What happened, as a `CloudEvents` 1.0 event with an id that a crash, a retry and a replay keep.

use data_encoding::BASE32_NOPAD;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::core::message::AuthorKind;
use crate::core::watch::Priority;

/// What can happen.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum EventKind {
    /// A message that was not there before.
    MessageCreated,
    /// The text of a known message is another.
    MessageEdited,
    /// A known message is no longer there, and a second answer has confirmed it.
    MessageDeleted,
    /// A child that is there but cannot be read.
    MessageUnparsed,
    /// A conversation that began after its watch did.
    Opened,
    /// The conversation's status is another.
    StatusChanged,
    /// The conversation is assigned to somebody else, or to nobody.
    Assigned,
    /// Nobody has answered the customer for too long.
    Waiting,
    /// That is over.
    Answered,
    /// `CommBox` no longer shows the conversation.
    WatchUnreachable,
    /// It shows it again.
    WatchRecovered,
    /// Messages may have been missed: the list of them looks cut.
    GapUnresolved,
    /// `CommBox` refuses the account's key.
    AccountDenied,
    /// It accepts it again.
    AccountRecovered,
    /// The account's key ends soon.
    TokenExpiring,
    /// A notifier as a whole does not work.
    NotifierBroken,
    /// It works again.
    NotifierRecovered,
    /// A notifier's deliveries were given up.
    DeliveryDead,
    /// All the way from a poll to here works.
    Heartbeat,
    /// Somebody tries a notifier.
    Test,
}

impl EventKind {
    /// Every kind, in the order of the contract.
    pub const ALL: [Self; 20] = [
        Self::MessageCreated,
        Self::MessageEdited,
        Self::MessageDeleted,
        Self::MessageUnparsed,
        Self::Opened,
        Self::StatusChanged,
        Self::Assigned,
        Self::Waiting,
        Self::Answered,
        Self::WatchUnreachable,
        Self::WatchRecovered,
        Self::GapUnresolved,
        Self::AccountDenied,
        Self::AccountRecovered,
        Self::TokenExpiring,
        Self::NotifierBroken,
        Self::NotifierRecovered,
        Self::DeliveryDead,
        Self::Heartbeat,
        Self::Test,
    ];

    /// The word used in configuration and metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::MessageCreated => "message.created",
            Self::MessageEdited => "message.edited",
            Self::MessageDeleted => "message.deleted",
            Self::MessageUnparsed => "message.unparsed",
            Self::Opened => "conversation.opened",
            Self::StatusChanged => "conversation.status_changed",
            Self::Assigned => "conversation.assigned",
            Self::Waiting => "conversation.waiting",
            Self::Answered => "conversation.answered",
            Self::WatchUnreachable => "watch.unreachable",
            Self::WatchRecovered => "watch.recovered",
            Self::GapUnresolved => "gap.unresolved",
            Self::AccountDenied => "account.denied",
            Self::AccountRecovered => "account.recovered",
            Self::TokenExpiring => "account.token_expiring",
            Self::NotifierBroken => "notifier.broken",
            Self::NotifierRecovered => "notifier.recovered",
            Self::DeliveryDead => "delivery.dead",
            Self::Heartbeat => "heartbeat",
            Self::Test => "test",
        }
    }

    /// The kind of that word.
    pub fn named(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == word)
    }

    /// Whether it has an author, so that a route's `from` applies.
    pub fn is_message(self) -> bool {
        matches!(
            self,
            Self::MessageCreated | Self::MessageEdited | Self::MessageDeleted | Self::MessageUnparsed
        )
    }

    /// Whether it is about what a watch is about, whose priority it has; else about an account or a notifier.
    pub fn is_of_watch(self) -> bool {
        !matches!(
            self,
            Self::AccountDenied
                | Self::AccountRecovered
                | Self::TokenExpiring
                | Self::NotifierBroken
                | Self::NotifierRecovered
                | Self::DeliveryDead
                | Self::Heartbeat
                | Self::Test
        )
    }

    /// Whether it is about our own health, so that `[operators]` are told.
    pub fn is_own_health(self) -> bool {
        let is_conversations = matches!(
            self,
            Self::Opened | Self::StatusChanged | Self::Assigned | Self::Waiting | Self::Answered
        );
        !self.is_message() && !is_conversations && !matches!(self, Self::Heartbeat | Self::Test)
    }
}

/// Derives an event's id: `evt_` and 32 characters of base32, no dot. The parts say what happened to what; the
/// same parts give the same id on every machine.
pub fn event_id(parts: &[&str]) -> String {
    format!("evt_{}", derived(b"commwatch event v1", parts))
}

/// Derives the id of a notification of several events from whose it is and theirs: `ntf_`, and otherwise as
/// [`event_id`].
pub fn notification_id(parts: &[&str]) -> String {
    format!("ntf_{}", derived(b"commwatch notification v1", parts))
}

fn derived(what: &[u8], parts: &[&str]) -> String {
    let mut hash = Sha256::new();
    hash.update(what);
    for part in parts {
        // With its length before it, no two lists of parts run together into the same bytes.
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part.as_bytes());
    }
    let digest = hash.finalize();
    BASE32_NOPAD.encode(&digest[..20]).to_ascii_lowercase()
}

/// What happened.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// Stable; see [`event_id`].
    pub id: String,
    /// What happened.
    pub kind: EventKind,
    /// To what: `<base_url>/objects/O`, or the account's or notifier's own name as a URI.
    pub source: String,
    /// `child/<id>`, where there is a child.
    pub subject: Option<String>,
    /// When it happened, as `CommBox` says; else when it was found.
    pub time: Timestamp,
    /// When it was found.
    pub recorded: Timestamp,
    /// Its place among the conversation's events, from 1; `None` where there is no conversation.
    pub sequence: Option<u64>,
    /// The rest.
    pub data: EventData,
}

/// An event's `data`. Absent parts are left out of the JSON.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct EventData {
    /// The account's configured name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// The watch that it was found by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub watch: Option<WatchData>,
    /// The conversation that it happened in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conversation: Option<ConversationData>,
    /// The message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<MessageData>,
    /// What it was and what it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub change: Option<ChangeData>,
    /// Who waits for an answer, or did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waiting: Option<WaitingData>,
    /// Of our own health: what is wrong, and since when.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<ProblemData>,
    /// How it was found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detection: Option<DetectionData>,
    /// Of a test: what is tried.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub test: Option<TestData>,
}

/// A test of a notifier.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct TestData {
    /// The type that it looks like, where it does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub like: Option<String>,
    /// Who asked for it, one line.
    pub by: String,
}

/// The watch of an event.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct WatchData {
    /// Its configured name.
    pub name: String,
    /// What people read.
    pub title: String,
    /// How much it matters.
    pub priority: Priority,
    /// For receivers that route further.
    pub tags: Vec<String>,
}

/// The conversation of an event. Ids are text, since they pass 2^53.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct ConversationData {
    /// The plain channel number, where it is known.
    pub stream_id: Option<String>,
    /// The conversation.
    pub object_id: String,
    /// `ObjectStatusType` as a number.
    pub status_id: Option<i64>,
    /// The same in a word (commbox-api §8.1).
    pub status: Option<String>,
    /// Who has it; absent = nobody.
    pub assigned_manager_id: Option<String>,
    /// First and last name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub customer_name: Option<String>,
    /// The channel in a word (commbox-api §8.2).
    pub channel: Option<String>,
    /// Where a person can look at it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub console_url: Option<String>,
}

/// The message of an event.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct MessageData {
    /// The child's id.
    pub id: String,
    /// Who wrote it.
    pub author: AuthorData,
    /// When it was written, if that could be read.
    pub created: Option<Timestamp>,
    /// Plain text.
    pub text: String,
    /// Whether there was more.
    pub text_truncated: bool,
    /// How many files came with it.
    pub attachments: u32,
}

/// Who wrote a message.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct AuthorData {
    /// Which side.
    pub kind: AuthorKind,
    /// `CommBox`'s id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// First and last name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

/// What it was and what it is.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct ChangeData {
    /// Before; absent = nobody, or not known.
    pub previous: Option<String>,
    /// Now; absent = nobody.
    pub current: Option<String>,
}

/// Who waits for an answer, or did.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct WaitingData {
    /// When the oldest message was written that nobody had answered.
    pub since: Timestamp,
    /// That message.
    pub child_id: String,
    /// How long that was ago when this was found, or when somebody replied, seconds.
    pub waited_seconds: u64,
    /// What was passed, the longest of it, seconds.
    pub threshold_seconds: u64,
    /// The hours in which alone that counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hours: Option<String>,
    /// Until when `WhatsApp` takes a free reply, where it is that of which there is not much left.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply_until: Option<Timestamp>,
    /// Whether an answer after that time has shown that it is so.
    pub confirmed: bool,
    /// How it ended: `replied`, `closed`, `withdrawn` or `gone`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<String>,
    /// Who replied.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answered_by: Option<AuthorData>,
    /// When.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answered_at: Option<Timestamp>,
}

/// What is wrong with ourselves.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct ProblemData {
    /// `account/NAME`, `notifier/NAME` or `watch/NAME`.
    pub subject: String,
    /// When it began.
    pub since: Timestamp,
    /// One line for the operator; never a secret.
    pub why: String,
    /// Of a key: when it ends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<Timestamp>,
}

/// How an event was found.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct DetectionData {
    /// When the answer came that showed it.
    pub polled_at: Timestamp,
    /// When the answer before that came, where it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous_poll_at: Option<Timestamp>,
    /// From when it happened to when it was found, seconds, never negative.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delay_seconds: Option<f64>,
    /// Whether the message has no id in `CommBox`, and is told apart by what it says: an edit then looks like a
    /// new message.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub approximate: bool,
}

impl Event {
    /// The event as `CloudEvents` 1.0 structured JSON. The order of the members is fixed: equal events are
    /// equal bytes.
    pub fn to_json(&self) -> String {
        #[derive(Serialize)]
        struct Wire<'a> {
            specversion: &'static str,
            id: &'a str,
            source: &'a str,
            r#type: String,
            #[serde(skip_serializing_if = "Option::is_none")]
            subject: Option<&'a str>,
            time: Timestamp,
            recordedtime: Timestamp,
            #[serde(skip_serializing_if = "Option::is_none")]
            sequence: Option<String>,
            datacontenttype: &'static str,
            data: &'a EventData,
        }
        let wire = Wire {
            specversion: "1.0",
            id: &self.id,
            source: &self.source,
            r#type: format!("commwatch.{}.v1", self.kind.as_str()),
            subject: self.subject.as_deref(),
            time: self.time,
            recordedtime: self.recorded,
            sequence: self.sequence.map(|n| format!("{n:020}")),
            datacontenttype: "application/json",
            data: &self.data,
        };
        serde_json::to_string(&wire).expect("an event holds text and numbers only")
    }

    /// An event that was written by [`to_json`](Self::to_json); `None` when it is none of ours.
    pub fn from_json(json: &str) -> Option<Self> {
        #[derive(Deserialize)]
        struct Wire {
            id: String,
            source: String,
            r#type: String,
            subject: Option<String>,
            time: Timestamp,
            recordedtime: Timestamp,
            sequence: Option<String>,
            data: EventData,
        }
        let wire: Wire = serde_json::from_str(json).ok()?;
        let kind = wire.r#type.strip_prefix("commwatch.").and_then(|rest| rest.strip_suffix(".v1"));
        Some(Self {
            id: wire.id,
            kind: EventKind::named(kind?)?,
            source: wire.source,
            subject: wire.subject,
            time: wire.time,
            recorded: wire.recordedtime,
            sequence: wire.sequence.and_then(|text| text.parse().ok()),
            data: wire.data,
        })
    }

    /// The notifier that an event of our own health is about: it is never told through itself.
    pub fn concerned(&self) -> Option<&str> {
        let rest = self.data.problem.as_ref()?.subject.strip_prefix("notifier/")?;
        rest.split('/').next()
    }
}

/// Every `ObjectStatusType` that has a word.
pub const STATUSES: [i64; 14] = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 14, 15];

/// A status as people read it, be it known or not.
pub fn status_word(id: i64) -> String {
    status_name(id).map_or_else(|| format!("status {id}"), str::to_owned)
}

/// `ObjectStatusType` in words (commbox-api §8.1).
pub fn status_name(id: i64) -> Option<&'static str> {
    Some(match id {
        1 => "open",
        2 => "resolved",
        3 => "forward",
        4 => "irrelevant",
        5 => "deleted",
        6 => "forward reply",
        7 => "draft",
        8 => "in process",
        9 => "scheduled",
        10 => "follow up",
        11 => "automated",
        13 => "sent",
        14 => "archive",
        15 => "pending",
        _ => return None,
    })
}

/// `StreamProviderType` in words (commbox-api §8.2).
pub fn channel_name(id: i64) -> Option<&'static str> {
    Some(match id {
        0 => "chat",
        1 => "facebook",
        2 => "twitter",
        3 => "youtube",
        4 => "mail",
        5 => "telephone",
        6 => "anonymous",
        7 => "whatsapp",
        8 => "web",
        9 => "apple app store",
        10 => "instagram",
        11 => "google",
        12 => "telegram",
        13 => "google my business",
        14 => "microsoft 365",
        15 => "gmail",
        16 => "whatsapp cloud",
        17 => "salesforce",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_stable_hold_no_dot_and_tell_parts_apart() {
        assert_eq!(event_id(&["main", "7", "message.created", "1"]), "evt_xvzqmuuovciyn4j6ygguwph3icdnalzz");
        assert_ne!(event_id(&["ab", "c"]), event_id(&["a", "bc"]));
        assert!(!event_id(&["a.b"]).contains('.'));
    }

    #[test]
    fn what_was_written_is_read_as_it_was() {
        let at: Timestamp = "2026-03-02T10:06:40.123456789Z".parse().unwrap();
        let plain = |kind| Event {
            id: "evt_1".into(),
            kind,
            source: "https://api.example/objects/7".into(),
            subject: None,
            time: at,
            recorded: at,
            sequence: None,
            data: EventData::default(),
        };
        let mut full = plain(EventKind::MessageCreated);
        (full.subject, full.sequence) = (Some("child/9".into()), Some(3));
        full.data.watch = Some(WatchData {
            name: "acme".into(),
            title: "ACME \"x\"".into(),
            priority: Priority::Vip,
            tags: vec!["a".into()],
        });
        full.data.conversation =
            Some(ConversationData { object_id: "7".into(), ..ConversationData::default() });
        full.data.message = Some(MessageData {
            id: "9".into(),
            author: AuthorData { kind: AuthorKind::Customer, id: None, name: Some("Dana".into()) },
            created: Some(at),
            text: "שלום\n\u{1}".into(),
            text_truncated: true,
            attachments: 2,
        });
        full.data.detection = Some(DetectionData {
            polled_at: at,
            previous_poll_at: None,
            delay_seconds: Some(4.25),
            approximate: true,
        });
        for event in EventKind::ALL.into_iter().map(plain).chain([full]) {
            assert_eq!(Event::from_json(&event.to_json()), Some(event));
        }
        assert_eq!(Event::from_json("{}"), None);
        assert_eq!(Event::from_json(&plain(EventKind::Assigned).to_json().replace(".v1", ".v2")), None);
    }

    #[test]
    fn every_kind_is_found_by_its_word() {
        for kind in EventKind::ALL {
            assert_eq!(EventKind::named(kind.as_str()), Some(kind));
        }
    }
}
