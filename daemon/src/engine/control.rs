//! The daemon's own loop: reload, and the end. What it alone owns (notifiers, watcher, tasks) is touched nowhere
//! else.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, PoisonError};

use async_trait::async_trait;
use futures_util::future::BoxFuture;
use secrecy::{ExposeSecret as _, SecretString};
use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::daemon::{Reload, Shared, StartError, ask, clients};
use super::host::Host;
use super::notifiers::{self, Made, Running, Workshop};
use super::online::{self, ONLINE_WITHIN};
use super::plan::Plan;
use super::polling::{self, Guest, Polling};
use super::reload::{self, Diff, Refusal};
use super::shutdown::Steps;
use super::why::Past;
use super::{housekeeping, replay, silences, status, testing};
use crate::config::{self, Catalog, Config, Sources, Watcher};
use crate::core::backoff::{mix, seed_of};
use crate::core::online::Online;
use crate::core::plural::many;
use crate::core::replay::{ReplayReport, Selection};
use crate::core::silence::{Acknowledged, Added, Draft, Listed, Silence};
use crate::core::story::{About, Brief, DeliveryStory, EventStory, Held, Several, Why};
use crate::core::watch::ConversationId;
use crate::ops::admin::{
    self, Admin, AdminSocket, BACKUP_ANSWERED_WITHIN, BackedUp, DeliveriesAsked, EventsAsked,
    ONLINE_ANSWERED_WITHIN, Peer,
};
use crate::ops::http::{self, Access, Source};
use crate::ops::log::LogHandle;
use crate::ops::metrics::Charts;
use crate::ops::status::{ReloadStatus, Status};
use crate::ops::systemd;
use crate::plugin::{Children, HttpService};
use crate::store::{BACKUP_WITHIN, EventFilter, History};

/// What [`Control`] is started with.
pub(super) struct Given {
    pub(super) log: Option<LogHandle>,
    pub(super) catalog: Arc<dyn Catalog + Send + Sync>,
    pub(super) children: Children,
    pub(super) asked: mpsc::Receiver<Reload>,
    pub(super) guests: mpsc::Receiver<Guest>,
    pub(super) sources: Sources,
    pub(super) http: SocketAddr,
    pub(super) stop: CancellationToken,
    pub(super) listener: TcpListener,
    pub(super) socket: AdminSocket,
    pub(super) history: Arc<dyn History>,
}

