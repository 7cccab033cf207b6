//! One process and one loop for each notifier: made, exchanged and ended here.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use sha2::{Digest, Sha256};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::daemon::Shared;
use super::delivering::{self, Delivering, Hosted};
use super::host::Host;
use crate::config::{self, Notifier, Secret};
use crate::plugin::{Children, Grant, HostHttp, Manifest, PluginHost, PluginSpec, PluginState};

/// A plugin that is exchanged at a reload must have begun to run within this.
const START_WITHIN: Duration = Duration::from_secs(15);

/// Makes plugin processes.
#[derive(Clone)]
pub(super) struct Workshop {
    pub(super) children: Children,
    pub(super) http: Arc<dyn HostHttp>,
    pub(super) tasks: TaskTracker,
}

/// A notifier's process, ready to be put into its loop.
pub(super) struct Made {
    hosted: Hosted,
    identity: [u8; 32],
    plugin: Option<(String, String)>,
}

/// A notifier that runs.
pub(super) struct Running {
    pub(super) host: Arc<dyn Host>,
    identity: [u8; 32],
    exchange: watch::Sender<Hosted>,
    stop: CancellationToken,
    looping: JoinHandle<()>,
    /// Cancelled when the loop has ended, whichever way.
    ended: CancellationToken,
}

impl Workshop {
    /// Starts a process for a notifier. A notifier that cannot be started is a failed host with the reason, not
    /// an error: the rest runs.
    pub(super) fn make(&self, name: &str, notifier: &Notifier) -> Made {
        match self.spec(name, notifier) {
            Ok((spec, manifest, identity)) => {
                let plugin = Some((manifest.name.clone(), manifest.version.clone()));
                let (host, supervise) = PluginHost::new(spec, self.children.clone(), Arc::clone(&self.http));
                self.tasks.spawn(supervise);
                let hosted = hosted(Arc::new(host), &manifest);
                Made { hosted, identity, plugin }
            }
            Err(why) => {
                let hosted = Hosted {
                    host: Arc::new(PluginHost::failed(why)),
                    concurrency: 1,
                    receipts: false,
                    repeat: None,
                };
                Made { hosted, identity: [0; 32], plugin: None }
            }
        }
    }

    fn spec(&self, name: &str, notifier: &Notifier) -> Result<(PluginSpec, Manifest, [u8; 32]), String> {
        let library = notifier.library.clone()?;
        let manifest = Manifest::read(&library).map_err(|error| error.to_string())?;
        let secrets = read_secrets(notifier)?;
        let identity = identity(notifier, &secrets);
        let grant =
            Grant::new(&manifest.config, &notifier.config, secrets).map_err(|error| error.to_string())?;
        let grant = grant.revealing(notifier.reveal.clone());
        let spec = PluginSpec {
            notifier: name.to_owned(),
            library,
            pinned: notifier.pinned.clone(),
            config: notifier.config.clone(),
            grant: Arc::new(grant),
            concurrency: None,
        };
        Ok((spec, manifest, identity))
    }

    /// Whether a running notifier would have to be exchanged for this configuration.
    pub(super) fn differs(&self, running: &Running, notifier: &Notifier) -> bool {
        let now = read_secrets(notifier).map(|secrets| identity(notifier, &secrets)).unwrap_or_default();
        now != running.identity || running.has_failed()
    }
}

impl Made {
    /// Of a host that is no process.
    #[cfg(test)]
    pub(super) fn simulated(host: Arc<dyn Host>, concurrency: u16, repeat: Option<Duration>) -> Self {
        let hosted = Hosted { host, concurrency, receipts: false, repeat };
        Self { hosted, identity: [0; 32], plugin: None }
    }

    /// Waits until the process has begun to run.
    ///
    /// # Errors
    /// Why it does not.
    pub(super) async fn started(&self) -> Result<(), String> {
        let mut states = self.hosted.host.state();
        let settled = states
            .wait_for(|state| matches!(state, PluginState::Running { .. } | PluginState::Failed { .. }));
        match tokio::time::timeout(START_WITHIN, settled).await {
            Ok(Ok(state)) => match &*state {
                PluginState::Failed { why } => Err(why.clone()),
                _ => Ok(()),
            },
            Ok(Err(_)) => Err("its supervisor ended".to_owned()),
            Err(_) => Err(format!("it did not begin to run within {} s", START_WITHIN.as_secs())),
        }
    }

    /// Ends a process that is not needed after all.
    pub(super) async fn discard(self) {
        self.hosted.host.stop().await;
    }

    /// Puts it into a loop of its own. One of the same name that has not ended yet goes first: what that has in
    /// flight must not be handed over a second time.
    pub(super) fn run(self, name: &str, shared: &Arc<Shared>, after: Option<CancellationToken>) -> Running {
        self.note(name, shared);
        let (stop, ended) = (CancellationToken::new(), CancellationToken::new());
        let (exchange, hosts) = watch::channel(self.hosted.clone());
        let measured = shared.metrics.notifier(name);
        let looping = {
            let (name, shared) = (name.to_owned(), Arc::clone(shared));
            let (stop, ended) = (stop.clone(), ended.clone().drop_guard());
            async move {
                let _ended = ended;
                if let Some(after) = after {
                    after.cancelled().await;
                }
                let beat = shared.watchdog.beat(format!("notifier {name}"));
                let parts = delivering::Parts {
                    notifier: name,
                    store: Arc::clone(&shared.store),
                    clock: Arc::clone(&shared.clock),
                    servers: Arc::clone(&shared.servers),
                    finds: Arc::clone(&shared.finds),
                    plans: shared.plans.subscribe(),
                    board: Arc::clone(&shared.board),
                    metrics: Arc::clone(&shared.metrics),
                    measured,
                    wakes: Arc::clone(&shared.wakes),
                    health: Arc::clone(&shared.health),
                    beat,
                    stop,
                    hosts,
                };
                drop(shared);
                Delivering::new(parts).run().await;
            }
        };
        let looping = tokio::spawn(looping);
        Running { host: self.hosted.host, identity: self.identity, exchange, stop, looping, ended }
    }

