//! What is held back for a notifier's own sake, and what becomes one notification.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, params};

use super::rows::{instant, nanos};
use super::told::insert_delivery;
use super::{Due, Gather, Hold, Scope, StoreError, Together, outbox, raised};
use crate::core::delivery::State;
use crate::core::event::Event;
use crate::core::heartbeat;
use crate::core::pacing::CAP_MAX;
use crate::core::sample;

/// The head of a lane and those behind it. The conditions are the index's own.
const LANE: &str = "SELECT d.id, d.lane, d.created_at, e.body,
     d.handed = 0 AND d.sending_at IS NULL AND d.replay = 0 AND d.fallback_of IS NULL AND d.gathered = 0
     FROM delivery d
     LEFT JOIN notification_event n ON n.notification_id = d.notification_id AND n.position = 0
     LEFT JOIN event e ON e.id = n.event_id
     WHERE d.notifier = ?1 AND d.lane = ?2 AND d.state IN ('queued', 'pending') AND d.aside = 0
     ORDER BY d.state = 'queued', d.id LIMIT ?3";

/// Lanes whose heads are held back for a reason, the longest first.
const HELD: &str = "SELECT lane FROM delivery INDEXED BY delivery_held
     WHERE notifier = ?1 AND held = ?2 AND held IS NOT NULL AND state = 'pending' AND aside = 0 ORDER BY due_at, id LIMIT ?3";

pub(super) fn together(
    connection: &Connection,
    notifier: &str,
    scope: &Scope,
    limit: usize,
) -> Result<Vec<Together>, StoreError> {
    let most = i64::try_from(limit).unwrap_or(i64::MAX);
    let lanes: Vec<String> = match scope {
        Scope::Lane(lane) => vec![lane.clone()],
        Scope::Held(held) => connection
            .prepare_cached(HELD)?
            .query_map(params![notifier, held.as_str(), most], |row| row.get(0))?
            .collect::<Result<_, _>>()?,
    };
    let mut of_lane = connection.prepare_cached(LANE)?;
    let mut found = Vec::new();
    for lane in lanes {
        let left = i64::try_from(limit - found.len()).unwrap_or(i64::MAX);
        let rows = of_lane.query_map(params![notifier, lane, left], |row| {
            let event = row.get::<_, Option<String>>(3)?.and_then(|body| Event::from_json(&body));
            Ok(Together {
                delivery: row.get(0)?,
                lane: row.get(1)?,
                created_at: instant(row.get(2)?),
                plain: row.get::<_, bool>(4)? && event.is_some(),
                event,
            })
        })?;
        for row in rows {
            found.push(row?);
        }
        if found.len() >= limit {
            break;
        }
    }
    Ok(found)
}

/// Its notifier's fallbacks are not told of what its own configuration holds back: they have as much time as before.
pub(super) fn hold(connection: &Connection, hold: &Hold) -> Result<(), StoreError> {
    let Hold { delivery, until, why, at, seen } = hold;
    let held = connection
        .prepare_cached(
            "UPDATE delivery SET due_at = ?2, held = ?3, paced = 1
             WHERE id = ?1 AND state = 'pending' AND sending_at IS NULL
               AND NOT EXISTS (SELECT 1 FROM delivery later
                               WHERE later.notifier = delivery.notifier AND later.lane = delivery.lane
                                 AND later.state IN ('queued', 'pending') AND later.id > ?4)
             RETURNING notifier, lane",
        )?
        .query_row(params![delivery, nanos(*until), why.as_str(), seen], |row| {
            Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?))
        })
        .optional()?;
    let Some((notifier, lane)) = held else { return Ok(()) };
    let longer = nanos(*until).saturating_sub(nanos(*at)).max(0);
    connection
        .prepare_cached(
            "UPDATE delivery SET fallback_at = fallback_at + ?3
             WHERE notifier = ?1 AND lane = ?2 AND state IN ('queued', 'pending') AND aside = 0
               AND fallback_at IS NOT NULL",
        )?
        .execute(params![notifier, lane, longer])?;
    Ok(())
}

/// What is held back is looked at again.
pub(super) fn release(connection: &Connection, notifier: &str, now: Timestamp) -> Result<(), StoreError> {
    connection
        .prepare_cached(
            "UPDATE delivery SET due_at = ?2
             WHERE notifier = ?1 AND held IS NOT NULL AND state = 'pending' AND due_at > ?2",
        )?
        .execute(params![notifier, nanos(now)])?;
    Ok(())
}

