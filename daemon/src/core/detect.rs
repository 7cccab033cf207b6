//! What is new: an answer compared with what has been seen.
//!
//! Seen ids decide, not a high-water mark: ids may be out of order, times tie, mails are back-dated. The order
//! of what is new comes from (instant, id). What is missing is believed only when a second answer misses it as
//! well: the first may be of a copy that lags behind. What cannot be true is an error, not news.

use std::collections::HashSet;
use std::time::Duration;

use jiff::Timestamp;

use crate::core::cursor::{Cursor, CursorChange, Seen};
use crate::core::message::{AuthorKind, ChildId, Message, Snapshot, Unparsed};
use crate::core::waiting::{Ended, Rule, Threshold, Waiting};
use crate::core::watch::Baseline;

pub(crate) mod children;
mod waits;

pub use waits::unconfirmed;

/// A child that is missing is said to be deleted when an answer this much later misses it as well.
pub const CONFIRM_AFTER: Duration = Duration::from_secs(5);
/// For so long an answer with an older `updatedTime` than one before is taken for that of a copy that lags behind.
pub const STALE_MAX: Duration = Duration::from_secs(900);
/// More changes of text in one answer than this, and in more than half of what is known, are another way of writing
/// the same texts rather than edits.
pub const EDITS_MAX: usize = 20;
/// More messages missing at once than this, and more than half of what is known, are a list that was cut.
pub const MISSING_MAX: usize = 20;

/// What one answer, or the lack of one, brought.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Found {
    /// What happened, in order; the sequence of the first is `change.after.sequence - happened.len() + 1`.
    pub happened: Vec<Happened>,
    /// What to write. `None`: nothing has changed, write nothing.
    pub change: Option<CursorChange>,
    /// Whether this was the conversation's first answer.
    pub baseline: bool,
    /// Whether the next answer must be read even if it is the same: something waits to be confirmed, or could not
    /// be read.
    pub pending: bool,
    /// Whether the answer is that of a copy that lags behind: what it lacks has been left alone.
    pub stale: bool,
    /// Whether somebody knows of who waits, so that nobody is told of it for now.
    pub acked: bool,
    /// How many known texts are written otherwise, when those are too many to be edits.
    pub reworded: usize,
}

/// One thing that happened in a conversation.
#[derive(Clone, Debug, PartialEq)]
pub enum Happened {
    /// An unseen child.
    Message(Message),
    /// A known child with another text.
    Edited {
        /// As it is now.
        message: Message,
        /// How often it has changed.
        revision: u32,
    },
    /// A known child that is no longer there.
    Deleted {
        /// Which.
        id: ChildId,
        /// Who wrote it, where that is known.
        author: Option<AuthorKind>,
        /// When it was written, where that is known.
        created: Option<Timestamp>,
        /// How often it has changed, this time included.
        revision: u32,
    },
    /// An unseen child that cannot be read.
    Unparsed(Unparsed),
    /// Messages may have been missed.
    Gap {
        /// When that was found.
        since: Timestamp,
        /// One line.
        why: String,
    },
    /// Another status.
    Status {
        /// Before.
        previous: Option<i64>,
        /// Now.
        current: Option<i64>,
    },
    /// Another agent.
    Assigned {
        /// Before; `None` = nobody.
        previous: Option<i64>,
        /// Now; `None` = nobody.
        current: Option<i64>,
    },
    /// Nobody has answered the customer for longer than somebody wants to know of.
    Waiting {
        /// The oldest message that waits, and since when.
        waiting: Waiting,
        /// Whose time is over; the longest is the last.
        passed: Vec<Threshold>,
        /// That message, where it is at hand.
        message: Option<Message>,
        /// Whether an answer after that time has shown it.
        confirmed: bool,
    },
    /// A wait that was told is over.
    Answered {
        /// What waited, and who was told.
        waiting: Waiting,
        /// How it ended.
        ended: Ended,
    },
    /// It began after its watch did.
    Opened {
        /// When it began, if that is said.
        created: Option<Timestamp>,
    },
    /// It can no longer be reached.
    Unreachable {
        /// The episode's start.
        since: Timestamp,
        /// One line.
        why: String,
    },
    /// It can be reached again.
    Recovered {
        /// The episode's start.
        since: Timestamp,
    },
}

/// An answer that cannot be true. It is an error, and changes nothing.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Implausible {
    /// No messages, where there were some.
    #[error(
        "the answer lists no messages, though the conversation had {known}; nothing was taken for deleted"
    )]
    Emptied {
        /// How many there were.
        known: usize,
    },
}

/// What is asked of an answer beside what it says.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// What of the first answer is told.
    pub baseline: Baseline,
    /// For how long answers have been those of a copy that lags behind; nothing, if the last one was not.
    pub stale_for: Duration,
    /// When the answer came.
    pub now: Timestamp,
    /// For how long nobody may wait without that being told.
    pub rules: &'a [Rule],
    /// Whether a silence is over it: what is told of who waits is kept from everybody.
    pub hushed: bool,
}

