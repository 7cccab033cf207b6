//! Which conversations are due, when, and why. Pure: time is the span since the engine began.
//!
//! Each conversation keeps its own interval on a grid whose phase comes from a hash of its name, so that start
//! times spread and a reload does not move them. What is due waits for its account: for a token of its budget,
//! a free place among its requests, and the end of what `CommBox` asked us to wait. VIPs go first.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, HashMap};
use std::time::Duration;

use crate::core::backoff::{Backoff, mix, seed_of};
use crate::core::pressure::{PROBE_EVERY, Pressure};
use crate::core::watch::{ConversationId, Priority};

mod account;
mod errand;

pub use account::{Admission, RETRY_AFTER_MAX, THROTTLED};
pub use errand::{Asked, Errand};

use account::{AccountQueue, Key};

/// A refused key is tried this often: it may have been renewed.
pub const DENIED_PROBE: Duration = Duration::from_secs(300);
/// However long a fault lasts, a conversation is tried this often (commbox-api §10).
pub const BACKOFF_MAX: Duration = Duration::from_secs(900);
/// An answer that the store could not keep is asked for again within this, unless its interval is longer.
pub const NOT_KEPT_MAX: Duration = Duration::from_secs(60);

/// One thing to ask for.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Target<K = ConversationId> {
    /// What.
    pub id: K,
    /// How often, at least a second.
    pub interval: Duration,
    /// VIPs go first.
    pub priority: Priority,
}

/// What an account allows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Allowance {
    /// Requests per second.
    pub per_second: f64,
    /// Requests at once after a pause.
    pub burst: u32,
    /// Requests under way at once.
    pub in_flight_max: u32,
}

/// How a poll ended, as far as the schedule needs it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Polled {
    /// Answered.
    Ok,
    /// 429: the whole account waits.
    Throttled(Option<Duration>),
    /// 401, 403: the whole account stops, and is probed slowly, once a second conversation was refused as well.
    Denied,
    /// 400, 404, empty: this conversation is tried more slowly.
    Gone,
    /// 5xx, time-outs, faults on the way.
    Unavailable(Option<Duration>),
    /// An answer that cannot be used.
    Malformed,
    /// An answer that the store could not keep.
    NotKept,
}

/// What to do now.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Next<K = ConversationId> {
    /// Ask for this; it was due at that time.
    Poll(K, Duration),
    /// Nothing before that time.
    WaitUntil(Duration),
    /// Nothing until a poll ends or the targets change.
    Idle,
}

/// Who is due when.
#[derive(Debug)]
pub struct Schedule<K = ConversationId> {
    seed: u64,
    accounts: BTreeMap<String, AccountQueue<K>>,
    slots: HashMap<K, Slot<K>>,
    /// Due times ahead; entries whose stamp is not their slot's are stale and skipped.
    ahead: BinaryHeap<Reverse<(Duration, u64, K)>>,
    stamps: u64,
    /// How full the outbox is.
    pressure: Pressure,
    /// While nothing is polled: when one conversation is.
    probe_at: Duration,
}

#[derive(Debug)]
struct Slot<K> {
    target: Target<K>,
    due: Duration,
    stamp: u64,
    in_flight: bool,
    failures: u32,
    /// Whether it waits because the account could not be reached, so that another's success frees it.
    unavailable: bool,
    /// Whether it was refused when the account's key was not known to be: perhaps the key may not see it.
    refused: bool,
    /// Whether it waits longer than its interval, since the outbox is nearly full.
    stretched: bool,
}

impl<K: Asked> Schedule<K> {
    /// An empty schedule. `seed` differs between machines, so that two do not poll in step.
    pub fn new(seed: u64) -> Self {
        Self {
            seed,
            accounts: BTreeMap::new(),
            slots: HashMap::new(),
            ahead: BinaryHeap::new(),
            stamps: 0,
            pressure: Pressure::Calm,
            probe_at: Duration::ZERO,
        }
    }

