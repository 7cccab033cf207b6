//! From a file to a process that takes deliveries.

use std::io;
use std::path::Path;
use std::time::Duration;

use tokio::time::timeout;

use super::lines::Lines;
use super::link::{END_PATIENCE, Link};
use super::restarts::Reason;
use super::supervise::lost_by;
use super::{PluginSpec, START_DEADLINE};
use crate::plugin::children::Children;
use crate::plugin::frame::{FromChild, Hello, PROTOCOL, Ready, ToChild, Violation};
use crate::plugin::manifest::Manifest;
use crate::plugin::refusal::NOT_STARTED;

/// A child that takes deliveries.
pub(super) struct Started {
    pub(super) link: Link,
    pub(super) manifest: Manifest,
    pub(super) concurrency: u16,
    /// What the child says the plugin's version is.
    pub(super) version: String,
}

/// Why there is none.
#[derive(Debug)]
pub(super) enum StartFault {
    /// The file or the configuration is at fault: trying again soon does not help.
    Refused(String),
    /// The process was lost.
    Lost(Reason, String),
}

impl StartFault {
    /// Whether the plugin itself has refused its configuration.
    pub(super) fn is_its_own(&self) -> bool {
        matches!(self, Self::Refused(why) if why.contains(NOT_STARTED))
    }

    /// For who knows which plugin it is about.
    pub(super) fn why(self, library: &Path) -> String {
        let (Self::Refused(why) | Self::Lost(_, why)) = self;
        let named = format!("plugin {}: ", library.display());
        let bare = why.strip_prefix(&named).unwrap_or(&why);
        bare.strip_prefix(NOT_STARTED).unwrap_or(bare).to_owned()
    }
}

/// Starts a child and waits until its plugin is ready.
pub(super) async fn start(spec: &PluginSpec, children: &Children) -> Result<Started, StartFault> {
    let manifest =
        Manifest::read(&spec.library).map_err(|refusal| StartFault::Refused(refusal.to_string()))?;
    let concurrency = spec.concurrency.unwrap_or(u16::MAX).clamp(1, manifest.concurrency);
    let hello = hello(spec, concurrency).map_err(StartFault::Refused)?;
    let not_spawned =
        |error: io::Error| StartFault::Lost(Reason::Start, format!("cannot start a process: {error}"));
    let spawned = children.spawn(&spec.notifier).await.map_err(not_spawned)?;
    // For each delivery itself and its request's answer, and for a hello and a stop.
    let frames_max = 2 * usize::from(concurrency) + 2;
    let printed = Lines::new(&spec.notifier, &manifest.name);
    let mut link = Link::new(spawned, frames_max, printed).map_err(not_spawned)?;
    let ready = timeout(START_DEADLINE, handshake(&mut link, hello, spec, &manifest)).await;
    match ready {
        Ok(Ok(Ready { version, .. })) => Ok(Started { link, manifest, concurrency, version }),
        Ok(Err(Some(fault))) => {
            link.end(Duration::ZERO).await;
            Err(fault)
        }
        Ok(Err(None)) => {
            let status = link.end(END_PATIENCE).await;
            let (reason, how) = lost_by(status);
            Err(StartFault::Lost(reason, format!("the plugin process ended while starting: {how}")))
        }
        Err(_) => {
            link.end(Duration::ZERO).await;
            let why = format!("the plugin did not start within {} s", START_DEADLINE.as_secs());
            Err(StartFault::Lost(Reason::Deadline, why))
        }
    }
}

fn hello(spec: &PluginSpec, concurrency: u16) -> Result<ToChild, String> {
    let path: &Path = &spec.library;
    let library = path.to_str().filter(|_| path.is_absolute()).map(str::to_owned);
    let library =
        library.ok_or_else(|| format!("plugin {}: not an absolute path in UTF-8", path.display()))?;
    let pinned = spec.pinned.clone();
    let config = spec.grant.reveal_in(spec.config.clone());
    Ok(ToChild::Hello(Hello { protocol: PROTOCOL, library, pinned, config, concurrency }))
}

/// What the child says before it is ready, without a fault where its socket just ends.
async fn handshake(
    link: &mut Link,
    hello: ToChild,
    spec: &PluginSpec,
    manifest: &Manifest,
) -> Result<Ready, Option<StartFault>> {
    let broken = |violation: Violation| Some(StartFault::Lost(Reason::Protocol, violation.to_string()));
    let mut lines = Lines::new(&spec.notifier, &manifest.name);
    link.send(hello.encode()).map_err(broken)?;
    loop {
        match link.next().await.ok_or(None)?.map_err(broken)? {
            FromChild::Ready(ready) => return Ok(ready),
            FromChild::Refused { why } => {
                let file = spec.library.display();
                return Err(Some(StartFault::Refused(format!("plugin {file}: {why}"))));
            }
            FromChild::Log { level, line } => lines.write(level, &line),
            FromChild::Outcome { .. } | FromChild::Http { .. } => {
                let early = Violation("a word on a delivery before it was ready".to_owned());
                return Err(broken(early));
            }
        }
    }
}
