//! When a notifier is handed what waits for it, and how much of that at once: messages of one conversation together, no
//! more than so many in a while, little in quiet hours. Pure: the loop asks, the store holds back and gathers.
//!
//! What is held back is held, not dropped: each reason has an end, and what waited goes then, as one digest where it is
//! of several conversations.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use commwatch_plugin_api::Severity;
use jiff::Timestamp;

use crate::core::heartbeat;
use crate::core::hours::Hours;
use crate::core::sample;

/// So many deliveries become one notification at most; what is more comes in the next.
pub const GATHERED_MAX: usize = 500;
/// Nothing is held back for longer without another look.
pub const HOLD_MAX: Duration = Duration::from_secs(86_400);
/// A cap counts so many at most.
pub const CAP_MAX: u32 = 1_000;
/// So many conversations are remembered as told lately; those that were told longest ago are forgotten.
const LANES_MAX: usize = 10_000;

/// Whether what goes by a lane is neither held back nor counted: late it is none, and it bothers nobody who did not ask.
pub fn is_exempt(lane: &str) -> bool {
    lane == heartbeat::LANE || lane == sample::LANE
}

/// How much a notifier is bothered with.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Pacing {
    /// Messages of one conversation that come close together are one notification.
    pub group: Option<Group>,
    /// No more notifications than so many in a while.
    pub cap: Option<Cap>,
    /// When it is left in peace.
    pub quiet: Option<Quiet>,
    /// Whether its receiver keeps incidents: what opens one or closes it has a lane of its own then, is never part of
    /// anything else but where both ends of it are, and no cap holds it back; nor do quiet hours the end of one that is
    /// open.
    pub keeps_incidents: bool,
    /// Whether it is a program's: every event reaches it whole, in as many notifications as that takes.
    pub whole: bool,
}

/// Messages of one conversation that come close together.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Group {
    /// So long the first is held for those that may follow.
    pub wait: Duration,
    /// So long after one notification of a conversation comes the next.
    pub interval: Duration,
    /// So many are shown; the rest is counted.
    pub max: usize,
}

/// So many are shown where nothing else is configured.
pub const SHOWN: usize = 20;

/// At most so many notifications in a while.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Cap {
    /// How many; at most [`CAP_MAX`].
    pub count: u32,
    /// In which time.
    pub per: Duration,
}

/// When a notifier is left in peace.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Quiet {
    /// What the hours are called.
    pub name: String,
    /// The hours.
    pub hours: Arc<Hours>,
    /// Whether it is quiet during them, or outside of them.
    pub during: bool,
    /// What is told all the same.
    pub pass: Vec<Pass>,
}

/// What quiet hours let pass.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Pass {
    /// Whatever is of a VIP's conversation.
    Vip,
    /// What is at least a warning.
    Warning,
    /// What is critical.
    Critical,
}

/// Why something is held back.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Held {
    /// For what may follow in its conversation.
    Group,
    /// Because so many went lately.
    Cap,
    /// Because of the hour.
    Quiet,
}

impl Held {
    /// Every reason.
    pub const ALL: [Self; 3] = [Self::Group, Self::Cap, Self::Quiet];

    /// The word for configuration, metrics and people.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Group => "group",
            Self::Cap => "max_per",
            Self::Quiet => "quiet_hours",
        }
    }

    /// The reason of that word.
    pub fn named(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|held| held.as_str() == word)
    }
}

/// What a notification does to an incident.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Incident {
    /// It begins, or goes on.
    Opens,
    /// It is over.
    Closes,
}

/// A delivery that waits, as far as the decision needs it.
#[derive(Clone, Debug)]
pub struct Waits {
    /// When it was written.
    pub created_at: Timestamp,
    /// Whether it may become part of another notification: it was never handed over, nobody asked for it by itself, and
    /// it is not one of several already.
    pub plain: bool,
    /// What it does to the incident of that key, if anything.
    pub incident: Option<(Incident, String)>,
    /// How much it matters.
    pub severity: Severity,
    /// Whether it is of a VIP's conversation.
    pub vip: bool,
}

