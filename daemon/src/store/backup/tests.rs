use std::os::unix::fs::PermissionsExt as _;

use super::*;
use crate::core::event::{Event, EventData, EventKind};
use crate::core::notification::Notification;
use crate::store::{Episode, NewDelivery, Options, SqliteStore, Store, Told};

fn at() -> Timestamp {
    Timestamp::from_second(1_700_000_000).unwrap()
}

/// Something that shows again: an episode with a name, and its delivery.
async fn note(store: &SqliteStore, name: &str) {
    let event = Event {
        id: format!("evt_{name}"),
        kind: EventKind::AccountDenied,
        source: "x".into(),
        subject: None,
        time: at(),
        recorded: at(),
        sequence: None,
        data: EventData::default(),
    };
    let notification = Notification { id: event.id.clone(), payload: "{}".into() };
    let deliveries = vec![NewDelivery {
        notification,
        notifier: "ops".into(),
        lane: name.into(),
        fallback_after: None,
        urgent: false,
        suppressed: None,
    }];
    let episode = Episode { subject: name.into(), since: at(), why: "x".repeat(2_000) };
    store.begin_episode(episode, Told { event, deliveries, routing: vec![] }).await.unwrap();
}

async fn noted(store: &SqliteStore) -> Vec<String> {
    store.episodes().await.unwrap().into_iter().map(|episode| episode.subject).collect()
}

fn open(path: &Path) -> SqliteStore {
    SqliteStore::open(Options::new(path)).unwrap()
}

fn names(folder: &Path) -> Vec<String> {
    let all = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name());
    let mut names: Vec<String> = all.map(|name| name.into_string().unwrap()).collect();
    names.sort();
    names
}

#[tokio::test]
async fn a_backup_is_whole_as_of_its_time_for_nobody_else_and_remembered() {
    let folder = tempfile::tempdir().unwrap();
    let (path, to) = (folder.path().join("x.db"), folder.path().join("copies/y.db"));
    std::fs::create_dir(to.parent().unwrap()).unwrap();
    let store = open(&path);
    note(&store, "before").await;
    let backup = store.backup(&to).await.unwrap();
    note(&store, "after").await;
    assert_eq!(names(to.parent().unwrap()), ["y.db"], "nothing else is left of it");
    let meta = std::fs::metadata(&to).unwrap();
    assert_eq!((meta.permissions().mode() & 0o777, meta.len()), (0o600, backup.bytes));
    assert_eq!(Backup::newest(&path), Some(backup.clone()));
    assert!(is_copy(&to).unwrap() && !is_copy(&path).unwrap());

    let error = store.backup(&to).await.unwrap_err();
    assert!(matches!(error, BackupError::Exists(_)), "{error}");
    assert_eq!(std::fs::metadata(&to).unwrap().len(), backup.bytes);
    std::fs::remove_file(&to).unwrap();
    assert_eq!(Backup::newest(&path), None, "one that is gone is of no use");
}

#[tokio::test]
async fn a_backup_that_cannot_be_written_says_why_and_where_it_could() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder.path().join("x.db"));
    let error = store.backup(&folder.path().join("no such folder/y.db")).await.unwrap_err().to_string();
    assert!(error.contains("No such file") && error.contains("always its own"), "{error}");
    note(&store, "goes on").await;
    assert_eq!(store.backup(&folder.path().join("y.db")).await.unwrap().file, folder.path().join("y.db"));
}

#[tokio::test]
async fn one_backup_at_a_time_and_one_that_nobody_waits_for_ends_and_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder.path().join("x.db"));
    for n in 0..200 {
        note(&store, &n.to_string()).await;
    }
    let to = folder.path().join("y.db");
    {
        let mut first = std::pin::pin!(store.backup(&to));
        assert!(futures_util::poll!(&mut first).is_pending());
        let error = store.backup(&folder.path().join("z.db")).await.unwrap_err();
        assert!(matches!(error, BackupError::UnderWay), "{error}");
    }
    // Whether it was cut off or came to its end: never half of it under its name.
    while names(folder.path()).iter().any(|name| name.contains(".part")) {
        tokio::task::yield_now().await;
    }
    if to.exists() {
        assert!(is_copy(&to).unwrap());
    }
    store.backup(&folder.path().join("z.db")).await.unwrap();
}

#[tokio::test]
async fn a_backup_ends_when_the_log_grows_too_long_meanwhile() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.db");
    let store = SqliteStore::open(Options { backup_log_bytes_max: 0, ..Options::new(&path) }).unwrap();
    note(&store, "a").await;
    let to = folder.path().join("y.db");
    // A copy that takes no time is whole all the same.
    match store.backup(&to).await {
        Ok(_) => assert!(is_copy(&to).unwrap()),
        Err(error) => {
            assert!(matches!(&error, BackupError::Ended(why) if why.contains("0 MiB")), "{error}");
            assert_eq!(names(folder.path()).iter().filter(|name| name.starts_with('y')).count(), 0);
        }
    }
}

#[tokio::test]
async fn a_backup_that_was_put_back_is_taken_without_the_log_of_the_one_before() {
    let folder = tempfile::tempdir().unwrap();
    let (path, to) = (folder.path().join("x.db"), folder.path().join("y.db"));
    let store = open(&path);
    note(&store, "before").await;
    store.backup(&to).await.unwrap();
    for n in 0..50 {
        note(&store, &format!("after {n}")).await;
    }
    // As after kill -9: the log of the former lies beside the copy.
    let log = std::fs::read(beside(&path, "-wal")).unwrap();
    assert!(log.len() > 50 * 4096);
    drop(store);
    std::fs::copy(&to, &path).unwrap();
    std::fs::write(beside(&path, "-wal"), &log).unwrap();

    let store = open(&path);
    assert_eq!(noted(&store).await, ["before"]);
    assert!(!is_copy(&path).unwrap(), "from now on its log is its own");
    assert_eq!(std::fs::read(beside(&path, "-wal.replaced")).unwrap(), log, "nothing is thrown away");
    note(&store, "told again").await;
    let kept = std::fs::read(beside(&path, "-wal")).unwrap();
    let file = std::fs::read(&path).unwrap();
    drop(store);
    // Killed at this moment: what was written since is in its own log, and stays.
    std::fs::write(&path, file).unwrap();
    std::fs::write(beside(&path, "-wal"), kept).unwrap();
    assert_eq!(noted(&open(&path)).await, ["before", "told again"]);
}

#[tokio::test]
async fn a_damaged_database_names_the_newest_backup_and_how_to_put_it_back() {
    let folder = tempfile::tempdir().unwrap();
    let (path, to) = (folder.path().join("x.db"), folder.path().join("y.db"));
    let store = open(&path);
    note(&store, "before").await;
    let backup = store.backup(&to).await.unwrap();
    drop(store);
    std::fs::write(&path, vec![b'x'; 8192]).unwrap();
    let error = SqliteStore::open(Options::new(&path)).unwrap_err().to_string();
    let command = format!("`cp {} {}`", to.display(), path.display());
    assert!(error.contains(&command) && error.contains(&format!("{:.0}", backup.taken)), "{error}");
    // Exactly that.
    std::fs::copy(&to, &path).unwrap();
    assert_eq!(noted(&open(&path)).await, ["before"]);
}
