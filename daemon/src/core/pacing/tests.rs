//! Groups, caps and quiet hours, as tables.

use jiff::tz::TimeZone;

use super::*;
use crate::core::hours::Span;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + second).unwrap()
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn message(second: i64) -> Waits {
    Waits { created_at: at(second), plain: true, incident: None, severity: Severity::Warning, vip: false }
}

fn incident(second: i64, incident: Incident, key: &str) -> Waits {
    let severity = if incident == Incident::Opens { Severity::Critical } else { Severity::Info };
    Waits { incident: Some((incident, key.to_owned())), severity, ..message(second) }
}

fn frozen(second: i64) -> Waits {
    Waits { plain: false, ..message(second) }
}

fn group(wait: u64, interval: u64) -> Pacing {
    let group = Group { wait: seconds(wait), interval: seconds(interval), max: 20 };
    Pacing { group: Some(group), ..Pacing::default() }
}

fn cap(count: u32, per: u64) -> Pacing {
    Pacing { cap: Some(Cap { count, per: seconds(per) }), ..Pacing::default() }
}

/// Quiet from 22:00 to 24:00 UTC.
fn quiet(pass: &[Pass]) -> Pacing {
    let evening = Span { from: jiff::civil::Time::constant(22, 0, 0, 0), until: None };
    let hours = Arc::new(Hours::new(TimeZone::UTC, std::array::from_fn(|_| vec![evening]), BTreeSet::new()));
    let quiet = Quiet { name: "night".into(), hours, during: true, pass: pass.to_vec() };
    Pacing { quiet: Some(quiet), ..Pacing::default() }
}

fn sent(lanes: &[(&str, i64)]) -> Recent {
    let mut recent = Recent::default();
    lanes.iter().for_each(|(lane, second)| recent.sent(lane, at(*second)));
    recent
}

fn go(together: usize) -> Verdict {
    Verdict::Go { together, lifted: None }
}

fn held(second: i64, why: Held) -> Verdict {
    Verdict::Hold { until: at(second), why }
}

#[test]
fn without_anything_everything_goes_as_it_comes() {
    let recent = sent(&[("a", 0), ("a", 1)]);
    let pacing = Pacing::default();
    assert!(pacing.is_none());
    assert_eq!(pacing.judge(&[message(0), message(1)], None, &recent, "a", at(2)), go(1));
}

#[test]
fn what_comes_close_together_is_one_notification_and_the_next_comes_an_interval_later() {
    let nobody = Recent::default();
    let waits = [message(0), message(3), message(4)];
    assert_eq!(group(5, 60).judge(&waits, None, &nobody, "a", at(4)), held(5, Held::Group));
    assert_eq!(group(5, 60).judge(&waits, Some(Held::Group), &nobody, "a", at(5)), go(3));
    // At once, where nothing was told before.
    assert_eq!(group(0, 60).judge(&waits[..1], None, &nobody, "a", at(0)), go(1));
    let told = sent(&[("b", 9), ("a", 0)]);
    assert_eq!(group(0, 60).judge(&[message(7)], None, &told, "a", at(7)), held(60, Held::Group));
    assert_eq!(group(0, 60).judge(&[message(7)], None, &told, "c", at(7)), go(1));
    assert_eq!(group(0, 60).judge(&[message(7), message(9)], None, &told, "a", at(60)), go(2));
    // Written by a clock that was ahead.
    assert_eq!(group(5, 60).judge(&[message(900)], None, &nobody, "a", at(7)), go(1));
}

#[test]
fn a_clock_that_was_set_back_makes_nothing_wait_until_it_has_caught_up() {
    let both = Pacing { cap: cap(1, 60).cap, ..group(0, 60) };
    for pacing in [group(0, 60), cap(1, 60), both] {
        let mut recent = sent(&[("a", 4000), ("b", 4010)]);
        let (mut now, mut looks) = (100, 0);
        // Whoever asks again when he is told to is told to go once what counts is over.
        loop {
            recent.follow(at(now));
            let verdict = pacing.judge(&[message(90)], None, &recent, "b", at(now));
            let Verdict::Hold { until, .. } = verdict else { break };
            (now, looks) = (until.as_second() - at(0).as_second(), looks + 1);
            assert!(looks <= 2, "held until {now}");
        }
        assert_eq!((now, looks), (160, 1), "{pacing:?}");
    }
}

