//! Whoever is told is not flooded: what comes close together is told together, above a cap there is a digest, and quiet
//! hours hold back what may wait. Nothing of it is lost, whatever happens in the middle.

use std::time::Duration;

use commwatch_simulator::{Fault, Scope, Times};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::Value;

use crate::daytime::Daytime;
use crate::receiver::Received;
use crate::world::{PATIENCE, World};

/// A world in which everything goes to `people` as well: another path of the same receiver, paced like that.
async fn world(pacing: &str) -> World {
    let mut world = World::new().await;
    let (url, folder) = (world.hook.url_of("/people"), world.folder().display());
    world.config.more = format!(
        "[notifiers.people]\nplugin = \"webhook\"\ncontent = \"full\"\nrate = \"1000/s\"\nretries = \"people\"\n{pacing}\n\
         [notifiers.people.config]\nurl = \"{url}\"\nsecret = {{ file = \"{folder}/signing\" }}\n"
    );
    world.config.routes = "[[route]]\nnotify = [\"hook\", \"people\"]\n".to_owned();
    world
}

fn to_people(received: &[Received]) -> Vec<Received> {
    received.iter().filter(|one| one.path == "/people").cloned().collect()
}

/// The events of one request, be it one or several.
fn events(one: &Received) -> Vec<Value> {
    match serde_json::from_slice(&one.bytes).unwrap() {
        Value::Array(events) => events,
        event => vec![event],
    }
}

fn texts(received: &[Received]) -> Vec<String> {
    let text = |event: &Value| event["data"]["message"]["text"].as_str().unwrap_or_default().to_owned();
    received.iter().flat_map(|one| events(one).iter().map(text).collect::<Vec<_>>()).collect()
}

async fn people_have(world: &World, what: &str, has: impl Fn(&[Received]) -> bool) -> Vec<Received> {
    let accepted =
        |all: &[Received]| to_people(all).into_iter().filter(|one| one.accepted).collect::<Vec<_>>();
    world.hook.wait(what, PATIENCE, |all| has(&accepted(all))).await;
    world.hook.look(accepted)
}

async fn nothing_is_left(world: &World) {
    for name in ["hook", "people"] {
        world.notifier_until(name, "nothing is left", |one| one["pending"] == 0).await;
        world.metric_until(&format!("outbox_imbalance{{notifier=\"{name}\"}}"), "0").await;
    }
}

/// Dana pastes her whole mail line by line: a program gets each line, people get two notifications; and what was
/// refused comes again as it was, also after a kill.
#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_lines_are_one_alert_and_one_list_and_a_retry_sends_the_same_bytes() {
    let mut world = world("group = { wait = \"0s\", interval = \"2s\", max = 100 }").await;
    let dana = world.watching(7);
    world.start().await;
    world.baselined().await;
    dana.customer_says("line 0");
    people_have(&world, "the first line", |all| all.len() == 1).await;
    // What comes now is refused once, as a whole, and the daemon is killed before it can try again.
    world.hook.refuses(&["line 1\""]);
    for line in 1..200 {
        dana.customer_says(format!("line {line}"));
    }
    world.hook.wait("a first try", PATIENCE, |all| to_people(all).len() > 1).await;
    world.kill();
    world.hook.refuses(&[]);
    world.start().await;
    world.all_delivered().await;
    let all = people_have(&world, "all lines", |all| all.len() >= 3).await;
    nothing_is_left(&world).await;
    let tries: Vec<Received> = world.hook.look(to_people);
    let several: Vec<&Received> = tries.iter().filter(|one| events(one).len() > 1).collect();
    assert!(several.len() >= 2 && several[0].id.starts_with("ntf_"), "{}", several.len());
    for one in &several {
        let same = several.iter().filter(|other| other.id == one.id);
        assert!(same.clone().all(|other| other.bytes == one.bytes), "{} has other bytes", one.id);
        assert_eq!(one.headers["content-type"], "application/cloudevents-batch+json");
    }
    // Several polls may have brought the lines; far fewer notifications than lines did.
    assert!(all.len() < 12, "{} notifications", all.len());
    // Nothing of it is left out for a program, and no line is told twice.
    let expected: Vec<String> = (0..200).map(|line| format!("line {line}")).collect();
    assert_eq!(texts(&all), expected);
    let (_, metrics) = world.get("/metrics").await;
    assert!(
        metrics.contains("commwatch_deliveries_total{notifier=\"people\",result=\"grouped\"}"),
        "{metrics}"
    );
    // `why` tells what told of a line.
    let last = world.hook.accepted().into_iter().rfind(|one| one.text == "line 199").unwrap();
    let why = world.ask(&["why", &last.id]);
    assert!(why.contains("tells of it, with others") && why.contains("ntf_"), "{why}");
}

