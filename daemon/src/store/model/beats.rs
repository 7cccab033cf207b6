//! Signs of life, in memory: the model's `beats.rs`.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::{Delivery, Rows, tell_of};
use crate::core::delivery::State;
use crate::core::heartbeat::{KEPT, LANE};
use crate::store::{Beats, Passing, Told};

impl Rows {
    pub(crate) fn beat(&mut self, told: &Told) -> BTreeMap<String, u64> {
        let at = told.event.recorded;
        let is_old = |one: &Delivery| {
            one.lane == LANE
                && (one.state == State::Dead || one.finished_at.is_some_and(|finished| finished < at - KEPT))
        };
        let old: Vec<i64> =
            self.deliveries.iter().filter(|(_, one)| is_old(one)).map(|(id, _)| *id).collect();
        let gone: Vec<Delivery> = old.iter().filter_map(|id| self.deliveries.remove(id)).collect();
        self.attempts.retain(|attempt| !old.contains(&attempt.delivery));
        for one in gone {
            let mut rest = self.deliveries.values();
            if !rest.any(|other| tell_of(&self.contents, &other.notification, &one.notification)) {
                self.events.remove(&one.notification);
            }
        }
        let outlived = self.outlive(Passing::Heartbeats, Timestamp::MAX, at);
        self.tell(told, None);
        outlived
    }

    pub(crate) fn outlive(
        &mut self,
        lane: Passing,
        before: Timestamp,
        at: Timestamp,
    ) -> BTreeMap<String, u64> {
        let (lane, _) = lane.lane();
        let mut outlived: BTreeMap<String, u64> = BTreeMap::new();
        for one in self.deliveries.values_mut() {
            let is_open = matches!(one.state, State::Queued | State::Pending);
            if one.lane == lane && is_open && !one.replay && one.created_at < before {
                (one.state, one.finished_at, one.held) = (State::Suppressed, Some(at), None);
                *outlived.entry(one.notifier.clone()).or_default() += 1;
            }
        }
        for (notifier, outlived) in &outlived {
            self.tally.entry(notifier.clone()).or_default()[3] += outlived.cast_signed();
            self.turn(notifier, lane, at);
        }
        outlived
    }

    pub(crate) fn beats(&self) -> Beats {
        let mut beats = Beats::default();
        for one in self.deliveries.values().filter(|one| one.lane == LANE && !one.replay) {
            beats.written = beats.written.max(Some(one.created_at));
            if one.state == State::Delivered
                && let Some(at) = one.finished_at
            {
                let accepted = beats.accepted.entry(one.notifier.clone()).or_insert(at);
                *accepted = (*accepted).max(at);
            }
        }
        beats
    }
}
