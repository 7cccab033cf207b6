//! The newest of what happened, for people. Carries no message text.

use std::time::Duration;

use jiff::Timestamp;
use rusqlite::Connection;

use super::StoreError;
use super::rows::{count, instant};

/// An event, without its text.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct RecentEvent {
    /// Its id.
    pub id: String,
    /// Its type.
    pub kind: String,
    /// The watch, where there is one.
    pub watch: Option<String>,
    /// When it happened.
    pub occurred_at: Timestamp,
    /// When it was found.
    pub recorded_at: Timestamp,
}

/// An attempt to deliver.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct RecentDelivery {
    /// What was delivered.
    pub notification_id: String,
    /// To whom.
    pub notifier: String,
    /// How it ended.
    pub outcome: String,
    /// Which attempt it was.
    pub attempt: u32,
    /// When it began.
    pub started_at: Timestamp,
    /// How long it took.
    pub took: Duration,
    /// What was said, one line.
    pub detail: String,
}

pub(super) fn events(connection: &Connection, limit: usize) -> Result<Vec<RecentEvent>, StoreError> {
    let mut newest = connection.prepare_cached(
        "SELECT id, type, watch, occurred_at, recorded_at FROM event
         ORDER BY recorded_at DESC, sequence DESC, id LIMIT ?1",
    )?;
    let rows = newest.query_map([i64::try_from(limit).unwrap_or(i64::MAX)], |row| {
        Ok(RecentEvent {
            id: row.get(0)?,
            kind: row.get(1)?,
            watch: row.get(2)?,
            occurred_at: instant(row.get(3)?),
            recorded_at: instant(row.get(4)?),
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

pub(super) fn deliveries(connection: &Connection, limit: usize) -> Result<Vec<RecentDelivery>, StoreError> {
    let mut newest = connection.prepare_cached(
        "SELECT d.notification_id, d.notifier, a.outcome, a.number, a.started_at, a.took_ms, a.detail
         FROM attempt a JOIN delivery d ON d.id = a.delivery ORDER BY a.id DESC LIMIT ?1",
    )?;
    let rows = newest.query_map([i64::try_from(limit).unwrap_or(i64::MAX)], |row| {
        Ok(RecentDelivery {
            notification_id: row.get(0)?,
            notifier: row.get(1)?,
            outcome: row.get(2)?,
            attempt: row.get(3)?,
            started_at: instant(row.get(4)?),
            took: Duration::from_millis(count(row.get(5)?)),
            detail: row.get(6)?,
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}
