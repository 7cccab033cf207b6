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
    let id = id.unwrap_or_else(|| approximate(created, &author, plain.hash));
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

/// The child's id. Nothing and 0 are none; what is neither a number nor a plain word is hashed, since the id
/// becomes a part of ours.
fn id(members: &Object<'_>) -> Option<ChildId> {
    let id = members.get(&["id"])?;
    if let Some(digits) = id.digits() {
        return (digits != "0").then(|| ChildId::new(digits));
    }
    let text = id.scalar()?;
    let text = text.trim();
    let is_word = text.len() <= 64
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
    Some(if is_word { ChildId::new(text) } else { ChildId::approximate(hash([text.as_bytes()])) })
}

/// The id of a child without one. Seconds, not fractions: those can come and go with an admin's setting.
fn approximate(created: Option<Timestamp>, author: &Author, text_hash: u64) -> ChildId {
    let second = created.map_or(i64::MIN, Timestamp::as_second);
    let who = author.id.as_deref().or(author.name.as_deref()).unwrap_or_default();
    ChildId::approximate(hash([&second.to_be_bytes()[..], who.as_bytes(), &text_hash.to_be_bytes()[..]]))
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
