//! commwatch.

pub mod tls;
