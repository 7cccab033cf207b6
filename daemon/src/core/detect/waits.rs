//! Who waits by one answer, and who no longer does.

use std::time::Duration;

use jiff::Timestamp;

use super::{CONFIRM_AFTER, Found, Happened, Work};
use crate::core::cursor::{Cursor, CursorChange, Vanished};
use crate::core::message::{AuthorKind, ChildId};
use crate::core::waiting::{self, Ended, Look, Rule, Waiting};

/// Somebody waits whose time is over, and `CommBox` does not say whether that is still so. `now` is by its clock;
/// `hushed` is whether a silence is over it.
pub fn unconfirmed(cursor: &Cursor, rules: &[Rule], now: Timestamp, hushed: bool) -> Found {
    let mut change = CursorChange { after: cursor.row(), ..CursorChange::default() };
    let Some(waiting) = &mut change.after.waiting else { return Found::default() };
    if !hushed {
        waiting.end_silence();
    }
    let passed = waiting.passed(rules, now);
    if passed.is_empty() || cursor.acked().is_some() || cursor.unreachable_since.is_some() {
        return Found::default();
    }
    waiting.tell(&passed);
    let happened =
        vec![Happened::Waiting { waiting: waiting.clone(), passed, message: None, confirmed: false }];
    change.after.sequence += 1;
    Found { happened, change: Some(change), ..Found::default() }
}

impl Work<'_> {
    /// Who waits, and whose time is over.
    pub(super) fn waiting(&mut self) {
        let before = self.cursor.waiting.as_ref();
        let floor = before.filter(|before| before.over);
        let open = before.filter(|before| !before.over);
        // A reply that was seen is one, also when this answer shows it garbled or not at all.
        let replies = self.cursor.seen.iter().filter(|(_, seen)| seen.author == Some(AuthorKind::Agent));
        let reply = replies.filter_map(|(id, seen)| Some((seen.instant?, id.clone()))).max();
        let look = Look::new(&self.snapshot.messages, before.and_then(Waiting::floor).max(reply));
        let answer = open.and_then(|open| look.answer(&open.child, open.since));
        // Not listed, and not deleted: the list may have been cut.
        let goes_on = open.filter(|open| {
            answer.is_none() && look.message(&open.child).is_none() && !self.is_deleted(&open.child)
        });
        let oldest = match goes_on {
            Some(open) => Some((open.child.clone(), open.since)),
            None => look.oldest().map(|(message, since)| (message.id.clone(), since)),
        };
        let is_over = waiting::is_over(self.snapshot.status_id.or(self.cursor.status_id));
        let is_answered = answer.is_some();
        let ended = answer
            .or_else(|| is_over.then_some(Ended::Closed))
            .or_else(|| oldest.is_none().then_some(Ended::Withdrawn));
        let told = open.filter(|open| !open.told.is_empty());
        if let Some(waiting) = told
            && let Some(ended) = ended
        {
            self.found.happened.push(Happened::Answered { waiting: waiting.clone(), ended });
        }
        let window_ends = match self.snapshot.channel {
            Some(channel) => look.last_of_customer().and_then(|last| waiting::window_ends(channel, last)),
            // An answer that does not say the channel changes nothing.
            None => open.and_then(|open| open.window_ends),
        };
        let mut after = match oldest {
            _ if is_over => {
                let newest = look.newest().map(|(message, at)| Waiting::over(message.id.clone(), at));
                newest.or_else(|| floor.cloned())
            }
            // Earlier messages come to light and others are deleted: whoever was told was told of the same wait.
            Some((child, since)) => Some(match open.filter(|_| !is_answered) {
                Some(open) => Waiting { child, since, window_ends, ..open.clone() },
                // Messages may have come to light that were told to wait before: that is over, so it is told anew.
                None => Waiting {
                    floor: before.and_then(Waiting::floor),
                    window_ends,
                    round: before.map_or(0, |before| before.round + u32::from(!before.told.is_empty())),
                    ..Waiting::new(child, since)
                },
            }),
            // Whoever was told that it waits is not told so again when it is put back.
            None => match told.filter(|_| !is_answered) {
                Some(withdrawn) => Some(Waiting::over(withdrawn.child.clone(), withdrawn.since)),
                None => floor.cloned(),
            },
        };
        // Missing for a moment, it may have been deleted: a later answer tells.
        let is_unsure = goes_on.is_some_and(|open| {
            let vanished = self.cursor.seen.get(&open.child).and_then(|seen| seen.vanished);
            vanished.is_none_or(|(at, _)| {
                Duration::try_from(self.asked.now.duration_since(at)).is_ok_and(|age| age < CONFIRM_AFTER)
            })
        });
        let newest = look.newest_of_customer().max(self.cursor.newest_of_customer());
        let acked = self.cursor.acked.as_ref().is_some_and(|acked| acked.holds(newest.as_ref()));
        self.found.acked = acked;
        if let Some(waiting) = after.as_mut().filter(|_| !acked) {
            if !self.asked.hushed {
                waiting.end_silence();
            }
            let passed = waiting.passed(self.asked.rules, self.answered_at());
            if is_unsure {
                self.found.pending |= !passed.is_empty();
            } else if !passed.is_empty() {
                waiting.tell(&passed);
                let (waiting, message) = (waiting.clone(), look.message(&waiting.child).cloned());
                self.found.happened.push(Happened::Waiting { waiting, passed, message, confirmed: true });
            }
        }
        self.change.after.waiting = after;
    }

    /// Whether a child is known to be deleted, by this answer or before.
    fn is_deleted(&self, id: &ChildId) -> bool {
        let now = self.change.seen.iter().rev().find(|(child, _)| child == id).map(|(_, seen)| seen);
        let seen = now.or_else(|| self.cursor.seen.get(id));
        seen.is_none_or(|seen| matches!(seen.vanished, Some((_, Vanished::Deleted))))
    }
}
