//! One watch: whether it is polled, what it found, who was told of that, and what waits.

use super::{Teller, span, time};
use crate::core::plural::many;
use crate::core::story::{Live, PollHour, WatchStory};

impl Teller {
    pub(super) fn watch(&mut self, watch: &WatchStory) {
        self.line(0, title(watch));
        self.state(watch);
        self.in_short(watch);
        self.conversations(watch);
        self.polls(watch);
        if !watch.account_events.shown.is_empty() {
            self.part("Its account's key:");
            for event in &watch.account_events.shown {
                self.event_in_short(1, event);
            }
            self.rest(1, &watch.account_events, "more", "more");
        }
        self.part(format_args!("What it found since {}:", time(watch.since)));
        if watch.events.shown.is_empty() {
            self.line(1, "Nothing.");
        }
        for event in &watch.events.shown {
            self.event_in_short(1, event);
        }
        self.rest(1, &watch.events, "more", "more");
        self.part("What waits:");
        if watch.waiting.shown.is_empty() {
            self.line(1, "Nothing.");
        }
        for delivery in &watch.waiting.shown {
            self.line(1, &delivery.event);
            self.delivery_in_short(2, delivery);
        }
        self.rest(1, &watch.waiting, "more", "more");
    }

    fn conversations(&mut self, watch: &WatchStory) {
        if watch.conversations.shown.is_empty() {
            return;
        }
        self.part("Its conversations:");
        for one in &watch.conversations.shown {
            let waits = one.waiting_since.map_or(String::new(), |since| {
                format!(
                    ", somebody waits since {}{}",
                    self.at(since),
                    if one.acked { " (acked)" } else { "" }
                )
            });
            let message =
                one.last_message_at.map_or(String::new(), |at| format!(", last message {}", self.at(at)));
            let id = format_args!("{}/{}", one.account, one.object);
            self.line(1, format_args!("{id}  channel {}, {}{waits}{message}", one.channel, one.state));
        }
        self.rest(1, &watch.conversations, "more", "more");
    }

    pub(super) fn state(&mut self, watch: &WatchStory) {
        match &watch.live {
            None if watch.within.is_some() => {
                self.line(
                    1,
                    "It is not watched now: it is over, or its watch has changed. Nothing polls it.",
                );
            }
            None => {
                self.line(1, "It is not in the configuration: nothing polls it, and nothing is told of it.");
            }
            Some(live) => self.live(live),
        }
        if watch.is_of_several() {
            return;
        }
        let Some(kept) = &watch.conversation else {
            return self.line(1, "No answer was ever read: it has no baseline yet.");
        };
        match kept.baseline_at {
            Some(at) => self.line(1, format_args!("Its baseline was taken {}; what was there before counts as seen unless [[watch]] baseline says otherwise.", self.at(at))),
            None => self.line(1, "No answer was ever read: it has no baseline yet."),
        }
        let status = kept.status.as_deref().unwrap_or("not known");
        let messages = many(kept.messages, "message is", "messages are");
        let events = many(kept.sequence, "event", "events");
        self.line(
            1,
            format_args!("Its status is {status}; {messages} known of it, and it has had {events}."),
        );
        if let Some(since) = kept.unreachable_since {
            self.line(1, format_args!("CommBox does not show the conversation since {}.", self.at(since)));
        }
        if let Some(since) = kept.gap_since {
            self.line(1, format_args!("It has more messages than are looked at since {}.", self.at(since)));
        }
    }

