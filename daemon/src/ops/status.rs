//! How it goes: a snapshot for people, made by the engine, shown by the page, the CLI and `/api/status`.
//!
//! It holds no message text and no customer's words. Titles and names come from the configuration; every error
//! is one line.

mod freshness;
mod mark;
mod text;
mod verdict;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

pub use freshness::{Freshness, Trouble, WatchState};
pub use text::{Age, columns, plain, plain_isolated, render, render_watches};
pub use verdict::{Mood, Verdict, Vips};

use crate::core::plural::many;
use crate::core::silence::Silence;
use crate::core::watch::Priority;

/// How many of the newest events, and of the newest deliveries, a status lists.
pub const RECENT_MAX: usize = 50;

/// How many watches one status lists; past it, those that are well and not VIPs are left out first.
pub const WATCHES_MAX: usize = 5_000;

/// How it goes.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Status {
    /// The daemon's version.
    pub version: String,
    /// When the daemon started.
    pub started: Timestamp,
    /// When this snapshot was taken; ages are counted from here.
    pub taken: Timestamp,
    /// Why it is not ready; empty when it is.
    pub not_ready: Vec<String>,
    /// What is not as it should be although it is ready, a line each.
    #[serde(default)]
    pub warnings: Vec<String>,
    /// The configuration.
    pub reload: ReloadStatus,
    /// Accounts by name.
    pub accounts: Vec<AccountStatus>,
    /// Watches; [`Status::sort`] puts what needs attention first.
    pub watches: Vec<WatchStatus>,
    /// How many watches were left out.
    pub watches_omitted: usize,
    /// Notifiers by name.
    pub notifiers: Vec<NotifierStatus>,
    /// Newest first, at most [`RECENT_MAX`].
    pub recent_events: Vec<RecentEvent>,
    /// Newest first, at most [`RECENT_MAX`].
    pub recent_deliveries: Vec<RecentDelivery>,
    /// Silences that hold, those that are over first at the top.
    #[serde(default)]
    pub silences: Vec<Silence>,
    /// The store.
    pub store: StoreStatus,
}

/// The configuration in use.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct ReloadStatus {
    /// Whether the last change of the files was taken into use.
    pub last_ok: bool,
    /// When that was decided.
    pub at: Timestamp,
    /// Why it was refused.
    pub error: Option<String>,
    /// What a change would remove, while it waits for `commwatch reload --allow-removals`.
    pub held: Option<String>,
}

/// One account.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct AccountStatus {
    /// Its configured name.
    pub name: String,
    /// Whether `CommBox` accepts its key.
    pub up: bool,
    /// Since when its key is refused.
    pub denied_since: Option<Timestamp>,
    /// Until when `CommBox` asked us to wait.
    pub throttled_until: Option<Timestamp>,
    /// What went wrong last, while it has not gone well since.
    pub last_error: Option<String>,
    /// When its key expires, if it says so.
    #[serde(default)]
    pub token_expires: Option<Timestamp>,
    /// How many requests a second its watches need.
    pub requests_per_second: f64,
    /// How many it may send.
    pub budget_per_second: f64,
}

/// One watch.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct WatchStatus {
    /// Its configured name.
    pub name: String,
    /// What people read.
    pub title: String,
    /// How much it matters.
    pub priority: Priority,
    /// Its account.
    pub account: String,
    /// The conversation's object id, as text: it may pass 2^53. Empty where conversations are found.
    pub object: String,
    /// How many conversations were found for it and are watched now; none where it names its conversation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conversations: Option<usize>,
    /// How often it is to be polled.
    pub interval_seconds: f64,
    /// How well it is seen, as of [`Status::taken`].
    pub state: WatchState,
    /// Whether what is known of it is recent.
    pub fresh: bool,
    /// The last poll that ended, well or not.
    pub last_poll: Option<Timestamp>,
    /// The last one that got an answer that could be read.
    pub last_success: Option<Timestamp>,
    /// When it is due again.
    pub next_poll: Option<Timestamp>,
    /// What went wrong last, while it has not gone well since.
    pub last_error: Option<String>,
    /// When its newest message was written.
    pub last_message_at: Option<Timestamp>,
    /// Since when its customer waits for an answer of a person.
    #[serde(default)]
    pub waiting_since: Option<Timestamp>,
    /// Whether somebody has said that they know of it.
    #[serde(default)]
    pub acked: bool,
    /// Until when a silence is over it.
    #[serde(default)]
    pub silenced_until: Option<Timestamp>,
    /// Events since the daemon started.
    pub events_total: u64,
}