    /// Takes over a configuration. What stays the same keeps its place; a changed interval or a new
    /// conversation gets a new one; a poll under way is left to end.
    pub fn replace(&mut self, accounts: &BTreeMap<String, Allowance>, targets: &[Target<K>], now: Duration) {
        // One that goes and comes back still has its requests out, and still waits as it was asked to.
        self.accounts.retain(|name, account| accounts.contains_key(name) || account.is_owed(now));
        for (name, allowance) in accounts {
            match self.accounts.get_mut(name) {
                Some(account) => {
                    account.budget.reconfigure(allowance.per_second, allowance.burst, now);
                    account.allowance = *allowance;
                }
                None => {
                    self.accounts.insert(name.clone(), AccountQueue::new(*allowance, now));
                }
            }
        }
        let wanted: HashMap<&K, &Target<K>> = targets.iter().map(|t| (&t.id, t)).collect();
        self.slots.retain(|id, _| wanted.contains_key(id));
        for account in self.accounts.values_mut() {
            account.ready.retain(|(priority, _, id)| wanted.get(id).is_some_and(|t| t.priority == *priority));
        }
        for target in targets {
            self.place(target, now);
        }
    }

    fn place(&mut self, target: &Target<K>, now: Duration) {
        if let Some(slot) = self.slots.get_mut(&target.id) {
            if slot.target == *target {
                return;
            }
            slot.target = target.clone();
            if !slot.in_flight {
                let due = self.first_tick(target, now);
                self.at(&target.id, due);
            }
            return;
        }
        let slot = Slot {
            target: target.clone(),
            due: now,
            stamp: 0,
            in_flight: false,
            failures: 0,
            unavailable: false,
            refused: false,
            stretched: false,
        };
        self.slots.insert(target.id.clone(), slot);
        let due = self.first_tick(target, now);
        self.at(&target.id, due);
    }

    /// Says what to do now. `Poll` counts as begun: every one must be answered with [`finished`](Self::finished).
    pub fn next(&mut self, now: Duration) -> Next<K> {
        self.move_ready(now);
        let is_stopped = self.pressure == Pressure::Stopped;
        if is_stopped && now < self.probe_at {
            return Next::WaitUntil(self.probe_at);
        }
        if is_stopped && self.accounts.values().any(|account| account.in_flight > 0) {
            return Next::Idle;
        }
        let mut wait = self.ahead.peek().map(|Reverse((due, ..))| *due);
        for account in self.accounts.values_mut() {
            if account.ready.is_empty() {
                continue;
            }
            match account.admit(now) {
                Admission::Now => {
                    let (_, due, id) = account.ready.pop_first().expect("seen not to be empty");
                    self.probe_at = now + PROBE_EVERY;
                    if let Some(slot) = self.slots.get_mut(&id) {
                        slot.in_flight = true;
                    }
                    return Next::Poll(id, due);
                }
                Admission::Later(Some(left)) | Admission::Quiet { left, .. } => {
                    wait = Some(wait.map_or(now + left, |at| at.min(now + left)));
                }
                Admission::Later(None) | Admission::Unknown => {}
            }
        }
        wait.map_or(Next::Idle, Next::WaitUntil)
    }

    /// Whether something else than what is scheduled may be asked of an account: out of the same budget, and to be asked
    /// for when nothing that is due can begin. After [`Admission::Now`], [`left`](Self::left) says how it ended.
    pub fn admit(&mut self, account: &str, now: Duration) -> Admission {
        self.accounts.get_mut(account).map_or(Admission::Unknown, |account| account.admit(now))
    }

    /// What was asked beside the schedule was answered. It says nothing of any conversation; that `CommBox` asks us to wait
    /// holds for all.
    pub fn left(&mut self, account: &str, polled: Polled, now: Duration) {
        let seed = mix(self.seed ^ seed_of(account) ^ self.stamps);
        if let Some(account) = self.accounts.get_mut(account) {
            account.in_flight = account.in_flight.saturating_sub(1);
            if matches!(polled, Polled::Throttled(_) | Polled::Unavailable(Some(_))) {
                account.note(polled, now, seed);
            }
        }
    }

