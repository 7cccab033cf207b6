//! Events, as they were written when they were found: also why those were told and no others.

use std::collections::BTreeMap;

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, Row, params};
use serde::Deserialize;

use super::{EventFilter, Question, deliveries};
use crate::core::event::{ChangeData, DetectionData, EventKind, ProblemData};
use crate::core::message::AuthorKind;
use crate::core::story::{ATTEMPTS_BRIEF, ATTEMPTS_MAX, Brief, EVENTS_MAX, EventStory, LIST_MAX, Several};
use crate::core::watch::{ConversationId, Priority};
use crate::store::StoreError;
use crate::store::rows::{instant, nanos};

/// Message text does not leave the store with an event's story.
const COLUMNS: &str =
    "e.id, e.type, e.watch, e.priority, e.occurred_at, e.recorded_at, e.has_text, e.scrubbed,
    e.child_id, e.routing, json_remove(e.body, '$.data.message.text')";
const NEWEST: &str = "ORDER BY e.recorded_at DESC, e.sequence DESC";

const fn question(from: &'static str) -> Question {
    Question { columns: COLUMNS, from, order: NEWEST }
}

pub(super) const ONE: Question = question("FROM event e WHERE e.id = ?1");
pub(super) const ALL: Question =
    question("FROM event e WHERE e.recorded_at >= ?1 AND ?2 IS NULL AND ?3 IS NULL");
pub(super) const OF_WATCH: Question =
    question("FROM event e WHERE e.watch = ?2 AND e.recorded_at >= ?1 AND (?3 IS NULL OR e.type = ?3)");
pub(super) const OF_WATCH_WITHIN: Question = question(
    "FROM event e WHERE e.watch = ?2 AND e.recorded_at >= ?1 AND (?3 IS NULL OR e.type = ?3) AND e.conversation =
     (SELECT id FROM conversation WHERE account = ?4 AND object_id = ?5)",
);
pub(super) const OF_TYPE: Question =
    question("FROM event e WHERE e.type = ?3 AND e.recorded_at >= ?1 AND ?2 IS NULL");
pub(super) const OF_CHILD: Question = question("FROM event e WHERE e.child_id = ?1");
pub(super) const OF_CHILD_WITHIN: Question = question(
    "FROM event e WHERE e.child_id = ?1 AND +e.conversation =
     (SELECT id FROM conversation WHERE account = ?2 AND object_id = ?3)",
);
pub(super) const OF_ACCOUNT: Question = question(
    "FROM event e WHERE e.type IN (?1, ?2) AND e.recorded_at >= ?3 AND json_extract(e.body, '$.data.account') = ?4",
);

/// What is read of an event's own JSON. Its texts and names are not.
#[derive(Deserialize)]
struct Body {
    data: Data,
}

#[derive(Deserialize)]
struct Data {
    account: Option<String>,
    conversation: Option<Conversation>,
    message: Option<Message>,
    change: Option<ChangeData>,
    problem: Option<ProblemData>,
    detection: Option<DetectionData>,
}

#[derive(Deserialize)]
struct Conversation {
    object_id: String,
}

#[derive(Deserialize)]
struct Message {
    author: Author,
}

#[derive(Deserialize)]
struct Author {
    kind: AuthorKind,
}

pub(super) fn event(connection: &Connection, id: &str) -> Result<Option<EventStory>, StoreError> {
    let mut one = connection.prepare_cached(&ONE.sql(1))?;
    let found = one.query_row([id], |row| Ok(read(connection, row, ATTEMPTS_MAX))).optional()?;
    found.transpose()
}

