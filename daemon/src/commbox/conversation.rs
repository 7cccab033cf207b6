//! One conversation of `data` becomes a [`Snapshot`].

use std::collections::{BTreeMap, HashMap};

use jiff::Timestamp;

use super::child::{self, Context};
use super::content::Content;
use super::error::{Code, FetchError, Reaction, one_line};
use super::json::{Json, Object};
use crate::core::message::{Bot, CHILDREN_MAX, ChildId, Message, Snapshot, Unparsed};

/// Children of one answer that are read, so that the newest can be told; an answer with more is malformed. The body's
/// own bound is met before.
pub(super) const CHILDREN_READ_MAX: usize = 1_000_000;

/// Conversations that one answer is searched for the right one.
const CONVERSATIONS_MAX: usize = 100;

/// Characters of a person's name.
pub(super) const NAME_CHARS_MAX: usize = 200;

/// Reads the conversation `object` from an answer's `data`.
pub(super) fn snapshot(
    data: Json<'_>,
    object: i64,
    bots: &[Bot],
    answered_at: Option<Timestamp>,
) -> Result<Snapshot, FetchError> {
    let conversation = find(data, object)?;
    let user = conversation.get(&["user"]).and_then(Json::object);
    let customer = user.as_ref().and_then(|user| user.get(&["id"])).and_then(Json::digits);
    let context = Context {
        bots,
        customer: customer.as_deref(),
        is_mail: is_mail(&conversation, &Content::of(&conversation)),
    };
    let children = Children::read(&conversation, user.as_ref(), &context)?;
    let name = name(&conversation)
        .or_else(|| name(user.as_ref()?))
        .or_else(|| children.name_of(customer.as_deref()?));
    Ok(Snapshot {
        object_id: object,
        stream_id: number(&conversation, "streamid"),
        status_id: number(&conversation, "statusid"),
        assigned_manager_id: number(&conversation, "assignedmanagerid").filter(|id| *id != 0),
        customer_name: name,
        channel: conversation.get(&["streamprovidertype"]).and_then(channel),
        children_listed: children.listed,
        children_cut: children.cut,
        created_at: conversation.get(&["createdtime"]).and_then(Json::instant),
        updated_at: conversation.get(&["updatedtime"]).and_then(Json::instant),
        messages: children.messages,
        unparsed: children.unparsed,
        answered_at,
    })
}

/// First and last name of whoever `holder` is about.
pub(super) fn name(holder: &Object<'_>) -> Option<String> {
    let part = |name| {
        Some(one_line(&holder.get(&[name])?.scalar()?, NAME_CHARS_MAX)).filter(|part| !part.is_empty())
    };
    match (part("firstname"), part("lastname")) {
        (Some(first), Some(last)) => Some(one_line(&format!("{first} {last}"), NAME_CHARS_MAX)),
        (first, last) => first.or(last),
    }
}

/// A channel's number; old payloads write its name (commbox-api §8.2).
pub(super) fn channel(value: Json<'_>) -> Option<i64> {
    const NAMES: [(&str, i64); 7] = [
        ("mail", 4),
        ("whatsapp", 7),
        ("microsoft365", 14),
        ("gmail", 15),
        ("telegram", 12),
        ("facebook", 1),
        ("instagram", 10),
    ];
    value.integer().or_else(|| {
        let text = value.string()?;
        NAMES.iter().find(|(name, _)| text.eq_ignore_ascii_case(name)).map(|(_, number)| *number)
    })
}

/// Whether `holder`, with this content, is a mail, whose text is HTML: it is of that type (5), came over a mail
/// channel (4, 14, 15), or says so.
pub(super) fn is_mail(holder: &Object<'_>, content: &Content) -> bool {
    content.is_mail
        || holder.get(&["type"]).and_then(Json::integer) == Some(5)
        || matches!(holder.get(&["streamprovidertype"]).and_then(channel), Some(4 | 14 | 15))
}

pub(super) fn number(conversation: &Object<'_>, name: &str) -> Option<i64> {
    conversation.get(&[name]).and_then(Json::integer)
}

