use std::time::Duration;

use insta::assert_snapshot;

use super::*;
use crate::core::event::{ChangeData, DetectionData, ProblemData};
use crate::core::message::AuthorKind;
use crate::core::receiver::HELD;
use crate::core::route::Said;
use crate::core::story::{
    AttemptStory, Behind, ConversationStory, DeliveryStory, EventStory, FoundStory, Held, Live, LookedFor,
    MessageStory, NOT_CONFIGURED, NOT_RUNNING, PollHour, Sighting, WatchStory,
};
use crate::core::watch::Priority;

mod messages;
mod watches;

use messages::{message, sighting};
use watches::{found, watch};

pub(crate) const NOW: Timestamp = Timestamp::constant(1_800_000_000, 0);

fn ago(seconds: u64) -> Timestamp {
    NOW - Duration::from_secs(seconds)
}

fn told(story: Story) -> String {
    tell(&Why { taken: NOW, story })
}

fn several<T>(shown: Vec<T>) -> Several<T> {
    Several { shown, more: 0 }
}

fn yes(route: &str, told: &[&str]) -> Said {
    Said { route: route.into(), told: told.iter().map(|name| (*name).to_owned()).collect(), no: None }
}

fn no(route: &str, why: &str) -> Said {
    Said { route: route.into(), told: vec![], no: Some(why.into()) }
}

pub(crate) fn attempt(number: u32, ago_seconds: u64, outcome: &str, detail: &str) -> AttemptStory {
    AttemptStory {
        number,
        started_at: ago(ago_seconds),
        took_ms: 30 * u64::from(number),
        outcome: outcome.into(),
        detail: detail.into(),
    }
}

pub(crate) fn delivery(notifier: &str, state: &str) -> DeliveryStory {
    let finished = matches!(state, "delivered" | "dead");
    DeliveryStory {
        event: "evt_a".into(),
        notifier: notifier.into(),
        state: state.into(),
        replay: false,
        created_at: ago(60),
        due_at: (state == "pending").then_some(ago(30)),
        sending_since: None,
        finished_at: finished.then_some(ago(20)),
        counted: 1,
        aside: false,
        fell_back_at: None,
        in_place_of: None,
        part_of: None,
        others: 0,
        suppressed_by: None,
        behind: None,
        held: None,
        attempts: Several::default(),
    }
}

fn held(reason: &str, why: &str) -> Option<Held> {
    Some(Held { reason: reason.into(), since: Some(ago(600)), why: Some(why.into()) })
}

fn event(deliveries: Vec<DeliveryStory>, routing: Vec<Said>) -> EventStory {
    EventStory {
        id: "evt_a".into(),
        kind: "message.created".into(),
        watch: Some("acme-cfo".into()),
        priority: Some(Priority::Vip),
        account: Some("main".into()),
        object: Some("293854".into()),
        child: Some("9001".into()),
        author: Some(AuthorKind::Customer),
        occurred_at: ago(64),
        recorded_at: ago(60),
        detection: Some(DetectionData {
            polled_at: ago(60),
            previous_poll_at: Some(ago(70)),
            delay_seconds: Some(4.25),
            approximate: false,
        }),
        change: None,
        problem: None,
        text_kept: true,
        scrubbed: false,
        routing,
        deliveries: several(deliveries),
    }
}

/// For the page: an event that one notifier took and another gave up.
pub(crate) fn an_event() -> EventStory {
    let dead = DeliveryStory {
        attempts: several(vec![
            attempt(1, 60, "retry", "status 500: overloaded"),
            attempt(2, 50, "reject", "status 400: no <b>"),
        ]),
        ..delivery("hook", "dead")
    };
    let waits = DeliveryStory { held: held(HELD[0], "401 from hooks.example"), ..delivery("sms", "pending") };
    let routing = vec![
        yes("vip-messages", &["hook", "sms"]),
        no("vip-status", "events are conversation.status_changed"),
    ];
    event(vec![dead, waits], routing)
}

/// For the page: a watch of several conversations.
pub(crate) fn a_watch_of_several() -> WatchStory {
    let mut watch = a_watch();
    let live = watch.live.as_mut().unwrap();
    (live.object, live.channel) = (String::new(), None);
    watch.conversations = Several { shown: vec![found("293854", Some(ago(840))), found("7", None)], more: 1 };
    watch
}

/// For the page: one of its conversations.
pub(crate) fn a_conversation() -> WatchStory {
    WatchStory { within: Some("main/293854".parse().unwrap()), ..a_watch() }
}

