//! What the loops last saw, for the status page and the CLI. Nothing reads it to decide.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};

use jiff::{SignedDuration, Timestamp};

use crate::core::daytime::moved;
use crate::core::seek::SeekId;
use crate::core::watch::ConversationId;
use crate::store::PollSummary;

#[derive(Debug, Default)]
pub(super) struct Board {
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
pub(super) struct Inner {
    pub(super) watches: HashMap<ConversationId, WatchSeen>,
    pub(super) looks: HashMap<SeekId, LookSeen>,
    pub(super) accounts: BTreeMap<String, AccountSeen>,
    pub(super) notifiers: BTreeMap<String, NotifierSeen>,
    /// What the outbox makes of polling, when that is anything.
    pub(super) pressure: Option<String>,
    /// What was polled and is not in the store yet.
    pub(super) hours: HashMap<ConversationId, Vec<PollSummary>>,
}

#[derive(Clone, Debug, Default)]
pub(super) struct WatchSeen {
    pub(super) last_poll: Option<Timestamp>,
    pub(super) next_poll: Option<Timestamp>,
    pub(super) last_error: Option<String>,
    pub(super) last_message_at: Option<Timestamp>,
    pub(super) waiting_since: Option<Timestamp>,
    /// Whether somebody knows of it.
    pub(super) acked: bool,
    pub(super) events: u64,
}

/// How looking for the conversations of a watch went.
#[derive(Clone, Debug, Default)]
pub(super) struct LookSeen {
    /// Whether one has come to its end, well or not.
    pub(super) ended: bool,
    pub(super) last: Option<Timestamp>,
    pub(super) next: Option<Timestamp>,
    pub(super) last_error: Option<String>,
    /// Why the watch may not have everything.
    pub(super) doubt: Option<String>,
}

#[derive(Clone, Debug, Default)]
pub(super) struct AccountSeen {
    pub(super) last_error: Option<String>,
    pub(super) budget_per_second: f64,
    pub(super) needed_per_second: f64,
    pub(super) throttled_until: Option<Timestamp>,
}

#[derive(Clone, Debug, Default)]
pub(super) struct NotifierSeen {
    pub(super) last_delivered: Option<Timestamp>,
    pub(super) last_error: Option<String>,
    /// Why its queue waits, in a word.
    pub(super) held: Option<&'static str>,
}

impl Board {
    pub(super) fn read(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn polled(
        &self,
        id: &ConversationId,
        at: Timestamp,
        next: Option<Timestamp>,
        error: Option<String>,
        newest_message: Option<Timestamp>,
        events: u64,
    ) {
        let mut inner = self.read();
        let seen = inner.watches.entry(id.clone()).or_default();
        seen.last_poll = Some(at);
        seen.next_poll = next;
        seen.last_error = error;
        seen.last_message_at = seen.last_message_at.max(newest_message);
        seen.events += events;
    }

    /// Since when the customer of a conversation waits, and whether somebody knows of it; `None` = nobody waits.
    pub(super) fn waits_since(&self, id: &ConversationId, since: Option<Timestamp>, acked: bool) {
        let mut inner = self.read();
        let seen = inner.watches.entry(id.clone()).or_default();
        (seen.waiting_since, seen.acked) = (since, acked);
    }

    /// Since when the customer of a conversation waits.
    pub(super) fn waits(&self, id: &ConversationId) -> Option<Timestamp> {
        self.read().watches.get(id)?.waiting_since
    }

    /// A page of a list came, or did not.
    pub(super) fn looked(
        &self,
        seek: &SeekId,
        at: Timestamp,
        next: Option<Timestamp>,
        error: Option<String>,
        ended: bool,
    ) {
        let mut inner = self.read();
        let seen = inner.looks.entry(seek.clone()).or_default();
        seen.ended |= ended || error.is_some();
        (seen.last, seen.next, seen.last_error) = (Some(at), next, error);
    }

    /// Why a watch may not have everything, if so.
    pub(super) fn doubted(&self, seek: &SeekId, doubt: Option<String>) {
        self.read().looks.entry(seek.clone()).or_default().doubt = doubt;
    }

    /// A conversation that was found is not watched any more.
    pub(super) fn left(&self, id: &ConversationId) {
        self.read().watches.remove(id);
    }

    /// Forgets what is not looked for any more.
    pub(super) fn retain_looks(&self, keep: impl Fn(&SeekId) -> bool) {
        self.read().looks.retain(|seek, _| keep(seek));
    }

    /// What was polled in an hour so far.
    pub(super) fn hour(&self, hour: PollSummary) {
        let mut inner = self.read();
        let hours = inner.hours.entry(hour.conversation.clone()).or_default();
        hours.retain(|one| one.hour != hour.hour);
        hours.push(hour);
    }

    /// The hours are in the store, or lost.
    pub(super) fn hours_written(&self) {
        self.read().hours.clear();
    }

    pub(super) fn account(&self, name: &str, budget: f64, needed: f64, throttled_until: Option<Timestamp>) {
        let mut inner = self.read();
        let seen = inner.accounts.entry(name.to_owned()).or_default();
        seen.budget_per_second = budget;
        seen.needed_per_second = needed;
        seen.throttled_until = throttled_until;
    }

    pub(super) fn account_error(&self, name: &str, error: Option<String>) {
        self.read().accounts.entry(name.to_owned()).or_default().last_error = error;
    }

    pub(super) fn held(&self, notifier: &str, held: Option<&'static str>) {
        self.read().notifiers.entry(notifier.to_owned()).or_default().held = held;
    }

    pub(super) fn pressure(&self, pressure: Option<String>) {
        self.read().pressure = pressure;
    }

    /// The clock that all of these are by was set.
    pub(super) fn clock_jumped(&self, by: SignedDuration) {
        let mut inner = self.read();
        let Inner { watches, looks, accounts, notifiers, .. } = &mut *inner;
        let looks = looks.values_mut().flat_map(|seen| [&mut seen.last, &mut seen.next]);
        let watches = watches.values_mut().flat_map(|seen| {
            let WatchSeen { last_poll, next_poll, last_message_at, waiting_since, .. } = seen;
            [last_poll, next_poll, last_message_at, waiting_since]
        });
        let accounts = accounts.values_mut().map(|seen| &mut seen.throttled_until);
        let notifiers = notifiers.values_mut().map(|seen| &mut seen.last_delivered);
        for at in watches.chain(looks).chain(accounts).chain(notifiers).flatten() {
            *at = moved(*at, by);
        }
    }

    pub(super) fn attempted(&self, notifier: &str, at: Timestamp, error: Option<String>) {
        let mut inner = self.read();
        let seen = inner.notifiers.entry(notifier.to_owned()).or_default();
        match error {
            None => (seen.last_delivered, seen.last_error) = (Some(at), None),
            Some(error) => seen.last_error = Some(error),
        }
    }
}
