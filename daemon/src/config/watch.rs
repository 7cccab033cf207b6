//! `[[watch]]`: what the operator asked to watch.

use std::collections::BTreeMap;
use std::time::Duration;

use super::collection::{Named, Once, listed, title};
use super::polling::Paces;
use super::section::{Context, Key, Section, key};
use super::spanned::{Kind, Place, Table};
use super::{Account, account, baseline, name, polling, seek, stream};
use crate::core::seek::{Seek, Sought};
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
    key("customer"),
    key("channel"),
    key("streams"),
    key("discovery"),
    key("keep_for"),
];

/// Keys that say nothing of a watch that names its conversation.
const OF_SEEKS: [&str; 3] = ["streams", "discovery", "keep_for"];

pub(super) const PRIORITIES: [(&str, Priority); 2] = [("vip", Priority::Vip), ("normal", Priority::Normal)];

const TARGETS_HINT: &str = "a watch is about one thing: `stream` and `object`, or a `customer`, or a `channel`; write a watch for each";
const TARGET_HINT: &str = "a conversation is named by the two numbers in its address in CommBox, such as stream = 532 and object = 293854";

/// A watch and where it stands.
#[derive(Debug)]
pub(super) struct Placed {
    pub(super) at: Place,
    pub(super) watched: Watched,
}

/// What is watched.
#[derive(Debug)]
pub(super) enum Watched {
    /// A conversation.
    Named(Watch),
    /// The conversations of a customer or a channel.
    Found(Seek),
}

impl Placed {
    pub(super) fn name(&self) -> &str {
        match &self.watched {
            Watched::Named(watch) => &watch.name,
            Watched::Found(seek) => &seek.name,
        }
    }

    pub(super) fn account(&self) -> &str {
        match &self.watched {
            Watched::Named(watch) => &watch.conversation.account,
            Watched::Found(seek) => &seek.account,
        }
    }

    pub(super) fn interval(&self) -> Duration {
        match &self.watched {
            Watched::Named(watch) => watch.interval,
            Watched::Found(seek) => seek.interval,
        }
    }

    /// What routes go by.
    pub(super) fn routed_by(&self) -> (Priority, &[String]) {
        match &self.watched {
            Watched::Named(watch) => (watch.priority, &watch.tags),
            Watched::Found(seek) => (seek.priority, &seek.tags),
        }
    }

    /// What it asks for, as far as the file tells.
    pub(super) fn requests_per_second(&self) -> f64 {
        match &self.watched {
            Watched::Named(watch) => watch.interval.as_secs_f64().recip(),
            Watched::Found(seek) => {
                let questions = match &seek.sought {
                    Sought::Address { streams, .. } => streams.len(),
                    Sought::Identity(_) | Sought::Channel { .. } => 1,
                };
                f64::from(u32::try_from(questions).unwrap_or(u32::MAX)) / seek.discovery.as_secs_f64()
            }
        }
    }
}

/// Reads all watches, in order of the files; no name, no conversation and nobody who is looked for may come twice.
pub(super) fn read_all(
    cx: Context<'_>,
    root: &Table,
    accounts: &BTreeMap<String, Named<Account>>,
    paces: Paces,
) -> Vec<Placed> {
    let (mut names, mut conversations, mut sought) = (Once::new(), Once::new(), Once::new());
    let mut watches = Vec::new();
    for value in listed(cx, root, "watch") {
        let title = title("watch", value);
        let Some(section) = Section::open(cx, value, &title, KEYS).map(Section::whole) else { continue };
        let name = section.parse("name", name::check);
        if let Some(name) = name {
            let message = || format!("two watches are called `{name}`");
            names.see(cx, name, section.place("name"), message, "give one of them another name");
        }
        let target = target(&section, &title, accounts);
        let hint = "delete one of them";
        match &target {
            Some(Target::Conversation(ConversationId { account, object }, _)) => {
                let message =
                    || format!("two watches of one conversation: object {object} of account `{account}`");
                conversations.see(cx, (account.clone(), *object), section.place("object"), message, hint);
            }
            Some(Target::Sought(account, what)) => {
                let at =
                    section.place(if section.get("customer").is_some() { "customer" } else { "channel" });
                let message = || format!("two watches of one thing: {} of account `{account}`", what.key());
                sought.see(cx, (account.clone(), what.key()), at, message, hint);
            }
            None => {}
        }
        if let Some(watched) = read(&section, &title, name, target, paces) {
            watches.push(Placed { at: section.at, watched });
        }
    }
    watches
}

