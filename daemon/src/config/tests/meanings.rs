//! Mistakes in what sections say to each other and of the world: addresses, names, times.

use insta::assert_snapshot;

use super::{errors, errors_after_good};

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
[notifiers.night]
plugin = "log"
timezone = "Jerusalem time"
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
    error: there is no time zone `Jerusalem time`
      config.toml:28:12
       28 | timezone = "Jerusalem time"
          |            ^^^^^^^^^^^^^^^^
      hint: time zones have IANA's names, such as "Europe/Berlin" or "UTC"
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
fn a_watch_is_about_one_thing_and_says_it_well() {
    assert_snapshot!(errors_after_good(r#"
[[watch]]
name = "both"
customer = 531826
stream = 532
[[watch]]
name = "no-channels"
customer = { phone = "+972 50 012 3456" }
[[watch]]
name = "no-code"
customer = { phone = "050-0123456" }
streams = [532]
[[watch]]
name = "two-ways"
customer = { phone = "+972500123456", email = "dana@example.com" }
streams = [532]
[[watch]]
name = "nobody"
customer = {}
[[watch]]
name = "zero"
customer = 0
keep_for = "1m"
[[watch]]
name = "words"
channel = { stream = 532, status = ["opne", 0] }
[[watch]]
name = "nowhere"
channel = { status = [] }
streams = [5]
[[watch]]
name = "named"
stream = 532
object = 77
discovery = "1m"
"#), @r#"
    error: `stream` does not go together with `customer` in [[watch]] `both`
      config.toml:13:10
       13 | stream = 532
          |          ^^^
      hint: a watch is about one thing: `stream` and `object`, or a `customer`, or a `channel`; write a watch for each
    error: nothing says on which channels the customer of [[watch]] `no-channels` is looked for
      config.toml:14:1
       14 | [[watch]]
          | ^^^^^^^^^
      hint: an address is looked for channel by channel: write streams = [532, 41210] here, or in [accounts.NAME] for all its watches
    error: `050-0123456` is no phone number with its country's code
      config.toml:19:22
       19 | customer = { phone = "050-0123456" }
          |                      ^^^^^^^^^^^^^
      hint: phone numbers are written "+972501234567"
    error: a customer is looked for by phone or by mail, not by both
      config.toml:23:12
       23 | customer = { phone = "+972500123456", email = "dana@example.com" }
          |            ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
      hint: write two watches; give both the same tags
    error: nothing says on which channels the customer of [[watch]] `nobody` is looked for
      config.toml:25:1
       25 | [[watch]]
          | ^^^^^^^^^
      hint: an address is looked for channel by channel: write streams = [532, 41210] here, or in [accounts.NAME] for all its watches
    error: `customer` does not say who
      config.toml:27:12
       27 | customer = {}
          |            ^^
      hint: write customer = 531826, the customer's identity; or { phone = "+972..." } or { email = "..." }; `commwatch find` tells which
    error: `customer` is 0; identities have numbers above 0
      config.toml:30:12
       30 | customer = 0
          |            ^
      hint: write customer = 531826, the customer's identity; or { phone = "+972..." } or { email = "..." }; `commwatch find` tells which
    error: `keep_for` is 1m
      config.toml:31:12
       31 | keep_for = "1m"
          |            ^^^^
      hint: `keep_for` is from 15m to 30d
    error: unknown status `opne`
      config.toml:34:37
       34 | channel = { stream = 532, status = ["opne", 0] }
          |                                     ^^^^^^
      hint: statuses are `open`, `resolved`, `forward`, `irrelevant`, `deleted`, `forward reply`, `draft`, `in process`, `scheduled`, `follow up`, `automated`, `sent`, `archive`, `pending`; did you mean `open`?
    error: `stream` is missing in `channel` of [[watch]] `nowhere`
      config.toml:37:11
       37 | channel = { status = [] }
          |           ^^^^^^^^^^^^^^^
      hint: write channel = { stream = 532 }, or channel = { stream = 532, status = ["open", "pending"] }
    error: `status` is empty: nothing would ever be watched
      config.toml:37:22
       37 | channel = { status = [] }
          |                      ^^
      hint: write channel = { stream = 532 }, or channel = { stream = 532, status = ["open", "pending"] }
    error: `streams` means nothing beside `channel`, which has a `stream` of its own
      config.toml:38:11
       38 | streams = [5]
          |           ^^^
      hint: delete the key; write a watch for each channel
    error: `discovery` means nothing in a watch of one conversation
      config.toml:43:13
       43 | discovery = "1m"
          |             ^^^^
      hint: delete the key, or name a `customer` or a `channel`
    "#);
}

#[test]
fn nobody_is_looked_for_twice_however_it_is_written() {
    assert_snapshot!(errors_after_good(r#"
[[watch]]
name = "one"
customer = { phone = "+972-50-0123456" }
streams = [532]
[[watch]]
name = "two"
customer = { phone = "00972500123456" }
streams = [533]
[[watch]]
name = "three"
channel = { stream = 5, status = [8, "open"] }
[[watch]]
name = "four"
channel = { stream = 5, status = ["open", "in_process", 1] }
"#), @r#"
    error: two watches of one thing: phone 972500123456 of account `main`
      config.toml:16:12
       16 | customer = { phone = "00972500123456" }
          |            ^^^^^^^^^^^^^^^^^^^^^^^^^^^^
      the first one is here:
      config.toml:12:12
       12 | customer = { phone = "+972-50-0123456" }
          |            ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
      hint: delete one of them
    error: two watches of one thing: channel 5 1,8 of account `main`
      config.toml:23:11
       23 | channel = { stream = 5, status = ["open", "in_process", 1] }
          |           ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
      the first one is here:
      config.toml:20:11
       20 | channel = { stream = 5, status = [8, "open"] }
          |           ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
      hint: delete one of them
    "#);
}
