//! One process and one loop for each notifier: made, exchanged and ended here.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use sha2::{Digest, Sha256};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::daemon::Shared;
use super::delivering::{self, Delivering, Hosted};
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
    pub(super) host: PluginHost,
    identity: [u8; 32],
    exchange: mpsc::Sender<Hosted>,
    stop: CancellationToken,
    looping: JoinHandle<()>,
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
                Made { hosted: Hosted { host, concurrency: manifest.concurrency }, identity, plugin }
            }
            Err(why) => {
                let hosted = Hosted { host: PluginHost::failed(why), concurrency: 1 };
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
        let spec = PluginSpec {
            notifier: name.to_owned(),
            library,
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

    /// Puts it into a loop of its own.
    pub(super) fn run(self, name: &str, shared: &Shared) -> Running {
        let stop = CancellationToken::new();
        let (exchange, hosts) = mpsc::channel(1);
        self.note(name, shared);
        let parts = delivering::Parts {
            notifier: name.to_owned(),
            store: Arc::clone(&shared.store),
            clock: Arc::clone(&shared.clock),
            plans: shared.plans.subscribe(),
            board: Arc::clone(&shared.board),
            metrics: Arc::clone(&shared.metrics),
            wakes: Arc::clone(&shared.wakes),
            health: Arc::clone(&shared.health),
            beat: shared.watchdog.beat(format!("notifier {name}")),
            stop: stop.clone(),
            hosts,
        };
        let delivering = Delivering::new(parts, self.hosted.clone());
        let looping = tokio::spawn(delivering.run());
        Running { host: self.hosted.host, identity: self.identity, exchange, stop, looping }
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

impl Running {
    /// Puts another process into the loop; gives back the one that is no longer used.
    pub(super) async fn exchange(&mut self, name: &str, made: Made, shared: &Shared) -> PluginHost {
        made.note(name, shared);
        self.identity = made.identity;
        // The loop takes it at its next turn; it can only be gone when the daemon is stopping.
        let _ = self.exchange.send(made.hosted.clone()).await;
        std::mem::replace(&mut self.host, made.hosted.host)
    }

    /// Whether its plugin could not be loaded or started.
    pub(super) fn has_failed(&self) -> bool {
        matches!(*self.host.state().borrow(), PluginState::Failed { .. })
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

/// What makes two processes of one notifier the same: file, configuration and secrets.
fn identity(notifier: &Notifier, secrets: &BTreeMap<String, Secret>) -> [u8; 32] {
    use secrecy::ExposeSecret as _;
    let mut hash = Sha256::new();
    let mut add = |part: &[u8]| {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    };
    add(notifier.plugin.as_bytes());
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
    for (pointer, secret) in secrets {
        add(pointer.as_bytes());
        add(secret.expose_secret().as_bytes());
    }
    hash.finalize().into()
}
