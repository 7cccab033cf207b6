//! Who waits for an answer, as the polling loop knows it: polls come when somebody has waited for too long, and where
//! `CommBox` does not answer then, that is told without it.

use std::time::Duration;

use jiff::Timestamp;

use super::poll::Memory;
use super::polling::Polling;
use crate::core::daytime::moved;
use crate::core::schedule::Errand;
use crate::core::silence;
use crate::core::waiting::{UNCONFIRMED_AFTER, Waiting};
use crate::core::watch::ConversationId;
use crate::store::Waits;

/// A poll that is to see whether somebody still waits comes this long after the time, so that it is over by a clock of
/// whole seconds too.
const AFTER_DEADLINE: Duration = Duration::from_millis(1_100);
/// When something could not be told, it is tried again after this.
const TRY_AGAIN: Duration = Duration::from_secs(10);

impl Polling {
    /// Who waited when it was last looked, before this daemon started or before a watch came back.
    pub(super) async fn recall_waits(&mut self) {
        let known = match self.parts.store.waits().await {
            Ok(known) => known,
            Err(error) => {
                tracing::warn!(%error, "could not read who waits; the next polls tell");
                return;
            }
        };
        for Waits { conversation: id, waiting, acked } in known {
            if self.parts.finds.watch(&self.plan, &id).is_some() && !self.memories.contains_key(&id) {
                let memory = Memory { waiting: Some(waiting), acked, ..Memory::default() };
                self.memories.insert(id, memory);
            }
        }
        self.note_waits();
    }

    /// There are other silences, or somebody knows of who waits.
    pub(super) fn take_silences(&mut self) {
        for id in self.parts.silences.take_acked() {
            if let Some(memory) = self.memories.get_mut(&id) {
                memory.acked = true;
            }
            if self.polled_now.contains(&id) {
                self.acked_meanwhile.insert(id);
            }
        }
        self.note_waits();
    }

    fn note_waits(&mut self) {
        let ids: Vec<ConversationId> = self.memories.keys().cloned().collect();
        for id in &ids {
            self.note_wait(id);
            self.poll_in_time(id);
        }
    }

    /// What is known of a conversation may be new, or the configuration is.
    pub(super) fn note_wait(&mut self, id: &ConversationId) {
        let Some(watch) = &self.parts.finds.watch(&self.plan, id) else { return };
        let Some(memory) = self.memories.get_mut(id) else { return };
        let waiting = memory.waiting.as_ref().filter(|waiting| !waiting.over);
        let now = self.parts.clock.now();
        // What a silence has kept from everybody is told when that is over.
        let until = || silence::over(&self.parts.silences.known(), watch, now).map_or(now, |one| one.until);
        let again = waiting.filter(|waiting| waiting.is_silenced());
        let again = again.map(|_| self.parts.servers.there(&id.account, until()));
        let next = waiting.and_then(|waiting| waiting.deadline(&self.plan.rules(watch)));
        memory.deadline = next.into_iter().chain(again).min().filter(|_| !memory.acked);
        let since = waiting.map(|waiting| self.parts.servers.here(&id.account, waiting.since));
        let timeout = self.plan.account(watch).map(|account| account.timeout);
        let metrics = self.parts.metrics.watch(watch, timeout.unwrap_or_default(), self.parts.clock.now());
        metrics.waits_since(since);
        self.parts.board.waits_since(id, since, since.is_some() && memory.acked);
    }

    /// The next poll comes when somebody has waited for too long, if it would come later.
    pub(super) fn poll_in_time(&mut self, id: &ConversationId) {
        let deadline = self.memories.get(id).and_then(|memory| memory.deadline);
        let left = deadline.map(|deadline| deadline.duration_since(self.now_there(id)));
        if let Some(left) = left.and_then(|left| Duration::try_from(left).ok()) {
            self.schedule.not_later(
                &Errand::Poll(id.clone()),
                self.parts.clock.elapsed().saturating_add(left + AFTER_DEADLINE),
            );
        }
    }

    /// Tells of those whose time has long been over, and of whom no answer says whether they still wait.
    pub(super) async fn tell_unconfirmed(&mut self) {
        let now = self.parts.clock.elapsed();
        if self.waits_paused_until > now {
            return;
        }
        let is_over = |(id, memory): &(&ConversationId, &Memory)| {
            let since = memory.deadline.map(|deadline| self.now_there(id).duration_since(deadline));
            let for_long = since.and_then(|since| Duration::try_from(since).ok());
            for_long.is_some_and(|since| since >= UNCONFIRMED_AFTER) && !self.polled_now.contains(*id)
        };
        let overdue: Vec<ConversationId> =
            self.memories.iter().filter(is_over).map(|(id, _)| id.clone()).collect();
        for id in overdue {
            let Some(watch) = self.parts.finds.watch(&self.plan, &id) else { continue };
            let memory = self.memory(&id);
            match self.poller.tell_unconfirmed(&self.plan, &watch, &memory).await {
                Ok(brought) => {
                    let waiting: Option<Waiting> = brought.waiting.clone().flatten();
                    let memory = self.memories.entry(id.clone()).or_default();
                    // Nobody waits by what is stored, or the conversation is known to be gone: there is nothing to tell.
                    let is_told = !brought.told.is_empty();
                    (memory.waiting, memory.acked) = (waiting, brought.acked);
                    self.announce(&watch, &brought);
                    self.note_wait(&id);
                    self.poll_in_time(&id);
                    if let Some(memory) = self.memories.get_mut(&id).filter(|_| !is_told) {
                        memory.deadline = None;
                    }
                }
                Err(error) => {
                    // The store says itself what is wrong with it.
                    tracing::debug!(watch = watch.name, %error, "could not tell that somebody waits; it is tried again");
                    self.waits_paused_until = now + TRY_AGAIN;
                    return;
                }
            }
        }
    }

    fn now_there(&self, id: &ConversationId) -> Timestamp {
        let now = self.parts.clock.now();
        self.parts.servers.skew(&id.account).map_or(now, |skew| moved(now, skew))
    }
}