pub(super) fn events(
    connection: &Connection,
    filter: &EventFilter,
) -> Result<Several<EventStory>, StoreError> {
    let EventFilter { watch, within, kind, since, limit } = filter;
    let since = since.map_or(i64::MIN, nanos);
    let brief = |row: &Row<'_>| read(connection, row, ATTEMPTS_BRIEF);
    if let (Some(watch), Some(id)) = (watch, within) {
        let given = params![since, watch, kind, id.account, id.object];
        return OF_WATCH_WITHIN.ask(connection, given, *limit, brief);
    }
    let question = match (watch, kind) {
        (Some(_), _) => OF_WATCH,
        (None, Some(_)) => OF_TYPE,
        (None, None) => ALL,
    };
    question.ask(connection, params![since, watch, kind], *limit, brief)
}

pub(super) fn of_child(
    connection: &Connection,
    child: &str,
    within: Option<&ConversationId>,
) -> Result<Several<EventStory>, StoreError> {
    let brief = |row: &Row<'_>| read(connection, row, ATTEMPTS_BRIEF);
    match within {
        None => OF_CHILD.ask(connection, [child], EVENTS_MAX, brief),
        Some(id) => OF_CHILD_WITHIN.ask(connection, params![child, id.account, id.object], EVENTS_MAX, brief),
    }
}

pub(super) fn of_account(
    connection: &Connection,
    account: &str,
    since: Timestamp,
) -> Result<Several<EventStory>, StoreError> {
    let [denied, recovered] = [EventKind::AccountDenied, EventKind::AccountRecovered].map(EventKind::as_str);
    let given = params![denied, recovered, nanos(since), account];
    OF_ACCOUNT.ask(connection, given, EVENTS_MAX, |row| read(connection, row, ATTEMPTS_BRIEF))
}

/// What an event is, and its message's text where `?2` asks for that.
pub(super) const BRIEF: &str = "SELECT type, watch,
    CASE WHEN ?2 AND has_text = 1 THEN json_extract(body, '$.data.message.text') END
    FROM event WHERE id = ?1";

pub(super) fn briefs(
    connection: &Connection,
    ids: Vec<String>,
    with_text: bool,
) -> Result<BTreeMap<String, Brief>, StoreError> {
    let mut one = connection.prepare_cached(BRIEF)?;
    let mut briefs = BTreeMap::new();
    for id in ids.into_iter().take(LIST_MAX) {
        let brief = one.query_row(params![id, with_text], |row| {
            Ok(Brief { kind: row.get(0)?, watch: row.get(1)?, text: row.get(2)? })
        });
        if let Some(brief) = brief.optional()? {
            briefs.insert(id, brief);
        }
    }
    Ok(briefs)
}

fn read(connection: &Connection, row: &Row<'_>, attempts: usize) -> Result<EventStory, StoreError> {
    let unreadable =
        |error: serde_json::Error| StoreError::Io(format!("an event that cannot be read: {error}"));
    let body: Body = serde_json::from_str(&row.get::<_, String>(10)?).map_err(unreadable)?;
    let kind: String = row.get(1)?;
    let is_of_message = EventKind::named(&kind).is_some_and(EventKind::is_message);
    let id: String = row.get(0)?;
    Ok(EventStory {
        deliveries: deliveries::of_event(connection, &id, attempts)?,
        id,
        watch: row.get(2)?,
        priority: row.get::<_, Option<String>>(3)?.as_deref().and_then(priority),
        account: body.data.account,
        object: body.data.conversation.map(|conversation| conversation.object_id),
        child: row.get(8)?,
        author: body.data.message.map(|message| message.author.kind),
        occurred_at: instant(row.get(4)?),
        recorded_at: instant(row.get(5)?),
        detection: body.data.detection,
        // Of a message it would be its text.
        change: body.data.change.filter(|_| !is_of_message),
        problem: body.data.problem,
        text_kept: row.get(6)?,
        scrubbed: row.get(7)?,
        // What cannot be read was never written by us.
        routing: serde_json::from_str(&row.get::<_, String>(9)?).unwrap_or_default(),
        kind,
    })
}

fn priority(word: &str) -> Option<Priority> {
    [Priority::Vip, Priority::Normal].into_iter().find(|priority| priority.as_str() == word)
}
