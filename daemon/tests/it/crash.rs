use std::time::Duration;

use crate::disk::Disk;
use crate::world::World;

/// How often the daemon is killed; `COMMWATCH_KILLS=300` for the long run.
fn kills() -> u32 {
    std::env::var("COMMWATCH_KILLS").ok().and_then(|text| text.parse().ok()).unwrap_or(5)
}

#[tokio::test(flavor = "multi_thread")]
async fn kill_9_at_random_moments_loses_nothing_and_keeps_order_and_ids() {
    let mut world = World::new().await;
    let conversations: Vec<_> = (1..=4).map(|object| world.watching(object)).collect();
    world.start().await;
    world.baselined().await;
    world.hook.fails_every(7);
    let mut seed: u64 = 42;
    let mut posted = 0;
    for round in 0..kills() {
        for _ in 0..8 {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let who = &conversations[(seed >> 33) as usize % conversations.len()];
            posted += 1;
            who.customer_says(format!("message {posted}"));
            tokio::time::sleep(Duration::from_millis((seed >> 40) % 150)).await;
        }
        tokio::time::sleep(Duration::from_millis((seed >> 20) % 700)).await;
        world.kill();
        if round % 3 == 0 {
            posted += 1;
            conversations[0].customer_says(format!("message {posted}"));
        }
        world.start().await;
    }
    world.all_delivered().await;
    let repeats = world.check();
    // A repeat is a delivery whose answer, or whose note in the store, was lost with the process.
    println!("{} kills, {posted} messages, {repeats} repeats", kills());
    assert!(repeats <= kills() as usize * conversations.len(), "{repeats} repeats cannot be explained");
}

/// With commits that take a while, every kill falls into one, or between one and the next.
#[tokio::test(flavor = "multi_thread")]
async fn kill_9_in_the_middle_of_a_commit_loses_nothing_either() {
    let mut world = World::new().await;
    let disk = Disk::of(&mut world);
    let conversations: Vec<_> = (1..=4).map(|object| world.watching(object)).collect();
    world.start().await;
    world.baselined().await;
    disk.slow(true);
    let mut seed: u64 = 7;
    let mut posted = 0;
    for _ in 0..kills() * 2 {
        for conversation in &conversations {
            posted += 1;
            conversation.customer_says(format!("message {posted}"));
        }
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        // All four are polled within the next second.
        tokio::time::sleep(Duration::from_millis(100 + (seed >> 33) % 1_000)).await;
        world.kill();
        world.start().await;
    }
    disk.slow(false);
    world.all_delivered().await;
    let repeats = world.check();
    println!("{} kills, {posted} messages, {repeats} repeats", kills() * 2);
    assert!(repeats <= kills() as usize * 2 * conversations.len(), "{repeats} repeats cannot be explained");
}
