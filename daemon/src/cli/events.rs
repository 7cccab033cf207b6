//! `commwatch events`: what was found, and who was told.

use std::path::Path;

use jiff::Timestamp;

use super::{Console, Exit, unanswered, when};
use crate::core::event::EventKind;
use crate::core::story::{EventStory, Several};
use crate::ops::admin::{EventsAsked, Request, ask};
use crate::ops::story;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Found by this watch
    #[arg(long, value_name = "NAME")]
    watch: Option<String>,
    /// Of this type, such as message.created
    #[arg(long = "type", value_name = "TYPE", value_parser = kind)]
    kind: Option<String>,
    /// Found since: "2h" ago, or an instant
    #[arg(long, value_name = "TIME", value_parser = when::read)]
    since: Option<Timestamp>,
    /// At most so many, the newest
    #[arg(long, value_name = "COUNT", default_value_t = 20, value_parser = super::limit)]
    limit: usize,
}

/// A type of event that there is.
pub(super) fn kind(word: &str) -> Result<String, String> {
    let known = EventKind::ALL.map(EventKind::as_str);
    if known.contains(&word) { Ok(word.to_owned()) } else { Err(format!("types are {}", known.join(", "))) }
}

pub(super) fn run(socket: &Path, args: Args, console: &mut Console<'_>) -> Exit {
    let Args { watch, kind, since, limit } = args;
    let of = EventsAsked { watch, kind, since, limit };
    match ask::<Several<EventStory>>(socket, &Request::Events { of }) {
        Ok(events) => {
            console.answer(&events, story::events(&events, Timestamp::now()).trim_end());
            if events.shown.is_empty() { none(console) } else { Exit::Done }
        }
        Err(error) => unanswered(&error, console),
    }
}

fn none(console: &mut Console<'_>) -> Exit {
    console.message("no event is kept that this means");
    Exit::Failed
}
