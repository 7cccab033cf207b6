//! Deliveries that are not final: which are due, and what became of an attempt.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::time::Duration;

use rusqlite::{Connection, OptionalExtension, params};

use super::rows::{count, instant, nanos};
use super::told::insert_told;
use super::{Due, OutboxCount, Overdue, Settle, StoreError, Told, raised, scrub};
use crate::core::delivery::{self, State, Step};
use crate::core::outcome::{DELAY_MAX, Fate};
use crate::core::pacing::Held;

/// An attempt's answer is kept up to this many characters.
const DETAIL_CHARS_MAX: usize = 500;
/// What was never tried and was written later than this from now was written by a clock that was wrong, and is due.
const CREATED_AHEAD_MAX: Duration = Duration::from_secs(60);
/// Nothing is ever made due further ahead. What is was written by a clock that was wrong, and is due.
pub(super) const AHEAD_MAX: Duration = DELAY_MAX.saturating_add(Duration::from_secs(60));

pub(super) fn due(
    connection: &Connection,
    notifier: &str,
    now: jiff::Timestamp,
    limit: usize,
) -> Result<Vec<Due>, StoreError> {
    let mut due = heads(connection, notifier, i64::MIN..=nanos(now), None, limit)?;
    if due.len() < limit && now < jiff::Timestamp::MAX {
        let ahead = |by| now.checked_add(by).map_or(i64::MAX, nanos);
        let later = nanos(now).saturating_add(1)..=i64::MAX;
        let lost = heads(connection, notifier, later, Some(ahead(CREATED_AHEAD_MAX)), limit - due.len())?;
        due.extend(lost);
    }
    if due.len() < limit && now < jiff::Timestamp::MAX {
        let too_far = now.checked_add(AHEAD_MAX).map_or(i64::MAX, nanos);
        let lost = heads(connection, notifier, too_far..=i64::MAX, None, limit)?;
        let lost = lost.into_iter().filter(|one| due.iter().all(|other| other.id != one.id));
        let lost: Vec<Due> = lost.take(limit - due.len()).collect();
        due.extend(lost);
    }
    Ok(due)
}

/// What stands before each condition below, and what of a delivery is told.
const HEADS: &str = "SELECT d.id, d.notification_id, d.payload, d.attempts, d.crashes, d.tried_ms, d.replay,
            d.created_at, coalesce(e.occurred_at, d.created_at), e.priority, d.handed, d.crashes_alone,
            d.lane, d.held, d.due_at, d.paced
     FROM delivery d
     LEFT JOIN notification_event n ON n.notification_id = d.notification_id AND n.position = 0
     LEFT JOIN event e ON e.id = n.event_id";

/// One that is the head of its lane, or waits for its turn.
pub(super) fn one(connection: &Connection, delivery: i64) -> Result<Option<Due>, StoreError> {
    let one = connection
        .prepare_cached(&format!("{HEADS} WHERE d.id = ?1 AND d.state = 'pending'"))?
        .query_row([delivery], read)
        .optional()?;
    Ok(one)
}

fn read(row: &rusqlite::Row<'_>) -> rusqlite::Result<Due> {
    let held: Option<String> = row.get(13)?;
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
        handed: row.get(10)?,
        crashes_alone: row.get(11)?,
        lane: row.get(12)?,
        held: held.as_deref().and_then(Held::named),
        due_at: instant(row.get(14)?),
        paced: row.get(15)?,
    })
}

/// Heads of lanes that are due within a time, the longest due first; only such as were never tried and were created
/// after a time, where one is given: what is held back waits for its time.
fn heads(
    connection: &Connection,
    notifier: &str,
    within: RangeInclusive<i64>,
    untried_after: Option<i64>,
    limit: usize,
) -> Result<Vec<Due>, StoreError> {
    let mut heads = connection.prepare_cached(&format!(
        "{HEADS} WHERE d.notifier = ?1 AND d.state = 'pending' AND d.due_at BETWEEN ?2 AND ?3
           AND (?5 IS NULL OR d.created_at > ?5 AND d.first_attempt_at IS NULL AND d.held IS NULL)
         ORDER BY d.due_at, d.id LIMIT ?4"
    ))?;
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let rows =
        heads.query_map(params![notifier, within.start(), within.end(), limit, untried_after], read)?;
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
        .prepare_cached(
            "SELECT coalesce(sum(written - delivered - dead - suppressed - grouped), 0) FROM tally",
        )?
        .query_row([], |row| row.get(0))?;
    Ok(count(open))
}

