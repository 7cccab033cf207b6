//! One notifier in a process of its own, and what it asked of the host.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use commwatch::plugin::grant::Grant;
use commwatch::plugin::http::HostHttp;
use commwatch::plugin::{Children, Handover, PluginHost, PluginSpec, PluginState, Report};
use commwatch_plugin_api::Value::Text;
use commwatch_plugin_api::{HttpError, Outcome, Request, Response};
use serde_json::{Value, json};
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout};

/// Nothing here takes this long unless something is wrong.
pub(crate) const LONG: Duration = Duration::from_secs(30);

pub(crate) struct World {
    pub(crate) host: PluginHost,
    pub(crate) http: Arc<FakeHttp>,
    pub(crate) running: JoinHandle<()>,
}

/// The file that Cargo left beside this test, since the plugin is a development dependency.
pub(crate) fn library(plugin: &str) -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let file = test.parent().unwrap().join(format!("libcommwatch_{plugin}.so"));
    assert!(file.exists(), "{} is missing", file.display());
    file
}

/// Compiles a plugin in C.
pub(crate) fn compile(source: &str, defines: &[&str], folder: &Path) -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let file = folder.join("libcommwatch_c.so");
    let compiled = Command::new(std::env::var_os("CC").unwrap_or_else(|| "cc".into()))
        .args([
            "-std=c11",
            "-Wall",
            "-Wextra",
            "-Werror",
            "-Wno-unused",
            "-shared",
            "-fPIC",
            "-fvisibility=hidden",
        ])
        .args(defines)
        .arg("-I")
        .arg(root.join("plugin-api/include"))
        .arg(root.join(source))
        .arg("-o")
        .arg(&file)
        .output()
        .expect("a C compiler is present wherever Rust links");
    assert!(compiled.status.success(), "{}", String::from_utf8_lossy(&compiled.stderr));
    file
}

pub(crate) fn children() -> Children {
    Children::running(env!("CARGO_BIN_EXE_commwatch").into()).unwrap()
}

/// A grant without secrets and hosts: the fake HTTP does not look at it.
pub(crate) fn nothing_granted() -> Arc<Grant> {
    Arc::new(Grant::new(&json!({}), &json!({}), BTreeMap::new()).unwrap())
}

pub(crate) fn spec(library: PathBuf, config: Value) -> PluginSpec {
    PluginSpec {
        notifier: "ops".to_owned(),
        library,
        pinned: None,
        config,
        grant: nothing_granted(),
        concurrency: None,
    }
}

pub(crate) fn payload(title: &str) -> Arc<str> {
    json!({
        "id": format!("n-{title}"), "notifier": "ops", "key": "main/1", "action": "notify", "severity": "info",
        "title": title, "text": "", "events": [], "omitted": 0,
    })
    .to_string()
    .into()
}

/// Within ten seconds, among others.
pub(crate) fn handover(title: &str) -> Handover {
    let deadline = Instant::now() + Duration::from_secs(10);
    Handover {
        payload: payload(title),
        receipt: None,
        attempt: 1,
        replay: false,
        again: false,
        deadline,
        alone: false,
    }
}

impl World {
    pub(crate) fn start(spec: PluginSpec) -> Self {
        let http = Arc::new(FakeHttp::default());
        let (host, future) = PluginHost::new(spec, children(), Arc::clone(&http) as Arc<dyn HostHttp>);
        Self { host, http, running: tokio::spawn(future) }
    }

    /// The faulty plugin, running.
    pub(crate) async fn faulty(config: Value) -> Self {
        let world = Self::start(spec(library("faulty"), config));
        world.pid().await;
        world
    }

    /// Waits until the state is as wished.
    pub(crate) async fn state(&self, wished: impl Fn(&PluginState) -> bool) -> PluginState {
        let mut state = self.host.state();
        let reached = timeout(LONG, state.wait_for(wished)).await;
        match reached {
            Ok(state) => state.unwrap().clone(),
            Err(_) => panic!("the state stays {:?}", self.host.state().borrow()),
        }
    }

