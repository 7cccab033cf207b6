//! Deliveries that are not final: which are due, and what became of an attempt.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::time::Duration;

use rusqlite::{Connection, OptionalExtension, params};

use super::rows::{count, instant, nanos};
use super::sqlite::insert_told;
use super::{Due, OutboxCount, Settle, StoreError};
use crate::core::outcome::{Fate, RETRY_AFTER_MAX};

/// An attempt's answer is kept up to this many characters.
const DETAIL_CHARS_MAX: usize = 500;
/// Nothing is ever made due further ahead. What is was written by a clock that was wrong, and is due.
pub(super) const AHEAD_MAX: Duration = RETRY_AFTER_MAX.saturating_add(Duration::from_secs(60));

pub(super) fn due(
    connection: &Connection,
    notifier: &str,
    now: jiff::Timestamp,
    limit: usize,
) -> Result<Vec<Due>, StoreError> {
    let due = heads(connection, notifier, i64::MIN..=nanos(now), limit)?;
    let too_far = now.checked_add(AHEAD_MAX).map_or(i64::MAX, nanos);
    if due.len() == limit || too_far <= nanos(now) {
        return Ok(due);
    }
    let lost = heads(connection, notifier, too_far..=i64::MAX, limit - due.len())?;
    Ok(due.into_iter().chain(lost).collect())
}

