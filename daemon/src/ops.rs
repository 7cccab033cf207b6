//! What the people who run commwatch see of it, and what their machines talk to: metrics, the status page, the
//! admin socket, systemd, the log.
//!
//! Nothing here decides anything or starts a task: the engine fills in what is shown, and runs the futures.

pub mod admin;
pub mod http;
pub mod log;
pub mod metrics;
pub mod status;
pub mod story;
pub mod systemd;
pub mod when;
