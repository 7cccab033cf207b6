//! A store that is written first and synced later, like a real disk: an operation counts once it is synced, and only
//! then anybody is told. What was not synced when the daemon died is lost, or happens to be there: nobody can know.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};

use super::markers::Marker;
use super::world::{Point, State, World};
use crate::core::cursor::Cursor;
use crate::core::outcome::Fate;
use crate::core::pressure::Fill;
use crate::core::seek::SeekId;
use crate::core::silence::{Draft, Silence};
use crate::core::waiting::Acked;
use crate::core::watch::ConversationId;
use crate::store::model::Rows;
use crate::store::{
    Beats, Discoveries, DiscoveryCommit, Due, Episode, FallBack, Gather, Hold, OutboxCount, Overdue,
    PollCommit, PollSummary, RecentDelivery, RecentEvent, Replayed, Retention, Scope, Selection, Settle,
    Store, StoreError, Together, Told, Unaccepted, Waits,
};

/// What is wrong with the disk.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Trouble {
    No,
    Full,
    Failing,
    Slow,
}

#[derive(Default)]
pub(super) struct Disk {
    /// What is synced.
    pub(super) rows: Rows,
    /// What is written, in order.
    queue: VecDeque<(u64, Job, Slot)>,
    written: u64,
    ready_at: Duration,
    trouble: Option<(Trouble, u32)>,
}

type Slot = Arc<Mutex<Option<Result<Answer, StoreError>>>>;

enum Job {
    Poll(Box<PollCommit>),
    Settle(Box<Settle>),
    Begin(Episode, Box<Told>),
    End(String, Box<Told>),
    Summaries(Vec<PollSummary>),
    Prune(Retention),
    HandOver(Vec<i64>, Timestamp),
    TakeBack(i64),
    BringForward(String, Timestamp),
    Hold(Vec<Hold>),
    Release(String, Timestamp),
    Gather(Box<Gather>),
    GiveUp(i64, String, Timestamp, Box<Told>),
    FallBack(Box<FallBack>),
    Replay(Selection, Timestamp),
    DropDead(Selection),
    Watched(Vec<ConversationId>, Vec<SeekId>, Timestamp),
    Discovery(Box<DiscoveryCommit>),
    ClockMoved(Timestamp, Option<SignedDuration>),
    AddSilence(Box<Draft>, String, Timestamp),
    EndSilence(i64, String, Timestamp),
    Ack(ConversationId, Box<Acked>),
}

enum Answer {
    Done,
    Flag(bool),
    Count(u64),
    Replayed(Replayed),
    Told(Option<Vec<String>>),
    Gathered(Option<Box<Due>>),
    Silence(Box<Silence>),
}

impl Disk {
    pub(super) fn trouble(&mut self, trouble: Trouble, operations: u32) {
        self.trouble = (trouble != Trouble::No).then_some((trouble, operations));
    }

    fn take_trouble(&mut self) -> Trouble {
        match &mut self.trouble {
            Some((trouble, left)) if *left > 0 => {
                *left -= 1;
                *trouble
            }
            _ => Trouble::No,
        }
    }
}

impl State {
    fn sync(&mut self, up_to: u64) {
        while self.disk.queue.front().is_some_and(|(number, ..)| *number <= up_to) {
            let Some((_, job, slot)) = self.disk.queue.pop_front() else { return };
            let answer = self.apply(job);
            *slot.lock().unwrap_or_else(PoisonError::into_inner) = Some(answer);
        }
    }

    /// The daemon died: of what was written and not synced, the first few may be there.
    pub(super) fn lose_what_is_not_synced(&mut self) {
        let waiting = self.disk.queue.len() as u64;
        let kept = self.dice.within(0..waiting + 1);
        for _ in 0..kept {
            if let Some((_, job, _)) = self.disk.queue.pop_front() {
                self.markers.reach(Marker::KeptByCrash);
                let _ = self.apply(job);
            }
        }
        if kept < waiting {
            self.markers.reach(Marker::LostByCrash);
        }
        self.tell(|| format!("of {waiting} written operations {kept} are on the disk"));
        self.disk.queue.clear();
    }

