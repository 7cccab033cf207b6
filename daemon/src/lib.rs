//! commwatch watches CommBox conversations and tells people and programs what is new.
//!
//! The wings, in the order of the data's way; imports only go down this picture:
//!
//! ```text
//! main, cli/              words a person types
//! engine/                 the loops; the only place that spawns
//! plugin/  ops/           notifier processes · metrics, page, admin socket, systemd
//! commbox/ store/ config/ the edges: their JSON, our SQL, the operator's TOML
//! core/                   what the product is: pure
//! ```

pub mod cli;
pub mod commbox;
pub mod config;
pub mod core;
pub mod engine;
pub mod ops;
pub mod plugin;
pub mod plugin_host;
pub mod store;
pub mod tls;
