//! What an operator has sent again, or forgotten for good.

use rusqlite::{Connection, params};

use super::prune::forget_contents;
use super::rows::{instant, nanos};
use super::{REPLAY_MAX, Replayed, ReplayedDelivery, Selection, StoreError, outbox};
use crate::core::heartbeat::LANE;

/// Final deliveries that a selection means, the oldest first: row, notifier, lane, what it was, whether its text is gone.
struct Found {
    id: i64,
    lane: String,
    shown: ReplayedDelivery,
    is_empty: bool,
}

/// What a replay would send.
pub(super) fn find(connection: &Connection, selection: &Selection) -> Result<Replayed, StoreError> {
    Ok(shown(&matching(connection, selection, selection.event.is_some())?))
}

/// Puts what was selected into the outbox again, each behind what its lane holds.
pub(super) fn replay(
    connection: &Connection,
    selection: &Selection,
    at: jiff::Timestamp,
    outbox_rows_max: u64,
) -> Result<Replayed, StoreError> {
    let found = matching(connection, selection, selection.event.is_some())?;
    let replayed = shown(&found);
    let open = outbox::open_rows(connection)?;
    if open + replayed.deliveries.len() as u64 > outbox_rows_max {
        return Err(StoreError::OutboxFull(open));
    }
    let mut again = connection.prepare_cached(
        "UPDATE delivery SET replay = 1, attempts = 0, crashes = 0, crashes_alone = 0, tried_ms = 0,
                first_attempt_at = NULL, finished_at = NULL, due_at = ?2, created_at = ?2, aside = 0, held = NULL,
                suppressed_by = NULL,
                state = CASE WHEN EXISTS (SELECT 1 FROM delivery WHERE notifier = ?3 AND lane = ?4
                                          AND state = 'pending' AND aside = 0)
                             THEN 'queued' ELSE 'pending' END
         WHERE id = ?1",
    )?;
    let mut uncount = connection.prepare_cached(
        "UPDATE tally SET delivered = delivered - (?2 = 'delivered'), dead = dead - (?2 = 'dead'),
                suppressed = suppressed - (?2 = 'suppressed')
         WHERE notifier = ?1",
    )?;
    for one in found.iter().filter(|one| !one.is_empty).take(REPLAY_MAX) {
        again.execute(params![one.id, nanos(at), one.shown.notifier, one.lane])?;
        uncount.execute(params![one.shown.notifier, one.shown.was])?;
    }
    Ok(replayed)
}

/// Forgets dead letters. The count of what was written for a notifier goes down with them.
pub(super) fn drop_dead(connection: &Connection, selection: &Selection) -> Result<u64, StoreError> {
    let selection = Selection { dead: true, ..selection.clone() };
    let found = matching(connection, &selection, true)?;
    let mut drop = connection.prepare_cached("DELETE FROM delivery WHERE id = ?1")?;
    for one in found.iter().take(REPLAY_MAX) {
        drop.execute([one.id])?;
    }
    let dropped = found.iter().take(REPLAY_MAX).map(|one| one.shown.event.clone());
    forget_contents(connection, &dropped.collect::<Vec<_>>())?;
    Ok(found.len().min(REPLAY_MAX) as u64)
}

/// Where those of an event are.
const OF_EVENT: &str = "delivery d WHERE d.notification_id IN
         (SELECT ?2 UNION SELECT notification_id FROM notification_event WHERE event_id = ?2)
     AND (?3 IS NULL OR d.notifier = ?3)";
/// Where dead letters of a notifier are.
const DEAD: &str = "delivery d INDEXED BY delivery_dead
     WHERE d.state = 'dead' AND d.notifier = ?3 AND ?2 IS NULL";
/// Anywhere.
const ANY: &str = "delivery d WHERE ?2 IS NULL AND (?3 IS NULL OR d.notifier = ?3)";

fn question(from: &str) -> String {
    format!(
        "SELECT d.id, d.notification_id, d.notifier, d.lane, d.state, d.created_at, d.payload = ''
         FROM {from} AND d.state IN ('delivered', 'dead', 'suppressed') AND (?1 = 0 OR d.state = 'dead')
           AND (?4 IS NULL OR EXISTS (SELECT 1 FROM notification_event n JOIN event e ON e.id = n.event_id
                                      WHERE n.notification_id = d.notification_id AND e.watch = ?4))
           AND d.created_at >= ?5 AND d.created_at < ?6 AND (?8 OR d.lane <> ?9)
         ORDER BY d.id LIMIT ?7"
    )
}

/// One more than the bound, so that it is known whether there are more. A heartbeat is sent again only where it is named: an
/// old one would say that all is well now.
fn matching(
    connection: &Connection,
    selection: &Selection,
    with_heartbeats: bool,
) -> Result<Vec<Found>, StoreError> {
    let Selection { event, dead, notifier, watch, since, until } = selection;
    let from = match (event, dead, notifier) {
        (Some(_), _, _) => OF_EVENT,
        (None, true, Some(_)) => DEAD,
        (None, ..) => ANY,
    };
    let mut matching = connection.prepare_cached(&question(from))?;
    let limit = i64::try_from(REPLAY_MAX + 1).unwrap_or(i64::MAX);
    let rows = matching.query_map(
        params![
            dead,
            event,
            notifier,
            watch,
            since.map_or(i64::MIN, nanos),
            until.map_or(i64::MAX, nanos),
            limit,
            with_heartbeats,
            LANE
        ],
        |row| {
            Ok(Found {
                id: row.get(0)?,
                lane: row.get(3)?,
                is_empty: row.get(6)?,
                shown: ReplayedDelivery {
                    event: row.get(1)?,
                    notifier: row.get(2)?,
                    was: row.get(4)?,
                    created_at: instant(row.get(5)?),
                },
            })
        },
    )?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn shown(found: &[Found]) -> Replayed {
    Replayed {
        deliveries: found
            .iter()
            .filter(|one| !one.is_empty)
            .take(REPLAY_MAX)
            .map(|one| one.shown.clone())
            .collect(),
        without_text: found.iter().filter(|one| one.is_empty).count() as u64,
        more: found.len() > REPLAY_MAX,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_and_a_notifiers_dead_letters_are_looked_for_by_their_index() {
        let connection = Connection::open_in_memory().unwrap();
        for step in super::super::migrate::STEPS {
            connection.execute_batch(step).unwrap();
        }
        for (from, index) in [(OF_EVENT, "notification_id=?"), (DEAD, "delivery_dead (notifier=?)")] {
            let mut plan = connection.prepare(&format!("EXPLAIN QUERY PLAN {}", question(from))).unwrap();
            let found: Vec<String> =
                plan.raw_query().mapped(|row| row.get(3)).collect::<Result<_, _>>().unwrap();
            assert!(found[0].starts_with("SEARCH d") && found[0].contains(index), "{found:#?}");
            let is_scan = |step: &String| step.starts_with("SCAN") && step != "SCAN CONSTANT ROW";
            assert!(!found.iter().any(is_scan), "{found:#?}");
        }
    }
}
