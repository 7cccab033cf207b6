//! Looking for conversations: one page of a list at a time, by the same schedule and budget as polls. What a page brings
//! is in the store before anything is polled because of it; a page that does not come, or cannot be kept, changes
//! nothing, and the look begins anew.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::plan::Plan;
use super::poll::UNREACHABLE_AFTER;
use super::polling::{Cause, Done, Polling, reaction};
use crate::commbox::{FetchError, page};
use crate::core::daytime::moved;
use crate::core::discovery::{Begun, CONVERSATIONS_MAX, Discovered, Ground, KNOWN_MAX, Reached};
use crate::core::listing::{PAGES_MAX, Page, Sweep, asked_at};
use crate::core::plural::many;
use crate::core::schedule::{Errand, Polled};
use crate::core::seek::{Place, Seek, SeekId, Sought};
use crate::core::watch::{ConversationId, Priority};
use crate::ops::metrics::LISTS;
use crate::ops::status::Trouble;
use crate::store::{DiscoveryCommit, StoreError};

/// That a look saw everything is written this often when it brought nothing else: it only tells from when on messages
/// are told of a conversation that goes on after a long time.
const COMPLETE_NOTED_EVERY: SignedDuration = SignedDuration::from_hours(1);
/// When what was found could not be read, it is tried again after this.
const TRY_AGAIN: Duration = Duration::from_secs(5);

/// What is remembered of a look between its pages, and lost at restart.
#[derive(Debug)]
pub(super) struct Look {
    /// What it looks for.
    sought: Sought,
    sweep: Option<Sweep>,
    /// Conversations that could not be watched, since there are too many.
    beyond: usize,
    /// The latest complete look that the store knows of.
    noted: Option<Timestamp>,
    /// What was last said of a look that did not see everything.
    told: Option<String>,
}

impl Look {
    fn new(seek: &Seek) -> Self {
        Self { sought: seek.sought.clone(), sweep: None, beyond: 0, noted: None, told: None }
    }

    /// Whether it looks for what this watch is about.
    pub(super) fn is_for(&self, seek: &Seek) -> bool {
        self.sought == seek.sought
    }
}

/// How asking for a page ended.
pub(super) struct Looked {
    pub(super) seek: SeekId,
    pub(super) at: Timestamp,
    pub(super) came: Duration,
    pub(super) took: Duration,
    pub(super) server_clock: Option<Timestamp>,
    pub(super) answer: Result<Page, FetchError>,
}

impl Polling {
    /// What was found before this daemon started. Until that is known nothing is looked for: what is not known would
    /// pass for new.
    pub(super) async fn recall_finds(&mut self) {
        let now = self.parts.clock.elapsed();
        if self.finds_known || self.finds_tried.is_some_and(|tried| now.saturating_sub(tried) < TRY_AGAIN) {
            return;
        }
        self.finds_tried = Some(now);
        match self.parts.store.discoveries().await {
            Ok(known) => {
                self.parts.finds.load(known);
                self.finds_known = true;
                self.take_targets();
                self.recall_waits().await;
            }
            Err(error) => {
                tracing::warn!(%error, "could not read what was found; nothing is looked for until then");
            }
        }
    }

    pub(super) fn start_look(&mut self, seek: SeekId, late: Duration) {
        let errand = Errand::Look(seek.clone());
        let now_there = self.parts.servers.there(&seek.account, self.parts.clock.now());
        let sought = self.plan.seeks.get(&seek).filter(|_| !self.looked_now.contains(&seek));
        let Some((sought, client)) = sought.zip(self.plan.clients.get(&seek.account).cloned()) else {
            return self.schedule.skipped(&errand, self.parts.clock.elapsed());
        };
        let look = self.looks.entry(seek.clone()).or_insert_with(|| Look::new(sought));
        let sweep = look.sweep.get_or_insert_with(|| Sweep::new(&sought.sought, now_there));
        let Some(question) = sweep.question().cloned() else {
            look.sweep = None;
            return self.schedule.skipped(&errand, self.parts.clock.elapsed());
        };
        let in_flight = self.parts.metrics.poll_begins(late);
        let clock = Arc::clone(&self.parts.clock);
        self.looked_now.insert(seek.clone());
        let looked = async move {
            let asked = client.list(&question).await;
            let (at, came) = (clock.now(), clock.elapsed());
            let (took, server_clock) = match &asked {
                Ok(answer) => (answer.took(), answer.server_clock()),
                Err(error) => (error.took, None),
            };
            let answer = page(&question, asked);
            Looked { seek, at, came, took, server_clock, answer }
        };
        self.under_way.push(Box::pin(async move { (Done::Looked(Box::new(looked.await)), in_flight) }));
    }

