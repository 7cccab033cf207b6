//! The embedded store: one `SQLite` file, one writer thread, one reader thread.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use rusqlite::{Connection, OpenFlags, OptionalExtension as _};

use super::lock::{Lock, Stamp, beside};
use super::reserve::{ROOM_MIN, Reserve};
use super::writer::{BUSY_WITHIN, LOG_BYTES_MAX, LOG_KEPT_BYTES, Observe, Verdict, Worker, Writing, alone};
use super::{
    BACKUP_LOG_BYTES_MAX, Backup, BackupError, Beats, Discoveries, DiscoveryCommit, Due, Episode, FallBack,
    Gather, Hold, OUTBOX_ROWS_MAX, OutboxCount, Overdue, Passing, PollCommit, PollSummary, Raised,
    RecentDelivery, RecentEvent, Replayed, Retention, Scope, Selection, Settle, Store, StoreError, Together,
    Told, Unaccepted, Waits, backup, beats, clock, discovery, episodes, expiring, fallback, gather, history,
    migrate, outbox, polls, prune, raised, replay, silences, told,
};
use crate::core::cursor::Cursor;
use crate::core::plural::many;
use crate::core::pressure::Fill;
use crate::core::seek::Place;
use crate::core::silence::{Draft, Silence};
use crate::core::waiting::Acked;
use crate::core::watch::ConversationId;

/// How a store is opened.
pub struct Options {
    /// The database file; made when it is not there.
    pub path: PathBuf,
    /// Whether a vanished or exchanged database may become a new start.
    pub accept_new_baseline: bool,
    /// Told how long each commit took, and whether it worked.
    pub observe: Observe,
    /// At most this many open deliveries; [`OUTBOX_ROWS_MAX`] but in tests.
    pub outbox_rows_max: u64,
    /// At most this many bytes of a log that somebody's reading keeps from beginning anew; 256 MiB but in tests.
    #[doc(hidden)]
    pub log_bytes_max: u64,
    /// The log may come to this size while a backup is made; [`BACKUP_LOG_BYTES_MAX`] but in tests.
    #[doc(hidden)]
    pub backup_log_bytes_max: u64,
    /// With less than this left on the disk, nothing new is taken in; 4 MiB but in tests.
    #[doc(hidden)]
    pub room_min: u64,
    /// For the test that must see a commit lost: whether commits are answered before they are synced.
    #[doc(hidden)]
    pub answers_too_early: bool,
}

impl Options {
    /// The usual ones.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into(),
            accept_new_baseline: false,
            observe: Box::new(|_, _| {}),
            outbox_rows_max: OUTBOX_ROWS_MAX,
            log_bytes_max: LOG_BYTES_MAX,
            backup_log_bytes_max: BACKUP_LOG_BYTES_MAX,
            room_min: ROOM_MIN,
            answers_too_early: false,
        }
    }
}

impl std::fmt::Debug for Options {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Options").field("path", &self.path).finish_non_exhaustive()
    }
}

/// The embedded store.
#[derive(Debug)]
pub struct SqliteStore {
    // Fields drop from top to bottom: both threads end before the lock is let go.
    writer: Worker,
    reader: Worker,
    path: PathBuf,
    outbox_rows_max: u64,
    backup_log_bytes_max: u64,
    room_min: u64,
    verdict: Verdict,
    _reserve: Arc<Reserve>,
    /// One backup at a time.
    backing_up: tokio::sync::Mutex<()>,
    _lock: Lock,
}

