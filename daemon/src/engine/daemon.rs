//! Start, reload, stop: the life of the daemon, and the loop that waits for what may happen to it.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use futures_util::future::BoxFuture;
use jiff::Timestamp;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::board::Board;
use super::clock::{Clock, SystemClock};
use super::health::Health;
use super::notifiers::{Made, Running, Workshop};
use super::plan::{Fetch, Plan};
use super::polling::{self, Polling};
use super::reload::{self, Diff};
use super::shutdown::Steps;
use super::wakes::Wakes;
use super::{housekeeping, status};
use crate::commbox::{self, Client};

use crate::config::{self, Catalog, Config, Loaded, Sources, Watcher};
use crate::ops::admin::{self, Admin, AdminSocket};
use crate::ops::http::{self, Access, Source};
use crate::ops::metrics::Metrics;
use crate::ops::status::{ReloadStatus, Status};
use crate::ops::systemd::{self, Watchdog};
use crate::plugin::{Children, HttpService, PluginHost};
use crate::store::{self, SqliteStore, Store, StoreError};

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
    pub(super) plans: watch::Sender<Arc<Plan>>,
    pub(super) board: Arc<Board>,
    pub(super) metrics: Arc<Metrics>,
    pub(super) wakes: Arc<Wakes>,
    pub(super) health: Arc<Health>,
    pub(super) watchdog: Watchdog,
    pub(super) started: Timestamp,
    pub(super) reload: Mutex<ReloadStatus>,
    pub(super) versions: Mutex<BTreeMap<String, String>>,
    pub(super) hosts: Mutex<BTreeMap<String, PluginHost>>,
    store_fault: Mutex<Option<String>>,
    reloads: mpsc::Sender<Reload>,
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
struct Reload {
    allow_removals: bool,
    reply: Option<oneshot::Sender<Result<String, String>>>,
}

/// A running daemon.
pub struct Daemon {
    shared: Arc<Shared>,
    http: SocketAddr,
    stop: CancellationToken,
    main: JoinHandle<()>,
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
        let Setup { loaded, catalog, accept_new_baseline, children } = setup;
        let Loaded { config, sources, .. } = loaded;
        let clients = clients(&config).map_err(StartError::Config)?;
        let started = Timestamp::now();
        let metrics = Arc::new(Metrics::new(started));
        let store = open_store(&config, accept_new_baseline, &metrics)?;
        let listen = config.http.listen;
        let listener = bind(listen).await?;
        let http = listener.local_addr().map_err(|error| listen_error(&listen.to_string(), error))?;
        let socket = AdminSocket::bind(&config.admin.socket)
            .map_err(|error| listen_error(&config.admin.socket.display().to_string(), error))?;
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
        let wakes = Arc::new(Wakes::default());
        let health =
            Arc::new(Health::load(Arc::clone(&store), Arc::clone(&metrics), Arc::clone(&wakes)).await?);
        metrics.configure(&config, started);
        metrics.config_taken(started);
        let (reloads, asked) = mpsc::channel(RELOADS_MAX);
        let shared = Arc::new(Shared {
            store,
            clock,
            plans: watch::channel(Arc::new(Plan::new(config, clients))).0,
            board: Arc::new(Board::default()),
            metrics,
            wakes,
            health,
            watchdog: Watchdog::new(),
            started,
            reload: Mutex::new(ReloadStatus { last_ok: true, at: started, error: None, held: None }),
            versions: Mutex::default(),
            hosts: Mutex::default(),
            store_fault: Mutex::default(),
            reloads,
        });
        let stop = CancellationToken::new();
        let main = Main::start(
            Arc::clone(&shared),
            Given { catalog, children, asked, sources, http, stop: stop.clone(), listener, socket },
        )?;
        Ok(Self { shared, http, stop, main: tokio::spawn(main.run()) })
    }

    /// Where metrics, health and the page are.
    pub fn http(&self) -> SocketAddr {
        self.http
    }

    /// How it goes.
    pub async fn status(&self) -> Status {
        status::snapshot(&self.shared).await
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

    /// Stops within [`STOP_DEADLINE`](super::STOP_DEADLINE): no more polls, lanes end what is in flight,
    /// plugins and the store are closed, HTTP goes last.
    pub async fn stop(self) {
        self.stop.cancel();
        if let Err(error) = self.main.await {
            tracing::error!(%error, "the daemon's own loop died");
        }
    }
}

