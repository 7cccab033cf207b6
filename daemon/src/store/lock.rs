//! One daemon for one file, and the stamp that tells lost state from first sight.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use super::StoreError;

/// The stamp's name is the database's with this behind it.
pub const STAMP_SUFFIX: &str = ".stamp";
const LOCK_SUFFIX: &str = ".lock";

/// `path` with `suffix` behind its name.
pub(super) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

/// Held for as long as the store is open; the kernel lets go of it however the process ends.
#[derive(Debug)]
pub(super) struct Lock {
    _file: File,
}

impl Lock {
    pub(super) fn take(path: &Path) -> Result<Self, StoreError> {
        let name = beside(path, LOCK_SUFFIX);
        let file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(0o600)
            .open(&name)
            .map_err(|error| StoreError::system(&error, &name))?;
        match file.try_lock() {
            Ok(()) => Ok(Self { _file: file }),
            Err(TryLockError::WouldBlock) => Err(StoreError::InUse(path.to_owned())),
            Err(TryLockError::Error(error)) => Err(StoreError::system(&error, &name)),
        }
    }
}

/// The database's own id, kept beside it as well.
#[derive(Debug)]
pub(super) struct Stamp {
    path: PathBuf,
}

impl Stamp {
    pub(super) fn of(database: &Path) -> Self {
        Self { path: beside(database, STAMP_SUFFIX) }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The id, if there is a stamp.
    pub(super) fn read(&self) -> Result<Option<String>, StoreError> {
        const STAMP_BYTES_MAX: u64 = 1024;
        let file = match File::open(&self.path) {
            Ok(file) => file,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(self.fault(&error)),
        };
        let mut text = String::new();
        file.take(STAMP_BYTES_MAX).read_to_string(&mut text).map_err(|error| self.fault(&error))?;
        Ok(text.lines().next().map(|line| line.trim().to_owned()))
    }

    /// Writes the id so that a power cut leaves either the old stamp or the new one.
    pub(super) fn write(&self, id: &str) -> Result<(), StoreError> {
        let explained =
            "# Tells a vanished commwatch database from a first start. Keep it beside the database.";
        write_whole(&self.path, &format!("{id}\n{explained}")).map_err(|error| self.fault(&error))
    }

    fn fault(&self, error: &std::io::Error) -> StoreError {
        StoreError::system(error, &self.path)
    }
}

/// Writes a file so that a power cut leaves either the one before or this one.
pub(super) fn write_whole(path: &Path, text: &str) -> std::io::Result<()> {
    let new = beside(path, ".new");
    let mut file = OpenOptions::new().create(true).truncate(true).write(true).mode(0o600).open(&new)?;
    writeln!(file, "{text}")?;
    file.sync_all()?;
    std::fs::rename(&new, path)?;
    File::open(path.parent().unwrap_or(Path::new("/")))?.sync_all()
}
