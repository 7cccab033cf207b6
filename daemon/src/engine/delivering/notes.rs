//! What deliveries leave behind for people: metrics, the board, the log, and how the notifier is.

use commwatch_plugin_api::Outcome;
use jiff::Timestamp;

use super::Delivering;
use crate::core::event::EventKind;
use crate::core::heartbeat;
use crate::core::outcome::{self, Fate};
use crate::core::pacing::is_exempt;
use crate::core::watch::Priority;
use crate::engine::plan::Plan;
use crate::engine::process::Doing;
use crate::engine::servers;
use crate::ops::metrics::{Attempt, DeliveryResult};
use crate::plugin::Report;
use crate::store::{Due, Told};

impl Delivering {
    /// The operators hear of dead letters once an hour and notifier, not once a letter.
    pub(super) fn dead_letter(&self, plan: &Plan, due: &Due, why: &str, now: Timestamp) -> Told {
        let since = hour_of(now);
        let subject = receiver_subject(&self.parts.notifier);
        let why = format!("{} for {}: {why}", due.notification_id, self.parts.notifier);
        plan.own_health(EventKind::DeliveryDead, &subject, since, &why, now)
    }

    pub(super) fn count(&mut self, due: &Due, report: &Report, fate: &Fate, now: Timestamp) {
        let metrics = &self.parts.measured;
        let word = outcome::outcome_word(&report.outcome);
        let detail = outcome::outcome_detail(&report.outcome);
        self.attempted(report, now);
        let (event, notifier) = (&due.notification_id, &self.parts.notifier);
        let took_ms = report.duration.as_millis();
        let mut failing = None;
        match fate {
            Fate::Delivered => {
                metrics.delivery(DeliveryResult::Delivered);
                // What was held back on purpose says nothing about how fast we are, nor does a sign of life.
                let is_heartbeat = due.lane == heartbeat::LANE;
                if is_heartbeat && !due.replay {
                    metrics.heartbeat(now);
                }
                if !due.paced && !is_exempt(&due.lane) {
                    // What happened in CommBox did so by its clock.
                    let account = servers::timed_by(&due.payload);
                    let then = account.map_or(now, |account| self.parts.servers.there(&account, now));
                    metrics.dispatched(priority(due), due.occurred_at, then);
                }
                let attempt = due.handed + 1;
                if is_heartbeat {
                    tracing::debug!(notifier, event, attempt, took_ms, "delivered a heartbeat to {notifier}");
                } else {
                    tracing::info!(notifier, event, attempt, took_ms, "delivered to {notifier}");
                }
            }
            Fate::Dead(why) => {
                metrics.delivery(DeliveryResult::Dead);
                tracing::error!(
                    notifier,
                    event,
                    attempt = due.handed + 1,
                    took_ms,
                    "gave up on {notifier}: {why}"
                );
            }
            Fate::RetryAt { at, .. } => {
                let next = at.to_string();
                failing = Some((next, format!("{word} from {notifier}: {detail}")));
            }
            Fate::Held(why) => {
                failing = Some((String::new(), format!("{notifier} takes nothing, its queue waits: {why}")));
            }
        }
        match failing {
            Some((next, what)) => self.fails(&due.notification_id, due.handed + 1, &next, &what, took_ms),
            None => self.receiver_takes(),
        }
    }

    /// Something was handed over, and so it ended.
    pub(super) fn attempted(&self, report: &Report, now: Timestamp) {
        self.parts.measured.attempt(attempt(&report.outcome), report.duration);
        let (word, detail) =
            (outcome::outcome_word(&report.outcome), outcome::outcome_detail(&report.outcome));
        let error =
            (!matches!(report.outcome, Outcome::Delivered { .. })).then(|| format!("{word}: {detail}"));
        self.parts.board.attempted(&self.parts.notifier, now, error);
    }

    /// Broken: the queue waits and is probed. Anything that shows that the receiver judges what it is sent
    /// ends that.
    pub(super) async fn receiver_health(&mut self, plan: &Plan, outcome: &Outcome, now: Timestamp) {
        let subject = receiver_subject(&self.parts.notifier);
        self.parts.measured.up(self.receiver.is_up());
        match outcome {
            Outcome::Broken { why, .. } => {
                self.parts.health.notifier_broken(plan, &subject, why, now).await;
            }
            Outcome::Delivered { .. } | Outcome::Reject { .. } => {
                self.parts.health.notifier_recovered(plan, &subject, now).await;
            }
            Outcome::Retry { .. } | Outcome::Unknown { .. } => {}
        }
    }

    /// A plugin that cannot be loaded, or does not come to run, is an episode of its own, which ends when it runs.
    pub(super) async fn note_state(&mut self) {
        for (reason, more) in self.process.take_restarts() {
            self.parts.measured.restarted(reason, more);
        }
        let doing = self.process.look(self.parts.clock.elapsed());
        self.parts.measured.process_up(matches!(doing, Doing::Runs { .. }));
        self.parts.board.held(&self.parts.notifier, self.receiver.held());
        self.note_circuit().await;
        let subject = plugin_subject(&self.parts.notifier);
        let plan = self.parts.plans.borrow().clone();
        let now = self.parts.clock.now();
        match doing {
            Doing::Runs { again } => {
                if again {
                    self.parts.measured.up(self.receiver.is_up());
                }
                self.parts.health.notifier_recovered(&plan, &subject, now).await;
            }
            Doing::Comes => {}
            Doing::Ill(why) => {
                self.parts.measured.up(false);
                self.parts.health.notifier_broken(&plan, &subject, &why, now).await;
            }
        }
    }

    /// A receiver that has accepted nothing for a while is said to be broken, as one that says so itself is.
    pub(super) async fn note_circuit(&mut self) {
        let Some(why) = self.receiver.worth_telling(self.parts.clock.elapsed()) else { return };
        let why = format!("its receiver has accepted nothing for a while: {why}");
        let plan = self.parts.plans.borrow().clone();
        let subject = receiver_subject(&self.parts.notifier);
        self.parts.health.notifier_broken(&plan, &subject, &why, self.parts.clock.now()).await;
    }
}

/// The beginning of the hour.
pub(in crate::engine) fn hour_of(now: Timestamp) -> Timestamp {
    const HOUR_SECONDS: i64 = 3600;
    let hour = now.as_second().div_euclid(HOUR_SECONDS) * HOUR_SECONDS;
    Timestamp::from_second(hour).unwrap_or(now)
}

/// The receiver's faults.
pub(in crate::engine) fn receiver_subject(notifier: &str) -> String {
    format!("notifier/{notifier}")
}

/// The plugin's own.
pub(in crate::engine) fn plugin_subject(notifier: &str) -> String {
    format!("notifier/{notifier}/plugin")
}

fn priority(due: &Due) -> Priority {
    match due.priority.as_deref() {
        Some("vip") => Priority::Vip,
        _ => Priority::Normal,
    }
}

fn attempt(outcome: &Outcome) -> Attempt {
    match outcome {
        Outcome::Delivered { .. } => Attempt::Delivered,
        Outcome::Retry { .. } => Attempt::Retry,
        Outcome::Reject { .. } => Attempt::Reject,
        Outcome::Unknown { .. } => Attempt::Unknown,
        Outcome::Broken { .. } => Attempt::Broken,
    }
}