#[tokio::test(flavor = "multi_thread")]
async fn above_the_cap_a_digest_says_who_wrote() {
    let mut world = world("max_per = \"2/4s\"").await;
    let conversations: Vec<_> = (1..=6).map(|object| world.watching(object)).collect();
    world.start().await;
    world.baselined().await;
    for (n, conversation) in (1..).zip(&conversations) {
        conversation.customer_says(format!("help {n}"));
    }
    let all = people_have(&world, "all six", |all| texts(all).len() == 6).await;
    world.all_delivered().await;
    nothing_is_left(&world).await;
    let sizes: Vec<usize> = all.iter().map(|one| events(one).len()).collect();
    assert_eq!(sizes, [1, 1, 4], "two, and then the others together");
    assert!(all[2].at - all[0].at >= Duration::from_millis(3_900));
    let mut told = texts(&all);
    told.sort_unstable();
    assert_eq!(told, ["help 1", "help 2", "help 3", "help 4", "help 5", "help 6"]);
}

/// In the night a message waits, a customer who waits for too long does not; in the morning one digest tells the rest.
/// The daemon is killed in between.
#[tokio::test(flavor = "multi_thread")]
async fn quiet_hours_hold_back_what_may_wait_and_tell_it_in_the_morning() {
    let mut world = world("quiet_hours = { during = \"night\", pass = [\"critical\"] }").await;
    world.config.more += "[hours.night]\ntimezone = \"UTC\"\nopen = [\"mon-sun 00:00-06:00\"]\n";
    world.config.routes += "[[route]]\nunanswered_for = \"20s\"\nnotify = [\"people\"]\n";
    let clock = Daytime::of(&mut world);
    // One o'clock of the coming night.
    let today = Timestamp::now().to_zoned(TimeZone::UTC);
    let one = today.tomorrow().unwrap().start_of_day().unwrap().timestamp().as_second() + 3_600;
    let night = one - today.timestamp().as_second();
    clock.set(night);
    let (dana, omer) = (world.watching(7), world.watching(8));
    world.start().await;
    world.baselined().await;
    dana.customer_says("in the middle of the night");
    omer.customer_says("I cannot sleep either");
    omer.agent_says("Noa Bar", "nor can I");
    world
        .hook
        .wait("the program", PATIENCE, |all| all.iter().filter(|one| one.path == "/hook").count() >= 2)
        .await;
    world.metric_until("outbox_held{notifier=\"people\",reason=\"quiet_hours\"}", "2").await;
    let status = world.notifier_until("people", "two are held", |one| one["held"] == 2).await;
    assert_eq!(status["held_reason"], "quiet_hours");
    let first = world.hook.accepted().into_iter().find(|one| one.text == "I cannot sleep either").unwrap();
    let why = world.ask(&["why", &first.id]);
    assert!(why.contains("people has quiet hours") && why.contains("06:00"), "{why}");
    assert_eq!(world.hook.look(to_people).len(), 0);
    let at = Timestamp::from_second(one).unwrap().to_string();
    let routes = |kind| {
        let of = ["routes", "-c", "commwatch.toml", "--watch", "w7", "--at", &at, "--type", kind];
        let asked = world.run(&of);
        String::from_utf8(asked.stdout).unwrap()
    };
    let message = routes("message.created");
    assert!(message.contains("people: held until") && message.contains("(`quiet_hours`)"), "{message}");
    assert!(!routes("conversation.waiting").contains("held"), "{}", routes("conversation.waiting"));
    world.kill();
    world.start().await;
    // She has had no answer: that does not wait, and takes along what she wrote.
    let all = people_have(&world, "that she waits", |all| all.len() >= 2).await;
    assert_eq!(texts(&all)[0], "in the middle of the night");
    assert_eq!(all[1].kind, "commwatch.conversation.waiting.v1");
    dana.customer_says("hello?");
    world.hook.wait("the program", PATIENCE, |all| all.iter().any(|one| one.text == "hello?")).await;
    world.metric_until("outbox_held{notifier=\"people\",reason=\"quiet_hours\"}", "2").await;
    clock.set(night + 6 * 3_600);
    let all = people_have(&world, "the digest", |all| all.len() >= 3).await;
    nothing_is_left(&world).await;
    let mut told = texts(&all[2..]);
    told.sort_unstable();
    assert_eq!((all.len(), told), (3, vec!["I cannot sleep either".to_owned(), "hello?".to_owned()]));
    assert_eq!(world.hook.accepted().iter().filter(|one| one.path == "/hook").count(), 3);
}