    /// For whom a delivery is, and of what.
    fn delivery(&self, id: i64) -> Option<(String, String)> {
        let found = self.disk.rows.deliveries().find(|(one, _)| *one == id);
        found.map(|(_, one)| (one.notifier.clone(), one.notification.clone()))
    }

    fn apply(&mut self, job: Job) -> Result<Answer, StoreError> {
        let now = self.time.passed();
        match job {
            Job::Poll(commit) => {
                if let Err(error) = self.disk.rows.commit_poll(&commit) {
                    if matches!(error, StoreError::OutboxFull(_)) {
                        self.markers.reach(Marker::OutboxFull);
                    }
                    return Err(error);
                }
                let Some(truth) = self.conversations.iter().find(|one| one.id == commit.conversation) else {
                    self.ledger.violated(format!("I2: {} does not exist", commit.conversation));
                    return Ok(Answer::Done);
                };
                self.ledger.committed(&commit, truth, now, &mut self.markers);
                self.tell(|| {
                    let told: Vec<String> = commit.told.iter().map(in_short).collect();
                    format!("kept of {}: {}", commit.conversation, told.join(", "))
                });
                Ok(Answer::Done)
            }
            Job::Settle(settle) => {
                let row = self
                    .disk
                    .rows
                    .deliveries()
                    .find(|(id, one)| *id == settle.delivery && !one.state.is_final());
                let key = row.map(|(_, one)| (one.notifier.clone(), one.notification.clone()));
                let is_new = self.disk.rows.settle(&settle);
                let Some(key) = key else { return Ok(Answer::Flag(is_new)) };
                self.tell(|| format!("settled {} for {}: {:?}", key.1, key.0, settle.fate));
                let retry_for = self.setup.notifiers.iter().find(|one| one.name == key.0);
                let retry_for = retry_for.map_or(Duration::ZERO, |one| one.retry_for);
                self.ledger.settled(key, &settle, retry_for, now, &mut self.markers);
                if let (Fate::Dead(_), Some(told), true) = (&settle.fate, &settle.told, is_new) {
                    self.ledger.own_health(told, now, &mut self.markers);
                }
                Ok(Answer::Flag(is_new))
            }
            Job::Begin(episode, told) => {
                let begun = self.disk.rows.begin_episode(&episode, &told);
                if begun {
                    self.tell(|| in_short(&told));
                    self.ledger.own_health(&told, now, &mut self.markers);
                }
                Ok(Answer::Flag(begun))
            }
            Job::End(subject, told) => {
                let ended = self.disk.rows.end_episode(&subject, &told);
                if ended {
                    self.tell(|| in_short(&told));
                    self.ledger.own_health(&told, now, &mut self.markers);
                }
                Ok(Answer::Flag(ended))
            }
            Job::Summaries(rows) => {
                self.disk.rows.add_poll_summaries(&rows);
                Ok(Answer::Done)
            }
            Job::Prune(older) => Ok(Answer::Count(self.disk.rows.prune(older))),
            Job::HandOver(ids, at) => {
                self.disk.rows.hand_over(&ids, at);
                Ok(Answer::Done)
            }
            Job::TakeBack(id) => {
                self.disk.rows.take_back(id);
                Ok(Answer::Done)
            }
            Job::BringForward(notifier, at) => {
                self.markers.reach(Marker::CircuitClosed);
                self.disk.rows.bring_forward(&notifier, at);
                Ok(Answer::Done)
            }
            Job::Hold(holds) => {
                for hold in &holds {
                    let key = self.delivery(hold.delivery).unwrap_or_default();
                    self.tell(|| {
                        format!(
                            "{} is held for {} until {} ({})",
                            key.1,
                            key.0,
                            hold.until,
                            hold.why.as_str()
                        )
                    });
                    if self.disk.rows.hold(hold) {
                        self.ledger.held(&key, hold, &mut self.markers);
                    }
                }
                Ok(Answer::Done)
            }
            Job::Release(notifier, at) => {
                self.disk.rows.release(&notifier, at);
                Ok(Answer::Done)
            }
            Job::Gather(gather) => {
                let keys: Vec<_> = gather.members.iter().filter_map(|id| self.delivery(*id)).collect();
                let before = self.disk.rows.deliveries().count();
                let made = self.disk.rows.gather(&gather);
                if self.disk.rows.deliveries().count() > before {
                    let id = &gather.new.notification.id;
                    self.tell(|| format!("{id} tells {} of {} together", gather.new.notifier, keys.len()));
                    self.ledger.gathered(&keys, &gather, &mut self.markers);
                }
                Ok(Answer::Gathered(made.map(Box::new)))
            }
            Job::GiveUp(id, why, at, told) => {
                let key = self.delivery(id);
                let given_up = self.disk.rows.give_up(id, &why, at, &told);
                if let (true, Some(key)) = (given_up, key) {
                    self.tell(|| format!("gave up {} for {}", key.1, key.0));
                    self.ledger.expired(key, &told, now, &mut self.markers);
                }
                Ok(Answer::Flag(given_up))
            }
            Job::FallBack(fall_back) => {
                let key = self.delivery(fall_back.delivery);
                let told = self.disk.rows.fall_back(&fall_back);
                if let (Some(told), Some(key)) = (&told, key) {
                    self.tell(|| format!("{} is not accepted by {}: {}", key.1, key.0, told.join("+")));
                    self.ledger.fell_back(&key, &fall_back, told, now, &mut self.markers);
                }
                Ok(Answer::Told(told))
            }
            Job::Replay(selection, at) => {
                let replayed = self.disk.rows.replay(&selection, at)?;
                for one in &replayed.deliveries {
                    self.tell(|| format!("{} goes to {} once more", one.event, one.notifier));
                    let key = (one.notifier.clone(), one.event.clone());
                    self.ledger.replayed(key, &mut self.markers);
                }
                Ok(Answer::Replayed(replayed))
            }
            Job::DropDead(selection) => Ok(Answer::Count(self.disk.rows.drop_dead(&selection))),
            Job::ClockMoved(now, by) => {
                let moved = self.disk.rows.clock_moved(now, by);
                if moved > 0 {
                    self.markers.reach(Marker::DueMoved);
                }
                Ok(Answer::Count(moved))
            }
            Job::AddSilence(draft, user, at) => {
                let silence = self.disk.rows.add_silence(&draft, &user, at);
                self.tell(|| silence.to_string());
                self.ledger.silenced(&silence, now);
                Ok(Answer::Silence(Box::new(silence)))
            }
            Job::EndSilence(id, why, at) => {
                let ended = self.disk.rows.end_silence(id, &why, at);
                if ended {
                    self.tell(|| format!("silence {id} is over: {why}"));
                    self.ledger.silence_over(id, now);
                }
                Ok(Answer::Flag(ended))
            }
            Job::Ack(id, acked) => {
                let noted = self.disk.rows.ack(&id, &acked);
                if noted {
                    self.tell(|| format!("somebody knows of {id}, up to {}", acked.up_to.1));
                    self.markers.reach(Marker::Acked);
                }
                Ok(Answer::Flag(noted))
            }
            Job::Discovery(commit) => {
                self.disk.rows.commit_discovery(&commit);
                Ok(Answer::Done)
            }
            Job::Watched(conversations, seeks, at) => {
                self.disk.rows.watched(&conversations, &seeks, at);
                Ok(Answer::Done)
            }
        }
    }
}

