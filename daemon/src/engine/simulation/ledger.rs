//! What was seen from outside, and whether it may be so: it watches the requests, what became durable, and what
//! arrived, and compares that with what is true. It asks the daemon nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::Timestamp;

use super::commbox::{Conversation, Message, Served};
use super::markers::{Marker, Markers};
use super::setup::Setup;
use super::waits::{Seen, Waits};
use crate::core::cursor::Vanished;
use crate::core::event::{EventKind, status_name};
use crate::core::expiry;
use crate::core::message::AuthorKind;
use crate::core::watch::ConversationId;
use crate::store::{PollCommit, Told};

mod again;
mod deliveries;
mod requests;
mod silences;
mod together;

use requests::Requests;
use together::Weight;

/// What was told by a configuration that has just been exchanged may become durable so much later.
const SETUP_LINGERS: Duration = Duration::from_secs(180);
/// A copy that lags behind for a quarter of an hour is believed, or a poll later.
const STALE_FOR: Duration = Duration::from_secs(880);

#[derive(Default)]
pub(super) struct Ledger {
    /// What must not be so.
    pub(super) violations: Vec<String>,
    pub(super) events: BTreeMap<String, Kept>,
    baselines: BTreeMap<ConversationId, Baseline>,
    /// Which event tells of which message, by kind.
    by_message: BTreeMap<(ConversationId, u64, EventKind), String>,
    /// The latest answer about each conversation that could be used.
    served: BTreeMap<ConversationId, Served>,
    /// The newest `updatedTime` that the daemon can know of.
    updated: BTreeMap<ConversationId, Timestamp>,
    /// Since when answers are older than that.
    behind: BTreeMap<ConversationId, Duration>,
    /// The text of each message as it was last told, or was at first sight.
    texts: BTreeMap<(ConversationId, u64), String>,
    /// How many answers in a row lacked a message that was there.
    lacking: BTreeMap<(ConversationId, u64), u32>,
    /// The same of those that have come back, and of which nothing has become durable since.
    back: BTreeMap<(ConversationId, u64), u32>,
    /// How many answers in a row said that it is not there.
    gone: BTreeMap<ConversationId, u32>,
    /// Accounts that a key was refused to, and notifiers with a fault, since they last were said to be well.
    faults: BTreeSet<String>,
    /// By account and end of its key, at which stages that was told.
    token_told: BTreeMap<(String, Timestamp), Vec<u8>>,
    setups: Vec<(Duration, Setup)>,
    handed: BTreeMap<(String, String), Handed>,
    /// By notifier and lane: what was written there, in order, and neither ended nor was sent once more.
    lanes: BTreeMap<(String, String), Vec<String>>,
    /// By notifier and lane, the latest that arrived there for the first time.
    arrived: BTreeMap<(String, String), u64>,
    /// By notifier and incident, the number of the latest delivery that said there that it is over.
    ended: BTreeMap<(String, String), u64>,
    requests: BTreeMap<String, Requests>,
    clock_set_at: Option<Duration>,
    /// For attempts before a restart after the clock was set, nobody knows how long they are ago.
    unsure_before: Duration,
    /// By notifier, whether each attempt failed.
    recent: BTreeMap<String, Vec<bool>>,
    /// By notifier, when something was handed over for the first time.
    sent: BTreeMap<String, Vec<Duration>>,
    /// When the last daemon ended.
    ended_at: Duration,
    asking: BTreeSet<ConversationId>,
    pub(super) asked_at: BTreeMap<ConversationId, Vec<Duration>>,
    waits: Waits,
    silenced: silences::Silenced,
    /// By notifier: durable deliveries, and how many of them ended.
    written: BTreeMap<String, [u64; 2]>,
    /// Durable changes, but for what is written each hour.
    pub(super) changes: u64,
    /// Deliveries that ever became durable.
    deliveries: u64,
    pub(super) arrivals: u64,
}

