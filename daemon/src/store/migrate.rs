//! The schema, version by version. A file of an older version is kept whole as `.pre-vN` before it is changed.

use std::path::Path;

use rusqlite::Connection;

use super::StoreError;
use super::lock::beside;

/// Each step takes the schema from its index to the next version. Never change one that was released.
pub(super) const STEPS: &[&str] =
    &[include_str!("schema_v1.sql"), include_str!("schema_v2.sql"), include_str!("schema_v3.sql")];

/// Brings the schema to the newest version; says from which it came when anything was done.
pub(super) fn migrate(
    connection: &mut Connection,
    path: &Path,
    steps: &[&str],
) -> Result<Option<u32>, StoreError> {
    let fault = |error: rusqlite::Error| StoreError::of(&error, path);
    let found = version(connection, path, steps)?;
    let known = known(steps);
    if found == known {
        return Ok(None);
    }
    if found > 0 {
        keep_old(connection, path, known)?;
    }
    let transaction = connection.transaction().map_err(fault)?;
    for step in &steps[found as usize..] {
        transaction.execute_batch(step).map_err(fault)?;
    }
    transaction.pragma_update(None, "user_version", known).map_err(fault)?;
    transaction.commit().map_err(fault)?;
    Ok(Some(found))
}

/// The version of a file's schema; 0 of a new file.
///
/// # Errors
/// When it is one that we do not know yet.
pub(super) fn version(connection: &Connection, path: &Path, steps: &[&str]) -> Result<u32, StoreError> {
    let found: u32 = connection
        .query_row("PRAGMA user_version", [], |row| row.get(0))
        .map_err(|error| StoreError::of(&error, path))?;
    let known = known(steps);
    if found > known {
        return Err(StoreError::Newer { path: path.to_owned(), found, known });
    }
    Ok(found)
}

fn known(steps: &[&str]) -> u32 {
    u32::try_from(steps.len()).expect("a handful of steps")
}