#[test]
fn what_opens_or_closes_an_incident_waits_for_no_group_and_is_part_of_none() {
    let told = sent(&[("a", 0)]);
    let waits = [message(7), message(8), incident(9, Incident::Opens, "w"), message(10)];
    assert_eq!(group(5, 60).judge(&waits, None, &told, "a", at(9)), go(2));
    assert_eq!(group(5, 60).judge(&waits[2..], None, &told, "a", at(9)), go(1));
    assert_eq!(group(5, 60).judge(&[incident(9, Incident::Closes, "w")], None, &told, "a", at(9)), go(1));
}

#[test]
fn what_was_handed_over_before_is_what_it_was() {
    let waits = [frozen(0), message(1), message(2)];
    assert_eq!(group(5, 60).judge(&waits, None, &sent(&[("a", 1)]), "a", at(2)), go(1));
    let waits = [message(0), message(1), frozen(2), message(3)];
    assert_eq!(group(0, 0).judge(&waits, None, &Recent::default(), "a", at(9)), go(2));
}

#[test]
fn above_the_cap_all_wait_but_what_is_critical() {
    let recent = sent(&[("a", 0), ("b", 100), ("c", 200)]);
    assert_eq!(cap(4, 600).judge(&[message(300)], None, &recent, "a", at(300)), go(1));
    assert_eq!(cap(3, 600).judge(&[message(300)], None, &recent, "a", at(300)), held(600, Held::Cap));
    assert_eq!(cap(2, 600).judge(&[message(300)], None, &recent, "a", at(300)), held(700, Held::Cap));
    let critical = [message(300), incident(301, Incident::Opens, "w"), message(302)];
    assert_eq!(cap(3, 600).judge(&critical, Some(Held::Cap), &recent, "a", at(302)), go(1));
    let room = Verdict::Go { together: 2, lifted: Some(Held::Cap) };
    assert_eq!(
        cap(3, 600).judge(&[message(300), message(301)], Some(Held::Cap), &recent, "a", at(600)),
        room
    );
    // Taken back, it does not count.
    let mut recent = recent;
    recent.not_sent("c", at(200));
    assert_eq!(cap(3, 600).judge(&[message(300)], None, &recent, "a", at(300)), go(1));
}

#[test]
fn a_receiver_that_keeps_incidents_hears_of_both_ends_whatever_went_lately_and_of_the_end_at_night() {
    use Incident::{Closes, Opens};
    let recent = sent(&[("a", 0), ("b", 100), ("c", 200)]);
    let opens = Waits { severity: Severity::Warning, ..incident(300, Opens, "w") };
    let closes = incident(301, Closes, "w");
    for (keeps_incidents, open, close) in
        [(false, held(600, Held::Cap), held(600, Held::Cap)), (true, go(1), go(1))]
    {
        let pacing = Pacing { keeps_incidents, ..cap(3, 600) };
        assert_eq!(pacing.judge(std::slice::from_ref(&opens), None, &recent, "w", at(300)), open);
        assert_eq!(pacing.judge(std::slice::from_ref(&closes), None, &recent, "w", at(301)), close);
    }
    let time = |text: &str| text.parse::<Timestamp>().unwrap();
    let (evening, midnight) = (time("2026-11-26T22:30:00Z"), time("2026-11-27T00:00:00Z"));
    let hold = Verdict::Hold { until: midnight, why: Held::Quiet };
    let pager = Pacing { keeps_incidents: true, ..quiet(&[]) };
    let judge = |pacing: &Pacing, waits: &[Waits]| pacing.judge(waits, None, &recent, "w", evening);
    assert_eq!(
        judge(&pager, std::slice::from_ref(&closes)),
        go(1),
        "opened before: nobody is woken by its end"
    );
    assert_eq!(judge(&pager, std::slice::from_ref(&opens)), hold);
    assert_eq!(judge(&pager, &[opens.clone(), closes.clone()]), hold, "both ends wait");
    assert_eq!(judge(&quiet(&[]), std::slice::from_ref(&closes)), hold, "people read it in the morning");
}