/// Heads of lanes that are due within a time, the longest due first.
fn heads(
    connection: &Connection,
    notifier: &str,
    within: RangeInclusive<i64>,
    limit: usize,
) -> Result<Vec<Due>, StoreError> {
    let mut heads = connection.prepare_cached(
        "SELECT d.id, d.notification_id, d.payload, d.attempts, d.crashes, d.tried_ms, d.replay,
                d.created_at, coalesce(e.occurred_at, d.created_at), e.priority
         FROM delivery d
         LEFT JOIN notification_event n ON n.notification_id = d.notification_id AND n.position = 0
         LEFT JOIN event e ON e.id = n.event_id
         WHERE d.notifier = ?1 AND d.state = 'pending' AND d.due_at BETWEEN ?2 AND ?3
         ORDER BY d.due_at, d.id LIMIT ?4",
    )?;
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let rows = heads.query_map(params![notifier, within.start(), within.end(), limit], |row| {
        Ok(Due {
            id: row.get(0)?,
            notification_id: row.get(1)?,
            payload: row.get(2)?,
            attempts: row.get(3)?,
            crashes: row.get(4)?,
            tried: Duration::from_millis(count(row.get(5)?)),
            replay: row.get(6)?,
            created_at: instant(row.get(7)?),
            occurred_at: instant(row.get(8)?),
            priority: row.get(9)?,
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

pub(super) fn next_due(
    connection: &Connection,
    notifier: &str,
) -> Result<Option<jiff::Timestamp>, StoreError> {
    let at: Option<i64> = connection
        .prepare_cached("SELECT min(due_at) FROM delivery WHERE notifier = ?1 AND state = 'pending'")?
        .query_row([notifier], |row| row.get(0))?;
    Ok(at.map(instant))
}

/// By the tally, which does not grow with what it counts.
pub(super) fn open_rows(connection: &Connection) -> Result<u64, StoreError> {
    let open: i64 = connection
        .prepare_cached("SELECT coalesce(sum(written - delivered - dead), 0) FROM tally")?
        .query_row([], |row| row.get(0))?;
    Ok(count(open))
}

pub(super) fn settle(connection: &Connection, settle: &Settle) -> Result<bool, StoreError> {
    let took = i64::try_from(settle.took.as_nanos()).unwrap_or(i64::MAX);
    let now = nanos(settle.started).saturating_add(took);
    let (state, due_at, tried) = match &settle.fate {
        Fate::Delivered => ("delivered", None, settle.took),
        Fate::Dead(_) => ("dead", None, settle.took),
        Fate::RetryAt { at, delay } => ("pending", Some(nanos(*at)), settle.took.saturating_add(*delay)),
        // While the notifier is broken, nothing is being tried.
        Fate::NotifierBroken(_) => ("pending", Some(now), Duration::ZERO),
    };
    let settled = connection
        .prepare_cached(
            "UPDATE delivery SET state = ?2, due_at = coalesce(?3, due_at), attempts = attempts + ?4,
                    crashes = crashes + ?5, first_attempt_at = coalesce(first_attempt_at, ?6),
                    tried_ms = tried_ms + ?8, finished_at = CASE WHEN ?2 = 'pending' THEN NULL ELSE ?7 END
             WHERE id = ?1 AND state = 'pending' RETURNING notifier, lane, attempts",
        )?
        .query_row(
            params![
                settle.delivery,
                state,
                due_at,
                settle.counts,
                settle.crashed,
                nanos(settle.started),
                now,
                i64::try_from(tried.as_millis()).unwrap_or(i64::MAX),
            ],
            |row| Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?, row.get::<_, u32>(2)?)),
        )
        .optional()?;
    // Settled already: an attempt that was thought lost came back after all.
    let Some((notifier, lane, attempts)) = settled else { return Ok(false) };
    let detail: String = settle.detail.chars().take(DETAIL_CHARS_MAX).collect();
    connection
        .prepare_cached(
            "INSERT INTO attempt (delivery, number, started_at, took_ms, outcome, detail)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        )?
        .execute(params![
            settle.delivery,
            // One that does not count has a number as well: that of the next one that does.
            attempts + u32::from(!settle.counts),
            nanos(settle.started),
            i64::try_from(settle.took.as_millis()).unwrap_or(i64::MAX),
            settle.outcome,
            detail,
        ])?;
    if state != "pending" {
        let ended = match state {
            "delivered" => "UPDATE tally SET delivered = delivered + 1 WHERE notifier = ?1",
            _ => "UPDATE tally SET dead = dead + 1 WHERE notifier = ?1",
        };
        connection.prepare_cached(ended)?.execute([&notifier])?;
        connection
            .prepare_cached(
                "UPDATE delivery SET state = 'pending' WHERE id =
                 (SELECT min(id) FROM delivery
                  WHERE notifier = ?1 AND lane = ?2 AND state IN ('queued', 'pending'))",
            )?
            .execute(params![notifier, lane])?;
    }
    match &settle.told {
        Some(told) => insert_told(connection, told, None),
        None => Ok(false),
    }
}

pub(super) fn counts(connection: &Connection) -> Result<Vec<OutboxCount>, StoreError> {
    // All as of one moment: a commit between two of these would look like an imbalance.
    let moment = connection.unchecked_transaction()?;
    let mut counts: BTreeMap<String, OutboxCount> = BTreeMap::new();
    let mut tally = moment.prepare_cached("SELECT notifier, written - delivered - dead FROM tally")?;
    for_each(&mut tally, &mut counts, |count, row| {
        count.imbalance += row.get::<_, i64>(1)?;
        Ok(())
    })?;
    // The oldest has the smallest id: with `min(created_at)`, each row would have to be read.
    let mut open = moment.prepare_cached(
        "SELECT notifier, open, (SELECT created_at FROM delivery WHERE id = oldest) FROM
         (SELECT notifier, count(*) AS open, min(id) AS oldest FROM delivery
          WHERE state IN ('queued', 'pending') GROUP BY notifier)",
    )?;
    for_each(&mut open, &mut counts, |count, row| {
        let open: i64 = row.get(1)?;
        count.imbalance -= open;
        count.pending = super::rows::count(open);
        count.oldest_pending = row.get::<_, Option<i64>>(2)?.map(instant);
        Ok(())
    })?;
    let mut dead = moment
        .prepare_cached("SELECT notifier, count(*) FROM delivery WHERE state = 'dead' GROUP BY notifier")?;
    for_each(&mut dead, &mut counts, |count, row| {
        count.dead = super::rows::count(row.get(1)?);
        Ok(())
    })?;
    Ok(counts.into_values().collect())
}

/// Takes each row into what is counted of the notifier in its first column.
fn for_each(
    rows: &mut rusqlite::Statement<'_>,
    counts: &mut BTreeMap<String, OutboxCount>,
    take: impl Fn(&mut OutboxCount, &rusqlite::Row<'_>) -> rusqlite::Result<()>,
) -> rusqlite::Result<()> {
    let mut rows = rows.query([])?;
    while let Some(row) = rows.next()? {
        let notifier: String = row.get(0)?;
        let count = counts.entry(notifier.clone()).or_default();
        count.notifier = notifier;
        take(count, row)?;
    }
    Ok(())
}
