use std::collections::BTreeSet;

use super::*;
use crate::core::seek::SeekId;

const SECOND: Duration = Duration::from_secs(1);

fn id(object: i64) -> ConversationId {
    ConversationId { account: "main".into(), object }
}

fn target(object: i64, seconds: u64) -> Target {
    Target { id: id(object), interval: SECOND * u32::try_from(seconds).unwrap(), priority: Priority::Normal }
}

fn schedule(targets: &[Target], per_second: f64, burst: u32, in_flight_max: u32) -> Schedule {
    let mut schedule = Schedule::new(7);
    schedule.replace(&allow(per_second, burst, in_flight_max), targets, Duration::ZERO);
    schedule
}

fn allow(per_second: f64, burst: u32, in_flight_max: u32) -> BTreeMap<String, Allowance> {
    BTreeMap::from([("main".to_owned(), Allowance { per_second, burst, in_flight_max })])
}

/// Runs until `end`; each poll takes `takes` and ends as `answer` says. Gives (when, whom).
fn run(
    schedule: &mut Schedule,
    end: Duration,
    takes: Duration,
    mut answer: impl FnMut(&ConversationId, Duration) -> Polled,
) -> Vec<(Duration, i64)> {
    let (mut now, mut begun, mut under_way) = (Duration::ZERO, Vec::new(), Vec::new());
    while now <= end {
        let wake = match schedule.next(now) {
            Next::Poll(id, due) => {
                assert!(due <= now, "polled before it was due");
                assert!(!under_way.iter().any(|(_, busy)| *busy == id), "{id} is polled twice at once");
                begun.push((now, id.object));
                under_way.push((now + takes, id));
                continue;
            }
            Next::WaitUntil(at) => at.max(now + Duration::from_micros(1)),
            Next::Idle => end + SECOND,
        };
        under_way.sort();
        now = match under_way.first() {
            Some((ends, _)) if *ends <= wake => {
                let (ends, id) = under_way.remove(0);
                let polled = answer(&id, ends);
                schedule.finished(&id, polled, ends);
                ends
            }
            _ => wake,
        };
    }
    begun
}

fn times(begun: &[(Duration, i64)], object: i64) -> Vec<Duration> {
    begun.iter().filter(|(_, o)| *o == object).map(|(at, _)| *at).collect()
}

#[test]
fn every_watch_keeps_its_own_interval() {
    let mut schedule = schedule(&[target(1, 10), target(2, 30)], 100.0, 100, 10);
    let begun = run(&mut schedule, SECOND * 300, SECOND / 10, |_, _| Polled::Ok);
    for (object, interval) in [(1, 10), (2, 30)] {
        let times = times(&begun, object);
        assert!(times.windows(2).all(|w| w[1] - w[0] == SECOND * interval), "{times:?}");
        assert_eq!(times.len(), 300 / interval as usize);
    }
}

#[test]
fn start_times_are_spread_over_the_interval() {
    let targets: Vec<Target> = (0..100).map(|n| target(n, 100)).collect();
    let mut schedule = schedule(&targets, 1000.0, 1000, 100);
    let begun = run(&mut schedule, SECOND * 99, Duration::ZERO, |_, _| Polled::Ok);
    for quarter in 0..4 {
        let (from, to) = (SECOND * 25 * quarter, SECOND * 25 * (quarter + 1));
        let count = begun.iter().filter(|(at, _)| (from..to).contains(at)).count();
        assert!((12..=40).contains(&count), "{count} of 100 in quarter {quarter}");
    }
}

#[test]
fn a_poll_longer_than_the_interval_skips_ticks_and_never_overlaps() {
    let mut schedule = schedule(&[target(1, 10)], 100.0, 100, 10);
    let begun = run(&mut schedule, SECOND * 200, SECOND * 25, |_, _| Polled::Ok);
    let times = times(&begun, 1);
    assert!(times.windows(2).all(|w| w[1] - w[0] == SECOND * 30), "{times:?}");
}

