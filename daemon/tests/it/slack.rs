use std::time::{Duration, Instant};

use serde_json::json;

use crate::receiver::{Received, Receiver, Reply};
use crate::world::{PATIENCE, World, until};

const WEBHOOK_PATH: &str = "/services/T0SECRET/B0SECRET/webhook-path-that-must-not-be-seen";
const BOT_TOKEN: &str = "xoxb-bot-token-that-must-not-be-seen";

fn ok() -> Reply {
    Reply::Says(200, "ok".to_owned())
}

fn ok_bot() -> Reply {
    Reply::Says(200, json!({"ok": true, "channel": "C0123456789", "ts": "1700000000.000100"}).to_string())
}

/// A message that was posted just now, so that its thread is young.
fn posted(number: u32) -> (Reply, String) {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    let ts = format!("{now}.{number:06}");
    (Reply::Says(200, json!({"ok": true, "channel": "C0123456789", "ts": ts}).to_string()), ts)
}

fn not_ok(error: &str) -> Reply {
    Reply::Says(200, json!({"ok": false, "error": error}).to_string())
}

/// A world with an incoming webhook of a Slack of its own beside the hook.
async fn with_webhook() -> (World, Receiver) {
    let mut world = World::new().await;
    let slack = Receiver::start().await;
    slack.usually(Some(ok()));
    world.secret("slack-url", &slack.url_of(WEBHOOK_PATH));
    world.secrets.push(WEBHOOK_PATH.to_owned());
    with(&mut world, "webhook_url = { file = \"slack-url\" }\nmention = { warning = [\"@here\"] }\n");
    (world, slack)
}

/// A world with a bot of a Slack of its own beside the hook.
async fn with_bot() -> (World, Receiver) {
    let mut world = World::new().await;
    let slack = Receiver::start().await;
    slack.usually(Some(ok_bot()));
    world.secret("slack-token", BOT_TOKEN);
    let api = slack.url_of("/api");
    let config =
        format!("bot_token = {{ file = \"slack-token\" }}\nchannel = \"C0123456789\"\napi_url = \"{api}\"\n");
    with(&mut world, &config);
    (world, slack)
}

fn with(world: &mut World, config: &str) {
    world.config.more = format!(
        "[notifiers.slack]\nplugin = \"slack\"\nrate = \"1000/s\"\ncontent = \"full\"\n\
         [notifiers.slack.config]\n{config}\n[operators]\nnotify = [\"hook\"]\n"
    );
    world.config.routes = "[[route]]\nnotify = [\"slack\", \"hook\"]\n".to_owned();
}