async fn ask(reloads: &mpsc::Sender<Reload>, allow_removals: bool) -> Result<String, String> {
    let (reply, answer) = oneshot::channel();
    let stopping = || "the daemon is stopping".to_owned();
    reloads.send(Reload { allow_removals, reply: Some(reply) }).await.map_err(|_| stopping())?;
    answer.await.map_err(|_| stopping())?
}

/// What [`Main`] is started with.
struct Given {
    catalog: Arc<dyn Catalog + Send + Sync>,
    children: Children,
    asked: mpsc::Receiver<Reload>,
    sources: Sources,
    http: SocketAddr,
    stop: CancellationToken,
    listener: TcpListener,
    socket: AdminSocket,
}

/// The daemon's own loop and what it alone owns.
struct Main {
    http: SocketAddr,
    shared: Arc<Shared>,
    catalog: Arc<dyn Catalog + Send + Sync>,
    workshop: Workshop,
    running: BTreeMap<String, Running>,
    asked: mpsc::Receiver<Reload>,
    watcher: Option<Watcher>,
    file_changed: mpsc::Receiver<()>,
    file_changes: mpsc::Sender<()>,
    access: watch::Sender<Access>,
    stop: CancellationToken,
    polling_stop: CancellationToken,
    outside_stop: CancellationToken,
    polling: JoinHandle<()>,
    outside: Vec<(&'static str, JoinHandle<()>)>,
}

/// Everything that can happen to a daemon.
enum Wake {
    Stop,
    ReloadAsked(Reload),
    FilesChanged,
}

impl Main {
    fn start(shared: Arc<Shared>, given: Given) -> Result<Self, StartError> {
        let Given { catalog, children, asked, sources, http, stop, listener, socket } = given;
        let plan = shared.plans.borrow().clone();
        let service = HttpService::new().map_err(|error| StartError::System(error.to_string()))?;
        let workshop = Workshop { children, http: Arc::new(service), tasks: TaskTracker::new() };
        let running = plan
            .config
            .notifiers
            .iter()
            .map(|(name, notifier)| (name.clone(), workshop.make(name, notifier).run(name, &shared)))
            .collect();
        let (polling_stop, outside_stop) = (CancellationToken::new(), CancellationToken::new());
        let polling = Polling::new(polling::Parts {
            store: Arc::clone(&shared.store),
            clock: Arc::clone(&shared.clock),
            plans: shared.plans.subscribe(),
            board: Arc::clone(&shared.board),
            metrics: Arc::clone(&shared.metrics),
            wakes: Arc::clone(&shared.wakes),
            health: Arc::clone(&shared.health),
            beat: shared.watchdog.beat("polling"),
            stop: polling_stop.clone(),
        });
        let (access, allowed) = watch::channel(access(&plan.config));
        let (file_changes, file_changed) = mpsc::channel(1);
        let mut main = Self {
            http,
            workshop,
            running,
            asked,
            watcher: None,
            file_changed,
            file_changes,
            access,
            stop,
            polling_stop,
            polling: tokio::spawn(polling.run()),
            outside: Vec::new(),
            catalog,
            outside_stop,
            shared,
        };
        main.note_hosts();
        main.watch_files(&plan.config, sources);
        main.serve_outside(listener, allowed, socket);
        Ok(main)
    }