#[test]
fn the_budget_and_the_places_are_shared_by_the_account() {
    let targets: Vec<Target> = (0..50).map(|n| target(n, 1)).collect();
    let mut schedule = schedule(&targets, 2.0, 3, 2);
    let begun = run(&mut schedule, SECOND * 60, SECOND / 10, |_, _| Polled::Ok);
    assert!((115..=124).contains(&begun.len()), "{}", begun.len());
    for (start, _) in &begun {
        let window = begun.iter().filter(|(at, _)| (*start..*start + SECOND).contains(at)).count();
        assert!(window <= 5, "{window} requests within a second");
    }
    let polled: BTreeSet<i64> = begun.iter().map(|(_, object)| *object).collect();
    assert_eq!(polled.len(), 50, "nobody starves");
}

#[test]
fn vips_go_first_when_the_budget_is_short() {
    let mut targets: Vec<Target> = (0..20).map(|n| target(n, 1)).collect();
    targets[19].priority = Priority::Vip;
    let mut schedule = schedule(&targets, 2.0, 1, 2);
    let begun = run(&mut schedule, SECOND * 60, SECOND / 100, |_, _| Polled::Ok);
    assert!(times(&begun, 19).len() >= 55, "{}", times(&begun, 19).len());
}

#[test]
fn a_throttled_account_is_quiet_for_as_long_as_it_was_asked_to() {
    let targets: Vec<Target> = (0..5).map(|n| target(n, 5)).collect();
    let mut schedule = schedule(&targets, 100.0, 100, 1);
    let mut throttled = None;
    let begun = run(&mut schedule, SECOND * 200, Duration::ZERO, |_, now| {
        if now > SECOND * 20 && throttled.is_none() {
            throttled = Some(now);
            return Polled::Throttled(Some(SECOND * 60));
        }
        Polled::Ok
    });
    let at = throttled.unwrap();
    assert!(!begun.iter().any(|(when, _)| *when > at && *when < at + SECOND * 60));
    assert!(begun.iter().any(|(when, _)| *when >= at + SECOND * 60));
}

#[test]
fn a_refused_key_is_tried_every_five_minutes_and_all_go_on_once_it_works() {
    let targets: Vec<Target> = (0..10).map(|n| target(n, 10)).collect();
    let mut schedule = schedule(&targets, 100.0, 100, 4);
    let begun = run(&mut schedule, SECOND * 1000, Duration::ZERO, |_, now| {
        if now < SECOND * 700 { Polled::Denied } else { Polled::Ok }
    });
    let before: Vec<_> = begun.iter().filter(|(at, _)| *at < SECOND * 700).collect();
    // Up to four were under way when the first refusal came.
    assert!(before.len() <= 4 + 2, "{before:?}");
    let after = begun.iter().filter(|(at, _)| *at > SECOND * 920).count();
    assert!(after >= 70, "{after}");
}

#[test]
fn faults_back_off_to_a_quarter_of_an_hour_and_one_success_frees_the_account() {
    let mut schedule = schedule(&[target(1, 10), target(2, 10)], 100.0, 100, 4);
    let recovery = SECOND * 20_000;
    let begun = run(&mut schedule, SECOND * 22_000, Duration::ZERO, |_, now| {
        if now < recovery { Polled::Unavailable(None) } else { Polled::Ok }
    });
    let gaps: Vec<u64> = times(&begun, 1).windows(2).map(|w| (w[1] - w[0]).as_secs()).collect();
    assert!(gaps[0] >= 10 && gaps[0] <= 12, "{gaps:?}");
    assert!(gaps.iter().take_while(|gap| **gap > 0).all(|gap| *gap <= 1080), "{gaps:?}");
    let first = begun.iter().find(|(at, _)| *at >= recovery).unwrap();
    let other = begun.iter().find(|(at, o)| *at >= first.0 && *o != first.1).unwrap();
    assert!(other.0 - first.0 <= SECOND * 10, "{first:?} {other:?}");
}