/// An event that is durable.
pub(super) struct Kept {
    recorded: Timestamp,
    /// The notifier that it is about.
    concerned: Option<String>,
    weight: Weight,
    /// What it does to an incident; of a notification of several, nothing that is known here.
    does: Option<again::Does>,
    /// Of a notification of several, what it tells of.
    members: Vec<String>,
    /// By notifier.
    pub(super) deliveries: BTreeMap<String, Written>,
}

/// A delivery that is durable.
pub(super) struct Written {
    /// Of all deliveries.
    number: u64,
    lane: String,
    payload: String,
    /// Whether it was written in place of another.
    is_fallback: bool,
    /// Whether others were written in its place.
    fell_back: bool,
    /// What tells of it, with others.
    part_of: Option<String>,
    /// How long it was held back on purpose.
    held_for: Duration,
    /// Whether a silence keeps it from its notifier.
    suppressed: bool,
}

struct Baseline {
    ids: BTreeSet<u64>,
    at: Timestamp,
    /// Whether an answer has listed children since.
    listed: bool,
}

/// What a receiver did with a notification.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Said {
    Accepted,
    Rejected,
    NotNow,
    Broken,
    /// Nobody heard what it said.
    Nothing {
        crashed: bool,
    },
}

#[derive(Default)]
struct Handed {
    times: u32,
    first_at: Duration,
    said: Option<Said>,
    accepted: u32,
    crashes: u32,
    /// Why it may arrive once more.
    excuse: Option<Marker>,
    settled: bool,
    /// And it counts as delivered.
    delivered: bool,
    /// Attempts that ended, were durable, and counted as failed.
    failed: u32,
    /// An operator wants it: it comes when it comes.
    replayed: bool,
}

impl Ledger {
    pub(super) fn violated(&mut self, what: impl Into<String>) {
        self.violations.push(what.into());
    }

    fn must(&mut self, holds: bool, what: impl FnOnce() -> String) {
        if !holds {
            self.violations.push(what());
        }
    }

    pub(super) fn configured(&mut self, setup: &Setup, now: Duration) {
        self.setups.push((now, setup.clone()));
    }

    pub(super) fn served(&mut self, id: &ConversationId, served: Served, now: Duration) {
        self.gone.remove(id);
        if self.updated.get(id).is_some_and(|known| served.updated.as_second() < known.as_second()) {
            self.behind.entry(id.clone()).or_insert(now);
        } else {
            self.behind.remove(id);
        }
        // What a copy that lags behind lacks or shows says nothing, until it is believed.
        let is_believed = self.behind.get(id).is_none_or(|since| now.saturating_sub(*since) >= STALE_FOR);
        if served.listed && is_believed {
            let told = self.texts.keys().filter(|(of, _)| of == id).map(|(_, message)| *message);
            let baseline = self.baselines.get(id).into_iter().flat_map(|baseline| &baseline.ids).copied();
            for message in told.chain(baseline).collect::<BTreeSet<_>>() {
                let key = (id.clone(), message);
                if served.texts.contains_key(&message) {
                    if let Some(times) = self.lacking.remove(&key) {
                        self.back.insert(key, times);
                    }
                } else {
                    *self.lacking.entry(key).or_default() += 1;
                }
            }
        }
        self.served.insert(id.clone(), served);
    }

    pub(super) fn said_gone(&mut self, id: &ConversationId) {
        *self.gone.entry(id.clone()).or_default() += 1;
    }

    pub(super) fn fault(&mut self, subject: &str) {
        self.faults.insert(subject.to_owned());
    }

    // What became durable.

