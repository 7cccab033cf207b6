//! The checker outside: from what was said in `CommBox`, what its receivers got and answered, and when the daemon was
//! killed, it tells whether the promise was kept. Knows nothing of how the daemon works but this: of one receiver and
//! one conversation, the next delivery goes out when it is written down how the one before ended.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde_json::Value;

use crate::receiver::Arrival;

/// What says which life of the daemon sent a request.
pub const LIFE: &str = "x-life";
/// Deliveries that the web hook's plugin takes at once: no more can be in doubt when it is killed.
pub const CONCURRENCY: usize = 4;

/// A delivery from outside: the receiver's path and the event's id.
pub type Delivery = (String, String);

/// From one start of the daemon to its end.
#[derive(Clone, Debug, Default)]
pub struct Life {
    /// Or ended by itself, tidily.
    pub killed: bool,
    /// What its file says was delivered, read when it had ended.
    pub noted: BTreeSet<Delivery>,
}

/// Something that happened in a conversation and must be told, once and by itself.
#[derive(Clone, Debug)]
pub struct Happening {
    pub kind: Kind,
    pub object: i64,
    pub child: i64,
    /// What it says from then on.
    pub text: String,
    /// When it was written.
    pub created: Timestamp,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Kind {
    Created,
    Edited,
    Deleted,
}

impl Kind {
    pub fn event_type(self) -> &'static str {
        match self {
            Self::Created => "commwatch.message.created.v1",
            Self::Edited => "commwatch.message.edited.v1",
            Self::Deleted => "commwatch.message.deleted.v1",
        }
    }
}

/// Everything that is known of a run that is over.
pub struct Evidence {
    /// What was said, in that order, without what was there before; then what became of it, in that order. Nothing was
    /// done to a message before what was done to it earlier had been told.
    pub happened: Vec<Happening>,
    /// The paths of the receivers that should get everything.
    pub receivers: Vec<String>,
    pub arrivals: Vec<Arrival>,
    pub lives: Vec<Life>,
}

/// How a run went that kept the promise.
#[derive(Debug, Default)]
pub struct Verdict {
    /// Deliveries that were accepted.
    pub accepted: usize,
    /// Requests after one that was refused.
    pub retries: usize,
    /// Requests after one that was accepted, or whose answer never left.
    pub repeats: usize,
}

/// A request, read.
struct Sent {
    delivery: Delivery,
    life: usize,
    object: i64,
    sequence: u64,
    found: Timestamp,
    /// Where that of which it tells stands in what happened.
    what: usize,
    bytes: Vec<u8>,
    answer: Option<u16>,
}

impl Sent {
    fn is_accepted(&self) -> bool {
        self.answer.is_some_and(|status| (200..300).contains(&status))
    }

    fn is_refused(&self) -> bool {
        self.answer.is_some() && !self.is_accepted()
    }
}

/// Everything that is wrong, a sentence each.
pub fn judge(evidence: &Evidence) -> Result<Verdict, Vec<String>> {
    let mut wrong = Vec::new();
    let mut sent: Vec<Sent> =
        evidence.arrivals.iter().filter_map(|arrival| read(arrival, evidence, &mut wrong)).collect();
    // What a life sent may be read after the next one has begun.
    sent.sort_by_key(|sent| sent.life);
    ids(&sent, &mut wrong);
    let mut lanes: BTreeMap<(&str, i64), Vec<&Sent>> = BTreeMap::new();
    for sent in &sent {
        lanes.entry((&sent.delivery.0, sent.object)).or_default().push(sent);
    }
    let mut verdict = Verdict::default();
    let mut in_doubt: BTreeMap<(usize, &str), usize> = BTreeMap::new();
    for ((path, object), lane) in &lanes {
        let lane_name = format!("{path} of {object}");
        order(lane, evidence, &lane_name, &mut wrong);
        for (before, again) in repeats(lane, &lane_name, &mut wrong) {
            if before.is_refused() {
                verdict.retries += 1;
                continue;
            }
            verdict.repeats += 1;
            *in_doubt.entry((before.life, path)).or_default() += 1;
            wrong.extend(needless(before, again, &evidence.lives));
        }
    }
    for ((life, path), count) in in_doubt.iter().filter(|(_, count)| **count > CONCURRENCY) {
        wrong
            .push(format!("{count} repeats at {path} after life {life}, of {CONCURRENCY} in flight at most"));
    }
    let accepted: BTreeSet<&Delivery> =
        sent.iter().filter(|sent| sent.is_accepted()).map(|sent| &sent.delivery).collect();
    verdict.accepted = accepted.len();
    lost(&sent, evidence, &mut wrong);
    notes(&sent, evidence, &mut wrong);
    if wrong.is_empty() { Ok(verdict) } else { Err(wrong) }
}

