//! What is measured of each watch. Series are made when they are asked for, from what the watches know: that
//! way freshness is as of the scrape, a watch that has gone is gone, and the surplus can be folded.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use prometheus::core::{Collector, Desc};
use prometheus::proto;

use super::families::{
    CONVERSATIONS_WAITING, OLDEST_SUCCESS, OLDEST_WAITING, WATCH_INFO, WATCH_INTERVAL, WATCH_MESSAGE,
    WATCH_SUCCESS, WATCH_UP, WATCHES,
};
use super::unix_seconds;
use crate::core::daytime::moved;
use crate::core::watch::{ConversationId, Priority, Watch};
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

/// All watches, as a collector.
#[derive(Clone, Debug)]
pub(super) struct Watches {
    descs: [Desc; 9],
    series_max: usize,
    by_name: Arc<Mutex<BTreeMap<String, Arc<WatchMetrics>>>>,
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
            WATCHES,
            OLDEST_SUCCESS,
            CONVERSATIONS_WAITING,
            OLDEST_WAITING,
        ];
        Self { descs: families.map(|family| family.desc()), series_max, by_name: Arc::default() }
    }

    /// The handle of a watch. One that watches the same conversation as before keeps what is known of it.
    pub(super) fn started(&self, watch: &Watch, timeout: Duration, now: Timestamp) -> Arc<WatchMetrics> {
        let mut by_name = self.by_name.lock().unwrap_or_else(PoisonError::into_inner);
        let known = by_name.get(&watch.name).and_then(|known| known.of(watch, timeout));
        known.unwrap_or_else(|| {
            let new = WatchMetrics::new(watch, timeout, now);
            by_name.insert(watch.name.clone(), Arc::clone(&new));
            new
        })
    }

    /// The handle of a watch; of one that was not started, a handle that nothing is made of.
    pub(super) fn known(&self, watch: &Watch, timeout: Duration, now: Timestamp) -> Arc<WatchMetrics> {
        let by_name = self.by_name.lock().unwrap_or_else(PoisonError::into_inner);
        let known = by_name.get(&watch.name).and_then(|known| known.of(watch, timeout));
        known.unwrap_or_else(|| WatchMetrics::new(watch, timeout, now))
    }

    /// Forgets every watch that `keep` does not name.
    pub(super) fn retain(&self, keep: impl Fn(&str) -> bool) {
        self.by_name.lock().unwrap_or_else(PoisonError::into_inner).retain(|name, _| keep(name));
    }

    /// The clock was set that all of these are by.
    pub(super) fn clock_jumped(&self, by: SignedDuration) {
        let by_name = self.by_name.lock().unwrap_or_else(PoisonError::into_inner);
        by_name.values().for_each(|watch| watch.clock_jumped(by));
    }

    fn all(&self) -> Vec<(String, Seen)> {
        let by_name = self.by_name.lock().unwrap_or_else(PoisonError::into_inner);
        by_name.iter().map(|(name, watch)| (name.clone(), watch.seen())).collect()
    }

    fn families(&self, now: Timestamp) -> Vec<proto::MetricFamily> {
        let all = self.all();
        let shown = fold(&all, self.series_max);
        let mut families = vec![
            WATCH_INFO
                .rows(shown.iter().map(|row| (vec![row.name, row.account, row.priority.as_str()], 1.0))),
            WATCH_UP.rows(shown.iter().filter_map(|row| Some((vec![row.name], f64::from(row.up?))))),
            WATCH_INTERVAL.rows(shown.iter().map(|row| (vec![row.name], row.interval.as_secs_f64()))),
            WATCH_SUCCESS.rows(times(&shown, |row| row.last_success)),
            WATCH_MESSAGE.rows(times(&shown, |row| row.last_message)),
        ];
        families.push(WATCHES.rows(counts(&all, now)));
        families.push(OLDEST_SUCCESS.rows(oldest(&all)));
        families.push(CONVERSATIONS_WAITING.rows(by_priority(&all, |waiting| Some(waiting.count() as f64))));
        families.push(OLDEST_WAITING.rows(by_priority(&all, |waiting| waiting.min().map(unix_seconds))));
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
        let stale_first = if other.stale_from < self.stale_from { other } else { self };
        Row { name: OTHER, account: OTHER, up, last_message, ..stale_first }
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
fn oldest(all: &[(String, Seen)]) -> Vec<(Vec<&'static str>, f64)> {
    let success = |seen: &Seen| seen.freshness.last_success.unwrap_or(seen.freshness.since);
    let oldest = |priority| all.iter().filter(|(_, s)| s.priority == priority).map(|(_, s)| success(s)).min();
    Priority::ALL
        .into_iter()
        .filter_map(|priority| Some((vec![priority.as_str()], unix_seconds(oldest(priority)?))))
        .collect()
}

/// What a value is for each priority, of the times since when customers wait.
fn by_priority(
    all: &[(String, Seen)],
    value: impl Fn(&mut dyn Iterator<Item = Timestamp>) -> Option<f64>,
) -> Vec<(Vec<&'static str>, f64)> {
    let of = |priority| {
        let rows = all.iter().filter(move |(_, seen)| seen.priority == priority);
        value(&mut rows.filter_map(|(_, seen)| seen.waiting))
    };
    let rows =
        Priority::ALL.into_iter().filter_map(|priority| Some((vec![priority.as_str()], of(priority)?)));
    rows.collect()
}

#[cfg(test)]
mod tests;
