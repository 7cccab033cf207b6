//! One poll, from the question to the commit.

use std::hash::RandomState;
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::sync::watch;

use super::clock::Clock;
use super::finds::Finds;
use super::plan::Plan;
use super::silences::Silences;
use crate::commbox::{Answer, Code, FetchError, Reaction};
use crate::config::Account;
use crate::core::compose::{self, Scene};
use crate::core::daytime::moved;
use crate::core::detect::{self, Asked, Found, Happened};
use crate::core::message::Snapshot;
use crate::core::plural::many;
use crate::core::silence::Hush;
use crate::core::waiting::Waiting;
use crate::core::watch::{ConversationId, Watch};
use crate::store::{PollCommit, Store, StoreError, Told};

/// A conversation is said to be unreachable when this many answers in a row said so.
pub(super) const UNREACHABLE_AFTER: u32 = 2;
/// Bodies from this size on are read on a thread of their own, so that no other poll waits for it.
const LARGE_BODY_BYTES: usize = 256 * 1024;

/// What every poll needs.
pub(super) struct Poller {
    pub(super) store: Arc<dyn Store>,
    pub(super) clock: Arc<dyn Clock>,
    /// What is told, and to whom, goes by the plan that is in use when the answer has come.
    pub(super) plans: watch::Receiver<Arc<Plan>>,
    pub(super) finds: Arc<Finds>,
    pub(super) keys: RandomState,
    pub(super) silences: Arc<Silences>,
}

/// What is remembered of a conversation between polls, and lost at restart.
#[derive(Clone, Debug, Default)]
pub(super) struct Memory {
    /// Of the last answer, when its parse left nothing pending.
    pub(super) fingerprint: Option<u64>,
    /// When the last answer came, after the engine began.
    pub(super) answered: Option<Duration>,
    /// The same by the clock as it is set now.
    pub(super) answered_at: Option<Timestamp>,
    /// The account's clock minus ours.
    pub(super) skew: SignedDuration,
    /// How many answers in a row said that it is not there.
    pub(super) gone: u32,
    /// Whether the account's key is good for others and not for this one.
    pub(super) refused: bool,
    /// Since when answers are older than one before, after the engine began.
    pub(super) stale_since: Option<Duration>,
    /// Who waits, as the last answer that was read had it.
    pub(super) waiting: Option<Waiting>,
    /// Whether somebody knows of it, so that it is not told.
    pub(super) acked: bool,
    /// When that is to be told, by `CommBox`'s clock.
    pub(super) deadline: Option<Timestamp>,
}

/// How a poll ended.
pub(super) struct Ended {
    pub(super) id: ConversationId,
    /// Whether it was still watched when the answer came; if not, nothing was made of that.
    pub(super) watched: bool,
    pub(super) at: Timestamp,
    /// The same, after the engine began.
    pub(super) came: Duration,
    pub(super) took: Option<Duration>,
    /// `CommBox`'s clock when it answered.
    pub(super) server_clock: Option<Timestamp>,
    pub(super) end: End,
}

/// How a poll ended.
pub(super) enum End {
    /// The answer is the one before.
    Unchanged,
    /// The answer was read, and whatever it brought is committed. `fingerprint` is none while something is pending:
    /// the next answer must be read whatever it is.
    Read { fingerprint: Option<u64>, stale: bool, brought: Brought },
    /// There was no answer that can be used. `brought` is what that means, once it is certain.
    Failed { error: FetchError, brought: Brought },
    /// The answer could not be kept. Nothing is lost: the next poll finds it again.
    NotKept { error: StoreError },
}

/// What a poll brought.
#[derive(Default)]
pub(super) struct Brought {
    pub(super) told: Vec<Told>,
    pub(super) baseline: Option<usize>,
    pub(super) newest_message: Option<Timestamp>,
    pub(super) changed: bool,
    /// The conversation's status, by an answer that is not that of a copy that lags behind.
    pub(super) status: Option<i64>,
    /// Who waits now; the inner is none where nobody does, the outer where nothing was found out.
    pub(super) waiting: Option<Option<Waiting>>,
    /// Whether somebody knows of it.
    pub(super) acked: bool,
}