/// Nothing is invented: each request tells of something that was said, as it was said.
fn read(arrival: &Arrival, evidence: &Evidence, wrong: &mut Vec<String>) -> Option<Sent> {
    let body: Value = serde_json::from_slice(&arrival.bytes).unwrap_or_default();
    let text = |pointer: &str| body.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
    let header = |name: &str| arrival.headers.get(name).and_then(|value| value.to_str().ok());
    let child: Option<i64> = text("/subject").strip_prefix("child/").and_then(|id| id.parse().ok());
    let what = evidence.happened.iter().position(|one| {
        Some(one.child) == child
            && text("/type") == one.kind.event_type()
            && text("/data/message/id") == one.child.to_string()
            && text("/data/conversation/object_id") == one.object.to_string()
            && text("/data/message/text") == one.text
            && (one.kind != Kind::Created || text("/time").parse().ok() == Some(one.created))
    });
    let Some(what) = what else {
        wrong.push(format!("invented: {body}"));
        return None;
    };
    let id = text("/id");
    if header("webhook-id") != Some(id) {
        wrong.push(format!("another id in the head than in the body: {id}"));
    }
    let life = header(LIFE).and_then(|life| life.parse().ok());
    let (sequence, found) = (text("/sequence").parse().ok(), text("/recordedtime").parse().ok());
    let (Some(life), Some(sequence), Some(found)) = (life, sequence, found) else {
        wrong.push(format!("not to be read: {body}"));
        return None;
    };
    Some(Sent {
        delivery: (arrival.path.clone(), id.to_owned()),
        life,
        object: evidence.happened[what].object,
        sequence,
        found,
        what,
        bytes: arrival.bytes.to_vec(),
        answer: arrival.answer,
    })
}

/// One happening has one id, everywhere and for ever, and an id always brings the same bytes.
fn ids(sent: &[Sent], wrong: &mut Vec<String>) {
    let mut of_happening: BTreeMap<usize, &Sent> = BTreeMap::new();
    let mut of_id: BTreeMap<&str, &Sent> = BTreeMap::new();
    for sent in sent {
        let id = &sent.delivery.1;
        let known = of_happening.entry(sent.what).or_insert(sent);
        if known.delivery.1 != *id {
            wrong.push(format!("two ids for one happening: {} and {id}", known.delivery.1));
        }
        let known = of_id.entry(id).or_insert(sent);
        if known.bytes != sent.bytes {
            wrong.push(format!("{id} was sent with other words than before"));
        }
    }
}

