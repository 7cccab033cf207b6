use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use rusqlite::config::DbConfig;

use crate::disk::Disk;
use crate::receiver::Reply;
use crate::world::{PATIENCE, World, until};

/// Bytes of a page of the database.
const PAGE: usize = 4096;

/// The database's files, and what is in them.
fn files(world: &World) -> BTreeMap<String, Vec<u8>> {
    let all = std::fs::read_dir(world.folder()).unwrap().map(|entry| entry.unwrap().path());
    let name = |path: &Path| path.file_name().unwrap().to_string_lossy().into_owned();
    // The index is shared memory of those who have the file open, and the lock is never written to.
    let kept =
        |name: &str| name.starts_with("commwatch.db") && !name.ends_with("-shm") && !name.ends_with(".lock");
    all.filter(|path| kept(&name(path)))
        .map(|path| (name(&path), std::fs::read(&path).unwrap()))
        // Whoever opens a database makes its log, which is empty until something is written.
        .filter(|(_, bytes)| !bytes.is_empty())
        .collect()
}

fn remove_database(world: &World) {
    for name in ["commwatch.db", "commwatch.db-wal", "commwatch.db-shm"] {
        let _ = std::fs::remove_file(world.path(name));
    }
}

/// A world whose daemon has run, and was killed, so that the database has a log beside it.
async fn after_a_kill() -> World {
    let mut world = running().await;
    world.kill();
    world
}

async fn running() -> World {
    let mut world = World::new().await;
    let dana = world.watching(7);
    world.start().await;
    world.baselined().await;
    dana.customer_says("before");
    world.all_delivered().await;
    world
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_daemon_on_the_same_database_is_refused_and_the_first_goes_on() {
    let mut world = World::new().await;
    let dana = world.watching(7);
    world.start().await;
    world.baselined().await;
    let (code, said) = world.refused(&[]);
    assert_eq!(code, Some(1));
    let database = world.path("commwatch.db").display().to_string();
    assert!(said.contains(&format!("another commwatch is using {database}; stop it first")), "{said}");
    dana.customer_says("still watched");
    world.all_delivered().await;
    assert!(world.status()["watches"].is_array(), "its admin socket is its own still");
    assert_eq!(world.check(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_has_vanished_is_not_a_first_start_unless_somebody_says_so() {
    let mut world = after_a_kill().await;
    remove_database(&world);
    let (code, said) = world.refused(&[]);
    assert_eq!(code, Some(1));
    assert!(said.contains("has vanished") && said.contains("--accept-new-baseline"), "{said}");
    assert!(!world.path("commwatch.db").exists(), "a refusal makes no database");

    let from = world.output.count();
    world.start_with(&["--accept-new-baseline"]).await;
    world.line_after(from, "took the baseline of watch w7").await;
    world.conversation(7).customer_says("after");
    world.all_delivered().await;
    let texts: Vec<String> = world.hook.accepted().into_iter().map(|one| one.text).collect();
    assert_eq!(texts, ["before", "after"], "what was there counts as seen");
    assert!(world.stop().await.success());
    world.start_with(&[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_was_exchanged_is_refused_and_not_touched() {
    let world = after_a_kill().await;
    let other = after_a_kill().await;
    remove_database(&world);
    for (name, bytes) in files(&other).iter().filter(|(name, _)| !name.ends_with(".stamp")) {
        std::fs::write(world.path(name), bytes).unwrap();
    }
    let before = files(&world);
    let (code, said) = world.refused(&[]);
    assert_eq!(code, Some(1));
    assert!(said.contains("is not the one that commwatch ran with before"), "{said}");
    assert!(files(&world) == before, "its files have changed");
    // An empty file is none of ours either.
    remove_database(&world);
    std::fs::write(world.path("commwatch.db"), "").unwrap();
    let (code, said) = world.refused(&[]);
    assert_eq!(code, Some(1));
    assert!(said.contains("is not the one that commwatch ran with before"), "{said}");
    assert_eq!(std::fs::metadata(world.path("commwatch.db")).unwrap().len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_of_a_later_version_is_refused_and_not_touched() {
    let world = after_a_kill().await;
    let database = rusqlite::Connection::open(world.path("commwatch.db")).unwrap();
    database.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true).unwrap();
    database.pragma_update(None, "user_version", 99).unwrap();
    drop(database);
    let before = files(&world);
    assert!(before.contains_key("commwatch.db-wal"), "{:?}", before.keys());
    let (code, said) = world.refused(&[]);
    assert_eq!(code, Some(1));
    assert!(
        said.contains("has schema 99, this commwatch knows 3; install the version that wrote it"),
        "{said}"
    );
    assert!(files(&world) == before, "its files have changed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_database_is_refused_and_not_touched() {
    // Most of it folded into the file, the newest in the log.
    let mut world = running().await;
    assert!(world.stop().await.success());
    world.start_with(&[]).await;
    world.conversation(7).customer_says("newest");
    world.all_delivered().await;
    world.kill();
    let whole = files(&world);
    assert!(whole["commwatch.db"].len() > 3 * PAGE && whole["commwatch.db-wal"].len() > PAGE);
    for what in ["text", "half of it", "pages written over"] {
        for (name, bytes) in &whole {
            std::fs::write(world.path(name), bytes).unwrap();
        }
        let mut bytes = whole["commwatch.db"].clone();
        match what {
            "text" => bytes = b"this is no database".repeat(1000),
            "half of it" => bytes.truncate(bytes.len() / 2 - 100),
            _ => bytes[2 * PAGE..].fill(0xa5),
        }
        std::fs::write(world.path("commwatch.db"), bytes).unwrap();
        let before = files(&world);
        let (code, said) = world.refused(&[]);
        assert_eq!(code, Some(1), "{what}: {said}");
        assert!(said.contains("is damaged") && said.contains("put a backup in its place"), "{what}: {said}");
        assert!(files(&world) == before, "{what}: its files have changed");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn while_the_disk_is_full_polling_waits_and_nothing_is_lost_or_sent_twice() {
    let mut world = World::new().await;
    let disk = Disk::of(&mut world);
    let dana = world.watching(7);
    let avi = world.watching(8);
    world.start().await;
    world.baselined().await;
    // One is on its way when the disk fills up: that it was delivered cannot be noted.
    world.hook.then([Reply::Slow(Duration::from_secs(1))]);
    dana.customer_says("on its way");
    world.hook.asked(1, PATIENCE).await;
    disk.full(true);
    avi.customer_says("first");
    dana.customer_says("second");
    avi.customer_says("third");
    // Of one cause one line, whichever watch is the first to meet it.
    world.line_after(0, "could not keep what watch w").await;
    world.line_after(0, "could not write how a delivery ended").await;
    assert!(!world.output.logged("the disk is full").is_empty(), "{}", world.output.all());
    world.polled(1).await;
    assert_eq!(world.hook.received().len(), 1, "nothing is told that is not written down");
    let (status, _) = world.get("/-/healthy").await;
    assert_eq!(status, 200, "a full disk is no reason to be killed");
    let (_, metrics) = world.get("/metrics").await;
    assert!(!metrics.contains("commwatch_store_errors_total 0"), "{metrics}");
    assert_eq!(world.status()["watches"].as_array().unwrap().len(), 2, "it can still be asked");

    disk.full(false);
    world.all_delivered().await;
    assert_eq!(world.check(), 0);
    until("all is noted", || {
        let status = world.status();
        status["notifiers"].as_array().unwrap().iter().all(|one| one["pending"] == 0)
    })
    .await;
}
