//! The ledger's pages for deliveries: what was handed over, what arrived, and whether it may have.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::Timestamp;

use super::{Handed, Ledger, SETUP_LINGERS, Said, Written};
use crate::core::outcome::{ASIDE_AFTER, Fate, Order};
use crate::engine::simulation::markers::{Marker, Markers};
use crate::store::{FallBack, NewDelivery, Settle, Told};

impl Ledger {
    pub(in crate::engine::simulation) fn writes(
        &mut self,
        delivery: &NewDelivery,
        event: &str,
        is_fallback: bool,
    ) -> Written {
        let NewDelivery { notification, notifier, lane, suppressed, .. } = delivery;
        let suppressed = suppressed.is_some();
        let written = self.written.entry(notifier.clone()).or_default();
        written[0] += 1;
        written[1] += u64::from(suppressed);
        if !suppressed {
            self.lanes.entry((notifier.clone(), lane.clone())).or_default().push(event.to_owned());
        }
        self.deliveries += 1;
        let (lane, payload) = (lane.clone(), notification.payload.clone());
        Written {
            number: self.deliveries,
            lane,
            payload,
            is_fallback,
            fell_back: false,
            part_of: None,
            held_for: Duration::ZERO,
            suppressed,
        }
    }

    /// Others are told in place of one that is not accepted: those that were configured, once, not before its time, and
    /// nobody who knows it already.
    pub(in crate::engine::simulation) fn fell_back(
        &mut self,
        key: &(String, String),
        fall_back: &FallBack,
        told: &[String],
        now: Duration,
        markers: &mut Markers,
    ) {
        self.changes += 1;
        let name = format!("{} in place of {}", key.1, key.0);
        let (delivered, settled) =
            self.handed.get(key).map_or((false, false), |one| (one.delivered, one.settled || one.replayed));
        self.must(!delivered, || format!("I2: {name}, which was delivered"));
        let since = now.saturating_sub(SETUP_LINGERS);
        let ends = self.setups.iter().skip(1).map(|(at, _)| *at).chain([Duration::MAX]);
        let setups = self.setups.iter().zip(ends).filter(|(_, end)| *end >= since);
        let configured: Vec<_> = setups.filter_map(|((_, setup), _)| setup.in_place_of(&key.0)).collect();
        let known: BTreeSet<String> = fall_back
            .deliveries
            .iter()
            .map(|new| new.notifier.clone())
            .filter(|to| self.knows(to, &key.1))
            .collect();
        let Some(kept) = self.events.get_mut(&key.1) else {
            return self.violated(format!("I2: {name} is not durable"));
        };
        let held_for = kept.deliveries.get(&key.0).map_or(Duration::ZERO, |one| one.held_for);
        let (recorded, concerned) = (kept.recorded + held_for, kept.concerned.clone());
        let is_once = kept
            .deliveries
            .get_mut(&key.0)
            .is_some_and(|one| !one.is_fallback && !std::mem::replace(&mut one.fell_back, true));
        self.must(is_once, || format!("I2: {name} once more, or in a chain"));
        for new in &fall_back.deliveries {
            let to = &new.notifier;
            let after = configured.iter().find(|(fallback, _)| fallback == to).map(|(_, after)| *after);
            self.must(after.is_some() && concerned.as_ref() != Some(to), || {
                format!("I2: {to} is told {name}")
            });
            let is_time = |after| settled || self.clock_set_at.is_some() || fall_back.at >= recorded + after;
            let is_late = after.is_none_or(is_time);
            self.must(is_late, || format!("I2: {name} at {}, found at {recorded}", fall_back.at));
            let is_told = told.contains(to);
            self.must(is_told != known.contains(to), || format!("I1: {to} is told {name}: {is_told}"));
            if !is_told {
                markers.reach(Marker::FellBackOnWhoKnew);
                continue;
            }
            markers.reach(if settled { Marker::FellBackWhenDead } else { Marker::FellBack });
            if key.1.starts_with("ntf_") {
                markers.reach(Marker::FellBackGroup);
            }
            let written = self.writes(new, &key.1, true);
            if let Some(kept) = self.events.get_mut(&key.1) {
                kept.deliveries.insert(to.clone(), written);
            }
        }
    }

    /// Its lane waits for it no more.
    pub(super) fn leaves(&mut self, key: &(String, String)) {
        let written = self.events.get(&key.1).and_then(|kept| kept.deliveries.get(&key.0));
        let lane = written.map(|written| (key.0.clone(), written.lane.clone()));
        if let Some(waiting) = lane.and_then(|lane| self.lanes.get_mut(&lane)) {
            waiting.retain(|event| *event != key.1);
        }
    }

