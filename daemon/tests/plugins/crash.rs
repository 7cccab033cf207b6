//! Plugins that crash, hang or break the rules cost one process and nobody else anything.

use std::time::Duration;

use commwatch::plugin::{PluginState, Report};
use commwatch_plugin_api::Outcome;
use serde_json::json;
use tokio::time::Instant;

use crate::world::{World, delivered, handover, library, spec};

/// Delivers `bad` in a process of the faulty plugin, and gives what became of it.
async fn after(mode: &str) -> (World, Report) {
    let world = World::faulty(json!({"mode": mode, "on_title": "bad"})).await;
    let mut delivery = handover("bad");
    delivery.deadline = Instant::now() + Duration::from_millis(300);
    let report = world.hand_over(delivery).await;
    (world, report)
}

/// It was lost: said so, counted, and replaced by one that delivers.
async fn is_replaced(mode: &str, why: &str, reason: &str) {
    let (world, report) = after(mode).await;
    let Outcome::Unknown { why: said } = &report.outcome else { panic!("{mode}: {report:?}") };
    assert!(said.contains(why), "{mode}: {said}");
    assert!(report.crashed && !report.not_sent, "{mode}: {report:?}");
    assert!(!matches!(*world.host.state().borrow(), PluginState::Running { .. }), "{mode}: still running");
    assert_eq!(world.host.restarts()[reason], 1, "{mode}: {:?}", world.host.restarts());
    world.pid().await;
    assert_eq!(world.deliver("good").await.outcome, delivered("n-good attempt 1"), "{mode}");
    world.stop().await;
}

#[tokio::test]
async fn a_process_that_dies_is_replaced() {
    is_replaced("abort", "signal: 6 (SIGABRT)", "crashed").await;
    is_replaced("segv", "signal: 11 (SIGSEGV)", "crashed").await;
    is_replaced("exit", "exit status: 3", "exited").await;
    is_replaced("close-socket", "exit status", "exited").await;
}

#[tokio::test]
async fn a_delivery_that_hangs_past_its_deadline_costs_the_process() {
    is_replaced("hang", "past its deadline", "deadline").await;
}

#[tokio::test]
async fn a_process_that_breaks_the_protocol_is_killed() {
    is_replaced("garbage", "it broke the protocol", "protocol").await;
    is_replaced("forged-token", "a word on a delivery that it was not given", "protocol").await;
    is_replaced("huge-frame", "a frame of 4294967295 bytes", "protocol").await;
}

#[tokio::test]
async fn a_panic_costs_one_delivery_and_not_the_process() {
    let (world, report) = after("panic").await;
    assert_eq!(report.outcome, Outcome::unknown("panic: told to panic"));
    assert!(!report.crashed);
    let pid = world.pid().await;
    assert_eq!(world.deliver("good").await.outcome, delivered("n-good attempt 1"));
    assert_eq!(world.pid().await, pid);
    world.stop().await;
    let (world, report) = after("thread-panic").await;
    assert_eq!(report.outcome, delivered("n-bad attempt 1"));
    world.stop().await;
}

#[tokio::test]
async fn what_else_was_being_delivered_may_have_arrived_and_what_waited_was_not_sent() {
    let mut spec = spec(library("faulty"), json!({"mode": "hang", "on_title": "hangs"}));
    spec.concurrency = Some(2);
    let world = World::start(spec);
    world.pid().await;
    let two: Vec<_> = (0..2).map(|_| world.delivering(handover("hangs"))).collect();
    tokio::task::yield_now().await;
    let waiting = world.delivering(handover("waits"));
    tokio::task::yield_now().await;
    kill(world.pid().await);
    for lost in two {
        let report = lost.await.unwrap();
        assert!(report.crashed && matches!(report.outcome, Outcome::Unknown { .. }), "{report:?}");
    }
    assert!(waiting.await.unwrap().not_sent);
    world.stop().await;
}

