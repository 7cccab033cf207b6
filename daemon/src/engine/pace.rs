//! What of a notifier's queue goes now, what is held back for its own sake, and what goes together. Decided by
//! [`pacing`](crate::core::pacing); what is decided is in the store before anything is sent.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;

use super::plan::{Plan, reader};
use crate::core::event::Event;
use crate::core::notification;
use crate::core::outcome::DELAY_MAX;
use crate::core::pacing::{GATHERED_MAX, Held, Pacing, Recent, Verdict, Waits, is_exempt};
use crate::core::together;
use crate::core::watch::Priority;
use crate::store::{Due, Gather, Hold, NewDelivery, Scope, Store, StoreError, Together};

/// What is told of several conversations has a lane of its own.
const DIGEST_LANE: &str = "digest";

/// A notifier's pace.
#[derive(Default)]
pub(super) struct Pace {
    pacing: Pacing,
    recent: Recent,
    /// Whether what was sent before this process began is known.
    is_known: bool,
    /// Whether what is held back must be looked at by the configuration that is in use now.
    is_new: bool,
    /// What was counted as sent and has not ended yet.
    counted: BTreeMap<i64, (String, Timestamp)>,
}

/// What is needed to decide, beside what is due.
pub(super) struct Scene<'a> {
    pub(super) notifier: &'a str,
    pub(super) store: &'a Arc<dyn Store>,
    pub(super) plan: &'a Plan,
    pub(super) now: Timestamp,
}

/// What was decided.
#[derive(Default)]
pub(super) struct Chosen {
    /// What goes.
    pub(super) going: Vec<Due>,
    /// How many deliveries became part of others.
    pub(super) grouped: usize,
    /// The store could not be read or written: the rest is looked at again later.
    pub(super) fault: Option<StoreError>,
}

impl Pace {
    /// By this from now on.
    pub(super) fn configure(&mut self, pacing: &Pacing) {
        if !self.is_known || self.pacing != *pacing {
            self.pacing = pacing.clone();
            self.is_new = true;
        }
    }

    /// Which of what is due goes now. What does not is held back, or part of something that goes. A fault of the store
    /// keeps nothing from going that was chosen before it.
    pub(super) async fn choose(&mut self, scene: &Scene<'_>, due: Vec<Due>) -> Chosen {
        let mut chosen = Chosen::default();
        if self.pacing.is_none() {
            chosen.going = due;
            return chosen;
        }
        if let Err(fault) = self.choose_into(scene, due, &mut chosen).await {
            chosen.fault = Some(fault);
        }
        chosen
    }

    async fn choose_into(
        &mut self,
        scene: &Scene<'_>,
        due: Vec<Due>,
        chosen: &mut Chosen,
    ) -> Result<(), StoreError> {
        // Of each reason one digest, and none for whoever is part of it.
        let (mut gathered, mut digests) = (BTreeSet::new(), BTreeSet::new());
        let mut holds = Vec::new();
        for head in due {
            if gathered.contains(&head.id) {
                continue;
            }
            if head.replay || is_exempt(&head.lane) {
                chosen.going.push(head);
                continue;
            }
            let rows = self.with_those_behind(scene, &head).await?;
            let waits: Vec<Waits> = rows.iter().map(waits).collect();
            let by = if head.handed > 0 { self.pacing.of_what_was_tried() } else { self.pacing.clone() };
            let (count, lifted) = match by.judge(&waits, head.held, &self.recent, &head.lane, scene.now) {
                Verdict::Hold { until, why } => {
                    // Of a lane that is too long to be read whole, what is behind its first so many does not matter.
                    let last = rows.iter().map(|row| row.delivery).max();
                    let seen = last.filter(|_| rows.len() < GATHERED_MAX).unwrap_or(i64::MAX);
                    holds.push(Hold { delivery: head.id, until, why, at: scene.now, seen });
                    continue;
                }
                Verdict::Go { together, lifted } => (together, lifted),
            };
            let (mut members, lane) = match lifted.filter(|why| digests.insert(*why)) {
                Some(why) => self.digest(scene, why).await?,
                None => (rows[..count.min(rows.len())].to_vec(), head.lane.clone()),
            };
            self.shorten(&mut members);
            if members.len() > 1 {
                match self.gather(scene, &members, &lane, lifted).await {
                    Ok(made) => {
                        gathered.extend(members.iter().map(|member| member.delivery));
                        chosen.grouped += members.len();
                        chosen.going.extend(made.into_iter().inspect(|made| self.count(made, scene.now)));
                    }
                    // Told one by one rather than not at all.
                    Err(error @ StoreError::Full(_)) => {
                        tracing::warn!(notifier = scene.notifier, %error, "could not put messages together");
                        self.count(&head, scene.now);
                        chosen.going.push(head);
                        continue;
                    }
                    Err(error) => return Err(error),
                }
            }
            // With a digest gone that it has no part in, it is still due, and decided anew: that may have been the last that
            // a cap allows.
            if members.len() <= 1 {
                self.count(&head, scene.now);
                chosen.going.push(head);
            }
        }
        if !holds.is_empty() {
            scene.store.hold(holds).await?;
        }
        Ok(())
    }

