//! What happened, for the people who ask; the loops need none of it. Carries no message text, but where a page that may
//! show it asks for that ([`History::briefs`]).

mod conversations;
mod deliveries;
mod events;

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use rusqlite::{Connection, Params, Row, params};

use super::rows::{count, instant};
use super::{SqliteStore, StoreError};
use crate::core::event::EventKind;
use crate::core::heartbeat::LANE;
use crate::core::story::{
    Brief, COUNTED_MAX, ConversationStory, DeliveryStory, EventStory, PollHour, Several, Sighting,
};
use crate::core::watch::ConversationId;

/// What people ask of the store. Every list is bounded, newest first unless it says otherwise, and says how much it
/// leaves out. What only the running daemon knows (why a notifier is held) is left blank.
#[async_trait]
pub trait History: Send + Sync {
    /// One event, with its deliveries and their attempts.
    async fn event(&self, id: &str) -> Result<Option<EventStory>, StoreError>;

    /// Events that the filter means.
    async fn events(&self, filter: EventFilter) -> Result<Several<EventStory>, StoreError>;

    /// What events are, by their ids, of the first [`LIST_MAX`](crate::core::story::LIST_MAX) of them; those that are not
    /// kept are left out. With the messages' text only if that is asked for.
    async fn briefs(&self, ids: Vec<String>, with_text: bool) -> Result<BTreeMap<String, Brief>, StoreError>;

    /// Where a message was seen: in one conversation, or in any.
    async fn seen(
        &self,
        child: &str,
        within: Option<ConversationId>,
    ) -> Result<Several<Sighting>, StoreError>;

    /// What was told of a message.
    async fn events_of_child(
        &self,
        child: &str,
        within: Option<ConversationId>,
    ) -> Result<Several<EventStory>, StoreError>;

    /// Times in which an account's key was refused.
    async fn account_events(
        &self,
        account: &str,
        since: Timestamp,
    ) -> Result<Several<EventStory>, StoreError>;

    /// What is kept of a conversation.
    async fn conversation(&self, id: &ConversationId) -> Result<Option<ConversationStory>, StoreError>;

    /// The conversation that was last polled for a watch, whether or not that is still configured.
    async fn conversation_of(&self, watch: &str) -> Result<Option<ConversationId>, StoreError>;

    /// Polls of a conversation by hour, as far as they have been written.
    async fn polls(&self, id: &ConversationId, since: Timestamp) -> Result<Several<PollHour>, StoreError>;

    /// Polls of all conversations of a watch by hour, as far as they have been written.
    async fn polls_of_watch(
        &self,
        watch: &str,
        found: Vec<ConversationId>,
        since: Timestamp,
    ) -> Result<Several<PollHour>, StoreError>;

    /// What waits in the lanes of all conversations of a watch, of every notifier, the first in line first.
    async fn waiting_of_watch(
        &self,
        watch: &str,
        found: Vec<ConversationId>,
    ) -> Result<Several<DeliveryStory>, StoreError>;

    /// What waits in a lane, of every notifier, the first in line first.
    async fn waiting(&self, lane: &str) -> Result<Several<DeliveryStory>, StoreError>;

    /// Deliveries, whatever became of them, or dead letters alone; of one notifier, or of all.
    async fn deliveries(
        &self,
        dead: bool,
        notifier: Option<String>,
        limit: usize,
    ) -> Result<Several<DeliveryStory>, StoreError>;
}

/// Which events are meant; every condition that is there must hold.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct EventFilter {
    /// Found by this watch.
    pub watch: Option<String>,
    /// In this conversation; only beside a watch.
    pub within: Option<ConversationId>,
    /// Of this type.
    pub kind: Option<String>,
    /// Found at or after then.
    pub since: Option<Timestamp>,
    /// At most so many.
    pub limit: usize,
}

#[async_trait]
impl History for SqliteStore {
    async fn event(&self, id: &str) -> Result<Option<EventStory>, StoreError> {
        let id = id.to_owned();
        self.read(move |connection| events::event(connection, &id)).await
    }

    async fn events(&self, filter: EventFilter) -> Result<Several<EventStory>, StoreError> {
        self.read(move |connection| events::events(connection, &filter)).await
    }

    async fn briefs(&self, ids: Vec<String>, with_text: bool) -> Result<BTreeMap<String, Brief>, StoreError> {
        self.read(move |connection| events::briefs(connection, ids, with_text)).await
    }

    async fn seen(
        &self,
        child: &str,
        within: Option<ConversationId>,
    ) -> Result<Several<Sighting>, StoreError> {
        let child = child.to_owned();
        self.read(move |connection| conversations::seen(connection, &child, within.as_ref())).await
    }

    async fn events_of_child(
        &self,
        child: &str,
        within: Option<ConversationId>,
    ) -> Result<Several<EventStory>, StoreError> {
        let child = child.to_owned();
        self.read(move |connection| events::of_child(connection, &child, within.as_ref())).await
    }

    async fn account_events(
        &self,
        account: &str,
        since: Timestamp,
    ) -> Result<Several<EventStory>, StoreError> {
        let account = account.to_owned();
        self.read(move |connection| events::of_account(connection, &account, since)).await
    }

    async fn conversation(&self, id: &ConversationId) -> Result<Option<ConversationStory>, StoreError> {
        let id = id.clone();
        self.read(move |connection| conversations::conversation(connection, &id)).await
    }

