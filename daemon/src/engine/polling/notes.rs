//! What polls leave behind for people: metrics, the board, the log, and what a heartbeat vouches for.

use std::sync::PoisonError;
use std::time::Duration;

use super::{Polling, polled};
use crate::core::plural::many;
use crate::core::schedule::{Errand, Polled};
use crate::core::skew::{Grade, whole_seconds};
use crate::core::watch::{Priority, Watch};
use crate::engine::poll::{Brought, End, Ended, UNREACHABLE_AFTER};
use crate::ops::metrics::{DeliveryResult, PollResult};
use crate::ops::status::Trouble;
use crate::store::{NewDelivery, StoreError};

impl Polling {
    pub(super) fn count(&mut self, watch: &Watch, ended: &Ended) {
        let account = self.parts.metrics.account(&watch.conversation.account);
        let code = match &ended.end {
            End::Failed { error, .. } => error.code.to_string(),
            _ => "200".to_owned(),
        };
        if let Some(took) = ended.took {
            account.request("object", &code, took);
        }
        if let Some(server) = ended.server_clock {
            let (name, took) = (&watch.conversation.account, ended.took.unwrap_or_default());
            self.parts.servers.answered(name, server, ended.came, took);
        }
        if matches!(&ended.end, End::NotKept { error: StoreError::OutboxFull(_) }) {
            self.press(self.pressure.refused());
        }
        let result = match &ended.end {
            End::Unchanged => PollResult::Unchanged,
            End::Read { brought, .. } if brought.changed => PollResult::Changed,
            End::Read { .. } => PollResult::Unchanged,
            End::Failed { .. } | End::NotKept { .. } => PollResult::Error,
        };
        account.polled(watch.priority, result);
        if matches!(polled(&ended.end), Polled::Throttled(_)) {
            account.throttled();
        }
        let error = match &ended.end {
            End::Failed { error, .. } => Some(error.to_string()),
            End::NotKept { error } => Some(error.to_string()),
            _ => None,
        };
        let hour = self.summaries.add(&ended.id, ended.at, result == PollResult::Changed, error);
        self.parts.board.hour(hour);
    }

    /// Metrics and the board: what people see.
    pub(super) fn note(&mut self, watch: &Watch, ended: &Ended, now: Duration) {
        let timeout = self.plan.account(watch).map_or(Duration::ZERO, |account| account.timeout);
        let metrics = self.parts.metrics.watch(watch, timeout, ended.at);
        let next =
            self.schedule.due(&Errand::Poll(ended.id.clone())).map(|due| ended.at + due.saturating_sub(now));
        let (error, newest) = match &ended.end {
            End::Unchanged => (None, None),
            End::Read { brought, .. } => (None, brought.newest_message),
            End::Failed { error, .. } => (Some(error.to_string()), None),
            End::NotKept { error } => (Some(error.to_string()), None),
        };
        match &ended.end {
            End::Unchanged | End::Read { .. } => metrics.succeeded(ended.at),
            End::Failed { error, .. } if self.is_gone(&ended.id, error) => {
                metrics.failed(Trouble::Unreachable);
            }
            End::Failed { .. } | End::NotKept { .. } => metrics.failed(Trouble::Failing),
        }
        let newest = newest.map(|newest| self.parts.servers.here(&watch.conversation.account, newest));
        if let Some(newest) = newest {
            metrics.message_at(newest);
        }
        let events = match &ended.end {
            End::Read { brought, .. } | End::Failed { brought, .. } => brought.told.len() as u64,
            _ => 0,
        };
        self.parts.board.polled(&ended.id, ended.at, next, error, newest, events);
    }

