use std::os::unix::fs::PermissionsExt as _;

use serde_json::Value;

use crate::world::World;

/// A backup of a daemon that is at work, put back after everything was lost.
#[tokio::test(flavor = "multi_thread")]
async fn a_backup_that_was_made_under_load_is_put_back_by_copying_and_goes_on_from_there() {
    let mut world = World::new().await;
    let conversations: Vec<_> = (1..=3).map(|object| world.watching(object)).collect();
    world.start().await;
    world.baselined().await;
    for n in 0..20 {
        conversations[n % 3].customer_says(format!("before {n}"));
    }
    world.polled(1).await;
    let made = world.ask(&["backup", "copy.db", "--output", "json"]);
    let made: Value = serde_json::from_str(&made).unwrap();
    let copy = world.path("copy.db");
    // The command stands where the daemon stands in a scenario.
    assert_eq!(made["file"].as_str(), copy.to_str());
    let meta = std::fs::metadata(&copy).unwrap();
    assert_eq!(made["bytes"].as_u64(), Some(meta.len()));
    assert_eq!(meta.permissions().mode() & 0o777, 0o600);
    let again = world.run(&["backup", "copy.db", "--socket", "admin.sock"]);
    assert_eq!(again.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&again.stderr).contains("nothing is overwritten"), "{again:?}");
    for n in 0..20 {
        conversations[n % 3].customer_says(format!("since {n}"));
    }
    world.all_delivered().await;
    assert_eq!(world.check(), 0);
    // Its log lies beside it still, and belongs to what is now replaced.
    world.kill();
    std::fs::copy(&copy, world.path("commwatch.db")).unwrap();
    world.start_with(&[]).await;
    assert!(!world.output.logged("is a backup that was put back").is_empty());
    conversations[0].customer_says("after");
    world.all_delivered().await;
    // Told again is what came since, with the ids and in the order of before; what was is not told again.
    let repeats = world.check();
    assert!((1..=40).contains(&repeats), "{repeats}");
    let accepted = world.hook.accepted();
    for n in 0..20 {
        let times = accepted.iter().filter(|one| one.text == format!("since {n}")).count();
        assert!((1..=2).contains(&times), "since {n}: {times} times");
    }
    let opened = rusqlite::Connection::open(world.path("commwatch.db")).unwrap();
    let whole: String = opened.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!(whole, "ok");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_needs_the_daemon_and_a_place_that_it_may_write_to() {
    let mut world = World::new().await;
    world.watching(1);
    let nobody = world.run(&["backup", "copy.db", "--socket", "admin.sock"]);
    assert_eq!(nobody.status.code(), Some(69));
    world.start().await;
    let output = world.run(&["backup", "/proc/copy.db", "--socket", "admin.sock"]);
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("cannot write /proc/copy.db") && said.contains("hint: it is the daemon"), "{said}");
}
