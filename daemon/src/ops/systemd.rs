//! What systemd is told, and when it may take us for dead. Everything here does nothing without it.
//!
//! Plugin children inherit no say in this: the unit listens to the main process alone (`NotifyAccess=main`).

mod watchdog;

use std::time::Duration;

use sd_notify::NotifyState;
use tracing::warn;

pub use watchdog::{BEAT_EVERY, Beat, Pulse, Watchdog};

/// How long stopping may take. The unit's `TimeoutStopSec` is longer, so that it is us who name the step that
/// did not end, and not systemd who kills us for it.
pub const STOP_WITHIN: Duration = Duration::from_secs(30);

/// How often the watchdog looks when systemd does not run it.
const LOOK_EVERY: Duration = Duration::from_secs(7);

/// How many times the watchdog looks within the time after which systemd takes us for dead.
const LOOKS: u32 = 4;

/// Polling can start. Said again at the end of a reload.
pub fn ready(status: &str) {
    tell(&[NotifyState::Ready, NotifyState::Status(&one_line(status))]);
}

/// One line for `systemctl status`.
pub fn status(status: &str) {
    tell(&[NotifyState::Status(&one_line(status))]);
}

/// A reload has begun; [`ready`] ends it, however it ended.
pub fn reloading() {
    match NotifyState::monotonic_usec_now() {
        Ok(now) => {
            tell(&[NotifyState::Reloading, now, NotifyState::Status("reading the configuration again")]);
        }
        // Without the time, newer versions of systemd would take the reload for a failure.
        Err(error) => warn!(%error, "systemd was not told of the reload"),
    }
}

/// Stopping has begun.
pub fn stopping(why: &str) {
    tell(&[NotifyState::Stopping, NotifyState::Status(&one_line(why))]);
}

/// Starting or stopping takes longer than it usually may: `by` from now, at most 71 minutes. To be said again
/// while it goes on.
pub fn extend_timeout(by: Duration) {
    let micros = u32::try_from(by.as_micros()).unwrap_or(u32::MAX);
    tell(&[NotifyState::ExtendTimeoutUsec(micros)]);
}

/// All is well. Only the watchdog knows when to say that.
pub fn feed() {
    tell(&[NotifyState::Watchdog]);
}

/// How often the watchdog should look: a few times within the unit's `WatchdogSec`.
pub fn look_every() -> Duration {
    sd_notify::watchdog_enabled().filter(|limit| !limit.is_zero()).map_or(LOOK_EVERY, |limit| limit / LOOKS)
}

fn tell(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        warn!(%error, "systemd could not be told");
    }
}

/// A status with a line break would be read as a further message.
fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests;
