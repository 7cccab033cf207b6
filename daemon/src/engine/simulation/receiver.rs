//! A simulated notifier: a process that is started, dies and is started again, and behind it a receiver that accepts,
//! refuses, hangs, or accepts and lets nobody know.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use commwatch_plugin_api::Outcome;
use tokio::sync::{Notify, RwLock, watch};
use tokio::time::Instant;

use super::ledger::Said;
use super::markers::Marker;
use super::world::{Point, State, World};
use crate::engine::host::Host;
use crate::plugin::{DELIVERY_GRACE, Handover, PluginState, Report};

/// How a receiver behaves.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Manner {
    Accepts,
    Slow,
    Fails,
    Asks {
        seconds: u16,
    },
    Rejects,
    /// Accepts, and the answer is lost.
    Mumbles,
    /// It does not arrive, and nobody knows.
    Swallows,
    /// Refuses the credentials.
    Broken,
    /// The same until the next reload.
    Gone,
    /// The process dies, before or after it has sent.
    Crashes {
        after: bool,
    },
    Hangs {
        accepts: bool,
    },
}

impl Manner {
    fn accepts(self) -> bool {
        matches!(
            self,
            Self::Accepts
                | Self::Slow
                | Self::Mumbles
                | Self::Crashes { after: true }
                | Self::Hangs { accepts: true }
        )
    }

    /// What is said when nothing goes wrong on the way.
    fn outcome(self) -> (Outcome, Said) {
        match self {
            Self::Accepts | Self::Slow => (Outcome::Delivered { receipt: None }, Said::Accepted),
            Self::Fails => (Outcome::retry("500"), Said::NotNow),
            Self::Asks { seconds } => {
                let after = Some(Duration::from_secs(seconds.into()));
                (Outcome::Retry { after, why: "429".to_owned() }, Said::NotNow)
            }
            Self::Rejects => (Outcome::reject("400"), Said::Rejected),
            Self::Broken => (Outcome::broken("401"), Said::Broken),
            Self::Gone => (Outcome::Broken { until_reload: true, why: "410".to_owned() }, Said::Broken),
            Self::Mumbles | Self::Swallows | Self::Crashes { .. } | Self::Hangs { .. } => {
                (Outcome::unknown("no answer"), Said::Nothing { crashed: false })
            }
        }
    }
}

#[derive(Clone)]
pub(super) struct SimulatedHost(Arc<Inner>);

struct Inner {
    name: String,
    world: Arc<World>,
    state: watch::Sender<PluginState>,
    /// Rung when the process dies, for what it has in flight, first come first served.
    death: Notify,
    /// Somebody who must be alone has it for himself.
    room: RwLock<()>,
    crashed: AtomicU64,
}

impl SimulatedHost {
    /// A process that has just been started.
    pub(super) fn start(name: &str, world: &Arc<World>) -> Self {
        let host = Self(Arc::new(Inner {
            name: name.to_owned(),
            world: Arc::clone(world),
            state: watch::Sender::new(PluginState::Starting),
            death: Notify::new(),
            room: RwLock::new(()),
            crashed: AtomicU64::new(0),
        }));
        let after = world.with(|state| state.dice.millis(10..300));
        host.run_after(after);
        host
    }

    fn run_after(&self, wait: Duration) {
        let inner = Arc::clone(&self.0);
        tokio::spawn(async move {
            tokio::time::sleep(wait).await;
            inner.state.send_if_modified(|state| {
                let may = !matches!(state, PluginState::Stopped);
                if may {
                    *state = PluginState::Running { pid: 1, version: "1".to_owned() };
                }
                may
            });
        });
    }

    /// The process dies, with all that it has.
    pub(super) fn die(&self) {
        let inner = &self.0;
        if !matches!(*inner.state.borrow(), PluginState::Running { .. }) {
            return;
        }
        let wait = inner.world.with(|state| {
            state.markers.reach(Marker::PluginCrash);
            state.tell(|| format!("the process of {} dies", inner.name));
            state.ledger.fault(&format!("notifier/{}/plugin", inner.name));
            let wait = state.dice.millis(300..90_000);
            state.mended_at = state.mended_at.max(state.time.passed() + wait);
            wait
        });
        inner.crashed.fetch_add(1, Ordering::Relaxed);
        inner.state.send_replace(PluginState::Restarting {
            why: "it died".to_owned(),
            until: Instant::now() + wait,
        });
        inner.death.notify_waiters();
        self.run_after(wait);
    }

    fn runs(&self) -> bool {
        matches!(*self.0.state.borrow(), PluginState::Running { .. })
    }

    fn not_sent(&self) -> Report {
        self.0.world.with(|state| state.markers.reach(Marker::NotSent));
        Report {
            outcome: Outcome::retry("not running"),
            duration: Duration::ZERO,
            crashed: false,
            not_sent: true,
        }
    }

