//! Several events in one notification: messages of one conversation that came close together, or a digest of what waited
//! in several. Rendered once and frozen, as [`notification`](super::notification) is.

use std::time::Duration;

use commwatch_plugin_api::{Action, DIGEST_KEY, Severity};
use jiff::Timestamp;

use crate::core::event::{Event, EventKind, notification_id};
use crate::core::notification::{
    Content, Notification, Payload, cut, incident, key, lines, note, notes, one_line, raw, said, severity,
    url, withhold,
};
use crate::core::pacing::Incident;
use crate::core::words::{Digest, Voice, Words};

/// Events of one notification that are handed over whole take so many bytes of JSON, or the first one alone; the others
/// are counted.
pub const EVENTS_BYTES_MAX: usize = 128 * 1024;
/// Messages that are shown have so many characters together, or the first one alone; the others are counted.
const TEXT_CHARS_MAX: usize = 20_000;
/// A line about one conversation in a digest is at most so many characters.
const LINE_CHARS_MAX: usize = 300;
/// Of what is no message and no wait, a digest says so many of each conversation.
const OTHERS_MAX: usize = 3;

/// For whom several events are put together.
#[derive(Clone, Copy, Debug)]
pub struct Reader<'a> {
    /// The notifier.
    pub notifier: &'a str,
    /// How much of the customer's text it gets.
    pub content: Content,
    /// In whose words.
    pub voice: &'a Voice,
    /// So many messages, or conversations, are shown.
    pub shown: usize,
    /// Whether all events are handed over, as far as there is room, or those that are shown.
    pub whole: bool,
    /// When it is read.
    pub now: Timestamp,
}

/// Renders several events for one notifier: those of one conversation as a list of messages, others as a digest with a
/// line a conversation. `why` is said below it. `None` without any event.
pub fn of_events(events: &[Event], reader: Reader<'_>, why: Option<&str>) -> Option<Notification> {
    let ids = events.iter().map(|event| event.id.as_str());
    let ids: Vec<&str> = std::iter::once(reader.notifier).chain(ids).collect();
    render(events, reader, &notification_id(&ids), why)
}

/// Renders them for a notifier that is told in place of another one, under the id that the notification has for that.
pub fn in_place_of(
    events: &[Event],
    reader: Reader<'_>,
    id: &str,
    (late, within): (&str, Option<Duration>),
) -> Option<Notification> {
    render(events, reader, id, Some(&reader.voice.words.in_place_of(late, within)))
}

fn render(events: &[Event], reader: Reader<'_>, id: &str, why: Option<&str>) -> Option<Notification> {
    let first = events.first()?;
    let seen: Vec<Event> = events.iter().map(|event| withhold(event, reader.content)).collect();
    let mut subjects: Vec<Subject<'_>> = Vec::new();
    for event in &seen {
        let of = subject(event);
        match subjects.iter_mut().find(|one| one.of == of) {
            Some(one) => one.events.push(event),
            None => subjects.push(Subject { of, events: vec![event] }),
        }
    }
    let words = reader.voice.words;
    let is_conversation = subjects.len() == 1 && seen.iter().all(|event| incident(event).is_none());
    let (title, text, shown, key) = match subjects.as_slice() {
        [one] if is_conversation => {
            let shown: Vec<&Event> = one.events.iter().copied().take(reader.shown).collect();
            (one.heading(words), one.listed(reader), shown, key(first))
        }
        _ => {
            subjects.sort_by_key(|one| (!one.waits(), one.severity()));
            let shown = subjects.iter().take(reader.shown).filter_map(|one| one.events.last().copied());
            (heading(&subjects, words), summaries(&subjects, reader), shown.collect(), DIGEST_KEY.to_owned())
        }
    };
    let shown = if reader.whole { seen.iter().collect() } else { shown };
    let listed = bounded(&shown);
    let payload = Payload {
        id,
        notifier: reader.notifier,
        key,
        action: Action::Notify,
        severity: subjects.iter().map(Subject::severity).min().unwrap_or(Severity::Info),
        title,
        text: lines([text].into_iter().chain(why.map(note))),
        url: if subjects.len() == 1 { url(shown[0]) } else { None },
        omitted: events.len() - listed.len(),
        events: listed,
    };
    Some(payload.freeze())
}

/// How many of some events there is room for in one notification, at least one.
pub fn fitting(events: &[Event]) -> usize {
    bounded(&events.iter().collect::<Vec<_>>()).len()
}

/// As many whole events as there is room for, at least one.
fn bounded(events: &[&Event]) -> Vec<Box<serde_json::value::RawValue>> {
    let mut room = EVENTS_BYTES_MAX;
    let mut kept = Vec::new();
    for event in events {
        let json = raw(event);
        match room.checked_sub(json.get().len()) {
            None if !kept.is_empty() => break,
            left => room = left.unwrap_or(0),
        }
        kept.push(json);
    }
    kept
}

/// What events of a digest are of: a conversation, or a subject of our own health.
struct Subject<'a> {
    of: String,
    events: Vec<&'a Event>,
}

fn subject(event: &Event) -> String {
    let data = &event.data;
    match (&data.account, &data.conversation) {
        (Some(account), Some(conversation)) => format!("{account}/{}", conversation.object_id),
        _ => key(event),
    }
}

