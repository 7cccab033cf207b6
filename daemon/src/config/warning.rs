//! What is legal but suspicious. Looked for only in a configuration without errors.

use std::collections::BTreeMap;

use super::collection::Named;
use super::duration::shown;
use super::findings::{Findings, Note};
use super::spanned::Place;
use super::watch::Placed;
use super::{Account, event_type};
use crate::core::route::Route;

/// Who is told about our own health.
pub(super) fn about_health(findings: &Findings, operators: &[String], at: Option<Place>, routes: &[Route]) {
    let at = at.unwrap_or(findings.top());
    if routes.iter().any(|route| route.events.iter().any(|event| event_type::is_own_health(event))) {
        return;
    }
    match operators {
        [] => findings.add(
            Note::warning(
                at,
                "nobody is told when commwatch itself has trouble, such as a refused key or a dead letter",
            )
            .hint("add [operators] with notify = [...]"),
        ),
        [only] => findings.add(
            Note::warning(at, format!("nobody is told when the notifier `{only}` breaks"))
                .hint("add a second notifier to [operators]: none is told about itself"),
        ),
        _ => {}
    }
}

/// Watches that nobody hears of.
pub(super) fn about_routes(findings: &Findings, watches: &[Placed], routes: &[Route]) {
    if watches.is_empty() {
        findings.add(Note::warning(findings.top(), "nothing is watched").hint("add a [[watch]]"));
    }
    for placed in watches {
        if !routes.iter().any(|route| reaches(route, placed)) {
            let message = format!(
                "no route reaches the watch `{}`: nobody will be told of its messages",
                placed.name()
            );
            findings.add(
                Note::warning(placed.at, message).hint("add a [[route]], or mend the conditions of one"),
            );
        }
    }
}

/// Whether events of the watch itself can match the route.
fn reaches(route: &Route, watch: &Placed) -> bool {
    let (of, tags) = watch.routed_by();
    let has = |tag: &String| tags.contains(tag);
    route.priority.is_none_or(|priority| priority == of)
        && (route.tags.is_empty() || route.tags.iter().any(has))
        && route.tags_all.iter().all(has)
        && !route.not_tags.iter().any(has)
}

/// Intervals that an account's budget or timeout does not allow.
pub(super) fn about_pace(
    findings: &Findings,
    accounts: &BTreeMap<String, Named<Account>>,
    watches: &[Placed],
) {
    for (name, account) in accounts {
        let Some(Account { rate, timeout, .. }) = &account.item else { continue };
        let own = || watches.iter().filter(|placed| placed.account() == name);
        // Of a watch whose conversations are found, what is known is how often it looks.
        let wanted: f64 = own().map(Placed::requests_per_second).sum();
        // A sum of thirtieths is not exact.
        if wanted > rate.per_second() * (1.0 + 1e-9) {
            let message = format!(
                "the watches of account `{name}` ask for {wanted:.2} requests a second, its budget allows {:.2}",
                rate.per_second()
            );
            findings.add(
                Note::warning(account.at, message)
                    .hint("lengthen their intervals or raise the account's `rate`"),
            );
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
            findings.add(Note::warning(account.at, message).hint(hint));
        }
    }
}
