//! Our own ill health: an episode begins once and ends once, and the operators are told of both.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::{SignedDuration, Timestamp};

use super::plan::Plan;
use super::wakes::Wakes;
use crate::core::event::EventKind;
use crate::core::expiry;
use crate::ops::metrics::Metrics;
use crate::store::{Episode, Store, StoreError};

/// The episodes that have not ended, as the store has them.
pub(super) struct Health {
    store: Arc<dyn Store>,
    metrics: Arc<Metrics>,
    wakes: Arc<Wakes>,
    open: Mutex<BTreeMap<String, Episode>>,
    /// Which end of each account's key is known to have been told, and at which stage.
    expiring: Mutex<BTreeMap<String, (Timestamp, u8)>>,
}

impl Health {
    /// Takes up what had not ended when the daemon stopped.
    pub(super) async fn load(
        store: Arc<dyn Store>,
        metrics: Arc<Metrics>,
        wakes: Arc<Wakes>,
    ) -> Result<Self, StoreError> {
        let open = store.episodes().await?.into_iter().map(|e| (e.subject.clone(), e)).collect();
        Ok(Self { store, metrics, wakes, open: Mutex::new(open), expiring: Mutex::default() })
    }

    /// The episode of a subject, while it lasts.
    pub(super) fn open(&self, subject: &str) -> Option<Episode> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner).get(subject).cloned()
    }

    pub(super) async fn account_denied(&self, plan: &Plan, account: &str, why: &str, now: Timestamp) {
        self.begin(plan, EventKind::AccountDenied, &format!("account/{account}"), why, now).await;
    }

    pub(super) async fn account_recovered(&self, plan: &Plan, account: &str, now: Timestamp) {
        self.end(plan, EventKind::AccountRecovered, &format!("account/{account}"), now).await;
    }

    /// `part` tells the receiver's faults (`""`) from the plugin's own (`"plugin"`): they begin and end apart.
    pub(super) async fn notifier_broken(&self, plan: &Plan, subject: &str, why: &str, now: Timestamp) {
        self.begin(plan, EventKind::NotifierBroken, subject, why, now).await;
    }

    pub(super) async fn notifier_recovered(&self, plan: &Plan, subject: &str, now: Timestamp) {
        self.end(plan, EventKind::NotifierRecovered, subject, now).await;
    }

    /// Tells once for each stage that an account's key ends at `expires`. `now_there` is by `CommBox`'s clock, which decides
    /// when that is.
    pub(super) async fn token_expires(
        &self,
        plan: &Plan,
        account: &str,
        expires: Timestamp,
        now_there: Timestamp,
        now: Timestamp,
    ) {
        let stage = expiry::stage(expires, now_there);
        let is_known = |(end, told): &(Timestamp, u8)| *end == expires && *told >= stage;
        if stage == 0 || self.expiring().get(account).is_some_and(is_known) {
            return;
        }
        let told = plan.token_expiring(account, expires, stage, now_there, now);
        match self.store.token_expiring(account, expires, stage, told.clone()).await {
            Ok(is_news) => {
                self.expiring().insert(account.to_owned(), (expires, stage));
                if is_news {
                    let why = told.event.data.problem.as_ref().map_or("", |problem| problem.why.as_str());
                    let (kind, id) = (told.event.kind.as_str(), &told.event.id);
                    tracing::warn!(account, event = id, expires = %expires, "{kind}: {why}");
                    self.metrics.event(kind, None);
                    self.wakes.wake(&[told]);
                }
            }
            Err(error) => self.not_kept(&format!("account/{account}"), &error),
        }
    }

    fn expiring(&self) -> MutexGuard<'_, BTreeMap<String, (Timestamp, u8)>> {
        self.expiring.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn begin(&self, plan: &Plan, kind: EventKind, subject: &str, why: &str, now: Timestamp) {
        if self.open(subject).is_some() {
            return;
        }
        let told = plan.own_health(kind, subject, now, why, now);
        let episode = Episode { subject: subject.to_owned(), since: now, why: why.to_owned() };
        tracing::error!(subject, event = told.event.id, "{}: {why}", kind.as_str());
        match self.store.begin_episode(episode.clone(), told.clone()).await {
            Ok(begun) => {
                self.open.lock().unwrap_or_else(PoisonError::into_inner).insert(subject.to_owned(), episode);
                if begun {
                    self.metrics.event(kind.as_str(), None);
                    self.wakes.wake(&[told]);
                }
            }
            Err(error) => self.not_kept(subject, &error),
        }
    }

    async fn end(&self, plan: &Plan, kind: EventKind, subject: &str, now: Timestamp) {
        let Some(episode) = self.open(subject) else { return };
        let lasted = now.duration_since(episode.since).max(SignedDuration::ZERO);
        let why = format!("over after {lasted:#.0}: {}", episode.why);
        let told = plan.own_health(kind, subject, episode.since, &why, now);
        tracing::info!(subject, event = told.event.id, "{}: {why}", kind.as_str());
        match self.store.end_episode(subject, told.clone()).await {
            Ok(ended) => {
                self.open.lock().unwrap_or_else(PoisonError::into_inner).remove(subject);
                if ended {
                    self.metrics.event(kind.as_str(), None);
                    self.wakes.wake(&[told]);
                }
            }
            Err(error) => self.not_kept(subject, &error),
        }
    }

    fn not_kept(&self, subject: &str, error: &StoreError) {
        self.metrics.store_error();
        // The store says itself what is wrong with it.
        tracing::debug!(subject, %error, "could not keep an episode; it is tried again");
    }
}
