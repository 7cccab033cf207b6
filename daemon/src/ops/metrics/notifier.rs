//! What is measured of a notifier: its deliveries, its outbox, its process.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use prometheus::core::{Collector, Desc};
use prometheus::{GaugeVec, HistogramVec, IntCounterVec, Registry, proto};

use super::families::{
    ATTEMPT_DURATION, ATTEMPTS, DELIVERIES, DISPATCH_DELAY, HEARTBEAT_SUCCESS, NOTIFIER_UP, OUTBOX_DEAD,
    OUTBOX_HELD, OUTBOX_IMBALANCE, OUTBOX_OLDEST, OUTBOX_PENDING, PLUGIN_INFO, PLUGIN_RESTARTS, PLUGIN_UP,
};
use super::owner::{Owner, forget, has};
use super::{seconds_between, unix_seconds};
use crate::core::watch::Priority;

/// How a delivery ended for good.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum DeliveryResult {
    /// The receiver accepted it.
    Delivered,
    /// It is a dead letter.
    Dead,
    /// Another tells of it.
    Grouped,
    /// Nobody need hear of it: a silence was over it.
    Suppressed,
}

impl DeliveryResult {
    const ALL: [Self; 4] = [Self::Delivered, Self::Dead, Self::Grouped, Self::Suppressed];

    fn as_str(self) -> &'static str {
        match self {
            Self::Delivered => "delivered",
            Self::Dead => "dead",
            Self::Grouped => "grouped",
            Self::Suppressed => "suppressed",
        }
    }
}

/// What the plugin said about one attempt.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Attempt {
    /// Accepted.
    Delivered,
    /// Not now.
    Retry,
    /// Never.
    Reject,
    /// It may have arrived.
    Unknown,
    /// The notifier as a whole does not work.
    Broken,
}

impl Attempt {
    const ALL: [Self; 5] = [Self::Delivered, Self::Retry, Self::Reject, Self::Unknown, Self::Broken];

    fn as_str(self) -> &'static str {
        match self {
            Self::Delivered => "delivered",
            Self::Retry => "retry",
            Self::Reject => "reject",
            Self::Unknown => "unknown",
            Self::Broken => "broken",
        }
    }
}

/// What the store says about one notifier's outbox.
#[derive(Clone, Debug, Default)]
pub struct Outbox {
    /// Deliveries that are not final, held ones among them.
    pub pending: u64,
    /// Of those, how many wait for something other than their turn, by reason.
    pub held: BTreeMap<&'static str, u64>,
    /// When the oldest pending one was written.
    pub oldest_pending: Option<Timestamp>,
    /// Dead letters that are kept.
    pub dead: u64,
    /// Written minus delivered, suppressed, pending and dead; anything but 0 is a bug.
    pub imbalance: i64,
}

/// The series of one notifier. Writes after it left the configuration do nothing.
#[derive(Debug)]
pub struct NotifierMetrics {
    owner: Owner,
    families: Families,
}

#[derive(Clone, Debug)]
pub(super) struct Families {
    dispatch_delay: HistogramVec,
    deliveries: IntCounterVec,
    attempts: IntCounterVec,
    attempt_duration: HistogramVec,
    pending: GaugeVec,
    held: GaugeVec,
    oldest: GaugeVec,
    dead: GaugeVec,
    imbalance: GaugeVec,
    heartbeat: GaugeVec,
    up: GaugeVec,
    process_up: GaugeVec,
    restarts: IntCounterVec,
    info: PluginInfo,
}

impl Families {
    /// From a message's creation to a receiver's yes, of all notifiers.
    pub(super) fn dispatch_delay(&self) -> &HistogramVec {
        &self.dispatch_delay
    }

    pub(super) fn new(registry: &Registry) -> Self {
        let info = PluginInfo::new();
        registry.register(Box::new(info.clone())).expect("plugin_info is registered once");
        Self {
            dispatch_delay: DISPATCH_DELAY.histograms(registry),
            deliveries: DELIVERIES.counters(registry),
            attempts: ATTEMPTS.counters(registry),
            attempt_duration: ATTEMPT_DURATION.histograms(registry),
            pending: OUTBOX_PENDING.gauges(registry),
            held: OUTBOX_HELD.gauges(registry),
            oldest: OUTBOX_OLDEST.gauges(registry),
            dead: OUTBOX_DEAD.gauges(registry),
            imbalance: OUTBOX_IMBALANCE.gauges(registry),
            heartbeat: HEARTBEAT_SUCCESS.gauges(registry),
            up: NOTIFIER_UP.gauges(registry),
            process_up: PLUGIN_UP.gauges(registry),
            restarts: PLUGIN_RESTARTS.counters(registry),
            info,
        }
    }

    /// Every counter and histogram of a new notifier, at 0.
    pub(super) fn start(&self, name: &str) -> NotifierMetrics {
        for priority in Priority::ALL {
            self.dispatch_delay.with_label_values(&[name, priority.as_str()]);
        }
        for result in DeliveryResult::ALL {
            self.deliveries.with_label_values(&[name, result.as_str()]);
        }
        for outcome in Attempt::ALL {
            self.attempts.with_label_values(&[name, outcome.as_str()]);
        }
        self.attempt_duration.with_label_values(&[name]);
        NotifierMetrics { owner: Owner::new(name), families: self.clone() }
    }

    /// For something that is not in the configuration: writes do nothing.
    pub(super) fn detached(&self, name: &str) -> NotifierMetrics {
        NotifierMetrics { owner: Owner::gone(name), families: self.clone() }
    }
}