    pub(super) fn committed(
        &mut self,
        commit: &PollCommit,
        truth: &Conversation,
        now: Duration,
        markers: &mut Markers,
    ) {
        self.changes += 1;
        let id = &commit.conversation;
        self.back.retain(|(of, _), _| of != id);
        if let Some(served) = self.served.get(id).cloned()
            && commit.change.after.baseline_at.is_some()
        {
            self.sees(id, &served, truth, &commit.told);
        }
        let is_back = |child: &str| {
            let child = child.parse().ok();
            child.is_some_and(|child| self.event_of(id, child, EventKind::MessageDeleted).is_some())
        };
        if commit.change.seen.iter().any(|(child, seen)| seen.vanished.is_none() && is_back(child.as_str())) {
            markers.reach(Marker::ReturnedChild);
        }
        if commit
            .change
            .seen
            .iter()
            .any(|(_, seen)| matches!(seen.vanished, Some((_, Vanished::Unconfirmed))))
        {
            markers.reach(Marker::DeletionPending);
        }
        // Those that it ends are over what came before their end.
        for told in &commit.told {
            if commit.silences_over.is_empty() {
                self.kept_by_silences(id, told, now, markers);
            }
            self.told_of(id, told, truth, now, markers);
        }
        self.silences_end(commit, now, markers);
    }

    /// I4: nothing of the baseline is told. What that is, the first answer says.
    fn sees(&mut self, id: &ConversationId, served: &Served, truth: &Conversation, told: &[Told]) {
        let newest =
            self.setups.last().and_then(|(_, setup)| setup.watching(id)).is_some_and(|one| one.newest);
        let first = !self.baselines.contains_key(id);
        let baseline = self.baselines.entry(id.clone()).or_insert_with(|| Baseline {
            ids: BTreeSet::new(),
            listed: false,
            at: served.at,
        });
        if served.listed && !baseline.listed {
            baseline.listed = true;
            let at = baseline.at;
            let is_old = |child: u64| truth.messages.iter().any(|one| one.id == child && one.created <= at);
            // When one that cannot be read was written is not known either: but at first sight, it is told.
            let unknown = served.garbled.filter(|_| !first);
            let all = served.texts.keys().copied().filter(|child| Some(*child) != unknown);
            let but = served.newest.filter(|_| newest);
            baseline.ids = all.filter(|child| (first || is_old(*child)) && Some(*child) != but).collect();
            for child in &baseline.ids {
                if let Some(text) = served.texts.get(child).filter(|_| served.garbled != Some(*child)) {
                    self.texts.insert((id.clone(), *child), text.clone());
                }
            }
        }
        // One that could not be read at first sight is known as it is read first.
        for child in self.baselines.get(id).iter().flat_map(|baseline| &baseline.ids) {
            if let Some(text) = served.texts.get(child).filter(|_| served.garbled != Some(*child)) {
                self.texts.entry((id.clone(), *child)).or_insert_with(|| text.clone());
            }
        }
        let allowed = |told: &Told| match told.event.kind {
            EventKind::WatchRecovered | EventKind::Waiting => true,
            EventKind::MessageCreated => newest,
            _ => false,
        };
        self.must(!first || told.iter().all(allowed), || {
            format!("I4: told of something at first sight of {id}")
        });
        let known = self.updated.entry(id.clone()).or_insert(served.updated);
        *known = served.updated.max(*known);
    }

