//! Plugins that open and close alerts elsewhere, each against a receiver of its own.

use serde_json::json;

use crate::receiver::{Received, Receiver, Reply};
use crate::world::{PATIENCE, World};

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
async fn an_alert_is_ended_with_the_labels_it_was_raised_with() {
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

    world.hook.usually(None);
    world.ask(&["reload"]);
    alerts.wait("the end", PATIENCE, |all| all.iter().filter(|one| broken(one)).count() == 2).await;
    let both: Vec<Received> = alerts.received().into_iter().filter(|one| broken(one)).collect();
    assert_eq!(both[0].body[0]["labels"], both[1].body[0]["labels"]);
    let end = |one: &Received| one.body[0]["endsAt"].as_str().unwrap().parse::<jiff::Timestamp>().unwrap();
    assert!(end(&both[0]) > jiff::Timestamp::now() && end(&both[1]) <= jiff::Timestamp::now());
}
