//! All that the simulator knows, behind one lock: conversations, faults, who may ask. Knows no HTTP.

use std::collections::{BTreeMap, HashSet};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::fault::Faults;
use crate::json::Json;
use crate::post::{Author, Post, Posted};
use crate::record::{Activity, Child, Manager, Record};
use crate::requests::Requests;
use crate::throttle::Window;

/// Messages that one simulator holds. One more is refused, since the list of what was posted must stay complete.
pub const POSTS_MAX: usize = 1_000_000;
/// The first child id that is given out.
const FIRST_CHILD_ID: i64 = 90_030_201;
const FIRST_MANAGER: i64 = 51_001;
const FIRST_MANAGER_IDENTITY: i64 = 790_001;
/// The resolution of the API's times: seven digits.
const TICK_NANOSECONDS: i32 = 100;

#[derive(Debug)]
pub(crate) struct World {
    pub(crate) token: String,
    pub(crate) requests: Arc<Requests>,
    state: Mutex<State>,
}

#[derive(Debug)]
pub(crate) struct State {
    pub(crate) conversations: BTreeMap<i64, Record>,
    /// The encrypted form of a stream's number, decoded.
    pub(crate) encrypted_streams: BTreeMap<i64, String>,
    pub(crate) faults: Faults,
    pub(crate) throttle: Option<Window>,
    pub(crate) accepted_tokens: Vec<String>,
    pub(crate) skew: SignedDuration,
    pub(crate) posted: Vec<Posted>,
    child_ids: HashSet<i64>,
    next_child_id: i64,
    managers: Vec<(String, Manager)>,
}

/// A change that cannot be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refused {
    NoConversation(i64),
    OnAnotherStream { object_id: i64, stream_id: i64 },
    NoChild(i64),
    IdTaken(i64),
    TooManyPosts,
}

impl World {
    pub(crate) fn new(token: String) -> Arc<World> {
        let state = State {
            conversations: BTreeMap::new(),
            encrypted_streams: BTreeMap::new(),
            faults: Faults::default(),
            throttle: None,
            accepted_tokens: vec![token.clone()],
            skew: SignedDuration::ZERO,
            posted: Vec::new(),
            child_ids: HashSet::new(),
            next_child_id: FIRST_CHILD_ID,
            managers: Vec::new(),
        };
        Arc::new(World { token, requests: Requests::new(), state: Mutex::new(state) })
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// The time as the API's server has it.
    pub(crate) fn now(&self) -> Timestamp {
        let now = Timestamp::now();
        now.checked_add(self.skew).unwrap_or(now)
    }

    /// The conversation, made when there is none.
    pub(crate) fn conversation(&mut self, stream_id: i64, object_id: i64) -> Result<&mut Record, Refused> {
        let now = to_tick(self.now());
        let serial = i64::try_from(self.conversations.len()).unwrap_or(i64::MAX) + 101;
        let record = self
            .conversations
            .entry(object_id)
            .or_insert_with(|| Record::new(stream_id, object_id, serial, now));
        if record.stream_id == stream_id {
            Ok(record)
        } else {
            Err(Refused::OnAnotherStream { object_id, stream_id: record.stream_id })
        }
    }

    pub(crate) fn record(&mut self, object_id: i64) -> Result<&mut Record, Refused> {
        self.conversations.get_mut(&object_id).ok_or(Refused::NoConversation(object_id))
    }

    /// Adds a message and returns its id.
    pub(crate) fn post(&mut self, object_id: i64, post: Post) -> Result<i64, Refused> {
        if self.posted.len() >= POSTS_MAX {
            return Err(Refused::TooManyPosts);
        }
        let stream_id = self.record(object_id)?.stream_id;
        let id = self.take_child_id(post.id)?;
        let manager = match &post.author {
            Author::Agent(name) => Some(self.manager(name)),
            Author::Bot => Some(bot()),
            Author::Customer | Author::Unknown => None,
        };
        let created = post.created.unwrap_or_else(|| to_tick(self.now()));
        let (author, text) = (post.author.clone(), post.text.clone());
        let garbled = post.garbled;
        self.record(object_id)?.add(Child { id, post, created, manager, redacted: false, garbled });
        self.posted.push(Posted { stream_id, object_id, child_id: id, author, text, at: created });
        Ok(id)
    }

    /// The agent of this name, hired at first mention.
    pub(crate) fn manager(&mut self, name: &str) -> Manager {
        if let Some((_, manager)) = self.managers.iter().find(|(known, _)| known == name) {
            return manager.clone();
        }
        let count = i64::try_from(self.managers.len()).unwrap_or(i64::MAX);
        let (first, last) = name.split_once(' ').unwrap_or((name, ""));
        let manager = Manager {
            id: FIRST_MANAGER + count,
            identity: FIRST_MANAGER_IDENTITY + count,
            address: format!("agent.{}@example.com", count + 1),
            first_name: Some(first.to_owned()),
            last_name: (!last.is_empty()).then(|| last.to_owned()),
        };
        self.managers.push((name.to_owned(), manager.clone()));
        manager
    }

    /// Writes a system event into the conversation's log, in the name of its agent or, without one, of the bot.
    pub(crate) fn log_activity(&mut self, object_id: i64, kind: i64, data: Json) -> Result<(), Refused> {
        let now = to_tick(self.now());
        let assigned = self.record(object_id)?.last_assigned;
        let by =
            self.managers.iter().find(|(_, it)| it.id == assigned).map_or_else(bot, |(_, it)| it.clone());
        self.record(object_id)?.activities.push(Activity { kind, data, at: now, by });
        Ok(())
    }

    fn take_child_id(&mut self, wanted: Option<i64>) -> Result<i64, Refused> {
        if let Some(id) = wanted {
            return if self.child_ids.insert(id) { Ok(id) } else { Err(Refused::IdTaken(id)) };
        }
        while !self.child_ids.insert(self.next_child_id) {
            self.next_child_id += 1;
        }
        self.next_child_id += 1;
        Ok(self.next_child_id - 1)
    }
}

fn bot() -> Manager {
    Manager {
        id: 50_000,
        identity: 790_000,
        address: "bot".to_owned(),
        first_name: Some("Bot".to_owned()),
        last_name: Some(String::new()),
    }
}

/// Cuts an instant to what the API can say of it, so that what a checker reads is what was posted.
fn to_tick(instant: Timestamp) -> Timestamp {
    let beyond = u64::from(instant.subsec_nanosecond().rem_euclid(TICK_NANOSECONDS).unsigned_abs());
    instant - Duration::from_nanos(beyond)
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Refused::NoConversation(id) => write!(f, "there is no conversation {id}"),
            Refused::OnAnotherStream { object_id, stream_id } => {
                write!(
                    f,
                    "conversation {object_id} is on stream {stream_id}; move it rather than make it again"
                )
            }
            Refused::NoChild(id) => write!(f, "there is no message {id} in this conversation"),
            Refused::IdTaken(id) => write!(f, "there is a message {id} already"),
            Refused::TooManyPosts => write!(f, "the simulator holds {POSTS_MAX} messages and takes no more"),
        }
    }
}

impl std::error::Error for Refused {}
