//! The simplest store that there could be: lists and maps in memory, no SQL, nothing kept that can be counted. What
//! it answers is what every store should; `tests` compares it with the one on disk, and the simulation runs on it.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;

use super::{
    Due, Episode, OUTBOX_ROWS_MAX, OutboxCount, PollCommit, PollSummary, RecentDelivery, RecentEvent,
    Retention, Settle, StoreError, Told,
};
use crate::core::cursor::Cursor;
use crate::core::outcome::{Fate, RETRY_AFTER_MAX};
use crate::core::watch::ConversationId;

/// Everything that a store holds. Each method is one transaction of [`Store`](super::Store), of the same name.
#[derive(Clone, Debug)]
pub(crate) struct Rows {
    /// See [`Options::outbox_rows_max`](super::Options::outbox_rows_max).
    pub(crate) outbox_rows_max: u64,
    cursors: BTreeMap<ConversationId, Cursor>,
    events: BTreeMap<String, EventRow>,
    deliveries: BTreeMap<i64, Delivery>,
    last_delivery: i64,
    attempts: Vec<Attempt>,
    /// By notifier: ever written, delivered, dead.
    tally: BTreeMap<String, [i64; 3]>,
    episodes: BTreeMap<String, Episode>,
    summaries: BTreeMap<(ConversationId, Timestamp), PollSummary>,
}

#[derive(Clone, Debug)]
struct EventRow {
    kind: &'static str,
    sequence: Option<u64>,
    watch: Option<String>,
    priority: Option<String>,
    occurred_at: Timestamp,
    recorded_at: Timestamp,
    has_text: bool,
}

/// One notification for one notifier.
#[derive(Clone, Debug)]
pub(crate) struct Delivery {
    pub(crate) notification: String,
    pub(crate) notifier: String,
    pub(crate) lane: String,
    pub(crate) end: Option<End>,
    pub(crate) attempts: u32,
    payload: String,
    due_at: Timestamp,
    crashes: u32,
    tried: Duration,
    created_at: Timestamp,
    finished_at: Option<Timestamp>,
}

/// How a delivery ended for good.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum End {
    Delivered,
    Dead,
}

#[derive(Clone, Debug)]
struct Attempt {
    delivery: i64,
    number: u32,
    started_at: Timestamp,
    took: Duration,
    outcome: &'static str,
    detail: String,
}

impl Default for Rows {
    fn default() -> Self {
        Self {
            outbox_rows_max: OUTBOX_ROWS_MAX,
            cursors: BTreeMap::new(),
            events: BTreeMap::new(),
            deliveries: BTreeMap::new(),
            last_delivery: 0,
            attempts: Vec::new(),
            tally: BTreeMap::new(),
            episodes: BTreeMap::new(),
            summaries: BTreeMap::new(),
        }
    }
}

impl Rows {
    pub(crate) fn cursor(&self, id: &ConversationId) -> Option<Cursor> {
        self.cursors.get(id).cloned()
    }

    pub(crate) fn commit_poll(&mut self, commit: &PollCommit) -> Result<(), StoreError> {
        let new: u64 = commit.told.iter().map(|told| told.deliveries.len() as u64).sum();
        let open = self.deliveries.values().filter(|delivery| delivery.end.is_none()).count() as u64;
        if new > 0 && open > 0 && open + new > self.outbox_rows_max {
            return Err(StoreError::OutboxFull(open));
        }
        let known = self.cursors.get(&commit.conversation);
        if known.is_some_and(|cursor| cursor.sequence != commit.expect_sequence) {
            return Err(StoreError::Conflict(commit.conversation.to_string()));
        }
        self.cursors.entry(commit.conversation.clone()).or_default().apply(&commit.change);
        for told in &commit.told {
            self.tell(told);
        }
        Ok(())
    }

    /// `false` when the event was known.
    fn tell(&mut self, told: &Told) -> bool {
        let event = &told.event;
        if self.events.contains_key(&event.id) {
            return false;
        }
        let row = EventRow {
            kind: event.kind.as_str(),
            sequence: event.sequence,
            watch: event.data.watch.as_ref().map(|watch| watch.name.clone()),
            priority: event.data.watch.as_ref().map(|watch| watch.priority.as_str().to_owned()),
            occurred_at: event.time,
            recorded_at: event.recorded,
            has_text: event.data.message.as_ref().is_some_and(|message| !message.text.is_empty()),
        };
        self.events.insert(event.id.clone(), row);
        for new in &told.deliveries {
            let is_known = self
                .deliveries
                .values()
                .any(|known| known.notification == new.notification.id && known.notifier == new.notifier);
            if is_known {
                continue;
            }
            self.last_delivery += 1;
            let delivery = Delivery {
                notification: new.notification.id.clone(),
                notifier: new.notifier.clone(),
                lane: new.lane.clone(),
                payload: new.notification.payload.clone(),
                end: None,
                due_at: event.recorded,
                attempts: 0,
                crashes: 0,
                tried: Duration::ZERO,
                created_at: event.recorded,
                finished_at: None,
            };
            self.deliveries.insert(self.last_delivery, delivery);
            self.tally.entry(new.notifier.clone()).or_default()[0] += 1;
        }
        true
    }

