//! Incidents that a receiver has open, as far as its deliveries tell: what was opened and not closed since. A receiver
//! that forgets what is not said again is told of them again.

use rusqlite::{Connection, OptionalExtension as _, params};

use super::{Raised, StoreError};
use crate::core::delivery::State;
use crate::core::event::{Event, EventKind};
use crate::core::notification;
use crate::core::pacing::Incident;

/// A delivery has become final: what it opened is open, unless its end came first; what it closes is not, even when
/// the receiver was not told of the end.
pub(super) fn ended(connection: &Connection, delivery: i64, end: State) -> Result<(), StoreError> {
    let row = connection
        .prepare_cached(
            "SELECT d.notifier, d.lane, e.type, e.body, d.replay, d.notification_id <> n.event_id FROM delivery d
             JOIN notification_event n ON n.notification_id = d.notification_id AND n.position = 0
             JOIN event e ON e.id = n.event_id WHERE d.id = ?1",
        )?
        .query_row([delivery], |row| {
            let kind: String = row.get(2)?;
            // Most of what ends is no incident, and need not be read.
            if EventKind::named(&kind).and_then(notification::incident_of).is_none() {
                return Ok(None);
            }
            let body: String = row.get(3)?;
            let (notifier, lane): (String, String) = (row.get(0)?, row.get(1)?);
            let (is_again, is_several): (bool, bool) = (row.get(4)?, row.get(5)?);
            Ok(Some((notifier, lane, incident(&body), is_again, is_several)))
        })
        .optional()?;
    let Some(Some((notifier, lane, Some((what, key)), is_again, is_several))) = row else { return Ok(()) };
    // Only where an incident has a lane of its own does its receiver keep it.
    if is_several || lane != key {
        return Ok(());
    }
    match what {
        Incident::Opens if end == State::Delivered => {
            if !is_closed_after(connection, delivery, &notifier, &key)? {
                connection
                    .prepare_cached(
                        "INSERT OR REPLACE INTO raised (notifier, key, delivery) VALUES (?1, ?2, ?3)",
                    )?
                    .execute(params![notifier, key, delivery])?;
            }
        }
        Incident::Opens => {}
        // An end of long ago that somebody wants sent again ends nothing of now.
        Incident::Closes if is_again => {}
        Incident::Closes => {
            connection
                .prepare_cached("DELETE FROM raised WHERE notifier = ?1 AND key = ?2")?
                .execute([&notifier, &key])?;
        }
    }
    Ok(())
}

fn incident(body: &str) -> Option<(Incident, String)> {
    notification::incident(&Event::from_json(body)?)
}

/// By the lane, which is short; the planner would go through all that came later.
const LATER: &str = "SELECT e.body FROM delivery d INDEXED BY delivery_by_lane
     JOIN notification_event n ON n.notification_id = d.notification_id AND n.position = 0
     JOIN event e ON e.id = n.event_id
     WHERE d.lane = ?1 AND d.id > ?2 AND d.notifier = ?3";

/// Whether the end of an incident was written behind what opened it: that had stepped aside meanwhile.
fn is_closed_after(
    connection: &Connection,
    delivery: i64,
    notifier: &str,
    key: &str,
) -> Result<bool, StoreError> {
    let mut later = connection.prepare_cached(LATER)?;
    // Its lane is called as it is.
    let mut rows = later.query(params![key, delivery, notifier])?;
    while let Some(row) = rows.next()? {
        let found = incident(&row.get::<_, String>(0)?);
        if found.is_some_and(|(what, of)| what == Incident::Closes && of == key) {
            return Ok(true);
        }
    }
    Ok(false)
}

const RAISED: &str = "SELECT r.key, d.id, d.notification_id, d.payload, d.handed, d.lane, e.watch
     FROM raised r
     JOIN delivery d ON d.id = r.delivery
     JOIN notification_event n ON n.notification_id = d.notification_id AND n.position = 0
     JOIN event e ON e.id = n.event_id
     WHERE r.notifier = ?1 AND r.key > ?2 AND d.state = 'delivered' AND d.payload <> ''
       AND NOT EXISTS (SELECT 1 FROM delivery o WHERE o.notifier = d.notifier AND o.lane = d.lane
                       AND o.state IN ('queued', 'pending'))
     ORDER BY r.key LIMIT ?3";

/// What is open at a notifier's receiver, by key, behind `after`. Where something waits in the lane, that is said rather
/// than this.
pub(super) fn raised(
    connection: &Connection,
    notifier: &str,
    after: &str,
    limit: usize,
) -> Result<Vec<Raised>, StoreError> {
    let mut raised = connection.prepare_cached(RAISED)?;
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let rows = raised.query_map(params![notifier, after, limit], |row| {
        Ok(Raised {
            key: row.get(0)?,
            delivery: row.get(1)?,
            notification_id: row.get(2)?,
            payload: row.get(3)?,
            handed: row.get(4)?,
            lane: row.get(5)?,
            watch: row.get(6)?,
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_open_is_found_by_indexes() {
        let connection = Connection::open_in_memory().unwrap();
        for step in super::super::migrate::STEPS {
            connection.execute_batch(step).unwrap();
        }
        for (sql, index) in
            [(RAISED, "(notifier=? AND key>?)"), (LATER, "delivery_by_lane (lane=? AND id>?)")]
        {
            let mut plan = connection.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
            let found: Vec<String> =
                plan.raw_query().mapped(|row| row.get(3)).collect::<Result<_, _>>().unwrap();
            assert!(found.iter().any(|step| step.contains(index)), "{found:#?}");
            assert!(found.iter().all(|step| !step.starts_with("SCAN")), "{found:#?}");
        }
    }
}
