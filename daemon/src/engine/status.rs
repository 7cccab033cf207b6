//! How it goes: put together from what the loops saw and what the store counts.

use std::sync::PoisonError;

use super::daemon::Shared;
use super::delivering::{plugin_subject, receiver_subject};
use super::finds::by_name;
use super::plan::Plan;
use crate::core::receiver::HELD;
use crate::core::seek::{Seek, SeekId};
use crate::core::silence;
use crate::core::skew::{SKEW_WARNED, whole_seconds};
use crate::core::story::{Held, NOT_CONFIGURED, NOT_RUNNING};
use crate::core::watch::Watch;
use crate::ops::status::{
    AccountStatus, NotifierState, NotifierStatus, RECENT_MAX, RecentDelivery, RecentEvent, Status,
    StoreStatus, WatchState, WatchStatus,
};
use crate::plugin::PluginState;
use crate::store::OutboxCount;

/// The whole snapshot. A store that cannot be read leaves its part empty, and makes the daemon not ready.
pub(super) async fn snapshot(shared: &Shared) -> Status {
    let now = shared.clock.now();
    let plan = shared.plans.borrow().clone();
    let outbox = shared.store.outbox().await.unwrap_or_default();
    let events = shared.store.recent_events(RECENT_MAX).await.unwrap_or_default();
    let deliveries = shared.store.recent_deliveries(RECENT_MAX).await.unwrap_or_default();
    let (size_bytes, _) = shared.store.size().await.unwrap_or_default();
    let mut status = Status {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        // Times that were written by a clock that has been set back since are no later than now.
        started: shared.started.min(now),
        taken: now,
        not_ready: shared.not_ready(),
        warnings: warnings(shared, plan.config.accounts.keys()),
        reload: shared.reload.lock().unwrap_or_else(PoisonError::into_inner).clone(),
        accounts: plan.config.accounts.keys().map(|name| account(shared, name)).collect(),
        watches: watches(shared, &plan),
        watches_omitted: 0,
        notifiers: plan
            .config
            .notifiers
            .iter()
            .map(|(name, notifier)| self::notifier(shared, name, &notifier.plugin, &outbox))
            .collect(),
        recent_events: events
            .into_iter()
            .map(|event| RecentEvent {
                id: event.id,
                kind: event.kind,
                watch: event.watch,
                at: Some(event.occurred_at),
                recorded: event.recorded_at.min(now),
            })
            .collect(),
        recent_deliveries: deliveries
            .into_iter()
            .map(|attempt| RecentDelivery {
                event: attempt.notification_id,
                notifier: attempt.notifier,
                outcome: attempt.outcome,
                attempt: attempt.attempt,
                at: (attempt.started_at + attempt.took).min(now),
                took_ms: u64::try_from(attempt.took.as_millis()).unwrap_or(u64::MAX),
                detail: Some(attempt.detail).filter(|detail| !detail.is_empty()),
            })
            .collect(),
        silences: shared.silences.active(now),
        store: StoreStatus { path: plan.config.store.path.display().to_string(), size_bytes },
    };
    status.sort();
    status
}

fn warnings<'a>(shared: &Shared, accounts: impl Iterator<Item = &'a String>) -> Vec<String> {
    let skewed = accounts.filter_map(|name| {
        let skew = shared.servers.skew(name).filter(|skew| skew.abs() > SKEW_WARNED)?;
        let how = if skew.is_negative() { "ahead of" } else { "behind" };
        let seconds = whole_seconds(skew).unsigned_abs();
        Some(format!("this machine's clock is {seconds} s {how} that of account {name}: check NTP"))
    });
    shared.board.read().pressure.clone().into_iter().chain(skewed).collect()
}

pub(super) fn account(shared: &Shared, name: &str) -> AccountStatus {
    let seen = shared.board.read().accounts.get(name).cloned().unwrap_or_default();
    let denied = shared.health.open(&format!("account/{name}"));
    AccountStatus {
        name: name.to_owned(),
        up: denied.is_none(),
        denied_since: denied.map(|episode| episode.since),
        throttled_until: seen.throttled_until,
        last_error: seen.last_error,
        token_expires: shared.plans.borrow().clients.get(name).and_then(|client| client.expires()),
        requests_per_second: seen.needed_per_second,
        budget_per_second: seen.budget_per_second,
    }
}

pub(super) fn watch(shared: &Shared, plan: &Plan, watch: &Watch) -> WatchStatus {
    let seen = shared.board.read().watches.get(&watch.conversation).cloned().unwrap_or_default();
    let now = shared.clock.now();
    let timeout = plan.account(watch).map_or(std::time::Duration::ZERO, |account| account.timeout);
    let freshness = shared.metrics.watch(watch, timeout, now).freshness();
    let mut status = WatchStatus {
        name: watch.name.clone(),
        title: watch.title.clone(),
        priority: watch.priority,
        account: watch.conversation.account.clone(),
        object: watch.conversation.object.to_string(),
        conversations: None,
        interval_seconds: watch.interval.as_secs_f64(),
        state: freshness.state(now),
        fresh: false,
        last_poll: seen.last_poll,
        last_success: None,
        next_poll: seen.next_poll,
        last_error: seen.last_error,
        last_message_at: seen.last_message_at,
        waiting_since: seen.waiting_since,
        acked: seen.acked,
        silenced_until: silence::over(&shared.silences.known(), watch, now).map(|silence| silence.until),
        events_total: seen.events,
    };
    status.judge(&freshness, now);
    status
}

