//! Incidents that are open at receivers, in memory: the model's `raised.rs`.

use super::Rows;
use crate::core::delivery::State;
use crate::core::event::Event;
use crate::core::notification::incident;
use crate::core::pacing::Incident;
use crate::store::Raised;

impl Rows {
    /// Of this delivery, by what it tells of.
    fn incident(&self, delivery: i64) -> Option<(Incident, String)> {
        let one = self.deliveries.get(&delivery)?;
        let event: &Event = &self.told_by(&one.notification).next()?.event;
        incident(event)
    }

    /// A delivery has become final.
    pub(super) fn note_incident(&mut self, delivery: i64) {
        let Some((what, key)) = self.incident(delivery) else { return };
        let Some(one) = self.deliveries.get(&delivery) else { return };
        // Of several events, nothing is opened or closed by it.
        if !self.events.contains_key(&one.notification) || one.lane != key {
            return;
        }
        let is_again = one.replay;
        let is_its_end = |(id, other): (&i64, &super::Delivery)| {
            *id > delivery
                && (&other.notifier, &other.lane) == (&one.notifier, &one.lane)
                && self.incident(*id) == Some((Incident::Closes, key.clone()))
        };
        let is_closed = self.deliveries.iter().any(is_its_end);
        let of = (one.notifier.clone(), key);
        match what {
            Incident::Opens if one.state == State::Delivered && !is_closed => {
                self.raised.insert(of, delivery);
            }
            Incident::Opens => {}
            Incident::Closes if is_again => {}
            Incident::Closes => {
                self.raised.remove(&of);
            }
        }
    }

    pub(crate) fn raised(&self, notifier: &str, after: &str, limit: usize) -> Vec<Raised> {
        let of_notifier =
            self.raised.iter().filter(|((whose, key), _)| whose == notifier && key.as_str() > after);
        let found = of_notifier.filter_map(|((_, key), delivery)| {
            let one = self.deliveries.get(delivery)?;
            let is_said = one.state == State::Delivered && !one.payload.is_empty();
            let mut all = self.deliveries.values();
            let waits = all.any(|other| {
                (&other.notifier, &other.lane) == (&one.notifier, &one.lane) && !other.state.is_final()
            });
            (is_said && !waits).then(|| Raised {
                key: key.clone(),
                delivery: *delivery,
                notification_id: one.notification.clone(),
                payload: one.payload.clone(),
                handed: one.handed,
                lane: one.lane.clone(),
                watch: self.told_by(&one.notification).next().and_then(|row| row.watch.clone()),
            })
        });
        found.take(limit).collect()
    }
}