    /// Sleeps; false when the process died meanwhile.
    async fn lives_for(&self, wait: Duration) -> bool {
        tokio::select! {
            biased;
            () = self.0.death.notified() => false,
            () = tokio::time::sleep(wait) => true,
        }
    }

    /// What is open, said again: nothing depends on whether it arrives, and no process dies of it.
    async fn exchange_again(&self, handover: &Handover) -> Report {
        let Inner { name, world, .. } = &*self.0;
        let began = Instant::now();
        let says_again = |state: &mut State| {
            let id = state.ledger.says_again(name, &handover.payload, &mut state.markers);
            state.tell(|| format!("{id} is said again to {name}"));
        };
        let (manner, takes) = world.with(|state| {
            says_again(state);
            (state.take_manner(name), state.dice.millis(4..400))
        });
        world.at(Point::HandedOver).await;
        if !self.lives_for(takes / 2).await {
            return Report {
                outcome: Outcome::unknown("it died"),
                duration: began.elapsed(),
                crashed: true,
                not_sent: false,
            };
        }
        let (outcome, said) = manner.outcome();
        world.with(|state| {
            if manner.accepts() {
                says_again(state);
            }
            state.ledger.heard_again(name, said);
        });
        Report { outcome, duration: began.elapsed(), crashed: false, not_sent: false }
    }

    async fn exchange(&self, handover: &Handover) -> Report {
        if handover.again {
            return self.exchange_again(handover).await;
        }
        let Inner { name, world, .. } = &*self.0;
        let began = Instant::now();
        let (manner, takes, id) = world.with(|state| {
            let manner = state.take_manner(name);
            let takes = match manner {
                Manner::Slow => state.dice.millis(1_000..4_500),
                _ => state.dice.millis(4..400),
            };
            let now = (state.time.passed(), state.time.of_day());
            let id = state.ledger.hands(name, &handover.payload, handover.attempt, now, &mut state.markers);
            let attempt = handover.attempt;
            state.tell(|| format!("{id} is handed to {name}, attempt {attempt}: {manner:?}"));
            (manner, takes, id)
        });
        let crashed = |state: &mut State| {
            state.ledger.says(name, &id, Said::Nothing { crashed: true }, &mut state.markers);
            Report {
                outcome: Outcome::unknown("the process died"),
                duration: began.elapsed(),
                crashed: true,
                not_sent: false,
            }
        };
        world.at(Point::HandedOver).await;
        if !self.lives_for(takes / 2).await {
            return world.with(crashed);
        }
        if manner.accepts() {
            world.with(|state| {
                state.ledger.accepts(name, &id, &mut state.markers);
                state.tell(|| format!("{id} arrives at {name}"));
            });
            world.at(Point::BeforeSettle).await;
        }
        match manner {
            Manner::Crashes { .. } => {
                self.die();
                return world.with(crashed);
            }
            Manner::Hangs { .. } => {
                world.with(|state| state.markers.reach(Marker::PluginHang));
                let deadline = handover.deadline + DELIVERY_GRACE;
                if self.lives_for(deadline.saturating_duration_since(Instant::now())).await {
                    self.die();
                }
                return world.with(crashed);
            }
            _ => {}
        }
        if !self.lives_for(takes / 2).await {
            return world.with(crashed);
        }
        let (outcome, said) = manner.outcome();
        world.with(|state| {
            if matches!(manner, Manner::Asks { .. }) {
                state.markers.reach(Marker::RetryAfter);
            }
            state.ledger.says(name, &id, said, &mut state.markers);
        });
        Report { outcome, duration: began.elapsed(), crashed: false, not_sent: false }
    }
}

#[async_trait]
impl Host for SimulatedHost {
    fn state(&self) -> watch::Receiver<PluginState> {
        self.0.state.subscribe()
    }

    fn restarts(&self) -> BTreeMap<&'static str, u64> {
        BTreeMap::from([("crashed", self.0.crashed.load(Ordering::Relaxed))])
    }

    async fn deliver(&self, handover: Handover) -> Report {
        self.0.world.turn(&self.0.name).await;
        if !self.runs() {
            return self.not_sent();
        }
        if handover.alone {
            self.0.world.with(|state| state.markers.reach(Marker::Alone));
            let _room = self.0.room.write().await;
            return if self.runs() { self.exchange(&handover).await } else { self.not_sent() };
        }
        let _room = self.0.room.read().await;
        if self.runs() { self.exchange(&handover).await } else { self.not_sent() }
    }

    async fn stop(&self) {
        self.0.state.send_replace(PluginState::Stopped);
    }
}

impl fmt::Debug for SimulatedHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SimulatedHost").field(&self.0.name).finish()
    }
}

impl State {
    fn take_manner(&mut self, notifier: &str) -> Manner {
        match self.manners.get_mut(notifier) {
            Some((manner, left)) if *left > 0 => {
                *left -= 1;
                *manner
            }
            _ => Manner::Accepts,
        }
    }
}
