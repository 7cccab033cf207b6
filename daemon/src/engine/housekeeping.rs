//! The loop for what must be done now and then: count the outbox, look whether the store answers, forget what
//! is old, tell systemd how it goes.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio_util::sync::CancellationToken;

use super::daemon::Shared;
use super::delivering::hour_of;
use super::fallback;
use super::heartbeat::Heart;
use super::jumps::Jumps;
use crate::core::cursor::VANISHED_KEPT;
use crate::core::event::EventKind;
use crate::core::pacing::Held;
use crate::core::plural::many;
use crate::core::receiver::HELD;
use crate::ops::metrics::{DeliveryResult, Outbox};
use crate::ops::systemd::{self, BEAT_EVERY, Beat};
use crate::store::{OutboxCount, Retention, StoreError};

/// What people and Prometheus see of the outbox is this old at most.
const LOOK_EVERY: Duration = Duration::from_secs(6);
/// Old rows are looked for this often; a bounded number goes each time, until none is left.
const PRUNE_EVERY: Duration = Duration::from_secs(600);
/// So many overdue deliveries are given up at a time.
const GIVE_UP_MAX: usize = 100;

pub(super) async fn run(shared: Arc<Shared>, beat: Beat, stop: CancellationToken) {
    let mut pruned_at: Option<Duration> = None;
    let mut looked_at: Option<Duration> = None;
    let mut orphans = BTreeSet::new();
    let mut jumps = Jumps::new();
    let mut heart = Heart::default();
    loop {
        jumps.look(&shared).await;
        ask_the_store(&shared, &beat).await;
        fallback::look(&shared).await;
        heart.look(&shared).await;
        look_at_keys(&shared).await;
        let now = shared.clock.elapsed();
        if looked_at.is_none_or(|at| now.saturating_sub(at) >= LOOK_EVERY) {
            look(&shared, &mut orphans).await;
            looked_at = Some(now);
        }
        if pruned_at.is_none_or(|at| now.saturating_sub(at) >= PRUNE_EVERY) {
            let is_more = tidy(&shared).await;
            pruned_at = if is_more { pruned_at } else { Some(now) };
        }
        let asleep = shared.clock.elapsed();
        tokio::select! {
            () = stop.cancelled() => return beat.retire(),
            () = tokio::time::sleep(BEAT_EVERY) => {}
        }
        Jumps::woke(BEAT_EVERY, shared.clock.elapsed().saturating_sub(asleep));
    }
}

