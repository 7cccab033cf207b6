//! Deliveries and their attempts.

use rusqlite::{Connection, OptionalExtension as _, Row, params};

use super::Question;
use super::conversations::ids_of;
use crate::core::delivery::State;
use crate::core::story::{
    ATTEMPTS_BRIEF, AttemptStory, Behind, COUNTED_MAX, DELIVERIES_MAX, DeliveryStory, Held, Several,
    WAITING_MAX,
};
use crate::core::watch::ConversationId;
use crate::store::rows::{count, instant};
use crate::store::{StoreError, outbox};

const COLUMNS: &str =
    "d.id, d.notification_id, d.notifier, d.lane, d.state, d.replay, d.created_at, d.due_at,
    d.sending_at, d.finished_at, d.attempts, d.aside,
    d.fell_back_at, d.fallback_of, d.held, d.gathered,
    (SELECT notification_id FROM delivery g WHERE g.id = d.grouped_in), d.suppressed_by";

const fn question(from: &'static str, order: &'static str) -> Question {
    Question { columns: COLUMNS, from, order }
}

pub(super) const OF_EVENT: Question = question(
    "FROM delivery d WHERE d.notification_id IN
             (SELECT ?1 UNION SELECT notification_id FROM notification_event WHERE event_id = ?1)",
    "ORDER BY d.notifier, d.id",
);
pub(super) const ALL: Question =
    question("FROM delivery d WHERE d.id > 0 AND ?1 IS NULL", "ORDER BY d.id DESC");
pub(super) const OF_NOTIFIER: Question =
    question("FROM delivery d WHERE d.notifier = ?1", "ORDER BY d.id DESC");
pub(super) const DEAD: Question = question(
    // By the notifiers that there have ever been, so that dead letters are found by their index.
    "FROM tally t CROSS JOIN delivery d INDEXED BY delivery_dead
     ON d.notifier = t.notifier AND d.state = 'dead' WHERE ?1 IS NULL",
    "ORDER BY d.id DESC",
);
pub(super) const DEAD_OF_NOTIFIER: Question = question(
    "FROM delivery d INDEXED BY delivery_dead WHERE d.state = 'dead' AND d.notifier = ?1",
    "ORDER BY d.id DESC",
);
pub(super) const WAITING: Question = question(
    "FROM tally t CROSS JOIN delivery d ON d.notifier = t.notifier AND d.lane = ?1
     AND d.state IN ('queued', 'pending')",
    "ORDER BY d.notifier, d.state = 'queued', d.id",
);
pub(super) const WAITING_OF_WATCH: Question = question(
    "FROM conversation c CROSS JOIN tally t CROSS JOIN delivery d
     ON d.notifier = t.notifier AND d.lane = c.account || '/' || c.object_id AND d.state IN ('queued', 'pending')
     WHERE c.watch = ?1 OR (c.account = ?3 AND c.object_id IN (SELECT value FROM json_each(?2)))",
    "ORDER BY d.notifier, d.state = 'queued', d.id",
);
pub(super) const ATTEMPTS: Question = Question {
    columns: "a.number, a.started_at, a.took_ms, a.outcome, a.detail",
    from: "FROM attempt a WHERE a.delivery = ?1",
    order: "ORDER BY a.id DESC",
};

/// The head of a lane. The conditions are the index's own.
pub(super) const HEAD: &str = "SELECT notification_id FROM delivery
     WHERE notifier = ?1 AND lane = ?2 AND state = 'pending' AND aside = 0 LIMIT 1";
/// How many of a lane are before one of it: the head, and what was written earlier and has not stepped aside. The first
/// condition is the index's own.
pub(super) const AHEAD: &str = "SELECT count(*) FROM (SELECT 1 FROM delivery
     WHERE notifier = ?1 AND lane = ?2 AND state IN ('queued', 'pending') AND aside = 0
       AND (state = 'pending' OR id < ?3)
     LIMIT ?4)";

