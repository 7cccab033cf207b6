//! A whole, checked copy of the database while it is in use, and what is needed to put one back.
//!
//! The copy carries a mark in its header. A database with that mark has just been put in another's place, so a log
//! that lies beside it belongs to the one before and must not be applied to it.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use jiff::Timestamp;
use rusqlite::{Connection, InterruptHandle, OpenFlags};
use serde::{Deserialize, Serialize};
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::StoreError;
use super::lock::{Lock, beside, write_whole};

/// A backup takes at most this long. While it reads, the log beside the database cannot be begun anew.
pub const BACKUP_WITHIN: Duration = Duration::from_secs(30 * 60);
/// ... and ends when that log has come to this size.
pub const BACKUP_LOG_BYTES_MAX: u64 = 128 * 1024 * 1024;
/// How often both are looked at.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// Beside the database: which backup is the newest, since a damaged database cannot be asked.
const NEWEST_SUFFIX: &str = ".backup";
const NEWEST_BYTES_MAX: u64 = 64 * 1024;
/// `PRAGMA application_id` of a copy. A database in use has 0.
const MARK: u32 = u32::from_be_bytes(*b"cwbk");
/// Where that stands in the file.
const MARK_AT: usize = 68;

/// A backup that was made.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Backup {
    /// Where it is.
    pub file: PathBuf,
    /// How large it is.
    pub bytes: u64,
    /// When it was begun: what it holds is as of then.
    pub taken: Timestamp,
}

/// Why there is no backup.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// Something has that name.
    #[error("{} is there already, and nothing is overwritten; give another name", .0.display())]
    Exists(PathBuf),
    /// One at a time.
    #[error("a backup is being made already; wait for its end")]
    UnderWay,
    /// The copy could not be written.
    #[error(
        "cannot write {}: {why}\n  hint: it is the daemon that writes it, with the daemon's rights; a folder that is \
         always its own is the database's, {}", file.display(), folder.display()
    )]
    NotWritten {
        /// Where.
        file: PathBuf,
        /// The system's words.
        why: String,
        /// The database's folder.
        folder: PathBuf,
    },
    /// It was ended.
    #[error("the backup was ended and nothing of it is left: {0}")]
    Ended(String),
    /// The database cannot be read, or the copy is not whole.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Backup {
    /// The newest one of a database, as far as is known and if it is still there.
    pub(super) fn newest(database: &Path) -> Option<Self> {
        let file = File::open(beside(database, NEWEST_SUFFIX)).ok()?;
        let newest: Self = serde_json::from_reader(file.take(NEWEST_BYTES_MAX)).ok()?;
        newest.file.exists().then_some(newest)
    }

    fn remember(&self, database: &Path) -> Result<(), StoreError> {
        let text = serde_json::to_string(self).map_err(|error| StoreError::Io(error.to_string()))?;
        let file = beside(database, NEWEST_SUFFIX);
        write_whole(&file, &text).map_err(|error| StoreError::system(&error, &file))
    }
}

/// Copies a database that nobody uses, as it is, to where nothing is yet; of the original nothing is changed.
///
/// # Errors
/// When somebody uses it, or it cannot be copied.
pub fn copy_unused(database: &Path, to: &Path) -> Result<(), StoreError> {
    let _lock = Lock::take(database)?;
    for part in ["", "-wal"] {
        let from = beside(database, part);
        if part.is_empty() || from.exists() {
            std::fs::copy(&from, beside(to, part)).map_err(|error| StoreError::system(&error, &from))?;
        }
    }
    Ok(())
}

/// How a backup is put back, for the end of an error.
pub(super) fn hint(backup: Option<&Backup>, database: &Path) -> String {
    let Some(Backup { file, taken, .. }) = backup else {
        return "; none is known to have been made by `commwatch backup`".to_owned();
    };
    format!(
        "; the newest is of {taken:.0}: stop commwatch, then `cp {} {}`, then start it",
        file.display(),
        database.display()
    )
}

/// Makes one. Dropping this ends it, and takes away what there is of it.
pub(super) async fn make(database: &Path, to: &Path, log_bytes_max: u64) -> Result<Backup, BackupError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(database, flags)
        .map_err(|error| BackupError::Store(StoreError::of(&error, database)))?;
    let stop = Stop { told: Arc::default(), interrupt: connection.get_interrupt_handle() };
    let told = Arc::clone(&stop.told);
    let (answer, mut answered) = oneshot::channel();
    let job = (database.to_owned(), to.to_owned());
    // On a thread of its own, and not waited for: it ends soon after it is told to.
    let copying = move || {
        let (database, to) = job;
        let result = copy(&connection, &database, &to, &told);
        // Whoever hears of the end may count on nobody having the database open.
        drop(connection);
        let _ = answer.send(result);
    };
    std::thread::Builder::new()
        .name("store-backup".to_owned())
        .spawn(copying)
        .map_err(|error| BackupError::Store(StoreError::Io(error.to_string())))?;
    let deadline = Instant::now() + BACKUP_WITHIN;
    let ended = loop {
        match tokio::time::timeout(LOOK_EVERY, &mut answered).await {
            Ok(result) => return result.map_err(|_| BackupError::Store(StoreError::Closed))?,
            Err(_) if Instant::now() >= deadline => {
                break format!("it took longer than {} min", BACKUP_WITHIN.as_secs() / 60);
            }
            Err(_) if log_bytes(database) > log_bytes_max => {
                break format!(
                    "while it was made, more than {} MiB were written to the database; try at a quieter time",
                    log_bytes_max / 1024 / 1024
                );
            }
            Err(_) => {}
        }
    };
    drop(stop);
    // It may have ended well just now.
    let result = answered.await.map_err(|_| BackupError::Store(StoreError::Closed))?;
    result.map_err(|_| BackupError::Ended(ended))
}

