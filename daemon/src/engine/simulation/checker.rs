//! What must be so after every step, and in the end, when everything works again.

use std::time::Duration;

use super::commbox::Conversation;
use super::house::House;
use super::markers::Marker;
use super::setup::IN_FLIGHT_MAX;
use super::waits::oldest;
use super::world::State;
use crate::core::cursor::{Cursor, Vanished};
use crate::core::delivery;
use crate::core::detect::children::is_round;
use crate::core::event::EventKind;
use crate::core::outcome::Retries;
use crate::core::waiting;

/// When everything works, the outbox is empty and everything is told within this: the longest pause that anybody can
/// ask for is an hour, a broken receiver is tried every five minutes, and a clock may have gone back by two hours.
const HEALED_WITHIN: Duration = Duration::from_secs(4 * 3600);
/// How often it is looked whether that is so.
const LOOK_EVERY: Duration = Duration::from_secs(30);

impl House {
    /// After every step.
    pub(super) fn check(&self) -> Result<(), String> {
        self.world.with(|state| {
            state.conserved();
            state.in_line();
            state.seen_is_told();
            state.first_violation()
        })
    }

    /// Heals everything, and sees whether all ends well.
    pub(super) fn end(&mut self) -> Result<(), String> {
        self.heal();
        let healed_at = self.passed();
        let rarely = self.world.with(|state| {
            state.setup.notifiers.iter().any(|notifying| notifying.retries == Retries::Machines)
        });
        let within = if rarely { HEALED_WITHIN * 10 } else { HEALED_WITHIN };
        loop {
            self.wait(LOOK_EVERY);
            self.check()?;
            let now = self.passed();
            let Some(why) = self.world.with(|state| state.is_unfinished(healed_at, now)) else { break };
            if self.passed() > healed_at + within {
                return Err(format!("I7: {within:?} after everything was healed {why}"));
            }
        }
        self.world.with(|state| {
            state.everything_is_told();
            state.first_violation()
        })?;
        self.calm()
    }

    /// When nothing happens, nothing is written or sent, everybody is polled at his time, and a reload of the same
    /// configuration changes nothing of that.
    fn calm(&mut self) -> Result<(), String> {
        let longest = self.world.with(|state| state.setup.watches.iter().map(|one| one.interval).max());
        let round = longest.unwrap_or_default();
        // A budget that was throttled grows back slowly.
        let throttled = self.world.with(|state| state.markers.times(Marker::Throttled)) > 0;
        let before = self.world.with(|state| (state.ledger.changes, state.ledger.arrivals));
        for reload in [false, true] {
            let began = self.passed();
            if reload {
                self.act(super::script::Action::Reload);
            }
            self.wait(round * 2);
            let ended = self.passed();
            if !throttled {
                self.world.with(|state| state.polled_in_time(began, ended))?;
            }
        }
        self.check()?;
        let after = self.world.with(|state| (state.ledger.changes, state.ledger.arrivals));
        if before != after {
            return Err(format!(
                "I10: changes and arrivals went from {before:?} to {after:?} without a cause"
            ));
        }
        Ok(())
    }
}

impl State {
    fn first_violation(&self) -> Result<(), String> {
        self.ledger.violations.first().map_or(Ok(()), |first| Err(first.clone()))
    }

    /// I6: what was written for a notifier is delivered, dead or open.
    fn conserved(&mut self) {
        for count in self.disk.rows.outbox() {
            let [written, ended] = self.ledger.written().get(&count.notifier).copied().unwrap_or_default();
            if count.imbalance != 0 || written != ended + count.pending {
                let of = format!("{written} written, {ended} ended, {count:?}");
                self.ledger.violated(format!("I6: {of}"));
            }
        }
    }

    /// I3: of each lane one waits for its turn at a time, and somebody has it where others wait.
    fn in_line(&mut self) {
        for out in self.disk.rows.lanes_out_of_line() {
            self.ledger.violated(format!("I3: {out}"));
        }
    }

