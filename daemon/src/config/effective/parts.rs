//! Each section of the file, key by key, in the order of the manual. A key that has no value says nothing.

use std::time::Duration;

use toml::{Table, Value};

use super::super::duration::shown;
use super::super::notifier::{CONTENTS, ORDERS, RETRIES};
use super::super::pacing::PASSES;
use super::super::section::word_for;
use super::super::{Account, Config, Notifier, Origins, log, plugins, pointer, rate, route};
use super::Part;
use super::veil;
use crate::core::event::status_name;
use crate::core::hours::{Hours, Span};
use crate::core::message::Bot;
use crate::core::pacing::{Pacing, Quiet};
use crate::core::route::Route;
use crate::core::seek::{Address, Seek, Sought};
use crate::core::watch::{Baseline, Since, Stream, Watch};

/// Monday first.
const DAYS: [&str; 7] = super::super::hours::DAYS;

pub(super) fn of(config: &Config) -> Vec<Part> {
    let origins = &config.origins;
    let mut parts = Vec::new();
    parts.extend(config.accounts.iter().map(|(name, account)| of_account(origins, name, account)));
    parts.extend(config.watches.iter().map(|watch| of_watch(origins, watch)));
    parts.extend(config.seeks.iter().map(|seek| of_seek(origins, seek)));
    for (name, notifier) in &config.notifiers {
        parts.extend(of_notifier(origins, name, notifier));
    }
    parts.extend(config.routes.iter().enumerate().map(|(index, route)| of_route(origins, index, route)));
    parts.extend(config.hours.iter().map(|(name, hours)| of_hours(origins, name, hours)));
    parts.extend(of_the_rest(config));
    parts
}

fn of_account(origins: &Origins, name: &str, account: &Account) -> Part {
    let mut part = Part::table(&["accounts", name]);
    part.put(origins, "base_url", veil::text(account.base_url.as_str()));
    part.set(origins, "token", veil::reference(&account.token));
    part.set(origins, "rate", rate::shown(account.rate.count, account.rate.per));
    part.set(origins, "burst", account.burst);
    part.set(origins, "max_in_flight", account.max_in_flight);
    part.set(origins, "timeout", shown(account.timeout));
    if let Some(url) = &account.console_url {
        part.put(origins, "console_url", veil::text(url));
    }
    let bot = |bot: &Bot| match bot {
        Bot::Id(text) | Bot::Name(text) => text.clone(),
    };
    part.set(origins, "bots", texts(account.bots.iter().map(bot)));
    part.set(origins, "streams", streams(&account.streams));
    if let Some(proxy) = &account.proxy {
        part.put(origins, "proxy", veil::text(proxy.as_str()));
    }
    part.set_some(origins, "ca_file", account.ca_file.as_ref().map(|path| path.display().to_string()));
    part
}

fn of_watch(origins: &Origins, watch: &Watch) -> Part {
    let mut part = Part::element("watch", &watch.name);
    let Watch { name, title, priority, tags, conversation, stream, interval, baseline } = watch;
    part.set(origins, "name", name.as_str());
    part.set(origins, "title", title.as_str());
    part.set(origins, "priority", priority.as_str());
    part.set(origins, "tags", texts(tags));
    part.set(origins, "account", conversation.account.as_str());
    part.set(origins, "stream", of_stream(stream));
    part.set(origins, "object", conversation.object);
    part.set(origins, "interval", shown(*interval));
    of_baseline(&mut part, origins, *baseline);
    part
}

fn of_seek(origins: &Origins, seek: &Seek) -> Part {
    let mut part = Part::element("watch", &seek.name);
    let Seek { name, title, priority, tags, account, sought, interval, discovery, keep_for, baseline } = seek;
    part.set(origins, "name", name.as_str());
    part.set(origins, "title", title.as_str());
    part.set(origins, "priority", priority.as_str());
    part.set(origins, "tags", texts(tags));
    part.set(origins, "account", account.as_str());
    match sought {
        Sought::Identity(identity) => part.set(origins, "customer", *identity),
        Sought::Address { address, streams: channels } => {
            let (key, text) = match address {
                Address::Phone(digits) => ("phone", format!("+{digits}")),
                Address::Email(text) => ("email", text.clone()),
            };
            part.set(origins, "customer", Table::from_iter([(key.to_owned(), Value::from(text))]));
            part.set(origins, "streams", streams(channels));
        }
        Sought::Channel { stream, statuses } => {
            let status = |id: &i64| status_name(*id).map_or(Value::from(*id), Value::from);
            let statuses: Vec<Value> = statuses.iter().map(status).collect();
            let table = [("stream", of_stream(stream)), ("status", Value::Array(statuses))];
            let table = table.into_iter().map(|(key, value)| (key.to_owned(), value));
            part.set(origins, "channel", Table::from_iter(table));
        }
    }
    part.set(origins, "interval", shown(*interval));
    part.set(origins, "discovery", shown(*discovery));
    part.set(origins, "keep_for", shown(*keep_for));
    of_baseline(&mut part, origins, *baseline);
    part
}

