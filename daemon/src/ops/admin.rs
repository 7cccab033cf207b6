//! The admin socket: how commands reach the running daemon.
//!
//! A Unix socket, JSON lines, one request and one answer a connection. Who may open the socket (its mode and its
//! folder's) may read; who may change things is decided in [`decide`].

mod client;
mod rights;
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
pub use rights::{Peer, Right, decide};
pub use socket::AdminSocket;

use super::status::Status;
use crate::core::online::Online;
use crate::core::replay::{ReplayReport, Selection};
use crate::core::silence::{Acknowledged, Added, Draft, Listed, Silence};
use crate::core::story::{About, DeliveryStory, EventStory, Held, Several, Why};
use crate::core::watch::ConversationId;

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

/// [`Request::Online`] is answered within this; it ends by itself before.
pub const ONLINE_ANSWERED_WITHIN: Duration = Duration::from_secs(150);

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
    /// Try keys, clocks, watches and notifiers, and send nothing: an [`Online`].
    Online {},
    /// Why somebody was told of something, or was not: a [`Why`].
    Why {
        /// Of what.
        of: About,
    },
    /// Events, newest first: [`Several`] [`EventStory`].
    Events {
        /// Which.
        of: EventsAsked,
    },
    /// Deliveries, newest first: [`Several`] [`DeliveryStory`].
    Deliveries {
        /// Which.
        of: DeliveriesAsked,
    },
    /// Send again what was delivered or given up: a [`ReplayReport`].
    Replay {
        /// Which deliveries.
        of: Selection,
        /// Whether to do nothing but say what that is.
        #[serde(default)]
        dry_run: bool,
    },
    /// Forget dead letters: how many.
    DropDead {
        /// Which.
        of: Selection,
    },
    /// Try a notifier's receiver now: why it was held, if it was.
    Resume {
        /// Its name.
        notifier: String,
    },
    /// Try a notifier with a test that goes the whole way: the event's id.
    Test {
        /// Its name.
        notifier: String,
        /// As if it were about this watch.
        #[serde(default)]
        watch: Option<String>,
        /// As an event of this type looks.
        #[serde(default)]
        like: Option<String>,
    },
    /// Add a silence: an [`Added`].
    SilenceAdd {
        /// Which.
        draft: Draft,
    },
    /// Silences: [`Listed`] ones.
    Silences {
        /// Whether those that are over are wanted too.
        #[serde(default)]
        all: bool,
    },
    /// End a silence before its time: the [`Silence`].
    SilenceExpire {
        /// Its number.
        id: i64,
        /// Who asks, as the asking program says.
        #[serde(default)]
        by: Option<String>,
    },
    /// Say that somebody knows of who waits: an [`Acknowledged`].
    Ack {
        /// The watch.
        watch: String,
        /// One conversation of it; left out = all.
        #[serde(default)]
        conversation: Option<ConversationId>,
        /// Who asks, as the asking program says.
        #[serde(default)]
        by: Option<String>,
    },
}

impl Request {
    /// How long an answer may take.
    fn answer_within(&self, patience: Patience) -> Duration {
        match self {
            Self::Backup { .. } => patience.backup,
            Self::Online {} => patience.online,
            _ => patience.answer,
        }
    }
}

/// Which events are asked for; every condition that is there must hold.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct EventsAsked {
    /// Found by this watch.
    #[serde(default)]
    pub watch: Option<String>,
    /// Of this type.
    #[serde(default, rename = "type")]
    pub kind: Option<String>,
    /// Found at or after then.
    #[serde(default)]
    pub since: Option<Timestamp>,
    /// At most so many, and never more than [`LIST_MAX`](crate::core::story::LIST_MAX).
    pub limit: usize,
}

