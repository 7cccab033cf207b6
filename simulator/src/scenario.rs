//! Who writes in a simulator that people run: read from a file, or built in.

use std::collections::HashSet;
use std::fmt;
use std::time::Duration;

use serde::Deserialize;

use crate::cast::{Cast, Member};

/// The shortest time between two turns, so that a typing mistake does not fill the memory.
const EVERY_SECONDS_MIN: f64 = 0.01;
/// The longest: a day.
const EVERY_SECONDS_MAX: f64 = 86_400.0;

/// Customers, and how often somebody writes.
#[derive(Clone, Debug)]
pub struct Scenario {
    cast: Cast,
    every: Duration,
}

/// A scenario that cannot be played. Its text is for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScenarioError(String);

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default = "default_seed")]
    seed: u64,
    #[serde(default = "default_every")]
    every_seconds: f64,
    #[serde(default)]
    conversation: Vec<Member>,
}

impl Scenario {
    /// The cast of the demonstration, with a line every four seconds.
    pub fn demo() -> Scenario {
        Scenario { cast: Cast::demo(), every: Duration::from_secs_f64(default_every()) }
    }

    /// Reads a scenario file.
    pub fn parse(text: &str) -> Result<Scenario, ScenarioError> {
        let file: File = toml::from_str(text).map_err(|error| ScenarioError(error.to_string()))?;
        if !(EVERY_SECONDS_MIN..=EVERY_SECONDS_MAX).contains(&file.every_seconds) {
            let text = format!("every_seconds must be from {EVERY_SECONDS_MIN} to {EVERY_SECONDS_MAX}");
            return Err(ScenarioError(text));
        }
        if file.conversation.is_empty() {
            return Err(ScenarioError("there is no [[conversation]]".to_owned()));
        }
        let mut objects = HashSet::new();
        if let Some(twice) = file.conversation.iter().find(|member| !objects.insert(member.object)) {
            return Err(ScenarioError(format!("object {} is in two conversations", twice.object)));
        }
        let every = Duration::from_secs_f64(file.every_seconds);
        Ok(Scenario { cast: Cast::new(file.conversation, file.seed), every })
    }

    /// The time from one turn to the next.
    pub fn every(&self) -> Duration {
        self.every
    }

    pub fn cast(&mut self) -> &mut Cast {
        &mut self.cast
    }
}

impl fmt::Display for ScenarioError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for ScenarioError {}

fn default_seed() -> u64 {
    1
}

fn default_every() -> f64 {
    4.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_scenario_can_be_played() {
        let mut scenario = Scenario::parse(include_str!("../scenario.example.toml")).unwrap();
        assert_eq!(scenario.every(), Duration::from_millis(1500));
        let names: Vec<_> = scenario.cast().members().iter().map(|member| member.name.clone()).collect();
        assert_eq!(names, ["acme-cfo", "ruth"]);
        assert_eq!(scenario.cast().take(100).count(), 100);
    }

    #[test]
    fn a_scenario_that_makes_no_sense_is_refused_with_the_reason() {
        let error = |text: &str| Scenario::parse(text).unwrap_err().to_string();
        let one = "[[conversation]]\nname = 'a'\ntitle = 'A'\nstream = 1\nobject = 2\n";
        assert_eq!(error(""), "there is no [[conversation]]");
        assert_eq!(error(&format!("{one}{one}")), "object 2 is in two conversations");
        assert_eq!(error(&format!("every_seconds = 0.0\n{one}")), "every_seconds must be from 0.01 to 86400");
        assert_eq!(error(&format!("every_seconds = nan\n{one}")), "every_seconds must be from 0.01 to 86400");
        assert!(error(&format!("every_second = 1\n{one}")).contains("unknown field `every_second`"));
    }
}
