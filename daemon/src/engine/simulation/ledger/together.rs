//! The ledger's pages for what is held back for a notifier's sake and what is told together.

use std::time::Duration;

use jiff::Timestamp;

use super::{Kept, Ledger, SETUP_LINGERS};
use crate::core::event::{Event, EventKind};
use crate::core::pacing::{Held, Pacing, Pass};
use crate::core::watch::Priority;
use crate::engine::simulation::markers::{Marker, Markers};
use crate::store::{Gather, Hold};

/// A delivery reaches its plugin this soon.
const HANDED_WITHIN: Duration = Duration::from_secs(16);

/// What of an event decides whether it may wait.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Weight {
    pub(super) vip: bool,
    pub(super) critical: bool,
    warning: bool,
    /// It begins something or ends it.
    incident: bool,
    ends: bool,
}

impl Weight {
    pub(super) fn of(event: &Event) -> Self {
        let vip = event.data.watch.as_ref().is_some_and(|watch| watch.priority == Priority::Vip);
        let (critical, warning, incident) = match event.kind {
            EventKind::AccountDenied | EventKind::NotifierBroken => (true, true, true),
            EventKind::DeliveryDead => (true, true, false),
            EventKind::Waiting | EventKind::WatchUnreachable => (vip, true, true),
            EventKind::GapUnresolved => (vip, true, false),
            EventKind::MessageUnparsed | EventKind::TokenExpiring => (false, true, false),
            EventKind::MessageCreated => (false, vip, false),
            EventKind::Answered
            | EventKind::WatchRecovered
            | EventKind::AccountRecovered
            | EventKind::NotifierRecovered => (false, false, true),
            _ => (false, false, false),
        };
        let ends = incident && !warning;
        Self { vip, critical, warning, incident, ends }
    }

    /// Of both together.
    fn and(self, other: Self) -> Self {
        Self {
            vip: self.vip || other.vip,
            critical: self.critical || other.critical,
            warning: self.warning || other.warning,
            incident: self.incident || other.incident,
            ends: self.ends || other.ends,
        }
    }

    fn passes(self, pass: &[Pass]) -> bool {
        pass.iter().any(|pass| match pass {
            Pass::Vip => self.vip,
            Pass::Warning => self.warning,
            Pass::Critical => self.critical,
        })
    }
}

impl Ledger {
    /// Something is held back: only where its notifier's configuration may want that, and not for long.
    pub(in crate::engine::simulation) fn held(
        &mut self,
        key: &(String, String),
        hold: &Hold,
        markers: &mut Markers,
    ) {
        self.changes += 1;
        markers.reach(match hold.why {
            Held::Group => Marker::HeldForGroup,
            Held::Cap => Marker::HeldByCap,
            Held::Quiet => Marker::HeldInQuiet,
        });
        let longest = Duration::from_secs(86_400);
        self.must(hold.until <= hold.at + longest, || format!("{} is held until {}", key.1, hold.until));
        let weight = self.events.get(&key.1).map(|kept| kept.weight).unwrap_or_default();
        let is_urgent = weight.critical || (weight.incident && hold.why == Held::Group);
        self.must(!is_urgent || hold.why == Held::Quiet, || {
            format!("{} is held from {}: {}", key.1, key.0, hold.why.as_str())
        });
        // Nothing that may not wait is held up by what is before it.
        let quiet = self.setups.last().and_then(|(_, setup)| {
            setup.notifiers.iter().find(|one| one.name == key.0)?.pacing.quiet.clone()
        });
        let written = self.events.get(&key.1).and_then(|kept| kept.deliveries.get(&key.0));
        let lane = written.and_then(|written| self.lanes.get(&(key.0.clone(), written.lane.clone())));
        let may_not_wait = |weight: Weight| match hold.why {
            Held::Group => weight.critical || weight.incident,
            Held::Cap => weight.critical,
            Held::Quiet => quiet.as_ref().is_some_and(|quiet| weight.passes(&quiet.pass)),
        };
        let is_new = |id: &str| {
            let key = (key.0.clone(), id.to_owned());
            self.handed.get(&key).is_none_or(|handed| handed.times == 0 && !handed.replayed)
        };
        let urgent = lane.into_iter().flatten().find(|id| {
            let kept = self.events.get(*id);
            is_new(id) && kept.is_some_and(|kept| kept.members.is_empty() && may_not_wait(kept.weight))
        });
        let urgent = urgent.cloned();
        self.must(urgent.is_none(), || {
            format!("{urgent:?} is held up for {} behind {}: {}", key.0, key.1, hold.why.as_str())
        });
        // As long as it is held on purpose, nobody else is told in its place.
        let longer = Duration::try_from(hold.until.duration_since(hold.at)).unwrap_or_default();
        let written = self.events.get_mut(&key.1).and_then(|kept| kept.deliveries.get_mut(&key.0));
        if let Some(written) = written {
            written.held_for += longer;
        }
    }

