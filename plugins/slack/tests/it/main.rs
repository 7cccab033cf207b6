//! The plugin as the daemon sees it: a notification goes in, requests and an outcome come out.

mod answers;
mod config;
mod messages;
mod properties;
mod rules;
mod threads;
mod world;
