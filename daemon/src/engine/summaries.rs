//! "Was it polled?": counts per conversation and hour, written once an hour rather than once a poll.

use std::collections::HashMap;

use jiff::Timestamp;

use crate::core::watch::ConversationId;
use crate::store::PollSummary;

const HOUR_SECONDS: i64 = 3600;

#[derive(Debug, Default)]
pub(super) struct Summaries {
    rows: HashMap<(ConversationId, i64), PollSummary>,
    /// The one that was looked at last.
    hour: Option<i64>,
}

impl Summaries {
    /// Gives the hour as it stands with it.
    pub(super) fn add(
        &mut self,
        id: &ConversationId,
        at: Timestamp,
        changed: bool,
        error: Option<String>,
    ) -> PollSummary {
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
        row.clone()
    }

    /// What is to be written: once an hour, or all of it at the end.
    pub(super) fn take(&mut self, now: Timestamp, all: bool) -> Vec<PollSummary> {
        let hour = now.as_second().div_euclid(HOUR_SECONDS);
        if !all && self.hour.replace(hour).is_none_or(|before| before == hour) {
            return Vec::new();
        }
        self.rows.drain().map(|(_, row)| row).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_hour_is_written_when_it_is_over_and_the_rest_at_the_end() {
        let id = ConversationId { account: "main".into(), object: 7 };
        let at = |second: i64| Timestamp::from_second(1_800_000_000 + second).unwrap();
        let mut summaries = Summaries::default();
        for (second, error) in [(0, None), (10, Some("500".to_owned())), (20, None)] {
            summaries.add(&id, at(second), false, error);
            assert!(summaries.take(at(second), false).is_empty());
        }
        let rows = summaries.take(at(3600), false);
        assert_eq!((rows.len(), rows[0].polls, rows[0].failed), (1, 3, 1));
        assert_eq!(rows[0].last_error.as_deref(), Some("500"));
        summaries.add(&id, at(3700), true, None);
        assert!(summaries.take(at(3700), false).is_empty());
        assert_eq!(summaries.take(at(3700), true).len(), 1);
        assert!(summaries.take(at(3700), true).is_empty());
    }
}
