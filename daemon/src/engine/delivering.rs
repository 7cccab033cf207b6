//! The loop that delivers for one notifier: takes the heads of its lanes from the store, hands them to its
//! plugin, and writes how that ended. Its queue is the store; what is held here is lost without loss.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use jiff::Timestamp;
use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;

use super::board::Board;
use super::clock::Clock;
use super::finds::Finds;
use super::health::Health;
use super::host::Host;
use super::pace::{Chosen, Pace, Scene};
use super::plan::Plan;
use super::process::Process;
use super::servers::Servers;
use super::wakes::Wakes;
use crate::core::backoff::{mix, seed_of};
use crate::core::budget::Budget;
use crate::core::event::EventKind;
use crate::core::heartbeat;
use crate::core::lasting::Lasting;
use crate::core::outcome::{self, Attempted, Fate, Order, Retries};
use crate::core::receiver::Receiver;
use crate::core::sample;
use crate::ops::metrics::{DeliveryResult, Metrics, NotifierMetrics};
use crate::ops::systemd::{BEAT_EVERY, Beat};
use crate::plugin::{Handover, Report};
use crate::store::{Due, Raised, Settle, Store, StoreError};

mod faults;
mod notes;
mod repeating;

use faults::Doing;
pub(super) use notes::{hour_of, plugin_subject, receiver_subject};
use repeating::Repeating;

/// The loop looks up at least this often, so that its beat tells that it lives and nothing is overlooked.
const TICK: Duration = BEAT_EVERY;
/// A broken receiver is tried with one of so many deliveries.
const PROBE_CHOICE: usize = 16;
/// When the store cannot be read or written, it is tried again after this.
const STORE_PAUSE: Duration = Duration::from_secs(1);

/// Its doings that need the store, for the log.
const READ: Doing = Doing::again("could not read the outbox");
const MARK: Doing = Doing::again("could not note what is being sent");
const PACE: Doing = Doing::again("could not hold back or put together what waits");
const SETTLE: Doing = Doing::again("could not write how a delivery ended");
const RECEIPT: Doing =
    Doing { what: "could not read the receipt before this one", next: "what is told now goes without it" };
const OPEN: Doing = Doing::again("could not read what is open");

/// What the loop is given.
pub(super) struct Parts {
    pub(super) notifier: String,
    pub(super) store: Arc<dyn Store>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) servers: Arc<Servers>,
    pub(super) finds: Arc<Finds>,
    pub(super) plans: watch::Receiver<Arc<Plan>>,
    pub(super) board: Arc<Board>,
    pub(super) metrics: Arc<Metrics>,
    /// Its own: writes after it left the configuration do nothing.
    pub(super) measured: Arc<NotifierMetrics>,
    pub(super) wakes: Arc<Wakes>,
    pub(super) health: Arc<Health>,
    pub(super) beat: Beat,
    pub(super) stop: CancellationToken,
    pub(super) hosts: watch::Receiver<Hosted>,
}

/// A notifier's process, and how many deliveries its plugin takes at once.
#[derive(Clone, Debug)]
pub(super) struct Hosted {
    pub(super) host: Arc<dyn Host>,
    pub(super) concurrency: u16,
    /// Whether its plugin wants to be handed what its receiver said of the one before.
    pub(super) receipts: bool,
    /// How often what is open is said again; `None` where its receiver remembers.
    pub(super) repeat: Option<Duration>,
}

pub(super) struct Delivering {
    parts: Parts,
    bell: Arc<Notify>,
    process: Process,
    /// How many deliveries its plugin takes at once.
    concurrency: u16,
    /// Whether it wants to be handed what its receiver said of the one before.
    receipts: bool,
    budget: Budget,
    in_flight: FuturesUnordered<BoxFuture<'static, Ended>>,
    handed: HashSet<i64>,
    receiver: Receiver,
    /// How often it was configured anew, got another process, or was to be tried at once.
    renewals: u64,
    /// As it was last configured. What is in flight when it leaves the configuration still ends by these.
    timeout: Duration,
    retry_for: Duration,
    retries: Retries,
    order: Order,
    pace: Pace,
    repeating: Repeating,
    /// What fails, for the log: which of its own doings, or its receiver (`None`).
    faults: Lasting<Option<&'static str>>,
}

