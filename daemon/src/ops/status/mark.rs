//! Whether something has changed that a person would want to see.

use std::hash::{DefaultHasher, Hash, Hasher};

use super::Status;

impl Status {
    /// A number that differs when something has changed which is worth a look. That time goes by, and that polls find
    /// nothing, is not.
    pub fn mark(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        (&self.version, self.started, &self.not_ready, &self.warnings).hash(&mut hasher);
        let reload = &self.reload;
        (reload.last_ok, reload.at, &reload.error, &reload.held).hash(&mut hasher);
        for one in &self.accounts {
            (&one.name, one.up, one.throttled_until.is_some(), &one.last_error, one.token_expires)
                .hash(&mut hasher);
        }
        for one in &self.watches {
            (&one.name, &one.title, one.priority.as_str(), one.conversations, one.state.as_str())
                .hash(&mut hasher);
            (one.fresh, &one.last_error, one.last_message_at, one.waiting_since).hash(&mut hasher);
            (one.acked, one.silenced_until, one.events_total).hash(&mut hasher);
        }
        for one in &self.notifiers {
            (&one.name, &one.version, one.state.as_str(), &one.why, one.pending, one.held).hash(&mut hasher);
            (&one.held_reason, one.dead, one.last_delivered, &one.last_error).hash(&mut hasher);
        }
        self.recent_events.first().map(|event| &event.id).hash(&mut hasher);
        let newest = self.recent_deliveries.first();
        newest.map(|one| (&one.event, &one.notifier, one.attempt, one.at)).hash(&mut hasher);
        for one in &self.silences {
            (one.id, one.until, one.ended.is_some()).hash(&mut hasher);
        }
        hasher.finish()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::ops::status::tests::{NOW, example, silence};

    #[test]
    fn that_time_goes_by_is_no_change_and_that_somebody_waits_is() {
        let mark = example().mark();
        let mut later = example();
        later.taken = NOW + Duration::from_secs(10);
        later.watches[1].last_success = Some(later.taken);
        later.watches[1].next_poll = Some(later.taken);
        assert_eq!(later.mark(), mark);
        let changes: [fn(&mut Status); 6] = [
            |status| status.watches[2].waiting_since = Some(NOW),
            |status| status.watches[2].acked = true,
            |status| status.notifiers[0].dead = 1,
            |status| status.recent_deliveries[0].attempt = 2,
            |status| status.silences.push(silence()),
            |status| status.reload.held = Some("2 VIPs".into()),
        ];
        for (n, change) in changes.into_iter().enumerate() {
            let mut changed = example();
            change(&mut changed);
            assert_ne!(changed.mark(), mark, "change {n}");
        }
    }
}