    /// What a heartbeat vouches for.
    pub(super) fn note_pulse(&self, watch: &Watch, ended: &Ended) {
        if self.plan.config.heartbeat.is_none() {
            return;
        }
        let mut pulse = self.parts.pulse.lock().unwrap_or_else(PoisonError::into_inner);
        let errand = Errand::Poll(ended.id.clone());
        let is_told_gone =
            |error| self.is_gone(&ended.id, error) && self.memory(&ended.id).gone >= UNREACHABLE_AFTER;
        match &ended.end {
            End::Unchanged | End::Read { .. } => {
                pulse.came(errand, watch.priority == Priority::Vip, ended.came, ended.at);
            }
            End::Failed { error, .. } if is_told_gone(error) => pulse.gone(errand),
            End::Failed { .. } | End::NotKept { .. } => pulse.failed(&errand, ended.came),
        }
    }

    /// Goes through every watch, so it is done once a second rather than once a poll. Says whether it was.
    pub(super) fn note_accounts(&mut self) -> bool {
        let (now, at) = (self.parts.clock.elapsed(), self.parts.clock.now());
        if self.accounts_noted.is_some_and(|noted| now.saturating_sub(noted) < Duration::from_secs(1)) {
            return false;
        }
        self.accounts_noted = Some(now);
        for name in self.plan.config.accounts.keys() {
            if let Some((rate, utilization, blocked)) = self.schedule.usage(name) {
                self.parts.metrics.account(name).budget(rate, utilization);
                let until = (blocked > now).then(|| at + (blocked - now));
                self.parts.board.account(name, rate, utilization * rate, until);
            }
            if let Some(skew) = self.parts.servers.skew(name) {
                self.parts.metrics.account(name).clock_skew(skew.as_secs_f64());
            }
            if let Some((grade, skew)) = self.parts.servers.tell(name) {
                tell_skew(name, grade, whole_seconds(skew));
            }
        }
        true
    }

    /// What was committed: counted, logged, and handed to those who deliver it.
    pub(in crate::engine) fn announce(&self, watch: &Watch, brought: &Brought) {
        if let Some(messages) = brought.baseline {
            tracing::info!(
                watch = watch.name,
                messages,
                "took the baseline of watch {}: {}, nothing told",
                watch.name,
                many(messages, "message", "messages")
            );
        }
        for told in &brought.told {
            let event = &told.event;
            self.parts.metrics.event(event.kind.as_str(), Some(watch.priority));
            let message = event.data.message.as_ref().filter(|_| event.kind.is_message());
            if let Some(created) = message.and_then(|message| message.created) {
                let recorded = self.parts.servers.there(&watch.conversation.account, event.recorded);
                self.parts.metrics.detected(watch.priority, created, recorded);
            }
            let (notifiers, kept): (Vec<_>, Vec<_>) =
                told.deliveries.iter().partition(|delivery| delivery.suppressed.is_none());
            let names = |of: &[&NewDelivery]| {
                of.iter().map(|delivery| delivery.notifier.as_str()).collect::<Vec<_>>().join(",")
            };
            for delivery in &kept {
                self.parts.metrics.notifier(&delivery.notifier).delivery(DeliveryResult::Suppressed);
            }
            tracing::info!(
                watch = watch.name,
                event = event.id,
                kind = event.kind.as_str(),
                told = names(&notifiers),
                suppressed = names(&kept),
                "found {} in watch {}",
                event.kind.as_str(),
                watch.name
            );
        }
        self.parts.wakes.wake(&brought.told);
    }
}

/// Ages are reckoned with what is known of it; all else that goes by the time of day is wrong with the clock.
fn tell_skew(account: &str, grade: Grade, seconds: i64) {
    let how = if seconds < 0 { "ahead of" } else { "behind" };
    let apart = seconds.unsigned_abs();
    match grade {
        Grade::Well => {
            tracing::info!(
                account,
                seconds,
                "the clocks of account {account} and of this machine agree again"
            );
        }
        Grade::Apart => tracing::warn!(
            account,
            seconds,
            "this machine's clock is {apart} s {how} that of account {account}: check NTP (`timedatectl`)"
        ),
        Grade::Grave => tracing::error!(
            account,
            seconds,
            "this machine's clock is {apart} s {how} that of account {account}: certificates and signatures may be \
             refused; check NTP (`timedatectl`)"
        ),
    }
}