pub(super) fn of_event(
    connection: &Connection,
    event: &str,
    attempts: usize,
) -> Result<Several<DeliveryStory>, StoreError> {
    OF_EVENT.ask(connection, [event], DELIVERIES_MAX, |row| read(connection, row, attempts))
}

pub(super) fn waiting(connection: &Connection, lane: &str) -> Result<Several<DeliveryStory>, StoreError> {
    WAITING.ask(connection, [lane], WAITING_MAX, |row| read(connection, row, ATTEMPTS_BRIEF))
}

pub(super) fn waiting_of_watch(
    connection: &Connection,
    watch: &str,
    found: &[ConversationId],
) -> Result<Several<DeliveryStory>, StoreError> {
    let (account, ids) = ids_of(found);
    WAITING_OF_WATCH.ask(connection, params![watch, ids, account], WAITING_MAX, |row| {
        read(connection, row, ATTEMPTS_BRIEF)
    })
}

pub(super) fn list(
    connection: &Connection,
    dead: bool,
    notifier: Option<&str>,
    limit: usize,
) -> Result<Several<DeliveryStory>, StoreError> {
    let question = match (dead, notifier) {
        (false, None) => ALL,
        (false, Some(_)) => OF_NOTIFIER,
        (true, None) => DEAD,
        (true, Some(_)) => DEAD_OF_NOTIFIER,
    };
    question.ask(connection, [notifier], limit, |row| read(connection, row, ATTEMPTS_BRIEF))
}

fn read(connection: &Connection, row: &Row<'_>, attempts: usize) -> Result<DeliveryStory, StoreError> {
    let (id, notifier, lane): (i64, String, String) = (row.get(0)?, row.get(2)?, row.get(3)?);
    let sending: Option<i64> = row.get(8)?;
    let state = outbox::state_of(&row.get::<_, String>(4)?, sending.is_some());
    let behind = match state {
        State::Queued => behind(connection, id, &notifier, &lane)?,
        _ => None,
    };
    let mut attempts = ATTEMPTS.ask(connection, [id], attempts, |row| {
        Ok(AttemptStory {
            number: row.get(0)?,
            started_at: instant(row.get(1)?),
            took_ms: count(row.get(2)?),
            outcome: row.get(3)?,
            detail: row.get(4)?,
        })
    })?;
    attempts.shown.reverse();
    Ok(DeliveryStory {
        event: row.get(1)?,
        notifier,
        state: state.as_str().to_owned(),
        replay: row.get(5)?,
        created_at: instant(row.get(6)?),
        due_at: (state == State::Pending).then_some(instant(row.get(7)?)),
        sending_since: sending.map(instant),
        finished_at: row.get::<_, Option<i64>>(9)?.map(instant),
        counted: row.get(10)?,
        aside: state == State::Pending && row.get::<_, bool>(11)?,
        fell_back_at: row.get::<_, Option<i64>>(12)?.map(instant),
        in_place_of: row.get(13)?,
        part_of: row.get(16)?,
        others: count(row.get::<_, i64>(15)?).saturating_sub(1),
        suppressed_by: row.get(17)?,
        behind,
        held: row.get::<_, Option<String>>(14)?.filter(|_| state == State::Pending).map(|reason| Held {
            reason,
            since: None,
            why: None,
        }),
        attempts,
    })
}

fn behind(
    connection: &Connection,
    id: i64,
    notifier: &str,
    lane: &str,
) -> Result<Option<Behind>, StoreError> {
    let head: Option<String> =
        connection.prepare_cached(HEAD)?.query_row([notifier, lane], |row| row.get(0)).optional()?;
    let Some(event) = head else { return Ok(None) };
    let most = i64::try_from(COUNTED_MAX).unwrap_or(i64::MAX);
    let ahead: i64 =
        connection.prepare_cached(AHEAD)?.query_row(params![notifier, lane, id, most], |row| row.get(0))?;
    Ok(Some(Behind { event, ahead: count(ahead) }))
}
