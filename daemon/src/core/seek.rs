//! A watch whose conversations are found rather than named: a customer, wherever she writes, or a channel.

use std::fmt;
use std::time::Duration;

use crate::core::waiting::is_over;
use crate::core::watch::{Baseline, ConversationId, Priority, Stream, Watch};

/// What the operator asked to watch without naming its conversations.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Seek {
    /// Unique among all watches, `[a-z0-9-]`; the label in metrics.
    pub name: String,
    /// What people read; the name where the operator gave none.
    pub title: String,
    /// How much it matters.
    pub priority: Priority,
    /// For routes.
    pub tags: Vec<String>,
    /// The account's configured name.
    pub account: String,
    /// Whose conversations.
    pub sought: Sought,
    /// How often each of them is polled; at least a second.
    pub interval: Duration,
    /// How often new ones are looked for.
    pub discovery: Duration,
    /// For how long one is watched after it was over.
    pub keep_for: Duration,
    /// What is told of those that are there when the watch begins. Of those that begin later, all is.
    pub baseline: Baseline,
}

/// Whose conversations.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Sought {
    /// Those of one identity (`user_identity`), on every channel.
    Identity(i64),
    /// Those of an address, on these channels.
    Address {
        /// The address.
        address: Address,
        /// At least one.
        streams: Vec<Stream>,
    },
    /// Those of a channel that have one of these statuses.
    Channel {
        /// The channel.
        stream: Stream,
        /// `ObjectStatusType`s, in order, none twice, at least one.
        statuses: Vec<i64>,
    },
}

/// How a customer is known on a channel.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Address {
    /// Digits with the country's code, without `+`.
    Phone(String),
    /// A mail address.
    Email(String),
}

/// What is looked for, whatever the watch is called.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct SeekId {
    /// The account's configured name.
    pub account: String,
    /// See [`Sought::key`].
    pub key: String,
}

/// One place where it is looked for: how far that has come is remembered by it, whatever else the watch looks for. So a
/// channel or a status that is added begins then, and the others go on where they were.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Place {
    /// The account's configured name.
    pub account: String,
    /// See [`Sought::places`].
    pub key: String,
}

impl fmt::Display for SeekId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.account, self.key)
    }
}

impl Address {
    /// The type of such an identity (commbox-api §8.2).
    pub fn kind(&self) -> i64 {
        match self {
            Self::Phone(_) => 5,
            Self::Email(_) => 4,
        }
    }

    /// As `CommBox` writes it.
    pub fn text(&self) -> &str {
        match self {
            Self::Phone(text) | Self::Email(text) => text,
        }
    }

    /// A phone number as people write it; it must have its country's code.
    pub fn phone(text: &str) -> Option<Self> {
        const DIGITS: std::ops::RangeInclusive<usize> = 7..=15;
        let text = text.trim();
        let marked = text.strip_prefix('+').or_else(|| text.strip_prefix("00"));
        let rest = marked.unwrap_or(text);
        let is_filler = |c: char| matches!(c, ' ' | '-' | '.' | '(' | ')' | '/');
        let digits: String = rest.chars().filter(|c| !is_filler(*c)).collect();
        let is_number = digits.bytes().all(|byte| byte.is_ascii_digit()) && DIGITS.contains(&digits.len());
        // Without its country's code it begins with 0, and is nobody's number elsewhere.
        (is_number && !digits.starts_with('0')).then_some(Self::Phone(digits))
    }

    /// A mail address.
    pub fn email(text: &str) -> Option<Self> {
        const CHARS_MAX: usize = 254;
        let text = text.trim();
        let (local, host) = text.rsplit_once('@')?;
        let is_odd = |c: char| c.is_whitespace() || c.is_control();
        let is_mail = !local.is_empty() && !host.is_empty() && !text.contains(is_odd);
        (is_mail && text.chars().count() <= CHARS_MAX).then(|| Self::Email(text.to_owned()))
    }
}

impl Sought {
    /// Where it is looked for: an identity everywhere at once, an address by channel, a channel by status. At least one.
    pub fn places(&self) -> Vec<String> {
        match self {
            Self::Identity(_) => vec![self.key()],
            Self::Address { streams, .. } => {
                streams.iter().map(|stream| format!("{} on {stream}", self.key())).collect()
            }
            Self::Channel { stream, statuses } => {
                statuses.iter().map(|status| format!("channel {stream} {status}")).collect()
            }
        }
    }

    /// Whether a list of it has a conversation of that status. What is not known may be.
    pub fn lists(&self, status: Option<i64>) -> bool {
        match (self, status) {
            (Self::Channel { statuses, .. }, Some(status)) => statuses.contains(&status),
            _ => true,
        }
    }

    /// Equal keys are one thing looked for.
    pub fn key(&self) -> String {
        match self {
            Self::Identity(identity) => format!("identity {identity}"),
            Self::Address { address: Address::Phone(digits), .. } => format!("phone {digits}"),
            Self::Address { address: Address::Email(mail), .. } => format!("email {}", mail.to_lowercase()),
            Self::Channel { stream, statuses } => {
                let statuses: Vec<String> = statuses.iter().map(ToString::to_string).collect();
                format!("channel {stream} {}", statuses.join(","))
            }
        }
    }
}

impl Seek {
    /// What is looked for.
    pub fn id(&self) -> SeekId {
        SeekId { account: self.account.clone(), key: self.sought.key() }
    }

    /// Where it is looked for.
    pub fn places(&self) -> impl Iterator<Item = Place> {
        self.sought.places().into_iter().map(|key| Place { account: self.account.clone(), key })
    }

    /// Which of two that find one conversation has it, the lower one: customers before channels, VIPs before others.
    pub fn rank(&self) -> (bool, Priority) {
        (matches!(self.sought, Sought::Channel { .. }), self.priority)
    }

    /// Whether a conversation of that status is watched without end. What is not known is.
    pub fn wants(&self, status: Option<i64>) -> bool {
        match (&self.sought, status) {
            (Sought::Channel { statuses, .. }, Some(status)) => statuses.contains(&status),
            (_, status) => !is_over(status),
        }
    }

    /// One that would be found, of which nothing is known yet: its object is 0, which no conversation has.
    pub fn any(&self) -> Watch {
        let conversation = ConversationId { account: self.account.clone(), object: 0 };
        self.watch(conversation, Stream::Number(0), self.baseline)
    }

    /// The watch of one of its conversations.
    pub fn watch(&self, conversation: ConversationId, stream: Stream, baseline: Baseline) -> Watch {
        Watch {
            name: self.name.clone(),
            title: self.title.clone(),
            priority: self.priority,
            tags: self.tags.clone(),
            conversation,
            stream,
            interval: self.interval,
            baseline,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_phone_number_has_its_countrys_code_however_it_is_written() {
        let digits = |text| Address::phone(text).map(|address| address.text().to_owned());
        for text in ["+972 50-012-3456", "00972500123456", "972500123456", " +972(50)0123456 "] {
            assert_eq!(digits(text).as_deref(), Some("972500123456"), "{text}");
        }
        for text in ["", "050-0123456", "+", "12345", "+972 50 ABC 1234", "+0500123456", "1234567890123456"] {
            assert_eq!(digits(text), None, "{text}");
        }
    }

    #[test]
    fn a_mail_address_has_two_sides_and_no_gap() {
        assert_eq!(Address::email(" Dana@example.com ").unwrap().text(), "Dana@example.com");
        for text in ["", "dana", "@example.com", "dana@", "da na@example.com", "dana\n@example.com"] {
            assert_eq!(Address::email(text), None, "{text}");
        }
    }
}
