//! Deliveries that are not final, in memory: the model's `outbox.rs`, `clock.rs` and `fallback.rs`.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::{Attempt, Delivery, Rows, whole_millis};
use crate::core::delivery::State;
use crate::core::outcome::{DELAY_MAX, Fate};
use crate::store::{Due, FallBack, Overdue, Settle, Told, Unaccepted};

impl Delivery {
    /// It is due by `now`, and was not tried for the time that it does not wait.
    pub(super) fn brought_forward(&mut self, now: Timestamp) {
        let spared = Duration::try_from(self.due_at.duration_since(now)).unwrap_or_default();
        self.tried = self.tried.saturating_sub(whole_millis(spared));
        self.due_at = self.due_at.min(now);
    }
}

impl Rows {
    pub(super) fn has_head(&self, notifier: &str, lane: &str) -> bool {
        self.heads(notifier).iter().any(|(_, head)| head.lane == lane && !head.aside)
    }

    /// The head of each lane of a notifier, and what has stepped aside.
    pub(super) fn heads(&self, notifier: &str) -> Vec<(i64, &Delivery)> {
        let is_head =
            |one: &Delivery| one.notifier == notifier && matches!(one.state, State::Pending | State::Sending);
        self.deliveries.iter().filter(|(_, one)| is_head(one)).map(|(id, one)| (*id, one)).collect()
    }

    pub(crate) fn hand_over(&mut self, deliveries: &[i64], at: Timestamp) -> Vec<i64> {
        let mut marked = deliveries.to_vec();
        marked.retain(|id| match self.deliveries.get_mut(id) {
            Some(one) if one.state == State::Pending => {
                (one.state, one.sending_at, one.held) = (State::Sending, Some(at), None);
                one.handed += 1;
                true
            }
            one => one.is_some_and(|one| one.state == State::Sending),
        });
        marked
    }

    pub(crate) fn receipt(&self, notifier: &str, lane: &str) -> Option<String> {
        let is_one =
            |one: &Delivery| one.notifier == notifier && one.lane == lane && one.state == State::Delivered;
        let theirs = self.deliveries.iter().rev().filter(|(_, one)| is_one(one)).map(|(id, _)| *id);
        let said = |attempt: &&Attempt| attempt.outcome == "delivered" && !attempt.detail.is_empty();
        let latest = |id| {
            let of_it = self.attempts.iter().filter(|attempt| attempt.delivery == id);
            of_it.filter(said).max_by_key(|attempt| attempt.number)
        };
        theirs.filter_map(latest).map(|attempt| attempt.detail.clone()).next()
    }

    pub(crate) fn take_back(&mut self, delivery: i64) {
        if let Some(one) = self.deliveries.get_mut(&delivery).filter(|one| one.state == State::Sending) {
            (one.state, one.sending_at) = (State::Pending, None);
            one.handed -= 1;
        }
    }

    /// What opening a store does with what was in flight when it was last closed.
    pub(crate) fn unaccepted(&self, now: Timestamp, limit: usize) -> Vec<Unaccepted> {
        let never = now + DELAY_MAX + Duration::from_secs(60);
        let waits = |(id, one): (&i64, &Delivery)| Some((one.fallback_at?, *id));
        let mut overdue: Vec<(Timestamp, i64)> = self.deliveries.iter().filter_map(waits).collect();
        overdue.retain(|(at, _)| *at <= now || *at >= never);
        overdue.sort_by_key(|(at, id)| (*at > now, *at, *id));
        let found = overdue.into_iter().take(limit).filter_map(|(_, id)| {
            let one = self.deliveries.get(&id)?;
            Some(Unaccepted {
                delivery: id,
                notifier: one.notifier.clone(),
                lane: one.lane.clone(),
                is_dead: one.state == State::Dead,
                events: self.told_by(&one.notification).map(|row| row.event.clone()).collect(),
                of_several: (one.gathered > 0).then(|| one.notification.clone()),
            })
        });
        found.collect()
    }

    pub(crate) fn fall_back(&mut self, fall_back: &FallBack) -> Option<Vec<String>> {
        let one = self.deliveries.get_mut(&fall_back.delivery)?;
        let never = fall_back.at + DELAY_MAX + Duration::from_secs(60);
        one.fallback_at.take_if(|at| *at <= fall_back.at || *at >= never)?;
        let of_several = (one.gathered > 0).then(|| one.notification.clone());
        let mut told = Vec::new();
        for new in &fall_back.deliveries {
            let several = of_several.as_ref().filter(|several| **several == new.notification.id);
            if several.is_some_and(|several| self.knows(several, &new.notifier)) {
                continue;
            }
            if self.insert(new, fall_back.at) {
                if let Some(one) = self.deliveries.get_mut(&self.last_delivery) {
                    one.fallback = true;
                }
                told.push(new.notifier.clone());
            }
        }
        Some(told)
    }