    /// The first open delivery of each lane of a notifier.
    fn heads(&self, notifier: &str) -> Vec<(i64, &Delivery)> {
        let mut heads: BTreeMap<&str, (i64, &Delivery)> = BTreeMap::new();
        let open = self.deliveries.iter().filter(|(_, one)| one.notifier == notifier && one.end.is_none());
        for (id, delivery) in open {
            heads.entry(&delivery.lane).or_insert((*id, delivery));
        }
        heads.into_values().collect()
    }

    pub(crate) fn due(&self, notifier: &str, now: Timestamp, limit: usize) -> Vec<Due> {
        let never_ahead = now.checked_add(RETRY_AFTER_MAX + Duration::from_secs(60));
        let mut heads = self.heads(notifier);
        heads.sort_by_key(|(id, head)| (head.due_at > now, head.due_at, *id));
        let is_due =
            |head: &Delivery| head.due_at <= now || never_ahead.as_ref().is_ok_and(|at| head.due_at >= *at);
        heads
            .into_iter()
            .filter(|(_, head)| is_due(head))
            .take(limit)
            .map(|(id, head)| self.hand(id, head))
            .collect()
    }

    fn hand(&self, id: i64, delivery: &Delivery) -> Due {
        let event = self.events.get(&delivery.notification);
        Due {
            id,
            notification_id: delivery.notification.clone(),
            payload: delivery.payload.clone(),
            attempts: delivery.attempts,
            crashes: delivery.crashes,
            tried: delivery.tried,
            occurred_at: event.map_or(delivery.created_at, |event| event.occurred_at),
            priority: event.and_then(|event| event.priority.clone()),
            replay: false,
            created_at: delivery.created_at,
        }
    }

    pub(crate) fn next_due(&self, notifier: &str) -> Option<Timestamp> {
        self.heads(notifier).into_iter().map(|(_, head)| head.due_at).min()
    }

    pub(crate) fn settle(&mut self, settle: &Settle) -> bool {
        const DETAIL_CHARS_MAX: usize = 500;
        let Some(delivery) = self.deliveries.get_mut(&settle.delivery).filter(|one| one.end.is_none()) else {
            return false;
        };
        let ended_at = settle.started + settle.took;
        let (end, tried) = match &settle.fate {
            Fate::Delivered => (Some(End::Delivered), settle.took),
            Fate::Dead(_) => (Some(End::Dead), settle.took),
            Fate::RetryAt { at, delay } => {
                delivery.due_at = *at;
                (None, settle.took + *delay)
            }
            Fate::NotifierBroken(_) => {
                delivery.due_at = ended_at;
                (None, Duration::ZERO)
            }
        };
        delivery.end = end;
        delivery.finished_at = end.map(|_| ended_at);
        delivery.attempts += u32::from(settle.counts);
        delivery.crashes += u32::from(settle.crashed);
        delivery.tried += whole_millis(tried);
        let number = delivery.attempts + u32::from(!settle.counts);
        let tally = self.tally.entry(delivery.notifier.clone()).or_default();
        match end {
            Some(End::Delivered) => tally[1] += 1,
            Some(End::Dead) => tally[2] += 1,
            None => {}
        }
        self.attempts.push(Attempt {
            delivery: settle.delivery,
            number,
            started_at: settle.started,
            took: whole_millis(settle.took),
            outcome: settle.outcome,
            detail: settle.detail.chars().take(DETAIL_CHARS_MAX).collect(),
        });
        settle.told.as_ref().is_some_and(|told| self.tell(told))
    }

    pub(crate) fn begin_episode(&mut self, episode: &Episode, told: &Told) -> bool {
        if self.episodes.contains_key(&episode.subject) {
            return false;
        }
        self.episodes.insert(episode.subject.clone(), episode.clone());
        self.tell(told);
        true
    }

