//! What the daemon costs: `cargo bench -p commwatch`, in a minute with `-- --quick`. See `benches/README.md`.
//!
//! `CommBox` is the simulator, in this process; what is measured are others: the real binary, its plugin
//! processes with real `.so` files, and a bare loop that asks for the same answers and does nothing with them.

mod alert;
mod bare;
mod daemon;
mod handover;
mod process;
mod report;
mod server;
mod unchanged;

use std::process::ExitCode;
use std::time::Duration;

use self::report::Report;
use self::unchanged::Load;

type Fault = Box<dyn std::error::Error + Send + Sync>;

/// How long and how often things are measured.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pace {
    /// How many times the daemon and the bare loop take turns.
    rounds: usize,
    /// How long each of them is looked at.
    window: Duration,
    /// How long messages are written.
    alerts: Duration,
    /// How many notifications are handed over.
    handovers: usize,
    loads: &'static [Load],
}

const FULL: Pace = Pace {
    rounds: 5,
    window: Duration::from_secs(15),
    alerts: Duration::from_secs(30),
    handovers: 20_000,
    loads: &[Load { watches: 200 }, Load { watches: 2000 }],
};

const QUICK: Pace = Pace {
    rounds: 2,
    window: Duration::from_secs(4),
    alerts: Duration::from_secs(6),
    handovers: 3_000,
    loads: &[Load { watches: 200 }],
};

const USAGE: &str =
    "usage: cargo bench -p commwatch -- [--quick] [--strict] [unchanged | alert | handover]...
  --quick   less than a minute, fewer rounds
  --strict  ends with 1 when a figure is not as expected";

fn main() -> ExitCode {
    // The child of the hand-over measurement is this very executable.
    commwatch::plugin_host::enter_if_asked();
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.first().is_some_and(|first| first == bare::COMMAND) {
        return ended(bare::run(&arguments[1..]).map(|()| true));
    }
    ended(measure(&arguments))
}

fn measure(arguments: &[String]) -> Result<bool, Fault> {
    let (mut pace, mut strict, mut benched, mut wanted) = (FULL, false, false, Vec::new());
    for argument in arguments {
        match argument.as_str() {
            "--bench" => benched = true,
            "--quick" => pace = QUICK,
            "--strict" => strict = true,
            "unchanged" | "alert" | "handover" => wanted.push(argument.as_str()),
            other => return Err(format!("unknown argument {other}\n{USAGE}").into()),
        }
    }
    if !benched {
        // `cargo test --all-targets` comes by, with a build whose figures mean nothing.
        println!("nothing is measured but by `cargo bench`");
        return Ok(true);
    }
    let wants = |name| wanted.is_empty() || wanted.contains(&name);
    let mut report = Report::default();
    if wants("unchanged") {
        for load in pace.loads {
            unchanged::measure(*load, pace, &mut report)?;
        }
    }
    if wants("alert") {
        alert::measure(pace, &mut report)?;
    }
    if wants("handover") {
        handover::measure(pace, &mut report)?;
    }
    print!("\n{report}");
    Ok(!strict || report.as_expected())
}

fn ended(result: Result<bool, Fault>) -> ExitCode {
    match result {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(fault) => {
            eprintln!("cost: {fault}");
            ExitCode::FAILURE
        }
    }
}