impl Poller {
    /// Polls once.
    pub(super) async fn poll(self: Arc<Self>, plan: Arc<Plan>, watch: Watch, memory: Memory) -> Ended {
        let Some(client) = plan.clients.get(&watch.conversation.account) else {
            unreachable!("a plan has a client for each account of its watches");
        };
        let asked = client.conversation(&watch.stream, watch.conversation.object).await;
        let (at, came) = (self.clock.now(), self.clock.elapsed());
        let plan = self.plans.borrow().clone();
        let watched = self.finds.watch(&plan, &watch.conversation);
        let (took, server_clock) = match &asked {
            Ok(answer) => (Some(answer.took()), answer.server_clock()),
            Err(error) => (Some(error.took), None),
        };
        let (watched, end) = match (watched.as_ref(), asked) {
            (None, _) => (false, Ok(End::Unchanged)),
            (Some(watch), Ok(answer)) => (true, self.read(&plan, watch, &memory, answer, at).await),
            (Some(watch), Err(error)) => (true, self.failed(&plan, watch, &memory, error, at).await),
        };
        let end = end.unwrap_or_else(not_kept);
        Ended { id: watch.conversation, watched, at, came, took, server_clock, end }
    }

    async fn read(
        &self,
        plan: &Plan,
        watch: &Watch,
        memory: &Memory,
        answer: Answer,
        at: Timestamp,
    ) -> Result<End, StoreError> {
        let fingerprint = answer.fingerprint(&self.keys);
        // The same answer says something new when somebody has waited for too long by it.
        let is_late = memory.deadline.is_some_and(|deadline| deadline <= moved(at, memory.skew));
        if memory.fingerprint == Some(fingerprint) && !is_late {
            return Ok(End::Unchanged);
        }
        match decode(plan.account(watch), watch.conversation.object, answer).await {
            Ok(snapshot) => {
                tracing::debug!(watch = watch.name, messages = snapshot.messages.len(), "read an answer");
                let cursor = self.store.cursor(&watch.conversation).await?;
                let since = |since| self.clock.elapsed().saturating_sub(since);
                let stale_for = memory.stale_since.map_or(Duration::ZERO, since);
                let rules = plan.rules(watch);
                let hush = Hush::new(&self.silences.known(), watch, at);
                let hushed = hush.silence().is_some();
                let asked = Asked { baseline: watch.baseline, stale_for, now: at, rules: &rules, hushed };
                let found = match detect::detect(cursor.as_ref(), &snapshot, asked) {
                    Ok(found) => found,
                    Err(implausible) => {
                        let error = FetchError::malformed(Code::Envelope, implausible.to_string());
                        return self.failed(plan, watch, memory, error, at).await;
                    }
                };
                if found.reworded > 0 {
                    let (watch, messages) = (&watch.name, found.reworded);
                    tracing::warn!(
                        watch,
                        messages,
                        "{} otherwise than before in watch {watch}",
                        many(messages, "known message is written", "known messages are written")
                    );
                }
                let (pending, stale, acked) = (found.pending, found.stale, found.acked);
                let sequence = cursor.as_ref().map_or(0, |cursor| cursor.sequence);
                let before = cursor.and_then(|cursor| cursor.waiting);
                let newest_message = snapshot.messages.iter().filter_map(|message| message.created).max();
                let scene = scene(plan, watch, Some(&snapshot), at, memory);
                let mut brought = self.keep(plan, scene, found, sequence, hush).await?;
                brought.newest_message = newest_message;
                brought.acked = acked;
                brought.status = snapshot.status_id.filter(|_| !stale);
                brought.waiting.get_or_insert(before);
                brought.baseline = brought.baseline.map(|_| snapshot.messages.len());
                Ok(End::Read { fingerprint: (!pending).then_some(fingerprint), stale, brought })
            }
            Err(error) => self.failed(plan, watch, memory, error, at).await,
        }
    }

    /// A conversation that is gone is told of once that has been confirmed.
    async fn failed(
        &self,
        plan: &Plan,
        watch: &Watch,
        memory: &Memory,
        error: FetchError,
        at: Timestamp,
    ) -> Result<End, StoreError> {
        let gone = error.reaction == Reaction::Gone || (error.reaction == Reaction::Denied && memory.refused);
        if !gone || memory.gone + 1 < UNREACHABLE_AFTER {
            return Ok(End::Failed { error, brought: Brought::default() });
        }
        let cursor = self.store.cursor(&watch.conversation).await?;
        let found = detect::unreachable(cursor.as_ref(), &error.to_string(), at);
        let sequence = cursor.map_or(0, |cursor| cursor.sequence);
        let hush = Hush::new(&self.silences.known(), watch, at);
        let brought = self.keep(plan, scene(plan, watch, None, at, memory), found, sequence, hush).await?;
        Ok(End::Failed { error, brought })
    }