    pub(crate) fn end_episode(&mut self, subject: &str, told: &Told) -> bool {
        let ended = self.episodes.remove(subject).is_some();
        if ended {
            self.tell(told);
        }
        ended
    }

    pub(crate) fn episodes(&self) -> Vec<Episode> {
        self.episodes.values().cloned().collect()
    }

    pub(crate) fn outbox(&self) -> Vec<OutboxCount> {
        let count = |(notifier, [written, delivered, dead]): (&String, &[i64; 3])| {
            let of =
                |end| self.deliveries.values().filter(move |one| one.notifier == *notifier && one.end == end);
            let pending = of(None).count() as u64;
            OutboxCount {
                notifier: notifier.clone(),
                pending,
                dead: of(Some(End::Dead)).count() as u64,
                oldest_pending: of(None).next().map(|one| one.created_at),
                imbalance: written - delivered - dead - pending.cast_signed(),
            }
        };
        self.tally.iter().map(count).collect()
    }

    pub(crate) fn recent_events(&self, limit: usize) -> Vec<RecentEvent> {
        let mut rows: Vec<(&String, &EventRow)> = self.events.iter().collect();
        rows.sort_by(|(a_id, a), (b_id, b)| {
            (b.recorded_at, b.sequence).cmp(&(a.recorded_at, a.sequence)).then(a_id.cmp(b_id))
        });
        let recent = |(id, row): (&String, &EventRow)| RecentEvent {
            id: id.clone(),
            kind: row.kind.to_owned(),
            watch: row.watch.clone(),
            occurred_at: row.occurred_at,
            recorded_at: row.recorded_at,
        };
        rows.into_iter().take(limit).map(recent).collect()
    }

    pub(crate) fn recent_deliveries(&self, limit: usize) -> Vec<RecentDelivery> {
        let recent = |attempt: &Attempt| {
            let delivery = self.deliveries.get(&attempt.delivery)?;
            Some(RecentDelivery {
                notification_id: delivery.notification.clone(),
                notifier: delivery.notifier.clone(),
                outcome: attempt.outcome.to_owned(),
                attempt: attempt.number,
                started_at: attempt.started_at,
                took: attempt.took,
                detail: attempt.detail.clone(),
            })
        };
        self.attempts.iter().rev().filter_map(recent).take(limit).collect()
    }

    pub(crate) fn add_poll_summaries(&mut self, rows: &[PollSummary]) {
        for row in rows {
            let key = (row.conversation.clone(), row.hour);
            let Some(sum) = self.summaries.get_mut(&key) else {
                self.summaries.insert(key, row.clone());
                continue;
            };
            (sum.polls, sum.changed) = (sum.polls + row.polls, sum.changed + row.changed);
            sum.failed += row.failed;
            sum.last_error = row.last_error.clone().or(sum.last_error.take());
        }
    }

    /// Without the bound on how much goes at once: there is never so much of it here.
    pub(crate) fn prune(&mut self, older: Retention) -> u64 {
        let is_over = |at: Option<Timestamp>, before: Timestamp| at.is_some_and(|at| at < before);
        let mut gone = 0;
        let mut count = |keep: bool| {
            gone += u64::from(!keep);
            keep
        };
        self.deliveries.retain(|_, one| count(!is_over(one.finished_at, older.rows_before)));
        let deliveries = &self.deliveries;
        self.attempts.retain(|attempt| deliveries.contains_key(&attempt.delivery));
        self.events.retain(|id, event| {
            let is_held = || deliveries.values().any(|one| one.notification == *id);
            count(event.recorded_at >= older.rows_before || is_held())
        });
        self.summaries.retain(|(_, hour), _| count(*hour >= older.rows_before));
        for event in self.events.values_mut().filter(|event| event.recorded_at < older.text_before) {
            count(!std::mem::take(&mut event.has_text));
        }
        for one in self.deliveries.values_mut() {
            if one.end == Some(End::Delivered) && is_over(one.finished_at, older.text_before) {
                count(std::mem::take(&mut one.payload).is_empty());
            }
        }
        gone
    }

    /// What was written for whom and how it ended, for whoever checks from outside.
    pub(crate) fn deliveries(&self) -> impl Iterator<Item = (i64, &Delivery)> {
        self.deliveries.iter().map(|(id, delivery)| (*id, delivery))
    }

    /// Every conversation that was ever committed.
    pub(crate) fn cursors(&self) -> impl Iterator<Item = (&ConversationId, &Cursor)> {
        self.cursors.iter()
    }
}

fn whole_millis(span: Duration) -> Duration {
    Duration::from_millis(u64::try_from(span.as_millis()).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests;
