//! Commands whose names are taken but which are not there yet. Typing one says so, rather than "unrecognised".

use std::ffi::OsString;

use clap::{Arg, ArgMatches, Command, value_parser};

use super::{Console, Exit};

/// Commands to come.
const COMMANDS: [&str; 0] = [];

/// Commands to come, of `plugins`.
const OF_PLUGINS: [&str; 2] = ["conform", "pin"];

/// Columns of the list in the help.
const WIDTH: usize = 88;

/// Their names, as lines for the help.
pub(super) fn names() -> String {
    let of_plugins = OF_PLUGINS.map(|name| format!("plugins {name}"));
    let names = COMMANDS.into_iter().chain(of_plugins.iter().map(String::as_str)).chain(["check --online"]);
    let mut lines = vec![String::from(" ")];
    for name in names {
        if lines.last().is_some_and(|line| line.len() + name.len() > WIDTH) {
            lines.push(String::from(" "));
        }
        if let Some(line) = lines.last_mut() {
            *line += &format!(" {name},");
        }
    }
    lines.join("\n").trim_end_matches(',').to_owned()
}

/// Adds them to the command line, unseen, with whatever arguments.
pub(super) fn declare(cli: Command) -> Command {
    cli.subcommands(COMMANDS.map(stub))
        .mut_subcommand("plugins", |plugins| plugins.subcommands(OF_PLUGINS.map(stub)))
}

fn stub(name: &'static str) -> Command {
    let rest = Arg::new("rest").num_args(0..).trailing_var_arg(true).allow_hyphen_values(true);
    Command::new(name).hide(true).disable_help_flag(true).arg(rest.value_parser(value_parser!(OsString)))
}

/// Which of them was asked for.
pub(super) fn asked_for(matches: &ArgMatches) -> Option<String> {
    let (name, below) = matches.subcommand()?;
    if COMMANDS.contains(&name) {
        return Some(name.to_owned());
    }
    let (of, _) = below.subcommand()?;
    OF_PLUGINS.contains(&of).then(|| format!("{name} {of}"))
}

/// Says that it is not there yet.
pub(super) fn refuse(command: &str, console: &mut Console<'_>) -> Exit {
    console.message(&format!("not yet: `commwatch {command}` comes in a later version"));
    Exit::Usage
}
