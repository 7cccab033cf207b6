//! Deliveries of a plugin that behaves, and its end.

use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use commwatch::plugin::{PluginState, Report};
use commwatch_plugin_api::{HttpError, Outcome};
use serde_json::json;
use tokio::time::Instant;

use crate::world::{World, delivered, handover, library, payload, spec};

#[tokio::test]
async fn a_notification_reaches_the_plugin_and_its_outcome_comes_back() {
    let world = World::faulty(json!({"mode": "obey"})).await;
    let mut delivery = handover("first");
    delivery.attempt = 3;
    let Report { outcome, crashed, not_sent, .. } = world.hand_over(delivery).await;
    assert_eq!((outcome, crashed, not_sent), (delivered("n-first attempt 3"), false, false));
    world.stop().await;
}

#[tokio::test]
async fn deliveries_run_at_once_up_to_the_concurrency_and_the_operators_bound() {
    for (bound, expected) in [(None, 4), (Some(2), 2), (Some(200), 4)] {
        let mut spec = spec(library("faulty"), json!({"mode": "http"}));
        spec.concurrency = bound;
        let world = World::start(spec);
        world.pid().await;
        world.http.hold_until.store(expected, Relaxed);
        let all: Vec<_> = (0..12).map(|n| world.delivering(handover(&format!("{n}")))).collect();
        for delivery in all {
            assert_eq!(delivery.await.unwrap().outcome, Outcome::delivered());
        }
        assert_eq!(world.http.most_at_once(), expected, "{bound:?}");
        world.stop().await;
    }
}

#[tokio::test]
async fn a_delivery_that_must_be_alone_waits_for_the_others_and_they_for_it() {
    let world = World::faulty(json!({"mode": "http"})).await;
    // Both of them run before the first is answered; those after them do not hold up anybody.
    world.http.hold_until.store(2, Relaxed);
    let mut all = Vec::new();
    for title in ["a", "b", "alone", "c", "d"] {
        let mut delivery = handover(title);
        delivery.alone = title == "alone";
        all.push(world.delivering(delivery));
        tokio::task::yield_now().await; // They are to come in this order.
    }
    for delivery in all {
        assert_eq!(delivery.await.unwrap().outcome, Outcome::delivered());
    }
    let events = world.http.events.lock().unwrap().clone();
    assert_eq!(events[4..6], ["+alone", "-alone"], "{events:?}");
    assert_eq!(events.len(), 10);
    world.stop().await;
}

#[tokio::test]
async fn a_delivery_that_finds_no_place_before_its_deadline_was_never_sent() {
    let mut spec = spec(library("faulty"), json!({"mode": "slow", "amount": 600}));
    spec.concurrency = Some(1);
    let world = World::start(spec);
    world.pid().await;
    let first = world.delivering(handover("first"));
    tokio::task::yield_now().await;
    let mut hurried = handover("hurried");
    hurried.deadline = Instant::now() + Duration::from_millis(100);
    let report = world.hand_over(hurried).await;
    assert!(report.not_sent && !report.crashed, "{report:?}");
    assert_eq!(first.await.unwrap().outcome, delivered("n-first attempt 1"));
    world.stop().await;
}

#[tokio::test]
async fn requests_go_through_the_host_and_end_before_the_delivery() {
    let world = World::faulty(json!({"mode": "http", "url": {"$secret": "/url"}, "amount": 5})).await;
    let delivery = handover("asks");
    let deadline = delivery.deadline;
    assert_eq!(world.hand_over(delivery).await.outcome, Outcome::delivered());
    {
        let requests = world.http.requests.lock().unwrap();
        let (request, until) = &requests[0];
        assert_eq!(serde_json::to_value(&request.url).unwrap(), json!({"$secret": "/url"}));
        assert_eq!(request.body.0, b"xxxxx");
        assert_eq!(deadline - *until, Duration::from_millis(500));
    }
    for (answer, outcome) in [
        (HttpError::NotSent { why: "refused".into() }, Outcome::retry("refused")),
        (HttpError::NoAnswer { why: "lost".into() }, Outcome::unknown("lost")),
        (HttpError::Refused { why: "no such host".into() }, Outcome::broken("no such host")),
    ] {
        world.http.answers.lock().unwrap().push(Err(answer));
        assert_eq!(world.deliver("asks").await.outcome, outcome);
    }
    world.stop().await;
}