impl NotifierMetrics {
    /// An attempt ended.
    pub fn attempt(&self, outcome: Attempt, took: Duration) {
        self.owner.write(|name| {
            self.families.attempts.with_label_values(&[name, outcome.as_str()]).inc();
            self.families.attempt_duration.with_label_values(&[name]).observe(took.as_secs_f64());
        });
    }

    /// A delivery is final.
    pub fn delivery(&self, result: DeliveryResult) {
        self.deliveries(result, 1);
    }

    /// So many are.
    pub fn deliveries(&self, result: DeliveryResult, count: u64) {
        let deliveries = &self.families.deliveries;
        self.owner.write(|name| deliveries.with_label_values(&[name, result.as_str()]).inc_by(count));
    }

    /// A message created in `CommBox` at `created` was accepted by the receiver at `delivered`.
    pub fn dispatched(&self, priority: Priority, created: Timestamp, delivered: Timestamp) {
        let delay = seconds_between(created, delivered);
        self.owner.write(|name| {
            self.families.dispatch_delay.with_label_values(&[name, priority.as_str()]).observe(delay);
        });
    }

    /// Its receiver accepted a heartbeat.
    pub fn heartbeat(&self, at: Timestamp) {
        self.owner.write(|name| self.families.heartbeat.with_label_values(&[name]).set(unix_seconds(at)));
    }

    /// It is sent none any more.
    pub(super) fn no_heartbeat(&self) {
        self.owner.write(|name| forget(&self.families.heartbeat, "notifier", name));
    }

    /// What its outbox holds now.
    pub fn outbox(&self, outbox: &Outbox) {
        let families = &self.families;
        self.owner.write(|name| {
            families.pending.with_label_values(&[name]).set(outbox.pending as f64);
            families.dead.with_label_values(&[name]).set(outbox.dead as f64);
            families.imbalance.with_label_values(&[name]).set(outbox.imbalance as f64);
            forget(&families.held, "notifier", name);
            for (reason, count) in &outbox.held {
                families.held.with_label_values(&[name, reason]).set(*count as f64);
            }
            match outbox.oldest_pending {
                Some(at) => families.oldest.with_label_values(&[name]).set(unix_seconds(at)),
                None => forget(&families.oldest, "notifier", name),
            }
        });
    }

    /// The clock was set that its times are by.
    pub(super) fn clock_jumped(&self, by: SignedDuration) {
        self.owner.write(|name| {
            for times in [&self.families.oldest, &self.families.heartbeat] {
                if has(times, "notifier", name) {
                    times.with_label_values(&[name]).add(by.as_secs_f64());
                }
            }
        });
    }

    /// Whether its receiver accepts what it is sent.
    pub fn up(&self, up: bool) {
        self.owner.write(|name| self.families.up.with_label_values(&[name]).set(f64::from(up)));
    }

    /// Whether its process runs.
    pub fn process_up(&self, up: bool) {
        self.owner.write(|name| self.families.process_up.with_label_values(&[name]).set(f64::from(up)));
    }

    /// Its process was replaced that many times more.
    pub fn restarted(&self, reason: &'static str, times: u64) {
        self.owner.write(|name| self.families.restarts.with_label_values(&[name, reason]).inc_by(times));
    }

    /// Which plugin it runs, by the manifest.
    pub fn info(&self, plugin: &str, version: &str) {
        self.owner.write(|name| self.families.info.set(name, plugin, version));
    }

    /// Removes every series of this notifier.
    pub(super) fn end(&self) {
        let families = &self.families;
        self.owner.end(|name| {
            for histograms in [&families.dispatch_delay, &families.attempt_duration] {
                forget(histograms, "notifier", name);
            }
            for counters in [&families.deliveries, &families.attempts, &families.restarts] {
                forget(counters, "notifier", name);
            }
            let queue = [&families.pending, &families.held, &families.oldest, &families.dead];
            let health = [&families.imbalance, &families.up, &families.process_up, &families.heartbeat];
            for gauges in queue.into_iter().chain(health) {
                forget(gauges, "notifier", name);
            }
            families.info.forget(name);
        });
    }
}

/// `plugin_info`: two of its labels are free text, which `MetricVec` cannot tell apart (see [`Owner`]).
#[derive(Clone, Debug)]
struct PluginInfo {
    desc: Desc,
    by_notifier: Arc<Mutex<BTreeMap<String, (String, String)>>>,
}

impl PluginInfo {
    fn new() -> Self {
        Self { desc: PLUGIN_INFO.desc(), by_notifier: Arc::default() }
    }

    fn set(&self, notifier: &str, plugin: &str, version: &str) {
        let mut by_notifier = self.by_notifier.lock().unwrap_or_else(PoisonError::into_inner);
        by_notifier.insert(notifier.to_owned(), (plugin.to_owned(), version.to_owned()));
    }

    fn forget(&self, notifier: &str) {
        self.by_notifier.lock().unwrap_or_else(PoisonError::into_inner).remove(notifier);
    }
}

impl Collector for PluginInfo {
    fn desc(&self) -> Vec<&Desc> {
        vec![&self.desc]
    }

    fn collect(&self) -> Vec<proto::MetricFamily> {
        let by_notifier = self.by_notifier.lock().unwrap_or_else(PoisonError::into_inner);
        let rows = by_notifier.iter().map(|(name, (plugin, version))| (vec![&**name, plugin, version], 1.0));
        vec![PLUGIN_INFO.rows(rows)]
    }
}
