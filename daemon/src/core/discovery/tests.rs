//! When a conversation is new, and for how long it is watched.

use super::*;
use crate::core::seek::Sought;
use crate::core::watch::Priority;

const DAY: i64 = 86_400;
const HOUR: i64 = 3_600;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + second).unwrap()
}

fn seek(sought: Sought) -> Seek {
    Seek {
        name: "acme-anyone".into(),
        title: "ACME".into(),
        priority: Priority::Vip,
        tags: vec!["acme".into()],
        account: "main".into(),
        sought,
        interval: Duration::from_secs(10),
        discovery: Duration::from_secs(60),
        keep_for: Duration::from_secs(3600),
        baseline: Baseline::Silent,
    }
}

fn customer() -> Seek {
    seek(Sought::Identity(531_826))
}

fn channel() -> Seek {
    seek(Sought::Channel { stream: Stream::Number(5), statuses: vec![1, 8] })
}

fn listed(created: i64, status: i64) -> Listed {
    Listed {
        object: 7,
        stream: Stream::Number(5),
        status: Some(status),
        created: Some(at(created)),
        closed: None,
        updated: Some(at(created)),
        customer_name: None,
        channel: None,
        identity: None,
    }
}

fn met(begun: &Begun, listed: &Listed, now: i64) -> Discovered {
    Discovered::listed(&customer(), begun, None, listed, at(now)).unwrap()
}

#[test]
fn what_began_after_the_watch_did_is_new_however_long_nobody_looked() {
    let first_look = Begun::at(at(0));
    let looked = Begun { complete: Some(at(HOUR)), ..first_look };
    for (begun, created, now, expected) in [
        (&first_look, -5, 1, First::Since(at(0))),
        (&first_look, 3, 9, First::Opened),
        // Two days after the last look.
        (&looked, HOUR + 5, 2 * DAY, First::Opened),
        // Dated before the last look, as mails are; or not shown by a copy that lagged behind.
        (&looked, HOUR - 600, 2 * HOUR, First::Opened),
        // From before the watch, and not seen until now: what is written in it from the last look on.
        (&looked, -DAY, 2 * HOUR, First::Since(at(HOUR - 900))),
    ] {
        assert_eq!(met(begun, &listed(created, 1), now).first, expected, "{begun:?} {created}");
    }
    let forgotten = Begun { forgotten: Some(at(20)), ..looked };
    assert_eq!(met(&forgotten, &listed(15, 1), 2 * HOUR).first, First::Since(at(HOUR - 900)));
    assert_eq!(met(&forgotten, &listed(25, 1), 2 * HOUR).first, First::Opened);
}

#[test]
fn the_operators_baseline_is_of_what_is_there_at_the_first_look() {
    let newest = Seek { baseline: Baseline::Newest, ..customer() };
    let of = |begun: Begun, created| {
        let found = Discovered::listed(&newest, &begun, None, &listed(created, 1), at(HOUR)).unwrap();
        found.watch(&newest).baseline
    };
    assert_eq!(of(Begun::at(at(0)), -5), Baseline::Newest);
    assert_eq!(of(Begun::at(at(0)), 5), Baseline::Opened);
    let looked = Begun { complete: Some(at(9)), ..Begun::at(at(0)) };
    assert_eq!(of(looked, -5), Baseline::Since(Since::At(at(0))));
}

#[test]
fn one_that_is_over_for_long_is_known_and_watched_again_when_it_goes_on() {
    let begun = Begun { complete: Some(at(DAY)), ..Begun::at(at(0)) };
    let old = met(&Begun::at(at(0)), &Listed { closed: Some(at(-2 * HOUR)), ..listed(-DAY, 2) }, 5);
    assert!(!old.watched);
    assert_eq!(Discovered::listed(&customer(), &begun, Some(&old), &listed(-DAY, 2), at(DAY + 60)), None);
    let reopened =
        Discovered::listed(&customer(), &begun, Some(&old), &listed(-DAY, 1), at(DAY + 60)).unwrap();
    assert_eq!(
        (reopened.watched, reopened.over_since, reopened.first),
        (true, None, First::Since(at(DAY - 900)))
    );
    // Something has happened in it although it is still over.
    let touched = Listed { updated: Some(at(DAY + 30)), ..listed(-DAY, 2) };
    let touched = Discovered::listed(&customer(), &begun, Some(&old), &touched, at(DAY + 60)).unwrap();
    assert_eq!((touched.watched, touched.over_since), (true, Some(at(DAY + 60))));
}

#[test]
fn a_new_one_is_watched_even_if_it_is_over_already() {
    let begun = Begun { complete: Some(at(HOUR)), ..Begun::at(at(0)) };
    let over = Listed { closed: Some(at(2 * HOUR)), ..listed(HOUR + 5, 2) };
    let found = met(&begun, &over, DAY);
    assert_eq!((found.watched, found.first, found.over_since), (true, First::Opened, Some(at(2 * HOUR))));
    let left = found.left(&customer(), at(DAY)).unwrap();
    assert!(!left.watched);
    assert_eq!(left.left(&customer(), at(DAY)), None);
}

#[test]
fn it_is_watched_while_it_is_open_and_for_a_while_after() {
    let seek = customer();
    let open = met(&Begun::at(at(0)), &listed(5, 1), 9);
    assert_eq!((open.polled(&seek, Some(8), at(20)), open.left(&seek, at(DAY))), (None, None));
    let over = open.polled(&seek, Some(2), at(100)).unwrap();
    assert_eq!(over.polled(&seek, Some(14), at(200)), None);
    assert_eq!(
        (over.left(&seek, at(100 + HOUR - 1)), over.left(&seek, at(100 + HOUR)).is_some()),
        (None, true)
    );
    assert_eq!(over.polled(&seek, Some(1), at(300)).unwrap().over_since, None);
    // It cannot be reached any more.
    assert_eq!(open.polled(&seek, None, at(50)).unwrap().over_since, Some(at(50)));
}

#[test]
fn a_channel_wants_some_statuses_only() {
    let seek = channel();
    let begun = Begun::at(at(0));
    let open = Discovered::listed(&seek, &begun, None, &listed(5, 8), at(9)).unwrap();
    assert_eq!(open.over_since, None);
    assert_eq!(open.polled(&seek, Some(11), at(30)).unwrap().over_since, Some(at(30)));
    assert!(seek.rank() > customer().rank());
}

#[test]
fn a_conversation_that_moved_is_asked_for_at_its_new_address() {
    let begun = Begun::at(at(0));
    let known = met(&begun, &listed(5, 1), 9);
    let moved = Listed { stream: Stream::Number(6), ..listed(5, 1) };
    let now = Discovered::listed(&customer(), &begun, Some(&known), &moved, at(20)).unwrap();
    assert_eq!(now, Discovered { stream: Stream::Number(6), ..known });
}

#[test]
fn a_new_one_that_could_not_be_read_in_time_is_still_new_when_it_is_back() {
    let begun = Begun { complete: Some(at(2 * DAY)), ..Begun::at(at(0)) };
    let new = met(&Begun::at(at(0)), &listed(5, 1), 9);
    let gone = new.polled(&customer(), None, at(20)).unwrap().left(&customer(), at(DAY)).unwrap();
    let back =
        |now| Discovered::listed(&customer(), &begun, Some(&gone), &listed(5, 1), at(now)).unwrap().first;
    assert_eq!(back(2 * DAY), First::Opened);
    // What was seen of it may have been forgotten by now.
    assert_eq!(back(31 * DAY), First::Since(at(2 * DAY - 900)));
}
