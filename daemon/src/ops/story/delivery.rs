//! One delivery: what it is, why it waits, and each attempt.

use jiff::Timestamp;

use super::{Teller, span, time};
use crate::core::pacing;
use crate::core::plural::many;
use crate::core::receiver::HELD;
use crate::core::story::{AttemptStory, Behind, DeliveryStory, Held, NOT_CONFIGURED, NOT_RUNNING, Several};
use crate::ops::status::{Age, columns};

impl Teller {
    pub(super) fn delivery(&mut self, steps: usize, delivery: &DeliveryStory) {
        self.line(steps, format_args!("{}: {}", delivery.notifier, self.how(delivery)));
        self.beside(steps + 1, delivery);
        self.rest(steps + 1, &delivery.attempts, "earlier attempt", "earlier attempts");
        for one in &delivery.attempts.shown {
            self.line(steps + 1, attempt(one));
        }
    }

    /// What is to be said of it besides its state and its attempts.
    pub(super) fn beside(&mut self, steps: usize, delivery: &DeliveryStory) {
        if let Some(other) = &delivery.in_place_of {
            let at = self.at(delivery.created_at);
            self.line(steps, format_args!("In place of {other}, which had not accepted it {at}."));
        }
        if let Some(why) = &delivery.suppressed_by {
            self.line(steps, format_args!("Kept from {} by {why}.", delivery.notifier));
            self.line(steps, format_args!("`commwatch replay {}` sends it all the same.", delivery.event));
        }
        if let Some(at) = delivery.fell_back_at {
            self.line(steps, format_args!("Not accepted in time: its fallbacks were told {}.", self.at(at)));
        }
        if delivery.replay {
            let (at, tried) = (self.at(delivery.created_at), many(delivery.counted, "attempt", "attempts"));
            self.line(steps, format_args!("An operator had it sent again {at}; {tried} counted since."));
        }
        if let Some(held) = &delivery.held {
            self.line(steps, self.held(delivery, held));
        }
    }

    /// One of many: a line, with its latest attempt.
    pub(super) fn delivery_in_short(&mut self, steps: usize, delivery: &DeliveryStory) {
        let last = match delivery.attempts.shown.last() {
            Some(last) if last.outcome != "delivered" => format!("; {}", attempt(last)),
            _ => String::new(),
        };
        let last = match &delivery.suppressed_by {
            Some(why) => format!(" by {why}"),
            None => last,
        };
        let other = delivery.in_place_of.as_ref().map_or(String::new(), |other| format!(" (for {other})"));
        self.line(steps, format_args!("{}{other}: {}{last}", delivery.notifier, self.how(delivery)));
        if let Some(held) = &delivery.held {
            self.line(steps + 1, self.held(delivery, held));
        }
    }

    /// What it is, and until when.
    pub(super) fn how(&self, delivery: &DeliveryStory) -> String {
        let state = &match delivery.aside {
            true => format!("{}, newer ones go past it", delivery.state),
            false => delivery.state.clone(),
        };
        if let (Some(told_by), Some(at)) = (&delivery.part_of, delivery.finished_at) {
            return format!("{state} {}: {told_by} tells of it, with others", self.at(at));
        }
        let state = &match delivery.others {
            0 => state.clone(),
            others => format!("{} (it tells of {})", state, many(others, "other", "others")),
        };
        if let Some(Behind { event, ahead }) = &delivery.behind {
            return format!(
                "{state} behind {} in its lane, whose head is {event}",
                many(*ahead, "other", "others")
            );
        }
        if let Some(since) = delivery.sending_since {
            return format!(
                "{state} since {}: its plugin has it, and has not said how it ended",
                self.at(since)
            );
        }
        match (delivery.finished_at, delivery.due_at) {
            (Some(at), _) if delivery.state == "dead" => {
                format!(
                    "{state}, given up {}; `commwatch replay {}` sends it again",
                    self.at(at),
                    delivery.event
                )
            }
            (Some(at), _) => format!("{state} {}", self.at(at)),
            (None, Some(_)) if delivery.held.is_some() => format!("{state}, held"),
            (None, Some(due)) if due > self.now => {
                let first = if delivery.attempts.shown.is_empty() { "tried" } else { "tried again" };
                format!("{state}, {first} {}", self.at(due))
            }
            (None, Some(due)) => format!("{state}, due since {}", self.at(due)),
            (None, None) => state.clone(),
        }
    }

    /// Why its notifier takes nothing.
    fn held(&self, delivery: &DeliveryStory, held: &Held) -> String {
        let notifier = &delivery.notifier;
        if let Some(paced) = pacing::Held::named(&held.reason) {
            let until = delivery.due_at.map_or(String::new(), |due| format!(" until {}", time(due)));
            return match paced {
                pacing::Held::Group => {
                    format!("Held{until} for what else may be written in its conversation (`group`).")
                }
                pacing::Held::Cap => {
                    format!(
                        "Held{until}: as many as `max_per` allows went to {notifier} lately. What waits goes as one digest."
                    )
                }
                pacing::Held::Quiet => {
                    format!("Held{until}: {notifier} has quiet hours. What waits goes as one digest then.")
                }
            };
        }
        let since = held.since.map_or(String::new(), |since| format!(" since {}", self.at(since)));
        let why = held.why.as_ref().map_or(String::new(), |why| format!(": {why}"));
        let now = format!("`commwatch notifiers resume {notifier}` tries it now");
        match held.reason.as_str() {
            reason if reason == HELD[0] => {
                format!(
                    "Held: {notifier} is broken{since}{why}. It is tried with one delivery now and then; {now}."
                )
            }
            reason if reason == HELD[1] => {
                format!(
                    "Held: {notifier} has accepted nothing of late{since}{why}. It is tried with one delivery now and then; {now}."
                )
            }
            NOT_RUNNING => format!("Held: the plugin of {notifier} does not run{since}{why}."),
            NOT_CONFIGURED => format!(
                "Held: {notifier} is not configured any more. It goes on when that is configured again, and becomes a \
                 dead letter when it is as old as [store] retention."
            ),
            other => format!("Held: {other}{since}{why}."),
        }
    }
}

fn attempt(attempt: &AttemptStory) -> String {
    let AttemptStory { number, started_at, took_ms, outcome, detail } = attempt;
    let said = if detail.is_empty() { String::new() } else { format!(": {detail}") };
    let took = if *took_ms < 1000 { format!("{took_ms} ms") } else { span(*took_ms as f64 / 1000.0) };
    format!("attempt {number} {}, {outcome} after {took}{said}", time(*started_at))
}

/// Its state in a word or two.
pub fn state(delivery: &DeliveryStory) -> String {
    match &delivery.held {
        Some(held) => format!("{} (held: {})", delivery.state, held.reason.replace('_', " ")),
        None => delivery.state.clone(),
    }
}

/// Deliveries as a list.
pub fn deliveries(deliveries: &Several<DeliveryStory>, now: Timestamp) -> String {
    let rows = deliveries.shown.iter().map(|delivery| {
        let last = delivery.attempts.shown.last();
        [
            Age::of(delivery.created_at, now).to_string(),
            delivery.notifier.clone(),
            state(delivery),
            delivery.counted.to_string(),
            delivery.event.clone(),
            last.map_or(String::new(), |last| format!("{} {}", last.outcome, last.detail)),
        ]
    });
    let mut text =
        columns(["WRITTEN", "NOTIFIER", "STATE", "ATTEMPTS", "EVENT", "LAST ATTEMPT"], rows.collect());
    if deliveries.more > 0 {
        text += &format!("and {} more; --limit shows more at once\n", deliveries.more);
    }
    text
}