impl SqliteStore {
    /// Opens the file, alone: takes the lock, compares the stamp, migrates.
    ///
    /// # Errors
    /// When another daemon has it, it has vanished, it is damaged or of a later version.
    pub fn open(options: Options) -> Result<Self, StoreError> {
        let path = options.path;
        let lock = Lock::take(&path)?;
        let stamp = Stamp::of(&path);
        let stamped = stamp.read()?;
        if stamped.is_some() && !options.accept_new_baseline && !path.exists() {
            return Err(StoreError::Vanished { path, stamp: stamp.path().to_owned() });
        }
        let exchanged = || StoreError::Exchanged { path: path.clone(), stamp: stamp.path().to_owned() };
        let fault = |error: std::io::Error| StoreError::system(&error, &path);
        let is_copy = path.exists() && backup::is_copy(&path).map_err(fault)?;
        if is_copy {
            backup::set_aside_log(&path).map_err(fault)?;
        }
        if path.exists() {
            let id = inspect(&path)?;
            if stamped.is_some() && stamped != id && !options.accept_new_baseline {
                return Err(exchanged());
            }
        }
        create(&path)?;
        let reserve = Arc::new(Reserve::of(&path).map_err(fault)?);
        let mut connection = connect(&path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        if options.answers_too_early {
            connection.pragma_update(None, "synchronous", "NORMAL")?;
        }
        if is_copy {
            backup::take_into_use(&connection).map_err(|error| error.at(&path))?;
            tracing::warn!(
                database = %path.display(),
                "the database is a backup that was put back; what came since it was made is told again"
            );
        }
        begin_log_anew(&connection, &path)?;
        if let Some(from) = migrate::migrate(&mut connection, &path, migrate::STEPS)?
            && from > 0
        {
            tracing::info!(from, to = migrate::STEPS.len(), "migrated the database");
        }
        reserve.keep();
        match outbox::interrupted(&mut connection).map_err(|error| error.at(&path)) {
            Ok(0) => {}
            Ok(interrupted) => tracing::info!(
                interrupted,
                "{} when commwatch last ended, and sent again",
                many(interrupted, "delivery was being sent", "deliveries were being sent")
            ),
            // They are sent again all the same; only that they were is not noted.
            Err(error @ StoreError::Full(_)) => tracing::warn!(%error, "could not note what was in flight"),
            Err(error) => return Err(error),
        }
        let id = store_id(&connection, &path)?;
        if stamped.as_ref() != Some(&id) {
            stamp.write(&id)?;
        }
        let fault = |error: std::io::Error| StoreError::Io(error.to_string());
        let verdict = Verdict::default();
        let kept = Arc::clone(&reserve);
        let writing =
            Writing { observe: options.observe, log_bytes_max: options.log_bytes_max, reserve: kept };
        let reading = connect(&path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        reading.pragma_update(None, "query_only", true)?;
        Ok(Self {
            writer: Worker::writer(connection, &path, verdict.clone(), writing).map_err(fault)?,
            reader: Worker::reader(reading, &path, verdict.clone()).map_err(fault)?,
            path,
            outbox_rows_max: options.outbox_rows_max,
            backup_log_bytes_max: options.backup_log_bytes_max,
            room_min: options.room_min,
            verdict,
            _reserve: reserve,
            backing_up: tokio::sync::Mutex::default(),
            _lock: lock,
        })
    }

    /// Reads as of one moment.
    pub(super) async fn read<T: Send + 'static>(
        &self,
        question: impl FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let of_one_moment = |connection: &Connection| {
            let _moment = connection.unchecked_transaction()?;
            question(connection)
        };
        self.reader.run(of_one_moment).await
    }

    async fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.writer.run(|connection| alone(connection, work)).await
    }

    /// Whether something new may be taken in. What little is left is for the outcomes of what was.
    fn has_room(&self) -> Result<(), StoreError> {
        match free_bytes(&self.path) {
            Some(free) if free < self.room_min => Err(StoreError::Full(format!(
                "{free} bytes are left beside {}; nothing new is taken in below {}",
                self.path.display(),
                self.room_min
            ))),
            _ => Ok(()),
        }
    }
}

/// Made by hand so that nobody but us may read it, from the first byte on.
fn create(path: &Path) -> Result<(), StoreError> {
    use std::os::unix::fs::OpenOptionsExt;
    let mut made = std::fs::OpenOptions::new();
    match made.create_new(true).write(true).mode(0o600).open(path) {
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => {
            Err(StoreError::system(&error, path))
        }
        _ => Ok(()),
    }
}

fn connect(path: &Path, flags: OpenFlags) -> Result<Connection, StoreError> {
    let fault = |error: rusqlite::Error| StoreError::of(&error, path);
    let connection =
        Connection::open_with_flags(path, flags | OpenFlags::SQLITE_OPEN_NO_MUTEX).map_err(fault)?;
    connection.busy_timeout(BUSY_WITHIN).map_err(fault)?;
    connection.pragma_update(None, "journal_mode", "WAL").map_err(fault)?;
    // FULL: a commit that was answered survives a power cut. NORMAL loses some.
    connection.pragma_update(None, "synchronous", "FULL").map_err(fault)?;
    connection.pragma_update(None, "foreign_keys", true).map_err(fault)?;
    // The writer does it, which hears when it fails.
    connection.pragma_update(None, "wal_autocheckpoint", 0).map_err(fault)?;
    connection.pragma_update(None, "journal_size_limit", LOG_KEPT_BYTES.cast_signed()).map_err(fault)?;
    connection.pragma_update(None, "cache_size", -2000).map_err(fault)?;
    Ok(connection)
}