    /// I2: each event says something that is true.
    fn told_of(
        &mut self,
        id: &ConversationId,
        told: &Told,
        truth: &Conversation,
        now: Duration,
        markers: &mut Markers,
    ) {
        let event = &told.event;
        let kind = event.kind;
        let child = event.subject.as_deref().and_then(|subject| subject.strip_prefix("child/"));
        let child = child.and_then(|child| child.parse::<u64>().ok());
        let message = child.and_then(|child| truth.messages.iter().find(|message| message.id == child));
        let served = self.served.get(id).cloned();
        let served = served.as_ref();
        let name = || format!("{} of {id} ({})", kind.as_str(), event.subject.as_deref().unwrap_or("-"));
        let behind = self.behind.get(id).is_some_and(|since| now.saturating_sub(*since) < STALE_FOR);
        let mut author = None;
        if kind.is_message() {
            let Some(message) = message else {
                return self.violated(format!("I2: {} was never written", name()));
            };
            author = Some(match (kind, message.agent) {
                (EventKind::MessageUnparsed, _) => AuthorKind::Unknown,
                (_, true) => AuthorKind::Agent,
                (_, false) => AuthorKind::Customer,
            });
            self.told_of_message(id, told, message, behind, markers);
        }
        match kind {
            _ if kind.is_message() => {}
            EventKind::GapUnresolved => {
                let lacking = self.lacking.keys().any(|(of, _)| of == id);
                self.must(lacking, || format!("I2: {} and nothing is missing", name()));
                markers.reach(Marker::Gap);
            }
            EventKind::StatusChanged | EventKind::Assigned if behind => {
                self.violated(format!("I2: {} by a copy that lags behind", name()));
            }
            EventKind::StatusChanged => {
                let change = event.data.change.as_ref();
                let current = change.and_then(|change| change.current.as_deref());
                let said = served.and_then(|served| status_name(served.status));
                self.must(current == said, || format!("I2: {} is {current:?}", name()));
                self.must(change.is_some_and(|change| change.previous != change.current), || {
                    format!("I2: {} is no change", name())
                });
            }
            EventKind::Assigned => {
                let current = event.data.change.as_ref().and_then(|change| change.current.clone());
                let said = served.filter(|served| served.assigned != 0).map(|s| s.assigned.to_string());
                self.must(current == said, || format!("I2: {} is {current:?}", name()));
            }
            EventKind::Waiting | EventKind::Answered => {
                let since = now.saturating_sub(SETUP_LINGERS);
                let ends = self.setups.iter().skip(1).map(|(at, _)| *at).chain([Duration::MAX]);
                let setups = self.setups.iter().zip(ends).filter(|(_, end)| *end >= since);
                let seen = Seen {
                    truth,
                    served,
                    behind: behind && event.data.waiting.as_ref().is_some_and(|waiting| waiting.confirmed),
                    gone: self.gone.get(id).copied().unwrap_or(0),
                    setups: setups.map(|((_, setup), _)| setup).collect(),
                    known: self.events.contains_key(&event.id),
                    now: super::world::right(now),
                };
                let wrong = self.waits.told(id, told, &seen, markers);
                self.violations.extend(wrong);
                return self.kept(told, None);
            }
            EventKind::WatchUnreachable => {
                let times = self.gone.get(id).copied().unwrap_or(0);
                self.must(times >= 2, || format!("I2: {} after {times} answers", name()));
                markers.reach(Marker::UnreachableTold);
            }
            EventKind::WatchRecovered => {
                let gone = self.gone.contains_key(id);
                self.must(!gone, || format!("I2: {} is still gone", name()));
                markers.reach(Marker::WatchRecovered);
            }
            other => self.violated(format!("I2: {} by a poll", other.as_str())),
        }
        let vip = self.setups.last().and_then(|(_, setup)| setup.watching(id)).map(|watching| watching.vip);
        self.keep(told, vip, author, None, now);
    }