    /// A poll ended.
    pub fn finished(&mut self, id: &K, polled: Polled, now: Duration) {
        let seed = mix(self.seed ^ seed_of(id.account()) ^ self.stamps);
        let own_fault = polled == Polled::Denied && self.refused(id, now);
        if let Some(account) = self.accounts.get_mut(id.account()) {
            account.in_flight = account.in_flight.saturating_sub(1);
            account.note(polled, now, seed);
        }
        let account = self.accounts.get_mut(id.account());
        if polled == Polled::Ok && account.is_some_and(|account| std::mem::take(&mut account.any_unavailable))
        {
            self.free(id.account(), now, |slot| slot.unavailable);
        }
        let Some(slot) = self.slots.get_mut(id) else { return };
        slot.in_flight = false;
        slot.unavailable = matches!(polled, Polled::Unavailable(_) | Polled::NotKept);
        if slot.unavailable
            && let Some(account) = self.accounts.get_mut(id.account())
        {
            account.any_unavailable = true;
        }
        let slowest = match polled {
            Polled::Ok => {
                (slot.failures, slot.refused) = (0, false);
                None
            }
            // The account waits; the conversation itself has done nothing wrong.
            Polled::Throttled(_) => None,
            Polled::Denied => own_fault.then_some(BACKOFF_MAX),
            Polled::NotKept => Some(NOT_KEPT_MAX),
            Polled::Gone | Polled::Unavailable(_) | Polled::Malformed => Some(BACKOFF_MAX),
        };
        let stretch = self.pressure.stretch(slot.target.priority);
        slot.stretched = slowest.is_none() && stretch > 1;
        let target = slot.target.clone();
        let due = match slowest {
            None => self.tick_after(&target, now + target.interval.saturating_mul(stretch - 1)),
            Some(slowest) => {
                slot.failures += 1;
                let backoff = Backoff::new(target.interval, slowest.max(target.interval), 0.2);
                // The second try comes one interval later: most faults are over by then.
                now + backoff.after(slot.failures, seed ^ seed_of(&id.to_string()))
            }
        };
        self.at(id, due);
    }

    /// A conversation was refused. Says whether that is taken for its own fault rather than the key's: it was
    /// refused before, and the key is not known to be.
    fn refused(&mut self, id: &K, now: Duration) -> bool {
        let in_account = |other: &K| other.account() == id.account();
        let mut others = self.slots.iter().filter(|(other, slot)| in_account(other) && !slot.refused);
        let others_are_well = others.any(|(other, _)| other != id);
        let Some(account) = self.accounts.get_mut(id.account()) else { return false };
        let refused = Key::Refused { probe_at: now + DENIED_PROBE };
        if matches!(account.key, Key::Refused { .. }) {
            account.key = refused;
            return false;
        }
        let before = self.slots.get_mut(id).is_some_and(|slot| std::mem::replace(&mut slot.refused, true));
        if before && others_are_well {
            return true;
        }
        account.key = if others_are_well && account.key == Key::Good { Key::Doubted } else { refused };
        false
    }

    /// How full the outbox is, which decides how often watches are polled, and whether at all.
    pub fn press(&mut self, pressure: Pressure, now: Duration) {
        let before = std::mem::replace(&mut self.pressure, pressure);
        if pressure == Pressure::Stopped && before != Pressure::Stopped {
            self.probe_at = now + PROBE_EVERY;
        }
        if pressure == Pressure::Calm && before != Pressure::Calm {
            let accounts: Vec<String> = self.accounts.keys().cloned().collect();
            for account in accounts {
                self.free(&account, now, |slot| std::mem::take(&mut slot.stretched));
            }
        }
    }

    /// A poll that [`next`](Self::next) gave did not take place.
    pub fn skipped(&mut self, id: &K, now: Duration) {
        if let Some(account) = self.accounts.get_mut(id.account()) {
            account.in_flight = account.in_flight.saturating_sub(1);
        }
        let Some(slot) = self.slots.get_mut(id) else { return };
        slot.in_flight = false;
        let target = slot.target.clone();
        let due = self.tick_after(&target, now);
        self.at(id, due);
    }

    /// Polls a conversation no later than that, as far as its account's budget allows. What has failed keeps waiting.
    pub fn not_later(&mut self, id: &K, at: Duration) {
        let is_well = |slot: &&Slot<K>| !slot.in_flight && slot.failures == 0;
        if self.slots.get(id).filter(is_well).is_some_and(|slot| slot.due > at) {
            self.at(id, at);
        }
    }

    /// Asks for more of the same: what was asked for came, and is not all of it. Not before others that have waited for
    /// longer.
    pub fn goes_on(&mut self, id: &K, now: Duration) {
        self.at(id, now);
    }

