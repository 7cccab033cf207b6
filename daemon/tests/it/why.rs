//! What operators ask of the running daemon, and what they have it do again.

use commwatch_simulator::{Fault, Scope, Times};
use serde_json::Value;

use crate::receiver::Reply;
use crate::world::{PATIENCE, World};

impl World {
    fn why(&self, arguments: &[&str]) -> String {
        self.ask(&[&["why"], arguments].concat())
    }

    fn json(&self, arguments: &[&str]) -> Value {
        serde_json::from_str(&self.ask(&[arguments, &["--output", "json"]].concat())).unwrap()
    }

    /// Exit status, standard output and standard error.
    fn typed(&self, arguments: &[&str]) -> (Option<i32>, String, String) {
        let output = self.run(&[arguments, &["--socket", "admin.sock"]].concat());
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        (output.status.code(), text(output.stdout), text(output.stderr))
    }

    /// The ids of events of one type, newest first.
    fn events(&self, kind: &str) -> Vec<String> {
        let all = self.json(&["events", "--type", kind]);
        let all = all["shown"].as_array().unwrap();
        all.iter().map(|event| event["id"].as_str().unwrap().to_owned()).collect()
    }

    /// Waits until a notifier has so many dead letters and nothing pending.
    async fn dead_letters(&self, notifier: &str, n: u64) {
        let says = |one: &Value| one["dead"] == n && one["pending"] == 0;
        self.notifier_until(notifier, &format!("{n} dead letters"), says).await;
    }

    /// Waits until the hook has accepted so many.
    async fn accepted(&self, n: usize) {
        let enough =
            |received: &[crate::receiver::Received]| received.iter().filter(|one| one.accepted).count() >= n;
        self.hook.wait(&format!("{n} accepted"), PATIENCE, enough).await;
    }
}

/// Whether each part stands in the text, in this order.
fn in_order(text: &str, parts: &[&str]) {
    let mut rest = text;
    for part in parts {
        let Some((_, after)) = rest.split_once(part) else { panic!("no {part:?} (in order) in\n{text}") };
        rest = after;
    }
}

const TWO_ROUTES: &str = "[[route]]\nname = \"messages\"\nnotify = [\"hook\", \"log\"]\n\
                          [[route]]\nname = \"agents\"\nfrom = [\"agent\"]\ntags = [\"acme\"]\nnotify = [\"log\"]\n";

#[tokio::test(flavor = "multi_thread")]
async fn an_event_is_explained_from_the_poll_to_each_attempt_by_what_the_routes_said_then() {
    let mut world = World::new().await;
    world.config.routes = TWO_ROUTES.to_owned();
    let dana = world.watching(7);
    world.start().await;
    world.baselined().await;
    world.hook.then([Reply::Says(500, "overloaded".into())]);
    let child = dana.customer_says("my secret wish").to_string();
    world.all_delivered().await;
    world.notifier_until("hook", "nothing pending", |one| one["pending"] == 0).await;
    let id = world.hook.accepted()[0].id.clone();
    let told = world.why(&[&id]);
    in_order(
        &told,
        &[
            &format!(
                "message.created {id}\n  Message {child} by the customer, in conversation 7 of account main (watch w7, vip)."
            ),
            "It happened 20",
            "The answer that showed it came 20",
            "What the routes said when it was found:",
            "yes  messages: tells hook, log",
            "no   agents: author is customer, not agent",
            "What became of it:",
            "hook: delivered 20",
            "attempt 1 20",
            "retry after",
            "500",
            "attempt 2 20",
            "delivered after",
            "log: delivered 20",
        ],
    );
    assert!(!told.contains("secret wish"), "{told}");

    // Today's configuration has other routes; what was said then stands.
    world.config.routes =
        "[[route]]\nname = \"renamed\"\npriority = \"normal\"\nnotify = [\"log\"]\n".to_owned();
    world.write_config();
    world.ask(&["reload"]);
    let later = world.why(&[&id]);
    in_order(&later, &["yes  messages: tells hook, log", "no   agents: author is customer, not agent"]);
    assert!(!later.contains("renamed"), "{later}");
    let json = world.json(&["why", &id]);
    assert_eq!(json["story"]["about"], "event");
    assert_eq!(json["story"]["routing"][0]["told"], serde_json::json!(["hook", "log"]));
    let attempts = &json["story"]["deliveries"]["shown"][0]["attempts"]["shown"];
    assert_eq!((&attempts[0]["outcome"], &attempts[1]["outcome"]), (&"retry".into(), &"delivered".into()));
    assert!(!json.to_string().contains("secret wish"), "{json:#}");

    let of_message = world.why(&["--message", &child]);
    in_order(
        &of_message,
        &[
            "In conversation 7 of account main (watch w7): written 20",
            "An answer first listed it 20",
            "The latest answer that was read lists it.",
            "What was told of it:",
            &id,
            "hook: delivered",
        ],
    );
    let (code, stdout, stderr) = world.typed(&["why", "evt_nothing"]);
    assert_eq!((code, stdout.as_str()), (Some(1), ""));
    assert!(stderr.starts_with("error: no event evt_nothing is kept\n  hint: "), "{stderr}");
}

