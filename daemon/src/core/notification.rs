//! What a notifier is handed, rendered once and then frozen: a retry sends the same bytes.

use std::time::Duration;

use serde::Serialize;
use serde_json::value::RawValue;

use crate::core::event::{Event, EventData, EventKind};
use crate::core::message::AuthorKind;
use crate::core::watch::Priority;

/// How much of the customer's text a snippet is, in characters.
pub const SNIPPET_CHARS: usize = 280;
/// A title is one line of at most this many characters.
pub const TITLE_CHARS_MAX: usize = 200;

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
pub fn of_event(event: &Event, notifier: &str, content: Content) -> Notification {
    render(event, notifier, content, None)
}

/// Renders one event for a notifier that is told in place of another one, with a line that says why.
pub fn in_place_of(event: &Event, notifier: &str, content: Content, why: &str) -> Notification {
    render(event, notifier, content, Some(why))
}

/// Why a fallback is told: how long its notifier has had, or that it has given up.
pub fn why_in_place_of(notifier: &str, within: Option<Duration>) -> String {
    let Some(within) = within else { return format!("{notifier} could not be told of this") };
    let within = match within.as_secs() {
        seconds if seconds >= 3600 && seconds % 3600 == 0 => format!("{} h", seconds / 3600),
        seconds if seconds >= 60 && seconds % 60 == 0 => format!("{} min", seconds / 60),
        seconds => format!("{seconds} s"),
    };
    format!("{notifier} has not accepted this within {within}")
}

fn render(event: &Event, notifier: &str, content: Content, why: Option<&str>) -> Notification {
    #[derive(Serialize)]
    struct Payload<'a> {
        id: &'a str,
        notifier: &'a str,
        key: String,
        action: &'static str,
        severity: &'static str,
        title: String,
        text: String,
        #[serde(skip_serializing_if = "Option::is_none")]
        url: Option<&'a str>,
        events: [&'a RawValue; 1],
        omitted: u64,
    }
    let shown = withhold(event, content);
    let json = RawValue::from_string(shown.to_json()).expect("an event is JSON");
    let payload = Payload {
        id: &event.id,
        notifier,
        key: key(event),
        action: action(event.kind),
        severity: severity(event),
        title: cut(&title(&shown), TITLE_CHARS_MAX).0,
        text: text(&shown, why),
        url: shown.data.conversation.as_ref().and_then(|c| c.console_url.as_deref()),
        events: [&json],
        omitted: 0,
    };
    let payload = serde_json::to_string(&payload).expect("a notification holds text and numbers only");
    Notification { id: event.id.clone(), payload }
}

