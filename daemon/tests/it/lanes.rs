//! What is newer in a conversation, and one alert that nobody gets.

use crate::receiver::{Received, Reply};
use crate::world::{PATIENCE, World};

fn times(received: &[Received], text: &str) -> usize {
    received.iter().filter(|one| one.text == text).count()
}

fn is_accepted(received: &[Received], text: &str) -> bool {
    received.iter().any(|one| one.text == text && one.accepted)
}

#[tokio::test(flavor = "multi_thread")]
async fn one_alert_that_fails_again_and_again_lets_newer_ones_past_and_arrives_in_the_end() {
    let mut world = World::new().await;
    world.config.order = "any";
    let dana = world.watching(7);
    world.start().await;
    world.baselined().await;
    world.hook.refuses(&["stuck"]);
    dana.customer_says("stuck");
    dana.customer_says("newer");
    world.hook.wait("the newer one", PATIENCE, |received| is_accepted(received, "newer")).await;
    world.hook.look(|received| {
        let before = received.iter().position(|one| one.text == "newer").unwrap();
        assert_eq!(times(&received[..before], "stuck"), 3);
    });
    let id = world.hook.look(|received| received[0].id.clone());
    let why = world.ask(&["why", &id]);
    assert!(why.contains("hook: pending, newer ones go past it, tried again"), "{why}");
    // It is known after a crash too, and what comes then does not wait either. That the newer one was accepted is noted.
    world.notifier_until("hook", "one that waits", |hook| hook["pending"] == 1).await;
    world.kill();
    world.start().await;
    dana.customer_says("newest");
    world.hook.wait("the newest", PATIENCE, |received| is_accepted(received, "newest")).await;
    assert!(!world.hook.look(|received| is_accepted(received, "stuck")));
    world.hook.refuses(&[]);
    world.hook.wait("the old one", PATIENCE, |received| is_accepted(received, "stuck")).await;
    world.notifier_until("hook", "nothing is left", |hook| hook["pending"] == 0 && hook["dead"] == 0).await;
    let accepted: Vec<String> = world.hook.accepted().into_iter().map(|one| one.text).collect();
    assert_eq!(accepted, ["newer", "newest", "stuck"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn where_the_order_of_a_conversation_is_asked_for_newer_ones_wait() {
    let mut world = World::new().await;
    world.config.order = "conversation";
    let (dana, avi) = (world.watching(7), world.watching(8));
    world.start().await;
    world.baselined().await;
    world.hook.refuses(&["stuck"]);
    dana.customer_says("stuck");
    dana.customer_says("newer");
    avi.customer_says("elsewhere");
    world.hook.wait("four tries", PATIENCE, |received| times(received, "stuck") >= 4).await;
    assert_eq!(world.hook.look(|received| times(received, "newer")), 0);
    world.hook.refuses(&[]);
    world.all_delivered().await;
    assert_eq!(world.check(), 0);
}

/// An outage is nobody's fault among those that wait: what comes first of a conversation stays first.
#[tokio::test(flavor = "multi_thread")]
async fn while_a_receiver_accepts_nothing_nothing_steps_aside() {
    let mut world = World::new().await;
    world.config.order = "any";
    let (dana, avi) = (world.watching(7), world.watching(8));
    world.start().await;
    world.baselined().await;
    world.hook.usually(Some(Reply::Status(503)));
    for text in ["one", "two"] {
        dana.customer_says(format!("{text} of dana"));
        avi.customer_says(format!("{text} of avi"));
    }
    world.metric_until("outbox_held{notifier=\"hook\",reason=\"circuit_open\"}", "4").await;
    // Probes, which would be the third and fourth attempts of both.
    for n in 1..=4 {
        let asked = world.hook.received().len();
        world.ask(&["notifiers", "resume", "hook"]);
        world.hook.wait("a probe", PATIENCE, |received| received.len() > asked).await;
        assert!(n < 4 || world.hook.look(|received| received.iter().all(|one| one.text.starts_with("one"))));
    }
    world.hook.usually(None);
    world.ask(&["notifiers", "resume", "hook"]);
    world.all_delivered().await;
    assert_eq!(world.check(), 0);
}