    /// Whether others of its lane may have gone past it: it failed often enough, and its notifier's order allows it.
    fn may_be_passed(&self, notifier: &str, event: &str) -> bool {
        let failed = self.handed.get(&(notifier.to_owned(), event.to_owned())).map_or(0, |one| one.failed);
        failed >= ASIDE_AFTER && self.order(notifier) == Some(Order::Any)
    }

    fn order(&self, notifier: &str) -> Option<Order> {
        let setup = &self.setups.last()?.1;
        setup.notifiers.iter().find(|one| one.name == notifier).map(|one| one.order)
    }

    /// I3: what is handed over goes past nothing older of its lane that has not failed often enough.
    fn goes(&mut self, notifier: &str, event: &str, markers: &mut Markers) {
        let written = self.events.get(event).and_then(|kept| kept.deliveries.get(notifier));
        let Some(lane) = written.map(|written| (notifier.to_owned(), written.lane.clone())) else { return };
        let Some(waiting) = self.lanes.get(&lane) else { return };
        // One that is sent once more comes when it comes.
        let Some(place) = waiting.iter().position(|one| one == event) else { return };
        let (older, newer) = (&waiting[..place], &waiting[place + 1..]);
        let failed = self.handed.get(&(notifier.to_owned(), event.to_owned())).map_or(0, |one| one.failed);
        if failed >= ASIDE_AFTER && !newer.is_empty() && self.order(notifier) == Some(Order::Conversation) {
            markers.reach(Marker::KeptInOrder);
        }
        if let Some(passed) = older.iter().find(|older| !self.may_be_passed(notifier, older)) {
            let passed = passed.clone();
            return self.violated(format!("I3: {event} is handed to {notifier} before {passed}"));
        }
        if !older.is_empty() {
            markers.reach(Marker::WentPast);
        }
    }

    /// How an attempt ended is durable. `given_up_after` is the notifier's bound.
    pub(in crate::engine::simulation) fn settled(
        &mut self,
        key: (String, String),
        settle: &Settle,
        retry_for: Duration,
        now: Duration,
        markers: &mut Markers,
    ) {
        self.changes += 1;
        let name = format!("{} for {}", key.1, key.0);
        let Some(handed) = self.handed.get_mut(&key) else {
            return self.violated(format!("I6: {name} is settled and was never handed over"));
        };
        let is_final = matches!(settle.fate, Fate::Delivered | Fate::Dead(_));
        handed.settled |= is_final;
        handed.delivered |= matches!(settle.fate, Fate::Delivered);
        handed.failed += u32::from(settle.counts && !is_final);
        let (said, accepted, times) = (handed.said, handed.accepted, handed.times);
        let tried = now.saturating_sub(handed.first_at);
        let is_long = tried.as_secs_f64() >= retry_for.as_secs_f64() * 0.5;
        let tried_long = times >= 3 && (is_long || handed.first_at < self.unsure_before);
        let (crashes, is_rejected) = (handed.crashes, said == Some(Said::Rejected));
        match &settle.fate {
            Fate::Delivered => self.must(accepted > 0, || format!("I1: {name} was never accepted")),
            Fate::Dead(why) => {
                self.must(is_rejected || tried_long || crashes >= 2, || {
                    format!("I1: {name} is given up: {why}; {said:?} after {times} attempts in {tried:?}")
                });
                if !is_rejected {
                    markers.reach(Marker::GivenUp);
                }
            }
            Fate::Held(_) if !matches!(said, Some(Said::Broken)) => markers.reach(Marker::HalfOpen),
            Fate::RetryAt { .. } | Fate::Held(_) => {}
        }
        if is_final {
            self.leaves(&key);
            self.written.entry(key.0).or_default()[1] += 1;
        }
    }

    /// It has waited for as long as anything is kept.
    pub(in crate::engine::simulation) fn expired(
        &mut self,
        key: (String, String),
        told: &Told,
        now: Duration,
        markers: &mut Markers,
    ) {
        markers.reach(Marker::Expired);
        self.leaves(&key);
        self.handed.entry(key.clone()).or_default().settled = true;
        self.written.entry(key.0).or_default()[1] += 1;
        self.own_health(told, now, markers);
    }

    /// Somebody wants it once more.
    pub(in crate::engine::simulation) fn replayed(&mut self, key: (String, String), markers: &mut Markers) {
        markers.reach(Marker::Replayed);
        self.changes += 1;
        self.written.entry(key.0.clone()).or_default()[1] -= 1;
        let before = self.handed.remove(&key).unwrap_or_default();
        let excuse = (before.accepted > 0).then_some(Marker::RepeatAfterReplay);
        let accepted = before.accepted;
        self.handed.insert(key, Handed { accepted, excuse, replayed: true, ..Handed::default() });
    }

    // What was handed over, and what arrived.

