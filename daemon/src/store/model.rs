//! The simplest store that there could be: lists and maps in memory, no SQL, nothing kept that can be counted. What
//! it answers is what every store should; `tests` compares it with the one on disk, and the simulation runs on it.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::{
    Discoveries, DiscoveryCommit, Episode, Fill, NewDelivery, OUTBOX_ROWS_MAX, OutboxCount, PollCommit,
    PollSummary, RecentDelivery, RecentEvent, Replayed, ReplayedDelivery, Retention, Selection, Settle,
    StoreError, Told,
};
use crate::core::cursor::Cursor;
use crate::core::delivery::State;
use crate::core::discovery::{Begun, Discovered};
use crate::core::event::{Event, EventKind};
use crate::core::heartbeat::LANE;
use crate::core::outcome::Fate;
use crate::core::pacing::Held;
use crate::core::seek::Place;
use crate::core::silence::Silence;
use crate::core::watch::ConversationId;

mod beats;
mod gather;
mod outbox;
mod raised;
mod silences;

/// Everything that a store holds. Each method is one transaction of [`Store`](super::Store), of the same name.
#[derive(Clone, Debug)]
pub(crate) struct Rows {
    /// See [`Options::outbox_rows_max`](super::Options::outbox_rows_max).
    pub(crate) outbox_rows_max: u64,
    cursors: BTreeMap<ConversationId, Cursor>,
    watched: BTreeMap<ConversationId, Timestamp>,
    events: BTreeMap<String, EventRow>,
    deliveries: BTreeMap<i64, Delivery>,
    last_delivery: i64,
    attempts: Vec<Attempt>,
    /// By notifier: ever written, delivered, dead, suppressed, put together.
    tally: BTreeMap<String, [i64; 5]>,
    /// What notifications of several events tell of.
    contents: BTreeMap<String, Vec<String>>,
    /// What is open where: by notifier and key, the delivery that said so last.
    raised: BTreeMap<(String, String), i64>,
    episodes: BTreeMap<String, Episode>,
    /// Of each account, which end of its key was told last, and at which stage.
    token_told: BTreeMap<String, (Timestamp, u8)>,
    begun: BTreeMap<Place, (Begun, Timestamp)>,
    found: BTreeMap<ConversationId, Discovered>,
    summaries: BTreeMap<(ConversationId, Timestamp), PollSummary>,
    silences: BTreeMap<i64, Silence>,
    last_silence: i64,
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
    has_message: bool,
    scrubbed: bool,
    subject: Option<String>,
    conversation: Option<ConversationId>,
    event: Event,
}

impl EventRow {
    fn blank(&mut self) {
        if let Some(message) = &mut self.event.data.message {
            message.text.clear();
            message.text_truncated = true;
        }
    }
}

/// One notification for one notifier.
#[derive(Clone, Debug)]
pub(crate) struct Delivery {
    pub(crate) notification: String,
    pub(crate) notifier: String,
    pub(crate) lane: String,
    pub(crate) state: State,
    pub(crate) attempts: u32,
    payload: String,
    due_at: Timestamp,
    sending_at: Option<Timestamp>,
    aside: bool,
    handed: u32,
    crashes: u32,
    crashes_alone: u32,
    replay: bool,
    tried: Duration,
    /// Whether the end of an attempt was ever written.
    was_tried: bool,
    created_at: Timestamp,
    finished_at: Option<Timestamp>,
    pub(crate) fallback_at: Option<Timestamp>,
    pub(crate) held: Option<Held>,
    paced: bool,
    fallback: bool,
    /// Of how many it was made.
    pub(crate) gathered: usize,
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
            watched: BTreeMap::new(),
            events: BTreeMap::new(),
            deliveries: BTreeMap::new(),
            last_delivery: 0,
            attempts: Vec::new(),
            tally: BTreeMap::new(),
            contents: BTreeMap::new(),
            raised: BTreeMap::new(),
            episodes: BTreeMap::new(),
            token_told: BTreeMap::new(),
            begun: BTreeMap::new(),
            found: BTreeMap::new(),
            summaries: BTreeMap::new(),
            silences: BTreeMap::new(),
            last_silence: 0,
        }
    }
}

