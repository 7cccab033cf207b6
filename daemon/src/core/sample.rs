//! A test that a person asks for: an event that says of itself that it is one, goes the whole way to one notifier, and
//! looks as one of another kind would.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::core::event::{
    AuthorData, ConversationData, Event, EventData, EventKind, MessageData, ProblemData, TestData,
    WaitingData, WatchData, event_id,
};
use crate::core::message::AuthorKind;
use crate::core::watch::Watch;

/// Tests have a lane of their own: they wait for nothing that is held back, and nothing waits for them.
pub const LANE: &str = "test";
/// A test that was not accepted within this is not delivered any more: whoever asked has seen by then that it was not.
pub const GOOD_FOR: SignedDuration = SignedDuration::from_secs(300);
/// So long somebody waits, where it is to look as if somebody did.
const WAITED: Duration = Duration::from_secs(600);

/// What is to be tried.
#[derive(Clone, Copy, Debug)]
pub struct Sample<'a> {
    /// Who is told.
    pub notifier: &'a str,
    /// As which kind it is to look; `None` = as what it is.
    pub like: Option<EventKind>,
    /// Of which watch.
    pub watch: Option<&'a Watch>,
    /// The link to its conversation.
    pub console_url: Option<&'a str>,
    /// Who asks, one line.
    pub by: &'a str,
}

/// The event.
pub fn event(sample: Sample<'_>, now: Timestamp) -> Event {
    let Sample { notifier, like, watch, console_url, by } = sample;
    // Where conversations are looked for, none is named.
    let named = watch.filter(|watch| watch.conversation.object != 0);
    let conversation = named.map(|watch| {
        let object_id = watch.conversation.object.to_string();
        let console_url = console_url.map(|url| url.replace("{object_id}", &object_id));
        ConversationData { object_id, console_url, ..ConversationData::default() }
    });
    Event {
        id: event_id(&[EventKind::Test.as_str(), notifier, &now.to_string()]),
        kind: EventKind::Test,
        source: format!("/test/{notifier}"),
        subject: None,
        time: now,
        recorded: now,
        sequence: None,
        data: EventData {
            account: watch.map(|watch| watch.conversation.account.clone()),
            watch: watch.map(|watch| WatchData {
                name: watch.name.clone(),
                title: watch.title.clone(),
                priority: watch.priority,
                tags: watch.tags.clone(),
            }),
            conversation,
            test: Some(TestData { like: like.map(|kind| kind.as_str().to_owned()), by: by.to_owned() }),
            ..EventData::default()
        },
    }
}

/// The event that a test is to look like.
pub fn like(test: &Event) -> Option<Event> {
    let like = EventKind::named(test.data.test.as_ref()?.like.as_deref()?)?;
    // It must not lead back here.
    if like == EventKind::Test {
        return None;
    }
    let since = test.time.checked_sub(WAITED).unwrap_or(test.time);
    let mut event = Event { kind: like, ..test.clone() };
    event.data.message = Some(MessageData {
        id: "0".to_owned(),
        author: AuthorData { kind: AuthorKind::Customer, id: None, name: None },
        created: Some(test.time),
        text: String::new(),
        text_truncated: false,
        attachments: 0,
    });
    event.data.waiting = Some(WaitingData {
        since,
        child_id: "0".to_owned(),
        waited_seconds: WAITED.as_secs(),
        threshold_seconds: WAITED.as_secs(),
        hours: None,
        reply_until: None,
        confirmed: true,
        ended: (like == EventKind::Answered).then(|| "replied".to_owned()),
        answered_by: None,
        answered_at: None,
    });
    let is_account =
        matches!(like, EventKind::AccountDenied | EventKind::AccountRecovered | EventKind::TokenExpiring);
    let subject = if is_account { "account/example" } else { "notifier/example" };
    event.data.problem =
        Some(ProblemData { subject: subject.to_owned(), since, why: String::new(), expires: None });
    Some(event)
}
