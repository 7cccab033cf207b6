//! Room that is ours already when the disk is full, so that what becomes of deliveries under way can be written down
//! all the same, and those behind them go out. Messages that are not taken in yet wait in `CommBox`.
//!
//! It lies in the database's own files, behind their ends, where nobody else can take it.

use std::fs::{File, OpenOptions};
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};

use rustix::fs::{FallocateFlags, fallocate};

use super::lock::beside;
use super::writer::LOG_KEPT_BYTES;

/// The database may grow by so much on a full disk: some thousand outcomes.
const DATABASE_BYTES: u64 = 2 * 1024 * 1024;

/// With less than this left on the disk, nothing new is taken in.
pub(super) const ROOM_MIN: u64 = 4 * 1024 * 1024;

/// Must live longer than every connection: closing a file gives up all locks that the process has on it.
#[derive(Debug)]
pub(super) struct Reserve {
    database: File,
    log: PathBuf,
}

impl Reserve {
    pub(super) fn of(database: &Path) -> std::io::Result<Self> {
        let file = OpenOptions::new().write(true).open(database)?;
        Ok(Self { database: file, log: beside(database, "-wal") })
    }

    /// Makes it, or makes it whole again. Where that cannot be done, a full disk stops deliveries as well.
    pub(super) fn keep(&self) {
        let database =
            self.database.metadata().and_then(|meta| held(&self.database, meta.len(), DATABASE_BYTES));
        let log = || held(&OpenOptions::new().write(true).open(&self.log)?, 0, LOG_KEPT_BYTES);
        if let Err(error) = database.and_then(|()| log()) {
            tracing::debug!(%error, "no room is held for outcomes on a full disk");
        }
    }
}

fn held(file: &impl AsFd, from: u64, bytes: u64) -> std::io::Result<()> {
    Ok(fallocate(file, FallocateFlags::KEEP_SIZE, from, bytes)?)
}