fn of_baseline(part: &mut Part, origins: &Origins, baseline: Baseline) {
    let (word, since) = match baseline {
        // The last is that of a conversation that was found later; no file says it.
        Baseline::Silent | Baseline::Opened => ("silent", None),
        Baseline::Newest => ("newest", None),
        Baseline::Since(Since::At(at)) => ("since", Some(at.to_string())),
        Baseline::Since(Since::Before(age)) => ("since", Some(shown(age))),
    };
    part.set(origins, "baseline", word);
    part.set_some(origins, "since", since);
}

/// The notifier's section and that of its plugin's own configuration.
fn of_notifier(origins: &Origins, name: &str, notifier: &Notifier) -> Vec<Part> {
    let mut part = Part::table(&["notifiers", name]);
    part.set(origins, "plugin", notifier.plugin.as_str());
    part.set(origins, "content", word_for(&CONTENTS, notifier.content));
    part.set(origins, "timezone", notifier.voice.zone.iana_name().unwrap_or("UTC"));
    part.set(origins, "timeout", shown(notifier.timeout));
    part.set(origins, "rate", rate::shown(notifier.rate.count, notifier.rate.per));
    part.set(origins, "retry_for", shown(notifier.retry_for));
    part.set(origins, "retries", word_for(&RETRIES, notifier.retries));
    part.set(origins, "order", word_for(&ORDERS, notifier.order));
    if !notifier.fallback.is_empty() {
        part.set(origins, "fallback", texts(&notifier.fallback));
        part.set(origins, "fallback_after", shown(notifier.fallback_after));
    }
    of_pacing(&mut part, origins, &notifier.pacing);
    let field = |pointer: &String| pointer::unescape(&pointer[1..]);
    part.set(origins, "reveal", texts(notifier.reveal.iter().map(field)));
    if let Err(why) = &notifier.library {
        part.remark = Some(format!("It cannot work, and its own configuration is not known: {why}"));
        return vec![part];
    }
    let mut config = Part::table(&["notifiers", name, "config"]);
    for (key, value) in veil::config(notifier) {
        config.put(origins, &key, value);
    }
    if config.entries.is_empty() { vec![part] } else { vec![part, config] }
}

fn of_pacing(part: &mut Part, origins: &Origins, pacing: &Pacing) {
    match &pacing.group {
        None => part.set(origins, "group", false),
        Some(group) => {
            let max = i64::try_from(group.max).unwrap_or(i64::MAX);
            let keys = [
                ("wait", Value::from(shown(group.wait))),
                ("interval", Value::from(shown(group.interval))),
                ("max", Value::from(max)),
            ];
            part.set(origins, "group", table(keys));
        }
    }
    match pacing.cap {
        None => part.set(origins, "max_per", false),
        Some(cap) => part.set(origins, "max_per", rate::shown(cap.count, cap.per)),
    }
    if let Some(Quiet { name, during, pass, .. }) = &pacing.quiet {
        let when = if *during { "during" } else { "outside" };
        let pass = pass.iter().map(|pass| word_for(&PASSES, *pass).to_owned());
        part.set(origins, "quiet_hours", table([(when, Value::from(name.as_str())), ("pass", texts(pass))]));
    }
}

