//! The socket's file: made for nobody but owner and group, replaced when its daemon is dead, left alone when not.

use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use tokio::net::{UnixListener, UnixStream};

/// Owner and group may connect; on Unix, connecting is writing.
const MODE: u32 = 0o660;

/// A listening admin socket. Its file is removed when this is dropped, unless somebody has replaced it.
#[derive(Debug)]
pub struct AdminSocket {
    listener: UnixListener,
    path: PathBuf,
    /// Device and inode: whose file it is.
    file: (u64, u64),
}

impl AdminSocket {
    /// Listens at `path`. Must be called in a runtime.
    ///
    /// # Errors
    /// `AddrInUse` when a living daemon listens there, `AlreadyExists` when something other than a socket is
    /// there (it is left alone), and whatever the system says, with the path.
    pub fn bind(path: &Path) -> io::Result<Self> {
        clear_the_way(path)?;
        // The file appears at its path with its final mode, never with a wider one.
        let hidden = path.with_file_name(format!(".{}", std::process::id()));
        let _ = std::fs::remove_file(&hidden);
        let listener = UnixListener::bind(&hidden).map_err(|error| at(path, &error))?;
        let placed = std::fs::set_permissions(&hidden, std::fs::Permissions::from_mode(MODE))
            .and_then(|()| std::fs::symlink_metadata(&hidden))
            .and_then(|file| std::fs::rename(&hidden, path).map(|()| file));
        match placed {
            Ok(file) => Ok(Self { listener, path: path.to_owned(), file: (file.dev(), file.ino()) }),
            Err(error) => {
                let _ = std::fs::remove_file(&hidden);
                Err(at(path, &error))
            }
        }
    }

    pub(super) async fn accept(&self) -> io::Result<UnixStream> {
        self.listener.accept().await.map(|(stream, _)| stream)
    }
}

impl Drop for AdminSocket {
    fn drop(&mut self) {
        let ours =
            std::fs::symlink_metadata(&self.path).is_ok_and(|file| (file.dev(), file.ino()) == self.file);
        if ours {
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

/// Whether `path` is free, or held by a socket that nobody listens on.
fn clear_the_way(path: &Path) -> io::Result<()> {
    let file = match std::fs::symlink_metadata(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(at(path, &error)),
    };
    if !file.file_type().is_socket() {
        let what = format!("{} exists and is not a socket; remove it or set [admin] socket", path.display());
        return Err(io::Error::new(io::ErrorKind::AlreadyExists, what));
    }
    match std::os::unix::net::UnixStream::connect(path) {
        Ok(_) => {
            let what = format!("a commwatch is listening on {} already", path.display());
            Err(io::Error::new(io::ErrorKind::AddrInUse, what))
        }
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => Ok(()),
        Err(error) => Err(at(path, &error)),
    }
}

fn at(path: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("cannot listen on {}: {error}", path.display()))
}
