use serde_json::Value;

use crate::receiver::Received;
use crate::world::{PATIENCE, Process, World, binary, link_or_copy, plugins, until};

/// A notifier with the faulty plugin; it goes wrong for what comes from watch 7.
fn faulty(name: &str, timeout: &str, config: &str) -> String {
    format!(
        "[notifiers.{name}]\nplugin = \"faulty\"\ntimeout = \"{timeout}\"\nrate = \"1000/s\"\n\
         [notifiers.{name}.config]\non_title = \"Watch 7\"\n{config}\n"
    )
}

/// The attempts that delivered a notification: (event, attempt), in order.
fn delivered(world: &World, notifier: &str) -> Vec<(String, u64)> {
    let lines = world.output.logged(&format!("delivered to {notifier}\""));
    lines
        .iter()
        .map(|line| (line["event"].as_str().unwrap().to_owned(), line["attempt"].as_u64().unwrap()))
        .collect()
}

fn ids(delivered: &[(String, u64)]) -> Vec<&str> {
    let mut ids: Vec<&str> = delivered.iter().map(|(id, _)| id.as_str()).collect();
    ids.sort_unstable();
    ids
}

#[tokio::test(flavor = "multi_thread")]
async fn however_a_plugin_fails_its_own_deliveries_come_again_and_nobody_else_waits() {
    let mut world = World::new().await;
    let modes = ["panic", "abort", "segv", "exit", "hang", "leak"];
    for mode in modes {
        let once = if mode == "leak" { "amount = 64" } else { "until_attempt = 1" };
        world.config.more += &faulty(mode, "8s", &format!("mode = \"{mode}\"\n{once}"));
    }
    let all = ["hook", "log"].into_iter().chain(modes);
    world.config.routes = format!("[[route]]\nnotify = {:?}\n", all.collect::<Vec<_>>());
    let (bad, good) = (world.watching(7), world.watching(8));
    world.start().await;
    world.baselined().await;
    bad.customer_says("what they stumble over");
    good.customer_says("what they do not");
    world.all_delivered().await;
    assert_eq!(world.check(), 0);
    until("hook has both", || delivered(&world, "hook").len() == 2).await;
    let hook = delivered(&world, "hook");
    for mode in modes {
        until(&format!("{mode} has delivered both"), || delivered(&world, mode).len() == 2).await;
        let theirs = delivered(&world, mode);
        assert_eq!(ids(&theirs), ids(&hook), "{mode}: the same events under the same ids");
        let again = theirs.iter().filter(|(_, attempt)| *attempt > 1).count();
        // A process that is lost may have had the other one as well; then both come again.
        let may = match mode {
            "leak" => 0..=0,
            "panic" => 1..=1,
            _ => 1..=2,
        };
        assert!(may.contains(&again), "{mode}: only what went wrong comes again: {theirs:?}");
    }
    for (mode, reason, count) in [
        ("panic", "crashed", "0"),
        ("leak", "crashed", "0"),
        ("abort", "crashed", "1"),
        ("segv", "crashed", "1"),
        ("exit", "exited", "1"),
        ("hang", "deadline", "1"),
    ] {
        let series = format!("plugin_restarts_total{{notifier=\"{mode}\",reason=\"{reason}\"}}");
        world.metric_until(&series, count).await;
    }
    // Those beside it had delivered before the one that hung was noticed.
    let killed =
        world.output.position("the plugin process was killed").expect("the one that hangs is killed");
    for other in ["hook", "log", "panic", "abort", "segv", "exit", "leak"] {
        let last = world.output.last_position(&format!("delivered to {other}\"")).unwrap();
        assert!(last < killed, "{other} waited for the one that hangs");
    }
    let hook = world.notifier_until("hook", "runs", |status| status["state"] == "running").await;
    assert_eq!(hook["last_error"], Value::Null);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_crash_leaves_unfinished_comes_again_alone() {
    let mut world = World::new().await;
    let gate = world.path("gate");
    std::fs::write(&gate, "").unwrap();
    let config = format!("mode = \"abort\"\nuntil_attempt = 2\ntell = true\ngate = {gate:?}");
    world.config.more = faulty("fragile", "20s", &config);
    world.config.routes = "[[route]]\nnotify = [\"fragile\", \"hook\"]\n".to_owned();
    let (bad, one, two) = (world.watching(7), world.watching(8), world.watching(9));
    world.start().await;
    world.baselined().await;
    one.customer_says("in flight");
    two.customer_says("in flight as well");
    until("both are in flight", || world.output.logged("attempt 1 begins").len() == 2).await;
    bad.customer_says("the one at fault");
    world.line_after(0, "attempt 2 begins").await;
    // Time enough for the others to come beside it, if they were let.
    tokio::time::sleep(std::time::Duration::from_millis(1500)).await;
    std::fs::remove_file(&gate).unwrap();
    until("all is delivered", || delivered(&world, "fragile").len() == 3).await;
    world.notifier_until("fragile", "has none left", |one| one["pending"] == 0 && one["dead"] == 0).await;

    let mut attempts: Vec<u64> = delivered(&world, "fragile").iter().map(|(_, attempt)| *attempt).collect();
    attempts.sort_unstable();
    assert_eq!(attempts, [2, 2, 3], "those that were only there are lost once, with the first crash");
    world.all_delivered().await;
    assert_eq!(ids(&delivered(&world, "fragile")), ids(&delivered(&world, "hook")));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_kills_its_plugin_again_and_again_is_a_dead_letter_that_the_operators_hear_of() {
    let mut world = World::new().await;
    world.config.more =
        "[operators]\nnotify = [\"hook\"]\n".to_owned() + &faulty("fragile", "20s", "mode = \"abort\"");
    world.config.routes = "[[route]]\nnotify = [\"fragile\", \"log\"]\n".to_owned();
    let (bad, good) = (world.watching(7), world.watching(8));
    world.start().await;
    world.baselined().await;
    bad.customer_says("the one at fault");
    let told = |received: &[Received]| received.iter().any(|one| one.kind == "commwatch.delivery.dead.v1");
    world.hook.wait("delivery.dead", PATIENCE, told).await;
    good.customer_says("after it");
    until("the other is delivered", || delivered(&world, "fragile").len() == 1).await;
    world.notifier_until("fragile", "is well", |one| one["state"] == "running" && one["pending"] == 0).await;
    world.notifier_until("fragile", "has a dead letter", |one| one["dead"] == 1).await;
    let dead = &world.hook.accepted()[0].body["data"]["problem"];
    let why = dead["why"].as_str().unwrap();
    assert!(why.contains("the plugin died 2 times while it had this one alone"), "{why}");
    world.metric_until("plugin_restarts_total{notifier=\"fragile\",reason=\"crashed\"}", "3").await;
    world.metric_until("deliveries_total{notifier=\"fragile\",result=\"dead\"}", "1").await;
    until("the log has both", || delivered(&world, "log").len() == 2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plugin_that_dies_whenever_it_starts_is_told_to_the_operators_and_its_queue_waits() {
    let mut world = World::new().await;
    let operators = "[operators]\nnotify = [\"hook\"]\n";
    world.config.more = operators.to_owned() + &faulty("stillborn", "3s", "mode = \"abort-at-start\"");
    world.config.routes = "[[route]]\nnotify = [\"stillborn\", \"hook\"]\n".to_owned();
    let dana = world.watching(7);
    world.start().await;
    world.baselined().await;
    dana.customer_says("hello");
    let told = |kind: &'static str| {
        move |received: &[Received]| {
            received.iter().any(|one| {
                one.kind == kind && one.body["data"]["problem"]["subject"] == "notifier/stillborn/plugin"
            })
        }
    };
    world.hook.wait("notifier.broken", PATIENCE, told("commwatch.notifier.broken.v1")).await;
    let broken = world.hook.accepted().into_iter().find(|one| one.kind.contains("notifier.broken")).unwrap();
    let why = broken.body["data"]["problem"]["why"].as_str().unwrap();
    assert!(why.contains("the plugin process ended while starting: signal: 6 (SIGABRT)"), "{why}");
    world.all_delivered().await;
    let status = world.notifier_until("stillborn", "waits", |one| one["pending"] == 1).await;
    assert_eq!(status["state"], "restarting");
    world.metric_until("notifier_up{notifier=\"stillborn\"}", "0").await;

    world.config.more = operators.to_owned() + &faulty("stillborn", "3s", "mode = \"obey\"");
    world.write_config();
    world.ask(&["reload"]);
    world.hook.wait("notifier.recovered", PATIENCE, told("commwatch.notifier.recovered.v1")).await;
    until("what waited is delivered", || delivered(&world, "stillborn").len() == 1).await;
    assert_eq!(world.check(), 0);
}

/// A plugin file with some of its bytes written over.
fn forged(from: &str, old: &str, new: &str) -> Vec<u8> {
    assert_eq!(old.len(), new.len());
    let mut bytes = std::fs::read(plugins().join(format!("libcommwatch_{from}.so"))).unwrap();
    let places: Vec<usize> = bytes
        .windows(old.len())
        .enumerate()
        .filter(|(_, here)| *here == old.as_bytes())
        .map(|(at, _)| at)
        .collect();
    assert!(!places.is_empty(), "no {old:?} in {from}");
    for at in places {
        bytes[at..at + new.len()].copy_from_slice(new.as_bytes());
    }
    bytes
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plugin_that_cannot_be_loaded_is_a_failed_notifier_while_the_rest_runs_and_its_queue_waits() {
    let mut world = World::new().await;
    let folder = world.path("plugins");
    std::fs::create_dir(&folder).unwrap();
    for plugin in ["webhook", "log"] {
        let file = format!("libcommwatch_{plugin}.so");
        link_or_copy(&plugins().join(&file), &folder.join(file));
    }
    let file = |plugin: &str| folder.join(format!("libcommwatch_{plugin}.so"));
    std::fs::write(file("text"), "#!/bin/sh\n").unwrap();
    std::fs::write(file("other"), forged("log", ".commwatch.plugin\0", ".commwatch.glugin\0")).unwrap();
    std::fs::write(file("newer"), forged("log", "\"abi\":1,", "\"abi\":2,")).unwrap();
    world.config.plugins = folder.clone();
    world.config.more = "[operators]\nnotify = [\"hook\"]\n".to_owned();
    let bad = ["missing", "text", "other", "newer"];
    for plugin in bad {
        world.config.more += &format!("[notifiers.{plugin}]\nplugin = \"{plugin}\"\n");
    }
    let all: Vec<&str> = ["hook", "log"].into_iter().chain(bad).collect();
    world.config.routes = format!("[[route]]\nnotify = {all:?}\n");
    let dana = world.watching(7);
    world.start().await;
    world.baselined().await;
    dana.customer_says("hello");
    world.all_delivered().await;
    assert_eq!(world.check(), 0);
    let hello = world.hook.accepted().into_iter().find(|one| one.text == "hello").unwrap().id;
    for (plugin, reason) in [
        ("missing", "there is no libcommwatch_missing.so"),
        ("text", "it is not a shared library (no ELF file)"),
        ("other", "it holds no section .commwatch.plugin: it is not a commwatch plugin"),
        ("newer", "it is built for plugin ABI 2, this commwatch has ABI 1"),
    ] {
        let status = world.notifier_until(plugin, "its delivery waits", |one| one["pending"] == 1).await;
        assert_eq!(status["state"], "failed", "{status}");
        let why = status["why"].as_str().unwrap();
        assert!(why.contains(reason), "{plugin}: {why}");
        world
            .hook
            .wait("notifier.broken", PATIENCE, |received| {
                received.iter().any(|one| {
                    let problem = &one.body["data"]["problem"];
                    one.kind == "commwatch.notifier.broken.v1"
                        && problem["subject"].as_str().unwrap().contains(plugin)
                        && problem["why"].as_str().unwrap().contains(reason)
                })
            })
            .await;
        world.metric_until(&format!("plugin_process_up{{notifier=\"{plugin}\"}}"), "0").await;
    }
    // What is broken already keeps nothing else from being changed.
    world.config.interval = "2s";
    world.write_config();
    world.ask(&["reload"]);
    // Once the file is right, what waited is delivered.
    for plugin in bad {
        std::fs::remove_file(file(plugin)).ok();
        link_or_copy(&plugins().join("libcommwatch_log.so"), &file(plugin));
    }
    world.ask(&["reload"]);
    for plugin in bad {
        world.notifier_until(plugin, "runs", |one| one["pending"] == 0 && one["state"] == "running").await;
        assert_eq!(delivered(&world, plugin), [(hello.clone(), 1)]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plugin_is_started_again_from_the_running_build_after_the_binary_was_replaced() {
    let mut world = World::new().await;
    world.binary = world.path("commwatch");
    link_or_copy(binary().as_ref(), &world.binary);
    let dana = world.watching(7);
    world.start().await;
    world.baselined().await;
    world.replace(&world.binary, "#!/bin/sh\necho 'this is another program'\nexit 7\n");
    let before: Vec<Process> =
        ["hook", "log"].iter().map(|notifier| world.plugin_process(notifier).unwrap()).collect();
    before.iter().for_each(Process::kill);
    dana.customer_says("after the upgrade");
    world.all_delivered().await;
    assert_eq!(world.check(), 0);
    until("the log has it", || delivered(&world, "log").len() == 1).await;
    for (notifier, before) in ["hook", "log"].iter().zip(before) {
        assert!(!before.lives());
        let after = world.plugin_process(notifier).unwrap();
        assert_ne!(after.pid, before.pid);
        let executable = std::fs::read_link(format!("/proc/{}/exe", after.pid)).unwrap();
        assert!(executable.to_string_lossy().ends_with("/commwatch (deleted)"), "{executable:?}");
        let series = format!("plugin_restarts_total{{notifier=\"{notifier}\",reason=\"crashed\"}}");
        world.metric_until(&series, "1").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn kill_9_of_the_daemon_leaves_no_plugin_behind_even_one_that_hangs() {
    let mut world = World::new().await;
    world.config.more = faulty("hangs", "600s", "mode = \"hang\"\ntell = true");
    world.config.routes = "[[route]]\nnotify = [\"hangs\", \"hook\"]\n".to_owned();
    let dana = world.watching(7);
    world.start().await;
    world.baselined().await;
    dana.customer_says("never delivered");
    world.line_after(0, "attempt 1 begins").await;
    let children = Process::children_of(world.pid());
    let mut names: Vec<&str> = children.iter().map(|child| child.words[2].as_str()).collect();
    names.sort_unstable();
    assert_eq!(names, ["hangs", "hook", "log"]);
    world.kill();
    for child in children {
        until(&format!("{child:?} is gone"), || !child.lives()).await;
    }
}
