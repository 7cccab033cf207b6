//! Silences: what they keep from whom, how they end, and that nothing is lost by them; `ack`; and `routes`.

use jiff::Timestamp;
use serde_json::Value;

use crate::receiver::Received;
use crate::world::{PATIENCE, World};

const MESSAGES: &str = "[[route]]\nname = \"messages\"\nnotify = [\"hook\"]\n";
const WAITS: &str = "[[route]]\nname = \"waits\"\nunanswered_for = [\"10s\"]\nnotify = [\"hook\"]\n";

impl World {
    /// Exit status, standard output and standard error of a command.
    fn says(&self, arguments: &[&str]) -> (Option<i32>, String, String) {
        let output = self.run(&[arguments, &["--socket", "admin.sock"]].concat());
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        (output.status.code(), text(output.stdout), text(output.stderr))
    }

    fn answer(&self, arguments: &[&str]) -> Value {
        serde_json::from_str(&self.ask(&[arguments, &["--output", "json"]].concat())).unwrap()
    }

    /// The newest event of a type.
    fn newest(&self, kind: &str) -> String {
        let events = self.answer(&["events", "--type", kind]);
        events["shown"][0]["id"].as_str().unwrap_or_else(|| panic!("no {kind}: {events:#}")).to_owned()
    }

    /// Texts of the messages that the hook accepted.
    fn heard(&self) -> Vec<String> {
        self.hook.accepted().into_iter().map(|one| one.text).collect()
    }

    /// Waits until so many deliveries for the hook were suppressed since the daemon started.
    async fn suppressed(&self, n: u64) {
        let series = "deliveries_total{notifier=\"hook\",result=\"suppressed\"}";
        self.metric_until(series, &n.to_string()).await;
    }

    async fn hears(&self, text: &str) {
        self.hook.wait(text, PATIENCE, |all| all.iter().any(|one| one.text == text && one.accepted)).await;
    }
}

/// Whether each part stands in the text, in this order.
#[track_caller]
fn in_order(text: &str, parts: &[&str]) {
    let mut rest = text;
    for part in parts {
        let Some((_, after)) = rest.split_once(part) else { panic!("no {part:?} (in order) in\n{text}") };
        rest = after;
    }
}

