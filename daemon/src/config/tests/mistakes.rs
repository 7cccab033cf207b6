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
fn errors_of_syntax_are_told_for_every_file_beside_the_mistakes_of_the_others() {
    let world =
        World::new("[accounts.main\nbase_url = \"https://api.commbox.io\npolling = 1\nrate = = \"1/s\"\n");
    world.write("conf.d/a.toml", "watch = [\n  { name = \"a\" }\n  { name = \"b\" }\n]\n");
    world.write("conf.d/b.toml", "nonsense = 1\n");
    assert_snapshot!(world.errors(), @r#"
    error: this is not TOML: unclosed table, expected `]`
      config.toml:1:15
       1 | [accounts.****
         |               ^
      hint: nothing is taken from this file; what the others need of it is not checked until it can be read
    error: this is not TOML: extra `=`, expected nothing
      config.toml:4:8
       4 | rate = = "***"
         |        ^
      hint: nothing is taken from this file; what the others need of it is not checked until it can be read
    error: this is not TOML: missing comma between array elements, expected `,`
      conf.d/a.toml:3:3
       3 |   { name = "*" }
         |   ^
      hint: nothing is taken from this file; what the others need of it is not checked until it can be read
    error: unknown key `nonsense` in the file
      conf.d/b.toml:1:1
       1 | nonsense = …
         | ^^^^^^^^
      hint: keys here are `accounts`, `polling`, `watch`, `notifiers`, `route`, `operators`, `plugins`, `store`, `http`, `admin`, `reload`, `log`, `hours`, `heartbeat`
    "#);
}

#[test]
fn what_a_file_that_is_not_toml_may_hold_is_not_called_missing() {
    let world = World::new("[accounts.main]\nbase_url = \"https://api.commbox.io\"\nrate = \"often\"\n");
    world.write("conf.d/10-broken.toml", "[notifiers.slack\n");
    world.write(
        "conf.d/20-watches.toml",
        "[[watch]]\nname = 'a'\nstream = 1\nobject = 1\naccount = 'other'\n\
         [[watch]]\nname = 'a'\nstream = 1\n[[route]]\nnotify = ['slack']\nhours = 'desk'\nunanswered_for = 'long'\n\
         [notifiers.pager]\nplugin = 'elsewhere'\nfallback = ['slack']\n\
         [notifiers.hook]\nplugin = 'webhook'\nconfig.retri = 1\n[operators]\n",
    );
    assert_snapshot!(world.errors(), @r#"
    error: `often` is not a rate
      config.toml:3:8
       3 | rate = "often"
         |        ^^^^^^^
      hint: rates are written "1/s", "100/m" or "20/h"
    error: this is not TOML: unclosed table, expected `]`
      conf.d/10-broken.toml:1:17
       1 | [notifiers.*****
         |                 ^
      hint: nothing is taken from this file; what the others need of it is not checked until it can be read
    error: `object` is missing in [[watch]] `a`
      conf.d/20-watches.toml:6:1
       6 | [[watch]]
         | ^^^^^^^^^
      hint: a conversation is named by the two numbers in its address in CommBox, such as stream = 532 and object = 293854
    error: two watches are called `a`
      conf.d/20-watches.toml:7:8
       7 | name = 'a'
         |        ^^^
      the first one is here:
      conf.d/20-watches.toml:2:8
       2 | name = 'a'
         |        ^^^
      hint: give one of them another name
    error: `long` is not a duration
      conf.d/20-watches.toml:12:18
       12 | unanswered_for = 'long'
          |                  ^^^^^^
      hint: durations are written "500ms", "10s", "5m", "1h30m" or "30d"
    error: unknown key `retri` in [notifiers.hook.config]
      conf.d/20-watches.toml:18:8
       18 | config.retri = …
          |        ^^^^^
      hint: did you mean `retry`?
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
