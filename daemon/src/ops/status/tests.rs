use std::time::Duration;

use super::*;

/// Two o'clock on the day of the examples.
pub(crate) const NOW: Timestamp = Timestamp::constant(1_795_356_000, 0);

pub(crate) fn ago(seconds: u64) -> Timestamp {
    NOW - Duration::from_secs(seconds)
}

/// A daemon that has a good day but for one VIP.
pub(crate) fn example() -> Status {
    let watch = |name: &str, title: &str, priority| WatchStatus {
        name: name.into(),
        title: title.into(),
        priority,
        account: "main".into(),
        object: "293854".into(),
        conversations: None,
        interval_seconds: 10.0,
        state: WatchState::Fresh,
        fresh: true,
        last_poll: Some(ago(4)),
        last_success: Some(ago(4)),
        next_poll: Some(NOW + Duration::from_secs(6)),
        last_error: None,
        last_message_at: Some(ago(900)),
        waiting_since: Some(ago(840)).filter(|_| priority == Priority::Vip),
        acked: name == "globex",
        silenced_until: None,
        events_total: 3,
    };
    let notifier = |name: &str, plugin: &str| NotifierStatus {
        name: name.into(),
        plugin: plugin.into(),
        version: Some("0.1.0".into()),
        state: NotifierState::Running,
        why: None,
        since: ago(10_000),
        pending: 0,
        held: 0,
        held_reason: None,
        dead: 0,
        oldest_pending: None,
        last_delivered: Some(ago(800)),
        last_error: None,
    };
    Status {
        version: "0.1.0".into(),
        started: ago(10_800),
        taken: NOW,
        not_ready: vec![],
        warnings: vec![],
        reload: ReloadStatus { last_ok: true, at: ago(10_800), error: None, held: None },
        accounts: vec![AccountStatus {
            name: "main".into(),
            up: true,
            denied_since: None,
            throttled_until: None,
            last_error: None,
            token_expires: None,
            requests_per_second: 0.3,
            budget_per_second: 1.0,
        }],
        watches: vec![
            WatchStatus {
                state: WatchState::Stale,
                fresh: false,
                last_success: Some(ago(300)),
                last_error: Some("timed out after 10 s".into()),
                ..watch("acme-cfo", "ACME / Dana Levi", Priority::Vip)
            },
            watch("globex", "Globex", Priority::Vip),
            watch("initech", "Initech / דנה", Priority::Normal),
        ],
        watches_omitted: 0,
        notifiers: vec![
            notifier("ops-log", "log"),
            NotifierStatus {
                state: NotifierState::Broken,
                why: Some("401 from hooks.example".into()),
                pending: 12,
                held: 12,
                held_reason: Some("broken".into()),
                dead: 1,
                oldest_pending: Some(ago(700)),
                ..notifier("ops-slack", "slack")
            },
        ],
        recent_events: vec![RecentEvent {
            id: "evt-0001".into(),
            kind: "message.created".into(),
            watch: Some("globex".into()),
            at: Some(ago(903)),
            recorded: ago(900),
        }],
        recent_deliveries: vec![RecentDelivery {
            event: "evt-0001".into(),
            notifier: "ops-slack".into(),
            outcome: "broken".into(),
            attempt: 1,
            at: ago(899),
            took_ms: 212,
            detail: Some("401 from hooks.example".into()),
        }],
        silences: vec![],
        store: StoreStatus { path: "/var/lib/commwatch/commwatch.db".into(), size_bytes: 1_234_567 },
    }
}

/// Somebody said that nobody need hear of the VIP for two hours.
pub(crate) fn silence() -> crate::core::silence::Silence {
    crate::core::silence::Silence {
        id: 3,
        matcher: crate::core::silence::Matcher::Watch("acme-cfo".into()),
        until: NOW + Duration::from_secs(7_200),
        until_reply: true,
        until_close: false,
        reason: "known <outage>".into(),
        created_at: ago(60),
        created_by: "noa (uid 1000)".into(),
        ended: None,
    }
}

