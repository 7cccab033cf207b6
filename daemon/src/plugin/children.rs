//! Starts and reaps `plugin-host` processes, all on one thread: a child is killed when the *thread* that started it
//! ends, so that thread lives as long as the daemon.

use std::collections::BTreeMap;
use std::io::{self, PipeReader};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use super::child::COMMAND;

/// How often the thread looks whether a child that is ending has ended. It sleeps while none is.
const REAP_EVERY: Duration = Duration::from_millis(5);

/// Starts children. All its clones share one thread, which ends when the last of them and every child is gone.
#[derive(Clone, Debug)]
pub struct Children {
    orders: Sender<Order>,
}

/// A running child. Dropping it kills the child.
#[derive(Debug)]
pub(super) struct Process {
    pub(super) pid: u32,
    orders: Sender<Order>,
    ended: bool,
}

/// A child that has just been started.
#[derive(Debug)]
pub(super) struct Spawned {
    pub(super) process: Process,
    /// The daemon's end.
    pub(super) socket: UnixStream,
    /// What the child writes to standard output and standard error.
    pub(super) output: PipeReader,
}

#[derive(Debug)]
enum Order {
    /// `orders` is for the new [`Process`]; the thread keeps none, so that it ends with the last of its users.
    Spawn {
        notifier: String,
        orders: Sender<Order>,
        reply: oneshot::Sender<io::Result<Spawned>>,
    },
    End {
        pid: u32,
        kill_at: Instant,
        reply: Option<oneshot::Sender<ExitStatus>>,
    },
}

impl Children {
    /// Children run the very executable that this process runs, also after it was replaced on disk: both sides are
    /// the same build.
    ///
    /// # Errors
    /// When no thread can be started.
    pub fn start() -> io::Result<Self> {
        // Not `current_exe()`: that is a name, and the file behind a name may be another by now.
        Self::running(PathBuf::from("/proc/self/exe"))
    }

    /// Children run `executable`, whose main must begin with [`enter_if_asked`](crate::plugin_host::enter_if_asked).
    /// For tests, whose own executable is a test harness.
    ///
    /// # Errors
    /// When no thread can be started.
    pub fn running(executable: PathBuf) -> io::Result<Self> {
        let (orders, inbox) = channel();
        let spawner = Spawner { executable, living: BTreeMap::new(), ending: Vec::new() };
        std::thread::Builder::new().name("plugin-children".to_owned()).spawn(move || spawner.run(&inbox))?;
        Ok(Self { orders })
    }

    pub(super) async fn spawn(&self, notifier: &str) -> io::Result<Spawned> {
        let (reply, answer) = oneshot::channel();
        let order = Order::Spawn { notifier: notifier.to_owned(), orders: self.orders.clone(), reply };
        let gone = || io::Error::other("the thread that starts plugin processes has ended");
        self.orders.send(order).map_err(|_| gone())?;
        answer.await.map_err(|_| gone())?
    }
}

impl Process {
    /// Waits until the child has ended, and kills it if it has not within `patience`.
    pub(super) async fn end(mut self, patience: Duration) -> Option<ExitStatus> {
        self.ended = true;
        let (reply, answer) = oneshot::channel();
        let order = Order::End { pid: self.pid, kill_at: Instant::now() + patience, reply: Some(reply) };
        self.orders.send(order).ok()?;
        answer.await.ok()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if !self.ended {
            let _ = self.orders.send(Order::End { pid: self.pid, kill_at: Instant::now(), reply: None });
        }
    }
}

/// What the thread knows.
struct Spawner {
    executable: PathBuf,
    living: BTreeMap<u32, Child>,
    ending: Vec<Ending>,
}

struct Ending {
    child: Child,
    kill_at: Instant,
    reply: Option<oneshot::Sender<ExitStatus>>,
}

impl Spawner {
    fn run(mut self, inbox: &Receiver<Order>) {
        loop {
            let order = if self.ending.is_empty() {
                inbox.recv().map_err(|_| RecvTimeoutError::Disconnected)
            } else {
                inbox.recv_timeout(REAP_EVERY)
            };
            match order {
                Ok(Order::Spawn { notifier, orders, reply }) => {
                    // Where nobody waits for it any more, dropping it ends it.
                    let _ = reply.send(self.spawn(&notifier, orders));
                }
                Ok(Order::End { pid, kill_at, reply }) => {
                    let child = self.living.remove(&pid);
                    self.ending.extend(child.map(|child| Ending { child, kill_at, reply }));
                }
                Err(RecvTimeoutError::Timeout) => {}
                // Each living child has a `Process` that would be an other end.
                Err(RecvTimeoutError::Disconnected) if self.ending.is_empty() => return,
                Err(RecvTimeoutError::Disconnected) => std::thread::sleep(REAP_EVERY),
            }
            self.ending = std::mem::take(&mut self.ending).into_iter().filter_map(Ending::proceed).collect();
        }
    }

    fn spawn(&mut self, notifier: &str, orders: Sender<Order>) -> io::Result<Spawned> {
        let (child, socket, output) = start(&self.executable, notifier)?;
        let process = Process { pid: child.id(), orders, ended: false };
        self.living.insert(process.pid, child);
        Ok(Spawned { process, socket, output })
    }
}

impl Ending {
    /// Goes on with it; nothing is left when the child has ended.
    fn proceed(mut self) -> Option<Self> {
        if Instant::now() >= self.kill_at {
            let _ = self.child.kill(); // It may have ended by itself.
        }
        match self.child.try_wait() {
            Ok(None) => Some(self),
            Ok(Some(status)) => {
                if let Some(reply) = self.reply {
                    let _ = reply.send(status);
                }
                None
            }
            Err(error) => {
                tracing::error!(%error, pid = self.child.id(), "cannot wait for a plugin process");
                None
            }
        }
    }
}

/// A child with its socket as standard input, no environment, and a process group of its own (so that Ctrl-C in a
/// terminal reaches the daemon alone).
fn start(executable: &Path, notifier: &str) -> io::Result<(Child, UnixStream, PipeReader)> {
    let (ours, theirs) = UnixStream::pair()?;
    let (output, stdout) = io::pipe()?;
    let stderr = stdout.try_clone()?;
    let child = Command::new(executable)
        .arg0("commwatch")
        .args([COMMAND, notifier])
        .env_clear()
        .current_dir("/")
        .process_group(0)
        .stdin(Stdio::from(OwnedFd::from(theirs)))
        .stdout(stdout)
        .stderr(stderr)
        .spawn()?;
    Ok((child, ours, output))
}
