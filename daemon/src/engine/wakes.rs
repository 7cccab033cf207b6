//! Wakes those who deliver when something new was committed for them. A wake that comes while nobody waits is
//! kept; the store is looked at anyway when one was missed.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::Notify;

use crate::store::Told;

#[derive(Debug, Default)]
pub(super) struct Wakes {
    notifiers: Mutex<BTreeMap<String, Arc<Notify>>>,
    /// Notifiers whose receiver is to be tried now, whatever was thought of it.
    resumed: Mutex<BTreeSet<String>>,
}

impl Wakes {
    /// The bell of one notifier.
    pub(super) fn of(&self, notifier: &str) -> Arc<Notify> {
        let mut notifiers = self.notifiers.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(notifiers.entry(notifier.to_owned()).or_default())
    }

    /// Has a notifier try its receiver now.
    pub(super) fn resume(&self, notifier: &str) {
        self.resumed.lock().unwrap_or_else(PoisonError::into_inner).insert(notifier.to_owned());
        self.ring([notifier]);
    }

    /// Whether somebody asked for that since this was last asked.
    pub(super) fn is_resumed(&self, notifier: &str) -> bool {
        self.resumed.lock().unwrap_or_else(PoisonError::into_inner).remove(notifier)
    }

    /// Rings for everybody who is told of something.
    pub(super) fn wake(&self, told: &[Told]) {
        self.ring(told.iter().flat_map(|told| &told.deliveries).map(|delivery| delivery.notifier.as_str()));
    }

    /// Rings for these.
    pub(super) fn ring<'a>(&self, names: impl IntoIterator<Item = &'a str>) {
        let notifiers = self.notifiers.lock().unwrap_or_else(PoisonError::into_inner);
        for name in names {
            if let Some(bell) = notifiers.get(name) {
                bell.notify_one();
            }
        }
    }
}
