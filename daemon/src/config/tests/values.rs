//! Values that are of the wrong kind, out of bounds or none of the words that there are, as they are told.

use insta::assert_snapshot;

use super::{errors, errors_after_good};

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
      hint: types are `message.created`, `message.edited`, `message.deleted`, `message.unparsed`, `conversation.opened`, `conversation.status_changed`, `conversation.assigned`, `conversation.waiting`, `conversation.answered`, `watch.unreachable`, `watch.recovered`, `gap.unresolved`, `account.denied`, `account.recovered`, `account.token_expiring`, `notifier.broken`, `notifier.recovered`, `delivery.dead`; did you mean `message.created`?
    error: unknown event type `commwatch.watch.recovered.v1`
      config.toml:20:29
       20 | events = ["message.creatd", "commwatch.watch.recovered.v1", "message.*"]
          |                             ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
      hint: types are `message.created`, `message.edited`, `message.deleted`, `message.unparsed`, `conversation.opened`, `conversation.status_changed`, `conversation.assigned`, `conversation.waiting`, `conversation.answered`, `watch.unreachable`, `watch.recovered`, `gap.unresolved`, `account.denied`, `account.recovered`, `account.token_expiring`, `notifier.broken`, `notifier.recovered`, `delivery.dead`; did you mean `watch.recovered`?
    error: unknown event type `message.*`
      config.toml:20:61
       20 | events = ["message.creatd", "commwatch.watch.recovered.v1", "message.*"]
          |                                                             ^^^^^^^^^^^
      hint: types are `message.created`, `message.edited`, `message.deleted`, `message.unparsed`, `conversation.opened`, `conversation.status_changed`, `conversation.assigned`, `conversation.waiting`, `conversation.answered`, `watch.unreachable`, `watch.recovered`, `gap.unresolved`, `account.denied`, `account.recovered`, `account.token_expiring`, `notifier.broken`, `notifier.recovered`, `delivery.dead`
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
