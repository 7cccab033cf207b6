//! Every metric there is: its name, type, labels and help, in one table. A name is stable once released.

use prometheus::core::Collector;
use prometheus::{GaugeVec, HistogramOpts, HistogramVec, IntCounterVec, Opts, Registry, proto};

/// What stands before every name but `process_*`, which the whole Prometheus world spells alike.
const PREFIX: &str = "commwatch_";

/// One family of series.
#[derive(Debug)]
pub(super) struct Family {
    name: &'static str,
    kind: Kind,
    labels: &'static [&'static str],
    help: &'static str,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Kind {
    Counter,
    Gauge,
    Histogram(&'static [f64]),
}

use Kind::{Counter, Gauge, Histogram};

/// One request to an API: from a fast answer in the same city to the longest time-out that makes sense.
const REQUEST_SECONDS: &[f64] = &[0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0];

/// How late a poll starts: a timer's jitter, then a budget that is too small, then something that is stuck.
const LATE_SECONDS: &[f64] = &[0.005, 0.025, 0.1, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0];

/// What a customer feels: a polling interval or two, then minutes, then a receiver that was away for hours.
const DELAY_SECONDS: &[f64] = &[1.0, 2.0, 5.0, 10.0, 15.0, 30.0, 60.0, 120.0, 300.0, 900.0, 3600.0, 21600.0];

/// One commit: an SSD's `fsync`, a slow disk's, a disk in trouble.
const COMMIT_SECONDS: &[f64] = &[0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0];

macro_rules! families {
    ($($id:ident = $kind:expr, $name:literal, [$($label:literal),*], $help:literal;)*) => {
        $(pub(super) const $id: Family =
            Family { name: $name, kind: $kind, labels: &[$($label),*], help: $help };)*

        /// All of them, in the order of the table.
        #[cfg(test)]
        pub(super) const ALL: &[&Family] = &[$(&$id),*];
    };
}