impl Rows {
    pub(crate) fn cursor(&self, id: &ConversationId) -> Option<Cursor> {
        self.cursors.get(id).cloned()
    }

    pub(crate) fn commit_poll(&mut self, commit: &PollCommit) -> Result<(), StoreError> {
        let new: u64 = commit.told.iter().map(|told| told.opens() as u64).sum();
        let open = self.open_rows();
        if new > 0 && open > 0 && open + new > self.outbox_rows_max {
            return Err(StoreError::OutboxFull(open));
        }
        let known = self.cursors.get(&commit.conversation);
        if known.is_some_and(|cursor| cursor.sequence != commit.expect_sequence) {
            return Err(StoreError::Conflict(commit.conversation.to_string()));
        }
        self.cursors.entry(commit.conversation.clone()).or_default().apply(&commit.change);
        self.watched.insert(commit.conversation.clone(), commit.at);
        for told in &commit.told {
            self.tell(told, Some(&commit.conversation));
        }
        for (id, why) in &commit.silences_over {
            self.end_silence(*id, why, commit.at);
        }
        Ok(())
    }

    fn open_rows(&self) -> u64 {
        self.deliveries.values().filter(|delivery| !delivery.state.is_final()).count() as u64
    }

    /// `false` when the event was known.
    fn tell(&mut self, told: &Told, conversation: Option<&ConversationId>) -> bool {
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
            has_message: event.data.message.is_some(),
            scrubbed: false,
            subject: event.subject.clone(),
            conversation: conversation.cloned(),
            event: event.clone(),
        };
        if event.kind == EventKind::MessageDeleted && event.subject.is_some() {
            self.scrub(event.subject.as_deref(), conversation);
        }
        self.events.insert(event.id.clone(), row);
        for new in &told.deliveries {
            self.insert(new, event.recorded);
        }
        true
    }

    /// `false` when that notifier has it already.
    fn insert(&mut self, new: &NewDelivery, at: Timestamp) -> bool {
        let is_known = self
            .deliveries
            .values()
            .any(|known| known.notification == new.notification.id && known.notifier == new.notifier);
        if is_known {
            return false;
        }
        self.last_delivery += 1;
        let delivery = Delivery {
            notification: new.notification.id.clone(),
            notifier: new.notifier.clone(),
            lane: new.lane.clone(),
            payload: new.notification.payload.clone(),
            state: match new.suppressed {
                Some(_) => State::Suppressed,
                None => self.at_the_end_of(&new.notifier, &new.lane),
            },
            due_at: at,
            sending_at: None,
            attempts: 0,
            aside: false,
            handed: 0,
            crashes: 0,
            crashes_alone: 0,
            replay: false,
            tried: Duration::ZERO,
            was_tried: false,
            created_at: at,
            finished_at: new.suppressed.is_some().then_some(at),
            fallback_at: new
                .fallback_after
                .filter(|_| new.suppressed.is_none())
                .map(|after| self.held_until(&new.notifier, &new.lane).max(at) + after),
            held: None,
            paced: false,
            fallback: false,
            gathered: 0,
        };
        if new.urgent && new.suppressed.is_none() {
            self.hurry(&new.notifier, &new.lane, at);
        }
        self.deliveries.insert(self.last_delivery, delivery);
        if new.suppressed.is_some() {
            self.note_incident(self.last_delivery);
        }
        let tally = self.tally.entry(new.notifier.clone()).or_default();
        tally[0] += 1;
        tally[3] += i64::from(new.suppressed.is_some());
        true
    }

    fn at_the_end_of(&self, notifier: &str, lane: &str) -> State {
        if self.has_head(notifier, lane) { State::Queued } else { State::Pending }
    }

    /// A message was deleted: its text goes from what is final.
    fn scrub(&mut self, subject: Option<&str>, conversation: Option<&ConversationId>) {
        let about = |event: &EventRow| event.subject.as_deref() == subject && event.has_message;
        for (id, event) in &mut self.events {
            if !about(event) || event.conversation.as_ref() != conversation {
                continue;
            }
            (event.scrubbed, event.has_text) = (true, false);
            event.blank();
            let contents = &self.contents;
            let tells = |one: &&mut Delivery| tell_of(contents, &one.notification, id);
            let theirs = self.deliveries.values_mut().filter(tells);
            theirs.filter(|one| one.state.is_final()).for_each(|one| one.payload.clear());
        }
    }

    /// Whether a lane has one that the others wait for.
    pub(crate) fn open(&mut self) {
        for (id, one) in self.deliveries.iter_mut().filter(|(_, one)| one.state == State::Sending) {
            one.state = State::Pending;
            one.was_tried = true;
            self.attempts.push(Attempt {
                delivery: *id,
                number: one.handed,
                started_at: one.sending_at.take().unwrap_or(one.due_at),
                took: Duration::ZERO,
                outcome: "unknown",
                detail: "commwatch ended before it could write how this ended; it may have arrived"
                    .to_owned(),
            });
        }
    }

    pub(crate) fn fill(&self) -> Fill {
        Fill { open: self.open_rows(), max: self.outbox_rows_max }
    }

    /// Open deliveries wait for as long as they were to, whatever the clock does.
    fn matching(&self, selection: &Selection, with_heartbeats: bool) -> Vec<i64> {
        let is_of = |watch: &String, one: &Delivery| {
            self.told_by(&one.notification).any(|event| event.watch.as_ref() == Some(watch))
        };
        let is_meant = |one: &Delivery| {
            one.state.is_final()
                && (!selection.dead || one.state == State::Dead)
                && one.state != State::Grouped
                && (with_heartbeats || one.lane != LANE)
                && selection
                    .event
                    .as_ref()
                    .is_none_or(|event| tell_of(&self.contents, &one.notification, event))
                && selection.notifier.as_ref().is_none_or(|notifier| one.notifier == *notifier)
                && selection.watch.as_ref().is_none_or(|watch| is_of(watch, one))
                && selection.since.is_none_or(|since| one.created_at >= since)
                && selection.until.is_none_or(|until| one.created_at < until)
        };
        self.deliveries.iter().filter(|(_, one)| is_meant(one)).map(|(id, _)| *id).collect()
    }

    pub(crate) fn find(&self, selection: &Selection) -> Replayed {
        let mut found = Replayed::default();
        for one in self
            .matching(selection, selection.event.is_some())
            .iter()
            .filter_map(|id| self.deliveries.get(id))
        {
            if one.payload.is_empty() {
                found.without_text += 1;
                continue;
            }
            found.deliveries.push(ReplayedDelivery {
                event: one.notification.clone(),
                notifier: one.notifier.clone(),
                was: one.state.as_str().to_owned(),
                created_at: one.created_at,
            });
        }
        found
    }

    pub(crate) fn replay(&mut self, selection: &Selection, at: Timestamp) -> Result<Replayed, StoreError> {
        let found = self.find(selection);
        let open = self.open_rows();
        if open + found.deliveries.len() as u64 > self.outbox_rows_max {
            return Err(StoreError::OutboxFull(open));
        }
        for id in self.matching(selection, selection.event.is_some()) {
            let Some(one) = self.deliveries.get(&id).filter(|one| !one.payload.is_empty()) else { continue };
            let state = self.at_the_end_of(&one.notifier, &one.lane);
            let tally = self.tally.entry(one.notifier.clone()).or_default();
            tally[ended_as(one.state)] -= 1;
            let Some(one) = self.deliveries.get_mut(&id) else { continue };
            (one.state, one.replay, one.due_at, one.created_at) = (state, true, at, at);
            (one.attempts, one.crashes, one.crashes_alone, one.tried) = (0, 0, 0, Duration::ZERO);
            (one.finished_at, one.was_tried, one.aside, one.held) = (None, false, false, None);
        }
        Ok(found)
    }

    pub(crate) fn drop_dead(&mut self, selection: &Selection) -> u64 {
        let dead = self.matching(&Selection { dead: true, ..selection.clone() }, true);
        for id in &dead {
            self.deliveries.remove(id);
            self.attempts.retain(|attempt| attempt.delivery != *id);
        }
        dead.len() as u64
    }

    pub(crate) fn watched(&mut self, conversations: &[ConversationId], places: &[Place], at: Timestamp) {
        let day_before = at - Duration::from_secs(86_400);
        let note = |noted: &mut Timestamp| {
            if *noted < day_before || *noted > at {
                *noted = at;
            }
        };
        for id in conversations {
            if let Some(noted) = self.watched.get_mut(id) {
                note(noted);
            }
        }
        for id in places {
            if let Some((_, noted)) = self.begun.get_mut(id) {
                note(noted);
            }
        }
    }

    pub(crate) fn discoveries(&self) -> Discoveries {
        let begun = self.begun.iter().map(|(id, (begun, _))| (id.clone(), *begun)).collect();
        Discoveries { begun, found: self.found.values().cloned().collect() }
    }

    pub(crate) fn commit_discovery(&mut self, commit: &DiscoveryCommit) {
        let begun = commit.begun.iter().map(|(place, begun)| (place.clone(), (*begun, commit.at)));
        self.begun.extend(begun);
        let put = commit.put.iter().map(|one| (one.conversation.clone(), one.clone()));
        self.found.extend(put);
        for id in &commit.forget {
            self.found.remove(id);
        }
    }

    pub(crate) fn begin_episode(&mut self, episode: &Episode, told: &Told) -> bool {
        if self.episodes.contains_key(&episode.subject) {
            return false;
        }
        self.episodes.insert(episode.subject.clone(), episode.clone());
        self.tell(told, None);
        true
    }

    pub(crate) fn end_episode(&mut self, subject: &str, told: &Told) -> bool {
        let ended = self.episodes.remove(subject).is_some();
        if ended {
            self.tell(told, None);
        }
        ended
    }

    pub(crate) fn episodes(&self) -> Vec<Episode> {
        self.episodes.values().cloned().collect()
    }

    pub(crate) fn token_expiring(
        &mut self,
        account: &str,
        expires: Timestamp,
        stage: u8,
        told: &Told,
    ) -> bool {
        let before = self.token_told.get(account);
        if before.is_some_and(|(end, told)| *end == expires && *told >= stage) {
            return false;
        }
        self.token_told.insert(account.to_owned(), (expires, stage));
        self.tell(told, None);
        true
    }

    pub(crate) fn outbox(&self) -> Vec<OutboxCount> {
        let count = |(notifier, [written, delivered, dead, suppressed, grouped]): (&String, &[i64; 5])| {
            let all = || self.deliveries.values().filter(|one| one.notifier == *notifier);
            let open = || all().filter(|one| !one.state.is_final());
            let pending = open().count() as u64;
            OutboxCount {
                notifier: notifier.clone(),
                pending,
                dead: all().filter(|one| one.state == State::Dead).count() as u64,
                held: self.held(notifier),
                oldest_pending: open().map(|one| one.created_at).next(),
                imbalance: written - delivered - dead - suppressed - grouped - pending.cast_signed(),
            }
        };
        self.tally.iter().map(count).collect()
    }

    pub(crate) fn recent_events(&self, limit: usize) -> Vec<RecentEvent> {
        let mut rows: Vec<(&String, &EventRow)> = self.events.iter().collect();
        rows.sort_by(|(a_id, a), (b_id, b)| {
            (b.recorded_at, b.sequence).cmp(&(a.recorded_at, a.sequence)).then(a_id.cmp(b_id))
        });
        rows.retain(|(_, row)| row.kind != EventKind::Heartbeat.as_str());
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
            let delivery = self.deliveries.get(&attempt.delivery).filter(|one| one.lane != LANE)?;
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
        let (deliveries, contents) = (&self.deliveries, &self.contents);
        self.attempts.retain(|attempt| deliveries.contains_key(&attempt.delivery));
        self.events.retain(|id, event| {
            let is_held = || deliveries.values().any(|one| tell_of(contents, &one.notification, id));
            count(event.recorded_at >= older.rows_before || is_held())
        });
        self.summaries.retain(|(_, hour), _| count(*hour >= older.rows_before));
        self.silences.retain(|_, one| count(silences::over_at(one) >= older.rows_before));
        for event in self.events.values_mut().filter(|event| event.recorded_at < older.text_before) {
            let had = std::mem::take(&mut event.has_text);
            if had {
                event.blank();
            }
            count(!had);
        }
        for id in self.watched.keys().cloned().collect::<Vec<_>>() {
            if self.watched[&id] < older.unwatched_before {
                count(false);
                self.cursors.remove(&id);
                self.watched.remove(&id);
            }
        }
        for id in self.begun.keys().cloned().collect::<Vec<_>>() {
            if self.begun[&id].1 < older.unwatched_before {
                self.found.retain(|_, one| count(one.place != id));
                count(false);
                self.begun.remove(&id);
            }
        }
        let raised: Vec<i64> = self.raised.values().copied().collect();
        for (id, one) in &mut self.deliveries {
            let is_early = matches!(one.state, State::Delivered | State::Suppressed);
            if is_early && !raised.contains(id) && is_over(one.finished_at, older.text_before) {
                count(std::mem::take(&mut one.payload).is_empty());
            }
        }
        gone
    }

    /// What was written for whom and how it ended, for whoever checks from outside.
    pub(crate) fn deliveries(&self) -> impl Iterator<Item = (i64, &Delivery)> {
        self.deliveries.iter().map(|(id, delivery)| (*id, delivery))
    }

    /// Lanes with more than one that the others wait for, or with some that wait for nothing.
    pub(crate) fn lanes_out_of_line(&self) -> Vec<String> {
        let mut lanes: BTreeMap<(&str, &str), (u32, bool)> = BTreeMap::new();
        for one in self.deliveries.values() {
            let (heads, waits) = lanes.entry((&one.notifier, &one.lane)).or_default();
            *heads += u32::from(matches!(one.state, State::Pending | State::Sending) && !one.aside);
            *waits |= one.state == State::Queued;
        }
        let out = lanes.into_iter().filter(|(_, (heads, waits))| *heads > 1 || (*waits && *heads == 0));
        out.map(|((notifier, lane), (heads, _))| format!("{lane} for {notifier} has {heads} heads")).collect()
    }

    /// Every conversation that was ever committed.
    pub(crate) fn cursors(&self) -> impl Iterator<Item = (&ConversationId, &Cursor)> {
        self.cursors.iter()
    }
}

/// Whether a notification tells of an event: it has its id, or is of several.
fn tell_of(contents: &BTreeMap<String, Vec<String>>, notification: &str, event: &str) -> bool {
    notification == event
        || contents.get(notification).is_some_and(|events| events.iter().any(|one| one == event))
}

/// Which count of the tally a final delivery is in.
fn ended_as(state: State) -> usize {
    match state {
        State::Delivered => 1,
        State::Suppressed => 3,
        _ => 2,
    }
}

fn whole_millis(span: Duration) -> Duration {
    Duration::from_millis(u64::try_from(span.as_millis()).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests;
