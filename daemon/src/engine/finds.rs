//! Conversations that were found, as the store has them. The polling loop alone changes it, once the store has; whoever
//! asks what is watched asks here.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::plan::Plan;
use crate::core::discovery::{Begun, Discovered};
use crate::core::seek::{Place, SeekId};
use crate::core::watch::{ConversationId, Watch};
use crate::store::{Discoveries, DiscoveryCommit};

#[derive(Debug, Default)]
pub(super) struct Finds {
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    begun: BTreeMap<Place, Begun>,
    found: HashMap<ConversationId, Discovered>,
}

impl Inner {
    fn of(&self, plan: &Plan, seek: &SeekId) -> impl Iterator<Item = &Discovered> {
        let is_its = move |one: &&Discovered| {
            plan.owner(&one.place) == Some(seek) && !plan.watches.contains_key(&one.conversation)
        };
        self.found.values().filter(is_its)
    }
}

impl Finds {
    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What the store has.
    pub(super) fn load(&self, known: Discoveries) {
        let found = known.found.into_iter().map(|one| (one.conversation.clone(), one)).collect();
        *self.inner() = Inner { begun: known.begun, found };
    }

    /// The same was written.
    pub(super) fn take(&self, commit: &DiscoveryCommit) {
        let mut inner = self.inner();
        inner.begun.extend(commit.begun.clone());
        for one in &commit.put {
            inner.found.insert(one.conversation.clone(), one.clone());
        }
        for id in &commit.forget {
            inner.found.remove(id);
        }
    }

    /// How far looking at a place has come.
    pub(super) fn begun(&self, place: &Place) -> Option<Begun> {
        self.inner().begun.get(place).copied()
    }

    /// What is not worth a write of its own.
    pub(super) fn note(&self, begun: BTreeMap<Place, Begun>) {
        self.inner().begun.extend(begun);
    }

    pub(super) fn found(&self, id: &ConversationId) -> Option<Discovered> {
        self.inner().found.get(id).cloned()
    }

    /// All that is known of one watch, without what another names: that has it.
    pub(super) fn all_of(&self, plan: &Plan, seek: &SeekId) -> Vec<Discovered> {
        self.inner().of(plan, seek).cloned().collect()
    }

    /// How many conversations of one watch are watched because they were found.
    pub(super) fn watched_of(&self, plan: &Plan, seek: &SeekId) -> usize {
        self.inner().of(plan, seek).filter(|one| one.watched).count()
    }

    /// Whether a conversation is watched, be it named or found.
    pub(super) fn is_watched(&self, plan: &Plan, id: &ConversationId) -> bool {
        let is_found = || {
            let inner = self.inner();
            inner.found.get(id).is_some_and(|found| found.watched && plan.owner(&found.place).is_some())
        };
        plan.watches.contains_key(id) || is_found()
    }

    /// The watch of a conversation: the one that names it, else the one that found it.
    pub(super) fn watch(&self, plan: &Plan, id: &ConversationId) -> Option<Watch> {
        if let Some(named) = plan.watches.get(id) {
            return Some(named.clone());
        }
        let inner = self.inner();
        let found = inner.found.get(id).filter(|found| found.watched)?;
        Some(found.watch(plan.seek_of(&found.place)?))
    }

    /// All that is watched, be it named or found.
    pub(super) fn all(&self, plan: &Plan) -> Vec<Watch> {
        plan.watches.values().cloned().chain(self.watches(plan)).collect()
    }

    /// All that is watched because it was found.
    pub(super) fn watches(&self, plan: &Plan) -> Vec<Watch> {
        let inner = self.inner();
        let watched = inner.found.values().filter(|found| found.watched);
        let unnamed = watched.filter(|found| !plan.watches.contains_key(&found.conversation));
        unnamed.filter_map(|found| Some(found.watch(plan.seek_of(&found.place)?))).collect()
    }
}

/// What was found, by the name of the watch.
pub(super) fn by_name(found: &[Watch]) -> HashMap<&str, Vec<&Watch>> {
    let mut by_name: HashMap<&str, Vec<&Watch>> = HashMap::new();
    for watch in found {
        by_name.entry(&watch.name).or_default().push(watch);
    }
    by_name
}

#[cfg(test)]
mod tests;
