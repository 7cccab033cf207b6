//! Who waits for an answer: told after a threshold by an answer that shows it, and that it is over to whoever was told.

use commwatch_simulator::{Channel, Fault, Post, Scope, Times};
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use crate::daytime::Daytime;
use crate::receiver::{Received, Reply};
use crate::world::{PATIENCE, WatchText, World};

const ROUTES: &str = "[[route]]\nname = \"messages\"\nnotify = [\"log\"]\n\
                      [[route]]\nname = \"waits\"\nunanswered_for = [\"10s\", \"1h\"]\nnotify = [\"hook\"]\n";

fn is(kind: &str) -> impl Fn(&Received) -> bool {
    let kind = format!("commwatch.conversation.{kind}.v1");
    move |one| one.kind == kind
}

/// What the hook accepted about who waits: type, message, threshold, how it ended.
fn told(world: &World) -> Vec<(String, String, u64, String)> {
    let about = |one: Received| {
        let waiting = &one.body["data"]["waiting"];
        let ended = waiting["ended"].as_str().unwrap_or_default().to_owned();
        let kind = one.kind.trim_start_matches("commwatch.conversation.").trim_end_matches(".v1").to_owned();
        let child = waiting["child_id"].as_str().unwrap().to_owned();
        (kind, child, waiting["threshold_seconds"].as_u64().unwrap(), ended)
    };
    world.hook.accepted().into_iter().map(about).collect()
}

fn ago(seconds: i64) -> Timestamp {
    Timestamp::now() - SignedDuration::from_secs(seconds)
}

