//! Plugins that open and close alerts elsewhere, and the one that speaks to anything; each against a receiver of its own.

use serde_json::json;

use crate::receiver::{Received, Receiver, Reply};
use crate::world::{PATIENCE, World};

const CHAT_PATH: &str = "/webhooks/1/chat-path-that-must-not-be-seen";
const PASSWORD: &str = "password-that-must-not-be-seen";
const ROUTING_KEY: &str = "r0utingkeyr0utingkeyr0utingkey12";

fn with(world: &mut World, plugin: &str, more: &str, config: &str) {
    world.config.more = format!(
        "[notifiers.{plugin}]\nplugin = \"{plugin}\"\nrate = \"1000/s\"\ncontent = \"full\"\n{more}\n\
         [notifiers.{plugin}.config]\n{config}\n[operators]\nnotify = [\"hook\"]\n"
    );
    world.config.routes = format!("[[route]]\nnotify = [\"{plugin}\", \"hook\"]\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn pagerduty_is_told_with_a_key_that_stands_in_the_body_and_in_no_line_of_ours() {
    let mut world = World::new().await;
    let pagerduty = Receiver::start().await;
    world.secret("routing-key", ROUTING_KEY);
    let config =
        format!("routing_key = {{ file = \"routing-key\" }}\nurl = \"{}\"", pagerduty.url_of("/v2/enqueue"));
    with(&mut world, "pagerduty", "", &config);
    let dana = world.watching(7);
    world.write_config();
    let (code, said) = world.refused(&[]);
    assert_eq!(code, Some(78), "{said}");
    assert!(said.contains("the plugin must be told `routing_key`"), "{said}");

    with(&mut world, "pagerduty", "reveal = [\"routing_key\"]", &config);
    world.start().await;
    world.baselined().await;
    let accepted = json!({"status": "success", "message": "Event processed"}).to_string();
    // The second one repeats all that it was sent: the plugin must not pass the key on.
    pagerduty.then([Reply::RetryAfter(429, "1"), Reply::Says(202, accepted), Reply::Echo(500)]);
    pagerduty.usually(Some(Reply::Says(400, json!({"message": format!("no {ROUTING_KEY}")}).to_string())));
    dana.customer_says("hello");
    pagerduty.wait("both attempts", PATIENCE, |received| received.len() >= 2).await;
    let received = pagerduty.received();
    assert_eq!((received[1].path.as_str(), &received[1].body), ("/v2/enqueue", &received[0].body));
    assert_eq!(received[1].body["routing_key"], ROUTING_KEY);
    assert_eq!(received[1].body["event_action"], "trigger");
    assert_eq!(received[1].body["dedup_key"], "main/7");
    world.metric_until("deliveries_total{notifier=\"pagerduty\",result=\"delivered\"}", "1").await;

    dana.customer_says("nobody is woken");
    world.notifier_until("pagerduty", "has given it up", |one| one["dead"] == 1).await;
    assert!(!world.ask(&["deliveries", "--dead", "--output", "json"]).contains(ROUTING_KEY));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_alert_is_said_again_while_it_lasts_and_ended_with_the_labels_it_was_raised_with() {
    let mut world = World::new().await;
    let alerts = Receiver::start().await;
    alerts.usually(Some(Reply::Status(200)));
    world.secret("password", PASSWORD);
    let config =
        format!("url = \"{}\"\nuser = \"me\"\npassword = {{ file = \"password\" }}", alerts.url_of("/am/"));
    with(&mut world, "alertmanager", "", &config);
    world.config.more = world.config.more.replace("[\"hook\"]", "[\"alertmanager\"]");
    let dana = world.watching(7);
    world.start().await;
    world.baselined().await;
    world.hook.usually(Some(Reply::Status(404)));
    dana.customer_says("hello");
    let named = |name: &'static str| move |one: &Received| one.body[0]["labels"]["alertname"] == name;
    let broken = named("CommwatchNotifierBroken");
    alerts
        .wait("message and broken notifier", PATIENCE, |all| all.iter().any(&broken) && all.len() >= 2)
        .await;
    let message = alerts.received().into_iter().find(named("CommwatchMessageCreated")).unwrap();
    assert_eq!(message.path, "/am/api/v2/alerts");
    assert_eq!(message.headers["authorization"], "Basic bWU6cGFzc3dvcmQtdGhhdC1tdXN0LW5vdC1iZS1zZWVu");
    assert_eq!(message.body[0]["annotations"]["description"], "hello");

    // Whoever has lost its memory is told again of what lasts, with the same labels and a later end.
    world.stop().await;
    world.start().await;
    let brokens = |all: &[Received]| all.iter().filter(|one| broken(one)).count();
    alerts.wait("the same again", PATIENCE, |all| brokens(all) == 2).await;

    world.hook.usually(None);
    world.ask(&["reload"]);
    let end = |one: &Received| one.body[0]["endsAt"].as_str().unwrap().parse::<jiff::Timestamp>().unwrap();
    let is_over = |one: &Received| broken(one) && end(one) <= jiff::Timestamp::now();
    alerts.wait("the end", PATIENCE, |all| all.iter().any(is_over)).await;
    let all: Vec<Received> = alerts.received().into_iter().filter(|one| broken(one)).collect();
    assert!(all.iter().all(|one| one.body[0]["labels"] == all[0].body[0]["labels"]));
    assert!(end(&all[0]) > jiff::Timestamp::now() && end(&all[1]) > end(&all[0]));

    // What is over is not said again.
    world.stop().await;
    world.start().await;
    dana.customer_says("are you back?");
    let is_new = |one: &Received| one.body[0]["annotations"]["description"] == "are you back?";
    alerts.wait("the next message", PATIENCE, |all| all.iter().any(is_new)).await;
    assert_eq!(brokens(&alerts.received()), all.len());
    world.metric_until("outbox_imbalance{notifier=\"alertmanager\"}", "0").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn templates_are_tried_at_the_start_and_one_that_fails_later_costs_no_alert() {
    let mut world = World::new().await;
    let api = Receiver::start().await;
    world.secret("chat-url", &api.url_of(CHAT_PATH));
    world.secrets.push(CHAT_PATH.to_owned());
    let chat = "[notifiers.chat]\nplugin = \"http\"\nrate = \"1000/s\"\n[notifiers.chat.config]\n\
                preset = \"discord\"\nurl = { file = \"chat-url\" }\n";
    let tickets = |body: &str| {
        format!("url = \"{}\"\npath = \"/{{{{ key }}}}\"\nbody = '{body}'\n", api.url_of("/api"))
    };
    with(&mut world, "http", "", &tickets(r#"{"text": "{{ text }}"}"#));
    world.config.more += chat;
    world.config.routes = "[[route]]\nnotify = [\"http\", \"chat\", \"hook\"]\n".to_owned();
    let dana = world.watching(7);
    world.start().await;
    world.baselined().await;
    let wrong = world
        .notifier_until("http", "is broken", |one| one["state"] == "failed" || one["state"] == "broken")
        .await;
    assert!(wrong.to_string().contains("without quotes around it"), "{wrong}");

    // Right for most messages, and wrong for one that says so.
    let body =
        r#"{"text": {{ text }}, "x": {{ "a" ~ event.data.message.text if not "fail" in text else [] + 1 }}}"#;
    with(&mut world, "http", "", &tickets(body));
    world.config.more += chat;
    world.config.routes = "[[route]]\nnotify = [\"http\", \"chat\", \"hook\"]\n".to_owned();
    world.write_config();
    world.ask(&["reload"]);
    dana.customer_says("\"quoted\" @everyone");
    dana.customer_says("let it fail");
    api.wait("both in both", PATIENCE, |received| received.len() >= 4).await;
    let (to_chat, to_api): (Vec<Received>, Vec<Received>) =
        api.received().into_iter().partition(|one| one.path == CHAT_PATH);
    assert!(to_api.iter().all(|one| one.path == "/api/main%2F7"));
    assert_eq!(to_api[0].body, json!({"text": "\"quoted\" @everyone", "x": "a\"quoted\" @everyone"}));
    assert_eq!(to_api[1].body["text"], "let it fail");
    assert!(to_api[1].body["title"].as_str().unwrap().contains("Dana Levi"), "{}", to_api[1].body);
    world.line_after(0, "sent in a plain form instead").await;
    assert_eq!(to_chat[0].body["allowed_mentions"], json!({"parse": []}));
    assert!(to_chat[0].body["content"].as_str().unwrap().contains("\"quoted\" @\u{2060}everyone"));
    world.notifier_until("http", "runs", |one| one["state"] == "running" && one["dead"] == 0).await;
}
