//! The engine's real loops in a world of our own: its clock, network, disk and receivers are simulated, by a seed.
//!
//! A seed gives a configuration and a script of what befalls the daemon: messages and edits, bad answers, refused
//! keys, receivers that accept and say nothing, full disks, reloads, kills at any await. [`House`] runs it on one
//! thread with a paused clock, so that the same seed is the same story, to the millisecond. [`Ledger`] and the
//! checker look on from outside, and compare what was asked, kept and delivered with what is true.
//!
//!     cargo test -p commwatch --lib simulation                                       what fits into three quarters of a minute
//!     COMMWATCH_SEEDS=100000 cargo test -p commwatch --lib simulation -- --nocapture    as many as one likes
//!     COMMWATCH_SEED=17 cargo test -p commwatch --lib simulation -- --nocapture         the story of one
//!
//! [`House`]: house::House
//! [`Ledger`]: ledger::Ledger

mod checker;
mod client;
mod commbox;
mod dice;
mod disk;
mod house;
mod ledger;
mod markers;
mod receiver;
mod script;
mod setup;
mod tests;
mod waits;
mod whims;
mod world;
