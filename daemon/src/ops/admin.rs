//! The admin socket: how `commwatch status` and `commwatch reload` reach the running daemon.
//!
//! A Unix socket, JSON lines, one request and one answer a connection. Who may open the socket (its mode and its
//! folder's) may do all that it offers; nothing here asks for a name.

mod client;
mod socket;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::UnixStream;
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};

pub use client::{AskError, ask};
pub use socket::AdminSocket;

use super::status::Status;

/// Where the daemon listens when systemd runs it.
pub const DEFAULT_SOCKET: &str = "/run/commwatch/admin.sock";

/// The longest request.
pub const REQUEST_BYTES_MAX: usize = 64 * 1024;

/// The longest answer; a status is bounded to far less.
pub const ANSWER_BYTES_MAX: usize = 4 * 1024 * 1024;

/// Connections at once; further ones wait in the kernel's queue.
pub const CONNECTIONS_MAX: usize = 16;

/// A backup is answered within this; it ends by itself before.
pub const BACKUP_ANSWERED_WITHIN: Duration = Duration::from_secs(31 * 60);

/// What the daemon can be asked.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(tag = "command", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Request {
    /// How it goes: a [`Status`].
    Status {},
    /// Read the configuration again: what has changed, as text.
    Reload {
        /// Whether VIPs, the last route or many watches may go.
        #[serde(default)]
        allow_removals: bool,
    },
    /// Write a copy of the database: a [`BackedUp`].
    Backup {
        /// Absolute; nothing may be there yet.
        file: PathBuf,
    },
}

impl Request {
    /// How long an answer may take.
    fn answer_within(&self, patience: Patience) -> Duration {
        match self {
            Self::Status {} | Self::Reload { .. } => patience.answer,
            Self::Backup { .. } => patience.backup,
        }
    }
}

/// What the daemon answers.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Answer<T> {
    /// What was asked for.
    Ok(T),
    /// Why not, for a person.
    Error(String),
}

/// A copy of the database.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct BackedUp {
    /// Where it is.
    pub file: PathBuf,
    /// How large it is.
    pub bytes: u64,
    /// What it holds is as of then.
    pub taken: Timestamp,
}

/// What the engine does when asked. An answer that takes more than a minute (a backup: than half an hour) is no longer
/// waited for, and its future is dropped: a reload that has begun must go on by itself, a backup ends.
#[async_trait]
pub trait Admin: Send + Sync {
    /// How it goes.
    async fn status(&self) -> Status;

    /// Reads the configuration again. What has changed, or why it was refused.
    async fn reload(&self, allow_removals: bool) -> Result<String, String>;

    /// Writes a copy of the database, or says why there is none.
    async fn backup(&self, file: &Path) -> Result<BackedUp, String>;
}

/// How long we wait for others.
#[derive(Clone, Copy, Debug)]
struct Patience {
    /// For the request to come, and for the answer to be taken.
    io: Duration,
    /// For the engine.
    answer: Duration,
    /// For the engine's answer to a backup.
    backup: Duration,
    /// For answers under way, once it was asked to stop.
    drain: Duration,
}

const PATIENCE: Patience = Patience {
    io: Duration::from_secs(10),
    answer: Duration::from_secs(60),
    backup: BACKUP_ANSWERED_WITHIN,
    drain: Duration::from_secs(2),
};

/// How long to wait when the system has no more connections to give.
const ACCEPT_PAUSE: Duration = Duration::from_secs(1);

/// Answers until `shutdown`, then finishes the answers under way, for 2 s. The socket file goes with it.
///
/// # Errors
/// None today: faults of single connections end these alone.
pub async fn serve(
    socket: AdminSocket,
    admin: Arc<dyn Admin>,
    shutdown: CancellationToken,
) -> io::Result<()> {
    serve_with(socket, admin, shutdown, PATIENCE).await
}

async fn serve_with(
    socket: AdminSocket,
    admin: Arc<dyn Admin>,
    shutdown: CancellationToken,
    patience: Patience,
) -> io::Result<()> {
    let mut conversations = FuturesUnordered::new();
    loop {
        tokio::select! {
            () = shutdown.cancelled() => break,
            accepted = socket.accept(), if conversations.len() < CONNECTIONS_MAX => match accepted {
                Ok(stream) => conversations.push(converse(stream, &*admin, patience)),
                Err(error) => {
                    warn!(%error, "cannot accept on the admin socket");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            },
            Some(result) = conversations.next(), if !conversations.is_empty() => note(result),
        }
    }
    let rest = async {
        while let Some(result) = conversations.next().await {
            note(result);
        }
    };
    // What is not finished by then is cut off; the client says so.
    let _ = tokio::time::timeout(patience.drain, rest).await;
    Ok(())
}

/// A client that went away is its own business.
fn note(result: io::Result<()>) {
    if let Err(error) = result {
        debug!(%error, "a conversation on the admin socket ended early");
    }
}

/// One request, one answer.
async fn converse(mut stream: UnixStream, admin: &dyn Admin, patience: Patience) -> io::Result<()> {
    let request = tokio::time::timeout(patience.io, read_request(&mut stream)).await??;
    let answer = match request {
        Ok(request) => {
            let within = request.answer_within(patience);
            let late = |_| {
                let why = format!("the daemon did not answer within {} s", within.as_secs());
                encode(&Answer::<()>::Error(why))
            };
            tokio::time::timeout(within, answer(admin, request)).await.unwrap_or_else(late)
        }
        Err(why) => encode(&Answer::<()>::Error(why)),
    };
    let send = async {
        stream.write_all(answer.as_bytes()).await?;
        stream.shutdown().await
    };
    tokio::time::timeout(patience.io, send).await?
}

/// The request, or what is wrong with it.
async fn read_request(stream: &mut UnixStream) -> io::Result<Result<Request, String>> {
    let mut line = Vec::new();
    let mut bounded = BufReader::new(stream.take(REQUEST_BYTES_MAX as u64));
    bounded.read_until(b'\n', &mut line).await?;
    if line.len() == REQUEST_BYTES_MAX && line.last() != Some(&b'\n') {
        return Ok(Err(format!("a request is one line of at most {REQUEST_BYTES_MAX} bytes")));
    }
    Ok(serde_json::from_slice(&line)
        .map_err(|error| format!("not a request that this daemon knows: {error}")))
}

async fn answer(admin: &dyn Admin, request: Request) -> String {
    match request {
        Request::Status {} => encode(&Answer::Ok(admin.status().await)),
        Request::Reload { allow_removals } => encode(&match admin.reload(allow_removals).await {
            Ok(changes) => Answer::Ok(changes),
            Err(why) => Answer::Error(why),
        }),
        Request::Backup { file } if file.is_relative() => {
            encode(&Answer::<()>::Error(format!("{} is not an absolute path", file.display())))
        }
        Request::Backup { file } => encode(&match admin.backup(&file).await {
            Ok(backup) => Answer::Ok(backup),
            Err(why) => Answer::Error(why),
        }),
    }
}

fn encode<T: Serialize>(answer: &Answer<T>) -> String {
    let mut line = serde_json::to_string(answer).expect("answers have text for keys");
    if line.len() >= ANSWER_BYTES_MAX {
        let why = format!("the answer is longer than {ANSWER_BYTES_MAX} bytes");
        line = serde_json::to_string(&Answer::<()>::Error(why)).expect("a text is JSON");
    }
    line.push('\n');
    line
}

#[cfg(test)]
mod tests;
