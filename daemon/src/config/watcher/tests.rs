use std::fs::{self, File};
use std::os::unix::fs::symlink;
use std::path::Path;
use std::time::{Duration, Instant, SystemTime};

use notify::event::{AccessMode, CreateKind, Event};
use tempfile::TempDir;
use tokio::sync::mpsc::{Receiver, channel};
use tokio::time::timeout;

use super::super::source;
use super::*;

/// Long enough for a machine that is busy with something else.
const DEADLINE: Duration = Duration::from_secs(20);
const SETTLE: Duration = Duration::from_millis(40);

/// A folder with a configuration that is watched.
struct World {
    folder: TempDir,
    watcher: Watcher,
    changed: Receiver<()>,
}

impl World {
    fn new() -> Self {
        Self::prepared(SETTLE, |folder| fs::write(folder.join("commwatch.toml"), "a = 1").unwrap())
    }

    fn prepared(settle: Duration, prepare: impl FnOnce(&Path)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        prepare(folder.path());
        let (sender, changed) = channel(8);
        let (sources, _) = source::read_all(&folder.path().join("commwatch.toml"));
        let watcher = Watcher::start(&sources, settle, sender).unwrap();
        Self { folder, watcher, changed }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).unwrap();
    }

    async fn is_told(&mut self) {
        timeout(DEADLINE, self.changed.recv()).await.expect("no signal came").expect("the watcher ended");
    }

    /// Does something that is a change, and waits until that is told.
    async fn tells_of(&mut self, change: impl FnOnce(&Self)) {
        self.first_look().await;
        while self.changed.try_recv().is_ok() {}
        change(self);
        self.is_told().await;
    }

    /// Does something, waits until the files have been looked at because of it, and asks whether it was told.
    async fn told_after(&mut self, act: impl FnOnce(&Self)) -> bool {
        self.first_look().await;
        let before = self.watcher.looks();
        act(self);
        self.looked_more_than(before).await;
        self.changed.try_recv().is_ok()
    }

    async fn first_look(&self) {
        self.looked_more_than(0).await;
    }

    async fn looked_more_than(&self, count: u64) {
        let looked = async {
            while self.watcher.looks() <= count {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        };
        timeout(DEADLINE, looked).await.expect("nobody looked");
    }
}

#[tokio::test]
async fn a_file_that_is_written_in_place_is_told() {
    let mut world = World::new();
    world.tells_of(|world| world.write("commwatch.toml", "a = 2")).await;
    world.tells_of(|world| world.write("commwatch.toml", "a = 3")).await;
}

#[tokio::test]
async fn a_file_that_is_replaced_by_rename_is_told_every_time() {
    let mut world = World::new();
    for text in ["a = 2", "a = 3", "a = 4"] {
        let replace = |world: &World| {
            world.write(".commwatch.toml.new", text);
            fs::rename(world.path(".commwatch.toml.new"), world.path("commwatch.toml")).unwrap();
        };
        world.tells_of(replace).await;
    }
}

#[tokio::test]
async fn a_file_that_is_deleted_and_written_anew_is_told_both_times() {
    let mut world = World::new();
    world.tells_of(|world| fs::remove_file(world.path("commwatch.toml")).unwrap()).await;
    world.tells_of(|world| world.write("commwatch.toml", "a = 2")).await;
}

#[tokio::test]
async fn files_that_come_to_conf_d_and_leave_it_are_told() {
    let mut world = World::new();
    let bring_both = |world: &World| {
        fs::create_dir(world.path("conf.d")).unwrap();
        world.write("conf.d/a.toml", "b = 1");
    };
    world.tells_of(bring_both).await;
    world.tells_of(|world| world.write("conf.d/b.toml", "c = 1")).await;
    world.tells_of(|world| world.write("conf.d/b.toml", "c = 2")).await;
    world.tells_of(|world| fs::remove_file(world.path("conf.d/a.toml")).unwrap()).await;
    world.tells_of(|world| fs::remove_dir_all(world.path("conf.d")).unwrap()).await;
    world.tells_of(bring_both).await;
}

