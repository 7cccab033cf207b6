//! What Prometheus is told. Every name stands in `metrics/families.rs`; nothing reads metrics to decide.
//!
//! Label values are names from the configuration and words from fixed lists, never an id that was discovered,
//! a customer's name or text. Series of accounts, notifiers and watches end when these leave the
//! configuration. Counters and histograms of every known label set start at 0; times are absent until known.

mod account;
mod charts;
mod families;
mod notifier;
mod owner;
mod process;
mod watches;

use std::collections::{BTreeMap, HashSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use prometheus::{
    Gauge, GaugeVec, Histogram, HistogramVec, IntCounter, IntCounterVec, Registry, TextEncoder,
};

pub use account::{AccountMetrics, LISTS, PollResult};
pub use charts::{Charts, Distribution, PollCounts};
pub use notifier::{Attempt, DeliveryResult, NotifierMetrics, Outbox};
pub use watches::{OTHER, WATCH_SERIES_MAX, WatchMetrics};

use self::families::{
    BUILD_INFO, CLOCK_JUMPS, CONFIG_OK, CONFIG_OK_AT, DETECTION_DELAY, EVENTS, HEARTBEAT_INTERVAL,
    POLL_START_DELAY, POLLS_IN_FLIGHT, SILENCES, STORE_COMMIT, STORE_ERRORS, STORE_FREE, STORE_SIZE,
};
use self::watches::Watches;
use crate::config::Config;
use crate::core::event::EventKind;
use crate::core::seek::Seek;
use crate::core::watch::{ConversationId, Priority, Watch};
use crate::ops::status::Freshness;

/// The priority of an event that has none.
const NO_PRIORITY: &str = "none";

/// The content type of [`Metrics::encode`].
pub const TEXT_FORMAT: &str = prometheus::TEXT_FORMAT;

/// A label list without labels.
const NONE: [&str; 0] = [];

/// All that is measured. Made once a process; shared by reference.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    config_ok: GaugeVec,
    config_ok_at: GaugeVec,
    poll_start_delay: Histogram,
    polls_in_flight: Gauge,
    events: IntCounterVec,
    detection_delay: HistogramVec,
    clock_jumps: IntCounter,
    store_commit: Histogram,
    silences: Gauge,
    heartbeat_interval: GaugeVec,
    store_errors: IntCounter,
    store_size: GaugeVec,
    store_free: GaugeVec,
    account_families: account::Families,
    accounts: Mutex<BTreeMap<String, Arc<AccountMetrics>>>,
    notifier_families: notifier::Families,
    notifiers: Mutex<BTreeMap<String, Arc<NotifierMetrics>>>,
    watches: Watches,
    /// Set once there is a configuration: what that does not name has no series, however late somebody asks for them.
    closed: AtomicBool,
}

impl Metrics {
    /// For a process that started at `started`.
    pub fn new(started: Timestamp) -> Self {
        let registry = Registry::new();
        let watches = Watches::new();
        let own = "each collector is registered once";
        registry.register(Box::new(watches.clone())).expect(own);
        registry.register(Box::new(process::Process::new(started))).expect(own);
        let build = [env!("CARGO_PKG_VERSION"), option_env!("COMMWATCH_REVISION").unwrap_or("unknown")];
        BUILD_INFO.gauges(&registry).with_label_values(&build).set(1.0);
        let metrics = Self {
            config_ok: CONFIG_OK.gauges(&registry),
            config_ok_at: CONFIG_OK_AT.gauges(&registry),
            poll_start_delay: POLL_START_DELAY.histograms(&registry).with_label_values(&NONE),
            polls_in_flight: POLLS_IN_FLIGHT.gauges(&registry).with_label_values(&NONE),
            events: EVENTS.counters(&registry),
            detection_delay: DETECTION_DELAY.histograms(&registry),
            clock_jumps: CLOCK_JUMPS.counters(&registry).with_label_values(&NONE),
            store_commit: STORE_COMMIT.histograms(&registry).with_label_values(&NONE),
            silences: SILENCES.gauges(&registry).with_label_values(&NONE),
            heartbeat_interval: HEARTBEAT_INTERVAL.gauges(&registry),
            store_errors: STORE_ERRORS.counters(&registry).with_label_values(&NONE),
            store_size: STORE_SIZE.gauges(&registry),
            store_free: STORE_FREE.gauges(&registry),
            account_families: account::Families::new(&registry),
            accounts: Mutex::default(),
            notifier_families: notifier::Families::new(&registry),
            notifiers: Mutex::default(),
            watches,
            closed: AtomicBool::new(false),
            registry,
        };
        metrics.start_events();
        metrics
    }

