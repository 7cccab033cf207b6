//! What a notifier is handed, rendered once and then frozen: a retry sends the same bytes.

use std::time::Duration;

use commwatch_plugin_api::{Action, Severity};
use jiff::SignedDuration;
use serde::Serialize;
use serde_json::value::RawValue;

use crate::core::event::{Event, EventData, EventKind};
use crate::core::pacing::Incident;
use crate::core::watch::Priority;
use crate::core::words::Voice;

/// How much of the customer's text a snippet is, in characters.
pub const SNIPPET_CHARS: usize = 280;
/// A title is one line of at most this many characters.
pub const TITLE_CHARS_MAX: usize = 200;
/// A message that is found so long after it was written says when that was.
pub const LATE_AFTER: SignedDuration = SignedDuration::from_mins(10);

/// How much of what the customer wrote leaves the house.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Content {
    /// No text and no names of people.
    None,
    /// The first [`SNIPPET_CHARS`] characters.
    Snippet,
    /// All that was kept.
    Full,
}

/// A notification for one notifier, ready to be stored.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Notification {
    /// Of one event: the event's id.
    pub id: String,
    /// Everything that the notifier is handed but `attempt` and `replay`, as one JSON object.
    pub payload: String,
}

/// Renders one event for one notifier.
pub fn of_event(event: &Event, notifier: &str, content: Content, voice: &Voice) -> Notification {
    render(event, notifier, content, voice, None)
}

/// Renders one event for a notifier that is told in place of a late one, with a line that says why: how long that one
/// has had, or that it has given up.
pub fn in_place_of(
    event: &Event,
    notifier: &str,
    content: Content,
    voice: &Voice,
    (late, within): (&str, Option<Duration>),
) -> Notification {
    render(event, notifier, content, voice, Some(&voice.words.in_place_of(late, within)))
}

fn render(event: &Event, notifier: &str, content: Content, voice: &Voice, why: Option<&str>) -> Notification {
    let shown = withhold(event, content);
    let payload = Payload {
        id: &event.id,
        notifier,
        key: key(event),
        action: action(event.kind),
        severity: severity(event),
        title: voice.words.title(&shown),
        text: text(&shown, voice, why),
        url: url(&shown),
        events: vec![raw(&shown)],
        omitted: 0,
    };
    payload.freeze()
}

/// What is handed to a notifier, as `plugin-api` reads it and `notification.schema.json` describes it.
#[derive(Serialize)]
pub(super) struct Payload<'a> {
    pub(super) id: &'a str,
    pub(super) notifier: &'a str,
    pub(super) key: String,
    pub(super) action: Action,
    pub(super) severity: Severity,
    pub(super) title: String,
    pub(super) text: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) url: Option<&'a str>,
    pub(super) events: Vec<Box<RawValue>>,
    pub(super) omitted: usize,
}

impl Payload<'_> {
    pub(super) fn freeze(mut self) -> Notification {
        self.title = cut(&one_line(&self.title), TITLE_CHARS_MAX).0;
        let payload = serde_json::to_string(&self).expect("a notification holds text and numbers only");
        Notification { id: self.id.to_owned(), payload }
    }
}

/// An event as JSON within a notification.
pub(super) fn raw(event: &Event) -> Box<RawValue> {
    RawValue::from_string(event.to_json()).expect("an event is JSON")
}

/// Where a person looks at it.
pub(super) fn url(event: &Event) -> Option<&str> {
    event.data.conversation.as_ref().and_then(|conversation| conversation.console_url.as_deref())
}

/// The event without what this notifier is not to see.
pub(super) fn withhold(event: &Event, content: Content) -> Event {
    let mut event = event.clone();
    match content {
        Content::Full => {}
        Content::Snippet => {
            if let Some(message) = &mut event.data.message {
                let (text, was_cut) = cut(&message.text, SNIPPET_CHARS);
                message.text = text;
                message.text_truncated |= was_cut;
            }
        }
        Content::None => {
            if let Some(message) = &mut event.data.message {
                message.text_truncated |= !message.text.is_empty();
                message.text.clear();
                message.author.name = None;
            }
            if let Some(by) = event.data.waiting.as_mut().and_then(|waiting| waiting.answered_by.as_mut()) {
                by.name = None;
            }
            if let Some(conversation) = &mut event.data.conversation {
                conversation.customer_name = None;
            }
        }
    }
    event
}

