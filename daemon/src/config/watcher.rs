//! Says when the configuration's files have changed: in place, by rename, by a link that was swapped, by a file that
//! came to `conf.d` or left it. Reads nothing but digests, and decides nothing.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use notify::event::{AccessKind, EventKind};
use notify::{RecommendedWatcher, RecursiveMode, Watcher as _};
use tokio::sync::mpsc::Sender;

use super::source::Sources;
use super::trail::Trail;

/// While files never come to rest, they are looked at all the same after this many times `settle`.
const RESTLESS_FACTOR: u32 = 10;
/// How often in a row the way to the files may change while we set out to watch it; the next event tries again.
const TRAILS_MAX: usize = 5;
/// How many wishes may wait for the thread. Beyond it events are dropped: one that waits is as good as many.
const WAITING_MAX: usize = 64;

/// Watches the files of one configuration until it is dropped.
///
/// A send that finds the channel full is left out: whoever reads it will find the newest files.
#[derive(Debug)]
pub struct Watcher {
    wishes: SyncSender<Wish>,
    looks: Arc<AtomicU64>,
    thread: Option<JoinHandle<()>>,
}

/// Why files cannot be watched.
#[derive(Debug, thiserror::Error)]
pub enum WatchError {
    /// The kernel refuses, for example because too many files are watched already (`fs.inotify.max_user_watches`).
    #[error("cannot watch the configuration's files: {0}")]
    Refused(#[from] notify::Error),
    /// No thread could be started.
    #[error("cannot start a thread to watch the configuration's files: {0}")]
    NoThread(#[from] io::Error),
}

/// What the thread waits for.
#[derive(Debug)]
enum Wish {
    /// Something happened to one of these.
    Touched(Vec<PathBuf>),
    /// Something happened, and nobody knows to what.
    LookAgain,
    Follow(Sources),
    Stop,
}

impl Watcher {
    /// Sends on `changed` whenever the content of the files differs from what it was, once they have been still for
    /// `settle`. What was changed since they were read counts as well.
    ///
    /// # Errors
    /// If the kernel allows no watching, or no thread.
    pub fn start(files: &Sources, settle: Duration, changed: Sender<()>) -> Result<Self, WatchError> {
        let looks = Arc::new(AtomicU64::new(0));
        let (wishes, waiting) = sync_channel(WAITING_MAX);
        let events = wishes.clone();
        let watcher = notify::recommended_watcher(move |event| {
            if let Some(wish) = wish_of(event) {
                // A full queue holds a wish already, and every wish leads to a look at all files.
                let _ = events.try_send(wish);
            }
        })?;
        let mut eye = Eye {
            watcher,
            watched: Vec::new(),
            trail: Trail::default(),
            known: files.clone(),
            settle,
            changed,
            looks: looks.clone(),
        };
        eye.watch_folders();
        if eye.watched.is_empty() {
            return Err(notify::Error::generic("none of their folders can be watched").into());
        }
        let thread =
            std::thread::Builder::new().name("config-watcher".into()).spawn(move || eye.run(&waiting))?;
        Ok(Self { wishes, looks, thread: Some(thread) })
    }

    /// How often the files have been looked at, whether or not they had changed.
    pub fn looks(&self) -> u64 {
        self.looks.load(Ordering::Acquire)
    }

    /// Watches what was read last, as after a reload. What was changed since then is signalled.
    pub fn follow(&mut self, files: &Sources) {
        // The thread ends only at our own word.
        let _ = self.wishes.send(Wish::Follow(files.clone()));
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        let _ = self.wishes.send(Wish::Stop);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Reading a file is an event too, and we read them ourselves: only what may change content counts.
fn wish_of(event: notify::Result<notify::Event>) -> Option<Wish> {
    match event {
        Ok(event) if event.need_rescan() => Some(Wish::LookAgain),
        Ok(event) if matches!(event.kind, EventKind::Access(AccessKind::Open(_) | AccessKind::Read)) => None,
        Ok(event) => Some(Wish::Touched(event.paths)),
        Err(_) => Some(Wish::LookAgain),
    }
}

/// What the thread owns.
struct Eye {
    watcher: RecommendedWatcher,
    watched: Vec<PathBuf>,
    trail: Trail,
    /// What the receiver knows, or has been told to look at.
    known: Sources,
    settle: Duration,
    changed: Sender<()>,
    looks: Arc<AtomicU64>,
}

impl Eye {
    fn run(mut self, waiting: &Receiver<Wish>) {
        // What was changed since the files were read counts as well.
        let mut restless = true;
        loop {
            if restless {
                match self.wait_for_rest(waiting) {
                    Rest::Still => self.look(),
                    Rest::Stop => return,
                }
            }
            restless = match waiting.recv() {
                Ok(Wish::Stop) | Err(_) => return,
                Ok(Wish::Follow(files)) => {
                    self.known = files;
                    true
                }
                Ok(Wish::Touched(paths)) => self.concerns(&paths),
                Ok(Wish::LookAgain) => true,
            };
        }
    }

    /// Waits until nothing has happened for `settle`.
    fn wait_for_rest(&mut self, waiting: &Receiver<Wish>) -> Rest {
        let began = Instant::now();
        let mut still_since = began;
        loop {
            let due = (still_since + self.settle).min(began + self.settle * RESTLESS_FACTOR);
            match waiting.recv_timeout(due.saturating_duration_since(Instant::now())) {
                Ok(Wish::Stop) | Err(RecvTimeoutError::Disconnected) => return Rest::Stop,
                Ok(Wish::Follow(files)) => self.known = files,
                Ok(Wish::Touched(paths)) if !self.concerns(&paths) => {}
                Ok(Wish::Touched(_) | Wish::LookAgain) => still_since = Instant::now(),
                Err(RecvTimeoutError::Timeout) => return Rest::Still,
            }
        }
    }

    fn concerns(&self, paths: &[PathBuf]) -> bool {
        paths.iter().any(|path| self.trail.concerns(path))
    }

    /// Compares the files with what is known. Folders come first: what happens after that is an event.
    fn look(&mut self) {
        self.watch_folders();
        let now = self.known.look_again();
        if now != self.known {
            self.known = now;
            // Full: whoever reads the signal that waits will find the newest files. Closed: we are about to be dropped.
            let _ = self.changed.try_send(());
        }
        self.looks.fetch_add(1, Ordering::Release);
    }

    /// Watches the folders in which the files lie now.
    fn watch_folders(&mut self) {
        for _ in 0..TRAILS_MAX {
            // All are let go, so that none stays watched that is no longer on the way; one that was replaced keeps its
            // path, and only a new watch sees the new one.
            for folder in self.watched.drain(..) {
                let _ = self.watcher.unwatch(&folder);
            }
            self.trail = Trail::of(&self.known);
            for folder in self.trail.folders() {
                // One that has just gone is no loss: then the way has changed, and we go it again.
                if self.watcher.watch(folder, RecursiveMode::NonRecursive).is_ok() {
                    self.watched.push(folder.to_path_buf());
                }
            }
            if Trail::of(&self.known) == self.trail {
                return;
            }
        }
    }
}

enum Rest {
    Still,
    Stop,
}

#[cfg(test)]
mod tests;
