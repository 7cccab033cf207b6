//! When a conversation is new, and for how long it is watched.

use super::*;
use crate::core::listing::Sweep;
use crate::core::seek::{Address, Sought};
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

/// Where such a watch looks first, all of it as far as `begun` says.
fn ground(seek: &Seek, begun: Begun) -> Ground {
    let sweep = Sweep::new(&seek.sought, at(0));
    Ground::new("main", sweep.question().unwrap(), |_| Some(begun), at(0))
}

/// It was read, and has been over for long enough.
fn left(found: &Discovered, now: i64) -> Option<Discovered> {
    found.looked(&customer(), Reached::Read, true, at(now))
}

/// It can neither be reached nor found.
fn lost(found: &Discovered, now: i64) -> Option<Discovered> {
    found.looked(&customer(), Reached::Lost, false, at(now))
}

/// What is made of what a list says.
fn heard(
    seek: &Seek,
    begun: &Begun,
    known: Option<&Discovered>,
    listed: &Listed,
    now: i64,
) -> Option<Discovered> {
    Discovered::listed(seek, &ground(seek, *begun), known, listed, at(now))
}

fn met(begun: &Begun, listed: &Listed, now: i64) -> Discovered {
    heard(&customer(), begun, None, listed, now).unwrap()
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
        let found = heard(&newest, &begun, None, &listed(created, 1), HOUR).unwrap();
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
    assert_eq!(heard(&customer(), &begun, Some(&old), &listed(-DAY, 2), DAY + 60), None);
    let reopened = heard(&customer(), &begun, Some(&old), &listed(-DAY, 1), DAY + 60).unwrap();
    assert_eq!(
        (reopened.watched, reopened.over_since, reopened.first),
        (true, None, First::Since(at(DAY - 900)))
    );
    // Something has happened in it although it is still over.
    let touched = Listed { updated: Some(at(DAY + 30)), ..listed(-DAY, 2) };
    let touched = heard(&customer(), &begun, Some(&old), &touched, DAY + 60).unwrap();
    assert_eq!((touched.watched, touched.over_since), (true, Some(at(DAY + 60))));
}

#[test]
fn a_new_one_is_watched_even_if_it_is_over_already() {
    let begun = Begun { complete: Some(at(HOUR)), ..Begun::at(at(0)) };
    let over = Listed { closed: Some(at(2 * HOUR)), ..listed(HOUR + 5, 2) };
    let found = met(&begun, &over, DAY);
    assert_eq!((found.watched, found.first, found.over_since), (true, First::Opened, Some(at(2 * HOUR))));
    // Not before it was read.
    assert_eq!(found.looked(&customer(), Reached::NotYet, true, at(DAY)), None);
    let once = left(&found, DAY).unwrap();
    assert!(!once.watched);
    assert_eq!(left(&once, DAY), None);
}

#[test]
fn it_is_watched_while_it_is_open_and_for_a_while_after() {
    let seek = customer();
    let open = met(&Begun::at(at(0)), &listed(5, 1), 9);
    assert_eq!((open.polled(&seek, 8, at(20)), left(&open, DAY)), (None, None));
    let over = open.polled(&seek, 2, at(100)).unwrap();
    assert_eq!(over.polled(&seek, 14, at(200)), None);
    assert_eq!((left(&over, 100 + HOUR - 1), left(&over, 100 + HOUR).is_some()), (None, true));
    assert_eq!(over.polled(&seek, 1, at(300)).unwrap().over_since, None);
}

#[test]
fn one_that_cannot_be_read_is_over_when_no_list_shows_it_and_asked_for_on_while_one_does() {
    let seek = customer();
    let open = met(&Begun::at(at(0)), &listed(5, 1), 9);
    for day in 0..3 {
        assert_eq!(open.looked(&seek, Reached::Lost, true, at(day * DAY)), None, "it is listed as open");
        assert_eq!(open.looked(&seek, Reached::Read, false, at(day * DAY)), None, "it can be read");
    }
    let over = lost(&open, 50).unwrap();
    assert_eq!((over.watched, over.over_since, lost(&over, 60)), (true, Some(at(50)), None));
    assert!(!lost(&over, 50 + HOUR).unwrap().watched);
    // It is listed again.
    let back = heard(&seek, &Begun::at(at(0)), Some(&over), &listed(5, 1), 70).unwrap();
    assert_eq!((back.watched, back.over_since), (true, None));
}

#[test]
fn a_channel_wants_some_statuses_only() {
    let seek = channel();
    let begun = Begun::at(at(0));
    let open = heard(&seek, &begun, None, &listed(5, 8), 9).unwrap();
    assert_eq!(open.over_since, None);
    assert_eq!(open.polled(&seek, 11, at(30)).unwrap().over_since, Some(at(30)));
    assert!(seek.rank() > customer().rank());
}

