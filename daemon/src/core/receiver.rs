//! Whether a notifier's receiver works as a whole, as far as the outcomes of its deliveries tell. Pure: time is the
//! span since the engine began.
//!
//! Its circuit is closed while deliveries flow. It opens when nothing of late was accepted, whichever delivery it was;
//! then one is tried now and then, and until one is accepted no attempt counts: an outage is nobody's fault among
//! those that wait. *Broken* is what the receiver itself said (the key is refused, the channel is gone).

use std::collections::{HashMap, HashSet, VecDeque};
use std::time::Duration;

use commwatch_plugin_api::Outcome;

use crate::core::backoff::Backoff;
use crate::core::outcome::{PROBE_EVERY, RETRY_AFTER_MAX};

/// After so many failures in a row, of whichever deliveries, it does not accept what it is sent.
const FAILURES_MAX: u32 = 3;
/// After so many the circuit opens, if they were of more than one delivery: a single one may itself be at fault.
const FAILURES_OPEN: usize = 5;
/// It opens as well when more than half of the last so many failed.
const WINDOW: usize = 20;
/// While it is open, it is tried after this, then ever more rarely.
const PROBES: Backoff = Backoff::new(Duration::from_secs(5), PROBE_EVERY, 0.2);
/// A receiver that has accepted nothing for so long is said to be broken.
pub const OPEN_TOLD_AFTER: Duration = Duration::from_secs(60);

/// Reasons for which a queue is held.
pub const HELD: [&str; 2] = ["broken", "circuit_open"];

/// What is known of a receiver.
#[derive(Debug, Default)]
pub struct Receiver {
    circuit: Circuit,
    /// How the last deliveries ended, the newest last: which, and whether it failed.
    recent: VecDeque<(i64, bool)>,
    /// Deliveries on which it was said to be broken, and whether it has accepted another since.
    blamed: HashMap<i64, bool>,
}

/// Whether it is handed anything.
#[derive(Debug, Default)]
enum Circuit {
    /// Yes.
    #[default]
    Closed,
    /// One now and then, since it accepts nothing.
    Open { since: Duration, probes: u32, probe_at: Duration, why: String },
    /// One now and then, since it says that it is broken.
    Broken { probe_at: Duration },
}

/// What an outcome comes to.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Verdict {
    /// The outcome, for this delivery.
    pub outcome: Outcome,
    /// Whether the attempt counts against the delivery.
    pub counts: bool,
    /// Whether the circuit has just closed: what waits for a retry need wait no longer.
    pub closed: bool,
}

impl Receiver {
    /// One that was broken when it was last heard of: it is tried at once.
    pub fn broken(now: Duration) -> Self {
        Self { circuit: Circuit::Broken { probe_at: now }, ..Self::default() }
    }

    /// While it is handed nothing but a delivery now and then, when that is next.
    pub fn probe_at(&self) -> Option<Duration> {
        match &self.circuit {
            Circuit::Closed => None,
            Circuit::Open { probe_at, .. } | Circuit::Broken { probe_at } => Some(*probe_at),
        }
    }

