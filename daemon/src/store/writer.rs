//! The one thread that writes, and one that reads. What waits while a commit is synced goes into the next
//! commit together; a job that fails is rolled back alone.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot};

use super::StoreError;

/// Jobs that may wait; whoever brings another waits for a place.
const JOBS_MAX: usize = 1024;
/// Jobs that go into one commit.
const BATCH_MAX: usize = 256;
/// The write-ahead log is folded into the database when nothing waits and this many commits were made.
const CHECKPOINT_EVERY: u32 = 256;

/// Called with the end of the commit that a job was part of.
type Reply = Box<dyn FnOnce(Result<(), StoreError>) + Send>;
/// Called within the transaction, or with the reason why there is none; gives what went wrong with the job itself.
type Job = Box<dyn FnOnce(Result<&Connection, StoreError>) -> (Reply, Option<StoreError>) + Send>;

/// Told how long each commit took, and whether it worked.
pub(super) type Observe = Box<dyn Fn(Duration, bool) + Send>;

/// A thread with a connection.
#[derive(Debug)]
pub(super) struct Worker {
    jobs: mpsc::Sender<Job>,
    thread: std::sync::Mutex<Option<JoinHandle<()>>>,
    failing: Arc<AtomicBool>,
}

impl Worker {
    /// Starts the thread that writes.
    pub(super) fn writer(connection: Connection, path: &Path, observe: Observe) -> std::io::Result<Self> {
        let path = path.to_owned();
        Self::start("store-writer", move |mut jobs, failing| {
            let writer = Writer { connection, path: &path, observe, failing };
            let mut since_checkpoint = 0;
            while let Some(first) = jobs.blocking_recv() {
                writer.batch(first, &mut jobs);
                since_checkpoint += 1;
                if since_checkpoint >= CHECKPOINT_EVERY && jobs.is_empty() {
                    since_checkpoint = 0;
                    writer.checkpoint();
                }
            }
        })
    }

    /// Starts the thread that reads.
    pub(super) fn reader(connection: Connection) -> std::io::Result<Self> {
        Self::start("store-reader", move |mut jobs, _| {
            while let Some(job) = jobs.blocking_recv() {
                job(Ok(&connection)).0(Ok(()));
            }
        })
    }

    fn start(
        name: &str,
        run: impl FnOnce(mpsc::Receiver<Job>, Arc<AtomicBool>) + Send + 'static,
    ) -> std::io::Result<Self> {
        let (jobs, queue) = mpsc::channel(JOBS_MAX);
        let failing = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&failing);
        let thread = std::thread::Builder::new().name(name.to_owned()).spawn(move || run(queue, told))?;
        Ok(Self { jobs, thread: std::sync::Mutex::new(Some(thread)), failing })
    }

    /// Runs `work` on the thread; returns once what it wrote is durable.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (answer, answered) = oneshot::channel();
        let job: Job = Box::new(move |connection| {
            let result = connection.and_then(work);
            let fault = result.as_ref().err().cloned();
            let reply = Box::new(move |committed: Result<(), StoreError>| {
                // Its own fault says more than that of the commit. Who asked may have gone; what was written
                // stays written.
                let _ = answer.send(result.and_then(|value| committed.map(|()| value)));
            });
            (reply, fault)
        });
        self.jobs.send(job).await.map_err(|_| StoreError::Closed)?;
        answered.await.map_err(|_| StoreError::Closed)?
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

struct Writer<'a> {
    connection: Connection,
    path: &'a Path,
    observe: Observe,
    failing: Arc<AtomicBool>,
}

impl Writer<'_> {
    /// One commit: the first job, and whatever waits.
    fn batch(&self, first: Job, jobs: &mut mpsc::Receiver<Job>) {
        let began = Instant::now();
        let rows_before = self.connection.total_changes();
        let mut batch = Batch { state: self.execute("BEGIN IMMEDIATE"), refused: false, replies: Vec::new() };
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
        if let Err(error) = &committed {
            tracing::error!(%error, "could not commit to the store");
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

    /// Runs a job in the transaction. Nothing may be written outside of one: when `SQLite` has ended it, as it does
    /// when the disk is full, everything in it has failed for the reason of the job that was at it.
    fn perform(&self, job: Job, batch: &mut Batch) {
        let (reply, fault) = job(batch.state.clone().map(|()| &self.connection));
        batch.replies.push(reply);
        batch.refused |=
            matches!(fault, Some(StoreError::Full(_) | StoreError::Io(_) | StoreError::Corrupt { .. }));
        if batch.state.is_ok() && self.connection.is_autocommit() {
            let unknown = || StoreError::Io("the transaction was rolled back".to_owned());
            batch.state = Err(fault.unwrap_or_else(unknown));
        }
    }

    fn execute(&self, sql: &str) -> Result<(), StoreError> {
        self.connection.execute_batch(sql).map_err(|error| StoreError::of(&error, self.path))
    }

    fn checkpoint(&self) {
        if let Err(error) = self.connection.execute_batch("PRAGMA wal_checkpoint(PASSIVE)") {
            tracing::warn!(%error, "could not fold the write-ahead log into the database");
        }
    }
}