    /// Somebody has waited for too long, and `CommBox` does not say whether that is still so: it is told all the same.
    pub(super) async fn tell_unconfirmed(
        &self,
        plan: &Plan,
        watch: &Watch,
        memory: &Memory,
    ) -> Result<Brought, StoreError> {
        let Some(cursor) = self.store.cursor(&watch.conversation).await? else {
            return Ok(Brought::default());
        };
        let now = self.clock.now();
        let hush = Hush::new(&self.silences.known(), watch, now);
        let acked = cursor.acked().is_some();
        let hushed = hush.silence().is_some();
        let found = detect::unconfirmed(&cursor, &plan.rules(watch), moved(now, memory.skew), hushed);
        let scene = scene(plan, watch, None, now, memory);
        let mut brought = self.keep(plan, scene, found, cursor.sequence, hush).await?;
        brought.waiting.get_or_insert(cursor.waiting);
        brought.acked = acked;
        Ok(brought)
    }

    /// Cursor, seen children, events and deliveries, in one commit. `hush` is what was silenced when that was found out.
    async fn keep(
        &self,
        plan: &Plan,
        scene: Scene<'_>,
        found: Found,
        expect_sequence: u64,
        mut hush: Hush,
    ) -> Result<Brought, StoreError> {
        let Some(mut change) = found.change else { return Ok(Brought::default()) };
        let told: Vec<Told> = (expect_sequence + 1..)
            .zip(&found.happened)
            .map(|(sequence, happened)| {
                let event = compose::event(scene, happened, sequence);
                let told = plan.told(event, compose::subject(scene.watch, happened), hush.silence());
                hush.after(happened);
                told
            })
            .collect();
        for (told, happened) in told.iter().zip(&found.happened) {
            if let (Happened::Waiting { passed, .. }, Some(waiting)) = (happened, &mut change.after.waiting) {
                let (told, kept): (Vec<_>, Vec<_>) =
                    told.deliveries.iter().partition(|delivery| delivery.suppressed.is_none());
                let names: Vec<String> = told.iter().map(|delivery| delivery.notifier.clone()).collect();
                waiting.told_to(passed, &names, !kept.is_empty());
            }
        }
        let waiting = Some(change.after.waiting.clone());
        let commit = PollCommit {
            conversation: scene.watch.conversation.clone(),
            watch: scene.watch.name.clone(),
            expect_sequence,
            change,
            told: told.clone(),
            at: scene.now,
            silences_over: hush.over.clone(),
        };
        self.store.commit_poll(commit).await?;
        self.silences.ended(&hush.over, scene.now);
        let baseline = found.baseline.then_some(0);
        Ok(Brought { told, baseline, changed: true, waiting, ..Brought::default() })
    }
}

fn not_kept(error: StoreError) -> End {
    End::NotKept { error }
}

fn scene<'a>(
    plan: &'a Plan,
    watch: &'a Watch,
    snapshot: Option<&'a Snapshot>,
    now: Timestamp,
    memory: &Memory,
) -> Scene<'a> {
    let account = plan.account(watch);
    Scene {
        watch,
        base_url: account.map_or("", |account| account.base_url.as_str().trim_end_matches('/')),
        console_url: account.and_then(|account| account.console_url.as_deref()),
        snapshot,
        now,
        now_there: moved(now, memory.skew),
        previous_poll_at: memory.answered_at,
    }
}

/// A large answer takes a while to read, and nobody is to wait for that.
pub(super) async fn decode(
    account: Option<&Account>,
    object: i64,
    answer: Answer,
) -> Result<Snapshot, FetchError> {
    let bots = account.map(|account| account.bots.clone()).unwrap_or_default();
    if answer.body_bytes() < LARGE_BODY_BYTES {
        return answer.decode(object, &bots);
    }
    let reading = tokio::task::spawn_blocking(move || answer.decode(object, &bots));
    reading.await.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()))
}
