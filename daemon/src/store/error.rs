//! Why the store could not do it.

use std::io;
use std::path::{Path, PathBuf};

use rusqlite::ffi;

use super::backup::{self, Backup};
use super::disk::{self, Disk};

/// Why the store could not do it, named by what to do next.
#[derive(Clone, Debug, thiserror::Error)]
pub enum StoreError {
    /// Another daemon has the file.
    #[error("another commwatch is using {}; stop it first (it holds {}.lock)", .0.display(), .0.display())]
    InUse(PathBuf),
    /// The stamp says that there was a database, and it is not there.
    #[error(
        "the database {} has vanished, though commwatch has run with it before ({} says so); put it back from a \
         backup, or start once with --accept-new-baseline: whatever came since the last poll is then not told",
        path.display(), stamp.display()
    )]
    Vanished {
        /// The database.
        path: PathBuf,
        /// What tells.
        stamp: PathBuf,
    },
    /// The stamp is of another database.
    #[error(
        "the database {} is not the one that commwatch ran with before ({} names another); put the right one \
         back, or start once with --accept-new-baseline to go on with this one",
        path.display(), stamp.display()
    )]
    Exchanged {
        /// The database.
        path: PathBuf,
        /// What tells.
        stamp: PathBuf,
    },
    /// Written by a later version.
    #[error("the database {} has schema {found}, this commwatch knows {known}; install the version that wrote it", path.display())]
    Newer {
        /// The database.
        path: PathBuf,
        /// What it has.
        found: u32,
        /// What we know.
        known: u32,
    },
    /// Not a database, or damaged. While running: the daemon ends.
    #[error(
        "the database {} is damaged ({why}); nothing was changed, put a backup in its place{}",
        path.display(), backup::hint(backup.as_ref(), path)
    )]
    Corrupt {
        /// The database.
        path: PathBuf,
        /// `SQLite`'s words.
        why: String,
        /// The newest one that was made, as far as is known.
        backup: Option<Backup>,
    },
    /// The disk did not keep what it was given, or gave back what it did not get. What is in memory of the file
    /// cannot be trusted from then on, so the daemon ends; the next one reads what is really there.
    #[error(
        "the disk failed under the database {} ({why}); commwatch must end and recovers when it is started again, \
         nothing is lost; look at the disk (dmesg)",
        path.display()
    )]
    Failed {
        /// The database.
        path: PathBuf,
        /// `SQLite`'s words, or the system's.
        why: String,
        /// `SQLite`'s extended code; 0 when it was not `SQLite` who found out.
        code: i32,
    },
    /// No space, or a quota.
    #[error("the disk is full ({0}); polling waits, nothing is lost")]
    Full(String),
    /// The file system, or the file, cannot be written to.
    #[error(
        "the database {} is read-only ({why}); nothing is lost, make it and its file system writable again",
        path.display()
    )]
    ReadOnly {
        /// The database.
        path: PathBuf,
        /// `SQLite`'s words, or the system's.
        why: String,
    },
    /// The outbox has reached its bound.
    #[error(
        "the outbox holds {0} open deliveries, its bound; messages wait in CommBox until some are delivered"
    )]
    OutboxFull(u64),
    /// The cursor is not the one that was read.
    #[error("the cursor of {0} was changed by another poll")]
    Conflict(String),
    /// Reading or writing failed.
    #[error("the store failed: {0}")]
    Io(String),
    /// The store was closed.
    #[error("the store is closed")]
    Closed,
}

impl StoreError {
    pub(super) fn of(error: &rusqlite::Error, path: &Path) -> Self {
        Self::named(error).at(path)
    }

    /// What the system says of a file beside the database.
    pub(super) fn system(error: &io::Error, file: &Path) -> Self {
        let (path, why) = (file.to_owned(), error.to_string());
        match Disk::of(error) {
            Disk::Full => Self::Full(format!("{}: {why}", file.display())),
            Disk::ReadOnly => Self::ReadOnly { path, why },
            Disk::Failing => Self::Failed { path, why, code: 0 },
            Disk::Well => Self::Io(format!("{}: {why}", file.display())),
        }
    }

    /// The same, where the database is known. A write that was refused does not say why (`SQLite` tells a full disk
    /// from the rest, but not a quota or a file system that is read-only), so the file system is asked itself.
    pub(super) fn at(self, path: &Path) -> Self {
        let path_of = || path.to_owned();
        match self {
            Self::Corrupt { why, .. } => Self::Corrupt { path: path_of(), why, backup: Backup::newest(path) },
            Self::ReadOnly { why, .. } => Self::ReadOnly { path: path_of(), why },
            Self::Failed { why, code, .. } if !is_certain(code) => match disk::ask(path) {
                (Disk::Full, said) => Self::Full(format!("{why}: {said}")),
                (Disk::ReadOnly, said) => Self::ReadOnly { path: path_of(), why: format!("{why}: {said}") },
                (Disk::Failing | Disk::Well, _) => Self::Failed { path: path_of(), why, code },
            },
            Self::Failed { why, code, .. } => Self::Failed { path: path_of(), why, code },
            other => other,
        }
    }

