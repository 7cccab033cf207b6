use std::time::Duration;

use insta::assert_snapshot;

use super::*;
use crate::core::event::{ChangeData, DetectionData, ProblemData};
use crate::core::message::AuthorKind;
use crate::core::receiver::HELD;
use crate::core::route::Said;
use crate::core::story::{
    AttemptStory, Behind, ConversationStory, DeliveryStory, EventStory, Held, Live, LookedFor, MessageStory,
    NOT_CONFIGURED, NOT_RUNNING, PollHour, Sighting, WatchStory,
};
use crate::core::watch::Priority;

const NOW: Timestamp = Timestamp::constant(1_800_000_000, 0);

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

fn attempt(number: u32, ago_seconds: u64, outcome: &str, detail: &str) -> AttemptStory {
    AttemptStory {
        number,
        started_at: ago(ago_seconds),
        took_ms: 30 * u64::from(number),
        outcome: outcome.into(),
        detail: detail.into(),
    }
}

fn delivery(notifier: &str, state: &str) -> DeliveryStory {
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
    own.problem =
        Some(ProblemData { subject: "account/main".into(), since: ago(60), why: "401: key refused".into() });
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

fn sighting() -> Sighting {
    Sighting {
        account: "main".into(),
        object: "293854".into(),
        watch: "acme-cfo".into(),
        found_at: Some(ago(60)),
        created_at: Some(ago(64)),
        author: Some(AuthorKind::Customer),
        baseline: false,
        revision: 0,
        unparsed: false,
        gone_since: None,
        gone_as: None,
    }
}

fn message(seen: Vec<Sighting>, events: Vec<EventStory>) -> MessageStory {
    MessageStory {
        child: "9001".into(),
        watch: None,
        seen: several(seen),
        events: several(events),
        looked_for: Several::default(),
    }
}

#[test]
fn a_message_says_when_it_was_seen_and_what_was_told_of_it() {
    let edited =
        Sighting { revision: 2, gone_since: Some(ago(5)), gone_as: Some("unconfirmed".into()), ..sighting() };
    let events = vec![event(vec![delivery("hook", "delivered")], vec![yes("vip", &["hook"])])];
    assert_snapshot!(told(Story::Message(message(vec![edited], events))), @"
    message 9001
      In conversation 293854 of account main (watch acme-cfo): written 2027-01-15T07:58:56Z (64 s ago) by the customer.
        An answer first listed it 2027-01-15T07:59:00Z (60 s ago).
        It has changed 2 times since, by edits or deletions.
        Answers no longer list it since 2027-01-15T07:59:55Z (5 s ago); whether it was deleted is told when another answer confirms it.

    What was told of it:
      2027-01-15T07:59:00Z (60 s ago)  message.created of message 9001 by the customer  evt_a
        hook: delivered 2027-01-15T07:59:40Z (20 s ago)
    ");
}

#[test]
fn a_message_of_the_baseline_was_not_told() {
    let baseline = Sighting { baseline: true, found_at: None, author: None, created_at: None, ..sighting() };
    let deleted = Sighting { gone_since: Some(ago(5)), gone_as: Some("deleted".into()), ..sighting() };
    let cut = Sighting {
        gone_since: Some(ago(5)),
        gone_as: Some("out of sight".into()),
        unparsed: true,
        ..sighting()
    };
    assert_snapshot!(told(Story::Message(message(vec![baseline, deleted, cut], vec![]))), @"
    message 9001
      In conversation 293854 of account main (watch acme-cfo): written at a time that is not known by somebody.
        When an answer first listed it is not kept: a version found it that did not note that.
        It is part of the baseline: it was there before the watch began, and so was not told.
        The latest answer that was read lists it.
      In conversation 293854 of account main (watch acme-cfo): written 2027-01-15T07:58:56Z (64 s ago) by the customer.
        An answer first listed it 2027-01-15T07:59:00Z (60 s ago).
        It was deleted: two answers in a row did not list it, the second 2027-01-15T07:59:55Z (5 s ago).
      In conversation 293854 of account main (watch acme-cfo): written 2027-01-15T07:58:56Z (64 s ago) by the customer.
        An answer first listed it 2027-01-15T07:59:00Z (60 s ago).
        It could not be read so far.
        It is out of sight since 2027-01-15T07:59:55Z (5 s ago): the list looked cut, so that nothing can be said of it.

    What was told of it:
      Nothing: it is part of the baseline.
    ");
}

#[test]
fn a_message_that_was_never_seen_says_where_it_would_have_been() {
    let looked = |watch: &str| LookedFor {
        watch: watch.into(),
        baseline_at: Some(ago(9_000)),
        last_poll: Some(ago(2)),
        last_success: Some(ago(2)),
        last_error: None,
    };
    let story = MessageStory {
        looked_for: Several {
            shown: vec![
                looked("acme-cfo"),
                LookedFor { last_success: None, last_error: Some("timed out".into()), ..looked("globex") },
                LookedFor { last_success: None, last_poll: None, baseline_at: None, ..looked("new") },
            ],
            more: 30,
        },
        ..message(vec![], vec![])
    };
    assert_snapshot!(told(Story::Message(story)), @"
    message 9001
      No answer that is remembered has listed it.
      It would have been found in:
        acme-cfo: last read 2027-01-15T07:59:58Z (2 s ago)
        globex: last asked 2027-01-15T07:59:58Z (2 s ago), and not read since the daemon started; the last poll failed: timed out
        new: not polled since the daemon started; it was never answered, and has no baseline yet
        and 30 more watches

    What was told of it:
      Nothing.
    ");
    assert_snapshot!(told(Story::Message(message(vec![], vec![]))), @"
    message 9001
      No answer that is remembered has listed it.
      There is no watch in whose conversation it could be.

    What was told of it:
      Nothing.
    ");
}

fn watch() -> WatchStory {
    WatchStory {
        name: "acme-cfo".into(),
        since: ago(7_200),
        live: Some(Live {
            title: "ACME / Dana Levi".into(),
            priority: Priority::Vip,
            account: "main".into(),
            object: "293854".into(),
            interval_seconds: 10.0,
            state: "fresh".into(),
            last_poll: Some(ago(4)),
            last_success: Some(ago(4)),
            next_poll: Some(NOW + Duration::from_secs(6)),
            last_error: None,
            denied: None,
            throttled_until: None,
        }),
        conversation: Some(ConversationStory {
            account: "main".into(),
            object: "293854".into(),
            baseline_at: Some(ago(90_000)),
            sequence: 3,
            status: Some("open".into()),
            unreachable_since: None,
            gap_since: None,
            messages: 12,
        }),
        polls: several(vec![PollHour {
            hour: ago(3_600),
            polls: 358,
            changed: 0,
            failed: 0,
            last_error: None,
        }]),
        events: Several::default(),
        account_events: Several::default(),
        waiting: Several::default(),
    }
}

#[test]
fn a_watch_that_is_quiet_says_that_there_was_nothing_to_tell() {
    assert_snapshot!(told(Story::Watch(Box::new(watch()))), @"
    watch acme-cfo (ACME / Dana Levi, vip): conversation 293854 of account main, every 10 s
      It is fresh: last polled 2027-01-15T07:59:56Z (4 s ago), next poll 2027-01-15T08:00:06Z (in 6 s).
      Its baseline was taken 2027-01-14T07:00:00Z (25 h ago); what was there before counts as seen unless [[watch]] baseline says otherwise.
      Its status is open; 12 messages are known of it, and it has had 3 events.
      In short: 358 polls, 0 with a change, 0 failed; nothing was found, so that there was nothing to tell.

    Polls by hour:
      2027-01-15T07:00:00Z  358 polls, 0 with a change, 0 failed

    What it found since 2027-01-15T06:00:00Z:
      Nothing.

    What waits:
      Nothing.
    ");
}

#[test]
fn a_watch_in_trouble_says_which() {
    let mut story = watch();
    let live = story.live.as_mut().unwrap();
    live.state = "stale".into();
    live.last_success = Some(ago(4_000));
    live.denied =
        Some(Held { reason: "denied".into(), since: Some(ago(3_900)), why: Some("401: key refused".into()) });
    live.throttled_until = Some(NOW + Duration::from_secs(30));
    let kept = story.conversation.as_mut().unwrap();
    (kept.unreachable_since, kept.gap_since) = (Some(ago(50)), Some(ago(40)));
    let mut denied = event(vec![delivery("mail", "delivered")], vec![yes("[operators]", &["mail"])]);
    (denied.kind, denied.child, denied.author) = ("account.denied".into(), None, None);
    denied.problem = Some(ProblemData {
        subject: "account/main".into(),
        since: ago(3_900),
        why: "401: key refused".into(),
    });
    story.account_events = several(vec![denied]);
    let routing = (1..=5).map(|n| no(&format!("route-{n}"), "priority is vip, not normal")).collect();
    let dead = DeliveryStory {
        attempts: several(vec![attempt(2, 20, "reject", "status 400")]),
        ..delivery("hook", "dead")
    };
    let waiting = DeliveryStory { held: held(HELD[0], "401"), ..delivery("sms", "pending") };
    story.events = Several {
        shown: vec![
            event(vec![], routing),
            event(vec![dead, waiting.clone()], vec![yes("vip", &["hook", "sms"])]),
        ],
        more: 4,
    };
    story.waiting = Several { shown: vec![waiting], more: 1 };
    story.polls.shown[0].failed = 300;
    story.polls.shown[0].last_error = Some("401".into());
    story.polls.more = 2;
    assert_snapshot!(told(Story::Watch(Box::new(story))), @"
    watch acme-cfo (ACME / Dana Levi, vip): conversation 293854 of account main, every 10 s
      It is stale: last polled 2027-01-15T07:59:56Z (4 s ago), last read 2027-01-15T06:53:20Z (66 min ago), next poll 2027-01-15T08:00:06Z (in 6 s).
      CommBox refuses the key of account main since 2027-01-15T06:55:00Z (65 min ago): 401: key refused
      CommBox asked account main to wait until 2027-01-15T08:00:30Z.
      Its baseline was taken 2027-01-14T07:00:00Z (25 h ago); what was there before counts as seen unless [[watch]] baseline says otherwise.
      Its status is open; 12 messages are known of it, and it has had 3 events.
      CommBox does not show the conversation since 2027-01-15T07:59:10Z (50 s ago).
      It has more messages than are looked at since 2027-01-15T07:59:20Z (40 s ago).
      In short: 358 polls, 0 with a change, 300 failed; 6 events found, of which 1 told to nobody.

    Polls by hour:
      2027-01-15T07:00:00Z  358 polls, 0 with a change, 300 failed: 401
      and 2 more hours before

    Its account's key:
      2027-01-15T07:59:00Z (60 s ago)  account.denied  evt_a
        mail: delivered 2027-01-15T07:59:40Z (20 s ago)
        401: key refused

    What it found since 2027-01-15T06:00:00Z:
      2027-01-15T07:59:00Z (60 s ago)  message.created of message 9001 by the customer  evt_a
        told to nobody:
          no   route-1: priority is vip, not normal
          no   route-2: priority is vip, not normal
          no   route-3: priority is vip, not normal
          and 2 more routes; `commwatch why` with the event's id shows them all
      2027-01-15T07:59:00Z (60 s ago)  message.created of message 9001 by the customer  evt_a
        hook: dead, given up 2027-01-15T07:59:40Z (20 s ago); `commwatch replay evt_a` sends it again; attempt 2 2027-01-15T07:59:40Z, reject after 60 ms: status 400
        sms: pending, held
          Held: sms is broken since 2027-01-15T07:50:00Z (10 min ago): 401. It is tried with one delivery now and then; `commwatch notifiers resume sms` tries it now.
      and 4 more

    What waits:
      evt_a
        sms: pending, held
          Held: sms is broken since 2027-01-15T07:50:00Z (10 min ago): 401. It is tried with one delivery now and then; `commwatch notifiers resume sms` tries it now.
      and 1 more
    ");
}

#[test]
fn a_watch_that_is_not_configured_or_was_never_answered_says_so() {
    let mut gone = watch();
    gone.live = None;
    (gone.polls, gone.conversation.as_mut().unwrap().status) = (Several::default(), None);
    let text = told(Story::Watch(Box::new(gone)));
    assert_snapshot!(text, @"
    watch acme-cfo: conversation 293854 of account main
      It is not in the configuration: nothing polls it, and nothing is told of it.
      Its baseline was taken 2027-01-14T07:00:00Z (25 h ago); what was there before counts as seen unless [[watch]] baseline says otherwise.
      Its status is not known; 12 messages are known of it, and it has had 3 events.
      In short: 0 polls, 0 with a change, 0 failed; nothing was found, so that there was nothing to tell.

    Polls by hour:
      None since 2027-01-15T06:00:00Z.

    What it found since 2027-01-15T06:00:00Z:
      Nothing.

    What waits:
      Nothing.
    ");
    let mut new = watch();
    new.conversation = None;
    let live = new.live.as_mut().unwrap();
    (live.last_poll, live.last_success, live.next_poll) = (None, None, None);
    live.last_error = Some("no route to host".into());
    let text = told(Story::Watch(Box::new(new)));
    assert_snapshot!(text.split_once("\n\n").unwrap().0, @"
    watch acme-cfo (ACME / Dana Levi, vip): conversation 293854 of account main, every 10 s
      It is fresh: not polled since the daemon started.
      The last poll failed: no route to host
      No answer was ever read: it has no baseline yet.
      In short: 358 polls, 0 with a change, 0 failed; nothing was found, so that there was nothing to tell.
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
