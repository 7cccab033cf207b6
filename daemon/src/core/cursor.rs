//! What has been seen of a conversation.

use std::collections::HashMap;

use jiff::Timestamp;

use crate::core::message::{AuthorKind, ChildId};
use crate::core::waiting::{Acked, Waiting, starts};

/// What has been seen of a conversation. Lives in the store; read only when an answer has changed.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Cursor {
    /// When it was first answered; what was there then is the baseline. `None`: never answered so far.
    pub baseline_at: Option<Timestamp>,
    /// Whether an answer has ever listed children. Until then their absence means nothing.
    pub listed: bool,
    /// The sequence number of the latest event; 0 before the first.
    pub sequence: u64,
    /// The status in the latest answer.
    pub status_id: Option<i64>,
    /// The agent in the latest answer; `None` = nobody.
    pub assigned_manager_id: Option<i64>,
    /// Since when it cannot be reached, once that has been told.
    pub unreachable_since: Option<Timestamp>,
    /// The newest `updatedTime` that was seen.
    pub updated_at: Option<Timestamp>,
    /// Since when it has more messages than are looked at, once that has been told.
    pub gap_since: Option<Timestamp>,
    /// Who waits for an answer.
    pub waiting: Option<Waiting>,
    /// Who has said that they know of it. Written by them, not with what an answer changes.
    pub acked: Option<Acked>,
    /// Every child of the latest answer, and those that vanished within [`VANISHED_KEPT`].
    pub seen: HashMap<ChildId, Seen>,
}

/// How long a vanished child is remembered, so that it does not alert when it comes back.
pub const VANISHED_KEPT: std::time::Duration = std::time::Duration::from_secs(30 * 24 * 60 * 60);

/// What is kept of a child that was seen.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Seen {
    /// When it was written.
    pub instant: Option<Timestamp>,
    /// Of its normalised text.
    pub text_hash: u64,
    /// How often it has changed: each edit and each deletion; 0 = never.
    pub revision: u32,
    /// Who wrote it, where that is known: a deletion is told to who would have been told of the message.
    pub author: Option<AuthorKind>,
    /// Whether it could not be read so far.
    pub unparsed: bool,
    /// Whether it was there at first sight, and was not told.
    pub baseline: bool,
    /// When an answer first listed it; `None` in a row of an earlier version.
    pub found_at: Option<Timestamp>,
    /// Since when answers no longer list it, and what that is taken for.
    pub vanished: Option<(Timestamp, Vanished)>,
}

/// What it means that a child is no longer listed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Vanished {
    /// Nothing yet: one answer may be of a copy that lags behind. The next one decides.
    Unconfirmed,
    /// It was deleted, and that was told.
    Deleted,
    /// Nothing can be known: the list may have been cut, or the child has no id of its own.
    OutOfSight,
}

/// What one answer changes in a cursor; written together with the events that it explains.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CursorChange {
    /// The whole conversation row after the change.
    pub after: CursorRow,
    /// Children to insert or replace.
    pub seen: Vec<(ChildId, Seen)>,
    /// Children to forget.
    pub forget: Vec<ChildId>,
}

/// A cursor without its children.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CursorRow {
    /// See [`Cursor::baseline_at`].
    pub baseline_at: Option<Timestamp>,
    /// See [`Cursor::listed`].
    pub listed: bool,
    /// See [`Cursor::sequence`].
    pub sequence: u64,
    /// See [`Cursor::status_id`].
    pub status_id: Option<i64>,
    /// See [`Cursor::assigned_manager_id`].
    pub assigned_manager_id: Option<i64>,
    /// See [`Cursor::unreachable_since`].
    pub unreachable_since: Option<Timestamp>,
    /// See [`Cursor::updated_at`].
    pub updated_at: Option<Timestamp>,
    /// See [`Cursor::gap_since`].
    pub gap_since: Option<Timestamp>,
    /// See [`Cursor::waiting`].
    pub waiting: Option<Waiting>,
}

impl Cursor {
    /// Everything but the children.
    pub fn row(&self) -> CursorRow {
        CursorRow {
            baseline_at: self.baseline_at,
            listed: self.listed,
            sequence: self.sequence,
            status_id: self.status_id,
            assigned_manager_id: self.assigned_manager_id,
            unreachable_since: self.unreachable_since,
            updated_at: self.updated_at,
            gap_since: self.gap_since,
            waiting: self.waiting.clone(),
        }
    }

    /// The newest message that a customer may have written, of those that were seen.
    pub fn newest_of_customer(&self) -> Option<(Timestamp, ChildId)> {
        let of_customer = self.seen.iter().filter(|(_, seen)| seen.author.is_some_and(starts));
        of_customer.filter_map(|(id, seen)| Some((seen.instant?, id.clone()))).max()
    }

    /// Who knows of who waits, until the customer writes again.
    pub fn acked(&self) -> Option<&Acked> {
        let acked = self.acked.as_ref()?;
        acked.holds(self.newest_of_customer().as_ref()).then_some(acked)
    }

    /// The cursor as it is once `change` is written.
    pub fn apply(&mut self, change: &CursorChange) {
        let row = change.after.clone();
        self.baseline_at = row.baseline_at;
        self.listed = row.listed;
        self.sequence = row.sequence;
        self.status_id = row.status_id;
        self.assigned_manager_id = row.assigned_manager_id;
        self.unreachable_since = row.unreachable_since;
        self.updated_at = row.updated_at;
        self.gap_since = row.gap_since;
        self.waiting = row.waiting;
        for (id, seen) in &change.seen {
            self.seen.insert(id.clone(), seen.clone());
        }
        for id in &change.forget {
            self.seen.remove(id);
        }
    }
}
