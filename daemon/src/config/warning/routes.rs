//! Who is told of what, and of what nobody is.

use super::Facts;
use crate::config::event_type;
use crate::config::findings::Note;
use crate::config::watch::Placed;
use crate::core::message::AuthorKind;
use crate::core::route::Route;

/// Authors whose messages nobody has to answer.
const OWN: [AuthorKind; 3] = [AuthorKind::Agent, AuthorKind::Bot, AuthorKind::System];

/// Who is told about our own health.
pub(super) fn about_health(facts: &Facts<'_>) {
    let at = facts.place(&["operators"]);
    let mut events = facts.routes.iter().flat_map(|placed| &placed.route.events);
    if events.any(|event| event_type::is_own_health(event)) {
        return;
    }
    match facts.operators {
        [] => facts.warn(
            at,
            "nobody is told when commwatch itself has trouble, such as a refused key or a dead letter",
            "add [operators] with notify = [...]",
        ),
        [only] => facts.warn(
            at,
            format!("nobody is told when the notifier `{only}` breaks"),
            "add a second notifier to [operators]: none is told about itself",
        ),
        _ => {}
    }
}

/// Watches that nobody hears of.
pub(super) fn about_watches(facts: &Facts<'_>) {
    if facts.watches.is_empty() {
        facts.warn(facts.findings.top(), "nothing is watched", "add a [[watch]]");
    }
    for placed in facts.watches {
        let told = |route: &Route| tells_of_conversations(route) && reaches(route, placed);
        if !facts.routes.iter().any(|route| told(&route.route)) {
            let message = format!(
                "no route reaches the watch `{}`: nobody will be told of its messages",
                placed.name()
            );
            facts.warn(placed.at, message, "add a [[route]], or mend the conditions of one");
        }
    }
}

/// Routes that never apply, and those that tell people what their own colleagues write.
pub(super) fn about_routes(facts: &Facts<'_>) {
    let all = facts.all_notifiers();
    let is_read = |name: &String| all.get(name.as_str()).is_some_and(|(_, one)| !one.pacing.whole);
    for placed in facts.routes {
        let route = &placed.route;
        // Where nothing is watched, that has been said.
        let is_idle = !facts.watches.is_empty()
            && needs_a_watch(route)
            && !facts.watches.iter().any(|watch| reaches(route, watch));
        if is_idle {
            let message = format!("the route `{}` matches no watch: nobody will be told by it", route.name);
            facts.warn(placed.at, message, "mend its conditions, or delete it");
        }
        let tells_messages = route.events.iter().any(|event| event.starts_with("message."));
        let own: Vec<&str> =
            route.from.iter().filter(|from| OWN.contains(from)).map(|from| from.as_str()).collect();
        let readers: Vec<&String> = route.notify.iter().filter(|name| is_read(name)).collect();
        if let (true, false, Some(reader)) = (tells_messages, own.is_empty(), readers.first()) {
            let message = format!(
                "the route `{}` tells `{reader}` of messages by {}: every reply of your own side will alert",
                route.name,
                own.join(" and ")
            );
            let hint = "delete `from` for customer and unknown; for who must know all, use a notifier of a program's such as webhook";
            facts.findings.add(Note::warning(placed.from_at, message).hint(hint));
        }
    }
}

/// Whether anything of a conversation can be told by it.
fn tells_of_conversations(route: &Route) -> bool {
    let is_of_one = |event: &String| event.starts_with("message.") || event.starts_with("conversation.");
    !route.unanswered_for.is_empty() || route.events.iter().any(is_of_one)
}

/// Whether all that it tells is of a watch, so that without one nothing is told.
fn needs_a_watch(route: &Route) -> bool {
    let is_of_one = |event: &String| {
        ["message.", "conversation.", "watch.", "gap."].iter().any(|start| event.starts_with(start))
    };
    route.events.iter().all(is_of_one)
}

/// Whether the route's conditions on watches let this one pass.
fn reaches(route: &Route, watch: &Placed) -> bool {
    let (of, tags) = watch.routed_by();
    let has = |tag: &String| tags.contains(tag);
    route.priority.is_none_or(|priority| priority == of)
        && (route.tags.is_empty() || route.tags.iter().any(has))
        && route.tags_all.iter().all(has)
        && !route.not_tags.iter().any(has)
}
