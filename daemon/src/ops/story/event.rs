//! One event, from the poll that found it to each delivery.

use jiff::Timestamp;

use super::{Teller, span, state, time};
use crate::core::message::AuthorKind;
use crate::core::route::Said;
use crate::core::story::{EventStory, Several};
use crate::core::watch::Priority;
use crate::ops::status::{Age, columns, plain};

/// Of an event that was told to nobody among others, so many routes are shown.
const ROUTES_BRIEF: usize = 3;

impl Teller {
    pub(super) fn event(&mut self, event: &EventStory) {
        self.line(0, format_args!("{} {}", event.kind, event.id));
        self.line(1, subject(event));
        self.when(event);
        self.what(event);
        self.text_of(event);
        self.routes(event);
        self.outcome(event);
    }

    pub(super) fn when(&mut self, event: &EventStory) {
        let (happened, found) = (self.at(event.occurred_at), time(event.recorded_at));
        match &event.detection {
            Some(detection) => {
                let later =
                    detection.delay_seconds.map_or(String::new(), |delay| format!(", {} later", span(delay)));
                match detection.delay_seconds {
                    Some(_) => self.line(
                        1,
                        format_args!(
                            "It happened {happened} by CommBox's clock, and was found {found}{later}."
                        ),
                    ),
                    None => self.line(
                        1,
                        format_args!(
                            "It was found {}; when it happened is not known.",
                            self.at(event.recorded_at)
                        ),
                    ),
                }
                let before = match detection.previous_poll_at {
                    Some(before) => format!("the answer before came {}", time(before)),
                    None => "it was the first since the daemon had started".to_owned(),
                };
                self.line(
                    1,
                    format_args!("The answer that showed it came {}; {before}.", time(detection.polled_at)),
                );
                if detection.approximate {
                    self.line(1, "The message has no id in CommBox and is told apart by what it says: an edit looks like a new message.");
                }
            }
            None => {
                self.line(1, format_args!("It was noted {}; no poll found it.", self.at(event.recorded_at)));
            }
        }
    }

    pub(super) fn what(&mut self, event: &EventStory) {
        if let Some(change) = &event.change {
            let word =
                |side: &Option<String>| side.clone().unwrap_or_else(|| "nobody or not known".to_owned());
            self.line(
                1,
                format_args!("It was: {}. It is: {}.", word(&change.previous), word(&change.current)),
            );
        }
        if let Some(problem) = &event.problem {
            self.line(1, format_args!("{} since {}: {}", problem.subject, time(problem.since), problem.why));
        }
    }

    fn text_of(&mut self, event: &EventStory) {
        if event.child.is_some() {
            self.line(
                1,
                match (event.scrubbed, event.text_kept) {
                    (true, _) => "Its text is not kept: the message was deleted.",
                    (false, true) => "Its text is kept, and is not shown here.",
                    (false, false) => "No text of it is kept.",
                },
            );
        }
    }

    fn routes(&mut self, event: &EventStory) {
        self.part("What the routes said when it was found:");
        if event.routing.is_empty() {
            self.line(
                1,
                "Nothing is kept: there was no route, or a version found it that did not keep this.",
            );
        }
        for said in &event.routing {
            self.line(1, route(said));
        }
    }

    fn outcome(&mut self, event: &EventStory) {
        self.part("What became of it:");
        if event.is_told_to_nobody() {
            self.line(1, "No alert was sent: no route told anybody.");
        }
        for delivery in &event.deliveries.shown {
            self.delivery(1, delivery);
        }
        self.rest(1, &event.deliveries, "more notifier", "more notifiers");
        for name in event.without_delivery() {
            self.line(1, format_args!("{name}: its delivery is no longer kept; it was dropped, or is older than [store] retention."));
        }
    }