    /// What a delivery is that comes into a lane.
    pub(crate) fn clock_moved(&mut self, now: Timestamp, by: Option<SignedDuration>) -> u64 {
        let by_or_none = by.unwrap_or_default();
        let was = if by_or_none.is_negative() { now - by_or_none } else { now };
        let never = was + DELAY_MAX + Duration::from_secs(60);
        let mut changed = 0;
        for one in self.deliveries.values_mut() {
            if !by_or_none.is_zero()
                && let Some(at) = one.fallback_at.as_mut().filter(|at| **at > now && **at < never)
            {
                *at += by_or_none;
                changed += 1;
            }
            if by.is_none() && one.created_at > now && one.fallback_at.is_some_and(|at| at > now) {
                one.fallback_at = Some(now);
                changed += 1;
            }
        }
        let waits = |one: &Delivery| !one.state.is_final();
        for (id, one) in self.deliveries.iter_mut().filter(|(_, one)| waits(one)) {
            if !by_or_none.is_zero() && one.due_at > now && one.due_at < never {
                one.due_at += by_or_none;
                changed += 1;
            }
            if one.due_at > now && (!one.was_tried || one.held.is_some()) {
                one.due_at = now;
                changed += 1;
            }
            let mut theirs = self.attempts.iter().filter(|attempt| attempt.delivery == *id);
            if by.is_none() && one.due_at > now && theirs.any(|attempt| attempt.started_at > now) {
                one.brought_forward(now);
                changed += 1;
            }
        }
        changed
    }

    pub(crate) fn bring_forward(&mut self, notifier: &str, now: Timestamp) {
        let is_head = |one: &&mut Delivery| {
            one.notifier == notifier
                && matches!(one.state, State::Pending | State::Sending)
                && one.held.is_none()
        };
        self.deliveries.values_mut().filter(is_head).for_each(|one| one.brought_forward(now));
    }

    pub(crate) fn overdue(&self, before: Timestamp, limit: usize) -> Vec<Overdue> {
        let waits =
            |one: &Delivery| matches!(one.state, State::Pending | State::Queued) && one.created_at < before;
        let mut overdue: Vec<Overdue> = self
            .deliveries
            .iter()
            .filter(|(_, one)| waits(one))
            .map(|(id, one)| Overdue {
                delivery: *id,
                notification_id: one.notification.clone(),
                notifier: one.notifier.clone(),
                created_at: one.created_at,
            })
            .collect();
        overdue.sort_by_key(|one| (one.created_at, one.delivery));
        overdue.truncate(limit);
        overdue
    }

    pub(crate) fn give_up(&mut self, delivery: i64, why: &str, at: Timestamp, told: &Told) -> bool {
        let waits = |one: &&mut Delivery| matches!(one.state, State::Pending | State::Queued);
        let Some(one) = self.deliveries.get_mut(&delivery).filter(waits) else { return false };
        (one.state, one.finished_at) = (State::Dead, Some(at));
        one.fallback_at = one.fallback_at.map(|then| then.min(at));
        let number = one.handed;
        self.attempts.push(Attempt {
            delivery,
            number,
            started_at: at,
            took: Duration::ZERO,
            outcome: "expired",
            detail: why.to_owned(),
        });
        self.finish(delivery, at);
        self.tell(told, None);
        true
    }

    /// A delivery is final: it is counted, and the next of its lane has its turn.
    pub(super) fn finish(&mut self, delivery: i64, at: Timestamp) {
        let Some(one) = self.deliveries.get_mut(&delivery) else { return };
        let tally = self.tally.entry(one.notifier.clone()).or_default();
        tally[super::ended_as(one.state)] += 1;
        let (notifier, lane) = (one.notifier.clone(), one.lane.clone());
        let notification = one.notification.clone();
        if self.told_by(&notification).any(|event| event.scrubbed)
            && let Some(one) = self.deliveries.get_mut(&delivery)
        {
            one.payload.clear();
        }
        self.turn(&notifier, &lane, at);
        self.note_incident(delivery);
    }

