//! Customers and channels: their conversations are found, a new one is told of with all that was written in it, and
//! nothing is forgotten or told twice, whenever the daemon dies.

use std::collections::HashSet;

use commwatch_simulator::{Channel, Conversation, Fault, Post, Scope, Seen, Times};
use jiff::{SignedDuration, Timestamp};

use crate::receiver::Received;
use crate::world::{PATIENCE, WatchText, World};

const DANA: i64 = 531_826;
const ROUTES: &str = "[[route]]\nevents = [\"conversation.opened\", \"message.created\"]\nfrom = [\"customer\", \"agent\"]\n\
                      notify = [\"hook\", \"log\"]\n";

fn ago(seconds: i64) -> Timestamp {
    Timestamp::now() - SignedDuration::from_secs(seconds)
}

/// A world in which somebody is watched wherever she writes.
async fn watching(target: &str) -> World {
    let mut world = World::new().await;
    world.config.routes = ROUTES.to_owned();
    world.config.more = format!(
        "[[watch]]\nname = \"acme-anyone\"\ntitle = \"ACME\"\npriority = \"vip\"\ntags = [\"acme\"]\n\
         discovery = \"1s\"\n{target}\n"
    );
    world
}

/// A conversation of hers that began an hour ago, with a message of then.
fn old(world: &World, stream: i64, object: i64) -> Conversation {
    let conversation = began(world, stream, object, ago(3600));
    conversation.says(Post::customer("old").at(ago(3500)));
    conversation
}

fn began(world: &World, stream: i64, object: i64, at: Timestamp) -> Conversation {
    world.sim.conversation(stream, object).customer("Dana", "Levi").identity(DANA).created(at)
}

/// What the hook accepted: conversation, what, text; each event once, however often it came.
fn told(world: &World) -> Vec<(String, String, String)> {
    let short = |kind: &str| kind.trim_start_matches("commwatch.").trim_end_matches(".v1").to_owned();
    let told = |one: Received| (one.object.clone(), short(&one.kind), one.text.clone());
    let mut ids = HashSet::new();
    world.hook.accepted().into_iter().filter(|one| ids.insert(one.id.clone())).map(told).collect()
}

/// By which watch a message was told.
fn watch_of(world: &World, text: &str) -> String {
    let all = world.hook.accepted();
    let one = all.iter().find(|one| one.text == text).unwrap();
    one.body["data"]["watch"]["name"].as_str().unwrap().to_owned()
}

async fn told_of(world: &World, what: &str, text: &str) {
    world.hook.wait(what, PATIENCE, |all| all.iter().any(|one| one.accepted && one.text == text)).await;
}

