//! A handle on one simulated conversation: what people say and do in it.
//!
//! Setting it up reads as a sentence (`sim.conversation(532, 7).customer("Dana", "Levi")`); everything can also be
//! changed later. A change that makes no sense (a message that is not there) panics, since it is a mistake in a test.

use std::sync::Arc;

use jiff::Timestamp;

use crate::json::Json;
use crate::post::{Garbled, Post};
use crate::record::{Channel, Child, Record};
use crate::shape::Shape;
use crate::world::{Refused, State, World};

const ACTIVITY_REMARK: i64 = 1;
const ACTIVITY_STATUS: i64 = 2;
const ACTIVITY_STREAM: i64 = 5;
const ACTIVITY_ASSIGN: i64 = 6;
const ACTIVITY_REDACT: i64 = 23;

#[derive(Clone, Debug)]
pub struct Conversation {
    pub(crate) world: Arc<World>,
    pub(crate) object_id: i64,
}

/// Setting up.
impl Conversation {
    /// The customer's name; an empty part is one that nobody knows.
    pub fn customer(self, first: &str, last: &str) -> Self {
        let known = |name: &str| (!name.is_empty()).then(|| name.to_owned());
        self.set(|record| (record.first_name, record.last_name) = (known(first), known(last)))
    }

    /// The encrypted form of this conversation's stream, decoded (`==` at the end, not `%3d%3d`).
    pub fn encrypted_stream(self, text: &str) -> Self {
        self.change(|state| {
            let stream_id = state.record(self.object_id)?.stream_id;
            state.encrypted_streams.insert(stream_id, text.to_owned());
            Ok(())
        });
        self
    }

    pub fn channel(self, channel: Channel) -> Self {
        self.set(|record| record.channel = channel)
    }

    /// The customer's identity; conversations of the same customer share it.
    pub fn identity(self, id: i64) -> Self {
        self.set(|record| record.identity_id = id)
    }

    /// The customer's user id.
    pub fn user(self, id: i64) -> Self {
        self.set(|record| record.user_id = id)
    }

    /// The customer's address on the channel: a phone number, a mail address, a GUID.
    pub fn address(self, address: &str) -> Self {
        self.set(|record| record.address = Some(address.to_owned()))
    }

    pub fn sub_stream(self, id: i64) -> Self {
        self.set(|record| record.sub_stream_id = id)
    }

    pub fn unique_id(self, id: &str) -> Self {
        self.set(|record| record.unique_id = id.to_owned())
    }

    /// A field of the customer's card, such as a VIP status.
    pub fn custom_field(self, name: &'static str, value: &str) -> Self {
        self.set(|record| record.custom_fields.push((name, value.into())))
    }

    pub fn tags(self, count: i64) -> Self {
        self.set(|record| record.num_tags = Some(count))
    }

    /// When the conversation began. A message written earlier moves it back.
    pub fn created(self, at: Timestamp) -> Self {
        self.set(|record| (record.created, record.updated) = (at, at))
    }

    /// Over since then, with this status; nothing has happened in it since.
    pub fn over(self, status_id: i64, at: Timestamp) -> Self {
        self.set(|record| (record.status_id, record.closed, record.updated) = (status_id, Some(at), at))
    }

    fn set(self, change: impl FnOnce(&mut Record)) -> Self {
        self.change(|state| state.record(self.object_id).map(change));
        self
    }
}

/// What happens in it.
impl Conversation {
    pub fn object_id(&self) -> i64 {
        self.object_id
    }

    pub fn stream_id(&self) -> i64 {
        self.change(|state| state.record(self.object_id).map(|record| record.stream_id))
    }

    /// Adds a message and returns its child id.
    #[track_caller]
    pub fn says(&self, post: Post) -> i64 {
        self.change(|state| state.post(self.object_id, post))
    }

    #[track_caller]
    pub fn customer_says(&self, text: impl Into<String>) -> i64 {
        self.says(Post::customer(text))
    }

    #[track_caller]
    pub fn agent_says(&self, name: &str, text: impl Into<String>) -> i64 {
        self.says(Post::agent(name, text))
    }

    #[track_caller]
    pub fn bot_says(&self, text: impl Into<String>) -> i64 {
        self.says(Post::bot(text))
    }

    /// Changes the text of a message; its id and time stay.
    #[track_caller]
    pub fn edit(&self, child_id: i64, text: impl Into<String>) {
        self.change_by(|state, id| state.edit(id, child_id, text.into()));
    }

