//! The real binary with real plugins, in a folder of its own.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, SystemTime};

use commwatch_simulator::Simulator;
use serde_json::Value;

use super::Fault;
use super::server::{self, STREAM, objects};

/// How many requests may be under way at once.
pub(crate) const IN_FLIGHT_MAX: usize = 8;
pub(crate) const TIMEOUT: Duration = Duration::from_secs(10);
const READY_WITHIN: Duration = Duration::from_secs(30);

/// A daemon that runs. Dropped = killed, and its folder gone.
pub(crate) struct Daemon {
    child: Child,
    http: String,
    folder: tempfile::TempDir,
    /// Keeps the pipe read; what it says is not needed.
    _lines: Receiver<String>,
}

/// What is asked of it.
pub(crate) struct Task<'a> {
    pub(crate) watches: usize,
    pub(crate) interval: &'a str,
    pub(crate) hook: &'a str,
}

impl Daemon {
    /// Starts it and waits until it says that it is ready.
    pub(crate) fn start(simulator: &Simulator, task: &Task<'_>) -> Result<Self, Fault> {
        // On a real disk: what it commits must reach it.
        let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR"))?;
        let config = folder.path().join("commwatch.toml");
        std::fs::write(folder.path().join("token"), simulator.token())?;
        std::fs::write(folder.path().join("signing"), "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")?;
        std::fs::write(&config, configuration(simulator, task)?)?;
        let mut child = Command::new(env!("CARGO_BIN_EXE_commwatch"))
            .args(["run", "-c"])
            .arg(&config)
            .env_remove("NOTIFY_SOCKET")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()?;
        let (said, lines) = channel();
        let pipe = child.stderr.take().ok_or("no pipe")?;
        std::thread::spawn(move || {
            for line in BufReader::new(pipe).lines().map_while(Result::ok) {
                // Read on, or the daemon would wait for us.
                let _ = said.send(line);
            }
        });
        let mut daemon = Self { child, http: String::new(), folder, _lines: lines };
        daemon.http = daemon.ready()?;
        Ok(daemon)
    }

    fn ready(&self) -> Result<String, Fault> {
        let mut heard = Vec::new();
        loop {
            let Ok(line) = self._lines.recv_timeout(READY_WITHIN) else {
                return Err(format!("the daemon does not start:\n{}", heard.join("\n")).into());
            };
            if line.contains("commwatch is ready") {
                let line: Value = serde_json::from_str(&line)?;
                return Ok(line["http"].as_str().ok_or("no address")?.to_owned());
            }
            heard.push(line);
        }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// A page of its own HTTP.
    pub(crate) fn get(&self, path: &str) -> Result<String, Fault> {
        let mut stream = TcpStream::connect(&self.http)?;
        write!(stream, "GET {path} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n\r\n", self.http)?;
        let mut text = String::new();
        stream.read_to_string(&mut text)?;
        Ok(text)
    }

    /// The sum of the series of a family that hold `label`, as its own metrics say.
    pub(crate) fn metric(&self, family: &str, label: &str) -> Result<f64, Fault> {
        let text = self.get("/metrics")?;
        let series = text.lines().filter(|line| line.starts_with(family) && line.contains(label));
        Ok(series.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum())
    }

    /// Waits until every watch has its baseline and every notifier runs.
    pub(crate) fn baselined(&self, watches: usize) -> Result<(), Fault> {
        #[expect(clippy::cast_precision_loss, reason = "a few thousand")]
        let all = watches as f64;
        server::wait("baselines", || Ok(self.metric("commwatch_polls_total", "result=\"changed\"")? >= all))?;
        server::wait("plugins", || Ok(self.metric("commwatch_plugin_process_up", "")? >= 2.0))
    }

    /// Size and time of the last write of everything that the store has on disk, by name.
    pub(crate) fn store_files(&self) -> Result<Vec<(String, u64, SystemTime)>, Fault> {
        let mut files = Vec::new();
        for entry in std::fs::read_dir(self.folder.path())? {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            // The index of the log is memory shared by the two connections, and never on disk for its own sake.
            if name.starts_with("commwatch.db") && !name.ends_with("-shm") {
                let meta = entry.metadata()?;
                files.push((name, meta.len(), meta.modified()?));
            }
        }
        files.sort();
        Ok(files)
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn configuration(simulator: &Simulator, task: &Task<'_>) -> Result<String, Fault> {
    let watches: String = objects(task.watches)
        .map(|object| {
            format!(
                "[[watch]]\nname = \"w{object}\"\ntitle = \"ACME / Dana Levi {object}\"\npriority = \"vip\"\n\
                 stream = {STREAM}\nobject = {object}\n"
            )
        })
        .collect();
    Ok(format!(
        r#"
[accounts.main]
base_url = "{base}"
token = {{ file = "token" }}
rate = "100000/s"
burst = 1000
max_in_flight = {IN_FLIGHT_MAX}
timeout = "{timeout}s"
console_url = "https://acme.example/widget/object/{{object_id}}"

[polling]
interval = "{interval}"

{watches}
[notifiers.hook]
plugin = "webhook"
content = "full"
rate = "1000/s"
[notifiers.hook.config]
url = "{hook}"
secret = {{ file = "signing" }}

[notifiers.log]
plugin = "log"
rate = "1000/s"

[[route]]
notify = ["hook", "log"]

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
format = "json"
"#,
        base = simulator.base_url(),
        timeout = TIMEOUT.as_secs(),
        interval = task.interval,
        hook = task.hook,
        plugins = plugins()?.display(),
    ))
}

/// Cargo leaves the plugins beside this executable.
pub(crate) fn plugins() -> Result<PathBuf, Fault> {
    let here = std::env::current_exe()?;
    Ok(here.parent().map(Path::to_owned).ok_or("no folder")?)
}