fn read(
    section: &Section<'_>,
    title: &str,
    name: Option<&str>,
    target: Option<Target>,
    paces: Paces,
) -> Option<Watched> {
    section.need(
        "name",
        title,
        "write a name such as name = \"acme-cfo\"; it stands in metrics and log lines",
    );
    let priority = section.word("priority", &PRIORITIES).unwrap_or_default();
    let tags = section.texts("tags").unwrap_or_default();
    let tags = tags.into_iter().map(|(_, tag)| tag.to_owned()).collect();
    let given_title = section.text("title").map(|(_, text)| text.to_owned());
    let interval = section.duration("interval", polling::INTERVAL_BOUNDS).unwrap_or(paces.interval);
    let baseline = baseline::read(section, Baseline::Silent);
    let discovery = section.duration("discovery", seek::DISCOVERY_BOUNDS).unwrap_or(paces.discovery);
    let keep_for = section.duration("keep_for", seek::KEEP_FOR_BOUNDS).unwrap_or(seek::KEEP_FOR);
    let name = name?.to_owned();
    let title = given_title.unwrap_or_else(|| name.clone());
    Some(match target? {
        Target::Conversation(conversation, stream) => {
            Watched::Named(Watch { name, title, priority, tags, conversation, stream, interval, baseline })
        }
        Target::Sought(account, sought) => Watched::Found(Seek {
            name,
            title,
            priority,
            tags,
            account,
            sought,
            interval,
            discovery,
            keep_for,
            baseline,
        }),
    })
}

/// What a watch is about: exactly one thing.
enum Target {
    /// A conversation and its address.
    Conversation(ConversationId, Stream),
    /// Whoever is looked for, in an account.
    Sought(String, Sought),
}

fn target(section: &Section<'_>, title: &str, accounts: &BTreeMap<String, Named<Account>>) -> Option<Target> {
    let given = |keys: &[&'static str]| keys.iter().copied().find(|key| section.get(key).is_some());
    let account = account::referred(section, title, accounts);
    let Some(seeks) = given(&["customer", "channel"]) else {
        section.need("stream", title, TARGET_HINT);
        section.need("object", title, TARGET_HINT);
        for key in OF_SEEKS.into_iter().filter(|key| section.get(key).is_some()) {
            let message = format!("`{key}` means nothing in a watch of one conversation");
            section.error(section.place(key), message, "delete the key, or name a `customer` or a `channel`");
        }
        let stream = stream_of(section);
        let object = object_of(section);
        return Some(Target::Conversation(ConversationId { account: account?, object: object? }, stream?));
    };
    let other = given(&["stream", "object"]).or_else(|| given(&["channel"]).filter(|_| seeks == "customer"));
    if let Some(other) = other {
        let message = format!("`{other}` does not go together with `{seeks}` in {title}");
        section.error(section.place(other), message, TARGETS_HINT);
    }
    let of_account = account.as_ref().and_then(|name| accounts.get(name)?.item.as_ref());
    let streams = of_account.map_or(&[][..], |account| &account.streams);
    // An account that cannot be read has been told of; whether it has channels is not known then.
    let sought = match (&account, of_account) {
        (Some(_), Some(_)) => seek::sought(section, title, streams),
        _ => None,
    };
    Some(Target::Sought(account?, sought?)).filter(|_| other.is_none())
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
