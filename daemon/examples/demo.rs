//! `cargo demo`: a simulated CommBox with a small cast of customers, the real daemon, the log and webhook
//! plugins as real `.so` files, and a receiver for the web hook. Everything lives in a temporary folder. A VIP asks
//! something, nobody answers, that is told, and an agent answers.
//!
//! Ends on Ctrl-C, or by itself after `--for 30s`: with 0 only if every message that was posted after the
//! baseline was delivered to both notifiers, and the VIP's waiting and its end to the web hook.

use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use commwatch::engine::{Daemon, Setup};
use commwatch::ops::log;
use commwatch::plugin::{Children, Installed};
use commwatch_simulator::{Cast, Simulator};
use serde_json::Value;
use tokio::net::TcpListener;

type Fault = Box<dyn std::error::Error>;

/// Somebody writes about this often.
const LINE_EVERY: Duration = Duration::from_millis(900);
/// A VIP who waits for so long is told: the least that a configuration may say.
const WAITS: &str = "10s";
/// The VIP's conversation.
const VIP: (i64, i64) = (532, 293_854_001);
/// The cast is silent for the last part of a run, so that what it said can arrive.
const SILENT_AT_THE_END: Duration = Duration::from_secs(3);
/// Everything said must have arrived this long after the end.
const ARRIVES_WITHIN: Duration = Duration::from_secs(20);

fn main() -> ExitCode {
    commwatch::plugin_host::enter_if_asked();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    match arguments().and_then(|end| runtime?.block_on(demo(end))) {
        Ok(()) => ExitCode::SUCCESS,
        Err(fault) => {
            eprintln!("demo: {fault}");
            ExitCode::FAILURE
        }
    }
}

/// How long to run; `None` = until Ctrl-C.
fn arguments() -> Result<Option<Duration>, Fault> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => Ok(None),
        ["--for", text] => {
            let seconds =
                text.strip_suffix('s').unwrap_or(text).parse().map_err(|_| format!("no time: {text}"))?;
            Ok(Some(Duration::from_secs(seconds)))
        }
        _ => Err("usage: cargo demo [--for 30s]".into()),
    }
}

async fn demo(end: Option<Duration>) -> Result<(), Fault> {
    let folder = tempfile::tempdir()?;
    let simulator = Simulator::start().await?;
    let mut cast = Cast::demo();
    cast.enter(&simulator);
    for member in cast.members() {
        simulator.conversation(member.stream, member.object).customer_says("(said before we began to watch)");
    }
    let dana = simulator.conversation(VIP.0, VIP.1).customer("Dana", "Levi");
    dana.agent_says("Noa Bar", "(said before we began to watch)");
    let before = simulator.posted().len();
    let hook = Hook::start().await?;
    let config = write_config(folder.path(), &simulator, &cast, &hook)?;
    let daemon = start(&config).await?;
    let page = daemon.http();
    println!("\n  status page   http://{page}/");
    println!("  metrics       http://{page}/metrics");
    println!("  configuration {}", config.display());
    println!("  CommBox       {} (simulated)\n", simulator.base_url());
    println!("  Ctrl-C ends it. Try: curl -s http://{page}/metrics | grep commwatch_events_total\n");

    baselines(&daemon, cast.members().len() + 1).await?;
    dana.customer_says("Is anybody there? Our whole shop is down.");
    let mut answer = Some(|| dana.agent_says("Noa Bar", "I am on it, Dana."));
    let began = Instant::now();
    let silent_after = end.map(|end| end.saturating_sub(SILENT_AT_THE_END));
    let mut said = HashSet::new();
    let interrupted = tokio::signal::ctrl_c();
    tokio::pin!(interrupted);
    loop {
        tokio::select! {
            _ = &mut interrupted => break,
            () = tokio::time::sleep(LINE_EVERY) => {}
        }
        if silent_after.is_none_or(|at| began.elapsed() < at) {
            cast.speak(&simulator)?;
        }
        if hook.was_told("conversation.waiting")
            && let Some(answer) = answer.take()
        {
            answer();
        }
        if end.is_some_and(|end| began.elapsed() >= end) {
            break;
        }
    }
    if end.is_some() {
        hook.is_told("conversation.waiting").await?;
        if let Some(answer) = answer.take() {
            answer();
        }
        hook.is_told("conversation.answered").await?;
    }
    said.extend(simulator.posted().into_iter().skip(before).map(|post| post.child_id.to_string()));
    let arrived = everything_arrived(&daemon, &hook, &said).await;
    daemon.stop().await;
    simulator.shutdown().await;
    let (hook, log) = arrived?;
    println!("\n  {} messages posted, {hook} delivered to the web hook, {log} to the log\n", said.len());
    Ok(())
}

