//! `commwatch notifiers`: how they do, and have one tried now.

use std::path::Path;

use jiff::Timestamp;
use serde_json::json;

use super::{Console, Exit, unanswered};
use crate::core::story::{Held, NOT_RUNNING};
use crate::ops::admin::{Request, ask};
use crate::ops::status::{Age, NotifierStatus, Status, columns};

#[derive(Debug, clap::Subcommand)]
#[command(disable_help_subcommand = true)]
pub(super) enum Args {
    /// Try a notifier's receiver now, which is held because it is broken or accepts nothing
    Resume {
        /// The notifier
        #[arg(value_name = "NAME")]
        notifier: String,
    },
}

pub(super) fn run(socket: &Path, args: Option<Args>, console: &mut Console<'_>) -> Exit {
    match args {
        None => list(socket, console),
        Some(Args::Resume { notifier }) => resume(socket, notifier, console),
    }
}

fn list(socket: &Path, console: &mut Console<'_>) -> Exit {
    match ask::<Status>(socket, &Request::Status {}) {
        Ok(status) => {
            console.answer(&status.notifiers, table(&status.notifiers, status.taken).trim_end());
            Exit::Done
        }
        Err(error) => unanswered(&error, console),
    }
}

fn table(notifiers: &[NotifierStatus], now: Timestamp) -> String {
    let age = |at: Option<Timestamp>| at.map_or("-".to_owned(), |at| Age::of(at, now).to_string());
    let rows = notifiers.iter().map(|one| {
        let held = one.held_reason.as_ref().map(|reason| reason.replace('_', " "));
        let error = one.why.as_ref().or(one.last_error.as_ref());
        [
            one.name.clone(),
            format!("{} {}", one.plugin, one.version.as_deref().unwrap_or("")),
            one.state.as_str().to_owned(),
            held.unwrap_or_else(|| "-".to_owned()),
            one.pending.to_string(),
            age(one.oldest_pending),
            one.dead.to_string(),
            age(one.last_delivered),
            error.cloned().unwrap_or_default(),
        ]
    });
    let header =
        ["NOTIFIER", "PLUGIN", "STATE", "HELD", "PENDING", "OLDEST", "DEAD", "DELIVERED", "LAST ERROR"];
    columns(header, rows.collect())
}

fn resume(socket: &Path, notifier: String, console: &mut Console<'_>) -> Exit {
    match ask::<Option<Held>>(socket, &Request::Resume { notifier: notifier.clone() }) {
        Ok(held) => {
            let value = json!({ "notifier": notifier, "was_held": held });
            console.answer(&value, &resumed(&notifier, held.as_ref()));
            Exit::Done
        }
        Err(error) => unanswered(&error, console),
    }
}

fn resumed(notifier: &str, held: Option<&Held>) -> String {
    match held {
        None => format!("{notifier} is not held: there was nothing to resume"),
        Some(held) if held.reason == NOT_RUNNING => {
            let why = held.why.as_deref().unwrap_or("it is being started");
            format!("the plugin of {notifier} does not run, and is tried when it does: {why}")
        }
        Some(held) => {
            let why = held.why.as_ref().map_or(String::new(), |why| format!(": {why}"));
            format!("{notifier} is tried now; it was held ({}){why}", held.reason.replace('_', " "))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::status::tests::example;

    #[test]
    fn notifiers_say_why_they_are_held_and_what_waits() {
        let status = example();
        insta::assert_snapshot!(table(&status.notifiers, status.taken), @"
        NOTIFIER   PLUGIN       STATE    HELD    PENDING  OLDEST      DEAD  DELIVERED   LAST ERROR
        ops-log    log 0.1.0    running  -       0        -           0     13 min ago
        ops-slack  slack 0.1.0  broken   broken  12       11 min ago  1     13 min ago  401 from hooks.example
        ");
    }

    #[test]
    fn a_resume_says_what_it_was_held_for() {
        let held = |reason: &str| Held { reason: reason.into(), since: None, why: Some("401".into()) };
        assert_eq!(resumed("hook", None), "hook is not held: there was nothing to resume");
        assert_eq!(resumed("hook", Some(&held("broken"))), "hook is tried now; it was held (broken): 401");
        assert_eq!(
            resumed("hook", Some(&held(NOT_RUNNING))),
            "the plugin of hook does not run, and is tried when it does: 401"
        );
    }
}