    fn told_of_message(
        &mut self,
        id: &ConversationId,
        told: &Told,
        message: &Message,
        behind: bool,
        markers: &mut Markers,
    ) {
        let event = &told.event;
        let kind = event.kind;
        let name = || format!("{} of {id} child {}", kind.as_str(), message.id);
        let key = (id.clone(), message.id);
        let shown = self.served.get(id).and_then(|served| served.texts.get(&message.id)).cloned();
        let garbled = self.served.get(id).is_some_and(|served| served.garbled == Some(message.id));
        let said = event.data.message.as_ref().map(|message| message.text.clone());
        let before = self.by_message.insert((id.clone(), message.id, kind), event.id.clone());
        match kind {
            EventKind::MessageCreated | EventKind::MessageUnparsed => {
                let in_baseline =
                    self.baselines.get(id).is_some_and(|baseline| baseline.ids.contains(&message.id));
                self.must(!in_baseline, || format!("I4: {} of the baseline", name()));
                self.must(before.is_none(), || format!("I2, I5: {} was told before", name()));
            }
            EventKind::MessageEdited | EventKind::MessageDeleted => {
                self.must(!behind, || format!("I2: {} by a copy that lags behind", name()));
                self.must(before.as_ref() != Some(&event.id), || {
                    format!("I5: {} has an id once more", name())
                });
            }
            _ => {}
        }
        match kind {
            EventKind::MessageCreated | EventKind::MessageEdited => {
                self.must(shown.is_some() && shown == said && !garbled, || {
                    format!("I2: {} says {said:?}, CommBox {shown:?}", name())
                });
                let is_right = event.time == message.created || kind == EventKind::MessageEdited;
                self.must(is_right, || format!("I2: {} at {}", name(), event.time));
                let known = self.texts.insert(key, shown.unwrap_or_default());
                if kind == EventKind::MessageEdited {
                    self.must(known != said, || format!("I2: {} still says {said:?}", name()));
                    markers.reach(Marker::EditedTold);
                } else if message.back_dated {
                    markers.reach(Marker::BackDatedTold);
                } else if message.tied {
                    markers.reach(Marker::TiedTold);
                }
                if self.event_of(id, message.id, EventKind::MessageUnparsed).is_some() {
                    markers.reach(Marker::ReadAfterUnparsed);
                }
            }
            EventKind::MessageUnparsed => {
                self.must(garbled, || format!("I2: {} could be read", name()));
                self.texts.insert(key, shown.unwrap_or_default());
                markers.reach(Marker::UnparsedTold);
            }
            EventKind::MessageDeleted => {
                let times = self.lacking.get(&key).copied().unwrap_or(0);
                self.must(message.was_deleted, || format!("I2: {} never was", name()));
                self.must(times >= 2, || format!("I2: {} after {times} answers", name()));
                markers.reach(Marker::DeletedTold);
            }
            _ => {}
        }
    }

    /// A key that ends: each stage is told once, later ones later, and none before its time. No simulated key says so yet.
    pub(super) fn token_expiring(&mut self, told: &Told, account: &str, expires: Timestamp, stage: u8) {
        let stages = self.token_told.entry((account.to_owned(), expires)).or_default();
        let before = stages.last().copied();
        stages.push(stage);
        self.must(before < Some(stage), || format!("I2: stage {stage} of a key's end after {before:?}"));
        let due = expiry::stage(expires, told.event.recorded);
        self.must(due.abs_diff(stage) <= 1, || format!("I2: stage {stage} of a key's end in stage {due}"));
    }

    /// An event of our own health.
    pub(super) fn own_health(&mut self, told: &Told, now: Duration, markers: &mut Markers) {
        self.changes += 1;
        let kind = told.event.kind;
        let subject = told.event.data.problem.as_ref().map_or("", |problem| problem.subject.as_str());
        let known = self.faults.contains(subject);
        match kind {
            EventKind::AccountDenied => markers.reach(Marker::AccountDenied),
            EventKind::AccountRecovered => markers.reach(Marker::AccountRecovered),
            EventKind::NotifierRecovered => markers.reach(Marker::NotifierRecovered),
            EventKind::DeliveryDead => markers.reach(Marker::DeadLetter),
            _ => {}
        }
        match kind {
            EventKind::AccountDenied | EventKind::NotifierBroken => {
                self.must(known, || format!("I2: {} for {subject}, which has no fault", kind.as_str()));
            }
            EventKind::AccountRecovered | EventKind::NotifierRecovered => {
                self.faults.remove(subject);
            }
            _ => {}
        }
        let concerned = subject.strip_prefix("notifier/").map(|rest| rest.split('/').next().unwrap_or(rest));
        let concerned = concerned.map(str::to_owned);
        self.keep(told, None, None, concerned.as_deref(), now);
    }

