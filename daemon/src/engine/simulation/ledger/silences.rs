//! The ledger's page for silences: what may be kept from whom, and what must be.

use std::collections::BTreeMap;
use std::time::Duration;

use super::{Ledger, SETUP_LINGERS};
use crate::core::event::EventKind;
use crate::core::silence::{Matcher, Silence};
use crate::core::watch::ConversationId;
use crate::engine::simulation::markers::{Marker, Markers};
use crate::store::{PollCommit, Told};

/// Silences that ever became durable.
#[derive(Default)]
pub(super) struct Silenced(BTreeMap<i64, Entry>);

struct Entry {
    silence: Silence,
    added: Duration,
    over: Option<Duration>,
}

impl Ledger {
    /// A silence is durable.
    pub(in crate::engine::simulation) fn silenced(&mut self, silence: &Silence, now: Duration) {
        self.changes += 1;
        self.silenced.0.insert(silence.id, Entry { silence: silence.clone(), added: now, over: None });
    }

    /// And that somebody ended it.
    pub(in crate::engine::simulation) fn silence_over(&mut self, id: i64, now: Duration) {
        self.changes += 1;
        if let Some(entry) = self.silenced.0.get_mut(&id) {
            entry.over = Some(now);
        }
    }

    /// What an answer brought ended some: those that it may.
    pub(super) fn silences_end(&mut self, commit: &PollCommit, now: Duration, markers: &mut Markers) {
        for (id, why) in &commit.silences_over {
            let Some(entry) = self.silenced.0.get_mut(id) else {
                self.violations.push(format!("I2: silence {id} is over, and never was"));
                continue;
            };
            let silence = &entry.silence;
            let is_reply = |told: &Told| {
                let author = told.event.data.message.as_ref().map(|message| message.author.kind);
                told.event.kind == EventKind::MessageCreated
                    && author == Some(crate::core::message::AuthorKind::Agent)
            };
            let is_status = |told: &Told| told.event.kind == EventKind::StatusChanged;
            let may = (silence.until_reply && commit.told.iter().any(is_reply))
                || (silence.until_close && commit.told.iter().any(is_status));
            if !may || !is_about(silence, &commit.conversation) {
                self.violations.push(format!("I2: {silence} is over: {why}"));
            }
            markers.reach(Marker::SilenceEndedByCommBox);
            entry.over.get_or_insert(now);
        }
    }

    /// I1: nothing is kept from anybody but by a silence that is over it, and what one is over is kept.
    pub(super) fn kept_by_silences(
        &mut self,
        id: &ConversationId,
        told: &Told,
        now: Duration,
        markers: &mut Markers,
    ) {
        let event = &told.event;
        let about = || {
            let about = |entry: &&Entry| is_about(&entry.silence, id) && event.recorded < entry.silence.until;
            self.silenced.0.values().filter(about)
        };
        // Polls that were under way go by what they read before.
        let may =
            about().any(|entry| entry.over.is_none_or(|over| now.saturating_sub(over) <= SETUP_LINGERS));
        let must =
            about().any(|entry| entry.over.is_none() && now.saturating_sub(entry.added) > SETUP_LINGERS);
        let mut wrong = Vec::new();
        for delivery in &told.deliveries {
            let name = || format!("{} of {id} for {}", event.kind.as_str(), delivery.notifier);
            if let Some(why) = &delivery.suppressed {
                markers.reach(Marker::Suppressed);
                if !may || event.kind.is_own_health() {
                    wrong.push(format!("I1: {} is suppressed: {why}", name()));
                }
            } else if must && !event.kind.is_own_health() && event.kind != EventKind::Answered {
                wrong.push(format!("I1: {} is told, though a silence is over it", name()));
            }
        }
        self.violations.extend(wrong);
    }
}

fn is_about(silence: &Silence, id: &ConversationId) -> bool {
    matches!(&silence.matcher, Matcher::Conversation(about) if about == id)
}