families! {
    BUILD_INFO = Gauge, "build_info", ["version", "revision"],
        "Which build this is; always 1.";
    CONFIG_OK = Gauge, "config_last_reload_successful", [],
        "Whether the configuration as it stands on disk is the one in use (1) or was refused or held back (0).";
    CONFIG_OK_AT = Gauge, "config_last_reload_success_timestamp_seconds", [],
        "When a configuration was last taken into use.";

    API_REQUESTS = Counter, "api_requests_total", ["account", "endpoint", "code"],
        "Requests to CommBox by HTTP status, or by what went wrong before there was one.";
    API_DURATION = Histogram(REQUEST_SECONDS), "api_request_duration_seconds", ["account", "endpoint"],
        "Time from sending a request to CommBox until its whole answer was read or it failed.";
    API_THROTTLED = Counter, "api_throttled_total", ["account"],
        "Answers by which CommBox asked for fewer requests.";
    API_BUDGET = Gauge, "api_budget_requests_per_second", ["account"],
        "Requests a second that this account may send.";
    API_UTILIZATION = Gauge, "api_budget_utilization_ratio", ["account"],
        "Share of the request budget that the configured watches need; above 1 they are polled late.";
    ACCOUNT_UP = Gauge, "account_up", ["account"],
        "Whether CommBox accepts this account's key.";
    TOKEN_EXPIRY = Gauge, "account_token_expiry_timestamp_seconds", ["account"],
        "When this account's key expires, if it says so.";
    CLOCK_SKEW = Gauge, "clock_skew_seconds", ["account"],
        "CommBox's clock minus ours, as its last answers have it.";
    CLOCK_JUMPS = Counter, "clock_jumps_total", [],
        "Times that the machine's clock was set while commwatch ran.";

    POLLS = Counter, "polls_total", ["account", "priority", "result"],
        "Polls by what they found.";
    POLL_START_DELAY = Histogram(LATE_SECONDS), "poll_start_delay_seconds", [],
        "Time from when a poll was due until its request was sent.";
    POLLS_IN_FLIGHT = Gauge, "polls_in_flight", [],
        "Polls under way.";

    WATCH_INFO = Gauge, "watch_info", ["watch", "account", "priority"],
        "Which watches there are; always 1. Beyond a limit, watches that are not VIPs share the name _other.";
    WATCH_UP = Gauge, "watch_up", ["watch"],
        "Whether the last poll of this watch got an answer that could be read.";
    WATCH_INTERVAL = Gauge, "watch_target_interval_seconds", ["watch"],
        "How often this watch is to be polled.";
    WATCH_SUCCESS = Gauge, "watch_last_success_timestamp_seconds", ["watch"],
        "When this watch was last polled with success.";
    WATCH_MESSAGE = Gauge, "watch_last_message_timestamp_seconds", ["watch"],
        "When the newest message in this watch was written.";
    WATCH_CONVERSATIONS = Gauge, "watch_conversations", ["watch"],
        "How many conversations this watch has now: 1, or as many as were found for it.";
    WATCHES = Gauge, "watches", ["priority", "state"],
        "Watches by how well they are seen.";
    OLDEST_SUCCESS = Gauge, "oldest_success_timestamp_seconds", ["priority"],
        "The last successful poll of the watch that has gone longest without one.";

    CONVERSATIONS_WAITING = Gauge, "conversations_waiting", ["priority"],
        "Conversations whose customer waits for an answer of a person.";
    OLDEST_WAITING = Gauge, "oldest_waiting_timestamp_seconds", ["priority"],
        "When the message was written that has waited longest for an answer; absent while nobody waits.";

    EVENTS = Counter, "events_total", ["type", "priority"],
        "Events written to the store; priority is none where an event is about commwatch itself.";
    DETECTION_DELAY = Histogram(DELAY_SECONDS), "detection_delay_seconds", ["priority"],
        "Time from when a message was created in CommBox until its event was committed.";
    DISPATCH_DELAY = Histogram(DELAY_SECONDS), "dispatch_delay_seconds", ["notifier", "priority"],
        "Time from when a message was created in CommBox until a notifier's receiver accepted it.";

    DELIVERIES = Counter, "deliveries_total", ["notifier", "result"],
        "Deliveries that are final, by how they ended.";
    ATTEMPTS = Counter, "delivery_attempts_total", ["notifier", "outcome"],
        "Attempts to deliver, by what the plugin said about them.";
    ATTEMPT_DURATION = Histogram(REQUEST_SECONDS), "delivery_attempt_duration_seconds", ["notifier"],
        "Time that one attempt to deliver took.";
    OUTBOX_PENDING = Gauge, "outbox_pending", ["notifier"],
        "Deliveries that are not final.";
    OUTBOX_HELD = Gauge, "outbox_held", ["notifier", "reason"],
        "Pending deliveries that wait for something other than their turn.";
    OUTBOX_OLDEST = Gauge, "outbox_oldest_pending_timestamp_seconds", ["notifier"],
        "When the oldest pending delivery was written; absent while there is none.";
    OUTBOX_DEAD = Gauge, "outbox_dead", ["notifier"],
        "Dead letters that are kept.";
    OUTBOX_IMBALANCE = Gauge, "outbox_imbalance", ["notifier"],
        "Deliveries written minus those delivered, dead, suppressed, grouped and pending; anything but 0 is a bug.";

    SILENCES = Gauge, "silences_active", [],
        "Silences that hold.";

    HEARTBEAT_INTERVAL = Gauge, "heartbeat_interval_seconds", [],
        "How often a heartbeat is sent; absent where none is configured.";
    HEARTBEAT_SUCCESS = Gauge, "heartbeat_last_success_timestamp_seconds", ["notifier"],
        "When this notifier's receiver last accepted a heartbeat.";

    NOTIFIER_UP = Gauge, "notifier_up", ["notifier"],
        "Whether this notifier's receiver accepts what it is sent.";
    PLUGIN_UP = Gauge, "plugin_process_up", ["notifier"],
        "Whether this notifier's process runs.";
    PLUGIN_RESTARTS = Counter, "plugin_restarts_total", ["notifier", "reason"],
        "Times that this notifier's process was replaced.";
    PLUGIN_INFO = Gauge, "plugin_info", ["notifier", "plugin", "version"],
        "Which plugin a notifier runs; always 1.";

    STORE_COMMIT = Histogram(COMMIT_SECONDS), "store_commit_duration_seconds", [],
        "Time that a commit took, until it was safe on disk.";
    STORE_ERRORS = Counter, "store_errors_total", [],
        "Reads and writes that the store could not do.";
    STORE_SIZE = Gauge, "store_size_bytes", [],
        "Size of the database and its log.";
    STORE_FREE = Gauge, "store_free_bytes", [],
        "Free space on the database's file system.";

    PROCESS_CPU = Counter, "process_cpu_seconds_total", [],
        "Total user and system CPU time spent in seconds.";
    PROCESS_RSS = Gauge, "process_resident_memory_bytes", [],
        "Resident memory size in bytes.";
    PROCESS_VSZ = Gauge, "process_virtual_memory_bytes", [],
        "Virtual memory size in bytes.";
    PROCESS_FDS = Gauge, "process_open_fds", [],
        "Number of open file descriptors.";
    PROCESS_FDS_MAX = Gauge, "process_max_fds", [],
        "Maximum number of open file descriptors.";
    PROCESS_THREADS = Gauge, "process_threads", [],
        "Number of OS threads in the process.";
    PROCESS_START = Gauge, "process_start_time_seconds", [],
        "Start time of the process since unix epoch in seconds.";
}

