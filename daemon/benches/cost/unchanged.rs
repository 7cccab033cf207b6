//! What a poll costs that brings nothing new, beside a bare loop that asks the same server for the same answers.

use std::thread::sleep;
use std::time::{Duration, SystemTime};

use commwatch_simulator::Simulator;

use super::bare::Bare;
use super::daemon::{Daemon, Task};
use super::report::{Figure, Report};
use super::{Fault, Pace, process, server};

/// A poll that brings nothing new may cost this much, in polls of the bare loop.
const RATIO_MAX: f64 = 1.3;
/// What start and baseline leave to do is over after this.
const SETTLE: Duration = Duration::from_secs(2);
const HOUR_SECONDS: u64 = 3600;

/// So many watches, each polled every second.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Load {
    pub(crate) watches: usize,
}

/// Processor time in a window, and how many polls it was for.
#[derive(Clone, Copy, Debug)]
struct Spent {
    cpu: Duration,
    polls: u64,
    window: Duration,
}

impl Spent {
    /// Seconds for 1000 polls, without what would have been spent without any.
    fn per_thousand(self, idle_per_second: f64) -> f64 {
        let idle = idle_per_second * self.window.as_secs_f64();
        #[expect(clippy::cast_precision_loss, reason = "thousands")]
        let polls = self.polls as f64;
        (self.cpu.as_secs_f64() - idle) / polls * 1000.0
    }
}

/// The daemon and the bare loop take turns; each turn is a process of its own.
pub(crate) fn measure(load: Load, pace: Pace, report: &mut Report) -> Result<(), Fault> {
    let simulator = server::start(load.watches)?;
    println!("# {} polls/s, answers of {} bytes", load.watches, server::answer_bytes(&simulator)?);
    let idle = idle(&simulator, load, pace)?;
    let (mut daemons, mut bares) = (Vec::new(), Vec::new());
    for round in 1..=pace.rounds {
        daemons.push(daemon(&simulator, load, pace)?);
        bares.push(bare(&simulator, load, pace)?);
        if let (Some(daemon), Some(bare)) = (daemons.last(), bares.last()) {
            println!("# round {round}: daemon {daemon:?}, bare loop {bare:?}");
        }
    }
    let net: Vec<f64> = daemons.iter().map(|spent| spent.per_thousand(idle)).collect();
    let gross: Vec<f64> = daemons.iter().map(|spent| spent.per_thousand(0.0)).collect();
    let floor: Vec<f64> = bares.iter().map(|spent| spent.per_thousand(0.0)).collect();
    let ratios = |of: &[f64]| of.iter().zip(&floor).map(|(daemon, bare)| daemon / bare).collect::<Vec<f64>>();
    let name = |what: &str| format!("{}/s: {what}", load.watches);
    report.note(name("idle daemon, CPU a second"), "ms/s", vec![idle * 1000.0]);
    report.note(name("bare loop, CPU for 1000 polls"), "s", floor.clone());
    report.note(name("daemon, CPU for 1000 polls, idle included"), "s", gross.clone());
    report.note(name("daemon / bare loop, idle included"), "", ratios(&gross));
    report.add(Figure {
        what: name("daemon / bare loop"),
        unit: "",
        values: ratios(&net),
        expected: Some(RATIO_MAX),
    });
    Ok(())
}

/// Seconds of processor time a second of a daemon that has the same watches and does not poll them yet.
fn idle(simulator: &Simulator, load: Load, pace: Pace) -> Result<f64, Fault> {
    let task = Task { watches: load.watches, interval: "24h", hook: "http://127.0.0.1:9/" };
    let daemon = Daemon::start(simulator, &task)?;
    daemon.baselined(0)?;
    sleep(SETTLE);
    let spent = window(simulator, daemon.pid(), pace)?;
    Ok(spent.cpu.as_secs_f64() / spent.window.as_secs_f64())
}

fn daemon(simulator: &Simulator, load: Load, pace: Pace) -> Result<Spent, Fault> {
    let task = Task { watches: load.watches, interval: "1s", hook: "http://127.0.0.1:9/" };
    let daemon = Daemon::start(simulator, &task)?;
    daemon.baselined(load.watches)?;
    sleep(SETTLE);
    loop {
        let (hour, files) = (hour(), daemon.store_files()?);
        let others = daemon.metric("commwatch_polls_total", "result=\"changed\"")?
            + daemon.metric("commwatch_polls_total", "result=\"error\"")?;
        let spent = window(simulator, daemon.pid(), pace)?;
        if hour != self::hour() {
            // The counts of the last hour were written: that is no window to judge.
            continue;
        }
        if daemon.store_files()? != files {
            return Err("something was written although nothing changed".into());
        }
        let now = daemon.metric("commwatch_polls_total", "result=\"changed\"")?
            + daemon.metric("commwatch_polls_total", "result=\"error\"")?;
        if now > others {
            return Err("not all polls were unchanged".into());
        }
        return Ok(spent);
    }
}

fn bare(simulator: &Simulator, load: Load, pace: Pace) -> Result<Spent, Fault> {
    let before = simulator.total_requests();
    let bare = Bare::start(&simulator.base_url(), simulator.token(), load.watches)?;
    let all = before + u64::try_from(load.watches)?;
    server::wait("the bare loop", || Ok(simulator.total_requests() >= all))?;
    sleep(SETTLE);
    window(simulator, bare.pid(), pace)
}

fn window(simulator: &Simulator, pid: u32, pace: Pace) -> Result<Spent, Fault> {
    let (began, polls, cpu) = (std::time::Instant::now(), simulator.total_requests(), process::cpu(pid)?);
    sleep(pace.window);
    let cpu = process::cpu(pid)?.saturating_sub(cpu);
    Ok(Spent { cpu, polls: simulator.total_requests() - polls, window: began.elapsed() })
}

fn hour() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs() / HOUR_SECONDS)
}