async fn start(path: &Path) -> Result<Daemon, Fault> {
    let loaded = commwatch::config::load(path, &Installed).map_err(|mistakes| mistakes.to_string())?;
    let log = Some(log::init(&loaded.config.log)?);
    let setup = Setup {
        loaded,
        catalog: Arc::new(Installed),
        accept_new_baseline: false,
        children: Children::start()?,
        outbox_rows_max: commwatch::store::OUTBOX_ROWS_MAX,
        log,
    };
    Ok(Daemon::start(setup).await?)
}

fn write_config(folder: &Path, simulator: &Simulator, cast: &Cast, hook: &Hook) -> Result<PathBuf, Fault> {
    std::fs::write(folder.join("token"), simulator.token())?;
    std::fs::write(folder.join("signing"), "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")?;
    let mut watches = String::new();
    for (n, member) in cast.members().iter().enumerate() {
        let stream = match &member.encrypted_stream {
            Some(text) => format!("{text:?}"),
            None => member.stream.to_string(),
        };
        let priority = if n == 0 { "vip" } else { "normal" };
        watches.push_str(&format!(
            "[[watch]]\nname = {:?}\ntitle = {:?}\npriority = \"{priority}\"\nstream = {stream}\nobject = {}\n\n",
            member.name, member.title, member.object
        ));
    }
    watches.push_str(&format!(
        "[[watch]]\nname = \"acme-dana\"\ntitle = \"ACME / Dana Levi\"\npriority = \"vip\"\nstream = {}\nobject = {}\n",
        VIP.0, VIP.1
    ));
    let plugins = plugins()?;
    let config = format!(
        r#"# Written by `cargo demo`.
[accounts.main]
base_url = "{base}"
token = {{ file = "token" }}
rate = "20/s"
burst = 20
console_url = "{base}/widget/object/{{object_id}}"
bots = ["Bot"]

[polling]
interval = "1s"

{watches}
[notifiers.log]
plugin = "log"
content = "full"
rate = "100/s"

[notifiers.hook]
plugin = "webhook"
rate = "100/s"
[notifiers.hook.config]
url = "{hook}"
secret = {{ file = "signing" }}

[[route]]
events = ["message.created"]
from = ["customer", "agent", "bot", "system", "unknown"]
notify = ["log", "hook"]

[[route]]
name = "vip-waits"
priority = "vip"
unanswered_for = "{WAITS}"
notify = ["hook"]

[operators]
notify = ["log", "hook"]

[plugins]
path = ["{plugins}"]
trust = "owner"

[store]
path = "commwatch.db"

[http]
listen = "127.0.0.1:0"

[admin]
socket = "admin.sock"

[log]
level = "info"
format = "text"
"#,
        base = simulator.base_url(),
        hook = hook.url,
        plugins = plugins.display(),
    );
    let path = folder.join("commwatch.toml");
    std::fs::write(&path, config)?;
    Ok(path)
}

/// Cargo leaves the plugins in `deps`, beside the folder of the examples.
fn plugins() -> Result<PathBuf, Fault> {
    let here = std::env::current_exe()?;
    let target = here.parent().and_then(Path::parent).ok_or("no folder above the demo")?;
    Ok(target.join("deps"))
}