fn posts(n: usize) -> impl Fn(&[Received]) -> bool {
    move |received| received.len() >= n
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_reaches_an_incoming_webhook_and_what_a_customer_writes_can_call_nobody() {
    let (mut world, slack) = with_webhook().await;
    let dana = world.watching(7);
    world.start().await;
    world.baselined().await;
    let text = "<!channel> <@U0123456789> <https://evil.example|Pay here> & @channel *now*";
    dana.customer_says(text);
    slack.wait("the post", PATIENCE, posts(1)).await;
    world.all_delivered().await;
    assert_eq!(world.hook.accepted()[0].text, text, "programs get what was written");

    let post = &slack.received()[0];
    assert_eq!(post.path, WEBHOOK_PATH);
    assert_eq!(post.headers["content-type"], "application/json; charset=utf-8");
    assert!(!post.headers.contains_key("authorization"), "{:?}", post.headers);
    let body = post.body.to_string();
    assert!(
        body.contains("&lt;!channel&gt; &lt;@U0123456789&gt; &lt;https://evil.example|Pay here&gt; &amp;"),
        "{body}"
    );
    assert!(!body.contains("<!channel>") && !body.contains("<@U"), "{body}");
    assert!(!body.contains("@channel *now*"), "a joiner stands in the word: {body}");
    assert!(body.contains("<!here>"), "the operator's own mention is one: {body}");
    assert!(body.contains("<https://acme.example/widget/object/7|Open in CommBox>"), "{body}");
    let kinds: Vec<&str> =
        post.body["blocks"].as_array().unwrap().iter().map(|one| one["type"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["section", "header", "section", "section", "context"]);
    assert!(post.body["blocks"][1]["text"]["text"].as_str().unwrap().ends_with("Watch 7: Dana Levi wrote"));
}

#[tokio::test(flavor = "multi_thread")]
async fn slack_is_waited_for_as_long_as_it_asks_and_a_refused_form_goes_as_plain_text() {
    let (mut world, slack) = with_webhook().await;
    let dana = world.watching(7);
    world.start().await;
    world.baselined().await;
    slack.then([Reply::RetryAfter(429, "2"), Reply::Says(400, "invalid_blocks".to_owned()), ok()]);
    dana.customer_says("hello");
    slack.wait("all attempts", PATIENCE, posts(3)).await;
    let received = slack.received();
    let waited = received[1].at - received[0].at;
    assert!(waited >= Duration::from_millis(1900), "Retry-After is obeyed: {waited:?}");
    assert!(received[1].body["blocks"].is_array() && received[2].body.get("blocks").is_none());
    assert!(received[2].body["text"].as_str().unwrap().contains("hello"));
    world.notifier_until("slack", "has delivered it", |one| one["pending"] == 0).await;
    world.metric_until("deliveries_total{notifier=\"slack\",result=\"delivered\"}", "1").await;
    world.metric_until("delivery_attempts_total{notifier=\"slack\",outcome=\"retry\"}", "1").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bot_posts_with_its_token_and_a_channel_that_is_not_there_breaks_the_notifier_alone() {
    let (mut world, slack) = with_bot().await;
    let dana = world.watching(7);
    let avi = world.watching(8);
    world.start().await;
    world.baselined().await;
    dana.customer_says("hello");
    slack.wait("the post", PATIENCE, posts(1)).await;
    let post = &slack.received()[0];
    assert_eq!(post.path, "/api/chat.postMessage");
    assert_eq!(post.headers["authorization"], format!("Bearer {BOT_TOKEN}"));
    assert_eq!(post.body["channel"], "C0123456789");
    assert!(!post.body.to_string().contains(BOT_TOKEN));
    world
        .status_until("the receipt", |status| {
            status["recent_deliveries"].to_string().contains("C0123456789/1700000000.000100")
        })
        .await;

    slack.usually(Some(not_ok("channel_not_found")));
    dana.customer_says("nobody reads this");
    // Two messages of one conversation are half a minute apart.
    world
        .hook
        .wait("notifier.broken", PATIENCE * 2, |received| {
            received.iter().any(|one| {
                let problem = &one.body["data"]["problem"];
                one.kind == "commwatch.notifier.broken.v1"
                    && problem["subject"] == "notifier/slack"
                    && problem["why"].as_str().unwrap().starts_with("Slack: channel_not_found")
            })
        })
        .await;
    avi.customer_says("nor this");
    world.polled(2).await;
    assert_eq!(slack.received().len(), 2, "the queue waits");
    world.notifier_until("slack", "waits", |one| one["state"] == "broken" && one["pending"] == 2).await;

    slack.usually(Some(ok_bot()));
    let asked = Instant::now();
    world.ask(&["reload"]);
    slack.wait("what waited", PATIENCE, posts(4)).await;
    assert!(asked.elapsed() < Duration::from_secs(20), "a reload is a request to try it at once");
    world.all_delivered().await;
    until("the operators hear of its return", || {
        world.hook.accepted().iter().any(|one| one.kind == "commwatch.notifier.recovered.v1")
    })
    .await;
    world.notifier_until("slack", "runs", |one| one["state"] == "running" && one["dead"] == 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_conversation_has_one_thread_also_after_a_crash_and_another_has_its_own() {
    let (mut world, slack) = with_bot().await;
    world.config.more = world.config.more.replace("content = \"full\"", "content = \"full\"\ngroup = false");
    world.config.more = world.config.more.replace("channel = ", "thread = true\nchannel = ");
    let dana = world.watching(7);
    let avi = world.watching(8);
    world.start().await;
    world.baselined().await;
    let (first, hers) = posted(1);
    slack.then([first, posted(2).0]);
    dana.customer_says("the first");
    slack.wait("the parent and its copy", PATIENCE, posts(2)).await;
    world.notifier_until("slack", "has delivered it", |one| one["pending"] == 0).await;
    let (first, his) = posted(3);
    slack.then([first, posted(4).0]);
    avi.customer_says("another matter");
    slack.wait("another parent", PATIENCE, posts(4)).await;
    world.notifier_until("slack", "has delivered it", |one| one["pending"] == 0).await;

    world.kill();
    dana.customer_says("the second");
    world.start().await;
    slack.wait("the reply and the parent's new text", PATIENCE, posts(6)).await;
    world.notifier_until("slack", "has delivered it", |one| one["pending"] == 0).await;
    dana.customer_says("the third");
    slack.wait("once more", PATIENCE, posts(8)).await;
    world.notifier_until("slack", "has delivered it", |one| one["pending"] == 0).await;

    let received = slack.received();
    let what = |one: &Received| {
        let text = |pointer: &str| one.body[pointer].as_str().unwrap_or("-").to_owned();
        let said =
            ["first", "another", "second", "third"].into_iter().find(|word| text("text").contains(word));
        let method = one.path.rsplit('/').next().unwrap().to_owned();
        (method, text("ts"), text("thread_ts"), said.unwrap_or("?"))
    };
    let [post, update] = ["chat.postMessage", "chat.update"].map(str::to_owned);
    let none = || "-".to_owned();
    let expected = [
        (post.clone(), none(), none(), "first"),
        (post.clone(), none(), hers.clone(), "first"),
        (post.clone(), none(), none(), "another"),
        (post.clone(), none(), his, "another"),
        (post.clone(), none(), hers.clone(), "second"),
        (update.clone(), hers.clone(), none(), "second"),
        (post, none(), hers.clone(), "third"),
        (update, hers.clone(), none(), "third"),
    ];
    assert_eq!(received.iter().map(what).collect::<Vec<_>>(), expected);
    // She is a VIP: what comes is seen in the channel as well, but not what it has seen.
    let is_seen = received.iter().map(|one| one.body["reply_broadcast"] == true);
    assert_eq!(is_seen.collect::<Vec<_>>(), [false, false, false, false, true, false, true, false]);
    assert!(received[7].body.to_string().contains("3 in the thread"), "{}", received[7].body);
    let receipt = format!("C0123456789/{hers}/3");
    world
        .status_until("the receipt", |status| status["recent_deliveries"].to_string().contains(&receipt))
        .await;
}
