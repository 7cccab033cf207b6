use std::time::Duration;

use crate::receiver::Reply;
use crate::world::{PATIENCE, World, until};

#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_that_is_down_then_slow_then_throttling_then_failing_gets_everything_in_order() {
    let mut world = World::new().await;
    let dana = world.watching(7);
    world.start().await;
    world.baselined().await;
    world.hook.go_away();
    dana.customer_says("while it was down");
    world.line_after(0, "retry from hook").await;
    world.hook.come_back().await;
    // The delivery's own time-out is 2 s.
    world.hook.then([Reply::Slow(Duration::from_secs(3)), Reply::RetryAfter(429, "2"), Reply::Status(500)]);
    dana.customer_says("second");
    dana.customer_says("third");
    world.all_delivered().await;
    world.check();

    let received = world.hook.received();
    let throttled = received.iter().position(|one| !one.accepted).unwrap();
    let waited = received[throttled + 1].at - received[throttled].at;
    assert!(waited >= Duration::from_millis(1900), "Retry-After is obeyed: {waited:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_receiver_rejects_is_a_dead_letter_that_the_operators_hear_of_and_the_lane_goes_on() {
    let mut world = World::new().await;
    world.config.more = "[operators]\nnotify = [\"hook\", \"log\"]\n".to_owned();
    let dana = world.watching(7);
    world.start().await;
    world.baselined().await;
    world.hook.then([Reply::Status(400)]);
    dana.customer_says("rejected");
    dana.customer_says("accepted");
    world
        .hook
        .wait("the second", PATIENCE, |received| received.iter().any(|one| one.text == "accepted"))
        .await;
    // Through the other notifier, never through the one concerned.
    world.line_after(0, "a notification was given up").await;
    assert!(world.hook.received().iter().all(|one| !one.kind.contains("delivery.dead")));
    world
        .status_until("one dead letter, nothing pending", |status| {
            let notifiers = status["notifiers"].as_array().unwrap();
            notifiers.iter().any(|one| one["name"] == "hook" && one["dead"] == 1 && one["pending"] == 0)
        })
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_receiver_keeps_its_queue_and_burns_no_attempts() {
    let mut world = World::new().await;
    world.config.more = "[operators]\nnotify = [\"hook\", \"log\"]\n".to_owned();
    let dana = world.watching(7);
    let avi = world.watching(8);
    world.start().await;
    world.baselined().await;
    world.hook.usually(Some(Reply::Status(401)));
    dana.customer_says("one");
    world.line_after(0, "notifier/hook: does not work").await;
    avi.customer_says("two");
    dana.customer_says("three");
    world.polled(2).await;
    let tried = world.hook.received().len();
    assert_eq!(tried, 1, "a broken notifier is probed, not hammered");
    world.hook.usually(None);
    // A reload is a request to try it again.
    world.ask(&["reload"]);
    world.all_delivered().await;
    world.check();
    world.line_after(0, "notifier/hook: works again").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_conversation_that_waits_does_not_hold_up_another() {
    let mut world = World::new().await;
    let dana = world.watching(7);
    let avi = world.watching(8);
    world.start().await;
    world.baselined().await;
    world.hook.then([Reply::RetryAfter(429, "5")]);
    dana.customer_says("dana waits");
    world.hook.wait("the first try", PATIENCE, |received| !received.is_empty()).await;
    avi.customer_says("avi goes on");
    world.hook.wait("avi", PATIENCE, |received| received.iter().any(|one| one.text == "avi goes on")).await;
    assert!(!world.hook.accepted().iter().any(|one| one.text == "dana waits"));
    world.all_delivered().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_that_is_gone_for_good_is_not_asked_again_before_a_reload() {
    let mut world = World::new().await;
    world.config.more = "[operators]\nnotify = [\"hook\", \"log\"]\n".to_owned();
    let dana = world.watching(7);
    world.start().await;
    world.baselined().await;
    world.hook.then([Reply::Status(410)]);
    dana.customer_says("while it was gone");
    world.line_after(0, "notifier/hook: does not work").await;
    dana.customer_says("later");
    world.polled(3).await;
    assert_eq!(world.hook.received().len(), 1);
    world.ask(&["reload"]);
    world.all_delivered().await;
    // Nor after one that comes while it is being asked: what is said then is said of what was before.
    world.notifier_until("hook", "all delivered", |hook| hook["pending"] == 0).await;
    world.hook.then([Reply::SlowStatus(Duration::from_secs(1), 410)]);
    dana.customer_says("on its way");
    until("it is on its way", || world.hook.under_way() == 1).await;
    world.ask(&["reload"]);
    world.all_delivered().await;
    assert_eq!(world.check(), 0);
}

/// While a receiver accepts nothing its circuit is open: a delivery now and then, no attempt burnt; when it accepts again
/// everything goes at once, also what it had asked to come back with in an hour.
#[tokio::test(flavor = "multi_thread")]
async fn an_outage_opens_the_circuit_and_its_end_sends_everything_in_order() {
    let mut world = World::new().await;
    world.config.more = "[operators]\nnotify = [\"hook\", \"log\"]\n".to_owned();
    world.config.hook = "retry_for = \"5s\"\n".to_owned();
    let conversations: Vec<_> = (1..=6).map(|object| world.watching(object)).collect();
    world.start().await;
    world.baselined().await;
    world.hook.usually(Some(Reply::RetryAfter(503, "3600")));
    for n in 0..2 {
        conversations.iter().for_each(|one| {
            one.customer_says(format!("{n} in {}", one.object_id()));
        });
    }
    world.metric_until("outbox_held{notifier=\"hook\",reason=\"circuit_open\"}", "12").await;
    // A probe that fails burns nothing, however short `retry_for` is.
    let asked = world.hook.received().len();
    for probe in 1..=3 {
        world.ask(&["notifiers", "resume", "hook"]);
        world.hook.wait("a probe", PATIENCE, |received| received.len() >= asked + probe).await;
    }
    world.hook.usually(None);
    world.ask(&["notifiers", "resume", "hook"]);
    world.all_delivered().await;
    world.check();
    let hook = world.notifier_until("hook", "all delivered", |hook| hook["pending"] == 0).await;
    assert_eq!(hook["dead"], 0);
}

/// What was being sent when the daemon was killed is known to have been: the next attempt is the second.
#[tokio::test(flavor = "multi_thread")]
async fn a_delivery_that_was_in_flight_at_a_kill_is_sent_again_as_what_it_is() {
    let mut world = World::new().await;
    world.config.routes = "[[route]]\nnotify = [\"hook\"]\n".to_owned();
    let dana = world.watching(1);
    world.start().await;
    world.baselined().await;
    world.hook.then([Reply::Slow(PATIENCE)]);
    dana.customer_says("in flight");
    world.hook.asked(1, PATIENCE).await;
    world.kill();
    world.start().await;
    world.line_after(0, "1 delivery was being sent when commwatch last ended").await;
    world.all_delivered().await;
    let delivered = world.line_after(0, "delivered to hook").await;
    assert!(delivered.contains("\"attempt\":2"), "{delivered}");
}