#[tokio::test(flavor = "multi_thread")]
async fn why_no_alert_was_sent_is_explained_by_route_by_baseline_and_by_what_was_never_listed() {
    let mut world = World::new().await;
    world.config.routes = TWO_ROUTES.to_owned();
    let dana = world.watching(7);
    world.start().await;
    world.baselined().await;
    let old = world.sim.posted()[0].child_id.to_string();
    let untold = dana.agent_says("Avi", "we will see").to_string();
    world.line_after(0, "found message.created in watch w7").await;
    world.polled(1).await;
    let watch = world.why(&["--watch", "w7"]);
    in_order(
        &watch,
        &[
            "watch w7 (Watch 7, vip): conversation 7 of account main, every 1.0 s",
            "It is fresh: last polled 20",
            "Its baseline was taken 20",
            "In short: ",
            "1 event found, of which 1 told to nobody.",
            "Polls by hour:\n  20",
            "What it found since 20",
            &format!("message.created of message {untold} by an agent"),
            "told to nobody:",
            "no   messages: author is agent, not customer or unknown",
            "no   agents: no tag of acme",
            "What waits:\n  Nothing.",
        ],
    );
    // The hour is not over: its polls are still in memory.
    let polls = world.json(&["why", "--watch", "w7"])["story"]["polls"]["shown"].clone();
    assert!(polls[0]["polls"].as_u64().unwrap() >= 2 && polls[0]["changed"] == 2, "{polls:#}");

    let message = world.why(&["--message", &untold, "--watch", "w7"]);
    in_order(&message, &["by an agent", "told to nobody:", "no   agents: no tag of acme"]);
    let baseline = world.why(&["--message", &old]);
    in_order(&baseline, &["It is part of the baseline", "Nothing: it is part of the baseline."]);
    let (code, stdout, _) = world.typed(&["why", "--message", "424242"]);
    assert_eq!(code, Some(1));
    in_order(&stdout, &["No answer that is remembered has listed it.", "w7: last read 20"]);
    let (code, _, stderr) = world.typed(&["why", "--watch", "w8"]);
    assert_eq!((code, stderr.as_str()), (Some(1), "error: there is no watch `w8`\n  hint: there is `w7`\n"));

    // What was polled before a restart is not forgotten.
    assert!(world.stop().await.success());
    world.unwatch(7);
    world.watching(8);
    world.start().await;
    let gone = world.why(&["--watch", "w7"]);
    in_order(&gone, &["It is not in the configuration", "Polls by hour:\n  20", "told to nobody:"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn why_no_alert_was_sent_is_explained_by_what_cannot_be_polled() {
    let mut world = World::new().await;
    world.config.more = "[operators]\nnotify = [\"log\"]\n".to_owned();
    let dana = world.watching(7);
    world.watching(8);
    world.start().await;
    world.baselined().await;
    dana.vanish(true);
    world.line_after(0, "found watch.unreachable in watch w7").await;
    let unreachable = world.why(&["--watch", "w7"]);
    in_order(
        &unreachable,
        &[
            "It is unreachable: ",
            "The last poll failed: ",
            "CommBox does not show the conversation since 20",
            "watch.unreachable",
            "log: ",
        ],
    );
    world.sim.fault(Scope::All, Fault::status(401), Times::Forever);
    world.status_until("the key is refused", |status| status["accounts"][0]["up"] == false).await;
    let denied = world.why(&["--watch", "w8"]);
    in_order(
        &denied,
        &[
            "CommBox refuses the key of account main since 20",
            "Its account's key:",
            "account.denied",
            "log: ",
        ],
    );
    in_order(
        &world.why(&[&world.events("account.denied")[0]]),
        &["Of account main.", "yes  [operators]: tells log"],
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_notifier_is_named_and_is_tried_at_once_when_it_is_resumed() {
    let mut world = World::new().await;
    world.config.more = "[operators]\nnotify = [\"log\"]\n".to_owned();
    let dana = world.watching(7);
    world.start().await;
    world.baselined().await;
    world.hook.usually(Some(Reply::Status(401)));
    dana.customer_says("one");
    world.line_after(0, "notifier/hook: does not work").await;
    dana.customer_says("two");
    world.notifier_until("hook", "held", |one| one["held_reason"] == "broken" && one["held"] == 2).await;
    let [second, first] = <[String; 2]>::try_from(world.events("message.created")).unwrap();
    in_order(&world.why(&[&first]), &["hook: pending, held", "Held: hook is broken since 20", "401"]);
    let head = format!("hook: queued behind 1 other in its lane, whose head is {first}");
    in_order(&world.why(&[&second]), &[&head, "Held: hook is broken"]);
    in_order(&world.why(&["--watch", "w7"]), &["What waits:", &first, "hook: pending, held", &second]);
    in_order(&world.ask(&["notifiers"]), &["HELD", "hook", "broken", "broken", "2"]);
    in_order(&world.ask(&["status"]), &["hook", "broken", "2 (broken)"]);
    in_order(
        &world.ask(&["deliveries", "--notifier", "hook"]),
        &["queued (held: broken)", "pending (held: broken)"],
    );

    let (code, _, stderr) = world.typed(&["notifiers", "resume", "hok"]);
    assert_eq!(code, Some(1));
    assert_eq!(
        stderr,
        "error: there is no notifier `hok`\n  hint: there is `hook`, `log`; did you mean `hook`?\n"
    );
    assert_eq!(world.hook.received().len(), 1, "a broken notifier waits five minutes for its next try");
    world.hook.usually(None);
    in_order(
        &world.ask(&["notifiers", "resume", "hook"]),
        &["hook is tried now; it was held (broken): ", "401"],
    );
    world.all_delivered().await;
    assert_eq!(world.check(), 0);
    world.notifier_until("hook", "held no more", |one| one["held_reason"].is_null()).await;
    assert_eq!(
        world.ask(&["notifiers", "resume", "hook"]),
        "hook is not held: there was nothing to resume\n"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_letter_is_sent_again_under_its_id_and_a_dry_run_sends_nothing() {
    let mut world = World::new().await;
    let dana = world.watching(7);
    world.start().await;
    world.baselined().await;
    world.hook.then([Reply::Status(400)]);
    dana.customer_says("refused once");
    world.dead_letters("hook", 1).await;
    let id = world.hook.received()[0].id.clone();
    in_order(&world.ask(&["deliveries", "--dead"]), &["hook", "dead", &id, "reject"]);
    in_order(
        &world.why(&[&id]),
        &["hook: dead, given up 20", &format!("`commwatch replay {id}` sends it again")],
    );

    let dry = world.ask(&["replay", "--dead", "--dry-run"]);
    in_order(&dry, &[&format!("{id} to hook: was dead, written 20"), "1 delivery would be sent again"]);
    world.polled(2).await;
    assert_eq!(world.hook.received().len(), 1, "a dry run sends nothing");
    world.dead_letters("hook", 1).await;

    let (code, _, stderr) = world.typed(&["replay", "--dead", "--until", "1h"]);
    assert_eq!((code, stderr.as_str()), (Some(1), "nothing to send again\n"));
    let again = world.ask(&["replay", "--dead", "--notifier", "hook", "--watch", "w7", "--since", "1h"]);
    in_order(&again, &[&format!("{id} to hook: was dead"), "1 delivery is sent again"]);
    world.accepted(1).await;
    world.dead_letters("hook", 0).await;
    let [refused, accepted] = <[_; 2]>::try_from(world.hook.received()).unwrap();
    assert_eq!((&accepted.id, &accepted.bytes), (&refused.id, &refused.bytes));
    in_order(
        &world.why(&[&id]),
        &[
            "hook: delivered",
            "An operator had it sent again",
            "attempt 1",
            "reject",
            "attempt 2",
            "delivered",
        ],
    );
    world.metric_until("outbox_imbalance{notifier=\"hook\"}", "0").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_delivered_is_sent_again_to_whom_it_is_configured_for_still() {
    let mut world = World::new().await;
    world.config.routes = "[[route]]\nnotify = [\"hook\", \"log\", \"second\"]\n".to_owned();
    let second = "[notifiers.second]\nplugin = \"log\"\n";
    world.config.more = second.to_owned();
    let dana = world.watching(7);
    world.start().await;
    world.baselined().await;
    dana.customer_says("again please");
    world.accepted(1).await;
    for name in ["log", "second", "hook"] {
        world
            .notifier_until(name, "delivered", |one| one["pending"] == 0 && !one["last_delivered"].is_null())
            .await;
    }
    let id = world.hook.accepted()[0].id.clone();
    world.config.routes = "[[route]]\nnotify = [\"hook\", \"log\"]\n".to_owned();
    world.config.more.clear();
    world.write_config();
    world.ask(&["reload"]);
    let from = world.output.count();
    let (code, stdout, stderr) = world.typed(&["replay", &id]);
    assert_eq!(
        (code, stderr.as_str()),
        (Some(0), "not sent again: 1 of second, which is not configured any more\n")
    );
    in_order(&stdout, &["to hook: was delivered", "to log: was delivered", "2 deliveries are sent again"]);
    // A plugin is told that it is a replay.
    world.line_after(from, "(replay)").await;
    world.accepted(2).await;
    let received = world.hook.received();
    assert_eq!((received.len(), &received[1].id), (2, &id));
    in_order(&world.why(&[&id]), &["hook: ", "An operator had it sent again", "second: delivered"]);
    let (code, _, stderr) = world.typed(&["replay", "evt_nothing"]);
    assert!(code == Some(1) && stderr.starts_with("error: no event evt_nothing is kept"), "{stderr}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_for_a_notifier_that_has_left_the_configuration_says_so() {
    let mut world = World::new().await;
    world.config.routes = "[[route]]\nnotify = [\"hook\", \"second\"]\n".to_owned();
    // Nobody listens there.
    world.config.more = "[notifiers.second]\nplugin = \"webhook\"\n[notifiers.second.config]\n\
                         url = \"http://127.0.0.1:9/\"\nsecret = { file = \"signing\" }\n"
        .to_owned();
    let dana = world.watching(7);
    world.start().await;
    world.baselined().await;
    dana.customer_says("for both");
    world.accepted(1).await;
    world.notifier_until("second", "an error", |one| !one["last_error"].is_null()).await;
    let id = world.hook.accepted()[0].id.clone();
    world.config.routes = "[[route]]\nnotify = [\"hook\"]\n".to_owned();
    world.config.more.clear();
    world.write_config();
    world.ask(&["reload"]);
    let told = world.why(&[&id]);
    in_order(&told, &["second: pending, held", "Held: second is not configured any more.", "attempt 1"]);
    in_order(&world.ask(&["deliveries", "--notifier", "second"]), &["pending (held: not configured)"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn dead_letters_are_dropped_for_good_by_event_or_all() {
    let mut world = World::new().await;
    let dana = world.watching(7);
    world.start().await;
    world.baselined().await;
    world.hook.usually(Some(Reply::Status(400)));
    for n in 0..3 {
        dana.customer_says(format!("refused {n}"));
    }
    world.dead_letters("hook", 3).await;
    let id = world.hook.received()[0].id.clone();
    assert_eq!(world.ask(&["dead", "drop", &id]), "1 dead letter is forgotten\n");
    world.dead_letters("hook", 2).await;
    in_order(&world.why(&[&id]), &["yes  route-1: tells hook, log", "hook: its delivery is no longer kept"]);
    let (code, _, stderr) = world.typed(&["dead", "drop", "--all", "--notifier", "log"]);
    assert_eq!((code, stderr.as_str()), (Some(1), "no dead letter is kept that this means\n"));
    assert_eq!(world.json(&["dead", "drop", "--all"])["dropped"], 2);
    world.dead_letters("hook", 0).await;
    let (code, _, stderr) = world.typed(&["replay", "--dead"]);
    assert_eq!((code, stderr.as_str()), (Some(1), "nothing to send again\n"));
    world.metric_until("outbox_imbalance{notifier=\"hook\"}", "0").await;
}
