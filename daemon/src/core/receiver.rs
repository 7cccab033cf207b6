//! Whether a notifier's receiver works as a whole, as far as the outcomes of its deliveries tell. Pure: time is the
//! span since the engine began.

use std::collections::HashMap;
use std::time::Duration;

use commwatch_plugin_api::Outcome;

use crate::core::outcome::PROBE_EVERY;

/// After so many failures in a row, of whichever deliveries, it does not accept what it is sent.
const FAILURES_MAX: u32 = 3;

/// What is known of a receiver.
#[derive(Debug, Default)]
pub struct Receiver {
    /// While it is broken: when it is tried again.
    probe_at: Option<Duration>,
    /// Deliveries on which it was said to be broken, and whether it has accepted another since.
    blamed: HashMap<i64, bool>,
    failures: u32,
}

impl Receiver {
    /// One that was broken when it was last heard of: it is tried at once.
    pub fn broken(now: Duration) -> Self {
        Self { probe_at: Some(now), ..Self::default() }
    }

    /// While it is broken, when it is tried again, with one delivery.
    pub fn probe_at(&self) -> Option<Duration> {
        self.probe_at
    }

    /// Whether it accepts what it is sent.
    pub fn is_up(&self) -> bool {
        self.probe_at.is_none() && self.failures < FAILURES_MAX
    }

    /// Whether it was said to be broken on this delivery. Another one tells more about it.
    pub fn is_blamed(&self, delivery: i64) -> bool {
        self.blamed.contains_key(&delivery)
    }

    /// Something has changed that may have mended it: if it is broken, it is tried now.
    pub fn try_now(&mut self, now: Duration) {
        self.probe_at = self.probe_at.map(|_| now);
    }

    /// A delivery that is final says nothing more.
    pub fn forget(&mut self, delivery: i64) {
        self.blamed.remove(&delivery);
    }

    /// Takes in how a delivery ended, and gives what that comes to. A receiver that is broken for one delivery, and
    /// has accepted others since it last was, is not broken: this one is a failure of its own, and is tried again
    /// for as long as any other, while the rest goes on.
    pub fn judge(&mut self, delivery: i64, outcome: Outcome, now: Duration) -> Outcome {
        let outcome = match outcome {
            Outcome::Broken { why, .. } if self.blamed.get(&delivery) == Some(&true) => {
                Outcome::Retry { after: None, why: format!("{why}; it accepts others") }
            }
            other => other,
        };
        match &outcome {
            Outcome::Delivered { .. } | Outcome::Reject { .. } => {
                self.blamed.remove(&delivery);
                self.blamed.values_mut().for_each(|accepted| *accepted = true);
                (self.probe_at, self.failures) = (None, 0);
            }
            Outcome::Broken { until_reload, .. } => {
                let wait = if *until_reload { Duration::MAX } else { PROBE_EVERY };
                self.blamed.insert(delivery, false);
                self.failures += 1;
                self.probe_at = Some(now.saturating_add(wait));
            }
            Outcome::Retry { .. } | Outcome::Unknown { .. } => {
                self.failures += 1;
                self.probe_at = self.probe_at.map(|at| at.max(now.saturating_add(PROBE_EVERY)));
            }
        }
        outcome
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    fn delivered() -> Outcome {
        Outcome::Delivered { receipt: None }
    }

    fn is_broken(outcome: &Outcome) -> bool {
        matches!(outcome, Outcome::Broken { .. })
    }

    #[test]
    fn a_broken_one_is_tried_every_five_minutes_until_it_accepts_or_rejects_something() {
        for end in [delivered(), Outcome::reject("400")] {
            let mut receiver = Receiver::default();
            assert!(is_broken(&receiver.judge(1, Outcome::broken("401"), MINUTE)));
            assert_eq!((receiver.probe_at(), receiver.is_up()), (Some(MINUTE * 6), false));
            receiver.judge(2, Outcome::retry("500"), MINUTE * 6);
            assert_eq!(receiver.probe_at(), Some(MINUTE * 11));
            assert!(is_broken(&receiver.judge(1, Outcome::broken("401"), MINUTE * 11)));
            receiver.judge(2, end, MINUTE * 16);
            assert_eq!((receiver.probe_at(), receiver.is_up()), (None, true));
        }
    }

    #[test]
    fn one_that_is_gone_until_a_reload_is_not_tried_before_whatever_else_ends() {
        let mut receiver = Receiver::default();
        receiver.judge(1, Outcome::Broken { until_reload: true, why: "410".into() }, MINUTE);
        receiver.judge(2, Outcome::retry("500"), MINUTE);
        assert_eq!(receiver.probe_at(), Some(Duration::MAX));
        receiver.try_now(MINUTE * 2);
        assert_eq!(receiver.probe_at(), Some(MINUTE * 2));
    }

    #[test]
    fn one_delivery_alone_does_not_break_a_receiver_again_and_again() {
        let mut receiver = Receiver::default();
        assert!(is_broken(&receiver.judge(1, Outcome::broken("403"), MINUTE)));
        receiver.judge(2, delivered(), MINUTE * 6);
        let again = receiver.judge(1, Outcome::broken("403"), MINUTE * 6);
        assert_eq!(again, Outcome::retry("403; it accepts others"));
        assert!(receiver.is_up() && receiver.probe_at().is_none());
        // Another one may still say so, and so may this one when none was accepted since.
        assert!(is_broken(&receiver.judge(3, Outcome::broken("401"), MINUTE * 7)));
        assert!(is_broken(&receiver.judge(3, Outcome::broken("401"), MINUTE * 12)));
        receiver.forget(1);
        assert!(is_broken(&receiver.judge(1, Outcome::broken("401"), MINUTE * 12)));
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
            receiver.judge(1, outcome, MINUTE);
            assert_eq!(receiver.is_up(), up, "{receiver:?}");
        }
    }

    #[test]
    fn a_restart_tries_at_once_what_was_broken() {
        let receiver = Receiver::broken(MINUTE);
        assert_eq!((receiver.probe_at(), receiver.is_up()), (Some(MINUTE), false));
    }
}
