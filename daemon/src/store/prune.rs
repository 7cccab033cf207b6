//! Forgetting what is older than its retention, a little at a time, so that no commit waits for it.

use rusqlite::{Connection, params};

use super::rows::nanos;
use super::{Retention, StoreError};

/// At most this many rows of each kind go in one transaction.
const ROWS_MAX: i64 = 500;

pub(super) fn prune(connection: &Connection, older: Retention) -> Result<u64, StoreError> {
    let (rows_before, text_before) = (nanos(older.rows_before), nanos(older.text_before));
    let mut gone = 0;
    for sql in [
        "DELETE FROM delivery WHERE id IN (SELECT id FROM delivery
         WHERE state IN ('delivered', 'dead') AND finished_at < ?1 LIMIT ?2)",
        // An event is kept for as long as a delivery of it is.
        "DELETE FROM event WHERE id IN (SELECT e.id FROM event e WHERE e.recorded_at < ?1
         AND NOT EXISTS (SELECT 1 FROM delivery d WHERE d.notification_id = e.id) LIMIT ?2)",
        "DELETE FROM poll_summary WHERE (account, object_id, hour) IN
         (SELECT account, object_id, hour FROM poll_summary WHERE hour < ?1 LIMIT ?2)",
    ] {
        gone += connection.prepare_cached(sql)?.execute(params![rows_before, ROWS_MAX])?;
    }
    gone += connection
        .prepare_cached(
            "DELETE FROM notification_event WHERE (notification_id, position) IN
             (SELECT n.notification_id, n.position FROM notification_event n
              WHERE NOT EXISTS (SELECT 1 FROM event e WHERE e.id = n.event_id) LIMIT ?1)",
        )?
        .execute([ROWS_MAX])?;
    // Text goes earlier than the rows that held it; an open delivery keeps what it still has to say.
    for sql in [
        "UPDATE event SET body = json_set(body, '$.data.message.text', '', '$.data.message.text_truncated', json('true'))
         WHERE id IN (SELECT id FROM event WHERE recorded_at < ?1
         AND json_extract(body, '$.data.message.text') <> '' LIMIT ?2)",
        "UPDATE delivery SET payload = '' WHERE id IN (SELECT id FROM delivery
         WHERE state = 'delivered' AND finished_at < ?1 AND payload <> '' LIMIT ?2)",
    ] {
        gone += connection.prepare_cached(sql)?.execute(params![text_before, ROWS_MAX])?;
    }
    Ok(gone as u64)
}