/// The event without what this notifier is not to see.
fn withhold(event: &Event, content: Content) -> Event {
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
fn key(event: &Event) -> String {
    const KEY_BYTES_MAX: usize = 255;
    let EventData { account, conversation, problem, .. } = &event.data;
    let key = match (event.kind.is_own_health(), problem, conversation) {
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

fn action(kind: EventKind) -> &'static str {
    match kind {
        EventKind::Waiting
        | EventKind::WatchUnreachable
        | EventKind::AccountDenied
        | EventKind::NotifierBroken => "open",
        EventKind::Answered
        | EventKind::WatchRecovered
        | EventKind::AccountRecovered
        | EventKind::NotifierRecovered => "close",
        _ => "notify",
    }
}

fn severity(event: &Event) -> &'static str {
    let vip = event.data.watch.as_ref().is_some_and(|watch| watch.priority == Priority::Vip);
    match event.kind {
        EventKind::AccountDenied | EventKind::NotifierBroken | EventKind::DeliveryDead => "critical",
        EventKind::Waiting | EventKind::WatchUnreachable | EventKind::GapUnresolved if vip => "critical",
        EventKind::Waiting | EventKind::WatchUnreachable | EventKind::GapUnresolved => "warning",
        EventKind::MessageCreated | EventKind::MessageUnparsed | EventKind::Opened if vip => "warning",
        EventKind::MessageUnparsed => "warning",
        _ => "info",
    }
}

/// One line that says what happened to whom, readable without the text.
fn title(event: &Event) -> String {
    let data = &event.data;
    let watch = data.watch.as_ref().map_or("", |watch| watch.title.as_str());
    let (previous, current) = data
        .change
        .as_ref()
        .map_or((None, None), |change| (change.previous.as_deref(), change.current.as_deref()));
    let subject = data.problem.as_ref().map_or("", |problem| problem.subject.as_str());
    let line = match event.kind {
        EventKind::MessageCreated => format!("{watch}: {}", wrote(data)),
        EventKind::MessageEdited => format!("{watch}: {}", did(data, "edited a message")),
        EventKind::MessageDeleted => format!("{watch}: {}", deleted(data)),
        EventKind::MessageUnparsed => format!("{watch}: a message that could not be read"),
        EventKind::Opened => format!("{watch}: {}", opened(data)),
        EventKind::StatusChanged => format!(
            "{watch}: status {} (was {})",
            current.unwrap_or("unknown"),
            previous.unwrap_or("unknown")
        ),
        EventKind::Assigned => match current {
            Some(agent) => format!("{watch}: assigned to agent {agent}"),
            None => format!("{watch}: assigned to nobody"),
        },
        EventKind::Waiting => format!("{watch}: {}", waits(event)),
        EventKind::Answered => format!("{watch}: {}", over(data)),
        EventKind::WatchUnreachable => format!("{watch}: the conversation can no longer be reached"),
        EventKind::WatchRecovered => format!("{watch}: the conversation can be reached again"),
        EventKind::GapUnresolved => format!("{watch}: messages may have been missed"),
        EventKind::AccountDenied => format!("{subject}: CommBox refuses the key; nothing is being watched"),
        EventKind::AccountRecovered => format!("{subject}: CommBox accepts the key again"),
        EventKind::NotifierBroken => format!("{subject}: does not work; its notifications wait"),
        EventKind::NotifierRecovered => format!("{subject}: works again"),
        EventKind::DeliveryDead => format!("{subject}: a notification was given up"),
    };
    line.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn wrote(data: &EventData) -> String {
    match data.message.as_ref().map(|message| message.author.kind) {
        None => "wrote".to_owned(),
        Some(AuthorKind::Agent) => did(data, "replied"),
        Some(AuthorKind::System) => "a system message".to_owned(),
        Some(_) => did(data, "wrote"),
    }
}

/// With whom, and on which channel.
fn opened(data: &EventData) -> String {
    let conversation = data.conversation.as_ref();
    let name = conversation.and_then(|conversation| conversation.customer_name.as_deref());
    let with = name.map_or(String::new(), |name| format!(" with {name}"));
    let channel = conversation.and_then(|conversation| conversation.channel.as_deref());
    let on = channel.map_or(String::new(), |channel| format!(" ({channel})"));
    format!("a new conversation{with}{on}")
}

/// Who did something to a message.
fn did(data: &EventData, what: &str) -> String {
    let Some(message) = &data.message else { return what.to_owned() };
    let who = match (message.author.kind, message.author.name.as_deref()) {
        (AuthorKind::Customer, Some(name)) => name.to_owned(),
        (AuthorKind::Customer, None) => "the customer".to_owned(),
        (AuthorKind::Agent, Some(name)) => format!("agent {name}"),
        (AuthorKind::Agent, None) => "an agent".to_owned(),
        (AuthorKind::Bot, _) => "a bot".to_owned(),
        (AuthorKind::System, _) => "the system".to_owned(),
        (AuthorKind::Unknown, Some(name)) => format!("{name} (unknown author)"),
        (AuthorKind::Unknown, None) => "an unknown author".to_owned(),
    };
    format!("{who} {what}")
}

/// Who waits, and for how long.
fn waits(event: &Event) -> String {
    let data = &event.data;
    let Some(waiting) = &data.waiting else { return "nobody has answered".to_owned() };
    let name = data.conversation.as_ref().and_then(|conversation| conversation.customer_name.as_deref());
    let hours = waiting.hours.as_deref().map_or(String::new(), |hours| {
        format!(", {} of it in hours {hours},", for_people(waiting.threshold_seconds))
    });
    let doubt = if waiting.confirmed { "" } else { " (not confirmed: CommBox does not answer)" };
    let (who, waited) = (name.unwrap_or("the customer"), for_people(waiting.waited_seconds));
    format!("{who} has waited {waited}{hours} for an answer{doubt}")
}

/// How a wait ended.
fn over(data: &EventData) -> String {
    let ended = data.waiting.as_ref().and_then(|waiting| Some((waiting, waiting.ended.as_deref()?)));
    match ended {
        Some((waiting, "replied")) => {
            let who = waiting.answered_by.as_ref().and_then(|by| by.name.as_deref());
            let by = who.map_or_else(|| "an agent".to_owned(), |name| format!("agent {name}"));
            format!("{by} answered after {}", for_people(waiting.waited_seconds))
        }
        Some((_, "closed")) => "nobody waits any more: the conversation is over".to_owned(),
        Some((_, "withdrawn")) => "nobody waits any more: the message was deleted".to_owned(),
        Some((_, "gone")) => "nobody waits any more: the conversation can no longer be reached".to_owned(),
        _ => "nobody waits any more".to_owned(),
    }
}

/// A stretch of time in the two units that matter.
fn for_people(seconds: u64) -> String {
    let (large, small) = match seconds {
        0..60 => return format!("{seconds} s"),
        60..3_600 => return format!("{} min", seconds / 60),
        3_600..86_400 => ((seconds / 3_600, "h"), (seconds % 3_600 / 60, "min")),
        _ => ((seconds / 86_400, "d"), (seconds % 86_400 / 3_600, "h")),
    };
    if small.0 == 0 {
        return format!("{} {}", large.0, large.1);
    }
    format!("{} {} {} {}", large.0, large.1, small.0, small.1)
}

/// Whoever deleted it: that is not said.
fn deleted(data: &EventData) -> &'static str {
    match data.message.as_ref().map(|message| message.author.kind) {
        Some(AuthorKind::Customer) => "a message of the customer was deleted",
        Some(AuthorKind::Agent) => "a message of an agent was deleted",
        Some(AuthorKind::Bot) => "a message of a bot was deleted",
        _ => "a message was deleted",
    }
}

/// The text, and below it why this notifier is told.
fn text(event: &Event, why: Option<&str>) -> String {
    let text = said(event);
    match why {
        None => text,
        Some(why) if text.is_empty() => format!("[{why}]"),
        Some(why) => format!("{text}\n[{why}]"),
    }
}

fn said(event: &Event) -> String {
    if let Some(problem) = &event.data.problem {
        return problem.why.clone();
    }
    let Some(message) = &event.data.message else { return String::new() };
    let mut text = message.text.clone();
    if message.text_truncated && !text.is_empty() {
        text.push('…');
    }
    if message.attachments > 0 {
        if !text.is_empty() {
            text.push('\n');
        }
        let files = if message.attachments == 1 { "file" } else { "files" };
        text.push_str(&format!("[{} {files}]", message.attachments));
    }
    text
}

/// The first `chars` characters, and whether there were more.
fn cut(text: &str, chars: usize) -> (String, bool) {
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
        serde_json::from_str(&of_event(&message_event(text), "ops", content).payload).unwrap()
    }

    #[test]
    fn a_message_is_ready_to_send() {
        insta::assert_snapshot!(of_event(&message_event("hello"), "ops", Content::Full).payload, @r#"{"id":"evt_1","notifier":"ops","key":"main/7","action":"notify","severity":"warning","title":"ACME / Dana: Dana Levi wrote","text":"hello\n[1 file]","url":"https://acme.example/7","events":[{"specversion":"1.0","id":"evt_1","source":"https://api.example/objects/7","type":"commwatch.message.created.v1","subject":"child/9","time":"2026-03-02T10:06:40Z","recordedtime":"2026-03-02T10:06:40Z","sequence":"00000000000000000003","datacontenttype":"application/json","data":{"account":"main","watch":{"name":"acme-cfo","title":"ACME / Dana","priority":"vip","tags":["acme"]},"conversation":{"stream_id":null,"object_id":"7","status_id":null,"status":null,"assigned_manager_id":null,"customer_name":"Dana Levi","channel":null,"console_url":"https://acme.example/7"},"message":{"id":"9","author":{"kind":"customer","id":"660102","name":"Dana Levi"},"created":"2026-03-02T10:06:40Z","text":"hello","text_truncated":false,"attachments":1}}}],"omitted":0}"#);
    }

    #[test]
    fn who_is_told_in_place_of_another_reads_why() {
        let text = |content, within: Option<u64>| {
            let why = why_in_place_of("ops-slack", within.map(Duration::from_secs));
            let told = in_place_of(&message_event("hello"), "sms", content, &why).payload;
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
        let told = in_place_of(&event, "sms", Content::Full, "why").payload;
        assert!(told.contains(r#""text":"[why]""#), "{told}");
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
        let none = of_event(&message_event("secret words"), "ops", Content::None).payload;
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
        });
        let payload: Value = serde_json::from_str(&of_event(&event, "ops", Content::Full).payload).unwrap();
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
            let payload: Value = serde_json::from_str(&of_event(event, "ops", content).payload).unwrap();
            ["key", "action", "severity", "title"]
                .map(|key| payload[key].as_str().unwrap().to_owned())
                .join(" | ")
        };
        for (event, expected) in [
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
            let none = of_event(&event, "ops", Content::None).payload;
            assert!(!none.contains("Noa Bar") && !none.contains("Levi") && !none.contains("hello"), "{none}");
        }
    }
}