#[tokio::test]
async fn a_link_that_is_swapped_as_kubernetes_does_is_told() {
    let version = |folder: &Path, name: &str, text: &str| {
        fs::create_dir(folder.join(name)).unwrap();
        fs::write(folder.join(name).join("commwatch.toml"), text).unwrap();
        symlink(name, folder.join("..data_tmp")).unwrap();
        fs::rename(folder.join("..data_tmp"), folder.join("..data")).unwrap();
    };
    let mut world = World::prepared(SETTLE, |folder| {
        version(folder, "..v1", "a = 1");
        symlink("..data/commwatch.toml", folder.join("commwatch.toml")).unwrap();
    });
    for (name, text) in [("..v2", "a = 2"), ("..v3", "a = 3")] {
        world.tells_of(|world| version(world.folder.path(), name, text)).await;
    }
    // What the link leads to now is watched as well.
    world.tells_of(|world| world.write("..v3/commwatch.toml", "a = 4")).await;
}

#[tokio::test]
async fn a_file_behind_a_link_is_watched_where_it_really_is() {
    let elsewhere = tempfile::tempdir().unwrap();
    let real = elsewhere.path().join("real.toml");
    fs::write(&real, "a = 1").unwrap();
    let mut world = World::prepared(SETTLE, |folder| symlink(&real, folder.join("commwatch.toml")).unwrap());
    world.tells_of(|_| fs::write(&real, "a = 2").unwrap()).await;
}

#[tokio::test]
async fn the_whole_folder_may_go_and_come_back() {
    let outer = tempfile::tempdir().unwrap();
    let inner = outer.path().join("etc");
    let fill = |text: &str| {
        fs::create_dir(&inner).unwrap();
        fs::write(inner.join("commwatch.toml"), text).unwrap();
    };
    fill("a = 1");
    let (sender, mut changed) = channel(8);
    let (sources, _) = source::read_all(&inner.join("commwatch.toml"));
    let _watcher = Watcher::start(&sources, SETTLE, sender).unwrap();
    for text in ["a = 2", "a = 3"] {
        fs::remove_dir_all(&inner).unwrap();
        timeout(DEADLINE, changed.recv()).await.expect("the folder's end was not told");
        fill(text);
        timeout(DEADLINE, changed.recv()).await.expect("the folder's return was not told");
    }
}

#[tokio::test]
async fn the_whole_folder_may_be_replaced() {
    let outer = tempfile::tempdir().unwrap();
    let (inner, next) = (outer.path().join("etc"), outer.path().join("next"));
    let fill = |folder: &Path, text: &str| {
        fs::create_dir(folder).unwrap();
        fs::write(folder.join("commwatch.toml"), text).unwrap();
    };
    fill(&inner, "a = 0");
    let (sender, mut changed) = channel(8);
    let (sources, _) = source::read_all(&inner.join("commwatch.toml"));
    let _watcher = Watcher::start(&sources, SETTLE, sender).unwrap();
    for n in 1..4 {
        fill(&next, &format!("a = {n}"));
        fs::rename(&inner, outer.path().join(format!("old-{n}"))).unwrap();
        fs::rename(&next, &inner).unwrap();
        timeout(DEADLINE, changed.recv()).await.expect("the new folder was not told");
        fs::write(inner.join("commwatch.toml"), format!("b = {n}")).unwrap();
        timeout(DEADLINE, changed.recv()).await.expect("a write in the new folder was not told");
    }
}

#[tokio::test]
async fn the_same_content_is_no_change() {
    let mut world = World::new();
    let touch = |world: &World| {
        let file = File::options().write(true).open(world.path("commwatch.toml")).unwrap();
        file.set_modified(SystemTime::UNIX_EPOCH).unwrap();
    };
    assert!(!world.told_after(touch).await);
    assert!(!world.told_after(|world| world.write("commwatch.toml", "a = 1")).await);
}

#[tokio::test]
async fn files_that_are_not_ours_are_not_looked_at() {
    // The database may lie beside the configuration. Somebody else watches it, so that we know when time has passed.
    let world = World::new();
    world.write("commwatch.db-wal", "");
    let (sender, mut other_changed) = channel(8);
    let (other, _) = source::read_all(&world.path("commwatch.db-wal"));
    let _other = Watcher::start(&other, SETTLE, sender).unwrap();
    world.first_look().await;
    for n in 0..5 {
        world.write("commwatch.db-wal", &n.to_string());
        timeout(DEADLINE, other_changed.recv()).await.expect("no signal came");
    }
    assert_eq!(world.watcher.looks(), 1);
}