async fn baselines(daemon: &Daemon, watches: usize) -> Result<(), Fault> {
    let deadline = Instant::now() + ARRIVES_WITHIN;
    while daemon.status().await.watches.iter().filter(|watch| watch.last_success.is_some()).count() < watches
    {
        if Instant::now() > deadline {
            return Err("not every conversation could be read".into());
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    Ok(())
}

/// Waits until every message has reached both notifiers; says how many each got.
async fn everything_arrived(
    daemon: &Daemon,
    hook: &Hook,
    said: &HashSet<String>,
) -> Result<(usize, usize), Fault> {
    let deadline = Instant::now() + ARRIVES_WITHIN;
    loop {
        let missing = said.len() - hook.messages(said);
        let logged = delivered(&daemon.metrics_text(), "log");
        if missing == 0 && logged >= said.len() {
            return Ok((said.len(), logged));
        }
        if Instant::now() > deadline {
            return Err(format!(
                "{missing} of {} messages did not reach the web hook, {logged} the log",
                said.len()
            )
            .into());
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// How many notifications a notifier's receiver accepted, as the daemon's own metrics say.
fn delivered(metrics: &str, notifier: &str) -> usize {
    let series = format!("commwatch_deliveries_total{{notifier=\"{notifier}\",result=\"delivered\"}} ");
    metrics.lines().find_map(|line| line.strip_prefix(&series)?.parse().ok()).unwrap_or(0)
}

/// The receiver: prints what it is sent.
struct Hook {
    url: String,
    received: Received,
}

/// What it got, by id.
type Received = Arc<Mutex<BTreeMap<String, Value>>>;

impl Hook {
    async fn start() -> Result<Self, Fault> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}/hook", listener.local_addr()?);
        let received = Received::default();
        let app = Router::new().fallback(receive).with_state(Arc::clone(&received));
        tokio::spawn(async move { axum::serve(listener, app).await });
        Ok(Self { url, received })
    }

    fn look<T>(&self, look: impl FnOnce(&BTreeMap<String, Value>) -> T) -> T {
        look(&self.received.lock().expect("nobody panics with it"))
    }

    /// Whether it got an event of a type.
    fn was_told(&self, kind: &str) -> bool {
        let kind = format!("commwatch.{kind}.v1");
        self.look(|received| received.values().any(|event| event["type"] == kind))
    }

    async fn is_told(&self, kind: &str) -> Result<(), Fault> {
        let deadline = Instant::now() + ARRIVES_WITHIN;
        while !self.was_told(kind) {
            if Instant::now() > deadline {
                return Err(format!("{kind} did not reach the web hook").into());
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Ok(())
    }

    /// How many of these messages it got.
    fn messages(&self, said: &HashSet<String>) -> usize {
        let is_created = |event: &&Value| event["type"] == "commwatch.message.created.v1";
        let child =
            |event: &Value| said.contains(event["data"]["message"]["id"].as_str().unwrap_or_default());
        self.look(|received| received.values().filter(is_created).filter(|event| child(event)).count())
    }
}

async fn receive(State(received): State<Received>, body: Bytes) -> StatusCode {
    let Ok(event) = serde_json::from_slice::<Value>(&body) else { return StatusCode::BAD_REQUEST };
    let kind = event["type"].as_str().unwrap_or("?").to_owned();
    let title = event["data"]["watch"]["title"].as_str().unwrap_or("?").to_owned();
    let text = event["data"]["message"]["text"].as_str().unwrap_or_default().replace('\n', " / ");
    let waited = match event["data"]["waiting"]["waited_seconds"].as_u64() {
        Some(seconds) => format!("[{seconds} s without an answer] "),
        None => String::new(),
    };
    println!("  web hook <- {kind}  {title}: {waited}{text}");
    let id = event["id"].as_str().unwrap_or_default().to_owned();
    received.lock().expect("nobody panics with it").insert(id, event);
    StatusCode::NO_CONTENT
}
