//! The loop that polls: asks the schedule who is due, and tells it how each poll ended.

use std::collections::{HashMap, HashSet};
use std::hash::RandomState;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use jiff::Timestamp;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

use super::board::Board;
use super::clock::Clock;
use super::finds::{Finds, by_name};
use super::health::Health;
use super::looking::{Look, Looked};
use super::plan::Plan;
use super::poll::{End, Ended, Memory, Poller};
use super::servers::Servers;
use super::silences::Silences;
use super::summaries::Summaries;
use super::wakes::Wakes;
use crate::commbox::{FetchError, Reaction};
use crate::core::heartbeat::Pulse;
use crate::core::lasting::Lasting;
use crate::core::pressure::{Fill, Pressure};
use crate::core::schedule::{Errand, Next, Polled, Schedule};
use crate::core::seek::SeekId;
use crate::core::silence::Silence;
use crate::core::watch::ConversationId;
use crate::ops::metrics::{Metrics, PollInFlight};
use crate::ops::systemd::{BEAT_EVERY, Beat};
use crate::store::Store;

mod faults;
mod guests;
mod notes;

pub(super) use faults::Cause;
use guests::{Answered, Guests};
pub(super) use guests::{GUESTS_MAX, Guest};

/// The loop looks up at least this often, so that its beat tells that it lives.
const TICK: Duration = BEAT_EVERY;

/// What the loop is given.
pub(super) struct Parts {
    pub(super) store: Arc<dyn Store>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) servers: Arc<Servers>,
    pub(super) fill: watch::Receiver<Fill>,
    pub(super) plans: watch::Receiver<Arc<Plan>>,
    /// Questions beside what is scheduled.
    pub(super) guests: mpsc::Receiver<Guest>,
    pub(super) finds: Arc<Finds>,
    pub(super) board: Arc<Board>,
    pub(super) metrics: Arc<Metrics>,
    pub(super) wakes: Arc<Wakes>,
    pub(super) silences: Arc<Silences>,
    pub(super) health: Arc<Health>,
    pub(super) pulse: Arc<Mutex<Pulse>>,
    pub(super) beat: Beat,
    pub(super) stop: CancellationToken,
    /// Two machines with the same configuration do not poll in step.
    pub(super) spread: u64,
}

pub(super) struct Polling {
    pub(super) parts: Parts,
    pub(super) plan: Arc<Plan>,
    pub(super) poller: Arc<Poller>,
    silences: watch::Receiver<Arc<Vec<Silence>>>,
    pub(super) schedule: Schedule<Errand>,
    pressure: Pressure,
    pub(super) memories: HashMap<ConversationId, Memory>,
    pub(super) under_way: FuturesUnordered<BoxFuture<'static, (Done, PollInFlight)>>,
    pub(super) polled_now: HashSet<ConversationId>,
    guests: Guests,
    /// Those of them of which somebody has said meanwhile that they know who waits: the poll may not have read that.
    pub(super) acked_meanwhile: HashSet<ConversationId>,
    pub(super) looks: HashMap<SeekId, Look>,
    pub(super) looked_now: HashSet<SeekId>,
    /// Whether it is known what was found before this daemon started; until then nothing is looked for.
    pub(super) finds_known: bool,
    pub(super) finds_tried: Option<Duration>,
    summaries: Summaries,
    accounts_noted: Option<Duration>,
    /// What fails, for the log.
    faults: Lasting<Cause>,
    /// Until when nobody is told of waits that cannot be confirmed, since that failed.
    pub(super) waits_paused_until: Duration,
}

/// What a request was for, and how it ended.
pub(super) enum Done {
    Polled(Box<Ended>),
    Looked(Box<Looked>),
}

/// Everything that can end the loop's wait.
enum Wake {
    Done(Done),
    Guest(Guest),
    Answered(Answered),
    Due,
    NewPlan,
    Silences,
    Stop,
}

impl Polling {
    pub(super) fn new(mut parts: Parts) -> Self {
        let plan = parts.plans.borrow_and_update().clone();
        let poller = Poller {
            store: Arc::clone(&parts.store),
            clock: Arc::clone(&parts.clock),
            plans: parts.plans.clone(),
            finds: Arc::clone(&parts.finds),
            keys: RandomState::new(),
            silences: Arc::clone(&parts.silences),
        };
        let silences = parts.silences.subscribe();
        let schedule = Schedule::new(parts.spread);
        let mut polling = Self {
            poller: Arc::new(poller),
            silences,
            schedule,
            pressure: Pressure::Calm,
            memories: HashMap::new(),
            under_way: FuturesUnordered::new(),
            polled_now: HashSet::new(),
            guests: Guests::default(),
            acked_meanwhile: HashSet::new(),
            looks: HashMap::new(),
            looked_now: HashSet::new(),
            finds_known: false,
            finds_tried: None,
            summaries: Summaries::default(),
            accounts_noted: None,
            faults: Lasting::default(),
            waits_paused_until: Duration::ZERO,
            plan,
            parts,
        };
        polling.take_plan();
        polling.parts.fill.mark_changed();
        polling
    }

