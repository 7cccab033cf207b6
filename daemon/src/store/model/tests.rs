//! Whatever is done, in whatever order, and however often it is opened anew: the store on disk answers as the
//! simplest store does, and what is counted is what is there.

mod step;

use proptest::prelude::*;

use self::step::{SettleAs, Step, step};
use super::*;
use crate::core::cursor::{CursorChange, CursorRow, Seen, Vanished};
use crate::core::discovery::First;
use crate::core::event::{Event, EventData, EventKind, MessageData, ProblemData, WatchData};
use crate::core::heartbeat::LANE;
use crate::core::message::{AuthorKind, ChildId};
use crate::core::notification::Notification;
use crate::core::silence::{Draft, Matcher};
use crate::core::waiting::{Acked, Alarm, Threshold, Waiting};
use crate::core::watch::{Priority, Stream};
use crate::store::{FallBack, Gather, Hold, NewDelivery, Options, Passing, Scope, SqliteStore, Store};

const NOTIFIERS: [&str; 2] = ["hook", "ops"];
const CONVERSATIONS: i64 = 3;
/// The latest time that leaves room for what is too far ahead.
const AHEAD: Duration = Duration::from_secs(200_000);
/// Few enough to be reached.
const OUTBOX_MAX: u64 = 12;

struct Pair {
    path: std::path::PathBuf,
    sqlite: Option<SqliteStore>,
    model: Rows,
    second: i64,
    settled: Vec<i64>,
    told: u64,
}

