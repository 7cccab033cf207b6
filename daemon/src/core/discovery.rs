//! What is known of conversations that were found rather than named: what the first answer of each tells, and for how
//! long it is watched.
//!
//! Known ids decide what is new, not times alone: one that was listed before is no news however it is dated. What is
//! found is remembered after it was over as well, so that it is no news when it goes on.
//!
//! What looking has come to is remembered by [`Place`]: an address by channel, a channel by status. One that is added to a
//! watch begins then, and what was there before is no news; the others go on where they were.
//!
//! A conversation that cannot be read (it is gone, or refused to this key) is over when a list does not show it either. One
//! that lists show as open is asked for on, ever more rarely: whoever watches it is to hear when it can be read again.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::core::cursor::VANISHED_KEPT;
use crate::core::detect::STALE_MAX;
use crate::core::listing::{Listed, Listing};
use crate::core::seek::{Place, Seek, Sought};
use crate::core::watch::{Baseline, ConversationId, Since, Stream, Watch};

/// At most this many conversations of one watch are watched at once; what is found beyond is not, which is said.
pub const CONVERSATIONS_MAX: usize = 500;
/// At most this many conversations of one watch are known, those that are over included; past it the longest over are
/// forgotten.
pub const KNOWN_MAX: usize = 5_000;

/// How far looking at a place has come. Times are by `CommBox`'s clock.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Begun {
    /// When it was first looked.
    pub at: Timestamp,
    /// When the latest look at it began that saw everything.
    pub complete: Option<Timestamp>,
    /// Conversations that began until then may have been known and forgotten.
    pub forgotten: Option<Timestamp>,
}

/// The places that one question is about, and how far each has come.
#[derive(Clone, Debug)]
pub struct Ground {
    /// With the status that is asked for there, for a channel. In the order of the question, at least one.
    places: Vec<(Place, Option<i64>, Begun)>,
    is_new: bool,
}

/// A conversation that was found.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Discovered {
    /// Which.
    pub conversation: ConversationId,
    /// Where it was last listed; that says whose it is.
    pub place: Place,
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

/// What came of asking for a conversation, since the daemon began.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Reached {
    /// No answer came so far.
    NotYet,
    /// It was read.
    Read,
    /// It is gone, or refused to this key, as several answers in a row say.
    Lost,
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

impl Ground {
    /// Of a question that was asked at `asked_at`, with what is known of its places. One of which nothing is known begins
    /// now. A status that is added to a channel's others begins with their latest look that saw everything: what has begun
    /// since then has been seen in none, and may have begun in another.
    pub fn new(
        account: &str,
        question: &Listing,
        known: impl Fn(&Place) -> Option<Begun>,
        asked_at: Timestamp,
    ) -> Self {
        let sought = question.sought();
        let statuses: Vec<Option<i64>> = match &sought {
            Sought::Channel { statuses, .. } => statuses.iter().copied().map(Some).collect(),
            Sought::Identity(_) | Sought::Address { .. } => vec![None],
        };
        let place = |key| Place { account: account.to_owned(), key };
        let places: Vec<Place> = sought.places().into_iter().map(place).collect();
        let known: Vec<Option<Begun>> = places.iter().map(known).collect();
        let complete = known.iter().flatten().filter_map(|begun| begun.complete).max();
        let begins_now = Begun::at(complete.unwrap_or(asked_at).min(asked_at));
        let is_new = known.contains(&None);
        let begun = known.into_iter().map(|known| known.unwrap_or(begins_now));
        let places = places.into_iter().zip(statuses).zip(begun);
        Self { places: places.map(|((place, status), begun)| (place, status, begun)).collect(), is_new }
    }

    /// Whether one of them begins now.
    pub fn is_new(&self) -> bool {
        self.is_new
    }

    /// How far each has come.
    pub fn begun(&self) -> impl Iterator<Item = (Place, Begun)> {
        self.places.iter().map(|(place, _, begun)| (place.clone(), *begun))
    }

    /// Where a conversation was listed. If its status does not say, where looking began first.
    fn of(&self, listed: &Listed) -> (&Place, &Begun) {
        let is_there = |one: &&(Place, Option<i64>, Begun)| one.1.is_none() || one.1 == listed.status;
        let found = self.places.iter().find(is_there);
        let (place, _, begun) = found
            .or_else(|| self.places.iter().min_by_key(|(.., begun)| begun.at))
            .unwrap_or_else(|| unreachable!("every question is about a place"));
        (place, begun)
    }
}

impl Discovered {
    /// What a list says of a conversation, and what was known of it: what is known now, where that is another thing.
    /// `now` is by `CommBox`'s clock.
    pub fn listed(
        seek: &Seek,
        ground: &Ground,
        known: Option<&Self>,
        listed: &Listed,
        now: Timestamp,
    ) -> Option<Self> {
        let (place, begun) = ground.of(listed);
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
                place: place.clone(),
                stream: listed.stream.clone(),
                created: listed.created,
                first,
                watched: first == First::Opened || moved || !is_over_for_long,
                over_since,
            });
        };
        let mut now_known = known.clone();
        now_known.place.clone_from(place);
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

    /// What an answer about the conversation itself says; `None` where that is no news.
    pub fn polled(&self, seek: &Seek, status: i64, now: Timestamp) -> Option<Self> {
        let over_since = if seek.wants(Some(status)) { None } else { Some(self.over_since.unwrap_or(now)) };
        (over_since != self.over_since).then(|| Self { over_since, ..self.clone() })
    }

    /// What the end of a look that brought nothing of it makes of it; `None` where that is no news. One that can neither be
    /// reached nor was listed is over. One that has been over for long enough need not be watched, and stays known; but not
    /// before it was read, since there may be something to tell.
    pub fn looked(&self, seek: &Seek, reached: Reached, is_listed: bool, now: Timestamp) -> Option<Self> {
        if !self.watched {
            return None;
        }
        match (self.over_since, reached) {
            (None, Reached::Lost) if !is_listed => Some(Self { over_since: Some(now), ..self.clone() }),
            (None, _) | (_, Reached::NotYet) => None,
            (Some(since), Reached::Read | Reached::Lost) => {
                is_past(since, seek.keep_for, now).then(|| Self { watched: false, ..self.clone() })
            }
        }
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
}

fn is_past(since: Timestamp, keep_for: Duration, now: Timestamp) -> bool {
    now.duration_since(since) >= SignedDuration::try_from(keep_for).unwrap_or(SignedDuration::MAX)
}

#[cfg(test)]
mod tests;
