//! Why the store could not do it.

use std::path::PathBuf;

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
    /// Not a database, or damaged.
    #[error("the database {} is damaged ({why}); nothing was changed, put a backup in its place", path.display())]
    Corrupt {
        /// The database.
        path: PathBuf,
        /// `SQLite`'s words.
        why: String,
    },
    /// No space, or a quota.
    #[error("the disk is full ({0}); polling waits, nothing is lost")]
    Full(String),
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
    pub(super) fn of(error: &rusqlite::Error, path: &std::path::Path) -> Self {
        use rusqlite::ErrorCode;
        match error.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => Self::Full(error.to_string()),
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
                Self::Corrupt { path: path.to_owned(), why: error.to_string() }
            }
            _ => Self::Io(error.to_string()),
        }
    }
}

impl StoreError {
    /// The same, about this file.
    pub(super) fn of_file(self, file: &std::path::Path) -> Self {
        match self {
            Self::Corrupt { why, .. } => Self::Corrupt { path: file.to_owned(), why },
            other => other,
        }
    }
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        Self::of(&error, std::path::Path::new("(the database)"))
    }
}
