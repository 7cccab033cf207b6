//! Why a file is not used as a plugin: texts for the operator, that show both sides where two do not fit.

use std::path::{Path, PathBuf};

use thiserror::Error;

/// What stands before a plugin's own words about its configuration.
pub(super) const NOT_STARTED: &str = "it does not start: ";

/// A file that is not used as a plugin.
#[derive(Debug, Error)]
#[error("plugin {}: {why}", file.display())]
pub struct Refusal {
    /// The file.
    pub file: PathBuf,
    /// What is wrong with it.
    pub why: Why,
}

/// What is wrong with it.
#[derive(Debug, Error)]
pub enum Why {
    /// It cannot be read.
    #[error("it cannot be read: {0}")]
    Read(std::io::Error),
    /// It is a folder, a FIFO, ...
    #[error("it is not a regular file")]
    NotAFile,
    /// Its bytes are not those that were pinned.
    #[error(
        "it is not the file that was pinned: its sha256 is {found}, pinned is {meant}; if you have changed it, run \
         `commwatch plugins pin` and reload"
    )]
    Changed {
        /// Of the file.
        found: String,
        /// Of the lock file.
        meant: String,
    },
    /// It is not a shared library.
    #[error("it is not a shared library (no ELF file)")]
    NotElf,
    /// It claims to be one.
    #[error("it is a damaged ELF file: {0}")]
    BrokenElf(String),
    /// It is one for another machine.
    #[error("it is built for {theirs}, this machine is {ours}")]
    Machine {
        /// The file's.
        theirs: String,
        /// This machine's.
        ours: &'static str,
    },
    /// It is some other library.
    #[error(
        "it holds no section {}: it is not a commwatch plugin",
        commwatch_plugin_api::abi::PLUGIN_SECTION
    )]
    NoSection,
    /// The section is too long.
    #[error("its manifest has {bytes} bytes, and may have {}", commwatch_plugin_api::abi::MANIFEST_BYTES_MAX)]
    ManifestTooLong {
        /// The section's length.
        bytes: u64,
    },
    /// It is built for another ABI.
    #[error(
        "it is built for plugin ABI {theirs}, this commwatch has ABI {ours}: build it against this commwatch's header"
    )]
    Abi {
        /// The plugin's.
        theirs: u64,
        /// Ours.
        ours: u32,
    },
    /// The manifest is not as it should be.
    #[error("its manifest is not usable: {0}")]
    Manifest(String),
    /// The dynamic loader refuses it.
    #[error("it does not load: {0}")]
    Load(String),
    /// It loads, but does not export the entry.
    #[error("it does not export `cw_plugin_entry_v1`: {0}")]
    NoEntry(String),
    /// The entry gave no table.
    #[error("`cw_plugin_entry_v1` returned NULL")]
    NoTable,
    /// The table is smaller than the first version's.
    #[error("its table has {theirs} bytes, ABI 1 needs at least {ours}")]
    TableTooSmall {
        /// The plugin's `size`.
        theirs: u32,
        /// The first version's.
        ours: u32,
    },
    /// `create` or `deliver` is NULL.
    #[error("its table has no `{0}`")]
    NoFunction(&'static str),
    /// The table does not belong to the section.
    #[error(
        "its table's manifest ({theirs}) is not the one in its section ({ours}): the file is put together wrongly"
    )]
    OtherManifest {
        /// Of the table.
        theirs: String,
        /// Of the section.
        ours: String,
    },
    /// `create` refused.
    #[error("{NOT_STARTED}{0}", NOT_STARTED = NOT_STARTED)]
    Create(String),
}

impl Refusal {
    pub(super) fn new(file: &Path, why: Why) -> Self {
        Self { file: file.to_owned(), why }
    }
}
