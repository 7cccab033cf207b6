//! `commwatch why`: one event, one message or one watch, from poll to outcome.

use std::path::Path;
use std::time::Duration;

use jiff::Timestamp;

use super::{Console, Exit, unanswered, when};
use crate::core::story::{About, Story, Why};
use crate::core::watch::ConversationId;
use crate::ops::admin::{Request, ask};
use crate::ops::story;

/// How far back a watch is explained unless said otherwise.
const SINCE: Duration = Duration::from_secs(2 * 60 * 60);

#[derive(Debug, clap::Args)]
#[command(override_usage = "commwatch why [OPTIONS] (EVENT_ID | --watch <NAME> | --message <CHILD_ID>)")]
pub(super) struct Args {
    /// The event
    #[arg(value_name = "EVENT_ID", conflicts_with_all = ["message", "watch"])]
    #[arg(required_unless_present_any = ["message", "watch"])]
    event: Option<String>,
    /// The watch; with --message, the one whose conversation the message is in
    #[arg(long, value_name = "NAME")]
    watch: Option<String>,
    /// The message, by its id in CommBox
    #[arg(long, value_name = "CHILD_ID")]
    message: Option<String>,
    /// One conversation of the watch, as ACCOUNT/OBJECT [default: all of them]
    #[arg(long, value_name = "ACCOUNT/OBJECT", requires = "watch", conflicts_with_all = ["event", "message"])]
    conversation: Option<ConversationId>,
    /// From when on a watch is explained: "2h" ago, or an instant [default: 2h]
    #[arg(long, value_name = "TIME", value_parser = when::read, conflicts_with_all = ["event", "message"])]
    since: Option<Timestamp>,
}

pub(super) fn run(socket: &Path, args: Args, console: &mut Console<'_>) -> Exit {
    let Args { event, watch, message, conversation, since } = args;
    let of = match (event, message, watch) {
        (Some(id), ..) => About::Event { id },
        (None, Some(child), watch) => About::Message { child, watch },
        (None, None, watch) => About::Watch {
            name: watch.unwrap_or_default(),
            since: since.unwrap_or_else(|| Timestamp::now() - SINCE),
            conversation,
        },
    };
    let why: Why = match ask(socket, &Request::Why { of }) {
        Ok(why) => why,
        Err(error) => return unanswered(&error, console),
    };
    console.answer(&why, story::tell(&why).trim_end());
    match &why.story {
        Story::Message(message) if message.seen.shown.is_empty() && message.events.shown.is_empty() => {
            Exit::Failed
        }
        _ => Exit::Done,
    }
}