    /// I1: it is written for everybody who should be told.
    fn keep(
        &mut self,
        told: &Told,
        vip: Option<bool>,
        author: Option<AuthorKind>,
        concerned: Option<&str>,
        now: Duration,
    ) {
        let event = &told.event;
        if self.events.contains_key(&event.id) {
            // Known already: two dead letters of one hour, or a store that was asked once more.
            return;
        }
        let mut names: Vec<&str> = told.deliveries.iter().map(|d| d.notifier.as_str()).collect();
        names.sort_unstable();
        let since = now.saturating_sub(SETUP_LINGERS);
        let ends = self.setups.iter().skip(1).map(|(at, _)| *at).chain([Duration::MAX]);
        let fits = self
            .setups
            .iter()
            .zip(ends)
            .filter(|(_, end)| *end >= since)
            .any(|((_, setup), _)| setup.told(event.kind, vip, author, concerned) == names);
        self.must(fits, || format!("I1: {} is told to {names:?}", event.kind.as_str()));
        self.kept(told, concerned);
    }

    fn kept(&mut self, told: &Told, concerned: Option<&str>) {
        let event = &told.event;
        let (recorded, concerned) = (event.recorded, concerned.map(str::to_owned));
        let weight = Weight::of(event);
        let does = again::does(&told.event);
        let (members, deliveries) = (Vec::new(), BTreeMap::new());
        let mut kept = Kept { recorded, concerned, weight, does, members, deliveries };
        for delivery in &told.deliveries {
            kept.deliveries.insert(delivery.notifier.clone(), self.writes(delivery, &event.id, false));
        }
        self.events.insert(event.id.clone(), kept);
    }

    pub(super) fn clock_set(&mut self, now: Duration) {
        self.clock_set_at = Some(now);
    }

    /// The daemon is gone: what it had not settled comes again, and its budgets begin anew.
    pub(super) fn daemon_ended(&mut self, now: Duration) {
        for handed in self.handed.values_mut().filter(|handed| handed.accepted > 0 && !handed.settled) {
            handed.excuse = Some(Marker::RepeatAfterCrash);
        }
        self.ended_at = now;
        if self.clock_set_at.is_some() {
            self.unsure_before = now;
        }
        for (key, times) in std::mem::take(&mut self.back) {
            *self.lacking.entry(key).or_default() += times;
        }
        self.requests.clear();
        self.asking.clear();
    }

    // What must be so at any time, or in the end.

    pub(super) fn is_told(&self, id: &ConversationId, message: u64) -> bool {
        let in_baseline = self.baselines.get(id).is_some_and(|baseline| baseline.ids.contains(&message));
        in_baseline || self.event_of(id, message, EventKind::MessageCreated).is_some()
    }

    /// A message that could not be read so far was told as such.
    pub(super) fn is_told_somehow(&self, id: &ConversationId, message: u64) -> bool {
        self.is_told(id, message) || self.event_of(id, message, EventKind::MessageUnparsed).is_some()
    }

    pub(super) fn event_of(&self, id: &ConversationId, message: u64, kind: EventKind) -> Option<&String> {
        self.by_message.get(&(id.clone(), message, kind))
    }

    /// What is known of a message's text.
    pub(super) fn text(&self, id: &ConversationId, message: u64) -> Option<&str> {
        self.texts.get(&(id.clone(), message)).map(String::as_str)
    }

    /// Whether a silence has kept from everybody that somebody waits, and nobody has heard of it since.
    pub(super) fn is_kept_from_everybody(&self, id: &ConversationId) -> bool {
        self.waits.is_kept_from_everybody(id)
    }

    pub(super) fn written(&self) -> &BTreeMap<String, [u64; 2]> {
        &self.written
    }

    pub(super) fn was_accepted(&self, notifier: &str, id: &str) -> bool {
        self.handed.get(&(notifier.to_owned(), id.to_owned())).is_some_and(|handed| handed.accepted > 0)
    }
}