#[tokio::test]
async fn retried_alone_only_the_delivery_at_fault_loses_its_process_again() {
    let world = World::faulty(json!({"mode": "abort", "on_title": "poison"})).await;
    let titles = ["one", "poison", "two", "three"];
    let all: Vec<_> = titles.iter().map(|title| world.delivering(handover(title))).collect();
    let mut unfinished = Vec::new();
    for (title, delivery) in titles.iter().zip(all) {
        if !matches!(delivery.await.unwrap().outcome, Outcome::Delivered { .. }) {
            unfinished.push(title);
        }
    }
    assert!(unfinished.contains(&&"poison"));
    for title in unfinished {
        world.pid().await;
        let mut alone = handover(title);
        alone.alone = true;
        let report = world.hand_over(alone).await;
        assert_eq!(report.crashed, *title == "poison", "{title}: {report:?}");
    }
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn in_a_storm_of_crashes_each_delivery_gets_exactly_one_true_report() {
    let world = World::faulty(json!({"mode": "abort", "on_title": "bad"})).await;
    let all: Vec<_> = (0..200)
        .map(|n| {
            let title = if n % 40 == 7 { format!("bad-{n}") } else { format!("good-{n}") };
            let (host, mut state) = (world.host.clone(), world.host.state());
            tokio::spawn(async move {
                loop {
                    let running = |state: &PluginState| matches!(state, PluginState::Running { .. });
                    state.wait_for(running).await.expect("it is not stopped");
                    let report = host.deliver(handover(&title)).await;
                    let bad = title.starts_with("bad");
                    assert!(
                        !(bad && matches!(report.outcome, Outcome::Delivered { .. })),
                        "{title}: {report:?}"
                    );
                    assert!(!(report.crashed && report.not_sent), "{title}: {report:?}");
                    match report.outcome {
                        Outcome::Delivered { receipt } => {
                            assert_eq!(receipt.expect("it has one"), format!("n-{title} attempt 1"));
                            return;
                        }
                        Outcome::Unknown { .. } if bad && report.crashed => return,
                        _ => assert!(report.crashed || report.not_sent, "{title}: {report:?}"),
                    }
                }
            })
        })
        .collect();
    for delivery in all {
        tokio::time::timeout(crate::world::LONG, delivery).await.expect("it ends").expect("and truly");
    }
    world.stop().await;
}

#[tokio::test]
async fn neighbours_do_not_notice() {
    let bad = World::faulty(json!({"mode": "abort"})).await;
    let good = World::faulty(json!({"mode": "obey"})).await;
    let pid = good.pid().await;
    for round in 0..5 {
        bad.pid().await;
        let (lost, kept) = tokio::join!(bad.deliver("x"), good.deliver("x"));
        assert!(lost.crashed, "round {round}: {lost:?}");
        assert_eq!(kept.outcome, delivered("n-x attempt 1"));
    }
    assert_eq!(good.pid().await, pid);
    bad.stop().await;
    good.stop().await;
}

#[tokio::test]
async fn losses_in_a_row_are_waited_out_ever_longer() {
    let world = World::faulty(json!({"mode": "abort"})).await;
    let mut delays = Vec::new();
    for _ in 0..4 {
        world.pid().await;
        world.deliver("x").await;
        let PluginState::Restarting { until, why } = world.host.state().borrow().clone() else {
            panic!("no wait")
        };
        assert!(why.contains("SIGABRT"), "{why}");
        delays.push((until - Instant::now()).as_millis());
    }
    // 100, 200, 400, 800 ms, of which the first may be up to a fifth longer, the others also shorter.
    for (delay, most) in delays.iter().zip([120, 240, 480, 960]) {
        assert!(*delay <= most, "{delays:?}");
    }
    assert!(delays[3] > 480, "{delays:?}");
    world.stop().await;
}

#[tokio::test]
async fn what_leaks_is_gone_with_the_process() {
    let world = World::faulty(json!({"mode": "leak", "amount": 64})).await;
    let pid = world.pid().await;
    assert!(resident_mib(pid) < 64);
    assert_eq!(world.deliver("leak").await.outcome, delivered("n-leak attempt 1"));
    assert!(resident_mib(pid) >= 64);
    kill(pid);
    world.state(|state| matches!(state, PluginState::Restarting { .. })).await;
    assert!(resident_mib(world.pid().await) < 64);
    world.stop().await;
}

#[tokio::test]
async fn a_flood_of_lines_neither_blocks_the_plugin_nor_fills_the_log() {
    let log = crate::world::Log::capture();
    let world = World::faulty(json!({"mode": "flood", "amount": 20_000})).await;
    assert_eq!(world.deliver("flood").await.outcome, delivered("n-flood attempt 1"));
    world.stop().await;
    let lines = log.text();
    let count = lines.lines().filter(|line| line.contains(", line ")).count();
    assert!((300..2_000).contains(&count), "{count} lines");
    assert!(lines.contains("standard output, line 1 "), "{}", &lines[..500]);
    assert!(lines.contains("log lines of plugin faulty: too many"));
    assert!(
        lines.lines().filter(|line| line.contains("log, line")).all(|line| line.contains("notifier=ops"))
    );
}

#[tokio::test]
async fn the_last_words_of_a_process_are_logged() {
    let log = crate::world::Log::capture();
    let (world, _) = after("panic").await;
    world.stop().await;
    assert!(log.text().contains("told to panic"), "{}", log.text());
}

fn kill(pid: u32) {
    assert!(std::process::Command::new("kill").args(["-9", &pid.to_string()]).status().unwrap().success());
}

fn resident_mib(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.split_whitespace().next().unwrap().parse::<u64>().unwrap() / 1024
}
