//! What people ask about the past, put together from what the store kept and what the loops saw last.

use std::cmp::Reverse;

use jiff::Timestamp;

use super::daemon::Shared;
use super::plan::Plan;
use super::status;
use crate::config::unknown;
use crate::core::story::{
    About, CONVERSATIONS_MAX, DeliveryStory, EventStory, FOUND_MAX, FoundStory, Held, LIST_MAX, Live,
    LookedFor, MessageStory, PollHour, Several, Story, WatchStory, Why, polls_by_hour,
};
use crate::core::watch::{ConversationId, Watch};
use crate::ops::status::WatchStatus;
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
            About::Watch { name, since, conversation } => {
                Story::Watch(Box::new(self.watch(name, since, conversation).await?))
            }
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

    async fn watch(
        self,
        name: String,
        since: Timestamp,
        within: Option<ConversationId>,
    ) -> Result<WatchStory, String> {
        let plan = self.shared.plans.borrow().clone();
        let mut found = self.shared.finds.watches(&plan);
        found.retain(|watch| watch.name == name);
        let told = match &within {
            Some(id) => self.one(&plan, &name, self.of_watch(&plan, &name, id, &found).await?, since).await?,
            None if plan.seeks.values().any(|seek| seek.name == name) => {
                self.all(&plan, &name, &found, since).await?
            }
            None => self.one(&plan, &name, self.conversation(&plan, &name).await?, since).await?,
        };
        let Told { live, kept, conversations, polls, mut waiting } = told;
        let conversation = match &kept {
            Some(id) => self.history.conversation(id).await.map_err(unread)?,
            None => None,
        };
        self.hold(&mut waiting);
        let filter = EventFilter {
            watch: Some(name.clone()),
            within: within.clone(),
            since: Some(since),
            limit: crate::core::story::EVENTS_MAX,
            ..EventFilter::default()
        };
        let events = self.events(filter).await?;
        let account = live.as_ref().map(|live| &live.account).or(kept.as_ref().map(|id| &id.account));
        let account_events = match account {
            Some(account) => self.history.account_events(account, since).await.map_err(unread)?,
            None => Several::default(),
        };
        Ok(WatchStory {
            name,
            since,
            within,
            live,
            conversations,
            conversation,
            polls,
            events,
            account_events,
            waiting,
        })
    }

    /// Of a watch, what one of its conversations has.
    async fn one(
        self,
        plan: &Plan,
        name: &str,
        id: ConversationId,
        since: Timestamp,
    ) -> Result<Told, String> {
        let watch = self.shared.finds.watch(plan, &id).filter(|watch| watch.name == name);
        let stored = self.history.polls(&id, since).await.map_err(unread)?;
        Ok(Told {
            live: watch.map(|watch| self.live(plan, &watch)),
            conversations: Several::default(),
            polls: polls_by_hour(stored, self.hours_in_memory(&id)),
            waiting: self.history.waiting(&id.to_string()).await.map_err(unread)?,
            kept: Some(id),
        })
    }

    /// Of a watch, what all that was found for it has.
    async fn all(self, plan: &Plan, name: &str, found: &[Watch], since: Timestamp) -> Result<Told, String> {
        let statuses: Vec<WatchStatus> =
            found.iter().map(|watch| status::watch(self.shared, plan, watch)).collect();
        let ids: Vec<ConversationId> = found.iter().map(|watch| watch.conversation.clone()).collect();
        let stored = self.history.polls_of_watch(name, ids.clone(), since).await.map_err(unread)?;
        let in_memory = ids.iter().flat_map(|id| self.hours_in_memory(id));
        Ok(Told {
            live: self.live_of_all(plan, name, &statuses),
            kept: self.history.conversation_of(name).await.map_err(unread)?,
            polls: polls_by_hour(stored, in_memory.collect()),
            waiting: self.history.waiting_of_watch(name, ids).await.map_err(unread)?,
            conversations: listed(found, statuses),
        })
    }

    /// A conversation of a watch: one that it names or that is found for it, or one that was.
    async fn of_watch(
        self,
        plan: &Plan,
        name: &str,
        id: &ConversationId,
        found: &[Watch],
    ) -> Result<ConversationId, String> {
        let named = plan.config.watches.iter().filter(|watch| watch.name == name);
        if named.chain(found).any(|watch| watch.conversation == *id) {
            return Ok(id.clone());
        }
        let kept = self.history.conversation(id).await.map_err(unread)?;
        if kept.is_some_and(|kept| kept.watch == name) {
            return Ok(id.clone());
        }
        // It has another watch now, and was this one's when something was found in it.
        let (watch, within) = (Some(name.to_owned()), Some(id.clone()));
        let was = EventFilter { watch, within, limit: 1, ..EventFilter::default() };
        if !self.events(was).await?.shown.is_empty() {
            return Ok(id.clone());
        }
        if plan.config.watch_names().all(|one| one != name) {
            self.conversation(plan, name).await?;
        }
        Err(format!("conversation {id} is not one of watch {name}"))
    }

    /// How all that was found for a watch goes, as one.
    fn live_of_all(self, plan: &Plan, name: &str, found: &[WatchStatus]) -> Option<Live> {
        let (id, seek) = plan.seeks.iter().find(|(_, seek)| seek.name == name)?;
        Some(self.live_as(&seek.any(), status::seek(self.shared, id, seek, found), None))
    }

    fn live(self, plan: &Plan, watch: &Watch) -> Live {
        let channel = Some(watch.stream.to_string());
        self.live_as(watch, status::watch(self.shared, plan, watch), channel)
    }

    fn live_as(self, watch: &Watch, status: WatchStatus, channel: Option<String>) -> Live {
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
            channel,
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

/// What a story of a watch is made of, be it of one conversation or of all.
struct Told {
    live: Option<Live>,
    /// The conversation of which is told what is kept.
    kept: Option<ConversationId>,
    conversations: Several<FoundStory>,
    polls: Several<PollHour>,
    waiting: Several<DeliveryStory>,
}

/// What was found for a watch: who waits longest first, then what was written last.
fn listed(found: &[Watch], statuses: Vec<WatchStatus>) -> Several<FoundStory> {
    let story = |(watch, status): (&Watch, WatchStatus)| FoundStory {
        account: status.account,
        object: status.object,
        channel: watch.stream.to_string(),
        state: status.state.as_str().to_owned(),
        last_success: status.last_success,
        last_message_at: status.last_message_at,
        waiting_since: status.waiting_since,
        acked: status.acked,
    };
    let mut all: Vec<FoundStory> = found.iter().zip(statuses).map(story).collect();
    all.sort_by_key(|one| {
        (one.waiting_since.is_none(), one.waiting_since, Reverse(one.last_message_at), one.object.clone())
    });
    Several::first(all, FOUND_MAX)
}

pub(super) fn unread(error: StoreError) -> String {
    format!("the store could not be read: {error}")
}
