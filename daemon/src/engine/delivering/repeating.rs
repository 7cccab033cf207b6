//! Saying again what is open, for a receiver that forgets what is not said again. It tells nobody anything new, so it is
//! no delivery: it is written nowhere, and what fails is said at the next turn. An incident whose end waits to be told is
//! left to that.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use commwatch_plugin_api::Outcome;

use super::{Delivering, Ended, OPEN, TICK, What};
use crate::core::backoff::{mix, seed_of};
use crate::core::outcome;
use crate::engine::finds::Finds;
use crate::engine::plan::Plan;
use crate::plugin::{Handover, Report};
use crate::store::{Raised, StoreError};

/// What is open at a notifier's receiver, and how far saying it again has come.
#[derive(Default)]
pub(super) struct Repeating {
    /// How often; `None` where the receiver remembers.
    every: Option<Duration>,
    /// When the next round begins.
    next: Duration,
    /// The key behind which this round goes on.
    behind: Option<String>,
    /// Lanes of which something is being said again. Nothing else of theirs goes meanwhile: an end that overtook it would
    /// be undone.
    lanes: HashSet<String>,
    /// Deliveries with which the plugin died when they were said again: they go alone. And those with which it died then.
    suspected: HashSet<i64>,
    deadly: HashSet<i64>,
}

impl Repeating {
    /// What a plugin says about it. The next round begins at once: its receiver may be another.
    pub(super) fn configure(&mut self, every: Option<Duration>) {
        (self.every, self.next, self.behind) = (every, Duration::ZERO, None);
        // Another plugin may live with what this one died of.
        self.suspected.clear();
        self.deadly.clear();
    }

    /// Whether something is to be said again now.
    pub(super) fn is_due(&self, now: Duration) -> bool {
        self.every.is_some() && (self.behind.is_some() || now >= self.next)
    }

    pub(super) fn flies_in(&self, lane: &str) -> bool {
        self.lanes.contains(lane)
    }

    pub(super) fn flying(&self) -> usize {
        self.lanes.len()
    }
}

impl Delivering {
    /// Says again what is open, so many at most; says how long nothing else can be.
    pub(super) async fn repeat(&mut self, places: usize) -> Duration {
        let Some(every) = self.repeating.every else { return TICK };
        let now = self.parts.clock.elapsed();
        if self.repeating.behind.is_none() {
            // A receiver that accepts nothing is tried with what is open, where nothing waits.
            if now < self.repeating.next && self.receiver.probe_at().is_none() {
                return (self.repeating.next - now).min(TICK);
            }
            (self.repeating.next, self.repeating.behind) = (now + every, Some(String::new()));
        }
        match self.go_on(places).await {
            Ok(wait) => {
                self.did(&OPEN);
                wait
            }
            Err(error) => {
                self.did_not(&OPEN, &error);
                TICK
            }
        }
    }

    async fn go_on(&mut self, mut places: usize) -> Result<Duration, StoreError> {
        let plan = self.parts.plans.borrow().clone();
        while let Some(behind) = self.repeating.behind.clone().filter(|_| places > 0) {
            let found = self.parts.store.raised(&self.parts.notifier, &behind, places).await?;
            if found.is_empty() {
                self.repeating.behind = None;
            }
            for one in found {
                if still_concerns(&plan, &self.parts.finds, &one)
                    && !self.repeating.deadly.contains(&one.delivery)
                {
                    if let Err(longer) = self.budget.take(self.parts.clock.elapsed()) {
                        return Ok(longer.min(TICK));
                    }
                    places -= 1;
                    self.repeating.behind = Some(one.key.clone());
                    self.say_again(one);
                } else {
                    self.repeating.behind = Some(one.key);
                }
            }
        }
        Ok(TICK)
    }

    fn say_again(&mut self, one: Raised) {
        let handover = Handover {
            payload: one.payload.as_str().into(),
            receipt: None,
            attempt: one.handed,
            replay: false,
            again: true,
            deadline: tokio::time::Instant::now() + self.timeout,
            alone: self.repeating.suspected.contains(&one.delivery),
        };
        let (host, started) = (Arc::clone(self.process.host()), self.parts.clock.now());
        let (alone, renewals) = (handover.alone || self.concurrency == 1, self.renewals);
        self.repeating.lanes.insert(one.lane.clone());
        self.in_flight.push(Box::pin(async move {
            let report = host.deliver(handover).await;
            Ended { what: What::Again(one), started, report, alone, renewals }
        }));
    }

    /// How it ended: it says how the receiver is, as any other does.
    pub(super) async fn said_again(&mut self, one: Raised, mut report: Report, alone: bool, renewals: u64) {
        self.repeating.lanes.remove(&one.lane);
        if report.not_sent {
            return;
        }
        let now = self.parts.clock.now();
        if report.crashed {
            let died = if alone { &mut self.repeating.deadly } else { &mut self.repeating.suspected };
            died.insert(one.delivery);
        } else {
            self.repeating.suspected.remove(&one.delivery);
            let seed = mix(seed_of(&one.notification_id));
            let elapsed = self.parts.clock.elapsed();
            let verdict = self.receiver.judge(one.delivery, report.outcome, elapsed, seed);
            report.outcome = verdict.outcome;
            if verdict.closed {
                self.flows_again(now).await;
            }
            if renewals != self.renewals {
                self.receiver.try_now(elapsed);
            }
        }
        let plan = self.parts.plans.borrow().clone();
        self.attempted(&report, now);
        self.receiver_health(&plan, &report.outcome, now).await;
        let (notifier, key) = (&self.parts.notifier, &one.key);
        if matches!(report.outcome, Outcome::Delivered { .. }) {
            tracing::debug!(notifier, key, "said again to {notifier}");
            return self.receiver_takes();
        }
        let (word, detail) =
            (outcome::outcome_word(&report.outcome), outcome::outcome_detail(&report.outcome));
        let what = format!("{word} from {notifier}, which may forget what is open: {detail}");
        self.fails(&one.notification_id, one.handed, "", &what, report.duration.as_millis());
    }
}

/// Whether what it is about is still configured: of what is not, nobody would tell the end.
fn still_concerns(plan: &Plan, finds: &Finds, one: &Raised) -> bool {
    let config = &plan.config;
    if one.watch.is_some() {
        // Whatever its watch is called now.
        let conversation = one.key.strip_suffix("/waiting").unwrap_or(&one.key);
        return conversation.parse().is_ok_and(|id| finds.is_watched(plan, &id));
    }
    match one.key.split_once('/') {
        Some(("account", name)) => config.accounts.contains_key(name),
        Some(("notifier", name)) => {
            config.notifiers.contains_key(name.strip_suffix("/plugin").unwrap_or(name))
        }
        _ => true,
    }
}