impl Subject<'_> {
    /// What its customer, and everybody else, wrote.
    fn messages(&self) -> Vec<&Event> {
        self.of_kind(EventKind::MessageCreated).collect()
    }

    fn of_kind(&self, kind: EventKind) -> impl DoubleEndedIterator<Item = &Event> {
        self.events.iter().copied().filter(move |event| event.kind == kind)
    }

    /// The last that was said of who waits.
    fn wait(&self) -> Option<&Event> {
        self.events.iter().copied().rev().find(|event| event.data.waiting.is_some())
    }

    /// Whether somebody waits still, as far as is known.
    fn waits(&self) -> bool {
        self.wait().is_some_and(|event| event.kind == EventKind::Waiting)
    }

    /// The most that any of it matters that is not over.
    fn severity(&self) -> Severity {
        let is_open = |n: usize, event: &Event| match incident(event) {
            Some((Incident::Opens, opened)) => {
                let closes = |later: &&Event| incident(later) == Some((Incident::Closes, opened.clone()));
                !self.events[n + 1..].iter().any(closes)
            }
            _ => true,
        };
        let open = self.events.iter().enumerate().filter(|(n, event)| is_open(*n, event));
        open.map(|(_, event)| severity(event)).min().unwrap_or(Severity::Info)
    }

    fn watch(&self) -> &str {
        let watch = self.events.last().and_then(|event| event.data.watch.as_ref());
        watch.map_or(self.of.as_str(), |watch| watch.title.as_str())
    }

    /// One line: who wrote how much.
    fn heading(&self, words: &dyn Words) -> String {
        let messages = self.messages();
        if messages.len() < self.events.len() {
            return format!("{}: {}", self.watch(), words.changes(self.events.len()));
        }
        format!("{}: {}", self.watch(), words.wrote(&messages))
    }

    /// A paragraph an event, and how many more there are.
    fn listed(&self, reader: Reader<'_>) -> String {
        let mut room = TEXT_CHARS_MAX;
        let mut lines: Vec<String> = Vec::new();
        for event in self.events.iter().take(reader.shown) {
            let line = self.line(event, reader.voice);
            match room.checked_sub(line.chars().count()) {
                None if !lines.is_empty() => break,
                left => room = left.unwrap_or(0),
            }
            lines.push(line);
        }
        if self.events.len() > lines.len() {
            lines.push(reader.voice.words.more(self.events.len() - lines.len()));
        }
        lines.join("\n")
    }

    /// Who wrote what, or what happened, and what else there is to know of it.
    fn line(&self, event: &Event, voice: &Voice) -> String {
        let text = said(event);
        let message = event.data.message.as_ref().filter(|_| event.kind == EventKind::MessageCreated);
        let who = match message {
            Some(message) if message.author.name.is_some() => message.author.name.clone(),
            Some(_) if !text.is_empty() => None,
            _ => Some(self.without_watch(event, voice.words)),
        };
        let notes: Vec<String> =
            Some(text).filter(|text| !text.is_empty()).into_iter().chain(notes(event, voice)).collect();
        match (who, notes.join(" ")) {
            (Some(who), said) if said.is_empty() => who,
            (Some(who), said) => format!("{who}: {said}"),
            (None, said) => said,
        }
    }

    /// What happened, where it is known to whom.
    fn without_watch(&self, event: &Event, words: &dyn Words) -> String {
        let title = words.title(event);
        let rest =
            title.strip_prefix(self.watch()).and_then(|rest| rest.strip_prefix(": ")).map(str::to_owned);
        rest.unwrap_or(title)
    }

    /// All of it in one line.
    fn summary(&self, reader: Reader<'_>) -> String {
        let words = reader.voice.words;
        let mut parts = Vec::new();
        let messages = self.messages();
        if !messages.is_empty() {
            parts.push(words.wrote(&messages));
        }
        if let Some(wait) = self.wait() {
            parts.push(match wait.kind {
                EventKind::Waiting => words.waits(&by_now(wait, reader.now)),
                _ => words.over(wait),
            });
        }
        let others = self
            .events
            .iter()
            .rev()
            .filter(|event| event.kind != EventKind::MessageCreated && event.data.waiting.is_none());
        let mut told: Vec<String> = Vec::new();
        for event in others {
            let line = self.without_watch(event, words);
            if told.len() < OTHERS_MAX && !told.contains(&line) {
                told.push(line);
            }
        }
        told.reverse();
        parts.append(&mut told);
        let line = format!("{}: {}", self.watch(), parts.join("; "));
        cut(&one_line(&line), LINE_CHARS_MAX).0
    }
}

/// Who waits, for as long as it is by now.
fn by_now(event: &Event, now: Timestamp) -> Event {
    let mut event = event.clone();
    if let Some(waiting) = &mut event.data.waiting {
        let waited = u64::try_from(now.duration_since(waiting.since).as_secs()).unwrap_or(0);
        waiting.waited_seconds = waiting.waited_seconds.max(waited);
    }
    event
}

/// A digest's title.
fn heading(subjects: &[Subject<'_>], words: &dyn Words) -> String {
    words.digest(Digest {
        events: subjects.iter().map(|one| one.events.len()).sum(),
        messages: subjects.iter().map(|one| one.messages().len()).sum(),
        conversations: subjects.iter().filter(|one| one.events[0].data.conversation.is_some()).count(),
        waiting: subjects.iter().filter(|one| one.waits()).count(),
    })
}

/// A digest's text.
fn summaries(subjects: &[Subject<'_>], reader: Reader<'_>) -> String {
    let more = subjects.len().saturating_sub(reader.shown);
    let more = (more > 0).then(|| reader.voice.words.more(more));
    lines(subjects.iter().take(reader.shown).map(|one| one.summary(reader)).chain(more))
}

#[cfg(test)]
mod tests;
