//! What a person types. One command, one file; what a command needs of wings that write no text for people
//! comes through [`Commands`].
//!
//! The hidden `plugin-host` command never comes this far: `main` asks for it before anything else.

mod ack;
mod asking;
mod backup;
pub mod check;
pub mod commands;
mod completion;
mod console;
mod dead;
mod deliveries;
mod events;
mod find;
mod man;
mod notifiers;
mod once;
mod online;
mod plugins;
mod reload;
mod replay;
mod routes;
mod run;
mod schema;
mod show;
mod silence;
mod status;
mod tail;
mod test_notification;
mod when;
mod why;

use std::ffi::OsString;
use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::parser::ValueSource;
use clap::{ArgMatches, Args, CommandFactory, FromArgMatches, Parser, Subcommand, ValueEnum};

pub use console::Console;
pub use find::Args as FindArgs;
pub use once::Args as OnceArgs;
pub use plugins::ConformArgs;

use crate::config::Config;
use crate::core::story::LIST_MAX;
use crate::ops::admin::{AskError, DEFAULT_SOCKET};

/// The configuration that is meant when none is named.
pub const DEFAULT_CONFIG: &str = "/etc/commwatch/commwatch.toml";

/// How a command ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Exit {
    /// Yes, or done.
    Done = 0,
    /// No, or failed.
    Failed = 1,
    /// It was not understood, or is not there yet.
    Usage = 2,
    /// The daemon is not running (sysexits' `EX_UNAVAILABLE`).
    NotRunning = 69,
    /// The configuration is invalid (sysexits' `EX_CONFIG`).
    InvalidConfig = 78,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// How results are written.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub enum Output {
    /// For people.
    Text,
    /// For programs.
    Json,
}

/// What commands do that is not the command line's own business.
pub trait Commands {
    /// `commwatch run`: the daemon, until it is stopped.
    fn run(&self, config: &Path, accept_new_baseline: bool) -> Exit;

