//! Who wrote a child (commbox-api §7, in its order).

use super::child::Context;
use super::conversation;
use super::json::{Json, Object};
use crate::core::message::{Author, AuthorKind, Bot};

/// Child types that machines make: options, template, campaign and survey messages.
const MACHINE_MADE: [i64; 4] = [12, 16, 17, 18];

/// The child type of system messages.
const SYSTEM: i64 = 11;

/// The permission that marks a user as a bot.
const BOT_PERMISSION: i64 = 5;

/// The author of `child`, whose type is `child_type`.
pub(super) fn author(child: &Object<'_>, child_type: Option<i64>, context: &Context<'_>) -> Author {
    let user = child.get(&["user"]).and_then(Json::object);
    let user = user.as_ref();
    let identity = user.and_then(|user| user.get(&["identity"])).and_then(Json::object);
    let of_user = |name| user.and_then(|user| user.get(&[name]));

    let user_id = of_user("id").and_then(text);
    let manager = of_user("managerid").and_then(text);
    let name = identity
        .as_ref()
        .and_then(conversation::name)
        .or_else(|| user.and_then(conversation::name))
        .or_else(|| conversation::name(child));
    let business = of_user("ismanager")
        .and_then(Json::flag)
        .or_else(|| child.get(&["ismanager"]).and_then(Json::flag))
        .or(manager.as_ref().map(|_| true));

    let kind = if child_type == Some(SYSTEM) {
        AuthorKind::System
    } else if of_user("permissionid").and_then(Json::integer) == Some(BOT_PERMISSION)
        || is_bot(context, user_id.as_deref(), manager.as_deref(), name.as_deref())
    {
        AuthorKind::Bot
    } else {
        match business {
            Some(true) if child_type.is_some_and(|kind| MACHINE_MADE.contains(&kind)) => AuthorKind::Bot,
            Some(true) => AuthorKind::Agent,
            Some(false) => AuthorKind::Customer,
            None => AuthorKind::Unknown,
        }
    };
    Author { kind, id: user_id.or(manager), name }
}

/// An id as text; 0 is nobody.
fn text(id: Json<'_>) -> Option<String> {
    let id =
        id.digits().or_else(|| Some(super::error::one_line(&id.scalar()?, conversation::NAME_CHARS_MAX)))?;
    Some(id).filter(|id| id != "0" && !id.is_empty())
}

/// Whether the account lists this author. The conversation's own customer is never a bot by name: people choose
/// their names.
fn is_bot(context: &Context<'_>, user: Option<&str>, manager: Option<&str>, name: Option<&str>) -> bool {
    let is_customer = user.is_some() && user == context.customer;
    context.bots.iter().any(|bot| match bot {
        Bot::Id(id) => user == Some(id) || manager == Some(id),
        Bot::Name(listed) => !is_customer && name.is_some_and(|name| same_person(name, listed)),
    })
}

/// Full name or first name, without regard to case.
fn same_person(name: &str, listed: &str) -> bool {
    let (name, listed) = (name.to_lowercase(), listed.trim().to_lowercase());
    name.strip_prefix(&listed).is_some_and(|rest| rest.is_empty() || rest.starts_with(' '))
}
