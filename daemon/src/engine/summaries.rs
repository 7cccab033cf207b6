//! "Was it polled?": counts per conversation and hour, written once an hour rather than once a poll.

use std::collections::HashMap;

use jiff::Timestamp;

use crate::core::watch::ConversationId;
use crate::store::PollSummary;

const HOUR_SECONDS: i64 = 3600;

#[derive(Debug, Default)]
pub(super) struct Summaries {
    rows: HashMap<(ConversationId, i64), PollSummary>,
    hour: i64,
}

impl Summaries {
    pub(super) fn add(&mut self, id: &ConversationId, at: Timestamp, changed: bool, error: Option<String>) {
        let hour = at.as_second().div_euclid(HOUR_SECONDS);
        let row = self.rows.entry((id.clone(), hour)).or_insert_with(|| PollSummary {
            conversation: id.clone(),
            hour: Timestamp::from_second(hour * HOUR_SECONDS).unwrap_or(at),
            polls: 0,
            changed: 0,
            failed: 0,
            last_error: None,
        });
        row.polls += 1;
        row.changed += u64::from(changed);
        row.failed += u64::from(error.is_some());
        row.last_error = error.or(row.last_error.take());
    }

    /// What is to be written: once an hour, or all of it at the end.
    pub(super) fn take(&mut self, now: Timestamp, all: bool) -> Vec<PollSummary> {
        let hour = now.as_second().div_euclid(HOUR_SECONDS);
        if !all && std::mem::replace(&mut self.hour, hour) == hour {
            return Vec::new();
        }
        self.rows.drain().map(|(_, row)| row).collect()
    }
}