/// `None` when one of them has gone meanwhile.
pub(super) fn gather(connection: &Connection, gather: &Gather) -> Result<Option<Due>, StoreError> {
    let Gather { members, new, at } = gather;
    let mut is_there = connection.prepare_cached(
        "SELECT lane, n.event_id FROM delivery d
         JOIN notification_event n ON n.notification_id = d.notification_id AND n.position = 0
         WHERE d.id = ?1 AND d.notifier = ?2 AND d.state IN ('queued', 'pending') AND d.handed = 0
           AND d.sending_at IS NULL AND d.replay = 0 AND d.gathered = 0",
    )?;
    let mut lanes: Vec<String> = Vec::new();
    let mut events: Vec<String> = Vec::new();
    for member in members {
        let found = is_there
            .query_row(params![member, new.notifier], |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()?;
        let Some((lane, event)) = found else { return Ok(None) };
        if !lanes.contains(&lane) {
            lanes.push(lane);
        }
        events.push(event);
    }
    let Some(first) = events.first() else { return Ok(None) };
    let mut join = connection.prepare_cached(
        "UPDATE delivery SET state = 'grouped', payload = '', finished_at = ?2, fallback_at = NULL, held = NULL
         WHERE id = ?1",
    )?;
    for member in members {
        join.execute(params![member, nanos(*at)])?;
        raised::ended(connection, *member, State::Grouped)?;
    }
    connection
        .prepare_cached("UPDATE tally SET grouped = grouped + ?2 WHERE notifier = ?1")?
        .execute(params![new.notifier, i64::try_from(members.len()).unwrap_or(i64::MAX)])?;
    // In one lane, it is where its members were; in another, it comes behind what is there.
    if !insert_delivery(connection, new, first, *at, None)? {
        return Err(StoreError::Conflict(new.notification.id.clone()));
    }
    let mut contains = connection.prepare_cached(
        "INSERT OR IGNORE INTO notification_event (notification_id, position, event_id) VALUES (?1, ?2, ?3)",
    )?;
    for (position, event) in (0_i64..).zip(&events) {
        contains.execute(params![new.notification.id, position, event])?;
    }
    let group: i64 = connection
        .prepare_cached(
            "UPDATE delivery SET gathered = ?3, paced = 1 WHERE notification_id = ?1 AND notifier = ?2 RETURNING id",
        )?
        .query_row(
            params![new.notification.id, new.notifier, i64::try_from(members.len()).unwrap_or(i64::MAX)],
            |row| row.get(0),
        )?;
    let mut of = connection.prepare_cached("UPDATE delivery SET grouped_in = ?2 WHERE id = ?1")?;
    for member in members {
        of.execute([*member, group])?;
    }
    for lane in lanes.iter().filter(|lane| **lane != new.lane) {
        outbox::turn(connection, &new.notifier, lane, *at)?;
    }
    outbox::one(connection, group)
}

/// When each lane was handed something for the first time since then, the latest last.
pub(super) fn sent_since(
    connection: &Connection,
    notifier: &str,
    since: Timestamp,
) -> Result<Vec<(String, Timestamp)>, StoreError> {
    // As many of the newest as a cap can count, twice: the others are of long ago.
    let mut sent = connection.prepare_cached(
        "SELECT lane, first_attempt_at FROM
             (SELECT lane, first_attempt_at FROM delivery WHERE notifier = ?1 AND lane NOT IN (?4, ?5)
              ORDER BY id DESC LIMIT ?3)
         WHERE first_attempt_at >= ?2 ORDER BY first_attempt_at",
    )?;
    let rows = sent.query_map(
        params![notifier, nanos(since), i64::from(CAP_MAX) * 2, heartbeat::LANE, sample::LANE],
        |row| Ok((row.get(0)?, instant(row.get(1)?))),
    )?;
    Ok(rows.collect::<Result<_, _>>()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_goes_together_is_found_by_indexes() {
        let connection = Connection::open_in_memory().unwrap();
        for step in super::super::migrate::STEPS {
            connection.execute_batch(step).unwrap();
        }
        for (sql, index) in
            [(LANE, "delivery_lane (notifier=? AND lane=?)"), (HELD, "delivery_held (notifier=? AND held=?)")]
        {
            let mut plan = connection.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
            let found: Vec<String> =
                plan.raw_query().mapped(|row| row.get(3)).collect::<Result<_, _>>().unwrap();
            assert!(found.iter().any(|step| step.contains(index)), "{found:#?}");
            assert!(found.iter().all(|step| !step.starts_with("SCAN")), "{found:#?}");
        }
    }
}
