//! Asks the file system itself what it makes of being written to.

use std::fs::OpenOptions;
use std::io::{self, ErrorKind, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use super::lock::beside;

/// What is written to find out: more than what is left of a block or a quota that is used up.
const PROBE_BYTES: usize = 16 * 1024;

/// How a file system does.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Disk {
    /// It takes what it is given, or refuses for a reason that is not its own.
    Well,
    /// No space, or a quota.
    Full,
    /// It may not be written to.
    ReadOnly,
    /// It cannot.
    Failing,
}

impl Disk {
    pub(super) fn of(error: &io::Error) -> Self {
        match error.kind() {
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded => Self::Full,
            ErrorKind::ReadOnlyFilesystem => Self::ReadOnly,
            _ if error.raw_os_error() == Some(rustix::io::Errno::IO.raw_os_error()) => Self::Failing,
            _ => Self::Well,
        }
    }
}

/// Writes and syncs a file beside the database and takes it away again. Says how that went, in the system's words.
pub(super) fn ask(database: &Path) -> (Disk, String) {
    let file = beside(database, ".probe");
    let written = || -> io::Result<()> {
        let mut open = OpenOptions::new();
        let mut file = open.create(true).truncate(true).write(true).mode(0o600).open(&file)?;
        file.write_all(&[0xa5; PROBE_BYTES])?;
        file.sync_all()
    };
    let result = written();
    let _ = std::fs::remove_file(&file);
    match result {
        Ok(()) => (Disk::Well, String::new()),
        Err(error) => (Disk::of(&error), error.to_string()),
    }
}
