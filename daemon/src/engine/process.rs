//! How a notifier's process is doing, as whoever looks at it now and then can tell: how often it was lost, and whether it
//! has not run for so long that people should know.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use super::host::Host;
use crate::plugin::PluginState;

/// A plugin that has not run for so long, however often it was started, is said to be broken.
const DOWN_TOLD_AFTER: Duration = Duration::from_secs(60);
/// Two looks at it that are further apart: the machine slept in between.
const UNSEEN_MAX: Duration = Duration::from_secs(20);
/// So is one whose process is lost this often in a row before it has run.
const STILLBORN_MAX: u64 = 3;

/// A notifier's process.
pub(super) struct Process {
    host: Arc<dyn Host>,
    states: watch::Receiver<PluginState>,
    /// How often it was replaced, as far as that was counted.
    restarts: BTreeMap<&'static str, u64>,
    /// How often in a row it was lost before it ran.
    stillborn: u64,
    /// Since when it does not run.
    down_since: Option<Duration>,
    /// When it was last looked at.
    looked_at: Duration,
}

/// How it is doing.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Doing {
    /// It runs; whether it did not when it was last looked at.
    Runs {
        /// It did not.
        again: bool,
    },
    /// It does not, which is not worth telling so far.
    Comes,
    /// It does not run, and why.
    Ill(String),
}

impl Process {
    /// `now` is after the engine began, here and below.
    pub(super) fn new(host: Arc<dyn Host>, now: Duration) -> Self {
        let states = host.state();
        Self { host, states, restarts: BTreeMap::new(), stillborn: 0, down_since: None, looked_at: now }
    }

    pub(super) fn host(&self) -> &Arc<dyn Host> {
        &self.host
    }

    /// Another takes its place: since when none runs is known still.
    pub(super) fn replace(&mut self, host: Arc<dyn Host>) {
        self.states = host.state();
        self.host = host;
        self.restarts.clear();
        self.stillborn = 0;
    }

    /// Waits until it is doing otherwise; for ever when what supervises it is gone.
    pub(super) async fn changed(&mut self) {
        if self.states.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// Whether it takes deliveries. What a supervisor said that is gone is no longer so.
    pub(super) fn runs(&self) -> bool {
        matches!(*self.states.borrow(), PluginState::Running { .. }) && self.states.has_changed().is_ok()
    }

    /// How often it was replaced since that was last asked, by reason.
    pub(super) fn take_restarts(&mut self) -> Vec<(&'static str, u64)> {
        let mut new = Vec::new();
        for (reason, total) in self.host.restarts() {
            let counted = self.restarts.insert(reason, total).unwrap_or(0);
            self.stillborn += total - counted;
            new.push((reason, total - counted));
        }
        new
    }

    /// How it is doing now. Losses are counted as far as [`Self::take_restarts`] was asked.
    pub(super) fn look(&mut self, now: Duration) -> Doing {
        if self.runs() {
            self.stillborn = 0;
            return Doing::Runs { again: self.down_since.take().is_some() };
        }
        let unseen = now.saturating_sub(std::mem::replace(&mut self.looked_at, now));
        if unseen > UNSEEN_MAX {
            // Nobody ran, so it could not come to run either.
            self.down_since = None;
        }
        let down_since = *self.down_since.get_or_insert(now);
        let is_long = now.saturating_sub(down_since) >= DOWN_TOLD_AFTER;
        match self.states.borrow().clone() {
            PluginState::Failed { why } => Doing::Ill(why),
            PluginState::Restarting { why, .. } if is_long || self.stillborn >= STILLBORN_MAX => {
                Doing::Ill(why)
            }
            _ if is_long => Doing::Ill("its process does not run".to_owned()),
            _ => Doing::Comes,
        }
    }
}

#[cfg(test)]
mod tests {
    use async_trait::async_trait;
    use tokio::time::Instant;

    use super::*;
    use crate::plugin::{Handover, Report};

    #[derive(Debug)]
    struct Fake(watch::Sender<PluginState>, u64);

    #[async_trait]
    impl Host for Fake {
        fn state(&self) -> watch::Receiver<PluginState> {
            self.0.subscribe()
        }

        fn restarts(&self) -> BTreeMap<&'static str, u64> {
            BTreeMap::from([("exit", self.1)])
        }

        async fn deliver(&self, _: Handover) -> Report {
            unreachable!("nothing is delivered here")
        }

        async fn stop(&self) {}
    }

    fn process(state: PluginState, lost: u64) -> Process {
        Process::new(Arc::new(Fake(watch::channel(state).0, lost)), Duration::ZERO)
    }

    fn restarting() -> PluginState {
        PluginState::Restarting { why: "it crashed".into(), until: Instant::now() }
    }

    fn looks<const N: usize>(process: &mut Process, seconds: [u64; N]) -> [Doing; N] {
        seconds.map(|second| process.look(Duration::from_secs(second)))
    }

    #[test]
    fn one_that_does_not_run_is_told_of_after_a_while_and_not_because_the_machine_slept() {
        let ill = Doing::Ill("it crashed".into());
        let mut long = process(restarting(), 0);
        let told = looks(&mut long, [1, 20, 40, 60, 61]);
        assert_eq!(told, [Doing::Comes, Doing::Comes, Doing::Comes, Doing::Comes, ill.clone()]);
        // From 40 to 600 nobody looked.
        let mut slept = process(restarting(), 0);
        assert_eq!(looks(&mut slept, [20, 40, 600]), [Doing::Comes, Doing::Comes, Doing::Comes]);
        let mut failed = process(PluginState::Failed { why: "no such file".into() }, 0);
        assert_eq!(looks(&mut failed, [0]), [Doing::Ill("no such file".into())]);
    }

    #[test]
    fn one_that_is_lost_again_and_again_before_it_runs_is_told_of_at_once() {
        for (lost, expected) in [(2, Doing::Comes), (3, Doing::Ill("it crashed".into()))] {
            let mut process = process(restarting(), lost);
            assert_eq!(process.take_restarts(), [("exit", lost)]);
            assert_eq!(process.take_restarts(), [("exit", 0)]);
            assert_eq!(looks(&mut process, [1]), [expected]);
        }
    }
}
