//! From what happened to the event that says it.

use jiff::Timestamp;

use crate::core::detect::Happened;
use crate::core::event::{
    AuthorData, ChangeData, ConversationData, DetectionData, Event, EventData, EventKind, MessageData,
    ProblemData, WaitingData, WatchData, channel_name, event_id, status_word,
};
use crate::core::expiry::{self, TAKEN_UP};
use crate::core::message::{Author, AuthorKind, ChildId, Message, Snapshot};
use crate::core::route::Subject;
use crate::core::waiting::{Ended, Threshold, Waiting};
use crate::core::watch::Watch;

/// Where something happened, and how it was found.
#[derive(Clone, Copy, Debug)]
pub struct Scene<'a> {
    /// The watch that it was found by.
    pub watch: &'a Watch,
    /// The account's address, without a slash at its end.
    pub base_url: &'a str,
    /// The link put into alerts; holds `{object_id}`.
    pub console_url: Option<&'a str>,
    /// The answer that showed it; `None` where there was none.
    pub snapshot: Option<&'a Snapshot>,
    /// When the answer came.
    pub now: Timestamp,
    /// When that was by `CommBox`'s clock, as far as it is known.
    pub now_there: Timestamp,
    /// When the answer before it came.
    pub previous_poll_at: Option<Timestamp>,
}

/// The event of one thing that happened in a conversation. `sequence` is its place among the conversation's.
pub fn event(scene: Scene<'_>, happened: &Happened, sequence: u64) -> Event {
    let kind = kind(happened);
    let mut data = EventData {
        account: Some(scene.watch.conversation.account.clone()),
        watch: Some(watch_data(scene.watch)),
        conversation: Some(conversation_data(scene)),
        ..EventData::default()
    };
    let (mut time, mut subject) = (None, None);
    match happened {
        Happened::Message(message) => {
            time = message.created;
            subject = Some(format!("child/{}", message.id));
            data.message = Some(message_data(message));
        }
        Happened::Edited { message, .. } => {
            subject = Some(format!("child/{}", message.id));
            data.message = Some(message_data(message));
        }
        Happened::Deleted { id, author, created, .. } => {
            subject = Some(format!("child/{id}"));
            data.message = Some(deleted_data(id, *author, *created));
        }
        Happened::Gap { since, why } => data.problem = Some(problem(scene, *since, why.clone())),
        Happened::Unparsed(child) => {
            subject = Some(format!("child/{}", child.id));
            data.problem = Some(problem(scene, scene.now, format!("{} ({} bytes)", child.why, child.bytes)));
        }
        Happened::Opened { created } => time = *created,
        Happened::Status { previous, current } => {
            data.change =
                Some(ChangeData { previous: previous.map(status_word), current: current.map(status_word) });
        }
        Happened::Assigned { previous, current } => {
            let text = |id: &i64| id.to_string();
            let (previous, current) = (previous.as_ref().map(text), current.as_ref().map(text));
            data.change = Some(ChangeData { previous, current });
        }
        Happened::Waiting { waiting, passed, message, confirmed } => {
            subject = Some(format!("child/{}", waiting.child));
            data.message = message.as_ref().map(message_data);
            let is_window = passed.iter().any(|one| one.window);
            data.waiting = Some(WaitingData {
                reply_until: waiting.window_ends.filter(|_| is_window),
                ..waiting_data(waiting, passed.last(), *confirmed, scene.now_there)
            });
        }
        Happened::Answered { waiting, ended } => {
            subject = Some(format!("child/{}", waiting.child));
            data.waiting = Some(answered_data(waiting, ended, scene.now_there));
        }
        Happened::Unreachable { since, why } => data.problem = Some(problem(scene, *since, why.clone())),
        Happened::Recovered { since } => {
            data.problem = Some(problem(scene, *since, "CommBox shows the conversation again".to_owned()));
        }
    }
    data.detection = Some(DetectionData {
        polled_at: scene.now,
        previous_poll_at: scene.previous_poll_at,
        delay_seconds: time.map(|created| seconds_between(created, scene.now_there)),
        approximate: child(happened).is_some_and(ChildId::is_approximate),
    });
    Event {
        id: id(scene.watch, kind, happened, sequence),
        kind,
        source: format!("{}/objects/{}", scene.base_url, scene.watch.conversation.object),
        subject,
        time: time.unwrap_or(scene.now),
        recorded: scene.now,
        sequence: Some(sequence),
        data,
    }
}

