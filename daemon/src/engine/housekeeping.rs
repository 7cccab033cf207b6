//! The loop for what must be done now and then: count the outbox, look whether the store answers, forget what
//! is old, tell systemd how it goes.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio_util::sync::CancellationToken;

use super::daemon::Shared;
use super::jumps::Jumps;
use crate::ops::metrics::Outbox;
use crate::ops::systemd::{self, BEAT_EVERY, Beat};
use crate::store::{Retention, StoreError};

/// What people and Prometheus see of the outbox is this old at most.
const LOOK_EVERY: Duration = Duration::from_secs(6);
/// Old rows are looked for this often; a bounded number goes each time, until none is left.
const PRUNE_EVERY: Duration = Duration::from_secs(600);

pub(super) async fn run(shared: Arc<Shared>, beat: Beat, stop: CancellationToken) {
    let mut pruned_at: Option<Duration> = None;
    let mut looked_at: Option<Duration> = None;
    let mut jumps = Jumps::new();
    loop {
        jumps.look(&shared).await;
        ask_the_store(&shared, &beat).await;
        let now = shared.clock.elapsed();
        if looked_at.is_none_or(|at| now.saturating_sub(at) >= LOOK_EVERY) {
            look(&shared).await;
            looked_at = Some(now);
        }
        if pruned_at.is_none_or(|at| now.saturating_sub(at) >= PRUNE_EVERY) && !prune(&shared).await {
            pruned_at = Some(now);
        }
        let asleep = shared.clock.elapsed();
        tokio::select! {
            () = stop.cancelled() => return beat.retire(),
            () = tokio::time::sleep(BEAT_EVERY) => {}
        }
        Jumps::woke(BEAT_EVERY, shared.clock.elapsed().saturating_sub(asleep));
    }
}

/// The beat is fed only when the store answered, if only that the disk is full: a store that hangs, or whose thread
/// has died, is what a watchdog is for.
async fn ask_the_store(shared: &Shared, beat: &Beat) {
    match shared.store.ping().await {
        Ok(()) => {
            beat.tick();
            shared.store_fault(None);
            if let Ok(fill) = shared.store.fill().await {
                shared.fill.send_replace(fill);
            }
        }
        Err(error) => {
            if !matches!(error, StoreError::Closed) {
                beat.tick();
            }
            shared.metrics.store_error();
            shared.store_fault(Some(error.to_string()));
        }
    }
}

async fn look(shared: &Shared) {
    if let Ok((size, free)) = shared.store.size().await {
        shared.metrics.store_space(size, free);
    }
    outbox(shared).await;
    let status = super::status::snapshot(shared).await;
    let vips = status.vips();
    let pending: u64 = status.notifiers.iter().map(|notifier| notifier.pending).sum();
    systemd::status(&format!(
        "{}/{} VIPs fresh, {} watches, {pending} deliveries pending",
        vips.fresh,
        vips.all,
        status.watches.len() + status.watches_omitted
    ));
}

async fn outbox(shared: &Shared) {
    let Ok(counts) = shared.store.outbox().await else { return };
    let plan = shared.plans.borrow().clone();
    for name in plan.config.notifiers.keys() {
        let count = counts.iter().find(|count| count.notifier == *name).cloned().unwrap_or_default();
        let broken = shared.health.open(&super::delivering::receiver_subject(name)).is_some();
        let held = if broken { [("broken", count.pending)].into() } else { [("broken", 0)].into() };
        shared.metrics.notifier(name).outbox(&Outbox {
            pending: count.pending,
            held,
            // Written by a clock that has been set back since, perhaps.
            oldest_pending: count.oldest_pending.map(|at| at.min(shared.clock.now())),
            dead: count.dead,
            imbalance: count.imbalance,
        });
    }
    for orphan in counts.iter().filter(|count| !plan.config.notifiers.contains_key(&count.notifier)) {
        if orphan.pending > 0 {
            tracing::debug!(
                notifier = orphan.notifier,
                pending = orphan.pending,
                "deliveries wait for a notifier that is not configured any more"
            );
        }
    }
}

/// Says whether there was anything to forget.
async fn prune(shared: &Shared) -> bool {
    let plan = shared.plans.borrow().clone();
    let now = shared.servers.earliest();
    let before = |age: Duration| now.checked_sub(age).unwrap_or(Timestamp::MIN);
    let retention = Retention {
        rows_before: before(plan.config.store.retention),
        text_before: before(plan.config.store.text_retention),
    };
    match shared.store.prune(retention).await {
        Ok(gone) => gone > 0,
        Err(error) => {
            tracing::warn!(%error, "could not forget what is old");
            false
        }
    }
}