    /// I1: no cursor is past a message that nobody is told of.
    fn seen_is_told(&mut self) {
        let mut lost = Vec::new();
        for (id, cursor) in self.disk.rows.cursors() {
            let children =
                cursor.seen.iter().filter_map(|(child, seen)| Some((child.as_str().parse().ok()?, seen)));
            for (child, seen) in children {
                let is_told = match seen.unparsed {
                    true => self.ledger.is_told_somehow(id, child),
                    false => self.ledger.is_told(id, child),
                };
                if !is_told {
                    lost.push(format!("I1: {id} child {child} counts as seen, and nobody was told"));
                }
            }
        }
        lost.into_iter().for_each(|one| self.ledger.violated(one));
    }

    /// Why it cannot be over yet.
    fn is_unfinished(&self, healed_at: Duration, now: Duration) -> Option<String> {
        if let Some(count) = self.disk.rows.outbox().iter().find(|count| count.pending > 0) {
            return Some(format!("{} deliveries wait for {}", count.pending, count.notifier));
        }
        if let Some((_, one)) = self.disk.rows.deliveries().find(|(_, one)| one.fallback_at.is_some()) {
            return Some(format!("I1: nobody is told of {} in place of {}", one.notification, one.notifier));
        }
        if now < self.mended_at + Duration::from_secs(5) {
            return Some("a process that died does not run yet".to_owned());
        }
        // Two answers after it, so that what was missing is believed.
        let late = |id| {
            self.ledger.asked_at.get(id).is_none_or(|at| at.iter().filter(|at| **at > healed_at).count() < 3)
        };
        if let Some(conversation) = self.conversations.iter().find(|conversation| late(&conversation.id)) {
            return Some(format!("{} was not polled", conversation.id));
        }
        let untold = self.untold();
        untold.first().cloned()
    }

    /// What is true now and was not told.
    fn untold(&self) -> Vec<String> {
        let mut untold = Vec::new();
        for conversation in &self.conversations {
            let id = &conversation.id;
            let Some(cursor) = self.disk.rows.cursor(id) else {
                untold.push(format!("{id} was never read"));
                continue;
            };
            let shown = || conversation.messages.iter().filter(|message| !message.deleted);
            let oldest = shown().map(|message| (message.created, message.id)).min();
            let may_be_cut = is_round(shown().count());
            for message in &conversation.messages {
                let child = message.id;
                let seen = cursor.seen.get(&crate::core::message::ChildId::new(child.to_string()));
                if message.deleted {
                    let is_pending = seen
                        .is_some_and(|seen| matches!(seen.vanished, None | Some((_, Vanished::Unconfirmed))));
                    let is_told = self.ledger.event_of(id, child, EventKind::MessageDeleted).is_some();
                    let must_be = seen.is_some_and(|seen| {
                        matches!(seen.vanished, Some((_, Vanished::Deleted)))
                            && !(seen.unparsed && seen.baseline)
                    });
                    // A list of that length tells nothing of what is older than all that it shows, or may be.
                    let is_older = Some((message.created, child)) < oldest;
                    if may_be_cut && (is_older || seen.is_some_and(|seen| seen.instant.is_none())) {
                        continue;
                    }
                    if is_pending || (must_be && !is_told) {
                        untold.push(format!("I1: nobody was told that {child} of {id} is deleted"));
                    }
                } else if !self.ledger.is_told(id, child) {
                    untold.push(format!("I1: nobody was told of {child} of {id}"));
                } else if self.ledger.text(id, child) != message.texts.last().map(String::as_str) {
                    untold.push(format!("I1: nobody was told that {child} of {id} was edited"));
                } else if seen.is_none_or(|seen| seen.vanished.is_some()) {
                    untold.push(format!("I1: {child} of {id} is there and counts as vanished"));
                }
            }
            untold.extend(self.unwaited(conversation, &cursor));
            if cursor.status_id != Some(conversation.status) {
                untold.push(format!(
                    "I1: the status of {id} is {}, not {:?}",
                    conversation.status, cursor.status_id
                ));
            }
        }
        untold
    }