/// What a route is asked about such an event.
pub fn subject<'a>(watch: &'a Watch, happened: &'a Happened) -> Subject<'a> {
    let author = match happened {
        Happened::Message(message) | Happened::Edited { message, .. } => Some(message.author.kind),
        Happened::Deleted { author, .. } => Some(author.unwrap_or(AuthorKind::Unknown)),
        Happened::Unparsed(_) => Some(AuthorKind::Unknown),
        _ => None,
    };
    Subject {
        author,
        passed: match happened {
            Happened::Waiting { passed, .. } => passed,
            _ => &[],
        },
        told: match happened {
            Happened::Answered { waiting, .. } => &waiting.told,
            _ => &[],
        },
        ..Subject::of(kind(happened), Some(watch.priority), &watch.tags)
    }
}

/// A sign of life, which vouches for a poll that succeeded then.
pub fn heartbeat(polled_at: Timestamp, now: Timestamp) -> Event {
    let detection =
        DetectionData { polled_at, previous_poll_at: None, delay_seconds: None, approximate: false };
    Event {
        id: event_id(&[EventKind::Heartbeat.as_str(), &now.to_string()]),
        kind: EventKind::Heartbeat,
        source: "/heartbeat".to_owned(),
        subject: None,
        time: now,
        recorded: now,
        sequence: None,
        data: EventData { detection: Some(detection), ..EventData::default() },
    }
}

/// An event about our own health. `subject` is `account/NAME` or `notifier/NAME`, `anchor` tells episodes of
/// the same subject apart.
pub fn own_health(kind: EventKind, subject: &str, since: Timestamp, why: &str, now: Timestamp) -> Event {
    let account = subject.strip_prefix("account/").map(str::to_owned);
    Event {
        id: event_id(&[kind.as_str(), subject, &since.to_string()]),
        kind,
        source: format!("/{subject}"),
        subject: None,
        time: now,
        recorded: now,
        sequence: None,
        data: EventData {
            account,
            problem: Some(ProblemData {
                subject: subject.to_owned(),
                since,
                why: why.to_owned(),
                expires: None,
            }),
            ..EventData::default()
        },
    }
}

/// A key that ends soon. `now_there` is by the clock of whom it is for; the id tells the stages of one end apart, and keeps
/// them through a restart.
pub fn token_expiring(
    account: &str,
    expires: Timestamp,
    stage: u8,
    now_there: Timestamp,
    now: Timestamp,
) -> Event {
    let why = format!(
        "the key of account {account} {}; have a new one made, put it where `token` points, and {TAKEN_UP}",
        expiry::said(expires, now_there)
    );
    let subject = format!("account/{account}");
    let mut event = own_health(EventKind::TokenExpiring, &subject, now, &why, now);
    event.id =
        event_id(&[event.kind.as_str(), &subject, &expires.as_second().to_string(), &stage.to_string()]);
    if let Some(problem) = &mut event.data.problem {
        problem.expires = Some(expires);
    }
    event
}

/// Seconds between two instants; clocks that disagree never make an age negative.
pub fn seconds_between(earlier: Timestamp, later: Timestamp) -> f64 {
    later.duration_since(earlier).as_secs_f64().max(0.0)
}

fn kind(happened: &Happened) -> EventKind {
    match happened {
        Happened::Message(_) => EventKind::MessageCreated,
        Happened::Edited { .. } => EventKind::MessageEdited,
        Happened::Deleted { .. } => EventKind::MessageDeleted,
        Happened::Gap { .. } => EventKind::GapUnresolved,
        Happened::Unparsed(_) => EventKind::MessageUnparsed,
        Happened::Opened { .. } => EventKind::Opened,
        Happened::Status { .. } => EventKind::StatusChanged,
        Happened::Assigned { .. } => EventKind::Assigned,
        Happened::Waiting { .. } => EventKind::Waiting,
        Happened::Answered { .. } => EventKind::Answered,
        Happened::Unreachable { .. } => EventKind::WatchUnreachable,
        Happened::Recovered { .. } => EventKind::WatchRecovered,
    }
}