/// What was in flight.
enum What {
    Delivery(Due),
    /// What is open, said again.
    Again(Raised),
}

struct Ended {
    what: What,
    started: Timestamp,
    report: Report,
    /// Whether nothing else was in flight with it.
    alone: bool,
    /// By which configuration it was sent.
    renewals: u64,
}

enum Wake {
    Ended(Box<Ended>),
    NewHost,
    NewPlan,
    StateChanged,
    Look,
    Stop,
}

impl Delivering {
    pub(super) fn new(mut parts: Parts) -> Self {
        let now = parts.clock.elapsed();
        let hosted = parts.hosts.borrow_and_update().clone();
        let receiver = match parts.health.open(&receiver_subject(&parts.notifier)) {
            Some(_) => Receiver::broken(now),
            None => Receiver::default(),
        };
        if !receiver.is_up() {
            parts.measured.up(false);
        }
        let mut delivering = Self {
            bell: parts.wakes.of(&parts.notifier),
            process: Process::new(hosted.host, now),
            concurrency: hosted.concurrency,
            receipts: hosted.receipts,
            budget: Budget::new(1.0, 1, now),
            in_flight: FuturesUnordered::new(),
            handed: HashSet::new(),
            receiver,
            renewals: 0,
            timeout: Duration::from_secs(15),
            retry_for: Duration::MAX,
            retries: Retries::People,
            order: Order::Conversation,
            pace: Pace::default(),
            repeating: Repeating::default(),
            faults: Lasting::default(),
            parts,
        };
        delivering.repeating.configure(hosted.repeat);
        delivering.take_plan();
        delivering
    }

    /// Delivers until told to stop; then lets what is in flight end.
    pub(super) async fn run(mut self) {
        // Once told to stop it hands over nothing more: what could not be settled by then would go out again.
        while !self.parts.stop.is_cancelled() {
            self.note_state().await;
            let nap = self.hand_over().await;
            match self.wait(nap).await {
                Wake::Ended(ended) => self.ended(*ended).await,
                Wake::NewHost => self.take_host(),
                Wake::NewPlan => self.take_plan(),
                Wake::StateChanged | Wake::Look => {
                    // What is in flight was sent before that was asked, and its end must not undo it.
                    if self.parts.wakes.is_resumed(&self.parts.notifier) {
                        self.renewed();
                    }
                }
                Wake::Stop => break,
            }
            self.parts.beat.tick();
        }
        while !self.in_flight.is_empty() {
            tokio::select! {
                biased;
                Some(ended) = self.in_flight.next() => self.ended(ended).await,
                () = tokio::time::sleep(TICK) => {}
            }
            self.parts.beat.tick();
        }
        self.parts.beat.retire();
    }

    async fn wait(&mut self, nap: Duration) -> Wake {
        tokio::select! {
            biased;
            () = self.parts.stop.cancelled() => Wake::Stop,
            Ok(()) = self.parts.hosts.changed() => Wake::NewHost,
            Ok(()) = self.parts.plans.changed() => Wake::NewPlan,
            Some(ended) = self.in_flight.next() => Wake::Ended(Box::new(ended)),
            () = self.process.changed() => Wake::StateChanged,
            () = self.bell.notified() => Wake::Look,
            () = tokio::time::sleep(nap) => Wake::Look,
        }
    }

    /// From now on everything is handed to another process. The one before lives until what it has in flight has
    /// ended, since that holds its handle.
    fn take_host(&mut self) {
        let Hosted { host, concurrency, receipts, repeat } = self.parts.hosts.borrow_and_update().clone();
        self.process.replace(host);
        (self.concurrency, self.receipts) = (concurrency, receipts);
        self.repeating.configure(repeat);
        self.renewed();
    }

