//! Whatever is stuck, the daemon can be told to end.

use std::time::Instant;

use commwatch::engine::STOP_DEADLINE;

use crate::disk::Disk;
use crate::world::{World, until};

#[tokio::test(flavor = "multi_thread")]
async fn sigterm_ends_within_the_deadline_while_the_store_hangs() {
    let mut world = World::new().await;
    let disk = Disk::of(&mut world);
    let dana = world.watching(7);
    world.start().await;
    world.baselined().await;
    disk.hangs(true);
    dana.customer_says("while it hangs");
    world.polled(1).await;
    let asked = Instant::now();
    world.stop().await;
    assert!(asked.elapsed() < STOP_DEADLINE, "it took {:?}", asked.elapsed());
    disk.hangs(false);
    world.start().await;
    world.all_delivered().await;
    assert_eq!(world.check(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn sigterm_does_not_wait_for_a_reload_that_waits_for_a_plugin() {
    let mut world = World::new().await;
    world.watching(7);
    world.start().await;
    world.baselined().await;
    for name in ["one", "two", "three"] {
        world.config.more += &format!(
            "[notifiers.{name}]\nplugin = \"faulty\"\n[notifiers.{name}.config]\nmode = \"hang-at-start\"\n"
        );
    }
    world.write_config();
    world.signal(1);
    until("the reload has begun", || crate::world::Process::children_of(world.pid()).len() == 5).await;
    let asked = Instant::now();
    assert_eq!(world.stop().await.code(), Some(0));
    assert!(asked.elapsed() < STOP_DEADLINE / 2, "it took {:?}", asked.elapsed());
}
