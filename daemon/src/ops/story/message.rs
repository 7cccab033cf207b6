//! One message: when it was seen, what became of it since, and what was told of it.

use super::Teller;
use super::event::author_word;
use crate::core::plural::many;
use crate::core::story::{LookedFor, MessageStory, Sighting};

impl Teller {
    pub(super) fn message(&mut self, message: &MessageStory) {
        self.line(0, format_args!("message {}", message.child));
        if message.seen.shown.is_empty() {
            self.not_seen(message);
        }
        for sighting in &message.seen.shown {
            self.sighting(sighting);
        }
        self.rest(
            1,
            &message.seen,
            "more conversation has a message of this id",
            "more conversations have a message of this id",
        );
        self.part("What was told of it:");
        if message.events.shown.is_empty() {
            self.line(1, why_nothing(message));
        }
        for event in &message.events.shown {
            self.event_in_short(1, event);
        }
        self.rest(1, &message.events, "more", "more");
    }

    fn sighting(&mut self, seen: &Sighting) {
        let by = seen.author.map_or("somebody", author_word);
        let written = seen.created_at.map_or("at a time that is not known".to_owned(), |at| self.at(at));
        let Sighting { account, object, watch, .. } = seen;
        self.line(
            1,
            format_args!(
                "In conversation {object} of account {account} (watch {watch}): written {written} by {by}."
            ),
        );
        match seen.found_at {
            Some(at) => self.line(2, format_args!("An answer first listed it {}.", self.at(at))),
            None => self.line(
                2,
                "When an answer first listed it is not kept: a version found it that did not note that.",
            ),
        }
        if seen.baseline {
            self.line(
                2,
                "It is part of the baseline: it was there before the watch began, and so was not told.",
            );
        }
        if seen.unparsed {
            self.line(2, "It could not be read so far.");
        }
        if seen.revision > 0 {
            let changed = many(seen.revision, "time", "times");
            self.line(2, format_args!("It has changed {changed} since, by edits or deletions."));
        }
        let Some(since) = seen.gone_since else {
            return self.line(2, "The latest answer that was read lists it.");
        };
        let since = self.at(since);
        self.line(2, match seen.gone_as.as_deref() {
            Some("unconfirmed") => {
                format!("Answers no longer list it since {since}; whether it was deleted is told when another answer confirms it.")
            }
            Some("deleted") => format!("It was deleted: two answers in a row did not list it, the second {since}."),
            _ => format!("It is out of sight since {since}: the list looked cut, so that nothing can be said of it."),
        });
    }

    fn not_seen(&mut self, message: &MessageStory) {
        let what = if message.events.shown.is_empty() {
            "No answer that is remembered has listed it."
        } else {
            "It is not remembered any more: what is gone is kept for 30 days."
        };
        self.line(1, what);
        if message.looked_for.shown.is_empty() {
            return self.line(1, "There is no watch in whose conversation it could be.");
        }
        self.line(1, "It would have been found in:");
        for one in &message.looked_for.shown {
            self.line(2, format_args!("{}: {}", one.watch, self.polled(one)));
        }
        self.rest(2, &message.looked_for, "more watch", "more watches");
    }

    fn polled(&self, one: &LookedFor) -> String {
        let polled = match (one.last_success, one.last_poll) {
            (Some(at), _) => format!("last read {}", self.at(at)),
            (None, Some(at)) => format!("last asked {}, and not read since the daemon started", self.at(at)),
            (None, None) => "not polled since the daemon started".to_owned(),
        };
        let error =
            one.last_error.as_ref().map_or(String::new(), |error| format!("; the last poll failed: {error}"));
        let baseline = match one.baseline_at {
            None => "; it was never answered, and has no baseline yet",
            Some(_) => "",
        };
        format!("{polled}{error}{baseline}")
    }
}

fn why_nothing(message: &MessageStory) -> &'static str {
    let Some(first) = message.seen.shown.first() else { return "Nothing." };
    if first.baseline { "Nothing: it is part of the baseline." } else { "Nothing that is still kept." }
}