/// The child that something happened to.
fn child(happened: &Happened) -> Option<&ChildId> {
    match happened {
        Happened::Message(message) | Happened::Edited { message, .. } => Some(&message.id),
        Happened::Deleted { id, .. } => Some(id),
        Happened::Unparsed(unparsed) => Some(&unparsed.id),
        _ => None,
    }
}

/// A child's events are named by the child (and by how often it had changed), so that finding it again after a crash
/// gives the same id; the conversation's own by their sequence; an episode's by its start; a wait's by the message that
/// waits, and for how long.
fn id(watch: &Watch, kind: EventKind, happened: &Happened, sequence: u64) -> String {
    let anchor = match happened {
        Happened::Message(message) => message.id.to_string(),
        Happened::Unparsed(unparsed) => unparsed.id.to_string(),
        Happened::Edited { message, revision } => format!("{}/{revision}", message.id),
        Happened::Deleted { id, revision, .. } => format!("{id}/{revision}"),
        Happened::Gap { since, .. } => since.to_string(),
        // Once in a conversation's life.
        Happened::Opened { .. } => String::new(),
        Happened::Status { .. } | Happened::Assigned { .. } => sequence.to_string(),
        Happened::Waiting { waiting, passed, .. } => {
            let of = |one: &Threshold| {
                let kind = if one.window { "window" } else { "" };
                (one.seconds, one.hours.clone().unwrap_or_else(|| kind.to_owned()))
            };
            let (seconds, hours) = passed.last().map_or_else(Default::default, of);
            format!("{hours}/{}/{seconds}/{}", waiting.child, waiting.round)
        }
        Happened::Answered { waiting, .. } => format!("{}/{}", waiting.child, waiting.round),
        Happened::Unreachable { since, .. } | Happened::Recovered { since } => since.to_string(),
    };
    let conversation = &watch.conversation;
    event_id(&[&conversation.account, &conversation.object.to_string(), kind.as_str(), &anchor])
}

fn watch_data(watch: &Watch) -> WatchData {
    WatchData {
        name: watch.name.clone(),
        title: watch.title.clone(),
        priority: watch.priority,
        tags: watch.tags.clone(),
    }
}

fn conversation_data(scene: Scene<'_>) -> ConversationData {
    let object_id = scene.watch.conversation.object.to_string();
    let console_url = scene.console_url.map(|url| url.replace("{object_id}", &object_id));
    let blank = ConversationData { object_id, console_url, ..ConversationData::default() };
    let Some(snapshot) = scene.snapshot else { return blank };
    ConversationData {
        stream_id: snapshot.stream_id.map(|id| id.to_string()),
        status_id: snapshot.status_id,
        status: snapshot.status_id.map(status_word),
        assigned_manager_id: snapshot.assigned_manager_id.map(|id| id.to_string()),
        customer_name: snapshot.customer_name.clone(),
        channel: snapshot
            .channel
            .map(|id| channel_name(id).map_or_else(|| format!("type {id}"), str::to_owned)),
        ..blank
    }
}

fn author_data(author: &Author) -> AuthorData {
    AuthorData { kind: author.kind, id: author.id.clone(), name: author.name.clone() }
}

fn waiting_data(
    waiting: &Waiting,
    passed: Option<&Threshold>,
    confirmed: bool,
    until: Timestamp,
) -> WaitingData {
    WaitingData {
        since: waiting.since,
        waited_seconds: u64::try_from(until.duration_since(waiting.since).as_secs()).unwrap_or(0),
        child_id: waiting.child.to_string(),
        threshold_seconds: passed.map_or(0, |threshold| threshold.seconds),
        hours: passed.and_then(|threshold| threshold.hours.clone()),
        reply_until: None,
        confirmed,
        ended: None,
        answered_by: None,
        answered_at: None,
    }
}