/// Equal keys belong together: a conversation, or an incident of our own.
pub(super) fn key(event: &Event) -> String {
    const KEY_BYTES_MAX: usize = 255;
    let EventData { account, conversation, problem, .. } = &event.data;
    let key = match (event.kind.is_own_health(), problem, conversation) {
        // Whatever it looks like, it joins and ends no incident.
        _ if event.kind == EventKind::Test => event.id.clone(),
        (true, Some(problem), _) => problem.subject.clone(),
        (_, _, Some(conversation)) => {
            // A wait is an incident of its own: it begins and ends.
            let incident = if event.data.waiting.is_some() { "/waiting" } else { "" };
            format!("{}/{}{incident}", account.as_deref().unwrap_or_default(), conversation.object_id)
        }
        _ => event.source.clone(),
    };
    let end = (0..=KEY_BYTES_MAX.min(key.len())).rev().find(|at| key.is_char_boundary(*at)).unwrap_or(0);
    key[..end].to_owned()
}

/// What a notification of such an event does to an incident.
pub fn incident(event: &Event) -> Option<(Incident, String)> {
    Some((incident_of(event.kind)?, key(event)))
}

/// What one of an event of a kind does.
pub fn incident_of(kind: EventKind) -> Option<Incident> {
    match action(kind) {
        Action::Open => Some(Incident::Opens),
        Action::Close => Some(Incident::Closes),
        _ => None,
    }
}

fn action(kind: EventKind) -> Action {
    match kind {
        EventKind::Waiting
        | EventKind::WatchUnreachable
        | EventKind::AccountDenied
        | EventKind::NotifierBroken => Action::Open,
        EventKind::Answered
        | EventKind::WatchRecovered
        | EventKind::AccountRecovered
        | EventKind::NotifierRecovered => Action::Close,
        _ => Action::Notify,
    }
}

/// How much an event matters.
pub fn severity(event: &Event) -> Severity {
    let vip = event.data.watch.as_ref().is_some_and(|watch| watch.priority == Priority::Vip);
    let like = event.data.test.as_ref().and_then(|test| EventKind::named(test.like.as_deref()?));
    severity_of(like.unwrap_or(event.kind), vip)
}

/// How much an event of a kind matters, of a VIP or not.
pub fn severity_of(kind: EventKind, vip: bool) -> Severity {
    match kind {
        EventKind::AccountDenied | EventKind::NotifierBroken | EventKind::DeliveryDead => Severity::Critical,
        EventKind::Waiting | EventKind::WatchUnreachable | EventKind::GapUnresolved if vip => {
            Severity::Critical
        }
        EventKind::Waiting
        | EventKind::WatchUnreachable
        | EventKind::GapUnresolved
        | EventKind::TokenExpiring => Severity::Warning,
        EventKind::MessageCreated | EventKind::Opened if vip => Severity::Warning,
        EventKind::MessageUnparsed => Severity::Warning,
        _ => Severity::Info,
    }
}

/// Names and titles are others' text: whatever breaks lines in it becomes a space.
pub(super) fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The text, and below it what else there is to know, in brackets.
fn text(event: &Event, voice: &Voice, why: Option<&str>) -> String {
    lines([said(event)].into_iter().chain(notes(event, voice)).chain(why.map(note)))
}

/// One below the other, those that say something.
pub(super) fn lines(parts: impl Iterator<Item = String>) -> String {
    parts.filter(|part| !part.is_empty()).collect::<Vec<_>>().join("\n")
}

/// What else there is to know of an event, in brackets: what came with it, and when it was.
pub(super) fn notes(event: &Event, voice: &Voice) -> impl Iterator<Item = String> {
    let files = event.data.message.as_ref().map_or(0, |message| message.attachments);
    let files = (files > 0).then(|| voice.words.files(files.into()));
    let test = event.data.test.as_ref().map(|test| voice.words.only_a_test(&test.by));
    files.into_iter().chain(test).chain(time(event, voice)).map(|words| note(&words))
}

/// Words of ours, set apart from what others wrote.
pub(super) fn note(words: &str) -> String {
    format!("[{words}]")
}

