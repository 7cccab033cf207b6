//! The files that a configuration is made of: the named one, then `conf.d/*.toml` beside it. Knows no TOML.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

/// The longest file that is read.
pub(super) const FILE_BYTES_MAX: u64 = 4 * 1024 * 1024;
/// How many files `conf.d` may hold.
pub(super) const FILES_MAX: usize = 1_000;

/// Which files a configuration was read from, and what was in them then: what a watcher compares with.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Sources {
    /// The file that was named, absolute, its links not followed.
    pub named: PathBuf,
    /// The folder of further files beside it, whether or not it exists.
    pub conf_d: PathBuf,
    /// A digest of every file's content; `None` = it could not be read.
    pub content: BTreeMap<PathBuf, Option<[u8; 32]>>,
}

impl Sources {
    /// The same files as they are now, files that came or went included.
    pub fn look_again(&self) -> Self {
        let paths = list(&self.named, &self.conf_d).unwrap_or_else(|_| vec![self.named.clone()]);
        let content = paths
            .into_iter()
            .map(|path| {
                let digest = read_bounded(&path).ok().map(|bytes| digest(&bytes));
                (path, digest)
            })
            .collect();
        Self { named: self.named.clone(), conf_d: self.conf_d.clone(), content }
    }
}

/// One file that was read.
#[derive(Debug)]
pub(super) struct Source {
    /// Absolute.
    pub(super) path: PathBuf,
    /// As the operator would write it.
    pub(super) shown: PathBuf,
    /// What is in it, or why that could not be read.
    pub(super) text: Result<String, Unreadable>,
}

/// Why a file could not be read.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unreadable {
    #[error("cannot read the file: {0}")]
    Io(#[from] io::Error),
    #[error("the file is longer than {FILE_BYTES_MAX} bytes")]
    TooLong,
    #[error("the file is not UTF-8 text")]
    NotText { valid_up_to: String },
    #[error("the folder holds more than {FILES_MAX} files")]
    TooMany,
}

/// Reads all files. The named one always comes first, also when it could not be read.
pub(super) fn read_all(named: &Path) -> (Sources, Vec<Source>) {
    let path = std::path::absolute(named).unwrap_or_else(|_| named.to_path_buf());
    let conf_d = path.parent().unwrap_or(Path::new("/")).join("conf.d");
    let shown_conf_d = named.parent().unwrap_or(Path::new("")).join("conf.d");
    let mut sources = Sources { named: path.clone(), conf_d: conf_d.clone(), content: BTreeMap::new() };
    let mut files = Vec::new();
    let paths = list(&path, &conf_d).unwrap_or_else(|error| {
        files.push(Source { path: conf_d.clone(), shown: shown_conf_d.clone(), text: Err(error) });
        vec![path.clone()]
    });
    for (index, file) in paths.into_iter().enumerate() {
        let shown = match file.file_name() {
            Some(name) if index > 0 => shown_conf_d.join(name),
            _ => named.to_path_buf(),
        };
        let bytes = read_bounded(&file);
        sources.content.insert(file.clone(), bytes.as_ref().ok().map(|bytes| digest(bytes)));
        let text = bytes.and_then(as_text);
        files.insert(index, Source { path: file, shown, text });
    }
    (sources, files)
}

/// The named file, then those of `conf.d` in order of their names. Hidden files and editors' leftovers are not
/// among them (`.#x.toml`, `x.toml~`, `#x.toml#`).
fn list(named: &Path, conf_d: &Path) -> Result<Vec<PathBuf>, Unreadable> {
    let mut paths = Vec::new();
    let entries = match fs::read_dir(conf_d) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(vec![named.to_path_buf()]),
        Err(error) => return Err(error.into()),
    };
    for entry in entries {
        let path = entry?.path();
        let hidden = path.file_name().is_none_or(|name| name.as_encoded_bytes().starts_with(b"."));
        if !hidden && path.extension() == Some(OsStr::new("toml")) && !path.is_dir() {
            paths.push(path);
        }
        if paths.len() > FILES_MAX {
            return Err(Unreadable::TooMany);
        }
    }
    paths.sort();
    paths.insert(0, named.to_path_buf());
    Ok(paths)
}

fn read_bounded(path: &Path) -> Result<Vec<u8>, Unreadable> {
    // A pipe would make us wait for a writer.
    if !fs::metadata(path)?.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is not a regular file").into());
    }
    let mut bytes = Vec::new();
    File::open(path)?.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > FILE_BYTES_MAX { Err(Unreadable::TooLong) } else { Ok(bytes) }
}

fn as_text(bytes: Vec<u8>) -> Result<String, Unreadable> {
    String::from_utf8(bytes).map_err(|error| {
        let good = error.utf8_error().valid_up_to();
        let text = String::from_utf8_lossy(&error.as_bytes()[..good]).into_owned();
        Unreadable::NotText { valid_up_to: text }
    })
}

fn digest(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conf_d_is_read_in_order_of_names_without_hidden_files_and_leftovers() {
        let folder = tempfile::tempdir().unwrap();
        let conf_d = folder.path().join("conf.d");
        fs::create_dir_all(conf_d.join("folder.toml")).unwrap();
        for name in
            ["b.toml", "a.toml", ".#a.toml", ".a.toml.swp", "a.toml~", "#a.toml#", "README", "10.toml"]
        {
            fs::write(conf_d.join(name), "").unwrap();
        }
        let named = folder.path().join("commwatch.toml");
        fs::write(&named, "").unwrap();
        let (_, files) = read_all(&named);
        let names: Vec<_> =
            files.iter().map(|file| file.path.file_name().unwrap().to_str().unwrap()).collect();
        assert_eq!(names, ["commwatch.toml", "10.toml", "a.toml", "b.toml"]);
    }

    #[test]
    fn a_file_beyond_the_bound_is_refused_rather_than_cut() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("long.toml");
        File::create(&path).unwrap().set_len(FILE_BYTES_MAX).unwrap();
        assert!(read_bounded(&path).is_ok());
        File::create(&path).unwrap().set_len(FILE_BYTES_MAX + 1).unwrap();
        assert!(matches!(read_bounded(&path), Err(Unreadable::TooLong)));
    }

    #[test]
    fn a_pipe_is_refused_rather_than_waited_for() {
        assert!(read_bounded(Path::new("/dev/null")).is_err());
    }
}
