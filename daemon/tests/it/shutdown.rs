use std::time::{Duration, Instant};

use commwatch::engine::STOP_DEADLINE;

use crate::disk::Disk;
use crate::receiver::Reply;
use crate::systemd::Systemd;
use crate::world::{PATIENCE, Process, World, until};

const FOR_EVER: Reply = Reply::Slow(Duration::from_secs(3600));

/// A world whose receiver does not answer the one message that was sent to it; gives the message's id as well.
async fn in_flight() -> (World, String) {
    let mut world = World::new().await;
    world.config.hook_timeout = "60s";
    let dana = world.watching(7);
    world.start().await;
    world.baselined().await;
    world.hook.then([FOR_EVER]);
    dana.customer_says("in flight");
    let asked = world.hook.asked(1, PATIENCE).await;
    (world, asked[0].clone())
}

async fn comes_again(world: &mut World, id: &str) {
    world.start().await;
    world.all_delivered().await;
    assert_eq!(world.check(), 0);
    assert_eq!(world.hook.accepted()[0].id, id, "the same id as before the end");
}

#[tokio::test(flavor = "multi_thread")]
async fn sigterm_waits_for_what_is_on_its_way() {
    let mut world = World::new().await;
    let dana = world.watching(7);
    world.start().await;
    world.baselined().await;
    world.hook.then([Reply::Slow(Duration::from_secs(1))]);
    dana.customer_says("on its way");
    world.hook.asked(1, PATIENCE).await;
    let children = Process::children_of(world.pid());
    assert_eq!(world.stop().await.code(), Some(0));
    assert!(!children.is_empty() && children.iter().all(|child| !child.lives()));
    assert_eq!(world.hook.accepted().len(), 1);
    assert!(!world.path("admin.sock").exists());
    world.start().await;
    dana.customer_says("after");
    world.all_delivered().await;
    assert_eq!(world.check(), 0, "what was delivered is not sent again");
}

#[tokio::test(flavor = "multi_thread")]
async fn sigterm_ends_within_the_deadline_whatever_hangs_and_loses_nothing() {
    let (mut world, id) = in_flight().await;
    let asked = Instant::now();
    assert_eq!(world.stop().await.code(), Some(0));
    assert!(asked.elapsed() < STOP_DEADLINE, "it took {:?}", asked.elapsed());
    assert!(!world.output.logged("deliveries in flight took too long; going on").is_empty());
    comes_again(&mut world, &id).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_sigterm_ends_it_at_once_and_loses_nothing() {
    let (mut world, id) = in_flight().await;
    let children = Process::children_of(world.pid());
    let asked = Instant::now();
    world.signal(15);
    world.line_after(0, "\"message\":\"stopping\"").await;
    world.signal(15);
    assert_eq!(world.ended().await.code(), Some(1));
    assert!(asked.elapsed() < STOP_DEADLINE / 2, "it took {:?}", asked.elapsed());
    for child in children {
        until(&format!("{child:?} is gone"), || !child.lives()).await;
    }
    comes_again(&mut world, &id).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn systemd_hears_of_the_start_of_reloads_and_of_the_end() {
    let mut world = World::new().await;
    let systemd = Systemd::of(&mut world, Duration::from_secs(30));
    world.watching(7);
    world.start().await;
    systemd.hears("READY=1\nSTATUS=", 1).await;
    systemd.hears("STATUS=", 1).await;
    assert!(systemd.said().iter().any(|said| said.contains("VIP fresh, 1 watch,")), "{:?}", systemd.said());
    world.ask(&["reload"]);
    systemd.hears("READY=1\n", 2).await;
    // One that is refused is over as well.
    world.config.more = "[operators]\nnotify = [\"nobody\"]\n".to_owned();
    world.write_config();
    assert_eq!(world.run(&["reload", "--socket", "admin.sock"]).status.code(), Some(1));
    systemd.hears("READY=1\n", 3).await;
    assert_eq!(world.stop().await.code(), Some(0));
    systemd.hears("STOPPING=1\n", 1).await;

    let said = systemd.said();
    let told: Vec<&str> = said
        .iter()
        .map(|said| said.split(['=', '\n']).next().unwrap())
        .filter(|word| matches!(*word, "READY" | "RELOADING" | "STOPPING"))
        .collect();
    // The reloads by file change come on top; each is a pair.
    assert_eq!(told[0], "READY");
    assert_eq!(told.last(), Some(&"STOPPING"));
    for pair in told[1..told.len() - 1].chunks(2) {
        assert_eq!(pair, ["RELOADING", "READY"], "{told:?}");
    }
    let when = |said: &str| {
        let line = said.lines().find_map(|line| line.strip_prefix("MONOTONIC_USEC=")).map(str::to_owned);
        line.expect("the time of a reload").parse::<u64>().unwrap()
    };
    let times: Vec<u64> =
        said.iter().filter(|said| said.starts_with("RELOADING=1\n")).map(|said| when(said)).collect();
    assert!(times.len() >= 2 && times.is_sorted(), "{times:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_watchdog_is_fed_while_the_loops_turn_and_not_while_the_store_hangs() {
    // It looks four times within this; loops that have nothing to do turn every two seconds.
    const PATIENCE_OF_THE_WATCHDOG: Duration = Duration::from_secs(10);
    let mut world = World::new().await;
    let disk = Disk::of(&mut world);
    let systemd = Systemd::of(&mut world, PATIENCE_OF_THE_WATCHDOG);
    let dana = world.watching(7);
    world.start().await;
    world.baselined().await;
    systemd.hears("WATCHDOG=1", 1).await;

    disk.hangs(true);
    dana.customer_says("while it hangs");
    until_health(&world, 503, "does not answer: housekeeping").await;
    let fed = systemd.count("WATCHDOG=1");
    tokio::time::sleep(PATIENCE_OF_THE_WATCHDOG / 2).await;
    assert_eq!(systemd.count("WATCHDOG=1"), fed, "fed while the store hangs");
    until_health(&world, 503, "does not answer: housekeeping").await;

    disk.hangs(false);
    systemd.hears("WATCHDOG=1", fed + 1).await;
    until_health(&world, 200, "ok").await;
    world.all_delivered().await;
    assert_eq!(world.check(), 0);
}

async fn until_health(world: &World, status: u16, text: &str) {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let (found, said) = world.get("/-/healthy").await;
        if found == status && said.contains(text) {
            return;
        }
        assert!(Instant::now() < deadline, "{found}: {said}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