/// Compares an answer with the cursor.
///
/// # Errors
/// When the answer cannot be true.
pub fn detect(cursor: Option<&Cursor>, snapshot: &Snapshot, asked: Asked<'_>) -> Result<Found, Implausible> {
    let first_sight = cursor.is_none_or(|cursor| cursor.baseline_at.is_none());
    let blank = Cursor::default();
    let cursor = cursor.unwrap_or(&blank);
    plausible(cursor, snapshot)?;
    let is_older = is_older(cursor, snapshot);
    let stale = is_older && !asked.has_been_stale_for_long();
    let mut work = Work {
        cursor,
        snapshot,
        asked,
        first_sight,
        stale,
        change: CursorChange { after: cursor.row(), ..CursorChange::default() },
        found: Found {
            baseline: first_sight,
            stale,
            pending: stale,
            acked: cursor.acked().is_some(),
            ..Found::default()
        },
    };
    if is_older && !stale {
        work.change.after.updated_at = snapshot.updated_at;
    }
    if let Some(since) = cursor.unreachable_since {
        work.found.happened.push(Happened::Recovered { since });
        work.change.after.unreachable_since = None;
    }
    if first_sight {
        work.change.after.baseline_at = Some(work.answered_at());
        if asked.baseline == Baseline::Opened {
            work.found.happened.push(Happened::Opened { created: snapshot.created_at });
        }
    }
    if snapshot.children_listed {
        work.children();
    }
    if !stale {
        work.conversation();
        if snapshot.children_listed {
            work.waiting();
        }
    }
    Ok(work.finish())
}

/// The conversation cannot be reached, and that has been confirmed: says so once.
pub fn unreachable(cursor: Option<&Cursor>, why: &str, now: Timestamp) -> Found {
    let blank = Cursor::default();
    let cursor = cursor.unwrap_or(&blank);
    if cursor.unreachable_since.is_some() {
        return Found::default();
    }
    let mut change = CursorChange { after: cursor.row(), ..CursorChange::default() };
    change.after.unreachable_since = Some(now);
    let mut happened = vec![Happened::Unreachable { since: now, why: why.to_owned() }];
    if let Some(waiting) = change.after.waiting.as_mut().filter(|waiting| !waiting.told.is_empty()) {
        happened.push(Happened::Answered { waiting: waiting.clone(), ended: Ended::Gone });
        waiting.begin_again();
    }
    change.after.sequence += happened.len() as u64;
    Found { happened, change: Some(change), ..Found::default() }
}

/// One comparison under way.
struct Work<'a> {
    cursor: &'a Cursor,
    snapshot: &'a Snapshot,
    asked: Asked<'a>,
    first_sight: bool,
    stale: bool,
    change: CursorChange,
    found: Found,
}

impl Work<'_> {
    /// By `CommBox`'s clock, where it says so.
    fn answered_at(&self) -> Timestamp {
        self.snapshot.answered_at.unwrap_or(self.asked.now)
    }

    /// The conversation's own properties. What an answer does not say has not changed, and neither has what is said
    /// for the first time.
    fn conversation(&mut self) {
        let (cursor, snapshot) = (self.cursor, self.snapshot);
        if snapshot.status_id.is_some() && snapshot.status_id != cursor.status_id {
            if !self.first_sight && cursor.status_id.is_some() {
                let (previous, current) = (cursor.status_id, snapshot.status_id);
                self.found.happened.push(Happened::Status { previous, current });
            }
            self.change.after.status_id = snapshot.status_id;
        }
        if snapshot.assigned_manager_id != cursor.assigned_manager_id {
            if !self.first_sight {
                let (previous, current) = (cursor.assigned_manager_id, snapshot.assigned_manager_id);
                self.found.happened.push(Happened::Assigned { previous, current });
            }
            self.change.after.assigned_manager_id = snapshot.assigned_manager_id;
        }
        self.change.after.gap_since = if snapshot.children_cut { self.change.after.gap_since } else { None };
    }

    fn finish(self) -> Found {
        let Self { cursor, snapshot, stale, mut change, mut found, .. } = self;
        // A map has no order of its own; what is written should not depend on it.
        change.seen.sort_by(|a, b| a.0.cmp(&b.0));
        change.forget.sort();
        change.after.sequence += found.happened.len() as u64;
        let unchanged = change.after == cursor.row() && change.seen.is_empty() && change.forget.is_empty();
        if !unchanged && !stale && snapshot.updated_at.is_some() {
            // Alone it is not worth a write: it moves with much that is not told.
            change.after.updated_at = snapshot.updated_at;
        }
        found.change = (!unchanged).then_some(change);
        found
    }
}

/// "Everybody has deleted everything" is what a faulty answer looks like.
fn plausible(cursor: &Cursor, snapshot: &Snapshot) -> Result<(), Implausible> {
    let is_empty = snapshot.messages.is_empty() && snapshot.unparsed.is_empty();
    let known = cursor.seen.values().filter(|seen| seen.vanished.is_none()).count();
    if snapshot.children_listed && is_empty && known > 0 {
        return Err(Implausible::Emptied { known });
    }
    Ok(())
}

/// Whether the answer is older than one that was seen.
fn is_older(cursor: &Cursor, snapshot: &Snapshot) -> bool {
    match (snapshot.updated_at, cursor.updated_at) {
        // Fractions of a second may come and go with an admin's setting (commbox-api §11.9).
        (Some(said), Some(seen)) => said.as_second() < seen.as_second(),
        _ => false,
    }
}

impl Asked<'_> {
    /// A time that went back and stays there is theirs to set.
    fn has_been_stale_for_long(&self) -> bool {
        self.stale_for > STALE_MAX
    }
}

/// Oldest first; a child whose time could not be read comes last.
fn order(created: Option<Timestamp>, id: &ChildId) -> (bool, Option<Timestamp>, &ChildId) {
    (created.is_none(), created, id)
}

/// The ids that an answer lists.
fn listed(snapshot: &Snapshot) -> HashSet<&ChildId> {
    let messages = snapshot.messages.iter().map(|message| &message.id);
    messages.chain(snapshot.unparsed.iter().map(|child| &child.id)).collect()
}

/// Whether a child is known and was there when it was last looked for.
fn is_present(seen: &Seen) -> bool {
    seen.vanished.is_none()
}

#[cfg(test)]
mod tests;
