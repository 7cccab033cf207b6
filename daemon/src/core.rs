//! What the product is: pure decisions over plain values.
//!
//! Nothing here reads a clock, touches the network or a disk, or knows tokio or SQL: `now` is an argument and
//! randomness a seed. Nothing here imports a wing above it; a test holds that. In the data's way:

pub mod schedule;

pub mod budget;

pub mod backoff;

pub mod plural;
pub mod pressure;

pub mod daytime;

pub mod silence;
pub mod skew;

pub mod expiry;

pub mod watch;

pub mod seek;

pub mod listing;

pub mod discovery;

pub mod message;

pub mod cursor;

pub mod detect;

pub mod hours;

pub mod waiting;

pub mod event;

pub mod compose;

pub mod route;
pub mod sample;

pub mod words;

pub mod notification;

pub mod pacing;

pub mod together;

pub mod delivery;

pub mod outcome;

pub mod receiver;

pub mod heartbeat;
pub mod lasting;

pub mod online;

pub mod replay;

pub mod story;
