//! Why somebody was told of something, or was not: what is kept of an event, a message or a watch, put together for
//! the person who asks. Holds no message text.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::core::event::{ChangeData, DetectionData, ProblemData};
use crate::core::message::AuthorKind;
use crate::core::route::Said;
use crate::core::silence::Silence;
use crate::core::watch::{ConversationId, Priority, id_as_text};

/// What is asked about.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(tag = "about", rename_all = "lowercase", deny_unknown_fields)]
pub enum About {
    /// One event.
    Event {
        /// Its id.
        id: String,
    },
    /// One message.
    Message {
        /// The child's id.
        child: String,
        /// The watch whose conversation it is in; left out = any.
        #[serde(default)]
        watch: Option<String>,
    },
    /// One watch.
    Watch {
        /// Its name.
        name: String,
        /// From when on.
        since: Timestamp,
        /// One of its conversations alone; left out = all.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        conversation: Option<ConversationId>,
    },
}

/// The answer.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Why {
    /// When it was put together; ages are counted from here.
    pub taken: Timestamp,
    /// What is known.
    pub story: Story,
}

/// What is known.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(tag = "about", rename_all = "lowercase")]
pub enum Story {
    /// Of one event.
    Event(Box<EventStory>),
    /// Of one message.
    Message(MessageStory),
    /// Of one watch.
    Watch(Box<WatchStory>),
}

/// A bounded list.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Several<T> {
    /// What is shown.
    pub shown: Vec<T>,
    /// How many more there are; counted up to [`COUNTED_MAX`].
    pub more: u64,
}

/// What is left out of a list is counted up to this.
pub const COUNTED_MAX: u64 = 10_000;
/// Deliveries of one event.
pub const DELIVERIES_MAX: usize = 32;
/// Attempts of one delivery, the newest, where one event is asked about.
pub const ATTEMPTS_MAX: usize = 50;
/// Attempts of one delivery where it is one of many.
pub const ATTEMPTS_BRIEF: usize = 1;
/// Events of one message or watch, the newest.
pub const EVENTS_MAX: usize = 30;
/// Hours of polls, the newest.
pub const HOURS_MAX: usize = 48;
/// Deliveries that wait in a conversation's lanes, the first in line.
pub const WAITING_MAX: usize = 20;
/// Conversations in which one message was seen, or was looked for.
pub const CONVERSATIONS_MAX: usize = 10;
/// Conversations that were found for one watch, those first in which somebody waits.
pub const FOUND_MAX: usize = 100;
/// The most that can be asked for of a list of events or deliveries.
pub const LIST_MAX: usize = 500;

/// One event, from the poll that found it to what became of each delivery.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct EventStory {
    /// Its id.
    pub id: String,
    /// Its type, without prefix and version.
    #[serde(rename = "type")]
    pub kind: String,
    /// The watch that found it; none where it is about commwatch itself.
    pub watch: Option<String>,
    /// The watch's priority then.
    pub priority: Option<Priority>,
    /// The account, where there is one.
    pub account: Option<String>,
    /// The conversation's object id, where there is one.
    pub object: Option<String>,
    /// The message, where it is about one.
    pub child: Option<String>,
    /// Who wrote that.
    pub author: Option<AuthorKind>,
    /// When it happened, as `CommBox` says; else when it was found.
    pub occurred_at: Timestamp,
    /// When it was found.
    pub recorded_at: Timestamp,
    /// By which poll, where a poll found it.
    pub detection: Option<DetectionData>,
    /// Of a status or an assignment: what it was and what it is.
    pub change: Option<ChangeData>,
    /// What is wrong, where something is.
    pub problem: Option<ProblemData>,
    /// Whether the message's text is still kept; it is not shown.
    pub text_kept: bool,
    /// Whether the text went because the message was deleted.
    pub scrubbed: bool,
    /// What each route said when the event was found; empty in a row of an earlier version.
    pub routing: Vec<Said>,
    /// What became of it, by notifier.
    pub deliveries: Several<DeliveryStory>,
}

/// What an event is, in a line.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Brief {
    /// Its type, without prefix and version.
    pub kind: String,
    /// The watch that found it; none where it is about commwatch itself.
    pub watch: Option<String>,
    /// The message's text, where it is asked for and still kept.
    pub text: Option<String>,
}