    fn start_events(&self) {
        for priority in Priority::ALL {
            self.detection_delay.with_label_values(&[priority.as_str()]);
            for kind in EventKind::ALL.into_iter().filter(|kind| kind.is_of_watch()) {
                self.events.with_label_values(&[kind.as_str(), priority.as_str()]);
            }
        }
        for kind in EventKind::ALL.into_iter().filter(|kind| !kind.is_of_watch()) {
            self.events.with_label_values(&[kind.as_str(), NO_PRIORITY]);
        }
    }

    /// Starts the series of all that `config` names, and ends those of all that it does not. At start, and
    /// whenever a configuration was taken into use.
    pub fn configure(&self, config: &Config, now: Timestamp) {
        for name in config.accounts.keys() {
            self.started_account(name);
        }
        for name in config.notifiers.keys() {
            self.started_notifier(name);
        }
        for watch in &config.watches {
            let account = config.accounts.get(&watch.conversation.account);
            self.watches.started(watch, account.map_or(Duration::ZERO, |account| account.timeout), now);
        }
        for seek in &config.seeks {
            let account = config.accounts.get(&seek.account);
            self.watches.looking(seek, account.map_or(Duration::ZERO, |account| account.timeout), now);
        }
        match &config.heartbeat {
            Some(one) => self.heartbeat_interval.with_label_values(&NONE).set(one.every.as_secs_f64()),
            None => self.heartbeat_interval.reset(),
        }
        self.forget_accounts(|name| config.accounts.contains_key(name));
        self.forget_notifiers(|name| config.notifiers.contains_key(name));
        // Nobody waits for those of whoever gets none any more.
        let gets = |name| config.heartbeat.as_ref().is_some_and(|heartbeat| heartbeat.notify.contains(name));
        for name in config.notifiers.keys().filter(|name| !gets(name)) {
            self.notifier(name).no_heartbeat();
        }
        let names: std::collections::HashSet<&str> = config.watch_names().collect();
        self.watches.retain(|name| names.contains(name));
        self.closed.store(true, Ordering::Relaxed);
    }

    /// The series of an account; started where there are none. Of one that is not configured, writes do nothing.
    pub fn account(&self, name: &str) -> Arc<AccountMetrics> {
        if !self.closed.load(Ordering::Relaxed) {
            return self.started_account(name);
        }
        let accounts = self.accounts.lock().unwrap_or_else(PoisonError::into_inner);
        let detached = || Arc::new(self.account_families.detached(name));
        accounts.get(name).cloned().unwrap_or_else(detached)
    }

    fn started_account(&self, name: &str) -> Arc<AccountMetrics> {
        let mut accounts = self.accounts.lock().unwrap_or_else(PoisonError::into_inner);
        let start = || Arc::new(self.account_families.start(name));
        Arc::clone(accounts.entry(name.to_owned()).or_insert_with(start))
    }

    /// The series of a notifier; started where there are none. Of one that is not configured, writes do nothing.
    pub fn notifier(&self, name: &str) -> Arc<NotifierMetrics> {
        if !self.closed.load(Ordering::Relaxed) {
            return self.started_notifier(name);
        }
        let notifiers = self.notifiers.lock().unwrap_or_else(PoisonError::into_inner);
        let detached = || Arc::new(self.notifier_families.detached(name));
        notifiers.get(name).cloned().unwrap_or_else(detached)
    }

    fn started_notifier(&self, name: &str) -> Arc<NotifierMetrics> {
        let mut notifiers = self.notifiers.lock().unwrap_or_else(PoisonError::into_inner);
        let start = || Arc::new(self.notifier_families.start(name));
        Arc::clone(notifiers.entry(name.to_owned()).or_insert_with(start))
    }

    /// The series of a watch; started where there are none, and nowhere of one that is not configured. A watch that keeps its conversation keeps what is
    /// known of it. `timeout` is its account's.
    pub fn watch(&self, watch: &Watch, timeout: Duration, now: Timestamp) -> Arc<WatchMetrics> {
        if self.closed.load(Ordering::Relaxed) {
            return self.watches.known(watch, timeout, now);
        }
        self.watches.started(watch, timeout, now)
    }

