//! Which plugins are installed: files on `[plugins] path`, whose owner we trust, read without being loaded.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use crate::config::{Catalog, Found, NotFound, Trust};

use super::Manifest;
use super::pins::{self, Pins};

const PREFIX: &str = "libcommwatch_";
const SUFFIX: &str = ".so";
/// At most this many files of a folder are named in a hint.
const NAMES_MAX: usize = 100;

/// The plugins of this machine.
#[derive(Clone, Copy, Debug)]
pub struct Installed;

impl Catalog for Installed {
    fn find(&self, plugin: &str, folders: &[PathBuf], trust: Trust) -> Result<Found, NotFound> {
        let not_found = |why: String| NotFound { why, looked_in: folders.to_vec(), names: names(folders) };
        let file = file_name(plugin);
        let Some(library) = folders.iter().map(|folder| folder.join(&file)).find(|path| path.exists()) else {
            return Err(not_found(format!("there is no {file}")));
        };
        // What is checked is what is loaded: the file itself, not a link to it.
        let library =
            library.canonicalize().map_err(|error| not_found(format!("{}: {error}", library.display())))?;
        trusted(&library, trust).map_err(&not_found)?;
        let manifest = Manifest::read(&library).map_err(|refusal| not_found(refusal.to_string()))?;
        let repeats = manifest.repeat_seconds > 0;
        Ok(Found { library, schema: manifest.config, version: manifest.version, repeats })
    }

    fn pinned(&self, found: &Found, lock: &Path) -> Result<Option<String>, String> {
        let Some(pins) = Pins::read(lock)? else { return Ok(None) };
        let meant = pins.of(&found.library, lock)?;
        pins::check(&found.library, &meant).map_err(|why| format!("{}: {why}", found.library.display()))?;
        Ok(Some(meant))
    }
}

/// `acme-teams` is `libcommwatch_acme_teams.so`.
pub(super) fn file_name(plugin: &str) -> String {
    format!("{PREFIX}{}{SUFFIX}", plugin.replace('-', "_"))
}

/// Every plugin file of the folders, in their order: (plugin, file).
pub fn list(folders: &[PathBuf]) -> Vec<(String, PathBuf)> {
    let mut found: Vec<(String, PathBuf)> = Vec::new();
    for folder in folders {
        let Ok(entries) = std::fs::read_dir(folder) else { continue };
        let mut here: Vec<(String, PathBuf)> = entries
            .filter_map(Result::ok)
            .filter_map(|entry| {
                let name = entry.file_name().into_string().ok()?;
                let plugin = name.strip_prefix(PREFIX)?.strip_suffix(SUFFIX)?.replace('_', "-");
                Some((plugin, entry.path()))
            })
            .collect();
        here.sort();
        here.retain(|(plugin, _)| !found.iter().any(|(known, _)| known == plugin));
        found.extend(here);
    }
    found
}

fn names(folders: &[PathBuf]) -> Vec<String> {
    list(folders).into_iter().map(|(plugin, _)| plugin).take(NAMES_MAX).collect()
}

/// Whoever can write the file, or swap it for another, decides what runs in our name.
fn trusted(library: &Path, trust: Trust) -> Result<(), String> {
    let own = rustix::process::geteuid().as_raw();
    let (owners, writers): (&[u32], u32) = match trust {
        Trust::Strict => (&[0], 0o022),
        Trust::Owner => (&[0, own], 0o002),
    };
    let folders: Vec<&Path> = match trust {
        Trust::Strict => library.ancestors().collect(),
        Trust::Owner => library.ancestors().take(2).collect(),
    };
    for path in folders {
        let meta = std::fs::metadata(path).map_err(|error| format!("{}: {error}", path.display()))?;
        judge(path, &meta, owners, writers)
            .map_err(|why| format!("{why} ([plugins] trust = \"{}\")", word(trust)))?;
    }
    Ok(())
}

fn judge(path: &Path, meta: &Metadata, owners: &[u32], writers: u32) -> Result<(), String> {
    const STICKY: u32 = 0o1000;
    if !owners.contains(&meta.uid()) {
        return Err(format!("{} belongs to user {}, who is not trusted", path.display(), meta.uid()));
    }
    // In a sticky folder others cannot replace what is not theirs.
    let sticky_folder = meta.is_dir() && meta.mode() & STICKY != 0;
    if meta.mode() & writers != 0 && !sticky_folder {
        let mode = meta.mode() & 0o7777;
        return Err(format!("{} may be written by others (mode {mode:o})", path.display()));
    }
    Ok(())
}

fn word(trust: Trust) -> &'static str {
    match trust {
        Trust::Strict => "strict",
        Trust::Owner => "owner",
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_plugin_is_looked_for_in_its_folders_and_nowhere_else() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("libcommwatch_acme_teams.so"), "x").unwrap();
        std::fs::write(folder.path().join("libother.so"), "x").unwrap();
        let folders = [folder.path().to_owned()];
        let missing = Installed.find("slak", &folders, Trust::Owner).unwrap_err();
        assert_eq!(missing.names, ["acme-teams"]);
        assert_eq!(missing.why, "there is no libcommwatch_slak.so");
        let broken = Installed.find("acme-teams", &folders, Trust::Owner).unwrap_err();
        assert!(broken.why.contains("not a shared library"), "{}", broken.why);
    }

    #[test]
    fn a_file_that_others_may_write_is_not_trusted() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("libcommwatch_x.so");
        std::fs::write(&file, "x").unwrap();
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o666)).unwrap();
        let refused = Installed.find("x", &[folder.path().to_owned()], Trust::Owner).unwrap_err();
        assert!(refused.why.contains("may be written by others (mode 666)"), "{}", refused.why);
    }

    #[test]
    fn a_folder_that_others_may_write_is_not_trusted() {
        let folder = tempfile::tempdir().unwrap();
        let inner = folder.path().join("plugins");
        std::fs::create_dir(&inner).unwrap();
        std::fs::set_permissions(&inner, std::fs::Permissions::from_mode(0o777)).unwrap();
        std::fs::write(inner.join("libcommwatch_x.so"), "x").unwrap();
        let refused = Installed.find("x", &[inner], Trust::Owner).unwrap_err();
        assert!(refused.why.contains("may be written by others (mode 777)"), "{}", refused.why);
    }
}
