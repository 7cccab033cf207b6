//! Of a watch.

use super::*;

pub(super) fn watch() -> WatchStory {
    WatchStory {
        name: "acme-cfo".into(),
        since: ago(7_200),
        within: None,
        live: Some(Live {
            title: "ACME / Dana Levi".into(),
            priority: Priority::Vip,
            account: "main".into(),
            object: "293854".into(),
            channel: Some("532".into()),
            interval_seconds: 10.0,
            state: "fresh".into(),
            last_poll: Some(ago(4)),
            last_success: Some(ago(4)),
            next_poll: Some(NOW + Duration::from_secs(6)),
            last_error: None,
            denied: None,
            throttled_until: None,
            waiting_since: None,
            acked: false,
            silences: vec![],
        }),
        conversations: Several::default(),
        conversation: Some(ConversationStory {
            account: "main".into(),
            object: "293854".into(),
            watch: "acme-cfo".into(),
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
        expires: None,
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
    gone.polls = Several::default();
    let kept = gone.conversation.as_mut().unwrap();
    (kept.status, kept.messages, kept.sequence) = (None, 1, 1);
    let text = told(Story::Watch(Box::new(gone)));
    assert_snapshot!(text, @"
    watch acme-cfo: conversation 293854 of account main
      It is not in the configuration: nothing polls it, and nothing is told of it.
      Its baseline was taken 2027-01-14T07:00:00Z (25 h ago); what was there before counts as seen unless [[watch]] baseline says otherwise.
      Its status is not known; 1 message is known of it, and it has had 1 event.
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

pub(super) fn found(object: &str, waiting_since: Option<Timestamp>) -> FoundStory {
    FoundStory {
        account: "main".into(),
        object: object.into(),
        channel: "532".into(),
        state: "fresh".into(),
        last_success: Some(ago(4)),
        last_message_at: Some(ago(900)),
        waiting_since,
        acked: false,
    }
}

#[test]
fn a_watch_of_several_conversations_is_told_as_one_and_each_of_them_alone() {
    let mut all = watch();
    all.conversations = several(vec![found("293854", Some(ago(840))), found("7", None)]);
    let live = all.live.as_mut().unwrap();
    (live.object, live.channel, live.waiting_since) = (String::new(), None, Some(ago(840)));
    let facts = |story: &WatchStory| watch_facts(story, NOW).join("\n");
    assert_snapshot!(facts(&all), @"
    watch acme-cfo (ACME / Dana Levi, vip): 2 conversations of account main, each every 10 s
    It is fresh: last polled 2027-01-15T07:59:56Z (4 s ago), next poll 2027-01-15T08:00:06Z (in 6 s).
    Somebody waits for an answer since 2027-01-15T07:46:00Z (14 min ago).
    In short: 358 polls, 0 with a change, 0 failed; nothing was found, so that there was nothing to tell.
    ");
    let text = super::told(Story::Watch(Box::new(all.clone())));
    let listed = text.split_once("Its conversations:").unwrap().1.split_once("Polls by hour:").unwrap().0;
    assert_snapshot!(listed, @"

    main/293854  channel 532, fresh, somebody waits since 2027-01-15T07:46:00Z (14 min ago), last message 2027-01-15T07:45:00Z (15 min ago)
    main/7  channel 532, fresh, last message 2027-01-15T07:45:00Z (15 min ago)
    ");
    all.conversations = Several::default();
    assert!(
        facts(&all)
            .starts_with("watch acme-cfo (ACME / Dana Levi, vip): no conversation so far of account main")
    );
    let mut one = watch();
    one.within = Some("main/293854".parse().unwrap());
    one.live.as_mut().unwrap().waiting_since = Some(ago(840));
    assert_snapshot!(facts(&one), @"
    conversation 293854 of account main, in watch acme-cfo (ACME / Dana Levi, vip), channel 532, every 10 s
    It is fresh: last polled 2027-01-15T07:59:56Z (4 s ago), next poll 2027-01-15T08:00:06Z (in 6 s).
    Its customer waits for an answer since 2027-01-15T07:46:00Z (14 min ago).
    Its baseline was taken 2027-01-14T07:00:00Z (25 h ago); what was there before counts as seen unless [[watch]] baseline says otherwise.
    Its status is open; 12 messages are known of it, and it has had 3 events.
    In short: 358 polls, 0 with a change, 0 failed; nothing was found, so that there was nothing to tell.
    ");
    one.live = None;
    assert_snapshot!(facts(&one), @"
    conversation 293854 of account main, in watch acme-cfo
    It is not watched now: it is over, or its watch has changed. Nothing polls it.
    Its baseline was taken 2027-01-14T07:00:00Z (25 h ago); what was there before counts as seen unless [[watch]] baseline says otherwise.
    Its status is open; 12 messages are known of it, and it has had 3 events.
    In short: 358 polls, 0 with a change, 0 failed; nothing was found, so that there was nothing to tell.
    ");
}
