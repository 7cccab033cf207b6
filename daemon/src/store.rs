//! Cursors, events and deliveries on disk. Each method is one transaction with a business name; there is no
//! SQL outside this wing, and the wing knows no HTTP.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};

use crate::core::cursor::{Cursor, CursorChange};
use crate::core::discovery::{Begun, Discovered};
use crate::core::event::Event;
use crate::core::heartbeat;
use crate::core::notification::Notification;
use crate::core::outcome::Fate;
use crate::core::pacing::Held;
use crate::core::pressure::Fill;
use crate::core::route::Said;
use crate::core::sample;
use crate::core::seek::Place;
use crate::core::silence::{Draft, Silence};
use crate::core::waiting::{Acked, Waiting};
use crate::core::watch::ConversationId;

mod backup;
mod beats;
mod clock;
mod discovery;
mod disk;
mod episodes;
mod error;
mod expiring;
mod fallback;
mod gather;
mod history;
mod lock;
mod migrate;
mod outbox;
mod polls;
mod prune;
mod raised;
mod replay;
mod reserve;
mod rows;
mod scrub;
mod silences;
mod sqlite;
mod told;
mod writer;

pub use crate::core::replay::{REPLAY_MAX, Replayed, ReplayedDelivery, Selection};
pub use backup::{BACKUP_LOG_BYTES_MAX, BACKUP_WITHIN, Backup, BackupError, copy_unused};
pub use error::StoreError;
pub use history::{EventFilter, History, RecentDelivery, RecentEvent};
pub use lock::STAMP_SUFFIX;
pub use sqlite::{Options, SqliteStore};

/// At most this many open deliveries of all notifiers together; at the bound nothing new is committed, so that
/// messages wait in `CommBox`. One answer that brings more by itself is taken when nothing else is open.
pub const OUTBOX_ROWS_MAX: u64 = 100_000;

/// Cursors and outbox. A method returns only after what it wrote will survive a power cut.
#[async_trait]
pub trait Store: Send + Sync {
    /// What has been seen of a conversation; `None` when it was never polled.
    async fn cursor(&self, id: &ConversationId) -> Result<Option<Cursor>, StoreError>;

    /// Every conversation in which somebody waits, or whose end is remembered.
    async fn waits(&self) -> Result<Vec<Waits>, StoreError>;

    /// Silences that are over later than that, by their numbers; at most so many, those that last longest.
    async fn silences(&self, over_after: Timestamp, limit: usize) -> Result<Vec<Silence>, StoreError>;

    /// Adds a silence; `user` is what the socket knows of who asks.
    async fn add_silence(&self, draft: Draft, user: &str, at: Timestamp) -> Result<Silence, StoreError>;

    /// Ends a silence before its time; `false` when it is over, or never was.
    async fn end_silence(&self, id: i64, why: &str, at: Timestamp) -> Result<bool, StoreError>;

    /// Notes that somebody knows of who waits; `false` when nobody does.
    async fn ack(&self, id: &ConversationId, acked: Acked) -> Result<bool, StoreError>;

    /// Writes what one answer brought: cursor, seen children, events and their deliveries, all or nothing.
    async fn commit_poll(&self, commit: PollCommit) -> Result<(), StoreError>;

    /// Deliveries of a notifier that may be handed over now: the head of each lane, the longest due first.
    async fn due(&self, notifier: &str, now: Timestamp, limit: usize) -> Result<Vec<Due>, StoreError>;

    /// When the next delivery of a notifier is due; `None` when nothing waits.
    async fn next_due(&self, notifier: &str) -> Result<Option<Timestamp>, StoreError>;

    /// Deliveries that may be told together: heads of lanes with those behind them, lane by lane; at most so many.
    async fn together(&self, notifier: &str, scope: Scope, limit: usize)
    -> Result<Vec<Together>, StoreError>;

    /// Holds back heads of lanes, and with each its lane, unless something has come into it that was not known when that
    /// was decided: it may be urgent. The notifier's fallbacks get as much later.
    async fn hold(&self, holds: Vec<Hold>) -> Result<(), StoreError>;

    /// What is held back for a notifier's sake is due, so that it is looked at by another configuration.
    async fn release(&self, notifier: &str, now: Timestamp) -> Result<(), StoreError>;

