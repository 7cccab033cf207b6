//! The words of titles and texts, and the clocks that their times are told by. A translation is one file beside
//! `english`, with everything of a sentence that a language may order in its own way in one place.

mod english;

use std::fmt::Debug;
use std::time::Duration;

use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};

use crate::core::event::Event;

pub use english::English;

/// What is said, in one language. Plain text; whether it fits is not for the words to know.
pub trait Words: Debug + Send + Sync {
    /// What happened to whom, readable without the text.
    fn title(&self, event: &Event) -> String;

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
}

/// How a notifier speaks: in whose words, by whose clocks.
#[derive(Clone, Debug)]
pub struct Voice {
    /// The language.
    pub words: &'static dyn Words,
    /// Where its readers are.
    pub zone: TimeZone,
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
