//! The same sentences one by one, for whoever has other room for them than a terminal. Each must stand isolated from
//! what is around it: the marks of a text from right to left stay in it.

use jiff::Timestamp;

use super::Teller;
use crate::core::story::{DeliveryStory, EventStory, WatchStory};
use crate::ops::status::plain_isolated;

/// How a watch goes, in sentences.
pub fn watch_facts(watch: &WatchStory, now: Timestamp) -> Vec<String> {
    told(now, |teller| {
        teller.line(0, super::watch::title(watch));
        teller.state(watch);
        teller.in_short(watch);
    })
}

/// When and how an event was found, in sentences. Whether its text is kept is not among them.
pub fn event_facts(event: &EventStory, now: Timestamp) -> Vec<String> {
    told(now, |teller| {
        teller.line(0, super::event::subject(event));
        teller.when(event);
        teller.what(event);
    })
}

/// What a delivery is and why it waits, in sentences.
pub fn delivery_facts(delivery: &DeliveryStory, now: Timestamp) -> Vec<String> {
    told(now, |teller| {
        teller.line(0, teller.how(delivery));
        teller.beside(0, delivery);
    })
}

fn told(now: Timestamp, tell: impl FnOnce(&mut Teller)) -> Vec<String> {
    let mut teller = Teller { now, plain: plain_isolated, text: String::new() };
    tell(&mut teller);
    teller.text.lines().map(|line| line.trim().to_owned()).collect()
}