    /// One of many: a line, and why where nobody was told.
    pub(super) fn event_in_short(&mut self, steps: usize, event: &EventStory) {
        let child = event.child.as_ref().map_or(String::new(), |child| format!(" of message {child}"));
        let by = event.author.map_or(String::new(), |author| format!(" by {}", author_word(author)));
        self.line(
            steps,
            format_args!("{}  {}{child}{by}  {}", self.at(event.recorded_at), event.kind, event.id),
        );
        for delivery in &event.deliveries.shown {
            self.delivery_in_short(steps + 1, delivery);
        }
        self.rest(steps + 1, &event.deliveries, "more notifier", "more notifiers");
        if let Some(problem) = &event.problem {
            self.line(steps + 1, &problem.why);
        }
        for name in event.without_delivery() {
            self.line(steps + 1, format_args!("{name}: its delivery is no longer kept"));
        }
        if !event.is_told_to_nobody() {
            return;
        }
        self.line(steps + 1, "told to nobody:");
        for said in event.routing.iter().take(ROUTES_BRIEF) {
            self.line(steps + 2, route(said));
        }
        let said = Several {
            shown: Vec::<()>::new(),
            more: event.routing.len().saturating_sub(ROUTES_BRIEF) as u64,
        };
        let (one, several) = ("more route", "more routes");
        let all = "; `commwatch why` with the event's id shows them all";
        self.rest(steps + 2, &said, &format!("{one}{all}"), &format!("{several}{all}"));
        if event.routing.is_empty() {
            self.line(steps + 2, "there was no route, or what they said was not kept");
        }
    }
}

/// What one route said, in a line.
pub fn route(said: &Said) -> String {
    match (said.told.is_empty(), &said.no) {
        (true, Some(no)) => format!("no   {}: {no}", said.route),
        (true, None) => format!("no   {}: it tells nobody", said.route),
        (false, None) => format!("yes  {}: tells {}", said.route, said.told.join(", ")),
        (false, Some(no)) => format!("yes  {}: tells {}; {no}", said.route, said.told.join(", ")),
    }
}

pub(super) fn subject(event: &EventStory) -> String {
    let watch = match (&event.watch, event.priority) {
        (Some(watch), Some(priority)) => format!(" (watch {watch}, {})", Priority::as_str(priority)),
        (Some(watch), None) => format!(" (watch {watch})"),
        (None, _) => String::new(),
    };
    let place = match (&event.object, &event.account) {
        (Some(object), Some(account)) => format!("conversation {object} of account {account}{watch}"),
        (None, Some(account)) => format!("account {account}"),
        _ => "commwatch itself".to_owned(),
    };
    match (&event.child, event.author) {
        (Some(child), Some(author)) => format!("Message {child} by {}, in {place}.", author_word(author)),
        (Some(child), None) => format!("Message {child}, in {place}."),
        (None, _) => format!("Of {place}."),
    }
}

/// Who wrote a message, in words.
pub fn author_word(author: AuthorKind) -> &'static str {
    match author {
        AuthorKind::Customer => "the customer",
        AuthorKind::Agent => "an agent",
        AuthorKind::Bot => "a bot",
        AuthorKind::System => "the system",
        AuthorKind::Unknown => "an unknown author",
    }
}

/// An event as a line of a log: when it was found, what it is, and who is told.
pub fn event_line(event: &EventStory) -> String {
    let told: Vec<&str> = event.deliveries.shown.iter().map(|one| one.notifier.as_str()).collect();
    let told = if event.is_told_to_nobody() { "nobody".to_owned() } else { told.join(", ") };
    let watch = event.watch.as_deref().unwrap_or("-");
    plain(&format!("{} {} {watch} {} to {told}", time(event.recorded_at), event.kind, event.id))
}

/// Events as a list.
pub fn events(events: &Several<EventStory>, now: Timestamp) -> String {
    let rows = events.shown.iter().map(|event| {
        let told: Vec<String> =
            event.deliveries.shown.iter().map(|one| format!("{} {}", one.notifier, state(one))).collect();
        [
            Age::of(event.recorded_at, now).to_string(),
            event.kind.clone(),
            event.watch.clone().unwrap_or_else(|| "-".to_owned()),
            event.id.clone(),
            if event.is_told_to_nobody() { "nobody".to_owned() } else { told.join(", ") },
        ]
    });
    let mut text = columns(["FOUND", "EVENT", "WATCH", "ID", "TOLD"], rows.collect());
    if events.more > 0 {
        text += &format!("and {} more; --limit shows more at once\n", events.more);
    }
    text
}
