//! Plugins as they really run: the real executable as `plugin-host`, with real `.so` files.
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

mod crash;
mod deadlock;
mod languages;
mod life;
mod refusals;
mod secrets;
mod world;
