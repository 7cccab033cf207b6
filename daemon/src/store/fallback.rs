//! Deliveries that their notifier did not accept in time, and who is told in its place.

use std::ops::RangeInclusive;

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, params};

use super::outbox::AHEAD_MAX;
use super::rows::nanos;
use super::told::insert_delivery;
use super::{FallBack, StoreError, Unaccepted};
use crate::core::event::Event;
use crate::core::pacing::GATHERED_MAX;

const UNACCEPTED: &str =
    "SELECT d.id, d.notifier, d.lane, d.state = 'dead', d.notification_id, d.gathered > 0
     FROM delivery d
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
        let notification: String = row.get(4)?;
        Ok(Unaccepted {
            delivery: row.get(0)?,
            notifier: row.get(1)?,
            lane: row.get(2)?,
            is_dead: row.get(3)?,
            events: events(connection, &notification)?,
            of_several: row.get::<_, bool>(5)?.then_some(notification),
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

const EVENTS: &str = "SELECT e.body FROM notification_event n JOIN event e ON e.id = n.event_id
     WHERE n.notification_id = ?1 ORDER BY n.position LIMIT ?2";

/// What a notification tells of.
fn events(connection: &Connection, notification: &str) -> rusqlite::Result<Vec<Event>> {
    let most = i64::try_from(GATHERED_MAX).unwrap_or(i64::MAX);
    let mut events = connection.prepare_cached(EVENTS)?;
    let bodies = events.query_map(params![notification, most], |row| row.get::<_, String>(0))?;
    let events = bodies.filter_map(|body| body.map(|body| Event::from_json(&body)).transpose());
    events.collect()
}

/// Whether somebody has had all that a notification of several events tells of.
fn knows(connection: &Connection, notification: &str, notifier: &str) -> rusqlite::Result<bool> {
    connection
        .prepare_cached(
            "SELECT NOT EXISTS (SELECT 1 FROM notification_event n WHERE n.notification_id = ?1
             AND NOT EXISTS (SELECT 1 FROM delivery d WHERE d.notification_id = n.event_id AND d.notifier = ?2))",
        )?
        .query_row([notification, notifier], |row| row.get(0))
}

pub(super) fn fall_back(
    connection: &Connection,
    fall_back: &FallBack,
) -> Result<Option<Vec<String>>, StoreError> {
    let FallBack { delivery, deliveries, at } = fall_back;
    // Accepted meanwhile, it waits for nothing; held back meanwhile, not yet.
    let mut done = connection.prepare_cached(
        "UPDATE delivery SET fallback_at = NULL, fell_back_at = ?2 WHERE id = ?1 AND (fallback_at <= ?3 OR fallback_at >= ?4)
         RETURNING notifier, CASE WHEN gathered > 0 THEN notification_id END",
    )?;
    let fell_back_at = (!deliveries.is_empty()).then_some(nanos(*at));
    let too_far = at.checked_add(AHEAD_MAX).map_or(i64::MAX, nanos);
    let done = done.query_row(params![delivery, fell_back_at, nanos(*at), too_far], |row| {
        Ok((row.get::<_, String>(0)?, row.get::<_, Option<String>>(1)?))
    });
    let Some((notifier, of_several)) = done.optional()? else { return Ok(None) };
    let mut told = Vec::new();
    for new in deliveries {
        let of_several = of_several.as_deref().filter(|several| *several == new.notification.id);
        let is_known = of_several.map(|several| knows(connection, several, &new.notifier)).transpose()?;
        if is_known == Some(true) {
            continue;
        }
        // Of one event, its id is the notification's; of several, they are noted already.
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
