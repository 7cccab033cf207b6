//! What a customer has taken back: nothing of its text stays, but in what has yet to be said.

use rusqlite::{Connection, params};

use super::StoreError;
use crate::core::event::Event;

/// The event's body without the message's text.
pub(super) const WITHOUT_TEXT: &str =
    "json_set(body, '$.data.message.text', '', '$.data.message.text_truncated', json('true'))";

/// A message was deleted: its text goes from the events that told of it, and from deliveries that are final. One that
/// is still to be delivered keeps its bytes until it is.
pub(super) fn deleted(
    connection: &Connection,
    event: &Event,
    conversation: Option<i64>,
) -> Result<(), StoreError> {
    let Some(child) = event.subject.as_deref().and_then(|subject| subject.strip_prefix("child/")) else {
        return Ok(());
    };
    let scrub = format!(
        "UPDATE event SET scrubbed = 1, has_text = 0, body = {WITHOUT_TEXT}
         WHERE child_id = ?1 AND conversation IS ?2 AND id <> ?3 AND scrubbed = 0
           AND json_extract(body, '$.data.message.text') IS NOT NULL RETURNING id"
    );
    let mut scrub = connection.prepare_cached(&scrub)?;
    let told: Vec<String> = scrub
        .query_map(params![child, conversation, event.id], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    let mut payloads = connection.prepare_cached(
        "UPDATE delivery SET payload = '' WHERE state NOT IN ('queued', 'pending')
         AND notification_id IN (SELECT notification_id FROM notification_event WHERE event_id = ?1)",
    )?;
    for event in told {
        payloads.execute([event])?;
    }
    Ok(())
}

/// A delivery has become final: what it held goes, if its message was deleted meanwhile.
pub(super) fn finished(connection: &Connection, delivery: i64) -> Result<(), StoreError> {
    connection
        .prepare_cached(
            "UPDATE delivery SET payload = '' WHERE id = ?1
             AND EXISTS (SELECT 1 FROM notification_event n JOIN event e ON e.id = n.event_id
                         WHERE n.notification_id = delivery.notification_id AND e.scrubbed = 1)",
        )?
        .execute([delivery])?;
    Ok(())
}
