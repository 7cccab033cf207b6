//! What a program is given, and what its end comes to.

use std::path::Path;
use std::time::{Duration, Instant};

use commwatch_plugin_api::testing::{HOSTILE, event, notification};
use serde_json::{Value, json};

use crate::{deliver, sh};

#[test]
fn every_end_has_its_outcome() {
    for (script, expected, why) in [
        ("exit 0", "delivered", ""),
        ("echo all is well >&2; exit 0", "delivered", ""),
        ("echo busy >&2; exit 75", "retry", "exit status 75: busy"),
        ("exit 75", "retry", "exit status 75"),
        (
            "echo no key; echo no key in /etc/siren >&2; exit 78",
            "broken",
            "exit status 78: no key in /etc/siren",
        ),
        ("echo first >&2; echo last >&2; echo >&2; exit 1", "reject", "exit status 1: last"),
        ("exit 127", "reject", "exit status 127"),
        ("echo oops >&2; kill -SEGV $$", "unknown", "ended by signal 11: oops"),
        ("kill -9 $$", "unknown", "ended by signal 9"),
        // Nothing is read, and the rest is nobody's loss.
        ("exec 0<&-; exit 0", "delivered", ""),
    ] {
        let ended = deliver(&sh(script), &notification());
        assert_eq!((ended.kind(), ended.why()), (expected, why), "{script}");
    }
}

#[test]
fn a_program_is_given_one_line_of_json_and_an_environment_of_its_own() {
    let folder = tempfile::tempdir().expect("a folder");
    let out = folder.path().join("out");
    let mut config = sh("cat >\"$OUT\"; pwd >>\"$OUT\"; env | sort >>\"$OUT\"");
    config["env"] = json!({"OUT": out, "LANG": "he_IL.UTF-8"});
    let mut told = notification();
    (told.attempt, told.text) = (3, HOSTILE.concat());
    told.events = vec![event("{\"a\":\n1,\r\n \"b\": \"x\\ny\"}")];
    assert_eq!(deliver(&config, &told).kind(), "delivered");
    let written = std::fs::read_to_string(&out).expect("a file");
    let (line, rest) = written.split_once('\n').expect("a line");
    let read: Value = serde_json::from_str(line).expect("JSON");
    assert_eq!((&read["attempt"], &read["text"]), (&json!(3), &json!(told.text)));
    assert_eq!((&read["replay"], &read["events"][0]["b"]), (&json!(false), &json!("x\ny")));
    assert_eq!(read.get("remaining_ms"), None);
    let mut rest = rest.lines();
    assert_eq!(rest.next(), Some("/"));
    let set: Vec<&str> = rest.filter(|line| !line.starts_with("PWD=") && !line.starts_with("_=")).collect();
    let out = format!("OUT={}", out.display());
    let path = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
    let shell_s_own = |line: &&str| !["OLDPWD", "SHLVL"].iter().any(|name| line.starts_with(name));
    let set: Vec<&str> = set.into_iter().filter(shell_s_own).collect();
    assert_eq!(set, ["LANG=he_IL.UTF-8", &out, path]);
}

#[test]
fn no_shell_looks_at_what_customers_write() {
    let folder = tempfile::tempdir().expect("a folder");
    let trap = folder.path().join("trap");
    let mut told = notification();
    told.text = format!("$(touch {0}) `touch {0}`; touch {0} # \" ' \n touch {0}", trap.display());
    assert_eq!(deliver(&json!({"program": "/bin/cat", "args": ["-"]}), &told).kind(), "delivered");
    assert_eq!(deliver(&sh("read -r line; exit 0"), &told).kind(), "delivered");
    assert!(!trap.exists());
}

#[test]
fn a_program_that_does_not_end_in_time_is_ended_with_all_that_it_started() {
    let folder = tempfile::tempdir().expect("a folder");
    let pids = folder.path().join("pids");
    let mut config =
        sh("echo $$ >\"$PIDS\"; sh -c 'echo $$ >>\"$PIDS\"; sleep 1000' & echo on my way >&2; sleep 1000");
    (config["env"], config["timeout"]) = (json!({"PIDS": pids}), json!("2s"));
    let ended = deliver(&config, &notification());
    assert_eq!(
        (ended.kind(), ended.why()),
        ("unknown", "killed, since it had not ended within 2000 ms: on my way")
    );
    let pids = std::fs::read_to_string(&pids).expect("pids");
    let pids: Vec<&str> = pids.lines().collect();
    assert_eq!(pids.len(), 2);
    assert!(!Path::new("/proc").join(pids[0]).exists(), "it is reaped");
    // Its child is whoever's now: at most a zombie, until that one looks.
    let stat = Path::new("/proc").join(pids[1]).join("stat");
    let is_over =
        || std::fs::read_to_string(&stat).map_or(true, |stat| stat.contains(") Z ") || stat.contains(") X "));
    let patience = Instant::now() + Duration::from_secs(20);
    while !is_over() {
        assert!(Instant::now() < patience, "{:?}", std::fs::read_to_string(&stat));
        std::thread::yield_now();
    }
}

#[test]
fn the_time_of_the_delivery_bounds_the_programs() {
    let mut told = notification();
    told.remaining_ms = 500;
    let ended = deliver(&sh("sleep 1000"), &told);
    assert_eq!((ended.kind(), ended.why()), ("unknown", "killed, since it had not ended within 400 ms"));
}

#[test]
fn what_it_says_is_bounded_and_cannot_write_on_a_terminal() {
    let script = "yes 'line after line' | head -c 10000000 >&2; printf '\\033[31mred\\007 \\377 end\\r\\n' >&2; exit 1";
    let ended = deliver(&sh(script), &notification());
    assert_eq!((ended.kind(), ended.why()), ("reject", "exit status 1: [31mred \u{fffd} end"));
    let script = "yes | tr -d '\\n' | head -c 100000 >&2; exit 1";
    let why = deliver(&sh(script), &notification()).why().to_owned();
    assert!(why.ends_with("y…") && why.chars().count() < 230, "{why}");
}

#[test]
fn what_it_leaves_running_does_not_keep_it_from_being_over() {
    let ended = deliver(&sh("sleep 1000 & exit 0"), &notification());
    assert_eq!(ended.kind(), "delivered");
}

#[test]
fn a_long_notification_is_handed_over_whole_and_one_that_nobody_reads_holds_nothing_up() {
    let mut told = notification();
    told.text = "x".repeat(200_000);
    let script = "test $(wc -c) -gt 200000";
    assert_eq!(deliver(&sh(script), &told).kind(), "delivered");
    assert_eq!(deliver(&sh("exit 0"), &told).kind(), "delivered");
}

#[test]
fn a_file_that_is_no_program_breaks_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let program = folder.path().join("siren");
    std::fs::copy("/bin/true", &program).expect("a copy");
    let host = commwatch_plugin_api::testing::FakeHost::new().host();
    let exec: commwatch_exec::Exec =
        commwatch_plugin_api::testing::start(json!({"program": program}), &host).expect("it starts");
    std::fs::remove_file(&program).expect("it was there");
    let ended = commwatch_plugin_api::Notifier::deliver(&exec, &notification(), &host);
    let commwatch_plugin_api::Outcome::Broken { why, .. } = ended else { panic!("{ended:?}") };
    assert_eq!(why, "cannot be started: No such file or directory (os error 2); check `program`");
}
