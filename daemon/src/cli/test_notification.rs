//! `commwatch test-notification`: does a notifier reach its receiver?

use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::json;

use super::{Console, Exit, events, unanswered, when};
use crate::core::story::{About, AttemptStory, DeliveryStory, Story, Why};
use crate::ops::admin::{AskError, Request, ask};

/// How long it may take until the receiver has answered, where nothing else is said.
const PATIENCE: &str = "30s";
/// How often it is looked what has become of it.
const LOOK_EVERY: Duration = Duration::from_millis(200);

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The notifier
    notifier: String,
    /// As if it were about this watch
    #[arg(long, value_name = "NAME")]
    watch: Option<String>,
    /// As an event of this type looks; it is marked as a test all the same, and opens no incident
    #[arg(long = "type", value_name = "TYPE", value_parser = events::kind)]
    kind: Option<String>,
    /// How long to wait for the receiver's answer
    #[arg(long, value_name = "TIME", default_value = PATIENCE, value_parser = when::span)]
    wait: Duration,
}

pub(super) fn run(socket: &Path, args: Args, console: &mut Console<'_>) -> Exit {
    let Args { notifier, watch, kind, wait } = args;
    let asked = Request::Test { notifier: notifier.clone(), watch, like: kind };
    let event: String = match ask(socket, &asked) {
        Ok(event) => event,
        Err(error) => return unanswered(&error, console),
    };
    let deadline = Instant::now() + wait;
    loop {
        match look(socket, &event) {
            Err(error) => return unanswered(&error, console),
            Ok(Some(delivery)) if has_ended(&delivery) || Instant::now() >= deadline => {
                let last = delivery.attempts.shown.last();
                let is_delivered = last.is_some_and(|attempt| attempt.outcome == "delivered");
                let value = json!({ "event": event, "notifier": notifier, "state": delivery.state,
                    "held": delivery.held, "attempt": last });
                console.answer(&value, &said(&delivery, wait));
                return if is_delivered { Exit::Done } else { Exit::Failed };
            }
            Ok(_) if Instant::now() >= deadline => {
                console.message(&format!("error: nothing is known of {event} any more"));
                return Exit::Failed;
            }
            Ok(_) => std::thread::sleep(LOOK_EVERY),
        }
    }
}

fn look(socket: &Path, event: &str) -> Result<Option<DeliveryStory>, AskError> {
    let why: Why = ask(socket, &Request::Why { of: About::Event { id: event.to_owned() } })?;
    let Story::Event(story) = why.story else { return Ok(None) };
    Ok(story.deliveries.shown.into_iter().next())
}

/// Whether there is something to say: it was tried, or never will be.
fn has_ended(delivery: &DeliveryStory) -> bool {
    !delivery.attempts.shown.is_empty() || delivery.finished_at.is_some()
}

fn said(delivery: &DeliveryStory, wait: Duration) -> String {
    let DeliveryStory { notifier, event, state, .. } = delivery;
    let Some(AttemptStory { outcome, detail, took_ms, .. }) = delivery.attempts.shown.last() else {
        let why = match &delivery.held {
            Some(held) => {
                let why = held.why.as_ref().map_or(String::new(), |why| format!(": {why}"));
                format!("it is held ({}){why}", held.reason.replace('_', " "))
            }
            None => format!("it is {state}"),
        };
        return format!(
            "{notifier} was not tried within {} s: {why}\n`commwatch why {event}` says more",
            wait.as_secs()
        );
    };
    let detail = if detail.is_empty() { String::new() } else { format!(": {detail}") };
    match outcome.as_str() {
        "delivered" => format!("delivered to {notifier} after {took_ms} ms{detail}"),
        _ if state == "dead" => format!(
            "{notifier} refused it after {took_ms} ms{detail}\nIt is a dead letter now: `commwatch dead drop --notifier {notifier}` forgets it"
        ),
        _ => format!(
            "{notifier} did not take it: {outcome} after {took_ms} ms{detail}\nIt is tried again for 5 min; `commwatch why {event}` says what becomes of it"
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::story::Held;
    use crate::ops::story;

    fn delivery(state: &str, tried: Option<(&str, &str)>) -> DeliveryStory {
        let mut delivery = story::tests::delivery("ops-slack", state);
        let tried = tried.map(|(outcome, detail)| story::tests::attempt(1, 60, outcome, detail));
        delivery.attempts.shown.extend(tried);
        delivery
    }

    #[test]
    fn it_says_whether_the_receiver_took_it_and_what_to_do_if_not() {
        let wait = Duration::from_secs(30);
        let told = |state, attempt| said(&delivery(state, attempt), wait);
        insta::assert_snapshot!(told("delivered", Some(("delivered", "C1/17"))), @"delivered to ops-slack after 30 ms: C1/17");
        insta::assert_snapshot!(told("pending", Some(("retry", "503"))), @r"
        ops-slack did not take it: retry after 30 ms: 503
        It is tried again for 5 min; `commwatch why evt_a` says what becomes of it
        ");
        insta::assert_snapshot!(told("dead", Some(("reject", "400 no such channel"))), @r"
        ops-slack refused it after 30 ms: 400 no such channel
        It is a dead letter now: `commwatch dead drop --notifier ops-slack` forgets it
        ");
        insta::assert_snapshot!(told("pending", None), @r"
        ops-slack was not tried within 30 s: it is pending
        `commwatch why evt_a` says more
        ");
        let held = Held { reason: "circuit_open".into(), since: None, why: Some("503".into()) };
        let held = DeliveryStory { held: Some(held), ..delivery("pending", None) };
        insta::assert_snapshot!(said(&held, wait), @r"
        ops-slack was not tried within 30 s: it is held (circuit open): 503
        `commwatch why evt_a` says more
        ");
    }
}
