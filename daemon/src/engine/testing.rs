//! A test of one notifier, asked for by a person: it goes the whole way, through the outbox and the plugin to the
//! receiver.

use jiff::Timestamp;

use super::daemon::Shared;
use super::heartbeat::count;
use crate::config::unknown;
use crate::core::event::EventKind;
use crate::core::sample::{GOOD_FOR, Sample};
use crate::core::seek::Seek;
use crate::ops::metrics::Metrics;
use crate::store::{Passing, Store, StoreError};

/// What is asked for.
pub(super) struct Asked<'a> {
    pub(super) notifier: &'a str,
    pub(super) watch: Option<&'a str>,
    pub(super) like: Option<&'a str>,
    pub(super) by: &'a str,
}

/// Writes it; gives the event's id. What becomes of it is asked for like that of any other.
pub(super) async fn test(shared: &Shared, asked: Asked<'_>) -> Result<String, String> {
    let Asked { notifier, watch, like, by } = asked;
    let plan = shared.plans.borrow().clone();
    let config = &plan.config;
    if !config.notifiers.contains_key(notifier) {
        return Err(unknown("notifier", notifier, config.notifiers.keys().map(String::as_str)));
    }
    let like = like.map(kind).transpose()?;
    let found = watch.map(|name| {
        let named = config.watches.iter().find(|watch| watch.name == name).cloned();
        let sought = || config.seeks.iter().find(|seek| seek.name == name).map(Seek::any);
        named.or_else(sought).ok_or_else(|| unknown("watch", name, config.watch_names()))
    });
    let found = found.transpose()?;
    let watch = found.as_ref();
    if let Some(like) = like.filter(|like| like.is_of_watch() && watch.is_none()) {
        return Err(format!("{} is about a watch\n  hint: name one with --watch", like.as_str()));
    }
    let account = watch.and_then(|watch| plan.account(watch));
    let console_url = account.and_then(|account| account.console_url.as_deref());
    let now = shared.clock.now();
    let told = plan.test(Sample { notifier, like, watch, console_url, by }, now);
    let told = told.ok_or_else(|| format!("notifier {notifier} has just left the configuration"))?;
    let event = told.event.id.clone();
    shared.store.tell(told).await.map_err(|error| format!("the test could not be written: {error}"))?;
    shared.metrics.event(EventKind::Test.as_str(), None);
    shared.wakes.ring([notifier]);
    tracing::info!(notifier, event, by, "{notifier} is tried");
    Ok(event)
}

fn kind(word: &str) -> Result<EventKind, String> {
    EventKind::named(word)
        .ok_or_else(|| unknown("event type", word, EventKind::ALL.iter().map(|kind| kind.as_str())))
}

/// What was not accepted in time need not be told any more.
pub(super) async fn outlive(store: &dyn Store, metrics: &Metrics, now: Timestamp) -> Result<(), StoreError> {
    let before = now.checked_sub(GOOD_FOR).unwrap_or(Timestamp::MIN);
    count(metrics, &store.outlive(Passing::Tests, before, now).await?);
    Ok(())
}
