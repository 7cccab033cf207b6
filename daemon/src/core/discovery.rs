//! What is known of conversations that were found rather than named: what the first answer of each tells, and for how
//! long it is watched.
//!
//! Known ids decide what is new, not times alone: one that was listed before is no news however it is dated. What is
//! found is remembered after it was over as well, so that it is no news when it goes on.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::core::cursor::VANISHED_KEPT;
use crate::core::detect::STALE_MAX;
use crate::core::listing::Listed;
use crate::core::seek::{Seek, SeekId};
use crate::core::watch::{Baseline, ConversationId, Since, Stream, Watch};

/// At most this many conversations of one watch are watched at once; what is found beyond is not, which is said.
pub const CONVERSATIONS_MAX: usize = 500;
/// At most this many conversations of one watch are known, those that are over included; past it the longest over are
/// forgotten.
pub const KNOWN_MAX: usize = 5_000;

/// How far a watch has come whose conversations are found. Times are by `CommBox`'s clock.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Begun {
    /// When it was first looked.
    pub at: Timestamp,
    /// When the latest look began that saw everything.
    pub complete: Option<Timestamp>,
    /// Conversations that began until then may have been known and forgotten.
    pub forgotten: Option<Timestamp>,
}

/// A conversation that was found.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Discovered {
    /// Which.
    pub conversation: ConversationId,
    /// What it was found by; see [`Sought::key`](crate::core::seek::Sought::key).
    pub key: String,
    /// Its address, as last listed.
    pub stream: Stream,
    /// When it began.
    pub created: Option<Timestamp>,
    /// What its first answer tells.
    pub first: First,
    /// Whether it is watched; else it is only known.
    pub watched: bool,
    /// Since when it is over, by `CommBox`'s clock.
    pub over_since: Option<Timestamp>,
}

/// What the first answer of a conversation tells.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum First {
    /// It began after its watch did: that, and all that was written.
    Opened,
    /// What was written later than this.
    Since(Timestamp),
    /// It was there when the watch began: what the operator says.
    Configured,
}

impl First {
    /// For the log.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Opened => "it is new, and all of it is told",
            Self::Since(_) => "what is written in it from now on is told",
            Self::Configured => "it was there before",
        }
    }
}

impl Begun {
    /// A watch that begins now.
    pub fn at(at: Timestamp) -> Self {
        Self { at, complete: None, forgotten: None }
    }

    /// From when on something may not have been seen. The answers of a look may have been those of a copy that lags
    /// behind.
    fn unseen_from(&self) -> Timestamp {
        let seen = self.complete.and_then(|complete| complete.checked_sub(STALE_MAX).ok());
        seen.unwrap_or(self.at).max(self.at)
    }

    fn first(&self, seek: &Seek, created: Option<Timestamp>) -> First {
        let newer_than = self.at.max(self.forgotten.unwrap_or(Timestamp::MIN));
        match (created, self.complete, seek.baseline) {
            (Some(created), ..) if created > newer_than => First::Opened,
            (_, Some(_), _) => First::Since(self.unseen_from()),
            (_, None, Baseline::Silent) => First::Since(self.at),
            (_, None, _) => First::Configured,
        }
    }
}

impl Discovered {
    /// What a list says of a conversation, and what was known of it: what is known now, where that is another thing.
    /// `now` is by `CommBox`'s clock.
    pub fn listed(
        seek: &Seek,
        begun: &Begun,
        known: Option<&Self>,
        listed: &Listed,
        now: Timestamp,
    ) -> Option<Self> {
        let wanted = seek.wants(listed.status);
        // Something has happened in it since it was over and since it was last looked, whatever its status is.
        let since = known.and_then(|known| known.over_since).max(Some(begun.unseen_from()));
        let moved = listed.updated > since;
        let Some(known) = known else {
            let first = begun.first(seek, listed.created);
            let over_since = (!wanted).then(|| listed.closed.or(listed.updated).unwrap_or(now).min(now));
            let is_over_for_long = over_since.is_some_and(|since| is_past(since, seek.keep_for, now));
            return Some(Self {
                conversation: ConversationId { account: seek.account.clone(), object: listed.object },
                key: seek.sought.key(),
                stream: listed.stream.clone(),
                created: listed.created,
                first,
                watched: first == First::Opened || moved || !is_over_for_long,
                over_since,
            });
        };
        let mut now_known = known.clone();
        now_known.key = seek.sought.key();
        now_known.stream = listed.stream.clone();
        now_known.created = known.created.or(listed.created);
        now_known.over_since = if wanted { None } else { Some(known.over_since.unwrap_or(now)) };
        if !known.watched && (wanted || moved) {
            now_known.watched = true;
            // It may never have been read. Once it was, its cursor decides, for as long as that is kept.
            let is_young = now_known.created.is_some_and(|created| !is_past(created, VANISHED_KEPT, now));
            if now_known.first != First::Opened || !is_young {
                now_known.first = First::Since(begun.unseen_from());
            }
            now_known.over_since = (!wanted).then_some(now);
        }
        (now_known != *known).then_some(now_known)
    }

    /// What an answer about the conversation itself says; `None` where that is no news. One that cannot be reached any
    /// more (`status` is none) is over.
    pub fn polled(&self, seek: &Seek, status: Option<i64>, now: Timestamp) -> Option<Self> {
        let wanted = status.is_some() && seek.wants(status);
        let over_since = if wanted { None } else { Some(self.over_since.unwrap_or(now)) };
        (over_since != self.over_since).then(|| Self { over_since, ..self.clone() })
    }

    /// The same when it is over for so long that it need not be watched; it stays known.
    pub fn left(&self, seek: &Seek, now: Timestamp) -> Option<Self> {
        let is_over = self.over_since.is_some_and(|since| is_past(since, seek.keep_for, now));
        (self.watched && is_over).then(|| Self { watched: false, ..self.clone() })
    }

    /// The conversation as it is polled.
    pub fn watch(&self, seek: &Seek) -> Watch {
        let baseline = match self.first {
            First::Opened => Baseline::Opened,
            First::Since(at) => Baseline::Since(Since::At(at)),
            First::Configured => seek.baseline,
        };
        seek.watch(self.conversation.clone(), self.stream.clone(), baseline)
    }

    /// By what it was found.
    pub fn seek(&self) -> SeekId {
        SeekId { account: self.conversation.account.clone(), key: self.key.clone() }
    }
}

fn is_past(since: Timestamp, keep_for: Duration, now: Timestamp) -> bool {
    now.duration_since(since) >= SignedDuration::try_from(keep_for).unwrap_or(SignedDuration::MAX)
}

#[cfg(test)]
mod tests;
