//! The world of a scenario: a simulated `CommBox`, a receiver, and the real daemon between them.

mod config;
mod lines;
mod process;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Output, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use commwatch_simulator::{Conversation, Simulator};
use serde_json::Value;

pub use self::config::{ConfigText, WatchText};
use self::lines::Lines;
use self::process::Running;
pub use self::process::{Process, binary, link_or_copy, plugins, run, send, until};
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
    pub config: ConfigText,
    /// What is run; the binary that was built, unless a scenario needs one of its own.
    pub binary: PathBuf,
    /// The daemon's environment, on top of the test's own.
    pub environment: BTreeMap<&'static str, String>,
    /// None of these may ever be written by the daemon.
    pub secrets: Vec<String>,
    /// Everything that every daemon of this world has written.
    pub output: Arc<Lines>,
}

impl World {
    pub async fn new() -> Self {
        let sim = Simulator::builder().token(TOKEN).start().await.expect("a simulator");
        let hook = Receiver::start().await;
        let folder = tempfile::tempdir().unwrap();
        commwatch::tls::install();
        let mut world = Self {
            sim,
            hook,
            folder,
            daemon: None,
            config: ConfigText::default(),
            binary: binary().into(),
            environment: BTreeMap::new(),
            secrets: Vec::new(),
            output: Arc::default(),
        };
        world.secret("token", TOKEN);
        world.secret("signing", SIGNING_SECRET);
        world.secrets.push(SIGNING_SECRET.trim_start_matches("whsec_").to_owned());
        world
    }

    /// A file with a secret in it, which must not be seen anywhere else.
    pub fn secret(&mut self, file: &str, text: &str) {
        write_secret(&self.folder.path().join(file), text);
        self.secrets.push(text.to_owned());
    }

    /// A conversation with one old message, watched.
    pub fn watching(&mut self, object: i64) -> Conversation {
        let conversation = self.conversation(object);
        conversation.customer_says("old");
        self.config.watches.push(WatchText::of(object));
        conversation
    }

    pub fn conversation(&self, object: i64) -> Conversation {
        self.sim.conversation(STREAM, object).customer("Dana", "Levi")
    }

    pub fn unwatch(&mut self, object: i64) {
        self.config.watches.retain(|watch| watch.object != object);
    }

    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// A new place with copies of the secrets, and of this backup as the database; gives the old one.
    pub fn moves(&mut self, backup: &str) -> tempfile::TempDir {
        let old = std::mem::replace(&mut self.folder, tempfile::tempdir().unwrap());
        for (from, to) in [("token", "token"), ("signing", "signing"), (backup, "commwatch.db")] {
            std::fs::copy(old.path().join(from), self.path(to)).unwrap();
        }
        old
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Every daemon that is started from now on has `NAME.c` loaded before anything else. Gives a folder of its own
    /// in which it can be told what to do.
    pub fn preload(&mut self, name: &str) -> PathBuf {
        let folder = self.path(name);
        std::fs::create_dir(&folder).unwrap();
        let library = folder.join(name).with_extension("so");
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it").join(name).with_extension("c");
        let compiled = Command::new(std::env::var_os("CC").unwrap_or_else(|| "cc".into()))
            .args(["-shared", "-fPIC", "-Wall", "-Wextra", "-Werror", "-O1", "-o"])
            .args([&library, &source])
            .output()
            .expect("a C compiler is present wherever Rust links");
        assert!(compiled.status.success(), "{}", String::from_utf8_lossy(&compiled.stderr));
        self.environment.insert("LD_PRELOAD", library.display().to_string());
        folder
    }

    pub fn config_path(&self) -> PathBuf {
        self.path("commwatch.toml")
    }

    pub fn config_text(&self) -> String {
        self.config.render(&self.sim.base_url(), &self.hook.url(), self.folder())
    }

    pub fn write_config(&self) {
        self.replace(&self.config_path(), &self.config_text());
    }

    /// Writes a file by rename, as an editor does: the daemon must never see half of it.
    pub fn replace(&self, path: &Path, text: &str) {
        let new = self.path(".new");
        std::fs::write(&new, text).unwrap();
        std::fs::rename(&new, path).unwrap();
    }

    /// Starts the real binary and waits until it says that it is ready.
    pub async fn start(&mut self) {
        self.write_config();
        self.start_with(&[]).await;
    }

    pub async fn start_with(&mut self, arguments: &[&str]) {
        let command = self.daemon_command(arguments);
        self.spawn(command).await;
    }

    /// `commwatch run` with this world's configuration.
    pub fn daemon_command(&self, arguments: &[&str]) -> Command {
        let mut command = self.command(&["run", "-c"]);
        command.arg(self.config_path()).args(arguments);
        command
    }

    /// A command of this world, that is not yet begun.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.binary);
        command.args(arguments).current_dir(self.folder.path()).env_remove("NOTIFY_SOCKET");
        command.env_remove("COMMWATCH_CONFIG").envs(&self.environment);
        command
    }

    pub async fn spawn(&mut self, command: Command) {
        let from = self.launch(command);
        self.ready_after(from).await;
    }

    /// Waits until the daemon says that it is ready.
    pub async fn ready_after(&mut self, from: usize) {
        let ready = self.line_after(from, "commwatch is ready").await;
        let ready: Value = serde_json::from_str(&ready).expect("a log of JSON");
        self.daemon.as_mut().unwrap().http = ready["http"].as_str().map(str::to_owned);
    }