    /// Polls until told to stop; then lets what is under way end.
    pub(super) async fn run(mut self) {
        self.recall_waits().await;
        loop {
            self.recall_finds().await;
            self.note_fill();
            let next = self.start_what_is_due();
            let next = next.into_iter().chain(self.admit_guests()).min();
            match self.wait(next).await {
                Wake::Done(done) => self.done(done).await,
                Wake::Guest(guest) => self.guests.came(guest),
                Wake::Answered(answered) => self.guest_answered(answered),
                Wake::Due => {}
                Wake::NewPlan => {
                    self.plan = self.parts.plans.borrow_and_update().clone();
                    self.take_plan();
                    self.recall_waits().await;
                }
                Wake::Silences => self.take_silences(),
                Wake::Stop => break,
            }
            self.parts.beat.tick();
            if self.note_accounts() {
                self.tell_unconfirmed().await;
            }
            self.flush_summaries(false).await;
        }
        while let Some((done, _)) = self.under_way.next().await {
            self.done(done).await;
        }
        self.flush_summaries(true).await;
        self.parts.beat.retire();
    }

    async fn wait(&mut self, next: Option<Duration>) -> Wake {
        let now = self.parts.clock.elapsed();
        let nap = next.map_or(TICK, |at| at.saturating_sub(now).min(TICK));
        tokio::select! {
            biased;
            () = self.parts.stop.cancelled() => Wake::Stop,
            Ok(()) = self.parts.plans.changed() => Wake::NewPlan,
            Ok(()) = self.silences.changed() => Wake::Silences,
            Some((done, _)) = self.under_way.next() => Wake::Done(done),
            Some(answered) = self.guests.under_way.next() => Wake::Answered(answered),
            Some(guest) = self.parts.guests.recv(), if self.guests.has_room() => Wake::Guest(guest),
            () = tokio::time::sleep(nap) => Wake::Due,
        }
    }

    async fn done(&mut self, done: Done) {
        match done {
            Done::Polled(ended) => self.ended(*ended).await,
            Done::Looked(looked) => self.looked(*looked).await,
        }
    }

    fn take_plan(&mut self) {
        let now = self.parts.clock.elapsed();
        self.take_targets();
        for memory in self.memories.values_mut() {
            // What is told, and to whom, may have changed: read the next answer whatever it is.
            memory.fingerprint = None;
        }
        // A renewed key or another address deserves a try now rather than in five minutes.
        for account in self.plan.config.accounts.keys() {
            self.schedule.reopen(account, now);
            let expires = self.plan.clients.get(account).and_then(|client| client.expires());
            self.parts.metrics.account(account).token_expires(expires);
        }
        let accounts = &self.plan.config.accounts;
        self.parts.servers.retain(|name| accounts.contains_key(name));
        self.accounts_noted = None;
    }

    /// What is polled and looked for, by the configuration and by what was found.
    pub(super) fn take_targets(&mut self) {
        let now = self.parts.clock.elapsed();
        let found = self.parts.finds.watches(&self.plan);
        self.schedule.replace(&self.plan.allowances(), &self.plan.targets(&found, self.finds_known), now);
        let (finds, plan) = (&self.parts.finds, &self.plan);
        let found = by_name(&found);
        for seek in plan.seeks.values() {
            let of_seek = found.get(seek.name.as_str()).into_iter().flatten();
            self.parts.metrics.found(&seek.name, &of_seek.map(|watch| &watch.conversation).collect());
        }
        self.memories.retain(|id, _| finds.is_watched(plan, id));
        self.faults.retain(|whose| match whose.strip_prefix("look ") {
            Some(name) => plan.seeks.values().any(|seek| seek.name == name),
            None => whose.parse().is_ok_and(|id| finds.is_watched(plan, &id)),
        });
        // One that looks elsewhere now begins anew.
        self.looks.retain(|id, look| plan.seeks.get(id).is_some_and(|seek| look.is_for(seek)));
        self.parts.board.retain_looks(|seek| plan.seeks.contains_key(seek));
        if self.finds_known {
            // What is new is looked for at once: until then nothing is known of it.
            for seek in plan.seeks.keys().filter(|seek| !self.looks.contains_key(*seek)) {
                self.schedule.not_later(&Errand::Look(seek.clone()), now);
            }
        }
    }