#[test]
fn a_reload_leaves_what_is_the_same_in_its_place() {
    let targets = [target(1, 10), target(2, 10)];
    let mut one = schedule(&targets, 100.0, 100, 4);
    let mut other = schedule(&targets, 100.0, 100, 4);
    let before = run(&mut one, SECOND * 35, Duration::ZERO, |_, _| Polled::Ok);
    let _ = run(&mut other, SECOND * 35, Duration::ZERO, |_, _| Polled::Ok);
    other.replace(&allow(100.0, 100, 4), &[targets[0].clone(), target(3, 10)], SECOND * 35);
    assert_eq!(one.due(&id(1)), other.due(&id(1)));
    assert_eq!(other.due(&id(2)), None);
    assert!(other.due(&id(3)).unwrap() <= SECOND * 45);
    assert!(!before.is_empty());
}

#[test]
fn a_reload_tries_a_refused_key_at_once_but_waits_as_long_as_it_was_asked_to() {
    for (polled, expected) in [(Polled::Denied, true), (Polled::Throttled(Some(SECOND * 100)), false)] {
        let mut schedule = schedule(&[target(1, 1)], 100.0, 100, 4);
        let Next::WaitUntil(due) = schedule.next(Duration::ZERO) else { panic!() };
        let Next::Poll(id, _) = schedule.next(due) else { panic!() };
        schedule.finished(&id, polled, due);
        schedule.reopen("main", due + SECOND * 5);
        let asked = matches!(schedule.next(due + SECOND * 10), Next::Poll(..));
        assert_eq!(asked, expected, "{polled:?}");
    }
}

#[test]
fn a_conversation_removed_while_it_is_polled_is_let_go() {
    let mut schedule = schedule(&[target(1, 1)], 100.0, 100, 4);
    let Next::WaitUntil(due) = schedule.next(Duration::ZERO) else { panic!() };
    let Next::Poll(polled, _) = schedule.next(due) else { panic!() };
    schedule.replace(&allow(100.0, 100, 4), &[], due);
    schedule.finished(&polled, Polled::Ok, due + SECOND);
    assert_eq!(schedule.next(due + SECOND * 10), Next::Idle);
}

#[test]
fn one_conversation_that_the_key_may_not_see_does_not_stop_the_account() {
    let targets: Vec<Target> = (0..10).map(|n| target(n, 10)).collect();
    let mut schedule = schedule(&targets, 100.0, 100, 4);
    let begun = run(&mut schedule, SECOND * 3600, Duration::ZERO, |id, _| {
        if id.object == 3 { Polled::Denied } else { Polled::Ok }
    });
    for object in (0..10).filter(|object| *object != 3) {
        assert!(times(&begun, object).len() >= 358, "{object}: {}", times(&begun, object).len());
    }
    // It is tried ever more slowly by itself, and is known to be refused.
    assert!(times(&begun, 3).len() <= 14, "{:?}", times(&begun, 3));
    assert!(schedule.is_refused(&id(3)) && !schedule.is_refused(&id(4)) && !schedule.is_denied("main"));
}

#[test]
fn several_conversations_that_the_key_may_not_see_stop_the_account_a_few_times_at_most() {
    let targets: Vec<Target> = (0..10).map(|n| target(n, 10)).collect();
    let mut schedule = schedule(&targets, 100.0, 100, 4);
    let begun = run(&mut schedule, SECOND * 36_000, Duration::ZERO, |id, _| {
        if id.object < 4 { Polled::Denied } else { Polled::Ok }
    });
    let count = times(&begun, 7).len();
    assert!(count >= 3600 - 3 * 31, "{count}");
}