    fn live(&mut self, live: &Live) {
        let last = live.last_poll.map_or("not polled since the daemon started".to_owned(), |at| {
            format!("last polled {}", self.at(at))
        });
        let read = match live.last_success {
            Some(at) if live.last_poll == Some(at) => String::new(),
            Some(at) => format!(", last read {}", self.at(at)),
            None => String::new(),
        };
        let next = live.next_poll.map_or(String::new(), |at| format!(", next poll {}", self.at(at)));
        self.line(1, format_args!("It is {}: {last}{read}{next}.", live.state));
        if let Some(denied) = &live.denied {
            let since = denied.since.map_or(String::new(), |since| format!(" since {}", self.at(since)));
            let why = denied.why.as_ref().map_or(String::new(), |why| format!(": {why}"));
            self.line(1, format_args!("CommBox refuses the key of account {}{since}{why}", live.account));
        } else if let Some(error) = &live.last_error {
            self.line(1, format_args!("The last poll failed: {error}"));
        }
        if let Some(since) = live.waiting_since {
            let known = match live.acked {
                true => "; somebody knows of it, so nobody is told until the customer writes again",
                false => "",
            };
            let who = if live.object.is_empty() { "Somebody" } else { "Its customer" };
            self.line(1, format_args!("{who} waits for an answer since {}{known}.", self.at(since)));
        }
        for silence in &live.silences {
            self.line(1, format_args!("Nobody is told of what it finds: {silence}."));
        }
        if let Some(until) = live.throttled_until.filter(|until| *until > self.now) {
            self.line(
                1,
                format_args!("CommBox asked account {} to wait until {}.", live.account, time(until)),
            );
        }
    }

    pub(super) fn in_short(&mut self, watch: &WatchStory) {
        let sum = |of: fn(&PollHour) -> u64| watch.polls.shown.iter().map(of).sum::<u64>();
        let (polls, changed, failed) = (sum(|h| h.polls), sum(|h| h.changed), sum(|h| h.failed));
        let found = watch.events.shown.len() as u64 + watch.events.more;
        let untold = watch.events.shown.iter().filter(|event| event.is_told_to_nobody()).count();
        let polls = many(polls, "poll", "polls");
        let kept = watch.events.shown.iter().filter(|event| event.is_suppressed()).count();
        let told = match (found, untold, kept) {
            (0, ..) => "nothing was found, so that there was nothing to tell".to_owned(),
            (_, 0, 0) => format!("{} found, each told to somebody", many(found, "event", "events")),
            (_, n, 0) => format!("{} found, of which {n} told to nobody", many(found, "event", "events")),
            (_, 0, n) => format!("{} found, of which {n} suppressed", many(found, "event", "events")),
            (_, n, m) => {
                format!(
                    "{} found, of which {n} told to nobody and {m} suppressed",
                    many(found, "event", "events")
                )
            }
        };
        self.line(1, format_args!("In short: {polls}, {changed} with a change, {failed} failed; {told}."));
    }

    fn polls(&mut self, watch: &WatchStory) {
        self.part("Polls by hour:");
        if watch.polls.shown.is_empty() {
            self.line(1, format_args!("None since {}.", time(watch.since)));
        }
        for hour in &watch.polls.shown {
            let polls = many(hour.polls, "poll", "polls");
            let error = hour.last_error.as_ref().map_or(String::new(), |error| format!(": {error}"));
            self.line(
                1,
                format_args!(
                    "{}  {polls}, {} with a change, {} failed{error}",
                    time(hour.hour),
                    hour.changed,
                    hour.failed
                ),
            );
        }
        self.rest(1, &watch.polls, "more hour before", "more hours before");
    }
}

pub(super) fn title(watch: &WatchStory) -> String {
    if let Some(id) = &watch.within {
        let about = watch.live.as_ref().map_or(String::new(), |live| {
            let channel = live.channel.as_ref().map_or(String::new(), |one| format!(", channel {one}"));
            let often = span(live.interval_seconds);
            format!(" ({}, {}){channel}, every {often}", live.title, live.priority.as_str())
        });
        return format!(
            "conversation {} of account {}, in watch {}{about}",
            id.object, id.account, watch.name
        );
    }
    match &watch.live {
        Some(live) if watch.is_of_several() => format!(
            "watch {} ({}, {}): {} of account {}, each every {}",
            watch.name,
            live.title,
            live.priority.as_str(),
            match watch.conversations.shown.len() as u64 + watch.conversations.more {
                0 => "no conversation so far".to_owned(),
                all => many(all, "conversation", "conversations"),
            },
            live.account,
            span(live.interval_seconds)
        ),
        Some(live) => format!(
            "watch {} ({}, {}): conversation {} of account {}, every {}",
            watch.name,
            live.title,
            live.priority.as_str(),
            live.object,
            live.account,
            span(live.interval_seconds)
        ),
        None => match &watch.conversation {
            Some(kept) => {
                format!("watch {}: conversation {} of account {}", watch.name, kept.object, kept.account)
            }
            None => format!("watch {}", watch.name),
        },
    }
}
