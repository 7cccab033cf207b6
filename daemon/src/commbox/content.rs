//! `content`: technical extras of a conversation or a child, mostly JSON inside a string, often broken.
//!
//! What can't be read is as if it were not there: extras never cost a message.

use super::json::{Json, Object};

/// How often JSON is unpacked out of a string.
const NESTING_MAX: usize = 3;

/// Files that are counted.
const FILES_MAX: usize = 1_000;

/// What is of use to us.
#[derive(Debug, Default)]
pub(super) struct Content {
    /// Files that came with it.
    pub(super) files: u32,
    /// Whether it says that this is a mail.
    pub(super) is_mail: bool,
    /// A mail's subject.
    pub(super) subject: Option<String>,
}

impl Content {
    /// Reads the member `content`.
    pub(super) fn of(holder: &Object<'_>) -> Self {
        holder.get(&["content"]).map(|content| Self::read(content, NESTING_MAX)).unwrap_or_default()
    }

    fn read(content: Json<'_>, nesting: usize) -> Self {
        if let Some(members) = content.object() {
            return Self {
                files: files(&members, "attachments") + files(&members, "link"),
                is_mail: members.get(&["isemail"]).and_then(Json::flag) == Some(true),
                subject: members.get(&["subject"]).and_then(Json::scalar).map(|subject| subject.into_owned()),
            };
        }
        match content.string() {
            Some(text) if nesting > 0 => {
                Json::parse(text.trim()).map(|inner| Self::read(inner, nesting - 1)).unwrap_or_default()
            }
            _ => Self::default(),
        }
    }
}

/// Attachments are a list, a link is one file; either may come as the other.
fn files(members: &Object<'_>, name: &str) -> u32 {
    let Some(value) = members.get(&[name]) else { return 0 };
    let is_file = |value: &Json<'_>| match value.object() {
        Some(file) => !file.is_empty(),
        None => !value.is_nothing() && value.string().is_some(),
    };
    match value.items(FILES_MAX) {
        Some((items, _)) => {
            u32::try_from(items.iter().filter(|item| is_file(item)).count()).unwrap_or(u32::MAX)
        }
        None => u32::from(is_file(&value)),
    }
}