/// What a row's word means, with whether it is marked as handed over.
pub(super) fn state_of(word: &str, marked: bool) -> State {
    match word {
        "queued" => State::Queued,
        "delivered" => State::Delivered,
        "dead" => State::Dead,
        "grouped" => State::Grouped,
        "suppressed" => State::Suppressed,
        _ if marked => State::Sending,
        _ => State::Pending,
    }
}

/// What a delivery is, with its notifier and lane.
fn state(connection: &Connection, delivery: i64) -> Result<Option<(State, String, String)>, StoreError> {
    let row = connection
        .prepare_cached("SELECT state, sending_at, notifier, lane FROM delivery WHERE id = ?1")?
        .query_row([delivery], |row| {
            let state = state_of(&row.get::<_, String>(0)?, row.get::<_, Option<i64>>(1)?.is_some());
            Ok((state, row.get(2)?, row.get(3)?))
        })
        .optional()?;
    Ok(row)
}

pub(super) fn hand_over(
    connection: &Connection,
    deliveries: &[i64],
    at: jiff::Timestamp,
) -> Result<Vec<i64>, StoreError> {
    // The mark of one that was not taken back, for want of a disk, stays as it is.
    let mut mark = connection.prepare_cached(
        "UPDATE delivery SET sending_at = coalesce(sending_at, ?2), handed = handed + (sending_at IS NULL),
                held = NULL
         WHERE id = ?1 AND state = 'pending'",
    )?;
    let mut marked = Vec::with_capacity(deliveries.len());
    for delivery in deliveries {
        if mark.execute(params![delivery, nanos(at)])? > 0 {
            marked.push(*delivery);
        }
    }
    Ok(marked)
}

/// A lane's latest rows, for whomever, that are looked through for what a receiver said.
const RECEIPT_ROWS_MAX: i64 = 500;

/// By the index of lanes, from their end: mostly the row before the one that it is asked for.
const RECEIPT: &str = "SELECT a.detail
     FROM (SELECT id, notifier, state FROM delivery WHERE lane = ?2 ORDER BY id DESC LIMIT ?3) d
     JOIN attempt a ON a.delivery = d.id
     WHERE d.notifier = ?1 AND d.state = 'delivered' AND a.outcome = 'delivered' AND a.detail <> ''
     ORDER BY d.id DESC, a.number DESC LIMIT 1";

pub(super) fn receipt(
    connection: &Connection,
    notifier: &str,
    lane: &str,
) -> Result<Option<String>, StoreError> {
    let receipt = connection
        .prepare_cached(RECEIPT)?
        .query_row(params![notifier, lane, RECEIPT_ROWS_MAX], |row| row.get(0))
        .optional()?;
    Ok(receipt)
}

pub(super) fn take_back(connection: &Connection, delivery: i64) -> Result<(), StoreError> {
    connection
        .prepare_cached(
            "UPDATE delivery SET sending_at = NULL, handed = handed - 1
             WHERE id = ?1 AND sending_at IS NOT NULL",
        )?
        .execute([delivery])?;
    Ok(())
}

/// At start: what was handed over by a daemon that has ended since may have arrived. It is sent again, and its attempt
/// is noted as what it was. It does not count: that we ended is neither its fault nor its receiver's, and must not make
/// it wait longer.
pub(super) fn interrupted(connection: &mut Connection) -> Result<usize, StoreError> {
    const WHY: &str = "commwatch ended before it could write how this ended; it may have arrived";
    let transaction = connection.transaction()?;
    transaction.execute(
        "INSERT INTO attempt (delivery, number, started_at, took_ms, outcome, detail)
         SELECT id, handed, sending_at, 0, 'unknown', ?1 FROM delivery WHERE sending_at IS NOT NULL",
        [WHY],
    )?;
    let interrupted = transaction.execute(
        "UPDATE delivery SET first_attempt_at = coalesce(first_attempt_at, sending_at), sending_at = NULL
         WHERE sending_at IS NOT NULL",
        [],
    )?;
    transaction.commit()?;
    Ok(interrupted)
}

/// What waits for its next try has its turn now, and was not tried for the time that it does not wait.
pub(super) fn bring_forward(
    connection: &Connection,
    notifier: &str,
    now: jiff::Timestamp,
) -> Result<(), StoreError> {
    connection
        .prepare_cached(
            "UPDATE delivery SET due_at = ?2, tried_ms = max(0, tried_ms - (due_at - ?2) / 1000000)
             WHERE notifier = ?1 AND state = 'pending' AND held IS NULL AND due_at > ?2",
        )?
        .execute(params![notifier, nanos(now)])?;
    Ok(())
}