    /// Starts it and waits for nothing; gives the number of lines that were written before.
    pub fn launch(&mut self, mut command: Command) -> usize {
        assert!(self.daemon.is_none(), "one daemon at a time");
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the binary is built beside the tests");
        let from = self.output.count();
        self.output.collect(child.stdout.take().unwrap());
        self.output.collect(child.stderr.take().unwrap());
        self.daemon = Some(Running { child, http: None });
        from
    }

    /// Starts the real binary, which is to refuse; gives its exit status and what it wrote.
    pub fn refused(&self, arguments: &[&str]) -> (Option<i32>, String) {
        let output = run(&mut self.daemon_command(arguments));
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    }

    /// Waits for a line that holds `text`, among those written after the first `from`.
    pub async fn line_after(&self, from: usize, text: &str) -> String {
        let (output, wanted) = (Arc::clone(&self.output), text.to_owned());
        let found = tokio::task::spawn_blocking(move || output.wait(from, &wanted, PATIENCE)).await.unwrap();
        found.unwrap_or_else(|| panic!("no line with {text:?} in\n{}", self.output.all()))
    }

    /// Waits until every watched conversation has been polled `n` more times.
    pub async fn polled(&self, n: u64) {
        let polls =
            self.config.watches.iter().map(|watch| self.sim.wait_for_polls(watch.object, n, PATIENCE));
        // All at once: each counts from now on.
        futures_util::future::try_join_all(polls).await.expect("polls");
    }

    /// Waits until every watch has its baseline.
    pub async fn baselined(&self) {
        for WatchText { object, .. } in &self.config.watches {
            self.line_after(0, &format!("took the baseline of watch w{object}:")).await;
        }
    }

    pub fn pid(&self) -> u32 {
        self.daemon.as_ref().expect("a daemon runs").child.id()
    }

    /// kill -9, and nothing of it left.
    pub fn kill(&mut self) {
        self.daemon.take().expect("a daemon runs").kill().unwrap();
    }

    pub fn signal(&self, signal: i32) {
        send(self.pid(), signal);
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
        run(&mut self.command(arguments))
    }

    /// Asks the running daemon; panics when it says no.
    pub fn ask(&self, arguments: &[&str]) -> String {
        let output = self.run(&[arguments, &["--socket", "admin.sock"]].concat());
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    pub fn status(&self) -> Value {
        serde_json::from_str(&self.ask(&["status", "--output", "json"])).unwrap()
    }

    /// Waits until the daemon's own status says so: the loops have to come round first.
    pub async fn status_until(&self, what: &str, says: impl Fn(&Value) -> bool) -> Value {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let (_, status) = self.get("/api/status").await;
            let status = serde_json::from_str(&status).unwrap();
            if says(&status) {
                return status;
            }
            assert!(Instant::now() < deadline, "waited in vain for {what}: {status:#}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Waits until a notifier's status says so.
    pub async fn notifier_until(&self, name: &str, what: &str, says: impl Fn(&Value) -> bool) -> Value {
        let of = |status: &Value| {
            let all = status["notifiers"].as_array().unwrap();
            all.iter().find(|one| one["name"] == name).cloned().unwrap_or_default()
        };
        let status = self.status_until(&format!("{name}: {what}"), |status| says(&of(status))).await;
        of(&status)
    }

    /// Waits until a series of `/metrics`, written with its labels, has this value.
    pub async fn metric_until(&self, series: &str, value: &str) {
        let deadline = Instant::now() + PATIENCE;
        let line = format!("commwatch_{series} {value}");
        loop {
            let (_, metrics) = self.get("/metrics").await;
            if metrics.lines().any(|one| one == line) {
                return;
            }
            assert!(Instant::now() < deadline, "waited in vain for {line}: {metrics}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// The process of a notifier's plugin, as it is now.
    pub fn plugin_process(&self, notifier: &str) -> Option<Process> {
        let children = Process::children_of(self.pid());
        children.into_iter().find(|child| child.words.last().is_some_and(|word| word == notifier))
    }

    /// Where the daemon's own HTTP is.
    pub fn http(&self) -> String {
        let http = self.daemon.as_ref().and_then(|running| running.http.clone());
        format!("http://{}", http.expect("an address"))
    }

    /// A page of the daemon's own HTTP.
    pub async fn get(&self, path: &str) -> (u16, String) {
        let response = reqwest::get(format!("{}{path}", self.http())).await.unwrap();
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

    /// Waits until it is noted what the hook has accepted: before, a kill makes repeats of it.
    pub async fn all_noted(&self) {
        self.notifier_until("hook", "all that was accepted is noted", |hook| hook["pending"] == 0).await;
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
        let mut sequences: BTreeMap<String, String> = BTreeMap::new();
        let mut first_seen: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for one in accepted.iter().filter(|one| one.kind == "commwatch.message.created.v1") {
            assert!(posted.contains(&one.text), "invented: {:?}", one.text);
            match ids.insert(one.text.clone(), one.id.clone()) {
                Some(id) => {
                    assert_eq!(id, one.id, "another id for {:?}", one.text);
                    repeats += 1;
                }
                None => {
                    let last = sequences.insert(one.object.clone(), one.sequence.clone());
                    assert!(last < Some(one.sequence.clone()), "a sequence that does not grow: {one:?}");
                    first_seen.entry(one.object.clone()).or_default().push(one.text.clone());
                }
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
            let _ = running.kill();
        }
        if std::thread::panicking() {
            eprintln!("--- what the daemon wrote:\n{}", self.output.all());
        }
        for secret in self.secrets.iter().filter(|_| !std::thread::panicking()) {
            assert!(!self.output.all().contains(secret), "a secret was written");
        }
    }
}

fn write_secret(path: &Path, text: &str) {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::write(path, text).unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).unwrap();
}