#[test]
fn a_key_that_is_refused_everywhere_is_known_to_be_after_two_conversations() {
    let targets: Vec<Target> = (0..10).map(|n| target(n, 10)).collect();
    let mut schedule = schedule(&targets, 100.0, 100, 1);
    let begun = run(&mut schedule, SECOND * 200, Duration::ZERO, |_, _| Polled::Denied);
    assert_eq!(begun.len(), 2, "{begun:?}");
    assert!(schedule.is_denied("main"));
}

#[test]
fn a_reload_tries_a_refused_key_again_but_does_not_shorten_what_commbox_asked_us_to_wait() {
    let mut schedule = schedule(&[target(1, 10), target(2, 10)], 100.0, 100, 1);
    let poll = |schedule: &mut Schedule, now: &mut Duration| loop {
        match schedule.next(*now) {
            Next::Poll(id, _) => return id,
            Next::WaitUntil(at) => *now = at,
            Next::Idle => panic!(),
        }
    };
    let mut now = Duration::ZERO;
    let one = poll(&mut schedule, &mut now);
    schedule.finished(&one, Polled::Throttled(Some(SECOND * 600)), now);
    let asked = now;
    schedule.reopen("main", now);
    let other = poll(&mut schedule, &mut now);
    assert!(now >= asked + SECOND * 600, "{:?}", now - asked);

    schedule.finished(&other, Polled::Denied, now);
    let other = poll(&mut schedule, &mut now);
    schedule.finished(&other, Polled::Denied, now);
    assert!(schedule.is_denied("main"));
    let refused = now;
    schedule.reopen("main", now);
    poll(&mut schedule, &mut now);
    assert!(now <= refused + SECOND * 10, "{:?}", now - refused);
}

#[test]
fn an_answer_that_could_not_be_kept_is_asked_for_again_within_a_minute_or_so() {
    let mut schedule = schedule(&[target(1, 10)], 100.0, 100, 1);
    let begun = run(&mut schedule, SECOND * 3600, Duration::ZERO, |_, _| Polled::NotKept);
    let gaps: Vec<u64> = times(&begun, 1).windows(2).map(|w| (w[1] - w[0]).as_secs()).collect();
    assert!(gaps[0] <= 12 && gaps.iter().all(|gap| *gap <= 72), "{gaps:?}");
    assert!(gaps.iter().skip(5).all(|gap| *gap >= 45), "{gaps:?}");
}

#[test]
fn an_account_that_goes_and_comes_back_still_knows_its_requests_and_what_it_was_asked_to_wait() {
    let targets = [target(1, 1), target(2, 1), target(3, 1)];
    let mut schedule = schedule(&targets, 100.0, 100, 2);
    let mut now = SECOND;
    let mut busy = Vec::new();
    while let Next::Poll(id, _) = schedule.next(now) {
        busy.push(id);
    }
    assert_eq!(busy.len(), 2);
    schedule.replace(&BTreeMap::new(), &[], now);
    schedule.replace(&allow(100.0, 100, 2), &targets, now);
    now += SECOND;
    assert!(!matches!(schedule.next(now), Next::Poll(..)), "both places are still taken");
    schedule.finished(&busy[0], Polled::Throttled(Some(SECOND * 60)), now);
    schedule.finished(&busy[1], Polled::Ok, now);
    schedule.replace(&BTreeMap::new(), &[], now);
    schedule.replace(&allow(100.0, 100, 2), &targets, now);
    let Next::WaitUntil(at) = schedule.next(now + SECOND * 2) else { panic!() };
    assert!(at >= now + SECOND * 59, "{:?}", at - now);
}

#[test]
fn a_poll_that_was_skipped_says_nothing_about_the_account() {
    let mut schedule = schedule(&[target(1, 1)], 100.0, 100, 1);
    let Next::WaitUntil(due) = schedule.next(Duration::ZERO) else { panic!() };
    let Next::Poll(polled, _) = schedule.next(due) else { panic!() };
    schedule.finished(&polled, Polled::Denied, due);
    let probe = due + DENIED_PROBE;
    let Next::Poll(polled, _) = schedule.next(probe) else { panic!() };
    schedule.skipped(&polled, probe);
    assert!(schedule.is_denied("main"));
    assert!(matches!(schedule.next(probe + SECOND), Next::Poll(..)), "its place is free again");
}

