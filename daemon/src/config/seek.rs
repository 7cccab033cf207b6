//! `customer` and `channel` of a `[[watch]]`: whose conversations are found rather than named.

use std::ops::RangeInclusive;
use std::time::Duration;

use super::section::{Bad, Key, Section, key};
use super::spanned::{Entry, Kind, Value};
use super::stream;
use super::suggest::{did_you_mean, list};
use crate::core::event::{STATUSES, status_name};
use crate::core::seek::{Address, Sought};
use crate::core::watch::Stream;

/// Keys of `customer = { ... }`.
pub(super) const CUSTOMER_KEYS: &[Key] = &[key("phone"), key("email")];
/// Keys of `channel = { ... }`.
pub(super) const CHANNEL_KEYS: &[Key] = &[key("stream"), key("status")];

/// Often enough to hear of a new conversation in time, and seldom enough to leave the budget to those that are known.
pub(super) const DISCOVERY: Duration = Duration::from_secs(60);
pub(super) const DISCOVERY_BOUNDS: RangeInclusive<Duration> =
    Duration::from_secs(1)..=Duration::from_secs(86_400);
/// What comes right after the end is seen at once; what comes later is found by looking for it.
pub(super) const KEEP_FOR: Duration = Duration::from_secs(3_600);
/// At least as long as a copy that lags behind is reckoned with.
pub(super) const KEEP_FOR_BOUNDS: RangeInclusive<Duration> =
    Duration::from_secs(900)..=Duration::from_secs(30 * 86_400);

/// The statuses of a channel that are watched unless the operator says which: those in which people have to do something
/// (commbox-api §8.1).
const STATUSES_USUAL: [i64; 6] = [1, 3, 6, 8, 10, 15];
/// Channels that one customer may be looked for in.
const STREAMS_MAX: usize = 20;

const CUSTOMER_HINT: &str = "write customer = 531826, the customer's identity; or { phone = \"+972...\" } or { email = \"...\" }; \
     `commwatch find` tells which";
const CHANNEL_HINT: &str =
    "write channel = { stream = 532 }, or channel = { stream = 532, status = [\"open\", \"pending\"] }";
pub(super) const STREAMS_HINT: &str = "an address is looked for channel by channel: write streams = [532, 41210] here, or in [accounts.NAME] for all its watches";

/// Who or what is looked for. `streams` are those of the account, for a watch that names none.
pub(super) fn sought(section: &Section<'_>, title: &str, streams: &[Stream]) -> Option<Sought> {
    match (section.get("customer"), section.get("channel")) {
        (Some(entry), _) => customer(section, title, entry, streams),
        (None, Some(entry)) => channel(section, title, entry),
        (None, None) => None,
    }
}

fn customer(section: &Section<'_>, title: &str, entry: &Entry, streams: &[Stream]) -> Option<Sought> {
    let own = self::streams(section);
    match &entry.value.kind {
        Kind::Integer(identity) if *identity > 0 => {
            if own.is_some() {
                let message = "`streams` means nothing here: an identity is looked for on every channel";
                section.error(section.place("streams"), message, "delete the key");
            }
            Some(Sought::Identity(*identity))
        }
        Kind::Integer(number) => {
            let message = format!("`customer` is {number}; identities have numbers above 0");
            section.error(entry.value.at, message, CUSTOMER_HINT);
            None
        }
        Kind::Table(_) => {
            let address = address(section, title, &entry.value)?;
            let streams = own.unwrap_or_else(|| streams.to_vec());
            if streams.is_empty() {
                section.lacking(
                    section.place("streams"),
                    format!("nothing says on which channels the customer of {title} is looked for"),
                    STREAMS_HINT,
                );
                return None;
            }
            Some(Sought::Address { address, streams })
        }
        _ => {
            section.error(
                entry.value.at,
                format!(
                    "`customer` must be a number without quotes or a table, not {}",
                    entry.value.kind_name()
                ),
                CUSTOMER_HINT,
            );
            None
        }
    }
}