/// She writes while her tag is silenced: nobody is told, the reason is kept, a kill changes nothing, and what comes
/// after the end arrives.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_silence_covers_is_suppressed_with_a_reason_until_somebody_ends_it() {
    let mut world = World::new().await;
    world.config.routes = MESSAGES.to_owned();
    let dana = world.watching(7);
    let other = world.watching(8);
    world.config.watches[0].tags = vec!["acme"];
    world.start().await;
    world.baselined().await;
    let (code, _, stderr) = world.says(&["silence", "add", "--tag", "acm", "--for", "1h", "--reason", "x"]);
    assert_eq!((code, stderr.as_str()), (Some(1), "error: there is no tag `acm`\n  hint: there is `acme`\n"));
    let (code, _, stderr) = world.says(&["silence", "add", "--tag", "acme", "--for", "31d", "--reason", "x"]);
    assert_eq!(code, Some(1));
    assert!(stderr.starts_with("error: a silence lasts 30 days at most: until 20"), "{stderr}");

    let added =
        world.ask(&["silence", "add", "--tag", "acme", "--for", "1h", "--reason", "migration weekend"]);
    in_order(&added, &["silence 1 (tag acme, until 20", "): migration weekend\nit is about 1 conversation"]);
    dana.customer_says("quiet");
    other.customer_says("from elsewhere");
    world.hears("from elsewhere").await;
    world.suppressed(1).await;
    let why = world.ask(&["why", "--watch", "w7"]);
    in_order(
        &why,
        &[
            "Nobody is told of what it finds: silence 1 (tag acme, until 20",
            "1 event found, of which 1 suppressed.",
            "hook: suppressed 20",
            " by silence 1 (tag acme",
        ],
    );
    let events = world.answer(&["events", "--watch", "w7"]);
    let quiet = events["shown"][0]["id"].as_str().unwrap().to_owned();
    let why = world.ask(&["why", &quiet]);
    in_order(
        &why,
        &[
            "no   [silence 1]: kept from hook: silence 1 (tag acme, until 20",
            "): migration weekend",
            "yes  messages: tells hook",
            "hook: suppressed 20",
            "Kept from hook by silence 1 (tag acme, until 20",
            &format!("`commwatch replay {quiet}` sends it all the same."),
        ],
    );
    let status = world.status();
    assert_eq!(status["silences"][0]["reason"], "migration weekend");
    assert_eq!(status["silences"][0]["matcher"]["tag"], "acme");
    let (_, page) = world.get("/").await;
    in_order(&page, &[">Silences</h2>", "tag acme", "migration weekend"]);
    world.metric_until("silences_active", "1").await;

    world.all_noted().await;
    world.kill();
    world.start().await;
    dana.customer_says("still quiet");
    world.suppressed(1).await;
    assert_eq!(world.heard(), ["from elsewhere"]);
    world.metric_until("outbox_imbalance{notifier=\"hook\"}", "0").await;

    let expired = world.ask(&["silence", "expire", "1"]);
    in_order(&expired, &["silence 1 (tag acme", "it is over now"]);
    dana.customer_says("loud");
    world.hears("loud").await;
    assert_eq!(world.heard(), ["from elsewhere", "loud"]);
    let (code, _, stderr) = world.says(&["silence", "expire", "1"]);
    assert_eq!((code, stderr.as_str()), (Some(1), "error: no silence 1 holds: there is none\n"));
    assert_eq!(world.says(&["silence", "list"]).2, "there is no silence\n");
    let all = world.answer(&["silence", "list", "--all"]);
    assert_eq!((&all[0]["active"], &all[0]["silence"]["id"]), (&false.into(), &1.into()));
    assert!(all[0]["silence"]["ended"]["why"].as_str().unwrap().starts_with("expired by "), "{all:#}");

    // Nothing is lost: an operator can have it sent all the same.
    world.ask(&["replay", &quiet]);
    world.hears("quiet").await;
    world.metric_until("outbox_imbalance{notifier=\"hook\"}", "0").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_silence_ends_with_a_reply_or_with_the_end_of_the_conversation_and_what_comes_next_is_told() {
    let mut world = World::new().await;
    world.config.routes = MESSAGES.to_owned();
    let dana = world.watching(7);
    world.start().await;
    world.baselined().await;
    world.ask(&["silence", "add", "--watch", "w7", "--for", "2h", "--until-reply", "--reason", "I am on it"]);
    dana.customer_says("one");
    world.suppressed(1).await;
    dana.agent_says("Noa Bar", "here I am");
    world.line_after(0, "is over: somebody replied (message ").await;
    dana.customer_says("two");
    world.hears("two").await;

    let until = ["--for", "2h", "--until-close", "--reason", "until they are done"];
    world.ask(&[&["silence", "add", "--conversation", "main/7"][..], &until].concat());
    dana.customer_says("three");
    world.suppressed(2).await;
    dana.agent_says("Noa Bar", "no reply ends this one");
    world.polled(2).await;
    dana.customer_says("four");
    world.suppressed(3).await;
    dana.set_status(2);
    world.line_after(0, "is over: the conversation is over").await;
    dana.set_status(1);
    dana.customer_says("five");
    world.hears("five").await;
    assert_eq!(world.heard(), ["two", "five"]);
}

fn is(kind: &'static str) -> impl Fn(&Received) -> bool {
    move |one| one.accepted && one.kind == format!("commwatch.conversation.{kind}.v1")
}

