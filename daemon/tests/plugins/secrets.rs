//! A secret is the host's: nothing of it is ever in the child.

use std::collections::BTreeMap;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::sync::{Arc, Mutex};

use commwatch::plugin::grant::Grant;
use commwatch::plugin::http::HttpService;
use commwatch::plugin::manifest::Manifest;
use commwatch::plugin::{PluginHost, PluginState};
use commwatch_plugin_api::Outcome;
use secrecy::SecretString;
use serde_json::json;
use tokio::time::timeout;

use crate::world::{LONG, children, handover, library, spec};

const SECRET: &str = "hush-9f2c1d7a-only-the-host-knows";

#[tokio::test]
async fn a_secret_reaches_the_receiver_and_never_the_child() {
    let got = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&got);
    let receiver = axum::Router::new().fallback(move |request: axum::extract::Request| {
        seen.lock().unwrap().push(request.uri().path().to_owned());
        async { "thanks" }
    });
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let serving = tokio::spawn(async move { axum::serve(listener, receiver).await });

    let faulty = library("faulty");
    let mut spec = spec(faulty.clone(), json!({"mode": "http", "url": {"$secret": "/url"}}));
    let url = SecretString::from(format!("http://{address}/{SECRET}"));
    let secrets = BTreeMap::from([("/url".to_owned(), url)]);
    let schema = Manifest::read(&faulty).unwrap().config;
    spec.grant = Arc::new(Grant::new(&schema, &spec.config, secrets).unwrap());
    let (host, future) = PluginHost::new(spec, children(), Arc::new(HttpService::new().unwrap()));
    let running = tokio::spawn(future);
    let mut state = host.state();
    let is_running = |state: &PluginState| matches!(state, PluginState::Running { .. });
    let pid = match timeout(LONG, state.wait_for(is_running)).await.unwrap().unwrap().clone() {
        PluginState::Running { pid, .. } => pid,
        other => panic!("{other:?}"),
    };
    assert_eq!(host.deliver(handover("marker-of-the-title")).await.outcome, Outcome::delivered());
    assert_eq!(*got.lock().unwrap(), [format!("/{SECRET}")], "the receiver got it");

    let memory = memory(pid);
    assert!(contains(&memory, b"$secret"), "the reference is there, so this looks in the right place");
    assert!(!contains(&memory, SECRET.as_bytes()), "the secret is not");
    assert_eq!(std::fs::read(format!("/proc/{pid}/environ")).unwrap(), b"");
    let command = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap();
    assert_eq!(String::from_utf8(command).unwrap(), "commwatch\0plugin-host\0ops\0");
    host.stop().await;
    running.await.unwrap();
    serving.abort();
}

#[tokio::test]
async fn a_child_has_a_socket_its_output_and_no_other_file() {
    let world = crate::world::World::faulty(json!({"mode": "obey"})).await;
    let folder = format!("/proc/{}/fd", world.pid().await);
    let mut open: Vec<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| {
            let entry = entry.unwrap();
            let target = std::fs::read_link(entry.path()).unwrap().display().to_string();
            let kind = target.split(':').next().unwrap().to_owned();
            format!("{} {kind}", entry.file_name().display())
        })
        .collect();
    open.sort();
    assert_eq!(open, ["0 /dev/null", "1 pipe", "2 pipe", "3 socket"]);
    world.stop().await;
}

/// All memory of a process that can be read.
fn memory(pid: u32) -> Vec<u8> {
    let maps = std::fs::read_to_string(format!("/proc/{pid}/maps")).unwrap();
    let mut file = std::fs::File::open(format!("/proc/{pid}/mem")).unwrap();
    let mut all = Vec::new();
    for line in
        maps.lines().filter(|line| line.split(' ').nth(1).is_some_and(|rights| rights.starts_with("rw")))
    {
        let (from, to) = line.split(' ').next().unwrap().split_once('-').unwrap();
        let [from, to] = [from, to].map(|hex| u64::from_str_radix(hex, 16).unwrap());
        let mut part = Vec::new();
        file.seek(SeekFrom::Start(from)).unwrap();
        // A guard page may refuse; what was read before it is kept.
        let _ = (&mut file).take(to - from).read_to_end(&mut part);
        all.append(&mut part);
    }
    all
}

fn contains(memory: &[u8], text: &[u8]) -> bool {
    memory.windows(text.len()).any(|window| window == text)
}
