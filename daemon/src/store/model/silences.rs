//! Silences and acknowledgements in memory: the model's `silences.rs`.

use jiff::Timestamp;

use super::Rows;
use crate::core::cursor::Cursor;
use crate::core::silence::{Draft, Ended, Silence};
use crate::core::waiting::Acked;
use crate::core::watch::ConversationId;

impl Rows {
    pub(crate) fn silences(&self, over_after: Timestamp, limit: usize) -> Vec<Silence> {
        let mut found: Vec<&Silence> =
            self.silences.values().filter(|one| over_at(one) > over_after).collect();
        found.sort_by_key(|one| std::cmp::Reverse(over_at(one)));
        let mut found: Vec<Silence> = found.into_iter().take(limit).cloned().collect();
        found.sort_by_key(|one| one.id);
        found
    }

    pub(crate) fn add_silence(&mut self, draft: &Draft, user: &str, at: Timestamp) -> Silence {
        self.last_silence += 1;
        let silence = draft.clone().silence(self.last_silence, at, user);
        self.silences.insert(silence.id, silence.clone());
        silence
    }

    pub(crate) fn end_silence(&mut self, id: i64, why: &str, at: Timestamp) -> bool {
        let Some(silence) = self.silences.get_mut(&id).filter(|one| one.is_active(at)) else { return false };
        silence.ended = Some(Ended { at, why: why.to_owned() });
        true
    }

    /// `false` when nobody waits.
    pub(crate) fn ack(&mut self, id: &ConversationId, acked: &Acked) -> bool {
        let waits = |cursor: &&mut Cursor| cursor.waiting.as_ref().is_some_and(|waiting| !waiting.over);
        let Some(cursor) = self.cursors.get_mut(id).filter(waits) else { return false };
        cursor.acked = Some(acked.clone());
        true
    }
}

/// When a silence is over, or was.
pub(super) fn over_at(silence: &Silence) -> Timestamp {
    silence.ended.as_ref().map_or(silence.until, |ended| ended.at)
}
