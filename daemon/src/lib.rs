//! commwatch.

pub mod plugin;
pub mod tls;
