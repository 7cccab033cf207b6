//! Pinned plugins: a file beside the configuration says which bytes are meant (`commwatch plugins pin`). Where it is
//! there, no other file is loaded. It has the form of sha256sum(1), so that `sha256sum -c` reads it as well.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions, Permissions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use data_encoding::HEXLOWER_PERMISSIVE;
use sha2::{Digest as _, Sha256};

use super::refusal::Why;

/// The largest lock file that is read, bytes.
const LOCK_BYTES_MAX: u64 = 1024 * 1024;
/// The mode of a lock file: there is nothing secret in it.
const LOCK_MODE: u32 = 0o644;
/// So much of a plugin is read at a time, bytes.
const READ_BYTES: usize = 64 * 1024;
/// What stands at the top of a lock file.
const HEADER: &str =
    "# Written by `commwatch plugins pin`; `sha256sum -c` reads it as well. No other plugin is loaded.\n";

/// The bytes of each plugin that are meant.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Pins(BTreeMap<PathBuf, String>);

/// What pinning has changed, by file.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Change {
    /// Its bytes are those that were pinned before.
    Same,
    /// It was not pinned.
    Added,
    /// Others were pinned.
    Changed,
    /// It is not there any more.
    Removed,
}

impl Pins {
    /// Reads a lock file; `None` where there is none, and every plugin may be loaded.
    ///
    /// # Errors
    /// When it is there and cannot be read: then nothing may be loaded.
    pub fn read(lock: &Path) -> Result<Option<Self>, String> {
        let unread =
            |why: String| format!("{} {why}: mend it, or run `commwatch plugins pin`", lock.display());
        let file = match File::open(lock) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(unread(format!("cannot be read ({error})"))),
        };
        let mut text = String::new();
        let read = file.take(LOCK_BYTES_MAX + 1).read_to_string(&mut text);
        match read {
            Err(error) => return Err(unread(format!("cannot be read ({error})"))),
            Ok(bytes) if bytes as u64 > LOCK_BYTES_MAX => {
                return Err(unread(format!("is longer than {LOCK_BYTES_MAX} bytes")));
            }
            Ok(_) => {}
        }
        let mut pins = BTreeMap::new();
        for (number, line) in text.lines().enumerate().filter(|(_, line)| !is_remark(line)) {
            let (path, hash) = pin(line)
                .ok_or_else(|| unread(format!("is no list of pins: line {} is none", number + 1)))?;
            pins.insert(path, hash);
        }
        Ok(Some(Self(pins)))
    }

    /// The bytes of a plugin that are meant.
    ///
    /// # Errors
    /// When it is not pinned.
    pub fn of(&self, library: &Path, lock: &Path) -> Result<String, String> {
        self.0.get(library).cloned().ok_or_else(|| {
            let (library, lock) = (library.display(), lock.display());
            format!(
                "{library} is not pinned in {lock}: if it is what you have installed, run `commwatch plugins pin` and \
                 reload"
            )
        })
    }

    /// Pins each of these as it is now.
    ///
    /// # Errors
    /// When one cannot be read, or its path cannot stand in a line.
    pub fn of_files(files: impl IntoIterator<Item = PathBuf>) -> Result<Self, String> {
        let hash = |file: PathBuf| {
            let cannot = |why: String| format!("cannot pin {}: {why}", file.display());
            if file.to_str().is_none_or(|text| text.contains(['\n', '\r', '\\'])) {
                return Err(cannot("its path holds what such a line cannot".to_owned()));
            }
            let opened = open(&file).map_err(|error| cannot(error.to_string()))?;
            let hash = digest(opened).map_err(|error| cannot(error.to_string()))?;
            Ok((file, hash))
        };
        files.into_iter().map(hash).collect::<Result<_, _>>().map(Self)
    }

    /// What becomes of what was pinned before.
    pub fn against(&self, before: &Self) -> Vec<(PathBuf, Change)> {
        let now = self.0.iter().map(|(file, hash)| match before.0.get(file) {
            None => (file.clone(), Change::Added),
            Some(other) if other == hash => (file.clone(), Change::Same),
            Some(_) => (file.clone(), Change::Changed),
        });
        let gone = before.0.keys().filter(|file| !self.0.contains_key(*file));
        now.chain(gone.map(|file| (file.clone(), Change::Removed))).collect()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Writes the lock file whole or not at all.
    ///
    /// # Errors
    /// What the system says.
    pub fn write(&self, lock: &Path) -> io::Result<()> {
        let text: String =
            self.0.iter().map(|(file, hash)| format!("{hash}  {}\n", file.display())).collect();
        let folder = lock.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let mut name = lock.file_name().unwrap_or_default().to_owned();
        name.push(format!(".{}.new", std::process::id()));
        let new = folder.join(name);
        let written = (|| {
            let mut file = OpenOptions::new().write(true).create_new(true).mode(LOCK_MODE).open(&new)?;
            // Whatever the umask says.
            file.set_permissions(Permissions::from_mode(LOCK_MODE))?;
            file.write_all(HEADER.as_bytes())?;
            file.write_all(text.as_bytes())?;
            file.sync_all()?;
            std::fs::rename(&new, lock)?;
            File::open(folder)?.sync_all()
        })();
        if written.is_err() {
            let _ = std::fs::remove_file(&new);
        }
        written
    }
}

/// Whether a line says nothing.
fn is_remark(line: &str) -> bool {
    line.trim().is_empty() || line.starts_with('#')
}