    /// Why its queue is held, in a word; `None` while it flows.
    pub fn held(&self) -> Option<&'static str> {
        match &self.circuit {
            Circuit::Closed => None,
            Circuit::Broken { .. } => Some(HELD[0]),
            Circuit::Open { .. } => Some(HELD[1]),
        }
    }

    /// Whether it accepts what it is sent.
    pub fn is_up(&self) -> bool {
        matches!(self.circuit, Circuit::Closed) && self.failures() < FAILURES_MAX as usize
    }

    /// Why, once it has accepted nothing for so long that somebody should know.
    pub fn worth_telling(&self, now: Duration) -> Option<&str> {
        match &self.circuit {
            Circuit::Open { since, why, .. } if now.saturating_sub(*since) >= OPEN_TOLD_AFTER => Some(why),
            _ => None,
        }
    }

    /// Whether it failed on this delivery of late. Another one tells more about it.
    pub fn is_blamed(&self, delivery: i64) -> bool {
        self.blamed.contains_key(&delivery)
            || self.recent.iter().any(|(id, failed)| *id == delivery && *failed)
    }

    /// Something has changed that may have mended it: if it is handed nothing, it is tried now.
    pub fn try_now(&mut self, now: Duration) {
        if let Circuit::Open { probe_at, .. } | Circuit::Broken { probe_at } = &mut self.circuit {
            *probe_at = now;
        }
    }

    /// A delivery that is final says nothing more.
    pub fn forget(&mut self, delivery: i64) {
        self.blamed.remove(&delivery);
    }

    /// Takes in how a delivery ended, and gives what that comes to. A receiver that is broken for one delivery, and
    /// has accepted others since it last was, is not broken: this one is a failure of its own, and is tried again
    /// for as long as any other, while the rest goes on.
    pub fn judge(&mut self, delivery: i64, outcome: Outcome, now: Duration, seed: u64) -> Verdict {
        let outcome = match outcome {
            Outcome::Broken { why, .. } if self.blamed.get(&delivery) == Some(&true) => {
                Outcome::Retry { after: None, why: format!("{why}; it accepts others") }
            }
            other => other,
        };
        let is_closed = matches!(self.circuit, Circuit::Closed);
        let (counts, closed) = match &outcome {
            Outcome::Delivered { .. } | Outcome::Reject { .. } => {
                self.blamed.remove(&delivery);
                self.blamed.values_mut().for_each(|accepted| *accepted = true);
                if !is_closed {
                    self.recent.clear();
                    self.circuit = Circuit::Closed;
                }
                self.note(delivery, false);
                (true, !is_closed)
            }
            Outcome::Broken { until_reload, .. } => {
                let wait = if *until_reload { Duration::MAX } else { PROBE_EVERY };
                self.blamed.insert(delivery, false);
                self.note(delivery, true);
                self.circuit = Circuit::Broken { probe_at: now.saturating_add(wait) };
                (false, false)
            }
            Outcome::Retry { after, why } => {
                self.failed(delivery, after.unwrap_or_default(), why, now, seed);
                (is_closed, false)
            }
            Outcome::Unknown { why } => {
                self.failed(delivery, Duration::ZERO, why, now, seed);
                (is_closed, false)
            }
        };
        Verdict { outcome, counts, closed }
    }

    fn failed(&mut self, delivery: i64, asked: Duration, why: &str, now: Duration, seed: u64) {
        self.note(delivery, true);
        let opens = self.accepts_nothing();
        let wait = |probes| PROBES.after(probes, seed).max(asked.min(RETRY_AFTER_MAX));
        match &mut self.circuit {
            Circuit::Closed if opens => {
                let probe_at = now + wait(1);
                self.circuit = Circuit::Open { since: now, probes: 1, probe_at, why: why.to_owned() };
            }
            Circuit::Closed => {}
            // What was in flight when it opened is no probe.
            Circuit::Open { probe_at, .. } if *probe_at > now => {}
            Circuit::Open { probes, probe_at, why: last, .. } => {
                *probes += 1;
                (*probe_at, *last) = (now + wait(*probes), why.to_owned());
            }
            Circuit::Broken { probe_at } => *probe_at = (*probe_at).max(now.saturating_add(PROBE_EVERY)),
        }
    }

    fn note(&mut self, delivery: i64, failed: bool) {
        self.recent.push_back((delivery, failed));
        if self.recent.len() > WINDOW {
            self.recent.pop_front();
        }
    }

    /// Failures in a row, as far as they are remembered.
    fn failures(&self) -> usize {
        self.recent.iter().rev().take_while(|(_, failed)| *failed).count()
    }

    /// Whether it is the receiver's fault rather than that of one delivery.
    fn accepts_nothing(&self) -> bool {
        let several = |failed: &mut dyn Iterator<Item = &(i64, bool)>| {
            failed.map(|(id, _)| id).collect::<HashSet<_>>().len() > 1
        };
        let in_a_row = self.failures();
        if in_a_row >= FAILURES_OPEN {
            return several(&mut self.recent.iter().rev().take(in_a_row));
        }
        let failed = || self.recent.iter().filter(|(_, failed)| *failed);
        self.recent.len() >= WINDOW && failed().count() * 2 > WINDOW && several(&mut failed())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    fn delivered() -> Outcome {
        Outcome::Delivered { receipt: None }
    }

    fn is_broken(verdict: &Verdict) -> bool {
        matches!(verdict.outcome, Outcome::Broken { .. })
    }

    fn judge(receiver: &mut Receiver, delivery: i64, outcome: Outcome, now: Duration) -> Verdict {
        receiver.judge(delivery, outcome, now, 1)
    }

    #[test]
    fn a_broken_one_is_tried_every_five_minutes_until_it_accepts_or_rejects_something() {
        for end in [delivered(), Outcome::reject("400")] {
            let mut receiver = Receiver::default();
            assert!(is_broken(&judge(&mut receiver, 1, Outcome::broken("401"), MINUTE)));
            assert_eq!((receiver.probe_at(), receiver.is_up()), (Some(MINUTE * 6), false));
            assert!(!judge(&mut receiver, 2, Outcome::retry("500"), MINUTE * 6).counts);
            assert_eq!(receiver.probe_at(), Some(MINUTE * 11));
            assert!(is_broken(&judge(&mut receiver, 1, Outcome::broken("401"), MINUTE * 11)));
            assert!(judge(&mut receiver, 2, end, MINUTE * 16).closed);
            assert_eq!((receiver.probe_at(), receiver.is_up()), (None, true));
        }
    }

    #[test]
    fn one_that_is_gone_until_a_reload_is_not_tried_before_whatever_else_ends() {
        let mut receiver = Receiver::default();
        judge(&mut receiver, 1, Outcome::Broken { until_reload: true, why: "410".into() }, MINUTE);
        judge(&mut receiver, 2, Outcome::retry("500"), MINUTE);
        assert_eq!(receiver.probe_at(), Some(Duration::MAX));
        receiver.try_now(MINUTE * 2);
        assert_eq!(receiver.probe_at(), Some(MINUTE * 2));
    }

    #[test]
    fn one_delivery_alone_does_not_break_a_receiver_again_and_again() {
        let mut receiver = Receiver::default();
        assert!(is_broken(&judge(&mut receiver, 1, Outcome::broken("403"), MINUTE)));
        judge(&mut receiver, 2, delivered(), MINUTE * 6);
        let again = judge(&mut receiver, 1, Outcome::broken("403"), MINUTE * 6);
        assert_eq!((again.outcome, again.counts), (Outcome::retry("403; it accepts others"), true));
        assert!(receiver.is_up() && receiver.probe_at().is_none());
        // Another one may still say so, and so may this one when none was accepted since.
        assert!(is_broken(&judge(&mut receiver, 3, Outcome::broken("401"), MINUTE * 7)));
        assert!(is_broken(&judge(&mut receiver, 3, Outcome::broken("401"), MINUTE * 12)));
        receiver.forget(1);
        assert!(is_broken(&judge(&mut receiver, 1, Outcome::broken("401"), MINUTE * 12)));
    }

    #[test]
    fn a_few_failures_in_a_row_are_a_receiver_that_does_not_accept_and_one_is_not() {
        let mut receiver = Receiver::default();
        for (up, outcome) in [
            (true, Outcome::retry("500")),
            (true, Outcome::unknown("lost")),
            (true, delivered()),
            (true, Outcome::retry("500")),
            (true, Outcome::retry("500")),
            (false, Outcome::retry("500")),
            (true, delivered()),
        ] {
            judge(&mut receiver, 1, outcome, MINUTE);
            assert_eq!(receiver.is_up(), up, "{receiver:?}");
        }
    }

    #[test]
    fn a_restart_tries_at_once_what_was_broken() {
        let receiver = Receiver::broken(MINUTE);
        assert_eq!((receiver.probe_at(), receiver.is_up()), (Some(MINUTE), false));
    }

    #[test]
    fn the_circuit_opens_after_five_failures_in_a_row_and_burns_no_attempts_while_it_is_open() {
        let mut receiver = Receiver::default();
        for n in 0..5 {
            assert!(receiver.probe_at().is_none());
            assert!(judge(&mut receiver, n % 2, Outcome::retry("503"), MINUTE).counts);
        }
        assert_eq!(receiver.held(), Some("circuit_open"));
        let first = receiver.probe_at().unwrap() - MINUTE;
        assert!((4.0..=6.0).contains(&first.as_secs_f64()), "{first:?}");
        let (mut now, mut waits) = (MINUTE, Vec::new());
        for n in 0..12 {
            waits.push(receiver.probe_at().unwrap() - now);
            now = receiver.probe_at().unwrap();
            assert!(!judge(&mut receiver, n, Outcome::retry("503"), now).counts);
        }
        assert!(waits.windows(2).take(5).all(|pair| pair[0] < pair[1]), "{waits:?}");
        assert!(waits.iter().all(|wait| *wait <= PROBE_EVERY.mul_f64(1.2)));
        let verdict = judge(&mut receiver, 1, delivered(), now);
        assert!(verdict.closed && verdict.counts && receiver.is_up() && receiver.held().is_none());
    }

    #[test]
    fn one_delivery_that_fails_again_and_again_opens_no_circuit() {
        let mut receiver = Receiver::default();
        for _ in 0..50 {
            assert!(judge(&mut receiver, 7, Outcome::retry("500"), MINUTE).counts);
        }
        assert!(receiver.held().is_none());
    }

    #[test]
    fn the_circuit_opens_when_more_than_half_of_twenty_fail() {
        for (failing, opens) in [(10, false), (11, true)] {
            let mut receiver = Receiver::default();
            // Spread, so that never five fail in a row.
            for n in 0..20 {
                let fails = n % 2 == 0 || (failing == 11 && n == 19);
                let outcome = if fails { Outcome::retry("503") } else { delivered() };
                judge(&mut receiver, n, outcome, MINUTE);
            }
            assert_eq!(receiver.held().is_some(), opens, "{failing}");
        }
    }

    #[test]
    fn an_open_circuit_waits_as_long_as_it_was_asked_to_and_is_told_of_after_a_minute() {
        let mut receiver = Receiver::default();
        let asked = |seconds| Outcome::Retry { after: Some(Duration::from_secs(seconds)), why: "429".into() };
        for n in 0..5 {
            judge(&mut receiver, n, asked(90), MINUTE);
        }
        assert_eq!(receiver.probe_at(), Some(MINUTE + Duration::from_secs(90)));
        assert_eq!(receiver.worth_telling(MINUTE + Duration::from_secs(59)), None);
        assert_eq!(receiver.worth_telling(MINUTE * 2), Some("429"));
        // One that was in flight when it opened is no probe.
        judge(&mut receiver, 9, asked(999_999), MINUTE * 2);
        assert_eq!(receiver.probe_at(), Some(MINUTE + Duration::from_secs(90)));
    }
}
