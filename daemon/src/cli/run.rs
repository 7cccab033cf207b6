//! `commwatch run`: the daemon, until a signal ends it.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};

use super::Exit;
use crate::config;
use crate::engine::{Daemon, Setup, StartError};
use crate::ops::log;
use crate::plugin::{Children, Installed};
use crate::store::StoreError;

/// The daemon waits for the network, not for the processor.
const THREADS: usize = 2;

/// How long what did not end in time is waited for once more.
const LEFT_OVER: Duration = Duration::from_millis(500);

/// Runs until SIGTERM or SIGINT; a second one ends it at once. SIGHUP reloads.
pub(super) fn run(path: &Path, accept_new_baseline: bool) -> Exit {
    // Begun before the runtime, from the thread that lives longest.
    let children = match Children::start() {
        Ok(children) => children,
        Err(error) => return failed(&format!("cannot start the thread that starts plugins: {error}")),
    };
    let loaded = match config::load(path, &Installed) {
        Ok(loaded) => loaded,
        Err(mistakes) => {
            eprint!("{mistakes}");
            return Exit::InvalidConfig;
        }
    };
    let log = match log::init(&loaded.config.log) {
        Ok(log) => log,
        Err(error) => return failed(&error.to_string()),
    };
    for warning in &loaded.warnings {
        tracing::warn!("{}", warning.one_line());
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(THREADS).enable_all().build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => return failed(&format!("cannot start the runtime: {error}")),
    };
    let setup = Setup { loaded, catalog: Arc::new(Installed), accept_new_baseline, children, log: Some(log) };
    let exit = runtime.block_on(daemon(setup));
    // What hangs now (on the disk, most likely) is not waited for: the process ends with this.
    runtime.shutdown_timeout(LEFT_OVER);
    exit
}

async fn daemon(setup: Setup) -> Exit {
    let mut signals = match Signals::new() {
        Ok(signals) => signals,
        Err(error) => return failed(&format!("cannot listen for signals: {error}")),
    };
    let daemon = match Daemon::start(setup).await {
        Ok(daemon) => daemon,
        Err(error @ StartError::Config(_)) => {
            tracing::error!("{error}");
            return Exit::InvalidConfig;
        }
        Err(error) => {
            tracing::error!("{error}");
            return Exit::Failed;
        }
    };
    let mut exit = Exit::Done;
    loop {
        let wake = tokio::select! {
            wake = signals.next() => wake,
            error = daemon.failed() => Wake::Failed(error),
        };
        match wake {
            Wake::Failed(error) => {
                tracing::error!("ending, since {error}");
                exit = Exit::Failed;
                break;
            }
            Wake::Stop(name) => {
                tracing::info!(signal = name, "told to stop by {name}");
                break;
            }
            Wake::Reload => {
                tracing::info!("told to reload by SIGHUP");
                // What came of it is in the log, and in what `commwatch status` says. The end does not wait for it.
                tokio::select! {
                    _ = daemon.reload(false) => {}
                    name = signals.stop() => {
                        tracing::info!(signal = name, "told to stop by {name}");
                        break;
                    }
                }
            }
        }
    }
    tokio::select! {
        () = daemon.stop() => exit,
        name = signals.stop() => {
            tracing::warn!(signal = name, "told again by {name}: ending at once; what is pending stays in the store");
            // Not returned: the runtime would wait for what did not end.
            std::process::exit(Exit::Failed as i32);
        }
    }
}

enum Wake {
    /// The store cannot be trusted any more. Systemd starts the next process (the status is not 78).
    Failed(StoreError),
    Stop(&'static str),
    Reload,
}

struct Signals {
    term: Signal,
    interrupt: Signal,
    hangup: Signal,
}

impl Signals {
    fn new() -> std::io::Result<Self> {
        Ok(Self {
            term: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hangup: signal(SignalKind::hangup())?,
        })
    }

    async fn next(&mut self) -> Wake {
        tokio::select! {
            _ = self.term.recv() => Wake::Stop("SIGTERM"),
            _ = self.interrupt.recv() => Wake::Stop("SIGINT"),
            _ = self.hangup.recv() => Wake::Reload,
        }
    }

    async fn stop(&mut self) -> &'static str {
        loop {
            if let Wake::Stop(name) = self.next().await {
                return name;
            }
        }
    }
}

fn failed(why: &str) -> Exit {
    eprintln!("error: {why}");
    Exit::Failed
}