    pub(super) async fn looked(&mut self, looked: Looked) {
        let now = self.parts.clock.elapsed();
        let errand = Errand::Look(looked.seek.clone());
        self.looked_now.remove(&looked.seek);
        let plan = Arc::clone(&self.plan);
        let Some(seek) = plan.seeks.get(&looked.seek) else {
            self.looks.remove(&looked.seek);
            return self.schedule.skipped(&errand, now);
        };
        self.count_look(&looked);
        let kept = match &looked.answer {
            Ok(page) => self.keep_page(&plan, seek, page, &looked).await.map_err(LookError::Store),
            Err(error) => Err(LookError::Fetch(error.clone())),
        };
        let polled = match &kept {
            Ok(_) => Polled::Ok,
            Err(LookError::Fetch(error)) => reaction(error),
            Err(LookError::Store(_)) => Polled::NotKept,
        };
        self.schedule.finished(&errand, polled, now);
        if let Ok(true) = kept {
            self.schedule.goes_on(&errand, now);
        }
        if kept.is_err()
            && let Some(look) = self.looks.get_mut(&looked.seek)
        {
            (look.sweep, look.beyond) = (None, 0);
        }
        self.account_health(&seek.account, looked.answer.as_ref().err(), looked.at).await;
        self.note_look(&plan, seek, kept.err(), &looked, now);
    }

    fn count_look(&self, looked: &Looked) {
        let account = self.parts.metrics.account(&looked.seek.account);
        let code = looked.answer.as_ref().map_or_else(|error| error.code.to_string(), |_| "200".to_owned());
        account.request(LISTS, &code, looked.took);
        if let Some(server) = looked.server_clock {
            self.parts.servers.answered(&looked.seek.account, server, looked.came, looked.took);
        }
        if looked.answer.as_ref().is_err_and(|error| matches!(reaction(error), Polled::Throttled(_))) {
            account.throttled();
        }
    }

    /// What a page says goes into the store. Says whether there is more to ask.
    async fn keep_page(
        &mut self,
        plan: &Plan,
        seek: &Seek,
        page: &Page,
        looked: &Looked,
    ) -> Result<bool, StoreError> {
        let id = &looked.seek;
        let now = page.answered_at.unwrap_or_else(|| self.parts.servers.there(&seek.account, looked.at));
        let asked_at = asked_at(now, looked.took);
        let finds = Arc::clone(&self.parts.finds);
        // It looks elsewhere since this was asked.
        let Some(look) = self.looks.get_mut(id) else { return Ok(true) };
        let Some(sweep) = &mut look.sweep else { return Ok(false) };
        let Some(question) = sweep.question().cloned() else { return Ok(false) };
        sweep.answered(page, asked_at);
        let (is_over, is_cut, noted) = (sweep.question().is_none(), sweep.is_cut(), look.noted);
        let complete = sweep.began().filter(|_| is_over && !is_cut);
        let ground = Ground::new(&seek.account, &question, |place| finds.begun(place), asked_at);
        let mut begun: BTreeMap<Place, Begun> = ground.begun().collect();
        let mut change = Change::default();
        self.meet(plan, seek, &ground, page, now, &mut change);
        if is_over {
            self.leave(plan, seek, id, now, &mut change);
            let forgotten = self.forget(plan, id, &mut change);
            for place in seek.places() {
                let Some(one) = begun.get(&place).copied().or_else(|| finds.begun(&place)) else { continue };
                let (complete, forgotten) = (complete.or(one.complete), one.forgotten.max(forgotten));
                begun.insert(place, Begun { complete, forgotten, ..one });
            }
        }
        let is_news = match (complete, noted) {
            (Some(complete), Some(noted)) => complete.duration_since(noted) >= COMPLETE_NOTED_EVERY,
            (complete, _) => complete.is_some(),
        };
        let Change { put, forget, beyond } = change;
        if ground.is_new() || is_news || !put.is_empty() || !forget.is_empty() {
            let commit = DiscoveryCommit { begun: begun.clone(), put, forget, at: looked.at };
            self.parts.store.commit_discovery(commit.clone()).await?;
            self.take_finds(plan, seek, &commit);
            if let Some(look) = self.looks.get_mut(id) {
                look.noted = complete.or(look.noted);
            }
        }
        finds.note(begun);
        if let Some(look) = self.looks.get_mut(id) {
            look.beyond += beyond;
        }
        if is_over {
            self.end_look(seek, id, is_cut);
        }
        Ok(!is_over)
    }

