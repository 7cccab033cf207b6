//! The world of a scenario: a simulated `CommBox`, a receiver, and the real daemon between them.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use commwatch_simulator::{Conversation, Simulator};
use serde_json::Value;

use crate::receiver::Receiver;

pub const STREAM: i64 = 532;
pub const TOKEN: &str = "s3cret-token-that-must-not-be-seen";
pub const SIGNING_SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// Anything that should take a moment has this long before a test gives up.
pub const PATIENCE: Duration = Duration::from_secs(30);

pub struct World {
    pub sim: Simulator,
    pub hook: Receiver,
    folder: tempfile::TempDir,
    daemon: Option<Running>,
    watched: Vec<i64>,
    pub config: ConfigText,
    /// Everything that every daemon of this world has written.
    pub output: Arc<Lines>,
}

/// The parts of a configuration that scenarios change.
#[derive(Clone, Debug)]
pub struct ConfigText {
    pub hook: String,
    pub routes: String,
    pub more: String,
    pub interval: &'static str,
    pub level: &'static str,
}

struct Running {
    child: Child,
    http: Option<String>,
}

/// What was written, line by line, and a way to wait for a line.
#[derive(Default)]
pub struct Lines {
    lines: Mutex<Vec<String>>,
    more: Condvar,
}

impl World {
    pub async fn new() -> Self {
        let sim = Simulator::builder().token(TOKEN).start().await.expect("a simulator");
        let hook = Receiver::start().await;
        let folder = tempfile::tempdir().unwrap();
        commwatch::tls::install();
        write_secret(&folder.path().join("token"), TOKEN);
        write_secret(&folder.path().join("signing"), SIGNING_SECRET);
        let config = ConfigText {
            hook: String::new(),
            routes: "[[route]]\nnotify = [\"hook\", \"log\"]\n".to_owned(),
            more: String::new(),
            interval: "1s",
            level: "info",
        };
        Self { sim, hook, folder, daemon: None, watched: Vec::new(), config, output: Arc::default() }
    }

    /// A conversation with one old message, watched.
    pub fn watching(&mut self, object: i64) -> Conversation {
        let conversation = self.conversation(object);
        conversation.customer_says("old");
        self.watched.push(object);
        conversation
    }

    pub fn conversation(&self, object: i64) -> Conversation {
        self.sim.conversation(STREAM, object).customer("Dana", "Levi")
    }

    pub fn unwatch(&mut self, object: i64) {
        self.watched.retain(|watched| *watched != object);
    }

    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub fn config_path(&self) -> PathBuf {
        self.folder.path().join("commwatch.toml")
    }

    pub fn config_text(&self) -> String {
        let watches: String = self
            .watched
            .iter()
            .map(|object| {
                format!(
                    "[[watch]]\nname = \"w{object}\"\ntitle = \"Watch {object}\"\npriority = \"vip\"\n\
                     stream = {STREAM}\nobject = {object}\n"
                )
            })
            .collect();
        format!(
            r#"
[accounts.main]
base_url = "{base}"
token = {{ file = "token" }}
rate = "1000/s"
burst = 1000
max_in_flight = 8
timeout = "5s"
console_url = "https://acme.example/widget/object/{{object_id}}"

[polling]
interval = "{interval}"

{watches}
[notifiers.hook]
plugin = "webhook"
content = "full"
timeout = "2s"
rate = "1000/s"
{hook}
[notifiers.hook.config]
url = "{url}"
secret = {{ file = "signing" }}

[notifiers.log]
plugin = "log"
rate = "1000/s"

{routes}
{more}
[plugins]
path = ["{plugins}"]
trust = "owner"

[store]
path = "commwatch.db"

[http]
listen = "127.0.0.1:0"

[admin]
socket = "admin.sock"

[reload]
settle = "100ms"

[log]
level = "{level}"
format = "json"
"#,
            base = self.sim.base_url(),
            interval = self.config.interval,
            level = self.config.level,
            hook = self.config.hook,
            url = self.hook.url(),
            routes = self.config.routes,
            more = self.config.more,
            plugins = plugins().display(),
        )
    }

    pub fn write_config(&self) {
        // By rename, as an editor does: the daemon must never see half a file.
        let new = self.folder.path().join(".commwatch.toml.new");
        std::fs::write(&new, self.config_text()).unwrap();
        std::fs::rename(&new, self.config_path()).unwrap();
    }

