//! Which files are opened, and which are refused.

use super::super::*;
use super::open;

#[tokio::test]
async fn a_second_daemon_on_the_same_file_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.db");
    let first = open(&path);
    let error = SqliteStore::open(Options::new(&path)).unwrap_err().to_string();
    assert!(error.starts_with("another commwatch is using"), "{error}");
    drop(first);
    open(&path);
}

#[test]
fn a_vanished_database_is_no_silent_baseline() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.db");
    drop(open(&path));
    for suffix in ["", "-wal", "-shm"] {
        let _ = std::fs::remove_file(lock::beside(&path, suffix));
    }
    let error = SqliteStore::open(Options::new(&path)).unwrap_err();
    assert!(matches!(error, StoreError::Vanished { .. }), "{error}");
    assert!(!path.exists(), "a refused start leaves no new database behind");
    drop(SqliteStore::open(Options { accept_new_baseline: true, ..Options::new(&path) }).unwrap());
    open(&path);
}

#[test]
fn another_database_in_its_place_is_refused_as_well() {
    let folder = tempfile::tempdir().unwrap();
    let (one, two) = (folder.path().join("1.db"), folder.path().join("2.db"));
    drop(open(&one));
    drop(open(&two));
    std::fs::copy(&two, &one).unwrap();
    let error = SqliteStore::open(Options::new(&one)).unwrap_err();
    assert!(matches!(error, StoreError::Exchanged { .. }), "{error}");
}

#[test]
fn a_damaged_file_is_refused_and_left_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.db");
    std::fs::write(&path, vec![b'x'; 8192]).unwrap();
    let error = SqliteStore::open(Options::new(&path)).unwrap_err();
    assert!(matches!(error, StoreError::Corrupt { .. }), "{error}");
    assert_eq!(std::fs::read(&path).unwrap(), vec![b'x'; 8192]);
}