fn answered_data(waiting: &Waiting, ended: &Ended, now: Timestamp) -> WaitingData {
    let longest = waiting.told.iter().map(|alarm| &alarm.threshold).max();
    let (by, at) = match ended {
        Ended::Replied { by, at } => (Some(author_data(by)), Some(*at)),
        Ended::Closed | Ended::Withdrawn | Ended::Gone => (None, None),
    };
    WaitingData {
        ended: Some(ended.as_str().to_owned()),
        answered_by: by,
        answered_at: at,
        ..waiting_data(waiting, longest, true, at.unwrap_or(now))
    }
}

fn message_data(message: &Message) -> MessageData {
    MessageData {
        id: message.id.to_string(),
        author: author_data(&message.author),
        created: message.created,
        text: message.text.clone(),
        text_truncated: message.text_truncated,
        attachments: message.attachments,
    }
}

/// What is left of a message: nothing of what it said.
fn deleted_data(id: &ChildId, author: Option<AuthorKind>, created: Option<Timestamp>) -> MessageData {
    MessageData {
        id: id.to_string(),
        author: AuthorData { kind: author.unwrap_or(AuthorKind::Unknown), id: None, name: None },
        created,
        text: String::new(),
        text_truncated: false,
        attachments: 0,
    }
}

fn problem(scene: Scene<'_>, since: Timestamp, why: String) -> ProblemData {
    ProblemData { subject: format!("watch/{}", scene.watch.name), since, why, expires: None }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::watch::{ConversationId, Priority, Stream};

    fn watch(name: &str) -> Watch {
        Watch {
            name: name.into(),
            title: "T".into(),
            priority: Priority::Vip,
            tags: vec![],
            conversation: ConversationId { account: "main".into(), object: 7 },
            stream: Stream::Number(5),
            interval: std::time::Duration::from_secs(10),
            baseline: crate::core::watch::Baseline::Silent,
        }
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn scene(watch: &Watch, now: Timestamp) -> Scene<'_> {
        Scene {
            watch,
            base_url: "https://api.example",
            console_url: Some("https://acme.example/{object_id}"),
            snapshot: None,
            now,
            now_there: now,
            previous_poll_at: None,
        }
    }

    fn message(created: i64) -> Happened {
        Happened::Message(Message {
            id: ChildId::new("2251799813699002"),
            created: Some(at(created)),
            author: crate::core::message::Author { kind: AuthorKind::Customer, id: None, name: None },
            text: "hi".into(),
            text_truncated: false,
            attachments: 0,
            text_hash: 1,
        })
    }

    #[test]
    fn a_message_keeps_its_id_whenever_and_by_whichever_watch_it_is_found() {
        let (one, renamed) = (watch("one"), watch("renamed"));
        let first = event(scene(&one, at(100)), &message(50), 1);
        let again = event(scene(&renamed, at(900)), &message(50), 8);
        assert_eq!(first.id, again.id);
        assert_eq!(first.source, "https://api.example/objects/7");
        assert_eq!(first.data.detection.unwrap().delay_seconds, Some(50.0));
    }

    #[test]
    fn a_message_from_the_future_has_no_negative_age() {
        let watch = watch("one");
        let event = event(scene(&watch, at(100)), &message(500), 1);
        assert_eq!(event.data.detection.unwrap().delay_seconds, Some(0.0));
        assert_eq!(event.time, at(500));
    }

    #[test]
    fn status_changes_are_told_apart_by_their_sequence() {
        let watch = watch("one");
        let change = Happened::Status { previous: Some(1), current: Some(99) };
        let first = event(scene(&watch, at(1)), &change, 4);
        let second = event(scene(&watch, at(1)), &change, 6);
        assert_ne!(first.id, second.id);
        let change = first.data.change.unwrap();
        assert_eq!(
            (change.previous.as_deref(), change.current.as_deref()),
            (Some("open"), Some("status 99"))
        );
    }

    #[test]
    fn two_episodes_of_one_subject_are_two_events() {
        let told = |since| own_health(EventKind::AccountDenied, "account/main", since, "401", at(9)).id;
        assert_eq!(told(at(1)), told(at(1)));
        assert_ne!(told(at(1)), told(at(2)));
    }
}