/// Which deliveries are asked for; every condition that is there must hold.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct DeliveriesAsked {
    /// Dead letters alone.
    #[serde(default)]
    pub dead: bool,
    /// Of this notifier.
    #[serde(default)]
    pub notifier: Option<String>,
    /// At most so many, and never more than [`LIST_MAX`](crate::core::story::LIST_MAX).
    pub limit: usize,
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
    /// Whether who asks may change things; says why not.
    async fn may_change(&self, peer: Option<Peer>) -> Result<(), String>;

    /// How it goes.
    async fn status(&self) -> Status;

    /// Reads the configuration again. What has changed, or why it was refused.
    async fn reload(&self, allow_removals: bool) -> Result<String, String>;

    /// Writes a copy of the database, or says why there is none.
    async fn backup(&self, file: &Path) -> Result<BackedUp, String>;

    /// Tries what the configuration names.
    async fn online(&self) -> Result<Online, String>;

    /// Why somebody was told of something, or was not.
    async fn why(&self, about: About) -> Result<Why, String>;

    /// Events, newest first.
    async fn events(&self, asked: EventsAsked) -> Result<Several<EventStory>, String>;

    /// Deliveries, newest first.
    async fn deliveries(&self, asked: DeliveriesAsked) -> Result<Several<DeliveryStory>, String>;

    /// Sends again what was delivered or given up.
    async fn replay(&self, selection: Selection, dry_run: bool) -> Result<ReplayReport, String>;

    /// Forgets dead letters; says how many.
    async fn drop_dead(&self, selection: Selection) -> Result<u64, String>;

    /// Tries a notifier's receiver now; says why it was held, if it was.
    async fn resume(&self, notifier: &str) -> Result<Option<Held>, String>;

    /// Tries a notifier with a test; gives the event's id.
    async fn test(
        &self,
        notifier: &str,
        watch: Option<String>,
        like: Option<String>,
        user: &str,
    ) -> Result<String, String>;

    /// Adds a silence; `user` is what the socket knows of who asks.
    async fn add_silence(&self, draft: Draft, user: &str) -> Result<Added, String>;

    /// Silences that hold; those that are over as well, where all are asked for.
    async fn silences(&self, all: bool) -> Result<Vec<Listed>, String>;

    /// Ends a silence before its time.
    async fn expire_silence(&self, id: i64, by: Option<String>, user: &str) -> Result<Silence, String>;

    /// Notes that somebody knows of who waits.
    async fn ack(
        &self,
        watch: &str,
        within: Option<ConversationId>,
        by: Option<String>,
        user: &str,
    ) -> Result<Acknowledged, String>;
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
    /// For the engine's answer to [`Request::Online`].
    online: Duration,
    /// For answers under way, once it was asked to stop.
    drain: Duration,
}

const PATIENCE: Patience = Patience {
    io: Duration::from_secs(10),
    answer: Duration::from_secs(60),
    backup: BACKUP_ANSWERED_WITHIN,
    online: ONLINE_ANSWERED_WITHIN,
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
    let peer = stream.peer_cred().ok().map(|peer| Peer { uid: peer.uid(), gid: peer.gid() });
    let user = peer.map_or("unknown user".to_owned(), |peer| format!("uid {}", peer.uid));
    let request = tokio::time::timeout(patience.io, read_request(&mut stream)).await??;
    let request = match request {
        Ok(request) if request.right() == Right::Read => Ok(request),
        Ok(request) => admin.may_change(peer).await.map(|()| request),
        Err(why) => Err(why),
    };
    let answer = match request {
        Ok(request) => {
            let within = request.answer_within(patience);
            let late = |_| {
                let why = format!("the daemon did not answer within {} s", within.as_secs());
                encode(&Answer::<()>::Error(why))
            };
            tokio::time::timeout(within, answer(admin, request, &user)).await.unwrap_or_else(late)
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

async fn answer(admin: &dyn Admin, request: Request, user: &str) -> String {
    match request {
        Request::Status {} => encode(&Answer::Ok(admin.status().await)),
        Request::Reload { allow_removals } => encode_result(admin.reload(allow_removals).await),
        Request::Backup { file } if file.is_relative() => {
            encode(&Answer::<()>::Error(format!("{} is not an absolute path", file.display())))
        }
        Request::Backup { file } => encode_result(admin.backup(&file).await),
        Request::Online {} => encode_result(admin.online().await),
        Request::Why { of } => encode_result(admin.why(of).await),
        Request::Events { of } => encode_result(admin.events(of).await),
        Request::Deliveries { of } => encode_result(admin.deliveries(of).await),
        Request::Replay { of, dry_run } => encode_result(admin.replay(of, dry_run).await),
        Request::DropDead { of } => encode_result(admin.drop_dead(of).await),
        Request::Resume { notifier } => encode_result(admin.resume(&notifier).await),
        Request::Test { notifier, watch, like } => {
            encode_result(admin.test(&notifier, watch, like, user).await)
        }
        Request::SilenceAdd { draft } => encode_result(admin.add_silence(draft, user).await),
        Request::Silences { all } => encode_result(admin.silences(all).await),
        Request::SilenceExpire { id, by } => encode_result(admin.expire_silence(id, by, user).await),
        Request::Ack { watch, conversation, by } => {
            encode_result(admin.ack(&watch, conversation, by, user).await)
        }
    }
}

fn encode_result<T: Serialize>(result: Result<T, String>) -> String {
    encode(&match result {
        Ok(answer) => Answer::Ok(answer),
        Err(why) => Answer::Error(why),
    })
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
pub(crate) mod tests;