/// The size of the log beside a database.
pub(super) fn log_bytes(database: &Path) -> u64 {
    std::fs::metadata(beside(database, "-wal")).map_or(0, |meta| meta.len())
}

/// Ends a copy under way when it is dropped.
struct Stop {
    told: Arc<AtomicBool>,
    interrupt: InterruptHandle,
}

impl Drop for Stop {
    fn drop(&mut self) {
        self.told.store(true, Ordering::Relaxed);
        self.interrupt.interrupt();
    }
}

/// Under another name first: what has the right name is whole, checked and synced.
fn copy(from: &Connection, database: &Path, to: &Path, stop: &AtomicBool) -> Result<Backup, BackupError> {
    if to.symlink_metadata().is_ok() {
        return Err(BackupError::Exists(to.to_owned()));
    }
    let folder = database.parent().unwrap_or(Path::new("/")).to_owned();
    let not_written =
        |why: String| BackupError::NotWritten { file: to.to_owned(), why, folder: folder.clone() };
    let refused = |error: io::Error| not_written(error.to_string());
    let taken = Timestamp::now();
    let part = beside(to, ".part");
    let _ = std::fs::remove_file(&part);
    // Nobody else may read it, from the first byte on.
    OpenOptions::new().create_new(true).write(true).mode(0o600).open(&part).map_err(refused)?;
    let part = Part(part);
    from.busy_timeout(Duration::from_secs(5)).map_err(StoreError::from)?;
    from.execute("VACUUM INTO ?1", [part.0.to_string_lossy()]).map_err(|error| {
        match StoreError::of(&error, database) {
            corrupt @ StoreError::Corrupt { .. } => BackupError::Store(corrupt),
            _ => not_written(error.to_string()),
        }
    })?;
    check_and_mark(&part.0)?;
    if stop.load(Ordering::Relaxed) {
        return Err(BackupError::Ended("it was told to".to_owned()));
    }
    let bytes = File::open(&part.0)
        .and_then(|file| file.sync_all().and_then(|()| file.metadata()))
        .map_err(refused)?
        .len();
    rename_to_new(&part.0, to).map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => BackupError::Exists(to.to_owned()),
        _ => refused(error),
    })?;
    File::open(to.parent().unwrap_or(Path::new("/")))
        .and_then(|folder| folder.sync_all())
        .map_err(refused)?;
    let backup = Backup { file: to.to_owned(), bytes, taken };
    backup.remember(database)?;
    Ok(backup)
}

/// What there is of a copy; gone when it did not come to its end.
struct Part(PathBuf);

impl Drop for Part {
    fn drop(&mut self) {
        for suffix in ["", "-journal"] {
            let _ = std::fs::remove_file(beside(&self.0, suffix));
        }
    }
}

fn check_and_mark(copy: &Path) -> Result<(), BackupError> {
    let fault = |error: rusqlite::Error| BackupError::Store(StoreError::Io(format!("the copy: {error}")));
    let connection = Connection::open(copy).map_err(fault)?;
    let found: String = connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0)).map_err(fault)?;
    if found != "ok" {
        return Err(BackupError::Store(StoreError::Io(format!("the copy is not whole ({found})"))));
    }
    connection.pragma_update(None, "application_id", MARK).map_err(fault)?;
    connection.close().map_err(|(_, error)| fault(error))
}

/// Not over a file that came there meanwhile, where the file system can be told so.
fn rename_to_new(from: &Path, to: &Path) -> io::Result<()> {
    use rustix::fs::{CWD, RenameFlags, renameat_with};
    match renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
        Err(rustix::io::Errno::INVAL | rustix::io::Errno::NOSYS) => std::fs::rename(from, to),
        result => Ok(result?),
    }
}

/// Whether a database is a copy that has not been in use yet.
pub(super) fn is_copy(database: &Path) -> io::Result<bool> {
    let mut header = [0; MARK_AT + 4];
    match File::open(database)?.read_exact(&mut header) {
        Ok(()) => Ok(header[MARK_AT..] == MARK.to_be_bytes()),
        // Too short to be anybody's; that is told elsewhere.
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
        Err(error) => Err(error),
    }
}

/// Takes away what belongs to the database that was there before: kept, under another name.
pub(super) fn set_aside_log(database: &Path) -> io::Result<()> {
    for suffix in ["-wal", "-shm"] {
        let file = beside(database, suffix);
        match std::fs::rename(&file, beside(&file, ".replaced")) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    File::open(database.parent().unwrap_or(Path::new("/")))?.sync_all()
}

/// From now on the log beside it is its own. This must be in the file itself before anything else is written.
pub(super) fn take_into_use(connection: &Connection) -> Result<(), StoreError> {
    connection.pragma_update(None, "application_id", 0)?;
    let busy: bool = connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))?;
    if busy { Err(StoreError::Io("another program has the database open".to_owned())) } else { Ok(()) }
}

#[cfg(test)]
mod tests;
