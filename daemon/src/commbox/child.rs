//! One element of `childs` becomes a [`Message`], or is named as unreadable; it is never dropped.

use jiff::Timestamp;
use sha2::{Digest, Sha256};

use super::author;
use super::content::Content;
use super::conversation::is_mail;
use super::json::{Json, Object};
use super::text::{self, Form};
use crate::core::message::{Author, Bot, ChildId, Message, Unparsed};

/// What a child is read with.
#[derive(Debug)]
pub(super) struct Context<'a> {
    /// The account's bots.
    pub(super) bots: &'a [Bot],
    /// The id of the conversation's own customer.
    pub(super) customer: Option<&'a str>,
    /// Whether the conversation is one of mails.
    pub(super) is_mail: bool,
}

/// Reads one child.
pub(super) fn read(child: Json<'_>, context: &Context<'_>) -> Result<Message, Unparsed> {
    let unparsed = |id: Option<ChildId>, why: String| {
        let id = id.unwrap_or_else(|| ChildId::approximate(hash([child.raw().as_bytes()])));
        Unparsed { id, why, bytes: child.raw().len() }
    };
    let Some(members) = child.object() else {
        return Err(unparsed(None, format!("the message is {} instead of an object", child.kind())));
    };
    let id = id(&members);
    let raw = match members.verbatim("message") {
        None => None,
        Some(message) => match message.scalar() {
            Some(text) => Some(text),
            None => return Err(unparsed(id, format!("its text is {} instead of text", message.kind()))),
        },
    };
    if id.is_none() && raw.is_none() && !members.has(&["content", "createdtime", "user"]) {
        return Err(unparsed(None, "an object without anything that a message has".to_owned()));
    }
    let content = Content::of(&members);
    let form = if context.is_mail || is_mail(&members, &content) { Form::Mail } else { Form::Chat };
    let mut plain = text::plain(raw.as_deref().unwrap_or_default(), form);
    if plain.text.is_empty()
        && let Some(subject) = &content.subject
    {
        plain = text::plain(subject, Form::Subject);
    }
    let kind = members.get(&["type"]).and_then(Json::integer);
    let author = author::author(&members, kind, context);
    let created = members.get(&["createdtime"]).and_then(Json::instant);
    let id = id.unwrap_or_else(|| approximate(&members, created, &author, plain.hash));
    // A photo, a video, an audio or a voice message is a file, also where its extras can't be read.
    let attachments = content.files.max(u32::from(matches!(kind, Some(2 | 3 | 6 | 8))));
    Ok(Message {
        id,
        created,
        author,
        text: plain.text,
        text_truncated: plain.truncated,
        attachments,
        text_hash: plain.hash,
    })
}

/// The child's id: a number other than 0, which means none.
fn id(members: &Object<'_>) -> Option<ChildId> {
    members.get(&["id"])?.digits().filter(|digits| digits != "0").map(ChildId::new)
}

/// The id of a child without a number: a hash of what it says, and of the word that stands for its id, if there is
/// one (it alone might be the same for all). Seconds, not fractions: those can come and go with an admin's setting.
fn approximate(members: &Object<'_>, created: Option<Timestamp>, author: &Author, text_hash: u64) -> ChildId {
    let word =
        members.get(&["id"]).filter(|id| id.digits().is_none()).and_then(Json::scalar).unwrap_or_default();
    let second = created.map_or(i64::MIN, Timestamp::as_second).to_be_bytes();
    let who = author.id.as_deref().or(author.name.as_deref()).unwrap_or_default();
    ChildId::approximate(hash([&second[..], who.as_bytes(), &text_hash.to_be_bytes()[..], word.as_bytes()]))
}

/// A hash that stays the same from one version to the next: it ends up in the store.
fn hash<const N: usize>(parts: [&[u8]; N]) -> u64 {
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update((part.len() as u64).to_be_bytes());
        hasher.update(part);
    }
    text::first_eight_bytes(&hasher.finalize())
}
