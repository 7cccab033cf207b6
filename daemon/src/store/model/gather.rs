//! What is held back and what becomes one, in memory: the model's `gather.rs`.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::{Delivery, EventRow, Rows};
use crate::core::delivery::State;
use crate::core::pacing::Held;
use crate::store::{Due, Gather, Hold, Scope, Together};

impl Rows {
    /// What a notification tells of, in order.
    pub(super) fn told_by<'a>(&'a self, notification: &'a str) -> impl Iterator<Item = &'a EventRow> {
        let several = self.contents.get(notification);
        let one = self.events.get(notification).filter(|_| several.is_none());
        one.into_iter().chain(several.into_iter().flatten().filter_map(|id| self.events.get(id)))
    }

    /// Whether a notifier has, or had, every event of a notification of several.
    pub(super) fn knows(&self, several: &str, notifier: &str) -> bool {
        let has = |event: &String| {
            self.deliveries.values().any(|one| one.notification == *event && one.notifier == notifier)
        };
        self.contents.get(several).is_none_or(|events| events.iter().all(has))
    }

    fn open_in<'a>(&'a self, notifier: &'a str, lane: &'a str) -> impl Iterator<Item = (i64, &'a Delivery)> {
        let is_open = move |one: &Delivery| {
            one.notifier == notifier && one.lane == lane && !one.state.is_final() && !one.aside
        };
        self.deliveries.iter().filter(move |(_, one)| is_open(one)).map(|(id, one)| (*id, one))
    }

    fn held_heads(&self, notifier: &str) -> Vec<(i64, &Delivery, Held)> {
        let heads = self.heads(notifier).into_iter().filter(|(_, one)| !one.aside);
        heads.filter_map(|(id, one)| Some((id, one, one.held?))).collect()
    }

    /// When the head of a lane that is held back is due.
    pub(super) fn held_until(&self, notifier: &str, lane: &str) -> Timestamp {
        let heads = self.held_heads(notifier);
        let head = heads.into_iter().find(|(_, one, _)| one.lane == lane);
        head.map_or(Timestamp::MIN, |(_, one, _)| one.due_at)
    }

    pub(super) fn hurry(&mut self, notifier: &str, lane: &str, at: Timestamp) {
        let heads = self.held_heads(notifier);
        let head = heads.into_iter().find(|(_, one, _)| one.lane == lane).map(|(id, ..)| id);
        if let Some(head) = head.and_then(|id| self.deliveries.get_mut(&id)) {
            head.due_at = head.due_at.min(at);
        }
    }

    pub(super) fn held(&self, notifier: &str) -> BTreeMap<Held, u64> {
        let mut held = BTreeMap::new();
        for (_, one, why) in self.held_heads(notifier) {
            let lane = self.deliveries.values().filter(|other| {
                other.notifier == notifier && other.lane == one.lane && !other.state.is_final()
            });
            *held.entry(why).or_default() += lane.count() as u64;
        }
        held
    }

    pub(crate) fn together(&self, notifier: &str, scope: &Scope, limit: usize) -> Vec<Together> {
        let lanes: Vec<String> = match scope {
            Scope::Lane(lane) => vec![lane.clone()],
            Scope::Held(why) => {
                let mut heads = self.held_heads(notifier);
                heads.retain(|(_, _, held)| held == why);
                heads.sort_by_key(|(id, one, _)| (one.due_at, *id));
                heads.into_iter().map(|(_, one, _)| one.lane.clone()).collect()
            }
        };
        let mut found = Vec::new();
        for lane in lanes {
            let mut rows: Vec<(i64, &Delivery)> = self.open_in(notifier, &lane).collect();
            rows.sort_by_key(|(id, one)| (one.state == State::Queued, *id));
            found.extend(rows.into_iter().map(|(id, one)| {
                let event = self.told_by(&one.notification).next().map(|row| row.event.clone());
                Together {
                    delivery: id,
                    lane: lane.clone(),
                    created_at: one.created_at,
                    plain: one.is_plain() && event.is_some(),
                    event,
                }
            }));
        }
        found.truncate(limit);
        found
    }

    /// Whether it is held back.
    pub(crate) fn hold(&mut self, hold: &Hold) -> bool {
        let of_lane = |one: &Delivery| (one.notifier.clone(), one.lane.clone());
        let Some(lane) = self.deliveries.get(&hold.delivery).map(of_lane) else { return false };
        let is_later = |(id, one): (&i64, &Delivery)| {
            *id > hold.seen && !one.state.is_final() && (&one.notifier, &one.lane) == (&lane.0, &lane.1)
        };
        if self.deliveries.iter().any(is_later) {
            return false;
        }
        let is_head = |one: &&mut Delivery| one.state == State::Pending;
        let Some(one) = self.deliveries.get_mut(&hold.delivery).filter(is_head) else { return false };
        (one.due_at, one.held, one.paced) = (hold.until, Some(hold.why), true);
        let (notifier, lane) = (one.notifier.clone(), one.lane.clone());
        let longer = hold.until.duration_since(hold.at).max(jiff::SignedDuration::ZERO);
        for one in self.deliveries.values_mut() {
            let waits = one.notifier == notifier && one.lane == lane && !one.state.is_final() && !one.aside;
            if let Some(at) = one.fallback_at.as_mut().filter(|_| waits) {
                *at += longer;
            }
        }
        true
    }

    pub(crate) fn release(&mut self, notifier: &str, now: Timestamp) {
        for one in self.deliveries.values_mut() {
            if one.notifier == notifier && one.state == State::Pending && one.held.is_some() {
                one.due_at = one.due_at.min(now);
            }
        }
    }

    pub(crate) fn gather(&mut self, gather: &Gather) -> Option<Due> {
        let Gather { members, new, at } = gather;
        let mut events = Vec::new();
        let mut lanes = Vec::new();
        for member in members {
            let may = |one: &&Delivery| {
                one.notifier == new.notifier
                    && matches!(one.state, State::Pending | State::Queued)
                    && one.handed == 0
                    && !one.replay
                    && one.gathered == 0
            };
            let one = self.deliveries.get(member).filter(may)?;
            events.push(one.notification.clone());
            lanes.push(one.lane.clone());
        }
        if members.is_empty() {
            return None;
        }
        for member in members {
            if let Some(one) = self.deliveries.get_mut(member) {
                (one.state, one.finished_at) = (State::Grouped, Some(*at));
                (one.fallback_at, one.held) = (None, None);
                one.payload.clear();
            }
            self.note_incident(*member);
        }
        self.tally.entry(new.notifier.clone()).or_default()[4] += members.len() as i64;
        self.contents.insert(new.notification.id.clone(), events);
        self.insert(new, *at);
        let id = self.last_delivery;
        if let Some(one) = self.deliveries.get_mut(&id) {
            (one.gathered, one.paced) = (members.len(), true);
        }
        for lane in lanes {
            self.turn(&new.notifier, &lane, *at);
        }
        let one = self.deliveries.get(&id).filter(|one| one.state == State::Pending)?;
        Some(self.hand(id, one))
    }

    pub(crate) fn sent_since(&self, notifier: &str, since: Timestamp) -> Vec<(String, Timestamp)> {
        let sent = |(id, one): (&i64, &Delivery)| {
            let first = self.attempts.iter().find(|attempt| attempt.delivery == *id && one.was_tried)?;
            (one.notifier == notifier && first.started_at >= since)
                .then(|| (one.lane.clone(), first.started_at))
        };
        let mut sent: Vec<(String, Timestamp)> = self.deliveries.iter().filter_map(sent).collect();
        sent.sort_by_key(|(_, at)| *at);
        sent
    }
}

impl Delivery {
    fn is_plain(&self) -> bool {
        self.handed == 0
            && matches!(self.state, State::Pending | State::Queued)
            && !self.replay
            && !self.fallback
            && self.gathered == 0
    }
}