    /// Tries an account again that was refused or out of reach, as after a renewed key. What `CommBox` asked us to
    /// wait is still waited.
    pub fn reopen(&mut self, account: &str, now: Duration) {
        if let Some(account) = self.accounts.get_mut(account) {
            account.key = Key::Good;
        }
        self.free(account, now, |slot| std::mem::take(&mut slot.refused) || slot.unavailable);
    }

    /// Whether the account's key is refused.
    pub fn is_denied(&self, account: &str) -> bool {
        self.accounts.get(account).is_some_and(|account| matches!(account.key, Key::Refused { .. }))
    }

    /// Whether a conversation is refused to a key that others are not refused to.
    pub fn is_refused(&self, id: &K) -> bool {
        self.slots.get(id).is_some_and(|slot| slot.refused) && !self.is_denied(id.account())
    }

    /// When a conversation is next due, if it is not being polled.
    pub fn due(&self, id: &K) -> Option<Duration> {
        self.slots.get(id).filter(|slot| !slot.in_flight).map(|slot| slot.due)
    }

    /// How far an account is used: (requests per second in force, what the targets would need of it as a ratio,
    /// until when it is blocked).
    pub fn usage(&self, account: &str) -> Option<(f64, f64, Duration)> {
        let queue = self.accounts.get(account)?;
        let wanted: f64 = self
            .slots
            .iter()
            .filter(|(id, _)| id.account() == account)
            .map(|(_, slot)| 1.0 / slot.target.interval.as_secs_f64())
            .sum();
        let rate = queue.budget.rate();
        Some((rate, wanted / rate, queue.quiet_until()))
    }

    /// What waits for a fault to be over no longer does.
    fn free(&mut self, account: &str, now: Duration, mut waits: impl FnMut(&mut Slot<K>) -> bool) {
        let waiting: Vec<Target<K>> = self
            .slots
            .values_mut()
            .filter_map(|slot| {
                let waits = slot.target.id.account() == account && !slot.in_flight && waits(slot);
                waits.then(|| slot.target.clone())
            })
            .collect();
        for target in waiting {
            let due = self.tick_after(&target, now);
            if let Some(slot) = self.slots.get_mut(&target.id) {
                slot.unavailable = false;
                if slot.due > due {
                    self.at(&target.id, due);
                }
            }
        }
    }

    fn at(&mut self, id: &K, due: Duration) {
        self.stamps += 1;
        let stamp = self.stamps;
        let Some(slot) = self.slots.get_mut(id) else { return };
        if let Some(account) = self.accounts.get_mut(id.account()) {
            account.ready.remove(&(slot.target.priority, slot.due, id.clone()));
        }
        slot.due = due;
        slot.stamp = stamp;
        self.ahead.push(Reverse((due, stamp, id.clone())));
    }

    fn move_ready(&mut self, now: Duration) {
        while let Some(Reverse((due, stamp, id))) = self.ahead.peek() {
            let current = self.slots.get(id).is_some_and(|slot| slot.stamp == *stamp && !slot.in_flight);
            if current && *due > now {
                return;
            }
            if current
                && let (Some(slot), Some(account)) = (self.slots.get(id), self.accounts.get_mut(id.account()))
            {
                account.ready.insert((slot.target.priority, *due, id.clone()));
            }
            self.ahead.pop();
        }
    }

    /// The first poll comes within one interval, at the conversation's own place in it.
    fn first_tick(&self, target: &Target<K>, now: Duration) -> Duration {
        let (interval, phase) = self.grid(target);
        let into = now.as_micros() % interval;
        let wait = (phase + interval - into) % interval;
        now + micros(wait)
    }

    /// The next place on the grid that is not over yet: missed ones are skipped.
    fn tick_after(&self, target: &Target<K>, now: Duration) -> Duration {
        self.first_tick(target, now + Duration::from_micros(1))
    }

    fn grid(&self, target: &Target<K>) -> (u128, u128) {
        let interval = target.interval.as_micros().max(1);
        let phase = u128::from(mix(seed_of(&target.id.to_string()) ^ self.seed)) % interval;
        (interval, phase)
    }
}

fn micros(micros: u128) -> Duration {
    Duration::from_micros(u64::try_from(micros).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests;
