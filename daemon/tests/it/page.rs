//! The page: what a browser sees of the real daemon, and what it can have it do.

use reqwest::header::{COOKIE, LOCATION, ORIGIN, SET_COOKIE};
use reqwest::{Response, redirect};

use crate::receiver::Reply;
use crate::world::{PATIENCE, World};

const PAGE_TOKEN: &str = "page-token-that-must-not-be-seen";

/// A browser without a face: it follows nothing by itself, and says where its forms come from.
struct Browser {
    client: reqwest::Client,
    http: String,
    cookie: Option<String>,
}

impl Browser {
    fn of(world: &World) -> Self {
        let client = reqwest::Client::builder().redirect(redirect::Policy::none()).build().unwrap();
        Self { client, http: world.http(), cookie: None }
    }

    async fn get(&self, path: &str) -> Response {
        let request = self.client.get(format!("{}{path}", self.http)).header("accept", "text/html");
        let cookie = self.cookie.iter().cloned();
        cookie.fold(request, |request, cookie| request.header(COOKIE, cookie)).send().await.unwrap()
    }

    async fn text(&self, path: &str) -> String {
        self.get(path).await.text().await.unwrap()
    }

    async fn post(&self, path: &str, form: &str, origin: &str) -> Response {
        let request = self.client.post(format!("{}{path}", self.http)).header(ORIGIN, origin);
        let request =
            request.header("content-type", "application/x-www-form-urlencoded").body(form.to_owned());
        let cookie = self.cookie.iter().cloned();
        cookie.fold(request, |request, cookie| request.header(COOKIE, cookie)).send().await.unwrap()
    }

    async fn log_in(&mut self) {
        let answer = self.post("/login", &format!("token={PAGE_TOKEN}"), &self.http).await;
        let cookie = answer.headers()[SET_COOKIE].to_str().unwrap();
        assert!(cookie.contains("HttpOnly; SameSite=Strict"), "{cookie}");
        self.cookie = Some(cookie.split(';').next().unwrap().to_owned());
    }
}

fn place(response: &Response) -> &str {
    response.headers()[LOCATION].to_str().unwrap()
}

