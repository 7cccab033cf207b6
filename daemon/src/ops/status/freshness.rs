//! Whether a watch is seen well enough to be trusted. Pure; page, CLI, readiness and metrics all ask here.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::core::watch::patience;

/// How well a watch is seen.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum WatchState {
    /// Polled with success as often as it should be.
    Fresh,
    /// Not polled yet, and not overdue.
    WaitingForFirstPoll,
    /// The last poll failed; the one before it is recent enough still.
    Failing,
    /// No successful poll for more than three intervals and a time-out: messages may be waiting unseen.
    Stale,
    /// `CommBox` says that the conversation is not there.
    Unreachable,
}

impl WatchState {
    /// Every value, best first.
    pub const ALL: [Self; 5] =
        [Self::Fresh, Self::WaitingForFirstPoll, Self::Failing, Self::Stale, Self::Unreachable];

    /// The word used in metrics and JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Fresh => "fresh",
            Self::WaitingForFirstPoll => "waiting-for-first-poll",
            Self::Failing => "failing",
            Self::Stale => "stale",
            Self::Unreachable => "unreachable",
        }
    }
}

/// What went wrong with the last poll.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Trouble {
    /// No answer that could be read.
    Failing,
    /// `CommBox` says that the conversation is not there.
    Unreachable,
}

/// What decides whether a watch is fresh.
#[derive(Clone, Copy, Debug)]
pub struct Freshness {
    /// Since when it has been watched by this process.
    pub since: Timestamp,
    /// How often it is to be polled.
    pub interval: Duration,
    /// How long one poll may take.
    pub timeout: Duration,
    /// The last poll that got an answer that could be read.
    pub last_success: Option<Timestamp>,
    /// What went wrong since then.
    pub trouble: Option<Trouble>,
}

impl Freshness {
    /// From when on it is stale, unless a poll succeeds before.
    pub fn stale_from(&self) -> Timestamp {
        let seen = self.last_success.unwrap_or(self.since);
        seen.checked_add(patience(self.interval, self.timeout)).unwrap_or(Timestamp::MAX)
    }

    /// How well the watch is seen.
    pub fn state(&self, now: Timestamp) -> WatchState {
        match (self.trouble, self.last_success) {
            (Some(Trouble::Unreachable), _) => WatchState::Unreachable,
            _ if now > self.stale_from() => WatchState::Stale,
            (Some(Trouble::Failing), _) => WatchState::Failing,
            (None, None) => WatchState::WaitingForFirstPoll,
            (None, Some(_)) => WatchState::Fresh,
        }
    }

    /// Whether what is known of the conversation is recent: it was polled, and lately, and is there.
    pub fn fresh(&self, now: Timestamp) -> bool {
        self.last_success.is_some() && !matches!(self.state(now), WatchState::Stale | WatchState::Unreachable)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Timestamp = Timestamp::UNIX_EPOCH;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn polled(last_success: Option<i64>, trouble: Option<Trouble>) -> Freshness {
        Freshness {
            since: START,
            interval: Duration::from_secs(10),
            timeout: Duration::from_secs(5),
            last_success: last_success.map(at),
            trouble,
        }
    }

    #[test]
    fn a_watch_is_stale_after_three_intervals_and_a_timeout_without_success() {
        let watch = polled(Some(100), None);
        assert_eq!(watch.state(at(135)), WatchState::Fresh);
        assert_eq!(watch.state(at(136)), WatchState::Stale);
        assert!(watch.fresh(at(135)) && !watch.fresh(at(136)));
    }

    #[test]
    fn a_failed_poll_is_failing_first_and_stale_when_it_goes_on() {
        let watch = polled(Some(100), Some(Trouble::Failing));
        assert_eq!(watch.state(at(120)), WatchState::Failing);
        assert!(watch.fresh(at(120)), "one failed poll does not make what is known old");
        assert_eq!(watch.state(at(136)), WatchState::Stale);
    }

    #[test]
    fn a_watch_that_was_never_polled_waits_and_then_is_stale() {
        let watch = polled(None, None);
        assert_eq!(watch.state(at(35)), WatchState::WaitingForFirstPoll);
        assert!(!watch.fresh(at(35)));
        assert_eq!(watch.state(at(36)), WatchState::Stale);
    }

    #[test]
    fn a_conversation_that_is_not_there_is_unreachable_however_recent() {
        let watch = polled(Some(100), Some(Trouble::Unreachable));
        assert_eq!(watch.state(at(101)), WatchState::Unreachable);
        assert!(!watch.fresh(at(101)));
    }

    #[test]
    fn an_interval_beyond_all_time_is_never_stale() {
        let watch = Freshness { interval: Duration::MAX, ..polled(Some(100), None) };
        assert_eq!(watch.state(Timestamp::MAX), WatchState::Fresh);
    }
}