/// One delivery.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct DeliveryStory {
    /// The event.
    pub event: String,
    /// To whom.
    pub notifier: String,
    /// The words of [`State`](crate::core::delivery::State).
    pub state: String,
    /// Whether an operator had it sent again.
    pub replay: bool,
    /// When it was written; a replay writes it anew.
    pub created_at: Timestamp,
    /// When it may be handed over; of those that are not final.
    pub due_at: Option<Timestamp>,
    /// Since when it is with the plugin.
    pub sending_since: Option<Timestamp>,
    /// When it was delivered or given up.
    pub finished_at: Option<Timestamp>,
    /// Attempts that count, since it was written or replayed.
    pub counted: u32,
    /// Whether it has stepped aside, so that what is newer in its lane does not wait for it.
    #[serde(default)]
    pub aside: bool,
    /// When its notifier's fallbacks were told of it, since it had not been accepted in time.
    #[serde(default)]
    pub fell_back_at: Option<Timestamp>,
    /// The notifier that had not accepted it in time, where it was written in place of that one's.
    #[serde(default)]
    pub in_place_of: Option<String>,
    /// The notification that tells of it, with others.
    #[serde(default)]
    pub part_of: Option<String>,
    /// How many others it tells of.
    #[serde(default)]
    pub others: u64,
    /// Why nobody need hear of it, where it is suppressed.
    #[serde(default)]
    pub suppressed_by: Option<String>,
    /// What it waits behind in its lane.
    pub behind: Option<Behind>,
    /// Why its notifier takes nothing, while it does not.
    pub held: Option<Held>,
    /// Its attempts, oldest first; those left out are older.
    pub attempts: Several<AttemptStory>,
}

/// What a queued delivery waits behind.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Behind {
    /// The event at the head of the lane.
    pub event: String,
    /// How many are before it, the head among them.
    pub ahead: u64,
}

/// [`Held::reason`] while its plugin's process does not run.
pub const NOT_RUNNING: &str = "not_running";
/// [`Held::reason`] once it has left the configuration.
pub const NOT_CONFIGURED: &str = "not_configured";

/// Why a notifier takes nothing.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Held {
    /// Of [`HELD`](crate::core::receiver::HELD) or [`pacing::Held`](crate::core::pacing::Held), [`NOT_RUNNING`] or
    /// [`NOT_CONFIGURED`]; of a watch, `denied`.
    pub reason: String,
    /// Since when, where that is known.
    pub since: Option<Timestamp>,
    /// What it or its receiver said, one line.
    pub why: Option<String>,
}

/// One attempt.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct AttemptStory {
    /// Which it was, from 1, over all replays.
    pub number: u32,
    /// When it began.
    pub started_at: Timestamp,
    /// How long it took.
    pub took_ms: u64,
    /// `delivered`, `retry`, `reject`, `unknown`, `broken`, or `expired` where nothing was sent.
    pub outcome: String,
    /// What was said, one line.
    pub detail: String,
}

/// One message.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct MessageStory {
    /// The child's id.
    pub child: String,
    /// The watch that was asked about; none = any.
    pub watch: Option<String>,
    /// Where it was seen.
    pub seen: Several<Sighting>,
    /// What was told of it, newest first.
    pub events: Several<EventStory>,
    /// Where it was looked for, when it was seen nowhere.
    pub looked_for: Several<LookedFor>,
}

/// A message in a conversation.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Sighting {
    /// The conversation's account.
    pub account: String,
    /// The conversation's object id.
    pub object: String,
    /// The watch that it was last polled for.
    pub watch: String,
    /// When an answer first listed it; none in a row of an earlier version.
    pub found_at: Option<Timestamp>,
    /// When it was written, if that could be read.
    pub created_at: Option<Timestamp>,
    /// Who wrote it, where that is known.
    pub author: Option<AuthorKind>,
    /// Whether it was there at first sight, and was not told.
    pub baseline: bool,
    /// How often it has changed: each edit and each deletion.
    pub revision: u32,
    /// Whether it could not be read so far.
    pub unparsed: bool,
    /// Since when answers no longer list it.
    pub gone_since: Option<Timestamp>,
    /// What that is taken for: `unconfirmed`, `deleted` or `out of sight`.
    pub gone_as: Option<String>,
}

