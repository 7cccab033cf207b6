//! The database as it lies there when nobody has it open: what it says, and one of an older version made of it.

use std::collections::BTreeSet;
use std::path::Path;

use rusqlite::Connection;

use super::checker::Delivery;

/// The first schema there was.
const SCHEMA_V1: &str = include_str!("../../../src/store/schema_v1.sql");
/// Names of the files that belong to one database.
const FILES: [&str; 3] = ["commwatch.db", "commwatch.db-wal", "commwatch.db-shm"];

/// What a database says. It is read from a copy, so that the daemon finds it as it was left.
#[derive(Debug)]
pub struct Said {
    pub version: u32,
    pub events: u64,
    /// What was delivered, by notifier.
    pub delivered: BTreeSet<Delivery>,
}

pub fn read(folder: &Path) -> Said {
    let (_copy, connection) = copy(folder);
    let number = |sql: &str| connection.query_row(sql, [], |row| row.get(0)).unwrap();
    let mut delivered = connection
        .prepare("SELECT notifier, notification_id FROM delivery WHERE state = 'delivered'")
        .unwrap();
    let delivered = delivered.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
    Said {
        version: number("PRAGMA user_version"),
        events: number("SELECT count(*) FROM event").into(),
        delivered: delivered.collect::<Result<_, _>>().unwrap(),
    }
}

/// Puts a database of schema 1 in its place, with all that it can hold of what is there.
pub fn make_old(folder: &Path) {
    let (copy, now) = copy(folder);
    let old = copy.path().join("old.db");
    let connection = Connection::open(&old).unwrap();
    connection.execute_batch(SCHEMA_V1).unwrap();
    connection.pragma_update(None, "user_version", 1).unwrap();
    drop(connection);
    now.execute("ATTACH ?1 AS old", [old.to_str().unwrap()]).unwrap();
    now.pragma_update(None, "foreign_keys", false).unwrap();
    for table in
        names(&now, "SELECT name FROM old.sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")
    {
        let columns = columns(&now, "old", &table);
        let here = self::columns(&now, "main", &table);
        let missing: Vec<&String> = columns.iter().filter(|column| !here.contains(column)).collect();
        assert!(missing.is_empty(), "{table} has lost {missing:?}: say here what they were in schema 1");
        let values: Vec<String> = columns.iter().map(|column| as_in_v1(&table, column)).collect();
        let (columns, values) = (columns.join(", "), values.join(", "));
        now.execute_batch(&format!("INSERT INTO old.{table} ({columns}) SELECT {values} FROM main.{table}"))
            .unwrap();
    }
    drop(now);
    for file in FILES {
        let _ = std::fs::remove_file(folder.join(file));
    }
    std::fs::copy(&old, folder.join(FILES[0])).unwrap();
}

/// States that came later are those of one that waits.
fn as_in_v1(table: &str, column: &str) -> String {
    match (table, column) {
        ("delivery", "state") => "CASE WHEN state IN ('queued', 'pending', 'delivered', 'dead') THEN state \
                                  ELSE 'pending' END"
            .to_owned(),
        _ => column.to_owned(),
    }
}

fn columns(connection: &Connection, database: &str, table: &str) -> Vec<String> {
    names(connection, &format!("SELECT name FROM pragma_table_info('{table}', '{database}')"))
}

fn names(connection: &Connection, sql: &str) -> Vec<String> {
    let mut names = connection.prepare(sql).unwrap();
    let names = names.query_map([], |row| row.get(0)).unwrap();
    names.collect::<Result<_, _>>().unwrap()
}

/// Opened, so that what stands in the write-ahead log alone counts as well.
fn copy(folder: &Path) -> (tempfile::TempDir, Connection) {
    let copy = tempfile::tempdir().unwrap();
    for file in &FILES[..2] {
        if folder.join(file).exists() {
            std::fs::copy(folder.join(file), copy.path().join(file)).unwrap();
        }
    }
    let connection = Connection::open(copy.path().join(FILES[0])).unwrap();
    (copy, connection)
}