/// `data` is an array with the conversation, or the conversation.
fn find(data: Json<'_>, object: i64) -> Result<Object<'_>, FetchError> {
    let candidates = match data.items(CONVERSATIONS_MAX) {
        Some((items, _)) => items,
        None => vec![data],
    };
    let mut others = 0;
    for candidate in candidates.into_iter().filter(|candidate| !candidate.is_nothing()) {
        let Some(candidate) = candidate.object() else {
            return Err(malformed(format!("data holds {} instead of a conversation", candidate.kind())));
        };
        if candidate.is_empty() {
            continue;
        }
        match candidate.get(&["objectid", "id"]).and_then(Json::digits) {
            Some(id) if id == object.to_string() => return Ok(candidate),
            Some(_) => others += 1,
            None => return Err(malformed("data holds something without an object id")),
        }
    }
    if others > 0 {
        return Err(malformed(format!("the answer is about another conversation than {object}")));
    }
    Err(FetchError::new(Reaction::Gone, Code::Envelope, "the answer holds no conversation"))
}

fn malformed(detail: impl AsRef<str>) -> FetchError {
    FetchError::malformed(Code::Envelope, detail)
}

/// All that a conversation's children are, whichever place and shape they came in.
#[derive(Default)]
struct Children {
    listed: bool,
    cut: bool,
    messages: Vec<Message>,
    unparsed: Vec<Unparsed>,
}

impl Children {
    fn read(
        conversation: &Object<'_>,
        user: Option<&Object<'_>>,
        context: &Context<'_>,
    ) -> Result<Self, FetchError> {
        let Some(childs) = place(conversation, user) else { return Ok(Self::default()) };
        match (childs.items(CHILDREN_READ_MAX), childs.object()) {
            (Some((_, true)), _) => Err(malformed(format!(
                "the answer lists more than {CHILDREN_READ_MAX} messages, which is the bound"
            ))),
            (Some((items, false)), _) => Ok(Self::all(&items, true, context)),
            (None, Some(single)) if single.is_empty() => Ok(Self::default()),
            (None, Some(_)) => Ok(Self::all(&[childs], true, context)),
            // Something is there, but it is no list: say so, and don't let it pass for an empty one.
            (None, None) => Ok(Self::all(&[childs], false, context)),
        }
    }

    fn all(items: &[Json<'_>], listed: bool, context: &Context<'_>) -> Self {
        let mut children = Self { listed, ..Self::default() };
        let mut messages: HashMap<ChildId, usize> = HashMap::with_capacity(items.len());
        let mut unparsed = BTreeMap::new();
        for item in items.iter().filter(|item| !item.is_nothing()) {
            match child::read(*item, context) {
                Ok(message) => children.keep(message, &mut messages),
                Err(child) => {
                    unparsed.entry(child.id.clone()).or_insert(child);
                }
            }
        }
        unparsed.retain(|id, _| !messages.contains_key(id));
        children.unparsed = unparsed.into_values().collect();
        children.keep_newest(CHILDREN_MAX);
        children
    }

    /// Past the bound the newest count, whatever order they came in. A child that cannot be read is none of them.
    fn keep_newest(&mut self, max: usize) {
        if self.messages.len() + self.unparsed.len() <= max {
            return;
        }
        self.cut = true;
        self.messages.sort_by(|a, b| (b.created, &b.id).cmp(&(a.created, &a.id)));
        self.messages.truncate(max);
        self.unparsed.truncate(max - self.messages.len());
    }

    /// Adds a message. Of two with one id the later one stays, whatever order they came in.
    fn keep(&mut self, message: Message, seen: &mut HashMap<ChildId, usize>) {
        fn rank(message: &Message) -> (Option<Timestamp>, u64) {
            (message.created, message.text_hash)
        }
        match seen.get(&message.id) {
            Some(at) if rank(&self.messages[*at]) < rank(&message) => self.messages[*at] = message,
            Some(_) => {}
            None => {
                seen.insert(message.id.clone(), self.messages.len());
                self.messages.push(message);
            }
        }
    }

    fn name_of(&self, author: &str) -> Option<String> {
        let by_author = self.messages.iter().filter(|message| message.author.id.as_deref() == Some(author));
        by_author
            .max_by_key(|message| (message.created, &message.id))
            .and_then(|message| message.author.name.clone())
    }
}

/// Children stand at the conversation or inside its user; the conversation's win, but an empty list there does
/// not hide a full one.
fn place<'a>(conversation: &Object<'a>, user: Option<&Object<'a>>) -> Option<Json<'a>> {
    const NAMES: [&str; 2] = ["childs", "children"];
    let own = conversation.get(&NAMES);
    let inside = user.and_then(|user| user.get(&NAMES));
    let is_empty = |json: &Json<'_>| json.items(1).is_some_and(|(items, _)| items.is_empty());
    match (own, inside) {
        (Some(own), Some(inside)) if is_empty(&own) => Some(inside),
        (own, inside) => own.or(inside),
    }
}