    /// HTTP, the admin socket, housekeeping and the watchdog: they live until the very end.
    fn serve_outside(&mut self, listener: TcpListener, access: watch::Receiver<Access>, socket: AdminSocket) {
        let outside = Arc::new(Outside { shared: Arc::clone(&self.shared) });
        let stop = &self.outside_stop;
        let source: Arc<dyn Source> = outside.clone();
        let served = http::serve(listener, source, access, stop.clone());
        let served = async move {
            if let Err(error) = served.await {
                tracing::error!(%error, "HTTP is no longer served");
            }
        };
        let admin: Arc<dyn Admin> = outside;
        let answered = admin::serve(socket, admin, stop.clone());
        let answered = async move {
            if let Err(error) = answered.await {
                tracing::error!(%error, "the admin socket is no longer served");
            }
        };
        let beat = self.shared.watchdog.beat("housekeeping");
        let kept = housekeeping::run(Arc::clone(&self.shared), beat, stop.clone());
        let watched = self.shared.watchdog.clone().watch(systemd::look_every(), systemd::feed, stop.clone());
        self.outside = vec![
            ("http", tokio::spawn(served)),
            ("admin socket", tokio::spawn(answered)),
            ("housekeeping", tokio::spawn(kept)),
            ("watchdog", tokio::spawn(watched)),
        ];
    }

    async fn run(mut self) {
        systemd::ready("polling");
        let watches = self.shared.plans.borrow().watches.len();
        let (http, notifiers) = (self.http, self.running.len());
        tracing::info!(%http, watches, notifiers, "commwatch is ready: {watches} watches, status on http://{http}/");
        loop {
            match self.wait().await {
                Wake::Stop => break,
                Wake::FilesChanged => {
                    tracing::info!("the configuration's files have changed");
                    let _ = self.reload(false).await;
                }
                Wake::ReloadAsked(reload) => {
                    let result = self.reload(reload.allow_removals).await;
                    if let Some(reply) = reload.reply {
                        let _ = reply.send(result);
                    }
                }
            }
        }
        self.stop_everything().await;
    }

    async fn wait(&mut self) -> Wake {
        tokio::select! {
            biased;
            () = self.stop.cancelled() => Wake::Stop,
            Some(reload) = self.asked.recv() => Wake::ReloadAsked(reload),
            Some(()) = self.file_changed.recv() => Wake::FilesChanged,
        }
    }

    /// Reads, checks and builds everything first, then swaps.
    async fn reload(&mut self, allow_removals: bool) -> Result<String, String> {
        systemd::reloading();
        let result = self.try_reload(allow_removals).await;
        let at = self.shared.clock.now();
        let mut reload = self.shared.reload.lock().unwrap_or_else(PoisonError::into_inner);
        match &result {
            Ok(diff) => {
                tracing::info!("reloaded the configuration: {diff}");
                self.shared.metrics.config_taken(at);
                *reload = ReloadStatus { last_ok: true, at, error: None, held: None };
            }
            Err(refusal) => {
                tracing::error!("the configuration in use stays: {refusal}");
                self.shared.metrics.config_refused();
                let (error, held) = match refusal {
                    Refusal::Held(why) => (None, Some(why.clone())),
                    Refusal::Refused(why) => (Some(why.clone()), None),
                };
                *reload = ReloadStatus { last_ok: false, at, error, held };
            }
        }
        drop(reload);
        systemd::ready("polling");
        result.map(|diff| diff.to_string()).map_err(|refusal| refusal.to_string())
    }

