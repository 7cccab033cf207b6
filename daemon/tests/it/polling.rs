use std::time::Duration;

use commwatch_simulator::{Fault, Post, Scope, Shape, Times};

use crate::receiver::Received;
use crate::world::{PATIENCE, World};

#[tokio::test(flavor = "multi_thread")]
async fn a_message_goes_the_whole_way_and_the_baseline_is_silent() {
    let mut world = World::new().await;
    let dana = world.watching(7);
    world.start().await;
    world.baselined().await;
    dana.customer_says("hello");
    world.all_delivered().await;
    assert_eq!(world.check(), 0);

    let one = &world.hook.accepted()[0];
    assert_eq!(one.headers["content-type"], "application/cloudevents+json");
    assert_eq!(one.body["id"], one.id.as_str());
    assert_eq!(one.body["data"]["watch"]["name"], "w7");
    assert_eq!(one.body["data"]["conversation"]["console_url"], "https://acme.example/widget/object/7");
    assert_eq!(one.body["data"]["message"]["author"]["kind"], "customer");
    world.line_after(0, "Dana Levi wrote").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_burst_between_two_polls_comes_whole_and_oldest_first_in_any_shape() {
    let mut world = World::new().await;
    let dana = world.watching(7);
    world.start().await;
    world.baselined().await;
    dana.shape(Shape::oddities());
    let at: jiff::Timestamp = "2026-03-02T10:00:00Z".parse().unwrap();
    for n in 0..20 {
        // All within one second, as far as the times can tell.
        dana.says(Post::customer(format!("burst {n}")).at(at));
    }
    world.all_delivered().await;
    world.check();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_tells_what_came_meanwhile_and_nothing_twice() {
    let mut world = World::new().await;
    let dana = world.watching(7);
    world.start().await;
    world.baselined().await;
    dana.customer_says("before");
    world.all_delivered().await;
    assert!(world.stop().await.success());
    dana.customer_says("while it was down");
    world.start().await;
    dana.customer_says("after");
    world.all_delivered().await;
    assert_eq!(world.check(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_conversation_that_cannot_be_reached_is_said_once_and_its_return_once() {
    let mut world = World::new().await;
    world.config.more = "[operators]\nnotify = [\"hook\"]\n".to_owned();
    let dana = world.watching(7);
    world.start().await;
    world.baselined().await;
    dana.vanish(true);
    let said = |kind: &'static str| {
        move |received: &[crate::receiver::Received]| received.iter().any(|one| one.kind.contains(kind))
    };
    world.hook.wait("watch.unreachable", PATIENCE, said("watch.unreachable")).await;
    world.polled(2).await;
    dana.vanish(false);
    world.hook.wait("watch.recovered", PATIENCE, said("watch.recovered")).await;
    let kinds: Vec<String> = world.hook.accepted().into_iter().map(|one| one.kind).collect();
    assert_eq!(kinds, ["commwatch.watch.unreachable.v1", "commwatch.watch.recovered.v1"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_key_is_one_event_for_the_whole_account_and_is_not_asked_at_full_speed() {
    let mut world = World::new().await;
    world.config.more = "[operators]\nnotify = [\"hook\"]\n".to_owned();
    for object in 1..=5 {
        world.watching(object);
    }
    world.start().await;
    world.baselined().await;
    world.sim.fault(Scope::All, Fault::status(401), Times::Forever);
    world
        .hook
        .wait("account.denied", PATIENCE, |received| {
            received.iter().any(|one| one.kind.contains("account.denied"))
        })
        .await;
    let asked = world.sim.total_requests();
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert!(world.sim.total_requests() <= asked + 5, "a refused account is asked slowly");
    assert_eq!(world.hook.received().len(), 1);
    // A reload is a request to try the key again.
    world.sim.clear_faults();
    world.ask(&["reload"]);
    world
        .hook
        .wait("account.recovered", PATIENCE, |received| {
            received.iter().any(|one| one.kind.contains("account.recovered"))
        })
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_throttled_account_waits_as_long_as_it_was_asked_to_and_loses_nothing() {
    let mut world = World::new().await;
    let dana = world.watching(7);
    world.start().await;
    world.baselined().await;
    world.sim.fault(Scope::All, Fault::retry_after(429, "3"), Times::Once);
    world.polled(1).await;
    dana.customer_says("while throttled");
    let asked = world.sim.total_requests();
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(world.sim.total_requests(), asked, "nothing is asked while we were told to wait");
    world.all_delivered().await;
    world.check();
}

#[tokio::test(flavor = "multi_thread")]
async fn no_fault_of_commbox_loses_or_invents_a_message() {
    let mut world = World::new().await;
    let dana = world.watching(7);
    world.start().await;
    world.baselined().await;
    for (n, fault) in [
        Fault::status(500),
        Fault::status(503),
        Fault::Reset,
        Fault::Truncate(300),
        Fault::EnvelopeStatus(500),
        Fault::WrongObject,
        Fault::NotJson,
    ]
    .into_iter()
    .enumerate()
    {
        world.sim.fault(Scope::Object(7), fault, Times::Once);
        dana.customer_says(format!("message {n}"));
        world.polled(2).await;
    }
    world.all_delivered().await;
    assert_eq!(world.check(), 0);
    assert_eq!(world.sim.max_concurrent(7), 1, "one request for a conversation at a time");
}

#[tokio::test(flavor = "multi_thread")]
async fn status_and_assignee_changes_are_events_for_who_asks_for_them() {
    let mut world = World::new().await;
    world.config.routes =
        "[[route]]\nevents = [\"conversation.status_changed\", \"conversation.assigned\"]\n\
                           notify = [\"hook\"]\n"
            .to_owned();
    let dana = world.watching(7);
    world.start().await;
    world.baselined().await;
    dana.set_status(2);
    dana.assign(51001);
    world.hook.wait("both", PATIENCE, |received| received.len() >= 2).await;
    let kinds: Vec<String> = world.hook.accepted().into_iter().map(|one| one.kind).collect();
    assert_eq!(kinds, ["commwatch.conversation.status_changed.v1", "commwatch.conversation.assigned.v1"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_conversation_that_the_key_may_not_see_is_unreachable_and_stops_no_other() {
    let mut world = World::new().await;
    world.config.more = "[operators]\nnotify = [\"hook\"]\n".to_owned();
    let dana = world.watching(7);
    world.watching(8);
    world.start().await;
    world.baselined().await;
    world.sim.fault(Scope::Object(8), Fault::status(403), Times::Forever);
    let unreachable =
        |received: &[crate::receiver::Received]| received.iter().any(|one| one.kind.contains("unreachable"));
    world.hook.wait("watch.unreachable", PATIENCE, unreachable).await;
    dana.customer_says("still watched");
    world.all_delivered().await;
    let kinds: Vec<String> = world.hook.accepted().into_iter().map(|one| one.kind).collect();
    assert_eq!(kinds, ["commwatch.watch.unreachable.v1", "commwatch.message.created.v1"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn edits_and_deletions_are_told_and_a_deletion_only_when_it_is_certain() {
    let mut world = World::new().await;
    world.config.routes = "[[route]]\nnotify = [\"hook\"]\n\
        events = [\"message.created\", \"message.edited\", \"message.deleted\"]\n"
        .to_owned();
    let conversation = world.watching(1);
    world.start().await;
    world.baselined().await;
    let (first, second) = (conversation.customer_says("first"), conversation.customer_says("second"));
    world.all_delivered().await;
    conversation.edit(first, "first, mended");
    world.hook.wait("the edit", PATIENCE, |got| got.iter().any(|one| one.text == "first, mended")).await;
    // A copy that lags behind lacks the newest for a moment.
    world.sim.fault(Scope::Object(1), Fault::StaleReplica(1), Times::Once);
    world.polled(3).await;
    conversation.redact(second);
    let is_deletion = |one: &Received| one.kind == "commwatch.message.deleted.v1";
    world.hook.wait("the deletion", PATIENCE, |got| got.iter().any(is_deletion)).await;
    world.polled(2).await;
    let got = world.hook.accepted();
    let told: Vec<_> = got.iter().map(|one| (one.kind.as_str(), one.text.as_str())).collect();
    assert_eq!(
        told,
        [
            ("commwatch.message.created.v1", "first"),
            ("commwatch.message.created.v1", "second"),
            ("commwatch.message.edited.v1", "first, mended"),
            ("commwatch.message.deleted.v1", ""),
        ]
    );
    let sequences: Vec<_> = got.iter().map(|one| one.sequence.clone()).collect();
    assert!(sequences.is_sorted(), "{sequences:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_messages_where_there_were_some_is_a_failing_watch_and_no_news() {
    let mut world = World::new().await;
    world.config.routes =
        "[[route]]\nnotify = [\"hook\"]\nevents = [\"message.created\", \"message.deleted\"]\n".to_owned();
    let conversation = world.watching(1);
    world.start().await;
    world.baselined().await;
    world.sim.fault(Scope::Object(1), Fault::StaleReplica(1), Times::N(2));
    world.line_after(0, "lists no messages, though the conversation had 1").await;
    conversation.customer_says("after it");
    world.all_delivered().await;
    assert_eq!(world.hook.accepted().len(), 1);
}