#[tokio::test]
async fn a_receiver_that_never_answers_leaves_the_plugin_time_to_say_so() {
    let world = World::faulty(json!({"mode": "http"})).await;
    let pid = world.pid().await;
    world.http.hold_until.store(usize::MAX, Relaxed);
    let mut delivery = handover("asks");
    delivery.deadline = Instant::now() + Duration::from_secs(1);
    let report = world.hand_over(delivery).await;
    assert_eq!(report.outcome, Outcome::unknown("no answer within the time of the delivery"));
    assert!(!report.crashed);
    assert_eq!(world.pid().await, pid);
    world.stop().await;
}

#[tokio::test]
async fn a_request_outside_of_a_delivery_is_refused() {
    let world = World::faulty(json!({"mode": "http-elsewhere"})).await;
    let report = world.deliver("asks").await;
    let Outcome::Reject { why } = report.outcome else { panic!("{report:?}") };
    assert!(why.contains("not inside `deliver`"), "{why}");
    assert!(world.http.requests.lock().unwrap().is_empty());
    world.stop().await;
}

#[tokio::test]
async fn too_long_a_request_or_notification_is_refused_by_name() {
    let world = World::faulty(json!({"mode": "http", "on_title": "asks", "amount": (1 << 20) + 1})).await;
    let report = world.deliver("asks").await;
    let Outcome::Broken { why, .. } = report.outcome else { panic!("{report:?}") };
    assert!(why.contains("the request is too long"), "{why}");
    let mut delivery = handover("x");
    delivery.payload = payload(&"x".repeat(1 << 20));
    let report = world.hand_over(delivery).await;
    let Outcome::Reject { why } = report.outcome else { panic!("{report:?}") };
    assert!(why.contains("and this plugin takes 1048576"), "{why}");
    world.stop().await;
}

#[tokio::test]
async fn stopping_lets_what_runs_end_and_gives_back_what_waits() {
    let mut spec = spec(library("faulty"), json!({"mode": "slow", "amount": 300}));
    spec.concurrency = Some(1);
    let world = World::start(spec);
    let pid = world.pid().await;
    let running = world.delivering(handover("runs"));
    tokio::task::yield_now().await;
    let waiting = world.delivering(handover("waits"));
    tokio::task::yield_now().await;
    let host = world.host.clone();
    world.stop().await;
    assert_eq!(running.await.unwrap().outcome, delivered("n-runs attempt 1"));
    assert!(waiting.await.unwrap().not_sent);
    assert_eq!(*host.state().borrow(), PluginState::Stopped);
    assert!(host.deliver(handover("late")).await.not_sent);
    assert!(!is_alive(pid));
    assert!(host.restarts().values().all(|&count| count == 0), "{:?}", host.restarts());
}

#[tokio::test]
async fn a_plugin_that_does_not_end_when_told_is_killed() {
    let world = World::faulty(json!({"mode": "hang-at-end"})).await;
    let (pid, started) = (world.pid().await, Instant::now());
    world.stop().await;
    assert!(!is_alive(pid));
    assert!(started.elapsed() < Duration::from_secs(15));
}

#[tokio::test]
async fn a_plugin_that_hangs_while_starting_is_killed_and_can_be_stopped() {
    let hanging = || World::start(spec(library("faulty"), json!({"mode": "hang-at-start"})));
    let (stopped, started) = (hanging(), Instant::now());
    assert!(stopped.deliver("early").await.not_sent);
    stopped.stop().await;
    assert!(started.elapsed() < Duration::from_secs(10), "stopping does not wait for a start");
    let killed = hanging();
    let restarting = killed.state(|state| matches!(state, PluginState::Restarting { .. })).await;
    let PluginState::Restarting { why, .. } = restarting else { panic!("{restarting:?}") };
    assert_eq!(why, "the plugin did not start within 10 s");
    assert_eq!(killed.host.restarts()["deadline"], 1);
    killed.stop().await;
}

#[tokio::test]
async fn the_process_ends_with_the_future_that_runs_it() {
    let world = World::faulty(json!({"mode": "hang"})).await;
    let pid = world.pid().await;
    let lost = world.delivering(handover("hangs"));
    tokio::task::yield_now().await;
    world.running.abort();
    assert!(lost.await.unwrap().crashed, "nobody knows how far it came");
    while is_alive(pid) {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Whether there is such a process, even as a zombie.
fn is_alive(pid: u32) -> bool {
    std::path::Path::new(&format!("/proc/{pid}")).exists()
}
