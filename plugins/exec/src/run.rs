//! One run of the program: what it is given, how long it has, and how it ended. Knows no notification.

use std::io::{self, Read, Write as _};
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use commwatch_plugin_api::text;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fd::OwnedFd;
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, Signal, kill_process_group, pidfd_open};

use crate::config::Program;

/// Where programs are looked for by a program that looks for some.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
/// What is kept of the program's standard error: its end.
const STDERR_BYTES_KEPT: usize = 4_096;
/// How much of its last line is shown.
const LINE_CHARS_MAX: usize = 200;
/// How long the end of its standard error is waited for once it has ended: whatever it left running may hold it open.
const STDERR_PATIENCE: Duration = Duration::from_millis(200);
/// How long a program that was killed is waited for. One that sleeps in the kernel is left to a thread of its own.
const KILL_PATIENCE: Duration = Duration::from_millis(200);

/// How a run ended.
#[derive(Debug)]
pub(crate) enum Ended {
    /// By itself; with the last line of its standard error.
    Exited { code: i32, said: String },
    /// By a signal that was not ours.
    Killed { signal: i32, said: String },
    /// Its time was over, so it was killed.
    Late { said: String },
    /// It could not be watched, so it was killed at once.
    Unwatched(io::Error),
}

/// Runs it with `input` on its standard input, for at most `time`.
///
/// # Errors
/// When it could not be started.
pub(crate) fn run(program: &Program, input: Vec<u8>, time: Duration) -> io::Result<Ended> {
    run_watched(program, input, time, watch)
}

fn run_watched(
    program: &Program,
    input: Vec<u8>,
    time: Duration,
    watch: impl FnOnce(&Child) -> io::Result<OwnedFd>,
) -> io::Result<Ended> {
    let until = Instant::now() + time;
    let mut child = Command::new(&program.path)
        .args(&program.args)
        .env_clear()
        .env("PATH", PATH)
        .env("LANG", "C.UTF-8")
        .envs(&program.env)
        .current_dir("/")
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        // A group of its own, so that what it starts ends with it.
        .process_group(0)
        .spawn()?;
    // Both on threads of their own: a program may read nothing, or never stop to write.
    if let Some(mut stdin) = child.stdin.take() {
        // A program that does not read to the end has read what it needs.
        spawn("input", move || drop(stdin.write_all(&input)));
    }
    let said = Said::of(child.stderr.take());
    let has_ended = watch(&child).and_then(|process| waited(&process, until));
    // Before it is reaped, since its number is its group's until then.
    let _ = kill_process_group(Pid::from_child(&child), Signal::KILL);
    match has_ended {
        Ok(true) => Ok(ended(child.wait()?, said.last_line())),
        Ok(false) => {
            reap(child);
            Ok(Ended::Late { said: said.last_line() })
        }
        Err(error) => {
            reap(child);
            Ok(Ended::Unwatched(error))
        }
    }
}

fn ended(status: ExitStatus, said: String) -> Ended {
    match (status.code(), status.signal()) {
        (Some(code), _) => Ended::Exited { code, said },
        (None, signal) => Ended::Killed { signal: signal.unwrap_or_default(), said },
    }
}

/// What says when it ends.
fn watch(child: &Child) -> io::Result<OwnedFd> {
    Ok(pidfd_open(Pid::from_child(child), PidfdFlags::empty())?)
}

/// Waits until it has ended, without reaping it. Whether it has.
fn waited(process: &OwnedFd, until: Instant) -> io::Result<bool> {
    loop {
        let left = until.saturating_duration_since(Instant::now());
        let left = Timespec::try_from(left).ok();
        match poll(&mut [PollFd::new(process, PollFlags::IN)], left.as_ref()) {
            Ok(0) => return Ok(false),
            Ok(_) => return Ok(true),
            // The rest of the time is waited.
            Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

/// It was killed; nobody is left behind as a zombie.
fn reap(mut child: Child) {
    let until = Instant::now() + KILL_PATIENCE;
    if watch(&child).and_then(|process| waited(&process, until)).unwrap_or(false) {
        let _ = child.wait();
    } else {
        spawn("reaper", move || drop(child.wait()));
    }
}

/// The end of what the program writes to its standard error.
struct Said {
    kept: Arc<Mutex<Vec<u8>>>,
    is_over: Receiver<()>,
}

impl Said {
    fn of(stderr: Option<impl Read + Send + 'static>) -> Self {
        let kept: Arc<Mutex<Vec<u8>>> = Arc::default();
        let (over, is_over) = mpsc::channel();
        if let Some(mut stderr) = stderr {
            let kept = Arc::clone(&kept);
            spawn("stderr", move || {
                let mut chunk = [0; STDERR_BYTES_KEPT];
                while let Ok(len @ 1..) = stderr.read(&mut chunk) {
                    let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
                    kept.extend_from_slice(&chunk[..len]);
                    let too_many = kept.len().saturating_sub(STDERR_BYTES_KEPT);
                    kept.drain(..too_many);
                }
                let _ = over.send(());
            });
        }
        Self { kept, is_over }
    }

    /// The last line that says something, fit to be shown; empty if there is none.
    fn last_line(&self) -> String {
        let _ = self.is_over.recv_timeout(STDERR_PATIENCE);
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let lines = String::from_utf8_lossy(&kept);
        let shown = lines.lines().rev().map(|line| text::line_within(line, LINE_CHARS_MAX));
        shown.into_iter().find(|line| !line.is_empty()).unwrap_or_default()
    }
}

/// Without a thread the program gets nothing, or says nothing; its exit status counts all the same.
fn spawn(name: &str, run: impl FnOnce() + Send + 'static) {
    let _ = thread::Builder::new().name(name.to_owned()).spawn(run);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_that_cannot_be_watched_is_ended_and_said_to_be_such() {
        let program = Program {
            path: "/bin/sh".into(),
            args: vec!["-c".into(), "exec sleep 600".into()],
            env: [].into(),
            timeout: None,
        };
        let mut group = None;
        let ended = run_watched(&program, Vec::new(), Duration::from_secs(60), |child| {
            group = Some(Pid::from_child(child));
            Err(Errno::MFILE.into())
        });
        let Ok(Ended::Unwatched(error)) = ended else { panic!("{ended:?}") };
        assert_eq!(error.raw_os_error(), Some(Errno::MFILE.raw_os_error()));
        // Nothing is left of it, at once or when the kernel comes to it.
        let group = group.expect("a child");
        let began = Instant::now();
        while kill_process_group(group, Signal::KILL) != Err(Errno::SRCH) {
            assert!(began.elapsed() < Duration::from_secs(30), "it is still there");
            thread::sleep(Duration::from_millis(1));
        }
    }
}
