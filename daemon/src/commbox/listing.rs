//! `data` of a list becomes a [`Page`]. An element that cannot be read costs itself, and is counted: a list that lacks
//! something must not pass for a whole one.

use jiff::Timestamp;

use super::conversation::{channel, name, number};
use super::error::{Code, FetchError};
use super::json::{Json, Object};
use crate::core::listing::{Listed, Page};
use crate::core::watch::Stream;

/// Elements of one list that are read; a longer one is malformed. `CommBox` lists 100 at most where it pages.
const ELEMENTS_MAX: usize = 20_000;

/// Reads a list. No `data` is an empty one.
pub(super) fn page(data: Option<Json<'_>>, answered_at: Option<Timestamp>) -> Result<Page, FetchError> {
    let mut page = Page { answered_at, ..Page::default() };
    let Some(data) = data.filter(|data| !data.is_nothing()) else { return Ok(page) };
    let elements = match data.items(ELEMENTS_MAX) {
        Some((_, true)) => {
            let detail = format!("the list has more than {ELEMENTS_MAX} conversations, which is the bound");
            return Err(FetchError::malformed(Code::Envelope, detail));
        }
        Some((elements, false)) => elements,
        None if data.object().is_some() => vec![data],
        None => {
            let detail = format!("data holds {} instead of a list of conversations", data.kind());
            return Err(FetchError::malformed(Code::Envelope, detail));
        }
    };
    for element in elements.into_iter().filter(|element| !element.is_nothing()) {
        match element.object() {
            Some(object) if object.is_empty() => {}
            Some(object) => match listed(&object) {
                Some(one) => page.conversations.push(one),
                None => page.unread += 1,
            },
            None => page.unread += 1,
        }
    }
    Ok(page)
}

/// One that has an id and a channel can be asked for.
fn listed(conversation: &Object<'_>) -> Option<Listed> {
    let time = |names: &[&'static str]| conversation.get(names).and_then(Json::instant);
    let user = conversation.get(&["user"]).and_then(Json::object);
    Some(Listed {
        object: conversation.get(&["objectid", "id"]).and_then(Json::integer).filter(|id| *id > 0)?,
        stream: Stream::Number(number(conversation, "streamid").filter(|id| *id > 0)?),
        status: number(conversation, "statusid"),
        created: time(&["createdtime"]),
        closed: time(&["closedtime", "closetime"]),
        updated: time(&["updatedtime"]),
        customer_name: name(conversation).or_else(|| name(user.as_ref()?)),
        channel: conversation.get(&["streamprovidertype"]).and_then(channel),
        identity: number(conversation, "useridentity").filter(|id| *id > 0),
    })
}
