//! `CommBox`'s clocks, one an account: what polling hears, the others reckon with.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;

use super::clock::Clock;
use crate::core::daytime;
use crate::core::skew::{Grade, ServerClock};

/// A smaller difference is not told from the time that requests take.
const NOISE_MAX: SignedDuration = SignedDuration::from_secs(1);

pub(super) struct Servers {
    clock: Arc<dyn Clock>,
    accounts: Mutex<BTreeMap<String, ServerClock>>,
}

impl Servers {
    pub(super) fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, accounts: Mutex::default() }
    }

    /// An answer that came this long after the engine began, and had taken `took`, said this time.
    pub(super) fn answered(&self, account: &str, said: Timestamp, came: Duration, took: Duration) {
        let middle = came.saturating_sub(took / 2);
        self.accounts().entry(account.to_owned()).or_default().answered(said, middle);
    }

    /// An account's clock minus ours, when it is known.
    pub(super) fn skew(&self, account: &str) -> Option<SignedDuration> {
        let (now, elapsed) = (self.clock.now(), self.clock.elapsed());
        self.accounts().get(account)?.skew(now, elapsed)
    }

    /// A time of ours as the account's clock would have it: what an age of what happened there is counted from.
    pub(super) fn there(&self, account: &str, ours: Timestamp) -> Timestamp {
        self.skew(account).map_or(ours, |skew| daytime::moved(ours, skew))
    }

    /// A time of the account as our clock would have it; as it is where both are the same but for noise.
    pub(super) fn here(&self, account: &str, theirs: Timestamp) -> Timestamp {
        let skew = self.skew(account).filter(|skew| skew.abs() >= NOISE_MAX);
        skew.map_or(theirs, |skew| daytime::moved(theirs, -skew))
    }

    /// The earliest of our clock and all of theirs: what is old by it is old, whichever of them is wrong.
    pub(super) fn earliest(&self) -> Timestamp {
        let (now, elapsed) = (self.clock.now(), self.clock.elapsed());
        let accounts = self.accounts();
        accounts.values().filter_map(|server| server.now(elapsed)).fold(now, Timestamp::min)
    }

    /// How an account's clock stands to ours, when that is news.
    pub(super) fn tell(&self, account: &str) -> Option<(Grade, SignedDuration)> {
        let (now, elapsed) = (self.clock.now(), self.clock.elapsed());
        let mut accounts = self.accounts();
        let server = accounts.get_mut(account)?;
        Some((server.tell(now, elapsed)?, server.skew(now, elapsed)?))
    }

    /// Forgets accounts that have left the configuration.
    pub(super) fn retain(&self, keep: impl Fn(&str) -> bool) {
        self.accounts().retain(|name, _| keep(name));
    }

    fn accounts(&self) -> MutexGuard<'_, BTreeMap<String, ServerClock>> {
        self.accounts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The account whose clock the time of a notification's first event is by; none where that time is our own.
pub(super) fn timed_by(payload: &str) -> Option<String> {
    #[derive(Deserialize)]
    struct Payload {
        events: Vec<Event>,
    }
    #[derive(Deserialize)]
    struct Event {
        data: Data,
    }
    #[derive(Deserialize)]
    struct Data {
        account: Option<String>,
        message: Option<Message>,
        waiting: Option<serde::de::IgnoredAny>,
    }
    #[derive(Deserialize)]
    struct Message {
        created: Option<serde::de::IgnoredAny>,
    }
    let payload: Payload = serde_json::from_str(payload).ok()?;
    let data = payload.events.into_iter().next()?.data;
    // That somebody waits happens when it is found.
    if data.waiting.is_some() {
        return None;
    }
    data.message?.created?;
    data.account
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Still;

    impl Clock for Still {
        fn now(&self) -> Timestamp {
            Timestamp::from_second(1_800_000_000).unwrap()
        }

        fn elapsed(&self) -> Duration {
            Duration::from_secs(100)
        }
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + second).unwrap()
    }

    #[test]
    fn ages_are_counted_by_the_clock_of_the_account_and_old_is_what_is_old_by_every_clock() {
        let servers = Servers::new(Arc::new(Still));
        let seconds = Duration::from_secs;
        // The answer said 60 s more than we had in the middle of its request; 0.5 s is the fraction it did not say.
        servers.answered("fast", at(59), seconds(100), seconds(2));
        servers.answered("slow", at(-60), seconds(100), Duration::ZERO);
        assert_eq!(servers.skew("fast").unwrap(), SignedDuration::from_millis(60_500));
        assert_eq!(servers.there("fast", at(10)), at(70) + SignedDuration::from_millis(500));
        assert_eq!(servers.here("fast", servers.there("fast", at(10))), at(10));
        assert_eq!(servers.there("unknown", at(10)), at(10));
        assert_eq!(servers.earliest(), at(-60) + SignedDuration::from_millis(500));
        servers.retain(|name| name == "fast");
        assert_eq!(servers.earliest(), at(0));
    }

    #[test]
    fn the_time_of_a_message_is_its_accounts_and_any_other_is_ours() {
        let payload = |data: &str| format!(r#"{{"id":"x","events":[{{"data":{data}}}],"omitted":0}}"#);
        let message = r#"{"account":"main","message":{"id":"1","created":"2026-01-01T00:00:00Z"}}"#;
        assert_eq!(timed_by(&payload(message)), Some("main".to_owned()));
        for ours in [r#"{"account":"main"}"#, r#"{"account":"main","message":{"created":null}}"#, "{}"] {
            assert_eq!(timed_by(&payload(ours)), None, "{ours}");
        }
        assert_eq!(timed_by("{}"), None);
    }
}
