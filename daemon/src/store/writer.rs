//! The one thread that writes, and one that reads. What waits while a commit is synced goes into the next
//! commit together; a job that fails is rolled back alone. When the disk has failed, or the database is damaged, both
//! end: what waits is answered with the reason, and the files are left as they are.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rusqlite::Connection;
use rusqlite::config::DbConfig;
use tokio::sync::{mpsc, oneshot, watch};

use super::StoreError;
use super::lock::beside;
use super::reserve::Reserve;
use crate::core::lasting::{Lasting, Said};

/// Jobs that may wait; whoever brings another waits for a place.
const JOBS_MAX: usize = 1024;
/// Jobs that go into one commit.
const BATCH_MAX: usize = 256;
/// The write-ahead log is folded into the database after so many commits,
const CHECKPOINT_EVERY: u32 = 64;
/// ... or when it has grown by so much.
const LOG_FOLD_BYTES: u64 = 16 * 1024 * 1024;
/// So much of the log's file is kept when the log begins anew.
pub(super) const LOG_KEPT_BYTES: u64 = 8 * 1024 * 1024;
/// The log cannot begin anew while somebody reads what was before it. When it has come to this size, nothing more is
/// written until they have ended: messages wait in `CommBox`. The daemon's own reads are short; this is for others.
pub(super) const LOG_BYTES_MAX: u64 = 256 * 1024 * 1024;
/// How long somebody else, such as another program, may hold a lock that we need.
pub(super) const BUSY_WITHIN: Duration = Duration::from_secs(5);
/// How long readers are waited for when the log is to begin anew.
const READERS_WITHIN: Duration = Duration::from_millis(50);

/// Called with the end of the commit that a job was part of.
type Reply = Box<dyn FnOnce(Result<(), StoreError>) + Send>;
/// Called within the transaction, or with the reason why there is none; gives what went wrong with the job itself.
type Job = Box<dyn FnOnce(Result<&Connection, StoreError>) -> (Reply, Option<StoreError>) + Send>;

/// Told how long each commit took, and whether it worked.
pub(super) type Observe = Box<dyn Fn(Duration, bool) + Send>;

/// Why the files must not be touched any more, once that is so; common to both threads.
#[derive(Clone, Debug)]
pub(super) struct Verdict(Arc<watch::Sender<Option<StoreError>>>);

impl Default for Verdict {
    fn default() -> Self {
        Self(Arc::new(watch::channel(None).0))
    }
}

impl Verdict {
    pub(super) fn get(&self) -> Option<StoreError> {
        self.0.borrow().clone()
    }

    /// Takes an error for the verdict if it is one; the first counts.
    pub(super) fn consider(&self, error: &StoreError) {
        if error.is_final() {
            self.0.send_if_modified(|verdict| {
                let is_first = verdict.is_none();
                verdict.get_or_insert_with(|| error.clone());
                is_first
            });
        }
    }

    /// Waits for it; most never come.
    pub(super) async fn fallen(&self) -> StoreError {
        let mut verdict = self.0.subscribe();
        match verdict.wait_for(Option::is_some).await.ok().and_then(|verdict| verdict.clone()) {
            Some(error) => error,
            None => std::future::pending().await,
        }
    }
}

/// A thread with a connection.
#[derive(Debug)]
pub(super) struct Worker {
    jobs: mpsc::Sender<Job>,
    thread: std::sync::Mutex<Option<JoinHandle<()>>>,
    failing: Arc<AtomicBool>,
    verdict: Verdict,
    path: Arc<Path>,
}

/// What the thread that writes is started with.
pub(super) struct Writing {
    pub(super) observe: Observe,
    /// [`LOG_BYTES_MAX`] but in tests.
    pub(super) log_bytes_max: u64,
    pub(super) reserve: Arc<Reserve>,
}

impl Worker {
    /// Starts the thread that writes.
    pub(super) fn writer(
        connection: Connection,
        path: &Path,
        verdict: Verdict,
        writing: Writing,
    ) -> std::io::Result<Self> {
        let (told, of) = (verdict.clone(), path.to_owned());
        Self::start("store-writer", path, verdict, move |mut jobs, failing| {
            let Writing { observe, log_bytes_max, reserve } = writing;
            let log = Log {
                path: beside(&of, "-wal"),
                bytes_max: log_bytes_max,
                commits: 0,
                fold_at: LOG_FOLD_BYTES,
            };
            let (began, faults) = (Instant::now(), Lasting::default());
            let verdict = told;
            let mut writer =
                Writer { connection, path: of, observe, failing, verdict, log, reserve, began, faults };
            while writer.verdict.get().is_none()
                && let Some(first) = jobs.blocking_recv()
            {
                writer.batch(first, &mut jobs);
                writer.fold(jobs.is_empty());
            }
            end(&writer.connection, &writer.verdict, &mut jobs);
        })
    }

