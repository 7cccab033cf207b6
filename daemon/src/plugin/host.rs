//! A notifier as the engine sees it: something that takes deliveries, and is sometimes being replaced.
//!
//! [`PluginHost`] is a handle; the future that comes with it does all the work: it starts the child, hands
//! deliveries over, sends its requests, kills it when a delivery is past its deadline, and starts the next one.
//! Knows no store and no retry policy: what becomes of a delivery is the engine's business.

mod deliveries;
mod lines;
mod link;
mod restarts;
mod session;
mod start;
mod supervise;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use commwatch_plugin_api::Outcome;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{Instant, timeout, timeout_at};
use tokio_util::sync::CancellationToken;

use self::deliveries::Order;
use self::link::END_PATIENCE;
use self::restarts::Restarts;
use self::supervise::Supervisor;
use super::children::Children;
use super::frame;
use super::grant::Grant;
use super::http::HostHttp;

/// How long after its deadline a delivery may still end by itself, before its process is killed.
pub const DELIVERY_GRACE: Duration = Duration::from_secs(1);
/// How long [`PluginHost::stop`] lets running deliveries end, before the process is killed.
pub const STOP_PATIENCE: Duration = Duration::from_secs(10);
/// How long a plugin may take to load and start.
pub const START_DEADLINE: Duration = Duration::from_secs(10);
/// How soon a plugin that did not load or start is tried again: only a changed file or room can help it.
pub const FAILED_RETRY_AFTER: Duration = Duration::from_secs(60);
/// Deliveries that may wait for a free place in a running child; [`PluginHost::deliver`] waits when there are more.
pub const WAITING_MAX: usize = 64;

/// What a notifier is made of.
#[derive(Clone, Debug)]
pub struct PluginSpec {
    /// Its name in the configuration.
    pub notifier: String,
    /// Absolute path of the `.so`.
    pub library: PathBuf,
    /// The SHA-256 that it must have, in hexadecimal, where plugins are pinned.
    pub pinned: Option<String>,
    /// Its configuration: checked, defaults filled in, secrets as `{"$secret": "/pointer"}`.
    pub config: serde_json::Value,
    /// Its secrets, and the hosts that it may reach.
    pub grant: Arc<Grant>,
    /// The operator's own bound on deliveries at once, below the manifest's.
    pub concurrency: Option<u16>,
}

/// What came of starting a plugin with a configuration.
pub(super) enum Tried {
    /// It starts; it has ended, or was killed.
    Loads,
    /// It loads, and does not take the configuration.
    Refuses(String),
    /// It does not load, or its process was lost.
    Fails(String),
}

/// Starts a plugin with its configuration, and ends it.
///
/// # Errors
/// What the plugin has against its configuration, or how its process was lost.
pub(super) async fn try_out(spec: &PluginSpec, children: &Children) -> Result<(), String> {
    match try_load(spec, children).await {
        Tried::Loads => Ok(()),
        Tried::Refuses(why) | Tried::Fails(why) => Err(why),
    }
}

/// The same, for who has to tell a configuration that is refused from a plugin that is none.
pub(super) async fn try_load(spec: &PluginSpec, children: &Children) -> Tried {
    match start::start(spec, children).await {
        Ok(started) => {
            let mut link = started.link;
            // One that is gone has ended already.
            let _ = link.send(frame::ToChild::Stop.encode());
            // What it has to say until its socket ends is not asked for; that it is read lets it be told to stop.
            let _ = timeout(STOP_PATIENCE, async { while link.next().await.is_some() {} }).await;
            link.end(END_PATIENCE).await;
            Tried::Loads
        }
        Err(fault) if fault.is_its_own() => Tried::Refuses(fault.why(&spec.library)),
        Err(fault) => Tried::Fails(fault.why(&spec.library)),
    }
}

/// How a notifier's process is.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum PluginState {
    /// It is being started.
    Starting,
    /// It takes deliveries.
    Running {
        /// Its process id.
        pid: u32,
        /// The plugin's version.
        version: String,
    },
    /// It was lost, and will be started again.
    Restarting {
        /// One line for the operator.
        why: String,
        /// When.
        until: Instant,
    },
    /// It does not load or start; tried again every [`FAILED_RETRY_AFTER`].
    Failed {
        /// One line for the operator.
        why: String,
    },
    /// It was stopped, for good.
    Stopped,
}