/// The journey: she writes in a conversation that nobody has heard of, and the daemon dies again and again.
#[tokio::test(flavor = "multi_thread")]
async fn a_new_conversation_of_a_vip_is_told_with_all_that_was_written_in_it() {
    let mut world = watching(&format!("customer = {DANA}")).await;
    let known = old(&world, 532, 11);
    old(&world, 532, 12).set_status(2);
    // Somebody else's.
    world.sim.conversation(532, 99).identity(7).customer_says("not hers");
    world.start().await;
    world.status_until("both conversations", |status| status["watches"][0]["conversations"] == 2).await;
    world.metric_until("watch_conversations{watch=\"acme-anyone\"}", "2").await;
    world.line_after(0, "took the baseline").await;
    known.customer_says("one more thing");
    told_of(&world, "a message in one that was there", "one more thing").await;

    let new = began(&world, 41_210, 13, Timestamp::now());
    new.customer_says("are you there?");
    new.customer_says("it is urgent");
    told_of(&world, "the new conversation", "it is urgent").await;
    let expected = [
        ("11", "message.created", "one more thing"),
        ("13", "conversation.opened", ""),
        ("13", "message.created", "are you there?"),
        ("13", "message.created", "it is urgent"),
    ];
    let expected = expected.map(|(object, kind, text)| (object.to_owned(), kind.to_owned(), text.to_owned()));
    assert_eq!(told(&world), expected);
    let opened = world.hook.accepted().remove(1);
    assert_eq!(opened.body["data"]["watch"]["name"], "acme-anyone");
    assert_eq!(opened.body["data"]["watch"]["tags"][0], "acme");
    assert_eq!(opened.body["data"]["conversation"]["stream_id"], "41210");
    let (_, metrics) = world.get("/metrics").await;
    assert!(
        metrics.contains("commwatch_events_total{priority=\"vip\",type=\"conversation.opened\"} 1"),
        "{metrics}"
    );
    for id in ["13", "12", "41210", &DANA.to_string()] {
        assert!(!metrics.contains(&format!("\"{id}\"")), "an id that was discovered: {id}\n{metrics}");
    }

    // Dead while two more begin, of which one is over before anybody looks; and while nobody can be asked.
    world.kill();
    let short = began(&world, 532, 14, Timestamp::now());
    short.customer_says("never mind");
    short.set_status(2);
    began(&world, 532, 15, Timestamp::now()).customer_says("and another one");
    new.customer_says("hello?");
    world.sim.fault(Scope::Listings, Fault::status(503), Times::N(1));
    world.start().await;
    told_of(&world, "what was written while it was dead", "hello?").await;
    told_of(&world, "a conversation that was over", "never mind").await;
    told_of(&world, "a conversation that began while it was dead", "and another one").await;
    world.kill();
    world.start().await;
    for object in [11, 13, 15] {
        world.sim.wait_for_polls(object, 2, PATIENCE).await.expect("polls");
    }
    let told = told(&world);
    for object in ["13", "14", "15"] {
        let opened = told.iter().filter(|one| one.0 == object && one.1 == "conversation.opened").count();
        assert_eq!(opened, 1, "{object}: {told:?}");
    }
    assert_eq!(told.len(), 4 + 1 + 2 + 2, "{told:?}");
    assert!(told.iter().all(|(object, ..)| object != "12" && object != "99"), "{told:?}");
    let text = world.ask(&["status"]);
    assert!(text.contains("acme-anyone") && text.contains("ACME (5 conversations)"), "{text}");
    let why = world.ask(&["why", "--watch", "acme-anyone"]);
    assert!(why.contains("conversation.opened"), "{why}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_watch_that_names_a_conversation_has_it() {
    let mut world = watching(&format!("customer = {DANA}")).await;
    let named = world.watching(11).identity(DANA);
    let found = old(&world, 532, 12);
    world.start().await;
    world.baselined().await;
    world
        .status_until("the other one", |status| {
            status["watches"][0]["conversations"] == 1 || status["watches"][1]["conversations"] == 1
        })
        .await;
    named.customer_says("to the one");
    found.customer_says("to the other");
    told_of(&world, "both", "to the one").await;
    told_of(&world, "both", "to the other").await;
    assert_eq!(
        (watch_of(&world, "to the one"), watch_of(&world, "to the other")),
        ("w11".into(), "acme-anyone".into())
    );

    // It is named no more: the customer's watch goes on where it was, and tells nothing twice.
    world.unwatch(11);
    world.write_config();
    world.ask(&["reload", "--allow-removals"]);
    world.status_until("both", |status| status["watches"][0]["conversations"] == 2).await;
    named.customer_says("to whoever has it now");
    told_of(&world, "the rest", "to whoever has it now").await;
    assert_eq!(watch_of(&world, "to whoever has it now"), "acme-anyone");
    assert_eq!(told(&world).len(), 3, "{:?}", told(&world));

    // And named again.
    world.config.watches.push(WatchText::of(11));
    world.write_config();
    world.ask(&["reload"]);
    world.metric_until("watch_conversations{watch=\"acme-anyone\"}", "1").await;
    named.customer_says("back to the one");
    told_of(&world, "the one again", "back to the one").await;
    assert_eq!(watch_of(&world, "back to the one"), "w11");
}

/// A conversation that is over is let go, and comes back when it goes on.
#[tokio::test(flavor = "multi_thread")]
async fn a_customer_is_found_by_phone_on_the_channels_that_are_named() {
    let mut world = watching("customer = { phone = \"+972 50-012-3456\" }").await;
    world.config.account = "streams = [532, 533]\n".to_owned();
    let sim = world.sim.clone();
    let by_phone = |stream, object, at| {
        let conversation = sim.conversation(stream, object).customer("Dana", "Levi").created(at);
        conversation.channel(Channel::WhatsApp).address("972500123456")
    };
    by_phone(532, 21, ago(3600)).says(Post::customer("old").at(ago(3500)));
    // Over for long: known, and not watched.
    let over = by_phone(533, 22, ago(9 * 86_400));
    over.says(Post::customer("old").at(ago(9 * 86_400)));
    over.clone().over(2, ago(8 * 86_400));
    world.start().await;
    world.status_until("the one", |status| status["watches"][0]["conversations"] == 1).await;
    over.customer_says("it is broken again");
    over.set_status(1);
    told_of(&world, "a conversation that goes on", "it is broken again").await;
    by_phone(533, 23, Timestamp::now()).customer_says("and this");
    told_of(&world, "a new one", "and this").await;
    let kinds: Vec<(String, String)> =
        told(&world).into_iter().map(|(object, kind, _)| (object, kind)).collect();
    let expected = [("22", "message.created"), ("23", "conversation.opened"), ("23", "message.created")];
    assert_eq!(kinds, expected.map(|(object, kind)| (object.to_owned(), kind.to_owned())));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_channel_is_watched_by_status() {
    let mut world = watching("channel = { stream = 532, status = [\"open\", \"in process\"] }").await;
    world.config.more = world.config.more.replace("priority = \"vip\"\n", "");
    for object in 1..=120 {
        old(&world, 532, object);
    }
    let bot = old(&world, 532, 500);
    bot.set_status(11);
    world.start().await;
    world.status_until("all open ones", |status| status["watches"][0]["conversations"] == 120).await;
    bot.customer_says("I want a person");
    bot.set_status(1);
    told_of(&world, "one that is open now", "I want a person").await;
    began(&world, 532, 501, Timestamp::now()).customer_says("good morning");
    told_of(&world, "a new one", "good morning").await;
    began(&world, 533, 502, Timestamp::now()).customer_says("elsewhere");
    began(&world, 532, 503, Timestamp::now()).customer_says("later");
    told_of(&world, "the next new one", "later").await;
    let opened: Vec<String> =
        told(&world).into_iter().filter(|one| one.1 == "conversation.opened").map(|one| one.0).collect();
    assert_eq!(opened, ["501", "503"]);
}

/// Whoever looks first: a customer's watch has her conversations, and a channel's the others.
#[tokio::test(flavor = "multi_thread")]
async fn a_conversation_that_two_watches_find_belongs_to_its_customers() {
    let mut world = watching("channel = { stream = 532 }").await;
    world.config.more +=
        &format!("[[watch]]\nname = \"dana\"\npriority = \"vip\"\ndiscovery = \"1s\"\ncustomer = {DANA}\n");
    let hers = old(&world, 532, 11);
    let other = world.sim.conversation(532, 12).customer("Yossi", "Katz").created(ago(3600));
    other.says(Post::customer("old").at(ago(3500)));
    world.start().await;
    for name in ["dana", "acme-anyone"] {
        world.metric_until(&format!("watch_conversations{{watch=\"{name}\"}}"), "1").await;
    }
    hers.customer_says("from her");
    other.customer_says("from him");
    began(&world, 532, 13, Timestamp::now()).customer_says("from her again");
    for text in ["from her", "from him", "from her again"] {
        told_of(&world, "each", text).await;
    }
    let watches = ["from her", "from him", "from her again"].map(|text| watch_of(&world, text));
    assert_eq!((&*watches[0], &*watches[1]), ("dana", "acme-anyone"));
    // Whichever look comes first tells of a new one; it is told once, and then it is hers.
    world.metric_until("watch_conversations{watch=\"dana\"}", "2").await;
    world.metric_until("watch_conversations{watch=\"acme-anyone\"}", "1").await;
    let told = told(&world);
    assert_eq!(told.iter().filter(|one| one.1 == "conversation.opened").count(), 1, "{told:?}");
    assert_eq!(told.len(), 4, "{told:?}");
}

/// Taken up and put down while the daemon runs; a look that is refused changes nothing and holds up nothing.
#[tokio::test(flavor = "multi_thread")]
async fn a_customer_comes_and_goes_with_the_configuration_and_a_look_that_fails_changes_nothing() {
    let mut world = watching(&format!("customer = {DANA}")).await;
    let customer = std::mem::take(&mut world.config.more);
    let named = world.watching(7);
    old(&world, 532, 11);
    world.start().await;
    world.baselined().await;
    let from = world.sim.requests().len();
    world.config.more = customer;
    world.write_config();
    world.ask(&["reload"]);
    world.status_until("the one", |status| status["watches"].as_array().unwrap().len() == 2).await;
    world.metric_until("watch_conversations{watch=\"acme-anyone\"}", "1").await;

    // No list can be had, whatever the reason: what is known is polled, and what is new is told afterwards.
    for fault in [Fault::status(403), Fault::status(503), Fault::Truncate(20)] {
        world.sim.fault(Scope::Listings, fault, Times::N(1));
    }
    let new = began(&world, 533, 12, Timestamp::now());
    new.customer_says("are you there?");
    named.customer_says("meanwhile");
    told_of(&world, "the named one", "meanwhile").await;
    told_of(&world, "the new one", "are you there?").await;
    let denied = world.hook.accepted().into_iter().filter(|one| one.kind.contains("account.denied")).count();
    assert_eq!(denied, 0, "the key is good for others");

    // Removing a VIP needs a yes; then nothing of hers is asked for any more.
    world.config.more.clear();
    world.write_config();
    let held = world.run(&["reload", "--socket", "admin.sock"]);
    assert!(!held.status.success() && String::from_utf8_lossy(&held.stderr).contains("acme-anyone"));
    world.ask(&["reload", "--allow-removals"]);
    let asked = world.sim.request_count(12);
    world.polled(3).await;
    assert!(world.sim.request_count(12) <= asked + 1, "it is asked for no more");
    new.customer_says("nobody hears this yet");
    // Put back, it goes on where it was.
    world.config.more =
        format!("[[watch]]\nname = \"renamed\"\npriority = \"vip\"\ndiscovery = \"1s\"\ncustomer = {DANA}\n");
    world.write_config();
    world.ask(&["reload"]);
    told_of(&world, "what came meanwhile", "nobody hears this yet").await;
    assert_eq!(watch_of(&world, "nobody hears this yet"), "renamed");
    let opened = told(&world).into_iter().filter(|one| one.1 == "conversation.opened").count();
    assert_eq!(opened, 1, "{:?}", told(&world));
    let together =
        world.sim.requests()[from..].iter().filter_map(|one| one.object_id).collect::<HashSet<_>>();
    assert!(together.iter().all(|object| world.sim.max_concurrent(*object) == 1), "two at once");
}

/// What `find` writes is a configuration, and `show` reads what it is about.
#[tokio::test(flavor = "multi_thread")]
async fn find_writes_lines_that_are_ready_and_show_reads_one() {
    let mut world = World::new().await;
    let dana = old(&world, 532, 11);
    dana.agent_says("Noa Bar", "line one\n\u{1b}[31mline two");
    old(&world, 41_210, 12).set_status(2);
    world.write_config();
    let run = |world: &World, arguments: &[&str]| {
        let output = world.run(&[arguments, &["-c", "commwatch.toml"]].concat());
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        (output.status.code(), text(&output.stdout), text(&output.stderr))
    };
    let (code, lines, err) = run(&world, &["find", "--identity", &DANA.to_string()]);
    assert_eq!((code, err.as_str()), (Some(0), ""));
    for line in [
        "customer = 531826",
        "name = \"dana-levi\"",
        "name = \"dana-levi-11\"",
        "object = 12",
        "stream = 41210",
    ] {
        assert!(lines.contains(line), "{line}: {lines}");
    }
    world.config.more = lines;
    world.write_config();
    assert_eq!(run(&world, &["check"]).0, Some(0));
    for watch in ["dana-levi", "dana-levi-11"] {
        let (code, shown, err) = run(&world, &["show", watch]);
        assert_eq!((code, err.as_str()), (Some(0), ""), "{watch}");
        assert!(shown.contains("object 11") && shown.contains("customer Dana Levi"), "{shown}");
        assert!(
            shown.contains("agent Noa Bar") && shown.contains("line two") && !shown.contains('\u{1b}'),
            "{shown}"
        );
    }
    let (code, json, _) = run(&world, &["show", "dana-levi-12", "--output", "json"]);
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(
        (code, &json["status"], &json["messages"][0]["text"]),
        (Some(0), &"resolved".into(), &"old".into())
    );

    let (code, out, err) = run(&world, &["find", "--identity", "9"]);
    assert_eq!((code, out.as_str()), (Some(1), ""), "{err}");
    let (code, _, err) = run(&world, &["show", "dana"]);
    assert!(
        code == Some(1) && err.contains("there is no watch `dana`") && err.contains("`dana-levi`"),
        "{err}"
    );
    world.sim.fault(Scope::Listings, Fault::status(401), Times::N(1));
    let (code, _, err) = run(&world, &["find", "--email", "a@b.example"]);
    assert!(code == Some(1) && err.contains("401"), "{err}");
}

/// A channel that is added to a phone number's others begins then; what the others bring is told as ever.
#[tokio::test(flavor = "multi_thread")]
async fn a_channel_is_added_to_a_customers_and_brings_no_flood_and_loses_nothing() {
    let mut world = watching("customer = { phone = \"+972 50-012-3456\" }").await;
    world.config.account = "streams = [532]\n".to_owned();
    let sim = world.sim.clone();
    let by_phone = |stream, object| {
        let conversation =
            sim.conversation(stream, object).customer("Dana", "Levi").created(Timestamp::now());
        conversation.channel(Channel::WhatsApp).address("972500123456")
    };
    by_phone(532, 21).says(Post::customer("old").at(ago(3500)));
    world.start().await;
    world.status_until("the one", |status| status["watches"][0]["conversations"] == 1).await;
    // These began after the watch did, where nobody looked.
    let elsewhere: Vec<Conversation> = (40..45).map(|object| by_phone(533, object)).collect();
    for one in &elsewhere {
        one.customer_says("not asked for");
    }
    // What is dated to the second in which looking begins counts as new.
    let looks = |seen: &[Seen]| seen.iter().filter(|one| one.object_id.is_none()).count();
    let before = looks(&world.sim.requests());
    world.sim.wait_for("a few looks", PATIENCE, |seen| looks(seen) >= before + 4).await.expect("looks");
    world.kill();
    // And this one where it is looked, while nobody could.
    by_phone(532, 22).customer_says("are you there?");
    world.config.account = "streams = [532, 533]\n".to_owned();
    world.write_config();
    world.start().await;
    told_of(&world, "one that began meanwhile", "are you there?").await;
    world.status_until("all", |status| status["watches"][0]["conversations"] == 7).await;
    by_phone(533, 46).customer_says("and here");
    told_of(&world, "a new one on the new channel", "and here").await;
    for object in 40..45 {
        world.sim.wait_for_polls(object, 1, PATIENCE).await.expect("a baseline");
    }
    elsewhere[0].customer_says("one more thing");
    told_of(&world, "what is written in one that was there", "one more thing").await;
    let told: Vec<(String, String)> =
        told(&world).into_iter().map(|(object, kind, _)| (object, kind)).collect();
    let expected = [
        ("22", "conversation.opened"),
        ("22", "message.created"),
        ("46", "conversation.opened"),
        ("46", "message.created"),
        ("40", "message.created"),
    ];
    assert_eq!(told, expected.map(|(object, kind)| (object.to_owned(), kind.to_owned())));
}

/// Which statuses of a channel are watched is edited: what began since the last look is told, whichever it has by now.
#[tokio::test(flavor = "multi_thread")]
async fn the_statuses_of_a_channel_are_edited_and_what_began_meanwhile_is_told() {
    let mut world = watching("channel = { stream = 532, status = [\"open\"] }").await;
    let in_process: Vec<Conversation> = (11..=15).map(|object| old(&world, 532, object)).collect();
    for one in &in_process {
        one.set_status(8);
    }
    old(&world, 532, 10);
    world.start().await;
    world.status_until("the open one", |status| status["watches"][0]["conversations"] == 1).await;
    // Nobody can look from here on until it is edited.
    world.sim.fault(Scope::Listings, Fault::status(503), Times::Forever);
    began(&world, 532, 17, Timestamp::now()).customer_says("are you there?");
    let picked = began(&world, 532, 18, Timestamp::now());
    picked.customer_says("anybody?");
    picked.set_status(8);
    world.config.more = world.config.more.replace("[\"open\"]", "[\"open\", \"in process\"]");
    world.write_config();
    // It is a VIP's, and none is removed.
    world.ask(&["reload"]);
    world.sim.clear_faults();
    told_of(&world, "one that began meanwhile", "are you there?").await;
    told_of(&world, "one that somebody works on already", "anybody?").await;
    world.status_until("all", |status| status["watches"][0]["conversations"] == 8).await;
    in_process[0].customer_says("one more thing");
    told_of(&world, "what is written in one that is revealed", "one more thing").await;
    let told = told(&world);
    let of = |object: &str| told.iter().filter(|one| one.0 == object).count();
    assert_eq!((of("17"), of("18"), of("11"), of("12"), of("10")), (2, 2, 1, 0, 0), "{told:?}");
}
