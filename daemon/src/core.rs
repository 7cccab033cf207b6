//! What the product is: pure decisions over plain values.
//!
//! Nothing here reads a clock, touches the network or a disk, or knows tokio or SQL: `now` is an argument and
//! randomness a seed. Nothing here imports a wing above it; `tests/it/floors.rs` holds that.

pub mod message;
pub mod route;
pub mod watch;
