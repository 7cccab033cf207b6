//! What becomes of a delivery after an attempt. Pure: the driver asks, the store writes.

use std::time::Duration;

use commwatch_plugin_api::Outcome;
use jiff::Timestamp;

use crate::core::backoff::unit;
use crate::core::plural::many;

/// However long a receiver asks us to wait, we come back after this.
pub const RETRY_AFTER_MAX: Duration = Duration::from_secs(3600);
/// How often a broken notifier is tried with its oldest delivery.
pub const PROBE_EVERY: Duration = Duration::from_secs(300);

/// A delivery whose child died this often while nothing else was in flight is not tried again.
pub const CRASHES_ALONE_MAX: u32 = 2;

/// When a delivery is tried again.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Retries {
    /// Soon at first, for who waits, then every ten minutes.
    People,
    /// Ever more rarely, over three days as Standard Webhooks 1.0 suggests; closer together in the first two hours than
    /// there, since what comes after in a conversation waits behind it.
    Machines,
}

/// What of one conversation may arrive before what came earlier.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Order {
    /// A delivery that has failed [`ASIDE_AFTER`] times steps aside: what is newer need not wait for it.
    Any,
    /// Nothing: what is newer waits until what is older was accepted or given up.
    Conversation,
}

/// After so many attempts that count, a delivery steps aside.
pub const ASIDE_AFTER: u32 = 3;

const PEOPLE: &[u64] = &[1, 2, 5, 15, 30, 60, 120, 300, 600];
const MACHINES: &[u64] = &[5, 30, 120, 300, 900, 1_800, 3_600, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400];
/// Each delay is made up to this much longer or shorter.
const JITTER: f64 = 0.2;
/// No delay is longer.
pub const DELAY_MAX: Duration = Duration::from_secs(86_400 * 6 / 5);

impl Retries {
    /// The delay after so many attempts (1 = the first). `seed` spreads them.
    pub fn after(self, attempts: u32, seed: u64) -> Duration {
        let seconds = match self {
            Self::People => PEOPLE,
            Self::Machines => MACHINES,
        };
        let step = usize::try_from(attempts.saturating_sub(1)).unwrap_or(usize::MAX);
        let plain = Duration::from_secs(seconds[step.min(seconds.len() - 1)]);
        plain.mul_f64(1.0 + JITTER * (unit(seed) * 2.0 - 1.0)).min(DELAY_MAX)
    }
}

/// However long it took, a delivery is tried this often before it is given up.
pub const ATTEMPTS_MIN: u32 = 3;

/// A delivery as far as the decision needs it.
#[derive(Clone, Copy, Debug)]
pub struct Attempted {
    /// Attempts that count, this one included.
    pub attempts: u32,
    /// For how long it has been tried, this attempt included: attempts, and the waits between them that were
    /// meant. Time that passed otherwise (the notifier was broken, the daemon down, the clock moved) is no trying.
    pub tried: Duration,
    /// How long it is tried.
    pub retry_for: Duration,
    /// When it is tried again.
    pub retries: Retries,
    /// Whether this attempt counts: while its notifier takes nothing at all, none does.
    pub counts: bool,
    /// How often its child died while it alone was in flight, this time included.
    pub crashes_alone: u32,
    /// Whether others of its lane may go past it.
    pub order: Order,
    /// Whether its notifier is handed others at all, as far as is known after this attempt.
    pub flows: bool,
}

/// What becomes of it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Fate {
    /// Done.
    Delivered,
    /// Tried again.
    RetryAt {
        /// When.
        at: Timestamp,
        /// How long that is from now.
        delay: Duration,
        /// Whether the next of its lane has its turn meanwhile.
        aside: bool,
    },
    /// Given up, with the reason.
    Dead(String),
    /// The whole notifier waits; this attempt does not count.
    Held(String),
}

/// Decides. `seed` spreads the retries.
pub fn fate(outcome: &Outcome, attempted: Attempted, now: Timestamp, seed: u64) -> Fate {
    let (after, why) = match outcome {
        Outcome::Delivered { .. } => return Fate::Delivered,
        Outcome::Reject { why } => return Fate::Dead(why.clone()),
        Outcome::Broken { why, .. } => return Fate::Held(why.clone()),
        Outcome::Retry { after, why } => (*after, why),
        Outcome::Unknown { why } => (None, why),
    };
    if attempted.crashes_alone >= CRASHES_ALONE_MAX {
        return Fate::Dead(format!(
            "the plugin died {} while it had this one alone: {why}",
            many(attempted.crashes_alone, "time", "times")
        ));
    }
    if !attempted.counts {
        return Fate::Held(why.clone());
    }
    let asked = after.unwrap_or_default().min(RETRY_AFTER_MAX);
    let delay = attempted.retries.after(attempted.attempts, seed).max(asked);
    if attempted.tried >= attempted.retry_for && attempted.attempts >= ATTEMPTS_MIN {
        let minutes = attempted.tried.as_secs() / 60;
        return Fate::Dead(format!(
            "given up after {} in {minutes} min: {why}",
            many(attempted.attempts, "attempt", "attempts")
        ));
    }
    // While nothing is accepted at all, it is not this one that others wait for.
    let aside = attempted.order == Order::Any && attempted.flows && attempted.attempts >= ASIDE_AFTER;
    Fate::RetryAt { at: now.checked_add(delay).unwrap_or(Timestamp::MAX), delay, aside }
}

/// The word for metrics and the attempt's row.
pub fn outcome_word(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Delivered { .. } => "delivered",
        Outcome::Retry { .. } => "retry",
        Outcome::Reject { .. } => "reject",
        Outcome::Unknown { .. } => "unknown",
        Outcome::Broken { .. } => "broken",
    }
}

