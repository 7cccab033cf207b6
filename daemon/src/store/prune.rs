//! Forgetting what is older than its retention, a little at a time, so that no commit waits for it: each statement
//! finds what it takes by an index that holds little else, however much is kept.

use rusqlite::{Connection, params};

use super::rows::nanos;
use super::{Retention, StoreError};

/// At most this many rows of each kind go in one transaction.
const ROWS_MAX: i64 = 500;

const OLD_DELIVERIES: &str = "DELETE FROM delivery WHERE id IN (SELECT id FROM delivery
     WHERE finished_at < ?1 LIMIT ?2) RETURNING notification_id";

/// What was in a notification is kept for as long as a delivery of it is.
const THEIR_EVENTS: &str = "DELETE FROM notification_event WHERE notification_id = ?1
     AND NOT EXISTS (SELECT 1 FROM delivery WHERE notification_id = ?1)";

const OLD_ROWS: [&str; 3] = [
    // An event is kept for as long as a delivery of it is.
    "DELETE FROM event WHERE id IN (SELECT e.id FROM event e WHERE e.recorded_at < ?1
     AND NOT EXISTS (SELECT 1 FROM notification_event n WHERE n.event_id = e.id) LIMIT ?2)",
    "DELETE FROM poll_summary WHERE (account, object_id, hour) IN
     (SELECT account, object_id, hour FROM poll_summary WHERE hour < ?1 LIMIT ?2)",
    "DELETE FROM silence WHERE id IN (SELECT id FROM silence WHERE over_at < ?1 LIMIT ?2)",
];

/// A conversation that has left the configuration for so long that it would be a new one; a few at a time, since its
/// children go with it.
const UNWATCHED: &str = "DELETE FROM conversation WHERE id IN
     (SELECT id FROM conversation WHERE watched_at < ?1 LIMIT ?2)";
const CONVERSATIONS_MAX: i64 = 4;

/// What was found for a watch that has left the configuration for so long; then how far that had come.
const UNUSED: [&str; 2] = [
    "DELETE FROM discovered WHERE (account, object_id) IN
     (SELECT d.account, d.object_id FROM discovery s JOIN discovered d ON d.account = s.account AND d.key = s.key
      WHERE s.used_at < ?1 LIMIT ?2)",
    "DELETE FROM discovery WHERE (account, key) IN (SELECT account, key FROM discovery s WHERE s.used_at < ?1
     AND NOT EXISTS (SELECT 1 FROM discovered d WHERE d.account = s.account AND d.key = s.key) LIMIT ?2)",
];

/// Text goes earlier than the rows that held it; an open delivery keeps what it still has to say, and so does one that is
/// said again while it lasts.
const OLD_TEXT: [&str; 2] = [
    "UPDATE event SET has_text = 0, body =
         json_set(body, '$.data.message.text', '', '$.data.message.text_truncated', json('true'))
     WHERE id IN (SELECT id FROM event WHERE has_text = 1 AND recorded_at < ?1 LIMIT ?2)",
    "UPDATE delivery SET payload = '' WHERE id IN (SELECT id FROM delivery
     WHERE state IN ('delivered', 'suppressed', 'grouped') AND payload <> '' AND finished_at < ?1
       AND id NOT IN (SELECT delivery FROM raised) LIMIT ?2)",
];

pub(super) fn prune(connection: &Connection, older: Retention) -> Result<u64, StoreError> {
    let mut gone = old_deliveries(connection, older)?;
    for sql in OLD_ROWS {
        gone += connection.prepare_cached(sql)?.execute(params![nanos(older.rows_before), ROWS_MAX])?;
    }
    for sql in OLD_TEXT {
        gone += connection.prepare_cached(sql)?.execute(params![nanos(older.text_before), ROWS_MAX])?;
    }
    gone += connection
        .prepare_cached(UNWATCHED)?
        .execute(params![nanos(older.unwatched_before), CONVERSATIONS_MAX])?;
    for sql in UNUSED {
        gone += connection.prepare_cached(sql)?.execute(params![nanos(older.unwatched_before), ROWS_MAX])?;
    }
    Ok(gone as u64)
}

fn old_deliveries(connection: &Connection, older: Retention) -> Result<usize, StoreError> {
    let mut old = connection.prepare_cached(OLD_DELIVERIES)?;
    let notifications: Vec<String> = old
        .query_map(params![nanos(older.rows_before), ROWS_MAX], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    forget_contents(connection, &notifications)?;
    Ok(notifications.len())
}

/// What was in notifications of which a delivery has gone, unless another is kept.
pub(super) fn forget_contents(connection: &Connection, notifications: &[String]) -> Result<(), StoreError> {
    let mut theirs = connection.prepare_cached(THEIR_EVENTS)?;
    for notification in notifications {
        theirs.execute([notification])?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_looked_for_in_a_whole_table() {
        let connection = Connection::open_in_memory().unwrap();
        for step in super::super::migrate::STEPS {
            connection.execute_batch(step).unwrap();
        }
        for sql in [OLD_DELIVERIES, THEIR_EVENTS, UNWATCHED]
            .into_iter()
            .chain(UNUSED)
            .chain(OLD_ROWS)
            .chain(OLD_TEXT)
        {
            let mut plan = connection.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
            let found: Vec<String> =
                plan.raw_query().mapped(|row| row.get(3)).collect::<Result<_, _>>().unwrap();
            assert!(found.iter().all(|step| !step.starts_with("SCAN")), "{sql}\n{found:#?}");
            let by_text = found.iter().any(|step| step.contains("_text ("));
            assert_eq!(by_text, OLD_TEXT.contains(&sql), "{sql}\n{found:#?}");
        }
    }
}