/// Ten normal watches and a VIP, each every ten seconds.
/// A question beside the schedule, that is begun if it may be.
fn admit(schedule: &mut Schedule, now: Duration) -> Admission {
    schedule.admit("main", now)
}

#[test]
fn a_guest_takes_from_the_budget_and_the_places_that_polls_leave() {
    let mut schedule = schedule(&[target(1, 3_600)], 1.0, 3, 2);
    assert_eq!(admit(&mut schedule, Duration::ZERO), Admission::Now);
    assert_eq!(admit(&mut schedule, Duration::ZERO), Admission::Now);
    assert_eq!(admit(&mut schedule, Duration::ZERO), Admission::Later(None), "two places");
    schedule.left("main", Polled::Ok, Duration::ZERO);
    assert_eq!(admit(&mut schedule, Duration::ZERO), Admission::Now);
    schedule.left("main", Polled::Gone, Duration::ZERO);
    let Admission::Later(Some(wait)) = admit(&mut schedule, Duration::ZERO) else {
        panic!("a burst of three")
    };
    assert!(wait <= SECOND * 2, "{wait:?}");
    assert_eq!(schedule.admit("other", Duration::ZERO), Admission::Unknown);
}

#[test]
fn a_guest_obeys_what_commbox_asked_for_and_its_refusal_says_nothing_of_the_key() {
    let mut schedule = schedule(&[target(1, 10)], 100.0, 10, 4);
    assert_eq!(admit(&mut schedule, Duration::ZERO), Admission::Now);
    schedule.left("main", Polled::Denied, Duration::ZERO);
    assert!(!schedule.is_denied("main"));
    assert_eq!(admit(&mut schedule, Duration::ZERO), Admission::Now);
    schedule.left("main", Polled::Throttled(Some(SECOND * 7)), Duration::ZERO);
    let quiet = Admission::Quiet { left: SECOND * 7, denied: false };
    assert_eq!(admit(&mut schedule, Duration::ZERO), quiet);
    assert!(matches!(schedule.next(SECOND * 6), Next::WaitUntil(_)), "polls wait as well");
    assert_eq!(admit(&mut schedule, SECOND * 7), Admission::Now);
    schedule.left("main", Polled::Ok, SECOND * 7);
}

#[test]
fn a_guest_does_not_try_a_key_that_polls_know_to_be_refused() {
    let mut schedule = schedule(&[target(1, 10)], 100.0, 10, 4);
    let begun = run(&mut schedule, SECOND * 30, SECOND, |_, _| Polled::Denied);
    assert!(!begun.is_empty() && schedule.is_denied("main"));
    assert!(matches!(admit(&mut schedule, SECOND * 31), Admission::Quiet { denied: true, .. }));
}

fn mixed() -> Schedule {
    let mut targets: Vec<Target> = (0..11).map(|n| target(n, 10)).collect();
    targets[0].priority = Priority::Vip;
    schedule(&targets, 100.0, 100, 10)
}

fn pressed(pressure: Pressure) -> Vec<(Duration, i64)> {
    let mut schedule = mixed();
    schedule.press(pressure, Duration::ZERO);
    run(&mut schedule, SECOND * 600, Duration::ZERO, |_, _| Polled::Ok)
}

#[test]
fn an_outbox_that_fills_slows_polling_down_normal_watches_first_and_vips_last() {
    let polls = |share: f64, object| times(&pressed(Pressure::Slow(share)), object).len();
    for (share, normal, vip) in [(0.80, 60, 60), (0.84, 20, 60), (0.90, 10, 60), (0.98, 6, 8), (0.999, 6, 6)]
    {
        assert!(polls(share, 5).abs_diff(normal) <= 1, "{share}: {}", polls(share, 5));
        assert!(polls(share, 0).abs_diff(vip) <= 1, "{share}: {}", polls(share, 0));
    }
}

