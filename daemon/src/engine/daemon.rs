//! The daemon from outside: start, ask, reload, stop.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::board::Board;
use super::clock::{Clock, DayClock, SystemClock};
use super::control::{Control, Given};
use super::finds::Finds;
use super::health::Health;
use super::host::Host;
use super::plan::{Fetch, Plan};
use super::polling::{GUESTS_MAX, Guest};
use super::servers::Servers;
use super::silences::Silences;
use super::status;
use super::wakes::Wakes;
use crate::commbox::Client;
use crate::config::{Catalog, Config, Loaded};
use crate::core::heartbeat::Pulse;
use crate::core::pressure::Fill;
use crate::core::watch::Watch;
use crate::ops::admin::AdminSocket;
use crate::ops::log::LogHandle;
use crate::ops::metrics::Metrics;
use crate::ops::status::{ReloadStatus, Status};
use crate::ops::systemd::{self, Watchdog};
use crate::plugin::Children;
use crate::store::{self, History, SqliteStore, Store, StoreError};

/// While the store is being opened, systemd is told this often that it goes on.
const OPENING_TOLD_EVERY: Duration = Duration::from_secs(10);
/// How long the store may take to close, when all who used it have ended.
const CLOSE_WITHIN: Duration = Duration::from_secs(1);
/// Requests to reload that may wait; those who ask for more wait for a place.
const RELOADS_MAX: usize = 4;

/// What a daemon is started with.
pub struct Setup {
    /// The configuration, checked.
    pub loaded: Loaded,
    /// Where plugins are found, at start and at each reload.
    pub catalog: Arc<dyn Catalog + Send + Sync>,
    /// Whether a vanished database may become a new start.
    pub accept_new_baseline: bool,
    /// Starts plugin processes.
    pub children: Children,
    /// At most this many open deliveries; [`OUTBOX_ROWS_MAX`](store::OUTBOX_ROWS_MAX) but in tests.
    pub outbox_rows_max: u64,
    /// Changes the log's level at a reload; `None` where the log is somebody else's.
    pub log: Option<LogHandle>,
}

impl std::fmt::Debug for Setup {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Setup").field("config", &self.loaded.config.path).finish_non_exhaustive()
    }
}

/// Why the daemon did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The configuration names what is not there: a key, a certificate.
    #[error("{0}")]
    Config(String),
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// An address or a socket.
    #[error("cannot listen on {what}: {error}")]
    Listen {
        /// Where.
        what: String,
        /// Why not.
        error: std::io::Error,
    },
    /// The machine.
    #[error("cannot start: {0}")]
    System(String),
}

/// What the loops share.
pub(super) struct Shared {
    pub(super) store: Arc<dyn Store>,
    pub(super) clock: Arc<dyn Clock>,
    /// The same clock, for who sees to it that it goes with the machine's.
    pub(super) day: Arc<DayClock>,
    pub(super) servers: Arc<Servers>,
    /// How full the outbox is, as last counted.
    pub(super) fill: watch::Sender<Fill>,
    pub(super) plans: watch::Sender<Arc<Plan>>,
    pub(super) finds: Arc<Finds>,
    pub(super) board: Arc<Board>,
    pub(super) metrics: Arc<Metrics>,
    pub(super) wakes: Arc<Wakes>,
    pub(super) health: Arc<Health>,
    pub(super) silences: Arc<Silences>,
    pub(super) pulse: Arc<Mutex<Pulse>>,
    pub(super) watchdog: Watchdog,
    pub(super) started: Timestamp,
    pub(super) reload: Mutex<ReloadStatus>,
    pub(super) versions: Mutex<BTreeMap<String, String>>,
    pub(super) hosts: Mutex<BTreeMap<String, Arc<dyn Host>>>,
    pub(super) store_fault: Mutex<Option<String>>,
    pub(super) reloads: mpsc::Sender<Reload>,
    pub(super) guests: mpsc::Sender<Guest>,
    /// Held while somebody has everything tried.
    pub(super) examining: tokio::sync::Mutex<()>,
}

impl Shared {
    /// Why the daemon is not ready, a line each.
    pub(super) fn not_ready(&self) -> Vec<String> {
        self.store_fault.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }

