use std::env;
use std::os::unix::net::UnixDatagram;
use std::process::Command;

use super::*;

/// What the second process of a test is.
const ROLE: &str = "COMMWATCH_TEST_SPEAKS";

/// Runs this test binary again, as a process that systemd has started, and returns what it was told.
///
/// The environment is the interface here, and a process may not change its own while it has threads.
fn told(test: &str) -> Vec<String> {
    let folder = tempfile::TempDir::new().unwrap();
    let path = folder.path().join("notify");
    let socket = UnixDatagram::bind(&path).unwrap();
    let child = Command::new(env::current_exe().unwrap())
        .args([test, "--exact", "--nocapture"])
        .env("NOTIFY_SOCKET", &path)
        .env("WATCHDOG_USEC", "30000000")
        .env_remove("WATCHDOG_PID")
        .env(ROLE, "1")
        .output()
        .unwrap();
    assert!(child.status.success(), "{child:?}");
    socket.set_nonblocking(true).unwrap();
    let mut messages = Vec::new();
    let mut message = [0; 4096];
    while let Ok(length) = socket.recv(&mut message) {
        messages.push(String::from_utf8(message[..length].to_vec()).unwrap());
    }
    messages
}

#[test]
fn systemd_is_told_in_its_own_words() {
    if env::var_os(ROLE).is_some() {
        extend_timeout(Duration::from_secs(90));
        extend_timeout(Duration::MAX);
        ready("3 watches, 2 notifiers");
        assert_eq!(look_every(), Duration::from_millis(7500));
        feed();
        reloading();
        ready("as before\nWATCHDOG=trigger");
        stopping("SIGTERM");
        return;
    }
    let messages = told("ops::systemd::tests::systemd_is_told_in_its_own_words");
    let now = "RELOADING=1\nMONOTONIC_USEC=";
    let (reload, others): (Vec<&String>, Vec<&String>) =
        messages.iter().partition(|text| text.starts_with(now));
    insta::assert_debug_snapshot!(others, @r#"
    [
        "EXTEND_TIMEOUT_USEC=90000000\n",
        "EXTEND_TIMEOUT_USEC=4294967295\n",
        "READY=1\nSTATUS=3 watches, 2 notifiers\n",
        "WATCHDOG=1\n",
        "READY=1\nSTATUS=as before WATCHDOG=trigger\n",
        "STOPPING=1\nSTATUS=SIGTERM\n",
    ]
    "#);
    let time = reload[0].strip_prefix(now).unwrap().split_once("\nSTATUS=").unwrap().0;
    assert!(time.parse::<u64>().is_ok_and(|time| time > 0), "{reload:?}");
}

#[test]
fn without_systemd_nothing_happens() {
    let status = Command::new(env::current_exe().unwrap())
        .args(["ops::systemd::tests::speaks_to_nobody", "--exact", "--nocapture"])
        .env_remove("NOTIFY_SOCKET")
        .env_remove("WATCHDOG_USEC")
        .output()
        .unwrap();
    assert!(status.status.success(), "{status:?}");
    assert!(String::from_utf8_lossy(&status.stdout).contains("1 passed"), "{status:?}");
}

#[test]
fn speaks_to_nobody() {
    if env::var_os("NOTIFY_SOCKET").is_none() {
        ready("up");
        feed();
        stopping("bye");
        assert_eq!(look_every(), LOOK_EVERY);
    }
}

/// What the unit says of our times has to agree with what the code does.
#[test]
fn the_unit_gives_us_longer_to_stop_than_we_give_ourselves() {
    let unit = include_str!("../../../../systemd/commwatch.service");
    let seconds = |key: &str| -> u64 {
        let line = unit.lines().find_map(|line| line.strip_prefix(key)).unwrap();
        line.trim_end_matches('s').parse().unwrap()
    };
    assert!(Duration::from_secs(seconds("TimeoutStopSec=")) > STOP_WITHIN + Duration::from_secs(5));
    assert!(Duration::from_secs(seconds("WatchdogSec=")) / LOOKS > BEAT_EVERY);
}
