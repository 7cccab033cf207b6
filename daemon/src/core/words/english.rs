//! English.

use std::time::Duration;

use jiff::Zoned;

use super::{Digest, Words};
use crate::core::event::{Event, EventData, EventKind};
use crate::core::message::AuthorKind;
use crate::core::pacing::{Cap, Held};
use crate::core::plural::many;
use crate::core::sample;

/// The language of the product itself.
#[derive(Clone, Copy, Debug)]
pub struct English;

impl Words for English {
    fn language(&self) -> &'static str {
        "en"
    }

    fn title(&self, event: &Event) -> String {
        title(event)
    }

    fn only_a_test(&self, by: &str) -> String {
        format!("a test of commwatch, asked for by {by}: nothing has happened")
    }

    fn files(&self, count: u64) -> String {
        many(count, "file", "files")
    }

    fn written(&self, at: &Zoned) -> String {
        format!("written {}", when(at))
    }

    fn since(&self, at: &Zoned) -> String {
        format!("since {}", when(at))
    }

    fn reply_until(&self, at: &Zoned) -> String {
        format!("WhatsApp takes free replies until {}", when(at))
    }

    fn in_place_of(&self, notifier: &str, within: Option<Duration>) -> String {
        let Some(within) = within else { return format!("{notifier} could not be told of this") };
        format!("{notifier} has not accepted this within {}", exactly(within.as_secs()))
    }

    fn wrote(&self, messages: &[&Event]) -> String {
        let who = |event: &Event| did(&event.data, "wrote");
        match messages {
            [only] => format!("{} a message", who(only)),
            [first, ..] if messages.iter().all(|event| who(event) == who(first)) => {
                format!("{} {} messages", who(first), messages.len())
            }
            _ => many(messages.len(), "message", "messages"),
        }
    }

    fn changes(&self, count: usize) -> String {
        many(count, "change", "changes")
    }

    fn more(&self, count: usize) -> String {
        format!("… and {count} more")
    }

    fn waits(&self, event: &Event) -> String {
        waits(event)
    }

    fn over(&self, event: &Event) -> String {
        over(&event.data)
    }

    fn digest(&self, digest: Digest) -> String {
        let Digest { events, messages, conversations, waiting } = digest;
        let what = if messages == events {
            many(messages, "message", "messages")
        } else {
            many(events, "event", "events")
        };
        let of = match conversations {
            0 => String::new(),
            count => format!(" of {}", many(count, "conversation", "conversations")),
        };
        let waiting = match waiting {
            0 => String::new(),
            count => format!("; {} for an answer", many(count, "customer waits", "customers wait")),
        };
        format!("{what}{of}{waiting}")
    }

    fn held_back(&self, held: Held, cap: Option<Cap>) -> String {
        match (held, cap) {
            (Held::Quiet, _) => "held back in quiet hours".to_owned(),
            (Held::Cap, Some(cap)) => {
                let most = many(cap.count, "notification", "notifications");
                format!("held back: more than {most} in {}", exactly(cap.per.as_secs()))
            }
            (Held::Cap | Held::Group, _) => "held back to be told together".to_owned(),
        }
    }
}

/// `Mon 2 Mar 12:06 IST`.
fn when(at: &Zoned) -> impl std::fmt::Display {
    at.strftime("%a %-d %b %H:%M %Z")
}

fn title(event: &Event) -> String {
    let data = &event.data;
    let watch = data.watch.as_ref().map_or("", |watch| watch.title.as_str());
    let (previous, current) = data
        .change
        .as_ref()
        .map_or((None, None), |change| (change.previous.as_deref(), change.current.as_deref()));
    let subject = data.problem.as_ref().map_or("", |problem| problem.subject.as_str());
    match event.kind {
        EventKind::MessageCreated => format!("{watch}: {}", wrote(data)),
        EventKind::MessageEdited => format!("{watch}: {}", did(data, "edited a message")),
        EventKind::MessageDeleted => format!("{watch}: {}", deleted(data)),
        EventKind::MessageUnparsed => format!("{watch}: a message that could not be read"),
        EventKind::Opened => format!("{watch}: {}", opened(data)),
        EventKind::StatusChanged => format!(
            "{watch}: status {} (was {})",
            current.unwrap_or("unknown"),
            previous.unwrap_or("unknown")
        ),
        EventKind::Assigned => match current {
            Some(agent) => format!("{watch}: assigned to agent {agent}"),
            None => format!("{watch}: assigned to nobody"),
        },
        EventKind::Waiting => format!("{watch}: {}", waits(event)),
        EventKind::Answered => format!("{watch}: {}", over(data)),
        EventKind::WatchUnreachable => format!("{watch}: the conversation can no longer be reached"),
        EventKind::WatchRecovered => format!("{watch}: the conversation can be reached again"),
        EventKind::GapUnresolved => format!("{watch}: messages may have been missed"),
        EventKind::AccountDenied => format!("{subject}: CommBox refuses the key; nothing is being watched"),
        EventKind::TokenExpiring => format!("{subject}: its key ends soon"),
        EventKind::AccountRecovered => format!("{subject}: CommBox accepts the key again"),
        EventKind::NotifierBroken => format!("{subject}: does not work; its notifications wait"),
        EventKind::NotifierRecovered => format!("{subject}: works again"),
        EventKind::DeliveryDead => format!("{subject}: a notification was given up"),
        EventKind::Heartbeat => "commwatch is well: what it watches is read, kept and delivered".to_owned(),
        EventKind::Test => match (sample::like(event), watch) {
            (Some(like), _) => format!("Test: {}", title(&like)),
            (None, "") => "Test: commwatch reaches you".to_owned(),
            (None, watch) => format!("Test: {watch}: commwatch reaches you"),
        },
    }
}

