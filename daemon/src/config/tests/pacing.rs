//! What a notifier is told together, how much, and when nothing.

use std::time::Duration;

use insta::assert_snapshot;

use super::{GOOD, World, errors_after_good};
use crate::core::pacing::{Cap, Group, Pacing, Pass};

fn pacing(keys: &str) -> Pacing {
    let hours = "[hours.night]\ntimezone = 'UTC'\nopen = ['mon-sun 22:00-24:00', 'mon-sun 00:00-07:00']\n";
    let world = World::new(&format!("{GOOD}{hours}[notifiers.a]\nplugin = 'log'\n{keys}\n"));
    world.config().notifiers["a"].pacing.clone()
}

#[test]
fn whatever_people_read_as_it_comes_is_paced_and_nothing_else_is() {
    let world = World::new(&format!(
        "{GOOD}[notifiers.slack]\nplugin = 'slack'\nconfig.webhook_url = {{ env = 'S' }}\n\
         [notifiers.hook]\nplugin = 'webhook'\nconfig.url = 'https://x.example'\n"
    ));
    let notifiers = world.config().notifiers;
    let slack = &notifiers["slack"].pacing;
    assert_eq!(slack.group, Some(Group { wait: Duration::ZERO, interval: Duration::from_secs(30), max: 20 }));
    assert_eq!(slack.cap, Some(Cap { count: 20, per: Duration::from_secs(600) }));
    assert!(slack.quiet.is_none() && !slack.keeps_incidents);
    assert!(notifiers["hook"].pacing.is_none() && notifiers["log"].pacing.is_none());
}

#[test]
fn a_notifier_is_paced_as_its_operator_wants() {
    let group = |wait, interval, max| {
        Some(Group { wait: Duration::from_secs(wait), interval: Duration::from_secs(interval), max })
    };
    assert_eq!(pacing("group = { wait = '5s', interval = '1m', max = 7 }").group, group(5, 60, 7));
    assert_eq!(pacing("group = true").group, group(0, 30, 20));
    assert_eq!(pacing("group = false").group, None);
    assert_eq!(pacing("max_per = '3/90s'").cap, Some(Cap { count: 3, per: Duration::from_secs(90) }));
    assert_eq!(pacing("max_per = false").cap, None);
    let quiet = pacing("quiet_hours = { during = 'night', pass = ['vip', 'critical'] }").quiet.unwrap();
    assert_eq!((quiet.name.as_str(), quiet.during), ("night", true));
    assert_eq!(quiet.pass, [Pass::Vip, Pass::Critical]);
    let at = |time: &str| quiet.until(time.parse().unwrap()).map(|until| until.to_string());
    assert_eq!(at("2026-11-26T22:30:00Z").as_deref(), Some("2026-11-27T07:00:00Z"));
    assert_eq!(at("2026-11-26T12:00:00Z"), None);
    assert!(!pacing("quiet_hours = { outside = 'night' }").quiet.unwrap().during);
}

#[test]
fn mistakes_in_it_are_told() {
    assert_snapshot!(errors_after_good(r#"
[notifiers.a]
plugin = "log"
group = { wait = "1h", intervall = "5s", max = 0 }
max_per = "2000/1h"
quiet_hours = { during = "night", pass = ["vips"] }
[notifiers.b]
plugin = "log"
group = "5s"
max_per = true
quiet_hours = { pass = [] }
[notifiers.c]
plugin = "log"
quiet_hours = { during = "desk", outside = "desk" }
[hours.desk]
timezone = "UTC"
open = ["mon-fri 09:00-17:00"]
"#), @r#"
    error: `wait` is 1h
      config.toml:12:18
       12 | group = { wait = "1h", intervall = …
          |                  ^^^^
      hint: `wait` is from 0s to 5m
    error: unknown key `intervall` in `group` of [notifiers.a]
      config.toml:12:24
       12 | group = { wait = "1h", intervall = …
          |                        ^^^^^^^^^
      hint: did you mean `interval`?
    error: `max` is 0
      config.toml:12:48
       12 | (this line is not shown: it may hold a secret)
      hint: `max` is from 1 to 100
    error: `max_per` counts 2000
      config.toml:13:11
       13 | max_per = "2000/1h"
          |           ^^^^^^^^^
      hint: it counts 1000 at most
    error: unknown hours `night` in `quiet_hours`
      config.toml:14:26
       14 | quiet_hours = { during = "night", pass = ["vips"] }
          |                          ^^^^^^^
      hint: hours in this file are `desk`
    error: unknown word `vips` for `pass`
      config.toml:14:43
       14 | quiet_hours = { during = "night", pass = ["vips"] }
          |                                           ^^^^^^
      hint: `pass` is one of `vip`, `warning`, `critical`; did you mean `vip`?
    error: `group` must be true, false or a table such as { interval = "1m", max = 20 }, not text
      config.toml:17:9
       17 | group = "5s"
          |         ^^^^
    error: `max_per` must be a number in a time in quotes, not true or false
      config.toml:18:11
       18 | max_per = true
          |           ^^^^
      hint: write max_per = "20/10m", or false for as many as there are
    error: `quiet_hours` does not say when
      config.toml:19:15
       19 | quiet_hours = { pass = [] }
          |               ^^^^^^^^^^^^^
      hint: write { during = "night" } or { outside = "desk" }, and [hours.night] or [hours.desk]
    error: `quiet_hours` has both `during` and `outside`
      config.toml:22:44
       22 | quiet_hours = { during = "desk", outside = "desk" }
          |                                            ^^^^^^
      hint: delete one of them
    "#);
}
