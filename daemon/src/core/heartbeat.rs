//! The sign of life that goes the way of every alert: what it vouches for, and when one is due. Pure.
//!
//! It says that what is watched is read, kept and delivered: so one is written only after a poll that succeeded since
//! the one before, and while no VIP is overdue. What was not written is not made up for, and what was not accepted is
//! not told later: a sign of life that is late is none.

use std::collections::HashMap;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::core::schedule::Errand;
use crate::core::watch::patience;

/// The lane of every heartbeat. No conversation and no subject is called that.
pub const LANE: &str = "heartbeat";
/// How long one is kept in the store once it is over: there are many, and each says the same.
pub const KEPT: Duration = Duration::from_secs(86_400);

/// `[heartbeat]`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Heartbeat {
    /// How often; what is older than that is not delivered any more.
    pub every: Duration,
    /// Who gets it.
    pub notify: Vec<String>,
}

/// What must be asked for with success: a VIP's conversation, or the list of a VIP's.
#[derive(Clone, Debug)]
pub struct Vital {
    /// What is asked for.
    pub errand: Errand,
    /// How often.
    pub interval: Duration,
    /// How long that may take.
    pub timeout: Duration,
}

/// What polling has brought of late. Times are those since the engine began, but where they are told.
#[derive(Debug, Default)]
pub struct Pulse {
    /// The latest success, whatever it was of.
    latest: Option<(Duration, Timestamp)>,
    /// Of what VIPs need: when it was last there; `None` = `CommBox` says that it is not, and that was told.
    seen: HashMap<Errand, Option<Duration>>,
    /// When the latest heartbeat was written, which may have been before this process began.
    beat: Option<SignedDuration>,
}

impl Pulse {
    /// Something was asked for and came, and what that brought is kept. It is remembered of what is vital.
    pub fn came(&mut self, errand: Errand, is_vital: bool, now: Duration, at: Timestamp) {
        self.latest = Some((now, at));
        if is_vital {
            self.seen.insert(errand, Some(now));
        }
    }

    /// A conversation is not there: that is told as such, and no reason to be silent about all else.
    pub fn gone(&mut self, errand: Errand) {
        self.seen.insert(errand, None);
    }

    /// It could not be asked for, so nobody knows whether it is there: from now on as for any other.
    pub fn failed(&mut self, errand: &Errand, now: Duration) {
        if let Some(seen @ None) = self.seen.get_mut(errand) {
            *seen = Some(now);
        }
    }

    /// What is not watched any more is forgotten.
    pub fn retain(&mut self, is_watched: impl Fn(&Errand) -> bool) {
        self.seen.retain(|errand, _| is_watched(errand));
    }

    /// The latest heartbeat was written so long ago, by this process or one before it.
    pub fn beaten(&mut self, ago: Duration, now: Duration) {
        self.beat = Some(signed(now) - signed(ago));
    }

    /// When the latest success was, if a heartbeat is due: one that is [vouched](Self::vouches) for.
    pub fn due(&self, every: Duration, now: Duration) -> Option<Timestamp> {
        let (success, at) = self.latest?;
        let is_time = self.beat.is_none_or(|beat| signed(now) - beat >= signed(every));
        let is_new = self.beat.is_none_or(|beat| signed(success) > beat);
        (is_time && is_new).then_some(at)
    }

    /// Whether all that is vital came of late. What never came may be out of reach as well.
    pub fn vouches(&self, mut vitals: impl Iterator<Item = Vital>, now: Duration) -> bool {
        vitals.all(|Vital { errand, interval, timeout }| match self.seen.get(&errand) {
            Some(Some(seen)) => now.saturating_sub(*seen) <= patience(interval, timeout),
            Some(None) => true,
            None => false,
        })
    }
}

/// Within what a machine runs for.
fn signed(time: Duration) -> SignedDuration {
    SignedDuration::try_from(time).unwrap_or(SignedDuration::MAX / 2)
}