    pub(in crate::engine::simulation) fn hands(
        &mut self,
        notifier: &str,
        payload: &str,
        attempt: u32,
        (now, wall): (Duration, Timestamp),
        markers: &mut Markers,
    ) -> String {
        let id = payload.strip_prefix("{\"id\":\"").and_then(|rest| rest.split('"').next()).unwrap_or("?");
        let frozen = self.events.get(id).and_then(|kept| kept.deliveries.get(notifier));
        let part_of = frozen.and_then(|written| written.part_of.clone());
        let (is_kept, is_same) = (frozen.is_some(), frozen.is_none_or(|written| written.payload == payload));
        let is_suppressed = frozen.is_some_and(|written| written.suppressed);
        self.must(is_kept, || format!("I1: {id} is handed to {notifier} and is not durable"));
        self.must(is_same, || format!("I5: {id} has other bytes for {notifier} than it had"));
        self.must(part_of.is_none(), || {
            format!("I1: {id} is handed to {notifier}, and {part_of:?} tells of it")
        });
        let key = (notifier.to_owned(), id.to_owned());
        let is_kept_from = is_suppressed && self.handed.get(&key).is_none_or(|handed| !handed.replayed);
        self.must(!is_kept_from, || format!("I1: {id} is suppressed, and is handed to {notifier}"));
        if self.faults.contains(&format!("notifier/{notifier}")) {
            markers.reach(Marker::Probe);
        }
        let handed = self.handed.entry((notifier.to_owned(), id.to_owned())).or_default();
        if handed.times == 0 {
            handed.first_at = now;
        }
        handed.times += 1;
        let is_first = attempt == 1 && !handed.replayed;
        let id = id.to_owned();
        if is_first {
            self.goes_first(notifier, &id, now, wall, markers);
        }
        self.goes(notifier, &id, markers);
        id
    }

    /// I3: each lane keeps its order, but for what may be passed. A repeat needs a reason.
    pub(in crate::engine::simulation) fn accepts(&mut self, notifier: &str, id: &str, markers: &mut Markers) {
        self.arrivals += 1;
        let key = (notifier.to_owned(), id.to_owned());
        let handed = self.handed.entry(key).or_default();
        handed.accepted += 1;
        let (first, excuse) = (handed.accepted == 1, handed.excuse.take());
        let (settled, replayed) = (handed.settled, handed.replayed);
        if let Some(excuse) = excuse {
            markers.reach(excuse);
        }
        self.ends(notifier, id);
        self.must(!settled, || format!("{id} is delivered once more to {notifier}, though it was settled"));
        self.must(first || excuse.is_some(), || {
            format!("{id} is delivered once more to {notifier}, without need")
        });
        let Some(kept) = self.events.get(id) else { return };
        let Some(written) = kept.deliveries.get(notifier) else { return };
        let (number, lane) = (written.number, (notifier.to_owned(), written.lane.clone()));
        if first && !replayed && !self.may_be_passed(notifier, id) {
            let before = self.arrived.insert(lane, number);
            self.must(before.is_none_or(|before| before < number), || {
                format!("I3: {id} arrives at {notifier} after a later one of its lane")
            });
        }
    }

    /// What the loop is told of how it went.
    pub(in crate::engine::simulation) fn says(
        &mut self,
        notifier: &str,
        id: &str,
        said: Said,
        markers: &mut Markers,
    ) {
        let handed = self.handed.entry((notifier.to_owned(), id.to_owned())).or_default();
        handed.said = Some(said);
        if let Said::Nothing { crashed } = said {
            handed.crashes += u32::from(crashed);
            if handed.accepted > 0 {
                handed.excuse = Some(Marker::RepeatAfterUnknown);
            }
        }
        self.heard(notifier, said);
        match said {
            Said::Accepted => {}
            Said::Rejected => markers.reach(Marker::Reject),
            Said::NotNow => markers.reach(Marker::Retry),
            Said::Nothing { .. } => markers.reach(Marker::UnknownOutcome),
            Said::Broken => markers.reach(Marker::Broken),
        }
    }

    /// Whether its receiver is at fault.
    pub(super) fn heard(&mut self, notifier: &str, said: Said) {
        let failed = !matches!(said, Said::Accepted | Said::Rejected);
        let recent = self.recent.entry(notifier.to_owned()).or_default();
        recent.push(failed);
        let last = &recent[recent.len().saturating_sub(20)..];
        let in_a_row = last.iter().rev().take_while(|failed| **failed).count();
        if failed && (in_a_row >= 5 || last.iter().filter(|failed| **failed).count() > 10) {
            self.fault(&format!("notifier/{notifier}"));
        }
        if said == Said::Broken {
            self.fault(&format!("notifier/{notifier}"));
        }
    }
}
