//! Due times are by the clock of the machine. When that is set, they go with it.

use jiff::{SignedDuration, Timestamp};
use rusqlite::{Connection, params};

use super::StoreError;
use super::outbox::AHEAD_MAX;
use super::rows::nanos;

/// More than a century is no jump; and with it, no sum of two times passes the end of what a row can hold.
const BY_NANOS_MAX: i128 = i64::MAX as i128 / 2;

/// Open deliveries that wait for a time, and were told it by a clock that has been set since: how many were changed.
///
/// `by` is how far, `now` what the clock said before it was set forward, or says since it was set back. `None`: it
/// was set while nobody looked.
pub(super) fn moved(
    connection: &Connection,
    now: Timestamp,
    by: Option<SignedDuration>,
) -> Result<u64, StoreError> {
    let mut changed = 0;
    if let Some(by) = by.filter(|by| !by.is_zero()) {
        let by_nanos = i64::try_from(by.as_nanos().clamp(-BY_NANOS_MAX, BY_NANOS_MAX)).unwrap_or(0);
        // By the clock as it was: what is further ahead than that is due already.
        let was = if by.is_negative() { now.checked_sub(by).unwrap_or(Timestamp::MAX) } else { now };
        let too_far = was.checked_add(AHEAD_MAX).map_or(i64::MAX, nanos);
        changed += connection
            .prepare_cached(
                "UPDATE delivery SET due_at = due_at + ?3
                 WHERE state IN ('queued', 'pending') AND due_at > ?1 AND due_at < ?2",
            )?
            .execute(params![nanos(now), too_far, by_nanos])?;
        changed += connection
            .prepare_cached(
                "UPDATE delivery SET fallback_at = fallback_at + ?3 WHERE fallback_at > ?1 AND fallback_at < ?2",
            )?
            .execute(params![nanos(now), too_far, by_nanos])?;
    }
    // What was never tried was due when it was written; what is held back is so by the time of day.
    changed += connection
        .prepare_cached(
            "UPDATE delivery SET due_at = ?1
             WHERE state IN ('queued', 'pending') AND due_at > ?1
               AND (first_attempt_at IS NULL OR held IS NOT NULL)",
        )?
        .execute([nanos(now)])?;
    if by.is_none() {
        // Tried later than now: nobody knows how much of its wait is over.
        changed += connection
            .prepare_cached(
                "UPDATE delivery SET due_at = ?1, tried_ms = max(0, tried_ms - (due_at - ?1) / 1000000)
                 WHERE state IN ('queued', 'pending') AND due_at > ?1
                   AND EXISTS (SELECT 1 FROM attempt WHERE delivery = delivery.id AND started_at > ?1)",
            )?
            .execute([nanos(now)])?;
        // Written later than now: nor does anybody know how long it has waited to be accepted.
        changed += connection
            .prepare_cached(
                "UPDATE delivery SET fallback_at = ?1 WHERE fallback_at > ?1 AND created_at > ?1",
            )?
            .execute([nanos(now)])?;
    }
    Ok(changed as u64)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::migrate;
    use super::*;

    const HOUR: i64 = 3600;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + second).unwrap()
    }

    /// What is open: when each was written, when it was last tried, when it is due.
    fn outbox(rows: &[(i64, Option<i64>, i64)]) -> Connection {
        let mut connection = Connection::open_in_memory().unwrap();
        migrate::migrate(&mut connection, Path::new("x.db"), migrate::STEPS).unwrap();
        for (n, (created, tried, due)) in rows.iter().enumerate() {
            let state = if n % 2 == 0 { "pending" } else { "queued" };
            let instant = |second: i64| nanos(at(second));
            connection
                .execute(
                    "INSERT INTO delivery (id, notification_id, notifier, lane, state, due_at, created_at,
                                           first_attempt_at, payload)
                     VALUES (?1, ?1, 'ops', ?1, ?2, ?3, ?4, ?5, '{}')",
                    params![n.to_string(), state, instant(*due), instant(*created), tried.map(instant)],
                )
                .unwrap();
            if let Some(tried) = tried {
                connection
                    .execute(
                        "INSERT INTO attempt (delivery, number, started_at, took_ms, outcome, detail)
                         VALUES (?1, 1, ?2, 1, 'retry', '')",
                        params![n.to_string(), instant(*tried)],
                    )
                    .unwrap();
            }
        }
        connection
    }

    fn due(connection: &Connection) -> Vec<i64> {
        let mut rows = connection.prepare("SELECT due_at FROM delivery ORDER BY id").unwrap();
        let due = rows.query_map([], |row| row.get::<_, i64>(0)).unwrap();
        due.map(|due| (due.unwrap() - nanos(at(0))) / 1_000_000_000).collect()
    }

    #[test]
    fn a_wait_is_as_long_as_it_was_meant_to_be_whichever_way_the_clock_is_set() {
        // Retries in 1 s, in 10 min and in an hour; one overdue; one never tried; one whose time was wrong before.
        let rows = [
            (-90, Some(-1), 1),
            (-90, Some(-5), 600),
            (-90, Some(-5), 3600),
            (-90, Some(-60), -30),
            (-7, None, -7),
            (-90, Some(-5), 9 * HOUR),
        ];
        for hours in [-24, -1, 1, 24, 24 * 365] {
            let by = SignedDuration::from_hours(hours);
            let outbox = outbox(&rows);
            // Set back, it is said afterwards; set forward, before.
            let now = if hours < 0 { at(hours * HOUR) } else { at(0) };
            moved(&outbox, now, Some(by)).unwrap();
            let ahead: Vec<i64> = due(&outbox).iter().map(|due| due - hours * HOUR).collect();
            assert_eq!(ahead[..3], [1, 600, 3600], "{hours} h");
            assert!(ahead[3] <= 0 && ahead[4] <= 0, "{hours} h: what was due is due: {ahead:?}");
        }
    }

    #[test]
    fn what_was_never_tried_is_due_though_it_was_written_by_the_clock_before() {
        let outbox = outbox(&[(HOUR, None, HOUR), (HOUR - 1, None, HOUR - 1), (-5, Some(-5), 60)]);
        assert_eq!(moved(&outbox, at(0), Some(SignedDuration::ZERO)).unwrap(), 2);
        assert_eq!(due(&outbox), [0, 0, 60]);
    }

    #[test]
    fn a_clock_that_was_set_back_while_no_daemon_ran_holds_up_nothing() {
        // Tried an hour from now: nobody knows how long it has waited. Tried before now: it waits as it was meant to.
        let outbox = outbox(&[(HOUR, Some(HOUR), HOUR + 60), (-90, Some(-5), 55), (HOUR, None, HOUR)]);
        assert_eq!(moved(&outbox, at(0), None).unwrap(), 2);
        assert_eq!(due(&outbox), [0, 55, 0]);
        assert_eq!(moved(&outbox, at(0), None).unwrap(), 0, "there is nothing to write at most starts");
    }

    #[test]
    fn no_jump_is_too_far_for_a_row() {
        for by in [SignedDuration::MIN, SignedDuration::MAX] {
            let outbox = outbox(&[(-5, Some(-5), 60)]);
            moved(&outbox, at(0), Some(by)).unwrap();
        }
    }
}
