//! The simulator, asked over real HTTP by a client that knows nothing of its insides.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says so by panicking")]

mod admin;
mod api;
mod ask;
mod faults;
mod knobs;
mod lists;
mod program;
mod readme;
mod requests;
mod samples;
mod shapes;
