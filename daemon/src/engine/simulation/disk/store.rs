//! The disk as the daemon has it: each business transaction of the store is a job that is written and then synced.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};

use super::{Answer, Job, Slot, Trouble, concerned};
use crate::core::cursor::Cursor;
use crate::core::pressure::Fill;
use crate::core::seek::Place;
use crate::core::silence::{Draft, Silence};
use crate::core::waiting::Acked;
use crate::core::watch::ConversationId;
use crate::engine::simulation::markers::Marker;
use crate::engine::simulation::world::{Point, World};
use crate::store::model::Rows;
use crate::store::{
    Beats, Discoveries, DiscoveryCommit, Due, Episode, FallBack, Gather, Hold, OutboxCount, Overdue, Passing,
    PollCommit, PollSummary, Raised, RecentDelivery, RecentEvent, Replayed, Retention, Scope, Selection,
    Settle, Store, StoreError, Together, Told, Unaccepted, Waits,
};

/// The disk as the daemon has it.
pub(in crate::engine::simulation) struct DiskStore {
    pub(in crate::engine::simulation) world: Arc<World>,
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

    async fn hand_over(&self, deliveries: Vec<i64>, at: Timestamp) -> Result<Vec<i64>, StoreError> {
        self.turn_of(deliveries.first().copied().unwrap_or_default()).await;
        match self.write(Job::HandOver(deliveries, at)).await? {
            Answer::Marked(marked) => Ok(marked),
            _ => Ok(Vec::new()),
        }
    }

    async fn receipt(&self, notifier: &str, lane: &str) -> Result<Option<String>, StoreError> {
        self.world.turn(notifier).await;
        self.read(|rows| rows.receipt(notifier, lane)).await
    }

    async fn raised(&self, notifier: &str, after: &str, limit: usize) -> Result<Vec<Raised>, StoreError> {
        self.world.turn(notifier).await;
        self.read(|rows| rows.raised(notifier, after, limit)).await
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
        places: Vec<Place>,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        self.write(Job::Watched(conversations, places, at)).await.map(|_| ())
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

    async fn token_expiring(
        &self,
        account: &str,
        expires: Timestamp,
        stage: u8,
        told: Told,
    ) -> Result<bool, StoreError> {
        self.world.turn(account).await;
        self.write_flag(Job::Expiring(account.to_owned(), expires, stage, Box::new(told))).await
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

    /// Nor for tests.
    async fn tell(&self, _: Told) -> Result<(), StoreError> {
        Err(StoreError::Closed)
    }

    async fn outlive(
        &self,
        _: Passing,
        _: Timestamp,
        _: Timestamp,
    ) -> Result<BTreeMap<String, u64>, StoreError> {
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