/// Folds in what the log holds, and begins it anew. After a sync that failed, a log may hold pages that the system
/// takes for written and that are not; whatever came behind them would be lost with them.
fn begin_log_anew(connection: &Connection, path: &Path) -> Result<(), StoreError> {
    let folded = connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get::<_, bool>(0));
    match folded.map_err(|error| StoreError::of(&error, path)) {
        Ok(false) => Ok(()),
        Ok(true) => {
            tracing::warn!("another program has the database open, so its log goes on");
            Ok(())
        }
        Err(error @ StoreError::Full(_)) => {
            tracing::warn!(%error, "could not fold the write-ahead log into the database");
            Ok(())
        }
        Err(error) => Err(error),
    }
}

/// Reads a database without changing any of its files, so that one that is refused is as it was. (A connection
/// that may write folds the log in when it is closed.) Gives its id, if it has one yet.
fn inspect(path: &Path) -> Result<Option<String>, StoreError> {
    let fault = |error: rusqlite::Error| StoreError::of(&error, path);
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).map_err(fault)?;
    connection.busy_timeout(BUSY_WITHIN).map_err(fault)?;
    let damage: String =
        connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0)).map_err(fault)?;
    if damage != "ok" {
        let backup = Backup::newest(path);
        return Err(StoreError::Corrupt { path: path.to_owned(), why: damage, backup });
    }
    if migrate::version(&connection, path, migrate::STEPS)? == 0 {
        return Ok(None);
    }
    connection
        .query_row("SELECT value FROM meta WHERE key = 'store_id'", [], |row| row.get(0))
        .optional()
        .map_err(fault)
}

/// The database's own id, drawn once.
fn store_id(connection: &Connection, path: &Path) -> Result<String, StoreError> {
    let fault = |error: rusqlite::Error| StoreError::of(&error, path);
    connection
        .execute("INSERT OR IGNORE INTO meta VALUES ('store_id', lower(hex(randomblob(16))))", [])
        .map_err(fault)?;
    connection.query_row("SELECT value FROM meta WHERE key = 'store_id'", [], |row| row.get(0)).map_err(fault)
}

#[async_trait]
impl Store for SqliteStore {
    async fn cursor(&self, id: &ConversationId) -> Result<Option<Cursor>, StoreError> {
        let id = id.clone();
        self.reader.run(move |connection| polls::cursor(connection, &id)).await
    }

    async fn waits(&self) -> Result<Vec<Waits>, StoreError> {
        self.reader.run(polls::waiting).await
    }

    async fn silences(&self, over_after: Timestamp, limit: usize) -> Result<Vec<Silence>, StoreError> {
        self.reader.run(move |connection| silences::all(connection, over_after, limit)).await
    }

    async fn add_silence(&self, draft: Draft, user: &str, at: Timestamp) -> Result<Silence, StoreError> {
        let user = user.to_owned();
        self.write(move |connection| silences::add(connection, &draft, &user, at)).await
    }

    async fn end_silence(&self, id: i64, why: &str, at: Timestamp) -> Result<bool, StoreError> {
        let why = why.to_owned();
        self.write(move |connection| silences::end(connection, id, &why, at)).await
    }

    async fn ack(&self, id: &ConversationId, acked: Acked) -> Result<bool, StoreError> {
        let id = id.clone();
        self.write(move |connection| silences::ack(connection, &id, &acked)).await
    }

    async fn commit_poll(&self, commit: PollCommit) -> Result<(), StoreError> {
        let max = self.outbox_rows_max;
        if commit.told.iter().any(|told| told.opens() > 0) {
            self.has_room()?;
        }
        self.write(move |connection| polls::commit(connection, &commit, max)).await
    }

    async fn due(&self, notifier: &str, now: Timestamp, limit: usize) -> Result<Vec<Due>, StoreError> {
        let notifier = notifier.to_owned();
        self.reader.run(move |connection| outbox::due(connection, &notifier, now, limit)).await
    }

    async fn next_due(&self, notifier: &str) -> Result<Option<Timestamp>, StoreError> {
        let notifier = notifier.to_owned();
        self.reader.run(move |connection| outbox::next_due(connection, &notifier)).await
    }

    async fn together(
        &self,
        notifier: &str,
        scope: Scope,
        limit: usize,
    ) -> Result<Vec<Together>, StoreError> {
        let notifier = notifier.to_owned();
        self.reader.run(move |connection| gather::together(connection, &notifier, &scope, limit)).await
    }

    async fn hold(&self, holds: Vec<Hold>) -> Result<(), StoreError> {
        self.write(move |connection| holds.iter().try_for_each(|hold| gather::hold(connection, hold))).await
    }

