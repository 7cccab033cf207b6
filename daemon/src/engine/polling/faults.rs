//! What the log says of polls and looks that fail: of one cause one fault, however many conversations it concerns.

use super::Polling;
use crate::core::lasting::Said;
use crate::core::plural::many;
use crate::core::watch::Watch;
use crate::engine::poll::End;

/// Why something could not be read or kept.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(in crate::engine) enum Cause {
    /// An account answers so, or not at all: the code.
    Account(String, String),
    /// One conversation cannot be had: its watch.
    Watch(String),
    /// The store cannot be written.
    Store,
}

impl Polling {
    /// A poll of one of a watch's conversations ended so.
    pub(super) fn log(&mut self, watch: &Watch, end: &End) {
        let whose = watch.conversation.to_string();
        let (cause, error) = match end {
            End::Unchanged | End::Read { .. } => return self.is_well(&whose),
            End::Failed { error, .. } if self.is_gone(&watch.conversation, error) => {
                (Cause::Watch(watch.name.clone()), error.to_string())
            }
            End::Failed { error, .. } => {
                let account = watch.conversation.account.clone();
                (Cause::Account(account, error.code.to_string()), error.to_string())
            }
            End::NotKept { error } => (Cause::Store, error.to_string()),
        };
        let what = match cause {
            Cause::Store => format!("could not keep what watch {} brought", watch.name),
            _ => format!("could not poll watch {}", watch.name),
        };
        self.fails(cause, &whose, &watch.name, &what, &error);
    }

    /// Something of a watch failed: a line when that begins, and every ten minutes while it lasts.
    pub(in crate::engine) fn fails(
        &mut self,
        cause: Cause,
        whose: &str,
        watch: &str,
        what: &str,
        error: &str,
    ) {
        let said = self.faults.fails(cause.clone(), whose, self.parts.clock.elapsed());
        let Some(Said { lasts, times, concerned }) = said else {
            tracing::debug!(watch, error, "{what}: {error}");
            return;
        };
        let (seconds, often) = (lasts.as_secs(), many(times, "time", "times"));
        let lasting = match &cause {
            _ if lasts.is_zero() => String::new(),
            Cause::Watch(_) => format!(" (for {seconds} s, {often})"),
            _ => format!(" (and {concerned} in all, for {seconds} s, {often})"),
        };
        match cause {
            Cause::Store => {
                tracing::error!(watch, error, seconds, times, concerned, "{what}{lasting}: {error}");
            }
            _ => tracing::warn!(watch, error, seconds, times, concerned, "{what}{lasting}: {error}"),
        }
    }

    /// A conversation, or a look for some, is read and kept: what has kept others from that may be over.
    pub(in crate::engine) fn is_well(&mut self, whose: &str) {
        for (cause, said) in self.faults.well(whose, self.parts.clock.elapsed()) {
            let Said { lasts, times, concerned } = said;
            let seconds = lasts.as_secs();
            match cause {
                Cause::Account(account, code) => tracing::info!(
                    account,
                    code,
                    seconds,
                    times,
                    concerned,
                    "account {account} answers again: {code} is over after {seconds} s"
                ),
                Cause::Watch(watch) => {
                    tracing::info!(watch, seconds, times, "watch {watch} is read again, after {seconds} s");
                }
                Cause::Store => {
                    tracing::info!(
                        seconds,
                        times,
                        concerned,
                        "what is read is kept again, after {seconds} s"
                    );
                }
            }
        }
    }
}