fn wrote(data: &EventData) -> String {
    match data.message.as_ref().map(|message| message.author.kind) {
        None => "wrote".to_owned(),
        Some(AuthorKind::Agent) => did(data, "replied"),
        Some(AuthorKind::System) => "a system message".to_owned(),
        Some(_) => did(data, "wrote"),
    }
}

/// With whom, and on which channel.
fn opened(data: &EventData) -> String {
    let conversation = data.conversation.as_ref();
    let name = conversation.and_then(|conversation| conversation.customer_name.as_deref());
    let with = name.map_or(String::new(), |name| format!(" with {name}"));
    let channel = conversation.and_then(|conversation| conversation.channel.as_deref());
    let on = channel.map_or(String::new(), |channel| format!(" ({channel})"));
    format!("a new conversation{with}{on}")
}

/// Who did something to a message.
fn did(data: &EventData, what: &str) -> String {
    let Some(message) = &data.message else { return what.to_owned() };
    let who = match (message.author.kind, message.author.name.as_deref()) {
        (AuthorKind::Customer, Some(name)) => name.to_owned(),
        (AuthorKind::Customer, None) => "the customer".to_owned(),
        (AuthorKind::Agent, Some(name)) => format!("agent {name}"),
        (AuthorKind::Agent, None) => "an agent".to_owned(),
        (AuthorKind::Bot, _) => "a bot".to_owned(),
        (AuthorKind::System, _) => "the system".to_owned(),
        (AuthorKind::Unknown, Some(name)) => format!("{name} (unknown author)"),
        (AuthorKind::Unknown, None) => "an unknown author".to_owned(),
    };
    format!("{who} {what}")
}

/// Who waits, and for how long.
fn waits(event: &Event) -> String {
    let data = &event.data;
    let Some(waiting) = &data.waiting else { return "nobody has answered".to_owned() };
    let name = data.conversation.as_ref().and_then(|conversation| conversation.customer_name.as_deref());
    let hours = waiting.hours.as_deref().map_or(String::new(), |hours| {
        format!(", {} of it in hours {hours},", exactly(waiting.threshold_seconds))
    });
    let doubt = if waiting.confirmed { "" } else { " (not confirmed: CommBox does not answer)" };
    let window = if waiting.reply_until.is_some() { ", and the time to reply is running out" } else { "" };
    let (who, waited) = (name.unwrap_or("the customer"), for_people(waiting.waited_seconds));
    format!("{who} has waited {waited}{hours} for an answer{window}{doubt}")
}

/// How a wait ended.
fn over(data: &EventData) -> String {
    let ended = data.waiting.as_ref().and_then(|waiting| Some((waiting, waiting.ended.as_deref()?)));
    match ended {
        Some((waiting, "replied")) => {
            let who = waiting.answered_by.as_ref().and_then(|by| by.name.as_deref());
            let by = who.map_or_else(|| "an agent".to_owned(), |name| format!("agent {name}"));
            format!("{by} answered after {}", for_people(waiting.waited_seconds))
        }
        Some((_, "closed")) => "nobody waits any more: the conversation is over".to_owned(),
        Some((_, "withdrawn")) => "nobody waits any more: the message was deleted".to_owned(),
        Some((_, "gone")) => "nobody waits any more: the conversation can no longer be reached".to_owned(),
        _ => "nobody waits any more".to_owned(),
    }
}

/// A stretch of time that somebody has configured: in the largest unit that leaves no rest.
fn exactly(seconds: u64) -> String {
    match seconds {
        1.. if seconds.is_multiple_of(3_600) => format!("{} h", seconds / 3_600),
        1.. if seconds.is_multiple_of(60) => format!("{} min", seconds / 60),
        _ => format!("{seconds} s"),
    }
}

/// A stretch of time that has passed, in the two units that matter.
fn for_people(seconds: u64) -> String {
    let (large, small) = match seconds {
        0..60 => return format!("{seconds} s"),
        60..3_600 => return format!("{} min", seconds / 60),
        3_600..86_400 => ((seconds / 3_600, "h"), (seconds % 3_600 / 60, "min")),
        _ => ((seconds / 86_400, "d"), (seconds % 86_400 / 3_600, "h")),
    };
    if small.0 == 0 {
        return format!("{} {}", large.0, large.1);
    }
    format!("{} {} {} {}", large.0, large.1, small.0, small.1)
}

/// Whoever deleted it: that is not said.
fn deleted(data: &EventData) -> &'static str {
    match data.message.as_ref().map(|message| message.author.kind) {
        Some(AuthorKind::Customer) => "a message of the customer was deleted",
        Some(AuthorKind::Agent) => "a message of an agent was deleted",
        Some(AuthorKind::Bot) => "a message of a bot was deleted",
        _ => "a message was deleted",
    }
}