    pub(super) fn turn(&mut self, notifier: &str, lane: &str, at: Timestamp) {
        if self.has_head(notifier, lane) {
            return;
        }
        let is_next =
            |one: &&mut Delivery| one.notifier == notifier && one.lane == lane && one.state == State::Queued;
        if let Some(next) = self.deliveries.values_mut().find(is_next) {
            (next.state, next.due_at) = (State::Pending, next.due_at.max(at));
        }
    }

    pub(crate) fn due(&self, notifier: &str, now: Timestamp, limit: usize) -> Vec<Due> {
        let mut heads = self.heads(notifier);
        let class = |head: &Delivery| {
            let ahead = |at: Timestamp, by: Duration| {
                now < Timestamp::MAX && now.checked_add(by).is_ok_and(|limit| at >= limit)
            };
            if head.due_at <= now {
                Some(0)
            } else if !head.was_tried
                && head.held.is_none()
                && ahead(head.created_at, Duration::from_secs(60) + Duration::from_nanos(1))
            {
                Some(1)
            } else {
                ahead(head.due_at, DELAY_MAX + Duration::from_secs(60)).then_some(2)
            }
        };
        heads.sort_by_key(|(id, head)| (class(head), head.due_at, *id));
        heads
            .into_iter()
            .filter(|(_, head)| class(head).is_some())
            .take(limit)
            .map(|(id, head)| self.hand(id, head))
            .collect()
    }

    pub(super) fn hand(&self, id: i64, delivery: &Delivery) -> Due {
        let event = self.told_by(&delivery.notification).next();
        Due {
            id,
            notification_id: delivery.notification.clone(),
            payload: delivery.payload.clone(),
            attempts: delivery.attempts,
            handed: delivery.handed,
            crashes: delivery.crashes,
            crashes_alone: delivery.crashes_alone,
            tried: delivery.tried,
            occurred_at: event.map_or(delivery.created_at, |event| event.occurred_at),
            priority: event.and_then(|event| event.priority.clone()),
            replay: delivery.replay,
            created_at: delivery.created_at,
            lane: delivery.lane.clone(),
            held: delivery.held,
            due_at: delivery.due_at,
            paced: delivery.paced,
        }
    }

    pub(crate) fn next_due(&self, notifier: &str) -> Option<Timestamp> {
        self.heads(notifier).into_iter().map(|(_, head)| head.due_at).min()
    }

    pub(crate) fn settle(&mut self, settle: &Settle) -> bool {
        const DETAIL_CHARS_MAX: usize = 500;
        let is_head = |one: &&mut Delivery| matches!(one.state, State::Pending | State::Sending);
        let Some(delivery) = self.deliveries.get_mut(&settle.delivery).filter(is_head) else { return false };
        let ended_at = settle.started + settle.took;
        let (state, tried) = match &settle.fate {
            Fate::Delivered => (State::Delivered, settle.took),
            Fate::Dead(_) => (State::Dead, settle.took),
            Fate::RetryAt { at, delay, aside } => {
                delivery.due_at = *at;
                delivery.aside |= *aside;
                (State::Pending, settle.took + *delay)
            }
            Fate::Held(_) => {
                delivery.due_at = ended_at;
                (State::Pending, Duration::ZERO)
            }
        };
        delivery.state = state;
        delivery.finished_at = state.is_final().then_some(ended_at);
        delivery.fallback_at = match state {
            State::Delivered => None,
            State::Dead => delivery.fallback_at.map(|then| then.min(ended_at)),
            _ => delivery.fallback_at,
        };
        delivery.attempts += u32::from(settle.counts);
        delivery.handed += u32::from(delivery.sending_at.take().is_none());
        delivery.crashes += u32::from(settle.crashed);
        delivery.crashes_alone += u32::from(settle.crashed && settle.alone);
        delivery.was_tried = true;
        delivery.tried += whole_millis(tried);
        let number = delivery.handed;
        let lane = delivery.aside.then(|| (delivery.notifier.clone(), delivery.lane.clone()));
        self.attempts.push(Attempt {
            delivery: settle.delivery,
            number,
            started_at: settle.started,
            took: whole_millis(settle.took),
            outcome: settle.outcome,
            detail: settle.detail.chars().take(DETAIL_CHARS_MAX).collect(),
        });
        if state.is_final() {
            self.finish(settle.delivery, ended_at);
        } else if let Some((notifier, lane)) = lane {
            self.turn(&notifier, &lane, ended_at);
        }
        settle.told.as_ref().is_some_and(|told| self.tell(told, None))
    }
}