/// What was said about the attempt, one line.
pub fn outcome_detail(outcome: &Outcome) -> &str {
    match outcome {
        Outcome::Delivered { receipt } => receipt.as_deref().unwrap_or_default(),
        Outcome::Retry { why, .. }
        | Outcome::Reject { why }
        | Outcome::Unknown { why }
        | Outcome::Broken { why, .. } => why,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);

    const PLAIN: Attempted = Attempted {
        attempts: 1,
        tried: Duration::ZERO,
        retry_for: HOUR,
        retries: Retries::People,
        counts: true,
        crashes_alone: 0,
        order: Order::Any,
        flows: true,
    };

    fn after(outcome: &Outcome, attempts: u32, minutes: u64) -> Fate {
        let now = Timestamp::from_second(1_700_000_000).unwrap();
        let tried = Duration::from_secs(minutes * 60);
        fate(outcome, Attempted { attempts, tried, ..PLAIN }, now, 1)
    }

    fn delay(fate: &Fate) -> i64 {
        let Fate::RetryAt { at, delay, .. } = fate else { panic!("{fate:?}") };
        assert_eq!(at.as_second() - 1_700_000_000, i64::try_from(delay.as_secs()).unwrap());
        at.as_second() - 1_700_000_000
    }

    #[test]
    fn what_a_receiver_asks_for_is_obeyed_up_to_an_hour() {
        let ask = |seconds| Outcome::Retry { after: Some(Duration::from_secs(seconds)), why: "429".into() };
        assert_eq!(delay(&after(&ask(90), 1, 0)), 90);
        assert_eq!(delay(&after(&ask(999_999), 1, 0)), 3600);
        assert!(delay(&after(&ask(0), 5, 0)) >= 24);
    }

    #[test]
    fn retries_end_in_a_dead_letter_when_their_time_is_over() {
        assert!(matches!(after(&Outcome::retry("500"), 9, 59), Fate::RetryAt { .. }));
        assert_eq!(
            after(&Outcome::unknown("lost"), 10, 60),
            Fate::Dead("given up after 10 attempts in 60 min: lost".into())
        );
    }

    #[test]
    fn nothing_is_given_up_after_one_or_two_attempts_however_long_they_took() {
        assert!(matches!(after(&Outcome::retry("500"), 2, 600), Fate::RetryAt { .. }));
        assert!(matches!(after(&Outcome::retry("500"), 3, 600), Fate::Dead(_)));
    }

    #[test]
    fn a_broken_notifier_never_uses_up_its_deliveries() {
        assert_eq!(after(&Outcome::broken("401"), 1, 600), Fate::Held("401".into()));
    }

    #[test]
    fn one_that_kills_its_plugin_twice_while_it_is_alone_is_given_up() {
        let now = Timestamp::from_second(1_700_000_000).unwrap();
        let with = |crashes_alone, counts| {
            fate(&Outcome::unknown("SIGABRT"), Attempted { crashes_alone, counts, ..PLAIN }, now, 1)
        };
        assert!(matches!(with(1, true), Fate::RetryAt { .. }));
        assert!(matches!(with(2, true), Fate::Dead(_)));
        assert!(matches!(with(2, false), Fate::Dead(_)));
    }

    #[test]
    fn an_attempt_that_does_not_count_is_held_however_long_it_was_tried() {
        let now = Timestamp::from_second(1_700_000_000).unwrap();
        let attempted = Attempted { attempts: 99, tried: HOUR * 9, counts: false, ..PLAIN };
        assert_eq!(fate(&Outcome::retry("503"), attempted, now, 1), Fate::Held("503".into()));
    }

    #[test]
    fn one_that_failed_three_times_steps_aside_where_order_does_not_matter_and_others_are_accepted() {
        let now = Timestamp::from_second(1_700_000_000).unwrap();
        for (attempts, order, flows, steps_aside) in [
            (1, Order::Any, true, false),
            (2, Order::Any, true, false),
            (3, Order::Any, true, true),
            // Its order was configured meanwhile, or the circuit was open at its third.
            (9, Order::Any, true, true),
            (3, Order::Any, false, false),
            (3, Order::Conversation, true, false),
            (99, Order::Conversation, true, false),
        ] {
            for outcome in [Outcome::retry("500"), Outcome::unknown("lost")] {
                let fate = fate(&outcome, Attempted { attempts, order, flows, ..PLAIN }, now, 1);
                let Fate::RetryAt { aside, .. } = fate else { panic!("{fate:?}") };
                assert_eq!(aside, steps_aside, "{attempts} {order:?} {flows}");
            }
            let held = Attempted { attempts, order, flows, counts: false, ..PLAIN };
            assert_eq!(fate(&Outcome::retry("503"), held, now, 1), Fate::Held("503".into()));
        }
    }

    #[test]
    fn people_are_tried_soon_and_machines_over_three_days() {
        let sum = |retries: Retries, attempts| {
            (1..=attempts).map(|n| retries.after(n, u64::from(n)).as_secs_f64()).sum::<f64>()
        };
        assert!(sum(Retries::People, 4) < 30.0, "{}", sum(Retries::People, 4));
        assert!((400.0..900.0).contains(&sum(Retries::People, 8)), "{}", sum(Retries::People, 8));
        let days = sum(Retries::Machines, 13) / 86_400.0;
        assert!((2.5..4.0).contains(&days), "{days}");
        for attempts in [1, 5, 9, u32::MAX] {
            for retries in [Retries::People, Retries::Machines] {
                assert!(retries.after(attempts, 7) <= DELAY_MAX);
            }
        }
    }

    #[test]
    fn a_rejected_one_is_dead_at_once() {
        assert_eq!(after(&Outcome::reject("400"), 1, 0), Fate::Dead("400".into()));
    }
}