    /// Starts the real binary and waits until it says that it is ready.
    pub async fn start(&mut self) {
        self.write_config();
        self.start_with(&[]).await;
    }

    pub async fn start_with(&mut self, arguments: &[&str]) {
        let mut command = Command::new(binary());
        command.args(["run", "-c"]).arg(self.config_path()).args(arguments);
        self.spawn(command).await;
    }

    pub async fn spawn(&mut self, mut command: Command) {
        assert!(self.daemon.is_none(), "one daemon at a time");
        let mut child = command
            .env_remove("NOTIFY_SOCKET")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the binary is built beside the tests");
        let from = self.output.count();
        collect(child.stdout.take().unwrap(), &self.output);
        collect(child.stderr.take().unwrap(), &self.output);
        self.daemon = Some(Running { child, http: None });
        let ready = self.line_after(from, "commwatch is ready").await;
        let http = serde_json::from_str::<Value>(&ready)
            .ok()
            .and_then(|line| line["fields"]["http"].as_str().or(line["http"].as_str()).map(str::to_owned));
        self.daemon.as_mut().unwrap().http = http;
    }

    /// Waits for a line that holds `text`, among those written after the first `from`.
    pub async fn line_after(&self, from: usize, text: &str) -> String {
        let (output, wanted) = (Arc::clone(&self.output), text.to_owned());
        let found = tokio::task::spawn_blocking(move || output.wait(from, &wanted, PATIENCE)).await.unwrap();
        found.unwrap_or_else(|| panic!("no line with {text:?} in\n{}", self.output.all()))
    }

    /// Waits until every watched conversation has been polled `n` more times.
    pub async fn polled(&self, n: u64) {
        for object in &self.watched {
            self.sim.wait_for_polls(*object, n, PATIENCE).await.expect("polls");
        }
    }

    /// Waits until every watch has its baseline.
    pub async fn baselined(&self) {
        for object in &self.watched {
            self.line_after(0, &format!("took the baseline of watch w{object}")).await;
        }
    }

    pub fn pid(&self) -> u32 {
        self.daemon.as_ref().expect("a daemon runs").child.id()
    }

    /// kill -9, and nothing of it left.
    pub fn kill(&mut self) {
        let mut running = self.daemon.take().expect("a daemon runs");
        running.child.kill().unwrap();
        running.child.wait().unwrap();
    }

    pub fn signal(&self, signal: i32) {
        let status =
            Command::new("kill").arg(format!("-{signal}")).arg(self.pid().to_string()).status().unwrap();
        assert!(status.success());
    }

    /// SIGTERM, and waits for the end.
    pub async fn stop(&mut self) -> ExitStatus {
        self.signal(15);
        self.ended().await
    }

    pub async fn ended(&mut self) -> ExitStatus {
        let mut running = self.daemon.take().expect("a daemon runs");
        let waiting = tokio::task::spawn_blocking(move || running.child.wait().unwrap());
        tokio::time::timeout(PATIENCE, waiting).await.expect("the daemon ends").unwrap()
    }

    /// Runs the binary with a command and waits for it.
    pub fn run(&self, arguments: &[&str]) -> Output {
        Command::new(binary()).args(arguments).current_dir(self.folder.path()).output().unwrap()
    }