/// The first time that each delivery of a lane goes out: no sequence is left out; what was done to a message is told
/// after it; and messages come in the order in which they were written, but within what one poll found by time and id.
fn order(lane: &[&Sent], evidence: &Evidence, name: &str, wrong: &mut Vec<String>) {
    let mut known = BTreeSet::new();
    let firsts: Vec<&&Sent> = lane.iter().filter(|sent| known.insert(sent.what)).collect();
    for (sent, expected) in firsts.iter().zip(1..) {
        if sent.sequence != expected {
            let (id, sequence) = (&sent.delivery.1, sent.sequence);
            wrong.push(format!("out of order in {name}: {id} has sequence {sequence}, not {expected}"));
            break;
        }
    }
    let mut latest: BTreeMap<i64, usize> = BTreeMap::new();
    for sent in &firsts {
        let happened = &evidence.happened[sent.what];
        if latest.insert(happened.child, sent.what).is_some_and(|latest| latest > sent.what) {
            wrong.push(format!("out of order in {name}: {happened:?} came after what followed it"));
        }
    }
    let is_created = |what: usize| evidence.happened[what].kind == Kind::Created;
    let firsts: Vec<&&Sent> = firsts.into_iter().filter(|sent| is_created(sent.what)).collect();
    let mut coming = (0..evidence.happened.len())
        .filter(|what| is_created(*what) && evidence.happened[*what].object == lane[0].object);
    for found_at_once in firsts.chunk_by(|a, b| a.found == b.found) {
        let mut expected: Vec<usize> = coming.by_ref().take(found_at_once.len()).collect();
        expected.sort_by_key(|what| (evidence.happened[*what].created, evidence.happened[*what].child));
        let told: Vec<usize> = found_at_once.iter().map(|sent| sent.what).collect();
        if told != expected {
            let texts = |all: &[usize]| -> Vec<&String> {
                all.iter().map(|what| &evidence.happened[*what].text).collect()
            };
            let (told, expected) = (texts(&told), texts(&expected));
            wrong.push(format!("out of order in {name}: {told:?} came instead of {expected:?}"));
            break;
        }
    }
}

/// Each request that tells again what was sent before, with the one before it. Nothing else of the lane may have come
/// between the two: that it did means that the end of the first was written down.
fn repeats<'a>(lane: &[&'a Sent], name: &str, wrong: &mut Vec<String>) -> Vec<(&'a Sent, &'a Sent)> {
    let mut latest: BTreeMap<usize, usize> = BTreeMap::new();
    let mut repeats = Vec::new();
    for (place, sent) in lane.iter().enumerate() {
        let Some(before) = latest.insert(sent.what, place) else { continue };
        if before + 1 != place {
            wrong.push(format!("{} came again in {name} after what follows it", sent.delivery.1));
        }
        repeats.push((lane[before], *sent));
    }
    repeats
}

/// Why a request should not have been sent again, if the one before it was not refused.
fn needless(before: &Sent, again: &Sent, lives: &[Life]) -> Option<String> {
    let (path, id) = &before.delivery;
    let (life, later) = (before.life, again.life);
    let why = if life == later {
        "though nobody died in between".to_owned()
    } else if !lives[life].killed {
        format!("though life {life} ended tidily")
    } else if let Some(noted) = (life..later).find(|life| lives[*life].noted.contains(&before.delivery)) {
        format!("though it was noted in life {noted}")
    } else {
        return None;
    };
    let answer = before.answer.map_or("no answer".to_owned(), |answer| answer.to_string());
    Some(format!("{id} was sent to {path} in life {life} ({answer}) and again in life {later}, {why}"))
}

fn lost(sent: &[Sent], evidence: &Evidence, wrong: &mut Vec<String>) {
    let accepted: BTreeSet<(&str, usize)> = sent
        .iter()
        .filter(|sent| sent.is_accepted())
        .map(|sent| (sent.delivery.0.as_str(), sent.what))
        .collect();
    for (index, happened) in evidence.happened.iter().enumerate() {
        for path in evidence.receivers.iter().filter(|path| !accepted.contains(&(path.as_str(), index))) {
            let Happening { kind, object, child, text, .. } = happened;
            wrong.push(format!("lost: {text:?} ({kind:?} {child} of {object}) never came to {path}"));
        }
    }
}

/// What the file says was delivered was accepted before, stays so, and is everything in the end.
fn notes(sent: &[Sent], evidence: &Evidence, wrong: &mut Vec<String>) {
    let mut accepted_in: BTreeMap<&Delivery, usize> = BTreeMap::new();
    for sent in sent.iter().filter(|sent| sent.is_accepted()) {
        let life = accepted_in.entry(&sent.delivery).or_insert(sent.life);
        *life = (*life).min(sent.life);
    }
    let mut before = BTreeSet::new();
    for (number, life) in evidence.lives.iter().enumerate() {
        for delivery in life.noted.difference(&before) {
            if accepted_in.get(delivery).is_none_or(|accepted| *accepted > number) {
                wrong.push(format!(
                    "noted as delivered in life {number} and not accepted by then: {delivery:?}"
                ));
            }
        }
        wrong.extend(before.difference(&life.noted).map(|delivery| format!("a note is gone: {delivery:?}")));
        before.clone_from(&life.noted);
    }
    for delivery in accepted_in.keys().filter(|delivery| !before.contains(**delivery)) {
        wrong.push(format!("accepted and never noted: {delivery:?}"));
    }
}

