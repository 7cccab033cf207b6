//! What is kept of conversations: what was seen of them, and when they were polled.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, Row, params};

use super::Question;
use crate::core::event::status_word;
use crate::core::story::{CONVERSATIONS_MAX, ConversationStory, HOURS_MAX, PollHour, Several, Sighting};
use crate::core::watch::ConversationId;
use crate::store::StoreError;
use crate::store::rows::{author, count, instant, nanos};

const SEEN_COLUMNS: &str =
    "c.account, c.object_id, c.watch, s.found_at, s.instant, s.author, s.baseline, s.revision,
    s.unparsed, s.vanished_at, s.vanished_as";

/// In each conversation by its index; there are as many as there are watches.
pub(super) const SEEN: Question = Question {
    columns: SEEN_COLUMNS,
    from: "FROM conversation c CROSS JOIN seen s ON s.conversation = c.id AND s.child_id = ?1",
    order: "ORDER BY s.found_at DESC",
};
pub(super) const SEEN_WITHIN: Question = Question {
    columns: SEEN_COLUMNS,
    from: "FROM conversation c CROSS JOIN seen s ON s.conversation = c.id AND s.child_id = ?1
           WHERE c.account = ?2 AND c.object_id = ?3",
    order: "ORDER BY s.found_at DESC",
};
pub(super) const POLLS: Question = Question {
    columns: "p.hour, p.polls, p.changed, p.failed, p.last_error",
    from: "FROM poll_summary p WHERE p.account = ?1 AND p.object_id = ?2 AND p.hour > ?3",
    order: "ORDER BY p.hour DESC",
};
/// Of conversations that were last polled for a watch (`?1`), or are found for it now (`?2`, of account `?3`): the one that
/// the store has is as of the last change. Of an hour in which several failed, the error of one.
pub(super) const POLLS_OF_WATCH: Question = Question {
    columns: "p.hour, sum(p.polls), sum(p.changed), sum(p.failed), max(p.last_error)",
    from: "FROM conversation c CROSS JOIN poll_summary p
           ON p.account = c.account AND p.object_id = c.object_id AND p.hour > ?4
           WHERE c.watch = ?1 OR (c.account = ?3 AND c.object_id IN (SELECT value FROM json_each(?2)))
           GROUP BY p.hour",
    order: "ORDER BY p.hour DESC",
};
pub(super) const CONVERSATION: &str = "SELECT baseline_at, sequence, status_id, unreachable_since, gap_since,
            (SELECT count(*) FROM seen WHERE conversation = c.id), watch
     FROM conversation c WHERE account = ?1 AND object_id = ?2";
/// Over all conversations that are kept, some thousands at most.
pub(super) const OF_WATCH: &str = "SELECT c.account, c.object_id FROM conversation c WHERE c.watch = ?1
     ORDER BY c.changed_at DESC LIMIT 1";

pub(super) fn seen(
    connection: &Connection,
    child: &str,
    within: Option<&ConversationId>,
) -> Result<Several<Sighting>, StoreError> {
    let read = |row: &Row<'_>| {
        Ok(Sighting {
            account: row.get(0)?,
            object: row.get::<_, i64>(1)?.to_string(),
            watch: row.get(2)?,
            found_at: row.get::<_, Option<i64>>(3)?.map(instant),
            created_at: row.get::<_, Option<i64>>(4)?.map(instant),
            author: row.get::<_, Option<String>>(5)?.as_deref().and_then(author),
            baseline: row.get(6)?,
            revision: row.get(7)?,
            unparsed: row.get(8)?,
            gone_since: row.get::<_, Option<i64>>(9)?.map(instant),
            gone_as: row.get(10)?,
        })
    };
    match within {
        None => SEEN.ask(connection, [child], CONVERSATIONS_MAX, read),
        Some(id) => SEEN_WITHIN.ask(connection, params![child, id.account, id.object], 1, read),
    }
}

pub(super) fn conversation(
    connection: &Connection,
    id: &ConversationId,
) -> Result<Option<ConversationStory>, StoreError> {
    let found = connection.prepare_cached(CONVERSATION)?.query_row(params![id.account, id.object], |row| {
        let status: Option<i64> = row.get(2)?;
        Ok(ConversationStory {
            account: id.account.clone(),
            object: id.object.to_string(),
            baseline_at: row.get::<_, Option<i64>>(0)?.map(instant),
            sequence: count(row.get(1)?),
            status: status.map(status_word),
            unreachable_since: row.get::<_, Option<i64>>(3)?.map(instant),
            gap_since: row.get::<_, Option<i64>>(4)?.map(instant),
            messages: count(row.get(5)?),
            watch: row.get(6)?,
        })
    });
    Ok(found.optional()?)
}

pub(super) fn of_watch(connection: &Connection, watch: &str) -> Result<Option<ConversationId>, StoreError> {
    let found = connection
        .prepare_cached(OF_WATCH)?
        .query_row([watch], |row| Ok(ConversationId { account: row.get(0)?, object: row.get(1)? }));
    Ok(found.optional()?)
}

pub(super) fn polls(
    connection: &Connection,
    id: &ConversationId,
    since: Timestamp,
) -> Result<Several<PollHour>, StoreError> {
    POLLS.ask(connection, params![id.account, id.object, hour_before(since)], HOURS_MAX, poll_hour)
}

pub(super) fn polls_of_watch(
    connection: &Connection,
    watch: &str,
    found: &[ConversationId],
    since: Timestamp,
) -> Result<Several<PollHour>, StoreError> {
    let (account, ids) = ids_of(found);
    let asked = params![watch, ids, account, hour_before(since)];
    POLLS_OF_WATCH.ask(connection, asked, HOURS_MAX, poll_hour)
}

/// The account of conversations that were found for one watch, and their ids as a list of JSON.
pub(super) fn ids_of(found: &[ConversationId]) -> (&str, String) {
    let ids: Vec<String> = found.iter().map(|id| id.object.to_string()).collect();
    (found.first().map_or("", |id| id.account.as_str()), format!("[{}]", ids.join(",")))
}

/// The hour in which it began counts.
fn hour_before(since: Timestamp) -> i64 {
    const HOUR_NANOS: i64 = 3_600_000_000_000;
    nanos(since).saturating_sub(HOUR_NANOS)
}

fn poll_hour(row: &Row<'_>) -> Result<PollHour, StoreError> {
    Ok(PollHour {
        hour: instant(row.get(0)?),
        polls: count(row.get(1)?),
        changed: count(row.get(2)?),
        failed: count(row.get(3)?),
        last_error: row.get(4)?,
    })
}