    /// Makes one delivery of several that were never handed over. `None` when one of them is not there any more, and then
    /// nothing is changed; or when what came of them waits for its turn.
    async fn gather(&self, gather: Gather) -> Result<Option<Due>, StoreError>;

    /// What a notifier was handed for the first time since then: lane and when, in order.
    async fn sent_since(
        &self,
        notifier: &str,
        since: Timestamp,
    ) -> Result<Vec<(String, Timestamp)>, StoreError>;

    /// Marks deliveries as handed over, before they are: one whose end is never written may have arrived. Says which
    /// may go: what has ended since it was read, as what is given up does, must not.
    async fn hand_over(&self, deliveries: Vec<i64>, at: Timestamp) -> Result<Vec<i64>, StoreError>;

    /// What a notifier's receiver said of the latest delivered one of a lane that it said something of.
    async fn receipt(&self, notifier: &str, lane: &str) -> Result<Option<String>, StoreError>;

    /// Incidents that are open at a notifier's receiver and of which nothing waits, by key, behind one; at most so many.
    async fn raised(&self, notifier: &str, after: &str, limit: usize) -> Result<Vec<Raised>, StoreError>;

    /// The plugin never got a delivery that was marked.
    async fn take_back(&self, delivery: i64) -> Result<(), StoreError>;

    /// What waits for a retry of a notifier's need wait no longer.
    async fn bring_forward(&self, notifier: &str, now: Timestamp) -> Result<(), StoreError>;

    /// Open deliveries that were written before then and are not in flight, the oldest first.
    async fn overdue(&self, before: Timestamp, limit: usize) -> Result<Vec<Overdue>, StoreError>;

    /// Gives up an open delivery that is not in flight, and tells of it. `false` when it is not open any more.
    async fn give_up(&self, delivery: i64, why: &str, at: Timestamp, told: Told) -> Result<bool, StoreError>;

    /// Deliveries that were not accepted in time and whose notifiers' fallbacks have not been told, the longest overdue
    /// first.
    async fn unaccepted(&self, now: Timestamp, limit: usize) -> Result<Vec<Unaccepted>, StoreError>;

    /// Tells a notifier's fallbacks in its place, once; the delivery itself goes on as before. Says who is told by it,
    /// which is nobody who had the event already; `None` when it was accepted, done or held back meanwhile.
    async fn fall_back(&self, fall_back: FallBack) -> Result<Option<Vec<String>>, StoreError>;

    /// Sends again what was selected, under the ids that it had; nothing but says what that is, in a dry run.
    async fn replay(
        &self,
        selection: Selection,
        at: Timestamp,
        dry_run: bool,
    ) -> Result<Replayed, StoreError>;

    /// Forgets dead letters for good; says how many.
    async fn drop_dead(&self, selection: Selection) -> Result<u64, StoreError>;

    /// Notes that conversations are watched and what is looked for, so that what is known of them is kept.
    async fn watched(
        &self,
        conversations: Vec<ConversationId>,
        places: Vec<Place>,
        at: Timestamp,
    ) -> Result<(), StoreError>;

    /// Writes how an attempt ended, frees the lane when it was the last, and tells of a dead letter.
    /// `true` when the dead letter's event was new.
    async fn settle(&self, settle: Settle) -> Result<bool, StoreError>;

    /// Every conversation that was found, and how far each look has come.
    async fn discoveries(&self) -> Result<Discoveries, StoreError>;

    /// Writes what one page of a list brought, and how far the look has come, all or nothing.
    async fn commit_discovery(&self, commit: DiscoveryCommit) -> Result<(), StoreError>;

    /// Begins an episode of our own ill health, and tells of it; `false` when it had begun already.
    async fn begin_episode(&self, episode: Episode, told: Told) -> Result<bool, StoreError>;

    /// Ends an episode, and tells of it; `false` when there was none.
    async fn end_episode(&self, subject: &str, told: Told) -> Result<bool, StoreError>;

    /// Episodes that have not ended.
    async fn episodes(&self) -> Result<Vec<Episode>, StoreError>;

    /// Tells that an account's key ends soon; `false` when that was told of this end at this stage, or a later one.
    async fn token_expiring(
        &self,
        account: &str,
        expires: Timestamp,
        stage: u8,
        told: Told,
    ) -> Result<bool, StoreError>;