async fn with_token() -> World {
    let mut world = World::new().await;
    world.secret("page-token", PAGE_TOKEN);
    world.config.http = "token = { file = \"page-token\" }\nshow_text = true".to_owned();
    world
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_letter_is_sent_again_from_the_page_by_whoever_has_the_token_and_by_no_other_page() {
    let mut world = with_token().await;
    let dana = world.watching(7);
    world.start().await;
    world.baselined().await;
    world.hook.then([Reply::Status(400)]);
    dana.customer_says("<script>hurt()</script>");
    world.notifier_until("hook", "has given it up", |one| one["dead"] == 1).await;

    let mut browser = Browser::of(&world);
    let dead = browser.text("/deliveries?dead=on").await;
    assert!(
        dead.contains(">&lt;script&gt;hurt()&lt;/script&gt;</blockquote>") && !dead.contains("<script>"),
        "{dead}"
    );
    assert!(
        !dead.contains("action=\"/replay\"") && dead.contains("Log in</a> to send alerts again"),
        "{dead}"
    );
    // Neither without the token, nor from a page on another port, which would be sent the cookie as well.
    assert_eq!(browser.post("/replay", "dead=on", &world.http()).await.status(), 401);
    browser.log_in().await;
    let neighbour = "http://127.0.0.1:1";
    assert_eq!(browser.post("/replay", "dead=on", neighbour).await.status(), 403);
    assert_eq!(browser.post("/replay", "dead=on", "null").await.status(), 403);
    assert_eq!(world.status()["notifiers"][0]["dead"], 1);

    let dead = browser.text("/deliveries?dead=on").await;
    assert!(dead.contains("action=\"/replay\""), "{dead}");
    let done = browser.post("/replay", "dead=on&back=%2Fdeliveries%3Fdead%3Don", &world.http()).await;
    assert_eq!((done.status().as_u16(), place(&done)), (303, "/deliveries?dead=on&said=1"));
    assert!(browser.text(place(&done)).await.contains("1 delivery is sent again, to hook"));
    world.all_delivered().await;
    world.notifier_until("hook", "no dead letter", |one| one["dead"] == 0).await;

    // Who has logged out, or whose daemon was restarted, begins anew.
    let twin = Browser { cookie: browser.cookie.clone(), ..Browser::of(&world) };
    assert_eq!(browser.post("/logout", "", &world.http()).await.status(), 303);
    assert_eq!(twin.post("/replay", "dead=on", &world.http()).await.status(), 401);
    assert!(world.stop().await.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_open_page_is_told_of_a_message_and_does_not_delay_the_end() {
    let mut world = with_token().await;
    let dana = world.watching(7);
    world.start().await;
    world.baselined().await;
    let mut browser = Browser::of(&world);
    browser.log_in().await;
    let seen = browser.text("/").await;
    let seen = seen.split("data-seen=\"").nth(1).unwrap().split('"').next().unwrap();
    let mut stream = browser.get(&format!("/api/stream?seen={seen}")).await;
    dana.customer_says("Is anybody there?");
    let told = async {
        loop {
            // What the baseline changed on the page may come first.
            let chunk = stream.chunk().await.unwrap().expect("it goes on while the daemon does");
            let is_told = String::from_utf8_lossy(&chunk).contains("event: changed");
            if is_told && browser.text("/watches/w7").await.contains("Is anybody there?") {
                return;
            }
        }
    };
    tokio::time::timeout(PATIENCE, told).await.expect("it is told");
    let event = world.status()["recent_events"][0]["id"].as_str().unwrap().to_owned();
    assert!(
        browser
            .text(&format!("/events/{event}"))
            .await
            .contains("<blockquote dir=\"auto\">Is anybody there?")
    );

    assert!(world.stop().await.success());
    // Ended, not cut.
    while let Some(chunk) = stream.chunk().await.unwrap() {
        assert!(!chunk.is_empty());
    }
    assert!(!world.output.all().contains("stopping: http took too long"), "{}", world.output.all());
}

#[tokio::test(flavor = "multi_thread")]
async fn who_waits_is_acknowledged_and_a_silence_ended_from_the_page() {
    let mut world = with_token().await;
    let dana = world.watching(7);
    world.config.routes += "[[route]]\nunanswered_for = [\"1h\"]\nnotify = [\"log\"]\n";
    world.start().await;
    world.baselined().await;
    dana.customer_says("hello?");
    world.status_until("somebody waits", |status| status["watches"][0]["waiting_since"].is_string()).await;
    world.ask(&["silence", "add", "--watch", "w7", "--for", "1h", "--reason", "known"]);
    let mut browser = Browser::of(&world);
    browser.log_in().await;
    assert!(browser.text("/").await.contains("action=\"/ack\""));
    let done = browser.post("/ack", "watch=w7", &world.http()).await;
    assert!(browser.text(place(&done)).await.contains("w7 is acknowledged"));
    world.status_until("it is known", |status| status["watches"][0]["acked"] == true).await;
    let done = browser.post("/silences/expire", "id=1&back=%2Fsilences", &world.http()).await;
    let silences = browser.text(place(&done)).await;
    assert!(
        silences.contains("silence 1 is over") && silences.contains("expired by status page, 127.0.0.1"),
        "{silences}"
    );
    let done = browser.post("/silences/expire", "id=1", &world.http()).await;
    assert!(browser.text(place(&done)).await.contains("Not done:"));
    assert!(world.stop().await.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_token_the_page_is_read_only_and_shows_no_text_of_a_message() {
    let mut world = World::new().await;
    let dana = world.watching(7);
    world.start().await;
    world.baselined().await;
    dana.customer_says("a text that is nobody's business");
    world.all_delivered().await;
    let browser = Browser::of(&world);
    let event = world.status()["recent_events"][0]["id"].as_str().unwrap().to_owned();
    for path in [
        "/",
        "/watches",
        "/watches/w7",
        "/deliveries",
        "/silences",
        "/notifiers",
        "/config",
        &format!("/events/{event}"),
    ] {
        let answer = browser.get(path).await;
        assert_eq!(answer.status(), 200, "{path}");
        let page = answer.text().await.unwrap();
        assert!(page.contains("read-only") && !page.contains("method=\"post\""), "{path}: {page}");
        assert!(!page.contains("nobody&#39;s business") && !page.contains("<blockquote"), "{path}: {page}");
    }
    let refused = browser.post("/replay", &format!("event={event}"), &world.http()).await;
    assert_eq!(refused.status(), 403);
    assert!(world.stop().await.success());
}

const DANA: i64 = 531_826;

#[tokio::test(flavor = "multi_thread")]
async fn one_conversation_of_a_customer_has_a_timeline_and_a_silence_of_its_own() {
    let mut world = with_token().await;
    world.config.more = format!(
        "[[watch]]\nname = \"acme-anyone\"\ntitle = \"ACME\"\ndiscovery = \"1s\"\ncustomer = {DANA}\n\n\
         [[watch]]\nname = \"nobody-yet\"\ntitle = \"Somebody\"\ncustomer = 77\n"
    );
    let conversations = [11, 12].map(|object| world.sim.conversation(532, object).identity(DANA));
    world.start().await;
    world
        .status_until("both are found", |status| {
            let watches = status["watches"].as_array().unwrap();
            watches.iter().any(|one| one["name"] == "acme-anyone" && one["conversations"] == 2)
        })
        .await;
    for object in [11, 12] {
        world.sim.wait_for_polls(object, 2, PATIENCE).await.expect("polls");
    }
    for (conversation, text) in conversations.iter().zip(["of the first", "of the second"]) {
        conversation.customer_says(text);
        world.hook.wait(text, PATIENCE, |all| all.iter().any(|one| one.accepted && one.text == text)).await;
    }

    let mut browser = Browser::of(&world);
    browser.log_in().await;
    let all = browser.text("/watches/acme-anyone?hours=2").await;
    for object in [11, 12] {
        let link = format!("href=\"/watches/acme-anyone?conversation=main%2F{object}\"");
        assert!(all.contains(&link), "{link}: {all}");
    }
    assert!(all.contains("2 conversations of account main") && all.contains("of the first"), "{all}");
    assert!(all.contains("of the second"), "{all}");
    let one = browser.text("/watches/acme-anyone?conversation=main%2F12").await;
    assert!(one.contains("of the second") && !one.contains("of the first"), "{one}");
    assert!(one.contains("conversation 12 of account main, in watch acme-anyone"), "{one}");
    for wrong in [
        "acme-anyone?conversation=main%2F13",
        "nobody-yet?conversation=main%2F12",
        "w?conversation=main%2F12",
    ] {
        let missing = browser.get(&format!("/watches/{wrong}")).await;
        assert_eq!(missing.status(), 404, "{wrong}");
    }
    let missing = browser.text("/watches/acme-anyone?conversation=main%2F13").await;
    assert!(missing.contains("conversation main/13 is not one of watch acme-anyone"), "{missing}");
    let empty = browser.text("/watches/nobody-yet").await;
    assert!(empty.contains("no conversation so far of account main"), "{empty}");

    let form = "of=conversation&which=main%2F12&for=2h&reason=migration&by=noa";
    let refused = browser.post("/silences/new", &form.replace("2h", "31d"), &world.http()).await;
    assert_eq!(refused.status(), 422);
    assert!(refused.text().await.unwrap().contains("a silence lasts 30 days at most"));
    assert_eq!(browser.post("/silences/new", form, "http://127.0.0.1:1").await.status(), 403);
    let done = browser.post("/silences/new", form, &world.http()).await;
    assert_eq!((done.status().as_u16(), place(&done)), (303, "/silences?said=1"));
    let silences = browser.text(place(&done)).await;
    assert!(
        silences.contains("conversation main/12") && silences.contains("noa (status page, 127.0.0.1)"),
        "{silences}"
    );
    let text = |all: String| all.contains("Nobody is told of what it finds: silence 1");
    assert!(text(browser.text("/watches/acme-anyone?conversation=main%2F12").await));
    assert!(!text(browser.text("/watches/acme-anyone?conversation=main%2F11").await));
    assert!(world.stop().await.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_can_be_guessed_is_warned_about() {
    let mut world = with_token().await;
    world.start().await;
    assert_eq!(world.output.containing("can be guessed"), Vec::<String>::new());
    assert!(world.stop().await.success());
    world.secret("page-token", "fifteen-letters");
    world.start().await;
    world.line_after(0, "[http] token: it has fewer than 16 characters, and can be guessed").await;
}
