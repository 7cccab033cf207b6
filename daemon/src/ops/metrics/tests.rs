use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;
use crate::config;
use crate::core::heartbeat::Heartbeat;
use crate::core::watch::{Baseline, ConversationId, Stream};
use crate::ops::status::{Trouble, WatchState};

const NOW: Timestamp = Timestamp::constant(1_800_000_000, 0);

fn configured(accounts: &[&str], watches: &[Watch], notifiers: &[&str]) -> Config {
    let account = config::Account {
        base_url: "https://api.example".parse().unwrap(),
        token: config::SecretRef::Env("TOKEN".into()),
        rate: config::Rate { count: 1, per: Duration::from_secs(1) },
        burst: 5,
        max_in_flight: 4,
        timeout: Duration::from_secs(10),
        console_url: None,
        bots: vec![],
        streams: Vec::new(),
        proxy: None,
        ca_file: None,
    };
    let notifier = config::Notifier {
        plugin: "log".into(),
        library: Err("no file".to_owned()),
        pinned: None,
        content: config::Content::None,
        voice: Default::default(),
        timeout: Duration::from_secs(10),
        rate: config::Rate { count: 1, per: Duration::from_secs(1) },
        retry_for: Duration::from_secs(3600),
        retries: crate::core::outcome::Retries::People,
        order: crate::core::outcome::Order::Any,
        fallback: Vec::new(),
        pacing: Default::default(),
        fallback_after: Duration::from_secs(300),
        config: serde_json::Value::Null,
        secrets: BTreeMap::new(),
        reveal: Default::default(),
        private: Default::default(),
    };
    Config {
        path: "/etc/commwatch/commwatch.toml".into(),
        files: vec![],
        accounts: accounts.iter().map(|name| ((*name).to_owned(), account.clone())).collect(),
        watches: watches.to_vec(),
        seeks: Vec::new(),
        notifiers: notifiers.iter().map(|name| ((*name).to_owned(), notifier.clone())).collect(),
        routes: vec![],
        hours: BTreeMap::new(),
        heartbeat: Some(Heartbeat { every: Duration::from_secs(300), notify: vec![] }),
        operators: vec![],
        plugins: config::Plugins { path: vec![], trust: config::Trust::Strict, pins: "/plugins.lock".into() },
        store: config::Store {
            path: "/var/lib/commwatch/commwatch.db".into(),
            retention: Duration::ZERO,
            text_retention: Duration::ZERO,
        },
        http: config::Http {
            listen: "127.0.0.1:9479".parse().unwrap(),
            token: None,
            allowed_hosts: vec![],
            show_text: false,
        },
        admin: config::Admin { socket: "/run/commwatch/admin.sock".into(), write_group: None },
        reload: config::Reload { on_change: true, settle: Duration::from_secs(2) },
        log: config::Log { level: "info".into(), format: config::LogFormat::Auto },
        origins: Default::default(),
    }
}

fn watch(name: &str, account: &str, priority: Priority) -> Watch {
    Watch {
        name: name.to_owned(),
        title: format!("Dana Levi, whom {name} is about"),
        priority,
        tags: vec!["secret-tag".into()],
        conversation: ConversationId { account: account.to_owned(), object: 293_854 },
        stream: Stream::Number(532),
        interval: Duration::from_secs(10),
        baseline: Baseline::Silent,
    }
}

/// Drives every method once, so that every family has a series.
fn exercise(metrics: &Metrics, config: &Config) {
    metrics.configure(config, NOW);
    metrics.config_taken(NOW);
    drop(metrics.poll_begins(Duration::from_millis(3)));
    metrics.event("message.created", Some(Priority::Vip));
    metrics.detected(Priority::Vip, NOW - Duration::from_secs(7), NOW);
    metrics.store_commit(Duration::from_millis(2));
    metrics.store_error();
    metrics.store_space(1000, 2000);
    for name in config.accounts.keys() {
        let account = metrics.account(name);
        account.request("object", "200", Duration::from_millis(80));
        account.throttled();
        account.up(true);
        account.budget(1.0, 0.4);
        account.token_expires(Some(NOW));
        account.clock_skew(-0.5);
        account.polled(Priority::Vip, PollResult::Changed);
    }
    for name in config.notifiers.keys() {
        let notifier = metrics.notifier(name);
        notifier.attempt(Attempt::Delivered, Duration::from_millis(120));
        notifier.delivery(DeliveryResult::Delivered);
        notifier.dispatched(Priority::Vip, NOW - Duration::from_secs(7), NOW);
        let held = [("broken", 1)].into();
        notifier.outbox(&Outbox { pending: 3, held, oldest_pending: Some(NOW), dead: 1, imbalance: 0 });
        notifier.heartbeat(NOW);
        notifier.up(true);
        notifier.process_up(true);
        notifier.restarted("exited", 1);
        notifier.info("log", "0.1.0");
    }
    for watch in &config.watches {
        let watch = metrics.watch(watch, Duration::from_secs(10), NOW);
        watch.succeeded(NOW);
        watch.message_at(NOW);
        watch.waits_since(Some(NOW));
    }
}