fn watches(shared: &Shared, plan: &Plan) -> Vec<WatchStatus> {
    let named = plan.config.watches.iter().map(|watch| self::watch(shared, plan, watch));
    let found = shared.finds.watches(plan);
    let found = by_name(&found);
    let sought = plan.seeks.iter().map(|(id, one)| {
        let of_seek = found.get(one.name.as_str()).into_iter().flatten();
        let of_seek: Vec<WatchStatus> = of_seek.map(|watch| self::watch(shared, plan, watch)).collect();
        seek(shared, id, one, &of_seek)
    });
    named.chain(sought).collect()
}

/// All that was found for a watch, and how looking for more goes, as one: the worst and the newest of it.
pub(super) fn seek(shared: &Shared, id: &SeekId, seek: &Seek, found: &[WatchStatus]) -> WatchStatus {
    let looks = shared.board.read().looks.get(id).cloned().unwrap_or_default();
    let now = shared.clock.now();
    let failing = found.iter().find_map(|watch| {
        let error = watch.last_error.as_ref()?;
        Some(format!("{}: {error}", watch.object))
    });
    let mut status = WatchStatus {
        name: seek.name.clone(),
        title: seek.title.clone(),
        priority: seek.priority,
        account: seek.account.clone(),
        object: String::new(),
        conversations: Some(found.len()),
        interval_seconds: seek.interval.as_secs_f64(),
        state: WatchState::WaitingForFirstPoll,
        fresh: false,
        last_poll: found.iter().map(|watch| watch.last_poll).max().flatten().max(looks.last),
        last_success: None,
        next_poll: found.iter().filter_map(|watch| watch.next_poll).chain(looks.next).min(),
        last_error: looks.last_error.or(failing).or(looks.doubt),
        last_message_at: found.iter().filter_map(|watch| watch.last_message_at).max(),
        waiting_since: found.iter().filter_map(|watch| watch.waiting_since).min(),
        // Only where it is so of all that wait, or of all.
        acked: found
            .iter()
            .filter(|watch| watch.waiting_since.is_some())
            .map(|watch| watch.acked)
            .reduce(|a, b| a && b)
            == Some(true),
        silenced_until: found.iter().map(|watch| watch.silenced_until).min().flatten(),
        events_total: found.iter().map(|watch| watch.events_total).sum(),
    };
    if let Some(freshness) = shared.metrics.freshness(&seek.name) {
        status.judge(&freshness, now);
    }
    status
}

fn notifier(shared: &Shared, name: &str, plugin: &str, outbox: &[OutboxCount]) -> NotifierStatus {
    let seen = shared.board.read().notifiers.get(name).cloned().unwrap_or_default();
    let count = outbox.iter().find(|count| count.notifier == name).cloned().unwrap_or_default();
    let (mut state, mut why) = process_state(shared, name);
    let mut since = shared.started;
    let receiver = shared.health.open(&receiver_subject(name));
    let own = shared.health.open(&plugin_subject(name));
    if let Some(episode) = own.or(receiver) {
        if state == NotifierState::Running {
            state = NotifierState::Broken;
        }
        since = episode.since;
        why = Some(episode.why);
    }
    let held = held(shared, name);
    // Held by its receiver, all of it is; for its own sake, by what holds back most of it.
    let paced = count.held.iter().max_by_key(|(_, rows)| **rows).map(|(why, _)| why.as_str().to_owned());
    let versions = shared.versions.lock().unwrap_or_else(PoisonError::into_inner);
    NotifierStatus {
        name: name.to_owned(),
        plugin: plugin.to_owned(),
        version: versions.get(name).cloned(),
        held: if held.is_some() { count.pending } else { count.held.values().sum() },
        held_reason: held.map(|held| held.reason).or(paced),
        state,
        why,
        since: since.min(shared.clock.now()),
        pending: count.pending,
        dead: count.dead,
        oldest_pending: count.oldest_pending.map(|at| at.min(shared.clock.now())),
        last_delivered: seen.last_delivered,
        last_error: seen.last_error,
    }
}

/// Why a notifier takes nothing, while it does not.
pub(super) fn held(shared: &Shared, name: &str) -> Option<Held> {
    let of = |reason: &str, since, why| Some(Held { reason: reason.to_owned(), since, why });
    if !shared.plans.borrow().config.notifiers.contains_key(name) {
        return of(NOT_CONFIGURED, None, None);
    }
    let (state, why) = process_state(shared, name);
    if state != NotifierState::Running {
        let episode = shared.health.open(&plugin_subject(name));
        let since = episode.as_ref().map(|episode| episode.since);
        return of(NOT_RUNNING, since, why.or(episode.map(|episode| episode.why)));
    }
    let seen = shared.board.read().notifiers.get(name).cloned().unwrap_or_default();
    let episode = shared.health.open(&receiver_subject(name));
    let since = episode.as_ref().map(|episode| episode.since);
    let reason = seen.held.or(episode.as_ref().map(|_| HELD[0]))?;
    of(reason, since, episode.map(|episode| episode.why).or(seen.last_error))
}

fn process_state(shared: &Shared, name: &str) -> (NotifierState, Option<String>) {
    let hosts = shared.hosts.lock().unwrap_or_else(PoisonError::into_inner);
    let Some(host) = hosts.get(name) else { return (NotifierState::Starting, None) };
    match &*host.state().borrow() {
        PluginState::Running { .. } => (NotifierState::Running, None),
        PluginState::Starting => (NotifierState::Starting, None),
        PluginState::Restarting { why, .. } => (NotifierState::Restarting, Some(why.clone())),
        PluginState::Failed { why } => (NotifierState::Failed, Some(why.clone())),
        PluginState::Stopped => (NotifierState::Restarting, None),
    }
}
