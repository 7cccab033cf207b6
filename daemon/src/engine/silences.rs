//! Silences as the loops know them, and what people have them do: add, end, say that they know of who waits.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::watch;

use super::daemon::Shared;
use super::plan::Plan;
use super::why::unread;
use crate::config::unknown;
use crate::core::silence::{
    AckedWait, Acknowledged, Added, Draft, Ended, Listed, Matcher, SILENCES_MAX, Silence, who,
};
use crate::core::waiting::Acked;
use crate::core::watch::{ConversationId, Watch};
use crate::store::{Store, StoreError};

/// One that has ended is remembered for so long, so that reading them again does not bring it back.
const ENDED_KEPT: Duration = Duration::from_secs(3600);

/// Silences are read again this often when they change meanwhile; then the next time is soon enough.
const REFRESH_TRIES_MAX: usize = 3;

/// Silences as the store has them, and what the polling loop does not know yet.
pub(super) struct Silences {
    /// All that are not over, and some that are.
    known: watch::Sender<Arc<Vec<Silence>>>,
    /// Conversations in which somebody has said that they know of who waits, since the polling loop last looked.
    acked: Mutex<BTreeSet<ConversationId>>,
}

impl Silences {
    /// Takes up what had not ended when the daemon stopped.
    pub(super) async fn load(store: &dyn Store, now: Timestamp) -> Result<Self, StoreError> {
        let known = store.silences(now, SILENCES_MAX).await?;
        Ok(Self { known: watch::channel(Arc::new(known)).0, acked: Mutex::default() })
    }

    /// All that may hold.
    pub(super) fn known(&self) -> Arc<Vec<Silence>> {
        self.known.borrow().clone()
    }

    /// Those that hold, those that are over first at the top.
    pub(super) fn active(&self, now: Timestamp) -> Vec<Silence> {
        let mut active: Vec<Silence> =
            self.known().iter().filter(|one| one.is_active(now)).cloned().collect();
        active.sort_by_key(|one| (one.until, one.id));
        active
    }

    /// Tells when there are others, or somebody knows of who waits.
    pub(super) fn subscribe(&self) -> watch::Receiver<Arc<Vec<Silence>>> {
        self.known.subscribe()
    }

