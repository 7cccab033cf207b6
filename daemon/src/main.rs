//! commwatch.

use std::process::ExitCode;

use commwatch::cli::{self, commands::Real};

fn main() -> ExitCode {
    // Before any thread or runtime: this process may be a plugin's.
    commwatch::plugin_host::enter_if_asked();
    cli::main(&Real)
}