    async fn conversation_of(&self, watch: &str) -> Result<Option<ConversationId>, StoreError> {
        let watch = watch.to_owned();
        self.read(move |connection| conversations::of_watch(connection, &watch)).await
    }

    async fn polls(&self, id: &ConversationId, since: Timestamp) -> Result<Several<PollHour>, StoreError> {
        let id = id.clone();
        self.read(move |connection| conversations::polls(connection, &id, since)).await
    }

    async fn polls_of_watch(
        &self,
        watch: &str,
        found: Vec<ConversationId>,
        since: Timestamp,
    ) -> Result<Several<PollHour>, StoreError> {
        let watch = watch.to_owned();
        self.read(move |connection| conversations::polls_of_watch(connection, &watch, &found, since)).await
    }

    async fn waiting_of_watch(
        &self,
        watch: &str,
        found: Vec<ConversationId>,
    ) -> Result<Several<DeliveryStory>, StoreError> {
        let watch = watch.to_owned();
        self.read(move |connection| deliveries::waiting_of_watch(connection, &watch, &found)).await
    }

    async fn waiting(&self, lane: &str) -> Result<Several<DeliveryStory>, StoreError> {
        let lane = lane.to_owned();
        self.read(move |connection| deliveries::waiting(connection, &lane)).await
    }

    async fn deliveries(
        &self,
        dead: bool,
        notifier: Option<String>,
        limit: usize,
    ) -> Result<Several<DeliveryStory>, StoreError> {
        self.read(move |connection| deliveries::list(connection, dead, notifier.as_deref(), limit)).await
    }
}

/// A question for rows, of which a bounded number is shown and the rest is counted.
#[derive(Clone, Copy)]
struct Question {
    columns: &'static str,
    /// From `FROM` on.
    from: &'static str,
    /// `ORDER BY`.
    order: &'static str,
}

impl Question {
    fn ask<T>(
        self,
        connection: &Connection,
        params: impl Params + Clone,
        limit: usize,
        read: impl FnMut(&Row<'_>) -> Result<T, StoreError>,
    ) -> Result<Several<T>, StoreError> {
        let mut rows = connection.prepare_cached(&self.sql(limit))?;
        let shown = rows.query_and_then(params.clone(), read)?.collect::<Result<Vec<T>, StoreError>>()?;
        if shown.len() < limit {
            return Ok(Several { shown, more: 0 });
        }
        let all: i64 = connection.prepare_cached(&self.count(limit))?.query_row(params, |row| row.get(0))?;
        let more = count(all).saturating_sub(shown.len() as u64);
        Ok(Several { shown, more })
    }

    fn sql(self, limit: usize) -> String {
        format!("SELECT {} {} {} LIMIT {limit}", self.columns, self.from, self.order)
    }

    fn count(self, limit: usize) -> String {
        let most = limit as u64 + COUNTED_MAX;
        format!("SELECT count(*) FROM (SELECT 1 {} LIMIT {most})", self.from)
    }
}

/// An event, without its text.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct RecentEvent {
    /// Its id.
    pub id: String,
    /// Its type.
    pub kind: String,
    /// The watch, where there is one.
    pub watch: Option<String>,
    /// When it happened.
    pub occurred_at: Timestamp,
    /// When it was found.
    pub recorded_at: Timestamp,
}

/// An attempt to deliver.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct RecentDelivery {
    /// What was delivered.
    pub notification_id: String,
    /// To whom.
    pub notifier: String,
    /// How it ended.
    pub outcome: String,
    /// Which attempt it was.
    pub attempt: u32,
    /// When it began.
    pub started_at: Timestamp,
    /// How long it took.
    pub took: Duration,
    /// What was said, one line.
    pub detail: String,
}

pub(super) fn events(connection: &Connection, limit: usize) -> Result<Vec<RecentEvent>, StoreError> {
    let mut newest = connection.prepare_cached(
        "SELECT id, type, watch, occurred_at, recorded_at FROM event WHERE type <> ?2
         ORDER BY recorded_at DESC, sequence DESC, id LIMIT ?1",
    )?;
    let rows = newest.query_map(
        params![i64::try_from(limit).unwrap_or(i64::MAX), EventKind::Heartbeat.as_str()],
        |row| {
            Ok(RecentEvent {
                id: row.get(0)?,
                kind: row.get(1)?,
                watch: row.get(2)?,
                occurred_at: instant(row.get(3)?),
                recorded_at: instant(row.get(4)?),
            })
        },
    )?;
    Ok(rows.collect::<Result<_, _>>()?)
}

pub(super) fn deliveries(connection: &Connection, limit: usize) -> Result<Vec<RecentDelivery>, StoreError> {
    let mut newest = connection.prepare_cached(
        "SELECT d.notification_id, d.notifier, a.outcome, a.number, a.started_at, a.took_ms, a.detail
         FROM attempt a JOIN delivery d ON d.id = a.delivery WHERE d.lane <> ?2
         ORDER BY a.id DESC LIMIT ?1",
    )?;
    let rows = newest.query_map(params![i64::try_from(limit).unwrap_or(i64::MAX), LANE], |row| {
        Ok(RecentDelivery {
            notification_id: row.get(0)?,
            notifier: row.get(1)?,
            outcome: row.get(2)?,
            attempt: row.get(3)?,
            started_at: instant(row.get(4)?),
            took: Duration::from_millis(count(row.get(5)?)),
            detail: row.get(6)?,
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

#[cfg(test)]
mod tests;