/// A conversation in which a message was looked for in vain.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct LookedFor {
    /// The watch.
    pub watch: String,
    /// When what was there then was taken for the baseline; none = never answered.
    pub baseline_at: Option<Timestamp>,
    /// The last poll since the daemon started.
    pub last_poll: Option<Timestamp>,
    /// The last one that got an answer that could be read.
    pub last_success: Option<Timestamp>,
    /// What went wrong last, while it has not gone well since.
    pub last_error: Option<String>,
}

/// One watch, or one conversation of it.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct WatchStory {
    /// Its name.
    pub name: String,
    /// From when on.
    pub since: Timestamp,
    /// The conversation that all of this is about, where it is about one alone.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "id_as_text::option")]
    pub within: Option<ConversationId>,
    /// How it is configured and how it goes; none = it is not in the configuration.
    pub live: Option<Live>,
    /// Conversations that were found for it and are watched now, who waits longest first; none where it names its own, or
    /// where one alone is asked about.
    #[serde(default)]
    pub conversations: Several<FoundStory>,
    /// What is kept of its conversation, of several of the one that changed last; none = it was never answered.
    pub conversation: Option<ConversationStory>,
    /// Its polls by hour, newest first, this hour among them.
    pub polls: Several<PollHour>,
    /// What it found, newest first.
    pub events: Several<EventStory>,
    /// Times in which the account's key was refused, newest first.
    pub account_events: Several<EventStory>,
    /// What waits in its lanes, the first in line first.
    pub waiting: Several<DeliveryStory>,
}

/// A watch as it is configured, and how it goes.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Live {
    /// What people read.
    pub title: String,
    /// How much it matters.
    pub priority: Priority,
    /// Its account.
    pub account: String,
    /// Its conversation's object id; empty where it has several, or none so far.
    pub object: String,
    /// That one's channel, as requests name it.
    #[serde(default)]
    pub channel: Option<String>,
    /// How often it is to be polled.
    pub interval_seconds: f64,
    /// The word of the status page.
    pub state: String,
    /// The last poll that ended since the daemon started.
    pub last_poll: Option<Timestamp>,
    /// The last one that got an answer that could be read.
    pub last_success: Option<Timestamp>,
    /// When it is due again.
    pub next_poll: Option<Timestamp>,
    /// What went wrong last, while it has not gone well since.
    pub last_error: Option<String>,
    /// Since when its account's key is refused, and what was said.
    pub denied: Option<Held>,
    /// Until when the account was asked to wait.
    pub throttled_until: Option<Timestamp>,
    /// Since when its customer waits for an answer of a person.
    #[serde(default)]
    pub waiting_since: Option<Timestamp>,
    /// Whether somebody has said that they know of it, so that nobody is told until the customer writes again.
    #[serde(default)]
    pub acked: bool,
    /// Silences that are over it.
    #[serde(default)]
    pub silences: Vec<Silence>,
}

/// A conversation that was found for a watch, and how it goes.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct FoundStory {
    /// Its account.
    pub account: String,
    /// Its object id.
    pub object: String,
    /// Its channel, as requests name it.
    pub channel: String,
    /// The word of the status page.
    pub state: String,
    /// The last poll since the daemon started that got an answer that could be read.
    pub last_success: Option<Timestamp>,
    /// When its newest message was written.
    pub last_message_at: Option<Timestamp>,
    /// Since when its customer waits for an answer of a person.
    pub waiting_since: Option<Timestamp>,
    /// Whether somebody has said that they know of it.
    pub acked: bool,
}

/// What is kept of a conversation.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct ConversationStory {
    /// Its account.
    pub account: String,
    /// Its object id.
    pub object: String,
    /// The watch that it was last polled for.
    #[serde(default)]
    pub watch: String,
    /// When what was there then was taken for the baseline; none = never answered.
    pub baseline_at: Option<Timestamp>,
    /// How many events it has had.
    pub sequence: u64,
    /// Its status, in a word.
    pub status: Option<String>,
    /// Since when `CommBox` does not show it.
    pub unreachable_since: Option<Timestamp>,
    /// Since when it has more messages than are looked at.
    pub gap_since: Option<Timestamp>,
    /// How many messages are known of it, those that are gone among them.
    pub messages: u64,
}

