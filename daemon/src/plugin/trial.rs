//! Whether a plugin takes its configuration: what a schema cannot say, such as a mistake in a template, the plugin itself
//! says when it is started.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::runtime::Runtime;

use super::catalog::Installed;
use super::children::Children;
use super::grant::Grant;
use super::host::{PluginSpec, try_out};
use crate::config::{self, Catalog, Found, NotFound, Opinion, Trial, Trust};

/// The plugins of this machine, where each is asked for its opinion: it is started in a process of its own, as it will
/// be to run, and ended again. Nothing is delivered.
#[derive(Debug)]
pub struct TriedOut {
    children: Children,
    runtime: Runtime,
    /// What each notifier's plugin said, and its version: none is asked twice.
    said: Mutex<BTreeMap<String, (Opinion, String)>>,
}

impl TriedOut {
    /// Begins the thread that starts processes.
    ///
    /// # Errors
    /// When there can be no thread.
    pub fn new() -> io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        Ok(Self { children: Children::start()?, runtime, said: Mutex::default() })
    }

    /// What the plugin of a notifier said when it was asked, and its version; `None` when it was not.
    pub fn said(&self, notifier: &str) -> Option<(Opinion, String)> {
        self.said.lock().unwrap_or_else(PoisonError::into_inner).get(notifier).cloned()
    }

    fn ask(&self, trial: &Trial<'_>) -> Opinion {
        let mut secrets = BTreeMap::new();
        for pointer in trial.reveal {
            let Some(reference) = trial.secrets.get(pointer) else { continue };
            match config::read_secret(reference) {
                Ok(secret) => secrets.insert(pointer.clone(), secret),
                Err(error) => return Opinion::NotAsked(format!("it is told a secret, and {error}")),
            };
        }
        // It may ask nobody while it is started.
        let nowhere = serde_json::Value::Null;
        let grant = match Grant::new(&nowhere, &nowhere, secrets) {
            Ok(grant) => grant.revealing(trial.reveal.clone()),
            Err(error) => return Opinion::Refuses(error.to_string()),
        };
        let spec = PluginSpec {
            notifier: trial.notifier.to_owned(),
            library: trial.found.library.clone(),
            pinned: trial.pinned.map(str::to_owned),
            config: trial.config.clone(),
            grant: Arc::new(grant),
            concurrency: Some(1),
        };
        match self.runtime.block_on(try_out(&spec, &self.children)) {
            Ok(()) => Opinion::Takes,
            Err(why) => Opinion::Refuses(why),
        }
    }
}

impl Catalog for TriedOut {
    fn find(&self, plugin: &str, folders: &[PathBuf], trust: Trust) -> Result<Found, NotFound> {
        Installed.find(plugin, folders, trust)
    }

    fn pinned(&self, found: &Found, lock: &Path) -> Result<Option<String>, String> {
        Installed.pinned(found, lock)
    }

    fn opinion(&self, trial: &Trial<'_>) -> Opinion {
        let opinion = self.ask(trial);
        let said = (opinion.clone(), trial.found.version.clone());
        self.said.lock().unwrap_or_else(PoisonError::into_inner).insert(trial.notifier.to_owned(), said);
        opinion
    }
}
