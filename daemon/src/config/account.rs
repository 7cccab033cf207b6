//! `[accounts.NAME]`: a `CommBox` tenant and its key.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::time::Duration;

use super::collection::{Named, read_named};
use super::findings::Note;
use super::section::{Context, Key, Section, key};
use super::spanned::{Entry, Kind, Table, Value};
use super::suggest::{did_you_mean, list, nearest};
use super::{Account, Rate, address, reference, seek};
use crate::core::message::Bot;

pub(super) const KEYS: &[Key] = &[
    key("base_url"),
    key("token"),
    key("rate"),
    key("burst"),
    key("max_in_flight"),
    key("timeout"),
    key("console_url"),
    key("bots"),
    key("streams"),
    key("proxy"),
    key("ca_file"),
];

pub(super) const RATE: Rate = Rate { count: 1, per: Duration::from_secs(1) };
pub(super) const BURST: u32 = 5;
pub(super) const MAX_IN_FLIGHT: u32 = 4;
pub(super) const TIMEOUT: Duration = Duration::from_secs(10);

/// More would not be politeness any more.
const BURST_BOUNDS: RangeInclusive<u32> = 1..=1_000;
const MAX_IN_FLIGHT_BOUNDS: RangeInclusive<u32> = 1..=256;
const TIMEOUT_BOUNDS: RangeInclusive<Duration> = Duration::from_millis(100)..=Duration::from_secs(300);

/// The accounts that the file declares.
pub(super) type Accounts = BTreeMap<String, Named<Account>>;

/// Reads all accounts. At least one is needed.
pub(super) fn read_all(cx: Context<'_>, root: &Table) -> Accounts {
    let accounts = read_named(cx, root, "accounts", |_, title, value| read(cx, title, value));
    // A misspelt section has been told of already.
    let meant = |entry: &Entry| nearest(&entry.key, ["accounts"]).is_some();
    let declared = match root.get("accounts").map(|entry| &entry.value.kind) {
        Some(Kind::Table(table)) => !table.0.is_empty(),
        Some(_) => true,
        None => root.0.iter().any(meant),
    };
    if !declared {
        let hint = "add [accounts.main] with `base_url` and `token`";
        cx.findings.lacking(Note::error(cx.findings.top(), "there is no account").hint(hint));
    }
    accounts
}

fn read(cx: Context<'_>, title: &str, value: &Value) -> Option<Account> {
    let section = Section::open(cx, value, title, KEYS)?;
    section.need(
        "base_url",
        title,
        "write base_url = \"https://api.commbox.io\", or your own host's address",
    );
    section.need(
        "token",
        title,
        "write token = { credential = \"commbox-token\" }, or { file = ... } or { env = ... }",
    );
    let base_url = section.parse("base_url", address::base_url);
    let token = section.get("token").and_then(|entry| reference::read(cx, "token", &entry.value));
    let rate = section.rate("rate").unwrap_or(RATE);
    let burst = section.count("burst", BURST_BOUNDS).unwrap_or(BURST);
    let max_in_flight = section.count("max_in_flight", MAX_IN_FLIGHT_BOUNDS).unwrap_or(MAX_IN_FLIGHT);
    let timeout = section.duration("timeout", TIMEOUT_BOUNDS).unwrap_or(TIMEOUT);
    let console_url = section.parse("console_url", address::console_url);
    let bots = bots(&section);
    let streams = seek::streams(&section).unwrap_or_default();
    let proxy = section.parse("proxy", address::proxy);
    let ca_file = section.path("ca_file");
    if let Some(path) = ca_file.as_deref().filter(|path| matches!(path.try_exists(), Ok(false))) {
        let message = format!("there is no file `{}`", path.display());
        section.error(
            section.place("ca_file"),
            message,
            "`ca_file` is a PEM file; a relative path starts at this file's folder",
        );
    }
    Some(Account {
        base_url: base_url?,
        token: token?,
        rate,
        burst,
        max_in_flight,
        timeout,
        console_url,
        bots,
        streams,
        proxy,
        ca_file,
    })
}

/// A number, or text of digits, is an id; other text is a name.
fn bots(section: &Section<'_>) -> Vec<Bot> {
    let values = section.values("bots", "a list of ids and names").unwrap_or_default();
    let bot = |value: &Value| match &value.kind {
        Kind::Integer(id) if *id > 0 => Some(Bot::Id(id.to_string())),
        Kind::Text(text) if text.trim().is_empty() => None,
        Kind::Text(text) if text.bytes().all(|byte| byte.is_ascii_digit()) => Some(Bot::Id(text.clone())),
        Kind::Text(text) => Some(Bot::Name(text.clone())),
        _ => None,
    };
    let bot_or_mistake = |value: &Value| {
        let bot = bot(value);
        if bot.is_none() {
            section.error(
                value.at,
                "`bots` holds something that is neither an id nor a name",
                "such as bots = [\"Bot\", 990011]",
            );
        }
        bot
    };
    values.iter().filter_map(bot_or_mistake).collect()
}

/// The account that a watch names, or the only one.
pub(super) fn referred<T>(
    section: &Section<'_>,
    title: &str,
    accounts: &BTreeMap<String, Named<T>>,
) -> Option<String> {
    let names = || accounts.keys().map(String::as_str);
    if section.get("account").is_none() {
        if accounts.len() > 1 {
            let hint = format!("accounts in this file are {}", list(names()));
            section.need("account", title, &hint);
        }
        return accounts.keys().next().filter(|_| accounts.len() == 1).cloned();
    }
    let (at, name) = section.text("account")?;
    if accounts.contains_key(name) {
        return Some(name.to_owned());
    }
    let hint = format!("accounts in this file are {}{}", list(names()), did_you_mean(name, names()));
    section.lacking(at, format!("unknown account `{name}` in {title}"), hint);
    None
}
