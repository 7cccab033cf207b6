//! The executable is replaced on disk while it runs, as an upgrade does; a child that is restarted afterwards still
//! runs the old one, which is the daemon's own build. Has a main of its own (no test harness), as the daemon has.
#![expect(clippy::unwrap_used, reason = "a test")]

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use commwatch::plugin::grant::Grant;
use commwatch::plugin::http::HttpService;
use commwatch::plugin::{Children, Handover, PluginHost, PluginSpec, PluginState};
use commwatch_plugin_api::Outcome;
use serde_json::json;
use tokio::time::{Instant, timeout};

const AS_DAEMON: &str = "as-daemon";

fn main() {
    commwatch::plugin_host::enter_if_asked();
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match &arguments[..] {
        [role, library] if role == AS_DAEMON => daemon(Path::new(library)),
        [list, ..] if list == "--list" => {
            println!("a_child_restarted_after_an_upgrade_is_of_the_running_build: test");
        }
        _ => a_child_restarted_after_an_upgrade_is_of_the_running_build(),
    }
}

/// Runs a copy of this program, which replaces itself.
fn a_child_restarted_after_an_upgrade_is_of_the_running_build() {
    let this = std::env::current_exe().unwrap();
    let library = this.parent().unwrap().join("libcommwatch_faulty.so");
    let folder = tempfile::tempdir().unwrap();
    let copy = folder.path().join("commwatch");
    std::fs::copy(&this, &copy).unwrap();
    let ran = Command::new(&copy).arg(AS_DAEMON).arg(&library).output().unwrap();
    let said = String::from_utf8_lossy(&ran.stdout);
    assert!(
        ran.status.success() && said == "replaced and restarted\n",
        "{said}{}",
        String::from_utf8_lossy(&ran.stderr)
    );
    println!("test a_child_restarted_after_an_upgrade_is_of_the_running_build ... ok");
}

#[tokio::main(flavor = "current_thread")]
async fn daemon(library: &Path) {
    let config = json!({"mode": "exit", "on_title": "leave"});
    let spec = PluginSpec {
        notifier: "ops".to_owned(),
        library: library.to_owned(),
        grant: Arc::new(Grant::new(&json!({}), &config, [].into()).unwrap()),
        config,
        concurrency: None,
    };
    let (host, future) =
        PluginHost::new(spec, Children::start().unwrap(), Arc::new(HttpService::new().unwrap()));
    let running = tokio::spawn(future);
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
    let report = host.deliver(Handover { payload, attempt: 1, replay: false, deadline, alone: false }).await;
    match report.outcome {
        Outcome::Delivered { receipt } => receipt,
        _ => None,
    }
}

fn executable(pid: u32) -> PathBuf {
    std::fs::read_link(format!("/proc/{pid}/exe")).unwrap()
}