    /// What must be known, and done, before anything is chosen.
    pub(super) async fn prepare(&mut self, scene: &Scene<'_>) -> Result<(), StoreError> {
        if !self.is_known {
            let ago = self.pacing.remembers().min(DELAY_MAX);
            let since = scene.now.checked_sub(ago).unwrap_or(Timestamp::MIN);
            for (lane, at) in scene.store.sent_since(scene.notifier, since).await? {
                self.recent.sent(&lane, at);
            }
            self.is_known = true;
        }
        self.follow(scene.now);
        if self.is_new {
            // On a full disk what may go goes all the same; what is held back then keeps its time a little longer.
            match scene.store.release(scene.notifier, scene.now).await {
                Err(StoreError::Full(_)) => {}
                done => self.is_new = done.map(|()| false)?,
            }
        }
        Ok(())
    }

    /// The head of a lane with those behind it; one that has stepped aside is by itself.
    async fn with_those_behind(&self, scene: &Scene<'_>, head: &Due) -> Result<Vec<Together>, StoreError> {
        let rows = scene.store.together(scene.notifier, Scope::Lane(head.lane.clone()), GATHERED_MAX).await?;
        if rows.first().is_some_and(|first| first.delivery == head.id) {
            return Ok(rows);
        }
        let (delivery, lane) = (head.id, head.lane.clone());
        Ok(vec![Together { delivery, lane, created_at: head.created_at, plain: false, event: None }])
    }

    /// What waited for the same reason in every lane.
    async fn digest(&self, scene: &Scene<'_>, why: Held) -> Result<(Vec<Together>, String), StoreError> {
        let mut rows = scene.store.together(scene.notifier, Scope::Held(why), GATHERED_MAX).await?;
        let (mut members, mut lanes) = (Vec::new(), BTreeSet::new());
        while let Some(first) = rows.first() {
            let lane = first.lane.clone();
            let end = rows.iter().position(|row| row.lane != lane).unwrap_or(rows.len());
            let of_lane: Vec<Together> = rows.drain(..end).collect();
            let waits: Vec<Waits> = of_lane.iter().map(waits).collect();
            let taken = self.pacing.digested(&waits);
            if taken > 0 {
                lanes.insert(lane);
            }
            members.extend(of_lane.into_iter().take(taken));
        }
        let only = lanes.first().filter(|_| lanes.len() == 1).cloned();
        Ok((members, only.unwrap_or_else(|| DIGEST_LANE.to_owned())))
    }

    /// A program gets every event: what there is no room for comes in the next notification.
    fn shorten(&self, members: &mut Vec<Together>) {
        if self.pacing.whole {
            let events: Vec<Event> = members.iter().filter_map(|member| member.event.clone()).collect();
            members.truncate(together::fitting(&events));
        }
    }

    async fn gather(
        &self,
        scene: &Scene<'_>,
        members: &[Together],
        lane: &str,
        lifted: Option<Held>,
    ) -> Result<Option<Due>, StoreError> {
        let Some(notifier) = scene.plan.config.notifiers.get(scene.notifier) else { return Ok(None) };
        let events: Vec<Event> = members.iter().filter_map(|member| member.event.clone()).collect();
        let words = notifier.voice.words;
        let why = lifted.map(|held| words.held_back(held, self.pacing.cap));
        let reader = reader(scene.notifier, notifier, scene.now);
        let Some(notification) = together::of_events(&events, reader, why.as_deref()) else {
            return Ok(None);
        };
        let new = NewDelivery {
            notification,
            notifier: scene.notifier.to_owned(),
            lane: lane.to_owned(),
            fallback_after: (!notifier.fallback.is_empty()).then_some(notifier.fallback_after),
            urgent: false,
            suppressed: None,
        };
        let members = members.iter().map(|member| member.delivery).collect();
        scene.store.gather(Gather { members, new, at: scene.now }).await
    }

    fn follow(&mut self, now: Timestamp) {
        self.recent.follow(now);
        let counted = self.counted.values_mut().filter(|(_, at)| *at > now);
        counted.for_each(|(_, at)| *at = now);
    }

    /// It goes; each delivery counts once, however often it is tried.
    fn count(&mut self, due: &Due, now: Timestamp) {
        if due.handed == 0 && !due.replay {
            self.recent.sent(&due.lane, now);
            self.counted.insert(due.id, (due.lane.clone(), now));
        }
    }

    /// It goes only now: that was decided before it was noted on a disk that may be slow.
    pub(super) fn goes(&mut self, delivery: i64, now: Timestamp) {
        if let Some((lane, at)) = self.counted.get_mut(&delivery) {
            self.recent.not_sent(lane, *at);
            self.recent.sent(lane, now);
            *at = now;
        }
    }

    /// It did not go, after all.
    pub(super) fn not_sent(&mut self, delivery: i64) {
        if let Some((lane, at)) = self.counted.remove(&delivery) {
            self.recent.not_sent(&lane, at);
        }
    }

    /// It was handed over, however that ended.
    pub(super) fn ended(&mut self, delivery: i64) {
        self.counted.remove(&delivery);
    }
}

/// As far as the decision needs it.
fn waits(row: &Together) -> Waits {
    let event = row.event.as_ref();
    let vip = event.and_then(|event| event.data.watch.as_ref());
    Waits {
        created_at: row.created_at,
        plain: row.plain,
        incident: event.and_then(notification::incident),
        severity: event.map_or(commwatch_plugin_api::Severity::Info, notification::severity),
        vip: vip.is_some_and(|watch| watch.priority == Priority::Vip),
    }
}
