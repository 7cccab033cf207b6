//! Who is told when a notifier does not accept something in time.

use crate::receiver::{Received, Reply};
use crate::world::{PATIENCE, World};

/// A world where the web hook has `second` as its fallback: the same receiver, another path. `hook` alone is told.
async fn world(after: &str) -> World {
    let mut world = World::new().await;
    world.config.routes = "[[route]]\nnotify = [\"hook\"]\n".to_owned();
    world.config.hook = format!("fallback = [\"second\", \"log\"]\nfallback_after = \"{after}\"\n");
    let (url, folder) = (world.hook.url_of("/second"), world.folder().display());
    world.config.more = format!(
        "[notifiers.second]\nplugin = \"webhook\"\ncontent = \"full\"\nrate = \"1000/s\"\n\
         [notifiers.second.config]\nurl = \"{url}\"\nsecret = {{ file = \"{folder}/signing\" }}\n"
    );
    world
}

fn to_second(received: &[Received]) -> Vec<String> {
    received.iter().filter(|one| one.path == "/second").map(|one| one.text.clone()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_accepted_in_time_goes_to_the_fallbacks_once_also_over_a_kill() {
    let mut world = world("3s").await;
    let dana = world.watching(7);
    world.start().await;
    world.baselined().await;
    world.hook.refuses_at("/hook");
    dana.customer_says("nobody takes it");
    world.hook.wait("a first try", PATIENCE, |received| !received.is_empty()).await;
    assert!(world.hook.look(to_second).is_empty(), "not before its time");
    // It is due at a time that is written, not by a timer of this process.
    world.kill();
    world.start().await;
    world.hook.wait("the fallback", PATIENCE, |received| !to_second(received).is_empty()).await;
    let (first, second) = world.hook.look(|received| {
        let second = received.iter().find(|one| one.path == "/second").unwrap();
        (received[0].clone(), second.clone())
    });
    assert_eq!((&first.id, &first.text), (&second.id, &second.text), "the same event");
    let late = second.at - first.at;
    assert!(late.as_secs_f64() > 2.0, "{late:?}");
    // The other fallback is a person's, and reads why.
    let line = world.line_after(0, "hook has not accepted this within 3 s").await;
    assert!(line.contains("nobody takes it"), "{line}");
    let why = world.ask(&["why", &first.id]);
    for said in
        ["Not accepted in time: its fallbacks were told", "In place of hook, which had not accepted it"]
    {
        assert!(why.contains(said), "{why}");
    }
    world.notifier_until("second", "nothing is left", |second| second["pending"] == 0).await;
    world.kill();
    world.start().await;
    world.hook.refuses_at("");
    // It is tried on, and arrives as well; nobody is told twice.
    world.all_delivered().await;
    world.notifier_until("hook", "nothing is left", |hook| hook["pending"] == 0).await;
    dana.customer_says("taken at once");
    world.all_delivered().await;
    world.polled(5).await;
    assert_eq!(world.hook.look(to_second), ["nobody takes it"]);
    for notifier in ["hook", "second", "log"] {
        world.metric_until(&format!("outbox_imbalance{{notifier=\"{notifier}\"}}"), "0").await;
    }
}

/// The loop of a notifier whose plugin has what it was given and says nothing has no part in it.
#[tokio::test(flavor = "multi_thread")]
async fn a_notifier_that_hangs_does_not_keep_its_fallback_from_being_told() {
    let mut world = world("1s").await;
    world.config.hook_timeout = "60s";
    let dana = world.watching(7);
    world.start().await;
    world.baselined().await;
    world.hook.then([Reply::Slow(PATIENCE * 4)]);
    dana.customer_says("stuck on the way");
    dana.customer_says("behind it");
    world.hook.wait("both", PATIENCE, |received| to_second(received).len() == 2).await;
    assert_eq!(world.hook.look(to_second), ["stuck on the way", "behind it"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_refused_for_good_goes_to_the_fallback_at_once() {
    let mut world = world("1h").await;
    let dana = world.watching(7);
    world.start().await;
    world.baselined().await;
    world.hook.then([Reply::Status(400)]);
    dana.customer_says("not to its taste");
    world.hook.wait("the fallback", PATIENCE, |received| !to_second(received).is_empty()).await;
    world.line_after(0, "hook could not be told of this").await;
    dana.customer_says("taken at once");
    world
        .hook
        .wait("the next", PATIENCE, |received| received.iter().any(|one| one.text == "taken at once"))
        .await;
    assert_eq!(world.hook.look(to_second), ["not to its taste"]);
}