pub(super) fn overdue(
    connection: &Connection,
    before: jiff::Timestamp,
    limit: usize,
) -> Result<Vec<Overdue>, StoreError> {
    let mut overdue = connection.prepare_cached(
        "SELECT id, notification_id, notifier, created_at FROM delivery
         WHERE state IN ('queued', 'pending') AND created_at < ?1 AND sending_at IS NULL
         ORDER BY created_at, id LIMIT ?2",
    )?;
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let rows = overdue.query_map(params![nanos(before), limit], |row| {
        Ok(Overdue {
            delivery: row.get(0)?,
            notification_id: row.get(1)?,
            notifier: row.get(2)?,
            created_at: instant(row.get(3)?),
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

pub(super) fn give_up(
    connection: &Connection,
    delivery: i64,
    why: &str,
    at: jiff::Timestamp,
    told: &Told,
) -> Result<bool, StoreError> {
    let Some((state, notifier, lane)) = state(connection, delivery)? else { return Ok(false) };
    // In flight it may be accepted yet.
    if state == State::Sending || delivery::next(state, Step::GivenUp).is_none() {
        return Ok(false);
    }
    let number: u32 = connection
        .prepare_cached(
            "UPDATE delivery SET state = 'dead', finished_at = ?2, fallback_at = min(fallback_at, ?2)
             WHERE id = ?1 RETURNING handed",
        )?
        .query_row(params![delivery, nanos(at)], |row| row.get(0))?;
    note_attempt(connection, delivery, number, at, Duration::ZERO, "expired", why)?;
    finish(connection, delivery, &notifier, &lane, State::Dead, at)?;
    insert_told(connection, told, None)?;
    Ok(true)
}

pub(super) fn settle(connection: &Connection, settle: &Settle) -> Result<bool, StoreError> {
    let now = settle.started.checked_add(settle.took).unwrap_or(settle.started);
    let (step, due_at, tried, aside) = match &settle.fate {
        Fate::Delivered => (Step::Accepted, None, settle.took, false),
        Fate::Dead(_) => (Step::GivenUp, None, settle.took, false),
        Fate::RetryAt { at, delay, aside } => {
            (Step::Again, Some(*at), settle.took.saturating_add(*delay), *aside)
        }
        // While the notifier takes nothing, nothing is being tried.
        Fate::Held(_) => (Step::Again, Some(now), Duration::ZERO, false),
    };
    let Some((before, notifier, lane)) = state(connection, settle.delivery)? else { return Ok(false) };
    // Settled already: an attempt that was thought lost came back after all.
    let Some(after) = delivery::next(before, step).filter(|_| before != State::Queued) else {
        return Ok(false);
    };
    let number: u32 = connection
        .prepare_cached(
            "UPDATE delivery SET state = ?2, due_at = coalesce(?3, due_at), attempts = attempts + ?4,
                    crashes = crashes + ?5, crashes_alone = crashes_alone + ?6,
                    first_attempt_at = coalesce(first_attempt_at, ?7), finished_at = ?8,
                    tried_ms = tried_ms + ?9, handed = handed + (sending_at IS NULL), sending_at = NULL,
                    aside = max(aside, ?10), fallback_at = CASE ?2 WHEN 'delivered' THEN NULL
                                                           WHEN 'dead' THEN min(fallback_at, ?11)
                                                           ELSE fallback_at END
             WHERE id = ?1 RETURNING handed",
        )?
        .query_row(
            params![
                settle.delivery,
                after.as_str(),
                due_at.map(nanos),
                settle.counts,
                settle.crashed,
                settle.crashed && settle.alone,
                nanos(settle.started),
                after.is_final().then_some(nanos(now)),
                i64::try_from(tried.as_millis()).unwrap_or(i64::MAX),
                aside,
                nanos(now),
            ],
            |row| row.get(0),
        )?;
    let Settle { delivery, started, took, outcome, detail, .. } = settle;
    note_attempt(connection, *delivery, number, *started, *took, outcome, detail)?;
    if after.is_final() {
        finish(connection, settle.delivery, &notifier, &lane, after, now)?;
    } else if aside {
        turn(connection, &notifier, &lane, now)?;
    }
    match &settle.told {
        Some(told) => insert_told(connection, told, None),
        None => Ok(false),
    }
}

fn note_attempt(
    connection: &Connection,
    delivery: i64,
    number: u32,
    started: jiff::Timestamp,
    took: Duration,
    outcome: &str,
    detail: &str,
) -> Result<(), StoreError> {
    let detail: String = detail.chars().take(DETAIL_CHARS_MAX).collect();
    let took = i64::try_from(took.as_millis()).unwrap_or(i64::MAX);
    connection
        .prepare_cached(
            "INSERT INTO attempt (delivery, number, started_at, took_ms, outcome, detail)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        )?
        .execute(params![delivery, number, nanos(started), took, outcome, detail])?;
    Ok(())
}

/// A lane that has no head any more: the next has its turn, behind what is due in other lanes.
pub(super) fn turn(
    connection: &Connection,
    notifier: &str,
    lane: &str,
    now: jiff::Timestamp,
) -> Result<(), StoreError> {
    connection.prepare_cached(TURN)?.execute(params![notifier, lane, nanos(now)])?;
    Ok(())
}

/// The conditions are the indexes' own.
const TURN: &str = "UPDATE delivery SET state = 'pending', due_at = max(due_at, ?3) WHERE id =
     (SELECT min(id) FROM delivery WHERE notifier = ?1 AND lane = ?2
      AND state IN ('queued', 'pending') AND state = 'queued')
     AND NOT EXISTS (SELECT 1 FROM delivery WHERE notifier = ?1 AND lane = ?2
                     AND state = 'pending' AND aside = 0)";

/// A delivery is final: it is counted, and the next of its lane has its turn, unless it had that already.
fn finish(
    connection: &Connection,
    delivery: i64,
    notifier: &str,
    lane: &str,
    end: State,
    now: jiff::Timestamp,
) -> Result<(), StoreError> {
    let ended = match end {
        State::Delivered => "UPDATE tally SET delivered = delivered + 1 WHERE notifier = ?1",
        _ => "UPDATE tally SET dead = dead + 1 WHERE notifier = ?1",
    };
    connection.prepare_cached(ended)?.execute([notifier])?;
    turn(connection, notifier, lane, now)?;
    raised::ended(connection, delivery, end)?;
    scrub::finished(connection, delivery)
}

pub(super) fn counts(connection: &Connection) -> Result<Vec<OutboxCount>, StoreError> {
    // All as of one moment: a commit between two of these would look like an imbalance.
    let moment = connection.unchecked_transaction()?;
    let mut counts: BTreeMap<String, OutboxCount> = BTreeMap::new();
    let mut tally = moment
        .prepare_cached("SELECT notifier, written - delivered - dead - suppressed - grouped FROM tally")?;
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
    let mut held = moment.prepare_cached(
        "SELECT h.notifier, h.held, count(*) FROM delivery h
         JOIN delivery d ON d.notifier = h.notifier AND d.lane = h.lane AND d.state IN ('queued', 'pending')
         WHERE h.held IS NOT NULL AND h.state = 'pending' AND h.aside = 0 GROUP BY h.notifier, h.held",
    )?;
    for_each(&mut held, &mut counts, |count, row| {
        if let Some(held) = Held::named(&row.get::<_, String>(1)?) {
            count.held.insert(held, super::rows::count(row.get(2)?));
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_of_a_lane_is_found_by_indexes_however_many_stepped_aside_or_wait() {
        let connection = Connection::open_in_memory().unwrap();
        for step in super::super::migrate::STEPS {
            connection.execute_batch(step).unwrap();
        }
        let mut plan = connection.prepare(&format!("EXPLAIN QUERY PLAN {TURN}")).unwrap();
        let found: Vec<String> = plan.raw_query().mapped(|row| row.get(3)).collect::<Result<_, _>>().unwrap();
        for index in ["delivery_lane (notifier=? AND lane=?)", "delivery_head (notifier=? AND lane=?)"] {
            assert!(found.iter().any(|step| step.contains(index)), "{found:#?}");
        }
        assert!(found.iter().all(|step| !step.starts_with("SCAN")), "{found:#?}");
        let mut plan = connection.prepare(&format!("EXPLAIN QUERY PLAN {RECEIPT}")).unwrap();
        let found: Vec<String> = plan.raw_query().mapped(|row| row.get(3)).collect::<Result<_, _>>().unwrap();
        let by = |index: &str| found.iter().any(|step| step.contains(index));
        assert!(by("delivery_by_lane (lane=?)") && by("attempt_delivery (delivery=?)"), "{found:#?}");
    }
}