    /// Which of a page's conversations are news.
    fn meet(
        &self,
        plan: &Plan,
        seek: &Seek,
        ground: &Ground,
        page: &Page,
        now: Timestamp,
        change: &mut Change,
    ) {
        let id = seek.id();
        let mut watched = self.parts.finds.watched_of(plan, &id);
        for listed in &page.conversations {
            let conversation = ConversationId { account: seek.account.clone(), object: listed.object };
            // A watch that names it has it.
            if plan.watches.contains_key(&conversation)
                || change.put.iter().any(|one| one.conversation == conversation)
            {
                continue;
            }
            let known = self.parts.finds.found(&conversation);
            let owner = known.as_ref().and_then(|known| plan.owner(&known.place));
            let has_it = |owner: &SeekId| {
                let lists = plan.seeks.get(owner).is_some_and(|owner| owner.sought.lists(listed.status));
                *owner != id && lists && plan.is_before(owner, &id)
            };
            if owner.is_some_and(has_it) {
                continue;
            }
            let Some(news) = Discovered::listed(seek, ground, known.as_ref(), listed, now) else { continue };
            let is_more =
                news.watched && known.as_ref().is_none_or(|known| !known.watched || owner != Some(&id));
            if is_more && watched >= CONVERSATIONS_MAX {
                // Not even known: when there is room it is as new as it is now.
                change.beyond += 1;
                continue;
            }
            watched += usize::from(is_more);
            change.put.push(news);
        }
    }

    /// What the end of a look makes of those of which it brought nothing new.
    fn leave(&self, plan: &Plan, seek: &Seek, id: &SeekId, now: Timestamp, change: &mut Change) {
        let sweep = self.looks.get(id).and_then(|look| look.sweep.as_ref());
        for known in self.parts.finds.all_of(plan, id) {
            let conversation = &known.conversation;
            if change.put.iter().any(|one| one.conversation == *conversation) {
                continue;
            }
            let reached = match self.memories.get(conversation) {
                Some(memory) if memory.gone >= UNREACHABLE_AFTER => Reached::Lost,
                Some(memory) if memory.answered.is_some() => Reached::Read,
                _ => Reached::NotYet,
            };
            // Of a list that was cut nobody knows what it left out.
            let is_listed =
                sweep.is_some_and(|sweep| sweep.is_cut() || sweep.has_listed(conversation.object));
            change.put.extend(known.looked(seek, reached, is_listed, now));
        }
    }

    /// Past the bound, those that are over for longest. Says when the newest of them began.
    fn forget(&self, plan: &Plan, id: &SeekId, change: &mut Change) -> Option<Timestamp> {
        let known = self.parts.finds.all_of(plan, id);
        let surplus = known.len().saturating_sub(KNOWN_MAX);
        if surplus == 0 {
            return None;
        }
        let is_put = |one: &Discovered| change.put.iter().any(|put| put.conversation == one.conversation);
        let mut over: Vec<Discovered> =
            known.into_iter().filter(|one| !one.watched && !is_put(one)).collect();
        over.sort_by_key(|one| one.over_since);
        over.truncate(surplus);
        let forgotten = over.iter().filter_map(|one| one.created).max();
        change.forget.extend(over.into_iter().map(|one| one.conversation));
        forgotten
    }

    /// It is written: from here on it is polled.
    fn take_finds(&mut self, plan: &Plan, seek: &Seek, commit: &DiscoveryCommit) {
        let before: Vec<Option<Discovered>> =
            commit.put.iter().map(|one| self.parts.finds.found(&one.conversation)).collect();
        self.parts.finds.take(commit);
        let now = self.parts.clock.elapsed();
        let mut changed = false;
        for (one, before) in commit.put.iter().zip(before) {
            let (id, watch) = (&one.conversation, &seek.name);
            let was = before.as_ref().filter(|before| before.watched);
            let is_anothers = |before: &Discovered| plan.owner(&before.place) != plan.owner(&one.place);
            changed |= was.is_some() != one.watched || was.is_some_and(is_anothers);
            match (was.is_some(), one.watched) {
                (false, true) => {
                    let (object, first) = (id.object, one.first.as_str());
                    tracing::info!(watch, object, "watch {watch} has a conversation: {first}");
                }
                (true, false) => {
                    let object = id.object;
                    tracing::info!(
                        watch,
                        object,
                        "a conversation of watch {watch} has been over for long enough"
                    );
                    self.parts.board.left(id);
                }
                _ => {}
            }
        }
        if changed {
            self.take_targets();
        }
        for one in commit.put.iter().filter(|one| one.watched) {
            // Read as soon as may be, and once it is known to be elsewhere or to go on.
            self.schedule.not_later(&Errand::Poll(one.conversation.clone()), now);
        }
    }

