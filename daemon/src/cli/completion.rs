//! `commwatch completion SHELL`: what a shell completes, as that shell wants it.

use clap::Command;
use clap_complete::Shell;

use super::{Console, Exit};

pub(super) fn run(mut cli: Command, shell: Shell, console: &mut Console<'_>) -> Exit {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut cli, "commwatch", &mut script);
    console.result(String::from_utf8_lossy(&script).trim_end());
    Exit::Done
}
