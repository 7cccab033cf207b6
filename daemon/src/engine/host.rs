//! What takes a notifier's deliveries: its plugin's process, or in a simulation whatever stands for that.

use std::collections::BTreeMap;
use std::fmt;

use async_trait::async_trait;
use tokio::sync::watch;

use crate::plugin::{Handover, PluginHost, PluginState, Report};

/// A notifier as its loop sees it.
#[async_trait]
pub(super) trait Host: fmt::Debug + Send + Sync {
    /// How it is, now and later.
    fn state(&self) -> watch::Receiver<PluginState>;

    /// How often its process was lost or failed to start, by reason.
    fn restarts(&self) -> BTreeMap<&'static str, u64>;

    /// Delivers one notification and waits for the end.
    async fn deliver(&self, handover: Handover) -> Report;

    /// Takes no more deliveries, and waits until its process is gone.
    async fn stop(&self);
}

#[async_trait]
impl Host for PluginHost {
    fn state(&self) -> watch::Receiver<PluginState> {
        Self::state(self)
    }

    fn restarts(&self) -> BTreeMap<&'static str, u64> {
        Self::restarts(self)
    }

    async fn deliver(&self, handover: Handover) -> Report {
        Self::deliver(self, handover).await
    }

    async fn stop(&self) {
        Self::stop(self).await;
    }
}