/// One delivery for a notifier.
#[derive(Clone, Debug)]
pub struct Handover {
    /// The notification's frozen JSON object, without `attempt` and `replay`.
    pub payload: Arc<str>,
    /// What the receiver said of the one before, where the plugin asks for that.
    pub receipt: Option<String>,
    /// From 1.
    pub attempt: u32,
    /// Whether an operator asked for it again.
    pub replay: bool,
    /// Whether it is said again because it lasts, and tells of nothing new; whoever stands in for a plugin has to know.
    pub again: bool,
    /// When it should have ended.
    pub deadline: Instant,
    /// Whether nothing else may be delivered meanwhile: it may be what the last process died of.
    pub alone: bool,
}

/// How a delivery ended.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    /// As the plugin said it, or [`Outcome::Unknown`] when its process was lost.
    pub outcome: Outcome,
    /// From the hand-over to the end.
    pub duration: Duration,
    /// The process died or was killed while it had this delivery. Deliver it alone next time.
    pub crashed: bool,
    /// It was never handed over: there was no attempt.
    pub not_sent: bool,
}

impl Report {
    fn not_sent(why: impl Into<String>) -> Self {
        Self { outcome: Outcome::retry(why), duration: Duration::ZERO, crashed: false, not_sent: true }
    }

    fn crashed(why: impl Into<String>, duration: Duration) -> Self {
        Self { outcome: Outcome::unknown(why), duration, crashed: true, not_sent: false }
    }
}

/// A notifier's process, whichever it is at the moment. All clones are the same notifier.
#[derive(Clone, Debug)]
pub struct PluginHost {
    orders: mpsc::Sender<Order>,
    state: watch::Receiver<PluginState>,
    stop: CancellationToken,
    restarts: Arc<Restarts>,
}

impl PluginHost {
    /// The notifier, and the future that runs it until [`stop`](Self::stop), or until all handles are gone. Nothing
    /// happens before it is polled; dropping it kills the process.
    pub fn new(
        spec: PluginSpec,
        children: Children,
        http: Arc<dyn HostHttp>,
    ) -> (Self, impl Future<Output = ()> + Send + 'static) {
        let (orders, inbox) = mpsc::channel(WAITING_MAX);
        let (state, watched) = watch::channel(PluginState::Starting);
        let host = Self {
            orders,
            state: watched,
            stop: CancellationToken::new(),
            restarts: Arc::new(Restarts::default()),
        };
        let supervisor = Supervisor {
            spec: Arc::new(spec),
            children,
            http,
            inbox,
            state,
            stop: host.stop.clone(),
            restarts: Arc::clone(&host.restarts),
        };
        (host, supervisor.run())
    }

    /// A notifier that cannot even be tried, with the reason: it takes nothing until it is exchanged for another.
    pub fn failed(why: impl Into<String>) -> Self {
        Self {
            orders: mpsc::channel(1).0,
            state: watch::channel(PluginState::Failed { why: why.into() }).1,
            stop: CancellationToken::new(),
            restarts: Arc::new(Restarts::default()),
        }
    }

    /// How it is, now and later.
    pub fn state(&self) -> watch::Receiver<PluginState> {
        self.state.clone()
    }

    /// Delivers one notification and waits for the end. Comes back at once, with `not_sent`, unless the process is
    /// running; past its deadline by [`DELIVERY_GRACE`] at the latest, but for the time that killing takes.
    ///
    /// Dropping the future does not take the delivery back.
    pub async fn deliver(&self, handover: Handover) -> Report {
        if !matches!(*self.state.borrow(), PluginState::Running { .. }) {
            return Report::not_sent("the plugin process is not running");
        }
        let deadline = handover.deadline;
        let (reply, report) = oneshot::channel();
        match timeout_at(deadline, self.orders.send(Order { handover, reply })).await {
            Err(_) => Report::not_sent("the plugin was busy until the deadline"),
            Ok(Err(_)) => Report::not_sent("the plugin process is stopped"),
            // Without an answer nobody knows how far it came.
            Ok(Ok(())) => report
                .await
                .unwrap_or_else(|_| Report::crashed("the plugin process was dropped", Duration::ZERO)),
        }
    }

    /// Takes no more deliveries, lets the running ones end for at most [`STOP_PATIENCE`], and waits until the process
    /// is gone. The future must be polled meanwhile, and ends with it.
    pub async fn stop(&self) {
        self.stop.cancel();
        // An error means that the future is gone, and the process with it.
        let _ = self.state.clone().wait_for(|state| *state == PluginState::Stopped).await;
    }

    /// How often the process was lost or failed to start, by reason; each reason is always there.
    pub fn restarts(&self) -> BTreeMap<&'static str, u64> {
        self.restarts.counts()
    }
}
