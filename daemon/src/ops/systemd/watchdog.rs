//! Feeds systemd's watchdog, by evidence: only when every loop of the daemon has answered since the last time.
//!
//! A loop ticks its [`Beat`] each time round, at least every [`BEAT_EVERY`] also when it has nothing to do. What
//! is slow for reasons of its own (a plugin that hangs, an account that is denied, a full disk) must not keep a
//! loop from ticking; what is dead or locked up does.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

/// How often a loop that has nothing to do ticks.
pub const BEAT_EVERY: Duration = Duration::from_secs(2);

/// The loops that have to be alive. All clones are the same watchdog: loops come and go with a reload.
#[derive(Clone, Debug, Default)]
pub struct Watchdog {
    loops: Arc<Mutex<Vec<Watched>>>,
    pulse: Pulse,
}

#[derive(Debug)]
struct Watched {
    name: String,
    heart: Arc<Heart>,
    /// Its ticks when the watchdog was last fed.
    fed_at: u64,
}

#[derive(Debug, Default)]
struct Heart {
    ticks: AtomicU64,
    retired: AtomicBool,
}

/// One loop's sign of life. Dropping it is no sign of anything: a loop that panicked must be missed.
#[derive(Debug)]
pub struct Beat(Arc<Heart>);

impl Beat {
    /// The loop went round.
    pub fn tick(&self) {
        self.0.ticks.fetch_add(1, Ordering::Relaxed);
    }

    /// The loop has ended, and was meant to.
    pub fn retire(self) {
        self.0.retired.store(true, Ordering::Relaxed);
    }
}

/// Which loops were missed when the watchdog last looked.
#[derive(Clone, Debug, Default)]
pub struct Pulse(Arc<Mutex<Vec<String>>>);

impl Pulse {
    /// The names of loops that do not answer.
    pub fn stuck(&self) -> Vec<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Watchdog {
    /// No loops yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// From now on, this loop has to tick.
    pub fn beat(&self, name: impl Into<String>) -> Beat {
        let heart = Arc::new(Heart::default());
        let watched = Watched { name: name.into(), heart: Arc::clone(&heart), fed_at: 0 };
        self.loops.lock().unwrap_or_else(PoisonError::into_inner).push(watched);
        Beat(heart)
    }

    /// For those who ask whether the loops answer.
    pub fn pulse(&self) -> Pulse {
        self.pulse.clone()
    }

    /// Looks every so often ([`look_every`](super::look_every)) and calls `feed` each time that every loop has
    /// ticked since it was last called. Ends with `shutdown`, which should come when the loops have ended.
    pub async fn watch(self, every: Duration, mut feed: impl FnMut(), shutdown: CancellationToken) {
        let mut looks = tokio::time::interval(every);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        looks.tick().await;
        loop {
            tokio::select! {
                () = shutdown.cancelled() => return,
                _ = looks.tick() => if self.look() { feed() },
            }
        }
    }

    /// Whether every loop has ticked since this last said so.
    fn look(&self) -> bool {
        let mut loops = self.loops.lock().unwrap_or_else(PoisonError::into_inner);
        loops.retain(|one| !one.heart.retired.load(Ordering::Relaxed));
        let missed: Vec<String> =
            loops.iter().filter(|one| one.missed()).map(|one| one.name.clone()).collect();
        let well = missed.is_empty();
        if well {
            for one in loops.iter_mut() {
                one.fed_at = one.heart.ticks.load(Ordering::Relaxed);
            }
        }
        drop(loops);
        self.publish(missed);
        well
    }

    fn publish(&self, missed: Vec<String>) {
        let mut stuck = self.pulse.0.lock().unwrap_or_else(PoisonError::into_inner);
        if *stuck != missed {
            match missed.is_empty() {
                true => info!("every loop answers again"),
                false => warn!(loops = missed.join(","), "a loop does not answer; the watchdog is not fed"),
            }
            *stuck = missed;
        }
    }
}

impl Watched {
    fn missed(&self) -> bool {
        self.heart.ticks.load(Ordering::Relaxed) == self.fed_at
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_fed_only_when_every_loop_has_ticked_since_the_last_time() {
        let watchdog = Watchdog::new();
        let (schedule, deliver) = (watchdog.beat("schedule"), watchdog.beat("deliver"));
        assert!(!watchdog.look(), "nobody has ticked yet");
        schedule.tick();
        assert!(!watchdog.look());
        assert_eq!(watchdog.pulse().stuck(), ["deliver"]);
        deliver.tick();
        assert!(watchdog.look(), "the tick before counts: nothing was fed in between");
        assert!(watchdog.pulse().stuck().is_empty());
        assert!(!watchdog.look(), "one tick feeds once");
    }

    #[test]
    fn a_loop_that_panicked_is_missed_and_one_that_ended_well_is_not() {
        let watchdog = Watchdog::new();
        let (schedule, deliver) = (watchdog.beat("schedule"), watchdog.beat("deliver"));
        drop(deliver);
        schedule.tick();
        assert!(!watchdog.look());

        let watchdog = Watchdog::new();
        let (schedule, deliver) = (watchdog.beat("schedule"), watchdog.beat("deliver"));
        deliver.retire();
        schedule.tick();
        assert!(watchdog.look());
    }

    #[tokio::test]
    async fn a_loop_that_stops_ticking_stops_the_feeding() {
        let watchdog = Watchdog::new();
        let (alive, dying) = (watchdog.beat("schedule"), watchdog.beat("deliver"));
        let (pulse, shutdown) = (watchdog.pulse(), CancellationToken::new());
        let fed = Arc::new(AtomicU64::new(0));
        let (count, every) = (Arc::clone(&fed), Duration::from_millis(2));
        let feed = move || {
            count.fetch_add(1, Ordering::Relaxed);
        };
        let watching = tokio::spawn(watchdog.watch(every, feed, shutdown.clone()));
        while fed.load(Ordering::Relaxed) < 3 {
            alive.tick();
            dying.tick();
            tokio::task::yield_now().await;
        }
        while pulse.stuck() != ["deliver"] {
            alive.tick();
            tokio::task::yield_now().await;
        }
        let before = fed.load(Ordering::Relaxed);
        for _ in 0..20 {
            alive.tick();
            tokio::time::sleep(every).await;
        }
        assert_eq!(fed.load(Ordering::Relaxed), before, "fed without the loop that is stuck");
        while pulse.stuck() == ["deliver"] {
            alive.tick();
            dying.tick();
            tokio::task::yield_now().await;
        }
        shutdown.cancel();
        watching.await.unwrap();
    }
}
