//! What an operator gets who writes the least.

use std::path::Path;
use std::time::Duration;

use super::{GOOD, Shelf, World};
use crate::config::load::{Surroundings, load_in};
use crate::config::{Content, LogFormat, Rate, Trust};
use crate::core::message::{AuthorKind, Bot};
use crate::core::seek::Sought;
use crate::core::waiting::Threshold;
use crate::core::watch::{Priority, Stream};

#[test]
fn what_is_left_out_has_the_documented_default() {
    let world = World::new(&format!(
        "{GOOD}[[watch]]\nname = 'w'\nstream = 532\nobject = 1\n[[route]]\nnotify = ['log', 'log']\n"
    ));
    let config = world.config();
    let account = &config.accounts["main"];
    assert_eq!(account.rate, Rate { count: 1, per: Duration::from_secs(1) });
    assert_eq!((account.burst, account.max_in_flight, account.timeout), (5, 4, Duration::from_secs(10)));
    let watch = &config.watches[0];
    assert_eq!(
        (watch.title.as_str(), watch.priority, watch.interval),
        ("w", Priority::Normal, Duration::from_secs(30))
    );
    assert_eq!((watch.conversation.account.as_str(), &watch.stream), ("main", &Stream::Number(532)));
    let route = &config.routes[0];
    assert_eq!(route.name, "route-1");
    assert_eq!(route.events, ["message.created"]);
    assert_eq!(route.from, [AuthorKind::Customer, AuthorKind::Unknown]);
    assert_eq!(route.notify, ["log"]);
    assert_eq!(
        config.plugins.path,
        [Path::new("/usr/local/lib/commwatch/plugins"), Path::new("/usr/lib/commwatch/plugins")]
    );
    assert_eq!(config.plugins.trust, Trust::Strict);
    assert_eq!(config.store.path, Path::new("/var/lib/commwatch/commwatch.db"));
    assert_eq!(config.store.retention, Duration::from_secs(30 * 86_400));
    assert_eq!(config.store.text_retention, Duration::from_secs(7 * 86_400));
    assert_eq!(config.http.listen.to_string(), "127.0.0.1:9479");
    assert!(config.http.token.is_none() && !config.http.show_text && config.http.allowed_hosts.is_empty());
    assert_eq!(config.admin.socket, Path::new("/var/lib/commwatch/admin.sock"));
    assert!(config.reload.on_change);
    assert_eq!(config.reload.settle, Duration::from_secs(2));
    assert_eq!((config.log.level.as_str(), config.log.format), ("info", LogFormat::Auto));
}

#[test]
fn some_defaults_depend_on_the_plugin() {
    let world = World::new(&format!(
        "{GOOD}[notifiers.slack]\nplugin = 'slack'\nconfig.webhook_url = {{ env = 'S' }}\n\
         [notifiers.hook]\nplugin = 'webhook'\nconfig.url = 'https://x.example'\n"
    ));
    let notifiers = world.config().notifiers;
    let of = |name: &str| {
        let notifier = &notifiers[name];
        assert_eq!((notifier.content, notifier.timeout), (Content::Snippet, Duration::from_secs(15)));
        assert_eq!(notifier.voice.zone, jiff::tz::TimeZone::UTC);
        (notifier.rate.per_second(), notifier.retry_for.as_secs() / 3600)
    };
    assert_eq!(of("log"), (10.0, 6));
    assert_eq!(of("slack"), (1.0, 6));
    assert_eq!(of("hook"), (10.0, 72));
}

#[test]
fn under_systemd_its_folders_are_used() {
    let world = World::new(GOOD);
    let surroundings = Surroundings {
        state_directory: Some("/var/lib/private/cw".into()),
        runtime_directory: Some("/run/cw".into()),
    };
    let config = load_in(&world.folder.path().join("config.toml"), &Shelf, &surroundings).unwrap().config;
    assert_eq!(config.store.path, Path::new("/var/lib/private/cw/commwatch.db"));
    assert_eq!(config.admin.socket, Path::new("/run/cw/admin.sock"));
}

