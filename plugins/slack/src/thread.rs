//! One thread for each conversation: its parent shows how things stand, and the thread holds all that was told.
//!
//! Nothing is kept here. Where a conversation's thread is, the receipt of its notification before says, which the daemon
//! hands over: `channel/ts` of the parent, and `/n` where the thread holds all of `n` notifications, so that the parent's
//! text may be exchanged.

use std::time::Duration;

use jiff::Timestamp;

use commwatch_plugin_api::{DIGEST_KEY, Notification};

/// A parent so old has moved far up in its channel: what comes then begins a thread anew.
const THREAD_FOR: Duration = Duration::from_secs(24 * 3600);

/// Where a conversation's thread is.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Thread {
    pub(crate) channel: String,
    /// The parent's `ts`: its time, and its name.
    pub(crate) parent: String,
    /// How many notifications the thread holds; None when it lacks the first, which only the parent has then.
    pub(crate) held: Option<u64>,
}

impl Thread {
    /// The thread that goes on with this notification, if there is one in this channel.
    pub(crate) fn before(notification: &Notification, channel: &str) -> Option<Self> {
        let thread = Self::read(notification.receipt.as_deref()?)?;
        (!is_digest(notification) && thread.channel == channel && thread.is_young(notification))
            .then_some(thread)
    }

    /// Reads a receipt; None for one that is none of ours.
    pub(crate) fn read(receipt: &str) -> Option<Self> {
        let (channel, rest) = receipt.split_once('/')?;
        let (parent, held) = match rest.split_once('/') {
            Some((parent, held)) => (parent, Some(held.parse().ok()?)),
            None => (rest, None),
        };
        let (seconds, fraction) = parent.split_once('.')?;
        let is_number = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        (!channel.is_empty() && is_number(seconds) && is_number(fraction)).then(|| Self {
            channel: channel.to_owned(),
            parent: parent.to_owned(),
            held,
        })
    }

    pub(crate) fn receipt(&self) -> String {
        let Self { channel, parent, held } = self;
        match held {
            Some(held) => format!("{channel}/{parent}/{held}"),
            None => format!("{channel}/{parent}"),
        }
    }

    /// With one more in it.
    pub(crate) fn longer(self) -> Self {
        Self { held: self.held.map(|held| held.saturating_add(1)), ..self }
    }

    /// By when the newest event was found; one that does not say that is new.
    fn is_young(&self, notification: &Notification) -> bool {
        let begun = self.parent.split_once('.').and_then(|(seconds, _)| seconds.parse().ok());
        let Some(begun) = begun.and_then(|seconds| Timestamp::from_second(seconds).ok()) else {
            return false;
        };
        let found = notification.events.iter().filter_map(found).max();
        found.is_none_or(|found| found.duration_since(begun).unsigned_abs() < THREAD_FOR)
    }
}

/// A digest is of several conversations, and in none of their threads.
pub(crate) fn is_digest(notification: &Notification) -> bool {
    notification.key == DIGEST_KEY
}

fn found(event: &commwatch_plugin_api::Event) -> Option<Timestamp> {
    #[derive(serde::Deserialize)]
    struct Found {
        recordedtime: Timestamp,
    }
    event.decode().map(|Found { recordedtime }| recordedtime).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_receipt_says_where_the_thread_is() {
        for receipt in ["C0123456789/1700000000.000100", "C0123456789/1700000000.000100/7"] {
            assert_eq!(Thread::read(receipt).unwrap().receipt(), receipt);
        }
        let whole = Thread::read("C1/17.5/7").unwrap();
        assert_eq!(whole.longer().receipt(), "C1/17.5/8");
        assert_eq!(Thread::read("C1/17.5").unwrap().longer().receipt(), "C1/17.5");
        for other in ["", "C1", "/17.5", "C1/", "C1/17", "C1/17.x", "C1/17.5/x", "C1/17.5/1/2", "C1/.5", "ok"]
        {
            assert_eq!(Thread::read(other), None, "{other}");
        }
    }
}