    /// Several become one: none that was handed over, and each but once.
    pub(in crate::engine::simulation) fn gathered(
        &mut self,
        keys: &[(String, String)],
        gather: &Gather,
        markers: &mut Markers,
    ) {
        self.changes += 1;
        let new = &gather.new;
        let id = new.notification.id.clone();
        let (notifier, lane) = (new.notifier.clone(), (new.notifier.clone(), new.lane.clone()));
        let lanes: std::collections::BTreeSet<String> = keys
            .iter()
            .filter_map(|key| Some(self.events.get(&key.1)?.deliveries.get(&key.0)?.lane.clone()))
            .collect();
        markers.reach(if lanes.len() > 1 { Marker::Digest } else { Marker::Group });
        let is_one_lane = lanes.len() == 1 && lanes.contains(&new.lane);
        let (mut number, mut weight) = (0, Weight::default());
        for key in keys {
            // A full disk, and then a kill: nobody knows that it was handed over.
            let is_forgotten = |first: Duration| {
                first < self.ended_at
                    && markers.times(Marker::DiskFull) + markers.times(Marker::DiskFailed) > 0
            };
            let handed =
                self.handed.get(key).filter(|handed| handed.times > 0 && !is_forgotten(handed.first_at));
            self.must(handed.is_none(), || {
                format!("I5: {} was handed over, and becomes part of {id}", key.1)
            });
            weight = weight.and(self.events.get(&key.1).map(|kept| kept.weight).unwrap_or_default());
            self.leaves(key);
            let Some(kept) = self.events.get_mut(&key.1) else {
                self.violated(format!("I2: {} is part of {id} and is not durable", key.1));
                continue;
            };
            let Some(written) = kept.deliveries.get_mut(&key.0) else { continue };
            number = number.max(written.number);
            let before = written.part_of.replace(id.clone());
            self.must(before.is_none(), || format!("I1: {} is part of {before:?} and {id}", key.1));
        }
        self.written.entry(notifier.clone()).or_default()[1] += keys.len() as u64;
        let mut written = self.writes(new, &id, false);
        if is_one_lane {
            // Where its members were: before all that is still behind them.
            written.number = number;
            if let Some(waiting) = self.lanes.get_mut(&lane) {
                waiting.retain(|one| *one != id);
                let aside = |one: &String| {
                    self.handed.get(&(notifier.clone(), one.clone())).is_some_and(|one| one.times > 0)
                };
                let place = waiting.iter().take_while(|one| aside(one)).count();
                waiting.insert(place, id.clone());
            }
        }
        let members = keys.iter().map(|key| key.1.clone()).collect();
        let kept = Kept {
            does: None,
            recorded: gather.at,
            concerned: None,
            weight,
            members,
            deliveries: std::iter::once((notifier, written)).collect(),
        };
        self.must(!self.events.contains_key(&id), || format!("I1: {id} twice"));
        self.events.insert(id, kept);
    }

    /// Whether a notifier was told all that a notification of several tells of.
    pub(super) fn knows(&self, notifier: &str, id: &str) -> bool {
        let Some(kept) = self.events.get(id) else { return false };
        let has = |event: &String| {
            self.events.get(event).is_some_and(|kept| kept.deliveries.contains_key(notifier))
        };
        kept.deliveries.contains_key(notifier) || (!kept.members.is_empty() && kept.members.iter().all(has))
    }

    /// Something goes for the first time: not above the cap, and not in quiet hours, as far as that is certain.
    pub(super) fn goes_first(
        &mut self,
        notifier: &str,
        id: &str,
        now: Duration,
        wall: Timestamp,
        markers: &mut Markers,
    ) {
        let sent = self.sent.entry(notifier.to_owned()).or_default();
        sent.push(now);
        let sent = sent.clone();
        let Some(pacing) = self.pacing_for_long(notifier, now) else { return };
        let Some(kept) = self.events.get(id) else { return };
        let Some(written) = kept.deliveries.get(notifier) else { return };
        let lane = self.lanes.get(&(notifier.to_owned(), written.lane.clone()));
        let weights: Vec<Weight> = std::iter::once(id)
            .chain(lane.into_iter().flatten().map(String::as_str))
            .filter_map(|id| Some(self.events.get(id)?.weight))
            .collect();
        if let Some(cap) = pacing.cap {
            // It is counted when it is handed to the host, which may take a while to pass it on.
            let recent = sent.iter().filter(|at| **at + cap.per > now + HANDED_WITHIN).count();
            let kept = pacing.keeps_incidents;
            let passes = weights.iter().any(|weight| weight.critical || kept && weight.incident);
            if passes && recent > cap.count as usize {
                markers.reach(Marker::PassedCap);
            }
            self.must(passes || recent <= cap.count as usize, || {
                format!("{id} is the {recent}th for {notifier} in {:?}", cap.per)
            });
        }
        if let Some(quiet) = &pacing.quiet {
            let is_quiet = quiet.hours.is_open(wall) && quiet.hours.is_open(wall - Duration::from_secs(30));
            // The end of an incident that the receiver has open wakes nobody.
            let ends = |weight: &Weight| pacing.keeps_incidents && weight.ends;
            let passes = weights.iter().any(|weight| weight.passes(&quiet.pass) || ends(weight));
            if passes && is_quiet {
                markers.reach(Marker::PassedQuiet);
            }
            self.must(passes || !is_quiet, || format!("{id} goes to {notifier} in its quiet hours"));
        }
    }

    /// What a notifier was configured with, if that, the clock and the daemon have been the same for as long as it matters.
    fn pacing_for_long(&self, notifier: &str, now: Duration) -> Option<Pacing> {
        let (since, setup) = self.setups.last()?;
        let pacing = setup.notifiers.iter().find(|one| one.name == notifier)?.pacing.clone();
        let span = pacing.cap.map_or(Duration::ZERO, |cap| cap.per) + SETUP_LINGERS;
        let began = self.ended_at.max(*since);
        (self.clock_set_at.is_none() && (began.is_zero() || began + span < now)).then_some(pacing)
    }
}
