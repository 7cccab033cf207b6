//! Deliveries that their notifier did not accept in time, and who is told in its place.

use std::ops::RangeInclusive;

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, params};

use super::outbox::AHEAD_MAX;
use super::rows::nanos;
use super::sqlite::insert_delivery;
use super::{FallBack, StoreError, Unaccepted};
use crate::core::event::Event;

const UNACCEPTED: &str = "SELECT d.id, d.notifier, d.lane, d.state = 'dead', e.body
     FROM delivery d
     LEFT JOIN notification_event n ON n.notification_id = d.notification_id AND n.position = 0
     LEFT JOIN event e ON e.id = n.event_id
     WHERE d.fallback_at BETWEEN ?1 AND ?2 ORDER BY d.fallback_at, d.id LIMIT ?3";

pub(super) fn unaccepted(
    connection: &Connection,
    now: Timestamp,
    limit: usize,
) -> Result<Vec<Unaccepted>, StoreError> {
    let mut found = within(connection, i64::MIN..=nanos(now), limit)?;
    if found.len() < limit {
        // Nothing waits for that long: a clock that was wrong said so.
        let too_far = now.checked_add(AHEAD_MAX).map_or(i64::MAX, nanos);
        found.extend(within(connection, too_far..=i64::MAX, limit - found.len())?);
    }
    Ok(found)
}

fn within(
    connection: &Connection,
    times: RangeInclusive<i64>,
    limit: usize,
) -> Result<Vec<Unaccepted>, StoreError> {
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let mut overdue = connection.prepare_cached(UNACCEPTED)?;
    let rows = overdue.query_map(params![times.start(), times.end(), limit], |row| {
        Ok(Unaccepted {
            delivery: row.get(0)?,
            notifier: row.get(1)?,
            lane: row.get(2)?,
            is_dead: row.get(3)?,
            event: row.get::<_, Option<String>>(4)?.and_then(|body| Event::from_json(&body)),
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

pub(super) fn fall_back(
    connection: &Connection,
    fall_back: &FallBack,
) -> Result<Option<Vec<String>>, StoreError> {
    let FallBack { delivery, deliveries, at } = fall_back;
    // Accepted meanwhile, it waits for nothing.
    let mut done = connection.prepare_cached(
        "UPDATE delivery SET fallback_at = NULL, fell_back_at = ?2 WHERE id = ?1 AND fallback_at IS NOT NULL
         RETURNING notifier",
    )?;
    let fell_back_at = (!deliveries.is_empty()).then_some(nanos(*at));
    let Some(notifier) =
        done.query_row(params![delivery, fell_back_at], |row| row.get::<_, String>(0)).optional()?
    else {
        return Ok(None);
    };
    let mut told = Vec::new();
    for new in deliveries {
        // Of one event, so that its id is the notification's.
        if insert_delivery(connection, new, &new.notification.id, *at, Some(&notifier))? {
            told.push(new.notifier.clone());
        }
    }
    Ok(Some(told))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_overdue_is_found_by_its_index() {
        let connection = Connection::open_in_memory().unwrap();
        for step in super::super::migrate::STEPS {
            connection.execute_batch(step).unwrap();
        }
        let mut plan = connection.prepare(&format!("EXPLAIN QUERY PLAN {UNACCEPTED}")).unwrap();
        let found: Vec<String> = plan.raw_query().mapped(|row| row.get(3)).collect::<Result<_, _>>().unwrap();
        assert!(found[0].contains("delivery_fallback (fallback_at>"), "{found:#?}");
        assert!(found.iter().all(|step| step.starts_with("SEARCH")), "{found:#?}");
    }
}
