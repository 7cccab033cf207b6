//! What `commwatch check --online` finds: a line for each thing that must work. Pure: who asks stands above.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::core::event::{channel_name, status_word};
use crate::core::expiry::{self, TAKEN_UP};
use crate::core::listing::Page;
use crate::core::message::Snapshot;
use crate::core::plural::many;
use crate::core::skew::{SKEW_GRAVE, SKEW_WARNED, whole_seconds};

/// How something does.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// It works.
    Ok,
    /// It works, or could not be tried, and somebody should look at it.
    Warn,
    /// It does not work.
    Fail,
}

/// What a line is about.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum About {
    /// An account's key.
    Key,
    /// An account's clock beside ours.
    Clock,
    /// A watch: its conversation, or the list that its conversations are found in.
    Watch,
    /// A notifier.
    Notifier,
}

/// One line.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Line {
    /// How it does.
    pub result: Verdict,
    /// What it is about.
    pub about: About,
    /// The account, watch or notifier.
    pub name: String,
    /// What was found, for people; no secret, no message text.
    pub text: String,
}

/// All of them.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Online {
    /// `command` or `daemon`: who has asked, and so whose keys and whose way to the network they tell of.
    pub asked_by: AskedBy,
    /// Accounts first, then watches, VIPs before others, then notifiers.
    pub lines: Vec<Line>,
}

/// Who has asked.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum AskedBy {
    /// The command itself.
    Command,
    /// The running daemon.
    Daemon,
}

impl Online {
    /// How many lines say this.
    pub fn count(&self, result: Verdict) -> usize {
        self.lines.iter().filter(|line| line.result == result).count()
    }
}

impl Verdict {
    /// The word that stands before a line.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warn => "warn",
            Self::Fail => "fail",
        }
    }
}

impl About {
    /// The word after it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Key => "key",
            Self::Clock => "clock",
            Self::Watch => "watch",
            Self::Notifier => "notifier",
        }
    }
}

impl Line {
    /// One line.
    pub fn new(result: Verdict, about: About, name: &str, text: impl Into<String>) -> Self {
        Self { result, about, name: name.to_owned(), text: text.into() }
    }
}

/// What the answers to an account's questions said of its key.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct KeySeen {
    /// How many answers came to a key that was accepted.
    pub accepted: usize,
    /// Why it was refused, last.
    pub refused: Option<String>,
    /// What kept an answer away, last.
    pub fault: Option<String>,
}

/// What an account's watches say of its key, and when that ends.
pub fn key(account: &str, seen: &KeySeen, expires: Option<Timestamp>, now: Timestamp) -> Line {
    let line = |result, text: String| Line::new(result, About::Key, account, text);
    let end = expires.map(|expires| (expiry::said(expires, now), expiry::stage(expires, now) > 0));
    let ending = end.as_ref().map_or(String::new(), |(said, _)| format!("; it {said}"));
    match (seen.accepted, &seen.refused, &seen.fault) {
        (0, Some(why), _) => line(
            Verdict::Fail,
            format!(
                "CommBox refuses it: {why}{ending}; put a valid one where `token` points, and {TAKEN_UP}"
            ),
        ),
        (0, None, Some(why)) => line(Verdict::Fail, format!("no answer of CommBox: {why}{ending}")),
        (0, None, None) => {
            line(Verdict::Warn, format!("not tried: no watch of this account was asked for{ending}"))
        }
        (_, Some(why), _) => {
            line(Verdict::Warn, format!("CommBox accepts it, but not for every watch: {why}{ending}"))
        }
        _ => match end {
            Some((said, true)) => line(
                Verdict::Warn,
                format!("CommBox accepts it; it {said}: have a new one made, and {TAKEN_UP}"),
            ),
            Some((said, false)) => line(Verdict::Ok, format!("CommBox accepts it; it {said}")),
            None => line(Verdict::Ok, "CommBox accepts it; it does not say when it expires".to_owned()),
        },
    }
}

/// How an account's clock stands to ours.
pub fn clock(account: &str, skew: Option<SignedDuration>) -> Line {
    let line = |result, text: String| Line::new(result, About::Clock, account, text);
    let Some(skew) = skew else {
        return line(Verdict::Warn, "not known: no answer of CommBox said what time it is".to_owned());
    };
    let seconds = whole_seconds(skew).unsigned_abs();
    let how = if skew.is_negative() { "ahead of" } else { "behind" };
    match skew.abs() {
        apart if apart > SKEW_GRAVE => {
            line(Verdict::Fail, format!("this machine's clock is {seconds} s {how} CommBox's: check NTP"))
        }
        apart if apart > SKEW_WARNED => {
            line(Verdict::Warn, format!("this machine's clock is {seconds} s {how} CommBox's: check NTP"))
        }
        _ if seconds == 0 => line(Verdict::Ok, "within a second of CommBox's".to_owned()),
        _ => line(Verdict::Ok, format!("{seconds} s {how} CommBox's")),
    }
}

