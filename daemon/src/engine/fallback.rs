//! Tells the fallbacks of a notifier that has not accepted something in time. Looked for in the store, by a loop that no
//! notifier can hold up.

use super::daemon::Shared;
use crate::store::{FallBack, Unaccepted};

/// So many at a time; more than that come at the next look.
const AT_ONCE_MAX: usize = 100;

/// Looks for what is overdue. Costs nothing where nobody has a fallback.
pub(super) async fn look(shared: &Shared) {
    let plan = shared.plans.borrow().clone();
    if !plan.has_fallbacks() {
        return;
    }
    let now = shared.clock.now();
    let overdue = match shared.store.unaccepted(now, AT_ONCE_MAX).await {
        Ok(overdue) => overdue,
        Err(error) => return failed(shared, &error),
    };
    for one in overdue {
        let deliveries = plan.in_place_of(&one, now);
        let told = shared.store.fall_back(FallBack { delivery: one.delivery, deliveries, at: now }).await;
        match told {
            Ok(Some(told)) if !told.is_empty() => {
                shared.wakes.ring(told.iter().map(String::as_str));
                let (notifier, event) = (&one.notifier, told_of(&one));
                let told = told.join(", ");
                tracing::warn!(
                    notifier,
                    event,
                    told,
                    "{notifier} has not accepted it in time: {told} is told"
                );
            }
            Ok(_) => {}
            Err(error) => return failed(shared, &error),
        }
    }
}

/// The event, or the notification where it is of several.
fn told_of(one: &Unaccepted) -> String {
    let event = || one.events.first().map(|event| event.id.clone());
    one.of_several.clone().or_else(event).unwrap_or_default()
}

fn failed(shared: &Shared, error: &crate::store::StoreError) {
    shared.metrics.store_error();
    // The store says itself what is wrong with it.
    tracing::debug!(%error, "could not look for what was not accepted in time; it is tried again");
}
