//! What the configuration asks of plugins: is there one of this name, and what may its configuration hold?

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::{SecretRef, Trust};

/// Finds plugins, and perhaps asks them.
pub trait Catalog {
    /// Without loading it, looks for `plugin` (`slack`, `acme-teams`) in `folders`, in order, nowhere else.
    fn find(&self, plugin: &str, folders: &[PathBuf], trust: Trust) -> Result<Found, NotFound>;

    /// Where plugins are pinned in `lock`: the SHA-256 that this one must have, which it has.
    ///
    /// # Errors
    /// Why it must not be loaded, one line.
    fn pinned(&self, found: &Found, lock: &Path) -> Result<Option<String>, String> {
        let _ = (found, lock);
        Ok(None)
    }

    /// What a plugin says to a configuration that fits its schema. Where nobody asks any, it takes it.
    fn opinion(&self, trial: &Trial<'_>) -> Opinion {
        let _ = trial;
        Opinion::Takes
    }
}

/// What a plugin says to its configuration.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Opinion {
    /// It takes it.
    Takes,
    /// What it has against it, one line.
    Refuses(String),
    /// It could not be asked, for this reason.
    NotAsked(String),
}

/// What a plugin is asked about.
#[derive(Clone, Copy, Debug)]
pub struct Trial<'a> {
    /// `[notifiers.NAME]`.
    pub notifier: &'a str,
    /// The plugin.
    pub found: &'a Found,
    /// The SHA-256 that it must have, where plugins are pinned.
    pub pinned: Option<&'a str>,
    /// Its configuration: checked, defaults filled in, secrets as `{"$secret": "/pointer"}`.
    pub config: &'a serde_json::Value,
    /// Where its secrets come from, by pointer.
    pub secrets: &'a BTreeMap<String, SecretRef>,
    /// Those that it is told.
    pub reveal: &'a BTreeSet<String>,
}

/// A plugin's file and what its manifest says.
#[derive(Clone, Debug, PartialEq)]
pub struct Found {
    /// The file.
    pub library: PathBuf,
    /// JSON Schema of `[notifiers.NAME.config]`. A property with `"x-secret": "required"` takes only a reference,
    /// with `"allowed"` text or a reference, without `x-secret` only what the schema says.
    pub schema: serde_json::Value,
    /// The plugin's version.
    pub version: String,
    /// Whether it wants to be told again what is open: then its receiver keeps incidents.
    pub repeats: bool,
}

/// Why there is no such plugin, or none that may be loaded.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct NotFound {
    /// What is wrong, one line.
    pub why: String,
    /// Where it was looked for.
    pub looked_in: Vec<PathBuf>,
    /// Plugins that are there.
    pub names: Vec<String>,
}
