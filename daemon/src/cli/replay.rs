//! `commwatch replay`: send again what was delivered or given up, under the ids that it had.

use std::path::Path;

use clap::ArgGroup;
use jiff::Timestamp;

use super::{Console, Exit, unanswered, when};
use crate::core::plural::many;
use crate::core::replay::{ReplayReport, ReplayedDelivery, Selection};
use crate::ops::admin::{Request, ask};

#[derive(Debug, clap::Args)]
#[command(group = ArgGroup::new("what").required(true).args(["event", "dead"]))]
pub(super) struct Args {
    /// The event: to everybody who was told of it
    #[arg(value_name = "EVENT_ID")]
    event: Option<String>,
    /// Dead letters
    #[arg(long)]
    dead: bool,
    #[command(flatten)]
    narrow: Narrow,
    /// Say what would be sent again, and send nothing
    #[arg(long)]
    dry_run: bool,
}

/// What narrows a selection.
#[derive(Debug, clap::Args)]
pub(super) struct Narrow {
    /// To this notifier
    #[arg(long, value_name = "NAME")]
    notifier: Option<String>,
    /// Of events that this watch found
    #[arg(long, value_name = "NAME")]
    watch: Option<String>,
    /// Written since: "2h" ago, or an instant
    #[arg(long, value_name = "TIME", value_parser = when::read)]
    since: Option<Timestamp>,
    /// Written before: "2h" ago, or an instant
    #[arg(long, value_name = "TIME", value_parser = when::read)]
    until: Option<Timestamp>,
}

impl Narrow {
    pub(super) fn select(self, event: Option<String>, dead: bool) -> Selection {
        let Self { notifier, watch, since, until } = self;
        Selection { event, dead, notifier, watch, since, until }
    }
}

pub(super) fn run(socket: &Path, args: Args, console: &mut Console<'_>) -> Exit {
    let Args { event, dead, narrow, dry_run } = args;
    let of = narrow.select(event, dead);
    match ask::<ReplayReport>(socket, &Request::Replay { of, dry_run }) {
        Ok(report) => {
            console.answer(&report, text(&report).trim_end());
            notes(&report).iter().for_each(|note| console.message(note));
            if report.deliveries.is_empty() { Exit::Failed } else { Exit::Done }
        }
        Err(error) => unanswered(&error, console),
    }
}

/// What is sent again, a line each.
fn text(report: &ReplayReport) -> String {
    let line = |one: &ReplayedDelivery| {
        let ReplayedDelivery { event, notifier, was, created_at } = one;
        format!("{event} to {notifier}: was {was}, written {created_at:.0}\n")
    };
    let mut text: String = report.deliveries.iter().map(line).collect();
    if report.omitted > 0 {
        text += &format!("and {} more\n", report.omitted);
    }
    let all = report.deliveries.len() as u64 + report.omitted;
    match (all, report.dry_run) {
        (0, _) => {}
        (all, true) => text += &many(all, "delivery would be sent again", "deliveries would be sent again"),
        (all, false) => text += &many(all, "delivery is sent again", "deliveries are sent again"),
    }
    text
}

/// What is not sent again, and why.
fn notes(report: &ReplayReport) -> Vec<String> {
    let mut notes = Vec::new();
    if report.deliveries.is_empty() {
        notes.push("nothing to send again".to_owned());
    }
    notes.extend(report.left_out.iter().map(|one| format!("not sent again: {one}")));
    if report.without_text > 0 {
        let count = report.without_text;
        notes
            .push(format!("not sent again: {count} whose text is gone ([store] text_retention, or deleted)"));
    }
    if report.more {
        notes.push("there are more: the same command takes the next of them".to_owned());
    }
    notes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sent_again_is_a_line_each_and_what_is_not_has_a_reason() {
        let one = |event: &str, was: &str| ReplayedDelivery {
            event: event.into(),
            notifier: "hook".into(),
            was: was.into(),
            created_at: "2026-03-02T10:00:00.25Z".parse().unwrap(),
        };
        let report = ReplayReport {
            dry_run: true,
            deliveries: vec![one("evt_a", "dead"), one("evt_b", "delivered")],
            omitted: 3,
            without_text: 2,
            more: true,
            left_out: vec!["4 of sms, which is not configured any more".into()],
        };
        insta::assert_snapshot!(text(&report), @"
        evt_a to hook: was dead, written 2026-03-02T10:00:00Z
        evt_b to hook: was delivered, written 2026-03-02T10:00:00Z
        and 3 more
        5 deliveries would be sent again
        ");
        insta::assert_snapshot!(notes(&report).join("\n"), @"
        not sent again: 4 of sms, which is not configured any more
        not sent again: 2 whose text is gone ([store] text_retention, or deleted)
        there are more: the same command takes the next of them
        ");
        let one = ReplayReport { deliveries: vec![one("evt_a", "dead")], ..ReplayReport::default() };
        assert!(text(&one).ends_with("\n1 delivery is sent again"));
        assert_eq!(notes(&one), [""; 0]);
        assert_eq!(notes(&ReplayReport::default()), ["nothing to send again"]);
    }
}
