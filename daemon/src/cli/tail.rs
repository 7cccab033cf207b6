//! `commwatch tail`: what is found, a line each, as it is found.

use std::collections::BTreeMap;
use std::path::Path;
use std::thread;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::{Console, Exit, Output, events, unanswered};
use crate::core::story::{EventStory, LIST_MAX, Several};
use crate::ops::admin::{AskError, EventsAsked, Request, ask};
use crate::ops::story;

/// How often the daemon is asked.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// An event has the time of its answer, and is there a moment later: so far back is looked each time.
const OVERLAP: SignedDuration = SignedDuration::from_secs(60);

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Found by this watch
    #[arg(long, value_name = "NAME")]
    watch: Option<String>,
    /// Of this type, such as message.created
    #[arg(long = "type", value_name = "TYPE", value_parser = events::kind)]
    kind: Option<String>,
    /// How many of before to begin with
    #[arg(long, value_name = "COUNT", default_value_t = 10, value_parser = clap::value_parser!(u16).range(..=500))]
    lines: u16,
}

/// Until nobody reads any more. A daemon that is started anew is waited for.
pub(super) fn run(socket: &Path, args: &Args, console: &mut Console<'_>) -> Exit {
    let mut tail = Tail { known: BTreeMap::new(), is_first: true };
    let mut is_away = false;
    loop {
        match ask::<Several<EventStory>>(socket, &Request::Events { of: tail.asks(args) }) {
            Ok(found) => {
                is_away = false;
                tail.show(found, args, console);
            }
            Err(error @ (AskError::NotRunning { .. } | AskError::Broken { .. })) if !tail.is_first => {
                if !std::mem::replace(&mut is_away, true) {
                    console.message(&format!("{error}\n  it is waited for"));
                }
            }
            Err(error) => return unanswered(&error, console),
        }
        if console.is_gone() {
            return Exit::Done;
        }
        thread::sleep(LOOK_EVERY);
    }
}

struct Tail {
    /// What was found of late, by id, and when.
    known: BTreeMap<String, Timestamp>,
    is_first: bool,
}

impl Tail {
    fn asks(&self, args: &Args) -> EventsAsked {
        let since = self.latest().map(|latest| latest.checked_sub(OVERLAP).unwrap_or(Timestamp::MIN));
        EventsAsked { watch: args.watch.clone(), kind: args.kind.clone(), since, limit: LIST_MAX }
    }

    /// When the newest was found; one from after now was by a clock that has been set back since.
    fn latest(&self) -> Option<Timestamp> {
        Some((*self.known.values().max()?).min(Timestamp::now()))
    }

    /// Of a list whose newest comes first.
    fn show(&mut self, found: Several<EventStory>, args: &Args, console: &mut Console<'_>) {
        let mut new = found.shown;
        new.retain(|event| self.known.insert(event.id.clone(), event.recorded_at).is_none());
        if std::mem::replace(&mut self.is_first, false) {
            new.truncate(args.lines.into());
        } else if new.len() == LIST_MAX && found.more > 0 {
            console.message(&format!("and up to {} more: `commwatch events` lists them", found.more));
        }
        for event in new.iter().rev() {
            match console.output {
                Output::Json => console.line(event),
                Output::Text => console.result(&story::event_line(event)),
            }
        }
        if let Some(latest) = self.latest() {
            self.known.retain(|_, at| latest.duration_since(*at) <= OVERLAP);
        }
    }
}
