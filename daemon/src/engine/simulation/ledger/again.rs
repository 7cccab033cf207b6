//! The ledger's page for what is open and said again: only what its receiver was told of, and never behind its end.

use super::{Ledger, Said};
use crate::core::event::Event;
use crate::core::notification;
use crate::core::pacing::Incident;
use crate::engine::simulation::markers::{Marker, Markers};

/// What a delivery does to an incident, and to which.
pub(super) type Does = (Incident, String);

pub(super) fn does(event: &Event) -> Option<Does> {
    notification::incident(event)
}

impl Ledger {
    /// Its end has arrived.
    pub(super) fn ends(&mut self, notifier: &str, id: &str) {
        let Some(kept) = self.events.get(id) else { return };
        if let (Some((Incident::Closes, key)), Some(written)) = (&kept.does, kept.deliveries.get(notifier)) {
            let ended = self.ended.entry((notifier.to_owned(), key.clone())).or_default();
            *ended = (*ended).max(written.number);
        }
    }

    /// It is on its way, or arrives. Gives its id.
    pub(in crate::engine::simulation) fn says_again(
        &mut self,
        notifier: &str,
        payload: &str,
        markers: &mut Markers,
    ) -> String {
        markers.reach(Marker::SaidAgain);
        let id = payload.strip_prefix("{\"id\":\"").and_then(|rest| rest.split('"').next()).unwrap_or("?");
        let kept = self.events.get(id);
        let written = kept.and_then(|kept| kept.deliveries.get(notifier));
        let does = kept.and_then(|kept| kept.does.clone());
        let number = written.map_or(0, |written| written.number);
        let is_same = written.is_some_and(|written| written.payload == payload);
        let was_accepted = self.was_accepted(notifier, id);
        self.must(is_same && was_accepted, || {
            format!("{id} is said again to {notifier}, which was not told of it")
        });
        let Some((Incident::Opens, key)) = does else {
            self.violated(format!("{id} is said again to {notifier}, and opens nothing"));
            return id.to_owned();
        };
        let ended = self.ended.get(&(notifier.to_owned(), key)).copied().unwrap_or_default();
        self.must(ended < number, || {
            format!("{id} is said again to {notifier}, which was told that it is over")
        });
        id.to_owned()
    }

    /// How that ended: it says of the receiver what any other does.
    pub(in crate::engine::simulation) fn heard_again(&mut self, notifier: &str, said: Said) {
        self.heard(notifier, said);
    }
}
