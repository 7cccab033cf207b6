//! What people ask about the past, put together from what the store kept and what the loops saw last.

use jiff::Timestamp;

use super::daemon::Shared;
use super::plan::Plan;
use super::status;
use crate::config::unknown;
use crate::core::story::{
    About, CONVERSATIONS_MAX, DeliveryStory, EventStory, Held, LIST_MAX, Live, LookedFor, MessageStory,
    PollHour, Several, Story, WatchStory, Why, polls_by_hour,
};
use crate::core::watch::{ConversationId, Watch};
use crate::store::{EventFilter, History, StoreError};

/// What people ask of.
#[derive(Clone, Copy)]
pub(super) struct Past<'a> {
    pub(super) shared: &'a Shared,
    pub(super) history: &'a dyn History,
}

impl Past<'_> {
    pub(super) async fn why(self, about: About) -> Result<Why, String> {
        let story = match about {
            About::Event { id } => Story::Event(Box::new(self.event(&id).await?)),
            About::Message { child, watch } => Story::Message(self.message(child, watch).await?),
            About::Watch { name, since } => Story::Watch(Box::new(self.watch(name, since).await?)),
        };
        Ok(Why { taken: self.shared.clock.now(), story })
    }

    pub(super) async fn events(self, filter: EventFilter) -> Result<Several<EventStory>, String> {
        let filter = EventFilter { limit: filter.limit.clamp(1, LIST_MAX), ..filter };
        let mut events = self.history.events(filter).await.map_err(unread)?;
        events.shown.iter_mut().for_each(|event| self.hold(&mut event.deliveries));
        Ok(events)
    }

    pub(super) async fn deliveries(
        self,
        dead: bool,
        notifier: Option<String>,
        limit: usize,
    ) -> Result<Several<DeliveryStory>, String> {
        let limit = limit.clamp(1, LIST_MAX);
        let mut deliveries = self.history.deliveries(dead, notifier, limit).await.map_err(unread)?;
        self.hold(&mut deliveries);
        Ok(deliveries)
    }

    async fn event(self, id: &str) -> Result<EventStory, String> {
        let found = self.history.event(id).await.map_err(unread)?;
        let mut event = found.ok_or_else(|| {
            format!("no event {id} is kept\n  hint: `commwatch events` lists them; they are kept for [store] retention")
        })?;
        self.hold(&mut event.deliveries);
        Ok(event)
    }

    async fn message(self, child: String, watch: Option<String>) -> Result<MessageStory, String> {
        let plan = self.shared.plans.borrow().clone();
        let within = match &watch {
            Some(name) => Some(self.conversation(&plan, name).await?),
            None => None,
        };
        let seen = self.history.seen(&child, within.clone()).await.map_err(unread)?;
        let mut events = self.history.events_of_child(&child, within.clone()).await.map_err(unread)?;
        events.shown.iter_mut().for_each(|event| self.hold(&mut event.deliveries));
        let mut looked_for = Vec::new();
        if seen.shown.is_empty() {
            let found = self.shared.finds.watches(&plan);
            let watches = plan.config.watches.iter().chain(&found);
            let watches = watches.filter(|one| within.as_ref().is_none_or(|id| one.conversation == *id));
            for (n, watch) in watches.enumerate() {
                // Those beyond the bound are counted, not looked up.
                let kept = match n < CONVERSATIONS_MAX {
                    true => self.history.conversation(&watch.conversation).await.map_err(unread)?,
                    false => None,
                };
                looked_for.push(self.looked_for(&plan, watch, kept.and_then(|kept| kept.baseline_at)));
            }
        }
        Ok(MessageStory {
            child,
            watch,
            seen,
            events,
            looked_for: Several::first(looked_for, CONVERSATIONS_MAX),
        })
    }

    fn looked_for(self, plan: &Plan, watch: &Watch, baseline_at: Option<Timestamp>) -> LookedFor {
        let status = status::watch(self.shared, plan, watch);
        LookedFor {
            watch: status.name,
            baseline_at,
            last_poll: status.last_poll,
            last_success: status.last_success,
            last_error: status.last_error,
        }
    }

    async fn watch(self, name: String, since: Timestamp) -> Result<WatchStory, String> {
        let plan = self.shared.plans.borrow().clone();
        let id = self.conversation(&plan, &name).await?;
        let live = self.shared.finds.watch(&plan, &id).filter(|watch| watch.name == name);
        let live = live.map(|watch| self.live(&plan, &watch));
        let conversation = self.history.conversation(&id).await.map_err(unread)?;
        let in_memory = self.hours_in_memory(&id);
        let stored = self.history.polls(&id, since).await.map_err(unread)?;
        let filter = EventFilter {
            watch: Some(name.clone()),
            since: Some(since),
            limit: crate::core::story::EVENTS_MAX,
            ..EventFilter::default()
        };
        let events = self.events(filter).await?;
        let account_events = self.history.account_events(&id.account, since).await.map_err(unread)?;
        let lane = format!("{}/{}", id.account, id.object);
        let mut waiting = self.history.waiting(&lane).await.map_err(unread)?;
        self.hold(&mut waiting);
        Ok(WatchStory {
            name,
            since,
            live,
            conversation,
            polls: polls_by_hour(stored, in_memory),
            events,
            account_events,
            waiting,
        })
    }

    fn live(self, plan: &Plan, watch: &Watch) -> Live {
        let status = status::watch(self.shared, plan, watch);
        let account = status::account(self.shared, &watch.conversation.account);
        let mut silences = self.shared.silences.active(self.shared.clock.now());
        silences.retain(|silence| silence.matcher.means(watch));
        let denied = account.denied_since.map(|since| Held {
            reason: "denied".to_owned(),
            since: Some(since),
            why: account.last_error,
        });
        Live {
            title: status.title,
            priority: status.priority,
            account: status.account,
            object: status.object,
            interval_seconds: status.interval_seconds,
            state: status.state.as_str().to_owned(),
            last_poll: status.last_poll,
            last_success: status.last_success,
            next_poll: status.next_poll,
            last_error: status.last_error,
            denied,
            throttled_until: account.throttled_until,
            waiting_since: status.waiting_since,
            acked: status.acked,
            silences,
        }
    }

    fn hours_in_memory(self, id: &ConversationId) -> Vec<PollHour> {
        let board = self.shared.board.read();
        let hours = board.hours.get(id).into_iter().flatten().map(|one| PollHour {
            hour: one.hour,
            polls: one.polls,
            changed: one.changed,
            failed: one.failed,
            last_error: one.last_error.clone(),
        });
        hours.collect()
    }

    /// The conversation of a watch: as it is configured, else as it was.
    async fn conversation(self, plan: &Plan, watch: &str) -> Result<ConversationId, String> {
        if let Some(configured) = plan.config.watches.iter().find(|one| one.name == watch) {
            return Ok(configured.conversation.clone());
        }
        let names = || plan.config.watch_names();
        let kept = self.history.conversation_of(watch).await.map_err(unread)?;
        kept.ok_or_else(|| unknown("watch", watch, names()))
    }

    /// Says of deliveries that wait why their notifier takes nothing, where it does not.
    fn hold(self, deliveries: &mut Several<DeliveryStory>) {
        for delivery in deliveries.shown.iter_mut().filter(|delivery| delivery.is_open()) {
            let held = status::held(self.shared, &delivery.notifier);
            delivery.held = held.or(delivery.held.take());
        }
    }
}

pub(super) fn unread(error: StoreError) -> String {
    format!("the store could not be read: {error}")
}