#[test]
fn what_nobody_is_told_of_stands_above_the_watches() {
    let status = Status { silences: vec![silence()], ..example() };
    let text = render(&status, false);
    let lines: Vec<&str> = text.lines().skip(3).take(3).collect();
    insta::assert_snapshot!(lines.join("\n"), @"
    silence 3 (watch acme-cfo, until 2026-11-22T16:00:00Z, or a reply, by noa (uid 1000)): known <outage> (over in 2 h)

    WATCH     PRIORITY  STATE  SUCCESS    NEXT    WAITS          EVENTS  TITLE
    ");
}

#[test]
fn a_person_reads_first_whether_the_vips_are_fresh() {
    insta::assert_snapshot!(render(&example(), false), @"
    1 of 2 VIPs is not fresh.
    commwatch 0.1.0, up 3 h, ready

    WATCH     PRIORITY  STATE  SUCCESS    NEXT    WAITS          EVENTS  TITLE
    acme-cfo  vip       stale  5 min ago  in 6 s  14 min         3       ACME / Dana Levi (timed out after 10 s)
    globex    vip       fresh  4 s ago    in 6 s  14 min, acked  3       Globex
    initech   normal    fresh  4 s ago    in 6 s  -              3       Initech / דנה

    NOTIFIER   PLUGIN       STATE    PENDING  HELD         DEAD  DELIVERED   LAST ERROR
    ops-log    log 0.1.0    running  0        0            0     13 min ago
    ops-slack  slack 0.1.0  broken   12       12 (broken)  1     13 min ago  401 from hooks.example

    ACCOUNT  STATE  REQUESTS  BUDGET  LAST ERROR
    main     up     0.30/s    1.00/s

    FOUND       EVENT            WATCH   ID
    15 min ago  message.created  globex  evt-0001

    TRIED       NOTIFIER   OUTCOME  ATTEMPT  TOOK    EVENT     DETAIL
    14 min ago  ops-slack  broken   1        212 ms  evt-0001  401 from hooks.example
    ");
}

#[test]
fn a_good_day_is_told_in_few_lines() {
    let mut status = example();
    status.watches.remove(0);
    status.notifiers.pop();
    status.recent_events.clear();
    status.recent_deliveries.clear();
    insta::assert_snapshot!(render(&status, false), @"
    The VIP is fresh.
    commwatch 0.1.0, up 3 h, ready

    WATCH    PRIORITY  STATE  SUCCESS  NEXT    WAITS          EVENTS  TITLE
    globex   vip       fresh  4 s ago  in 6 s  14 min, acked  3       Globex
    initech  normal    fresh  4 s ago  in 6 s  -              3       Initech / דנה

    NOTIFIER  PLUGIN     STATE    PENDING  HELD  DEAD  DELIVERED   LAST ERROR
    ops-log   log 0.1.0  running  0        0     0     13 min ago

    ACCOUNT  STATE  REQUESTS  BUDGET  LAST ERROR
    main     up     0.30/s    1.00/s
    ");
}

#[test]
fn what_is_wrong_with_the_daemon_itself_stands_above_the_tables() {
    let mut status = example();
    status.not_ready = vec!["account main is denied".into()];
    status.reload.last_ok = false;
    status.reload.error = Some("commwatch.toml:14:10: unknown notifier `webhok`".into());
    status.watches.clear();
    status.notifiers.clear();
    status.recent_events.clear();
    status.recent_deliveries.clear();
    status.accounts[0].up = false;
    status.accounts[0].last_error = Some("401 Unauthorized".into());
    insta::assert_snapshot!(render(&status, false), @r"
    No watch is a VIP.
    commwatch 0.1.0, up 3 h, NOT READY

    not ready: account main is denied
    configuration refused 3 h ago, the one before stays in use: commwatch.toml:14:10: unknown notifier `webhok`

    ACCOUNT  STATE   REQUESTS  BUDGET  LAST ERROR
    main     denied  0.30/s    1.00/s  401 Unauthorized
    ");
    status.reload.held = Some("removes the VIP acme-cfo".into());
    assert!(render(&status, false).contains("commwatch reload --allow-removals"));
}

#[test]
fn colours_only_repeat_what_the_words_say() {
    let (plain, coloured) = (render(&example(), false), render(&example(), true));
    assert!(coloured.contains("\u{1b}[1;31m1 of 2 VIPs is not fresh.\u{1b}[0m"));
    let mut stripped = coloured;
    for code in ["1", "32", "33", "1;31", "0"] {
        stripped = stripped.replace(&format!("\u{1b}[{code}m"), "");
    }
    assert_eq!(stripped, plain);
}

#[test]
fn what_is_not_as_it_should_be_is_said_though_it_is_ready() {
    let mut status = example();
    status.warnings = vec!["polling is slowed: 85 of at most 100 deliveries wait".into()];
    let text = render(&status, false);
    assert!(
        text.contains("ready\n\nwarning: polling is slowed: 85 of at most 100 deliveries wait\n"),
        "{text}"
    );
}

#[test]
fn a_hostile_title_cannot_steer_the_terminal() {
    let mut status = example();
    status.watches[0].title = "ACME\u{1b}[2J\nroot# \u{202e}evil".into();
    let text = render(&status, false);
    assert!(!text.contains('\u{1b}') && !text.contains('\u{202e}') && !text.contains("\nroot#"), "{text}");
}

#[test]
fn what_needs_attention_comes_first_and_the_rest_is_bounded() {
    let mut status = example();
    status.watches.reverse();
    let healthy = status.watches[0].clone();
    status
        .watches
        .extend((0..WATCHES_MAX).map(|n| WatchStatus { name: format!("w-{n}"), ..healthy.clone() }));
    status.recent_events = vec![status.recent_events[0].clone(); RECENT_MAX + 1];
    status.sort();
    let names: Vec<&str> = status.watches.iter().take(3).map(|watch| watch.name.as_str()).collect();
    assert_eq!(names, ["acme-cfo", "globex", "initech"]);
    assert_eq!((status.watches.len(), status.watches_omitted), (WATCHES_MAX, 3));
    assert_eq!(status.recent_events.len(), RECENT_MAX);
    assert_eq!(status.vips(), Vips { all: 2, fresh: 1, first: 0 });
}

#[test]
fn a_status_survives_the_way_through_json() {
    let text = serde_json::to_string(&example()).unwrap();
    let back: Status = serde_json::from_str(&text).unwrap();
    assert_eq!(serde_json::to_string(&back).unwrap(), text);
    insta::assert_snapshot!(serde_json::to_string_pretty(&example()).unwrap(), @r#"
    {
      "version": "0.1.0",
      "started": "2026-11-22T11:00:00Z",
      "taken": "2026-11-22T14:00:00Z",
      "not_ready": [],
      "warnings": [],
      "reload": {
        "last_ok": true,
        "at": "2026-11-22T11:00:00Z",
        "error": null,
        "held": null
      },
      "accounts": [
        {
          "name": "main",
          "up": true,
          "denied_since": null,
          "throttled_until": null,
          "last_error": null,
          "token_expires": null,
          "requests_per_second": 0.3,
          "budget_per_second": 1.0
        }
      ],
      "watches": [
        {
          "name": "acme-cfo",
          "title": "ACME / Dana Levi",
          "priority": "vip",
          "account": "main",
          "object": "293854",
          "interval_seconds": 10.0,
          "state": "stale",
          "fresh": false,
          "last_poll": "2026-11-22T13:59:56Z",
          "last_success": "2026-11-22T13:55:00Z",
          "next_poll": "2026-11-22T14:00:06Z",
          "last_error": "timed out after 10 s",
          "last_message_at": "2026-11-22T13:45:00Z",
          "waiting_since": "2026-11-22T13:46:00Z",
          "acked": false,
          "silenced_until": null,
          "events_total": 3
        },
        {
          "name": "globex",
          "title": "Globex",
          "priority": "vip",
          "account": "main",
          "object": "293854",
          "interval_seconds": 10.0,
          "state": "fresh",
          "fresh": true,
          "last_poll": "2026-11-22T13:59:56Z",
          "last_success": "2026-11-22T13:59:56Z",
          "next_poll": "2026-11-22T14:00:06Z",
          "last_error": null,
          "last_message_at": "2026-11-22T13:45:00Z",
          "waiting_since": "2026-11-22T13:46:00Z",
          "acked": true,
          "silenced_until": null,
          "events_total": 3
        },
        {
          "name": "initech",
          "title": "Initech / דנה",
          "priority": "normal",
          "account": "main",
          "object": "293854",
          "interval_seconds": 10.0,
          "state": "fresh",
          "fresh": true,
          "last_poll": "2026-11-22T13:59:56Z",
          "last_success": "2026-11-22T13:59:56Z",
          "next_poll": "2026-11-22T14:00:06Z",
          "last_error": null,
          "last_message_at": "2026-11-22T13:45:00Z",
          "waiting_since": null,
          "acked": false,
          "silenced_until": null,
          "events_total": 3
        }
      ],
      "watches_omitted": 0,
      "notifiers": [
        {
          "name": "ops-log",
          "plugin": "log",
          "version": "0.1.0",
          "state": "running",
          "why": null,
          "since": "2026-11-22T11:13:20Z",
          "pending": 0,
          "held": 0,
          "held_reason": null,
          "dead": 0,
          "oldest_pending": null,
          "last_delivered": "2026-11-22T13:46:40Z",
          "last_error": null
        },
        {
          "name": "ops-slack",
          "plugin": "slack",
          "version": "0.1.0",
          "state": "broken",
          "why": "401 from hooks.example",
          "since": "2026-11-22T11:13:20Z",
          "pending": 12,
          "held": 12,
          "held_reason": "broken",
          "dead": 1,
          "oldest_pending": "2026-11-22T13:48:20Z",
          "last_delivered": "2026-11-22T13:46:40Z",
          "last_error": null
        }
      ],
      "recent_events": [
        {
          "id": "evt-0001",
          "type": "message.created",
          "watch": "globex",
          "at": "2026-11-22T13:44:57Z",
          "recorded": "2026-11-22T13:45:00Z"
        }
      ],
      "recent_deliveries": [
        {
          "event": "evt-0001",
          "notifier": "ops-slack",
          "outcome": "broken",
          "attempt": 1,
          "at": "2026-11-22T13:45:01Z",
          "took_ms": 212,
          "detail": "401 from hooks.example"
        }
      ],
      "silences": [],
      "store": {
        "path": "/var/lib/commwatch/commwatch.db",
        "size_bytes": 1234567
      }
    }
    "#);
}

#[test]
fn ages_are_told_in_the_unit_that_matters() {
    let told: Vec<String> = [0, 1, 119, 120, 7_199, 7_200, 172_799, 172_800]
        .map(|seconds| Age::of(ago(seconds), NOW).to_string())
        .into();
    assert_eq!(
        told,
        ["now", "1 s ago", "119 s ago", "2 min ago", "119 min ago", "2 h ago", "47 h ago", "2 d ago"]
    );
    assert_eq!(Age::of(NOW + Duration::from_secs(6), NOW).to_string(), "in 6 s");
}

#[test]
fn where_a_text_stands_isolated_its_marks_stay_and_nothing_that_turns_what_is_around_it() {
    let text = "\u{200f}דנה\u{200e}\u{61c} \u{202a}\u{202b}\u{202c}\u{202d}\u{202e}\u{2066}\u{2067}\u{2068}\u{2069} a\nb\u{1b}";
    let gone = "\u{fffd}".repeat(9);
    assert_eq!(plain_isolated(text), format!("\u{200f}דנה\u{200e}\u{61c} {gone} a\u{fffd}b\u{fffd}"));
    assert_eq!(plain(text), format!("\u{fffd}דנה\u{fffd}\u{fffd} {gone} a\u{fffd}b\u{fffd}"));
}
