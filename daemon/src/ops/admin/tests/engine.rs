//! An engine for whoever speaks to one: it refuses removals, and answers what it does not know with what it was asked.

use super::super::*;
use crate::ops::status::tests::example;

/// What a reload has changed.
pub(crate) const CHANGES: &str = "removed watch acme-cfo\n";
/// Why one was held.
pub(crate) const HELD: &str = "it removes the VIP acme-cfo\n  hint: commwatch reload --allow-removals";

/// An engine that refuses removals, and never answers when told so.
pub(crate) struct Engine {
    pub(crate) silent: bool,
}

#[async_trait]
impl Admin for Engine {
    async fn may_change(&self, peer: Option<Peer>) -> Result<(), String> {
        decide(peer, None)
    }

    async fn status(&self) -> Status {
        if self.silent {
            std::future::pending::<()>().await;
        }
        example()
    }

    async fn reload(&self, allow_removals: bool) -> Result<String, String> {
        match allow_removals {
            true => Ok(CHANGES.into()),
            false => Err(HELD.into()),
        }
    }

    async fn backup(&self, file: &Path) -> Result<BackedUp, String> {
        if self.silent {
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        match file.ends_with("there") {
            true => Err("it is there already".into()),
            false => {
                let taken = "2026-01-02T03:04:05.6Z".parse().unwrap();
                Ok(BackedUp { file: file.to_owned(), bytes: 4096, taken })
            }
        }
    }

    async fn online(&self) -> Result<Online, String> {
        Err("online".into())
    }

    async fn why(&self, about: About) -> Result<Why, String> {
        Err(format!("{about:?}"))
    }

    async fn events(&self, asked: EventsAsked) -> Result<Several<EventStory>, String> {
        Err(format!("{asked:?}"))
    }

    async fn deliveries(&self, asked: DeliveriesAsked) -> Result<Several<DeliveryStory>, String> {
        Err(format!("{asked:?}"))
    }

    async fn replay(&self, selection: Selection, dry_run: bool) -> Result<ReplayReport, String> {
        Err(format!("{selection:?} {dry_run}"))
    }

    async fn drop_dead(&self, selection: Selection) -> Result<u64, String> {
        Err(format!("{selection:?}"))
    }

    async fn resume(&self, notifier: &str) -> Result<Option<Held>, String> {
        Err(notifier.to_owned())
    }

    async fn test(
        &self,
        notifier: &str,
        watch: Option<String>,
        like: Option<String>,
        _: &str,
    ) -> Result<String, String> {
        Err(format!("{notifier} {watch:?} {like:?}"))
    }

    async fn add_silence(&self, draft: Draft, user: &str) -> Result<Added, String> {
        Err(format!("{draft:?} {}", user.starts_with("uid ")))
    }

    async fn silences(&self, all: bool) -> Result<Vec<Listed>, String> {
        Err(format!("{all}"))
    }

    async fn expire_silence(&self, id: i64, by: Option<String>, _: &str) -> Result<Silence, String> {
        Err(format!("{id} {}", by.is_some()))
    }

    async fn ack(
        &self,
        watch: &str,
        within: Option<ConversationId>,
        _: Option<String>,
        _: &str,
    ) -> Result<Acknowledged, String> {
        Err(format!("{watch} {within:?}"))
    }
}
