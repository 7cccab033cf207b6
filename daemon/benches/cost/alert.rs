//! How long an alert takes from the answer that held its message to the receiver of a web hook, through everything
//! that makes it safe on the way; and what memory the processes have that do this.

use std::sync::{Arc, Mutex, PoisonError};
use std::thread::sleep;
use std::time::{Duration, Instant, SystemTime};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use jiff::Timestamp;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

use super::daemon::{Daemon, Task};
use super::report::{Figure, Report, quantile};
use super::{Fault, Pace, process, server};

const WATCHES: usize = 100;
/// Somebody writes this often.
const MESSAGE_EVERY: Duration = Duration::from_millis(20);
/// What the daemon's own process may have in memory, in MiB.
const RESIDENT_MAX: f64 = 20.0;
const KIB_PER_MIB: f64 = 1024.0;

pub(crate) fn measure(pace: Pace, report: &mut Report) -> Result<(), Fault> {
    let simulator = server::start(WATCHES)?;
    let hook = Hook::start()?;
    println!("# {WATCHES} watches at 1 s, a message every {MESSAGE_EVERY:?}");
    let daemon = Daemon::start(&simulator, &Task { watches: WATCHES, interval: "1s", hook: &hook.url })?;
    daemon.baselined(WATCHES)?;
    memory(&daemon, "after the baseline", None, report)?;
    let (until, mut posted) = (Instant::now() + pace.alerts, 0);
    for object in std::iter::repeat_with(|| server::objects(WATCHES)).flatten() {
        if Instant::now() >= until {
            break;
        }
        simulator.conversation(server::STREAM, object).customer_says("Is there anybody who can help me?");
        posted += 1;
        sleep(MESSAGE_EVERY);
    }
    server::wait("every message at the web hook", || Ok(hook.received().len() >= posted))?;
    let took = hook.latencies()?;
    report.note("alert: answer received to web hook received, median", "ms", vec![quantile(&took, 0.5)]);
    report.note("alert: the same, 99 of 100", "ms", vec![quantile(&took, 0.99)]);
    report.note("alert: the same, longest", "ms", vec![quantile(&took, 1.0)]);
    // What people and Prometheus look at is made in memory, too.
    daemon.get("/")?;
    memory(&daemon, &format!("after {posted} alerts"), Some(RESIDENT_MAX), report)
}

fn memory(daemon: &Daemon, when: &str, expected: Option<f64>, report: &mut Report) -> Result<(), Fault> {
    #[expect(clippy::cast_precision_loss, reason = "not that much memory")]
    let mib = |kib: u64| vec![kib as f64 / KIB_PER_MIB];
    let own = process::memory(daemon.pid())?;
    let name = |what: &str| format!("memory {when}: {what}");
    report.add(Figure { what: name("daemon, resident"), unit: "MiB", values: mib(own.resident), expected });
    report.note(name("daemon, private"), "MiB", mib(own.private));
    report.note(name("daemon, peak"), "MiB", mib(own.peak));
    for pid in process::children(daemon.pid())? {
        let (memory, command) = (process::memory(pid)?, process::command(pid));
        let notifier = command.get(2).map_or("?", String::as_str);
        report.note(name(&format!("process of {notifier}, resident")), "MiB", mib(memory.resident));
        report.note(name(&format!("process of {notifier}, private")), "MiB", mib(memory.private));
    }
    Ok(())
}

/// What came, and when.
type Received = Arc<Mutex<Vec<(SystemTime, Bytes)>>>;

struct Hook {
    url: String,
    received: Received,
    _runtime: Runtime,
}

impl Hook {
    fn start() -> Result<Self, Fault> {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        let received = Received::default();
        let app = Router::new().fallback(receive).with_state(Arc::clone(&received));
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0"))?;
        let url = format!("http://{}/hook", listener.local_addr()?);
        runtime.spawn(async move { axum::serve(listener, app).await });
        Ok(Self { url, received, _runtime: runtime })
    }

    fn received(&self) -> Vec<(SystemTime, Bytes)> {
        self.received.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Milliseconds from the moment that the daemon had the answer (the event's `recordedtime`; both are this
    /// machine's clock) to the moment that its web hook had come whole.
    fn latencies(&self) -> Result<Vec<f64>, Fault> {
        let took = |(at, body): &(SystemTime, Bytes)| {
            let event: Value = serde_json::from_slice(body)?;
            let recorded: Timestamp = event["recordedtime"].as_str().ok_or("no recordedtime")?.parse()?;
            Ok(Timestamp::try_from(*at)?.duration_since(recorded).as_secs_f64() * 1000.0)
        };
        self.received().iter().map(took).collect()
    }
}

async fn receive(State(received): State<Received>, body: Bytes) -> StatusCode {
    received.lock().unwrap_or_else(PoisonError::into_inner).push((SystemTime::now(), body));
    StatusCode::NO_CONTENT
}