/// Gives up and forgets what is old. Says whether there is more of it.
pub(super) async fn tidy(shared: &Shared) -> bool {
    // In this order: a conversation that is still watched is never old.
    let is_kept = keep_cursors(shared).await;
    give_up(shared).await | (is_kept && prune(shared).await)
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

/// Keys that end soon are told of in time.
pub(super) async fn look_at_keys(shared: &Shared) {
    let plan = shared.plans.borrow().clone();
    let now = shared.clock.now();
    for (account, client) in &plan.clients {
        if let Some(expires) = client.expires() {
            let there = shared.servers.there(account, now);
            shared.health.token_expires(&plan, account, expires, there, now).await;
        }
    }
}

async fn look(shared: &Shared, orphans: &mut BTreeSet<String>) {
    if let Ok((size, free)) = shared.store.size().await {
        shared.metrics.store_space(size, free);
    }
    outbox(shared, orphans).await;
    shared.silences.refresh(&*shared.store, shared.clock.now()).await;
    shared.metrics.silences(shared.silences.active(shared.clock.now()).len());
    let status = super::status::snapshot(shared).await;
    let vips = status.vips();
    let pending: u64 = status.notifiers.iter().map(|notifier| notifier.pending).sum();
    systemd::status(&format!(
        "{}/{} fresh, {}, {} pending",
        vips.fresh,
        many(vips.all, "VIP", "VIPs"),
        many(status.watches.len() + status.watches_omitted, "watch", "watches"),
        many(pending, "delivery", "deliveries")
    ));
}

async fn outbox(shared: &Shared, known_orphans: &mut BTreeSet<String>) {
    let Ok(counts) = shared.store.outbox().await else { return };
    let plan = shared.plans.borrow().clone();
    for name in plan.config.notifiers.keys() {
        let count = counts.iter().find(|count| count.notifier == *name).cloned().unwrap_or_default();
        let why = shared.board.read().notifiers.get(name).and_then(|seen| seen.held);
        let paced = |held: Held| (held.as_str(), count.held.get(&held).copied().unwrap_or(0));
        let held = HELD.map(|reason| (reason, if why == Some(reason) { count.pending } else { 0 }));
        let held = held.into_iter().chain(Held::ALL.map(paced)).collect();
        shared.metrics.notifier(name).outbox(&Outbox {
            pending: count.pending,
            held,
            // Written by a clock that has been set back since, perhaps.
            oldest_pending: count.oldest_pending.map(|at| at.min(shared.clock.now())),
            dead: count.dead,
            imbalance: count.imbalance,
        });
    }
    let orphans: Vec<&OutboxCount> = counts
        .iter()
        .filter(|count| count.pending > 0 && !plan.config.notifiers.contains_key(&count.notifier))
        .collect();
    for orphan in orphans.iter().filter(|orphan| !known_orphans.contains(&orphan.notifier)) {
        let OutboxCount { notifier, pending, .. } = orphan;
        tracing::warn!(
            notifier,
            pending,
            "{} for {notifier}, which is not configured any more; configure it again, or what waits becomes dead \
             letters when it is as old as [store] retention",
            many(*pending, "delivery waits", "deliveries wait")
        );
    }
    *known_orphans = orphans.into_iter().map(|orphan| orphan.notifier.clone()).collect();
}

/// What has waited for as long as everything else is kept will not go any more: it becomes a dead letter, and the
/// operators are told. Says whether there was any.
async fn give_up(shared: &Shared) -> bool {
    let plan = shared.plans.borrow().clone();
    let now = shared.clock.now();
    // By the earliest of all clocks: one that is wrong must not make a dead letter of everything that waits.
    let oldest = shared.servers.earliest().checked_sub(plan.config.store.retention);
    let before = oldest.unwrap_or(Timestamp::MIN);
    let Ok(overdue) = shared.store.overdue(before, GIVE_UP_MAX).await else { return false };
    for one in &overdue {
        let why = format!("{} for {} waited since {}", one.notification_id, one.notifier, one.created_at);
        let subject = super::delivering::receiver_subject(&one.notifier);
        let told = plan.own_health(EventKind::DeliveryDead, &subject, hour_of(now), &why, now);
        match shared.store.give_up(one.delivery, &why, now, told.clone()).await {
            Ok(true) => {
                tracing::error!(notifier = one.notifier, event = one.notification_id, "gave up: {why}");
                shared.metrics.notifier(&one.notifier).delivery(DeliveryResult::Dead);
                shared.wakes.wake(&[told]);
            }
            Ok(false) => {}
            Err(error) => {
                tracing::warn!(%error, "could not give up what has waited for too long");
                return false;
            }
        }
    }
    overdue.len() == GIVE_UP_MAX
}

/// Conversations that stand in the configuration keep what was seen of them.
async fn keep_cursors(shared: &Shared) -> bool {
    let plan = shared.plans.borrow().clone();
    let found = shared.finds.watches(&plan).into_iter().map(|watch| watch.conversation);
    let watched = plan.watches.keys().cloned().chain(found).collect();
    let places = plan.seeks.values().flat_map(|seek| seek.places()).collect();
    match shared.store.watched(watched, places, shared.clock.now()).await {
        Ok(()) => true,
        Err(error) => {
            tracing::warn!(%error, "could not note what is watched; nothing is forgotten until that is possible");
            false
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
        unwatched_before: before(VANISHED_KEPT),
    };
    match shared.store.prune(retention).await {
        Ok(gone) => gone > 0,
        Err(error) => {
            tracing::warn!(%error, "could not forget what is old");
            false
        }
    }
}
