//! Reading secrets from where references point. Errors name the reference, never the text.

use std::ffi::OsString;
use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use secrecy::SecretString;
use secrecy::zeroize::Zeroizing;

use super::SecretRef;

/// The longest secret, in bytes.
pub(super) const SECRET_BYTES_MAX: usize = 64 * 1024;

/// Why a secret could not be read.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// There is no credentials folder.
    #[error(
        "cannot read {0}: $CREDENTIALS_DIRECTORY is not set (systemd sets it for a unit with LoadCredential=)"
    )]
    NoCredentials(SecretRef),
    /// The file cannot be read.
    #[error("cannot read {0}: {1}")]
    Unreadable(SecretRef, #[source] io::Error),
    /// The environment has no such variable.
    #[error("cannot read {0}: it is not set")]
    Unset(SecretRef),
    /// Nothing is in it.
    #[error("{0} is empty")]
    Empty(SecretRef),
    /// Too much is in it.
    #[error("{0} is longer than {SECRET_BYTES_MAX} bytes")]
    TooLong(SecretRef),
    /// What is in it is not text.
    #[error("{0} is not UTF-8 text")]
    NotText(SecretRef),
}

/// Reads a secret. One trailing line break is not part of it.
///
/// # Errors
/// If there is none, it is empty, not text, or longer than 64 KiB.
pub fn read_secret(reference: &SecretRef) -> Result<SecretString, SecretError> {
    read_from(reference, |name| std::env::var_os(name))
}

fn read_from(
    reference: &SecretRef,
    variable: impl Fn(&str) -> Option<OsString>,
) -> Result<SecretString, SecretError> {
    let bytes = match reference {
        SecretRef::Credential(name) => {
            let folder = variable("CREDENTIALS_DIRECTORY").filter(|folder| !folder.is_empty());
            let folder = folder.ok_or_else(|| SecretError::NoCredentials(reference.clone()))?;
            read_file(reference, &credential(&PathBuf::from(folder), name))?
        }
        SecretRef::File(path) => read_file(reference, path)?,
        SecretRef::Env(name) => {
            let text = variable(name).ok_or_else(|| SecretError::Unset(reference.clone()))?;
            Zeroizing::new(text.into_encoded_bytes())
        }
    };
    if bytes.len() > SECRET_BYTES_MAX {
        return Err(SecretError::TooLong(reference.clone()));
    }
    let text = std::str::from_utf8(&bytes).map_err(|_| SecretError::NotText(reference.clone()))?;
    let text = text.strip_suffix('\n').map_or(text, |text| text.strip_suffix('\r').unwrap_or(text));
    if text.trim().is_empty() {
        return Err(SecretError::Empty(reference.clone()));
    }
    Ok(SecretString::from(text))
}

/// A credential that was loaded alone has its own name; of a whole folder, `LoadCredential=commwatch:FOLDER`,
/// systemd makes `commwatch_NAME` of each file (systemd.exec(5)).
fn credential(folder: &Path, name: &str) -> PathBuf {
    let alone = folder.join(name);
    if alone.exists() { alone } else { folder.join(format!("commwatch_{name}")) }
}

fn read_file(reference: &SecretRef, path: &Path) -> Result<Zeroizing<Vec<u8>>, SecretError> {
    // One byte more than may be, so that too much is seen; no growing, so that no copy is left behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(SECRET_BYTES_MAX + 2));
    open(path)
        .and_then(|file| file.take(SECRET_BYTES_MAX as u64 + 1).read_to_end(&mut bytes))
        .map_err(|error| SecretError::Unreadable(reference.clone(), error))?;
    Ok(bytes)
}

/// Opens a regular file; a pipe would make us wait for a writer.
fn open(path: &Path) -> io::Result<File> {
    let file = OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK).open(path)?;
    if file.metadata()?.is_file() {
        Ok(file)
    } else {
        Err(io::Error::new(io::ErrorKind::InvalidInput, "it is not a regular file"))
    }
}

impl fmt::Display for SecretRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Credential(name) => write!(f, "the credential `{name}`"),
            Self::File(path) => write!(f, "the secret file `{}`", path.display()),
            Self::Env(name) => write!(f, "the environment variable `{name}`"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use secrecy::ExposeSecret;
    use std::fs;

    fn nothing(_: &str) -> Option<OsString> {
        None
    }

    #[test]
    fn each_kind_of_reference_is_read_and_one_line_break_trimmed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        fs::write(&path, " a b \r\n").unwrap();
        let read = |reference: &SecretRef| {
            read_from(reference, |name| match name {
                "CREDENTIALS_DIRECTORY" => Some(folder.path().into()),
                "TOKEN" => Some("from-env\n".into()),
                _ => None,
            })
            .map(|secret| secret.expose_secret().to_owned())
        };
        assert_eq!(read(&SecretRef::Credential("token".into())).unwrap(), " a b ");
        assert_eq!(read(&SecretRef::File(path)).unwrap(), " a b ");
        assert_eq!(read(&SecretRef::Env("TOKEN".into())).unwrap(), "from-env");
    }

    #[test]
    fn a_credential_of_a_folder_that_systemd_loaded_whole_is_found_by_its_own_name() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("commwatch_token"), "of the folder").unwrap();
        let directory = |_: &str| Some(folder.path().into());
        let read = || read_from(&SecretRef::Credential("token".into()), directory).unwrap();
        assert_eq!(read().expose_secret(), "of the folder");
        fs::write(folder.path().join("token"), "loaded alone").unwrap();
        assert_eq!(read().expose_secret(), "loaded alone");
    }

    #[test]
    fn what_cannot_be_a_secret_is_refused_without_showing_it() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, bytes: &[u8]| {
            let path = folder.path().join(name);
            fs::write(&path, bytes).unwrap();
            SecretRef::File(path)
        };
        let text = |reference: SecretRef| {
            let error = read_from(&reference, nothing).unwrap_err();
            assert!(!format!("{error:?}").contains("hunter2"));
            error.to_string().replace(folder.path().to_str().unwrap(), "DIR")
        };
        insta::assert_snapshot!(text(write("empty", b"\n")), @r#"the secret file `DIR/empty` is empty"#);
        insta::assert_snapshot!(text(write("long", &[b'a'; SECRET_BYTES_MAX + 1])), @r#"the secret file `DIR/long` is longer than 65536 bytes"#);
        insta::assert_snapshot!(text(write("binary", b"hunter2\xff")), @r#"the secret file `DIR/binary` is not UTF-8 text"#);
        insta::assert_snapshot!(text(SecretRef::File(folder.path().join("absent"))), @r#"cannot read the secret file `DIR/absent`: No such file or directory (os error 2)"#);
        insta::assert_snapshot!(text(SecretRef::File(folder.path().into())), @r#"cannot read the secret file `DIR`: it is not a regular file"#);
        insta::assert_snapshot!(text(SecretRef::Env("COMMWATCH_TOKEN".into())), @r#"cannot read the environment variable `COMMWATCH_TOKEN`: it is not set"#);
        insta::assert_snapshot!(text(SecretRef::Credential("commbox-token".into())), @r#"cannot read the credential `commbox-token`: $CREDENTIALS_DIRECTORY is not set (systemd sets it for a unit with LoadCredential=)"#);
    }

    #[test]
    fn a_secret_of_exactly_the_longest_length_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("long");
        fs::write(&path, [b'a'; SECRET_BYTES_MAX]).unwrap();
        let secret = read_from(&SecretRef::File(path), nothing).unwrap();
        assert_eq!(secret.expose_secret().len(), SECRET_BYTES_MAX);
    }
}
