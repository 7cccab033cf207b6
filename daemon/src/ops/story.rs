//! A story for a terminal: plain sentences with times. Why an alert was sent, and why not.

mod delivery;
mod event;
mod facts;
mod message;
mod watch;

use std::fmt::{Display, Write as _};

use jiff::Timestamp;

pub use delivery::{deliveries, state};
pub use event::{author_word, event_line, events, route};
pub use facts::{delivery_facts, event_facts, watch_facts};

use super::status::{Age, plain};
use crate::core::plural::many;
use crate::core::story::{Several, Story, Why};

/// What is known, as a person reads it.
pub fn tell(why: &Why) -> String {
    let mut teller = Teller { now: why.taken, plain, text: String::new() };
    match &why.story {
        Story::Event(event) => teller.event(event),
        Story::Message(message) => teller.message(message),
        Story::Watch(watch) => teller.watch(watch),
    }
    teller.text
}

/// Writes line by line.
struct Teller {
    now: Timestamp,
    /// What makes a line harmless where it is shown.
    plain: fn(&str) -> String,
    text: String,
}

impl Teller {
    /// A line of the story, so many steps in.
    fn line(&mut self, steps: usize, text: impl Display) {
        let _ = writeln!(self.text, "{:indent$}{}", "", (self.plain)(&text.to_string()), indent = steps * 2);
    }

    /// A part of the story begins.
    fn part(&mut self, heading: impl Display) {
        self.text.push('\n');
        self.line(0, heading);
    }

    /// What a list leaves out.
    fn rest<T>(&mut self, steps: usize, left: &Several<T>, one: &str, several: &str) {
        if left.more > 0 {
            self.line(steps, format_args!("and {}", many(left.more, one, several)));
        }
    }

    /// A time, and how long ago it was.
    fn at(&self, at: Timestamp) -> String {
        format!("{} ({})", time(at), Age::of(at, self.now))
    }
}

/// To the second, in UTC.
fn time(at: Timestamp) -> String {
    format!("{at:.0}")
}

/// How a duration is read: in the one unit that matters.
fn span(seconds: f64) -> String {
    match seconds {
        0.0..10.0 => format!("{seconds:.1} s"),
        10.0..120.0 => format!("{seconds:.0} s"),
        120.0..7_200.0 => format!("{:.0} min", seconds / 60.0),
        7_200.0..172_800.0 => format!("{:.0} h", seconds / 3_600.0),
        _ => format!("{:.0} d", seconds / 86_400.0),
    }
}

#[cfg(test)]
pub(crate) mod tests;
