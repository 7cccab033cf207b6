//! What needs a main of its own rather than a test harness: a process that is the daemon and, re-executed, its own
//! children.
#![expect(clippy::unwrap_used, reason = "a test")]

use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use commwatch::plugin::grant::Grant;
use commwatch::plugin::http::HttpService;
use commwatch::plugin::{Children, Handover, PluginHost, PluginSpec, PluginState};
use commwatch_plugin_api::Outcome;
use serde_json::json;
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout};

const TESTS: [(&str, fn()); 2] = [
    ("a_child_restarted_after_an_upgrade_is_of_the_running_build", upgraded),
    ("a_child_dies_with_a_daemon_that_is_killed", killed),
];

fn main() {
    commwatch::plugin_host::enter_if_asked();
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["as-daemon-that-is-upgraded"] => be_upgraded(),
        ["as-daemon-that-is-killed"] => be_killed(),
        ["--list", ..] => TESTS.iter().for_each(|(name, _)| println!("{name}: test")),
        _ => {
            for (name, test) in TESTS {
                test();
                println!("test {name} ... ok");
            }
        }
    }
}

/// Runs a copy of this program, which replaces itself on disk, as an upgrade does.
fn upgraded() {
    let folder = tempfile::tempdir().unwrap();
    let copy = folder.path().join("commwatch");
    std::fs::copy(std::env::current_exe().unwrap(), &copy).unwrap();
    let mut ran = Command::new(&copy);
    let ran = ran.arg("as-daemon-that-is-upgraded").env("PLUGIN", plugin()).output().unwrap();
    let said = String::from_utf8_lossy(&ran.stdout);
    let errors = String::from_utf8_lossy(&ran.stderr);
    assert!(ran.status.success() && said == "replaced and restarted\n", "{said}{errors}");
}

#[tokio::main(flavor = "current_thread")]
async fn be_upgraded() {
    let (host, running) = start();
    let before = pid(&host).await;
    let ours = executable(std::process::id());
    assert_eq!(executable(before), ours);

    let other = ours.with_extension("new");
    std::fs::write(&other, "#!/bin/sh\nexit 7\n").unwrap();
    std::fs::set_permissions(&other, std::fs::Permissions::from_mode(0o755)).unwrap();
    std::fs::rename(&other, &ours).unwrap();

    assert!(deliver(&host, "leave").await.is_none(), "the child ends");
    let after = pid(&host).await;
    assert_ne!(after, before);
    assert!(executable(after).to_string_lossy().ends_with(" (deleted)"), "{}", executable(after).display());
    assert_eq!(deliver(&host, "stay").await.unwrap(), "n-stay attempt 1");
    host.stop().await;
    running.await.unwrap();
    println!("replaced and restarted");
}

/// Two things end the child, either alone is enough: the kernel's parent-death signal, and the end of its socket.
fn killed() {
    let mut daemon = Command::new(std::env::current_exe().unwrap())
        .arg("as-daemon-that-is-killed")
        .env("PLUGIN", plugin())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(daemon.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let child: u32 = line.trim().parse().unwrap();
    assert!(is_alive(child));
    daemon.kill().unwrap();
    daemon.wait().unwrap();
    let started = std::time::Instant::now();
    while is_alive(child) {
        assert!(started.elapsed() < Duration::from_secs(20), "the child survives its daemon");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[tokio::main(flavor = "current_thread")]
async fn be_killed() {
    let (host, _running) = start();
    println!("{}", pid(&host).await);
    std::future::pending::<()>().await;
}

fn plugin() -> PathBuf {
    std::env::current_exe().unwrap().parent().unwrap().join("libcommwatch_faulty.so")
}

fn start() -> (PluginHost, JoinHandle<()>) {
    let config = json!({"mode": "exit", "on_title": "leave"});
    let spec = PluginSpec {
        notifier: "ops".to_owned(),
        library: std::env::var_os("PLUGIN").unwrap().into(),
        pinned: None,
        grant: Arc::new(Grant::new(&json!({}), &config, [].into()).unwrap()),
        config,
        concurrency: None,
    };
    let http = Arc::new(HttpService::new().unwrap());
    let (host, future) = PluginHost::new(spec, Children::start().unwrap(), http);
    (host, tokio::spawn(future))
}

async fn pid(host: &PluginHost) -> u32 {
    let mut state = host.state();
    let is_running = |state: &PluginState| matches!(state, PluginState::Running { .. });
    match timeout(Duration::from_secs(20), state.wait_for(is_running)).await.unwrap().unwrap().clone() {
        PluginState::Running { pid, .. } => pid,
        other => panic!("{other:?}"),
    }
}

async fn deliver(host: &PluginHost, title: &str) -> Option<String> {
    let payload = json!({
        "id": format!("n-{title}"), "notifier": "ops", "key": "k", "action": "notify", "severity": "info",
        "title": title, "text": "", "events": [],
    });
    let deadline = Instant::now() + Duration::from_secs(10);
    let payload = payload.to_string().into();
    let report = host
        .deliver(Handover {
            payload,
            receipt: None,
            attempt: 1,
            replay: false,
            again: false,
            deadline,
            alone: false,
        })
        .await;
    match report.outcome {
        Outcome::Delivered { receipt } => receipt,
        _ => None,
    }
}

fn executable(pid: u32) -> PathBuf {
    std::fs::read_link(format!("/proc/{pid}/exe")).unwrap()
}

/// A zombie is dead.
fn is_alive(pid: u32) -> bool {
    let stat = std::fs::read_to_string(Path::new("/proc").join(pid.to_string()).join("stat"));
    stat.is_ok_and(|stat| !stat.rsplit(") ").next().unwrap().starts_with('Z'))
}
