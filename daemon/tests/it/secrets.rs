use std::time::Duration;

use commwatch_simulator::{Fault, Scope, Times};

use crate::receiver::{Receiver, Reply};
use crate::world::{PATIENCE, Process, World};

const HEADER: &str = "Basic aGVhZGVyLXRoYXQtbXVzdC1ub3QtYmUtc2Vlbg";
const HOOK_PATH: &str = "/hooks/path-that-must-not-be-seen?key=query-that-must-not-be-seen";
const CLOSED_PATH: &str = "/closed-path-that-must-not-be-seen";
const SLACK_PATH: &str = "/services/T0/B0/slack-path-that-must-not-be-seen";
const BOT_TOKEN: &str = "xoxb-bot-token-that-must-not-be-seen";

/// The most that an operator can make the log say, also of the libraries that see what goes over the wire.
const EVERYTHING: &str = "trace,commwatch=trace,hyper=trace,hyper_util=trace,reqwest=trace,rustls=trace,h2=trace,axum=trace,tower=trace";

/// Four more notifiers, each with secrets of its own, one of them in the daemon's environment.
fn configure(world: &mut World, odd: &Receiver, slack: &Receiver) {
    world.config.log_level = EVERYTHING;
    world.secret("header", HEADER);
    world.secret("hook-url", &odd.url_of(HOOK_PATH));
    // Nobody listens there, so the fault comes from deep within.
    world.secret("closed-url", &format!("http://127.0.0.1:9{CLOSED_PATH}"));
    world.secret("slack-url", &slack.url_of(SLACK_PATH));
    for part in [HOOK_PATH, CLOSED_PATH, SLACK_PATH, BOT_TOKEN] {
        world.secrets.push(part.to_owned());
    }
    world.environment.insert("SLACK_BOT_TOKEN", BOT_TOKEN.to_owned());
    let api = slack.url_of("/api");
    world.config.more = format!(
        "[notifiers.odd]\nplugin = \"webhook\"\nrate = \"1000/s\"\ntimeout = \"2s\"\n\
         [notifiers.odd.config]\nurl = {{ file = \"hook-url\" }}\nheaders = {{ authorization = {{ file = \"header\" }} }}\n\
         [notifiers.closed]\nplugin = \"webhook\"\nrate = \"1000/s\"\n\
         [notifiers.closed.config]\nurl = {{ file = \"closed-url\" }}\nsecrets = [{{ file = \"signing\" }}]\n\
         [notifiers.slack]\nplugin = \"slack\"\nrate = \"1000/s\"\n\
         [notifiers.slack.config]\nwebhook_url = {{ file = \"slack-url\" }}\n\
         [notifiers.bot]\nplugin = \"slack\"\nrate = \"1000/s\"\n\
         [notifiers.bot.config]\nbot_token = {{ env = \"SLACK_BOT_TOKEN\" }}\nchannel = \"C0123456789\"\n\
         api_url = \"{api}\"\n\
         [operators]\nnotify = [\"hook\", \"log\"]\n"
    );
    let all = ["hook", "log", "odd", "closed", "slack", "bot"];
    world.config.routes = format!("[[route]]\nnotify = {all:?}\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_secret_is_in_anything_that_the_daemon_writes_shows_or_hands_on() {
    let mut world = World::new().await;
    let (odd, slack) = (Receiver::start().await, Receiver::start().await);
    configure(&mut world, &odd, &slack);
    let dana = world.watching(7);
    world.start().await;
    world.baselined().await;

    // What receivers say back is what leaks most easily: all they were asked, in every form.
    odd.then([Reply::Echo(500), Reply::Redirect(odd.url_of(HOOK_PATH)), Reply::Slow(Duration::from_secs(3))]);
    slack.usually(Some(Reply::Echo(500)));
    dana.customer_says("hello");
    world.all_delivered().await;
    odd.asked(2, PATIENCE).await;
    slack.asked(2, PATIENCE).await;
    world.line_after(0, "from closed").await;
    // And CommBox in all its moods.
    for fault in [Fault::status(401), Fault::Reset, Fault::Redirect(odd.url_of(HOOK_PATH)), Fault::NotJson] {
        world.sim.fault(Scope::All, fault, Times::Once);
    }
    world.line_after(0, "account.denied").await;
    world.ask(&["reload"]);
    world.line_after(0, "account.recovered").await;
    odd.asked(3, PATIENCE).await;

    let places = everything_shown(&world).await;
    for (place, bytes) in &places {
        for secret in &world.secrets {
            assert!(!contains(bytes, secret), "{secret:?} is in {place}");
        }
    }
    // The search would find them: each of them was sent.
    assert_eq!(odd.received()[0].headers["authorization"], HEADER);
    assert_eq!(odd.received()[0].path, HOOK_PATH);
    assert!(places.iter().any(|(place, bytes)| place == "the database" && contains(bytes, "hello")));
    assert!(
        world.output.logged("\"level\":\"TRACE\"").len() + world.output.logged("\"level\":\"DEBUG\"").len()
            > 0
    );
    assert!(world.stop().await.success());
    for name in ["commwatch.db", "admin.sock"] {
        let file = std::fs::read(world.path(name)).unwrap_or_default();
        assert!(world.secrets.iter().all(|secret| !contains(&file, secret)), "a secret is in {name}");
    }
}

/// Whatever somebody can get to see, with a name for each place.
async fn everything_shown(world: &World) -> Vec<(String, Vec<u8>)> {
    let mut shown = vec![("the output".to_owned(), world.output.all().into_bytes())];
    for path in ["/metrics", "/api/status", "/", "/-/healthy", "/-/ready"] {
        let (status, body) = world.get(path).await;
        assert_eq!(status, 200, "{path}: {body}");
        shown.push((path.to_owned(), body.into_bytes()));
    }
    for arguments in [&["status"][..], &["status", "--output", "json"]] {
        shown.push((arguments.join(" "), world.ask(arguments).into_bytes()));
    }
    for arguments in [&["check", "-c", "commwatch.toml"][..], &["plugins", "list", "-c", "commwatch.toml"]] {
        let output = world.run(arguments);
        shown.push((arguments.join(" "), [output.stdout, output.stderr].concat()));
    }
    let mut database = std::fs::read(world.path("commwatch.db")).unwrap();
    database.extend(std::fs::read(world.path("commwatch.db-wal")).unwrap());
    shown.push(("the database".to_owned(), database));
    let children = Process::children_of(world.pid());
    assert_eq!(children.len(), 6);
    for child in children {
        for file in ["environ", "cmdline"] {
            let bytes = std::fs::read(format!("/proc/{}/{file}", child.pid)).unwrap();
            assert!(file != "environ" || bytes.is_empty(), "a plugin's environment is empty");
            shown.push((format!("{file} of {:?}", child.words), bytes));
        }
    }
    shown.push((
        "the daemon's command line".to_owned(),
        std::fs::read(format!("/proc/{}/cmdline", world.pid())).unwrap(),
    ));
    shown
}

fn contains(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|here| here == text.as_bytes())
}