impl Waits {
    /// Whether nothing before it in its conversation is held back for the sake of a group any longer.
    pub fn is_urgent(&self) -> bool {
        self.incident.is_some() || self.severity == Severity::Critical
    }
}

/// What becomes of the head of a lane that is due.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Verdict {
    /// It goes.
    Go {
        /// With so many behind it, itself included.
        together: usize,
        /// What held it back and does so no longer.
        lifted: Option<Held>,
    },
    /// It waits.
    Hold {
        /// Until then, at most [`HOLD_MAX`] from now.
        until: Timestamp,
        /// Why.
        why: Held,
    },
}

impl Pacing {
    /// Whether everything goes as it comes.
    pub fn is_none(&self) -> bool {
        self.group.is_none() && self.cap.is_none() && self.quiet.is_none()
    }

    /// Whether it is the end of an incident that the receiver has open: held back, that would go on for as long.
    fn ends_what_is_open(&self, waits: &[Waits], n: usize) -> bool {
        let Some((Incident::Closes, key)) = &waits[n].incident else { return false };
        let opens = |one: &Waits| {
            one.incident.as_ref().is_some_and(|(kind, of)| *kind == Incident::Opens && of == key)
        };
        self.keeps_incidents && !waits[..n].iter().any(opens)
    }

    /// How many of a lane, from its head on, become part of a digest. Where the receiver keeps incidents, one that is
    /// not over, or began before, is left to itself, with what comes behind it.
    pub fn digested(&self, waits: &[Waits]) -> usize {
        let plain = waits.iter().take_while(|one| one.plain).count();
        if !self.keeps_incidents {
            return plain;
        }
        let (mut open, mut whole) = (BTreeSet::new(), 0);
        for (n, one) in waits[..plain].iter().enumerate() {
            match &one.incident {
                Some((Incident::Opens, key)) => {
                    open.insert(key);
                }
                Some((Incident::Closes, key)) if !open.remove(key) => break,
                _ => {}
            }
            if open.is_empty() {
                whole = n + 1;
            }
        }
        whole
    }

    /// For how long what was sent matters.
    pub fn remembers(&self) -> Duration {
        let cap = self.cap.map_or(Duration::ZERO, |cap| cap.per);
        self.group.map_or(cap, |group| cap.max(group.interval))
    }

    /// For what was handed over before: it is held back for the sake of quiet hours alone.
    pub fn of_what_was_tried(&self) -> Self {
        Self { group: None, cap: None, ..self.clone() }
    }

    /// How many messages, or conversations, one notification shows.
    pub fn shown(&self) -> usize {
        self.group.map_or(SHOWN, |group| group.max)
    }

    /// What becomes of the head of a lane that is due. `waits` is the head and those behind it, `was` why it was held
    /// back until now.
    pub fn judge(
        &self,
        waits: &[Waits],
        was: Option<Held>,
        recent: &Recent,
        lane: &str,
        now: Timestamp,
    ) -> Verdict {
        let hold = |until: Timestamp, why| {
            let latest = now.checked_add(HOLD_MAX).unwrap_or(Timestamp::MAX);
            Verdict::Hold { until: until.min(latest), why }
        };
        // Whatever may not wait takes along what is before it.
        let mut front = waits.len().max(1);
        let mut still = None;
        if let Some((quiet, until)) = self.quiet.as_ref().and_then(|quiet| Some((quiet, quiet.until(now)?))) {
            let passes = |n: &usize| quiet.passes(&waits[*n]) || self.ends_what_is_open(waits, *n);
            let Some(last) = (0..waits.len()).rev().find(passes) else {
                return hold(until, Held::Quiet);
            };
            (front, still) = (last + 1, Some(Held::Quiet));
        }
        if let Some(until) = self.cap.and_then(|cap| recent.full(cap, now)) {
            // A receiver that keeps incidents counts them itself, and must hear of both ends.
            let is_kept = |one: &Waits| self.keeps_incidents && one.incident.is_some();
            let passes = |one: &Waits| one.severity == Severity::Critical || is_kept(one);
            let Some(last) = waits.iter().take(front).rposition(passes) else {
                return hold(until, Held::Cap);
            };
            (front, still) = (last + 1, Some(Held::Cap));
        }
        let lifted = was.filter(|held| *held != Held::Group && still.is_none());
        if let (Some(group), None, Some(head)) = (self.group, lifted, waits.first())
            && head.plain
            && !waits.iter().any(Waits::is_urgent)
        {
            let after = |then: Timestamp, span| then.checked_add(span).unwrap_or(now);
            // Written by a clock that was ahead: how long it has waited is not known, and it waits no longer.
            let is_of_now = head.created_at <= now;
            let together = if is_of_now { after(head.created_at, group.wait) } else { now };
            let next = recent.last(lane).map_or(now, |last| after(last, group.interval));
            let until = together.max(next);
            if until > now {
                return hold(until, Held::Group);
            }
        }
        let may_join = self.group.is_some() || lifted.is_some();
        let joins = |one: &&Waits| one.plain && one.incident.is_none();
        let most = if self.whole { self.shown() } else { GATHERED_MAX };
        let together = waits.iter().take(front.min(most)).take_while(joins).count();
        Verdict::Go { together: if may_join { together.max(1) } else { 1 }, lifted }
    }
}