    async fn release(&self, notifier: &str, now: Timestamp) -> Result<(), StoreError> {
        let notifier = notifier.to_owned();
        self.write(move |connection| gather::release(connection, &notifier, now)).await
    }

    async fn gather(&self, gather: Gather) -> Result<Option<Due>, StoreError> {
        self.write(move |connection| gather::gather(connection, &gather)).await
    }

    async fn sent_since(
        &self,
        notifier: &str,
        since: Timestamp,
    ) -> Result<Vec<(String, Timestamp)>, StoreError> {
        let notifier = notifier.to_owned();
        self.reader.run(move |connection| gather::sent_since(connection, &notifier, since)).await
    }

    async fn hand_over(&self, deliveries: Vec<i64>, at: Timestamp) -> Result<Vec<i64>, StoreError> {
        self.write(move |connection| outbox::hand_over(connection, &deliveries, at)).await
    }

    async fn receipt(&self, notifier: &str, lane: &str) -> Result<Option<String>, StoreError> {
        let (notifier, lane) = (notifier.to_owned(), lane.to_owned());
        self.reader.run(move |connection| outbox::receipt(connection, &notifier, &lane)).await
    }

    async fn raised(&self, notifier: &str, after: &str, limit: usize) -> Result<Vec<Raised>, StoreError> {
        let (notifier, after) = (notifier.to_owned(), after.to_owned());
        self.reader.run(move |connection| raised::raised(connection, &notifier, &after, limit)).await
    }

    async fn take_back(&self, delivery: i64) -> Result<(), StoreError> {
        self.write(move |connection| outbox::take_back(connection, delivery)).await
    }

    async fn bring_forward(&self, notifier: &str, now: Timestamp) -> Result<(), StoreError> {
        let notifier = notifier.to_owned();
        self.write(move |connection| outbox::bring_forward(connection, &notifier, now)).await
    }

    async fn overdue(&self, before: Timestamp, limit: usize) -> Result<Vec<Overdue>, StoreError> {
        self.reader.run(move |connection| outbox::overdue(connection, before, limit)).await
    }

    async fn give_up(&self, delivery: i64, why: &str, at: Timestamp, told: Told) -> Result<bool, StoreError> {
        let why = why.to_owned();
        self.write(move |connection| outbox::give_up(connection, delivery, &why, at, &told)).await
    }

    async fn unaccepted(&self, now: Timestamp, limit: usize) -> Result<Vec<Unaccepted>, StoreError> {
        self.reader.run(move |connection| fallback::unaccepted(connection, now, limit)).await
    }

    async fn fall_back(&self, fall_back: FallBack) -> Result<Option<Vec<String>>, StoreError> {
        self.write(move |connection| fallback::fall_back(connection, &fall_back)).await
    }

    async fn replay(
        &self,
        selection: Selection,
        at: Timestamp,
        dry_run: bool,
    ) -> Result<Replayed, StoreError> {
        if dry_run {
            return self.reader.run(move |connection| replay::find(connection, &selection)).await;
        }
        let max = self.outbox_rows_max;
        self.write(move |connection| replay::replay(connection, &selection, at, max)).await
    }

    async fn drop_dead(&self, selection: Selection) -> Result<u64, StoreError> {
        self.write(move |connection| replay::drop_dead(connection, &selection)).await
    }

    async fn watched(
        &self,
        conversations: Vec<ConversationId>,
        places: Vec<Place>,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        self.write(move |connection| {
            polls::watched(connection, &conversations, at)?;
            discovery::used(connection, &places, at)
        })
        .await
    }

    async fn settle(&self, settle: Settle) -> Result<bool, StoreError> {
        self.write(move |connection| outbox::settle(connection, &settle)).await
    }

    async fn discoveries(&self) -> Result<Discoveries, StoreError> {
        self.read(discovery::all).await
    }

    async fn commit_discovery(&self, commit: DiscoveryCommit) -> Result<(), StoreError> {
        self.write(move |connection| discovery::commit(connection, &commit)).await
    }

    async fn begin_episode(&self, episode: Episode, told: Told) -> Result<bool, StoreError> {
        self.write(move |connection| episodes::begin(connection, &episode, &told)).await
    }

    async fn end_episode(&self, subject: &str, told: Told) -> Result<bool, StoreError> {
        let subject = subject.to_owned();
        self.write(move |connection| episodes::end(connection, &subject, &told)).await
    }

    async fn episodes(&self) -> Result<Vec<Episode>, StoreError> {
        self.reader.run(episodes::all).await
    }

