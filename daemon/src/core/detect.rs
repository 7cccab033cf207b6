//! What is new: an answer compared with what has been seen.
//!
//! Seen ids decide, not a high-water mark: ids may be out of order, times tie, mails are back-dated. The order
//! of what is new comes from (instant, id).

use std::collections::HashSet;

use jiff::Timestamp;

use crate::core::cursor::{Cursor, CursorChange, Seen, VANISHED_KEPT};
use crate::core::message::{ChildId, Message, Snapshot, Unparsed};

/// What one answer, or the lack of one, brought.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Found {
    /// What happened, in order; the sequence of the first is `change.after.sequence - happened.len() + 1`.
    pub happened: Vec<Happened>,
    /// What to write. `None`: nothing has changed, write nothing.
    pub change: Option<CursorChange>,
    /// Whether this was the conversation's first answer.
    pub baseline: bool,
}

/// One thing that happened in a conversation.
#[derive(Clone, Debug, PartialEq)]
pub enum Happened {
    /// An unseen child.
    Message(Message),
    /// An unseen child that cannot be read.
    Unparsed(Unparsed),
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

/// Compares an answer with the cursor. `now` is when the answer came.
pub fn detect(cursor: Option<&Cursor>, snapshot: &Snapshot, now: Timestamp) -> Found {
    let first_sight = cursor.is_none_or(|cursor| cursor.baseline_at.is_none());
    let blank = Cursor::default();
    let cursor = cursor.unwrap_or(&blank);
    let mut change = CursorChange { after: cursor.row(), ..CursorChange::default() };
    let mut happened = Vec::new();

    if let Some(since) = cursor.unreachable_since {
        happened.push(Happened::Recovered { since });
        change.after.unreachable_since = None;
    }
    if first_sight {
        change.after.baseline_at = Some(snapshot.answered_at.unwrap_or(now));
    }
    if snapshot.children_listed {
        change.after.listed = true;
        let baseline_of = baseline_of(cursor, first_sight);
        happened.extend(unseen(cursor, snapshot, baseline_of));
        note_children(cursor, snapshot, now, &mut change);
    }
    // What an answer does not say has not changed, and neither has what is said for the first time.
    if snapshot.status_id.is_some() && snapshot.status_id != cursor.status_id {
        if !first_sight && cursor.status_id.is_some() {
            happened.push(Happened::Status { previous: cursor.status_id, current: snapshot.status_id });
        }
        change.after.status_id = snapshot.status_id;
    }
    if snapshot.assigned_manager_id != cursor.assigned_manager_id {
        if !first_sight {
            let (previous, current) = (cursor.assigned_manager_id, snapshot.assigned_manager_id);
            happened.push(Happened::Assigned { previous, current });
        }
        change.after.assigned_manager_id = snapshot.assigned_manager_id;
    }
    finish(cursor, change, happened, first_sight)
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
    finish(cursor, change, vec![Happened::Unreachable { since: now, why: why.to_owned() }], false)
}

fn finish(cursor: &Cursor, mut change: CursorChange, happened: Vec<Happened>, baseline: bool) -> Found {
    change.after.sequence += happened.len() as u64;
    let unchanged = change.after == cursor.row() && change.seen.is_empty() && change.forget.is_empty();
    Found { happened, change: (!unchanged).then_some(change), baseline }
}

/// Which unseen children are part of the baseline rather than news.
enum BaselineOf {
    /// All of them: this is the first answer.
    Everything,
    /// Those written before the first answer, which listed no children at all.
    Before(Timestamp),
    /// None.
    Nothing,
}

fn baseline_of(cursor: &Cursor, first_sight: bool) -> BaselineOf {
    match cursor.baseline_at {
        _ if first_sight => BaselineOf::Everything,
        Some(at) if !cursor.listed => BaselineOf::Before(at),
        _ => BaselineOf::Nothing,
    }
}

fn unseen(cursor: &Cursor, snapshot: &Snapshot, baseline: BaselineOf) -> Vec<Happened> {
    if matches!(baseline, BaselineOf::Everything) {
        return Vec::new();
    }
    let is_news = |created: Option<Timestamp>| match baseline {
        BaselineOf::Before(at) => created.is_none_or(|created| created > at),
        _ => true,
    };
    let mut messages: Vec<&Message> = snapshot
        .messages
        .iter()
        .filter(|message| !cursor.seen.contains_key(&message.id) && is_news(message.created))
        .collect();
    messages.sort_by(|a, b| order(a).cmp(&order(b)));
    let mut unparsed: Vec<&Unparsed> =
        snapshot.unparsed.iter().filter(|child| !cursor.seen.contains_key(&child.id)).collect();
    unparsed.sort_by(|a, b| a.id.cmp(&b.id));
    let messages = messages.into_iter().cloned().map(Happened::Message);
    messages.chain(unparsed.into_iter().cloned().map(Happened::Unparsed)).collect()
}

/// Oldest first; a message whose time could not be read comes last.
fn order(message: &Message) -> (bool, Option<Timestamp>, &ChildId) {
    (message.created.is_none(), message.created, &message.id)
}

/// What has to be written about the children: new ones, returned ones, vanished ones.
fn note_children(cursor: &Cursor, snapshot: &Snapshot, now: Timestamp, change: &mut CursorChange) {
    let mut present: HashSet<&ChildId> = HashSet::with_capacity(snapshot.messages.len());
    for message in &snapshot.messages {
        present.insert(&message.id);
        let known = cursor.seen.get(&message.id);
        if known.is_none_or(|seen| seen.vanished_at.is_some()) {
            let seen = Seen {
                instant: message.created,
                text_hash: known.map_or(message.text_hash, |seen| seen.text_hash),
                revision: known.map_or(0, |seen| seen.revision),
                vanished_at: None,
            };
            change.seen.push((message.id.clone(), seen));
        }
    }
    for child in &snapshot.unparsed {
        present.insert(&child.id);
        if cursor.seen.get(&child.id).is_none_or(|seen| seen.vanished_at.is_some()) {
            let seen = Seen { instant: None, text_hash: 0, revision: 0, vanished_at: None };
            change.seen.push((child.id.clone(), seen));
        }
    }
    for (id, seen) in &cursor.seen {
        if present.contains(id) {
            continue;
        }
        match seen.vanished_at {
            None => change.seen.push((id.clone(), Seen { vanished_at: Some(now), ..seen.clone() })),
            Some(at) if now.duration_since(at).unsigned_abs() > VANISHED_KEPT && now > at => {
                change.forget.push(id.clone());
            }
            Some(_) => {}
        }
    }
    // A map has no order of its own; what is written should not depend on it.
    change.seen.sort_by(|a, b| a.0.cmp(&b.0));
    change.forget.sort();
}

#[cfg(test)]
mod tests;
