//! Signs of life: the newest alone is worth telling, and none is kept for long.

use std::collections::BTreeMap;

use jiff::Timestamp;
use rusqlite::{Connection, params};

use super::outbox::turn;
use super::prune::forget_contents;
use super::rows::{instant, nanos};
use super::told::insert_told;
use super::{Beats, Passing, StoreError, Told};
use crate::core::heartbeat::{KEPT, LANE};

/// So many of those that are kept no longer go at once.
const FORGOTTEN_MAX: i64 = 500;

pub(super) fn beat(connection: &Connection, told: &Told) -> Result<BTreeMap<String, u64>, StoreError> {
    let at = told.event.recorded;
    forget(connection, at)?;
    let outlived = outlive(connection, Passing::Heartbeats, Timestamp::MAX, at)?;
    insert_told(connection, told, None)?;
    Ok(outlived)
}

const OUTLIVE: &str = "UPDATE delivery SET state = 'suppressed', finished_at = ?3, suppressed_by = ?4, held = NULL
     WHERE id IN (SELECT id FROM delivery WHERE lane = ?1 AND created_at < ?2 AND sending_at IS NULL AND replay = 0
                  AND state IN ('queued', 'pending'))
     RETURNING notifier";

/// What an operator wants sent again is sent, however old.
pub(super) fn outlive(
    connection: &Connection,
    lane: Passing,
    before: Timestamp,
    at: Timestamp,
) -> Result<BTreeMap<String, u64>, StoreError> {
    let mut outlive = connection.prepare_cached(OUTLIVE)?;
    let (lane, why) = lane.lane();
    let rows =
        outlive.query_map(params![lane, nanos(before), nanos(at), why], |row| row.get::<_, String>(0))?;
    let mut outlived = BTreeMap::new();
    for notifier in rows {
        *outlived.entry(notifier?).or_default() += 1;
    }
    let mut count =
        connection.prepare_cached("UPDATE tally SET suppressed = suppressed + ?2 WHERE notifier = ?1")?;
    for (notifier, outlived) in &outlived {
        count.execute(params![notifier, i64::try_from(*outlived).unwrap_or(i64::MAX)])?;
        turn(connection, notifier, lane, at)?;
    }
    Ok(outlived)
}

const OLD: &str = "DELETE FROM delivery WHERE id IN
     (SELECT id FROM delivery WHERE lane = ?1 AND (state = 'dead' OR finished_at < ?2) LIMIT ?3)
     RETURNING notification_id";
const THEIR_EVENT: &str =
    "DELETE FROM event WHERE id = ?1 AND NOT EXISTS (SELECT 1 FROM notification_event WHERE event_id = ?1)";

/// Of those that a receiver refuses the newest dead letter is kept: one says all of it.
fn forget(connection: &Connection, at: Timestamp) -> Result<(), StoreError> {
    let before = at.checked_sub(KEPT).unwrap_or(Timestamp::MIN);
    let mut old = connection.prepare_cached(OLD)?;
    let gone: Vec<String> = old
        .query_map(params![LANE, nanos(before), FORGOTTEN_MAX], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    forget_contents(connection, &gone)?;
    let mut theirs = connection.prepare_cached(THEIR_EVENT)?;
    for event in &gone {
        theirs.execute([event])?;
    }
    Ok(())
}

pub(super) fn beats(connection: &Connection) -> Result<Beats, StoreError> {
    let mut of_each = connection.prepare_cached(
        "SELECT notifier, max(created_at), max(CASE WHEN state = 'delivered' THEN finished_at END)
         FROM delivery WHERE lane = ?1 AND replay = 0 GROUP BY notifier",
    )?;
    let mut beats = Beats::default();
    let mut rows = of_each.query([LANE])?;
    while let Some(row) = rows.next()? {
        beats.written = beats.written.max(row.get::<_, Option<i64>>(1)?.map(instant));
        if let Some(at) = row.get::<_, Option<i64>>(2)? {
            beats.accepted.insert(row.get(0)?, instant(at));
        }
    }
    Ok(beats)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heartbeats_are_found_by_indexes() {
        let connection = Connection::open_in_memory().unwrap();
        for step in super::super::migrate::STEPS {
            connection.execute_batch(step).unwrap();
        }
        for sql in [OUTLIVE, OLD, THEIR_EVENT] {
            let mut plan = connection.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
            let found: Vec<String> =
                plan.raw_query().mapped(|row| row.get(3)).collect::<Result<_, _>>().unwrap();
            assert!(found.iter().all(|step| !step.starts_with("SCAN")), "{sql}\n{found:#?}");
        }
    }
}