    /// Asks the running daemon; panics when it says no.
    pub fn ask(&self, arguments: &[&str]) -> String {
        let socket = self.folder.path().join("admin.sock");
        let mut all: Vec<&str> = arguments.to_vec();
        let socket = socket.to_str().unwrap().to_owned();
        all.extend(["--socket", &socket]);
        let output = self.run(&all);
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    pub fn status(&self) -> Value {
        serde_json::from_str(&self.ask(&["status", "--output", "json"])).unwrap()
    }

    /// Waits until the daemon's own status says so: the loops have to come round first.
    pub async fn status_until(&self, what: &str, says: impl Fn(&Value) -> bool) -> Value {
        let deadline = std::time::Instant::now() + PATIENCE;
        loop {
            let status = self.status();
            if says(&status) {
                return status;
            }
            assert!(std::time::Instant::now() < deadline, "waited in vain for {what}: {status:#}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// A page of the daemon's own HTTP.
    pub async fn get(&self, path: &str) -> (u16, String) {
        let http = self.daemon.as_ref().and_then(|running| running.http.clone()).expect("an address");
        let response = reqwest::get(format!("http://{http}{path}")).await.unwrap();
        (response.status().as_u16(), response.text().await.unwrap())
    }

    /// Waits until every message that was posted after the baseline has been accepted by the hook.
    pub async fn all_delivered(&self) {
        let wanted = self.posted_texts();
        self.hook
            .wait("every posted message", PATIENCE * 2, |received| {
                let accepted: std::collections::HashSet<&str> =
                    received.iter().filter(|one| one.accepted).map(|one| one.text.as_str()).collect();
                wanted.iter().all(|text| accepted.contains(text.as_str()))
            })
            .await;
    }

    /// Texts of customers after the baseline, in the order in which they were posted.
    pub fn posted_texts(&self) -> Vec<String> {
        self.sim.posted().into_iter().map(|post| post.text).filter(|text| text != "old").collect()
    }

    /// What the checker outside says of a run: nothing lost, nothing invented, order kept, ids stable. Gives the
    /// number of repeats.
    pub fn check(&self) -> usize {
        let accepted = self.hook.accepted();
        let posted = self.posted_texts();
        let mut repeats = 0;
        let mut ids: BTreeMap<String, String> = BTreeMap::new();
        let mut first_seen: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for one in accepted.iter().filter(|one| one.kind == "commwatch.message.created.v1") {
            assert!(posted.contains(&one.text), "invented: {:?}", one.text);
            match ids.insert(one.text.clone(), one.id.clone()) {
                Some(id) => {
                    assert_eq!(id, one.id, "another id for {:?}", one.text);
                    repeats += 1;
                }
                None => first_seen.entry(one.object.clone()).or_default().push(one.text.clone()),
            }
        }
        for text in &posted {
            assert!(ids.contains_key(text), "lost: {text:?}");
        }
        for (object, texts) in &first_seen {
            let expected: Vec<String> = self
                .sim
                .posted()
                .into_iter()
                .filter(|post| post.object_id.to_string() == *object && post.text != "old")
                .map(|post| post.text)
                .collect();
            assert_eq!(*texts, expected, "out of order in {object}");
        }
        repeats
    }
}

impl Drop for World {
    fn drop(&mut self) {
        if let Some(mut running) = self.daemon.take() {
            let _ = running.child.kill();
            let _ = running.child.wait();
        }
        if std::thread::panicking() {
            eprintln!("--- what the daemon wrote:\n{}", self.output.all());
        }
        for secret in [TOKEN, SIGNING_SECRET, SIGNING_SECRET.trim_start_matches("whsec_")] {
            if !std::thread::panicking() {
                assert!(!self.output.all().contains(secret), "a secret was written");
            }
        }
    }
}

impl Lines {
    pub fn count(&self) -> usize {
        self.lines.lock().unwrap().len()
    }

    pub fn containing(&self, text: &str) -> Vec<String> {
        self.lines.lock().unwrap().iter().filter(|line| line.contains(text)).cloned().collect()
    }

    pub fn all(&self) -> String {
        self.lines.lock().unwrap().join("\n")
    }

    fn wait(&self, from: usize, text: &str, within: Duration) -> Option<String> {
        let found = |lines: &Vec<String>| lines.iter().skip(from).find(|line| line.contains(text)).cloned();
        let lines = self.lines.lock().unwrap();
        let (lines, _) = self.more.wait_timeout_while(lines, within, |lines| found(lines).is_none()).unwrap();
        found(&lines)
    }
}

fn collect(pipe: impl std::io::Read + Send + 'static, lines: &Arc<Lines>) {
    let lines = Arc::clone(lines);
    std::thread::spawn(move || {
        for line in BufReader::new(pipe).lines().map_while(Result::ok) {
            lines.lines.lock().unwrap().push(line);
            lines.more.notify_all();
        }
    });
}

pub fn write_secret(path: &Path, text: &str) {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::write(path, text).unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).unwrap();
}

pub fn binary() -> &'static str {
    env!("CARGO_BIN_EXE_commwatch")
}

/// Where cargo leaves the plugins that the tests depend on: beside the test's own executable.
pub fn plugins() -> PathBuf {
    std::env::current_exe().unwrap().parent().unwrap().to_owned()
}
