//! The words of titles and texts, and the clocks that their times are told by. A translation is one file beside
//! `english`, with everything of a sentence that a language may order in its own way in one place.

mod english;

use std::fmt::Debug;
use std::time::Duration;

use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};

use crate::core::event::Event;
use crate::core::pacing::{Cap, Held};

pub use english::English;

/// What is said, in one language. Plain text; whether it fits is not for the words to know.
pub trait Words: Debug + Send + Sync {
    /// Its tag (BCP 47), such as `en`.
    fn language(&self) -> &'static str;

    /// What happened to whom, readable without the text.
    fn title(&self, event: &Event) -> String;

    /// That nothing has happened: somebody tries a notifier.
    fn only_a_test(&self, by: &str) -> String;

    /// So many files came with a message.
    fn files(&self, count: u64) -> String;

    /// When something happened that is told much later.
    fn written(&self, at: &Zoned) -> String;

    /// Since when something lasts.
    fn since(&self, at: &Zoned) -> String;

    /// Until when somebody who waits can be answered.
    fn reply_until(&self, at: &Zoned) -> String;

    /// Why a fallback is told: how long its notifier has had, or that it has given up.
    fn in_place_of(&self, notifier: &str, within: Option<Duration>) -> String;

    /// Who wrote how many messages.
    fn wrote(&self, messages: &[&Event]) -> String;

    /// So much else happened in a conversation that not all of it is messages.
    fn changes(&self, count: usize) -> String;

    /// So many more are not shown.
    fn more(&self, count: usize) -> String;

    /// Who waits for an answer, and for how long.
    fn waits(&self, event: &Event) -> String;

    /// How a wait ended.
    fn over(&self, event: &Event) -> String;

    /// The title of a notification that tells of several conversations.
    fn digest(&self, digest: Digest) -> String;

    /// Why it tells of several: what had held them back.
    fn held_back(&self, held: Held, cap: Option<Cap>) -> String;
}

/// What is in a digest.
#[derive(Clone, Copy, Debug)]
pub struct Digest {
    /// Events.
    pub events: usize,
    /// Messages among them.
    pub messages: usize,
    /// Conversations that they are of.
    pub conversations: usize,
    /// Of those, in which somebody waits.
    pub waiting: usize,
}

/// How a notifier speaks: in whose words, by whose clocks.
#[derive(Clone, Debug)]
pub struct Voice {
    /// The language.
    pub words: &'static dyn Words,
    /// Where its readers are.
    pub zone: TimeZone,
}

impl PartialEq for Voice {
    fn eq(&self, other: &Self) -> bool {
        self.words.language() == other.words.language() && self.zone == other.zone
    }
}

impl Voice {
    /// English, by the clocks of a place.
    pub fn at(zone: TimeZone) -> Self {
        Self { words: &English, zone }
    }

    /// An instant as the readers' clocks show it.
    pub fn local(&self, at: Timestamp) -> Zoned {
        at.to_zoned(self.zone.clone())
    }
}

impl Default for Voice {
    fn default() -> Self {
        Self::at(TimeZone::UTC)
    }
}
