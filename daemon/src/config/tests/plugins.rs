//! A plugin's configuration against the plugin's own schema.

use insta::assert_snapshot;
use serde_json::json;

use super::{GOOD, World, errors_after_good};
use crate::config::{SecretRef, Severity};

#[test]
fn violations_are_told_where_they_stand_in_the_file() {
    assert_snapshot!(errors_after_good(r#"
[notifiers.a]
plugin = "slack"
[notifiers.a.config]
chanel = "C123"
style = "block"
channel = "the general"

[notifiers.b]
plugin = "webhook"
[notifiers.b.config]
secrets = [{ env = "A" }, { env = "B" }, { env = "C" }]
headers = { X-Team = 5 }
retry = { times = "three", after = 1 }

[notifiers.c]
plugin = "webhook"

[notifiers.d]
plugin = "slack"
config = { webhook_url = { env = "A" }, channel = "C" }

[notifiers.d2]
plugin = "slack"
config = { bot_token = { env = "B" } }

[notifiers.d3]
plugin = "slack"
config = { api_url = "nowhere" }

[notifiers.e]
plugin = "webhook"
config = { url = "https://x.example", secret = { env = "A" }, secrets = [{ env = "B" }] }

[notifiers.f]
plugin = "log"
config = { lines_max = 0, file = { env = "FILE" } }
"#), @r#"
    error: `bot_token` is missing in [notifiers.a.config]
      config.toml:12:1
       12 | [notifiers.a.config]
          | ^^^^^^^^^^^^^^^^^^^^
    error: unknown key `chanel` in [notifiers.a.config]
      config.toml:13:1
       13 | chanel = …
          | ^^^^^^
      hint: did you mean `channel`?
    error: `style` is none of the words it may be
      config.toml:14:9
       14 | style = "block"
          |         ^^^^^^^
      hint: it is one of `blocks`, `plain`; did you mean `blocks`?
    error: `channel` does not match "^\S+$"
      config.toml:15:11
       15 | channel = "the general"
          |           ^^^^^^^^^^^^^
      hint: `channel`: Where a bot writes.
    error: `url` is missing in [notifiers.b.config]
      config.toml:19:1
       19 | [notifiers.b.config]
          | ^^^^^^^^^^^^^^^^^^^^
      hint: `url`: Where events are posted.
    error: `secrets` has more than 2 items
      config.toml:20:11
       20 | secrets = [{ env = "A" }, { env = "B" }, { env = "C" }]
          |           ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
    error: `X-Team` must be text in quotes
      config.toml:21:22
       21 | (this line is not shown: it may hold a secret)
    error: `times` must be a whole number without quotes
      config.toml:22:19
       22 | retry = { times = "three", after = …
          |                   ^^^^^^^
    error: unknown key `after` in `retry`
      config.toml:22:28
       22 | retry = { times = "three", after = …
          |                            ^^^^^
      hint: keys here are `times`
    error: `url` is missing in [notifiers.c.config]
      config.toml:24:1
       24 | [notifiers.c]
          | ^^^^^^^^^^^^^
      hint: `url`: Where events are posted.
    error: `channel` does not go together with the keys beside it
      config.toml:29:41
       29 | config = { webhook_url = { env = "A" }, channel = "C" }
          |                                         ^^^^^^^
    error: `channel` is missing in [notifiers.d2.config]
      config.toml:33:10
       33 | config = { bot_token = { env = "B" } }
          |          ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
      hint: `channel`: Where a bot writes.
    error: [notifiers.d3.config] needs `webhook_url`, or `bot_token` and `channel`
      config.toml:37:10
       37 | config = { api_url = "nowhere" }
          |          ^^^^^^^^^^^^^^^^^^^^^^^
    error: `api_url` does not have the form of a `uri`
      config.toml:37:22
       37 | config = { api_url = "nowhere" }
          |                      ^^^^^^^^^
    error: `secrets` does not go together with the keys beside it
      config.toml:41:63
       41 | (this line is not shown: it may hold a secret)
    error: `lines_max` is less than the minimum of 1
      config.toml:45:24
       45 | config = { lines_max = 0, file = { env = "FILE" } }
          |                        ^
    error: `file` takes no reference to a secret
      config.toml:45:34
       45 | config = { lines_max = 0, file = { env = "FILE" } }
          |                                  ^^^^^^^^^^^^^^^^
      hint: this field is no secret to the plugin; write its value itself
    "#);
}

#[test]
fn secrets_in_a_plugins_configuration_are_references() {
    assert_snapshot!(errors_after_good(r#"
[notifiers.a]
plugin = "slack"
[notifiers.a.config]
webhook_url = "https://hooks.slack.example/T/B/X"

[notifiers.b]
plugin = "webhook"
[notifiers.b.config]
url = "https://x.example"
secrets = ["whsec_1", { env = "B", file = "b" }]
headers = { Authorization = { environment = "B" } }
"#), @r#"
    error: `webhook_url` holds the secret itself; only a reference to it is taken
      config.toml:13:15
       13 | (this line is not shown: it may hold a secret)
      hint: keep the secret elsewhere and write in its place { credential = "NAME" } (a file in systemd's credentials folder), { file = "PATH" } or { env = "NAME" }
    error: `secrets[0]` holds the secret itself; only a reference to it is taken
      config.toml:19:12
       19 | (this line is not shown: it may hold a secret)
      hint: keep the secret elsewhere and write in its place { credential = "NAME" } (a file in systemd's credentials folder), { file = "PATH" } or { env = "NAME" }
    error: `secrets[1]` names two places
      config.toml:19:23
       19 | (this line is not shown: it may hold a secret)
      hint: keep one of `credential`, `file`, `env`
    error: unknown key `environment` in `Authorization`
      config.toml:20:31
       20 | headers = { Authorization = { environment = …
          |                               ^^^^^^^^^^^
      hint: keys here are `credential`, `file`, `env`
    "#);
}

#[test]
fn references_become_placeholders_and_defaults_are_filled_in() {
    let world = World::new(&format!(
        r#"{GOOD}
[notifiers.hook]
plugin = "webhook"
[notifiers.hook.config]
url = "https://x.example/hook"
secrets = [{{ credential = "one" }}, {{ file = "two" }}]
headers = {{ "X/Team~" = {{ env = "TEAM" }}, X-Plain = "text" }}
retry = {{}}
[notifiers.slack]
plugin = "slack"
config.bot_token = {{ env = "SLACK" }}
config.channel = "C"
"#
    ));
    let config = world.config();
    let hook = &config.notifiers["hook"];
    assert_eq!(
        hook.config,
        json!({
            "url": "https://x.example/hook",
            "secrets": [{ "$secret": "/secrets/0" }, { "$secret": "/secrets/1" }],
            "headers": { "X/Team~": { "$secret": "/headers/X~1Team~0" }, "X-Plain": "text" },
            "retry": { "times": 3 },
        })
    );
    for pointer in hook.secrets.keys() {
        assert_eq!(hook.config.pointer(pointer).unwrap()["$secret"], json!(pointer));
    }
    let secrets: Vec<_> = hook.secrets.values().cloned().collect();
    let file = world.folder.path().join("two");
    assert_eq!(
        secrets,
        [SecretRef::Env("TEAM".into()), SecretRef::Credential("one".into()), SecretRef::File(file)]
    );
    assert_eq!(
        config.notifiers["slack"].config,
        json!({ "bot_token": { "$secret": "/bot_token" }, "channel": "C", "api_url": "https://slack.com/api" })
    );
    assert_eq!(config.notifiers["log"].config, json!({ "level": "info", "lines_max": 100 }));
}

#[test]
fn a_plugin_that_is_not_there_breaks_its_notifier_only() {
    let world = World::new(&format!(
        "{GOOD}[notifiers.chat]\nplugin = 'slak'\nconfig = {{ webhook_url = {{ env = 'X' }} }}\n\
         [notifiers.odd]\nplugin = 'damaged'\n"
    ));
    let loaded = world.load().unwrap();
    let broken: String = loaded
        .warnings
        .iter()
        .filter(|warning| warning.severity == Severity::Broken)
        .map(|w| w.to_string())
        .collect();
    assert_snapshot!(world.plain(&broken), @r#"
    error: no plugin `slak`: there is no libcommwatch_slak.so
      config.toml:10:10
       10 | plugin = 'slak'
          |          ^^^^^^
      hint: looked in `/usr/local/lib/commwatch/plugins`, `/usr/lib/commwatch/plugins`; plugins there are `damaged`, `log`, `slack`, `webhook`; did you mean `slack`?
    error: the plugin's own description of its configuration is unusable: 7 is not valid under any of the schemas listed in the 'anyOf' keyword
      config.toml:13:10
       13 | plugin = 'damaged'
          |          ^^^^^^^^^
      hint: the fault is in /plugins/libcommwatch_damaged.so, version 1.0.0
    "#);
    let chat = &loaded.config.notifiers["chat"];
    assert!(chat.library.is_err() && chat.config.is_null() && chat.secrets.is_empty());
    assert!(loaded.config.notifiers["odd"].library.is_err());
    assert!(loaded.config.notifiers["log"].library.is_ok());
}

#[test]
fn a_plugin_is_named_by_its_word() {
    assert_snapshot!(errors_after_good("[notifiers.x]\nplugin = 'libcommwatch_slack.so'\n"), @r#"
    error: `libcommwatch_slack.so` cannot be the name of a plugin
      config.toml:10:10
       10 | plugin = 'libcommwatch_slack.so'
          |          ^^^^^^^^^^^^^^^^^^^^^^^
      hint: write the plugin's word, such as "slack" for the file libcommwatch_slack.so
    "#);
}

#[test]
fn a_schema_that_refers_to_itself_does_not_bring_the_daemon_down() {
    let world = World::new(&format!(
        "{GOOD}[notifiers.x]\nplugin = 'recursive'\nconfig = {{ x = {{ x = {{}} }} }}\n"
    ));
    assert!(world.config().notifiers["x"].config.pointer("/x/x/x/x").is_some());
}