impl Pair {
    fn now(&self) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + self.second).unwrap()
    }

    fn sqlite(&self) -> &SqliteStore {
        self.sqlite.as_ref().unwrap()
    }

    fn open(&mut self) {
        drop(self.sqlite.take());
        let options = Options { outbox_rows_max: OUTBOX_MAX, ..Options::new(&self.path) };
        self.sqlite = Some(SqliteStore::open(options).unwrap());
        self.model.open();
    }

    fn told(&self, id: String, lane: &str, notifiers: u8, sequence: Option<u64>) -> Told {
        let message = MessageData {
            id: "1".into(),
            author: crate::core::event::AuthorData { kind: AuthorKind::Customer, id: None, name: None },
            created: None,
            text: if sequence.is_some_and(|n| n % 3 == 0) { String::new() } else { "hello".into() },
            text_truncated: false,
            attachments: 0,
        };
        let watch = WatchData { name: "w".into(), title: "W".into(), priority: Priority::Vip, tags: vec![] };
        let event = Event {
            id: id.clone(),
            kind: EventKind::MessageCreated,
            source: "x".into(),
            subject: sequence.map(|n| format!("child/{n}")),
            time: self.now() - Duration::from_secs(7),
            recorded: self.now(),
            sequence,
            data: EventData {
                message: sequence.map(|_| message),
                watch: sequence.map(|_| watch),
                ..EventData::default()
            },
        };
        let deliveries =
            (0..).zip(NOTIFIERS).filter(|(n, _)| notifiers >> n & 1 == 1).map(|(_, notifier)| NewDelivery {
                notification: Notification { id: id.clone(), payload: format!("{id} for {notifier}") },
                notifier: notifier.into(),
                lane: lane.into(),
                fallback_after: (notifier == "hook").then_some(Duration::from_secs(3)),
                urgent: sequence.is_some_and(|n| n % 4 == 1),
                suppressed: (self.second % 5 == 0).then(|| "silence 1".to_owned()),
            });
        Told { event, deliveries: deliveries.collect(), routing: vec![] }
    }

    /// Something begins to be ill, or is well again.
    fn health(&self, kind: EventKind, subject: &str) -> Told {
        let mut told = self.told(format!("evt_{}_{}", kind.as_str(), self.second), subject, 3, None);
        let problem =
            ProblemData { subject: subject.to_owned(), since: self.now(), why: "401".into(), expires: None };
        (told.event.kind, told.event.data.problem) = (kind, Some(problem));
        told
    }

    fn conversation(object: i64) -> ConversationId {
        ConversationId { account: "main".into(), object }
    }

    fn place(number: u8) -> Place {
        Place { account: "main".into(), key: format!("identity {number}") }
    }

    fn found(&self, seek: u8, objects: u8) -> Vec<Discovered> {
        let some = (0..CONVERSATIONS).filter(|n| objects >> n & 1 == 1);
        let found = some.map(|n| Discovered {
            conversation: Self::conversation(n),
            place: Self::place(seek),
            stream: if n == 1 { Stream::Encrypted("ab_fcd==".into()) } else { Stream::Number(n + 5) },
            created: (n > 0).then(|| self.now()),
            first: match (n + self.second) % 3 {
                0 => First::Opened,
                1 => First::Since(self.now() - Duration::from_nanos(1)),
                _ => First::Configured,
            },
            watched: self.second % 2 == 0,
            over_since: (n == 2).then(|| self.now()),
        });
        found.collect()
    }

    fn commit(&self, object: i64, sequence: u64, change: CursorChange, told: Vec<Told>) -> PollCommit {
        PollCommit {
            conversation: Self::conversation(object),
            watch: "w".into(),
            expect_sequence: sequence,
            change,
            told,
            at: self.now(),
            silences_over: vec![],
        }
    }

    async fn poll(&mut self, object: i64, messages: u64, known: u64, notifiers: u8, stale: bool) {
        let before = self.model.cursor(&Self::conversation(object)).map_or(0, |cursor| cursor.sequence);
        let first = before.saturating_sub(known) + 1;
        let told: Vec<Told> = (first..=before + messages)
            .map(|n| self.told(format!("evt_{object}_{n:04}"), &object.to_string(), notifiers, Some(n)))
            .collect();
        let seen = (first..=before + messages).map(|n| {
            let seen = Seen {
                instant: (n % 4 != 0).then(|| self.now()),
                text_hash: u64::MAX - n,
                revision: (n % 2) as u32,
                author: (n % 3 == 0).then_some(AuthorKind::Agent),
                unparsed: n % 5 == 0,
                baseline: n % 7 == 0,
                found_at: (n % 2 == 0).then(|| self.now()),
                vanished: None,
            };
            (ChildId::new(n.to_string()), seen)
        });
        let after = CursorRow {
            sequence: before + messages,
            listed: true,
            status_id: before.is_multiple_of(2).then_some(8),
            baseline_at: Some(self.now()),
            ..CursorRow::default()
        };
        let change = CursorChange { after, seen: seen.collect(), forget: vec![] };
        let commit = self.commit(object, before + u64::from(stale), change, told);
        let (real, model) =
            (self.sqlite().commit_poll(commit.clone()).await, self.model.commit_poll(&commit));
        assert_eq!(real.map_err(|e| e.to_string()), model.map_err(|e| e.to_string()));
    }

    async fn vanish(&mut self, object: i64, which: u64) {
        let Some(cursor) = self.model.cursor(&Self::conversation(object)) else { return };
        let mut change = CursorChange { after: cursor.row(), ..CursorChange::default() };
        change.after.unreachable_since = which.is_multiple_of(2).then(|| self.now());
        change.after.updated_at = which.is_multiple_of(3).then(|| self.now());
        change.after.gap_since = (which % 3 == 1).then(|| self.now());
        change.after.waiting = (which % 3 == 2).then(|| Waiting {
            over: which.is_multiple_of(2),
            told: vec![Alarm {
                threshold: Threshold::after(60),
                to: vec!["ops".into()],
                silenced: which.is_multiple_of(5),
            }],
            ..Waiting::new(ChildId::new("7"), self.now())
        });
        let mut ids: Vec<_> = cursor.seen.iter().collect();
        ids.sort_by(|a, b| a.0.cmp(b.0));
        for (n, (id, seen)) in (0..).zip(ids) {
            if n == which {
                change.forget.push(id.clone());
            } else if n > which {
                let how = [Vanished::Unconfirmed, Vanished::Deleted, Vanished::OutOfSight][n as usize % 3];
                change.seen.push((id.clone(), Seen { vanished: Some((self.now(), how)), ..seen.clone() }));
            }
        }
        let commit = self.commit(object, cursor.sequence, change, vec![]);
        self.sqlite().commit_poll(commit.clone()).await.unwrap();
        self.model.commit_poll(&commit).unwrap();
    }

    /// An answer that says who waits, if the conversation is known.
    async fn waits(&mut self, object: i64, waiting: Option<Waiting>) {
        let Some(cursor) = self.model.cursor(&Self::conversation(object)) else { return };
        let after = CursorRow { waiting, ..cursor.row() };
        let commit =
            self.commit(object, cursor.sequence, CursorChange { after, ..CursorChange::default() }, vec![]);
        self.sqlite().commit_poll(commit.clone()).await.unwrap();
        self.model.commit_poll(&commit).unwrap();
    }

    fn settle(&mut self, delivery: i64, end: SettleAs) -> Settle {
        let fate = match end {
            SettleAs::Delivered => Fate::Delivered,
            SettleAs::Dead => Fate::Dead("no".into()),
            SettleAs::Broken => Fate::Held("401".into()),
            SettleAs::Retry { after, aside } => retry(self.now(), after, aside),
            SettleAs::Crashed => retry(self.now(), 3, false),
        };
        self.told += 1;
        // Two dead letters of one time are told of once.
        let told = matches!(fate, Fate::Dead(_))
            .then(|| self.told(format!("evt_dead_{}", self.told / 4), "dead", 2, None));
        Settle {
            delivery,
            started: self.now(),
            took: Duration::from_micros(1_234_567),
            outcome: "x",
            detail: "y".repeat(498 + (self.told % 5) as usize),
            counts: !matches!(fate, Fate::Held(_)),
            crashed: matches!(end, SettleAs::Crashed),
            alone: self.told.is_multiple_of(2),
            fate,
            told,
        }
    }

    async fn end(&mut self, delivery: i64, end: SettleAs) {
        let settle = self.settle(delivery, end);
        assert_eq!(self.sqlite().settle(settle.clone()).await.unwrap(), self.model.settle(&settle));
    }

    async fn play(&mut self, step: Step) {
        self.second += 1;
        match step {
            Step::Poll { object, messages, known, notifiers, stale } => {
                self.poll(object, messages, known, notifiers, stale).await;
            }
            Step::Vanish { object, which } => self.vanish(object, which).await,
            Step::Settle { notifier, which, end } => {
                let due = self.model.due(NOTIFIERS[usize::from(notifier)], self.now(), 99);
                if !due.is_empty() {
                    let id = which.get(&due).id;
                    if matches!(end, SettleAs::Delivered | SettleAs::Dead) {
                        self.settled.push(id);
                    }
                    self.end(id, end).await;
                }
            }
            Step::HandOver { notifier, which, taken_back } => {
                let due = self.model.due(NOTIFIERS[usize::from(notifier)], self.now(), 99);
                if !due.is_empty() {
                    let id = which.get(&due).id;
                    // What has ended since must not go.
                    let ids: Vec<i64> = self.settled.last().copied().into_iter().chain([id]).collect();
                    let marked = self.sqlite().hand_over(ids.clone(), self.now()).await.unwrap();
                    assert_eq!(marked, self.model.hand_over(&ids, self.now()));
                    if taken_back {
                        self.sqlite().take_back(id).await.unwrap();
                        self.model.take_back(id);
                    }
                }
            }
            Step::Replay { dead, notifier } => {
                let notifier = NOTIFIERS.get(usize::from(notifier)).map(|name| (*name).to_owned());
                let since = Some(self.now() - Duration::from_secs(60));
                let selection = Selection { dead, notifier, since, ..Selection::default() };
                let found = self.sqlite().replay(selection.clone(), self.now(), true).await.unwrap();
                assert_eq!(found, self.model.find(&selection));
                let real = self.sqlite().replay(selection.clone(), self.now(), false).await;
                let model = self.model.replay(&selection, self.now());
                assert_eq!(real.map_err(|e| e.to_string()), model.map_err(|e| e.to_string()));
            }
            Step::DropDead => {
                let selection = Selection { watch: Some("w".into()), ..Selection::default() };
                let dropped = self.sqlite().drop_dead(selection.clone()).await.unwrap();
                assert_eq!(dropped, self.model.drop_dead(&selection));
            }
            Step::BringForward { notifier } => {
                let notifier = NOTIFIERS[usize::from(notifier)];
                self.sqlite().bring_forward(notifier, self.now()).await.unwrap();
                self.model.bring_forward(notifier, self.now());
            }
            Step::GiveUp { seconds } => {
                let before = self.now() - Duration::from_secs(seconds.into());
                let overdue = self.sqlite().overdue(before, 3).await.unwrap();
                assert_eq!(overdue, self.model.overdue(before, 3));
                for one in overdue {
                    let told = self.told(format!("evt_old_{}", self.second), "dead", 2, None);
                    let real = self.sqlite().give_up(one.delivery, "old", self.now(), told.clone()).await;
                    assert_eq!(real.unwrap(), self.model.give_up(one.delivery, "old", self.now(), &told));
                }
            }
            Step::Deleted { object, which } => {
                let Some(cursor) = self.model.cursor(&Self::conversation(object)) else { return };
                let mut told =
                    self.told(format!("evt_del_{}", self.second), &object.to_string(), 1, Some(which));
                told.event.kind = EventKind::MessageDeleted;
                if let Some(message) = &mut told.event.data.message {
                    message.text.clear();
                }
                let after = CursorRow { sequence: cursor.sequence + 1, ..cursor.row() };
                let change = CursorChange { after, ..CursorChange::default() };
                let commit = self.commit(object, cursor.sequence, change, vec![told]);
                let (real, model) =
                    (self.sqlite().commit_poll(commit.clone()).await, self.model.commit_poll(&commit));
                assert_eq!(real.map_err(|e| e.to_string()), model.map_err(|e| e.to_string()));
            }
            Step::Watched { objects } => {
                let some = (0..CONVERSATIONS).filter(|n| objects >> n & 1 == 1).map(Self::conversation);
                let some: Vec<_> = some.collect();
                let places = vec![Self::place(objects & 1)];
                self.sqlite().watched(some.clone(), places.clone(), self.now()).await.unwrap();
                self.model.watched(&some, &places, self.now());
            }
            Step::Discover { seek, objects, forget } => {
                let found = self.found(seek, objects);
                let begun = Begun {
                    at: self.now() - Duration::from_secs(60),
                    complete: (objects % 2 == 0).then(|| self.now()),
                    forgotten: (objects % 3 == 0).then(|| self.now()),
                };
                let other = Begun { complete: None, ..begun };
                // The end of a look is one of all its places.
                let places = [(seek, begun), (1 - seek % 2, other)]
                    .into_iter()
                    .take(1 + usize::from(objects % 5 == 0));
                let commit = DiscoveryCommit {
                    begun: places.map(|(number, begun)| (Self::place(number), begun)).collect(),
                    put: found,
                    forget: vec![Self::conversation(forget)],
                    at: self.now(),
                };
                self.sqlite().commit_discovery(commit.clone()).await.unwrap();
                self.model.commit_discovery(&commit);
            }
            Step::SettleAgain { which } if !self.settled.is_empty() => {
                let id = *which.get(&self.settled);
                self.end(id, SettleAs::Dead).await;
            }
            Step::SettleAgain { .. } => {}
            Step::FallBack { notifier, gone } => {
                for one in self.model.unaccepted(self.now(), 2) {
                    let event = one.events.first().map(|event| event.id.clone());
                    let id = one.of_several.clone().or(event).unwrap_or_default();
                    let notifier = NOTIFIERS[usize::from(notifier)].to_owned();
                    let new = NewDelivery {
                        notification: Notification { id, payload: format!("in place of {}", one.notifier) },
                        notifier,
                        lane: one.lane,
                        fallback_after: None,
                        urgent: false,
                        suppressed: None,
                    };
                    let deliveries = if gone { vec![] } else { vec![new] };
                    let fall_back = FallBack { delivery: one.delivery, deliveries, at: self.now() };
                    for _ in 0..2 {
                        let real = self.sqlite().fall_back(fall_back.clone()).await.unwrap();
                        assert_eq!(real, self.model.fall_back(&fall_back));
                    }
                }
            }
            Step::Hold { notifier, which, seconds, why } => {
                let due = self.model.due(NOTIFIERS[usize::from(notifier)], self.now(), 99);
                if !due.is_empty() {
                    let until = self.now() + Duration::from_secs(seconds.into());
                    let why = Held::ALL[usize::from(why)];
                    // Now and then one that was decided before the last of its lane came.
                    let delivery = which.get(&due).id;
                    let seen = if seconds % 3 == 0 { delivery } else { i64::MAX };
                    let hold = Hold { delivery, until, why, at: self.now(), seen };
                    self.sqlite().hold(vec![hold.clone()]).await.unwrap();
                    self.model.hold(&hold);
                }
            }
            Step::Release { notifier } => {
                let notifier = NOTIFIERS[usize::from(notifier)];
                self.sqlite().release(notifier, self.now()).await.unwrap();
                self.model.release(notifier, self.now());
            }
            Step::Gather { notifier, object, held, count, lane } => {
                let notifier = NOTIFIERS[usize::from(notifier)];
                let scope = held
                    .map_or(Scope::Lane(object.to_string()), |why| Scope::Held(Held::ALL[usize::from(why)]));
                let found = self.sqlite().together(notifier, scope.clone(), count.into()).await.unwrap();
                assert_eq!(found, self.model.together(notifier, &scope, count.into()));
                let same = found.iter().all(|row| row.lane == object.to_string());
                let lane = if lane && same { object.to_string() } else { "digest".to_owned() };
                let new = NewDelivery {
                    notification: Notification {
                        id: format!("ntf_{}", self.second),
                        payload: "several".into(),
                    },
                    notifier: notifier.into(),
                    lane,
                    fallback_after: (notifier == "hook").then_some(Duration::from_secs(3)),
                    urgent: false,
                    suppressed: None,
                };
                let members = found.iter().map(|row| row.delivery).collect();
                let gather = Gather { members, new, at: self.now() };
                let real = self.sqlite().gather(gather.clone()).await.unwrap();
                assert_eq!(real, self.model.gather(&gather));
            }
            Step::Begin { subject } => {
                let episode =
                    Episode { subject: format!("notifier/{subject}"), since: self.now(), why: "401".into() };
                let told = self.health(EventKind::NotifierBroken, &episode.subject);
                let real = self.sqlite().begin_episode(episode.clone(), told.clone()).await.unwrap();
                assert_eq!(real, self.model.begin_episode(&episode, &told));
            }
            Step::Expiring { account, ends, stage } => {
                let account = format!("a{account}");
                let expires = Timestamp::from_second(1_900_000_000 + i64::from(ends)).unwrap();
                let id = format!("evt_expiring_{account}_{ends}_{stage}");
                let told = self.told(id, &format!("account/{account}"), 1, None);
                let real =
                    self.sqlite().token_expiring(&account, expires, stage, told.clone()).await.unwrap();
                assert_eq!(real, self.model.token_expiring(&account, expires, stage, &told));
            }
            Step::End { subject } => {
                let subject = format!("notifier/{subject}");
                let told = self.health(EventKind::NotifierRecovered, &subject);
                let real = self.sqlite().end_episode(&subject, told.clone()).await.unwrap();
                assert_eq!(real, self.model.end_episode(&subject, &told));
            }
            Step::Summarise { object, failed } => {
                let row = PollSummary {
                    conversation: Self::conversation(object),
                    hour: Timestamp::from_second(1_800_000_000).unwrap(),
                    polls: 3,
                    changed: 1,
                    failed: u64::from(failed),
                    last_error: failed.then(|| "500".to_owned()),
                };
                self.sqlite().add_poll_summaries(vec![row.clone()]).await.unwrap();
                self.model.add_poll_summaries(&[row]);
            }
            Step::Silence { seconds } => {
                let draft = Draft {
                    matcher: Matcher::Conversation(Self::conversation(i64::MAX)),
                    until: self.now() + Duration::from_secs(seconds.into()),
                    until_reply: seconds % 2 == 0,
                    until_close: seconds % 3 == 0,
                    reason: "x".into(),
                    by: None,
                };
                let real = self.sqlite().add_silence(draft.clone(), "uid 0", self.now()).await.unwrap();
                assert_eq!(real, self.model.add_silence(&draft, "uid 0", self.now()));
            }
            Step::EndSilence { id, by_poll: false } => {
                let real = self.sqlite().end_silence(id, "y", self.now()).await.unwrap();
                assert_eq!(real, self.model.end_silence(id, "y", self.now()));
            }
            Step::EndSilence { id, by_poll: true } => {
                let Some(cursor) = self.model.cursor(&Self::conversation(0)) else { return };
                let change = CursorChange { after: cursor.row(), ..CursorChange::default() };
                let commit = self.commit(0, cursor.sequence, change, vec![]);
                let commit = PollCommit { silences_over: vec![(id, "z".to_owned())], ..commit };
                self.sqlite().commit_poll(commit.clone()).await.unwrap();
                self.model.commit_poll(&commit).unwrap();
            }
            Step::Ack { object, waits } => {
                let id = Self::conversation(object);
                let waiting = waits.then(|| Waiting::new(ChildId::new("7"), self.now()));
                self.waits(object, waiting.clone()).await;
                let up_to = (self.now(), ChildId::new("7"));
                let acked = Acked { at: self.now(), by: "noa".into(), up_to };
                let real = self.sqlite().ack(&id, acked.clone()).await.unwrap();
                assert_eq!(real, self.model.ack(&id, &acked));
                self.waits(object, waiting).await;
            }
            Step::Beat { notifiers } => {
                let mut told = self.told(format!("evt_beat_{}", self.second), LANE, notifiers, None);
                told.event.kind = EventKind::Heartbeat;
                told.deliveries.iter_mut().for_each(|one| one.fallback_after = None);
                let real = self.sqlite().beat(told.clone()).await.unwrap();
                assert_eq!(real, self.model.beat(&told));
            }
            Step::OutliveBeats { seconds } => {
                let before = self.now() - Duration::from_secs(seconds.into());
                let beats = Passing::Heartbeats;
                let real = self.sqlite().outlive(beats, before, self.now()).await.unwrap();
                assert_eq!(real, self.model.outlive(beats, before, self.now()));
            }
            Step::Prune { rows, text } => {
                let before = |age: u16| self.now() - Duration::from_secs(age.into());
                let unwatched_before = self.now() - Duration::from_secs(u64::from(rows) * 1_000);
                let older =
                    Retention { rows_before: before(rows), text_before: before(text), unwatched_before };
                assert_eq!(self.sqlite().prune(older).await.unwrap(), self.model.prune(older));
            }
            Step::Clock { seconds } => self.second += i64::from(seconds),
            Step::ClockMoved { by } => {
                let by = by.map(|by| SignedDuration::from_secs(by.into()));
                let now = self.now();
                let real = self.sqlite().clock_moved(now, by).await.unwrap();
                assert_eq!(real, self.model.clock_moved(now, by));
            }
            Step::Reopen => self.open(),
        }
    }

    async fn compare(&self) {
        let (sqlite, model) = (self.sqlite(), &self.model);
        assert_eq!(model.lanes_out_of_line(), Vec::<String>::new());
        for object in 0..CONVERSATIONS {
            let id = Self::conversation(object);
            assert_eq!(sqlite.cursor(&id).await.unwrap(), model.cursor(&id));
        }
        for notifier in NOTIFIERS {
            for (now, limit) in [(self.now(), 99), (self.now(), 2), (Timestamp::MAX, 99)] {
                let found = sqlite.due(notifier, now, limit).await.unwrap();
                assert_eq!(found, model.due(notifier, now, limit), "{notifier} at {now}");
            }
            assert_eq!(sqlite.next_due(notifier).await.unwrap(), model.next_due(notifier));
            for (behind, limit) in [("", 9), ("", 1), ("notifier/0", 9)] {
                let found = sqlite.raised(notifier, behind, limit).await.unwrap();
                assert_eq!(found, model.raised(notifier, behind, limit), "{notifier} behind {behind:?}");
            }
            for lane in (0..CONVERSATIONS).map(|object| object.to_string()).chain(["digest".to_owned()]) {
                assert_eq!(sqlite.receipt(notifier, &lane).await.unwrap(), model.receipt(notifier, &lane));
            }
        }
        for (now, limit) in [(self.now(), 99), (self.now(), 1), (Timestamp::MAX - AHEAD, 99)] {
            assert_eq!(sqlite.unaccepted(now, limit).await.unwrap(), model.unaccepted(now, limit));
        }
        let outbox = sqlite.outbox().await.unwrap();
        assert_eq!(outbox, model.outbox());
        assert!(outbox.iter().all(|count| count.imbalance == 0));
        assert_eq!(sqlite.beats().await.unwrap(), model.beats());
        assert_eq!(sqlite.episodes().await.unwrap(), model.episodes());
        for (after, limit) in [(self.now(), 99), (Timestamp::MIN, 99), (Timestamp::MIN, 1)] {
            let found = sqlite.silences(after, limit).await.unwrap();
            assert_eq!(found.len(), model.silences(after, limit).len());
            assert!(limit == 1 || found == model.silences(after, limit), "{found:?}");
        }
        assert_eq!(sqlite.discoveries().await.unwrap(), model.discoveries());
        assert_eq!(sqlite.recent_events(9).await.unwrap(), model.recent_events(9));
        let all = Selection::default();
        assert_eq!(sqlite.replay(all.clone(), self.now(), true).await.unwrap(), model.find(&all));
        assert_eq!(sqlite.recent_deliveries(9).await.unwrap(), model.recent_deliveries(9));
    }
}

fn retry(now: Timestamp, after: u16, aside: bool) -> Fate {
    let delay = Duration::from_secs(after.into());
    Fate::RetryAt { at: now + delay, delay, aside }
}

async fn play(steps: Vec<Step>) {
    let folder = tempfile::tempdir().unwrap();
    let model = Rows { outbox_rows_max: OUTBOX_MAX, ..Rows::default() };
    let path = folder.path().join("x.db");
    let mut pair = Pair { path, sqlite: None, model, second: 0, settled: vec![], told: 0 };
    pair.open();
    for step in steps {
        pair.play(step).await;
        pair.compare().await;
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn the_store_answers_as_the_simplest_store_would(steps in prop::collection::vec(step(), 1..50)) {
        tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(play(steps));
    }
}