    async fn try_reload(&mut self, allow_removals: bool) -> Result<Diff, Refusal> {
        let old = self.shared.plans.borrow().clone();
        let (path, catalog) = (old.config.path.clone(), Arc::clone(&self.catalog));
        let loading = tokio::task::spawn_blocking(move || config::load(&path, &*catalog));
        let loaded = loading.await.map_err(|panic| Refusal::Refused(panic.to_string()))?;
        // Followed even when it is refused: the mending of a mistake may be in a file that is new.
        let loaded = loaded.map_err(|mistakes| Refusal::Refused(mistakes.to_string()))?;
        let sources = loaded.sources;
        for warning in &loaded.warnings {
            tracing::warn!("{warning}");
        }
        let config = loaded.config;
        if !allow_removals && let Some(why) = reload::dangerous(&old.config, &config) {
            return Err(Refusal::Held(why));
        }
        let clients = clients(&config).map_err(Refusal::Refused)?;
        let made = self.make_changed(&config).await.map_err(Refusal::Refused)?;
        let diff = Diff::between(&old.config, &config);
        self.swap(Plan::new(config, clients), made, sources).await;
        Ok(diff)
    }

    /// Starts a process for each notifier that is new or changed. One that does not start refuses the reload,
    /// unless it did not run before either.
    async fn make_changed(&self, config: &Config) -> Result<BTreeMap<String, Made>, String> {
        let mut made: BTreeMap<String, Made> = BTreeMap::new();
        let mut fault = None;
        for (name, notifier) in &config.notifiers {
            let running = self.running.get(name);
            if running.is_some_and(|running| !self.workshop.differs(running, notifier)) {
                continue;
            }
            let new = self.workshop.make(name, notifier);
            let may_fail = running.is_some_and(Running::has_failed);
            if let Err(why) = new.started().await
                && !may_fail
            {
                fault = Some(format!("notifier {name} does not start: {why}"));
            }
            made.insert(name.clone(), new);
        }
        let Some(fault) = fault else { return Ok(made) };
        for made in made.into_values() {
            made.discard().await;
        }
        Err(fault)
    }

    /// From here on nothing can fail.
    async fn swap(&mut self, plan: Plan, made: BTreeMap<String, Made>, sources: Sources) {
        let now = self.shared.clock.now();
        self.shared.metrics.configure(&plan.config, now);
        let _ = self.access.send(access(&plan.config));
        let plan = Arc::new(plan);
        self.shared.plans.send_replace(Arc::clone(&plan));
        for (name, made) in made {
            match self.running.get_mut(&name) {
                Some(running) => {
                    let unused = running.exchange(&name, made, &self.shared).await;
                    self.workshop.tasks.spawn(async move { unused.stop().await });
                }
                None => {
                    self.running.insert(name.clone(), made.run(&name, &self.shared));
                }
            }
        }
        let gone: Vec<String> =
            self.running.keys().filter(|name| !plan.config.notifiers.contains_key(*name)).cloned().collect();
        for name in gone {
            if let Some(mut running) = self.running.remove(&name) {
                // What waits for it stays in the outbox, in case it comes back.
                self.workshop.tasks.spawn(async move {
                    running.stop_looping().await;
                    running.host.stop().await;
                });
            }
        }
        self.note_hosts();
        self.watch_files(&plan.config, sources);
    }

    fn note_hosts(&self) {
        let hosts = self.running.iter().map(|(name, running)| (name.clone(), running.host.clone()));
        *self.shared.hosts.lock().unwrap_or_else(PoisonError::into_inner) = hosts.collect();
    }

    fn watch_files(&mut self, config: &Config, sources: Sources) {
        if !config.reload.on_change {
            self.watcher = None;
            return;
        }
        if let Some(watcher) = &mut self.watcher {
            watcher.follow(&sources);
            return;
        }
        match Watcher::start(&sources, config.reload.settle, self.file_changes.clone()) {
            Ok(watcher) => self.watcher = Some(watcher),
            Err(error) => {
                tracing::warn!(%error, "changes of the configuration's files are not seen; use `commwatch reload`");
            }
        }
    }

