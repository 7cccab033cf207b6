//! Of a message.

use super::*;

pub(super) fn sighting() -> Sighting {
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

pub(super) fn message(seen: Vec<Sighting>, events: Vec<EventStory>) -> MessageStory {
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
