//! Wakes those who deliver when something new was committed for them. A wake that comes while nobody waits is
//! kept; the store is looked at anyway when one was missed.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::Notify;

use crate::store::Told;

#[derive(Debug, Default)]
pub(super) struct Wakes {
    notifiers: Mutex<BTreeMap<String, Arc<Notify>>>,
}

impl Wakes {
    /// The bell of one notifier.
    pub(super) fn of(&self, notifier: &str) -> Arc<Notify> {
        let mut notifiers = self.notifiers.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(notifiers.entry(notifier.to_owned()).or_default())
    }

    /// Rings for everybody.
    pub(super) fn ring_all(&self) {
        let notifiers = self.notifiers.lock().unwrap_or_else(PoisonError::into_inner);
        notifiers.values().for_each(|bell| bell.notify_one());
    }

    /// Rings for everybody who is told of something.
    pub(super) fn wake(&self, told: &[Told]) {
        let notifiers = self.notifiers.lock().unwrap_or_else(PoisonError::into_inner);
        for delivery in told.iter().flat_map(|told| &told.deliveries) {
            if let Some(bell) = notifiers.get(&delivery.notifier) {
                bell.notify_one();
            }
        }
    }
}
