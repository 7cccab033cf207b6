//! Cursors: read when an answer has changed, written together with what it brought.

use rusqlite::{Connection, OptionalExtension, params};

use super::rows::{author, instant, nanos, vanished_as, vanished_of};
use super::told::insert_told;
use super::{PollCommit, PollSummary, StoreError, Told, Waits, outbox, silences};
use crate::core::cursor::{Cursor, Seen};
use crate::core::message::{AuthorKind, ChildId};
use crate::core::waiting::Waiting;
use crate::core::watch::ConversationId;

pub(super) fn cursor(connection: &Connection, id: &ConversationId) -> Result<Option<Cursor>, StoreError> {
    let row = connection
        .prepare_cached(
            "SELECT id, baseline_at, listed, sequence, status_id, assigned_manager_id, unreachable_since,
                    updated_at, gap_since, waiting, acked FROM conversation WHERE account = ?1 AND object_id = ?2",
        )?
        .query_row(params![id.account, id.object], |row| {
            let cursor = Cursor {
                baseline_at: row.get::<_, Option<i64>>(1)?.map(instant),
                listed: row.get(2)?,
                sequence: super::rows::count(row.get(3)?),
                status_id: row.get(4)?,
                assigned_manager_id: row.get(5)?,
                unreachable_since: row.get::<_, Option<i64>>(6)?.map(instant),
                updated_at: row.get::<_, Option<i64>>(7)?.map(instant),
                gap_since: row.get::<_, Option<i64>>(8)?.map(instant),
                waiting: row.get::<_, Option<String>>(9)?.as_deref().and_then(waits),
                acked: row.get::<_, Option<String>>(10)?.and_then(|json| serde_json::from_str(&json).ok()),
                seen: std::collections::HashMap::new(),
            };
            Ok((row.get::<_, i64>(0)?, cursor))
        })
        .optional()?;
    let Some((conversation, mut cursor)) = row else { return Ok(None) };
    let mut children = connection.prepare_cached(
        "SELECT child_id, instant, text_hash, revision, vanished_at, vanished_as, author, unparsed, baseline,
                found_at FROM seen WHERE conversation = ?1",
    )?;
    let mut rows = children.query([conversation])?;
    while let Some(row) = rows.next()? {
        let seen = Seen {
            instant: row.get::<_, Option<i64>>(1)?.map(instant),
            // The hash uses all 64 bits; the column is signed.
            text_hash: row.get::<_, i64>(2)?.cast_unsigned(),
            revision: row.get(3)?,
            vanished: vanished_of(row.get(4)?, row.get(5)?),
            author: row.get::<_, Option<String>>(6)?.as_deref().and_then(author),
            unparsed: row.get(7)?,
            baseline: row.get(8)?,
            found_at: row.get::<_, Option<i64>>(9)?.map(instant),
        };
        cursor.seen.insert(ChildId::new(row.get::<_, String>(0)?), seen);
    }
    Ok(Some(cursor))
}

/// A row's words for who waits.
pub(super) fn waits(json: &str) -> Option<Waiting> {
    serde_json::from_str(json).ok()
}

/// Every conversation in which somebody waits.
pub(super) fn waiting(connection: &Connection) -> Result<Vec<Waits>, StoreError> {
    let mut rows = connection.prepare_cached(
        "SELECT account, object_id, waiting, acked IS NOT NULL FROM conversation WHERE waiting IS NOT NULL",
    )?;
    let rows = rows.query_map([], |row| {
        let id = ConversationId { account: row.get(0)?, object: row.get(1)? };
        Ok((id, row.get::<_, String>(2)?, row.get::<_, bool>(3)?))
    })?;
    let mut all = Vec::new();
    for row in rows {
        let (conversation, json, may_be_acked) = row?;
        let Some(waiting) = waits(&json) else { continue };
        // Few are: who has written since stands in the cursor.
        let cursor = if may_be_acked { cursor(connection, &conversation)? } else { None };
        let acked = cursor.is_some_and(|cursor| cursor.acked().is_some());
        all.push(Waits { conversation, waiting, acked });
    }
    Ok(all)
}