/// Whether a heartbeat that was written then is a sign of life no more; `None` = none is asked for any more.
pub fn is_late(heartbeat: Option<&Heartbeat>, written: Timestamp, now: Timestamp) -> bool {
    heartbeat.is_none_or(|heartbeat| written.checked_add(heartbeat.every).is_ok_and(|end| end < now))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::seek::SeekId;
    use crate::core::watch::ConversationId;

    const EVERY: Duration = Duration::from_secs(300);

    fn after(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn at(seconds: u64) -> Timestamp {
        Timestamp::UNIX_EPOCH + after(seconds)
    }

    fn id(object: i64) -> Errand {
        Errand::Poll(ConversationId { account: "main".into(), object })
    }

    fn list() -> Errand {
        Errand::Look(SeekId { account: "main".into(), key: "identity 7".into() })
    }

    fn due(pulse: &Pulse, vips: &[Errand], now: u64) -> Option<Timestamp> {
        let vital =
            |errand: &Errand| Vital { errand: errand.clone(), interval: after(10), timeout: after(5) };
        pulse.due(EVERY, after(now)).filter(|_| pulse.vouches(vips.iter().map(vital), after(now)))
    }

    #[test]
    fn one_is_due_only_after_a_poll_that_succeeded_since_the_one_before() {
        let mut pulse = Pulse::default();
        assert_eq!(due(&pulse, &[], 1_000), None, "nothing was polled");
        pulse.came(id(1), true, after(10), at(10));
        assert_eq!(due(&pulse, &[], 11), Some(at(10)));
        pulse.beaten(Duration::ZERO, after(11));
        assert_eq!(due(&pulse, &[], 400), None, "nothing has succeeded since");
        pulse.came(list(), false, after(401), at(401));
        assert_eq!(due(&pulse, &[], 401), Some(at(401)));
    }

    #[test]
    fn one_is_due_when_its_time_has_come_also_if_another_process_wrote_the_one_before() {
        let mut pulse = Pulse::default();
        pulse.beaten(after(200), after(0));
        for (now, is_due) in [(1, false), (99, false), (100, true)] {
            pulse.came(id(1), true, after(now), at(now));
            assert_eq!(due(&pulse, &[], now).is_some(), is_due, "{now}");
        }
        pulse.beaten(Duration::ZERO, after(1_500));
        pulse.came(id(1), true, after(1_501), at(1_501));
        assert_eq!(due(&pulse, &[], 1_799), None, "what was missed is not caught up");
        assert!(due(&pulse, &[], 1_800).is_some());
    }

    #[test]
    fn none_is_due_while_a_vip_is_overdue_or_was_never_read_unless_it_is_not_there() {
        let mut pulse = Pulse::default();
        pulse.came(id(1), true, after(100), at(100));
        let vips = [id(1), id(2)];
        assert_eq!(due(&pulse, &vips, 101), None);
        pulse.came(id(2), true, after(102), at(102));
        assert!(due(&pulse, &vips, 103).is_some());
        pulse.came(id(2), true, after(136), at(136));
        assert_eq!(due(&pulse, &vips, 136), None, "the first was read 36 s ago");
        pulse.gone(id(1));
        assert!(due(&pulse, &vips, 136).is_some());
        pulse.retain(|one| *one == id(2));
        assert_eq!(due(&pulse, &vips, 137), None, "watched anew, it has not been read");
    }

    #[test]
    fn one_that_was_gone_and_cannot_be_asked_for_is_as_any_other_from_then_on() {
        let mut pulse = Pulse::default();
        pulse.gone(id(1));
        pulse.came(list(), true, after(1_000), at(1_000));
        let vips = [id(1), list()];
        assert!(due(&pulse, &vips, 1_001).is_some());
        pulse.failed(&id(1), after(1_002));
        pulse.failed(&id(1), after(1_030));
        pulse.came(list(), true, after(1_037), at(1_037));
        assert!(due(&pulse, &vips, 1_037).is_some());
        assert_eq!(due(&pulse, &vips, 1_038), None, "nobody knows for 36 s whether it is there");
    }

    #[test]
    fn none_is_due_while_a_vips_conversations_are_not_listed() {
        let mut pulse = Pulse::default();
        pulse.came(id(1), true, after(100), at(100));
        assert_eq!(due(&pulse, &[id(1), list()], 101), None, "they never were");
        pulse.came(list(), true, after(102), at(102));
        assert!(due(&pulse, &[id(1), list()], 103).is_some());
        pulse.failed(&list(), after(110));
        pulse.came(id(1), true, after(138), at(138));
        assert_eq!(due(&pulse, &[id(1), list()], 138), None, "36 s ago");
    }

    #[test]
    fn one_that_is_older_than_the_time_between_two_is_late() {
        let heartbeat = Heartbeat { every: EVERY, notify: vec![] };
        assert!(!is_late(Some(&heartbeat), at(0), at(300)));
        assert!(is_late(Some(&heartbeat), at(0), at(301)));
        assert!(!is_late(Some(&heartbeat), at(900), at(0)), "a clock was set back");
        assert!(is_late(None, at(0), at(0)));
    }
}