/// `HASH  PATH`, or `HASH *PATH`.
fn pin(line: &str) -> Option<(PathBuf, String)> {
    let (hash, path) = line.split_at_checked(64)?;
    let path = path.strip_prefix("  ").or_else(|| path.strip_prefix(" *"))?;
    let is_hash = HEXLOWER_PERMISSIVE.decode(hash.as_bytes()).is_ok();
    let path = PathBuf::from(path);
    (is_hash && path.is_absolute()).then(|| (path, hash.to_ascii_lowercase()))
}

/// Opens a regular file; a pipe would make us wait for a writer.
fn open(file: &Path) -> io::Result<File> {
    let opened = OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK).open(file)?;
    if opened.metadata()?.is_file() {
        Ok(opened)
    } else {
        Err(io::Error::new(io::ErrorKind::InvalidInput, "it is not a regular file"))
    }
}

fn digest(mut file: File) -> io::Result<String> {
    let mut hash = Sha256::new();
    let mut bytes = vec![0; READ_BYTES];
    loop {
        match file.read(&mut bytes)? {
            0 => return Ok(data_encoding::HEXLOWER.encode(&hash.finalize())),
            read => hash.update(&bytes[..read]),
        }
    }
}

/// Whether the file is the one that is meant.
///
/// # Errors
/// What is wrong.
pub fn check(library: &Path, meant: &str) -> Result<(), String> {
    verified(library, meant).map(|_| ()).map_err(|why| why.to_string())
}

/// Opens a file and reads all of it: what the descriptor refers to has the bytes that are meant, whatever lies at the path
/// afterwards.
pub(super) fn verified(library: &Path, meant: &str) -> Result<File, Why> {
    let opened = open(library).map_err(Why::Read)?;
    let found = digest(opened.try_clone().map_err(Why::Read)?).map_err(Why::Read)?;
    if found == meant { Ok(opened) } else { Err(Why::Changed { found, meant: meant.to_owned() }) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HELLO: &str = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";

    #[test]
    fn a_lock_file_is_whole_readable_by_all_and_read_as_it_was_written() {
        let folder = tempfile::tempdir().unwrap();
        let (file, lock) = (folder.path().join("libcommwatch_x.so"), folder.path().join("plugins.lock"));
        std::fs::write(&file, "hello").unwrap();
        assert_eq!(Pins::read(&lock), Ok(None));
        let pins = Pins::of_files([file.clone()]).unwrap();
        pins.write(&lock).unwrap();
        let text = std::fs::read_to_string(&lock).unwrap();
        assert_eq!(text, format!("{HEADER}{HELLO}  {}\n", file.display()));
        assert_eq!(std::fs::metadata(&lock).unwrap().permissions().mode() & 0o777, 0o644);
        assert_eq!(Pins::read(&lock), Ok(Some(pins.clone())));
        assert_eq!(pins.of(&file, &lock).as_deref(), Ok(HELLO));
        let names: Vec<_> =
            std::fs::read_dir(folder.path()).unwrap().map(|one| one.unwrap().file_name()).collect();
        assert_eq!(names.len(), 2, "nothing is left behind: {names:?}");
        // As written by somebody else, with the marks of that program.
        std::fs::write(&lock, format!("\n# mine\n{} *{}\n", HELLO.to_uppercase(), file.display())).unwrap();
        assert_eq!(Pins::read(&lock), Ok(Some(pins)));
    }

    #[test]
    fn a_lock_file_that_cannot_be_read_lets_nothing_be_loaded() {
        let folder = tempfile::tempdir().unwrap();
        let lock = folder.path().join("plugins.lock");
        let short = &HELLO[1..];
        for wrong in [
            "hello".to_owned(),
            format!("{short}  /x.so\n"),
            format!("{HELLO} /x.so\n"),
            format!("{HELLO}  x.so\n"),
            format!("g{short}  /x.so\n"),
        ] {
            std::fs::write(&lock, &wrong).unwrap();
            let why = Pins::read(&lock).unwrap_err();
            assert!(why.contains("line 1 is none") && why.contains("plugins pin"), "{wrong}: {why}");
        }
        std::fs::write(&lock, "").unwrap();
        let why = Pins::read(&lock).unwrap().unwrap().of(Path::new("/x.so"), Path::new("/plugins.lock"));
        insta::assert_snapshot!(why.unwrap_err(), @"/x.so is not pinned in /plugins.lock: if it is what you have installed, run `commwatch plugins pin` and reload");
    }

    #[test]
    fn what_is_opened_is_what_was_hashed() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("x.so");
        std::fs::write(&file, "hello").unwrap();
        let mut opened = verified(&file, HELLO).unwrap();
        // Another file takes its place: the descriptor does not follow.
        std::fs::write(folder.path().join("y"), "evil!").unwrap();
        std::fs::rename(folder.path().join("y"), &file).unwrap();
        let mut text = String::new();
        std::io::Seek::rewind(&mut opened).unwrap();
        opened.read_to_string(&mut text).unwrap();
        assert_eq!(text, "hello");
        let why = check(&file, HELLO).unwrap_err();
        assert!(why.contains("is not the file that was pinned") && why.contains("plugins pin"), "{why}");
    }

    #[test]
    fn what_pinning_changes_is_told() {
        let pins = |files: &[(&str, &str)]| {
            Pins(files.iter().map(|(file, hash)| ((*file).into(), (*hash).to_owned())).collect())
        };
        let before = pins(&[("/a", "1"), ("/b", "1"), ("/c", "1")]);
        let now = pins(&[("/a", "1"), ("/b", "2"), ("/d", "1")]);
        let expected =
            [("/a", Change::Same), ("/b", Change::Changed), ("/d", Change::Added), ("/c", Change::Removed)];
        assert_eq!(now.against(&before), expected.map(|(file, change)| (PathBuf::from(file), change)));
    }
}