    fn take_plan(&mut self) {
        let plan = self.parts.plans.borrow_and_update().clone();
        let Some(notifier) = plan.config.notifiers.get(&self.parts.notifier) else { return };
        let burst = notifier.rate.per_second().ceil();
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "bounded just here")]
        let burst = burst.clamp(1.0, 1000.0) as u32;
        let now = self.parts.clock.elapsed();
        self.budget.reconfigure(notifier.rate.per_second(), burst, now);
        (self.timeout, self.retry_for) = (notifier.timeout, notifier.retry_for);
        (self.retries, self.order) = (notifier.retries, notifier.order);
        self.pace.configure(&notifier.pacing);
        self.renewed();
    }

    /// A reload is also a request to try what is broken, now rather than in five minutes.
    fn renewed(&mut self) {
        self.renewals += 1;
        self.receiver.try_now(self.parts.clock.elapsed());
    }

    /// Hands over what is due and may go; says how long nothing else can.
    async fn hand_over(&mut self) -> Duration {
        if !self.process.runs() {
            return TICK;
        }
        let now = self.parts.clock.elapsed();
        let places = match self.receiver.probe_at() {
            Some(_) if !self.in_flight.is_empty() => return TICK,
            Some(at) if at > now => return (at - now).min(TICK),
            Some(_) => 1,
            None => usize::from(self.concurrency).saturating_sub(self.in_flight.len()),
        };
        if places == 0 {
            return TICK;
        }
        // However much there is to say, what is open must not be forgotten meanwhile.
        let mut places = places;
        if places > 1 && self.repeating.is_due(now) {
            let before = self.in_flight.len();
            self.repeat(1).await;
            places -= self.in_flight.len() - before;
        }
        let (found, Chosen { going: chosen, fault, .. }) = match self.choose(places).await {
            Ok(chosen) => {
                self.did(&READ);
                chosen
            }
            Err(error) => {
                self.did_not(&READ, &error);
                return STORE_PAUSE;
            }
        };
        let (mut going, mut wait) = (Vec::with_capacity(chosen.len()), None);
        let is_all = chosen.len() == found;
        for due in chosen {
            if wait.is_none()
                && let Err(longer) = self.budget.take(self.parts.clock.elapsed())
            {
                wait = Some(longer.min(TICK));
            }
            match wait {
                Some(_) => self.pace.not_sent(due.id),
                None => going.push(due),
            }
        }
        self.mark(&mut going).await;
        let left = places - going.len();
        for due in going {
            let receipt = self.receipt(&due).await;
            self.start(due, receipt);
        }
        match wait {
            Some(wait) => wait,
            None if fault.is_some() => STORE_PAUSE,
            // What was held back has left its place to others.
            None if found == places && !is_all => Duration::ZERO,
            None if left > 0 => self.repeat(left).await.min(self.next_due().await),
            None => TICK,
        }
    }

    /// How many are due, of so many at most, and which of them go now, or what they became.
    async fn choose(&mut self, places: usize) -> Result<(usize, Chosen), StoreError> {
        let plan = self.parts.plans.borrow().clone();
        let (store, notifier) = (Arc::clone(&self.parts.store), self.parts.notifier.clone());
        let scene = Scene { notifier: &notifier, store: &store, plan: &plan, now: self.parts.clock.now() };
        self.pace.prepare(&scene).await?;
        let due = self.due(places).await?;
        let due = self.in_time(&plan, due).await?;
        let found = due.len();
        let chosen = self.pace.choose(&scene, due).await;
        match &chosen.fault {
            Some(error) => {
                self.did_not(&PACE, error);
            }
            None => self.did(&PACE),
        }
        self.parts.measured.deliveries(DeliveryResult::Grouped, chosen.grouped as u64);
        Ok((found, chosen))
    }

    /// A delivery is marked before it is handed over. One that cannot be, since the disk is full, goes all the same: an
    /// alert matters more than that a crash just then would be explained. What was given up meanwhile does not.
    async fn mark(&mut self, going: &mut Vec<Due>) {
        if going.is_empty() {
            return;
        }
        let ids = going.iter().map(|due| due.id).collect();
        match self.parts.store.hand_over(ids, self.parts.clock.now()).await {
            Ok(marked) => {
                self.did(&MARK);
                going.retain(|due| {
                    let goes = marked.contains(&due.id);
                    if !goes {
                        self.pace.not_sent(due.id);
                    }
                    goes
                });
            }
            Err(error) => {
                self.did_not(&MARK, &error);
            }
        }
    }

    /// What the receiver said of the one before. Where that cannot be read, an alert comes as the first does.
    async fn receipt(&mut self, due: &Due) -> Option<String> {
        if !self.receipts {
            return None;
        }
        match self.parts.store.receipt(&self.parts.notifier, &due.lane).await {
            Ok(receipt) => {
                self.did(&RECEIPT);
                receipt
            }
            Err(error) => {
                self.did_not(&RECEIPT, &error);
                None
            }
        }
    }

    async fn due(&mut self, places: usize) -> Result<Vec<Due>, StoreError> {
        // What is in flight is still due in the store; asking for so many more finds the others behind it.
        let limit = places + self.handed.len() + self.repeating.flying();
        let (now, limit) = match self.receiver.probe_at() {
            Some(_) => (Timestamp::MAX, limit + PROBE_CHOICE),
            None => (self.parts.clock.now(), limit),
        };
        let mut due = self.parts.store.due(&self.parts.notifier, now, limit).await?;
        due.retain(|due| !self.handed.contains(&due.id) && !self.repeating.flies_in(&due.lane));
        // What is held back for the notifier's sake is no probe.
        let now = self.parts.clock.now();
        due.retain(|due| due.held.is_none() || due.due_at <= now);
        if self.receiver.probe_at().is_some() {
            // The oldest, but rather one that has not been refused itself.
            due.sort_by_key(|due| (self.receiver.is_blamed(due.id), due.id));
        }
        due.truncate(places);
        Ok(due)
    }

    /// A heartbeat or a test that was not accepted in time does not go any more.
    async fn in_time(&mut self, plan: &Plan, due: Vec<Due>) -> Result<Vec<Due>, StoreError> {
        let (heartbeat, now) = (plan.config.heartbeat.as_ref(), self.parts.clock.now());
        let is_late = |due: &Due| match due.lane.as_str() {
            _ if due.replay => false,
            heartbeat::LANE => heartbeat::is_late(heartbeat, due.created_at, now),
            sample::LANE => now.duration_since(due.created_at) > sample::GOOD_FOR,
            _ => false,
        };
        let (late, due): (Vec<_>, Vec<_>) = due.into_iter().partition(is_late);
        if !late.is_empty() {
            // The mark of one that a full disk kept from being taken back; none of them is on its way.
            for one in &late {
                self.parts.store.take_back(one.id).await?;
            }
            super::heartbeat::outlive(&*self.parts.store, &self.parts.metrics, heartbeat, now).await?;
            super::testing::outlive(&*self.parts.store, &self.parts.metrics, now).await?;
        }
        Ok(due)
    }

    async fn next_due(&mut self) -> Duration {
        match self.parts.store.next_due(&self.parts.notifier).await {
            // Heads in flight are due already: their end is waited for, not their time.
            Ok(Some(_)) if !self.in_flight.is_empty() => Duration::from_secs(1),
            Ok(Some(at)) => Duration::try_from(at.duration_since(self.parts.clock.now()))
                .unwrap_or(Duration::from_millis(10))
                .clamp(Duration::from_millis(10), TICK),
            Ok(None) => TICK,
            Err(_) => STORE_PAUSE,
        }
    }

    fn start(&mut self, due: Due, receipt: Option<String>) {
        let handover = Handover {
            payload: due.payload.as_str().into(),
            receipt,
            attempt: due.handed + 1,
            replay: due.replay,
            again: false,
            deadline: tokio::time::Instant::now() + self.timeout,
            alone: due.crashes > 0,
        };
        let alone = handover.alone || self.concurrency == 1;
        let (host, started) = (Arc::clone(self.process.host()), self.parts.clock.now());
        let renewals = self.renewals;
        self.handed.insert(due.id);
        self.pace.goes(due.id, started);
        self.in_flight.push(Box::pin(async move {
            let report = host.deliver(handover).await;
            Ended { what: What::Delivery(due), started, report, alone, renewals }
        }));
    }

    async fn ended(&mut self, ended: Ended) {
        let Ended { what, started, mut report, alone, renewals } = ended;
        let due = match what {
            What::Delivery(due) => due,
            What::Again(one) => return self.said_again(one, report, alone, renewals).await,
        };
        if report.not_sent {
            // The plugin was not there to take it: no attempt was made.
            if let Err(error) = self.parts.store.take_back(due.id).await {
                tracing::warn!(notifier = self.parts.notifier, %error, "could not note what was not sent");
            }
            self.handed.remove(&due.id);
            self.pace.not_sent(due.id);
            return;
        }
        self.pace.ended(due.id);
        let now = self.parts.clock.now();
        let plan = self.parts.plans.borrow().clone();
        let seed = mix(seed_of(&due.notification_id) ^ u64::from(due.handed));
        let mut counts = true;
        // That its plugin died says nothing about the receiver.
        if !report.crashed {
            let verdict = self.receiver.judge(due.id, report.outcome, self.parts.clock.elapsed(), seed);
            (report.outcome, counts) = (verdict.outcome, verdict.counts);
            if verdict.closed {
                self.flows_again(now).await;
            }
            // What was said to the configuration before says nothing about this one.
            if renewals != self.renewals {
                self.receiver.try_now(self.parts.clock.elapsed());
            }
        }
        let attempted = Attempted {
            attempts: due.attempts + 1,
            tried: due.tried.saturating_add(report.duration),
            retry_for: self.retry_for,
            retries: self.retries,
            counts,
            crashes_alone: due.crashes_alone + u32::from(report.crashed && alone),
            order: self.order,
            flows: self.receiver.held().is_none(),
        };
        let fate = outcome::fate(&report.outcome, attempted, now, seed);
        self.count(&due, &report, &fate, now);
        self.receiver_health(&plan, &report.outcome, now).await;
        let told = match &fate {
            Fate::Dead(why) => Some(self.dead_letter(&plan, &due, why, now)),
            _ => None,
        };
        if told.is_some() {
            self.receiver.forget(due.id);
        }
        let settle = Settle {
            delivery: due.id,
            started,
            took: report.duration,
            outcome: outcome::outcome_word(&report.outcome),
            detail: outcome::outcome_detail(&report.outcome).to_owned(),
            counts: !matches!(fate, Fate::Held(_)),
            crashed: report.crashed,
            alone,
            fate,
            told: told.clone(),
        };
        let is_new = self.settle(settle).await;
        self.handed.remove(&due.id);
        if is_new && let Some(told) = told {
            self.parts.metrics.event(EventKind::DeliveryDead.as_str(), None);
            self.parts.wakes.wake(&[told]);
        }
    }

    /// The receiver accepts again: what waits for its next try because of the outage need wait no longer.
    async fn flows_again(&mut self, now: Timestamp) {
        if let Err(error) = self.parts.store.bring_forward(&self.parts.notifier, now).await {
            self.parts.metrics.store_error();
            tracing::warn!(notifier = self.parts.notifier, %error, "retries keep the times that they have");
        }
    }

    /// Until it is written, the delivery stays handed over: it must not go out again for want of a note.
    async fn settle(&mut self, settle: Settle) -> bool {
        loop {
            let error = match self.parts.store.settle(settle.clone()).await {
                Ok(is_new) => {
                    self.did(&SETTLE);
                    return is_new;
                }
                Err(error) => error,
            };
            self.did_not(&SETTLE, &error);
            // The loop lives; it is the disk that does not.
            self.parts.beat.tick();
            if self.parts.stop.is_cancelled() {
                return false;
            }
            tokio::time::sleep(STORE_PAUSE).await;
        }
    }
}