fn in_short(told: &Told) -> String {
    let event = &told.event;
    let to: Vec<&str> = told.deliveries.iter().map(|delivery| delivery.notifier.as_str()).collect();
    let what = event.subject.clone().or_else(|| Some(event.data.problem.as_ref()?.subject.clone()));
    format!("{} {} {} to {}", event.id, event.kind.as_str(), what.unwrap_or_default(), to.join("+"))
}

fn concerned(subject: &str) -> &str {
    subject.strip_prefix("notifier/").map_or("", |rest| rest.split('/').next().unwrap_or(rest))
}

/// The disk as the daemon has it.
pub(super) struct DiskStore {
    pub(super) world: Arc<World>,
}

impl DiskStore {
    async fn read<T>(&self, look: impl FnOnce(&Rows) -> T + Send) -> Result<T, StoreError> {
        let (wait, trouble) = self.world.with(|state| {
            let is_failing = matches!(state.disk.trouble, Some((Trouble::Failing, left)) if left > 0);
            let wait = if state.dice.percent(2) { state.dice.millis(1..400) } else { Duration::ZERO };
            (wait, is_failing && state.disk.take_trouble() == Trouble::Failing)
        });
        if !wait.is_zero() {
            tokio::time::sleep(wait).await;
        }
        if trouble {
            self.world.with(|state| state.markers.reach(Marker::DiskFailed));
            return Err(StoreError::Io("made to fail".to_owned()));
        }
        Ok(self.world.with(|state| look(&state.disk.rows)))
    }