#[test]
fn a_full_outbox_stops_polling_but_for_a_probe_a_minute_and_vips_go_first() {
    let begun = pressed(Pressure::Stopped);
    assert_eq!(begun.len(), 10, "{begun:?}");
    assert!(begun.windows(2).all(|w| w[1].0 - w[0].0 >= SECOND * 60), "{begun:?}");
    assert_eq!(begun[0].1, 0, "the VIP is first");
}

#[test]
fn a_probe_that_lasts_is_the_only_one() {
    let mut schedule = mixed();
    schedule.press(Pressure::Stopped, Duration::ZERO);
    let Next::WaitUntil(at) = schedule.next(SECOND * 30) else { panic!() };
    let Next::Poll(probe, _) = schedule.next(at) else { panic!() };
    assert!(!matches!(schedule.next(at + SECOND * 600), Next::Poll(..)));
    schedule.finished(&probe, Polled::NotKept, at + SECOND * 600);
    assert!(matches!(schedule.next(at + SECOND * 600), Next::Poll(..)));
}

#[test]
fn when_the_outbox_has_room_again_everybody_is_polled_within_an_interval() {
    for before in [Pressure::Slow(0.99), Pressure::Stopped] {
        let mut schedule = mixed();
        schedule.press(before, Duration::ZERO);
        run(&mut schedule, SECOND * 25, Duration::ZERO, |_, _| Polled::Ok);
        let (mut now, mut polled) = (SECOND * 25, BTreeSet::new());
        schedule.press(Pressure::Calm, now);
        while now <= SECOND * 35 {
            now = match schedule.next(now) {
                Next::Poll(id, _) => {
                    polled.insert(id.object);
                    schedule.finished(&id, Polled::Ok, now);
                    now
                }
                Next::WaitUntil(at) => at,
                Next::Idle => break,
            };
        }
        assert_eq!(polled.len(), 11, "{before:?}");
    }
}

#[test]
fn looking_for_conversations_takes_from_the_same_budget_and_obeys_the_same_refusals() {
    let seek = SeekId { account: "main".into(), key: "identity 7".into() };
    let (look, poll) =
        (Errand::Look(seek), Errand::Poll(ConversationId { account: "main".into(), object: 1 }));
    let target =
        |id: &Errand| Target { id: id.clone(), interval: Duration::from_secs(1), priority: Priority::Vip };
    let allowance = Allowance { per_second: 1.0, burst: 1, in_flight_max: 4 };
    let mut schedule = Schedule::new(1);
    let accounts = BTreeMap::from([("main".to_owned(), allowance)]);
    schedule.replace(&accounts, &[target(&look), target(&poll)], Duration::ZERO);
    let at = Duration::from_secs;
    // A page after the other: each takes a token, and the conversation that is due gets its turn.
    let mut asked = Vec::new();
    for second in 2..12 {
        let Next::Poll(id, _) = schedule.next(at(second)) else { panic!("nothing at {second}") };
        assert!(matches!(schedule.next(at(second)), Next::WaitUntil(_)), "two at once");
        schedule.finished(&id, Polled::Ok, at(second));
        if id == look {
            schedule.goes_on(&look, at(second));
        }
        asked.push(id);
    }
    assert!(asked.contains(&look) && asked.iter().filter(|id| **id == poll).count() >= 4, "{asked:?}");
    let Next::Poll(id, _) = schedule.next(at(20)) else { panic!() };
    schedule.finished(&id, Polled::Throttled(Some(at(100))), at(20));
    assert_eq!(schedule.next(at(119)), Next::WaitUntil(at(120)));
}