    /// Starts the thread that reads.
    pub(super) fn reader(connection: Connection, path: &Path, verdict: Verdict) -> std::io::Result<Self> {
        let told = verdict.clone();
        Self::start("store-reader", path, verdict, move |mut jobs, _| {
            while told.get().is_none()
                && let Some(job) = jobs.blocking_recv()
            {
                // It may have come while a job was waited for.
                let (reply, fault) = job(told.get().map_or(Ok(&connection), Err));
                fault.iter().for_each(|fault| told.consider(fault));
                reply(Ok(()));
            }
            end(&connection, &told, &mut jobs);
        })
    }

    fn start(
        name: &str,
        path: &Path,
        verdict: Verdict,
        run: impl FnOnce(mpsc::Receiver<Job>, Arc<AtomicBool>) + Send + 'static,
    ) -> std::io::Result<Self> {
        let (jobs, queue) = mpsc::channel(JOBS_MAX);
        let failing = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&failing);
        let thread = std::thread::Builder::new().name(name.to_owned()).spawn(move || run(queue, told))?;
        Ok(Self { jobs, thread: std::sync::Mutex::new(Some(thread)), failing, verdict, path: path.into() })
    }

    /// Runs `work` on the thread; returns once what it wrote is durable.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (answer, answered) = oneshot::channel();
        let path = Arc::clone(&self.path);
        let job: Job = Box::new(move |connection| {
            let result = connection.and_then(work).map_err(|error| error.at(&path));
            let fault = result.as_ref().err().cloned();
            let reply = Box::new(move |committed: Result<(), StoreError>| {
                // Its own fault says more than that of the commit. Who asked may have gone; what was written
                // stays written.
                let _ = answer.send(result.and_then(|value| committed.map(|()| value)));
            });
            (reply, fault)
        });
        self.jobs.send(job).await.map_err(|_| self.closed())?;
        answered.await.map_err(|_| self.closed())?
    }

    fn closed(&self) -> StoreError {
        self.verdict.get().unwrap_or(StoreError::Closed)
    }

    /// Whether the thread has ended before its time.
    pub(super) fn is_gone(&self) -> bool {
        self.jobs.is_closed()
    }

    /// Whether the disk or the file refused what was last to be written.
    pub(super) fn is_failing(&self) -> bool {
        self.failing.load(Ordering::Relaxed)
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        // The thread ends when it has done what was queued and sees that nobody can bring more.
        let (closed, _) = mpsc::channel(1);
        drop(std::mem::replace(&mut self.jobs, closed));
        if let Some(thread) = self.thread.get_mut().ok().and_then(Option::take) {
            let _ = thread.join();
        }
    }
}

/// The end of a thread. After a verdict whatever waits is answered with it, and closing changes nothing: it would fold
/// the log into the database, from memory that does not hold what is on the disk.
fn end(connection: &Connection, verdict: &Verdict, jobs: &mut mpsc::Receiver<Job>) {
    let Some(error) = verdict.get() else { return };
    let _ = connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true);
    jobs.close();
    while let Some(job) = jobs.blocking_recv() {
        job(Err(error.clone())).0(Err(error.clone()));
    }
}

/// Runs one piece of a transaction so that its failure undoes only what it did itself.
pub(super) fn alone<T>(
    connection: &Connection,
    work: impl FnOnce(&Connection) -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    connection.execute_batch("SAVEPOINT job")?;
    let result = work(connection);
    if result.is_ok() {
        connection.execute_batch("RELEASE job")?;
    } else if !connection.is_autocommit() {
        // A full disk ends the whole transaction, and then there is nothing left to undo.
        connection.execute_batch("ROLLBACK TO job; RELEASE job")?;
    }
    result
}

struct Batch {
    /// Whether there is a transaction, or why not.
    state: Result<(), StoreError>,
    /// Whether the disk or the file refused what a job was to write.
    refused: bool,
    replies: Vec<Reply>,
}

struct Writer {
    connection: Connection,
    path: PathBuf,
    observe: Observe,
    failing: Arc<AtomicBool>,
    verdict: Verdict,
    began: Instant,
    /// What cannot be done, for the log.
    faults: Lasting<&'static str>,
    log: Log,
    reserve: Arc<Reserve>,
}

/// What is known of the write-ahead log.
struct Log {
    path: PathBuf,
    bytes_max: u64,
    /// Since it was last folded in.
    commits: u32,
    /// At this size it is folded in, whatever waits.
    fold_at: u64,
}

impl Log {
    fn bytes(&self) -> u64 {
        std::fs::metadata(&self.path).map_or(0, |meta| meta.len())
    }
}

impl Writer {
    /// One commit: the first job, and whatever waits.
    fn batch(&mut self, first: Job, jobs: &mut mpsc::Receiver<Job>) {
        let began = Instant::now();
        let rows_before = self.connection.total_changes();
        let state = self.verdict.get().map_or(Ok(()), Err);
        let state = state.and_then(|()| self.has_room()).and_then(|()| self.execute("BEGIN IMMEDIATE"));
        let mut batch = Batch { state, refused: false, replies: Vec::new() };
        self.perform(first, &mut batch);
        while batch.replies.len() < BATCH_MAX
            && let Ok(job) = jobs.try_recv()
        {
            self.perform(job, &mut batch);
        }
        let committed = batch.state.and_then(|()| self.execute("COMMIT"));
        if committed.is_err() && !self.connection.is_autocommit() {
            // A failed commit may leave the transaction open; nothing of it may slip into the next one.
            let _ = self.connection.execute_batch("ROLLBACK");
        }
        (self.observe)(began.elapsed(), committed.is_ok());
        self.tell("could not commit to the store", &committed);
        if let Err(error) = &committed {
            self.verdict.consider(error);
        }
        if committed.is_err() || batch.refused {
            self.failing.store(true, Ordering::Relaxed);
        } else if self.connection.total_changes() != rows_before {
            // One that wrote nothing says nothing about the disk.
            self.failing.store(false, Ordering::Relaxed);
        }
        for reply in batch.replies {
            reply(committed.clone());
        }
    }