    /// Conversations in which somebody has said that they know of who waits, since this was last asked.
    pub(super) fn take_acked(&self) -> BTreeSet<ConversationId> {
        std::mem::take(&mut *self.acked.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// What has ended is durable.
    pub(super) fn ended(&self, over: &[(i64, String)], at: Timestamp) {
        if over.is_empty() {
            return;
        }
        self.change(|known| {
            for (id, why) in over {
                if let Some(one) = known.iter_mut().find(|one| one.id == *id && one.ended.is_none()) {
                    tracing::info!(silence = id, "{one} is over: {why}");
                    one.ended = Some(Ended { at, why: why.clone() });
                }
            }
        });
    }

    /// Reads them again: an answer of the store may have been lost.
    pub(super) async fn refresh(&self, store: &dyn Store, now: Timestamp) {
        for _ in 0..REFRESH_TRIES_MAX {
            let before = self.known();
            let Ok(stored) = store.silences(now, SILENCES_MAX).await else { return };
            if self.compare(&before, &stored, now) {
                return;
            }
        }
    }

    /// Takes up what the store has. If something has changed since they were what they were `before`, that has not been
    /// read: then this changes nothing, and says no.
    fn compare(&self, before: &Arc<Vec<Silence>>, stored: &[Silence], now: Timestamp) -> bool {
        let is_old =
            |one: &Silence| one.ended.as_ref().map_or(one.until <= now, |ended| ended.at + ENDED_KEPT <= now);
        let is_ended_elsewhere =
            |one: &Silence| one.is_active(now) && stored.iter().all(|stored| stored.id != one.id);
        let mut is_unchanged = true;
        self.known.send_if_modified(|known| {
            is_unchanged = Arc::ptr_eq(known, before);
            let is_new = |one: &&Silence| known.iter().all(|known| known.id != one.id);
            let new: Vec<Silence> = stored.iter().filter(is_new).cloned().collect();
            let is_over = |one: &Silence| is_old(one) || is_ended_elsewhere(one);
            if !is_unchanged || (new.is_empty() && !known.iter().any(is_over)) {
                return false;
            }
            let known = Arc::make_mut(known);
            known.retain(|one| !is_over(one));
            known.extend(new);
            true
        });
        is_unchanged
    }

    fn added(&self, silence: Silence) {
        self.change(|known| {
            if known.iter().all(|one| one.id != silence.id) {
                known.push(silence);
            }
        });
    }

    fn acked(&self, id: ConversationId) {
        self.acked.lock().unwrap_or_else(PoisonError::into_inner).insert(id);
        self.change(|_| {});
    }

    fn change(&self, change: impl FnOnce(&mut Vec<Silence>)) {
        self.known.send_modify(|known| change(Arc::make_mut(known)));
    }
}

/// Adds a silence.
pub(super) async fn add(shared: &Shared, draft: Draft, user: &str) -> Result<Added, String> {
    let now = shared.clock.now();
    draft.check(now)?;
    let plan = shared.plans.borrow().clone();
    let watches = shared.finds.all(&plan);
    exists(&plan, &watches, &draft.matcher)?;
    if shared.silences.active(now).len() >= SILENCES_MAX {
        return Err(format!(
            "there are {SILENCES_MAX} silences already\n  hint: `commwatch silence list`, and expire some"
        ));
    }
    let silence = shared.store.add_silence(draft, user, now).await;
    let silence = silence.map_err(|error| format!("the silence could not be kept: {error}"))?;
    tracing::warn!(silence = silence.id, "{silence}");
    shared.silences.added(silence.clone());
    let meant: Vec<&Watch> = watches.iter().filter(|watch| silence.matcher.means(watch)).collect();
    let waits = |watch: &&&Watch| shared.board.waits(&watch.conversation).is_some();
    let (conversations, waiting) = (meant.len() as u64, meant.iter().filter(waits).count() as u64);
    Ok(Added { silence, conversations, waiting })
}

/// What a silence would be about is watched: a name that was mistyped must not look like one that holds.
fn exists(plan: &Plan, watches: &[Watch], matcher: &Matcher) -> Result<(), String> {
    // A watch that has found no conversation so far is one all the same.
    let named = || plan.config.watch_names();
    let tags = || {
        let of_seeks = plan.seeks.values().flat_map(|seek| &seek.tags);
        plan.config.watches.iter().flat_map(|watch| &watch.tags).chain(of_seeks).map(String::as_str)
    };
    let is_there = match matcher {
        Matcher::Watch(name) => named().any(|one| one == name),
        Matcher::Tag(tag) => tags().any(|one| one == tag),
        Matcher::Conversation(_) => watches.iter().any(|watch| matcher.means(watch)),
    };
    if is_there {
        return Ok(());
    }
    match matcher {
        Matcher::Watch(name) => Err(unknown("watch", name, named())),
        Matcher::Tag(tag) => {
            let tags: BTreeSet<&str> = tags().collect();
            match tags.is_empty() {
                true => Err(format!("there is no tag `{tag}`: no watch has one")),
                false => Err(unknown("tag", tag, tags.into_iter())),
            }
        }
        Matcher::Conversation(id) => Err(format!(
            "conversation {id} is not watched\n  hint: it is written ACCOUNT/OBJECT, such as main/293854; `commwatch why --watch NAME` has both"
        )),
    }
}

/// Silences that hold; all that are kept, where those are asked for too.
pub(super) async fn list(shared: &Shared, all: bool) -> Result<Vec<Listed>, String> {
    let now = shared.clock.now();
    let plan = shared.plans.borrow().clone();
    let mut silences = shared.silences.active(now);
    if all {
        let kept = shared.store.silences(Timestamp::MIN, SILENCES_MAX).await.map_err(unread)?;
        let is_over = |one: &Silence| silences.iter().all(|active| active.id != one.id);
        let over: Vec<Silence> = kept.into_iter().rev().filter(is_over).collect();
        silences.extend(over);
        silences.truncate(SILENCES_MAX);
    }
    let watches = shared.finds.all(&plan);
    let listed = silences.into_iter().map(|silence| Listed {
        active: silence.is_active(now),
        conversations: watches.iter().filter(|watch| silence.matcher.means(watch)).count() as u64,
        silence,
    });
    Ok(listed.collect())
}

/// Ends a silence before its time.
pub(super) async fn expire(
    shared: &Shared,
    id: i64,
    by: Option<&str>,
    user: &str,
) -> Result<Silence, String> {
    let now = shared.clock.now();
    let why = format!("expired by {}", who(by, user));
    let ended = shared.store.end_silence(id, &why, now).await;
    if ended.map_err(|error| format!("the silence could not be ended: {error}"))? {
        shared.silences.ended(&[(id, why)], now);
        let ended = shared.silences.known().iter().find(|one| one.id == id).cloned();
        return ended.ok_or_else(|| format!("silence {id} is over"));
    }
    let active: Vec<String> = shared.silences.active(now).iter().map(|one| one.id.to_string()).collect();
    match active.is_empty() {
        true => Err(format!("no silence {id} holds: there is none")),
        false => Err(unknown("silence", &id.to_string(), active.iter().map(String::as_str))),
    }
}

/// Notes that somebody knows of who waits: nobody is told of it any more until the customer writes again.
pub(super) async fn ack(
    shared: &Shared,
    watch: &str,
    within: Option<ConversationId>,
    by: Option<&str>,
    user: &str,
) -> Result<Acknowledged, String> {
    let plan = shared.plans.borrow().clone();
    if plan.config.watch_names().all(|name| name != watch) {
        return Err(unknown("watch", watch, plan.config.watch_names()));
    }
    let is_meant =
        |one: &&Watch| one.name == watch && within.as_ref().is_none_or(|id| one.conversation == *id);
    let watches = shared.finds.all(&plan);
    let meant: Vec<&Watch> = watches.iter().filter(is_meant).collect();
    if let (true, Some(id)) = (meant.is_empty(), &within) {
        return Err(format!("conversation {id} is not one of watch {watch}"));
    }
    let (now, by) = (shared.clock.now(), who(by, user));
    let mut acked = Vec::new();
    for watch in meant {
        let id = &watch.conversation;
        let Some(cursor) = shared.store.cursor(id).await.map_err(unread)? else { continue };
        let Some(waiting) = cursor.waiting.as_ref().filter(|waiting| !waiting.over) else { continue };
        let oldest = (waiting.since, waiting.child.clone());
        let up_to = cursor.newest_of_customer().map_or(oldest.clone(), |newest| newest.max(oldest));
        let noted = shared.store.ack(id, Acked { at: now, by: by.clone(), up_to }).await;
        if noted.map_err(|error| format!("that could not be kept: {error}"))? {
            tracing::info!(
                watch = watch.name,
                by,
                "{by} knows that the customer of watch {} waits",
                watch.name
            );
            shared.silences.acked(id.clone());
            let since = shared.servers.here(&id.account, waiting.since);
            acked.push(AckedWait { conversation: id.to_string(), since });
        }
    }
    if acked.is_empty() {
        return Err(format!(
            "nobody waits in watch {watch}\n  hint: `commwatch status` shows who waits, and where"
        ));
    }
    Ok(Acknowledged { watch: watch.to_owned(), by, waits: acked })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn silence(id: i64) -> Silence {
        let (created_at, until) = (Timestamp::UNIX_EPOCH, Timestamp::from_second(900).unwrap());
        Silence {
            id,
            matcher: Matcher::Tag("acme".into()),
            until,
            until_reply: false,
            until_close: false,
            reason: "migration".into(),
            created_at,
            created_by: "noa".into(),
            ended: None,
        }
    }

    fn ids(silences: &Silences, now: Timestamp) -> Vec<i64> {
        silences.active(now).iter().map(|one| one.id).collect()
    }

    #[test]
    fn one_that_is_added_or_ends_while_they_are_read_again_is_not_undone() {
        let now = Timestamp::from_second(60).unwrap();
        let silences =
            Silences { known: watch::channel(Arc::new(vec![silence(1)])).0, acked: Mutex::default() };
        // Read before the second was written, and told after.
        let (before, stored) = (silences.known(), [silence(1)]);
        silences.added(silence(2));
        assert!(!silences.compare(&before, &stored, now));
        assert_eq!(ids(&silences, now), [1, 2]);
        // Read before the first ended, and told after.
        let (before, stored) = (silences.known(), [silence(1), silence(2), silence(3)]);
        silences.ended(&[(1, "a reply".into())], now);
        assert!(!silences.compare(&before, &stored, now));
        assert_eq!(ids(&silences, now), [2]);
        // Nothing changes meanwhile: what was lost is found, and what has ended elsewhere goes.
        assert!(silences.compare(&silences.known(), &[silence(3)], now));
        assert_eq!(ids(&silences, now), [3]);
        assert!(silences.compare(&silences.known(), &[silence(3)], now));
    }
}
