//! `commwatch deliveries`: what is to be delivered, was, or was given up.

use std::path::Path;

use jiff::Timestamp;

use super::{Console, Exit, unanswered};
use crate::core::story::{DeliveryStory, Several};
use crate::ops::admin::{DeliveriesAsked, Request, ask};
use crate::ops::story;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Dead letters alone
    #[arg(long)]
    dead: bool,
    /// Of this notifier
    #[arg(long, value_name = "NAME")]
    notifier: Option<String>,
    /// At most so many, the newest
    #[arg(long, value_name = "COUNT", default_value_t = 20, value_parser = super::limit)]
    limit: usize,
}

pub(super) fn run(socket: &Path, args: Args, console: &mut Console<'_>) -> Exit {
    let Args { dead, notifier, limit } = args;
    let of = DeliveriesAsked { dead, notifier, limit };
    match ask::<Several<DeliveryStory>>(socket, &Request::Deliveries { of }) {
        Ok(deliveries) => {
            console.answer(&deliveries, story::deliveries(&deliveries, Timestamp::now()).trim_end());
            if deliveries.shown.is_empty() { none(dead, console) } else { Exit::Done }
        }
        Err(error) => unanswered(&error, console),
    }
}

fn none(dead: bool, console: &mut Console<'_>) -> Exit {
    console.message(if dead { "there are no dead letters" } else { "there are no deliveries" });
    Exit::Failed
}
