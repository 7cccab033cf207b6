//! Processes: the real binary, and the children that it starts.

use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::time::{Duration, Instant};

use super::PATIENCE;

/// How often a condition is looked at that nobody tells us of.
const LOOK_EVERY: Duration = Duration::from_millis(10);

pub fn binary() -> &'static str {
    env!("CARGO_BIN_EXE_commwatch")
}

/// Where cargo leaves the plugins that the tests depend on: beside the test's own executable.
pub fn plugins() -> PathBuf {
    std::env::current_exe().unwrap().parent().unwrap().to_owned()
}

/// A process as `/proc` shows it, told apart from a later one with the same number.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Process {
    pub pid: u32,
    /// The words of its command line.
    pub words: Vec<String>,
    began: String,
}

impl Process {
    /// The children of a process: those of `commwatch` are its plugins' hosts.
    pub fn children_of(parent: u32) -> Vec<Self> {
        let pids = std::fs::read_dir("/proc").unwrap().filter_map(Result::ok);
        let pids = pids.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
        pids.filter_map(|pid| Self::read(pid).filter(|(ppid, _)| *ppid == parent))
            .map(|(_, process)| process)
            .collect()
    }

    /// Whether it runs still. One that has ended and was not waited for yet does not.
    pub fn lives(&self) -> bool {
        Self::read(self.pid).is_some_and(|(_, now)| now.began == self.began)
    }

    pub fn kill(&self) {
        send(self.pid, 9);
    }

    /// Its parent, and itself; none when it has ended.
    fn read(pid: u32) -> Option<(u32, Self)> {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        // The name in brackets may hold anything; what follows is numbers.
        let fields: Vec<&str> = stat.rsplit_once(") ")?.1.split(' ').collect();
        let words = std::fs::read_to_string(format!("/proc/{pid}/cmdline")).ok()?;
        let words = words.split_terminator('\0').map(str::to_owned).collect();
        let (state, parent, began) = (fields[0], fields[1].parse().ok()?, fields[19].to_owned());
        (!matches!(state, "Z" | "X")).then_some((parent, Self { pid, words, began }))
    }
}

pub fn send(pid: u32, signal: i32) {
    let sent = Command::new("kill").arg(format!("-{signal}")).arg(pid.to_string()).status().unwrap();
    assert!(sent.success(), "no process {pid}");
}

/// Waits until something is so that nobody tells us of.
pub async fn until(what: &str, is_so: impl Fn() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < deadline, "waited in vain for {what}");
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// Runs a command to its end; one that does not end is killed, and the test fails.
pub fn run(command: &mut Command) -> Output {
    let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let pid = child.id();
    let (ended, watch) = std::sync::mpsc::channel::<()>();
    let guard = std::thread::spawn(move || {
        let overdue = watch.recv_timeout(PATIENCE).is_err();
        if overdue {
            send(pid, 9);
        }
        overdue
    });
    let output = child.wait_with_output().unwrap();
    let _ = ended.send(());
    let overdue = guard.join().unwrap();
    assert!(!overdue, "{command:?} does not end: {}", String::from_utf8_lossy(&output.stderr));
    output
}

/// The daemon of a scenario.
pub(super) struct Running {
    pub(super) child: Child,
    pub(super) http: Option<String>,
}

impl Running {
    pub(super) fn kill(&mut self) -> io::Result<ExitStatus> {
        self.child.kill()?;
        self.child.wait()
    }
}

/// A file beside the real binary: the same file under another name, which may be replaced.
pub fn link_or_copy(from: &Path, to: &Path) {
    if std::fs::hard_link(from, to).is_err() {
        std::fs::copy(from, to).unwrap();
    }
}