pub(super) fn said(event: &Event) -> String {
    if let Some(problem) = &event.data.problem {
        return problem.why.clone();
    }
    let Some(message) = &event.data.message else { return String::new() };
    let ellipsis = if message.text_truncated && !message.text.is_empty() { "…" } else { "" };
    format!("{}{ellipsis}", message.text)
}

/// When it was, where that is not about now: what is told is frozen, and may be read much later.
fn time(event: &Event, voice: &Voice) -> Option<String> {
    let data = &event.data;
    let since = match event.kind {
        EventKind::MessageCreated => {
            let written = data.message.as_ref()?.created?;
            let is_late = event.recorded.duration_since(written) >= LATE_AFTER;
            return is_late.then(|| voice.words.written(&voice.local(written)));
        }
        EventKind::Waiting => {
            let waiting = data.waiting.as_ref()?;
            if let Some(until) = waiting.reply_until {
                return Some(voice.words.reply_until(&voice.local(until)));
            }
            waiting.since
        }
        EventKind::WatchUnreachable
        | EventKind::GapUnresolved
        | EventKind::AccountDenied
        | EventKind::NotifierBroken => data.problem.as_ref()?.since,
        _ => return None,
    };
    Some(voice.words.since(&voice.local(since)))
}

/// The first `chars` characters, and whether there were more.
pub(super) fn cut(text: &str, chars: usize) -> (String, bool) {
    match text.char_indices().nth(chars) {
        Some((end, _)) => (text[..end].trim_end().to_owned(), true),
        None => (text.to_owned(), false),
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use serde_json::Value;

    use super::*;
    use crate::core::event::{
        AuthorData, ConversationData, MessageData, ProblemData, WaitingData, WatchData,
    };
    use crate::core::message::AuthorKind;

    fn message_event(text: &str) -> Event {
        let at: Timestamp = "2026-03-02T10:06:40Z".parse().unwrap();
        Event {
            id: "evt_1".into(),
            kind: EventKind::MessageCreated,
            source: "https://api.example/objects/7".into(),
            subject: Some("child/9".into()),
            time: at,
            recorded: at,
            sequence: Some(3),
            data: EventData {
                account: Some("main".into()),
                watch: Some(WatchData {
                    name: "acme-cfo".into(),
                    title: "ACME / Dana".into(),
                    priority: Priority::Vip,
                    tags: vec!["acme".into()],
                }),
                conversation: Some(ConversationData {
                    object_id: "7".into(),
                    customer_name: Some("Dana Levi".into()),
                    console_url: Some("https://acme.example/7".into()),
                    ..ConversationData::default()
                }),
                message: Some(MessageData {
                    id: "9".into(),
                    author: AuthorData {
                        kind: AuthorKind::Customer,
                        id: Some("660102".into()),
                        name: Some("Dana Levi".into()),
                    },
                    created: Some(at),
                    text: text.into(),
                    text_truncated: false,
                    attachments: 1,
                }),
                ..EventData::default()
            },
        }
    }

    fn payload(content: Content, text: &str) -> Value {
        serde_json::from_str(&of_event(&message_event(text), "ops", content, &Voice::default()).payload)
            .unwrap()
    }

    #[test]
    fn a_message_is_ready_to_send() {
        insta::assert_snapshot!(of_event(&message_event("hello"), "ops", Content::Full, &Voice::default()).payload, @r#"{"id":"evt_1","notifier":"ops","key":"main/7","action":"notify","severity":"warning","title":"ACME / Dana: Dana Levi wrote","text":"hello\n[1 file]","url":"https://acme.example/7","events":[{"specversion":"1.0","id":"evt_1","source":"https://api.example/objects/7","type":"commwatch.message.created.v1","subject":"child/9","time":"2026-03-02T10:06:40Z","recordedtime":"2026-03-02T10:06:40Z","sequence":"00000000000000000003","datacontenttype":"application/json","data":{"account":"main","watch":{"name":"acme-cfo","title":"ACME / Dana","priority":"vip","tags":["acme"]},"conversation":{"stream_id":null,"object_id":"7","status_id":null,"status":null,"assigned_manager_id":null,"customer_name":"Dana Levi","channel":null,"console_url":"https://acme.example/7"},"message":{"id":"9","author":{"kind":"customer","id":"660102","name":"Dana Levi"},"created":"2026-03-02T10:06:40Z","text":"hello","text_truncated":false,"attachments":1}}}],"omitted":0}"#);
    }

    #[test]
    fn who_is_told_in_place_of_another_reads_why() {
        let text = |content, within: Option<u64>| {
            let late = ("ops-slack", within.map(Duration::from_secs));
            let told = in_place_of(&message_event("hello"), "sms", content, &Voice::default(), late).payload;
            let told: Value = serde_json::from_str(&told).unwrap();
            assert_eq!((&told["notifier"], &told["id"]), (&Value::from("sms"), &Value::from("evt_1")));
            told["text"].as_str().unwrap().to_owned()
        };
        let full = "hello\n[1 file]\n[ops-slack has not accepted this within 5 min]";
        assert_eq!(text(Content::Full, Some(300)), full);
        assert!(text(Content::Full, Some(90)).ends_with("within 90 s]"));
        assert!(text(Content::Full, Some(7200)).ends_with("within 2 h]"));
        assert_eq!(text(Content::None, None), "[1 file]\n[ops-slack could not be told of this]");
        let mut event = message_event("");
        event.data.message = None;
        let told = in_place_of(&event, "sms", Content::Full, &Voice::default(), ("ops", None)).payload;
        assert!(told.contains(r#""text":"[ops could not be told of this]""#), "{told}");
    }

    /// The lines of the text, as told at a place.
    fn told(event: &Event, zone: &str) -> Vec<String> {
        let voice = Voice::at(jiff::tz::TimeZone::get(zone).unwrap());
        let told = of_event(event, "ops", Content::None, &voice).payload;
        let told: Value = serde_json::from_str(&told).unwrap();
        told["text"].as_str().unwrap().lines().map(str::to_owned).collect()
    }

    #[test]
    fn a_message_that_is_found_late_says_when_it_was_written_by_the_readers_clocks() {
        let mut event = message_event("");
        event.data.message.as_mut().unwrap().attachments = 0;
        let written = event.time;
        for (seconds, zone, expected) in [
            (0, "UTC", None),
            (599, "UTC", None),
            (600, "UTC", Some("[written Mon 2 Mar 10:06 UTC]")),
            (600, "Asia/Jerusalem", Some("[written Mon 2 Mar 12:06 IST]")),
            (86_400, "America/Sao_Paulo", Some("[written Mon 2 Mar 07:06 -03]")),
            // A clock of theirs that runs ahead is no reason.
            (-600, "UTC", None),
        ] {
            event.recorded = written + SignedDuration::from_secs(seconds);
            assert_eq!(told(&event, zone), expected.into_iter().collect::<Vec<_>>(), "{seconds} {zone}");
        }
        // The night on which clocks in Israel are put forward: 01:59 is followed by 03:00.
        event.data.message.as_mut().unwrap().created = Some("2026-03-27T00:01:00Z".parse().unwrap());
        event.recorded = "2026-03-27T09:00:00Z".parse().unwrap();
        assert_eq!(told(&event, "Asia/Jerusalem"), ["[written Fri 27 Mar 03:01 IDT]"]);
        event.data.message.as_mut().unwrap().created = None;
        assert!(told(&event, "UTC").is_empty());
    }

    #[test]
    fn what_lasts_says_since_when() {
        let mut event = message_event("");
        event.kind = EventKind::AccountDenied;
        event.data.problem = Some(ProblemData {
            subject: "account/main".into(),
            since: event.time,
            why: "401".into(),
            expires: None,
        });
        event.data.message = None;
        let since = "[since Mon 2 Mar 12:06 IST]";
        assert_eq!(told(&event, "Asia/Jerusalem"), ["401", since]);
        event.kind = EventKind::AccountRecovered;
        assert_eq!(told(&event, "Asia/Jerusalem"), ["401"]);
    }

    #[test]
    fn content_decides_how_much_leaves_the_house() {
        let long = "ש".repeat(400);
        let full = payload(Content::Full, &long);
        assert_eq!(full["events"][0]["data"]["message"]["text"].as_str().unwrap().chars().count(), 400);
        let snippet = payload(Content::Snippet, &long);
        let shown = &snippet["events"][0]["data"]["message"];
        assert_eq!(shown["text"].as_str().unwrap().chars().count(), SNIPPET_CHARS);
        assert_eq!(shown["text_truncated"], true);
        let none = of_event(&message_event("secret words"), "ops", Content::None, &Voice::default()).payload;
        for hidden in ["secret", "Levi"] {
            assert!(!none.contains(hidden), "{none}");
        }
        assert!(!none.contains("customer_name"));
    }

    #[test]
    fn the_key_of_an_incident_is_its_subject_and_is_bounded() {
        let mut event = message_event("");
        event.kind = EventKind::NotifierBroken;
        event.data.conversation = None;
        event.data.problem = Some(ProblemData {
            subject: format!("notifier/{}", "é".repeat(200)),
            since: event.time,
            why: "401".into(),
            expires: None,
        });
        let payload: Value =
            serde_json::from_str(&of_event(&event, "ops", Content::Full, &Voice::default()).payload).unwrap();
        let key = payload["key"].as_str().unwrap();
        assert!(key.starts_with("notifier/é") && key.len() <= 255, "{key}");
        assert_eq!(payload["action"], "open");
    }

    #[test]
    fn who_waits_is_an_incident_that_opens_and_closes() {
        let waiting = |seconds, confirmed, ended: Option<&str>| {
            let mut event = message_event("hello?");
            event.kind = if ended.is_some() { EventKind::Answered } else { EventKind::Waiting };
            event.data.waiting = Some(WaitingData {
                since: event.time,
                child_id: "9".into(),
                waited_seconds: seconds,
                threshold_seconds: 600,
                hours: (seconds > 90_000).then(|| "desk".into()),
                reply_until: None,
                confirmed,
                ended: ended.map(str::to_owned),
                answered_by: Some(AuthorData {
                    kind: AuthorKind::Agent,
                    id: None,
                    name: Some("Noa Bar".into()),
                }),
                answered_at: None,
            });
            event
        };
        let told = |event: &Event, content| {
            let payload: Value =
                serde_json::from_str(&of_event(event, "ops", content, &Voice::default()).payload).unwrap();
            ["key", "action", "severity", "title"]
                .map(|key| payload[key].as_str().unwrap().to_owned())
                .join(" | ")
        };
        let since = of_event(&waiting(660, true, None), "ops", Content::Full, &Voice::default()).payload;
        assert!(since.contains(r#""text":"hello?\n[1 file]\n[since Mon 2 Mar 10:06 UTC]""#), "{since}");
        let mut window = waiting(82_800, true, None);
        window.data.waiting.as_mut().unwrap().reply_until = Some("2026-03-03T10:06:40Z".parse().unwrap());
        let until = of_event(&window, "ops", Content::Full, &Voice::default()).payload;
        assert!(until.contains("[WhatsApp takes free replies until Tue 3 Mar 10:06 UTC]"), "{until}");
        for (event, expected) in [
            (
                window,
                "open | critical | ACME / Dana: Dana Levi has waited 23 h for an answer, and the time to reply is running out",
            ),
            (
                waiting(660, true, None),
                "open | critical | ACME / Dana: Dana Levi has waited 11 min for an answer",
            ),
            (
                waiting(660, false, None),
                "open | critical | ACME / Dana: Dana Levi has waited 11 min for an answer (not confirmed: CommBox does \
                 not answer)",
            ),
            (
                waiting(93_600, true, None),
                "open | critical | ACME / Dana: Dana Levi has waited 1 d 2 h, 10 min of it in hours desk, for an answer",
            ),
            (
                waiting(3_600, true, Some("replied")),
                "close | info | ACME / Dana: agent Noa Bar answered after 1 h",
            ),
            (
                waiting(60, true, Some("closed")),
                "close | info | ACME / Dana: nobody waits any more: the conversation is over",
            ),
        ] {
            assert_eq!(told(&event, Content::Full), format!("main/7/waiting | {expected}"));
            let none = of_event(&event, "ops", Content::None, &Voice::default()).payload;
            assert!(!none.contains("Noa Bar") && !none.contains("Levi") && !none.contains("hello"), "{none}");
        }
    }
}
