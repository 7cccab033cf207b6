//! The ledger's page for requests: never more than an account's budget allows.

use std::time::Duration;

use super::Ledger;
use crate::core::watch::ConversationId;
use crate::engine::simulation::setup;

/// What an account may be asked.
pub(super) struct Requests {
    tokens: f64,
    at: Duration,
    in_flight: u32,
    quiet_until: Duration,
}

impl Ledger {
    /// I8: never above the account's budget, nor two at once for one conversation.
    pub(in crate::engine::simulation) fn asks(&mut self, id: &ConversationId, now: Duration) {
        let budget = self.requests.entry(id.account.clone()).or_insert(Requests {
            tokens: setup::BURST.into(),
            at: now,
            in_flight: 0,
            quiet_until: Duration::ZERO,
        });
        let passed = (now - budget.at).as_secs_f64();
        budget.tokens = (budget.tokens + passed * f64::from(setup::RATE)).min(setup::BURST.into()) - 1.0;
        (budget.at, budget.in_flight) = (now, budget.in_flight + 1);
        let (tokens, in_flight, quiet_until) = (budget.tokens, budget.in_flight, budget.quiet_until);
        self.must(tokens > -0.001, || format!("I8: a request above the budget of {}", id.account));
        self.must(in_flight <= setup::IN_FLIGHT_MAX, || {
            format!("I8: {in_flight} requests at once to {}", id.account)
        });
        self.must(now >= quiet_until, || {
            format!("I8: a request to {} that had asked to wait until {quiet_until:?}", id.account)
        });
        let is_alone = self.asking.insert(id.clone());
        self.must(is_alone, || format!("I8: two requests at once for {id}"));
        self.asked_at.entry(id.clone()).or_default().push(now);
    }

    pub(in crate::engine::simulation) fn asked_to_wait(&mut self, account: &str, until: Duration) {
        if let Some(budget) = self.requests.get_mut(account) {
            budget.quiet_until = budget.quiet_until.max(until);
        }
    }

    pub(in crate::engine::simulation) fn answered(&mut self, id: &ConversationId) {
        if let Some(budget) = self.requests.get_mut(&id.account) {
            budget.in_flight = budget.in_flight.saturating_sub(1);
        }
        self.asking.remove(id);
    }
}