    async fn write(&self, job: Job) -> Result<Answer, StoreError> {
        let is_poll = matches!(job, Job::Poll(_));
        let is_settle = matches!(job, Job::Settle(_));
        if is_poll {
            self.world.at(Point::BeforeCommit).await;
        }
        let trouble = self.world.with(|state| {
            let trouble = state.disk.take_trouble();
            match trouble {
                Trouble::Full => state.markers.reach(Marker::DiskFull),
                Trouble::Failing => state.markers.reach(Marker::DiskFailed),
                Trouble::Slow | Trouble::No => {}
            }
            if matches!(trouble, Trouble::Full | Trouble::Failing) {
                state.tell(|| format!("the disk refuses: {trouble:?}"));
            }
            trouble
        });
        match trouble {
            Trouble::Full => return Err(StoreError::Full("made full".to_owned())),
            Trouble::Failing => return Err(StoreError::Io("made to fail".to_owned())),
            Trouble::Slow | Trouble::No => {}
        }
        let slot = Slot::default();
        let (number, wait) = self.world.with(|state| {
            let delay = match trouble {
                Trouble::Slow => state.dice.millis(500..20_000),
                _ => state.dice.millis(1..12),
            };
            let now = state.time.passed();
            let disk = &mut state.disk;
            disk.written += 1;
            disk.ready_at = disk.ready_at.max(now) + delay;
            disk.queue.push_back((disk.written, job, Arc::clone(&slot)));
            (disk.written, disk.ready_at - now)
        });
        if is_poll {
            self.world.at(Point::WithinSync).await;
        }
        if is_settle && self.world.with(|state| state.dice.percent(50)) {
            self.world.at(Point::WithinSettle).await;
        }
        tokio::time::sleep(wait).await;
        self.world.with(|state| state.sync(number));
        if is_poll {
            self.world.at(Point::BeforeAck).await;
        }
        if is_settle {
            self.world.at(Point::WithinSettle).await;
        }
        let answer = slot.lock().unwrap_or_else(PoisonError::into_inner).take();
        answer.expect("synced")
    }

    async fn turn_of(&self, delivery: i64) {
        let key = self.world.with(|state| state.delivery(delivery));
        self.world.turn(&key.unwrap_or_default().0).await;
    }

    async fn write_flag(&self, job: Job) -> Result<bool, StoreError> {
        self.write(job).await.map(|answer| matches!(answer, Answer::Flag(true)))
    }
}

#[async_trait]
impl Store for DiskStore {
    async fn cursor(&self, id: &ConversationId) -> Result<Option<Cursor>, StoreError> {
        self.read(|rows| rows.cursor(id)).await
    }

    async fn waits(&self) -> Result<Vec<Waits>, StoreError> {
        let waiting = |(id, cursor): (&ConversationId, &Cursor)| {
            let (conversation, acked) = (id.clone(), cursor.acked().is_some());
            Some(Waits { conversation, waiting: cursor.waiting.clone()?, acked })
        };
        self.read(move |rows| rows.cursors().filter_map(waiting).collect()).await
    }

    async fn silences(&self, over_after: Timestamp, limit: usize) -> Result<Vec<Silence>, StoreError> {
        // At start alone; without a throw of the dice, so that a seed without silences is what it was before there were.
        Ok(self.world.with(|state| state.disk.rows.silences(over_after, limit)))
    }

