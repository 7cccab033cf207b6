//! Series that belong to something with a name in the configuration, and end with it.

use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};

use prometheus::core::{Collector, MetricVec, MetricVecBuilder};

/// An account or a notifier, as the owner of series.
///
/// `MetricVec` makes a series whenever its labels are asked for, so a poll that ends after its account was
/// taken out of the configuration would bring the account's series back. Every write therefore goes through
/// [`Owner::write`], which does nothing once the owner is gone.
///
/// `MetricVec` also tells label sets apart by the hash of their values written one after the other. That is
/// sound as long as at most one value, the first, is free text and no word that may follow it ends in another
/// such word; families with two free values (`plugin_info`) are collectors of their own.
#[derive(Debug)]
pub(super) struct Owner {
    name: String,
    gone: RwLock<bool>,
}

impl Owner {
    pub(super) fn new(name: &str) -> Self {
        Self { name: name.to_owned(), gone: RwLock::new(false) }
    }

    /// One that is gone from the start.
    pub(super) fn gone(name: &str) -> Self {
        Self { name: name.to_owned(), gone: RwLock::new(true) }
    }

    /// Runs `write` with the owner's name, unless the owner is gone.
    pub(super) fn write(&self, write: impl FnOnce(&str)) {
        let gone = self.gone.read().unwrap_or_else(PoisonError::into_inner);
        if !*gone {
            write(&self.name);
        }
    }

    /// Ends the owner: `forget` removes its series, and no later write brings them back.
    pub(super) fn end(&self, forget: impl FnOnce(&str)) {
        let mut gone = self.gone.write().unwrap_or_else(PoisonError::into_inner);
        *gone = true;
        forget(&self.name);
    }
}

/// Whether `vec` has a series with `label="value"`.
pub(super) fn has(vec: &impl Collector, label: &str, value: &str) -> bool {
    let families = vec.collect();
    let mut metrics = families.iter().flat_map(|family| family.get_metric());
    metrics.any(|metric| metric.get_label().iter().any(|pair| pair.name() == label && pair.value() == value))
}

/// Removes every series of `vec` that has `label="value"`.
pub(super) fn forget<B: MetricVecBuilder>(vec: &MetricVec<B>, label: &str, value: &str)
where
    MetricVec<B>: Collector,
{
    for family in vec.collect() {
        for metric in family.get_metric() {
            let labels: HashMap<&str, &str> =
                metric.get_label().iter().map(|pair| (pair.name(), pair.value())).collect();
            if labels.get(label) == Some(&value) {
                // It fails only if the series has gone already.
                let _ = vec.remove(&labels);
            }
        }
    }
}