    /// Whether this process must not touch the files any more.
    pub fn is_final(&self) -> bool {
        matches!(self, Self::Failed { .. } | Self::Corrupt { .. })
    }

    /// Whether the disk or the file refused something.
    pub(super) fn is_refusal(&self) -> bool {
        self.is_final() || matches!(self, Self::Full(_) | Self::ReadOnly { .. } | Self::Io(_))
    }

    /// By `SQLite`'s code alone.
    fn named(error: &rusqlite::Error) -> Self {
        let why = error.to_string();
        let code = error.sqlite_error().map_or(0, |error| error.extended_code);
        let path = PathBuf::from("(the database)");
        match (code & 0xff, code) {
            (ffi::SQLITE_FULL, _) => Self::Full(why),
            (ffi::SQLITE_CORRUPT | ffi::SQLITE_NOTADB, _) => Self::Corrupt { path, why, backup: None },
            // Somebody has put another file in its place, or none.
            (_, ffi::SQLITE_READONLY_DBMOVED) => Self::Failed { path, why, code },
            (ffi::SQLITE_READONLY, _) => Self::ReadOnly { path, why },
            // Of memory, of locks or of names: nothing was written or read.
            (_, ffi::SQLITE_IOERR_NOMEM | ffi::SQLITE_IOERR_LOCK | ffi::SQLITE_IOERR_UNLOCK) => Self::Io(why),
            (_, ffi::SQLITE_IOERR_SHMLOCK | ffi::SQLITE_IOERR_BLOCKED | ffi::SQLITE_IOERR_RDLOCK) => {
                Self::Io(why)
            }
            (_, ffi::SQLITE_IOERR_CHECKRESERVEDLOCK | ffi::SQLITE_IOERR_ACCESS) => Self::Io(why),
            (ffi::SQLITE_IOERR, _) => Self::Failed { path, why: format!("{why}, code {code}"), code },
            _ => Self::Io(why),
        }
    }
}

/// Whether it is the disk that failed, whatever the file system says now: after a sync that failed the system takes
/// the pages for written, and the next sync succeeds.
fn is_certain(code: i32) -> bool {
    matches!(
        code,
        0 | ffi::SQLITE_IOERR_FSYNC
            | ffi::SQLITE_IOERR_DIR_FSYNC
            | ffi::SQLITE_IOERR_READ
            | ffi::SQLITE_IOERR_SHORT_READ
            | ffi::SQLITE_IOERR_CORRUPTFS
            | ffi::SQLITE_READONLY_DBMOVED
    )
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        Self::named(&error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(code: i32, beside: &Path) -> String {
        let error = rusqlite::Error::SqliteFailure(ffi::Error::new(code), None);
        let error = StoreError::of(&error, beside);
        format!("{error:?}").split([' ', '(']).next().unwrap().to_owned()
    }

    #[test]
    fn each_code_is_named_by_what_to_do_next() {
        let folder = tempfile::tempdir().unwrap();
        let (well, gone) = (folder.path().join("x.db"), folder.path().join("not there/x.db"));
        for (code, on_a_well_disk) in [
            (ffi::SQLITE_FULL, "Full"),
            (ffi::SQLITE_READONLY, "ReadOnly"),
            (ffi::SQLITE_READONLY_CANTINIT, "ReadOnly"),
            (ffi::SQLITE_READONLY_DBMOVED, "Failed"),
            (ffi::SQLITE_CORRUPT, "Corrupt"),
            (ffi::SQLITE_CORRUPT_INDEX, "Corrupt"),
            (ffi::SQLITE_NOTADB, "Corrupt"),
            (ffi::SQLITE_IOERR_FSYNC, "Failed"),
            (ffi::SQLITE_IOERR_DIR_FSYNC, "Failed"),
            (ffi::SQLITE_IOERR_WRITE, "Failed"),
            (ffi::SQLITE_IOERR_READ, "Failed"),
            (ffi::SQLITE_IOERR_SHORT_READ, "Failed"),
            (ffi::SQLITE_IOERR_TRUNCATE, "Failed"),
            (ffi::SQLITE_IOERR_SHMSIZE, "Failed"),
            (ffi::SQLITE_IOERR_NOMEM, "Io"),
            (ffi::SQLITE_IOERR_LOCK, "Io"),
            (ffi::SQLITE_BUSY, "Io"),
            (ffi::SQLITE_CANTOPEN, "Io"),
        ] {
            assert_eq!(told(code, &well), on_a_well_disk, "{code}");
            assert_eq!(told(code, &gone), on_a_well_disk, "{code}");
        }
        assert!(
            std::fs::read_dir(folder.path()).unwrap().next().is_none(),
            "what was asked with is left behind"
        );
    }

    #[test]
    fn what_the_system_says_of_a_file_is_named_alike() {
        let told = |code| {
            let error = StoreError::system(&io::Error::from_raw_os_error(code), Path::new("/x"));
            format!("{error:?}").split([' ', '(']).next().unwrap().to_owned()
        };
        let named = [libc::ENOSPC, libc::EDQUOT, libc::EROFS, libc::EIO, libc::EACCES].map(told);
        assert_eq!(named, ["Full", "Full", "ReadOnly", "Failed", "Io"]);
    }
}
