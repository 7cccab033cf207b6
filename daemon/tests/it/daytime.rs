//! A clock that can be set (see `daytime.c`), and what becomes of deliveries and polls when it is.

use crate::receiver::Reply;
use crate::world::{PATIENCE, World};
use std::path::PathBuf;

const HOUR: i64 = 3600;

pub struct Daytime {
    folder: PathBuf,
}

impl Daytime {
    /// Every daemon that this world starts from now on has such a clock.
    pub fn of(world: &mut World) -> Self {
        let folder = world.preload("daytime");
        // What takes longer is sent again, which is not what these scenarios are about.
        world.config.hook_timeout = "15s";
        world.environment.insert("SHIFTED_CLOCK", folder.join("shift").display().to_string());
        let daytime = Self { folder };
        daytime.set(0);
        daytime
    }

    /// From now on the clock is this many seconds from the right time.
    pub fn set(&self, seconds: i64) {
        let (new, path) = (self.folder.join("new"), self.folder.join("shift"));
        std::fs::write(&new, seconds.to_string()).unwrap();
        // By rename: nobody sees half of it.
        std::fs::rename(new, path).unwrap();
    }
}

/// What `/metrics` says of ages: no delay is negative or longer than this scenario, no time lies ahead of `clock`,
/// which is what the daemon's clock is ahead of ours.
async fn ages_are_sane(world: &World, clock: i64) {
    let (_, metrics) = world.get("/metrics").await;
    let now = jiff::Timestamp::now().as_millisecond() as f64 / 1e3 + clock as f64;
    let mut looked_at = 0;
    for line in metrics.lines().filter(|line| !line.starts_with('#')) {
        let (series, value) = line.rsplit_once(' ').unwrap();
        let value: f64 = value.parse().unwrap();
        let name = series.split('{').next().unwrap();
        if name.ends_with("_delay_seconds_sum") {
            assert!((0.0..300.0).contains(&value), "{line}");
            looked_at += 1;
        }
        let is_watchs = name.contains("success_timestamp") || name.contains("last_message_timestamp");
        if is_watchs && !name.contains("config") || name.contains("oldest_pending") {
            let age = now - value;
            assert!((-1.5..300.0).contains(&age), "an age of {age} s: {line}");
            looked_at += 1;
        }
    }
    assert!(looked_at > 5, "{metrics}");
    // What people are shown comes from the same, and from the store.
    let status = world.ask(&["status"]);
    for line in status.lines().filter(|line| line.contains(" in ")) {
        let far = [" min ", " h ", " d "].iter().any(|unit| line.contains(unit));
        assert!(!far, "something is far ahead: {line}\n{status}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_is_set_back_and_forward_loses_nothing_repeats_nothing_and_delays_nothing() {
    let mut world = World::new().await;
    let clock = Daytime::of(&mut world);
    let dana = world.watching(7);
    let omar = world.watching(8);
    world.start().await;
    world.baselined().await;
    dana.customer_says("before");
    world.all_delivered().await;
    world.polled(4).await;
    for (n, shift) in [-HOUR, 23 * HOUR, 0].into_iter().enumerate() {
        // A delivery waits for its next try, with another behind it in its lane, while the clock is set.
        world.hook.usually(Some(Reply::Status(500)));
        let (waiting, behind) = (format!("waiting {n}"), format!("behind {n}"));
        dana.customer_says(&waiting);
        dana.customer_says(&behind);
        let tried = |received: &[crate::receiver::Received]| {
            received.iter().filter(|one| one.text == waiting).count() >= 2
        };
        world.hook.wait("two tries", PATIENCE, tried).await;
        let from = world.output.count();
        clock.set(shift);
        omar.customer_says(format!("meanwhile {n}"));
        world.hook.usually(None);
        world.line_after(from, "the machine's clock was set").await;
        // The third try was to come 2 s after the second, and comes: it would be an hour late or more.
        world.all_delivered().await;
        world.polled(2).await;
        dana.customer_says(format!("after {n}"));
        world.all_delivered().await;
        world.metric_until("clock_jumps_total", &(n + 1).to_string()).await;
        ages_are_sane(&world, shift).await;
    }
    assert_eq!(world.check(), 0, "a repeat");
    let jumps = world.output.all().matches("the machine's clock was set").count();
    assert_eq!(jumps, 3, "one line each");
}

/// What was told, and what was written, by the clock before, lies ahead of it now: neither makes what waits wait until the
/// clock has caught up.
#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_is_set_back_holds_up_nothing_that_is_told_together_or_no_more_than_so_often() {
    let mut world = World::new().await;
    let clock = Daytime::of(&mut world);
    world.config.hook = "group = { wait = \"5s\", interval = \"2s\" }\nmax_per = \"1/2s\"".to_owned();
    let dana = world.watching(7);
    world.start().await;
    world.baselined().await;
    dana.customer_says("told");
    world.all_delivered().await;
    let from = world.output.count();
    dana.customer_says("waits for more");
    world.line_after(from, "found message.created").await;
    clock.set(-HOUR);
    world.line_after(from, "the machine's clock was set").await;
    world.all_delivered().await;
    dana.customer_says("written since");
    world.all_delivered().await;
    assert_eq!(world.check(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_was_set_back_while_no_daemon_ran_holds_up_nothing() {
    let mut world = World::new().await;
    let clock = Daytime::of(&mut world);
    clock.set(HOUR / 2);
    let dana = world.watching(7);
    world.start().await;
    world.baselined().await;
    world.hook.usually(Some(Reply::Status(500)));
    dana.customer_says("waiting");
    dana.customer_says("behind");
    world.hook.wait("two tries", PATIENCE, |received| received.len() >= 2).await;
    assert!(world.stop().await.success());
    clock.set(0);
    world.hook.usually(None);
    world.start().await;
    // It would be half an hour late.
    world.all_delivered().await;
    ages_are_sane(&world, 0).await;
    assert_eq!(world.check(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_is_wrong_is_said_once_with_what_to_do_and_once_when_it_is_right_again() {
    let mut world = World::new().await;
    let clock = Daytime::of(&mut world);
    world.watching(7);
    world.start().await;
    world.baselined().await;
    world.polled(3).await;
    for (shift, said) in [
        (-90, "this machine's clock is 90 s behind that of account main: check NTP"),
        (600, "this machine's clock is 600 s ahead of that of account main: certificates"),
        (0, "the clocks of account main and of this machine agree again"),
    ] {
        let from = world.output.count();
        clock.set(shift);
        // To the second: the answers' times are not cut off, and the way there and back is short.
        world.line_after(from, said).await;
        if shift != 0 {
            world
                .status_until("the warning", |status| {
                    status["warnings"][0].as_str().is_some_and(|warning| warning.contains("check NTP"))
                })
                .await;
        }
    }
    world.status_until("no warning", |status| status["warnings"] == serde_json::json!([])).await;
    assert_eq!(world.output.all().matches("account main").count(), 3, "{}", world.output.all());
}
