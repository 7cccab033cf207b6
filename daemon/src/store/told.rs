//! An event and who is told of it, as they are written: by polls, episodes, dead letters, fallbacks, and what goes
//! together.

use jiff::Timestamp;
use rusqlite::{Connection, params};

use super::rows::nanos;
use super::{NewDelivery, StoreError, Told, raised, scrub};
use crate::core::delivery::State;
use crate::core::event::EventKind;

/// What is written for one event and its deliveries; shared by polls, episodes and dead letters. `false` when the
/// event was known already.
pub(super) fn insert_told(
    connection: &Connection,
    told: &Told,
    conversation: Option<i64>,
) -> Result<bool, StoreError> {
    let event = &told.event;
    let watch = event.data.watch.as_ref();
    let inserted = connection
        .prepare_cached(
            "INSERT OR IGNORE INTO event
             (id, type, conversation, sequence, watch, priority, occurred_at, recorded_at, has_text, body,
              child_id, routing)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
        )?
        .execute(params![
            event.id,
            event.kind.as_str(),
            conversation,
            event.sequence.map(|n| i64::try_from(n).unwrap_or(i64::MAX)),
            watch.map(|watch| watch.name.as_str()),
            watch.map(|watch| watch.priority.as_str()),
            nanos(event.time),
            nanos(event.recorded),
            event.data.message.as_ref().is_some_and(|message| !message.text.is_empty()),
            event.to_json(),
            event.subject.as_deref().and_then(|subject| subject.strip_prefix("child/")),
            serde_json::to_string(&told.routing).unwrap_or_default(),
        ])?;
    if inserted == 0 {
        // Known already, and so are its deliveries: they were written together.
        return Ok(false);
    }
    for delivery in &told.deliveries {
        insert_delivery(connection, delivery, &event.id, event.recorded, None)?;
    }
    if event.kind == EventKind::MessageDeleted {
        scrub::deleted(connection, event, conversation)?;
    }
    Ok(true)
}

/// `false` when the notifier has that one already, or had it.
pub(super) fn insert_delivery(
    connection: &Connection,
    delivery: &NewDelivery,
    event: &str,
    at: Timestamp,
    fallback_of: Option<&str>,
) -> Result<bool, StoreError> {
    let NewDelivery { notification, notifier, lane, fallback_after, urgent, suppressed } = delivery;
    let fallback_after = fallback_after.filter(|_| suppressed.is_none());
    let at = nanos(at);
    let fallback_after = fallback_after.map(|after| i64::try_from(after.as_nanos()).unwrap_or(i64::MAX));
    let written = connection
        .prepare_cached(
            "INSERT INTO delivery (notification_id, notifier, lane, state, due_at, created_at, payload,
                                             fallback_at, fallback_of, suppressed_by, finished_at)
             SELECT ?1, ?2, ?3,
                    CASE WHEN ?8 IS NOT NULL THEN 'suppressed'
                         WHEN EXISTS (SELECT 1 FROM delivery WHERE notifier = ?2 AND lane = ?3
                                      AND state = 'pending' AND aside = 0)
                         THEN 'queued' ELSE 'pending' END,
                    ?4, ?4, ?5,
                    ?6 + max(?4, coalesce((SELECT due_at FROM delivery WHERE notifier = ?2 AND lane = ?3
                                           AND state = 'pending' AND aside = 0 AND held IS NOT NULL), ?4)),
                    ?7, ?8, CASE WHEN ?8 IS NOT NULL THEN ?4 END
             WHERE NOT EXISTS (SELECT 1 FROM delivery WHERE notification_id = ?1 AND notifier = ?2)",
        )?
        .execute(params![
            notification.id,
            notifier,
            lane,
            at,
            notification.payload,
            fallback_after,
            fallback_of,
            suppressed
        ])?;
    if written == 0 {
        return Ok(false);
    }
    let row = connection.last_insert_rowid();
    if *urgent && suppressed.is_none() {
        connection
            .prepare_cached(
                "UPDATE delivery SET due_at = ?3 WHERE notifier = ?1 AND lane = ?2
                 AND state = 'pending' AND aside = 0 AND held IS NOT NULL AND due_at > ?3",
            )?
            .execute(params![notifier, lane, at])?;
    }
    connection
        .prepare_cached(
            "INSERT INTO tally (notifier, written, suppressed) VALUES (?1, 1, ?2)
             ON CONFLICT DO UPDATE SET written = written + 1, suppressed = suppressed + ?2",
        )?
        .execute(params![notifier, suppressed.is_some()])?;
    connection
        .prepare_cached(
            "INSERT OR IGNORE INTO notification_event (notification_id, position, event_id) VALUES (?1, 0, ?2)",
        )?
        .execute(params![notification.id, event])?;
    if suppressed.is_some() {
        raised::ended(connection, row, State::Suppressed)?;
    }
    Ok(true)
}