pub(super) fn commit(
    connection: &Connection,
    commit: &PollCommit,
    outbox_rows_max: u64,
) -> Result<(), StoreError> {
    let new_deliveries: usize = commit.told.iter().map(Told::opens).sum();
    if new_deliveries > 0 {
        let open = outbox::open_rows(connection)?;
        if open > 0 && open + new_deliveries as u64 > outbox_rows_max {
            return Err(StoreError::OutboxFull(open));
        }
    }
    let conversation = write_cursor(connection, commit)?;
    let mut seen = connection.prepare_cached(
        "INSERT INTO seen (conversation, child_id, instant, text_hash, revision, vanished_at, vanished_as, author,
                           unparsed, baseline, found_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)
         ON CONFLICT (conversation, child_id) DO UPDATE SET
             instant = ?3, text_hash = ?4, revision = ?5, vanished_at = ?6, vanished_as = ?7, author = ?8,
             unparsed = ?9, baseline = ?10, found_at = ?11",
    )?;
    for (id, child) in &commit.change.seen {
        seen.execute(params![
            conversation,
            id.as_str(),
            child.instant.map(nanos),
            child.text_hash.cast_signed(),
            child.revision,
            child.vanished.map(|(at, _)| nanos(at)),
            child.vanished.map(|(_, how)| vanished_as(how)),
            child.author.map(AuthorKind::as_str),
            child.unparsed,
            child.baseline,
            child.found_at.map(nanos),
        ])?;
    }
    let mut forget =
        connection.prepare_cached("DELETE FROM seen WHERE conversation = ?1 AND child_id = ?2")?;
    for id in &commit.change.forget {
        forget.execute(params![conversation, id.as_str()])?;
    }
    for told in &commit.told {
        insert_told(connection, told, Some(conversation))?;
    }
    for (id, why) in &commit.silences_over {
        silences::end(connection, *id, why, commit.at)?;
    }
    Ok(())
}

fn write_cursor(connection: &Connection, commit: &PollCommit) -> Result<i64, StoreError> {
    let id = &commit.conversation;
    let row = &commit.change.after;
    let signed = |n: u64| i64::try_from(n).unwrap_or(i64::MAX);
    connection
        .prepare_cached(
            "INSERT INTO conversation (account, object_id, watch, baseline_at, listed, sequence, status_id,
                                       assigned_manager_id, unreachable_since, changed_at, updated_at,
                                       gap_since, waiting, watched_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?12, ?13, ?14, ?10)
             ON CONFLICT (account, object_id) DO UPDATE SET
                 watch = ?3, baseline_at = ?4, listed = ?5, sequence = ?6, status_id = ?7,
                 assigned_manager_id = ?8, unreachable_since = ?9, changed_at = ?10,
                 updated_at = ?12, gap_since = ?13, waiting = ?14
             WHERE sequence = ?11
             RETURNING id",
        )?
        .query_row(
            params![
                id.account,
                id.object,
                commit.watch,
                row.baseline_at.map(nanos),
                row.listed,
                signed(row.sequence),
                row.status_id,
                row.assigned_manager_id,
                row.unreachable_since.map(nanos),
                nanos(commit.at),
                signed(commit.expect_sequence),
                row.updated_at.map(nanos),
                row.gap_since.map(nanos),
                row.waiting
                    .as_ref()
                    .map(|waiting| serde_json::to_string(waiting).expect("it is text and numbers")),
            ],
            |row| row.get(0),
        )
        .optional()?
        .ok_or_else(|| StoreError::Conflict(id.to_string()))
}

pub(super) fn add_summaries(connection: &Connection, rows: &[PollSummary]) -> Result<(), StoreError> {
    let mut add = connection.prepare_cached(
        "INSERT INTO poll_summary (account, object_id, hour, polls, changed, failed, last_error)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
         ON CONFLICT (account, object_id, hour) DO UPDATE SET
             polls = polls + ?4, changed = changed + ?5, failed = failed + ?6,
             last_error = coalesce(?7, last_error)",
    )?;
    let signed = |n: u64| i64::try_from(n).unwrap_or(i64::MAX);
    for row in rows {
        add.execute(params![
            row.conversation.account,
            row.conversation.object,
            nanos(row.hour),
            signed(row.polls),
            signed(row.changed),
            signed(row.failed),
            row.last_error,
        ])?;
    }
    Ok(())
}

/// What stands in the configuration is noted this often.
pub(super) const DAY_NANOS: i64 = 86_400_000_000_000;

/// Written once a day at most: a note of what has not changed is no reason for a write at every look.
pub(super) fn watched(
    connection: &Connection,
    conversations: &[ConversationId],
    at: jiff::Timestamp,
) -> Result<(), StoreError> {
    let mut note = connection.prepare_cached(
        "UPDATE conversation SET watched_at = ?3
         WHERE account = ?1 AND object_id = ?2 AND watched_at NOT BETWEEN ?3 - ?4 AND ?3",
    )?;
    for id in conversations {
        note.execute(params![id.account, id.object, nanos(at), DAY_NANOS])?;
    }
    Ok(())
}
