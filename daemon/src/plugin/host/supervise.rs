//! Starts a child, and the next one when it is lost.

use std::convert::Infallible;
use std::os::unix::process::ExitStatusExt as _;
use std::process::ExitStatus;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use super::deliveries::{Deliveries, Order};
use super::link::END_PATIENCE;
use super::restarts::{Reason, Restarts};
use super::session::{End, Session};
use super::start::{StartFault, Started, start};
use super::{FAILED_RETRY_AFTER, PluginSpec, PluginState, STOP_PATIENCE};
use crate::core::backoff::{Backoff, mix, seed_of};
use crate::plugin::children::Children;
use crate::plugin::http::HostHttp;

/// Between the loss of a process and the next: soon at first, then ever more slowly.
const RESTART: Backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(30), 0.2);
/// A process that lived this long does not count as one more in a row.
const HEALTHY_AFTER: Duration = Duration::from_secs(60);

pub(super) struct Supervisor {
    pub(super) spec: Arc<PluginSpec>,
    pub(super) children: Children,
    pub(super) http: Arc<dyn HostHttp>,
    pub(super) inbox: mpsc::Receiver<Order>,
    pub(super) state: watch::Sender<PluginState>,
    pub(super) stop: CancellationToken,
    pub(super) restarts: Arc<Restarts>,
}

/// Somebody wants it to end.
struct Stop;

/// A process that took deliveries is gone.
struct Lost {
    reason: Reason,
    why: String,
    /// Those that it had, and those that waited for it.
    deliveries: Deliveries,
}

impl Supervisor {
    pub(super) async fn run(mut self) {
        let Err(Stop) = self.keep_running().await;
        self.inbox.close();
        while let Ok(order) = self.inbox.try_recv() {
            order.not_sent("the plugin process is stopped");
        }
        self.state.send_replace(PluginState::Stopped);
    }

    async fn keep_running(&mut self) -> Result<Infallible, Stop> {
        let mut losses = 0;
        loop {
            self.state.send_replace(PluginState::Starting);
            let (spec, children) = (Arc::clone(&self.spec), self.children.clone());
            let until = match self.meanwhile(async move { start(&spec, &children).await }).await? {
                Ok(started) => {
                    let began = Instant::now();
                    let lost = self.live(started).await?;
                    losses = if began.elapsed() >= HEALTHY_AFTER { 1 } else { losses + 1 };
                    let until = self.lost(lost.reason, &lost.why, losses);
                    // Only now, so that who hears of it finds the state already changed.
                    lost.deliveries.lose(&lost.why);
                    until
                }
                Err(StartFault::Lost(reason, why)) => {
                    losses += 1;
                    self.lost(reason, &why, losses)
                }
                Err(StartFault::Refused(why)) => self.failed(why),
            };
            self.meanwhile(sleep_until(until)).await?;
        }
    }

    /// Lets a child take deliveries until it has to go, and sees to it that it is gone.
    async fn live(&mut self, started: Started) -> Result<Lost, Stop> {
        let (pid, version) = (started.link.pid(), started.version.clone());
        let notifier = &self.spec.notifier;
        tracing::info!(%notifier, plugin = %started.manifest.name, %version, pid, "notifier {notifier} is ready");
        self.state.send_replace(PluginState::Running { pid, version });
        let mut session = Session::new(started, Arc::clone(&self.spec), Arc::clone(&self.http));
        let end = session.run(&mut self.inbox, &self.stop).await;
        let (link, deliveries) = session.into_parts();
        let (reason, why) = match end {
            End::SocketEnded { told: true } => {
                link.end(END_PATIENCE).await;
                return Err(Stop);
            }
            End::StopOverdue => {
                link.end(Duration::ZERO).await;
                let seconds = STOP_PATIENCE.as_secs();
                tracing::warn!(notifier = %self.spec.notifier, pid, "killed the plugin process: it had not ended {seconds} s after being told to");
                deliveries.lose("the notifier was stopped before it ended");
                return Err(Stop);
            }
            End::SocketEnded { told: false } => {
                let (reason, how) = lost_by(link.end(END_PATIENCE).await);
                (reason, format!("the plugin process ended: {how}"))
            }
            End::Kill(reason, why) => {
                link.end(Duration::ZERO).await;
                (reason, format!("the plugin process was killed: {why}"))
            }
        };
        Ok(Lost { reason, why, deliveries })
    }

    /// Waits for something while there is no process that takes deliveries.
    async fn meanwhile<T>(&mut self, something: impl Future<Output = T>) -> Result<T, Stop> {
        tokio::pin!(something);
        loop {
            tokio::select! {
                () = self.stop.cancelled() => return Err(Stop),
                done = &mut something => return Ok(done),
                order = self.inbox.recv() => match order {
                    Some(order) => order.not_sent("the plugin process is not running"),
                    None => return Err(Stop),
                },
            }
        }
    }

    /// Gives the time of the next start.
    fn lost(&self, reason: Reason, why: &str, losses: u32) -> Instant {
        self.restarts.count(reason);
        let notifier = &self.spec.notifier;
        let delay = RESTART.after(losses, mix(seed_of(notifier) ^ u64::from(losses)));
        let reason = reason.label();
        tracing::warn!(%notifier, reason, restart_in_ms = delay.as_millis() as u64, "notifier {notifier}: {why}");
        let until = Instant::now() + delay;
        self.state.send_replace(PluginState::Restarting { why: why.to_owned(), until });
        until
    }

    /// Gives the time of the next start.
    fn failed(&self, why: String) -> Instant {
        self.restarts.count(Reason::Start);
        let notifier = &self.spec.notifier;
        tracing::error!(%notifier, "notifier {notifier} cannot start: {why}");
        self.state.send_replace(PluginState::Failed { why });
        Instant::now() + FAILED_RETRY_AFTER
    }
}

/// How a process ended that was not told to.
pub(super) fn lost_by(status: Option<ExitStatus>) -> (Reason, String) {
    match status {
        Some(status) if status.signal().is_some() => (Reason::Crashed, status.to_string()),
        Some(status) => (Reason::Exited, status.to_string()),
        None => (Reason::Exited, "nobody knows how".to_owned()),
    }
}
