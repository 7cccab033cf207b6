//! Notifiers that are exchanged, taken away and brought back while they have something in flight.

use std::time::{Duration, Instant};

use commwatch_simulator::{Fault, Scope, Times};

use crate::disk::Disk;
use crate::receiver::Reply;
use crate::world::{PATIENCE, World, until};

/// The configuration with a receiver that may take a while.
fn patient(world: &World) -> String {
    world.config_text().replace("timeout = \"2s\"", "timeout = \"40s\"")
}

/// The configuration with another one for the plugin of `hook`.
fn changed(world: &World, n: u32) -> String {
    patient(world).replace("secret = {", &format!("headers = {{ x-changed = \"{n}\" }}\nsecret = {{"))
}

/// The configuration without the notifier `hook`.
fn without_hook(world: &World) -> String {
    let text = world.config_text().replace("\"hook\", ", "");
    let (before, rest) = text.split_once("[notifiers.hook]").unwrap();
    let (_, after) = rest.split_once("[notifiers.log]").unwrap();
    format!("{before}[notifiers.log]{after}")
}

/// Starts with a receiver that may take a while.
async fn start(world: &mut World) {
    world.replace(&world.config_path(), &patient(world));
    world.start_with(&[]).await;
    world.baselined().await;
}

/// Reloads with this configuration.
fn take(world: &World, text: &str) {
    world.replace(&world.config_path(), text);
    world.ask(&["reload"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_found_while_a_notifier_is_replaced_by_another_is_told_by_the_other() {
    let mut world = World::new().await;
    let dana = world.watching(7);
    world.start().await;
    world.baselined().await;
    world.sim.fault(Scope::Object(7), Fault::Delay(Duration::from_secs(2)), Times::Once);
    dana.customer_says("in between");
    let asked = world.sim.total_requests();
    world.sim.wait_for_requests(asked + 1, PATIENCE).await.unwrap();
    // Its poll is under way; when it ends, `hook` is gone.
    let text = world.config_text().replace("[notifiers.hook", "[notifiers.other");
    take(&world, &text.replace("\"hook\"", "\"other\""));
    world.all_delivered().await;
    assert_eq!(world.check(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_notifier_that_goes_and_comes_back_hands_nothing_over_twice() {
    let mut world = World::new().await;
    let dana = world.watching(7);
    start(&mut world).await;
    world.hook.then([Reply::Slow(Duration::from_secs(5))]);
    dana.customer_says("slow");
    dana.customer_says("behind it");
    world.hook.asked(1, PATIENCE).await;
    let with = patient(&world);
    take(&world, &without_hook(&world));
    take(&world, &with);
    world.all_delivered().await;
    until("all is answered", || world.hook.under_way() == 0).await;
    assert_eq!(world.check(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_fails_while_its_notifier_is_taken_away_waits_for_it_and_is_no_dead_letter() {
    let mut world = World::new().await;
    let dana = world.watching(7);
    start(&mut world).await;
    world.hook.then([Reply::SlowStatus(Duration::from_secs(2), 500)]);
    dana.customer_says("taken away");
    world.hook.asked(1, PATIENCE).await;
    let with = patient(&world);
    take(&world, &without_hook(&world));
    world.line_after(0, "retry from hook").await;
    let (_, metrics) = world.get("/metrics").await;
    assert!(
        !metrics.contains("notifier=\"hook\""),
        "it is gone, and so is what was measured of it: {metrics}"
    );
    take(&world, &with);
    world.all_delivered().await;
    assert_eq!(world.check(), 0);
    world
        .notifier_until("hook", "nothing dead", |status| status["dead"] == 0 && status["pending"] == 0)
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delivery_that_takes_long_is_neither_cut_off_nor_repeated_by_an_exchange() {
    let mut world = World::new().await;
    let (dana, avi) = (world.watching(7), world.watching(8));
    start(&mut world).await;
    // Longer than a plugin that is told to stop may take, and than two looks of the watchdog.
    world.hook.then([Reply::Slow(Duration::from_secs(20))]);
    dana.customer_says("slow");
    world.hook.asked(1, PATIENCE).await;
    take(&world, &changed(&world, 1));
    avi.customer_says("meanwhile");
    world.hook.wait("the other one", PATIENCE, |received| received.len() == 1).await;
    assert!(world.hook.received()[0].headers.contains_key("x-changed"));
    world.all_delivered().await;
    assert_eq!(world.check(), 0);
    world.notifier_until("hook", "nothing pending", |status| status["pending"] == 0).await;
    let (_, metrics) = world.get("/metrics").await;
    for line in metrics.lines().filter(|line| line.contains("plugin_restarts_total{notifier=\"hook\"")) {
        assert!(line.ends_with(" 0"), "{line}");
    }

    world.hook.then([Reply::Slow(Duration::from_secs(20))]);
    dana.customer_says("slow again");
    until("it is on its way", || world.hook.under_way() == 1).await;
    take(&world, &without_hook(&world));
    let gone = Instant::now();
    while gone.elapsed() < Duration::from_secs(18) {
        let (status, why) = world.get("/-/healthy").await;
        assert_eq!(status, 200, "{why}");
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    world.all_delivered().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_keeps_neither_a_reload_nor_the_end_from_coming() {
    let mut world = World::new().await;
    let disk = Disk::of(&mut world);
    let dana = world.watching(7);
    start(&mut world).await;
    world.hook.then([Reply::Slow(Duration::from_secs(1))]);
    dana.customer_says("on its way");
    world.hook.asked(1, PATIENCE).await;
    disk.full(true);
    world.line_after(0, "could not write how a delivery ended").await;
    for n in 0..3 {
        take(&world, &changed(&world, n));
    }
    while world.get("/-/ready").await.0 != 503 {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let began = Instant::now();
    world.stop().await;
    assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
    assert_eq!(world.hook.received().len(), 1, "what could not be noted does not go out again");
}