    /// Writes a heartbeat and who is told of it. What was written before it and is not in flight need not be told any more,
    /// and what was given up or is long over is forgotten. Says how many of each notifier's need not be told.
    async fn beat(&self, told: Told) -> Result<BTreeMap<String, u64>, StoreError>;

    /// Tells of an event that no poll has found.
    async fn tell(&self, told: Told) -> Result<(), StoreError>;

    /// What was written before then for a lane, and is open and not in flight, need not be told any more; says how many of
    /// each notifier's those are.
    async fn outlive(
        &self,
        lane: Passing,
        before: Timestamp,
        at: Timestamp,
    ) -> Result<BTreeMap<String, u64>, StoreError>;

    /// When a heartbeat was last written, and when one was last accepted, as far as that is kept.
    async fn beats(&self) -> Result<Beats, StoreError>;

    /// How many deliveries are open, and how many may be. Costs nothing to speak of.
    async fn fill(&self) -> Result<Fill, StoreError>;

    /// The clock that times are by was set: open deliveries keep the time that they were to wait. `by` is how far,
    /// and `now` what the clock said before it was set forward, or says since it was set back; `None` is for a
    /// clock that may have been set while nobody looked, as at start. Says how many were changed.
    async fn clock_moved(&self, now: Timestamp, by: Option<SignedDuration>) -> Result<u64, StoreError>;

    /// How many deliveries of each notifier are open and dead.
    async fn outbox(&self) -> Result<Vec<OutboxCount>, StoreError>;

    /// The newest events, newest first, without message text.
    async fn recent_events(&self, limit: usize) -> Result<Vec<RecentEvent>, StoreError>;

    /// The newest attempts, newest first.
    async fn recent_deliveries(&self, limit: usize) -> Result<Vec<RecentDelivery>, StoreError>;

    /// Adds up what was polled in an hour, so that "was it polled?" can be answered later.
    async fn add_poll_summaries(&self, rows: Vec<PollSummary>) -> Result<(), StoreError>;

    /// Forgets what is older than its retention, a bounded number of rows at a time; says how many went.
    async fn prune(&self, older: Retention) -> Result<u64, StoreError>;

    /// Answers when the store can be read and, if it last failed to write, can be written again.
    async fn ping(&self) -> Result<(), StoreError>;

    /// Why nothing can be read or written any more, once that is so: the disk failed, or the database is damaged. Only
    /// another process can go on; for most stores this never ends.
    async fn failed(&self) -> StoreError {
        std::future::pending().await
    }

    /// Writes a whole, checked copy to a file that is not there yet, while all goes on. Dropping it ends it.
    async fn backup(&self, to: &Path) -> Result<Backup, BackupError> {
        let why = format!("cannot be copied to {}", to.display());
        Err(BackupError::Store(StoreError::Io(why)))
    }

    /// Size of the database and its log on disk, and free space beside it, bytes.
    async fn size(&self) -> Result<(u64, u64), StoreError>;
}

/// A conversation in which somebody waits, or did until it was over.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Waits {
    /// Which.
    pub conversation: ConversationId,
    /// Since when, and who was told.
    pub waiting: Waiting,
    /// Whether somebody knows of it, and the customer has not written since.
    pub acked: bool,
}

/// What one answer brought.
#[derive(Clone, Debug)]
pub struct PollCommit {
    /// The conversation.
    pub conversation: ConversationId,
    /// The name of the watch that it was polled for.
    pub watch: String,
    /// The sequence that the cursor had when it was read: a guard against two polls at once.
    pub expect_sequence: u64,
    /// What changes in the cursor.
    pub change: CursorChange,
    /// What happened, and who is told.
    pub told: Vec<Told>,
    /// When the answer came.
    pub at: Timestamp,
    /// Silences that it ended, and how.
    pub silences_over: Vec<(i64, String)>,
}

/// What is known of conversations that were found.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Discoveries {
    /// How far looking at each place has come.
    pub begun: BTreeMap<Place, Begun>,
    /// By account and object.
    pub found: Vec<Discovered>,
}

