//! Silences, and what somebody has said that they know of.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, Row, params};

use super::rows::{instant, nanos};
use super::{StoreError, polls};
use crate::core::silence::{Draft, Ended, Silence};
use crate::core::waiting::Acked;
use crate::core::watch::ConversationId;

const OVER: &str =
    "SELECT id, matcher, until, until_reply, until_close, reason, created_at, created_by, over_at, ended_why
     FROM silence WHERE over_at > ?1 ORDER BY over_at DESC LIMIT ?2";

pub(super) fn all(
    connection: &Connection,
    over_after: Timestamp,
    limit: usize,
) -> Result<Vec<Silence>, StoreError> {
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let mut rows = connection.prepare_cached(OVER)?;
    let rows = rows.query_map(params![nanos(over_after), limit], read)?;
    let mut silences: Vec<Silence> = rows.collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect();
    silences.sort_by_key(|silence| silence.id);
    Ok(silences)
}

/// `None` for one whose matcher a later version wrote.
fn read(row: &Row<'_>) -> rusqlite::Result<Option<Silence>> {
    let Ok(matcher) = serde_json::from_str(&row.get::<_, String>(1)?) else { return Ok(None) };
    let ended_why: Option<String> = row.get(9)?;
    let over_at = instant(row.get(8)?);
    Ok(Some(Silence {
        id: row.get(0)?,
        matcher,
        until: instant(row.get(2)?),
        until_reply: row.get(3)?,
        until_close: row.get(4)?,
        reason: row.get(5)?,
        created_at: instant(row.get(6)?),
        created_by: row.get(7)?,
        ended: ended_why.map(|why| Ended { at: over_at, why }),
    }))
}

pub(super) fn add(
    connection: &Connection,
    draft: &Draft,
    user: &str,
    at: Timestamp,
) -> Result<Silence, StoreError> {
    let silence = draft.clone().silence(0, at, user);
    let id = connection
        .prepare_cached(
            "INSERT INTO silence (matcher, until, until_reply, until_close, reason, created_at, created_by, over_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?2)",
        )?
        .insert(params![
            serde_json::to_string(&silence.matcher).expect("it is text"),
            nanos(silence.until),
            silence.until_reply,
            silence.until_close,
            silence.reason,
            nanos(silence.created_at),
            silence.created_by,
        ])?;
    // As it will be read.
    Ok(Silence { id, until: instant(nanos(silence.until)), created_at: instant(nanos(at)), ..silence })
}

/// `false` when it had ended, is over, or never was.
pub(super) fn end(connection: &Connection, id: i64, why: &str, at: Timestamp) -> Result<bool, StoreError> {
    let ended = connection
        .prepare_cached(
            "UPDATE silence SET over_at = ?2, ended_why = ?3
             WHERE id = ?1 AND ended_why IS NULL AND over_at > ?2",
        )?
        .execute(params![id, nanos(at), why])?;
    Ok(ended > 0)
}

pub(super) fn ack(
    connection: &Connection,
    conversation: &ConversationId,
    acked: &Acked,
) -> Result<bool, StoreError> {
    let waiting: Option<Option<String>> = connection
        .prepare_cached("SELECT waiting FROM conversation WHERE account = ?1 AND object_id = ?2")?
        .query_row(params![conversation.account, conversation.object], |row| row.get(0))
        .optional()?;
    let waits = waiting.flatten().as_deref().and_then(polls::waits);
    if waits.is_none_or(|waiting| waiting.over) {
        return Ok(false);
    }
    connection
        .prepare_cached("UPDATE conversation SET acked = ?3 WHERE account = ?1 AND object_id = ?2")?
        .execute(params![
            conversation.account,
            conversation.object,
            serde_json::to_string(acked).expect("it is text and times"),
        ])?;
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn silences_are_found_by_when_they_are_over() {
        let connection = Connection::open_in_memory().unwrap();
        for step in super::super::migrate::STEPS {
            connection.execute_batch(step).unwrap();
        }
        let mut plan = connection.prepare(&format!("EXPLAIN QUERY PLAN {OVER}")).unwrap();
        let found: Vec<String> = plan.raw_query().mapped(|row| row.get(3)).collect::<Result<_, _>>().unwrap();
        assert!(found[0].contains("silence_over (over_at>"), "{found:#?}");
        assert_eq!(found.len(), 1, "{found:#?}");
    }
}
