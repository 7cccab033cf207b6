//! What the page draws of what is measured: the same histograms and counters, over all labels.

use prometheus::HistogramVec;
use prometheus::core::Collector as _;

use super::Metrics;
use super::account::PollResult;

/// How many took how long.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Distribution {
    /// The upper ends of the classes, seconds, in ascending order.
    pub upper: Vec<f64>,
    /// How many are in each class; one more, for those above the last end.
    pub counts: Vec<u64>,
}

/// Polls by what they found.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct PollCounts {
    /// Nothing new.
    pub unchanged: u64,
    /// Something new.
    pub changed: u64,
    /// No answer that could be read.
    pub error: u64,
}

/// All that is drawn. Counted since the process started.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Charts {
    /// From a message's creation to its event.
    pub detection: Distribution,
    /// From a message's creation to a receiver's yes.
    pub dispatch: Distribution,
    /// Polls.
    pub polls: PollCounts,
}

impl Distribution {
    /// Of all series of a histogram.
    fn of(histograms: &HistogramVec) -> Self {
        let mut sum = Self::default();
        for family in histograms.collect() {
            for metric in family.get_metric() {
                let histogram = metric.get_histogram();
                let mut below = 0;
                let buckets = histogram.get_bucket();
                sum.upper = buckets.iter().map(prometheus::proto::Bucket::upper_bound).collect();
                sum.counts.resize(buckets.len() + 1, 0);
                for (count, bucket) in sum.counts.iter_mut().zip(buckets) {
                    *count += bucket.cumulative_count() - below;
                    below = bucket.cumulative_count();
                }
                sum.counts[buckets.len()] += histogram.get_sample_count().saturating_sub(below);
            }
        }
        sum
    }

    /// How many there are.
    pub fn total(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// The end of the class within which this share of all is; `None` where that is above the last end, or nothing is
    /// there.
    pub fn within(&self, share: f64) -> Option<f64> {
        let wanted = self.total() as f64 * share;
        let mut below = 0;
        let class = self.counts.iter().position(|count| {
            below += count;
            below > 0 && below as f64 >= wanted
        })?;
        self.upper.get(class).copied()
    }
}

impl Metrics {
    /// What the page draws.
    pub fn charts(&self) -> Charts {
        let count = |result| self.account_families.polls(result);
        Charts {
            detection: Distribution::of(&self.detection_delay),
            dispatch: Distribution::of(self.notifier_families.dispatch_delay()),
            polls: PollCounts {
                unchanged: count(PollResult::Unchanged),
                changed: count(PollResult::Changed),
                error: count(PollResult::Error),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use jiff::Timestamp;

    use super::*;
    use crate::core::watch::Priority;

    #[test]
    fn charts_are_of_all_series_together() {
        let now = Timestamp::UNIX_EPOCH + Duration::from_secs(100_000);
        let metrics = Metrics::new(now);
        assert_eq!(metrics.charts().detection.total(), 0);
        assert_eq!(metrics.charts().detection.within(0.5), None);
        for (priority, seconds) in
            [(Priority::Vip, 1), (Priority::Vip, 4), (Priority::Normal, 4), (Priority::Normal, 90_000)]
        {
            metrics.detected(priority, now - Duration::from_secs(seconds), now);
        }
        metrics.notifier("log").dispatched(Priority::Vip, now - Duration::from_secs(7), now);
        metrics.account("main").polled(Priority::Vip, PollResult::Changed);
        metrics.account("other").polled(Priority::Normal, PollResult::Changed);
        metrics.account("main").polled(Priority::Normal, PollResult::Error);
        let charts = metrics.charts();
        assert_eq!(charts.detection.upper.len() + 1, charts.detection.counts.len());
        assert_eq!(charts.detection.counts.iter().filter(|count| **count > 0).count(), 3);
        assert_eq!((charts.detection.total(), charts.detection.counts.last()), (4, Some(&1)));
        assert_eq!((charts.detection.within(0.5), charts.detection.within(0.95)), (Some(5.0), None));
        assert_eq!((charts.dispatch.total(), charts.dispatch.within(0.5)), (1, Some(10.0)));
        assert_eq!(charts.polls, PollCounts { unchanged: 0, changed: 2, error: 1 });
    }
}