/// Whoever adds a family with a mistake in it learns of it from the first test that makes a `Metrics`.
const SOUND: &str = "the table of metrics is sound: names are legal and none stands twice";

impl Family {
    /// Its name as scraped.
    pub(super) fn full_name(&self) -> String {
        if self.name.starts_with("process_") {
            self.name.to_owned()
        } else {
            format!("{PREFIX}{}", self.name)
        }
    }

    pub(super) fn counters(&self, registry: &Registry) -> IntCounterVec {
        assert!(matches!(self.kind, Counter), "{} is not a counter", self.name);
        let opts = Opts::new(self.full_name(), self.help);
        registered(registry, IntCounterVec::new(opts, self.labels).expect(SOUND))
    }

    pub(super) fn gauges(&self, registry: &Registry) -> GaugeVec {
        assert!(matches!(self.kind, Gauge), "{} is not a gauge", self.name);
        let opts = Opts::new(self.full_name(), self.help);
        registered(registry, GaugeVec::new(opts, self.labels).expect(SOUND))
    }

    pub(super) fn histograms(&self, registry: &Registry) -> HistogramVec {
        let Histogram(buckets) = self.kind else { panic!("{} is not a histogram", self.name) };
        let opts = HistogramOpts::new(self.full_name(), self.help).buckets(buckets.to_vec());
        registered(registry, HistogramVec::new(opts, self.labels).expect(SOUND))
    }

    /// A description, for collectors that make their series when they are asked.
    pub(super) fn desc(&self) -> prometheus::core::Desc {
        let labels = self.labels.iter().map(|label| (*label).to_owned()).collect();
        prometheus::core::Desc::new(self.full_name(), self.help.to_owned(), labels, Default::default())
            .expect(SOUND)
    }

    /// The family with these series: label values in the table's order, and the value.
    pub(super) fn rows<'a>(
        &self,
        rows: impl IntoIterator<Item = (Vec<&'a str>, f64)>,
    ) -> proto::MetricFamily {
        let metrics = rows.into_iter().map(|(values, value)| self.row(&values, value)).collect();
        let mut family = proto::MetricFamily::default();
        family.set_name(self.full_name());
        family.set_help(self.help.to_owned());
        family.set_field_type(match self.kind {
            Counter => proto::MetricType::COUNTER,
            _ => proto::MetricType::GAUGE,
        });
        family.set_metric(metrics);
        family
    }

    fn row(&self, values: &[&str], value: f64) -> proto::Metric {
        let pairs = self.labels.iter().zip(values).map(|(name, value)| {
            let mut pair = proto::LabelPair::default();
            pair.set_name((*name).to_owned());
            pair.set_value((*value).to_owned());
            pair
        });
        let mut metric = proto::Metric::from_label(pairs.collect());
        if matches!(self.kind, Counter) {
            let mut counter = proto::Counter::default();
            counter.set_value(value);
            metric.set_counter(counter);
        } else {
            let mut gauge = proto::Gauge::default();
            gauge.set_value(value);
            metric.set_gauge(gauge);
        }
        metric
    }
}

fn registered<C: Collector + Clone + 'static>(registry: &Registry, collector: C) -> C {
    registry.register(Box::new(collector.clone())).expect(SOUND);
    collector
}

#[cfg(test)]
impl Family {
    /// One line for a person: name, type, labels, help.
    pub(super) fn line(&self) -> String {
        let kind = match self.kind {
            Counter => "counter",
            Gauge => "gauge",
            Histogram(_) => "histogram",
        };
        let labels =
            if self.labels.is_empty() { String::new() } else { format!("{{{}}}", self.labels.join(",")) };
        format!("{}{labels} {kind}: {}", self.full_name(), self.help)
    }
}