    fn start_what_is_due(&mut self) -> Option<Duration> {
        loop {
            let now = self.parts.clock.elapsed();
            match self.schedule.next(now) {
                Next::Poll(Errand::Poll(id), due) => self.start(id, now.saturating_sub(due)),
                Next::Poll(Errand::Look(seek), due) => self.start_look(seek, now.saturating_sub(due)),
                Next::WaitUntil(at) => return Some(at),
                Next::Idle => return None,
            }
        }
    }

    fn start(&mut self, id: ConversationId, late: Duration) {
        let watch = self.parts.finds.watch(&self.plan, &id).filter(|_| !self.polled_now.contains(&id));
        let Some(watch) = watch else {
            // Removed and added again while its poll is under way: that one counts.
            self.schedule.skipped(&Errand::Poll(id), self.parts.clock.elapsed());
            return;
        };
        let memory = self.memory(&id);
        let in_flight = self.parts.metrics.poll_begins(late);
        let poll = Arc::clone(&self.poller).poll(Arc::clone(&self.plan), watch, memory);
        self.polled_now.insert(id);
        self.under_way.push(Box::pin(async move { (Done::Polled(Box::new(poll.await)), in_flight) }));
    }

    /// What is remembered of a conversation, as of now.
    pub(super) fn memory(&self, id: &ConversationId) -> Memory {
        let mut memory = self.memories.get(id).cloned().unwrap_or_default();
        memory.refused = self.schedule.is_refused(&Errand::Poll(id.clone()));
        let (now, elapsed) = (self.parts.clock.now(), self.parts.clock.elapsed());
        memory.answered_at = memory.answered.map(|then| now - elapsed.saturating_sub(then));
        memory.skew = self.parts.servers.skew(&id.account).unwrap_or_default();
        memory
    }

    async fn ended(&mut self, ended: Ended) {
        let now = self.parts.clock.elapsed();
        self.polled_now.remove(&ended.id);
        if !ended.watched {
            self.acked_meanwhile.remove(&ended.id);
            return self.schedule.skipped(&Errand::Poll(ended.id), now);
        }
        let polled = polled(&ended.end);
        self.schedule.finished(&Errand::Poll(ended.id.clone()), polled, now);
        let Some(watch) = self.parts.finds.watch(&self.plan, &ended.id) else {
            self.acked_meanwhile.remove(&ended.id);
            return;
        };
        self.count(&watch, &ended);
        self.remember(&ended);
        // An answer that is the one before has changed nothing of who waits.
        if !matches!(ended.end, End::Unchanged) {
            self.note_wait(&ended.id);
        }
        self.poll_in_time(&ended.id);
        self.note(&watch, &ended, now);
        self.note_pulse(&watch, &ended);
        let account = &watch.conversation.account;
        match &ended.end {
            End::Unchanged | End::Read { .. } => self.account_health(account, None, ended.at).await,
            End::Failed { error, .. } => self.account_health(account, Some(error), ended.at).await,
            End::NotKept { .. } => {}
        }
        self.log(&watch, &ended.end);
        if let End::Read { brought, .. } | End::Failed { brought, .. } = &ended.end {
            self.announce(&watch, brought);
        }
        if let End::Read { brought, .. } = &ended.end
            && let Some(status) = brought.status
        {
            self.note_status(&ended.id, status, ended.at).await;
        }
    }

    /// Whether a conversation cannot be had, whatever becomes of the account.
    fn is_gone(&self, id: &ConversationId, error: &FetchError) -> bool {
        match error.reaction {
            Reaction::Gone => true,
            Reaction::Denied => self.schedule.is_refused(&Errand::Poll(id.clone())),
            _ => false,
        }
    }

    fn remember(&mut self, ended: &Ended) {
        let gone = matches!(&ended.end, End::Failed { error, .. } if self.is_gone(&ended.id, error));
        let acked_meanwhile = self.acked_meanwhile.remove(&ended.id);
        let memory = self.memories.entry(ended.id.clone()).or_default();
        match &ended.end {
            End::Unchanged => {
                memory.answered = Some(ended.came);
                memory.gone = 0;
            }
            End::Read { fingerprint, stale, brought } => {
                let stale_since = stale.then_some(memory.stale_since.unwrap_or(ended.came));
                let (fingerprint, answered) = (*fingerprint, Some(ended.came));
                let (waiting, acked) = (brought.waiting.clone().unwrap_or_default(), brought.acked);
                // Whether that is still so, the next answer tells, whatever it is.
                let (fingerprint, acked) = match acked_meanwhile {
                    true => (None, true),
                    false => (fingerprint, acked),
                };
                *memory = Memory { fingerprint, answered, stale_since, waiting, acked, ..Memory::default() };
            }
            End::Failed { brought, .. } if gone => {
                memory.fingerprint = None;
                memory.gone += 1;
                if let Some(waiting) = &brought.waiting {
                    memory.waiting.clone_from(waiting);
                }
            }
            End::Failed { .. } | End::NotKept { .. } => memory.fingerprint = None,
        }
    }