/// How a notifier does.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum NotifierState {
    /// Its process runs and its receiver accepts.
    Running,
    /// Its process is being started.
    Starting,
    /// Its process ended and will be replaced.
    Restarting,
    /// Its plugin cannot be loaded.
    Failed,
    /// Its receiver refuses all it is sent; its queue waits.
    Broken,
}

impl NotifierState {
    /// The word used on the page and in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Starting => "starting",
            Self::Restarting => "restarting",
            Self::Failed => "failed",
            Self::Broken => "broken",
        }
    }
}

/// One notifier.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct NotifierStatus {
    /// Its configured name.
    pub name: String,
    /// The plugin's word.
    pub plugin: String,
    /// The plugin's version, once its manifest was read.
    pub version: Option<String>,
    /// How it does.
    pub state: NotifierState,
    /// Why, where that needs a word.
    pub why: Option<String>,
    /// Since when it is in that state.
    pub since: Timestamp,
    /// Deliveries that are not final.
    pub pending: u64,
    /// Of those, how many wait for something other than their turn.
    pub held: u64,
    /// For what, in a word of [`Held::reason`](crate::core::story::Held::reason).
    pub held_reason: Option<String>,
    /// Dead letters.
    pub dead: u64,
    /// When the oldest pending delivery was written.
    pub oldest_pending: Option<Timestamp>,
    /// When its receiver last accepted something.
    pub last_delivered: Option<Timestamp>,
    /// What the last attempt that failed said.
    pub last_error: Option<String>,
}

/// An event that was found.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct RecentEvent {
    /// Its id.
    pub id: String,
    /// Its type, without prefix and version (`message.created`).
    #[serde(rename = "type")]
    pub kind: String,
    /// The watch's name; none where it is about commwatch itself.
    pub watch: Option<String>,
    /// When `CommBox` says that it happened.
    pub at: Option<Timestamp>,
    /// When it was committed.
    pub recorded: Timestamp,
}

/// An attempt to deliver.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct RecentDelivery {
    /// The event.
    pub event: String,
    /// The notifier.
    pub notifier: String,
    /// What the plugin said: `delivered`, `retry`, `reject`, `unknown` or `broken`.
    pub outcome: String,
    /// Which attempt it was, from 1.
    pub attempt: u32,
    /// When it ended.
    pub at: Timestamp,
    /// How long it took.
    pub took_ms: u64,
    /// The plugin's own line about it.
    pub detail: Option<String>,
}

/// The store.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct StoreStatus {
    /// The database file.
    pub path: String,
    /// Its size with its log.
    pub size_bytes: u64,
}

impl Status {
    /// Whether it polls and delivers as it should be able to.
    pub fn ready(&self) -> bool {
        self.not_ready.is_empty()
    }

    /// Are the VIPs fresh?
    pub fn vips(&self) -> Vips {
        let vips = || self.watches.iter().filter(|watch| watch.priority == Priority::Vip);
        let is_first = |watch: &&WatchStatus| !watch.fresh && watch.state == WatchState::WaitingForFirstPoll;
        Vips {
            all: vips().count(),
            fresh: vips().filter(|watch| watch.fresh).count(),
            first: vips().filter(is_first).count(),
        }
    }

    /// Puts into order and bounds: what needs attention first, VIPs before others, then by name.
    pub fn sort(&mut self) {
        self.watches.sort_by(|a, b| (a.fresh, a.priority, &a.name).cmp(&(b.fresh, b.priority, &b.name)));
        self.watches_omitted += self.watches.len().saturating_sub(WATCHES_MAX);
        self.watches.truncate(WATCHES_MAX);
        self.accounts.sort_by(|a, b| a.name.cmp(&b.name));
        self.notifiers.sort_by(|a, b| a.name.cmp(&b.name));
        self.recent_events.truncate(RECENT_MAX);
        self.recent_deliveries.truncate(RECENT_MAX);
    }
}

impl WatchStatus {
    /// How many conversations were found for it, in words; `None` where it names its conversation.
    pub fn found(&self) -> Option<String> {
        self.conversations.map(|count| match count {
            0 => "no conversation so far".to_owned(),
            _ => many(count, "conversation", "conversations"),
        })
    }

    /// Sets `state` and `fresh` by what is known at `now`.
    pub fn judge(&mut self, freshness: &Freshness, now: Timestamp) {
        self.state = freshness.state(now);
        self.fresh = freshness.fresh(now);
        self.last_success = freshness.last_success;
    }
}

#[cfg(test)]
pub(crate) mod tests;
