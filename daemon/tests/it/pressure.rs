//! What becomes of polling when the outbox is full: less of it, and nothing is lost.

use std::time::Duration;

use serde_json::Value;

use crate::receiver::Reply;
use crate::world::{PATIENCE, World};

/// What the status warns of.
fn warning(status: &Value) -> &str {
    status["warnings"][0].as_str().unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_outbox_stops_polling_until_there_is_room_and_messages_wait_in_commbox() {
    let mut world = World::new().await;
    world.environment.insert("COMMWATCH_TEST_OUTBOX_ROWS_MAX", "10".to_owned());
    world.config.routes = "[[route]]\nnotify = [\"hook\"]\n".to_owned();
    let said: Vec<_> = (1..=5).map(|object| world.watching(object)).collect();
    world.start().await;
    world.baselined().await;
    world.hook.usually(Some(Reply::Status(503)));

    for n in 0..8 {
        said[n % 2].customer_says(format!("filling {n}"));
    }
    world.line_after(0, "the outbox fills: 8 of at most 10 deliveries wait").await;
    world.status_until("slowed", |status| warning(status).starts_with("polling is slowed: 8 of")).await;
    let from = world.output.count();
    for (n, conversation) in said.iter().enumerate() {
        conversation.customer_says(format!("more than there is room for {n}"));
    }
    world.line_after(from, "the outbox is full: 10 of at most 10 deliveries wait").await;
    world.status_until("stopped", |status| warning(status).starts_with("polling is stopped: 10 of")).await;
    assert_eq!(world.get("/-/ready").await, (200, "ready\n".to_owned()), "it does what it can");

    // Whatever is under way has ended, and from then on nobody is asked: five watches a second were.
    world.metric_until("polls_in_flight", "0").await;
    let asked = world.sim.total_requests();
    said[4].customer_says("while nothing is polled");
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert_eq!(world.sim.total_requests(), asked, "an answer that cannot be kept is not asked for");

    let from = world.output.count();
    world.hook.usually(None);
    world.line_after(from, "the outbox has room").await;
    world.polled(2).await;
    world.all_delivered().await;
    world.status_until("no warning", |status| status["warnings"] == serde_json::json!([])).await;
    assert_eq!(world.check(), 0, "nothing lost, nothing repeated");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_daemon_that_starts_with_a_full_outbox_delivers_before_it_polls() {
    let mut world = World::new().await;
    world.environment.insert("COMMWATCH_TEST_OUTBOX_ROWS_MAX", "4".to_owned());
    world.config.routes = "[[route]]\nnotify = [\"hook\"]\n".to_owned();
    let said: Vec<_> = (1..=4).map(|object| world.watching(object)).collect();
    world.start().await;
    world.baselined().await;
    world.hook.usually(Some(Reply::Status(503)));
    for (n, conversation) in said.iter().enumerate() {
        conversation.customer_says(format!("one {n}"));
    }
    world.line_after(0, "the outbox is full").await;
    world.kill();
    let (asked, from) = (world.sim.total_requests(), world.output.count());
    world.start_with(&[]).await;
    world.line_after(from, "the outbox is full").await;
    world.hook.wait("tries after the restart", PATIENCE, |received| received.len() >= 8).await;
    assert_eq!(world.sim.total_requests(), asked, "nothing is asked of CommBox");
    world.hook.usually(None);
    said[0].customer_says("two");
    world.all_delivered().await;
    assert_eq!(world.check(), 0);
}