    /// Waits until it runs.
    pub(crate) async fn pid(&self) -> u32 {
        match self.state(|state| matches!(state, PluginState::Running { .. })).await {
            PluginState::Running { pid, .. } => pid,
            other => panic!("{other:?}"),
        }
    }

    /// Why it failed to start.
    pub(crate) async fn failure(&self) -> String {
        match self.state(|state| matches!(state, PluginState::Failed { .. })).await {
            PluginState::Failed { why } => why,
            other => panic!("{other:?}"),
        }
    }

    pub(crate) async fn deliver(&self, title: &str) -> Report {
        self.hand_over(handover(title)).await
    }

    pub(crate) async fn hand_over(&self, handover: Handover) -> Report {
        timeout(LONG, self.host.deliver(handover)).await.expect("a delivery ends")
    }

    /// Delivers in the background.
    pub(crate) fn delivering(&self, handover: Handover) -> JoinHandle<Report> {
        let host = self.host.clone();
        tokio::spawn(async move { timeout(LONG, host.deliver(handover)).await.expect("a delivery ends") })
    }

    pub(crate) async fn stop(self) {
        timeout(LONG, self.host.stop()).await.expect("stopping ends");
        timeout(LONG, self.running).await.expect("the future ends").unwrap();
    }
}

pub(crate) fn delivered(receipt: &str) -> Outcome {
    Outcome::Delivered { receipt: Some(receipt.to_owned()) }
}

/// Answers each request with the length of its body, and keeps it.
#[derive(Default)]
pub(crate) struct FakeHttp {
    pub(crate) requests: Mutex<Vec<(Request, Instant)>>,
    /// Instead of that answer.
    pub(crate) answers: Mutex<Vec<Result<Response, HttpError>>>,
    /// No request is answered before so many have come.
    pub(crate) hold_until: AtomicUsize,
    /// `+title` and `-title` as they begin and end.
    pub(crate) events: Mutex<Vec<String>>,
    came: Notify,
}

impl FakeHttp {
    /// How many requests were out at once, at most.
    pub(crate) fn most_at_once(&self) -> usize {
        let (mut out, mut most) = (0, 0);
        for event in self.events.lock().unwrap().iter() {
            out = if event.starts_with('+') { out + 1 } else { out - 1 };
            most = most.max(out);
        }
        most
    }

    fn event(&self, sign: char, request: &Request) {
        if let Some(Text(title)) = request.headers.get("x-title") {
            self.events.lock().unwrap().push(format!("{sign}{title}"));
        }
    }

    async fn hold(&self) {
        loop {
            let came = self.came.notified();
            if self.requests.lock().unwrap().len() >= self.hold_until.load(Relaxed) {
                return;
            }
            came.await;
        }
    }
}

#[async_trait]
impl HostHttp for FakeHttp {
    async fn send(
        &self,
        _notifier: &str,
        request: Request,
        _grant: &Grant,
        deadline: Instant,
    ) -> Result<Response, HttpError> {
        self.event('+', &request);
        self.requests.lock().unwrap().push((request.clone(), deadline));
        self.came.notify_waiters();
        self.hold().await;
        tokio::task::yield_now().await;
        self.event('-', &request);
        let scripted = self.answers.lock().unwrap().pop();
        scripted.unwrap_or_else(|| {
            let headers = BTreeMap::from([("x-length".to_owned(), request.body.0.len().to_string())]);
            Ok(Response { status: 200, headers, body: vec![b'z'; 80 << 10] })
        })
    }
}

/// What this thread logs. (The runtime of a `tokio::test` has no other.)
pub(crate) struct Log {
    text: Arc<Mutex<Vec<u8>>>,
    _guard: tracing::subscriber::DefaultGuard,
}

impl Log {
    pub(crate) fn capture() -> Self {
        let text = Arc::new(Mutex::new(Vec::new()));
        let writer = Arc::clone(&text);
        let subscriber = tracing_subscriber::fmt()
            .with_max_level(tracing::Level::TRACE)
            .with_ansi(false)
            .with_writer(move || Shared(Arc::clone(&writer)))
            .finish();
        Self { text, _guard: tracing::subscriber::set_default(subscriber) }
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.text.lock().unwrap().clone()).unwrap()
    }
}

struct Shared(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