/// For the page: a watch that found it, and whose customer waits.
pub(crate) fn a_watch() -> WatchStory {
    let mut watch = watch();
    watch.live.as_mut().unwrap().waiting_since = Some(ago(840));
    watch.events = Several { shown: vec![an_event()], more: 2 };
    watch.waiting = several(vec![delivery("sms", "pending")]);
    watch
}

#[test]
fn an_event_is_told_from_the_poll_to_each_attempt() {
    let delivered = DeliveryStory {
        attempts: several(vec![
            attempt(1, 60, "retry", "status 500: overloaded"),
            attempt(2, 58, "unknown", "no answer within 15 s"),
            attempt(3, 20, "delivered", ""),
        ]),
        ..delivery("hook", "delivered")
    };
    let routing = vec![
        yes("vip-messages", &["hook", "sms"]),
        no("vip-status", "events are conversation.status_changed, not message.created"),
    ];
    assert_snapshot!(told(Story::Event(Box::new(event(vec![delivered], routing)))), @"
    message.created evt_a
      Message 9001 by the customer, in conversation 293854 of account main (watch acme-cfo, vip).
      It happened 2027-01-15T07:58:56Z (64 s ago) by CommBox's clock, and was found 2027-01-15T07:59:00Z, 4.2 s later.
      The answer that showed it came 2027-01-15T07:59:00Z; the answer before came 2027-01-15T07:58:50Z.
      Its text is kept, and is not shown here.

    What the routes said when it was found:
      yes  vip-messages: tells hook, sms
      no   vip-status: events are conversation.status_changed, not message.created

    What became of it:
      hook: delivered 2027-01-15T07:59:40Z (20 s ago)
        attempt 1 2027-01-15T07:59:00Z, retry after 30 ms: status 500: overloaded
        attempt 2 2027-01-15T07:59:02Z, unknown after 60 ms: no answer within 15 s
        attempt 3 2027-01-15T07:59:40Z, delivered after 90 ms
      sms: its delivery is no longer kept; it was dropped, or is older than [store] retention.
    ");
}

#[test]
fn an_event_of_which_nobody_was_told_says_why_by_each_route() {
    let mut untold = event(
        vec![],
        vec![
            no("vip-messages", "author is agent, not customer or unknown"),
            no("globex", "no tag of globex"),
        ],
    );
    untold.author = Some(AuthorKind::Agent);
    (untold.text_kept, untold.scrubbed) = (false, true);
    assert_snapshot!(told(Story::Event(Box::new(untold))), @"
    message.created evt_a
      Message 9001 by an agent, in conversation 293854 of account main (watch acme-cfo, vip).
      It happened 2027-01-15T07:58:56Z (64 s ago) by CommBox's clock, and was found 2027-01-15T07:59:00Z, 4.2 s later.
      The answer that showed it came 2027-01-15T07:59:00Z; the answer before came 2027-01-15T07:58:50Z.
      Its text is not kept: the message was deleted.

    What the routes said when it was found:
      no   vip-messages: author is agent, not customer or unknown
      no   globex: no tag of globex

    What became of it:
      No alert was sent: no route told anybody.
    ");
}

#[test]
fn every_state_of_a_delivery_says_what_it_waits_for() {
    let with = |state: &str, notifier: &str, change: fn(&mut DeliveryStory)| {
        let mut delivery = delivery(notifier, state);
        change(&mut delivery);
        delivery
    };
    let deliveries = vec![
        with("queued", "behind", |d| d.behind = Some(Behind { event: "evt_0".into(), ahead: 3 })),
        with("pending", "due", |_| {}),
        with("pending", "again", |d| {
            d.due_at = Some(NOW + Duration::from_secs(15));
            d.attempts = Several { shown: vec![attempt(7, 5, "retry", "status 503")], more: 6 };
        }),
        with("pending", "aside", |d| (d.aside, d.due_at) = (true, Some(NOW + Duration::from_secs(60)))),
        with("sending", "sending", |d| d.sending_since = Some(ago(3))),
        with("pending", "broken", |d| d.held = held(HELD[0], "401 from hooks.example")),
        with("pending", "open", |d| d.held = held(HELD[1], "retry: status 500")),
        with("pending", "stopped", |d| d.held = held(NOT_RUNNING, "killed by signal 11")),
        with("pending", "removed", |d| {
            d.held = Some(Held { reason: NOT_CONFIGURED.into(), since: None, why: None });
        }),
        with("dead", "dead", |d| d.attempts = several(vec![attempt(1, 20, "reject", "status 400")])),
        with("pending", "late", |d| d.fell_back_at = Some(ago(20))),
        with("delivered", "other", |d| d.in_place_of = Some("late".into())),
        with("delivered", "replayed", |d| (d.replay, d.counted) = (true, 1)),
    ];
    let mut story = event(deliveries, vec![]);
    story.deliveries.more = 2;
    let text = told(Story::Event(Box::new(story)));
    assert_snapshot!(text.split_once("What became of it:\n").unwrap().1, @"
    behind: queued behind 3 others in its lane, whose head is evt_0
    due: pending, due since 2027-01-15T07:59:30Z (30 s ago)
    again: pending, tried again 2027-01-15T08:00:15Z (in 15 s)
      and 6 earlier attempts
      attempt 7 2027-01-15T07:59:55Z, retry after 210 ms: status 503
    aside: pending, newer ones go past it, tried 2027-01-15T08:01:00Z (in 60 s)
    sending: sending since 2027-01-15T07:59:57Z (3 s ago): its plugin has it, and has not said how it ended
    broken: pending, held
      Held: broken is broken since 2027-01-15T07:50:00Z (10 min ago): 401 from hooks.example. It is tried with one delivery now and then; `commwatch notifiers resume broken` tries it now.
    open: pending, held
      Held: open has accepted nothing of late since 2027-01-15T07:50:00Z (10 min ago): retry: status 500. It is tried with one delivery now and then; `commwatch notifiers resume open` tries it now.
    stopped: pending, held
      Held: the plugin of stopped does not run since 2027-01-15T07:50:00Z (10 min ago): killed by signal 11.
    removed: pending, held
      Held: removed is not configured any more. It goes on when that is configured again, and becomes a dead letter when it is as old as [store] retention.
    dead: dead, given up 2027-01-15T07:59:40Z (20 s ago); `commwatch replay evt_a` sends it again
      attempt 1 2027-01-15T07:59:40Z, reject after 30 ms: status 400
    late: pending, due since 2027-01-15T07:59:30Z (30 s ago)
      Not accepted in time: its fallbacks were told 2027-01-15T07:59:40Z (20 s ago).
    other: delivered 2027-01-15T07:59:40Z (20 s ago)
      In place of late, which had not accepted it 2027-01-15T07:59:00Z (60 s ago).
    replayed: delivered 2027-01-15T07:59:40Z (20 s ago)
      An operator had it sent again 2027-01-15T07:59:00Z (60 s ago); 1 attempt counted since.
    and 2 more notifiers
    ");
}

#[test]
fn an_event_of_our_own_health_says_what_is_wrong() {
    let mut own = event(vec![], vec![yes("[operators]", &["mail"])]);
    (own.watch, own.priority, own.object, own.child, own.author) = (None, None, None, None, None);
    own.kind = "account.denied".into();
    own.detection = None;
    own.problem = Some(ProblemData {
        subject: "account/main".into(),
        since: ago(60),
        why: "401: key refused".into(),
        expires: None,
    });
    assert_snapshot!(told(Story::Event(Box::new(own))), @"
    account.denied evt_a
      Of account main.
      It was noted 2027-01-15T07:59:00Z (60 s ago); no poll found it.
      account/main since 2027-01-15T07:59:00Z: 401: key refused

    What the routes said when it was found:
      yes  [operators]: tells mail

    What became of it:
      mail: its delivery is no longer kept; it was dropped, or is older than [store] retention.
    ");
}

#[test]
fn a_status_change_says_what_it_was_and_is() {
    let mut change = event(vec![], vec![]);
    (change.child, change.author) = (None, None);
    change.kind = "conversation.status_changed".into();
    change.change = Some(ChangeData { previous: Some("open".into()), current: Some("resolved".into()) });
    change.detection = change.detection.map(|detection| DetectionData {
        previous_poll_at: None,
        delay_seconds: None,
        ..detection
    });
    let text = told(Story::Event(Box::new(change)));
    assert_snapshot!(text.split_once("\n\n").unwrap().0, @"
    conversation.status_changed evt_a
      Of conversation 293854 of account main (watch acme-cfo, vip).
      It was found 2027-01-15T07:59:00Z (60 s ago); when it happened is not known.
      The answer that showed it came 2027-01-15T07:59:00Z; it was the first since the daemon had started.
      It was: open. It is: resolved.
    ");
}

#[test]
fn lists_say_how_many_more_there_are() {
    let one = event(
        vec![
            delivery("hook", "delivered"),
            DeliveryStory { held: held(HELD[1], "x"), ..delivery("sms", "pending") },
        ],
        vec![],
    );
    let list = Several { shown: vec![one.clone(), event(vec![], vec![])], more: 7 };
    assert_snapshot!(events(&list, NOW), @"
    FOUND     EVENT            WATCH     ID     TOLD
    60 s ago  message.created  acme-cfo  evt_a  hook delivered, sms pending (held: circuit open)
    60 s ago  message.created  acme-cfo  evt_a  nobody
    and 7 more; --limit shows more at once
    ");
    let list = Several { shown: one.deliveries.shown, more: 1 };
    assert_snapshot!(deliveries(&list, NOW), @"
    WRITTEN   NOTIFIER  STATE                         ATTEMPTS  EVENT  LAST ATTEMPT
    60 s ago  hook      delivered                     1         evt_a
    60 s ago  sms       pending (held: circuit open)  1         evt_a
    and 1 more; --limit shows more at once
    ");
    assert_eq!(deliveries(&Several::default(), NOW), "");
}

#[test]
fn an_event_is_a_line() {
    let told = event(vec![delivery("hook", "delivered"), delivery("log", "pending")], vec![]);
    let nobody = EventStory { watch: None, ..event(vec![], vec![]) };
    insta::assert_snapshot!([event_line(&told), event_line(&nobody)].join("\n"), @"
    2027-01-15T07:59:00Z message.created acme-cfo evt_a to hook, log
    2027-01-15T07:59:00Z message.created - evt_a to nobody
    ");
}

#[test]
fn nothing_that_was_said_by_others_steers_a_terminal() {
    let hostile = DeliveryStory {
        attempts: several(vec![attempt(1, 5, "retry", "\u{1b}[2J\nfake line \u{202e}")]),
        ..delivery("hook", "pending")
    };
    let text = told(Story::Event(Box::new(event(vec![hostile], vec![]))));
    assert!(!text.contains('\u{1b}') && !text.contains("\nfake") && !text.contains('\u{202e}'), "{text}");
}

#[test]
fn a_story_survives_the_wire() {
    for story in [
        Story::Event(Box::new(event(vec![delivery("hook", "pending")], vec![yes("vip", &["hook"])]))),
        Story::Message(message(vec![sighting()], vec![])),
        Story::Watch(Box::new(watch())),
    ] {
        let why = Why { taken: NOW, story };
        let json = serde_json::to_string(&why).unwrap();
        assert_eq!(serde_json::from_str::<Why>(&json).unwrap(), why);
    }
}

#[test]
fn the_json_of_a_story_has_stable_names() {
    let delivery = DeliveryStory {
        attempts: several(vec![attempt(1, 60, "retry", "status 500")]),
        held: held(HELD[0], "401"),
        behind: Some(Behind { event: "evt_0".into(), ahead: 1 }),
        ..delivery("hook", "pending")
    };
    let story =
        Story::Event(Box::new(event(vec![delivery], vec![yes("vip", &["hook"]), no("x", "no tag of x")])));
    assert_snapshot!(serde_json::to_string_pretty(&Why { taken: NOW, story }).unwrap(), @r#"
    {
      "taken": "2027-01-15T08:00:00Z",
      "story": {
        "about": "event",
        "id": "evt_a",
        "type": "message.created",
        "watch": "acme-cfo",
        "priority": "vip",
        "account": "main",
        "object": "293854",
        "child": "9001",
        "author": "customer",
        "occurred_at": "2027-01-15T07:58:56Z",
        "recorded_at": "2027-01-15T07:59:00Z",
        "detection": {
          "polled_at": "2027-01-15T07:59:00Z",
          "previous_poll_at": "2027-01-15T07:58:50Z",
          "delay_seconds": 4.25
        },
        "change": null,
        "problem": null,
        "text_kept": true,
        "scrubbed": false,
        "routing": [
          {
            "route": "vip",
            "told": [
              "hook"
            ]
          },
          {
            "route": "x",
            "no": "no tag of x"
          }
        ],
        "deliveries": {
          "shown": [
            {
              "event": "evt_a",
              "notifier": "hook",
              "state": "pending",
              "replay": false,
              "created_at": "2027-01-15T07:59:00Z",
              "due_at": "2027-01-15T07:59:30Z",
              "sending_since": null,
              "finished_at": null,
              "counted": 1,
              "aside": false,
              "fell_back_at": null,
              "in_place_of": null,
              "part_of": null,
              "others": 0,
              "suppressed_by": null,
              "behind": {
                "event": "evt_0",
                "ahead": 1
              },
              "held": {
                "reason": "broken",
                "since": "2027-01-15T07:50:00Z",
                "why": "401"
              },
              "attempts": {
                "shown": [
                  {
                    "number": 1,
                    "started_at": "2027-01-15T07:59:00Z",
                    "took_ms": 30,
                    "outcome": "retry",
                    "detail": "status 500"
                  }
                ],
                "more": 0
              }
            }
          ],
          "more": 0
        }
      }
    }
    "#);
}