fn address(section: &Section<'_>, title: &str, value: &Value) -> Option<Address> {
    let table = Section::open(section.cx, value, &format!("`customer` of {title}"), CUSTOMER_KEYS)?;
    match (table.get("phone").is_some(), table.get("email").is_some()) {
        (true, false) => table.parse("phone", phone),
        (false, true) => table.parse("email", email),
        (true, true) => {
            let hint = "write two watches; give both the same tags";
            section.error(value.at, "a customer is looked for by phone or by mail, not by both", hint);
            None
        }
        (false, false) => {
            section.error(value.at, "`customer` does not say who", CUSTOMER_HINT);
            None
        }
    }
}

fn phone(text: &str) -> Result<Address, Bad> {
    let bad = || {
        Bad::new(
            format!("`{text}` is no phone number with its country's code"),
            "phone numbers are written \"+972501234567\"",
        )
    };
    Address::phone(text).ok_or_else(bad)
}

fn email(text: &str) -> Result<Address, Bad> {
    let bad = || {
        Bad::new(format!("`{text}` is no mail address"), "mail addresses are written \"dana@example.com\"")
    };
    Address::email(text).ok_or_else(bad)
}

fn channel(section: &Section<'_>, title: &str, entry: &Entry) -> Option<Sought> {
    let title = format!("`channel` of {title}");
    if section.get("streams").is_some() {
        let message = "`streams` means nothing beside `channel`, which has a `stream` of its own";
        section.error(section.place("streams"), message, "delete the key; write a watch for each channel");
    }
    let table = Section::open(section.cx, &entry.value, &title, CHANNEL_KEYS)?.whole();
    table.need("stream", &title, CHANNEL_HINT);
    let stream = table.get("stream").and_then(|entry| one_stream(section, "stream", &entry.value));
    let statuses = match table.values("status", "a list of statuses") {
        Some([]) => {
            section.error(
                table.place("status"),
                "`status` is empty: nothing would ever be watched",
                CHANNEL_HINT,
            );
            return None;
        }
        Some(values) => {
            let all: Vec<Option<i64>> = values.iter().map(|value| status(section, value)).collect();
            all.into_iter().collect::<Option<Vec<i64>>>()?
        }
        None => STATUSES_USUAL.to_vec(),
    };
    let mut statuses = statuses;
    statuses.sort_unstable();
    statuses.dedup();
    Some(Sought::Channel { stream: stream?, statuses })
}

fn status(section: &Section<'_>, value: &Value) -> Option<i64> {
    const HINT: &str =
        "a status is one of CommBox's words, such as \"open\" or \"in process\", or its number";
    match &value.kind {
        Kind::Integer(number) if *number > 0 => Some(*number),
        Kind::Text(text) => {
            let word = text.trim().to_lowercase().replace('_', " ");
            let found = STATUSES.into_iter().find(|id| status_name(*id) == Some(word.as_str()));
            if found.is_none() {
                let words = || STATUSES.into_iter().filter_map(status_name);
                let hint = format!("statuses are {}{}", list(words()), did_you_mean(&word, words()));
                section.error(value.at, format!("unknown status `{text}`"), hint);
            }
            found
        }
        Kind::Unusable => None,
        _ => {
            section.error(value.at, format!("`status` holds {} that is no status", value.kind_name()), HINT);
            None
        }
    }
}

/// The channels of `streams`, if the key is there.
pub(super) fn streams(section: &Section<'_>) -> Option<Vec<Stream>> {
    let values = section.values("streams", "a list of channels")?;
    if values.len() > STREAMS_MAX {
        let message = format!("`streams` names {} channels", values.len());
        section.error(section.place("streams"), message, format!("there may be {STREAMS_MAX} of them"));
    }
    let mut streams: Vec<Stream> = Vec::new();
    for stream in values.iter().filter_map(|value| one_stream(section, "streams", value)) {
        if !streams.contains(&stream) {
            streams.push(stream);
        }
    }
    Some(streams)
}

fn one_stream(section: &Section<'_>, key: &str, value: &Value) -> Option<Stream> {
    match &value.kind {
        Kind::Integer(number) if *number > 0 => Some(Stream::Number(*number)),
        Kind::Text(text) => section.parsed(value.at, stream::parse(text)),
        Kind::Unusable => None,
        _ => {
            let message = format!("`{key}` holds {} where a channel is needed", value.kind_name());
            section.error(value.at, message, "a channel is a number above 0 or the encrypted id in quotes");
            None
        }
    }
}
