//! What time it is: given to the loops, so that a simulation can give another. Nothing else in this wing reads a clock.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use rustix::time::{ClockId, clock_gettime};

use crate::core::daytime::Daytime;

/// Reading two clocks takes no time, unless the process was stopped between them: then what they say is not compared.
const READING_MAX: Duration = Duration::from_secs(1);

/// Two clocks: one for people, which may jump, and one for waiting, which never does.
pub trait Clock: Send + Sync {
    /// The time of day.
    fn now(&self) -> Timestamp;
    /// Since the engine began, the time that the machine slept among it; never runs backwards.
    fn elapsed(&self) -> Duration;
}

/// The machine's clocks.
#[derive(Debug)]
pub struct SystemClock {
    began: Duration,
}

impl SystemClock {
    /// Begins now.
    pub fn new() -> Self {
        Self { began: since_boot() }
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    fn elapsed(&self) -> Duration {
        since_boot().saturating_sub(self.began)
    }
}

/// Since the machine was started. `std`'s `Instant` stands still while the machine is suspended, and what is due
/// after a resume would be as late again.
fn since_boot() -> Duration {
    let time = clock_gettime(ClockId::Boottime);
    let seconds = Duration::from_secs(u64::try_from(time.tv_sec).unwrap_or(0));
    seconds.saturating_add(Duration::from_nanos(u64::try_from(time.tv_nsec).unwrap_or(0)))
}

/// The clock that the loops are given: it goes with the machine's, but takes a jump of that over only when what was
/// counted from it has been made to fit (see [`Jumps`](super::jumps::Jumps)).
pub(super) struct DayClock {
    machine: Arc<dyn Clock>,
    day: Mutex<Daytime>,
}

impl DayClock {
    pub(super) fn new(machine: Arc<dyn Clock>) -> Self {
        let day = Daytime::new(machine.now(), machine.elapsed());
        Self { machine, day: Mutex::new(day) }
    }

    /// Compares with the machine's clock: gives what that has jumped by, as long as it is not taken over.
    pub(super) fn look(&self) -> Option<SignedDuration> {
        let before = self.machine.elapsed();
        let now = self.machine.now();
        let after = self.machine.elapsed();
        if after.saturating_sub(before) > READING_MAX {
            return None;
        }
        self.day().look(now, after)
    }

    /// Takes a jump over.
    pub(super) fn jump(&self, by: SignedDuration) {
        self.day().jump(by);
    }

    fn day(&self) -> MutexGuard<'_, Daytime> {
        self.day.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Clock for DayClock {
    fn now(&self) -> Timestamp {
        let elapsed = self.machine.elapsed();
        self.day().at(elapsed)
    }

    fn elapsed(&self) -> Duration {
        self.machine.elapsed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_machines_clocks_go_forward_together() {
        let clock = SystemClock::new();
        let (now, elapsed) = (clock.now(), clock.elapsed());
        assert!(elapsed < Duration::from_secs(60), "{elapsed:?}");
        let day = DayClock::new(Arc::new(clock));
        assert_eq!(day.look(), None);
        let apart = day.now().duration_since(now).abs();
        assert!(apart < SignedDuration::from_secs(60), "{apart:?}");
        assert!(day.elapsed() >= elapsed);
    }
}
