//! How often is asked, and what that costs.

use super::Facts;
use crate::config::duration::shown;
use crate::config::{Account, watch::Placed};
use crate::core::watch::Priority;

/// Intervals that an account's budget or timeout does not allow.
pub(super) fn about_budgets(facts: &Facts<'_>) {
    for (name, account) in facts.accounts {
        let Some(Account { rate, timeout, .. }) = &account.item else { continue };
        let own = || facts.watches.iter().filter(|placed| placed.account() == name);
        // Of a watch whose conversations are found, what is known is how often it looks.
        let wanted: f64 = own().map(Placed::requests_per_second).sum();
        // A sum of thirtieths is not exact.
        if wanted > rate.per_second() * (1.0 + 1e-9) {
            let message = format!(
                "the watches of account `{name}` ask for {wanted:.2} requests a second, its budget allows {:.2}",
                rate.per_second()
            );
            facts.warn(account.at, message, "lengthen their intervals or raise the account's `rate`");
        }
        if let Some(fastest) =
            own().min_by_key(|watch| watch.interval()).filter(|watch| watch.interval() < *timeout)
        {
            let message = format!(
                "the timeout of account `{name}` ({}) is longer than the interval of the watch `{}` ({})",
                shown(*timeout),
                fastest.name(),
                shown(fastest.interval())
            );
            let hint = "a request that hangs delays the next poll; shorten the `timeout`";
            facts.warn(account.at, message, hint);
        }
    }
}

/// A VIP who is asked for less often than somebody who is none.
pub(super) fn about_vips(facts: &Facts<'_>) {
    let of = |priority| facts.watches.iter().filter(move |watch| watch.routed_by().0 == priority);
    let slowest = of(Priority::Vip).max_by_key(|watch| watch.interval());
    let Some(slowest) = slowest else { return };
    // Where nobody else has an interval, those who say nothing of their own are meant.
    let fastest = of(Priority::Normal).min_by_key(|watch| watch.interval());
    let (whose, interval) = match fastest {
        Some(watch) => (format!("the watch `{}`, which is none", watch.name()), watch.interval()),
        None => ("watches that say nothing of their own".to_owned(), facts.paces.interval),
    };
    if slowest.interval() > interval {
        let message = format!(
            "the VIP `{}` is polled every {}, {whose}, every {}",
            slowest.name(),
            shown(slowest.interval()),
            shown(interval)
        );
        facts.warn(slowest.at, message, "give VIPs the shortest `interval`");
    }
}