/// She waits while she is silenced: that is told when the silence is over, since she still waits; also when the daemon
/// was killed in between. Whoever was told hears of the reply, though she is silenced again by then.
#[tokio::test(flavor = "multi_thread")]
async fn who_still_waits_when_a_silence_is_over_is_told_then_and_the_answer_reaches_whoever_was_told() {
    let mut world = World::new().await;
    world.config.routes = WAITS.to_owned();
    let dana = world.watching(7);
    dana.agent_says("Noa Bar", "what was before is answered");
    world.start().await;
    world.baselined().await;
    let silence = ["silence", "add", "--watch", "w7", "--for", "1h", "--reason", "lunch"];
    world.ask(&silence);
    dana.customer_says("is anybody there?");
    world.line_after(0, "found conversation.waiting").await;
    world.suppressed(1).await;
    world.kill();
    world.start().await;
    world.polled(2).await;
    assert!(world.hook.accepted().is_empty());
    world.ask(&["silence", "expire", "1"]);
    world.hook.wait("that she waits", PATIENCE, |all| all.iter().any(is("waiting"))).await;
    let why = world.ask(&["why", &world.newest("conversation.waiting")]);
    in_order(&why, &["yes  waits: tells hook", "hook: delivered"]);

    world.ask(&silence);
    dana.agent_says("Noa Bar", "here I am");
    world.hook.wait("the answer", PATIENCE, |all| all.iter().any(is("answered"))).await;
    let kinds: Vec<String> = world.hook.accepted().into_iter().map(|one| one.kind).collect();
    assert_eq!(kinds, ["commwatch.conversation.waiting.v1", "commwatch.conversation.answered.v1"]);
}