/// `VACUUM INTO` writes a whole, checked copy. One that is there already is of an earlier try that was cut off
/// before anything was changed; it is written again.
fn keep_old(connection: &Connection, path: &Path, version: u32) -> Result<(), StoreError> {
    let kept = beside(path, &format!(".pre-v{version}"));
    let fault = |error: std::io::Error| StoreError::Io(format!("{}: {error}", kept.display()));
    match std::fs::remove_file(&kept) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(fault(error)),
        _ => {}
    }
    connection
        .execute("VACUUM INTO ?1", [kept.to_string_lossy()])
        .map_err(|error| StoreError::of(&error, path))?;
    std::fs::File::open(&kept).and_then(|file| file.sync_all()).map_err(fault)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_older_file_is_kept_whole_before_it_is_changed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.db");
        let one = "CREATE TABLE t (a INTEGER); INSERT INTO t VALUES (7);";
        let two = "ALTER TABLE t ADD COLUMN b INTEGER; UPDATE t SET b = a + 1;";
        let mut connection = Connection::open(&path).unwrap();
        assert_eq!(migrate(&mut connection, &path, &[one]).unwrap(), Some(0));
        assert_eq!(migrate(&mut connection, &path, &[one]).unwrap(), None);
        assert!(!folder.path().join("x.db.pre-v1").exists());

        assert_eq!(migrate(&mut connection, &path, &[one, two]).unwrap(), Some(1));
        let b: i64 = connection.query_row("SELECT b FROM t", [], |row| row.get(0)).unwrap();
        assert_eq!(b, 8);
        let old = Connection::open(folder.path().join("x.db.pre-v2")).unwrap();
        assert!(old.query_row("SELECT b FROM t", [], |row| row.get::<_, i64>(0)).is_err());
        let a: i64 = old.query_row("SELECT a FROM t", [], |row| row.get(0)).unwrap();
        assert_eq!(a, 7);
    }

    #[test]
    fn a_step_that_fails_changes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.db");
        let one = "CREATE TABLE t (a INTEGER);";
        let mut connection = Connection::open(&path).unwrap();
        migrate(&mut connection, &path, &[one]).unwrap();
        let broken = "ALTER TABLE t ADD COLUMN b INTEGER; SELECT no_such_function();";
        migrate(&mut connection, &path, &[one, broken]).unwrap_err();
        let version: u32 = connection.query_row("PRAGMA user_version", [], |row| row.get(0)).unwrap();
        assert_eq!(version, 1);
        assert!(connection.prepare("SELECT b FROM t").is_err());
    }

    #[test]
    fn a_newer_schema_is_refused_with_both_versions() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.db");
        let mut connection = Connection::open(&path).unwrap();
        connection.pragma_update(None, "user_version", 9).unwrap();
        let error = migrate(&mut connection, &path, STEPS).unwrap_err().to_string();
        assert!(error.contains("has schema 9, this commwatch knows 3"), "{error}");
    }

    /// Every row of a table, with what every column of version 2 says.
    fn rows(connection: &Connection, table: &str) -> Vec<String> {
        let columns = format!(
            "SELECT name FROM pragma_table_info('{table}')
             WHERE name NOT IN ('suppressed_by', 'held', 'paced', 'gathered', 'grouped_in') ORDER BY name"
        );
        let columns = names(connection, &columns);
        let row = columns.iter().map(|column| format!("'{column}', {column}")).collect::<Vec<_>>().join(", ");
        names(connection, &format!("SELECT json_object({row}) FROM {table} ORDER BY id"))
    }

    fn names(connection: &Connection, sql: &str) -> Vec<String> {
        let mut names = connection.prepare(sql).unwrap();
        names.query_map([], |row| row.get(0)).unwrap().collect::<Result<_, _>>().unwrap()
    }

    #[test]
    fn deliveries_and_attempts_of_version_2_are_as_they_were_and_refer_to_each_other() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.db");
        let mut connection = Connection::open(&path).unwrap();
        connection.pragma_update(None, "foreign_keys", true).unwrap();
        migrate(&mut connection, &path, &STEPS[..2]).unwrap();
        connection
            .execute_batch(
                "INSERT INTO delivery (id, notification_id, notifier, lane, state, due_at, attempts, crashes, replay,
                     created_at, first_attempt_at, tried_ms, finished_at, payload, sending_at, handed, crashes_alone,
                     aside, fallback_at, fell_back_at, fallback_of)
                 VALUES (3, 'evt_a', 'ops', 'main/1', 'delivered', 1, 2, 3, 1, 4, 5, 6, 7, 'p', NULL, 8, 9, 0, NULL,
                         10, 'sms'),
                     (4, 'evt_b', 'ops', 'main/1', 'pending', 1, 2, 3, 0, 4, 5, 6, NULL, 'p', 7, 8, 9, 1, 10, NULL, NULL),
                     (5, 'evt_c', 'ops', 'main/1', 'queued', 1, 0, 0, 0, 4, NULL, 0, NULL, 'p', NULL, 0, 0, 0, 10, NULL,
                      NULL),
                     (6, 'evt_d', 'ops', 'main/1', 'dead', 1, 2, 3, 1, 4, 5, 6, 7, 'p', NULL, 8, 9, 0, NULL, NULL, NULL),
                     (9, 'evt_e', 'ops', 'main/1', 'dead', 1, 2, 3, 1, 4, 5, 6, 7, 'p', NULL, 8, 9, 0, NULL, NULL, NULL);
                 DELETE FROM delivery WHERE id = 9;
                 INSERT INTO attempt VALUES (11, 3, 1, 100, 7, 'retry', 'x'), (12, 3, 2, 200, 7, 'delivered', ''),
                     (14, 6, 1, 300, 7, 'reject', 'y');",
            )
            .unwrap();
        let before = [rows(&connection, "delivery"), rows(&connection, "attempt")];
        assert_eq!((before[0].len(), before[1].len()), (4, 3));

        assert_eq!(migrate(&mut connection, &path, &STEPS[..3]).unwrap(), Some(2));
        assert_eq!([rows(&connection, "delivery"), rows(&connection, "attempt")], before);
        assert_eq!(names(&connection, "SELECT \"table\" FROM pragma_foreign_key_check"), [""; 0]);
        let refers =
            "SELECT \"table\" || '.' || \"to\" || ' ' || on_delete FROM pragma_foreign_key_list('attempt')";
        assert_eq!(names(&connection, refers), ["delivery.id CASCADE"]);
        connection.execute("DELETE FROM delivery WHERE id = 3", []).unwrap();
        assert_eq!(rows(&connection, "attempt").len(), 1);
        // No id is given twice, and the new states may be written; others may not.
        let insert = |state: &str| {
            connection.execute(
                "INSERT INTO delivery (notification_id, notifier, lane, state, due_at, created_at, payload)
                 VALUES (?1, 'ops', 'a', ?1, 1, 1, '')",
                [state],
            )
        };
        insert("suppressed").unwrap();
        insert("grouped").unwrap();
        insert("lost").unwrap_err();
        assert_eq!(connection.last_insert_rowid(), 11);
    }
}