/// What was polled in one hour.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct PollHour {
    /// The hour's beginning.
    pub hour: Timestamp,
    /// How many polls.
    pub polls: u64,
    /// Of them, those that brought a change.
    pub changed: u64,
    /// Of them, those that failed.
    pub failed: u64,
    /// The latest failure, one line.
    pub last_error: Option<String>,
}

impl<T> Several<T> {
    /// All that there is, of which the first `max` are shown.
    pub fn first(mut all: Vec<T>, max: usize) -> Self {
        let more = all.len().saturating_sub(max) as u64;
        all.truncate(max);
        Self { shown: all, more }
    }
}

impl<T> Default for Several<T> {
    fn default() -> Self {
        Self { shown: Vec::new(), more: 0 }
    }
}

impl WatchStory {
    /// Whether it is about all that was found for a watch, which is not one conversation.
    pub fn is_of_several(&self) -> bool {
        self.within.is_none() && self.live.as_ref().is_some_and(|live| live.object.is_empty())
    }
}

impl EventStory {
    /// Notifiers that the routes chose and of which no delivery is kept, once each.
    pub fn without_delivery(&self) -> Vec<&str> {
        let mut told: Vec<&str> =
            self.routing.iter().flat_map(|said| &said.told).map(String::as_str).collect();
        told.sort_unstable();
        told.dedup();
        told.retain(|name| self.deliveries.shown.iter().all(|delivery| delivery.notifier != *name));
        if self.deliveries.more > 0 { Vec::new() } else { told }
    }

    /// Whether it was kept from everybody who was chosen.
    pub fn is_suppressed(&self) -> bool {
        let mut deliveries = self.deliveries.shown.iter();
        self.deliveries.more == 0
            && !self.deliveries.shown.is_empty()
            && deliveries.all(|delivery| delivery.suppressed_by.is_some())
    }

    /// Whether nobody was chosen, which is why no alert was sent.
    pub fn is_told_to_nobody(&self) -> bool {
        self.deliveries.shown.is_empty() && self.routing.iter().all(|said| said.told.is_empty())
    }
}

impl DeliveryStory {
    /// Whether something will still happen to it by itself.
    pub fn is_open(&self) -> bool {
        self.finished_at.is_none()
    }
}

/// What is in the store and what is still in memory, by hour, newest first.
pub fn polls_by_hour(stored: Several<PollHour>, in_memory: Vec<PollHour>) -> Several<PollHour> {
    let mut hours: BTreeMap<Timestamp, PollHour> = BTreeMap::new();
    for one in stored.shown.into_iter().chain(in_memory) {
        match hours.get_mut(&one.hour) {
            None => drop(hours.insert(one.hour, one)),
            Some(hour) => {
                hour.polls += one.polls;
                hour.changed += one.changed;
                hour.failed += one.failed;
                hour.last_error = one.last_error.or(hour.last_error.take());
            }
        }
    }
    let mut several = Several::first(hours.into_values().rev().collect(), HOURS_MAX);
    several.more += stored.more;
    several
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hour(hours: i64, polls: u64, error: Option<&str>) -> PollHour {
        let failed = u64::from(error.is_some());
        let hour = Timestamp::from_second(hours * 3600).unwrap();
        PollHour { hour, polls, changed: 1, failed, last_error: error.map(str::to_owned) }
    }

    #[test]
    fn an_hour_that_is_partly_in_memory_is_one_hour() {
        let stored = Several { shown: vec![hour(8, 5, Some("500")), hour(7, 360, None)], more: 3 };
        let all = polls_by_hour(stored, vec![hour(8, 10, None), hour(9, 2, Some("timeout"))]);
        let polls: Vec<u64> = all.shown.iter().map(|hour| hour.polls).collect();
        assert_eq!((polls, all.more), (vec![2, 15, 360], 3));
        assert_eq!(all.shown[1].last_error.as_deref(), Some("500"));
        assert_eq!((all.shown[1].changed, all.shown[1].failed), (2, 1));
    }

    #[test]
    fn more_hours_than_are_shown_are_counted() {
        let all = polls_by_hour(Several::default(), (0..50).map(|n| hour(n, 1, None)).collect());
        assert_eq!((all.shown.len(), all.more), (HOURS_MAX, 2));
        assert_eq!(all.shown[0].hour, hour(49, 1, None).hour);
    }
}