    async fn add_silence(&self, draft: Draft, user: &str, at: Timestamp) -> Result<Silence, StoreError> {
        match self.write(Job::AddSilence(Box::new(draft), user.to_owned(), at)).await? {
            Answer::Silence(silence) => Ok(*silence),
            _ => Err(StoreError::Closed),
        }
    }

    async fn end_silence(&self, id: i64, why: &str, at: Timestamp) -> Result<bool, StoreError> {
        self.write_flag(Job::EndSilence(id, why.to_owned(), at)).await
    }

    async fn ack(&self, id: &ConversationId, acked: Acked) -> Result<bool, StoreError> {
        self.write_flag(Job::Ack(id.clone(), Box::new(acked))).await
    }

    async fn commit_poll(&self, commit: PollCommit) -> Result<(), StoreError> {
        self.write(Job::Poll(Box::new(commit))).await.map(|_| ())
    }

    async fn due(&self, notifier: &str, now: Timestamp, limit: usize) -> Result<Vec<Due>, StoreError> {
        self.world.turn(notifier).await;
        self.read(|rows| rows.due(notifier, now, limit)).await
    }

    async fn next_due(&self, notifier: &str) -> Result<Option<Timestamp>, StoreError> {
        self.world.turn(notifier).await;
        self.read(|rows| rows.next_due(notifier)).await
    }

    async fn together(
        &self,
        notifier: &str,
        scope: Scope,
        limit: usize,
    ) -> Result<Vec<Together>, StoreError> {
        self.world.turn(notifier).await;
        self.read(|rows| rows.together(notifier, &scope, limit)).await
    }

    async fn hold(&self, holds: Vec<Hold>) -> Result<(), StoreError> {
        self.turn_of(holds.first().map(|hold| hold.delivery).unwrap_or_default()).await;
        self.write(Job::Hold(holds)).await.map(|_| ())
    }

    async fn release(&self, notifier: &str, now: Timestamp) -> Result<(), StoreError> {
        self.world.turn(notifier).await;
        self.write(Job::Release(notifier.to_owned(), now)).await.map(|_| ())
    }

    async fn gather(&self, gather: Gather) -> Result<Option<Due>, StoreError> {
        self.world.turn(&gather.new.notifier).await;
        let answer = self.write(Job::Gather(Box::new(gather))).await?;
        Ok(if let Answer::Gathered(made) = answer { made.map(|made| *made) } else { None })
    }

    async fn sent_since(
        &self,
        notifier: &str,
        since: Timestamp,
    ) -> Result<Vec<(String, Timestamp)>, StoreError> {
        self.world.turn(notifier).await;
        self.read(|rows| rows.sent_since(notifier, since)).await
    }

    async fn hand_over(&self, deliveries: Vec<i64>, at: Timestamp) -> Result<(), StoreError> {
        self.turn_of(deliveries.first().copied().unwrap_or_default()).await;
        self.write(Job::HandOver(deliveries, at)).await.map(|_| ())
    }

    async fn take_back(&self, delivery: i64) -> Result<(), StoreError> {
        self.turn_of(delivery).await;
        self.write(Job::TakeBack(delivery)).await.map(|_| ())
    }

    async fn bring_forward(&self, notifier: &str, now: Timestamp) -> Result<(), StoreError> {
        self.world.turn(notifier).await;
        self.write(Job::BringForward(notifier.to_owned(), now)).await.map(|_| ())
    }

    async fn overdue(&self, before: Timestamp, limit: usize) -> Result<Vec<Overdue>, StoreError> {
        self.read(|rows| rows.overdue(before, limit)).await
    }

    async fn give_up(&self, delivery: i64, why: &str, at: Timestamp, told: Told) -> Result<bool, StoreError> {
        self.write_flag(Job::GiveUp(delivery, why.to_owned(), at, Box::new(told))).await
    }

    async fn unaccepted(&self, now: Timestamp, limit: usize) -> Result<Vec<Unaccepted>, StoreError> {
        self.read(|rows| rows.unaccepted(now, limit)).await
    }