#[test]
fn a_value_that_is_given_is_taken() {
    let world = World::new(
        r#"
[accounts.eu]
base_url = "http://127.0.0.1:8080/"
token = { env = "T" }
rate = "100/m"
bots = ["Bot", 990011, "77"]
proxy = "http://proxy.example:3128"
[polling]
interval = "1m30s"
[[watch]]
name = "w"
title = "דנה לוי"
priority = "vip"
tags = ["acme"]
stream = "aB3_fXyZ0123456789abcd%3d%3d"
object = 9223372036854775807
[[watch]]
name = "x"
stream = 1
object = 2
interval = "10s"
[http]
listen = "[::]:0"
allowed_hosts = ["Watch.Example"]
show_text = true
[notifiers.log]
plugin = "log"
timezone = "Asia/Jerusalem"
[hours.desk]
timezone = "Asia/Jerusalem"
open = ["sun-thu 09:00-18:00"]
[[route]]
unanswered_for = ["1d", "whatsapp-window", "10m"]
hours = "desk"
notify = ["log"]
[log]
level = "commwatch=debug,info"
format = "journald"
"#,
    );
    let config = world.config();
    let account = &config.accounts["eu"];
    assert_eq!(account.base_url.as_str(), "http://127.0.0.1:8080/");
    assert_eq!(account.rate, Rate { count: 100, per: Duration::from_secs(60) });
    assert_eq!(account.bots, [Bot::Name("Bot".into()), Bot::Id("990011".into()), Bot::Id("77".into())]);
    assert_eq!(config.watches[0].stream, Stream::Encrypted("aB3_fXyZ0123456789abcd==".into()));
    assert_eq!(config.watches[0].interval, Duration::from_secs(90));
    assert_eq!(config.watches[0].conversation.object, i64::MAX);
    assert_eq!(config.watches[1].interval, Duration::from_secs(10));
    assert_eq!(config.http.listen.port(), 0);
    assert_eq!(config.http.allowed_hosts, ["watch.example"]);
    assert_eq!(config.log.level, "commwatch=debug,info");
    let in_hours = |seconds| Threshold { hours: Some("desk".into()), ..Threshold::after(seconds) };
    let expected = [in_hours(600), Threshold::whatsapp_window(), in_hours(86_400)];
    assert_eq!(config.routes[0].unanswered_for, expected);
    assert_eq!(config.notifiers["log"].voice.zone.iana_name(), Some("Asia/Jerusalem"));
}

#[test]
fn a_customer_is_looked_for_on_the_accounts_channels_once_a_minute_and_kept_for_an_hour() {
    let world =
        World::new(&GOOD.replace("[accounts.main]", "[accounts.main]\nstreams = [532, \"ab_fcd==\"]"));
    world.write(
        "conf.d/customers.toml",
        "watch = [\n{ name = 'a', customer = 531826, discovery = '5s', tags = ['x'] },\n\
         { name = 'b', customer = { phone = '+972500123456' }, keep_for = '2h' },\n\
         { name = 'c', customer = { email = 'dana@example.com' }, streams = [7] },\n\
         { name = 'd', channel = { stream = 532 } } ]\n",
    );
    let config = world.config();
    let told: Vec<String> = config
        .seeks
        .iter()
        .map(|seek| {
            let (key, discovery, keep_for) =
                (seek.sought.key(), seek.discovery.as_secs(), seek.keep_for.as_secs());
            format!("{} {key} {discovery} {keep_for}", seek.name)
        })
        .collect();
    assert_eq!(
        told,
        [
            "a identity 531826 5 3600",
            "b phone 972500123456 60 7200",
            "c email dana@example.com 60 3600",
            "d channel 532 1,3,6,8,10,15 60 3600",
        ]
    );
    let streams = |n: usize| match &config.seeks[n].sought {
        Sought::Address { streams, .. } => streams.clone(),
        other => panic!("{other:?}"),
    };
    assert_eq!(streams(1), [Stream::Number(532), Stream::Encrypted("ab_fcd==".into())]);
    assert_eq!(streams(2), [Stream::Number(7)]);
}