    pub(super) fn store_fault(&self, fault: Option<String>) {
        *self.store_fault.lock().unwrap_or_else(PoisonError::into_inner) = fault;
    }
}

/// Somebody asks for a reload, and waits for what came of it.
pub(super) struct Reload {
    pub(super) allow_removals: bool,
    pub(super) reply: Option<oneshot::Sender<Result<String, String>>>,
}

/// A running daemon.
pub struct Daemon {
    shared: Arc<Shared>,
    http: SocketAddr,
    stop: CancellationToken,
    control: JoinHandle<()>,
}

impl std::fmt::Debug for Daemon {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Daemon").field("http", &self.http).finish_non_exhaustive()
    }
}

impl Daemon {
    /// Opens the store, binds, starts every notifier's process and every loop. Returns when polling has begun;
    /// `CommBox` or a receiver being away delays nothing.
    ///
    /// # Errors
    /// When the store, an address or a key is not to be had.
    pub async fn start(setup: Setup) -> Result<Self, StartError> {
        crate::tls::install();
        let Setup { loaded, catalog, accept_new_baseline, children, outbox_rows_max, log } = setup;
        let Loaded { config, sources, .. } = loaded;
        let clients = clients(&config).map_err(StartError::Config)?;
        let day = Arc::new(DayClock::new(Arc::new(SystemClock::new())));
        let clock: Arc<dyn Clock> = Arc::clone(&day) as Arc<dyn Clock>;
        let started = clock.now();
        let metrics = Arc::new(Metrics::new(started));
        let store = open_store(&config, accept_new_baseline, outbox_rows_max, &metrics).await?;
        let history: Arc<dyn History> = store.clone();
        let store: Arc<dyn Store> = store;
        let listen = config.http.listen;
        let listener = bind(listen).await?;
        let http = listener.local_addr().map_err(|error| listen_error(&listen.to_string(), error))?;
        let socket = AdminSocket::bind(&config.admin.socket)
            .map_err(|error| listen_error(&config.admin.socket.display().to_string(), error))?;
        let wakes = Arc::new(Wakes::default());
        let health =
            Arc::new(Health::load(Arc::clone(&store), Arc::clone(&metrics), Arc::clone(&wakes)).await?);
        let silences = Arc::new(Silences::load(&*store, started).await?);
        let fill = store.fill().await?;
        metrics.configure(&config, started);
        metrics.config_taken(started);
        let (reloads, asked) = mpsc::channel(RELOADS_MAX);
        let (guests, guests_asked) = mpsc::channel(GUESTS_MAX);
        let shared = Arc::new(Shared {
            store,
            servers: Arc::new(Servers::new(Arc::clone(&clock))),
            clock,
            day,
            fill: watch::channel(fill).0,
            plans: watch::channel(Arc::new(Plan::new(config, clients))).0,
            finds: Arc::default(),
            board: Arc::new(Board::default()),
            metrics,
            wakes,
            health,
            silences,
            pulse: Arc::default(),
            watchdog: Watchdog::new(),
            started,
            reload: Mutex::new(ReloadStatus { last_ok: true, at: started, error: None, held: None }),
            versions: Mutex::default(),
            hosts: Mutex::default(),
            store_fault: Mutex::default(),
            reloads,
            guests,
            examining: tokio::sync::Mutex::default(),
        });
        let stop = CancellationToken::new();
        let control = Control::start(
            Arc::clone(&shared),
            Given {
                log,
                catalog,
                children,
                asked,
                guests: guests_asked,
                sources,
                http,
                stop: stop.clone(),
                listener,
                socket,
                history,
            },
        )?;
        Ok(Self { shared, http, stop, control: tokio::spawn(control.run()) })
    }

    /// Where metrics, health and the page are.
    pub fn http(&self) -> SocketAddr {
        self.http
    }

    /// How it goes.
    pub async fn status(&self) -> Status {
        status::snapshot(&self.shared).await
    }