#[test]
fn quiet_hours_hold_what_they_do_not_let_pass_until_they_end() {
    let nobody = Recent::default();
    let time = |text: &str| text.parse::<Timestamp>().unwrap();
    let (evening, midnight) = (time("2026-11-26T22:30:00Z"), time("2026-11-27T00:00:00Z"));
    let vip = Waits { vip: true, ..message(0) };
    let info = Waits { severity: Severity::Info, ..message(0) };
    let critical = incident(0, Incident::Opens, "w");
    let hold = Verdict::Hold { until: midnight, why: Held::Quiet };
    for (pass, waits, expected) in [
        (&[][..], vec![vip.clone()], hold),
        (&[], vec![critical.clone()], hold),
        (&[Pass::Vip], vec![vip.clone()], go(1)),
        (&[Pass::Vip], vec![message(0)], hold),
        (&[Pass::Warning], vec![message(0)], go(1)),
        (&[Pass::Warning], vec![info], hold),
        (&[Pass::Critical], vec![message(0)], hold),
        (&[Pass::Critical, Pass::Vip], vec![critical], go(1)),
    ] {
        assert_eq!(quiet(pass).judge(&waits, None, &nobody, "a", evening), expected, "{pass:?} {waits:?}");
        let after = Verdict::Go { together: 1, lifted: Some(Held::Quiet) };
        assert_eq!(quiet(pass).judge(&waits, Some(Held::Quiet), &nobody, "a", midnight), after);
    }
    // What may pass does not wait for what is before it.
    let waits = [message(0), message(1), incident(2, Incident::Opens, "w"), message(3)];
    assert_eq!(quiet(&[Pass::Critical]).judge(&waits, Some(Held::Quiet), &nobody, "a", evening), go(1));
    assert_eq!(quiet(&[]).judge(&waits, None, &nobody, "a", midnight), go(1));
}

#[test]
fn outside_of_hours_may_be_what_is_quiet_and_nothing_is_held_for_more_than_a_day() {
    let Pacing { quiet: Some(evening), .. } = quiet(&[]) else { unreachable!() };
    let desk = Quiet { during: false, ..evening };
    let time = |text: &str| text.parse::<Timestamp>().unwrap();
    assert_eq!(desk.until(time("2026-11-26T22:30:00Z")), None);
    assert_eq!(desk.until(time("2026-11-26T12:00:00Z")), Some(time("2026-11-26T22:00:00Z")));
    let never = Hours::new(TimeZone::UTC, Default::default(), BTreeSet::new());
    let closed = Quiet { hours: Arc::new(never), ..desk };
    let pacing = Pacing { quiet: Some(closed), ..Pacing::default() };
    let now = at(0);
    let verdict = pacing.judge(&[message(0)], None, &Recent::default(), "a", now);
    assert_eq!(verdict, Verdict::Hold { until: now + HOLD_MAX, why: Held::Quiet });
}

#[test]
fn a_digest_takes_whole_incidents_only_where_the_receiver_keeps_them() {
    use Incident::{Closes, Opens};
    let people = Pacing::default();
    let pager = Pacing { keeps_incidents: true, ..Pacing::default() };
    let one = |kind, key| incident(0, kind, key);
    for (waits, for_people, for_pager) in [
        (vec![message(0), message(1)], 2, 2),
        (vec![message(0), frozen(1), message(2)], 1, 1),
        (vec![message(0), one(Opens, "w"), message(2)], 3, 1),
        (vec![one(Opens, "w"), one(Opens, "w"), message(1), one(Closes, "w"), message(2)], 5, 5),
        (vec![one(Opens, "w"), one(Opens, "x"), one(Closes, "w"), message(2)], 4, 0),
        (vec![message(0), one(Closes, "w"), message(1)], 3, 1),
        (vec![one(Opens, "w"), one(Closes, "w"), one(Opens, "w")], 3, 2),
        (vec![one(Opens, "w"), frozen(1), one(Closes, "w")], 1, 0),
    ] {
        assert_eq!((people.digested(&waits), pager.digested(&waits)), (for_people, for_pager), "{waits:?}");
    }
}

#[test]
fn what_is_remembered_is_bounded() {
    let mut recent = Recent::default();
    for n in 0..LANES_MAX + 10 {
        recent.sent(&format!("lane {n}"), at(i64::try_from(n).unwrap()));
    }
    assert_eq!((recent.sent.len(), recent.lanes.len()), (CAP_MAX as usize, LANES_MAX));
    assert_eq!((recent.last("lane 9"), recent.last("lane 10")), (None, Some(at(10))));
}
