//! The loops, and what starts, reloads and stops them. The only wing that spawns; it joins all it spawned.

mod board;
mod clock;
mod control;
mod daemon;
mod delivering;
mod fallback;
mod finds;
mod health;
mod heartbeat;
mod host;
mod housekeeping;
mod jumps;
mod looking;
mod notifiers;
mod online;
mod pace;
mod plan;
mod poll;
mod polling;
mod process;
mod reload;
mod replay;
mod servers;
mod shutdown;
mod silences;
mod status;
mod summaries;
mod testing;
mod waits;
mod wakes;
mod why;

pub use clock::{Clock, SystemClock};
pub use daemon::{Daemon, Setup, StartError};
pub use online::{Ask, NotAsked, ONLINE_WITHIN, Question, examine, receiver};
pub use plan::{Fetch, Plan};
pub use shutdown::STOP_DEADLINE;

#[cfg(test)]
mod simulation;
