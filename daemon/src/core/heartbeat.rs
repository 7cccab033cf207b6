//! The sign of life that goes the way of every alert: what it vouches for, and when one is due. Pure.
//!
//! It says that what is watched is read, kept and delivered: so one is written only after a poll that succeeded since
//! the one before, and while no VIP is overdue. What was not written is not made up for, and what was not accepted is
//! not told later: a sign of life that is late is none.

use std::collections::HashMap;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::core::watch::ConversationId;

/// The lane of every heartbeat. No conversation and no subject is called that.
pub const LANE: &str = "heartbeat";
/// How long one is kept in the store once it is over: there are many, and each says the same.
pub const KEPT: Duration = Duration::from_secs(86_400);
/// So many intervals of a VIP, and a time-out, may pass without a successful poll.
const INTERVALS_MISSED_MAX: u32 = 3;

/// `[heartbeat]`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Heartbeat {
    /// How often; what is older than that is not delivered any more.
    pub every: Duration,
    /// Who gets it.
    pub notify: Vec<String>,
}

/// A VIP that must be read.
#[derive(Clone, Copy, Debug)]
pub struct Vital<'a> {
    /// The conversation.
    pub conversation: &'a ConversationId,
    /// How often it is polled.
    pub interval: Duration,
    /// How long a poll may take.
    pub timeout: Duration,
}

/// What polling has brought of late. Times are those since the engine began, but where they are told.
#[derive(Debug, Default)]
pub struct Pulse {
    /// The latest success, whatever it was of.
    latest: Option<(Duration, Timestamp)>,
    /// Of each conversation: when it was last read; `None` = `CommBox` says that it is not there.
    read: HashMap<ConversationId, Option<Duration>>,
    /// When the latest heartbeat was written, which may have been before this process began.
    beat: Option<SignedDuration>,
}

impl Pulse {
    /// A conversation was read, and what that brought is kept.
    pub fn read(&mut self, conversation: &ConversationId, now: Duration, at: Timestamp) {
        self.read.insert(conversation.clone(), Some(now));
        self.latest = Some((now, at));
    }

    /// A list of conversations was.
    pub fn listed(&mut self, now: Duration, at: Timestamp) {
        self.latest = Some((now, at));
    }

    /// A conversation is not there: that is told as such, and no reason to be silent about all else.
    pub fn gone(&mut self, conversation: &ConversationId) {
        self.read.insert(conversation.clone(), None);
    }

    /// What is not watched any more is forgotten.
    pub fn retain(&mut self, is_watched: impl Fn(&ConversationId) -> bool) {
        self.read.retain(|conversation, _| is_watched(conversation));
    }

    /// The latest heartbeat was written so long ago, by this process or one before it.
    pub fn beaten(&mut self, ago: Duration, now: Duration) {
        self.beat = Some(signed(now) - signed(ago));
    }

    /// When the latest success was, if a heartbeat is due that vouches for it.
    pub fn due<'a>(
        &self,
        every: Duration,
        mut vips: impl Iterator<Item = Vital<'a>>,
        now: Duration,
    ) -> Option<Timestamp> {
        let (success, at) = self.latest?;
        let is_time = self.beat.is_none_or(|beat| signed(now) - beat >= signed(every));
        let is_new = self.beat.is_none_or(|beat| signed(success) > beat);
        (is_time && is_new && vips.all(|vip| self.is_well(vip, now))).then_some(at)
    }

    /// One that was never polled may be unreadable as well.
    fn is_well(&self, vip: Vital<'_>, now: Duration) -> bool {
        let patience = vip.interval.saturating_mul(INTERVALS_MISSED_MAX).saturating_add(vip.timeout);
        match self.read.get(vip.conversation) {
            Some(Some(read)) => now.saturating_sub(*read) <= patience,
            Some(None) => true,
            None => false,
        }
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

    const EVERY: Duration = Duration::from_secs(300);

    fn after(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn at(seconds: u64) -> Timestamp {
        Timestamp::UNIX_EPOCH + after(seconds)
    }

    fn id(object: i64) -> ConversationId {
        ConversationId { account: "main".into(), object }
    }

    fn due(pulse: &Pulse, vips: &[ConversationId], now: u64) -> Option<Timestamp> {
        let vital = |conversation| Vital { conversation, interval: after(10), timeout: after(5) };
        pulse.due(EVERY, vips.iter().map(vital), after(now))
    }

    #[test]
    fn one_is_due_only_after_a_poll_that_succeeded_since_the_one_before() {
        let mut pulse = Pulse::default();
        assert_eq!(due(&pulse, &[], 1_000), None, "nothing was polled");
        pulse.read(&id(1), after(10), at(10));
        assert_eq!(due(&pulse, &[], 11), Some(at(10)));
        pulse.beaten(Duration::ZERO, after(11));
        assert_eq!(due(&pulse, &[], 400), None, "nothing has succeeded since");
        pulse.listed(after(401), at(401));
        assert_eq!(due(&pulse, &[], 401), Some(at(401)));
    }

    #[test]
    fn one_is_due_when_its_time_has_come_also_if_another_process_wrote_the_one_before() {
        let mut pulse = Pulse::default();
        pulse.beaten(after(200), after(0));
        for (now, is_due) in [(1, false), (99, false), (100, true)] {
            pulse.read(&id(1), after(now), at(now));
            assert_eq!(due(&pulse, &[], now).is_some(), is_due, "{now}");
        }
        pulse.beaten(Duration::ZERO, after(1_500));
        pulse.read(&id(1), after(1_501), at(1_501));
        assert_eq!(due(&pulse, &[], 1_799), None, "what was missed is not caught up");
        assert!(due(&pulse, &[], 1_800).is_some());
    }

    #[test]
    fn none_is_due_while_a_vip_is_overdue_or_was_never_read_unless_it_is_not_there() {
        let mut pulse = Pulse::default();
        pulse.read(&id(1), after(100), at(100));
        let vips = [id(1), id(2)];
        assert_eq!(due(&pulse, &vips, 101), None);
        pulse.read(&id(2), after(102), at(102));
        assert!(due(&pulse, &vips, 103).is_some());
        pulse.read(&id(2), after(136), at(136));
        assert_eq!(due(&pulse, &vips, 136), None, "the first was read 36 s ago");
        pulse.gone(&id(1));
        assert!(due(&pulse, &vips, 136).is_some());
        pulse.retain(|one| *one == id(2));
        assert_eq!(due(&pulse, &vips, 137), None, "watched anew, it has not been read");
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