/// The daemon's own loop and what it alone owns.
pub(super) struct Control {
    log: Option<LogHandle>,
    http: SocketAddr,
    shared: Arc<Shared>,
    catalog: Arc<dyn Catalog + Send + Sync>,
    workshop: Workshop,
    running: BTreeMap<String, Running>,
    /// Notifiers that have left, and have perhaps not ended yet.
    leaving: BTreeMap<String, CancellationToken>,
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

impl Control {
    pub(super) fn start(shared: Arc<Shared>, given: Given) -> Result<Self, StartError> {
        let Given { log, catalog, children, asked, guests, sources, http, stop, listener, socket, history } =
            given;
        let plan = shared.plans.borrow().clone();
        let service = HttpService::new().map_err(|error| StartError::System(error.to_string()))?;
        let workshop = Workshop { children, http: Arc::new(service), tasks: TaskTracker::new() };
        let running = plan
            .config
            .notifiers
            .iter()
            .map(|(name, notifier)| (name.clone(), workshop.make(name, notifier).run(name, &shared, None)))
            .collect();
        let (polling_stop, outside_stop) = (CancellationToken::new(), CancellationToken::new());
        let polling = Polling::new(polling::Parts {
            store: Arc::clone(&shared.store),
            clock: Arc::clone(&shared.clock),
            servers: Arc::clone(&shared.servers),
            fill: shared.fill.subscribe(),
            plans: shared.plans.subscribe(),
            guests,
            finds: Arc::clone(&shared.finds),
            board: Arc::clone(&shared.board),
            metrics: Arc::clone(&shared.metrics),
            wakes: Arc::clone(&shared.wakes),
            silences: Arc::clone(&shared.silences),
            health: Arc::clone(&shared.health),
            pulse: Arc::clone(&shared.pulse),
            beat: shared.watchdog.beat("polling"),
            stop: polling_stop.clone(),
            spread: machine(),
        });
        let (access, allowed) = watch::channel(access(&plan.config));
        let (file_changes, file_changed) = mpsc::channel(1);
        let mut main = Self {
            log,
            http,
            workshop,
            running,
            leaving: BTreeMap::new(),
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
        main.serve_outside(listener, allowed, socket, history);
        Ok(main)
    }

    /// HTTP, the admin socket, housekeeping and the watchdog: they live until the very end.
    fn serve_outside(
        &mut self,
        listener: TcpListener,
        access: watch::Receiver<Access>,
        socket: AdminSocket,
        history: Arc<dyn History>,
    ) {
        let outside = Arc::new(Outside { shared: Arc::clone(&self.shared), history });
        let stop = &self.outside_stop;
        let admin: Arc<dyn Admin> = outside.clone();
        let served = http::serve(listener, outside, Arc::clone(&admin), access, stop.clone());
        let served = async move {
            if let Err(error) = served.await {
                tracing::error!(%error, "HTTP is no longer served");
            }
        };
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

    pub(super) async fn run(mut self) {
        systemd::ready("polling");
        let watches = self.shared.plans.borrow().config.watch_names().count();
        let (http, notifiers) = (self.http, self.running.len());
        tracing::info!(%http, watches, notifiers, "commwatch is ready: {}, status on http://{http}/", many(watches, "watch", "watches"));
        loop {
            match self.wait().await {
                Wake::Stop => break,
                Wake::FilesChanged => {
                    tracing::info!("the configuration's files have changed");
                    let _ = self.reload_unless_stopped(false).await;
                }
                Wake::ReloadAsked(reload) => {
                    let result = self.reload_unless_stopped(reload.allow_removals).await;
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

    /// The end does not wait for a plugin that takes long to start. A reload that is dropped has changed nothing: it
    /// waits for nothing once it has begun to swap.
    async fn reload_unless_stopped(&mut self, allow_removals: bool) -> Result<String, String> {
        let stop = self.stop.clone();
        tokio::select! {
            biased;
            () = stop.cancelled() => Err("the daemon is stopping".to_owned()),
            result = self.reload(allow_removals) => result,
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
                tracing::error!("the configuration in use stays, since {}", refusal.one_line());
                self.shared.metrics.config_refused();
                let (error, held) = match refusal {
                    Refusal::Held(why) => (None, Some(why.clone())),
                    Refusal::Refused(_) | Refusal::Mistaken(_) => (Some(refusal.one_line()), None),
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
        let loaded = loaded.map_err(|mistakes| Refusal::Mistaken(mistakes.errors()))?;
        let sources = loaded.sources;
        for warning in &loaded.warnings {
            tracing::warn!("{}", warning.one_line());
        }
        let config = loaded.config;
        if !allow_removals && let Some(why) = reload::dangerous(&old.config, &config) {
            return Err(Refusal::Held(why));
        }
        let clients = clients(&config).map_err(Refusal::Refused)?;
        let made = self.make_changed(&config).await.map_err(Refusal::Refused)?;
        let mut diff = Diff::between(&old.config, &config);
        let exchanged = made.keys().filter(|name| self.running.contains_key(*name));
        diff.changed.extend(exchanged.map(|name| format!("notifier {name}")));
        self.swap(Plan::new(config, clients), made, sources);
        Ok(diff)
    }

    /// Starts a process for each notifier that is new or changed, all at once. One that does not start refuses the
    /// reload, unless it did not run before either.
    async fn make_changed(&self, config: &Config) -> Result<BTreeMap<String, Made>, String> {
        let made = config.notifiers.iter().filter_map(|(name, notifier)| {
            let running = self.running.get(name);
            let is_changed = running.is_none_or(|running| self.workshop.differs(running, notifier));
            is_changed.then(|| (name.clone(), self.workshop.make(name, notifier)))
        });
        let made: BTreeMap<String, Made> = made.collect();
        let starting = made.iter().map(|(name, made)| async move {
            let may_fail = self.running.get(name).is_some_and(Running::has_failed);
            let why = made.started().await.err().filter(|_| !may_fail)?;
            Some(format!("notifier {name} does not start: {why}"))
        });
        let fault = futures_util::future::join_all(starting).await.into_iter().flatten().next();
        let Some(fault) = fault else { return Ok(made) };
        futures_util::future::join_all(made.into_values().map(Made::discard)).await;
        Err(fault)
    }

    /// From here on nothing can fail.
    fn swap(&mut self, plan: Plan, made: BTreeMap<String, Made>, sources: Sources) {
        let now = self.shared.clock.now();
        self.shared.metrics.configure(&plan.config, now);
        let _ = self.access.send(access(&plan.config));
        if let Some(log) = &self.log
            && let Err(error) = log.set_level(&plan.config.log.level)
        {
            tracing::warn!(%error, "the log keeps its level");
        }
        let plan = Arc::new(plan);
        self.shared.plans.send_replace(Arc::clone(&plan));
        let tasks = &self.workshop.tasks;
        let wanted = &plan.config.notifiers;
        notifiers::swap(&mut self.running, &mut self.leaving, made, wanted, &self.shared, tasks);
        self.note_hosts();
        self.watch_files(&plan.config, sources);
    }

    fn note_hosts(&self) {
        let hosts = self.running.iter().map(|(name, running)| (name.clone(), Arc::clone(&running.host)));
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
        let hosts: Vec<Arc<dyn Host>> =
            self.running.values().map(|running| Arc::clone(&running.host)).collect();
        let tasks = self.workshop.tasks.clone();
        let plugins = async {
            futures_util::future::join_all(hosts.iter().map(|host| host.stop())).await;
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

/// A number that differs between machines.
fn machine() -> u64 {
    let machine = std::fs::read_to_string("/etc/machine-id").unwrap_or_default();
    mix(seed_of(machine.trim()))
}

const _: () = assert!(ONLINE_WITHIN.as_secs() < ONLINE_ANSWERED_WITHIN.as_secs());
// A backup that takes too long is ended by the store, which says so, and not by whoever waits for the answer.
const _: () = assert!(BACKUP_WITHIN.as_secs() < BACKUP_ANSWERED_WITHIN.as_secs());

/// What the page and the admin socket ask.
struct Outside {
    shared: Arc<Shared>,
    history: Arc<dyn History>,
}

impl Outside {
    fn past(&self) -> Past<'_> {
        Past { shared: &self.shared, history: &*self.history }
    }
}

impl Source for Outside {
    fn status(&self) -> BoxFuture<'_, Status> {
        Box::pin(status::snapshot(&self.shared))
    }

    fn metrics_text(&self) -> String {
        self.shared.metrics.encode()
    }

    fn charts(&self) -> Charts {
        self.shared.metrics.charts()
    }

    fn briefs(&self, events: Vec<String>) -> BoxFuture<'_, BTreeMap<String, Brief>> {
        let with_text = self.shared.plans.borrow().config.http.show_text;
        Box::pin(async move { self.history.briefs(events, with_text).await.unwrap_or_default() })
    }

    fn effective_config(&self) -> String {
        config::effective(&self.shared.plans.borrow().config).to_string()
    }

    fn health(&self) -> http::Health {
        http::Health { stuck: self.shared.watchdog.pulse().stuck(), not_ready: self.shared.not_ready() }
    }
}

#[async_trait]
impl Admin for Outside {
    async fn may_change(&self, peer: Option<Peer>) -> Result<(), String> {
        let group = self.shared.plans.borrow().config.admin.write_group.clone();
        let decided = tokio::task::spawn_blocking(move || admin::decide(peer, group.as_deref())).await;
        decided.unwrap_or_else(|_| Err("it could not be found out who you are".to_owned()))
    }

    async fn status(&self) -> Status {
        status::snapshot(&self.shared).await
    }

    async fn reload(&self, allow_removals: bool) -> Result<String, String> {
        ask(&self.shared.reloads, allow_removals).await
    }

    async fn backup(&self, file: &Path) -> Result<BackedUp, String> {
        let made = self.shared.store.backup(file).await;
        match &made {
            Ok(backup) => tracing::info!(bytes = backup.bytes, "backed up to {}", file.display()),
            Err(error) => tracing::warn!(%error, "no backup was made"),
        }
        made.map(|backup| BackedUp { file: backup.file, bytes: backup.bytes, taken: backup.taken })
            .map_err(|error| error.to_string())
    }

    async fn online(&self) -> Result<Online, String> {
        online::of_daemon(&self.shared).await
    }

    async fn why(&self, about: About) -> Result<Why, String> {
        self.past().why(about).await
    }

    async fn events(&self, asked: EventsAsked) -> Result<Several<EventStory>, String> {
        let EventsAsked { watch, kind, since, limit } = asked;
        self.past().events(EventFilter { watch, within: None, kind, since, limit }).await
    }

    async fn deliveries(&self, asked: DeliveriesAsked) -> Result<Several<DeliveryStory>, String> {
        let DeliveriesAsked { dead, notifier, limit } = asked;
        self.past().deliveries(dead, notifier, limit).await
    }

    async fn replay(&self, selection: Selection, dry_run: bool) -> Result<ReplayReport, String> {
        replay::replay(&self.shared, &*self.history, selection, dry_run).await
    }

    async fn drop_dead(&self, selection: Selection) -> Result<u64, String> {
        replay::drop_dead(&self.shared, selection).await
    }

    async fn resume(&self, notifier: &str) -> Result<Option<Held>, String> {
        replay::resume(&self.shared, notifier)
    }

    async fn test(
        &self,
        notifier: &str,
        watch: Option<String>,
        like: Option<String>,
        user: &str,
    ) -> Result<String, String> {
        let asked = testing::Asked { notifier, watch: watch.as_deref(), like: like.as_deref(), by: user };
        testing::test(&self.shared, asked).await
    }

    async fn add_silence(&self, draft: Draft, user: &str) -> Result<Added, String> {
        silences::add(&self.shared, draft, user).await
    }

    async fn silences(&self, all: bool) -> Result<Vec<Listed>, String> {
        silences::list(&self.shared, all).await
    }

    async fn expire_silence(&self, id: i64, by: Option<String>, user: &str) -> Result<Silence, String> {
        silences::expire(&self.shared, id, by.as_deref(), user).await
    }

    async fn ack(
        &self,
        watch: &str,
        within: Option<ConversationId>,
        by: Option<String>,
        user: &str,
    ) -> Result<Acknowledged, String> {
        silences::ack(&self.shared, watch, within, by.as_deref(), user).await
    }
}

/// Nothing slows down who tries one token after another: only its length keeps them out.
const TOKEN_CHARS_MIN: usize = 16;

fn access(config: &Config) -> Access {
    let token = config.http.token.as_ref().and_then(|reference| {
        config::read_secret(reference)
            .inspect_err(|error| tracing::error!(%error, "[http] token: the page answers this machine only"))
            .ok()
    });
    let is_short =
        |token: &SecretString| (1..TOKEN_CHARS_MIN).contains(&token.expose_secret().trim().chars().count());
    if token.as_ref().is_some_and(is_short) {
        tracing::warn!(
            "[http] token: it has fewer than {TOKEN_CHARS_MIN} characters, and can be guessed: `openssl rand -hex 32` makes one"
        );
    }
    Access { token, allowed_hosts: config.http.allowed_hosts.clone() }
}
