//! Every kind of mistake, as it is told.

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
"#), @r#"
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
      hint: keys here are `name`, `title`, `priority`, `tags`, `account`, `stream`, `object`, `interval`, `baseline`, `since`
    "#);
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
fn a_name_that_comes_twice_is_told_with_both_places() {
    assert_snapshot!(errors_after_good(r#"
[[watch]]
name = "acme"
stream = 532
object = 1
[[watch]]
name = "acme"
stream = 532
object = 2
[[route]]
notify = ["log"]
[[route]]
name = "route-1"
notify = ["log"]
"#), @r#"
    error: two watches are called `acme`
      config.toml:15:8
       15 | name = "acme"
          |        ^^^^^^
      the first one is here:
      config.toml:11:8
       11 | name = "acme"
          |        ^^^^^^
      hint: give one of them another name
    error: two routes are called `route-1`
      config.toml:21:8
       21 | name = "route-1"
          |        ^^^^^^^^^
      the first one is here:
      config.toml:18:1
       18 | [[route]]
          | ^^^^^^^^^
      hint: give one of them another name
    "#);
}

#[test]
fn two_watches_of_one_conversation_are_told_whatever_its_address() {
    assert_snapshot!(errors_after_good(r#"
[[watch]]
name = "a"
stream = 532
object = 293854
[[watch]]
name = "b"
stream = "aB3_fXyZ0123456789abcd=="
account = "main"
object = 293854
"#), @r#"
    error: two watches of one conversation: object 293854 of account `main`
      config.toml:18:10
       18 | object = 293854
          |          ^^^^^^
      the first one is here:
      config.toml:13:10
       13 | object = 293854
          |          ^^^^^^
      hint: delete one of them
    "#);
}

#[test]
fn references_to_what_is_not_there_are_told_with_what_is() {
    assert_snapshot!(errors_after_good(r#"
[accounts.second]
base_url = "https://two.example"
token = { env = "TWO" }
[[watch]]
name = "a"
account = "mian"
stream = 532
object = 1
[[watch]]
name = "b"
stream = 532
object = 2
[[route]]
events = ["conversation.opened"]
notify = ["lgo", "mail"]
"#), @r#"
    error: unknown account `mian` in [[watch]] `a`
      config.toml:15:11
       15 | account = "mian"
          |           ^^^^^^
      hint: accounts in this file are `main`, `second`; did you mean `main`?
    error: `account` is missing in [[watch]] `b`
      config.toml:18:1
       18 | [[watch]]
          | ^^^^^^^^^
      hint: accounts in this file are `main`, `second`
    error: events of type `conversation.opened` do not exist yet
      config.toml:23:11
       23 | events = ["conversation.opened"]
          |           ^^^^^^^^^^^^^^^^^^^^^
      hint: delete the word; a later version brings it
    error: unknown notifier `lgo` in a route
      config.toml:24:11
       24 | notify = ["lgo", "mail"]
          |           ^^^^^
      hint: notifiers in this file are `log`; did you mean `log`?
    error: unknown notifier `mail` in a route
      config.toml:24:18
       24 | notify = ["lgo", "mail"]
          |                  ^^^^^^
      hint: notifiers in this file are `log`
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
      hint: types are `message.created`, `message.edited`, `message.deleted`, `message.unparsed`, `conversation.status_changed`, `conversation.assigned`, `conversation.waiting`, `conversation.answered`, `watch.unreachable`, `watch.recovered`, `gap.unresolved`, `account.denied`, `account.recovered`, `notifier.broken`, `notifier.recovered`, `delivery.dead`; did you mean `message.created`?
    error: unknown event type `commwatch.watch.recovered.v1`
      config.toml:20:29
       20 | events = ["message.creatd", "commwatch.watch.recovered.v1", "message.*"]
          |                             ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
      hint: types are `message.created`, `message.edited`, `message.deleted`, `message.unparsed`, `conversation.status_changed`, `conversation.assigned`, `conversation.waiting`, `conversation.answered`, `watch.unreachable`, `watch.recovered`, `gap.unresolved`, `account.denied`, `account.recovered`, `notifier.broken`, `notifier.recovered`, `delivery.dead`; did you mean `watch.recovered`?
    error: unknown event type `message.*`
      config.toml:20:61
       20 | events = ["message.creatd", "commwatch.watch.recovered.v1", "message.*"]
          |                                                             ^^^^^^^^^^^
      hint: types are `message.created`, `message.edited`, `message.deleted`, `message.unparsed`, `conversation.status_changed`, `conversation.assigned`, `conversation.waiting`, `conversation.answered`, `watch.unreachable`, `watch.recovered`, `gap.unresolved`, `account.denied`, `account.recovered`, `notifier.broken`, `notifier.recovered`, `delivery.dead`
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
[heartbeat]
every = "5m"
notify = ["log"]
[notifiers.other]
plugin = "log"
group = { wait = "5s" }
[[watch]]
name = "a"
customer = 531826
"#), @r#"
    error: [heartbeat] does not exist yet
      config.toml:10:2
       10 | [heartbeat]
          |  ^^^^^^^^^
      hint: delete the section; a later version brings it
    error: `group` in [notifiers.other] does not exist yet
      config.toml:15:1
       15 | group = { wait = "5s" }
          | ^^^^^
      hint: delete the key; a later version brings it
    error: `customer` in [[watch]] `a` does not exist yet
      config.toml:18:1
       18 | customer = 531826
          | ^^^^^^^^
      hint: delete the key; a later version brings it
    "#);
}

#[test]
fn who_waits_and_when_people_are_at_work_are_checked() {
    assert_snapshot!(errors_after_good(r#"
[hours.desk]
timezone = "Asia/Nowhere"
open = ["sun-thu 9-18", "mon 18:00-09:00"]
holidays = ["2026-02-30"]
[hours.empty]
open = []
[[route]]
unanswered_for = ["10m", "1s", "soon"]
hours = "dask"
notify = ["log"]
[[route]]
unanswered_for = []
notify = ["log"]
[[route]]
hours = "desk"
notify = ["log"]
"#), @r#"
    error: there is no time zone `Asia/Nowhere`
      config.toml:11:12
       11 | timezone = "Asia/Nowhere"
          |            ^^^^^^^^^^^^^^
      hint: time zones have IANA's names, such as "Europe/Berlin" or "UTC"
    error: `sun-thu 9-18` are no hours
      config.toml:12:9
       12 | open = ["sun-thu 9-18", "mon 18:00-09:00"]
          |         ^^^^^^^^^^^^^^
      hint: hours are written "sun-thu 09:00-18:00", "fri 09:00-13:00" or "sat,sun 00:00-24:00"
    error: `mon 18:00-09:00` ends before it begins
      config.toml:12:25
       12 | open = ["sun-thu 9-18", "mon 18:00-09:00"]
          |                         ^^^^^^^^^^^^^^^^^
      hint: hours that go past midnight are two: "mon 22:00-24:00" and "tue 00:00-06:00"
    error: `2026-02-30` is not a day
      config.toml:13:13
       13 | holidays = ["2026-02-30"]
          |             ^^^^^^^^^^^^
      hint: days are written "2026-12-25"
    error: `timezone` is missing in [hours.empty]
      config.toml:14:1
       14 | [hours.empty]
          | ^^^^^^^^^^^^^
      hint: name the place whose clocks count, such as timezone = "Asia/Jerusalem"
    error: `open` holds no hours: no time would ever count
      config.toml:15:8
       15 | open = []
          |        ^^
      hint: hours are written "sun-thu 09:00-18:00", "fri 09:00-13:00" or "sat,sun 00:00-24:00"
    error: `unanswered_for` holds 1s
      config.toml:17:26
       17 | unanswered_for = ["10m", "1s", "soon"]
          |                          ^^^^
      hint: whole seconds, from 10s to 30d
    error: `soon` is not a duration
      config.toml:17:32
       17 | unanswered_for = ["10m", "1s", "soon"]
          |                                ^^^^^^
      hint: durations are written "500ms", "10s", "5m", "1h30m" or "30d"
    error: unknown hours `dask` in a route
      config.toml:18:9
       18 | hours = "dask"
          |         ^^^^^^
      hint: hours in this file are `desk`, `empty`; did you mean `desk`?
    error: `unanswered_for` is empty: nobody would be told who waits
      config.toml:21:18
       21 | unanswered_for = []
          |                  ^^
      hint: name how long is too long, such as ["10m", "30m"]
    error: `hours` says when waiting counts, and nothing waits
      config.toml:24:9
       24 | hours = "desk"
          |         ^^^^^^
      hint: add unanswered_for = ["10m"], or delete `hours`
    "#);
}

#[test]
fn addresses_are_checked() {
    assert_snapshot!(errors(r#"
[accounts.a]
base_url = "api.commbox.io"
token = { env = "A" }
console_url = "https://acme.example/object/293854"
proxy = "socks5://proxy.example"
[accounts.b]
base_url = "https://api.commbox.io/?x=1"
token = { env = "B" }
console_url = "https://acme.example/{object}/{object_id}"
ca_file = "absent.pem"
[http]
listen = "localhost"
allowed_hosts = ["https://x.example/"]
"#), @r#"
    error: this is not a web address: relative URL without a base
      config.toml:3:12
       3 | base_url = "api.commbox.io"
         |            ^^^^^^^^^^^^^^^^
      hint: write the address alone, such as "https://api.commbox.io"
    error: `console_url` does not contain {object_id}
      config.toml:5:15
       5 | console_url = "https://acme.example/object/293854"
         |               ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
      hint: put {object_id} where the conversation's number belongs, such as "https://acme.example/widget/object/{object_id}"
    error: only http and https addresses are supported
      config.toml:6:9
       6 | proxy = "socks5://proxy.example"
         |         ^^^^^^^^^^^^^^^^^^^^^^^^
      hint: write the proxy's address, such as "http://proxy.example:3128"
    error: `base_url` has a `?` or `#` part
      config.toml:8:12
       8 | base_url = "https://api.commbox.io/?x=1"
         |            ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
      hint: write the address alone, such as "https://api.commbox.io"
    error: `console_url` has a placeholder other than {object_id}
      config.toml:10:15
       10 | console_url = "https://acme.example/{object}/{object_id}"
          |               ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
      hint: such as "https://acme.example/widget/object/{object_id}"
    error: there is no file `absent.pem`
      config.toml:11:11
       11 | ca_file = "absent.pem"
          |           ^^^^^^^^^^^^
      hint: `ca_file` is a PEM file; a relative path starts at this file's folder
    error: `localhost` is not an address to listen on
      config.toml:13:10
       13 | listen = "localhost"
          |          ^^^^^^^^^^^
      hint: write an IP address and a port, such as "127.0.0.1:9479" or "[::]:9479"; port 0 takes a free one
    error: `https://x.example/` is not a host's name
      config.toml:14:18
       14 | allowed_hosts = ["https://x.example/"]
          |                  ^^^^^^^^^^^^^^^^^^^^
      hint: write the name alone, such as "commwatch.example", without scheme, port or path
    "#);
}

#[test]
fn streams_are_numbers_or_encrypted_texts() {
    assert_snapshot!(errors_after_good(r#"
[[watch]]
name = "a"
stream = "abc%253d%253d"
object = 1
[[watch]]
name = "b"
stream = "streams/532"
object = "293854"
"#), @r#"
    error: `stream` was percent-encoded twice
      config.toml:12:10
       12 | stream = "abc%253d%253d"
          |          ^^^^^^^^^^^^^^^
      hint: write the channel's number, or its encrypted id as CommBox shows it ("...==" or "...%3d%3d")
    error: `stream` holds a character that such ids do not have
      config.toml:16:10
       16 | stream = "streams/532"
          |          ^^^^^^^^^^^^^
      hint: write the channel's number, or its encrypted id as CommBox shows it ("...==" or "...%3d%3d")
    error: `object` must be a whole number without quotes, not text
      config.toml:17:10
       17 | object = "293854"
          |          ^^^^^^^^
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

#[test]
fn a_baseline_since_needs_to_say_since_when() {
    let watch =
        |keys: &str| errors_after_good(&format!("[[watch]]\nname = \"a\"\nstream = 1\nobject = 2\n{keys}\n"));
    assert_snapshot!(watch("baseline = \"since\""), @r#"
    error: `baseline = "since"` does not say since when
      config.toml:13:12
       13 | baseline = "since"
          |            ^^^^^^^
      hint: write how long before the first answer, such as since = "2h", or an instant, such as since = "2026-03-01T08:00:00Z"
    "#);
    assert_snapshot!(watch("since = \"2h\""), @r#"
    error: `since` means nothing without `baseline = "since"`
      config.toml:13:9
       13 | since = "2h"
          |         ^^^^
      hint: write baseline = "since" beside it, or delete the key
    "#);
    assert_snapshot!(watch("baseline = \"since\"\nsince = \"yesterday\""), @r#"
    error: `yesterday` is neither a duration nor an instant
      config.toml:14:9
       14 | since = "yesterday"
          |         ^^^^^^^^^^^
      hint: write how long before the first answer, such as since = "2h", or an instant, such as since = "2026-03-01T08:00:00Z"
    "#);
    assert_snapshot!(watch("baseline = \"since\"\nsince = \"400d\""), @r#"
    error: `400d` is more than 365d
      config.toml:14:9
       14 | since = "400d"
          |         ^^^^^^
      hint: write how long before the first answer, such as since = "2h", or an instant, such as since = "2026-03-01T08:00:00Z"
    "#);
    assert_snapshot!(watch("baseline = \"all\""), @r#"
    error: unknown word `all` for `baseline`
      config.toml:13:12
       13 | baseline = "all"
          |            ^^^^^
      hint: `baseline` is one of `silent`, `newest`, `since`
    "#);
}

#[test]
fn a_fallback_is_another_notifier_that_exists_and_falls_back_on_nobody_who_falls_back_on_it() {
    assert_snapshot!(errors_after_good(r#"
[notifiers.a]
plugin = "log"
fallback = ["b", "a"]
[notifiers.b]
plugin = "log"
fallback = ["c"]
fallback_after = "0s"
[notifiers.c]
plugin = "log"
fallback = ["a", "lgo"]
[notifiers.d]
plugin = "log"
fallback_after = "1m"
[notifiers.e]
plugin = "log"
fallback = ["a", "b", "c", "d", "log"]
"#), @r#"
    error: fallbacks go in a circle: `a`, whose fallback is `b`, whose fallback is `c`, whose fallback is `a`
      config.toml:12:13
       12 | fallback = ["b", "a"]
          |             ^^^
      hint: leave out one of them
    error: `a` cannot be its own fallback
      config.toml:12:18
       12 | fallback = ["b", "a"]
          |                  ^^^
      hint: name one that works when this one does not
    error: fallbacks go in a circle: `b`, whose fallback is `c`, whose fallback is `a`, whose fallback is `b`
      config.toml:15:13
       15 | fallback = ["c"]
          |             ^^^
      hint: leave out one of them
    error: `fallback_after` is 0s
      config.toml:16:18
       16 | fallback_after = "0s"
          |                  ^^^^
      hint: `fallback_after` is from 1s to 1d
    error: fallbacks go in a circle: `c`, whose fallback is `a`, whose fallback is `b`, whose fallback is `c`
      config.toml:19:13
       19 | fallback = ["a", "lgo"]
          |             ^^^
      hint: leave out one of them
    error: unknown notifier `lgo` in `fallback`
      config.toml:19:18
       19 | fallback = ["a", "lgo"]
          |                  ^^^^^
      hint: notifiers in this file are `a`, `b`, `c`, `d`, `e`, `log`; did you mean `log`?
    error: `fallback_after` without anybody in `fallback`
      config.toml:22:18
       22 | fallback_after = "1m"
          |                  ^^^^
      hint: name who is told then, such as fallback = ["sms"], or delete the key
    error: `fallback` names 5 notifiers, and 4 is the most
      config.toml:25:12
       25 | fallback = ["a", "b", "c", "d", "log"]
          |            ^^^^^^^^^^^^^^^^^^^^^^^^^^^
      hint: name those that would reach somebody
    "#);
}
