//! What is measured of each watch. Series are made when they are asked for, from what the watches know: that
//! way freshness is as of the scrape, a watch that has gone is gone, and the surplus can be folded.

use std::collections::{BTreeMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use prometheus::core::{Collector, Desc};
use prometheus::proto;

use super::families::{
    CONVERSATIONS_WAITING, OLDEST_SUCCESS, OLDEST_WAITING, WATCH_CONVERSATIONS, WATCH_INFO, WATCH_INTERVAL,
    WATCH_MESSAGE, WATCH_SUCCESS, WATCH_UP, WATCHES,
};
use super::unix_seconds;
use crate::core::daytime::moved;
use crate::core::seek::Seek;
use crate::core::watch::{ConversationId, Priority, Stream, Watch};
use crate::ops::status::{Freshness, Trouble, WatchState};

/// How many watches have series of their own. Beyond it, those that are not VIPs share the name [`OTHER`].
pub const WATCH_SERIES_MAX: usize = 500;

/// The name of the watches that have no series of their own. No watch can be called that.
pub const OTHER: &str = "_other";

/// What is known of one watch, for metrics.
#[derive(Debug)]
pub struct WatchMetrics {
    state: Mutex<Seen>,
}

#[derive(Clone, Debug)]
struct Seen {
    conversation: ConversationId,
    /// How many conversations this is of: none where it is of looking for them.
    conversations: usize,
    priority: Priority,
    freshness: Freshness,
    /// Whether any poll has ended yet.
    polled: bool,
    last_message: Option<Timestamp>,
    /// Since when its customer waits for an answer.
    waiting: Option<Timestamp>,
}

impl Seen {
    fn new(watch: &Watch, timeout: Duration, now: Timestamp) -> Self {
        Self {
            conversation: watch.conversation.clone(),
            conversations: 1,
            priority: watch.priority,
            freshness: Freshness {
                since: now,
                interval: watch.interval,
                timeout,
                last_success: None,
                trouble: None,
            },
            polled: false,
            last_message: None,
            waiting: None,
        }
    }

    /// Of looking for conversations.
    fn of_looks(seek: &Seek, timeout: Duration, now: Timestamp) -> Self {
        // No conversation has this id.
        let nothing = ConversationId { account: seek.account.clone(), object: 0 };
        let watch = seek.watch(nothing, Stream::Number(0), seek.baseline);
        let of_one = Self::new(&watch, timeout, now);
        let freshness = Freshness { interval: seek.discovery, ..of_one.freshness };
        Self { conversations: 0, freshness, ..of_one }
    }

    /// The worst of both: of the one that is stale first, with the faults of either.
    fn with(self, other: Self) -> Self {
        let rank = |trouble: Option<Trouble>| match trouble {
            None => 0,
            Some(Trouble::Failing) => 1,
            Some(Trouble::Unreachable) => 2,
        };
        let troubles = [self.freshness.trouble, other.freshness.trouble];
        let trouble = troubles.into_iter().max_by_key(|trouble| rank(*trouble)).flatten();
        let is_other = other.freshness.stale_from() < self.freshness.stale_from();
        let freshness = if is_other { other.freshness } else { self.freshness };
        Self {
            conversations: self.conversations + other.conversations,
            freshness: Freshness { trouble, ..freshness },
            polled: self.polled || other.polled,
            last_message: self.last_message.max(other.last_message),
            waiting: [self.waiting, other.waiting].into_iter().flatten().min(),
            ..self
        }
    }

    fn up(&self) -> bool {
        self.freshness.trouble.is_none()
    }
}

impl WatchMetrics {
    fn new(watch: &Watch, timeout: Duration, now: Timestamp) -> Arc<Self> {
        Arc::new(Self { state: Mutex::new(Seen::new(watch, timeout, now)) })
    }

    /// This, brought up to date, if it is of the conversation of `watch`.
    fn of(self: &Arc<Self>, watch: &Watch, timeout: Duration) -> Option<Arc<Self>> {
        if self.seen().conversation != watch.conversation {
            return None;
        }
        self.change(|seen| {
            seen.priority = watch.priority;
            seen.freshness.interval = watch.interval;
            seen.freshness.timeout = timeout;
        });
        Some(Arc::clone(self))
    }

    /// A poll got an answer that could be read.
    pub fn succeeded(&self, at: Timestamp) {
        self.change(|seen| {
            seen.polled = true;
            seen.freshness.last_success = seen.freshness.last_success.max(Some(at));
            seen.freshness.trouble = None;
        });
    }

    /// A poll did not.
    pub fn failed(&self, trouble: Trouble) {
        self.change(|seen| {
            seen.polled = true;
            seen.freshness.trouble = Some(trouble);
        });
    }

    /// A message of the conversation was written at `at`. The newest is kept.
    pub fn message_at(&self, at: Timestamp) {
        self.change(|seen| seen.last_message = seen.last_message.max(Some(at)));
    }

    /// Since when the customer waits for an answer; `None` = nobody does.
    pub fn waits_since(&self, since: Option<Timestamp>) {
        self.change(|seen| seen.waiting = since);
    }

    fn clock_jumped(&self, by: SignedDuration) {
        self.change(|seen| {
            let freshness = &mut seen.freshness;
            freshness.since = moved(freshness.since, by);
            let times = [&mut freshness.last_success, &mut seen.last_message, &mut seen.waiting];
            for at in times.into_iter().flatten() {
                *at = moved(*at, by);
            }
        });
    }

    /// What decides whether the watch is fresh, as the status page shows it too.
    pub fn freshness(&self) -> Freshness {
        self.seen().freshness
    }

    fn change(&self, change: impl FnOnce(&mut Seen)) {
        change(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner));
    }

    fn seen(&self) -> Seen {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// What has one name.
#[derive(Clone, Debug, Default)]
struct Group {
    /// Of a watch whose conversations are found: how looking for them goes.
    looks: Option<Arc<WatchMetrics>>,
    members: BTreeMap<ConversationId, Arc<WatchMetrics>>,
}

impl Group {
    fn each(&self) -> impl Iterator<Item = &Arc<WatchMetrics>> {
        self.looks.iter().chain(self.members.values())
    }

    fn merged(&self) -> Option<Seen> {
        self.each().map(|one| one.seen()).reduce(Seen::with)
    }
}

/// All watches, as a collector.
#[derive(Clone, Debug)]
pub(super) struct Watches {
    descs: [Desc; 10],
    series_max: usize,
    by_name: Arc<Mutex<BTreeMap<String, Group>>>,
}

impl Watches {
    pub(super) fn new() -> Self {
        Self::with_series_max(WATCH_SERIES_MAX)
    }

    fn with_series_max(series_max: usize) -> Self {
        let families = [
            WATCH_INFO,
            WATCH_UP,
            WATCH_INTERVAL,
            WATCH_SUCCESS,
            WATCH_MESSAGE,
            WATCH_CONVERSATIONS,
            WATCHES,
            OLDEST_SUCCESS,
            CONVERSATIONS_WAITING,
            OLDEST_WAITING,
        ];
        Self { descs: families.map(|family| family.desc()), series_max, by_name: Arc::default() }
    }

    fn groups(&self) -> MutexGuard<'_, BTreeMap<String, Group>> {
        self.by_name.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The handle of a watch. One that watches the same conversation as before keeps what is known of it.
    pub(super) fn started(&self, watch: &Watch, timeout: Duration, now: Timestamp) -> Arc<WatchMetrics> {
        let mut groups = self.groups();
        let known = groups.get(&watch.name).filter(|group| group.looks.is_none());
        let known = known.and_then(|group| group.members.get(&watch.conversation)?.of(watch, timeout));
        known.unwrap_or_else(|| {
            let new = WatchMetrics::new(watch, timeout, now);
            let members = [(watch.conversation.clone(), Arc::clone(&new))].into();
            groups.insert(watch.name.clone(), Group { looks: None, members });
            new
        })
    }

    /// The handle of a watch whose conversations are found, for how looking for them goes. What is known of those that
    /// were found stays.
    pub(super) fn looking(&self, seek: &Seek, timeout: Duration, now: Timestamp) -> Arc<WatchMetrics> {
        let mut groups = self.groups();
        let group = groups.entry(seek.name.clone()).or_default();
        if let Some(looks) = &group.looks {
            looks.change(|seen| {
                seen.priority = seek.priority;
                seen.conversation.account.clone_from(&seek.account);
                seen.freshness.interval = seek.discovery;
                seen.freshness.timeout = timeout;
            });
            return Arc::clone(looks);
        }
        let looks = Arc::new(WatchMetrics { state: Mutex::new(Seen::of_looks(seek, timeout, now)) });
        *group = Group { looks: Some(Arc::clone(&looks)), members: BTreeMap::new() };
        looks
    }

    /// The same; of one that was not started, a handle that nothing is made of.
    pub(super) fn looks(&self, seek: &Seek, timeout: Duration, now: Timestamp) -> Arc<WatchMetrics> {
        let known = self.groups().get(&seek.name).and_then(|group| group.looks.clone());
        known.unwrap_or_else(|| {
            Arc::new(WatchMetrics { state: Mutex::new(Seen::of_looks(seek, timeout, now)) })
        })
    }

    /// The handle of a watch; of one that was not started, a handle that nothing is made of.
    pub(super) fn known(&self, watch: &Watch, timeout: Duration, now: Timestamp) -> Arc<WatchMetrics> {
        let mut groups = self.groups();
        let new = || WatchMetrics::new(watch, timeout, now);
        let Some(group) = groups.get_mut(&watch.name) else { return new() };
        let known = group.members.get(&watch.conversation).and_then(|known| known.of(watch, timeout));
        known.unwrap_or_else(|| {
            let new = new();
            if group.looks.is_some() {
                group.members.insert(watch.conversation.clone(), Arc::clone(&new));
            }
            new
        })
    }

    /// What is watched because it was found; anything else that was is forgotten.
    pub(super) fn found(&self, name: &str, conversations: &HashSet<&ConversationId>) {
        if let Some(group) = self.groups().get_mut(name).filter(|group| group.looks.is_some()) {
            group.members.retain(|id, _| conversations.contains(id));
        }
    }

    /// How fresh a watch is, with all that was found for it.
    pub(super) fn freshness(&self, name: &str) -> Option<Freshness> {
        self.groups().get(name)?.merged().map(|seen| seen.freshness)
    }

    /// Forgets every watch that `keep` does not name.
    pub(super) fn retain(&self, keep: impl Fn(&str) -> bool) {
        self.groups().retain(|name, _| keep(name));
    }

    /// The clock was set that all of these are by.
    pub(super) fn clock_jumped(&self, by: SignedDuration) {
        self.groups().values().flat_map(Group::each).for_each(|watch| watch.clock_jumped(by));
    }

    /// Each name, with the worst of what it stands for.
    fn all(&self) -> Vec<(String, Seen)> {
        let groups = self.groups();
        groups.iter().filter_map(|(name, group)| Some((name.clone(), group.merged()?))).collect()
    }

    /// Each conversation, and each looking for some.
    fn each(&self) -> Vec<Seen> {
        self.groups().values().flat_map(Group::each).map(|one| one.seen()).collect()
    }

    fn families(&self, now: Timestamp) -> Vec<proto::MetricFamily> {
        let (all, each) = (self.all(), self.each());
        let shown = fold(&all, self.series_max);
        let mut families = vec![
            WATCH_INFO
                .rows(shown.iter().map(|row| (vec![row.name, row.account, row.priority.as_str()], 1.0))),
            WATCH_UP.rows(shown.iter().filter_map(|row| Some((vec![row.name], f64::from(row.up?))))),
            WATCH_INTERVAL.rows(shown.iter().map(|row| (vec![row.name], row.interval.as_secs_f64()))),
            WATCH_SUCCESS.rows(times(&shown, |row| row.last_success)),
            WATCH_MESSAGE.rows(times(&shown, |row| row.last_message)),
            WATCH_CONVERSATIONS.rows(shown.iter().map(|row| (vec![row.name], row.conversations as f64))),
        ];
        families.push(WATCHES.rows(counts(&all, now)));
        families.push(OLDEST_SUCCESS.rows(oldest(&each)));
        families.push(CONVERSATIONS_WAITING.rows(by_priority(&each, |waiting| Some(waiting.count() as f64))));
        families.push(OLDEST_WAITING.rows(by_priority(&each, |waiting| waiting.min().map(unix_seconds))));
        families
    }
}

impl Collector for Watches {
    fn desc(&self) -> Vec<&Desc> {
        self.descs.iter().collect()
    }

    fn collect(&self) -> Vec<proto::MetricFamily> {
        self.families(Timestamp::now())
    }
}

/// What the series of one name say.
struct Row<'a> {
    name: &'a str,
    account: &'a str,
    priority: Priority,
    up: Option<bool>,
    conversations: usize,
    interval: Duration,
    last_success: Option<Timestamp>,
    last_message: Option<Timestamp>,
    stale_from: Timestamp,
}

impl<'a> Row<'a> {
    fn new(name: &'a str, seen: &'a Seen) -> Self {
        Self {
            name,
            account: &seen.conversation.account,
            priority: seen.priority,
            up: seen.polled.then(|| seen.up()),
            conversations: seen.conversations,
            interval: seen.freshness.interval,
            last_success: seen.freshness.last_success,
            last_message: seen.last_message,
            stale_from: seen.freshness.stale_from(),
        }
    }

    /// The worst of both. Last success and interval are taken together from the one that is stale first, so
    /// that "no success for three intervals" is true of the row as soon as it is true of one watch in it, and
    /// not before.
    fn worst(self, other: Self) -> Self {
        let up = match (self.up, other.up) {
            (Some(a), Some(b)) => Some(a && b),
            (a, b) => a.or(b),
        };
        let last_message = match (self.last_message, other.last_message) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        };
        let conversations = self.conversations + other.conversations;
        let stale_first = if other.stale_from < self.stale_from { other } else { self };
        Row { name: OTHER, account: OTHER, up, conversations, last_message, ..stale_first }
    }
}