    /// How full the outbox is decides how much is asked for.
    fn note_fill(&mut self) {
        if self.parts.fill.has_changed().unwrap_or(false) {
            let fill = *self.parts.fill.borrow_and_update();
            self.press(self.pressure.then(fill));
        }
    }

    fn press(&mut self, pressure: Pressure) {
        let Fill { open, max } = *self.parts.fill.borrow();
        let before = std::mem::replace(&mut self.pressure, pressure);
        self.schedule.press(pressure, self.parts.clock.elapsed());
        match (before, pressure) {
            (Pressure::Calm, Pressure::Slow(_)) => tracing::warn!(
                open,
                max,
                "the outbox fills: {open} of at most {max} deliveries wait, so watches are polled more slowly, VIPs \
                 last; `commwatch status` shows which notifier does not keep up"
            ),
            (Pressure::Calm | Pressure::Slow(_), Pressure::Stopped) => tracing::error!(
                open,
                max,
                "the outbox is full: {open} of at most {max} deliveries wait, so nothing is polled but one \
                 conversation a minute, and messages wait in CommBox; `commwatch status` shows which notifier does \
                 not keep up"
            ),
            (Pressure::Stopped, Pressure::Slow(_)) => {
                tracing::warn!(open, max, "the outbox empties: {open} of {max}; polling goes on, slowly");
            }
            (Pressure::Slow(_) | Pressure::Stopped, Pressure::Calm) => {
                tracing::info!(open, max, "the outbox has room: {open} of {max}; polling is as it should be");
            }
            _ => {}
        }
        self.parts.board.pressure(match pressure {
            Pressure::Calm => None,
            Pressure::Slow(_) => Some(format!("polling is slowed: {open} of at most {max} deliveries wait")),
            Pressure::Stopped => Some(format!(
                "polling is stopped: {open} of at most {max} deliveries wait, and messages wait in CommBox"
            )),
        });
    }

    /// Of an answer of the account, or of the lack of one.
    pub(super) async fn account_health(&mut self, name: &str, error: Option<&FetchError>, at: Timestamp) {
        match error {
            None => {
                self.parts.metrics.account(name).up(true);
                self.parts.board.account_error(name, None);
                self.parts.health.account_recovered(&self.plan, name, at).await;
            }
            // It is refused to a key that is good for others.
            Some(error) if error.reaction == Reaction::Denied && !self.schedule.is_denied(name) => {}
            Some(error) if error.reaction == Reaction::Denied => {
                self.parts.metrics.account(name).up(false);
                self.parts.board.account_error(name, Some(error.to_string()));
                self.parts.health.account_denied(&self.plan, name, &error.to_string(), at).await;
            }
            Some(error) => self.parts.board.account_error(name, Some(error.to_string())),
        }
    }

    async fn flush_summaries(&mut self, all: bool) {
        let rows = self.summaries.take(self.parts.clock.now(), all);
        if rows.is_empty() {
            return;
        }
        if let Err(error) = self.parts.store.add_poll_summaries(rows).await {
            tracing::warn!(%error, "could not keep the summary of an hour's polls");
        }
        self.parts.board.hours_written();
    }
}

fn polled(end: &End) -> Polled {
    match end {
        End::Unchanged | End::Read { .. } => Polled::Ok,
        End::Failed { error, .. } => reaction(error),
        // The answer was fine; this conversation waits, so that a full store is not asked for ever, but no longer
        // than until another was kept.
        End::NotKept { .. } => Polled::NotKept,
    }
}

pub(super) fn reaction(error: &FetchError) -> Polled {
    match error.reaction {
        Reaction::Throttled { retry_after } => Polled::Throttled(retry_after),
        Reaction::Denied => Polled::Denied,
        Reaction::Gone => Polled::Gone,
        Reaction::Unavailable { retry_after } => Polled::Unavailable(retry_after),
        Reaction::Malformed => Polled::Malformed,
    }
}