    async fn token_expiring(
        &self,
        account: &str,
        expires: Timestamp,
        stage: u8,
        told: Told,
    ) -> Result<bool, StoreError> {
        let account = account.to_owned();
        self.write(move |connection| expiring::tell(connection, &account, expires, stage, &told)).await
    }

    async fn beat(&self, told: Told) -> Result<BTreeMap<String, u64>, StoreError> {
        self.has_room()?;
        self.write(move |connection| beats::beat(connection, &told)).await
    }

    async fn tell(&self, told: Told) -> Result<(), StoreError> {
        self.has_room()?;
        self.write(move |connection| told::insert_told(connection, &told, None).map(drop)).await
    }

    async fn outlive(
        &self,
        lane: Passing,
        before: Timestamp,
        at: Timestamp,
    ) -> Result<BTreeMap<String, u64>, StoreError> {
        self.write(move |connection| beats::outlive(connection, lane, before, at)).await
    }

    async fn beats(&self) -> Result<Beats, StoreError> {
        self.reader.run(beats::beats).await
    }

    async fn fill(&self) -> Result<Fill, StoreError> {
        let max = self.outbox_rows_max;
        self.reader.run(move |connection| Ok(Fill { open: outbox::open_rows(connection)?, max })).await
    }

    async fn clock_moved(&self, now: Timestamp, by: Option<SignedDuration>) -> Result<u64, StoreError> {
        self.write(move |connection| clock::moved(connection, now, by)).await
    }

    async fn outbox(&self) -> Result<Vec<OutboxCount>, StoreError> {
        self.reader.run(outbox::counts).await
    }

    async fn recent_events(&self, limit: usize) -> Result<Vec<RecentEvent>, StoreError> {
        self.reader.run(move |connection| history::events(connection, limit)).await
    }

    async fn recent_deliveries(&self, limit: usize) -> Result<Vec<RecentDelivery>, StoreError> {
        self.reader.run(move |connection| history::deliveries(connection, limit)).await
    }

    async fn add_poll_summaries(&self, rows: Vec<PollSummary>) -> Result<(), StoreError> {
        self.write(move |connection| polls::add_summaries(connection, &rows)).await
    }

    async fn prune(&self, older: Retention) -> Result<u64, StoreError> {
        self.write(move |connection| prune::prune(connection, older)).await
    }

    async fn ping(&self) -> Result<(), StoreError> {
        if let Some(error) = self.verdict.get() {
            return Err(error);
        }
        if self.writer.is_gone() {
            return Err(StoreError::Closed);
        }
        // A question that needs no table would be answered without the file.
        let read = |connection: &Connection| {
            let mut question = connection.prepare_cached("SELECT count(*) FROM meta")?;
            Ok(question.query_row([], |row| row.get::<_, i64>(0))?)
        };
        self.reader.run(read).await?;
        if self.writer.is_failing() {
            self.write(probe).await?;
        }
        self.has_room()
    }

    async fn failed(&self) -> StoreError {
        self.verdict.fallen().await
    }

    async fn backup(&self, to: &Path) -> Result<Backup, BackupError> {
        let Ok(_alone) = self.backing_up.try_lock() else { return Err(BackupError::UnderWay) };
        let made = backup::make(&self.path, to, self.backup_log_bytes_max).await;
        if let Err(BackupError::Store(error)) = &made {
            self.verdict.consider(error);
        }
        made
    }

    async fn size(&self) -> Result<(u64, u64), StoreError> {
        let path = self.path.clone();
        self.reader
            .run(move |_| {
                let bytes = |path: &Path| std::fs::metadata(path).map_or(0, |meta| meta.len());
                Ok((bytes(&path) + bytes(&beside(&path, "-wal")), free_bytes(&path).unwrap_or(0)))
            })
            .await
    }
}

/// Writes a page and a little more, to learn whether that works again.
fn probe(connection: &Connection) -> Result<(), StoreError> {
    const BYTES: i64 = 8192;
    connection.execute("INSERT OR REPLACE INTO meta VALUES ('probe', hex(zeroblob(?1)))", [BYTES])?;
    connection.execute("DELETE FROM meta WHERE key = 'probe'", [])?;
    Ok(())
}

/// Free space on the database's file system for us, bytes, if it can be told.
fn free_bytes(path: &Path) -> Option<u64> {
    let folder = path.parent().unwrap_or(Path::new("/"));
    rustix::fs::statvfs(folder).ok().map(|stat| stat.f_bavail.saturating_mul(stat.f_frsize))
}

#[cfg(test)]
mod tests;
