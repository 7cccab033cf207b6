//! Asking the daemon, from the command line. Blocking: a command needs no runtime.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::de::DeserializeOwned;

use super::{ANSWER_BYTES_MAX, Answer, PATIENCE, Request};

/// How much longer a command waits for its answer than the daemon may take for it.
const ANSWER_SPARE: Duration = Duration::from_secs(15);

/// How long a command waits for the daemon to take its request.
const SEND_WITHIN: Duration = Duration::from_secs(10);

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    /// Nobody listens there.
    #[error(
        "no commwatch is listening on {socket}\n  hint: is it running (systemctl status commwatch)? \
         --socket names another one, and -c the configuration it runs with"
    )]
    NotRunning {
        /// Where it was looked for.
        socket: PathBuf,
    },
    /// The socket is not for us.
    #[error("not allowed to open {socket}\n  hint: it is for root and members of the daemon's own group")]
    Forbidden {
        /// The socket.
        socket: PathBuf,
    },
    /// The daemon says no.
    #[error("{0}")]
    Refused(String),
    /// The conversation broke off, or its answer could not be read.
    #[error("no usable answer on {socket}: {why}")]
    Broken {
        /// The socket.
        socket: PathBuf,
        /// What went wrong.
        why: String,
    },
}

/// Asks the daemon that listens on `socket`.
///
/// # Errors
/// See [`AskError`]; none takes longer than about a minute and a half, of a backup half an hour more.
pub fn ask<T: DeserializeOwned>(socket: &Path, request: &Request) -> Result<T, AskError> {
    let broken = |why: String| AskError::Broken { socket: socket.to_owned(), why };
    let stream = UnixStream::connect(socket).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused | io::ErrorKind::NotADirectory => {
            AskError::NotRunning { socket: socket.to_owned() }
        }
        io::ErrorKind::PermissionDenied => AskError::Forbidden { socket: socket.to_owned() },
        _ => broken(error.to_string()),
    })?;
    let within = request.answer_within(PATIENCE) + ANSWER_SPARE;
    let line = converse(stream, request, within).map_err(|error| match error.kind() {
        io::ErrorKind::WouldBlock => broken(format!("none came within {} s", within.as_secs())),
        _ => broken(error.to_string()),
    })?;
    match serde_json::from_slice(&line) {
        Ok(Answer::Ok(answer)) => Ok(answer),
        Ok(Answer::Error(why)) => Err(AskError::Refused(why)),
        Err(_) if line.is_empty() => Err(broken("the daemon hung up; is it stopping?".into())),
        Err(error) => Err(broken(format!("{error}; is it of another version?"))),
    }
}

fn converse(mut stream: UnixStream, request: &Request, within: Duration) -> io::Result<Vec<u8>> {
    stream.set_write_timeout(Some(SEND_WITHIN))?;
    stream.set_read_timeout(Some(within))?;
    let mut line = serde_json::to_vec(request)?;
    line.push(b'\n');
    stream.write_all(&line)?;
    let mut answer = Vec::new();
    BufReader::new(stream.take(ANSWER_BYTES_MAX as u64)).read_until(b'\n', &mut answer)?;
    Ok(answer)
}