    /// What cannot be done is a line when that begins, every ten minutes while it lasts, and when it is over.
    fn tell<T>(&mut self, what: &'static str, done: &Result<T, StoreError>) {
        let now = self.began.elapsed();
        let Err(error) = done else {
            for (what, Said { lasts, times, .. }) in self.faults.well(what, now) {
                let seconds = lasts.as_secs();
                tracing::info!(seconds, times, "over after {seconds} s: {what}");
            }
            return;
        };
        match self.faults.fails(what, what, now) {
            Some(Said { lasts, times, .. }) => {
                tracing::error!(%error, seconds = lasts.as_secs(), times, "{what}");
            }
            None => tracing::debug!(%error, "{what}"),
        }
    }

    /// Runs a job in the transaction. Nothing may be written outside of one: when `SQLite` has ended it, as it does
    /// when the disk is full, everything in it has failed for the reason of the job that was at it.
    fn perform(&self, job: Job, batch: &mut Batch) {
        let (reply, fault) = job(batch.state.clone().map(|()| &self.connection));
        batch.replies.push(reply);
        if let Some(fault) = &fault {
            self.verdict.consider(fault);
            batch.refused |= fault.is_refusal();
        }
        if batch.state.is_ok() && self.verdict.get().is_some() {
            // What was written so far is not made to last by a disk that has failed.
            batch.state = Err(self.verdict.get().unwrap_or(StoreError::Closed));
        } else if batch.state.is_ok() && self.connection.is_autocommit() {
            let unknown = || StoreError::Io("the transaction was rolled back".to_owned());
            batch.state = Err(fault.unwrap_or_else(unknown));
        }
    }

    fn execute(&self, sql: &str) -> Result<(), StoreError> {
        self.connection.execute_batch(sql).map_err(|error| StoreError::of(&error, &self.path))
    }

    /// Whether the log may grow further.
    fn has_room(&mut self) -> Result<(), StoreError> {
        if self.log.bytes() <= self.log.bytes_max {
            return Ok(());
        }
        self.checkpoint("TRUNCATE")?;
        match self.log.bytes() {
            bytes if bytes <= self.log.bytes_max => Ok(()),
            bytes => Err(StoreError::Full(format!(
                "the log {} has {bytes} bytes, since another program has the database open and reads it; end that",
                self.log.path.display()
            ))),
        }
    }

    /// Folds the log into the database when it is time. Here rather than by `SQLite` itself, which keeps to itself what
    /// goes wrong with it.
    fn fold(&mut self, nothing_waits: bool) {
        self.log.commits += 1;
        let bytes = self.log.bytes();
        let how = match nothing_waits {
            // Not only folded in, but made short again: a log that was long once would be so for ever.
            true if bytes > LOG_KEPT_BYTES.max(LOG_FOLD_BYTES) => "TRUNCATE",
            _ if self.log.commits >= CHECKPOINT_EVERY || bytes >= self.log.fold_at => "PASSIVE",
            // On a full disk, what is folded in makes room in the log.
            _ if self.failing.load(Ordering::Relaxed) => "PASSIVE",
            _ => return,
        };
        let folded = self.checkpoint(how);
        self.tell("could not fold the write-ahead log into the database", &folded);
        match folded {
            Ok(all) => {
                self.log.commits = 0;
                self.reserve.keep();
                // What somebody else's reading holds back is not tried again with each commit.
                self.log.fold_at = if all { LOG_FOLD_BYTES } else { bytes + LOG_FOLD_BYTES };
            }
            Err(_) => self.log.fold_at = bytes + LOG_FOLD_BYTES,
        }
    }

    /// Says whether all of the log is in the database now.
    fn checkpoint(&self, how: &str) -> Result<bool, StoreError> {
        let fold = || -> rusqlite::Result<bool> {
            self.connection.busy_timeout(READERS_WITHIN)?;
            let sql = format!("PRAGMA wal_checkpoint({how})");
            let all = self.connection.query_row(&sql, [], |row| {
                let (busy, log, folded): (bool, i64, i64) = (row.get(0)?, row.get(1)?, row.get(2)?);
                Ok(!busy && log == folded)
            });
            self.connection.busy_timeout(BUSY_WITHIN).and(all)
        };
        let folded = fold().map_err(|error| StoreError::of(&error, &self.path));
        folded.inspect_err(|error| self.verdict.consider(error))
    }
}
