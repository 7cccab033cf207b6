//! What is measured of an account: its requests, its budget, its polls.

use std::time::Duration;

use jiff::Timestamp;
use prometheus::core::Collector as _;
use prometheus::{GaugeVec, HistogramVec, IntCounterVec, Registry, proto};

use super::families::{
    ACCOUNT_UP, API_BUDGET, API_DURATION, API_REQUESTS, API_THROTTLED, API_UTILIZATION, CLOCK_SKEW, POLLS,
    TOKEN_EXPIRY,
};
use super::owner::{Owner, forget};
use super::unix_seconds;
use crate::core::watch::Priority;

/// The endpoint that lists conversations; its series begin when it is first asked.
pub const LISTS: &str = "objects";

/// The endpoint that polling asks; the others appear once they are asked.
const POLLED_ENDPOINT: &str = "object";

/// The codes whose series start at 0.
const KNOWN_CODES: [&str; 10] = ["200", "400", "401", "403", "404", "429", "500", "502", "503", "504"];

/// What goes wrong with a request before or after there is a status.
const FAULTS: [&str; 7] = ["timeout", "connect", "tls", "dns", "body", "decode", "envelope"];

/// What a poll found.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum PollResult {
    /// Nothing new.
    Unchanged,
    /// Something new, or a first sight.
    Changed,
    /// No answer that could be read.
    Error,
}

impl PollResult {
    const ALL: [Self; 3] = [Self::Unchanged, Self::Changed, Self::Error];

    fn as_str(self) -> &'static str {
        match self {
            Self::Unchanged => "unchanged",
            Self::Changed => "changed",
            Self::Error => "error",
        }
    }
}

/// The series of one account. Writes after it left the configuration do nothing.
#[derive(Debug)]
pub struct AccountMetrics {
    owner: Owner,
    families: Families,
}

#[derive(Clone, Debug)]
pub(super) struct Families {
    requests: IntCounterVec,
    duration: HistogramVec,
    throttled: IntCounterVec,
    budget: GaugeVec,
    utilization: GaugeVec,
    up: GaugeVec,
    skew: GaugeVec,
    expiry: GaugeVec,
    polls: IntCounterVec,
}

impl Families {
    /// Polls of all accounts that ended so.
    pub(super) fn polls(&self, result: PollResult) -> u64 {
        let families = self.polls.collect();
        let series = families.iter().flat_map(proto::MetricFamily::get_metric);
        let is_result =
            |label: &proto::LabelPair| label.name() == "result" && label.value() == result.as_str();
        let is_it = |one: &&proto::Metric| one.get_label().iter().any(is_result);
        series.filter(is_it).map(|one| one.get_counter().get_value() as u64).sum()
    }

    pub(super) fn new(registry: &Registry) -> Self {
        Self {
            requests: API_REQUESTS.counters(registry),
            duration: API_DURATION.histograms(registry),
            throttled: API_THROTTLED.counters(registry),
            budget: API_BUDGET.gauges(registry),
            utilization: API_UTILIZATION.gauges(registry),
            up: ACCOUNT_UP.gauges(registry),
            skew: CLOCK_SKEW.gauges(registry),
            expiry: TOKEN_EXPIRY.gauges(registry),
            polls: POLLS.counters(registry),
        }
    }

    /// Every counter and histogram of a new account, at 0.
    pub(super) fn start(&self, name: &str) -> AccountMetrics {
        for code in KNOWN_CODES.iter().chain(&FAULTS) {
            self.requests.with_label_values(&[name, POLLED_ENDPOINT, code]);
        }
        self.duration.with_label_values(&[name, POLLED_ENDPOINT]);
        self.throttled.with_label_values(&[name]);
        for priority in Priority::ALL {
            for result in PollResult::ALL {
                self.polls.with_label_values(&[name, priority.as_str(), result.as_str()]);
            }
        }
        AccountMetrics { owner: Owner::new(name), families: self.clone() }
    }

    /// For something that is not in the configuration: writes do nothing.
    pub(super) fn detached(&self, name: &str) -> AccountMetrics {
        AccountMetrics { owner: Owner::gone(name), families: self.clone() }
    }
}

impl AccountMetrics {
    /// A request ended. `code` is the HTTP status, or `timeout`, `connect`, `tls`, `dns`, `body`, `decode` or
    /// `envelope`; anything else is counted as `other`, so that no answer can invent series.
    pub fn request(&self, endpoint: &'static str, code: &str, took: Duration) {
        let code = if is_code(code) { code } else { "other" };
        self.owner.write(|name| {
            self.families.requests.with_label_values(&[name, endpoint, code]).inc();
            self.families.duration.with_label_values(&[name, endpoint]).observe(took.as_secs_f64());
        });
    }

    /// `CommBox` asked for fewer requests.
    pub fn throttled(&self) {
        self.owner.write(|name| self.families.throttled.with_label_values(&[name]).inc());
    }

    /// Whether `CommBox` accepts the key.
    pub fn up(&self, up: bool) {
        self.owner.write(|name| self.families.up.with_label_values(&[name]).set(f64::from(up)));
    }

    /// The budget, and the share of it that the configured watches need.
    pub fn budget(&self, requests_per_second: f64, utilization: f64) {
        self.owner.write(|name| {
            self.families.budget.with_label_values(&[name]).set(requests_per_second);
            self.families.utilization.with_label_values(&[name]).set(utilization);
        });
    }

    /// `CommBox`'s clock minus ours, in seconds.
    pub fn clock_skew(&self, seconds: f64) {
        self.owner.write(|name| self.families.skew.with_label_values(&[name]).set(seconds));
    }

    /// When its key expires; `None` = it does not say.
    pub fn token_expires(&self, at: Option<Timestamp>) {
        self.owner.write(|name| match at {
            Some(at) => self.families.expiry.with_label_values(&[name]).set(unix_seconds(at)),
            None => forget(&self.families.expiry, "account", name),
        });
    }

    /// A poll ended.
    pub fn polled(&self, priority: Priority, result: PollResult) {
        self.owner.write(|name| {
            self.families.polls.with_label_values(&[name, priority.as_str(), result.as_str()]).inc();
        });
    }

    /// Removes every series of this account.
    pub(super) fn end(&self) {
        let families = &self.families;
        self.owner.end(|name| {
            for counters in [&families.requests, &families.throttled, &families.polls] {
                forget(counters, "account", name);
            }
            forget(&families.duration, "account", name);
            let gauges = [&families.budget, &families.utilization, &families.up, &families.skew];
            for gauges in gauges.into_iter().chain([&families.expiry]) {
                forget(gauges, "account", name);
            }
        });
    }
}

fn is_code(code: &str) -> bool {
    FAULTS.contains(&code) || (code.len() == 3 && code.bytes().all(|byte| byte.is_ascii_digit()))
}