    fn note(&self, name: &str, shared: &Shared) {
        if let Some((plugin, version)) = &self.plugin {
            shared.metrics.notifier(name).info(plugin, version);
            shared
                .versions
                .lock()
                .unwrap_or_else(std::sync::PoisonError::into_inner)
                .insert(name.to_owned(), version.clone());
        }
    }
}

/// Puts what was made into use, and ends what is `wanted` no more. Nothing here can fail. `leaving` are those that have
/// left before, and have perhaps not ended yet.
pub(super) fn swap(
    running: &mut BTreeMap<String, Running>,
    leaving: &mut BTreeMap<String, CancellationToken>,
    made: BTreeMap<String, Made>,
    wanted: &BTreeMap<String, Notifier>,
    shared: &Arc<Shared>,
    tasks: &TaskTracker,
) {
    for (name, made) in made {
        match running.get_mut(&name) {
            Some(running) => running.exchange(&name, made, shared),
            None => {
                let new = made.run(&name, shared, leaving.remove(&name));
                running.insert(name, new);
            }
        }
    }
    let gone: Vec<String> = running.keys().filter(|name| !wanted.contains_key(*name)).cloned().collect();
    leaving.retain(|_, ended| !ended.is_cancelled());
    for name in gone {
        if let Some(mut gone) = running.remove(&name) {
            leaving.insert(name, gone.ended());
            // What waits for it stays in the outbox, in case it comes back.
            tasks.spawn(async move {
                gone.stop_looping().await;
                gone.host.stop().await;
            });
        }
    }
}

impl Running {
    /// Puts another process into the loop, which takes it at its next turn. The one before ends with the last of
    /// what it has in flight.
    pub(super) fn exchange(&mut self, name: &str, made: Made, shared: &Shared) {
        made.note(name, shared);
        self.identity = made.identity;
        self.exchange.send_replace(made.hosted.clone());
        self.host = made.hosted.host;
    }

    /// Whether its plugin does not load or start.
    pub(super) fn has_failed(&self) -> bool {
        matches!(*self.host.state().borrow(), PluginState::Failed { .. })
    }

    /// When its loop has ended, whichever way.
    pub(super) fn ended(&self) -> CancellationToken {
        self.ended.clone()
    }

    /// Stops handing over, and waits for what is in flight.
    pub(super) async fn stop_looping(&mut self) {
        self.stop.cancel();
        let _ = (&mut self.looping).await;
    }

    /// Ends the loop where it is.
    pub(super) fn abort(&self) {
        self.looping.abort();
    }
}

fn hosted(host: Arc<dyn Host>, manifest: &Manifest) -> Hosted {
    let Manifest { concurrency, receipts, repeat_seconds, .. } = *manifest;
    let repeat = (repeat_seconds > 0).then(|| Duration::from_secs(repeat_seconds.into()));
    Hosted { host, concurrency, receipts, repeat }
}

fn read_secrets(notifier: &Notifier) -> Result<BTreeMap<String, Secret>, String> {
    notifier
        .secrets
        .iter()
        .map(|(pointer, reference)| match config::read_secret(reference) {
            Ok(secret) => Ok((pointer.clone(), secret)),
            Err(error) => Err(error.to_string()),
        })
        .collect()
}

/// What makes two processes of one notifier the same: file, which bytes of it are meant, configuration and secrets.
fn identity(notifier: &Notifier, secrets: &BTreeMap<String, Secret>) -> [u8; 32] {
    use secrecy::ExposeSecret as _;
    let mut hash = Sha256::new();
    let mut add = |part: &[u8]| {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    };
    add(notifier.plugin.as_bytes());
    add(notifier.pinned.as_deref().unwrap_or_default().as_bytes());
    if let Ok(library) = &notifier.library {
        add(library.as_os_str().as_encoded_bytes());
        let meta = std::fs::metadata(library);
        let changed = meta.as_ref().ok().and_then(|meta| meta.modified().ok());
        let nanos = changed
            .and_then(|at| at.duration_since(SystemTime::UNIX_EPOCH).ok())
            .map_or(0, |since| since.as_nanos());
        add(&nanos.to_be_bytes());
        add(&meta.map_or(0, |meta| meta.len()).to_be_bytes());
    }
    add(notifier.config.to_string().as_bytes());
    for pointer in &notifier.reveal {
        add(pointer.as_bytes());
    }
    for (pointer, secret) in secrets {
        add(pointer.as_bytes());
        add(secret.expose_secret().as_bytes());
    }
    hash.finalize().into()
}
