//! A disk that fails for good, is read-only, or has lost what was on it.

use std::time::Duration;

use crate::disk::Disk;
use crate::receiver::Reply;
use crate::world::{PATIENCE, World, until};

/// A daemon on a disk that can fail, with one message delivered.
async fn on_a_disk() -> (World, Disk) {
    let mut world = World::new().await;
    let disk = Disk::of(&mut world);
    let dana = world.watching(7);
    world.watching(8);
    world.start().await;
    world.baselined().await;
    dana.customer_says("before");
    all_noted(&world).await;
    (world, disk)
}

/// Waits until everything is delivered, and that is written down.
async fn all_noted(world: &World) {
    world.all_delivered().await;
    until("all is noted", || {
        let status = world.status();
        status["notifiers"].as_array().unwrap().iter().all(|one| one["pending"] == 0)
    })
    .await;
}

fn failed(path: &str) -> String {
    format!("ending, since the disk failed under the database {path}")
}

/// The daemon ends by itself with a status that systemd restarts, and the next one has lost nothing.
async fn ends_and_recovers(world: &mut World, disk: impl FnOnce()) {
    let said = failed(&world.path("commwatch.db").display().to_string());
    let line = world.line_after(0, &said).await;
    assert!(line.contains("nothing is lost; look at the disk"), "{line}");
    assert_eq!(world.ended().await.code(), Some(1), "systemd restarts it: only 78 is not");
    assert!(!world.output.logged("stopped").is_empty(), "an orderly end");
    disk();
    world.start_with(&[]).await;
    all_noted(world).await;
    for series in ["outbox_imbalance{notifier=\"hook\"}", "outbox_imbalance{notifier=\"log\"}"] {
        world.metric_until(series, "0").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sync_that_fails_ends_the_daemon_and_the_next_one_has_lost_nothing() {
    let (mut world, disk) = on_a_disk().await;
    disk.fsync_fails(true);
    world.conversation(7).customer_says("not kept");
    ends_and_recovers(&mut world, || disk.fsync_fails(false)).await;
    assert_eq!(world.check(), 0, "nothing was told that was not kept");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sync_that_fails_when_an_outcome_is_written_costs_a_repeat_at_most() {
    let (mut world, disk) = on_a_disk().await;
    world.hook.then([Reply::Slow(Duration::from_secs(1))]);
    world.conversation(7).customer_says("on its way");
    world.hook.asked(2, PATIENCE).await;
    disk.fsync_fails(true);
    ends_and_recovers(&mut world, || disk.fsync_fails(false)).await;
    assert!(world.check() <= 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_that_fails_ends_the_daemon_and_the_next_one_has_lost_nothing() {
    let (mut world, disk) = on_a_disk().await;
    disk.fails(true);
    world.conversation(7).customer_says("not kept");
    world.conversation(8).customer_says("neither");
    ends_and_recovers(&mut world, || disk.fails(false)).await;
    assert_eq!(world.check(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn on_a_disk_that_still_fails_the_start_is_refused_and_changes_nothing() {
    let (mut world, disk) = on_a_disk().await;
    world.kill();
    disk.fsync_fails(true);
    let (code, said) = world.refused(&[]);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("the disk failed under the database"), "{said}");
    disk.fsync_fails(false);
    disk.unreadable(true);
    let (code, said) = world.refused(&[]);
    assert_eq!(code, Some(1), "{said}");
    disk.unreadable(false);
    world.start_with(&[]).await;
    world.conversation(7).customer_says("after");
    world.all_delivered().await;
    assert_eq!(world.check(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_that_becomes_read_only_is_waited_for_and_nothing_is_lost() {
    let (mut world, disk) = on_a_disk().await;
    disk.read_only(true);
    world.conversation(7).customer_says("kept by CommBox");
    world.line_after(0, "could not keep what watch w7 brought").await;
    assert!(!world.output.logged("is read-only").is_empty(), "{}", world.output.all());
    let deadline = std::time::Instant::now() + PATIENCE;
    loop {
        let (ready, said) = world.get("/-/ready").await;
        if ready == 503 && said.contains("is read-only") {
            break;
        }
        assert!(std::time::Instant::now() < deadline, "{ready} {said}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(world.get("/-/healthy").await.0, 200);
    disk.read_only(false);
    world.all_delivered().await;
    assert_eq!(world.check(), 0);

    // At the start there is nobody to wait: it is refused.
    assert!(world.stop().await.success());
    disk.read_only(true);
    let (code, said) = world.refused(&[]);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("is read-only") && said.contains("writable again"), "{said}");
    disk.read_only(false);
    world.start_with(&[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_is_damaged_while_it_is_used_ends_the_daemon_which_names_the_newest_backup() {
    let (mut world, _disk) = on_a_disk().await;
    let backup = world.path("backup.db");
    world.ask(&["backup", backup.to_str().unwrap()]);
    world.conversation(7).customer_says("since the backup");
    all_noted(&world).await;
    assert!(world.stop().await.success());
    world.start_with(&[]).await;
    // Under its feet: what it reads from now on is not what it wrote.
    let path = world.path("commwatch.db");
    let whole = std::fs::read(&path).unwrap();
    let mut bytes = whole.clone();
    bytes[4096..].fill(0xa5);
    write_in_place(&path, &bytes);
    world.conversation(7).customer_says("after the damage");
    let line = world.line_after(0, "ending, since the database").await;
    let command = format!("`cp {} {}`", backup.display(), path.display());
    assert!(line.contains("is damaged") && line.contains(&command), "{line}");
    assert_eq!(world.ended().await.code(), Some(1));
    assert!(std::fs::read(&path).unwrap() == bytes, "its file has changed");
    let (code, said) = world.refused(&[]);
    assert_eq!(code, Some(1));
    assert!(said.contains(&command), "{said}");

    std::fs::copy(&backup, &path).unwrap();
    world.start_with(&[]).await;
    assert!(!world.output.logged("is a backup that was put back").is_empty());
    world.all_delivered().await;
    assert_eq!(world.check(), 1, "what came since the backup is told again, with its id");
}

/// The same file, as the daemon has it open.
fn write_in_place(path: &std::path::Path, bytes: &[u8]) {
    use std::io::Write as _;
    std::fs::OpenOptions::new().write(true).open(path).unwrap().write_all(bytes).unwrap();
}
