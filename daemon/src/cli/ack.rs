//! `commwatch ack`: somebody knows of who waits, and nobody else is told until the customer writes again.

use std::path::Path;

use jiff::Timestamp;

use super::silence::me;
use super::{Console, Exit, unanswered};
use crate::core::silence::{AckedWait, Acknowledged};
use crate::core::watch::ConversationId;
use crate::ops::admin::{Request, ask};
use crate::ops::status::Age;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The watch
    #[arg(value_name = "WATCH")]
    watch: String,
    /// One conversation of it, as ACCOUNT/OBJECT [default: all in which somebody waits]
    #[arg(long, value_name = "ACCOUNT/OBJECT")]
    conversation: Option<ConversationId>,
}

pub(super) fn run(socket: &Path, args: Args, console: &mut Console<'_>) -> Exit {
    let Args { watch, conversation } = args;
    match ask::<Acknowledged>(socket, &Request::Ack { watch, conversation, by: me() }) {
        Ok(acked) => {
            console.answer(&acked, &said(&acked, Timestamp::now()));
            Exit::Done
        }
        Err(error) => unanswered(&error, console),
    }
}

fn said(acked: &Acknowledged, now: Timestamp) -> String {
    let Acknowledged { watch, by, waits } = acked;
    let of = |wait: &AckedWait| {
        format!("{} since {} ({})", wait.conversation, wait.since, Age::of(wait.since, now))
    };
    let waits: Vec<String> = waits.iter().map(of).collect();
    format!(
        "{by} knows that the customer of {watch} waits: {}\nnobody is told again until the customer writes; who was \
         told hears when it is over",
        waits.join(", ")
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::status::tests::{NOW, ago};

    #[test]
    fn an_acknowledgement_says_of_what_and_until_when() {
        let wait = AckedWait { conversation: "main/293854".into(), since: ago(840) };
        let acked = Acknowledged { watch: "acme-cfo".into(), by: "noa (uid 1000)".into(), waits: vec![wait] };
        insta::assert_snapshot!(said(&acked, NOW), @"
        noa (uid 1000) knows that the customer of acme-cfo waits: main/293854 since 2026-11-22T13:46:00Z (14 min ago)
        nobody is told again until the customer writes; who was told hears when it is over
        ");
    }
}