    /// Who waits is known, and was told where somebody wants to hear of it.
    fn unwaited(&self, conversation: &Conversation, cursor: &Cursor) -> Option<String> {
        let id = &conversation.id;
        if waiting::is_over(Some(conversation.status)) {
            let open = cursor.waiting.as_ref().filter(|waiting| !waiting.over);
            return open.map(|open| format!("I1: {} of {id} counts as waiting, and it is over", open.child));
        }
        let floor = cursor.waiting.as_ref().and_then(waiting::Waiting::floor);
        let oldest = oldest(conversation).map(|one| (one.id.to_string(), one.created));
        let open = cursor.waiting.as_ref().filter(|waiting| !waiting.over);
        let is_known = match (&oldest, open) {
            // One that was cut off waits as long as nobody replies.
            (_, Some(open)) if cursor.seen.get(&open.child).is_some_and(|seen| seen.vanished.is_some()) => {
                true
            }
            (Some((child, _)), Some(open)) => *child == open.child.to_string(),
            (Some((_, created)), None) => floor.as_ref().is_some_and(|floor| *created <= floor.0),
            (None, open) => open.is_none(),
        };
        // A list that may be cut says nothing of an older one; nor does what was over say of what came between.
        let shown = conversation.messages.iter().filter(|message| !message.deleted).count();
        // A reply that was seen and is deleted now was one.
        let was_answered = conversation.messages.iter().any(|one| one.agent && one.was_deleted);
        if !is_known && !is_round(shown) && floor.is_none() && !was_answered {
            return Some(format!("I1: {oldest:?} of {id} waits, not {:?}", cursor.waiting));
        }
        let open = open?;
        let watching = self.setup.watching(id).filter(|watching| watching.watched)?;
        // Somebody knows of it, and said so.
        if cursor.acked().is_some() {
            return None;
        }
        let thresholds = self.setup.thresholds(watching.vip);
        if !thresholds.is_empty() && self.ledger.is_kept_from_everybody(id) {
            return Some(format!(
                "I1: a silence is over, and nobody heard that {} of {id} waits",
                open.child
            ));
        }
        let is_told = |seconds: &u64| open.told.iter().any(|alarm| alarm.threshold.seconds == *seconds);
        let untold = thresholds.iter().find(|seconds| !is_told(seconds));
        untold
            .map(|seconds| format!("I1: nobody was told that {} of {id} has waited {seconds} s", open.child))
    }

    /// I1: every delivery was accepted, or is dead.
    fn everything_is_told(&mut self) {
        let mut lost = self.untold();
        for (_, delivery) in self.disk.rows.deliveries() {
            let (notifier, id) = (&delivery.notifier, &delivery.notification);
            if delivery.state == delivery::State::Delivered && !self.ledger.was_accepted(notifier, id) {
                lost.push(format!("I1: {id} counts as delivered to {notifier}, which never accepted it"));
            }
        }
        let written: usize = self.ledger.events.values().map(|kept| kept.deliveries.len()).sum();
        let rows = self.disk.rows.deliveries().count();
        let is_pruned = self.setup.retention < Duration::from_secs(86_400);
        if written != rows && !is_pruned {
            lost.push(format!("I1: {written} deliveries were written, and there are {rows}"));
        }
        lost.into_iter().for_each(|one| self.ledger.violated(one));
    }

    /// I9: nobody waits longer for his poll than his interval, if there is room for all.
    fn polled_in_time(&self, began: Duration, ended: Duration) -> Result<(), String> {
        for watching in &self.setup.watches {
            let of_account = self.setup.watches.iter().filter(|one| one.id.account == watching.id.account);
            let needed: f64 = of_account.map(|one| 1.0 / one.interval.as_secs_f64()).sum();
            if needed > 0.8 {
                continue;
            }
            let asked = self.ledger.asked_at.get(&watching.id).map_or(&[][..], Vec::as_slice);
            let within: Vec<Duration> =
                asked.iter().copied().filter(|at| (began..ended).contains(at)).collect();
            // Late by the burst of the others, and by answers under way.
            let slack = Duration::from_secs(5 * u64::from(IN_FLIGHT_MAX));
            let starts = [began].into_iter().chain(within.iter().copied());
            let ends = within.iter().copied().chain([ended]);
            if let Some((from, to)) =
                starts.zip(ends).find(|(from, to)| *to - *from > watching.interval + slack)
            {
                return Err(format!("I9: {} was not polled from {from:?} to {to:?}", watching.id));
            }
            let turns = (ended - began).as_secs_f64() / watching.interval.as_secs_f64();
            if within.len() as f64 > turns + 2.0 {
                return Err(format!(
                    "I10: {} was polled {} times in {turns} intervals",
                    watching.id,
                    within.len()
                ));
            }
        }
        Ok(())
    }
}
