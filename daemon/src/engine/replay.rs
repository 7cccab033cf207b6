//! What an operator has sent again, forgotten or tried now.

use super::daemon::Shared;
use super::status;
use super::why::unread;
use crate::config::unknown;
use crate::core::plural::many;
use crate::core::replay::{REPLAY_MAX, ReplayReport, Selection};
use crate::core::story::Held;
use crate::store::{History, OutboxCount};

/// Dead letters are forgotten in so many rounds at most, of [`REPLAY_MAX`] each.
const DROP_ROUNDS_MAX: u64 = 100;

/// Sends again what is meant, to the notifiers that are configured; nothing but says what that is, in a dry run.
pub(super) async fn replay(
    shared: &Shared,
    history: &dyn History,
    selection: Selection,
    dry_run: bool,
) -> Result<ReplayReport, String> {
    if selection.event.is_none() && !selection.dead {
        return Err("nothing is selected\n  hint: name an event, or --dead for dead letters".to_owned());
    }
    let notifiers = notifiers(shared, selection.notifier.as_deref()).await?;
    let mut report = ReplayReport { dry_run, ..ReplayReport::default() };
    let now = shared.clock.now();
    for (name, is_configured) in notifiers {
        let of_notifier = Selection { notifier: Some(name.clone()), ..selection.clone() };
        let replayed = shared.store.replay(of_notifier, now, dry_run || !is_configured).await;
        let replayed = replayed.map_err(|error| match report.deliveries.len() as u64 + report.omitted {
            0 => error.to_string(),
            done => format!(
                "{error}\n  {} again",
                many(done, "delivery of other notifiers is sent", "deliveries of other notifiers are sent")
            ),
        })?;
        let found = replayed.deliveries.len();
        if !is_configured {
            if found > 0 {
                let more = if replayed.more { " or more" } else { "" };
                report.left_out.push(format!("{found}{more} of {name}, which is not configured any more"));
            }
            continue;
        }
        report.without_text += replayed.without_text;
        report.more |= replayed.more;
        let room = REPLAY_MAX - report.deliveries.len();
        report.omitted += found.saturating_sub(room) as u64;
        report.deliveries.extend(replayed.deliveries.into_iter().take(room));
        if found > 0 && !dry_run {
            tracing::info!(
                notifier = name,
                deliveries = found,
                "{} to {name} again",
                many(found, "delivery is sent", "deliveries are sent")
            );
            shared.wakes.ring([name.as_str()]);
        }
    }
    if report.deliveries.is_empty()
        && let Some(event) = &selection.event
    {
        not_final(history, event, &mut report).await?;
    }
    Ok(report)
}

/// Forgets dead letters for good; says how many.
pub(super) async fn drop_dead(shared: &Shared, selection: Selection) -> Result<u64, String> {
    let mut dropped = 0;
    let notifiers = notifiers(shared, selection.notifier.as_deref()).await?;
    for (name, _) in notifiers {
        let of_notifier = Selection { dead: true, notifier: Some(name), ..selection.clone() };
        for _ in 0..DROP_ROUNDS_MAX {
            let gone =
                shared.store.drop_dead(of_notifier.clone()).await.map_err(|error| error.to_string())?;
            dropped += gone;
            if gone < REPLAY_MAX as u64 {
                break;
            }
        }
    }
    tracing::info!(dropped, "{} dropped", many(dropped, "dead letter was", "dead letters were"));
    Ok(dropped)
}

/// Has a notifier's receiver tried now; says why it was held, if it was.
pub(super) fn resume(shared: &Shared, notifier: &str) -> Result<Option<Held>, String> {
    let plan = shared.plans.borrow().clone();
    if !plan.config.notifiers.contains_key(notifier) {
        return Err(unknown("notifier", notifier, plan.config.notifiers.keys().map(String::as_str)));
    }
    let held = status::held(shared, notifier);
    tracing::info!(notifier, "{notifier} is to be tried now");
    shared.wakes.resume(notifier);
    Ok(held)
}

/// Those that deliveries were ever written for, or the one that is meant, with whether they are configured.
async fn notifiers(shared: &Shared, meant: Option<&str>) -> Result<Vec<(String, bool)>, String> {
    let plan = shared.plans.borrow().clone();
    let configured = |name: &str| plan.config.notifiers.contains_key(name);
    let counts = shared.store.outbox().await.map_err(unread)?;
    let ever = counts.into_iter().map(|OutboxCount { notifier, .. }| notifier);
    let mut names: Vec<String> = plan.config.notifiers.keys().cloned().chain(ever).collect();
    names.sort();
    names.dedup();
    match meant {
        Some(name) if !names.iter().any(|one| one == name) => {
            Err(unknown("notifier", name, names.iter().map(String::as_str)))
        }
        _ => {
            names.retain(|name| meant.is_none_or(|meant| name == meant));
            Ok(names.into_iter().map(|name| (configured(&name), name)).map(|(is, name)| (name, is)).collect())
        }
    }
}

/// What there is of an event that cannot be sent again, since it has not ended.
async fn not_final(history: &dyn History, event: &str, report: &mut ReplayReport) -> Result<(), String> {
    let Some(story) = history.event(event).await.map_err(unread)? else {
        return Err(format!("no event {event} is kept\n  hint: `commwatch events` lists them"));
    };
    let open = story.deliveries.shown.iter().filter(|delivery| delivery.is_open());
    report.left_out.extend(open.map(|one| format!("{}, which has it still: {}", one.notifier, one.state)));
    if story.is_told_to_nobody() {
        report.left_out.push("nobody was told of it: see `commwatch why`".to_owned());
    }
    Ok(())
}