#[test]
fn a_conversation_that_moved_is_asked_for_at_its_new_address() {
    let begun = Begun::at(at(0));
    let known = met(&begun, &listed(5, 1), 9);
    let moved = Listed { stream: Stream::Number(6), ..listed(5, 1) };
    let now = heard(&customer(), &begun, Some(&known), &moved, 20).unwrap();
    assert_eq!(now, Discovered { stream: Stream::Number(6), ..known });
}

#[test]
fn a_new_one_that_could_not_be_read_in_time_is_still_new_when_it_is_back() {
    let begun = Begun { complete: Some(at(2 * DAY)), ..Begun::at(at(0)) };
    let new = met(&Begun::at(at(0)), &listed(5, 1), 9);
    let gone = lost(&lost(&new, 20).unwrap(), DAY).unwrap();
    let back = |now| heard(&customer(), &begun, Some(&gone), &listed(5, 1), now).unwrap().first;
    assert_eq!(back(2 * DAY), First::Opened);
    // What was seen of it may have been forgotten by now.
    assert_eq!(back(31 * DAY), First::Since(at(2 * DAY - 900)));
}

#[test]
fn a_channel_that_is_added_to_an_address_begins_then_and_the_others_go_on() {
    let streams = |all: &[i64]| all.iter().map(|stream| Stream::Number(*stream)).collect();
    let address = Address::phone("972500123456").unwrap();
    let of = |all| Sought::Address { address: address.clone(), streams: streams(all) };
    // Looked at on 5 since long ago; 6 is new.
    let begun = Begun { complete: Some(at(HOUR)), ..Begun::at(at(-DAY)) };
    let known = |place: &Place| place.key.ends_with(" on 5").then_some(begun);
    let (old, both) = (seek(of(&[5])), seek(of(&[5, 6])));
    assert!(old.places().all(|place| both.places().any(|other| other == place)), "it is remembered");
    assert_eq!(old.id(), both.id());
    let mut sweep = Sweep::new(&both.sought, at(0));
    for (stream, created, first) in [
        // Between two looks on the channel that was there.
        (5, HOUR + 60, First::Opened),
        (6, HOUR + 60, First::Since(at(2 * HOUR))),
        (6, 2 * HOUR + 1, First::Opened),
    ] {
        while !matches!(sweep.question(), Some(Listing::Address { stream: asked, .. }) if *asked == Stream::Number(stream))
        {
            sweep.answered(&crate::core::listing::Page::default(), at(0));
        }
        let ground = Ground::new("main", sweep.question().unwrap(), known, at(2 * HOUR));
        let listed = Listed { stream: Stream::Number(stream), ..listed(created, 1) };
        let found = Discovered::listed(&both, &ground, None, &listed, at(2 * HOUR + 5)).unwrap();
        assert_eq!((found.first, ground.is_new()), (first, stream == 6), "{stream} {created}");
    }
}

#[test]
fn a_status_that_is_added_to_a_channel_begins_with_the_latest_look_of_the_others() {
    let seek = channel();
    let begun = Begun { complete: Some(at(HOUR)), ..Begun::at(at(-DAY)) };
    let known = |place: &Place| (place.key == "channel 5 1").then_some(begun);
    let sweep = Sweep::new(&seek.sought, at(0));
    let ground = Ground::new("main", sweep.question().unwrap(), known, at(2 * HOUR));
    assert!(ground.is_new());
    for (status, created, first) in [
        // Editing the statuses has not moved the beginning of the one that stays.
        (1, HOUR - 60, First::Opened),
        (1, 2 * HOUR - 60, First::Opened),
        // What the new one reveals was there before, however young the watch is.
        (8, HOUR - 60, First::Since(at(HOUR))),
        // It began since the latest look, maybe with the other status.
        (8, HOUR + 60, First::Opened),
        (8, 2 * HOUR + 60, First::Opened),
    ] {
        let found =
            Discovered::listed(&seek, &ground, None, &listed(created, status), at(2 * HOUR + 90)).unwrap();
        assert_eq!(found.first, first, "{status} {created}");
        assert_eq!(found.place.key, format!("channel 5 {status}"));
    }
    // A list that does not say the status: where looking began first.
    let unsaid = Listed { status: None, ..listed(HOUR - 60, 1) };
    let found = Discovered::listed(&seek, &ground, None, &unsaid, at(2 * HOUR + 90)).unwrap();
    assert_eq!((found.first, found.place.key.as_str()), (First::Opened, "channel 5 1"));
    // All of them are new: the watch begins.
    let ground = Ground::new("main", sweep.question().unwrap(), |_| None, at(2 * HOUR));
    assert!(ground.begun().all(|(_, begun)| begun == Begun::at(at(2 * HOUR))));
}
