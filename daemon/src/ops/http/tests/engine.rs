//! An engine whose answers the test chooses.

use std::path::Path;
use std::sync::Mutex;

use async_trait::async_trait;

use super::*;
use crate::core::online::Online;
use crate::core::replay::{ReplayReport, ReplayedDelivery, Selection};
use crate::core::silence::{Acknowledged, Added, Draft, Listed, Matcher, Silence};
use crate::core::story::{About, DeliveryStory, EventStory, Held, Several, Why};
use crate::core::watch::ConversationId;
use crate::ops::admin::{BackedUp, DeliveriesAsked, EventsAsked};
use crate::ops::status::tests::{example, silence};

/// One that does all it is asked, and notes what it was asked to change.
#[derive(Default)]
pub(super) struct Engine {
    pub(super) health: Mutex<Health>,
    pub(super) silent: bool,
    /// How it goes, where that is not the example.
    pub(super) status: Mutex<Option<Status>>,
    pub(super) changes: Mutex<Vec<String>>,
}

impl Engine {
    fn note(&self, change: impl Into<String>) {
        self.changes.lock().unwrap().push(change.into());
    }
}

impl Source for Engine {
    fn status(&self) -> BoxFuture<'_, Status> {
        if self.silent {
            return Box::pin(std::future::pending());
        }
        let status = self.status.lock().unwrap().clone().unwrap_or_else(example);
        Box::pin(async { status })
    }

    fn metrics_text(&self) -> String {
        "commwatch_build_info 1\n".into()
    }

    fn charts(&self) -> Charts {
        Charts::default()
    }

    fn briefs(&self, _: Vec<String>) -> BoxFuture<'_, BTreeMap<String, Brief>> {
        Box::pin(async { BTreeMap::new() })
    }

    fn effective_config(&self) -> String {
        "[http]\ntoken = \"hidden\"\n".into()
    }

    fn health(&self) -> Health {
        self.health.lock().unwrap().clone()
    }
}

#[async_trait]
impl Admin for Engine {
    async fn may_change(&self, peer: Option<crate::ops::admin::Peer>) -> Result<(), String> {
        unreachable!("the page's own rights decide, not {peer:?}")
    }

    async fn status(&self) -> Status {
        example()
    }

    async fn reload(&self, _: bool) -> Result<String, String> {
        unreachable!("no page reloads")
    }

    async fn backup(&self, _: &Path) -> Result<BackedUp, String> {
        unreachable!("no page backs up")
    }

    async fn online(&self) -> Result<Online, String> {
        unreachable!("no page tries what must work")
    }

    async fn why(&self, about: About) -> Result<Why, String> {
        Err(format!("no such thing is kept: {about:?}"))
    }

    async fn events(&self, _: EventsAsked) -> Result<Several<EventStory>, String> {
        Ok(Several::default())
    }

    async fn deliveries(&self, _: DeliveriesAsked) -> Result<Several<DeliveryStory>, String> {
        Ok(Several::default())
    }

    async fn replay(&self, selection: Selection, dry_run: bool) -> Result<ReplayReport, String> {
        let event = selection.event.clone().unwrap_or_else(|| "all".into());
        if !dry_run {
            self.note(format!("replay {event}"));
        }
        let created_at = example().taken;
        let one = ReplayedDelivery { event, notifier: "log".into(), was: "dead".into(), created_at };
        Ok(ReplayReport { dry_run, deliveries: vec![one], ..ReplayReport::default() })
    }

    async fn drop_dead(&self, _: Selection) -> Result<u64, String> {
        unreachable!("no page drops dead letters")
    }

    async fn resume(&self, notifier: &str) -> Result<Option<Held>, String> {
        self.note(format!("resume {notifier}"));
        Ok(None)
    }

    async fn test(&self, _: &str, _: Option<String>, _: Option<String>, _: &str) -> Result<String, String> {
        unreachable!("no page tests notifiers")
    }

    async fn add_silence(&self, draft: Draft, user: &str) -> Result<Added, String> {
        draft.check(example().taken)?;
        if let Matcher::Watch(name) = &draft.matcher
            && name != "acme-cfo"
        {
            return Err(format!("unknown watch `{name}`\n  hint: watches in this file are `acme-cfo`"));
        }
        let silence = draft.silence(7, example().taken, user);
        self.note(silence.to_string());
        Ok(Added { silence, conversations: 1, waiting: 0 })
    }

    async fn silences(&self, _: bool) -> Result<Vec<Listed>, String> {
        Ok(vec![Listed { silence: silence(), active: true, conversations: 1 }])
    }

    async fn expire_silence(&self, id: i64, _: Option<String>, user: &str) -> Result<Silence, String> {
        self.note(format!("expire {id} by {user}"));
        Ok(silence())
    }

    async fn ack(
        &self,
        watch: &str,
        within: Option<ConversationId>,
        _: Option<String>,
        user: &str,
    ) -> Result<Acknowledged, String> {
        let within = within.map_or(String::new(), |id| format!(" in {id}"));
        self.note(format!("ack {watch}{within} by {user}"));
        Ok(Acknowledged { watch: watch.into(), by: user.into(), waits: vec![] })
    }
}
