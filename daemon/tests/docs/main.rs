#![allow(unreachable_pub, clippy::unwrap_used, reason = "the modules of one test binary")]
//! What is written is true: the README's commands, configurations and numbers; the floors of ARCHITECTURE.md; the
//! schemas and examples that other people's programs rely on.

mod events;
mod floors;
mod markdown;
mod monitoring;
mod packaging;
mod readme;
mod schema;

use std::path::PathBuf;

/// The repository.
fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}
