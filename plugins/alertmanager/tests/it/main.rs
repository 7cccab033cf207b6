//! The plugin as the daemon sees it: a notification goes in, a request and an outcome come out.

mod answers;
mod config;
mod properties;
mod requests;
mod world;
