//! Every kind of mistake in how a file is written, as it is told; those in what it means are in `meanings`.

use insta::assert_snapshot;

use super::{World, errors, errors_after_good};

#[test]
fn all_mistakes_of_a_file_are_told_at_once() {
    assert_snapshot!(errors(r#"
[accounts.main]
base_url = "http://api.commbox.io"
token = "f00dcafe"
rate = "fast"
timout = "10s"

[polling]
interval = 30

[[watch]]
name = "ACME CFO"
priority = "urgent"
stream = 532

[[route]]
notify = ["webhok"]
"#), @r#"
    error: `base_url` is not encrypted: the key would travel in the open
      config.toml:3:12
       3 | base_url = "http://api.commbox.io"
         |            ^^^^^^^^^^^^^^^^^^^^^^^
      hint: use https; http is for addresses of this machine, such as 127.0.0.1
    error: `token` holds the secret itself; only a reference to it is taken
      config.toml:4:9
       4 | (this line is not shown: it may hold a secret)
      hint: keep the secret elsewhere and write in its place { credential = "NAME" } (a file in systemd's credentials folder), { file = "PATH" } or { env = "NAME" }
    error: `fast` is not a rate
      config.toml:5:8
       5 | rate = "fast"
         |        ^^^^^^
      hint: rates are written "1/s", "100/m" or "20/h"
    error: unknown key `timout` in [accounts.main]
      config.toml:6:1
       6 | timout = …
         | ^^^^^^
      hint: did you mean `timeout`?
    error: `interval` must be a duration in quotes, not a number
      config.toml:9:12
       9 | interval = 30
         |            ^^
      hint: durations are written "500ms", "10s", "5m", "1h30m" or "30d"
    error: `object` is missing in [[watch]] `ACME CFO`
      config.toml:11:1
       11 | [[watch]]
          | ^^^^^^^^^
      hint: a conversation is named by the two numbers in its address in CommBox, such as stream = 532 and object = 293854
    error: `ACME CFO` cannot be a name
      config.toml:12:8
       12 | name = "ACME CFO"
          |        ^^^^^^^^^^
      hint: names are made of a-z, 0-9 and `-`, at most 63 characters; for example `acme-cfo`
    error: unknown word `urgent` for `priority`
      config.toml:13:12
       13 | priority = "urgent"
          |            ^^^^^^^^
      hint: `priority` is one of `vip`, `normal`
    error: unknown notifier `webhok` in a route
      config.toml:17:11
       17 | notify = ["webhok"]
          |           ^^^^^^^^
      hint: there is no notifier in this file; add [notifiers.webhok]
    "#);
}

#[test]
fn unknown_keys_and_sections_are_told_with_what_was_meant() {
    assert_snapshot!(errors_after_good(r#"
colour = "blue"
[poling]
interval = "10s"
[[watch]]
name = "a"
stream = 1
object = 2
intervall = "10s"
nickname = "b"
"#), @"
    error: unknown key `colour` in [operators]
      config.toml:10:1
       10 | colour = …
          | ^^^^^^
      hint: keys here are `notify`
    error: unknown key `poling` in the file
      config.toml:11:2
       11 | [poling]
          |  ^^^^^^
      hint: did you mean `polling`?
    error: unknown key `intervall` in [[watch]] `a`
      config.toml:17:1
       17 | intervall = …
          | ^^^^^^^^^
      hint: did you mean `interval`?
    error: unknown key `nickname` in [[watch]] `a`
      config.toml:18:1
       18 | nickname = …
          | ^^^^^^^^
      hint: keys here are `name`, `title`, `priority`, `tags`, `account`, `stream`, `object`, `interval`, `baseline`, `since`, `customer`, `channel`, `streams`, `discovery`, `keep_for`
    ");
}

#[test]
fn wrong_types_are_told_in_plain_words() {
    assert_snapshot!(errors(r#"
accounts = 1
watch = { name = "x" }
polling = []
[notifiers]
log = "log"
[store]
path = 7
retention = 30
[http]
show_text = "yes"
listen = true
[reload]
on_change = 1
[plugins]
path = "plugins"
"#), @r#"
    error: `accounts` must be tables such as [accounts.main], not a number
      config.toml:2:12
       2 | (this line is not shown: it may hold a secret)
    error: `watch` must be a list of tables, not a table
      config.toml:3:9
       3 | watch = { name = …
         |         ^^^^^^^^
      hint: write [[watch]] with two brackets
    error: [polling] must be a table, not a list
      config.toml:4:11
       4 | polling = []
         |           ^^
    error: [notifiers.log] must be a table, not text
      config.toml:6:7
       6 | (this line is not shown: it may hold a secret)
    error: `path` must be text in quotes, not a number
      config.toml:8:8
       8 | path = 7
         |        ^
    error: `retention` must be a duration in quotes, not a number
      config.toml:9:13
       9 | retention = 30
         |             ^^
      hint: durations are written "500ms", "10s", "5m", "1h30m" or "30d"
    error: `show_text` must be true or false without quotes, not text
      config.toml:11:13
       11 | show_text = "yes"
          |             ^^^^^
    error: `listen` must be text in quotes, not true or false
      config.toml:12:10
       12 | listen = true
          |          ^^^^
    error: `on_change` must be true or false without quotes, not a number
      config.toml:14:13
       14 | on_change = 1
          |             ^
    error: `path` must be a list of texts, not text
      config.toml:16:8
       16 | path = "plugins"
          |        ^^^^^^^^^
    "#);
}

#[test]
fn numbers_have_bounds() {
    assert_snapshot!(errors(r#"
[accounts.main]
base_url = "https://api.commbox.io"
token = { env = "TOKEN" }
burst = 0
max_in_flight = 99999999999
timeout = "0s"
rate = "0/s"
[polling]
interval = "500ms"
[reload]
settle = "1h"
[[watch]]
name = "a"
stream = -1
object = 0
[[watch]]
name = "b"
stream = 99999999999999999999
object = 1.5
[[watch]]
name = "c"
stream = 1e999
object = nan
"#), @r#"
    error: `burst` is 0
      config.toml:5:9
       5 | burst = 0
         |         ^
      hint: `burst` is from 1 to 1000
    error: `max_in_flight` is 99999999999
      config.toml:6:17
       6 | max_in_flight = 99999999999
         |                 ^^^^^^^^^^^
      hint: `max_in_flight` is from 1 to 256
    error: `timeout` is 0s
      config.toml:7:11
       7 | timeout = "0s"
         |           ^^^^
      hint: `timeout` is from 100ms to 5m
    error: `0/s` is not a rate that anything can keep
      config.toml:8:8
       8 | rate = "0/s"
         |        ^^^^^
      hint: rates are written "1/s", "100/m" or "20/h"
    error: `interval` is 500ms
      config.toml:10:12
       10 | interval = "500ms"
          |            ^^^^^^^
      hint: `interval` is from 1s to 1d
    error: `settle` is 1h
      config.toml:12:10
       12 | settle = "1h"
          |          ^^^^
      hint: `settle` is from 10ms to 1m
    error: `stream` is -1; channels have numbers above 0
      config.toml:15:10
       15 | stream = -1
          |          ^^
      hint: a conversation is named by the two numbers in its address in CommBox, such as stream = 532 and object = 293854
    error: `object` is 0; conversations have numbers above 0
      config.toml:16:10
       16 | object = 0
          |          ^
      hint: a conversation is named by the two numbers in its address in CommBox, such as stream = 532 and object = 293854
    error: the number is beyond what can be held (64 bits)
      config.toml:19:10
       19 | stream = 99999999999999999999
          |          ^^^^^^^^^^^^^^^^^^^^
    error: `object` must be a whole number without quotes, not a number with a fraction
      config.toml:20:10
       20 | object = 1.5
          |          ^^^
    error: the number is beyond what can be held (64 bits)
      config.toml:23:10
       23 | stream = 1e999
          |          ^^^^^
    error: the number is beyond what can be held (64 bits)
      config.toml:24:10
       24 | object = nan
          |          ^^^
    "#);
}

#[test]
fn durations_and_rates_are_shown_how_they_are_written() {
    assert_snapshot!(errors_after_good(r#"
[polling]
interval = "10 seconds"
[store]
retention = "1 month"
[notifiers.other]
plugin = "log"
rate = "1 per second"
retry_for = ""
"#), @r#"
    error: `10 seconds` is not a duration
      config.toml:11:12
       11 | interval = "10 seconds"
          |            ^^^^^^^^^^^^
      hint: durations are written "500ms", "10s", "5m", "1h30m" or "30d"
    error: `1 month` is not a duration
      config.toml:13:13
       13 | retention = "1 month"
          |             ^^^^^^^^^
      hint: durations are written "500ms", "10s", "5m", "1h30m" or "30d"
    error: `1 per second` is not a rate
      config.toml:16:8
       16 | rate = "1 per second"
          |        ^^^^^^^^^^^^^^
      hint: rates are written "1/s", "100/m" or "20/h"
    error: `retry_for` is empty
      config.toml:17:13
       17 | retry_for = ""
          |             ^^
      hint: delete the line or fill it in
    "#);
}

#[test]
fn what_is_missing_is_told_at_the_section_it_is_missing_from() {
    assert_snapshot!(errors(r#"
[accounts.main]
[notifiers.x]
[[watch]]
[[route]]
[operators]
"#), @r#"
    error: `base_url` is missing in [accounts.main]
      config.toml:2:1
       2 | [accounts.main]
         | ^^^^^^^^^^^^^^^
      hint: write base_url = "https://api.commbox.io", or your own host's address
    error: `token` is missing in [accounts.main]
      config.toml:2:1
       2 | [accounts.main]
         | ^^^^^^^^^^^^^^^
      hint: write token = { credential = "commbox-token" }, or { file = ... } or { env = ... }
    error: `plugin` is missing in [notifiers.x]
      config.toml:3:1
       3 | [notifiers.x]
         | ^^^^^^^^^^^^^
      hint: name the plugin, such as plugin = "slack"
    error: `stream` is missing in [[watch]]
      config.toml:4:1
       4 | [[watch]]
         | ^^^^^^^^^
      hint: a conversation is named by the two numbers in its address in CommBox, such as stream = 532 and object = 293854
    error: `object` is missing in [[watch]]
      config.toml:4:1
       4 | [[watch]]
         | ^^^^^^^^^
      hint: a conversation is named by the two numbers in its address in CommBox, such as stream = 532 and object = 293854
    error: `name` is missing in [[watch]]
      config.toml:4:1
       4 | [[watch]]
         | ^^^^^^^^^
      hint: write a name such as name = "acme-cfo"; it stands in metrics and log lines
    error: `notify` is missing in [[route]]
      config.toml:5:1
       5 | [[route]]
         | ^^^^^^^^^
      hint: name the notifiers to tell, such as notify = ["ops-slack"]
    error: `notify` is missing in [operators]
      config.toml:6:1
       6 | [operators]
         | ^^^^^^^^^^^
      hint: name the notifiers to tell, such as notify = ["ops-slack"]
    "#);
}

#[test]
fn a_file_without_anything_needs_an_account() {
    assert_snapshot!(errors(""), @r#"
    error: there is no account
      config.toml:1:1
      hint: add [accounts.main] with `base_url` and `token`
    "#);
}

#[test]
fn words_out_of_a_few_are_listed() {
    assert_snapshot!(errors_after_good(r#"
[[watch]]
name = "a"
stream = 532
object = 1
priority = "VIP"
[notifiers.other]
plugin = "log"
content = "all"
[[route]]
from = ["costumer", "people"]
events = ["message.creatd", "commwatch.watch.recovered.v1", "message.*"]
notify = ["log"]
[plugins]
trust = "none"
[log]
format = "xml"
level = "infoo"
"#), @r#"
    error: unknown word `VIP` for `priority`
      config.toml:14:12
       14 | priority = "VIP"
          |            ^^^^^
      hint: `priority` is one of `vip`, `normal`; did you mean `vip`?
    error: unknown word `all` for `content`
      config.toml:17:11
       17 | content = "all"
          |           ^^^^^
      hint: `content` is one of `none`, `snippet`, `full`
    error: unknown word `costumer` for `from`
      config.toml:19:9
       19 | from = ["costumer", "people"]
          |         ^^^^^^^^^^
      hint: `from` is one of `customer`, `agent`, `bot`, `system`, `unknown`; did you mean `customer`?
    error: unknown word `people` for `from`
      config.toml:19:21
       19 | from = ["costumer", "people"]
          |                     ^^^^^^^^
      hint: `from` is one of `customer`, `agent`, `bot`, `system`, `unknown`
    error: unknown event type `message.creatd`
      config.toml:20:11
       20 | events = ["message.creatd", "commwatch.watch.recovered.v1", "message.*"]
          |           ^^^^^^^^^^^^^^^^
      hint: types are `message.created`, `message.edited`, `message.deleted`, `message.unparsed`, `conversation.opened`, `conversation.status_changed`, `conversation.assigned`, `conversation.waiting`, `conversation.answered`, `watch.unreachable`, `watch.recovered`, `gap.unresolved`, `account.denied`, `account.recovered`, `notifier.broken`, `notifier.recovered`, `delivery.dead`; did you mean `message.created`?
    error: unknown event type `commwatch.watch.recovered.v1`
      config.toml:20:29
       20 | events = ["message.creatd", "commwatch.watch.recovered.v1", "message.*"]
          |                             ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
      hint: types are `message.created`, `message.edited`, `message.deleted`, `message.unparsed`, `conversation.opened`, `conversation.status_changed`, `conversation.assigned`, `conversation.waiting`, `conversation.answered`, `watch.unreachable`, `watch.recovered`, `gap.unresolved`, `account.denied`, `account.recovered`, `notifier.broken`, `notifier.recovered`, `delivery.dead`; did you mean `watch.recovered`?
    error: unknown event type `message.*`
      config.toml:20:61
       20 | events = ["message.creatd", "commwatch.watch.recovered.v1", "message.*"]
          |                                                             ^^^^^^^^^^^
      hint: types are `message.created`, `message.edited`, `message.deleted`, `message.unparsed`, `conversation.opened`, `conversation.status_changed`, `conversation.assigned`, `conversation.waiting`, `conversation.answered`, `watch.unreachable`, `watch.recovered`, `gap.unresolved`, `account.denied`, `account.recovered`, `notifier.broken`, `notifier.recovered`, `delivery.dead`
    error: unknown word `none` for `trust`
      config.toml:23:9
       23 | trust = "none"
          |         ^^^^^^
      hint: `trust` is one of `strict`, `owner`
    error: unknown word `xml` for `format`
      config.toml:25:10
       25 | format = "xml"
          |          ^^^^^
      hint: `format` is one of `auto`, `text`, `json`, `journald`
    error: `infoo` is not a level
      config.toml:26:9
       26 | level = "infoo"
          |         ^^^^^^^
      hint: levels are error, warn, info, debug, trace, off; or directives such as "commwatch=debug,info"; did you mean `info`?
    "#);
}

#[test]
fn keys_of_later_versions_say_so() {
    assert_snapshot!(errors_after_good(r#"
[notifiers.other]
plugin = "log"
network = true
[[watch]]
name = "a"
customer = 531826
"#), @"
    error: `network` in [notifiers.other] does not exist yet
      config.toml:12:1
       12 | network = true
          | ^^^^^^^
      hint: delete the key; a later version brings it
    ");
}

#[test]
fn a_heartbeat_has_somebody_who_gets_it_and_a_time_and_no_route() {
    assert_snapshot!(errors_after_good(r#"
[heartbeat]
every = "9s"
notify = ["lgo"]
often = true
[[route]]
events = ["heartbeat"]
notify = ["log"]
"#), @r#"
    error: `every` is 9s
      config.toml:11:9
       11 | every = "9s"
          |         ^^^^
      hint: `every` is from 10s to 1d
    error: unknown notifier `lgo` in [heartbeat]
      config.toml:12:11
       12 | notify = ["lgo"]
          |           ^^^^^
      hint: notifiers in this file are `log`; did you mean `log`?
    error: unknown key `often` in [heartbeat]
      config.toml:13:1
       13 | often = true
          | ^^^^^
      hint: keys here are `every`, `notify`
    error: heartbeats are told by [heartbeat], not by a route
      config.toml:15:11
       15 | events = ["heartbeat"]
          |           ^^^^^^^^^^^
      hint: delete the word, and name the notifier in [heartbeat] notify
    "#);
    assert_snapshot!(errors_after_good("[heartbeat]\nevery = \"2d\"\nnotify = []"), @r#"
    error: `every` is 2d
      config.toml:10:9
       10 | every = "2d"
          |         ^^^^
      hint: `every` is from 10s to 1d
    error: `notify` names nobody
      config.toml:11:10
       11 | notify = []
          |          ^^
      hint: name a notifier, or delete the whole section
    "#);
    assert_snapshot!(errors_after_good("[heartbeat]\n"), @r#"
    error: `notify` is missing in [heartbeat]
      config.toml:9:1
       9 | [heartbeat]
         | ^^^^^^^^^^^
      hint: name who gets it, such as notify = ["deadman"]
    "#);
}

#[test]
fn lists_are_read_element_by_element() {
    assert_snapshot!(errors_after_good(r#"
[[route]]
tags = ["a", 1, ""]
from = []
events = []
notify = []
[accounts.other]
base_url = "https://two.example"
token = { env = "TWO" }
bots = ["Bot", 5, 0, "", true]
"#), @r#"
    error: `tags` holds a number where text in quotes is needed
      config.toml:11:14
       11 | tags = ["a", 1, ""]
          |              ^
    error: `tags` holds an empty text
      config.toml:11:17
       11 | tags = ["a", 1, ""]
          |                 ^^
    error: `from` is empty: no message would match
      config.toml:12:8
       12 | from = []
          |        ^^
      hint: delete the key for customer and unknown
    error: `events` is empty: the route would never apply
      config.toml:13:10
       13 | events = []
          |          ^^
      hint: delete the key for `message.created`, or name event types
    error: `notify` names nobody
      config.toml:14:10
       14 | notify = []
          |          ^^
      hint: name a notifier, or delete the whole section
    error: `bots` holds something that is neither an id nor a name
      config.toml:18:19
       18 | bots = ["Bot", 5, 0, "", true]
          |                   ^
      hint: such as bots = ["Bot", 990011]
    error: `bots` holds something that is neither an id nor a name
      config.toml:18:22
       18 | bots = ["Bot", 5, 0, "", true]
          |                      ^^
      hint: such as bots = ["Bot", 990011]
    error: `bots` holds something that is neither an id nor a name
      config.toml:18:26
       18 | bots = ["Bot", 5, 0, "", true]
          |                          ^^^^
      hint: such as bots = ["Bot", 990011]
    "#);
}

#[test]
fn errors_of_syntax_are_told_for_every_file_and_nothing_else_is() {
    let world =
        World::new("[accounts.main\nbase_url = \"https://api.commbox.io\npolling = 1\nrate = = \"1/s\"\n");
    world.write("conf.d/a.toml", "watch = [\n  { name = \"a\" }\n  { name = \"b\" }\n]\n");
    world.write("conf.d/b.toml", "nonsense = 1\n");
    assert_snapshot!(world.errors(), @r#"
    error: this is not TOML: unclosed table, expected `]`
      config.toml:1:15
       1 | [accounts.****
         |               ^
    error: this is not TOML: extra `=`, expected nothing
      config.toml:4:8
       4 | rate = = "***"
         |        ^
    error: this is not TOML: missing comma between array elements, expected `,`
      conf.d/a.toml:3:3
       3 |   { name = "*" }
         |   ^
    "#);
}

#[test]
fn files_that_cannot_be_read_are_told() {
    let world = World::new("");
    std::fs::write(world.folder.path().join("config.toml"), b"ok = 1\nname = \"\xff\"\n").unwrap();
    assert_snapshot!(world.errors(), @r#"
    error: the file is not UTF-8 text
      config.toml:2:9
    "#);
    std::fs::remove_file(world.folder.path().join("config.toml")).unwrap();
    assert_snapshot!(world.errors(), @r#"
    error: cannot read the file: No such file or directory (os error 2)
      config.toml
    "#);
}

#[test]
fn mistakes_are_objects_for_programs() {
    let world = World::new("[[watch]]\nname = \"a\"\n[[watch]]\nname = \"a\"\n");
    let mistakes = world.load().unwrap_err();
    assert_snapshot!(world.plain(&mistakes.0[0].one_line()), @r#"there is no account (config.toml:1:1; add [accounts.main] with `base_url` and `token`)"#);
    let twice = mistakes.0.iter().find(|mistake| mistake.message.contains("two watches")).unwrap();
    assert_snapshot!(world.plain(&serde_json::to_string_pretty(twice).unwrap()), @r#"
    {
      "severity": "error",
      "message": "two watches are called `a`",
      "file": "config.toml",
      "line": 4,
      "column": 8,
      "also": [
        {
          "note": "the first one is here",
          "file": "config.toml",
          "line": 2,
          "column": 8
        }
      ],
      "hint": "give one of them another name"
    }
    "#);
}

#[test]
fn more_mistakes_than_anybody_reads_are_counted() {
    let world = World::new(&"[[watch]]\n".repeat(1_000));
    let mistakes = world.load().unwrap_err();
    assert_eq!(mistakes.0.len(), crate::config::findings::MISTAKES_MAX + 1);
    assert_snapshot!(world.plain(&mistakes.0.last().unwrap().to_string()), @r#"
    error: and 2501 more mistakes
      config.toml
    "#);
}
