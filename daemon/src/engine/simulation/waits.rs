//! What may be told of who waits: the ledger's page for `conversation.waiting` and `conversation.answered`.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::Timestamp;

use super::commbox::{Conversation, Served};
use super::markers::{Marker, Markers};
use super::setup::Setup;
use crate::core::detect::children::is_round;
use crate::core::event::{EventKind, WaitingData};
use crate::core::waiting;
use crate::core::watch::ConversationId;
use crate::store::Told;

/// Who was told that somebody waits, and has not been told that it is over.
#[derive(Default)]
pub(super) struct Waits {
    open: BTreeMap<ConversationId, Open>,
}

struct Open {
    child: String,
    to: BTreeSet<String>,
    /// A silence has kept it from everybody so far.
    silenced: bool,
}

/// What the ledger knows when such an event becomes durable.
pub(super) struct Seen<'a> {
    pub(super) truth: &'a Conversation,
    /// The latest answer that could be used.
    pub(super) served: Option<&'a Served>,
    /// Whether that lags behind, or how often in a row the conversation was said to be gone.
    pub(super) behind: bool,
    pub(super) gone: u32,
    /// What may be configured.
    pub(super) setups: Vec<&'a Setup>,
    /// Whether an event of that id is durable already.
    pub(super) known: bool,
    /// By the right clock.
    pub(super) now: Timestamp,
}

impl Waits {
    /// What is wrong with one that has become durable.
    pub(super) fn told(
        &mut self,
        id: &ConversationId,
        told: &Told,
        seen: &Seen<'_>,
        markers: &mut Markers,
    ) -> Option<String> {
        let event = &told.event;
        let name = format!("{} of {id} ({})", event.kind.as_str(), event.subject.as_deref().unwrap_or("-"));
        let Some(data) = &event.data.waiting else { return Some(format!("I2: {name} says nothing")) };
        if seen.known {
            return Some(format!("I5: {name} is told once more"));
        }
        let names: BTreeSet<String> =
            told.deliveries.iter().map(|delivery| delivery.notifier.clone()).collect();
        let heard = told.deliveries.iter().filter(|delivery| delivery.suppressed.is_none());
        let heard: BTreeSet<String> = heard.map(|delivery| delivery.notifier.clone()).collect();
        let wrong = match event.kind {
            EventKind::Waiting => {
                let wrong = self.begins(id, data, &names, seen, event.recorded, markers);
                self.heard(id, heard, names.len(), markers);
                wrong
            }
            _ => self.ends(id, data, &names, seen, markers),
        };
        wrong.map(|wrong| format!("I2: {name} {wrong}"))
    }

    fn begins(
        &mut self,
        id: &ConversationId,
        data: &WaitingData,
        names: &BTreeSet<String>,
        seen: &Seen<'_>,
        told_at: Timestamp,
        markers: &mut Markers,
    ) -> Option<String> {
        let Some(message) = seen.truth.messages.iter().find(|one| one.id.to_string() == data.child_id) else {
            return Some("was never written".to_owned());
        };
        let threshold = Duration::from_secs(data.threshold_seconds);
        if message.agent || data.since != message.created {
            return Some(format!("is of {message:?}"));
        }
        // With no answer to tell the clocks apart, our own is believed.
        let now = if data.confirmed { seen.now } else { seen.now.max(told_at) };
        if message.created + threshold > now {
            return Some(format!("comes before its time: {threshold:?} after {}", message.created));
        }
        let fits = |setup: &&Setup| {
            let vip = setup.watching(id).is_some_and(|watching| watching.vip);
            setup
                .waits(data.threshold_seconds, vip)
                .iter()
                .any(|allowed| allowed.iter().map(|&name| name.to_owned()).collect::<BTreeSet<_>>() == *names)
        };
        if !seen.setups.iter().any(fits) {
            return Some(format!("of {} s is told to {names:?}", data.threshold_seconds));
        }
        if data.confirmed {
            markers.reach(Marker::WaitingTold);
            let Some(served) = seen.served else { return Some("and nothing was answered".to_owned()) };
            let later = |one: &&super::commbox::Message| {
                one.agent
                    && served.texts.contains_key(&one.id)
                    && served.garbled != Some(one.id)
                    && (one.created, one.id) > (message.created, message.id)
            };
            if seen.behind || served.at < message.created + threshold {
                return Some(format!("is confirmed by an answer of {}", served.at));
            }
            // Not shown, it was cut off or is gone, which a list of that length does not tell.
            let is_cut = !message.deleted || is_round(served.texts.len());
            let is_shown = served.texts.contains_key(&message.id) || is_cut;
            if waiting::is_over(Some(served.status)) || !is_shown {
                return Some("and no answer shows it".to_owned());
            }
            if let Some(reply) = seen.truth.messages.iter().find(later) {
                return Some(format!("and {} answers it", reply.id));
            }
        } else {
            markers.reach(Marker::WaitingUnconfirmed);
        }
        let open = self.open.entry(id.clone()).or_insert(Open {
            child: String::new(),
            to: BTreeSet::new(),
            silenced: false,
        });
        open.child.clone_from(&data.child_id);
        None
    }