    /// How looking for the conversations of a watch goes; nothing is made of it where the watch is not configured.
    pub fn look(&self, seek: &Seek, timeout: Duration, now: Timestamp) -> Arc<WatchMetrics> {
        self.watches.looks(seek, timeout, now)
    }

    /// What is watched because it was found for a watch: series know of no other conversation.
    pub fn found(&self, watch: &str, conversations: &HashSet<&ConversationId>) {
        self.watches.found(watch, conversations);
    }

    /// How fresh a watch is with all that was found for it; `None` of one that is not configured.
    pub fn freshness(&self, watch: &str) -> Option<Freshness> {
        self.watches.freshness(watch)
    }

    fn forget_accounts(&self, keep: impl Fn(&str) -> bool) {
        let mut accounts = self.accounts.lock().unwrap_or_else(PoisonError::into_inner);
        accounts.retain(|name, account| keep(name) || (account.end(), false).1);
    }

    fn forget_notifiers(&self, keep: impl Fn(&str) -> bool) {
        let mut notifiers = self.notifiers.lock().unwrap_or_else(PoisonError::into_inner);
        notifiers.retain(|name, notifier| keep(name) || (notifier.end(), false).1);
    }

    /// A configuration was taken into use, at start or later.
    pub fn config_taken(&self, at: Timestamp) {
        self.config_ok.with_label_values(&NONE).set(1.0);
        self.config_ok_at.with_label_values(&NONE).set(unix_seconds(at));
    }

    /// A changed configuration was refused or is held back; the one in use stays.
    pub fn config_refused(&self) {
        self.config_ok.with_label_values(&NONE).set(0.0);
    }

    /// A poll that was due `late` ago begins; it ends when the answer is dropped.
    #[must_use = "the poll counts as under way until this is dropped"]
    pub fn poll_begins(&self, late: Duration) -> PollInFlight {
        self.poll_start_delay.observe(late.as_secs_f64());
        self.polls_in_flight.inc();
        PollInFlight(self.polls_in_flight.clone())
    }

    /// An event was written. `None` where it is about commwatch itself.
    pub fn event(&self, kind: &'static str, priority: Option<Priority>) {
        self.events.with_label_values(&[kind, priority.map_or(NO_PRIORITY, Priority::as_str)]).inc();
    }

    /// The event of a message created in `CommBox` at `created` was committed at `committed`.
    pub fn detected(&self, priority: Priority, created: Timestamp, committed: Timestamp) {
        self.detection_delay
            .with_label_values(&[priority.as_str()])
            .observe(seconds_between(created, committed));
    }

    /// The machine's clock was set: times that were read from it before are as it would have them now.
    pub fn clock_jumped(&self, by: SignedDuration) {
        self.watches.clock_jumped(by);
        let notifiers = self.notifiers.lock().unwrap_or_else(PoisonError::into_inner);
        notifiers.values().for_each(|notifier| notifier.clock_jumped(by));
        // Last: whoever sees that it was counted sees the rest as well.
        self.clock_jumps.inc();
    }

    /// How many silences hold.
    pub fn silences(&self, active: usize) {
        self.silences.set(active as f64);
    }

    /// A commit was made durable.
    pub fn store_commit(&self, took: Duration) {
        self.store_commit.observe(took.as_secs_f64());
    }

    /// The store could not do something.
    pub fn store_error(&self) {
        self.store_errors.inc();
    }

    /// The size of the database with its log, and the free space on its file system.
    pub fn store_space(&self, size_bytes: u64, free_bytes: u64) {
        self.store_size.with_label_values(&NONE).set(size_bytes as f64);
        self.store_free.with_label_values(&NONE).set(free_bytes as f64);
    }

    /// Everything, in Prometheus' text format 0.0.4 ([`TEXT_FORMAT`]).
    pub fn encode(&self) -> String {
        let families = self.registry.gather();
        TextEncoder::new().encode_to_string(&families).expect("families that were gathered can be written")
    }
}

/// A poll under way.
#[derive(Debug)]
pub struct PollInFlight(Gauge);

impl Drop for PollInFlight {
    fn drop(&mut self) {
        self.0.dec();
    }
}

fn unix_seconds(at: Timestamp) -> f64 {
    // Milliseconds are exact in a float; nanoseconds would not be.
    at.as_millisecond() as f64 / 1000.0
}

/// Seconds from one to the other; 0 where clocks disagree about their order.
fn seconds_between(from: Timestamp, to: Timestamp) -> f64 {
    to.duration_since(from).as_secs_f64().max(0.0)
}

#[cfg(test)]
mod tests;