/// What one page of a list brought.
#[derive(Clone, Debug)]
pub struct DiscoveryCommit {
    /// How far looking has come where it was looked.
    pub begun: BTreeMap<Place, Begun>,
    /// Conversations to insert or replace.
    pub put: Vec<Discovered>,
    /// Conversations to forget.
    pub forget: Vec<ConversationId>,
    /// When.
    pub at: Timestamp,
}

/// An event and who is told of it. An event whose id is known already is not told again.
#[derive(Clone, Debug)]
pub struct Told {
    /// What happened.
    pub event: Event,
    /// One notification for each notifier.
    pub deliveries: Vec<NewDelivery>,
    /// Why those and no others: what each route said.
    pub routing: Vec<Said>,
}

impl Told {
    /// How many deliveries it adds to the outbox.
    pub fn opens(&self) -> usize {
        self.deliveries.iter().filter(|delivery| delivery.suppressed.is_none()).count()
    }
}

/// One notification for one notifier.
#[derive(Clone, Debug)]
pub struct NewDelivery {
    /// What it is handed.
    pub notification: Notification,
    /// Who.
    pub notifier: String,
    /// Deliveries of one lane of one notifier go in order.
    pub lane: String,
    /// Its notifier's fallbacks are told when it is not accepted within this; `None` = it has none.
    pub fallback_after: Option<Duration>,
    /// What is held back in its lane for the sake of a group waits no longer.
    pub urgent: bool,
    /// Why nobody need hear of it, for a person; `None` = it is delivered.
    pub suppressed: Option<String>,
}

/// Which deliveries are meant.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Scope {
    /// Those of a lane.
    Lane(String),
    /// Those of every lane that is held back for this reason.
    Held(Held),
}

/// An open delivery that may become part of another.
#[derive(Clone, Debug, PartialEq)]
pub struct Together {
    /// The delivery's row.
    pub delivery: i64,
    /// Its lane.
    pub lane: String,
    /// When it was written.
    pub created_at: Timestamp,
    /// Whether it may: it was never handed over, tells of one event, and of nothing but that.
    pub plain: bool,
    /// What it tells of; of several, the first.
    pub event: Option<Event>,
}

/// The head of a lane is held back.
#[derive(Clone, Debug)]
pub struct Hold {
    /// The delivery's row.
    pub delivery: i64,
    /// Until when.
    pub until: Timestamp,
    /// Why.
    pub why: Held,
    /// When that was decided.
    pub at: Timestamp,
    /// The latest of its lane that was known then: with a later one there, it is decided anew.
    pub seen: i64,
}

/// Several deliveries of one notifier become one.
#[derive(Clone, Debug)]
pub struct Gather {
    /// Their rows, in order.
    pub members: Vec<i64>,
    /// What they become.
    pub new: NewDelivery,
    /// When.
    pub at: Timestamp,
}

/// A delivery that its notifier has not accepted in time, or never will.
#[derive(Clone, Debug, PartialEq)]
pub struct Unaccepted {
    /// The delivery's row.
    pub delivery: i64,
    /// Who has not accepted it.
    pub notifier: String,
    /// Its lane.
    pub lane: String,
    /// Whether it was given up.
    pub is_dead: bool,
    /// What it tells of; none when that cannot be read any more.
    pub events: Vec<Event>,
    /// The notification, where it is of several events.
    pub of_several: Option<String>,
}

/// What is written in place of a delivery that was not accepted in time.
#[derive(Clone, Debug)]
pub struct FallBack {
    /// The delivery's row.
    pub delivery: i64,
    /// One for each fallback; none = there is none any more.
    pub deliveries: Vec<NewDelivery>,
    /// When.
    pub at: Timestamp,
}

/// A delivery that may be handed over.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Due {
    /// The delivery's row.
    pub id: i64,
    /// The notification.
    pub notification_id: String,
    /// Everything but `attempt` and `replay`, as one JSON object.
    pub payload: String,
    /// Attempts that counted so far.
    pub attempts: u32,
    /// How often it was handed over so far, whatever counted.
    pub handed: u32,
    /// How often its child died while it was in flight.
    pub crashes: u32,
    /// How often while nothing else was.
    pub crashes_alone: u32,
    /// For how long it has been tried so far; see [`Attempted`](crate::core::outcome::Attempted).
    pub tried: Duration,
    /// When what it tells of happened, for the dispatch delay.
    pub occurred_at: Timestamp,
    /// The watch's priority, where there is one.
    pub priority: Option<String>,
    /// Whether an operator asked for it again.
    pub replay: bool,
    /// When it was written.
    pub created_at: Timestamp,
    /// Its lane.
    pub lane: String,
    /// Why it was held back until now.
    pub held: Option<Held>,
    /// When it was due.
    pub due_at: Timestamp,
    /// Whether it was ever held back, so that how long it took says nothing.
    pub paced: bool,
}

