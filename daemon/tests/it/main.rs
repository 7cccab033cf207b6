#![allow(unreachable_pub, clippy::unwrap_used, reason = "the modules of one test binary")]
//! Scenarios with real parts: the real binary, real `.so` files, a real HTTP receiver, a real database, and the
//! simulator for `CommBox`. One test binary; `world` hides the plumbing.

mod daytime;
mod disk;
#[allow(dead_code, reason = "of what reads a page, half is for the tests of the pages")]
#[path = "../docs/markdown.rs"]
mod markdown;
mod receiver;
#[path = "../../../plugins/email/tests/it/receiver.rs"]
mod smtp;
mod systemd;
mod world;

mod answers;
mod backup;
mod cli;
mod configuring;
mod conform;
mod crash;
mod delivery;
mod discovery;
mod email;
mod exchange;
mod exec;
mod expiring;
mod failing;
mod fallback;
mod heartbeat;
mod lanes;
mod messengers;
mod moving;
mod notifiers;
mod once;
mod online;
mod pacing;
mod page;
mod pins;
mod plugins;
mod polling;
mod pressure;
mod programs;
mod readme;
mod reload;
mod rights;
mod rotation;
mod secrets;
mod shutdown;
mod silences;
mod slack;
mod stores;
mod stuck;
mod unchanged;
mod waiting;
mod why;