/// The samples of `text`: name, labels, value.
fn samples(text: &str) -> Vec<(&str, BTreeMap<&str, &str>, f64)> {
    text.lines().filter(|line| !line.starts_with('#')).map(sample).collect()
}

fn sample(line: &str) -> (&str, BTreeMap<&str, &str>, f64) {
    let (series, value) = line.rsplit_once(' ').unwrap();
    let (name, labels) = series.split_once('{').unwrap_or((series, "}"));
    let pairs = labels.trim_end_matches('}').split(',').filter(|pair| !pair.is_empty());
    let labels = pairs.map(|pair| {
        let (name, value) = pair.split_once('=').unwrap();
        (name, value.trim_matches('"'))
    });
    (name, labels.collect(), value.parse().unwrap())
}

/// The value of one series, if there is such a series.
fn value(metrics: &Metrics, name: &str, labels: &[(&str, &str)]) -> Option<f64> {
    let text = metrics.encode();
    let wanted: BTreeMap<&str, &str> = labels.iter().copied().collect();
    samples(&text).into_iter().find(|(n, l, _)| *n == name && *l == wanted).map(|(_, _, value)| value)
}

#[test]
fn every_metric_has_the_name_type_labels_and_help_that_were_promised() {
    let lines: Vec<String> = families::ALL.iter().map(|family| family.line()).collect();
    insta::assert_snapshot!(lines.join("\n"), @"
    commwatch_build_info{version,revision} gauge: Which build this is; always 1.
    commwatch_config_last_reload_successful gauge: Whether the configuration as it stands on disk is the one in use (1) or was refused or held back (0).
    commwatch_config_last_reload_success_timestamp_seconds gauge: When a configuration was last taken into use.
    commwatch_api_requests_total{account,endpoint,code} counter: Requests to CommBox by HTTP status, or by what went wrong before there was one.
    commwatch_api_request_duration_seconds{account,endpoint} histogram: Time from sending a request to CommBox until its whole answer was read or it failed.
    commwatch_api_throttled_total{account} counter: Answers by which CommBox asked for fewer requests.
    commwatch_api_budget_requests_per_second{account} gauge: Requests a second that this account may send.
    commwatch_api_budget_utilization_ratio{account} gauge: Share of the request budget that the configured watches need; above 1 they are polled late.
    commwatch_account_up{account} gauge: Whether CommBox accepts this account's key.
    commwatch_account_token_expiry_timestamp_seconds{account} gauge: When this account's key expires, if it says so.
    commwatch_clock_skew_seconds{account} gauge: CommBox's clock minus ours, as its last answers have it.
    commwatch_clock_jumps_total counter: Times that the machine's clock was set while commwatch ran.
    commwatch_polls_total{account,priority,result} counter: Polls by what they found.
    commwatch_poll_start_delay_seconds histogram: Time from when a poll was due until its request was sent.
    commwatch_polls_in_flight gauge: Polls under way.
    commwatch_watch_info{watch,account,priority} gauge: Which watches there are; always 1. Beyond a limit, watches that are not VIPs share the name _other.
    commwatch_watch_up{watch} gauge: Whether the last poll of this watch got an answer that could be read.
    commwatch_watch_target_interval_seconds{watch} gauge: How often this watch is to be polled.
    commwatch_watch_last_success_timestamp_seconds{watch} gauge: When this watch was last polled with success.
    commwatch_watch_last_message_timestamp_seconds{watch} gauge: When the newest message in this watch was written.
    commwatch_watch_conversations{watch} gauge: How many conversations this watch has now: 1, or as many as were found for it.
    commwatch_watches{priority,state} gauge: Watches by how well they are seen.
    commwatch_oldest_success_timestamp_seconds{priority} gauge: The last successful poll of the watch that has gone longest without one.
    commwatch_conversations_waiting{priority} gauge: Conversations whose customer waits for an answer of a person.
    commwatch_oldest_waiting_timestamp_seconds{priority} gauge: When the message was written that has waited longest for an answer; absent while nobody waits.
    commwatch_events_total{type,priority} counter: Events written to the store; priority is none where an event is about commwatch itself.
    commwatch_detection_delay_seconds{priority} histogram: Time from when a message was created in CommBox until its event was committed.
    commwatch_dispatch_delay_seconds{notifier,priority} histogram: Time from when a message was created in CommBox until a notifier's receiver accepted it.
    commwatch_deliveries_total{notifier,result} counter: Deliveries that are final, by how they ended.
    commwatch_delivery_attempts_total{notifier,outcome} counter: Attempts to deliver, by what the plugin said about them.
    commwatch_delivery_attempt_duration_seconds{notifier} histogram: Time that one attempt to deliver took.
    commwatch_outbox_pending{notifier} gauge: Deliveries that are not final.
    commwatch_outbox_held{notifier,reason} gauge: Pending deliveries that wait for something other than their turn.
    commwatch_outbox_oldest_pending_timestamp_seconds{notifier} gauge: When the oldest pending delivery was written; absent while there is none.
    commwatch_outbox_dead{notifier} gauge: Dead letters that are kept.
    commwatch_outbox_imbalance{notifier} gauge: Deliveries written minus those delivered, dead, suppressed, grouped and pending; anything but 0 is a bug.
    commwatch_silences_active gauge: Silences that hold.
    commwatch_heartbeat_interval_seconds gauge: How often a heartbeat is sent; absent where none is configured.
    commwatch_heartbeat_last_success_timestamp_seconds{notifier} gauge: When this notifier's receiver last accepted a heartbeat.
    commwatch_notifier_up{notifier} gauge: Whether this notifier's receiver accepts what it is sent.
    commwatch_plugin_process_up{notifier} gauge: Whether this notifier's process runs.
    commwatch_plugin_restarts_total{notifier,reason} counter: Times that this notifier's process was replaced.
    commwatch_plugin_info{notifier,plugin,version} gauge: Which plugin a notifier runs; always 1.
    commwatch_store_commit_duration_seconds histogram: Time that a commit took, until it was safe on disk.
    commwatch_store_errors_total counter: Reads and writes that the store could not do.
    commwatch_store_size_bytes gauge: Size of the database and its log.
    commwatch_store_free_bytes gauge: Free space on the database's file system.
    process_cpu_seconds_total counter: Total user and system CPU time spent in seconds.
    process_resident_memory_bytes gauge: Resident memory size in bytes.
    process_virtual_memory_bytes gauge: Virtual memory size in bytes.
    process_open_fds gauge: Number of open file descriptors.
    process_max_fds gauge: Maximum number of open file descriptors.
    process_threads gauge: Number of OS threads in the process.
    process_start_time_seconds gauge: Start time of the process since unix epoch in seconds.
    ");
}

#[test]
fn every_family_in_the_table_is_exported_once_there_is_something_to_tell() {
    let metrics = Metrics::new(NOW);
    exercise(&metrics, &configured(&["main"], &[watch("acme", "main", Priority::Vip)], &["ops"]));
    let exported: BTreeSet<String> =
        metrics.registry.gather().iter().map(|family| family.name().to_owned()).collect();
    let promised: BTreeSet<String> = families::ALL.iter().map(|family| family.full_name()).collect();
    assert_eq!(exported, promised);
}

#[test]
fn counters_and_histograms_start_at_zero_and_times_are_absent_until_known() {
    let metrics = Metrics::new(NOW);
    metrics.configure(&configured(&["main"], &[watch("acme", "main", Priority::Vip)], &["ops"]), NOW);
    let text = metrics.encode();
    let zero = |name: &str, labels: &[(&str, &str)]| {
        assert_eq!(value(&metrics, name, labels), Some(0.0), "{name} {labels:?}");
    };
    for code in ["200", "429", "timeout", "envelope"] {
        zero("commwatch_api_requests_total", &[("account", "main"), ("endpoint", "object"), ("code", code)]);
    }
    zero("commwatch_api_request_duration_seconds_count", &[("account", "main"), ("endpoint", "object")]);
    zero("commwatch_polls_total", &[("account", "main"), ("priority", "vip"), ("result", "error")]);
    zero("commwatch_events_total", &[("type", "message.created"), ("priority", "vip")]);
    zero("commwatch_events_total", &[("type", "delivery.dead"), ("priority", "none")]);
    zero("commwatch_detection_delay_seconds_count", &[("priority", "normal")]);
    zero("commwatch_dispatch_delay_seconds_count", &[("notifier", "ops"), ("priority", "vip")]);
    zero("commwatch_deliveries_total", &[("notifier", "ops"), ("result", "dead")]);
    zero("commwatch_delivery_attempts_total", &[("notifier", "ops"), ("outcome", "broken")]);
    zero("commwatch_clock_jumps_total", &[]);
    zero("commwatch_store_errors_total", &[]);
    zero("commwatch_polls_in_flight", &[]);
    let times =
        samples(&text).into_iter().map(|(name, ..)| name).filter(|name| name.ends_with("timestamp_seconds"));
    assert_eq!(
        times.collect::<Vec<_>>(),
        ["commwatch_oldest_success_timestamp_seconds"],
        "counts from the start"
    );
}

#[test]
fn series_vanish_with_what_they_are_about_and_late_writes_do_not_bring_them_back() {
    let metrics = Metrics::new(NOW);
    let both = configured(
        &["main", "other"],
        &[watch("acme", "main", Priority::Vip), watch("zeta", "other", Priority::Normal)],
        &["ops", "pager"],
    );
    exercise(&metrics, &both);
    let (account, notifier) = (metrics.account("other"), metrics.notifier("pager"));
    let one = configured(&["main"], &[watch("acme", "main", Priority::Vip)], &["ops"]);
    metrics.configure(&one, NOW);
    account.request("object", "500", Duration::ZERO);
    account.polled(Priority::Normal, PollResult::Error);
    account.up(false);
    notifier.restarted("exited", 1);
    notifier.outbox(&Outbox { pending: 1, oldest_pending: Some(NOW), ..Outbox::default() });
    notifier.info("log", "0.1.0");

    let text = metrics.encode();
    let left: Vec<&str> = text
        .lines()
        .filter(|line| ["\"other\"", "\"zeta\"", "\"pager\""].iter().any(|gone| line.contains(gone)))
        .collect();
    assert!(left.is_empty(), "{left:#?}");
    assert!(text.contains(r#"account="main""#) && text.contains(r#"notifier="ops""#), "the others stay");
}

#[test]
fn a_watch_keeps_its_times_over_a_reload_unless_it_watches_another_conversation() {
    let metrics = Metrics::new(NOW);
    let mut acme = watch("acme", "main", Priority::Normal);
    metrics.watch(&acme, Duration::from_secs(10), NOW).succeeded(NOW);
    acme.priority = Priority::Vip;
    acme.interval = Duration::from_secs(5);
    metrics.configure(&configured(&["main"], &[acme.clone()], &[]), NOW);
    let success = |metrics: &Metrics| {
        value(metrics, "commwatch_watch_last_success_timestamp_seconds", &[("watch", "acme")])
    };
    assert_eq!(success(&metrics), Some(1_800_000_000.0));
    let labels = [("watch", "acme"), ("account", "main"), ("priority", "vip")];
    assert_eq!(value(&metrics, "commwatch_watch_info", &labels), Some(1.0));
    assert_eq!(value(&metrics, "commwatch_watch_target_interval_seconds", &[("watch", "acme")]), Some(5.0));

    acme.conversation.object += 1;
    metrics.configure(&configured(&["main"], &[acme], &[]), NOW);
    assert_eq!(success(&metrics), None);
}

#[test]
fn a_poll_counts_as_under_way_until_it_is_dropped() {
    let metrics = Metrics::new(NOW);
    let poll = metrics.poll_begins(Duration::ZERO);
    assert_eq!(value(&metrics, "commwatch_polls_in_flight", &[]), Some(1.0));
    drop(poll);
    assert_eq!(value(&metrics, "commwatch_polls_in_flight", &[]), Some(0.0));
}

#[test]
fn an_answer_cannot_invent_series() {
    let metrics = Metrics::new(NOW);
    for code in ["Dana Levi", "2000", "", "+972501234567"] {
        metrics.account("main").request("object", code, Duration::ZERO);
    }
    let labels = [("account", "main"), ("endpoint", "object"), ("code", "other")];
    assert_eq!(value(&metrics, "commwatch_api_requests_total", &labels), Some(4.0));
}

#[test]
fn clocks_that_disagree_make_a_delay_of_zero() {
    let metrics = Metrics::new(NOW);
    metrics.detected(Priority::Vip, NOW + Duration::from_secs(60), NOW);
    assert_eq!(value(&metrics, "commwatch_detection_delay_seconds_sum", &[("priority", "vip")]), Some(0.0));
}

#[test]
fn an_empty_outbox_has_no_oldest_delivery() {
    let metrics = Metrics::new(NOW);
    let (notifier, name) = (metrics.notifier("ops"), "commwatch_outbox_oldest_pending_timestamp_seconds");
    notifier.outbox(&Outbox { pending: 1, oldest_pending: Some(NOW), ..Outbox::default() });
    assert_eq!(value(&metrics, name, &[("notifier", "ops")]), Some(1_800_000_000.0));
    notifier.outbox(&Outbox::default());
    assert_eq!(value(&metrics, name, &[("notifier", "ops")]), None);
    assert_eq!(value(&metrics, "commwatch_outbox_pending", &[("notifier", "ops")]), Some(0.0));
}

#[test]
fn watches_are_counted_by_state_and_the_state_is_that_of_the_page() {
    let metrics = Metrics::new(NOW);
    let now = Timestamp::now();
    let timeout = Duration::from_secs(5);
    let old = now - Duration::from_secs(3600);
    metrics.watch(&watch("fresh", "main", Priority::Vip), timeout, now).succeeded(now);
    metrics.watch(&watch("stale", "main", Priority::Vip), timeout, old).succeeded(old);
    metrics.watch(&watch("gone", "main", Priority::Normal), timeout, now).failed(Trouble::Unreachable);
    let count = |priority, state: WatchState| {
        value(&metrics, "commwatch_watches", &[("priority", priority), ("state", state.as_str())]).unwrap()
    };
    assert_eq!(count("vip", WatchState::Fresh), 1.0);
    assert_eq!(count("vip", WatchState::Stale), 1.0);
    assert_eq!(count("normal", WatchState::Unreachable), 1.0);
    let oldest = value(&metrics, "commwatch_oldest_success_timestamp_seconds", &[("priority", "vip")]);
    assert_eq!(oldest, Some(unix_seconds(old)));
}

#[test]
fn who_asks_for_series_of_something_that_has_left_brings_none_back() {
    let metrics = Metrics::new(NOW);
    let gone = watch("gone", "other", Priority::Normal);
    let both = configured(&["main", "other"], std::slice::from_ref(&gone), &["ops", "hook"]);
    metrics.configure(&both, NOW);
    metrics.configure(&configured(&["main"], &[], &["ops"]), NOW);
    metrics.account("other").up(false);
    metrics.notifier("hook").up(false);
    metrics.notifier("hook").info("webhook", "1");
    metrics.watch(&gone, Duration::ZERO, NOW).succeeded(NOW);
    let text = metrics.encode();
    for name in ["\"other\"", "\"hook\"", "\"gone\""] {
        assert!(!text.contains(name), "{name}: {text}");
    }
    metrics.configure(&both, NOW);
    metrics.notifier("hook").up(true);
    assert!(metrics.encode().contains("notifier_up{notifier=\"hook\"} 1"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// The bound on what Prometheus must keep, and the promise that it learns nobody's name.
    #[test]
    fn label_values_are_names_from_the_configuration_or_words_that_we_know(
        names in prop::collection::btree_set("[a-z0-9-]{1,12}", 3),
        code in "\\PC{0,8}",
    ) {
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let [account, name, notifier] = names[..] else { unreachable!() };
        let metrics = Metrics::new(NOW);
        let config = configured(&[account], &[watch(name, account, Priority::Normal)], &[notifier]);
        exercise(&metrics, &config);
        metrics.account(account).request("object", &code, Duration::ZERO);

        let words = Metrics::new(NOW);
        exercise(&words, &configured(&["A"], &[watch("W", "A", Priority::Normal)], &["N"]));
        let text = words.encode();
        let mut known: BTreeSet<&str> = samples(&text).into_iter().flat_map(|(_, l, _)| l.into_values()).collect();
        known.extend([account, name, notifier, "other"]);
        for (metric, labels, _) in samples(&metrics.encode()) {
            for (label, value) in labels {
                let status = label == "code" && value.len() == 3 && value.parse::<u16>().is_ok();
                prop_assert!(known.contains(value) || status, "{metric} {label}={value}");
            }
        }
    }

    /// The registry tells label sets apart by a hash of the values put one behind the other.
    #[test]
    fn series_of_different_names_are_never_mixed_up(
        names in prop::collection::btree_set("[a-z]?(vip|normal|dead|log|object|un)?(vip|changed|-log)?[a-z]", 2..8),
    ) {
        let metrics = Metrics::new(NOW);
        for (n, name) in names.iter().enumerate() {
            let (account, notifier) = (metrics.account(name), metrics.notifier(name));
            notifier.info(name.trim_start_matches(|c| c != 'l'), "1");
            for _ in 0..=n {
                account.polled(Priority::Vip, PollResult::Changed);
                account.request("object", "404", Duration::ZERO);
                notifier.delivery(DeliveryResult::Dead);
            }
        }
        let text = metrics.encode();
        let samples = samples(&text);
        for (n, name) in names.iter().enumerate() {
            let of = |metric: &str, label: &str, last: (&str, &str)| {
                let mine = samples.iter().filter(|(m, l, _)| *m == metric && l[label] == name.as_str());
                mine.filter(|(_, l, _)| l[last.0] == last.1).map(|(_, _, value)| *value).sum::<f64>()
            };
            let count = (n + 1) as f64;
            prop_assert_eq!(of("commwatch_polls_total", "account", ("result", "changed")), count);
            prop_assert_eq!(of("commwatch_api_requests_total", "account", ("code", "404")), count);
            prop_assert_eq!(of("commwatch_deliveries_total", "notifier", ("result", "dead")), count);
            prop_assert_eq!(of("commwatch_plugin_info", "notifier", ("version", "1")), 1.0);
        }
    }
}

#[test]
fn a_clock_that_is_set_makes_nothing_look_fresh_or_stale() {
    let metrics = Metrics::new(NOW);
    let acme = watch("acme", "main", Priority::Vip);
    metrics.configure(&configured(&["main"], std::slice::from_ref(&acme), &["ops", "idle"]), NOW);
    let seen = metrics.watch(&acme, Duration::from_secs(5), NOW);
    seen.succeeded(NOW);
    seen.message_at(NOW);
    metrics.notifier("ops").outbox(&Outbox { pending: 1, oldest_pending: Some(NOW), ..Outbox::default() });
    let stale_after = |now: Timestamp| seen.freshness().stale_from().duration_since(now);
    let patience = stale_after(NOW);
    let mut now = NOW;
    for hours in [-1, 24] {
        let by = SignedDuration::from_hours(hours);
        now += by;
        metrics.clock_jumped(by);
        assert_eq!(stale_after(now), patience, "{hours} h");
        let time = |name: &str| value(&metrics, name, &[("watch", "acme")]);
        let seconds = Some(now.as_second() as f64);
        assert_eq!(time("commwatch_watch_last_success_timestamp_seconds"), seconds);
        assert_eq!(time("commwatch_watch_last_message_timestamp_seconds"), seconds);
        let oldest = "commwatch_outbox_oldest_pending_timestamp_seconds";
        assert_eq!(value(&metrics, oldest, &[("notifier", "ops")]), seconds);
        assert_eq!(value(&metrics, oldest, &[("notifier", "idle")]), None);
    }
    assert_eq!(value(&metrics, "commwatch_clock_jumps_total", &[]), Some(2.0));
}

#[test]
fn the_time_of_a_heartbeat_ends_with_its_place_in_the_list_of_who_gets_one() {
    let mut config = configured(&[], &[], &["deadman", "ops"]);
    let heartbeat =
        |name: &str| Some(Heartbeat { every: Duration::from_secs(300), notify: vec![name.into()] });
    config.heartbeat = heartbeat("deadman");
    let metrics = Metrics::new(NOW);
    metrics.configure(&config, NOW);
    metrics.notifier("deadman").heartbeat(NOW);
    let series = "commwatch_heartbeat_last_success_timestamp_seconds{notifier=\"deadman\"}";
    assert!(metrics.encode().contains(series));
    config.heartbeat = heartbeat("ops");
    metrics.configure(&config, NOW);
    assert!(!metrics.encode().contains(series), "nobody waits for it any more");
}