/// The checker is worth as much as what it refuses.
mod tests {
    use axum::body::Bytes;
    use axum::http::HeaderMap;
    use serde_json::json;

    use super::*;

    /// Three messages in one conversation, of which one poll found the last two: told and noted in one life.
    fn sound() -> Evidence {
        let happening = |kind, child: i64, text: &str, second: i64| Happening {
            kind,
            object: 7,
            child,
            text: text.to_owned(),
            created: Timestamp::from_second(1_700_000_000 + second).unwrap(),
        };
        let mut evidence = Evidence {
            // The third is older than the second.
            happened: vec![
                happening(Kind::Created, 10, "message 10", 0),
                happening(Kind::Created, 11, "message 11", 9),
                happening(Kind::Created, 12, "message 12", 5),
                happening(Kind::Edited, 10, "other words", 0),
                happening(Kind::Deleted, 10, "", 0),
            ],
            receivers: vec!["/hook".to_owned()],
            arrivals: Vec::new(),
            lives: vec![Life { killed: true, noted: BTreeSet::new() }, Life::default()],
        };
        for (what, sequence, found) in [(0, 1, 20), (3, 2, 21), (4, 3, 26), (2, 4, 27), (1, 5, 27)] {
            let arrival = arrival(&evidence, what, sequence, found, 0);
            evidence.arrivals.push(arrival);
            note(&mut evidence, 0, what, true);
        }
        evidence.lives[1].noted = evidence.lives[0].noted.clone();
        evidence
    }

    fn id(evidence: &Evidence, what: usize) -> String {
        format!("evt_{}_{:?}", evidence.happened[what].child, evidence.happened[what].kind)
    }

    fn arrival(evidence: &Evidence, what: usize, sequence: u64, found: i64, life: usize) -> Arrival {
        let happened = &evidence.happened[what];
        let id = id(evidence, what);
        let body = json!({
            "id": id,
            "type": happened.kind.event_type(),
            "subject": format!("child/{}", happened.child),
            "time": happened.created,
            "recordedtime": Timestamp::from_second(1_700_000_000 + found).unwrap(),
            "sequence": format!("{sequence:020}"),
            "data": {
                "conversation": { "object_id": happened.object.to_string() },
                "message": { "id": happened.child.to_string(), "text": happened.text },
            },
        });
        let mut headers = HeaderMap::new();
        headers.insert("webhook-id", id.parse().unwrap());
        headers.insert(LIFE, life.to_string().parse().unwrap());
        Arrival { path: "/hook".to_owned(), headers, bytes: Bytes::from(body.to_string()), answer: Some(204) }
    }

    fn again(evidence: &mut Evidence, place: usize, life: usize) {
        let mut arrival = evidence.arrivals[place].clone();
        arrival.headers.insert(LIFE, life.to_string().parse().unwrap());
        evidence.arrivals.push(arrival);
    }

    fn rewrite(evidence: &mut Evidence, place: usize, change: impl Fn(&mut Value)) {
        let mut body: Value = serde_json::from_slice(&evidence.arrivals[place].bytes).unwrap();
        change(&mut body);
        evidence.arrivals[place].bytes = Bytes::from(body.to_string());
    }

    fn note(evidence: &mut Evidence, life: usize, what: usize, is: bool) {
        let delivery = ("/hook".to_owned(), id(evidence, what));
        let noted = &mut evidence.lives[life].noted;
        assert!(if is { noted.insert(delivery) } else { noted.remove(&delivery) });
    }

    /// Where the last request stands, and what it tells of.
    const LAST: usize = 4;
    const LAST_TOLD: usize = 1;

