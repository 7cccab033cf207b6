//! An answer that says nothing new is neither read nor written down. Counted, not timed.

use std::path::Path;
use std::time::SystemTime;

use crate::receiver::Received;
use crate::world::{PATIENCE, World};

/// What the daemon says, at level debug, each time that it has read an answer.
const READ: &str = "read an answer";

#[tokio::test(flavor = "multi_thread")]
async fn an_unchanged_answer_is_not_read_and_writes_nothing() {
    let mut world = World::new().await;
    world.config.log_level = "debug";
    for object in 1..=2 {
        world.watching(object);
    }
    world.start().await;
    world.baselined().await;
    loop {
        world.polled(1).await;
        let (began, files) = (hour(), store_files(world.folder()));
        let (read, asked) = (world.output.containing(READ).len(), world.sim.total_requests());
        world.polled(2).await;
        let now = (world.output.containing(READ).len(), store_files(world.folder()));
        if began != hour() {
            // Once an hour there is something to write: how often was polled.
            continue;
        }
        assert!(world.sim.total_requests() >= asked + 2 * 2);
        assert_eq!(now, (read, files));
        break;
    }

    // What is counted does count: each of the two was read once, and now the one that changed.
    assert_eq!(world.output.containing(READ).len(), 2);
    let files = store_files(world.folder());
    world.conversation(2).customer_says("something new");
    world.all_delivered().await;
    let read = world.output.containing(READ);
    assert_eq!(read.len(), 3, "{read:#?}");
    assert!(read[2].contains("w2"), "{read:#?}");
    assert_ne!(store_files(world.folder()), files);
}

/// Name, size and time of the last write of the database and its log. The log's index is shared memory.
fn store_files(folder: &Path) -> Vec<(String, u64, SystemTime)> {
    let mut files: Vec<_> = ["commwatch.db", "commwatch.db-wal"]
        .into_iter()
        .map(|name| (name.to_owned(), std::fs::metadata(folder.join(name)).unwrap()))
        .map(|(name, meta)| (name, meta.len(), meta.modified().unwrap()))
        .collect();
    files.sort();
    files
}

fn hour() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs() / 3600
}

/// A message comes and is told. Then nothing happens, and of that nothing is said: not of polls, of looking for
/// conversations, of heartbeats that arrive, of who asks how it goes.
#[tokio::test(flavor = "multi_thread")]
async fn in_peace_the_log_says_nothing() {
    let mut world = World::new().await;
    let (url, folder) = (world.hook.url_of("/deadman"), world.folder().display());
    world.config.more = format!(
        "[[watch]]\nname = \"dana\"\ndiscovery = \"1s\"\ncustomer = 531826\n\
         [heartbeat]\nevery = \"10s\"\nnotify = [\"deadman\"]\n\
         [notifiers.deadman]\nplugin = \"webhook\"\n\
         [notifiers.deadman.config]\nurl = \"{url}\"\nsecret = {{ file = \"{folder}/signing\" }}\n"
    );
    let dana = world.watching(7);
    world.start().await;
    world.baselined().await;
    dana.customer_says("hello");
    world.all_delivered().await;
    let beats = |n: usize| {
        move |received: &[Received]| received.iter().filter(|one| one.path == "/deadman").count() >= n
    };
    world.hook.wait("the first heartbeat", PATIENCE, beats(1)).await;
    world.line_after(0, "found message.created").await;
    world.line_after(0, "hello").await;
    world.notifier_until("log", "nothing pending", |one| one["pending"] == 0).await;
    let (said, asked) = (world.output.all(), world.sim.total_requests());
    world.hook.wait("two heartbeats more", PATIENCE, beats(3)).await;
    world.ask(&["status"]);
    world.ask(&["why", "--watch", "w7"]);
    world.get("/metrics").await;
    world.get("/").await;
    world.polled(2).await;
    assert!(world.sim.total_requests() > asked + 20, "it was at work");
    let more = world.output.all();
    assert_eq!(more.strip_prefix(&said), Some(""), "what it said of a peaceful while");
}
