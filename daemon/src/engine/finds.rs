//! Conversations that were found, as the store has them. The polling loop alone changes it, once the store has; whoever
//! asks what is watched asks here.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::plan::Plan;
use crate::core::discovery::{Begun, Discovered};
use crate::core::seek::SeekId;
use crate::core::watch::{ConversationId, Watch};
use crate::store::{Discoveries, DiscoveryCommit};

#[derive(Debug, Default)]
pub(super) struct Finds {
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    begun: BTreeMap<SeekId, Begun>,
    found: HashMap<ConversationId, Discovered>,
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
        inner.begun.insert(commit.seek.clone(), commit.begun);
        for one in &commit.put {
            inner.found.insert(one.conversation.clone(), one.clone());
        }
        for id in &commit.forget {
            inner.found.remove(id);
        }
    }

    /// How far looking has come.
    pub(super) fn begun(&self, seek: &SeekId) -> Option<Begun> {
        self.inner().begun.get(seek).copied()
    }

    /// What is not worth a write of its own.
    pub(super) fn note(&self, seek: &SeekId, begun: Begun) {
        self.inner().begun.insert(seek.clone(), begun);
    }

    pub(super) fn found(&self, id: &ConversationId) -> Option<Discovered> {
        self.inner().found.get(id).cloned()
    }

    /// All that is known by one look.
    pub(super) fn all_of(&self, seek: &SeekId) -> Vec<Discovered> {
        let inner = self.inner();
        let of_seek = |one: &&Discovered| one.key == seek.key && one.conversation.account == seek.account;
        inner.found.values().filter(of_seek).cloned().collect()
    }

    /// The watch of a conversation: the one that names it, else the one that found it.
    pub(super) fn watch(&self, plan: &Plan, id: &ConversationId) -> Option<Watch> {
        if let Some(named) = plan.watches.get(id) {
            return Some(named.clone());
        }
        let inner = self.inner();
        let found = inner.found.get(id).filter(|found| found.watched)?;
        Some(found.watch(plan.seeks.get(&found.seek())?))
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
        unnamed.filter_map(|found| Some(found.watch(plan.seeks.get(&found.seek())?))).collect()
    }
}