/// A night without Slack: in the morning a digest a conversation, not each message of the night.
#[tokio::test(flavor = "multi_thread")]
async fn after_an_outage_people_get_one_list_a_conversation_and_programs_every_event() {
    let mut world = world("group = { interval = \"1s\", max = 100 }").await;
    let conversations: Vec<_> = (1..=3).map(|object| world.watching(object)).collect();
    world.start().await;
    world.baselined().await;
    world.hook.go_away();
    for n in 0..20 {
        for (who, conversation) in (1..).zip(&conversations) {
            conversation.customer_says(format!("{who} writes {n}"));
        }
        world.polled(1).await;
    }
    world.notifier_until("people", "all wait", |one| one["pending"] == 60).await;
    world.hook.come_back().await;
    world.ask(&["notifiers", "resume", "people"]);
    world.ask(&["notifiers", "resume", "hook"]);
    world.all_delivered().await;
    let all = people_have(&world, "everything", |all| {
        let told: std::collections::BTreeSet<String> = texts(all).into_iter().collect();
        told.len() == 60
    })
    .await;
    nothing_is_left(&world).await;
    // Of each conversation what was tried while it was away, and the rest as one.
    assert!(all.len() <= 6, "{} notifications", all.len());
    world.check();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_held_back_goes_by_the_configuration_that_is_in_use_and_nobody_is_told_in_its_place() {
    let mut world =
        world("group = { wait = \"5m\", interval = \"0s\" }\nfallback = [\"log\"]\nfallback_after = \"2s\"")
            .await;
    let dana = world.watching(7);
    world.start().await;
    world.baselined().await;
    dana.customer_says("one");
    dana.customer_says("two");
    world.all_delivered().await;
    world.metric_until("outbox_held{notifier=\"people\",reason=\"group\"}", "2").await;
    world.polled(4).await;
    assert_eq!(world.hook.look(to_people).len(), 0);
    assert!(!world.output.all().contains("has not accepted"), "held on purpose is not late");
    world.config.more = world.config.more.replace("wait = \"5m\"", "wait = \"0s\"");
    world.write_config();
    world.ask(&["reload"]);
    let all = people_have(&world, "both", |all| !all.is_empty()).await;
    assert_eq!((all.len(), texts(&all)), (1, vec!["one".to_owned(), "two".to_owned()]));
    // Refused, both are told to the fallback as they were told here.
    world.hook.refuses_at("/people");
    dana.customer_says("three");
    world.polled(1).await;
    dana.customer_says("four");
    world.line_after(0, "people has not accepted this within 2 s").await;
    world.hook.refuses_at("");
    nothing_is_left(&world).await;
}

/// CommBox is away, and everybody writes meanwhile: when it is back, people get a few notifications and a digest, and the
/// program every message. The daemon is killed as soon as it has found the first of them.
#[tokio::test(flavor = "multi_thread")]
async fn after_an_outage_of_commbox_forty_conversations_are_no_flood() {
    let mut world = world("group = true\nmax_per = \"5/3s\"").await;
    let conversations: Vec<_> = (1..=40).map(|object| world.watching(object)).collect();
    world.start().await;
    world.baselined().await;
    world.sim.fault(Scope::All, Fault::status(503), Times::Forever);
    for n in 0..3 {
        for (who, conversation) in (1..).zip(&conversations) {
            conversation.customer_says(format!("{who} asks {n}"));
        }
    }
    let from = world.output.count();
    world.sim.clear_faults();
    world.line_after(from, "found message.created").await;
    world.kill();
    world.start().await;
    world.all_delivered().await;
    let all = people_have(&world, "all of it", |all| {
        let told: std::collections::BTreeSet<String> = texts(all).into_iter().collect();
        told.len() == 120
    })
    .await;
    nothing_is_left(&world).await;
    // As many as the cap allows in the time that it took, and none a message.
    let took = all[all.len() - 1].at - all[0].at;
    let most = 5 * (took.as_secs() / 3 + 2);
    assert!((all.len() as u64) < most.min(60), "{} in {took:?}", all.len());
    assert!(all.iter().any(|one| events(one).len() > 3), "a digest of several conversations");
    world.check();
}