#[tokio::test]
async fn a_restless_file_that_is_not_ours_delays_nothing() {
    let settle = Duration::from_secs(1);
    let mut world =
        World::prepared(settle, |folder| fs::write(folder.join("commwatch.toml"), "a = 1").unwrap());
    world.first_look().await;
    let began = Instant::now();
    world.write("commwatch.toml", "a = 2");
    while world.changed.try_recv().is_err() {
        world.write("commwatch.db-wal", "busy");
        assert!(began.elapsed() < settle * RESTLESS_FACTOR / 2, "the other file was waited for");
        tokio::time::sleep(settle / 50).await;
    }
}

#[tokio::test]
async fn a_burst_of_writes_is_told_once_when_it_is_over() {
    let settle = Duration::from_secs(1);
    let pace = settle / 15;
    let mut world =
        World::prepared(settle, |folder| fs::write(folder.join("commwatch.toml"), "a = 0").unwrap());
    world.first_look().await;
    let told_early = 'burst: loop {
        let mut last = Instant::now();
        for n in 0..20 {
            world.write("commwatch.toml", &format!("a = {n} # {last:?}"));
            tokio::time::sleep(pace).await;
            if last.elapsed() > settle / 2 {
                // The machine stood still, so that this was no burst.
                world.is_told().await;
                continue 'burst;
            }
            last = Instant::now();
            if world.changed.try_recv().is_ok() {
                break 'burst true;
            }
        }
        break false;
    };
    assert!(!told_early, "told while the files were still being written");
    let looks = world.watcher.looks();
    world.is_told().await;
    world.looked_more_than(looks).await;
    assert_eq!(world.watcher.looks(), looks + 1);
}

#[tokio::test]
async fn files_that_never_rest_are_told_all_the_same() {
    let mut world = World::new();
    world.first_look().await;
    let deadline = Instant::now() + DEADLINE;
    for n in 0_u64.. {
        world.write("commwatch.toml", &format!("a = {n}"));
        if world.changed.try_recv().is_ok() {
            break;
        }
        assert!(Instant::now() < deadline, "no signal came");
        tokio::time::sleep(SETTLE / 8).await;
    }
}

#[tokio::test]
async fn what_changed_between_reading_and_watching_is_told() {
    let mut world = World::new();
    let (old, _) = source::read_all(&world.path("commwatch.toml"));
    world.tells_of(|world| world.write("commwatch.toml", "a = 2")).await;
    // As if a reload had read the file just before it was written.
    world.watcher.follow(&old);
    world.is_told().await;
    let (new, _) = source::read_all(&world.path("commwatch.toml"));
    let looks = world.watcher.looks();
    world.watcher.follow(&new);
    world.looked_more_than(looks).await;
    assert!(world.changed.try_recv().is_err());
}

#[tokio::test]
async fn a_signal_that_nobody_has_read_yet_stands_for_all_that_follow() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("commwatch.toml");
    fs::write(&path, "a = 1").unwrap();
    let (sender, mut changed) = channel(1);
    let (sources, _) = source::read_all(&path);
    let mut world =
        World { watcher: Watcher::start(&sources, SETTLE, sender).unwrap(), folder, changed: channel(1).1 };
    for text in ["a = 2", "a = 3"] {
        world.told_after(|world| world.write("commwatch.toml", text)).await;
    }
    drop(world);
    assert!(changed.try_recv().is_ok());
    assert!(changed.try_recv().is_err());
}

#[test]
fn our_own_reading_is_no_event() {
    let event = |kind| wish_of(Ok(Event::new(kind).add_path("/x".into())));
    assert!(event(EventKind::Access(AccessKind::Open(AccessMode::Any))).is_none());
    assert!(event(EventKind::Create(CreateKind::File)).is_some());
}

#[test]
fn dropping_ends_the_thread() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("commwatch.toml");
    fs::write(&path, "").unwrap();
    let (sender, mut changed) = channel(1);
    let (sources, _) = source::read_all(&path);
    drop(Watcher::start(&sources, Duration::from_secs(3600), sender).unwrap());
    assert!(changed.blocking_recv().is_none());
}
