//! The deliveries of one running child: those that wait for a place, and those that it has.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use commwatch_plugin_api::Outcome;
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::{DELIVERY_GRACE, Handover, Report, WAITING_MAX};
use crate::plugin::frame::Violation;

/// A delivery, and who waits for its end.
#[derive(Debug)]
pub(super) struct Order {
    pub(super) handover: Handover,
    pub(super) reply: oneshot::Sender<Report>,
}

impl Order {
    /// It was never handed over.
    pub(super) fn not_sent(self, why: &str) {
        // Who asked may have gone.
        let _ = self.reply.send(Report::not_sent(why));
    }
}

#[derive(Debug)]
struct Flight {
    order: Order,
    started: Instant,
    /// Whether its request is out.
    asking: bool,
}

#[derive(Debug)]
pub(super) struct Deliveries {
    concurrency: usize,
    waiting: VecDeque<Order>,
    flying: BTreeMap<u64, Flight>,
    next_token: u64,
}

impl Deliveries {
    pub(super) fn new(concurrency: u16) -> Self {
        Self {
            concurrency: concurrency.into(),
            waiting: VecDeque::new(),
            flying: BTreeMap::new(),
            next_token: 1,
        }
    }

    pub(super) fn has_room(&self) -> bool {
        self.waiting.len() < WAITING_MAX
    }

    pub(super) fn none_fly(&self) -> bool {
        self.flying.is_empty()
    }

    pub(super) fn add(&mut self, order: Order) {
        self.waiting.push_back(order);
    }

    /// Starts the oldest one that waits, if there is a place for it. They start in the order in which they came: one
    /// that must be alone waits for all before it, and all after it wait for it.
    pub(super) fn start_next(&mut self, now: Instant) -> Option<(u64, &Handover)> {
        let next = self.waiting.front()?;
        let alone = next.handover.alone || self.flying.values().any(|flight| flight.order.handover.alone);
        if self.flying.len() >= if alone { 1 } else { self.concurrency } {
            return None;
        }
        let order = self.waiting.pop_front()?;
        let token = self.next_token;
        self.next_token += 1;
        let flight = self.flying.entry(token).or_insert(Flight { order, started: now, asking: false });
        Some((token, &flight.order.handover))
    }

    /// Its request begins. Gives the delivery's deadline.
    pub(super) fn ask(&mut self, token: u64) -> Result<Instant, Violation> {
        let flight = self.flight(token)?;
        if std::mem::replace(&mut flight.asking, true) {
            return Err(Violation("a second request for one delivery at the same time".to_owned()));
        }
        Ok(flight.order.handover.deadline)
    }

    /// Its request has ended.
    pub(super) fn answered(&mut self, token: u64) {
        if let Some(flight) = self.flying.get_mut(&token) {
            flight.asking = false;
        }
    }

    /// It has ended, as the plugin says.
    pub(super) fn end(&mut self, token: u64, outcome: Outcome, now: Instant) -> Result<(), Violation> {
        if self.flight(token)?.asking {
            return Err(Violation("an outcome while its request is out".to_owned()));
        }
        if let Some(flight) = self.flying.remove(&token) {
            let duration = now - flight.started;
            let _ = flight.order.reply.send(Report { outcome, duration, crashed: false, not_sent: false });
        }
        Ok(())
    }

    fn flight(&mut self, token: u64) -> Result<&mut Flight, Violation> {
        self.flying
            .get_mut(&token)
            .ok_or_else(|| Violation("a word on a delivery that it was not given".to_owned()))
    }

    /// When [`expire`](Self::expire) has something to do.
    pub(super) fn next_deadline(&self) -> Option<Instant> {
        let waiting = self.waiting.iter().map(|order| order.handover.deadline);
        let flying = self.flying.values().map(|flight| flight.order.handover.deadline + DELIVERY_GRACE);
        waiting.chain(flying).min()
    }

    /// Gives those back that waited past their deadline. Whether one that flies is overdue.
    pub(super) fn expire(&mut self, now: Instant) -> Option<Duration> {
        for order in std::mem::take(&mut self.waiting) {
            if order.handover.deadline <= now {
                order.not_sent("the plugin was busy until the deadline");
            } else {
                self.waiting.push_back(order);
            }
        }
        let overdue = |flight: &&Flight| flight.order.handover.deadline + DELIVERY_GRACE <= now;
        self.flying.values().find(overdue).map(|flight| now - flight.started)
    }

    /// Takes no more: gives those back that wait.
    pub(super) fn give_back(&mut self, why: &str) {
        self.waiting.drain(..).for_each(|order| order.not_sent(why));
    }

    /// The process is lost: those that it had may have arrived.
    pub(super) fn lose(mut self, why: &str) {
        self.give_back(why);
        let now = Instant::now();
        for flight in self.flying.into_values() {
            let _ = flight.order.reply.send(Report::crashed(why, now - flight.started));
        }
    }
}