fn of_route(origins: &Origins, index: usize, route: &Route) -> Part {
    let Route { name, priority, events, from, tags, tags_all, not_tags, unanswered_for, notify } = route;
    // One that has no name is known by its number.
    let is_named = origins.of(&format!("route.{name}.name")).is_some();
    let mut part =
        if is_named { Part::element("route", name) } else { Part::element("route", &index.to_string()) };
    part.set(origins, "name", name.as_str());
    part.set_some(origins, "priority", priority.map(|priority| priority.as_str()));
    if !events.is_empty() {
        part.set(origins, "events", texts(events));
    }
    part.set(origins, "from", texts(from.iter().map(|author| author.as_str().to_owned())));
    part.set(origins, "tags", texts(tags));
    part.set(origins, "tags_all", texts(tags_all));
    part.set(origins, "not_tags", texts(not_tags));
    if !unanswered_for.is_empty() {
        let time = |one: &crate::core::waiting::Threshold| match one.window {
            true => route::WHATSAPP_WINDOW.to_owned(),
            false => shown(Duration::from_secs(one.seconds)),
        };
        part.set(origins, "unanswered_for", texts(unanswered_for.iter().map(time)));
        part.set_some(origins, "hours", unanswered_for.iter().find_map(|one| one.hours.as_deref()));
    }
    part.set(origins, "notify", texts(notify));
    part
}

fn of_hours(origins: &Origins, name: &str, hours: &Hours) -> Part {
    let mut part = Part::table(&["hours", name]);
    part.set(origins, "timezone", hours.zone().iana_name().unwrap_or("UTC"));
    // The days that have the same hours together.
    let mut open: Vec<(String, Vec<&str>)> = Vec::new();
    for (day, spans) in DAYS.iter().zip(hours.week()) {
        for Span { from, until } in spans {
            let until = until.map_or_else(|| "24:00".to_owned(), |until| until.strftime("%H:%M").to_string());
            let times = format!("{}-{until}", from.strftime("%H:%M"));
            match open.iter_mut().find(|(known, _)| *known == times) {
                Some((_, days)) => days.push(day),
                None => open.push((times, vec![day])),
            }
        }
    }
    let open = open.into_iter().map(|(times, days)| format!("{} {times}", days.join(",")));
    part.set(origins, "open", texts(open));
    part.set(origins, "holidays", texts(hours.holidays().iter().map(ToString::to_string)));
    part
}

/// The sections that are there once.
fn of_the_rest(config: &Config) -> Vec<Part> {
    let origins = &config.origins;
    let mut parts = Vec::new();
    let mut section = |name: &str, fill: &dyn Fn(&mut Part)| {
        let mut part = Part::table(&[name]);
        fill(&mut part);
        parts.push(part);
    };
    if !config.operators.is_empty() {
        section("operators", &|part| part.set(origins, "notify", texts(&config.operators)));
    }
    if let Some(heartbeat) = &config.heartbeat {
        section("heartbeat", &|part| {
            part.set(origins, "every", shown(heartbeat.every));
            part.set(origins, "notify", texts(&heartbeat.notify));
        });
    }
    section("plugins", &|part| {
        let folders = config.plugins.path.iter().map(|path| path.display().to_string());
        part.set(origins, "path", texts(folders));
        part.set(origins, "trust", word_for(&plugins::TRUSTS, config.plugins.trust));
        part.set(origins, "pins", config.plugins.pins.display().to_string());
    });
    section("store", &|part| {
        part.set(origins, "path", config.store.path.display().to_string());
        part.set(origins, "retention", shown(config.store.retention));
        part.set(origins, "text_retention", shown(config.store.text_retention));
    });
    section("http", &|part| {
        part.set(origins, "listen", config.http.listen.to_string());
        part.set_some(origins, "token", config.http.token.as_ref().map(veil::reference));
        part.set(origins, "allowed_hosts", texts(&config.http.allowed_hosts));
        part.set(origins, "show_text", config.http.show_text);
    });
    section("admin", &|part| {
        part.set(origins, "socket", config.admin.socket.display().to_string());
        if let Some(group) = &config.admin.write_group {
            part.set(origins, "write_group", group.clone());
        }
    });
    section("reload", &|part| {
        part.set(origins, "on_change", config.reload.on_change);
        part.set(origins, "settle", shown(config.reload.settle));
    });
    section("log", &|part| {
        part.set(origins, "level", config.log.level.as_str());
        part.set(origins, "format", word_for(&log::FORMATS, config.log.format));
    });
    parts
}

fn texts(texts: impl IntoIterator<Item = impl Into<String>>) -> Value {
    Value::Array(texts.into_iter().map(|text| Value::String(text.into())).collect())
}

fn streams(streams: &[Stream]) -> Value {
    Value::Array(streams.iter().map(of_stream).collect())
}

fn of_stream(stream: &Stream) -> Value {
    match stream {
        Stream::Number(number) => Value::from(*number),
        Stream::Encrypted(text) => Value::from(text.as_str()),
    }
}

fn table<const N: usize>(keys: [(&str, Value); N]) -> Table {
    keys.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
}
