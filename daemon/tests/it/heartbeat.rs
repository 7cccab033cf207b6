//! Signs of life: they arrive, they stop when what they vouch for stops, and they are never late.

use std::collections::BTreeSet;
use std::time::Duration;

use commwatch_simulator::{Fault, Scope, Times};
use jiff::Timestamp;

use crate::receiver::{Received, Reply};
use crate::world::{PATIENCE, World, until};

/// The shortest that there may be between two.
const EVERY: Duration = Duration::from_secs(10);
/// Past the time at which one was due, and the look for it.
const PAST: Duration = Duration::from_secs(14);

/// A world with one VIP, and a receiver of heartbeats that hears of nothing else.
async fn world() -> World {
    let mut world = World::new().await;
    world.config.routes = "[[route]]\nnotify = [\"log\"]\n".to_owned();
    let (url, folder) = (world.hook.url_of("/deadman"), world.folder().display());
    world.config.more = format!(
        "[heartbeat]\nevery = \"10s\"\nnotify = [\"deadman\"]\n\
         [operators]\nnotify = [\"log\"]\n\
         [hours.hardly]\ntimezone = \"UTC\"\nopen = [\"sun 03:00-03:01\"]\n\
         [notifiers.deadman]\nplugin = \"webhook\"\nretries = \"people\"\n\
         quiet_hours = {{ outside = \"hardly\" }}\n\
         [notifiers.deadman.config]\nurl = \"{url}\"\nsecret = {{ file = \"{folder}/signing\" }}\n"
    );
    world.watching(7);
    world
}

/// Those that were accepted, in order, each once: a kill may come between a yes and its note.
fn beats(received: &[Received]) -> Vec<Received> {
    let mut known = BTreeSet::new();
    let theirs = received.iter().filter(|one| one.path == "/deadman" && one.accepted);
    theirs.filter(|one| known.insert(one.id.clone())).cloned().collect()
}

fn accepted(world: &World) -> Vec<Received> {
    world.hook.look(beats)
}

async fn arrive(world: &World, count: usize) {
    world.hook.wait("a heartbeat", PATIENCE, |received| beats(received).len() >= count).await;
}

fn instant(one: &Received, pointer: &str) -> Timestamp {
    one.body.pointer(pointer).unwrap().as_str().unwrap().parse().unwrap()
}

fn written(one: &Received) -> Timestamp {
    instant(one, "/recordedtime")
}

/// Waits until one would have been due, and found to be.
async fn one_is_due(after: &Received) {
    let due = written(after) + PAST;
    until("its time has come", || Timestamp::now() > due).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn heartbeats_come_while_conversations_are_read_and_a_kill_brings_no_more_of_them() {
    let mut world = world().await;
    world.start().await;
    arrive(&world, 2).await;
    // Whoever starts anew knows when the last one was.
    world.kill();
    world.start().await;
    let (_, metrics) = world.get("/metrics").await;
    assert!(metrics.contains("commwatch_heartbeat_interval_seconds 10"), "{metrics}");
    arrive(&world, 3).await;
    world.sim.fault(Scope::All, Fault::status(500), Times::Forever);
    let before = accepted(&world);
    one_is_due(before.last().unwrap()).await;
    let silent = accepted(&world);
    assert_eq!(silent.len(), before.len(), "one vouches for what is not read");
    let well_again = Timestamp::now();
    world.sim.clear_faults();
    arrive(&world, before.len() + 1).await;
    let all = accepted(&world);
    for pair in all.windows(2) {
        let between = written(&pair[1]).duration_since(written(&pair[0]));
        assert!(between >= EVERY.try_into().unwrap(), "{between}");
    }
    for one in &all {
        assert_eq!(one.kind, "commwatch.heartbeat.v1");
        assert!(instant(one, "/data/detection/polled_at") <= written(one));
    }
    assert!(instant(all.last().unwrap(), "/data/detection/polled_at") > well_again);
    // It is nobody's business but theirs who asked for it.
    assert!(world.hook.look(|received| received.iter().all(|one| one.path == "/deadman")));
    assert!(!world.output.all().contains("delivered to deadman"));
    let routes = world.run(&["routes", "--type", "heartbeat", "-c", "commwatch.toml"]);
    let routes = String::from_utf8(routes.stdout).unwrap();
    assert!(routes.contains("[heartbeat]") && routes.contains("deadman"), "{routes}");
    assert_eq!(world.status()["recent_events"].as_array().unwrap().len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_that_was_away_gets_the_newest_alone_and_refused_ones_do_not_pile_up() {
    let mut world = world().await;
    world.start().await;
    world.hook.refuses_at("/deadman");
    let suppressed = "deliveries_total{notifier=\"deadman\",result=\"suppressed\"}";
    world.metric_until(suppressed, "1").await;
    // With nothing to vouch for, no other one comes; what is left is of no use once its time is over.
    world.sim.fault(Scope::All, Fault::status(500), Times::Forever);
    world.metric_until(suppressed, "2").await;
    world.hook.refuses_at("");
    let well_again = Timestamp::now();
    world.sim.clear_faults();
    arrive(&world, 1).await;
    let first = accepted(&world)[0].clone();
    assert!(instant(&first, "/data/detection/polled_at") > well_again, "an old one: {:?}", first.body);
    world.hook.then([Reply::Status(400)]);
    world.metric_until("outbox_dead{notifier=\"deadman\"}", "1").await;
    arrive(&world, 2).await;
    for (series, value) in [("outbox_dead", "0"), ("outbox_pending", "0"), ("outbox_imbalance", "0")] {
        world.metric_until(&format!("{series}{{notifier=\"deadman\"}}"), value).await;
    }
    world.kill();
    world.start().await;
    // Known from the store, long before the next one is due.
    let known = "commwatch_heartbeat_last_success_timestamp_seconds{notifier=\"deadman\"} ";
    while !world.get("/metrics").await.1.contains(known) {
        world.polled(1).await;
        assert_eq!(accepted(&world).len(), 2, "nothing that was accepted before is known");
    }
}
