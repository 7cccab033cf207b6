//! `[[watch]]`: what the operator asked to watch.

use std::collections::BTreeMap;
use std::time::Duration;

use super::collection::{Named, Once, listed, title};
use super::section::{Context, Key, Section, key, later};
use super::spanned::{Kind, Place, Table};
use super::{Account, account, baseline, name, polling, stream};
use crate::core::watch::{Baseline, ConversationId, Priority, Stream, Watch};

pub(super) const KEYS: &[Key] = &[
    key("name"),
    key("title"),
    key("priority"),
    key("tags"),
    key("account"),
    key("stream"),
    key("object"),
    key("interval"),
    key("baseline"),
    key("since"),
    later("customer"),
    later("channel"),
];

pub(super) const PRIORITIES: [(&str, Priority); 2] = [("vip", Priority::Vip), ("normal", Priority::Normal)];

const TARGET_HINT: &str = "a conversation is named by the two numbers in its address in CommBox, such as stream = 532 and object = 293854";

/// A watch and where it stands.
#[derive(Debug)]
pub(super) struct Placed {
    pub(super) at: Place,
    pub(super) watch: Watch,
}

/// Reads all watches, in order of the files; no name and no conversation may come twice.
pub(super) fn read_all(
    cx: Context<'_>,
    root: &Table,
    accounts: &BTreeMap<String, Named<Account>>,
    interval: Duration,
) -> Vec<Placed> {
    let (mut names, mut conversations) = (Once::new(), Once::new());
    let mut watches = Vec::new();
    for value in listed(cx, root, "watch") {
        let title = title("watch", value);
        let Some(section) = Section::open(cx, value, &title, KEYS) else { continue };
        let name = section.parse("name", name::check);
        if let Some(name) = name {
            let message = || format!("two watches are called `{name}`");
            names.see(cx, name, section.place("name"), message, "give one of them another name");
        }
        let target = target(&section, &title, accounts);
        if let Some((ConversationId { account, object }, _)) = &target {
            let message =
                || format!("two watches of one conversation: object {object} of account `{account}`");
            conversations.see(
                cx,
                (account.clone(), *object),
                section.place("object"),
                message,
                "delete one of them",
            );
        }
        if let Some(watch) = read(&section, &title, name, target, interval) {
            watches.push(Placed { at: section.at, watch });
        }
    }
    watches
}

fn read(
    section: &Section<'_>,
    title: &str,
    name: Option<&str>,
    target: Option<(ConversationId, Stream)>,
    interval: Duration,
) -> Option<Watch> {
    section.need(
        "name",
        title,
        "write a name such as name = \"acme-cfo\"; it stands in metrics and log lines",
    );
    let priority = section.word("priority", &PRIORITIES).unwrap_or_default();
    let tags = section.texts("tags").unwrap_or_default();
    let given_title = section.text("title").map(|(_, text)| text.to_owned());
    let interval = section.duration("interval", polling::INTERVAL_BOUNDS).unwrap_or(interval);
    let baseline = baseline::read(section, Baseline::Silent);
    let (name, (conversation, stream)) = (name?.to_owned(), target?);
    Some(Watch {
        title: given_title.unwrap_or_else(|| name.clone()),
        name,
        priority,
        tags: tags.into_iter().map(|(_, tag)| tag.to_owned()).collect(),
        conversation,
        stream,
        interval,
        baseline,
    })
}

/// The conversation and its address.
fn target(
    section: &Section<'_>,
    title: &str,
    accounts: &BTreeMap<String, Named<Account>>,
) -> Option<(ConversationId, Stream)> {
    // Whoever writes one of these has been told, and needs no other target.
    if section.get("customer").is_none() && section.get("channel").is_none() {
        section.need("stream", title, TARGET_HINT);
        section.need("object", title, TARGET_HINT);
    }
    let account = account::referred(section, title, accounts);
    let stream = stream_of(section);
    let object = object_of(section);
    Some((ConversationId { account: account?, object: object? }, stream?))
}

fn stream_of(section: &Section<'_>) -> Option<Stream> {
    let entry = section.get("stream")?;
    match entry.value.kind {
        Kind::Integer(number) if number > 0 => Some(Stream::Number(number)),
        Kind::Integer(number) => {
            section.error(
                entry.value.at,
                format!("`stream` is {number}; channels have numbers above 0"),
                TARGET_HINT,
            );
            None
        }
        Kind::Text(_) => section.parse("stream", stream::parse),
        _ => {
            section.wrong_kind(entry, "a number or the encrypted id in quotes");
            None
        }
    }
}

fn object_of(section: &Section<'_>) -> Option<i64> {
    let entry = section.get("object")?;
    match entry.value.kind {
        Kind::Integer(number) if number > 0 => return Some(number),
        Kind::Integer(number) => {
            section.error(
                entry.value.at,
                format!("`object` is {number}; conversations have numbers above 0"),
                TARGET_HINT,
            );
        }
        _ => section.wrong_kind(entry, "a whole number without quotes"),
    }
    None
}