/// She asks, nobody answers for ten seconds, an agent does: through a receiver that is away, and a kill in between.
#[tokio::test(flavor = "multi_thread")]
async fn who_waits_is_told_once_and_the_answer_to_whoever_was_told() {
    let mut world = World::new().await;
    world.config.routes = ROUTES.to_owned();
    world.config.account = "bots = [\"Bot\"]\n".to_owned();
    let dana = world.watching(7);
    dana.agent_says("Noa Bar", "what was before is answered");
    world.start().await;
    world.baselined().await;
    world.metric_until("conversations_waiting{priority=\"vip\"}", "0").await;

    let child = dana.customer_says("is anybody there?").to_string();
    world.metric_until("conversations_waiting{priority=\"vip\"}", "1").await;
    dana.bot_says("a colleague will be with you soon");
    world.hook.then([Reply::Status(503)]);
    world
        .hook
        .wait("that she waits", PATIENCE, |all| all.iter().any(|one| is("waiting")(one) && one.accepted))
        .await;
    let waiting = world.hook.accepted().remove(0);
    assert_eq!(waiting.body["data"]["waiting"]["confirmed"], true);
    assert_eq!(waiting.body["data"]["message"]["text"], "is anybody there?");
    assert_eq!(world.status()["watches"][0]["waiting_since"].as_str().map(|at| at.len() > 10), Some(true));
    let why = world.ask(&["why", &waiting.id]);
    assert!(why.contains("waits"), "{why}");

    world.kill();
    world.start().await;
    world.polled(3).await;
    dana.customer_says("hello?");
    world.polled(2).await;
    world.kill();
    dana.agent_says("Noa Bar", "here I am");
    world.start().await;
    world
        .hook
        .wait("the answer", PATIENCE, |all| all.iter().any(|one| is("answered")(one) && one.accepted))
        .await;
    world.metric_until("conversations_waiting{priority=\"vip\"}", "0").await;
    let expected = [("waiting", ""), ("answered", "replied")];
    let expected = expected.map(|(kind, ended)| (kind.to_owned(), child.clone(), 10, ended.to_owned()));
    world.polled(2).await;
    assert_eq!(told(&world), expected);
    let over = world.hook.accepted().pop().unwrap();
    assert_eq!(over.body["data"]["waiting"]["answered_by"]["name"], "Noa Bar");
    world.line_after(0, "found conversation.answered").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_customer_who_has_waited_since_before_the_watch_is_told_once_and_the_end_of_the_conversation_ends_it()
 {
    let mut world = World::new().await;
    world.config.routes = ROUTES.to_owned();
    let dana = world.watching(7);
    let child = dana.says(Post::customer("since yesterday").at(ago(86_400))).to_string();
    world.start().await;
    world.hook.wait("that she waits", PATIENCE, |all| all.iter().any(is("waiting"))).await;
    assert!(world.stop().await.success());
    world.start().await;
    world.polled(3).await;
    dana.set_status(2);
    world.hook.wait("the end", PATIENCE, |all| all.iter().any(is("answered"))).await;
    dana.set_status(1);
    world.polled(3).await;
    let told: Vec<(String, u64, String)> =
        told(&world).into_iter().map(|(kind, _, threshold, ended)| (kind, threshold, ended)).collect();
    // Of two thresholds that are passed, the longer is told.
    assert_eq!(told, [("waiting".into(), 3600, "".into()), ("answered".into(), 3600, "closed".into())]);
    let waited: Vec<Value> = world
        .hook
        .accepted()
        .into_iter()
        .map(|one| one.body["data"]["waiting"]["child_id"].clone())
        .collect();
    assert!(waited.iter().all(|one| *one == waited[0]), "{waited:?} {child}");
}

/// `CommBox` does not answer when the time is over: that is told, and said to be unconfirmed.
#[tokio::test(flavor = "multi_thread")]
async fn while_commbox_is_away_a_wait_is_told_as_unconfirmed_and_its_end_as_any_other() {
    let mut world = World::new().await;
    world.config.routes = ROUTES.replace("10s", "30m");
    let clock = Daytime::of(&mut world);
    let dana = world.watching(7);
    dana.agent_says("Noa Bar", "what was before is answered");
    world.start().await;
    world.baselined().await;
    dana.customer_says("is anybody there?");
    world.metric_until("conversations_waiting{priority=\"vip\"}", "1").await;
    world.kill();
    world.sim.fault(Scope::All, Fault::status(503), Times::Forever);
    // Half an hour and more later, as far as this machine knows.
    clock.set(45 * 60);
    world.start().await;
    world.hook.wait("that she waits", PATIENCE, |all| all.iter().any(is("waiting"))).await;
    let waiting = world.hook.accepted().remove(0);
    assert_eq!(waiting.body["data"]["waiting"]["confirmed"], false);
    world.sim.clear_faults();
    dana.agent_says("Noa Bar", "sorry");
    world.hook.wait("the answer", PATIENCE, |all| all.iter().any(is("answered"))).await;
    assert_eq!(told(&world).len(), 2, "{:?}", told(&world));
    assert_eq!(world.hook.accepted().len(), 2);
}

/// WhatsApp takes free replies for 24 hours after her last message: an hour before that is over, it is told.
#[tokio::test(flavor = "multi_thread")]
async fn before_the_reply_window_of_whatsapp_ends_it_is_told_and_only_where_there_is_one() {
    let mut world = World::new().await;
    world.config.routes = ROUTES.replace("\"10s\", \"1h\"", "\"whatsapp-window\"");
    for (object, channel) in [(7, Channel::WhatsApp), (8, Channel::Mail)] {
        let conversation = world.conversation(object).channel(channel);
        conversation.says(Post::customer("three days ago").at(ago(3 * 86_400)));
        conversation.says(Post::customer("still nobody?").at(ago(23 * 3_600 - 10)));
        world.config.watches.push(WatchText::of(object));
    }
    world.start().await;
    world.baselined().await;
    assert_eq!(told(&world), []);
    world.hook.wait("that the window ends", PATIENCE, |all| all.iter().any(is("waiting"))).await;
    world.polled(3).await;
    assert_eq!(told(&world).len(), 1, "{:?}", told(&world));
    let waiting = &world.hook.accepted()[0].body["data"]["waiting"];
    let time = |key: &str| waiting[key].as_str().unwrap().parse::<Timestamp>().unwrap();
    assert_eq!(waiting["threshold_seconds"], 23 * 3_600);
    // From the first message on she waits; from the last one on the window counts.
    assert!(waiting["waited_seconds"].as_u64().unwrap() >= 3 * 86_400, "{waiting}");
    let left = time("reply_until").duration_since(Timestamp::now());
    assert!(left > SignedDuration::ZERO && left <= SignedDuration::from_hours(1), "{waiting}");
    assert_eq!(world.hook.accepted()[0].body["data"]["conversation"]["object_id"], "7");
}
