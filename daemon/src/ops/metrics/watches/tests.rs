use super::*;
use crate::core::watch::Stream;

const START: i64 = 1_800_000_000;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(START + second).unwrap()
}

fn watch(name: &str, priority: Priority, interval: u64) -> Watch {
    Watch {
        name: name.to_owned(),
        title: name.to_owned(),
        priority,
        tags: vec![],
        conversation: ConversationId { account: "main".into(), object: 1 },
        stream: Stream::Number(1),
        interval: Duration::from_secs(interval),
        baseline: crate::core::watch::Baseline::Silent,
    }
}

fn shown(watches: &Watches) -> String {
    let mut lines = Vec::new();
    for family in watches.families(at(100)) {
        let name = family.name().trim_start_matches("commwatch_");
        for metric in family.get_metric() {
            let labels: Vec<&str> = metric.get_label().iter().map(|pair| pair.value()).collect();
            let value = metric.get_gauge().get_value();
            let value = if value >= START as f64 { value - START as f64 } else { value };
            if value > 0.0 || name == "watch_up" {
                lines.push(format!("{name} {} {value}", labels.join(" ")));
            }
        }
    }
    lines.join("\n")
}

#[test]
fn beyond_the_limit_watches_share_a_name_with_the_worst_values_but_vips_never_do() {
    let watches = Watches::with_series_max(3);
    let timeout = Duration::from_secs(1);
    for name in ["vip-1", "vip-2"] {
        watches.started(&watch(name, Priority::Vip, 10), timeout, at(0)).succeeded(at(90));
    }
    watches.started(&watch("a", Priority::Normal, 10), timeout, at(0)).succeeded(at(91));
    // An hour between polls: its last success is the oldest, but it is not the one to worry about.
    let slow = watches.started(&watch("b-slow", Priority::Normal, 3600), timeout, at(0));
    slow.succeeded(at(5));
    slow.message_at(at(4));
    let worst = watches.started(&watch("c-worst", Priority::Normal, 10), timeout, at(0));
    worst.succeeded(at(40));
    worst.failed(Trouble::Failing);
    worst.message_at(at(30));
    watches.started(&watch("d", Priority::Normal, 10), timeout, at(0)).succeeded(at(92));

    insta::assert_snapshot!(shown(&watches), @"
    watch_info vip-1 main vip 1
    watch_info vip-2 main vip 1
    watch_info a main normal 1
    watch_info _other _other normal 1
    watch_up vip-1 1
    watch_up vip-2 1
    watch_up a 1
    watch_up _other 0
    watch_target_interval_seconds vip-1 10
    watch_target_interval_seconds vip-2 10
    watch_target_interval_seconds a 10
    watch_target_interval_seconds _other 10
    watch_last_success_timestamp_seconds vip-1 90
    watch_last_success_timestamp_seconds vip-2 90
    watch_last_success_timestamp_seconds a 91
    watch_last_success_timestamp_seconds _other 40
    watch_last_message_timestamp_seconds _other 4
    watch_conversations vip-1 1
    watch_conversations vip-2 1
    watch_conversations a 1
    watch_conversations _other 3
    watches vip fresh 2
    watches normal fresh 3
    watches normal stale 1
    oldest_success_timestamp_seconds vip 90
    oldest_success_timestamp_seconds normal 5
    ");
}

#[test]
fn many_vips_all_have_series_of_their_own() {
    let watches = Watches::with_series_max(2);
    for n in 0..5 {
        watches.started(&watch(&format!("vip-{n}"), Priority::Vip, 10), Duration::ZERO, at(0));
    }
    watches.started(&watch("normal", Priority::Normal, 10), Duration::ZERO, at(0));
    let all = watches.all();
    let names: Vec<&str> = fold(&all, 2).iter().map(|row| row.name).collect();
    assert_eq!(names, ["vip-0", "vip-1", "vip-2", "vip-3", "vip-4", OTHER]);
}

#[test]
fn a_poll_that_ends_out_of_order_does_not_turn_time_back() {
    let watches = Watches::new();
    let handle = watches.started(&watch("a", Priority::Vip, 10), Duration::ZERO, at(0));
    handle.succeeded(at(20));
    handle.succeeded(at(10));
    assert_eq!(handle.freshness().last_success, Some(at(20)));
}

#[test]
fn what_was_found_for_a_watch_shares_its_series_with_the_worst_and_the_newest_of_it() {
    let watches = Watches::new();
    let timeout = Duration::from_secs(1);
    let seek = Seek {
        name: "acme".into(),
        title: "ACME".into(),
        priority: Priority::Vip,
        tags: vec![],
        account: "main".into(),
        sought: crate::core::seek::Sought::Identity(7),
        interval: Duration::from_secs(10),
        discovery: Duration::from_secs(60),
        keep_for: Duration::from_secs(3600),
        baseline: crate::core::watch::Baseline::Silent,
    };
    watches.looking(&seek, timeout, at(0)).succeeded(at(80));
    let of = |object| {
        let id = ConversationId { account: "main".into(), object };
        watches.known(&seek.watch(id, Stream::Number(5), seek.baseline), timeout, at(0))
    };
    of(8_888).succeeded(at(95));
    of(8_888).message_at(at(60));
    of(9_999).succeeded(at(90));
    of(9_999).message_at(at(50));
    of(9_999).waits_since(Some(at(50)));
    let all = shown(&watches);
    insta::assert_snapshot!(all, @"
    watch_info acme main vip 1
    watch_up acme 1
    watch_target_interval_seconds acme 10
    watch_last_success_timestamp_seconds acme 90
    watch_last_message_timestamp_seconds acme 60
    watch_conversations acme 2
    watches vip fresh 1
    oldest_success_timestamp_seconds vip 80
    conversations_waiting vip 1
    oldest_waiting_timestamp_seconds vip 50
    ");
    // One that is no longer watched is gone, and one that fails is the watch's.
    watches.found("acme", &[&ConversationId { account: "main".into(), object: 8_888 }].into());
    of(8_888).failed(Trouble::Failing);
    let all = shown(&watches);
    assert!(all.contains("watch_up acme 0") && all.contains("watch_conversations acme 1"), "{all}");
    assert!(!all.contains("8888") && !all.contains("conversations_waiting vip 1"), "{all}");
    // Of one that is not configured nothing is made.
    watches.retain(|_| false);
    of(8_888).succeeded(at(96));
    watches.looks(&seek, timeout, at(0)).succeeded(at(96));
    assert_eq!(shown(&watches), "");
}