/// A silence of seconds ends by itself, and then she is told of without anybody asking.
#[tokio::test(flavor = "multi_thread")]
async fn a_silence_that_runs_out_is_over_for_who_waits_as_well() {
    let mut world = World::new().await;
    world.config.routes = WAITS.to_owned();
    let dana = world.watching(7);
    dana.agent_says("Noa Bar", "what was before is answered");
    world.start().await;
    world.baselined().await;
    world.ask(&["silence", "add", "--watch", "w7", "--for", "20s", "--reason", "coffee"]);
    dana.customer_says("is anybody there?");
    world.suppressed(1).await;
    world.hook.wait("that she waits", PATIENCE, |all| all.iter().any(is("waiting"))).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn once_somebody_knows_who_waits_nobody_is_told_until_the_customer_writes_again() {
    let mut world = World::new().await;
    world.config.routes = WAITS.replace("[\"10s\"]", "[\"10s\", \"14s\"]");
    let dana = world.watching(7);
    dana.agent_says("Noa Bar", "what was before is answered");
    world.start().await;
    world.baselined().await;
    let (code, _, stderr) = world.says(&["ack", "w7"]);
    assert_eq!(code, Some(1));
    assert!(stderr.starts_with("error: nobody waits in watch w7\n  hint: "), "{stderr}");
    let (code, _, stderr) = world.says(&["ack", "w9"]);
    assert_eq!((code, stderr.as_str()), (Some(1), "error: there is no watch `w9`\n  hint: there is `w7`\n"));

    dana.customer_says("is anybody there?");
    let written = Timestamp::now();
    world.metric_until("conversations_waiting{priority=\"vip\"}", "1").await;
    world.hook.wait("that she waits", PATIENCE, |all| all.iter().any(is("waiting"))).await;
    let acked = world.ask(&["ack", "w7"]);
    in_order(&acked, &[" knows that the customer of w7 waits: main/7 since 20", "\nnobody is told again"]);
    assert_eq!(world.status()["watches"][0]["acked"], true);
    assert!(world.ask(&["status"]).contains(", acked"));
    in_order(&world.ask(&["why", "--watch", "w7"]), &["Its customer waits", "somebody knows of it"]);
    world.all_noted().await;
    world.kill();
    world.start().await;
    // Both of its times are over, and several polls have seen it.
    while Timestamp::now().duration_since(written).as_secs() < 17 {
        world.polled(1).await;
    }
    world.polled(2).await;
    assert_eq!(world.status()["watches"][0]["acked"], true);
    assert_eq!(world.hook.accepted().len(), 1);

    dana.customer_says("hello?");
    let both = |all: &[Received]| all.iter().filter(|one| is("waiting")(one)).count() == 2;
    world.hook.wait("that she still waits", PATIENCE, both).await;
    let thresholds: Vec<Value> = world
        .hook
        .accepted()
        .into_iter()
        .map(|one| one.body["data"]["waiting"]["threshold_seconds"].clone())
        .collect();
    assert_eq!(thresholds, [10, 14]);
    world.status_until("nobody knows of it", |status| status["watches"][0]["acked"] == false).await;
    dana.agent_says("Noa Bar", "here I am");
    world.hook.wait("the answer", PATIENCE, |all| all.iter().any(is("answered"))).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn routes_say_who_would_be_told_and_why_without_a_daemon() {
    let mut world = World::new().await;
    world.config.routes = format!(
        "{MESSAGES}{}[[route]]\nname = \"agents\"\nfrom = [\"agent\"]\ntags = [\"acme\"]\nnotify = [\"log\"]\n",
        WAITS.replace("[\"10s\"]", "[\"10m\", \"1h\"]")
    );
    world.config.more = "[operators]\nnotify = [\"log\"]\n".to_owned();
    world.watching(7);
    world.watching(8);
    world.config.watches[1].tags = vec!["acme"];
    world.write_config();
    let asks = |arguments: &[&str]| {
        let output = world.run(&[&["routes", "-c", "commwatch.toml"], arguments].concat());
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        (output.status.code(), text(output.stdout), text(output.stderr))
    };
    insta::assert_snapshot!(asks(&[]).1, @"
    w7 (vip): message.created from customer tells hook
      yes  messages: tells hook
      no   waits: it is told of who waits, not of message.created
      no   agents: author is customer, not agent
    w8 (vip, tags acme): message.created from customer tells hook
      yes  messages: tells hook
      no   waits: it is told of who waits, not of message.created
      no   agents: author is customer, not agent
    ");
    insta::assert_snapshot!(asks(&["--watch", "w8", "--from", "agent"]).1, @"
    w8 (vip, tags acme): message.created from agent tells log
      no   messages: author is agent, not customer or unknown
      no   waits: it is told of who waits, not of message.created
      yes  agents: tells log
    ");
    let waits = ["--watch", "w7", "--type", "conversation.waiting", "--at", "2026-03-02T10:00:00Z"];
    insta::assert_snapshot!(asks(&waits).1, @"
    w7 (vip): conversation.waiting after 600 s (of a message of 2026-03-02T10:00:00Z: 2026-03-02T10:10:00Z) tells hook
      no   messages: events are message.created, not conversation.waiting
      yes  waits: tells hook
      no   agents: events are message.created, not conversation.waiting
    w7 (vip): conversation.waiting after 3600 s (of a message of 2026-03-02T10:00:00Z: 2026-03-02T11:00:00Z) tells hook
      no   messages: events are message.created, not conversation.waiting
      yes  waits: tells hook
      no   agents: events are message.created, not conversation.waiting
    ");
    insta::assert_snapshot!(asks(&["--watch", "w7", "--type", "conversation.answered"]).1, @"
    w7 (vip): conversation.answered tells hook
      yes  [told of the wait]: tells hook
      no   messages: events are message.created, not conversation.answered
      no   waits: it is told of who waits, not of conversation.answered
      no   agents: events are message.created, not conversation.answered
    ");
    insta::assert_snapshot!(asks(&["--type", "account.denied"]).1, @"
    account.denied tells log
      yes  [operators]: tells log
      no   messages: events are message.created, not account.denied
      no   waits: it is told of who waits, not of account.denied
      no   agents: events are message.created, not account.denied
    ");
    let json: Value = serde_json::from_str(&asks(&["--watch", "w7", "--output", "json"]).1).unwrap();
    assert_eq!((&json[0]["watch"], &json[0]["told"]), (&"w7".into(), &serde_json::json!(["hook"])));
    assert_eq!(json[0]["routes"][2]["no"], "author is customer, not agent");
    let (code, _, stderr) = asks(&["--watch", "w9"]);
    assert_eq!(
        (code, stderr.as_str()),
        (Some(1), "error: there is no watch `w9`\n  hint: there is `w7`, `w8`; did you mean `w7`?\n")
    );
    assert_eq!(asks(&["--type", "conversation.assigned", "--from", "agent"]).0, Some(2));
    std::fs::write(world.config_path(), "nonsense").unwrap();
    assert_eq!(asks(&[]).0, Some(78));
}
