//! `commwatch dead drop`: forget dead letters for good.

use std::path::Path;

use clap::ArgGroup;
use serde_json::json;

use super::replay::Narrow;
use super::{Console, Exit, unanswered};
use crate::core::plural::many;
use crate::ops::admin::{Request, ask};

#[derive(Debug, clap::Subcommand)]
#[command(disable_help_subcommand = true)]
pub(super) enum Args {
    /// Forget dead letters for good; `commwatch replay` sends them again instead
    Drop(Drop),
}

#[derive(Debug, clap::Args)]
#[command(group = ArgGroup::new("what").required(true).args(["event", "all"]))]
pub(super) struct Drop {
    /// Those of this event
    #[arg(value_name = "EVENT_ID")]
    event: Option<String>,
    /// Those of any event
    #[arg(long)]
    all: bool,
    #[command(flatten)]
    narrow: Narrow,
}

pub(super) fn run(socket: &Path, args: Args, console: &mut Console<'_>) -> Exit {
    let Args::Drop(Drop { event, narrow, .. }) = args;
    match ask::<u64>(socket, &Request::DropDead { of: narrow.select(event, true) }) {
        Ok(0) => {
            console.message("no dead letter is kept that this means");
            Exit::Failed
        }
        Ok(dropped) => {
            let letters = many(dropped, "dead letter is forgotten", "dead letters are forgotten");
            console.answer(&json!({ "dropped": dropped }), &letters);
            Exit::Done
        }
        Err(error) => unanswered(&error, console),
    }
}