impl Quiet {
    /// When the quiet that is now ends; `None` when none is.
    pub fn until(&self, now: Timestamp) -> Option<Timestamp> {
        if self.hours.is_open(now) != self.during {
            return None;
        }
        Some(self.hours.next_change(now).unwrap_or(Timestamp::MAX))
    }

    fn passes(&self, one: &Waits) -> bool {
        self.pass.iter().any(|pass| match pass {
            Pass::Vip => one.vip,
            Pass::Warning => one.severity != Severity::Info,
            Pass::Critical => one.severity == Severity::Critical,
        })
    }
}

/// What a notifier was handed lately: times that a cap and a group go by.
#[derive(Clone, Debug, Default)]
pub struct Recent {
    /// In order; no more than [`CAP_MAX`].
    sent: VecDeque<Timestamp>,
    /// When each lane was last told.
    lanes: BTreeMap<String, Timestamp>,
}

impl Recent {
    /// Something was handed over for the first time.
    pub fn sent(&mut self, lane: &str, at: Timestamp) {
        self.sent.push_back(at);
        if self.sent.len() > CAP_MAX as usize {
            self.sent.pop_front();
        }
        self.lanes.insert(lane.to_owned(), at);
        if self.lanes.len() > LANES_MAX
            && let Some(oldest) = self.lanes.iter().min_by_key(|(_, at)| **at).map(|(lane, _)| lane.clone())
        {
            self.lanes.remove(&oldest);
        }
    }

    /// The clock says `now`. What was sent by one that was ahead and has been set back since, counts as sent now: taken as
    /// it is, or anew at each look, it would keep what waits until the clock has caught up.
    pub fn follow(&mut self, now: Timestamp) {
        let ahead = self.sent.iter_mut().chain(self.lanes.values_mut()).filter(|at| **at > now);
        ahead.for_each(|at| *at = now);
    }

    /// It never got there.
    pub fn not_sent(&mut self, lane: &str, at: Timestamp) {
        if let Some(place) = self.sent.iter().rposition(|sent| *sent == at) {
            self.sent.remove(place);
        }
        if self.last(lane) == Some(at) {
            self.lanes.remove(lane);
        }
    }

    fn last(&self, lane: &str) -> Option<Timestamp> {
        self.lanes.get(lane).copied()
    }

    /// When there is room again under a cap; `None` when there is now.
    fn full(&self, cap: Cap, now: Timestamp) -> Option<Timestamp> {
        let first = self.sent.len().checked_sub(cap.count as usize)?;
        let oldest = self.sent.get(first).copied().unwrap_or(now);
        let until = oldest.checked_add(cap.per).unwrap_or(now);
        (until > now).then_some(until)
    }
}

#[cfg(test)]
mod tests;