    async fn fall_back(&self, fall_back: FallBack) -> Result<Option<Vec<String>>, StoreError> {
        let answer = self.write(Job::FallBack(Box::new(fall_back))).await?;
        Ok(if let Answer::Told(told) = answer { told } else { None })
    }

    async fn replay(
        &self,
        selection: Selection,
        at: Timestamp,
        dry_run: bool,
    ) -> Result<Replayed, StoreError> {
        if dry_run {
            return self.read(|rows| rows.find(&selection)).await;
        }
        let answer = self.write(Job::Replay(selection, at)).await?;
        Ok(if let Answer::Replayed(replayed) = answer { replayed } else { Replayed::default() })
    }

    async fn drop_dead(&self, selection: Selection) -> Result<u64, StoreError> {
        let answer = self.write(Job::DropDead(selection)).await?;
        Ok(if let Answer::Count(gone) = answer { gone } else { 0 })
    }

    async fn watched(
        &self,
        conversations: Vec<ConversationId>,
        seeks: Vec<SeekId>,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        self.write(Job::Watched(conversations, seeks, at)).await.map(|_| ())
    }

    async fn discoveries(&self) -> Result<Discoveries, StoreError> {
        self.read(Rows::discoveries).await
    }

    async fn commit_discovery(&self, commit: DiscoveryCommit) -> Result<(), StoreError> {
        self.write(Job::Discovery(Box::new(commit))).await.map(|_| ())
    }

    async fn settle(&self, settle: Settle) -> Result<bool, StoreError> {
        self.turn_of(settle.delivery).await;
        self.write_flag(Job::Settle(Box::new(settle))).await
    }

    async fn begin_episode(&self, episode: Episode, told: Told) -> Result<bool, StoreError> {
        self.world.turn(concerned(&episode.subject)).await;
        self.write_flag(Job::Begin(episode, Box::new(told))).await
    }

    async fn end_episode(&self, subject: &str, told: Told) -> Result<bool, StoreError> {
        self.world.turn(concerned(subject)).await;
        self.write_flag(Job::End(subject.to_owned(), Box::new(told))).await
    }

    async fn episodes(&self) -> Result<Vec<Episode>, StoreError> {
        self.read(Rows::episodes).await
    }

    async fn outbox(&self) -> Result<Vec<OutboxCount>, StoreError> {
        self.read(Rows::outbox).await
    }

    async fn recent_events(&self, limit: usize) -> Result<Vec<RecentEvent>, StoreError> {
        self.read(|rows| rows.recent_events(limit)).await
    }

    async fn recent_deliveries(&self, limit: usize) -> Result<Vec<RecentDelivery>, StoreError> {
        self.read(|rows| rows.recent_deliveries(limit)).await
    }

    async fn add_poll_summaries(&self, rows: Vec<PollSummary>) -> Result<(), StoreError> {
        self.write(Job::Summaries(rows)).await.map(|_| ())
    }

    async fn prune(&self, older: Retention) -> Result<u64, StoreError> {
        let answer = self.write(Job::Prune(older)).await?;
        Ok(if let Answer::Count(gone) = answer { gone } else { 0 })
    }

    /// Nobody asks for heartbeats here.
    async fn beat(&self, _: Told) -> Result<BTreeMap<String, u64>, StoreError> {
        Err(StoreError::Closed)
    }

    async fn outlive_beats(&self, _: Timestamp, _: Timestamp) -> Result<BTreeMap<String, u64>, StoreError> {
        Err(StoreError::Closed)
    }

    async fn beats(&self) -> Result<Beats, StoreError> {
        Err(StoreError::Closed)
    }

    async fn fill(&self) -> Result<Fill, StoreError> {
        self.read(Rows::fill).await
    }

    async fn clock_moved(&self, now: Timestamp, by: Option<SignedDuration>) -> Result<u64, StoreError> {
        let answer = self.write(Job::ClockMoved(now, by)).await?;
        Ok(if let Answer::Count(moved) = answer { moved } else { 0 })
    }

    async fn ping(&self) -> Result<(), StoreError> {
        self.read(|_| ()).await
    }

    async fn size(&self) -> Result<(u64, u64), StoreError> {
        Ok((0, u64::MAX))
    }
}