    /// Takes a message out of every answer.
    #[track_caller]
    pub fn redact(&self, child_id: i64) {
        self.change_by(|state, id| state.redact(id, child_id));
    }

    /// Brings a redacted message back.
    #[track_caller]
    pub fn restore(&self, child_id: i64) {
        self.change_by(|state, id| state.restore(id, child_id));
    }

    /// Writes a message so that no reader can make sense of it, or (`None`) sensibly again.
    #[track_caller]
    pub fn garble(&self, child_id: i64, how: Option<Garbled>) {
        self.change_by(|state, id| state.garble(id, child_id, how));
    }

    #[track_caller]
    pub fn set_status(&self, status_id: i64) {
        self.change_by(|state, id| state.set_status(id, status_id));
    }

    /// Gives the conversation to an agent; 0 is nobody.
    #[track_caller]
    pub fn assign(&self, manager_id: i64) {
        self.change_by(|state, id| state.assign(id, manager_id));
    }

    /// An agent's remark: `updatedTime` moves, and no message comes.
    #[track_caller]
    pub fn remark(&self, text: &str) {
        self.change_by(|state, id| {
            let now = state.now();
            state.record(id)?.touch(now);
            state.log_activity(id, ACTIVITY_REMARK, Json::Object(vec![("text", text.into())]))
        });
    }

    /// Moves the conversation to another stream; its old address answers 404.
    #[track_caller]
    pub fn move_to(&self, stream_id: i64) {
        self.change_by(|state, id| {
            state.record(id)?.stream_id = stream_id;
            state.log_activity(id, ACTIVITY_STREAM, Json::Object(vec![("streamId", stream_id.into())]))
        });
    }

    /// Answers 404 as if the conversation were gone, or (`false`) no longer.
    pub fn vanish(&self, vanished: bool) {
        self.change_by(|state, id| {
            state.record(id)?.vanished = vanished;
            Ok(())
        });
    }

    /// How the answers about this conversation are written from now on.
    pub fn shape(&self, shape: Shape) {
        self.change_by(|state, id| {
            state.record(id)?.shape = shape;
            Ok(())
        });
    }

    #[track_caller]
    fn change_by(&self, change: impl FnOnce(&mut State, i64) -> Result<(), Refused>) {
        self.change(|state| change(state, self.object_id));
    }

    #[track_caller]
    fn change<T>(&self, change: impl FnOnce(&mut State) -> Result<T, Refused>) -> T {
        let changed = change(&mut self.world.state());
        changed.unwrap_or_else(|refused| panic!("{refused}"))
    }
}

/// The changes that a person can make over HTTP, too.
impl State {
    pub(crate) fn edit(&mut self, object_id: i64, child_id: i64, text: String) -> Result<(), Refused> {
        let child = self.child(object_id, child_id)?;
        child.post.html = None;
        child.post.text = text;
        Ok(())
    }

    pub(crate) fn redact(&mut self, object_id: i64, child_id: i64) -> Result<(), Refused> {
        self.child(object_id, child_id)?.redacted = true;
        self.log_activity(object_id, ACTIVITY_REDACT, Json::Object(vec![("childId", child_id.into())]))
    }

    pub(crate) fn restore(&mut self, object_id: i64, child_id: i64) -> Result<(), Refused> {
        self.child(object_id, child_id)?.redacted = false;
        Ok(())
    }

    pub(crate) fn garble(
        &mut self,
        object_id: i64,
        child_id: i64,
        how: Option<Garbled>,
    ) -> Result<(), Refused> {
        self.child(object_id, child_id)?.garbled = how;
        Ok(())
    }

    pub(crate) fn set_status(&mut self, object_id: i64, status_id: i64) -> Result<(), Refused> {
        let now = self.now();
        self.record(object_id)?.set_status(status_id, now);
        self.log_activity(object_id, ACTIVITY_STATUS, Json::Object(vec![("statusId", status_id.into())]))
    }

    pub(crate) fn assign(&mut self, object_id: i64, manager_id: i64) -> Result<(), Refused> {
        let now = self.now();
        self.record(object_id)?.assign(manager_id, now);
        let data = vec![("managerId", manager_id.into()), ("assignedManagerId", manager_id.into())];
        self.log_activity(object_id, ACTIVITY_ASSIGN, Json::Object(data))
    }

    fn child(&mut self, object_id: i64, child_id: i64) -> Result<&mut Child, Refused> {
        let child = self.record(object_id)?.children.iter_mut().find(|child| child.id == child_id);
        child.ok_or(Refused::NoChild(child_id))
    }
}