    /// Whether a silence has kept from everybody that somebody waits, and nobody has heard of it since.
    pub(super) fn is_kept_from_everybody(&self, id: &ConversationId) -> bool {
        self.open.get(id).is_some_and(|open| open.silenced)
    }

    /// Who of those that should be told were.
    fn heard(&mut self, id: &ConversationId, heard: BTreeSet<String>, of: usize, markers: &mut Markers) {
        let Some(open) = self.open.get_mut(id) else { return };
        if heard.is_empty() && of > 0 {
            open.silenced = true;
        } else if std::mem::take(&mut open.silenced) {
            markers.reach(Marker::WaitingToldAfterSilence);
        }
        open.to.extend(heard);
    }

    fn ends(
        &mut self,
        id: &ConversationId,
        data: &WaitingData,
        names: &BTreeSet<String>,
        seen: &Seen<'_>,
        markers: &mut Markers,
    ) -> Option<String> {
        let Some(open) = self.open.remove(id) else { return Some("was not told to wait".to_owned()) };
        markers.reach(Marker::AnsweredTold);
        // Whoever was told hears of it, unless it has left; and whoever wants to hear of all of them.
        let present = |name: &&String, setup: &&&Setup| setup.is_present(name);
        let fits = seen.setups.iter().any(|setup| {
            let mut expected: BTreeSet<String> =
                open.to.iter().filter(|name| present(name, &setup)).cloned().collect();
            let vip = setup.watching(id).map(|watching| watching.vip);
            let others = setup.told(EventKind::Answered, vip, None, None);
            expected.extend(others.into_iter().map(str::to_owned));
            expected == *names
        });
        if !fits {
            return Some(format!("is told to {names:?}, the wait to {:?}", open.to));
        }
        let served = seen.served;
        let shows = |child: u64| served.is_some_and(|served| served.texts.contains_key(&child));
        let waited = seen.truth.messages.iter().find(|one| one.id.to_string() == data.child_id);
        let Some(waited) = waited else { return Some("was never written".to_owned()) };
        let is_true =
            match data.ended.as_deref() {
                Some("replied") => seen.truth.messages.iter().any(|one| {
                    one.agent && shows(one.id) && (one.created, one.id) > (waited.created, waited.id)
                }),
                Some("closed") => served.is_some_and(|served| waiting::is_over(Some(served.status))),
                Some("withdrawn") => waited.was_deleted,
                Some("gone") => seen.gone >= 2,
                _ => false,
            };
        let is_behind = seen.behind && data.ended.as_deref() != Some("gone");
        (!is_true || is_behind).then(|| format!("is no {:?}", data.ended))
    }
}

/// The oldest message that nobody has answered, of those that are there.
pub(super) fn oldest(truth: &Conversation) -> Option<&super::commbox::Message> {
    let shown = || truth.messages.iter().filter(|message| !message.deleted);
    let reply = shown().filter(|one| one.agent).map(|one| (one.created, one.id)).max();
    shown()
        .filter(|one| !one.agent && reply.is_none_or(|reply| (one.created, one.id) > reply))
        .min_by_key(|one| (one.created, one.id))
}