    /// Whether each conversation has been asked for, and each look for some has ended, well or not, since it started.
    pub fn has_asked_for_everything(&self) -> bool {
        let Shared { plans, finds, board, .. } = &*self.shared;
        let plan = plans.borrow().clone();
        let watches = finds.all(&plan);
        let board = board.read();
        let is_polled = |watch: &Watch| {
            board.watches.get(&watch.conversation).is_some_and(|seen| seen.last_poll.is_some())
        };
        plan.seeks.keys().all(|seek| board.looks.get(seek).is_some_and(|seen| seen.ended))
            && watches.iter().all(is_polled)
    }

    /// Metrics, as `/metrics` has them.
    pub fn metrics_text(&self) -> String {
        self.shared.metrics.encode()
    }

    /// Reads the configuration again.
    ///
    /// # Errors
    /// Why it was refused or is held; what ran before still runs.
    pub async fn reload(&self, allow_removals: bool) -> Result<String, String> {
        ask(&self.shared.reloads, allow_removals).await
    }

    /// Why this process must end, once that is so; most never have to. What to do then is to [`stop`](Self::stop), and to
    /// start again.
    pub async fn failed(&self) -> StoreError {
        self.shared.store.failed().await
    }

    /// Stops within [`STOP_DEADLINE`](super::STOP_DEADLINE): no more polls, lanes end what is in flight,
    /// plugins are closed, HTTP and the store go last.
    pub async fn stop(self) {
        let Self { shared, stop, control, .. } = self;
        stop.cancel();
        if let Err(error) = control.await {
            tracing::error!(%error, "the daemon's own loop died");
        }
        // On a thread of its own: closing waits for the disk, and nobody can interrupt that.
        let closing = tokio::task::spawn_blocking(move || drop(shared));
        if tokio::time::timeout(CLOSE_WITHIN, closing).await.is_err() {
            tracing::warn!("stopping: the store took too long to close; going on");
        }
    }
}

pub(super) async fn ask(reloads: &mpsc::Sender<Reload>, allow_removals: bool) -> Result<String, String> {
    let (reply, answer) = oneshot::channel();
    let stopping = || "the daemon is stopping".to_owned();
    reloads.send(Reload { allow_removals, reply: Some(reply) }).await.map_err(|_| stopping())?;
    answer.await.map_err(|_| stopping())?
}

/// Checking and migrating a large database takes a while; systemd is told that it goes on.
async fn open_store(
    config: &Config,
    accept_new_baseline: bool,
    outbox_rows_max: u64,
    metrics: &Arc<Metrics>,
) -> Result<Arc<SqliteStore>, StartError> {
    let metrics = Arc::clone(metrics);
    let observe = move |took, committed: bool| {
        metrics.store_commit(took);
        if !committed {
            metrics.store_error();
        }
    };
    let options = store::Options {
        accept_new_baseline,
        outbox_rows_max,
        observe: Box::new(observe),
        ..store::Options::new(&config.store.path)
    };
    let mut opening = tokio::task::spawn_blocking(move || SqliteStore::open(options));
    loop {
        tokio::select! {
            opened = &mut opening => {
                let opened = opened.map_err(|panic| StartError::System(panic.to_string()))?;
                return Ok(Arc::new(opened?));
            }
            () = tokio::time::sleep(OPENING_TOLD_EVERY) => {
                tracing::info!("the database is still being checked or migrated");
                systemd::extend_timeout(OPENING_TOLD_EVERY * 3);
            }
        }
    }
}

/// One client for each account, with its key read just now.
pub(super) fn clients(config: &Config) -> Result<BTreeMap<String, Arc<dyn Fetch>>, String> {
    let mut clients: BTreeMap<String, Arc<dyn Fetch>> = BTreeMap::new();
    for (name, account) in &config.accounts {
        let client = Client::open(name, account)?;
        clients.insert(name.clone(), Arc::new(client));
    }
    Ok(clients)
}

async fn bind(listen: SocketAddr) -> Result<TcpListener, StartError> {
    TcpListener::bind(listen).await.map_err(|error| listen_error(&listen.to_string(), error))
}

fn listen_error(what: &str, error: std::io::Error) -> StartError {
    StartError::Listen { what: what.to_owned(), error }
}