    async fn stop_everything(mut self) {
        systemd::stopping("stopping");
        tracing::info!("stopping");
        let steps = Steps::begin();
        self.watcher = None;
        self.polling_stop.cancel();
        let polling = &mut self.polling;
        if !steps.step("polls under way", 0.5, async { drop(polling.await) }).await {
            self.polling.abort();
        }
        let running = &mut self.running;
        let lanes = async {
            let ends = running.values_mut().map(Running::stop_looping);
            futures_util::future::join_all(ends).await;
        };
        if !steps.step("deliveries in flight", 0.5, lanes).await {
            self.running.values().for_each(Running::abort);
        }
        let hosts: Vec<PluginHost> = self.running.values().map(|running| running.host.clone()).collect();
        let tasks = self.workshop.tasks.clone();
        let plugins = async {
            futures_util::future::join_all(hosts.iter().map(PluginHost::stop)).await;
            tasks.close();
            tasks.wait().await;
        };
        steps.step("plugins", 0.6, plugins).await;
        self.outside_stop.cancel();
        for (name, task) in &mut self.outside {
            if !steps.step(name, 0.5, async { drop((&mut *task).await) }).await {
                task.abort();
            }
        }
        tracing::info!("stopped");
    }
}

/// Why a reload changed nothing.
enum Refusal {
    Refused(String),
    Held(String),
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Refused(why) => write!(f, "the new configuration is refused: {why}"),
            Self::Held(why) => write!(
                f,
                "the new configuration is held, since {why}; `commwatch reload --allow-removals` takes it into use"
            ),
        }
    }
}

/// What the page and the admin socket ask.
struct Outside {
    shared: Arc<Shared>,
}

impl Source for Outside {
    fn status(&self) -> BoxFuture<'_, Status> {
        Box::pin(status::snapshot(&self.shared))
    }

    fn metrics_text(&self) -> String {
        self.shared.metrics.encode()
    }

    fn health(&self) -> http::Health {
        http::Health { stuck: self.shared.watchdog.pulse().stuck(), not_ready: self.shared.not_ready() }
    }
}

#[async_trait]
impl Admin for Outside {
    async fn status(&self) -> Status {
        status::snapshot(&self.shared).await
    }

    async fn reload(&self, allow_removals: bool) -> Result<String, String> {
        ask(&self.shared.reloads, allow_removals).await
    }
}

fn open_store(
    config: &Config,
    accept_new_baseline: bool,
    metrics: &Arc<Metrics>,
) -> Result<Arc<dyn Store>, StartError> {
    let metrics = Arc::clone(metrics);
    let observe = move |took, committed: bool| {
        metrics.store_commit(took);
        if !committed {
            metrics.store_error();
        }
    };
    let options = store::Options {
        accept_new_baseline,
        observe: Box::new(observe),
        ..store::Options::new(&config.store.path)
    };
    Ok(Arc::new(SqliteStore::open(options)?))
}

/// One client for each account, with its key read just now.
fn clients(config: &Config) -> Result<BTreeMap<String, Arc<dyn Fetch>>, String> {
    let mut clients: BTreeMap<String, Arc<dyn Fetch>> = BTreeMap::new();
    for (name, account) in &config.accounts {
        let token = config::read_secret(&account.token)
            .map_err(|error| format!("the key of account {name}: {error}"))?;
        let client = Client::new(account, token, commbox::Limits::default())
            .map_err(|error| format!("account {name}: {error}"))?;
        clients.insert(name.clone(), Arc::new(client));
    }
    Ok(clients)
}

fn access(config: &Config) -> Access {
    let token = config.http.token.as_ref().and_then(|reference| {
        config::read_secret(reference)
            .inspect_err(|error| tracing::error!(%error, "[http] token: the page answers this machine only"))
            .ok()
    });
    Access { token, allowed_hosts: config.http.allowed_hosts.clone() }
}

async fn bind(listen: SocketAddr) -> Result<TcpListener, StartError> {
    TcpListener::bind(listen).await.map_err(|error| listen_error(&listen.to_string(), error))
}

fn listen_error(what: &str, error: std::io::Error) -> StartError {
    StartError::Listen { what: what.to_owned(), error }
}