    /// `commwatch check`.
    fn check(&self, config: &Path, console: &mut Console<'_>) -> Exit;

    /// `commwatch check --print-effective`.
    fn print_effective(&self, config: &Path, console: &mut Console<'_>) -> Exit;

    /// `commwatch check --online`; `socket` is the running daemon's, should that have to ask.
    fn check_online(&self, config: &Path, socket: &Path, console: &mut Console<'_>) -> Exit;

    /// `commwatch schema`, of a configuration if one was named.
    fn schema(&self, config: Option<&Path>, console: &mut Console<'_>) -> Exit;

    /// `commwatch once`.
    fn once(&self, config: &Path, args: &OnceArgs, console: &mut Console<'_>) -> Exit;

    /// `commwatch show WATCH`.
    fn show(&self, config: &Path, watch: &str, console: &mut Console<'_>) -> Exit;

    /// `commwatch find`.
    fn find(&self, config: &Path, args: &FindArgs, console: &mut Console<'_>) -> Exit;

    /// `commwatch plugins list`.
    fn plugins_list(&self, config: &Path, console: &mut Console<'_>) -> Exit;

    /// `commwatch plugins inspect FILE`.
    fn plugins_inspect(&self, file: &Path, console: &mut Console<'_>) -> Exit;

    /// `commwatch plugins conform FILE`.
    fn plugins_conform(&self, args: &ConformArgs, console: &mut Console<'_>) -> Exit;

    /// `commwatch plugins pin`.
    fn plugins_pin(&self, config: &Path, console: &mut Console<'_>) -> Exit;

    /// A configuration that has passed every check, or all that is wrong with it.
    ///
    /// # Errors
    /// Its mistakes, for a person.
    fn load(&self, config: &Path) -> Result<Box<Config>, String>;

    /// The admin socket that a configuration names, however wrong the rest of it may be. Cheap: no checks.
    fn admin_socket(&self, config: &Path) -> Option<PathBuf>;
}

#[derive(Debug, Parser)]
#[command(name = "commwatch", version, disable_help_subcommand = true, arg_required_else_help = true)]
#[command(about = "Watches CommBox conversations and tells people and programs what is new")]
#[command(after_help = AFTER_HELP)]
struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Command,
}

#[derive(Args, Debug)]
struct Global {
    /// The configuration
    #[arg(short, long, global = true, value_name = "FILE")]
    #[arg(env = "COMMWATCH_CONFIG", hide_env_values = true, default_value = DEFAULT_CONFIG)]
    config: PathBuf,
    /// How results are written
    #[arg(long, global = true, value_enum, default_value_t = Output::Text)]
    #[arg(value_name = "text|json", hide_possible_values = true)]
    output: Output,
    /// The running daemon's admin socket [default: the configuration's]
    #[arg(long, global = true, value_name = "PATH")]
    socket: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the daemon
    Run {
        /// Start although the database is gone: all that is there now counts as seen
        #[arg(long)]
        accept_new_baseline: bool,
    },
    /// Say everything that is wrong with the configuration, at once
    Check {
        /// Try it too: keys, clocks, conversations and notifiers; no message is sent
        #[arg(long)]
        online: bool,
        /// Print it as it is used: files merged, every default filled in, secrets hidden
        #[arg(long)]
        print_effective: bool,
    },
    /// Poll everything once, deliver what is new, and end; not beside a running daemon
    Once(once::Args),
    /// Read a watch's conversation from CommBox now: is this the right one?
    Show {
        /// The watch
        watch: String,
    },
    /// Find a customer's conversations in CommBox, as lines for the configuration
    Find(find::Args),
    /// Ask the running daemon how it goes: are the VIPs fresh?
    Status {
        /// Again every two seconds, until it is interrupted
        #[arg(long)]
        watch: bool,
    },
    /// List the watches: are they fresh, who waits, what was found?
    Watches {
        /// Only these, by name; all where none is named
        #[arg(value_name = "WATCH")]
        names: Vec<String>,
    },
    /// Have the running daemon read its configuration again, and say what became of it
    Reload {
        /// Take it also when it removes a VIP, the last route or many watches
        #[arg(long)]
        allow_removals: bool,
    },
    /// Have the running daemon write a whole, checked copy of its database
    Backup {
        /// Where to; nothing is overwritten, and it is the daemon that writes it
        file: PathBuf,
    },
    /// Explain an event, a message or a watch, from poll to outcome: also why no alert was sent
    Why(why::Args),
    /// List what was found, and who was told
    Events(events::Args),
    /// Follow what is found, a line each
    Tail(tail::Args),
    /// List deliveries: open ones, delivered ones, dead letters
    Deliveries(deliveries::Args),
    /// Send again what was delivered or given up, under the ids that it had
    Replay(replay::Args),
    /// Tell nobody of what a watch, a tag or a conversation brings, for a while
    #[command(subcommand, arg_required_else_help = true)]
    Silence(silence::Args),
    /// Say that you know who waits: nobody is told again until the customer writes
    Ack(ack::Args),
    /// Say who would be told of something, and why, by the configuration alone
    Routes(routes::Args),
    /// Deal with dead letters
    #[command(subcommand, arg_required_else_help = true)]
    Dead(dead::Args),
    /// List notifiers, or have one that is held be tried now
    Notifiers {
        #[command(subcommand)]
        command: Option<notifiers::Args>,
    },
    /// Try a notifier: send a test the whole way, and say what its receiver answered
    TestNotification(test_notification::Args),
    /// Look at plugins, try one, pin those that are meant
    #[command(subcommand, arg_required_else_help = true)]
    Plugins(Plugins),
    /// Write the configuration's JSON Schema, for editors; with -c also of the plugins that it finds
    Schema,
    /// Write what a shell completes
    Completion {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Write the manual
    Man(man::Args),
}

#[derive(Debug, Subcommand)]
#[command(disable_help_subcommand = true)]
enum Plugins {
    /// List the plugins on the configuration's search path
    List,
    /// Say what a plugin's manifest says
    Inspect {
        /// The .so file
        file: PathBuf,
    },
    /// Try whether a file is a good plugin, by what the host demands of any
    Conform(ConformArgs),
    /// Let no plugin be loaded but those that are installed now
    Pin,
}

/// Runs the command of this process.
pub fn main(commands: &dyn Commands) -> ExitCode {
    // Not locked: while the daemon runs, other threads write their log lines to stderr.
    let (mut out, mut err) = (io::stdout(), io::stderr());
    let colour = out.is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    run(std::env::args_os(), commands, colour, &mut out, &mut err).into()
}

/// Runs the command that `args` say, the program's name first.
pub fn run(
    args: impl IntoIterator<Item = impl Into<OsString> + Clone>,
    commands: &dyn Commands,
    colour: bool,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> Exit {
    let mut console = Console::new(Output::Text, colour, out, err);
    let parsed = Cli::command().try_get_matches_from(args);
    let cli = parsed.and_then(|matches| Ok((Cli::from_arg_matches(&matches)?, is_config_named(&matches))));
    match cli {
        Ok((cli, is_named)) => {
            console.output = cli.global.output;
            dispatch(cli, is_named, commands, &mut console)
        }
        Err(refused) => explain(&refused, &mut console),
    }
}

/// `is_named`: whether somebody said which configuration is meant.
fn dispatch(cli: Cli, is_named: bool, commands: &dyn Commands, console: &mut Console<'_>) -> Exit {
    let Global { config, socket, .. } = cli.global;
    let socket = || {
        let configured = || commands.admin_socket(&config);
        socket.clone().or_else(configured).unwrap_or_else(|| DEFAULT_SOCKET.into())
    };
    match cli.command {
        Command::Run { accept_new_baseline } => commands.run(&config, accept_new_baseline),
        Command::Check { online: true, .. } => commands.check_online(&config, &socket(), console),
        Command::Check { print_effective: true, .. } => commands.print_effective(&config, console),
        Command::Check { .. } => commands.check(&config, console),
        Command::Once(args) => commands.once(&config, &args, console),
        Command::Show { watch } => commands.show(&config, &watch, console),
        Command::Find(args) => commands.find(&config, &args, console),
        Command::Status { watch: false } => status::run(&socket(), console),
        Command::Status { watch: true } => status::live(&socket(), console),
        Command::Watches { names } => status::watches(&socket(), &names, console),
        Command::Reload { allow_removals } => reload::run(&socket(), allow_removals, console),
        Command::Backup { file } => backup::run(&socket(), &file, console),
        Command::Why(args) => why::run(&socket(), args, console),
        Command::Events(args) => events::run(&socket(), args, console),
        Command::Tail(args) => tail::run(&socket(), &args, console),
        Command::Deliveries(args) => deliveries::run(&socket(), args, console),
        Command::Replay(args) => replay::run(&socket(), args, console),
        Command::Silence(args) => silence::run(&socket(), args, console),
        Command::Ack(args) => ack::run(&socket(), args, console),
        Command::Routes(args) => routes::run(&config, args, commands, console),
        Command::Dead(args) => dead::run(&socket(), args, console),
        Command::Notifiers { command } => notifiers::run(&socket(), command, console),
        Command::TestNotification(args) => test_notification::run(&socket(), args, console),
        Command::Plugins(Plugins::List) => commands.plugins_list(&config, console),
        Command::Plugins(Plugins::Inspect { file }) => commands.plugins_inspect(&file, console),
        Command::Plugins(Plugins::Conform(args)) => commands.plugins_conform(&args, console),
        Command::Plugins(Plugins::Pin) => commands.plugins_pin(&config, console),
        Command::Schema => commands.schema(is_named.then_some(&*config), console),
        Command::Completion { shell } => completion::run(Cli::command(), shell, console),
        Command::Man(args) => man::run(Cli::command(), &args, console),
    }
}

/// Whether the configuration was said, on the command line or by the environment.
fn is_config_named(matches: &ArgMatches) -> bool {
    let source = matches.subcommand().and_then(|(_, below)| below.value_source("config"));
    source.is_some_and(|source| source != ValueSource::DefaultValue)
}

/// How long a list may be.
fn limit(text: &str) -> Result<usize, String> {
    let limit = text.parse().ok().filter(|limit| (1..=LIST_MAX).contains(limit));
    limit.ok_or_else(|| format!("write a number from 1 to {LIST_MAX}"))
}

/// Help and version are results; anything else is a usage error.
fn explain(refused: &clap::Error, console: &mut Console<'_>) -> Exit {
    let rendered = refused.render();
    let text = if console.colour { rendered.ansi().to_string() } else { rendered.to_string() };
    if refused.use_stderr() {
        console.message(text.trim_end());
        return Exit::Usage;
    }
    console.result(text.trim_end());
    Exit::Done
}

/// What could not be asked of the daemon, and how the command ends with that.
fn unanswered(error: &AskError, console: &mut Console<'_>) -> Exit {
    console.message(&format!("error: {error}"));
    match error {
        AskError::NotRunning { .. } => Exit::NotRunning,
        _ => Exit::Failed,
    }
}

/// What stands below the help.
const AFTER_HELP: &str = "All but run, check, once, show, find, routes, plugins, schema, completion and man talk to the running daemon.\n\
         Results go to stdout, messages to stderr.\n\
         Exit status: 0 yes or done, 1 no or failed, 2 usage, 69 the daemon is not running,\n\
         78 the configuration is invalid.";

#[cfg(test)]
mod tests;
