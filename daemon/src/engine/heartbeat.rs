//! Writes heartbeats: when one is due is decided in [`heartbeat`](crate::core::heartbeat); from then on it is a delivery
//! like any other, but that it is never late.

use std::collections::BTreeMap;
use std::sync::PoisonError;
use std::time::Duration;

use jiff::Timestamp;

use super::daemon::Shared;
use super::plan::Plan;
use crate::core::event::EventKind;
use crate::core::heartbeat::{self, Heartbeat, Vital};
use crate::core::schedule::Errand;
use crate::core::watch::Priority;
use crate::ops::metrics::{DeliveryResult, Metrics};
use crate::store::{Passing, Store, StoreError};

/// What is remembered between looks.
#[derive(Default)]
pub(super) struct Heart {
    /// Whether it is known when one was last written, perhaps by the process before.
    is_known: bool,
    /// When the latest was written that may be open still.
    open_since: Option<Timestamp>,
    /// Whether the last one could not be written, so that it is said once.
    fails: bool,
}

impl Heart {
    /// Writes one if it is due. Costs nothing where none is asked for.
    pub(super) async fn look(&mut self, shared: &Shared) {
        match self.beat(shared).await {
            Ok(()) => self.fails = false,
            Err(error) => {
                shared.metrics.store_error();
                if !std::mem::replace(&mut self.fails, true) {
                    tracing::warn!(%error, "could not write a heartbeat; it is tried again");
                }
            }
        }
    }

    async fn beat(&mut self, shared: &Shared) -> Result<(), StoreError> {
        let plan = shared.plans.borrow().clone();
        let now = shared.clock.now();
        if !self.is_known {
            self.recall(shared, now).await?;
        }
        let Some(heartbeat) = &plan.config.heartbeat else { return self.tidy(shared, None, now).await };
        let elapsed = shared.clock.elapsed();
        let Some(polled_at) = due(shared, &plan, heartbeat, elapsed) else {
            return self.tidy(shared, Some(heartbeat), now).await;
        };
        let told = plan.heartbeat(polled_at, now);
        let outlived = shared.store.beat(told.clone()).await?;
        shared.pulse.lock().unwrap_or_else(PoisonError::into_inner).beaten(Duration::ZERO, elapsed);
        self.open_since = Some(now);
        count(&shared.metrics, &outlived);
        shared.metrics.event(EventKind::Heartbeat.as_str(), None);
        tracing::debug!(event = told.event.id, "wrote a heartbeat");
        shared.wakes.wake(&[told]);
        Ok(())
    }

    /// Looks for what is late where anything may be: nothing is written for nothing.
    async fn tidy(
        &mut self,
        shared: &Shared,
        heartbeat: Option<&Heartbeat>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        if self.open_since.is_none_or(|since| !heartbeat::is_late(heartbeat, since, now)) {
            return Ok(());
        }
        outlive(&*shared.store, &shared.metrics, heartbeat, now).await?;
        self.open_since = None;
        Ok(())
    }

    /// A restart is no reason to send one before its time, nor to know less of those that arrived.
    async fn recall(&mut self, shared: &Shared, now: Timestamp) -> Result<(), StoreError> {
        let beats = shared.store.beats().await?;
        let plan = shared.plans.borrow().clone();
        let is_asked_for = |notifier: &String| {
            plan.config.heartbeat.as_ref().is_some_and(|heartbeat| heartbeat.notify.contains(notifier))
        };
        for (notifier, at) in beats.accepted.iter().filter(|(notifier, _)| is_asked_for(notifier)) {
            shared.metrics.notifier(notifier).heartbeat((*at).min(now));
        }
        if let Some(written) = beats.written {
            let ago = Duration::try_from(now.duration_since(written)).unwrap_or_default();
            shared.pulse.lock().unwrap_or_else(PoisonError::into_inner).beaten(ago, shared.clock.elapsed());
        }
        self.open_since = beats.written;
        self.is_known = true;
        Ok(())
    }
}

/// When the poll was that a heartbeat vouches for, if one is due and all that VIPs need came of late. Nothing is looked
/// through while it is not time.
fn due(shared: &Shared, plan: &Plan, heartbeat: &Heartbeat, elapsed: Duration) -> Option<Timestamp> {
    let mut pulse = shared.pulse.lock().unwrap_or_else(PoisonError::into_inner);
    let polled_at = pulse.due(heartbeat.every, elapsed)?;
    pulse.retain(|errand| match errand {
        Errand::Poll(conversation) => shared.finds.is_watched(plan, conversation),
        Errand::Look(seek) => plan.seeks.contains_key(seek),
    });
    let timeout =
        |account: &str| plan.config.accounts.get(account).map_or(Duration::ZERO, |account| account.timeout);
    let watches = shared.finds.all(plan).into_iter().filter(|watch| watch.priority == Priority::Vip);
    let polls = watches.map(|watch| Vital {
        interval: watch.interval,
        timeout: timeout(&watch.conversation.account),
        errand: Errand::Poll(watch.conversation),
    });
    let looks = plan.seeks.iter().filter(|(_, seek)| seek.priority == Priority::Vip).map(|(id, seek)| {
        Vital { interval: seek.discovery, timeout: timeout(&seek.account), errand: Errand::Look(id.clone()) }
    });
    pulse.vouches(polls.chain(looks), elapsed).then_some(polled_at)
}

/// What was not accepted in time need not be told any more.
pub(super) async fn outlive(
    store: &dyn Store,
    metrics: &Metrics,
    heartbeat: Option<&Heartbeat>,
    now: Timestamp,
) -> Result<(), StoreError> {
    let before = heartbeat.map_or(Ok(Timestamp::MAX), |one| now.checked_sub(one.every));
    let before = before.unwrap_or(Timestamp::MIN);
    count(metrics, &store.outlive(Passing::Heartbeats, before, now).await?);
    Ok(())
}

pub(super) fn count(metrics: &Metrics, outlived: &BTreeMap<String, u64>) {
    for (notifier, outlived) in outlived {
        metrics.notifier(notifier).deliveries(DeliveryResult::Suppressed, *outlived);
    }
}