    fn end_look(&mut self, seek: &Seek, id: &SeekId, is_cut: bool) {
        let Some(look) = self.looks.get_mut(id) else { return };
        let beyond = std::mem::take(&mut look.beyond);
        look.sweep = None;
        let doubt = if beyond > 0 {
            Some(format!(
                "{} not watched: there may be {CONVERSATIONS_MAX} of one watch",
                many(beyond, "conversation is", "conversations are")
            ))
        } else if is_cut {
            Some(format!("the list is longer than can be read ({PAGES_MAX} pages), or part of it cannot be"))
        } else {
            None
        };
        if doubt != look.told {
            if let Some(doubt) = &doubt {
                tracing::warn!(watch = seek.name, "watch {} may not have everything: {doubt}", seek.name);
            }
            look.told.clone_from(&doubt);
        }
        self.parts.board.doubted(id, doubt);
    }

    /// Metrics and the board: what people see.
    fn note_look(
        &mut self,
        plan: &Plan,
        seek: &Seek,
        error: Option<LookError>,
        looked: &Looked,
        now: Duration,
    ) {
        let account = plan.config.accounts.get(&seek.account);
        let timeout = account.map_or(Duration::ZERO, |account| account.timeout);
        let metrics = self.parts.metrics.look(seek, timeout, looked.at);
        let errand = Errand::Look(looked.seek.clone());
        let whose = format!("look {}", seek.name);
        let cause = error.as_ref().map(|error| match error {
            LookError::Fetch(error) => Cause::Account(seek.account.clone(), error.code.to_string()),
            LookError::Store(_) => Cause::Store,
        });
        let error = error.map(|error| match error {
            LookError::Fetch(error) => error.to_string(),
            LookError::Store(error) => error.to_string(),
        });
        match &error {
            None => {
                metrics.succeeded(looked.at);
                let mut pulse = self.parts.pulse.lock().unwrap_or_else(PoisonError::into_inner);
                let is_vital = seek.priority == Priority::Vip;
                pulse.came(errand.clone(), is_vital, self.parts.clock.elapsed(), looked.at);
            }
            Some(_) => metrics.failed(Trouble::Failing),
        }
        match (cause, &error) {
            (Some(cause), Some(error)) => {
                let what = format!("could not look for conversations of watch {}", seek.name);
                self.fails(cause, &whose, &seek.name, &what, error);
            }
            _ => self.is_well(&whose),
        }
        let next = self.schedule.due(&errand).map(|due| looked.at + due.saturating_sub(now));
        let ended = self.looks.get(&looked.seek).is_none_or(|look| look.sweep.is_none());
        self.parts.board.looked(&looked.seek, looked.at, next, error, ended);
    }

    /// What the answer about a conversation itself says of whether it is over decides for how long it is watched.
    pub(super) async fn note_status(&mut self, id: &ConversationId, status: i64, at: Timestamp) {
        let plan = Arc::clone(&self.plan);
        let found = self.parts.finds.found(id).filter(|_| !plan.watches.contains_key(id));
        let Some(found) = found else { return };
        let Some((seek, begun)) = plan.seek_of(&found.place).zip(self.parts.finds.begun(&found.place)) else {
            return;
        };
        let skew = self.parts.servers.skew(&id.account).unwrap_or_default();
        let Some(now_known) = found.polled(seek, status, moved(at, skew)) else { return };
        let begun = BTreeMap::from([(found.place, begun)]);
        let commit = DiscoveryCommit { begun, put: vec![now_known], forget: Vec::new(), at };
        match self.parts.store.commit_discovery(commit.clone()).await {
            Ok(()) => self.parts.finds.take(&commit),
            Err(error) => {
                tracing::warn!(%error, "could not note whether a conversation is over; it is tried again");
                if let Some(memory) = self.memories.get_mut(id) {
                    memory.fingerprint = None;
                }
            }
        }
    }
}

/// What a page changes.
#[derive(Default)]
struct Change {
    put: Vec<Discovered>,
    forget: Vec<ConversationId>,
    /// Conversations for which there is no room.
    beyond: usize,
}

/// Why a page brought nothing.
enum LookError {
    Fetch(FetchError),
    Store(StoreError),
}
