//! A store that is written first and synced later, like a real disk: an operation counts once it is synced, and only
//! then anybody is told. What was not synced when the daemon died is lost, or happens to be there: nobody can know.

mod store;

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::markers::Marker;
use super::world::State;
use crate::core::outcome::Fate;
use crate::core::seek::Place;
use crate::core::silence::{Draft, Silence};
use crate::core::waiting::Acked;
use crate::core::watch::ConversationId;
use crate::store::model::Rows;
use crate::store::{
    DiscoveryCommit, Due, Episode, FallBack, Gather, Hold, PollCommit, PollSummary, Replayed, Retention,
    Selection, Settle, StoreError, Told,
};

pub(super) use store::DiskStore;

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
    Expiring(String, Timestamp, u8, Box<Told>),
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
    Watched(Vec<ConversationId>, Vec<Place>, Timestamp),
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
    Marked(Vec<i64>),
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
            Job::Expiring(account, expires, stage, told) => {
                let is_news = self.disk.rows.token_expiring(&account, expires, stage, &told);
                if is_news {
                    self.tell(|| in_short(&told));
                    self.ledger.token_expiring(&told, &account, expires, stage);
                    self.ledger.own_health(&told, now, &mut self.markers);
                }
                Ok(Answer::Flag(is_news))
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
            Job::HandOver(ids, at) => Ok(Answer::Marked(self.disk.rows.hand_over(&ids, at))),
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
            Job::Watched(conversations, places, at) => {
                self.disk.rows.watched(&conversations, &places, at);
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