/// A conversation that was read. `now` is by `CommBox`'s clock, as far as it is known.
pub fn conversation(watch: &str, title: &str, snapshot: &Snapshot, now: Timestamp) -> Line {
    let mut about: Vec<String> = Vec::new();
    about.extend(snapshot.customer_name.clone());
    about.extend(snapshot.status_id.map(status_word));
    about.extend(snapshot.channel.map(channel));
    let newest = snapshot.messages.iter().filter_map(|message| message.created).max();
    let messages = snapshot.messages.len();
    let said = match (messages, newest) {
        (0, _) => "no messages".to_owned(),
        (1, Some(at)) => format!("1 message, {}", when(at, now)),
        (_, Some(at)) => format!("{messages} messages, the newest {}", when(at, now)),
        (_, None) => {
            many(messages, "message, whose time cannot be read", "messages, whose times cannot be read")
        }
    };
    about.push(said);
    let about = about.join(", ");
    match snapshot.unparsed.len() {
        0 => Line::new(Verdict::Ok, About::Watch, watch, format!("{title}: {about}")),
        unread => {
            let text = format!("{title}: {about}; {} could not be read", many(unread, "message", "messages"));
            Line::new(Verdict::Warn, About::Watch, watch, text)
        }
    }
}

/// The first page of a list of which a watch's conversations are taken. `rest` says what was not asked for.
pub fn listed(watch: &str, title: &str, page: &Page, rest: Option<&str>, now: Timestamp) -> Line {
    let newest = page.conversations.iter().filter_map(|one| one.updated.max(one.created)).max();
    let said = match (page.conversations.len(), newest) {
        (0, _) => "its list can be read, and holds no conversation so far".to_owned(),
        (1, Some(at)) => format!("its list can be read: 1 conversation, changed {}", when(at, now)),
        (count, Some(at)) => {
            format!("its list can be read: {count} conversations, the newest changed {}", when(at, now))
        }
        (count, None) => {
            format!("its list can be read: {}", many(count, "conversation", "conversations"))
        }
    };
    let rest = rest.map_or(String::new(), |rest| format!("; {rest}"));
    match page.unread {
        0 => Line::new(Verdict::Ok, About::Watch, watch, format!("{title}: {said}{rest}")),
        unread => {
            let text = format!("{title}: {said}; {unread} of the list could not be read{rest}");
            Line::new(Verdict::Warn, About::Watch, watch, text)
        }
    }
}

/// What is known of a notifier's receiver, when nothing is sent to it.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct ReceiverKnown {
    /// Why it refuses what it is sent, while it does.
    pub broken: Option<String>,
    /// When it last accepted something.
    pub accepted: Option<Timestamp>,
    /// What the last attempt that failed said.
    pub failed: Option<String>,
}

/// How a notifier does: whether its plugin starts, and what the running daemon knows of its receiver. Nothing is sent.
pub fn notifier(
    name: &str,
    started: Result<&str, String>,
    receiver: Option<&ReceiverKnown>,
    now: Timestamp,
) -> Line {
    let line = |result, text: String| Line::new(result, About::Notifier, name, text);
    let plugin = match started {
        Ok(plugin) => plugin,
        Err(why) => return line(Verdict::Fail, format!("its plugin does not start: {why}")),
    };
    let begins = format!("its plugin starts ({plugin})");
    let try_it = format!("`commwatch test-notification {name}` sends one");
    let Some(receiver) = receiver else {
        let text = format!("{begins}; whether its receiver accepts was not tried: {try_it}");
        return line(Verdict::Ok, text);
    };
    let accepted = receiver.accepted.map(|at| when(at, now));
    match (&receiver.broken, accepted, &receiver.failed) {
        (Some(why), ..) => line(Verdict::Fail, format!("{begins}; its receiver refuses: {why}")),
        (None, accepted, Some(why)) => {
            let before = accepted.map_or(String::new(), |at| format!("; it last accepted something {at}"));
            line(Verdict::Warn, format!("{begins}; the last attempt failed: {why}{before}"))
        }
        (None, Some(at), None) => {
            line(Verdict::Ok, format!("{begins}; its receiver last accepted something {at}"))
        }
        (None, None, None) => {
            let text = format!("{begins}; nothing was delivered since the daemon started: {try_it}");
            line(Verdict::Ok, text)
        }
    }
}

/// Watches and notifiers of a file that the running daemon does not have.
pub fn unknown_to_the_daemon(lines: &[Line], watches: &[&str], notifiers: &[&str]) -> Vec<Line> {
    let mut known: BTreeMap<About, Vec<&str>> = BTreeMap::new();
    for line in lines {
        known.entry(line.about).or_default().push(&line.name);
    }
    let missing = |about: About, names: &[&str]| {
        let known = known.get(&about).cloned().unwrap_or_default();
        let text = "the running daemon does not have it: `commwatch reload` takes the files as they are now";
        let missing = names.iter().filter(|name| !known.contains(*name));
        missing.map(|name| Line::new(Verdict::Warn, about, name, text)).collect::<Vec<_>>()
    };
    [missing(About::Watch, watches), missing(About::Notifier, notifiers)].concat()
}

fn when(at: Timestamp, now: Timestamp) -> String {
    let seconds = now.duration_since(at).as_secs();
    let ago = match seconds {
        ..0 => return format!("at {}", at.strftime("%Y-%m-%d %H:%M:%SZ")),
        0..120 => format!("{seconds} s"),
        120..7_200 => format!("{} min", seconds / 60),
        7_200..172_800 => format!("{} h", seconds / 3_600),
        _ => format!("{} d", seconds / 86_400),
    };
    format!("{ago} ago ({})", at.strftime("%Y-%m-%d %H:%M:%SZ"))
}

fn channel(id: i64) -> String {
    channel_name(id).map_or_else(|| format!("channel type {id}"), str::to_owned)
}

#[cfg(test)]
mod tests;
