//! `commwatch silence`: what nobody need hear of, until when, and why.

use std::path::Path;
use std::time::Duration;

use clap::ArgGroup;
use jiff::Timestamp;

use super::{Console, Exit, unanswered, when};
use crate::core::silence::{Added, Draft, Listed, Matcher, Silence};
use crate::core::watch::ConversationId;
use crate::ops::admin::{Request, ask};
use crate::ops::status::{Age, columns};

#[derive(Debug, clap::Subcommand)]
#[command(disable_help_subcommand = true)]
pub(super) enum Args {
    /// Tell nobody of what a watch, a tag or a conversation brings, until a time, and sooner if you like
    Add(Box<Add>),
    /// List the silences that hold
    List {
        /// Those that are over as well, as long as they are kept
        #[arg(long)]
        all: bool,
    },
    /// End a silence now: who still waits is told
    Expire {
        /// Its number
        #[arg(value_name = "NUMBER")]
        id: i64,
    },
}

#[derive(Debug, clap::Args)]
#[command(group = ArgGroup::new("what").required(true).args(["watch", "tag", "conversation"]))]
#[command(group = ArgGroup::new("when").required(true).args(["span", "until"]))]
pub(super) struct Add {
    /// All that this watch finds
    #[arg(long, value_name = "NAME")]
    watch: Option<String>,
    /// All that watches with this tag find
    #[arg(long, value_name = "TAG")]
    tag: Option<String>,
    /// One conversation, as ACCOUNT/OBJECT
    #[arg(long, value_name = "ACCOUNT/OBJECT")]
    conversation: Option<ConversationId>,
    /// For so long: "2h", "3d"; 30 days at most
    #[arg(long = "for", value_name = "DURATION", value_parser = when::span)]
    span: Option<Duration>,
    /// Until an instant: "2026-03-02T10:00:00Z"
    #[arg(long, value_name = "TIME", value_parser = when::instant)]
    until: Option<Timestamp>,
    /// End it sooner when a person replies in a conversation that it is about
    #[arg(long)]
    until_reply: bool,
    /// End it sooner when a conversation that it is about is over
    #[arg(long)]
    until_close: bool,
    /// Why, and who asked for it; one line
    #[arg(long, value_name = "TEXT")]
    reason: String,
}

/// Who asks, as far as their shell says.
pub(super) fn me() -> Option<String> {
    ["SUDO_USER", "USER", "LOGNAME"]
        .iter()
        .find_map(|name| std::env::var(name).ok())
        .filter(|name| !name.is_empty())
}

pub(super) fn run(socket: &Path, args: Args, console: &mut Console<'_>) -> Exit {
    match args {
        Args::Add(args) => add(socket, *args, console),
        Args::List { all } => list(socket, all, console),
        Args::Expire { id } => expire(socket, id, console),
    }
}

fn add(socket: &Path, args: Add, console: &mut Console<'_>) -> Exit {
    let Add { watch, tag, conversation, span, until, until_reply, until_close, reason } = args;
    let matcher = match (watch, tag, conversation) {
        (Some(name), ..) => Matcher::Watch(name),
        (_, Some(tag), _) => Matcher::Tag(tag),
        (.., Some(id)) => Matcher::Conversation(id),
        // One of them is there, or the command line was refused.
        _ => return Exit::Usage,
    };
    let after = |span: Duration| when::after(Timestamp::now(), span);
    let until = until.or(span.map(after)).unwrap_or(Timestamp::MAX);
    let draft = Draft { matcher, until, until_reply, until_close, reason, by: me() };
    match ask::<Added>(socket, &Request::SilenceAdd { draft }) {
        Ok(added) => {
            console.answer(&added, &added.to_string());
            Exit::Done
        }
        Err(error) => unanswered(&error, console),
    }
}

fn list(socket: &Path, all: bool, console: &mut Console<'_>) -> Exit {
    match ask::<Vec<Listed>>(socket, &Request::Silences { all }) {
        Ok(silences) => {
            console.answer(&silences, table(&silences, Timestamp::now()).trim_end());
            if silences.is_empty() {
                console.message("there is no silence");
            }
            Exit::Done
        }
        Err(error) => unanswered(&error, console),
    }
}

fn table(silences: &[Listed], now: Timestamp) -> String {
    let row = |one: &Listed| {
        let Listed { silence, active, conversations } = one;
        let over = match &silence.ended {
            Some(ended) => format!("{}: {}", Age::of(ended.at, now), ended.why),
            None => Age::of(silence.until, now).to_string(),
        };
        [
            silence.id.to_string(),
            if *active { "holds" } else { "over" }.to_owned(),
            silence.matcher.to_string(),
            conversations.to_string(),
            silence.end(),
            over,
            silence.created_by.clone(),
            silence.reason.clone(),
        ]
    };
    let header = ["SILENCE", "STATE", "OF", "CONVERSATIONS", "UNTIL", "OVER", "BY", "REASON"];
    columns(header, silences.iter().map(row).collect())
}

fn expire(socket: &Path, id: i64, console: &mut Console<'_>) -> Exit {
    match ask::<Silence>(socket, &Request::SilenceExpire { id, by: me() }) {
        Ok(silence) => {
            console.answer(&silence, &format!("{silence}\nit is over now"));
            Exit::Done
        }
        Err(error) => unanswered(&error, console),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::silence::Ended;
    use crate::ops::status::tests::{NOW, ago};

    fn silence(id: i64) -> Silence {
        Silence {
            id,
            matcher: Matcher::Tag("acme".into()),
            until: NOW + Duration::from_secs(7_200),
            until_reply: true,
            until_close: false,
            reason: "migration weekend".into(),
            created_at: ago(60),
            created_by: "noa (uid 1000)".into(),
            ended: None,
        }
    }

    #[test]
    fn a_silence_that_was_added_says_what_it_is_about_and_who_will_be_told() {
        let added =
            |conversations, waiting| Added { silence: silence(3), conversations, waiting }.to_string();
        insta::assert_snapshot!(added(1, 0), @"
        silence 3 (tag acme, until 2026-11-22T16:00:00Z, or a reply, by noa (uid 1000)): migration weekend
        it is about 1 conversation
        ");
        insta::assert_snapshot!(added(4, 2), @"
        silence 3 (tag acme, until 2026-11-22T16:00:00Z, or a reply, by noa (uid 1000)): migration weekend
        it is about 4 conversations; 2 customers wait now, and who still does when it is over is told then
        ");
    }

    #[test]
    fn silences_say_until_when_and_how_they_ended() {
        let ended = Some(Ended { at: ago(60), why: "expired by dan (uid 1001)".into() });
        let over = Silence { ended, until_reply: false, ..silence(2) };
        let listed = [
            Listed { silence: silence(3), active: true, conversations: 4 },
            Listed { silence: over, active: false, conversations: 4 },
        ];
        insta::assert_snapshot!(table(&listed, NOW), @"
        SILENCE  STATE  OF        CONVERSATIONS  UNTIL                             OVER                                 BY              REASON
        3        holds  tag acme  4              2026-11-22T16:00:00Z, or a reply  in 2 h                               noa (uid 1000)  migration weekend
        2        over   tag acme  4              2026-11-22T16:00:00Z              60 s ago: expired by dan (uid 1001)  noa (uid 1000)  migration weekend
        ");
    }
}