/// An incident that is open at a receiver.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Raised {
    /// Which: equal keys are one incident.
    pub key: String,
    /// The delivery that said so last.
    pub delivery: i64,
    /// Its notification.
    pub notification_id: String,
    /// As that was handed over.
    pub payload: String,
    /// How often it was.
    pub handed: u32,
    /// Its lane.
    pub lane: String,
    /// The watch that it is about, where it is about one.
    pub watch: Option<String>,
}

/// How an attempt ended.
#[derive(Clone, Debug)]
pub struct Settle {
    /// The delivery's row.
    pub delivery: i64,
    /// When the attempt began.
    pub started: Timestamp,
    /// How long it took.
    pub took: Duration,
    /// `delivered`, `retry`, `reject`, `unknown` or `broken`.
    pub outcome: &'static str,
    /// One line, bounded.
    pub detail: String,
    /// What becomes of it.
    pub fate: Fate,
    /// Whether the attempt counts.
    pub counts: bool,
    /// Whether its child died.
    pub crashed: bool,
    /// Whether nothing else was in flight then.
    pub alone: bool,
    /// Who is told, when the fate is death.
    pub told: Option<Told>,
}

/// An open delivery that has waited for long.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Overdue {
    /// The delivery's row.
    pub delivery: i64,
    /// The notification.
    pub notification_id: String,
    /// Who.
    pub notifier: String,
    /// When it was written.
    pub created_at: Timestamp,
}

/// A time of our own ill health.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Episode {
    /// `account/NAME` or `notifier/NAME`.
    pub subject: String,
    /// When it began.
    pub since: Timestamp,
    /// One line.
    pub why: String,
}

/// Lanes of what is of use only while it is new.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Passing {
    /// Signs of life.
    Heartbeats,
    /// Tests that somebody asked for.
    Tests,
}

impl Passing {
    /// The lane's name, and why one of it need not be told any more.
    pub fn lane(self) -> (&'static str, &'static str) {
        match self {
            Self::Heartbeats => (heartbeat::LANE, "a sign of life that was not accepted in time is none"),
            Self::Tests => (sample::LANE, "a test that was not accepted in time tells nobody anything"),
        }
    }
}

/// The latest heartbeats.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Beats {
    /// When one was last written.
    pub written: Option<Timestamp>,
    /// When each notifier last accepted one.
    pub accepted: BTreeMap<String, Timestamp>,
}

/// What waits for a notifier.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct OutboxCount {
    /// Who.
    pub notifier: String,
    /// Not final yet.
    pub pending: u64,
    /// Given up.
    pub dead: u64,
    /// Held back, with what waits behind it, by why.
    pub held: BTreeMap<Held, u64>,
    /// When the oldest open one was created.
    pub oldest_pending: Option<Timestamp>,
    /// Ever written, minus delivered, dead, suppressed, put together and open; anything but 0 is a bug.
    pub imbalance: i64,
}

/// What was polled in one hour.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct PollSummary {
    /// The conversation.
    pub conversation: ConversationId,
    /// The hour's beginning.
    pub hour: Timestamp,
    /// Polls, of them with a change, of them failed.
    pub polls: u64,
    /// Polls that brought a change.
    pub changed: u64,
    /// Polls that failed.
    pub failed: u64,
    /// The latest failure, one line.
    pub last_error: Option<String>,
}

/// Before when things are forgotten.
#[derive(Clone, Copy, Debug)]
pub struct Retention {
    /// Events, final deliveries, attempts, summaries.
    pub rows_before: Timestamp,
    /// Text within events and final deliveries.
    pub text_before: Timestamp,
    /// Cursors of conversations that were last watched before then.
    pub unwatched_before: Timestamp,
}

#[cfg(test)]
pub(crate) mod model;
#[cfg(test)]
mod tests;
