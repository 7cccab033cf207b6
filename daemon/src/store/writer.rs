//! The one thread that writes, and one that reads. What waits while a commit is synced goes into the next
//! commit together; a job that fails is rolled back alone.

use std::path::Path;
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
/// Called within the transaction, or with the reason why there is none.
type Job = Box<dyn FnOnce(Result<&Connection, StoreError>) -> Reply + Send>;

/// Told how long each commit took, and whether it worked.
pub(super) type Observe = Box<dyn Fn(Duration, bool) + Send>;

/// A thread with a connection.
#[derive(Debug)]
pub(super) struct Worker {
    jobs: mpsc::Sender<Job>,
    thread: std::sync::Mutex<Option<JoinHandle<()>>>,
}

impl Worker {
    /// Starts the thread that writes.
    pub(super) fn writer(connection: Connection, path: &Path, observe: Observe) -> std::io::Result<Self> {
        let path = path.to_owned();
        Self::start("store-writer", move |jobs| write(&connection, &path, jobs, &observe))
    }

    /// Starts the thread that reads.
    pub(super) fn reader(connection: Connection) -> std::io::Result<Self> {
        Self::start("store-reader", move |mut jobs| {
            while let Some(job) = jobs.blocking_recv() {
                job(Ok(&connection))(Ok(()));
            }
        })
    }

    fn start(name: &str, run: impl FnOnce(mpsc::Receiver<Job>) + Send + 'static) -> std::io::Result<Self> {
        let (jobs, queue) = mpsc::channel(JOBS_MAX);
        let thread = std::thread::Builder::new().name(name.to_owned()).spawn(move || run(queue))?;
        Ok(Self { jobs, thread: std::sync::Mutex::new(Some(thread)) })
    }

    /// Runs `work` on the thread; returns once what it wrote is durable.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (answer, answered) = oneshot::channel();
        let job: Job = Box::new(move |connection| {
            let result = connection.and_then(work);
            Box::new(move |committed| {
                // Who asked may have gone; what was written stays written.
                let _ = answer.send(committed.and(result));
            })
        });
        self.jobs.send(job).await.map_err(|_| StoreError::Closed)?;
        answered.await.map_err(|_| StoreError::Closed)?
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
    if connection.is_autocommit() {
        // A full disk ends the whole transaction; nothing may be written outside of one.
        return Err(StoreError::Io("the transaction was rolled back".to_owned()));
    }
    connection.execute_batch("SAVEPOINT job")?;
    let result = work(connection);
    let end = if result.is_ok() { "RELEASE job" } else { "ROLLBACK TO job; RELEASE job" };
    connection.execute_batch(end)?;
    result
}

fn write(connection: &Connection, path: &Path, mut jobs: mpsc::Receiver<Job>, observe: &Observe) {
    let mut since_checkpoint = 0;
    while let Some(first) = jobs.blocking_recv() {
        let began = Instant::now();
        let mut replies = Vec::new();
        let begun = connection.execute_batch("BEGIN IMMEDIATE").map_err(|error| StoreError::of(&error, path));
        let transaction = || begun.clone().map(|()| connection);
        replies.push(first(transaction()));
        while replies.len() < BATCH_MAX
            && let Ok(job) = jobs.try_recv()
        {
            replies.push(job(transaction()));
        }
        let committed = begun
            .clone()
            .and_then(|()| connection.execute_batch("COMMIT").map_err(|error| StoreError::of(&error, path)));
        if committed.is_err() && !connection.is_autocommit() {
            // A failed commit may leave the transaction open; nothing of it may slip into the next one.
            let _ = connection.execute_batch("ROLLBACK");
        }
        observe(began.elapsed(), committed.is_ok());
        if let Err(error) = &committed {
            tracing::error!(%error, "could not commit to the store");
        }
        for reply in replies {
            reply(committed.clone());
        }
        since_checkpoint += 1;
        if since_checkpoint >= CHECKPOINT_EVERY && jobs.is_empty() {
            since_checkpoint = 0;
            if let Err(error) = connection.execute_batch("PRAGMA wal_checkpoint(PASSIVE)") {
                tracing::warn!(%error, "could not fold the write-ahead log into the database");
            }
        }
    }
}
