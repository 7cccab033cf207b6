//! The messengers (ntfy, Telegram, Teams, Twilio) as they are installed: the real `.so` in the real daemon, with a
//! receiver in the place of each service.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::json;

use crate::receiver::{Received, Receiver, Reply};
use crate::world::{PATIENCE, World};

/// What a customer writes to be more than text.
const ATTACK: &str = "@admin [pay here](https://evil.example) **now** \u{202e}<at>All</at>";

/// A world in which everything goes to `name`, a notifier of the plugin `plugin`, and to the hook.
fn told(world: &mut World, name: &str, plugin: &str, config: &str) {
    world.config.more = format!(
        "[notifiers.{name}]\nplugin = \"{plugin}\"\nrate = \"1000/s\"\ncontent = \"full\"\ngroup = false\n\
         [notifiers.{name}.config]\n{config}\n[operators]\nnotify = [\"hook\"]\n"
    );
    world.config.routes = format!("[[route]]\nnotify = [\"{name}\", \"hook\"]\n");
}

fn posts(n: usize) -> impl Fn(&[Received]) -> bool {
    move |received| received.len() >= n
}

/// Waits until the operators hear, through the hook, that the notifier is broken, and why.
async fn broken(world: &World, name: &str, why: &str) {
    world
        .hook
        .wait("notifier.broken", PATIENCE, |received| {
            received.iter().any(|one| {
                let problem = &one.body["data"]["problem"];
                one.kind == "commwatch.notifier.broken.v1"
                    && problem["subject"] == format!("notifier/{name}")
                    && problem["why"].as_str().unwrap().contains(why)
            })
        })
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ntfy_publishes_with_its_token_and_a_refused_token_breaks_it() {
    const TOKEN: &str = "tk_token-that-must-not-be-seen";
    let (mut world, ntfy) = (World::new().await, Receiver::start().await);
    let published = json!({"id": "hwQ2YpKdmg", "event": "message", "topic": "alerts"}).to_string();
    ntfy.usually(Some(Reply::Says(200, published.clone())));
    ntfy.then([Reply::RetryAfter(429, "1"), Reply::Says(200, published)]);
    world.secret("ntfy-token", TOKEN);
    let url = ntfy.url_of("/");
    told(
        &mut world,
        "phones",
        "ntfy",
        &format!("url = \"{url}\"\ntopic = \"alerts\"\ntoken = {{ file = \"ntfy-token\" }}"),
    );
    let dana = world.watching(7);
    world.start().await;
    world.baselined().await;
    dana.customer_says(ATTACK);
    ntfy.wait("both attempts", PATIENCE, posts(2)).await;
    world.all_delivered().await;

    let received = ntfy.received();
    assert!(received[1].at - received[0].at >= Duration::from_millis(900), "Retry-After is obeyed");
    let post = &received[1];
    assert_eq!(post.path, "/");
    assert_eq!(post.headers["authorization"], format!("Bearer {TOKEN}"));
    assert_eq!(post.body["topic"], "alerts");
    assert_eq!(
        post.body["message"],
        "@admin [pay here](https://evil.example) **now** <at>All</at>\n\npossible repeat"
    );
    assert_eq!(post.body["click"], "https://acme.example/widget/object/7");
    assert!(post.body.get("markdown").is_none());
    world
        .status_until("the receipt", |status| status["recent_deliveries"].to_string().contains("hwQ2YpKdmg"))
        .await;

    ntfy.usually(Some(Reply::Says(
        403,
        json!({"code": 40301, "http": 403, "error": "forbidden"}).to_string(),
    )));
    dana.customer_says("nobody reads this");
    broken(&world, "phones", "ntfy: forbidden (40301)").await;
    world.notifier_until("phones", "waits", |one| one["state"] == "broken" && one["pending"] == 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn telegram_waits_as_long_as_its_body_asks_and_a_kicked_bot_breaks_it() {
    const PATH: &str = "/bot123456:token-that-must-not-be-seen/sendMessage";
    let (mut world, telegram) = (World::new().await, Receiver::start().await);
    let sent = json!({"ok": true, "result": {"message_id": 4711}}).to_string();
    let wait = json!({"ok": false, "error_code": 429, "description": "Too Many Requests: retry after 2",
                      "parameters": {"retry_after": 2}});
    telegram.usually(Some(Reply::Says(200, sent.clone())));
    telegram.then([Reply::Says(429, wait.to_string()), Reply::Says(200, sent)]);
    world.secret("telegram-url", &telegram.url_of(PATH));
    world.secrets.push(PATH.to_owned());
    told(&mut world, "chat", "telegram", "url = { file = \"telegram-url\" }\nchat_id = -1001234567890");
    let dana = world.watching(7);
    world.start().await;
    world.baselined().await;
    dana.customer_says(ATTACK);
    telegram.wait("both attempts", PATIENCE, posts(2)).await;
    world.all_delivered().await;

    let received = telegram.received();
    assert!(received[1].at - received[0].at >= Duration::from_millis(1900), "retry_after is obeyed");
    let post = &received[1];
    assert_eq!(post.path, PATH);
    assert_eq!(post.body["chat_id"], -1_001_234_567_890_i64);
    assert_eq!(
        post.body["text"],
        "🟠 Watch 7: Dana Levi wrote\n\n@\u{2060}admin [pay here](https://evil.example) **now** <at>All</\u{2060}at>\n\n\
         possible repeat\nhttps://acme.example/widget/object/7"
    );
    assert!(post.body.get("parse_mode").is_none() && post.body.get("entities").is_none());
    world
        .status_until("the receipt", |status| status["recent_deliveries"].to_string().contains("4711"))
        .await;

    let description = "Forbidden: bot was kicked from the group chat";
    let kicked = json!({"ok": false, "error_code": 403, "description": description});
    telegram.usually(Some(Reply::Says(403, kicked.to_string())));
    dana.customer_says("nobody reads this");
    broken(&world, "chat", "Telegram: Forbidden: bot was kicked from the group chat (403)").await;
    world.notifier_until("chat", "waits", |one| one["state"] == "broken" && one["pending"] == 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn teams_gets_a_card_without_markup_and_a_workflow_that_is_off_breaks_it() {
    const PATH: &str = "/workflows/x/triggers/manual/paths/invoke?sig=signature-that-must-not-be-seen";
    let (mut world, teams) = (World::new().await, Receiver::start().await);
    teams.usually(Some(Reply::Status(202)));
    world.secret("teams-url", &teams.url_of(PATH));
    world.secrets.push("signature-that-must-not-be-seen".to_owned());
    told(&mut world, "channel", "teams", "url = { file = \"teams-url\" }");
    let dana = world.watching(7);
    world.start().await;
    world.baselined().await;
    dana.customer_says(ATTACK);
    teams.wait("the card", PATIENCE, posts(1)).await;
    world.all_delivered().await;

    let post = &teams.received()[0];
    assert_eq!(post.path, PATH);
    assert_eq!(post.headers["content-type"], "application/json; charset=utf-8");
    let card = &post.body["attachments"][0]["content"];
    let kinds: Vec<&str> =
        card["body"].as_array().unwrap().iter().map(|one| one["type"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["RichTextBlock", "RichTextBlock", "FactSet"]);
    assert_eq!(
        card["body"][1]["inlines"][0]["text"],
        "@admin [pay here](https://evil.example) **now** <\u{2060}at>All<\u{2060}/at>"
    );
    assert_eq!(card["actions"][0]["url"], "https://acme.example/widget/object/7");

    let off = json!({"error": {"code": "WorkflowTriggerIsNotEnabled", "message": format!("at {PATH}")}})
        .to_string();
    teams.usually(Some(Reply::Says(400, off)));
    dana.customer_says("nobody reads this");
    broken(&world, "channel", "Teams workflow: WorkflowTriggerIsNotEnabled (HTTP 400)").await;
    world.notifier_until("channel", "waits", |one| one["state"] == "broken" && one["pending"] == 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn twilio_signs_in_and_sends_one_form_and_a_recipient_who_said_stop_breaks_it() {
    const SID: &str = "00112233445566778899aabbccddeeff";
    const TOKEN: &str = "auth-token-that-must-not-be-seen";
    let (mut world, twilio) = (World::new().await, Receiver::start().await);
    let queued = json!({"sid": format!("SM{SID}"), "status": "queued"}).to_string();
    twilio.usually(Some(Reply::Says(201, queued)));
    world.secret("twilio-token", TOKEN);
    let url = twilio.url_of("");
    let config = format!(
        "api_url = \"{url}\"\naccount_sid = \"AC{SID}\"\nauth_token = {{ file = \"twilio-token\" }}\n\
         from = \"+15005550006\"\nto = \"+972501234567\""
    );
    told(&mut world, "sms", "twilio", &config);
    let dana = world.watching(7);
    world.start().await;
    world.baselined().await;
    dana.customer_says("now\u{2026} &To=+15005550009");
    twilio.wait("the form", PATIENCE, posts(1)).await;
    world.all_delivered().await;

    let post = &twilio.received()[0];
    assert_eq!(post.path, format!("/2010-04-01/Accounts/AC{SID}/Messages.json"));
    let credentials = BASE64.encode(format!("AC{SID}:{TOKEN}"));
    assert_eq!(post.headers["authorization"], format!("Basic {credentials}"));
    assert_eq!(
        String::from_utf8_lossy(&post.bytes),
        "To=%2B972501234567&From=%2B15005550006&\
         Body=Watch%207%3A%20Dana%20Levi%20wrote%0Anow...%20%26To%3D%2B15005550009"
    );
    world
        .status_until("the receipt", |status| {
            status["recent_deliveries"].to_string().contains(&format!("SM{SID}"))
        })
        .await;

    let stopped =
        json!({"code": 21610, "message": "+972501234567 is unsubscribed", "status": 400}).to_string();
    twilio.usually(Some(Reply::Says(400, stopped)));
    dana.customer_says("nobody reads this");
    broken(&world, "sms", "Twilio: error 21610").await;
    world.notifier_until("sms", "waits", |one| one["state"] == "broken" && one["pending"] == 1).await;
}