/// One row a watch, VIPs first; those that are not VIPs and exceed `max` become one row with the worst values.
fn fold(all: &[(String, Seen)], max: usize) -> Vec<Row<'_>> {
    let rows = |priority| all.iter().filter(move |(_, seen)| seen.priority == priority);
    let mut shown: Vec<Row<'_>> = rows(Priority::Vip).map(|(name, seen)| Row::new(name, seen)).collect();
    let room = max.saturating_sub(shown.len());
    let surplus = rows(Priority::Normal).skip(room).map(|(name, seen)| Row::new(name, seen));
    let other = surplus.map(|row| Row { name: OTHER, account: OTHER, ..row }).reduce(Row::worst);
    shown.extend(rows(Priority::Normal).take(room).map(|(name, seen)| Row::new(name, seen)));
    shown.extend(other);
    shown
}

fn times<'a>(
    rows: &'a [Row<'a>],
    time: impl Fn(&Row<'a>) -> Option<Timestamp>,
) -> impl Iterator<Item = (Vec<&'a str>, f64)> {
    rows.iter().filter_map(move |row| Some((vec![row.name], unix_seconds(time(row)?))))
}

fn counts(all: &[(String, Seen)], now: Timestamp) -> Vec<(Vec<&'static str>, f64)> {
    let count = |priority, state| {
        all.iter().filter(|(_, seen)| seen.priority == priority && seen.freshness.state(now) == state).count()
    };
    let sets = Priority::ALL.into_iter().flat_map(|priority| WatchState::ALL.map(|state| (priority, state)));
    sets.map(|(priority, state)| (vec![priority.as_str(), state.as_str()], count(priority, state) as f64))
        .collect()
}

/// The longest ago success by priority. A watch that has had none yet counts from when it was first watched,
/// so that one that never succeeds shows.
fn oldest(all: &[Seen]) -> Vec<(Vec<&'static str>, f64)> {
    let success = |seen: &Seen| seen.freshness.last_success.unwrap_or(seen.freshness.since);
    let oldest = |priority| all.iter().filter(|seen| seen.priority == priority).map(success).min();
    Priority::ALL
        .into_iter()
        .filter_map(|priority| Some((vec![priority.as_str()], unix_seconds(oldest(priority)?))))
        .collect()
}

/// What a value is for each priority, of the times since when customers wait.
fn by_priority(
    all: &[Seen],
    value: impl Fn(&mut dyn Iterator<Item = Timestamp>) -> Option<f64>,
) -> Vec<(Vec<&'static str>, f64)> {
    let of = |priority| {
        let rows = all.iter().filter(move |seen| seen.priority == priority);
        value(&mut rows.filter_map(|seen| seen.waiting))
    };
    let rows =
        Priority::ALL.into_iter().filter_map(|priority| Some((vec![priority.as_str()], of(priority)?)));
    rows.collect()
}

#[cfg(test)]
mod tests;