    #[test]
    fn a_run_that_kept_the_promise_passes_with_its_repeats_counted() {
        let verdict = judge(&sound()).unwrap();
        assert_eq!((verdict.accepted, verdict.retries, verdict.repeats), (5, 0, 0));
        // The last one was accepted, and the daemon killed before it noted that.
        let mut evidence = sound();
        note(&mut evidence, 0, LAST_TOLD, false);
        again(&mut evidence, LAST, 1);
        assert_eq!(judge(&evidence).unwrap().repeats, 1);
        // The last one was refused, and then accepted.
        let mut evidence = sound();
        again(&mut evidence, LAST, 0);
        evidence.arrivals[LAST].answer = Some(500);
        let verdict = judge(&evidence).unwrap();
        assert_eq!((verdict.retries, verdict.repeats), (1, 0));
    }

    #[test]
    fn each_way_to_break_the_promise_is_seen() {
        type Break = fn(&mut Evidence);
        let breaks: [(&str, Break); 19] = [
            ("lost: \"message 11\"", |it| drop(it.arrivals.remove(LAST))),
            ("lost: \"message 11\"", |it| it.arrivals[LAST].answer = None),
            ("lost: \"message 11\"", |it| it.arrivals[LAST].answer = Some(500)),
            ("lost: \"\" (Deleted 10 of 7)", |it| drop(it.arrivals.remove(2))),
            ("invented", |it| rewrite(it, LAST, |body| body["data"]["message"]["text"] = "other".into())),
            ("invented", |it| rewrite(it, LAST, |body| body["subject"] = "child/99".into())),
            ("another id in the head", |it| rewrite(it, LAST, |body| body["id"] = "evt_x".into())),
            ("two ids for one happening", |it| {
                again(it, LAST, 1);
                rewrite(it, LAST + 1, |body| body["id"] = "evt_x".into());
            }),
            ("with other words", |it| {
                again(it, LAST, 1);
                rewrite(it, LAST + 1, |body| body["extra"] = true.into());
            }),
            ("has sequence 6, not 5", |it| rewrite(it, LAST, |body| body["sequence"] = "6".into())),
            ("came instead of", |it| it.happened.swap(0, 1)),
            ("came instead of", |it| {
                rewrite(it, 3, |body| body["recordedtime"] = "2023-11-14T22:13:46.5Z".into());
            }),
            ("came after what followed it", |it| it.happened.swap(3, 4)),
            ("after what follows it", |it| {
                note(it, 0, 2, false);
                again(it, 3, 1);
            }),
            ("though nobody died", |it| again(it, LAST, 0)),
            ("though life 0 ended tidily", |it| {
                it.lives[0].killed = false;
                note(it, 0, LAST_TOLD, false);
                again(it, LAST, 1);
            }),
            ("though it was noted in life 0", |it| again(it, LAST, 1)),
            ("not accepted by then", |it| it.arrivals[LAST].answer = None),
            ("a note is gone", |it| note(it, 1, LAST_TOLD, false)),
        ];
        for (number, (expected, wreck)) in breaks.into_iter().enumerate() {
            let mut evidence = sound();
            wreck(&mut evidence);
            let wrong = judge(&evidence).expect_err(expected);
            assert!(wrong.iter().any(|wrong| wrong.contains(expected)), "{number}: {expected}: {wrong:#?}");
        }
    }

    #[test]
    fn more_repeats_than_can_have_been_in_flight_are_seen() {
        let happened = (0..=i64::try_from(CONCURRENCY).unwrap()).map(|object| {
            let first = sound().happened.remove(0);
            Happening { object, child: 100 + object, ..first }
        });
        let mut evidence = Evidence { happened: happened.collect(), arrivals: Vec::new(), ..sound() };
        evidence.lives = vec![Life { killed: true, noted: BTreeSet::new() }, Life::default()];
        for what in 0..=CONCURRENCY {
            let arrival = arrival(&evidence, what, 1, 20, 0);
            evidence.arrivals.push(arrival);
            note(&mut evidence, 1, what, true);
        }
        for place in 0..=CONCURRENCY {
            again(&mut evidence, place, 1);
        }
        let wrong = judge(&evidence).unwrap_err();
        assert_eq!(wrong, ["5 repeats at /hook after life 0, of 4 in flight at most"]);
        evidence.arrivals.pop();
        assert_eq!(judge(&evidence).unwrap().repeats, CONCURRENCY);
    }
}
