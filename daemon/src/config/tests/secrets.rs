//! No text of a secret ever leaves the configuration.

use insta::assert_snapshot;

use super::{GOOD, World, errors, errors_after_good};

#[test]
fn a_literal_token_is_refused_and_not_shown() {
    assert_snapshot!(errors(r#"
[accounts.main]
base_url = "https://api.commbox.io"
token = "f00dcafe"
"#), @r#"
    error: `token` holds the secret itself; only a reference to it is taken
      config.toml:4:9
       4 | (this line is not shown: it may hold a secret)
      hint: keep the secret elsewhere and write in its place { credential = "NAME" } (a file in systemd's credentials folder), { file = "PATH" } or { env = "NAME" }
    "#);
}

#[test]
fn references_are_checked_for_their_form() {
    assert_snapshot!(errors(r#"
[accounts.a]
base_url = "https://api.commbox.io"
token = { credental = "commbox-token" }
[accounts.b]
base_url = "https://api.commbox.io"
token = { credential = "a", env = "B" }
[accounts.c]
base_url = "https://api.commbox.io"
token = {}
[accounts.d]
base_url = "https://api.commbox.io"
token = { env = "$TOKEN" }
[accounts.e]
base_url = "https://api.commbox.io"
token = { credential = "../token" }
"#), @r#"
    error: unknown key `credental` in `token`
      config.toml:4:11
       4 | token = { credental = …
         |           ^^^^^^^^^
      hint: did you mean `credential`?
    error: `token` names two places
      config.toml:7:9
       7 | token = { credential = "a", env = "B" }
         |         ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
      hint: keep one of `credential`, `file`, `env`
    error: `token` does not say where the secret is kept
      config.toml:10:9
       10 | token = {}
          |         ^^
      hint: write { credential = "NAME" } (a file in systemd's credentials folder), { file = "PATH" } or { env = "NAME" }
    error: this cannot be the name of a variable
      config.toml:13:17
       13 | token = { env = "$TOKEN" }
          |                 ^^^^^^^^
      hint: write the variable's name without `$`, such as "COMMBOX_TOKEN"
    error: this cannot be the name of a credential
      config.toml:16:24
       16 | token = { credential = "../token" }
          |                        ^^^^^^^^^^
      hint: a credential is named like the file in systemd's credentials folder, such as "commbox-token"
    "#);
}

#[test]
fn wherever_a_secret_is_written_its_line_is_not_shown() {
    for config in [
        // In the place of a reference, as any type.
        "[accounts.main]\ntoken = 'hunter2'\n",
        "[accounts.main]\ntoken = ['hunter2']\n",
        "[accounts.main]\ntoken = '''\nhunter2'''\n",
        "[http]\ntoken = 'hunter2'\n",
        "[accounts.main]\ntoken = { credental = 'hunter2' }\n",
        "[accounts.main]\ntoken = { value = 'hunter2' }\n",
        "[accounts.main]\ntoken = { literal = { deep = ['hunter2'] } }\n",
        // Under a name that is not right.
        "[accounts.main]\ntokn = 'hunter2'\n",
        "[acounts.main]\nsomething = 'hunter2'\n",
        "tok = 'hunter2'\n",
        "accounts = 'hunter2'\n",
        "[http]\nallowed = 'hunter2'\n",
        "[notifiers]\nx = 'hunter2'\n",
        // On the line of another mistake.
        "accounts = { main = { token = 'hunter2', rat = '1/s' } }\n",
        "accounts = { main = { rat = '1/s', token = 'hunter2' } }\n",
        // In an address.
        "[accounts.main]\nbase_url = 'https://user:hunter2@api.commbox.io'\n",
        "[accounts.main]\nbase_url = 'https://api.commbox.io/?access_token=hunter2'\n",
        "[accounts.main]\nproxy = 'http://user:hunter2@proxy.example'\n",
        "[accounts.main]\nconsole_url = 'http://user:hunter2@proxy.example/{object_id}'\n",
        // In a plugin's configuration: known, unknown, misplaced, of a plugin that is not there.
        "[notifiers.x]\nplugin = 'slack'\n[notifiers.x.config]\nwebhook_url = 'hunter2'\n",
        "[notifiers.x]\nplugin = 'slack'\n[notifiers.x.config]\nweb_hook = 'hunter2'\n",
        "[notifiers.x]\nplugin = 'slack'\nwebhook_url = 'hunter2'\n",
        "[notifiers.x]\nplugin = 'slack'\nconfig = 'hunter2'\n",
        "[notifiers.x]\nplugin = 'slack'\nconfig = { webhook_url = 'hunter2', style = 'bold' }\n",
        "[notifiers.x]\nplugin = 'absent'\nconfig = { some = 'hunter2', other = 1 }\nrate = 1\n",
        "[notifiers.x]\nplugin = 'damaged'\nconfig = { some = 'hunter2', other = 1 }\n",
        "[notifiers.x]\nconfig = { some = 'hunter2' }\nplugins = 'log'\n",
        "[notifiers.x]\nplugin = 'webhook'\n[notifiers.x.config]\nsecrets = ['a', 'hunter2']\n",
        "[notifiers.x]\nplugin = 'webhook'\n[notifiers.x.config]\nheaders = { a = 'hunter2', b = 5 }\n",
        "[notifiers.x]\nplugin = 'webhook'\n[notifiers.x.config]\nheaders = ['hunter2']\n",
        "[notifiers.x]\nplugin = 'webhook'\n[notifiers.x.config]\nurl = 'not an address ?token=hunter2 https://'\n",
        // Without quotes.
        "[notifiers.x]\nplugin = 'slack'\nconfig.webhook_url = 0hunter2\n",
        "[accounts.main]\nbase_url = 4'hunter2'\n",
        "object = 0xhunter2\n",
        "object = 1.hunter2\n",
        // Where the file is not even TOML.
        "token = 'hunter2\n",
        "token: hunter2\n",
        "token = hunter2\n",
        "hunter2\n",
        "[hunter2\n",
        "a = '''\nhunter2\n",
        "a = ['x',\n'hunter2'\n'y']\n",
        "a = 1 hunter2\n",
        "a = 'hunter2' 'x'\n",
        "a.hunter2 = 1\na.hunter2 = 2\n",
    ] {
        let world = World::new(config);
        let mistakes = world.load().unwrap_err();
        for text in [mistakes.to_string(), format!("{mistakes:?}"), serde_json::to_string(&mistakes).unwrap()]
        {
            assert!(!text.contains("hunter2"), "{config}\n{text}");
        }
    }
}

#[test]
fn a_secret_in_one_file_is_not_shown_when_another_file_sets_it_too() {
    let world = World::new("[http]\ntoken = 'hunter2'\n");
    world.write("conf.d/a.toml", "[http]\ntoken = 'hunter2'\n");
    assert!(!world.errors().contains("hunter2"), "{}", world.errors());
}

#[test]
fn a_secret_file_that_everybody_can_read_is_warned_about() {
    use std::os::unix::fs::PermissionsExt;
    let world = World::new(
        "[accounts.main]\nbase_url = 'https://api.commbox.io'\ntoken = { file = 'secrets/token' }\n",
    );
    let path = world.write("secrets/token", "hunter2");
    let warned = |mode| {
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        world.warnings().contains("everybody on this machine can read the secret file `secrets/token`")
    };
    assert!(warned(0o644));
    assert!(!warned(0o640));
}

#[test]
fn the_three_references_are_read_and_relative_files_start_at_the_configuration() {
    let world = World::new(
        "[accounts.a]\nbase_url = 'https://a.example'\ntoken = { credential = 'a' }\n\
         [accounts.b]\nbase_url = 'https://b.example'\ntoken = { file = 'b' }\n\
         [accounts.c]\nbase_url = 'https://c.example'\n[accounts.c.token]\nenv = 'C'\n",
    );
    let config = world.config();
    let tokens: Vec<String> =
        config.accounts.values().map(|account| world.plain(&account.token.to_string())).collect();
    assert_eq!(tokens, ["the credential `a`", "the secret file `b`", "the environment variable `C`"]);
}

#[test]
fn in_a_file_that_is_not_toml_only_punctuation_and_our_own_words_are_shown() {
    assert_snapshot!(errors_after_good("[notifiers.x.config]\nwebhook_url = 'https://hooks.example/T00/B00/XXX\n"), @r#"
    error: this is not TOML: invalid literal string, expected `'`
      config.toml:10:49
       10 | *********** = '*****:*******.*******************
          |                                                 ^
    "#);
}

#[test]
fn only_secrets_that_are_there_are_revealed_to_a_plugin() {
    let world = World::new(&format!(
        "{GOOD}[notifiers.x]\nplugin = 'slack'\nreveal = ['bot_token']\n\
         config = {{ bot_token = {{ env = 'A' }}, channel = 'C' }}\n"
    ));
    let notifier = &world.config().notifiers["x"];
    assert_eq!(notifier.reveal, ["/bot_token".to_owned()].into());
    assert_eq!(notifier.config["bot_token"]["$secret"], "/bot_token", "it is told at the start, not before");
    assert_snapshot!(errors_after_good(r#"
[notifiers.a]
plugin = "slack"
reveal = ["channel", "token"]
config = { bot_token = { env = "A" }, channel = "C" }
[notifiers.b]
plugin = "log"
reveal = ["level"]
[notifiers.c]
plugin = "pager"
config = { key = { env = "A" } }
"#), @r#"
    error: `channel` in `reveal` is no secret of [notifiers.a.config]
      config.toml:12:11
       12 | reveal = ["channel", "token"]
          |           ^^^^^^^^^
      hint: secrets there are `bot_token`
    error: `token` in `reveal` is no secret of [notifiers.a.config]
      config.toml:12:22
       12 | reveal = ["channel", "token"]
          |                      ^^^^^^^
      hint: secrets there are `bot_token`
    error: `level` in `reveal` is no secret of [notifiers.b.config]
      config.toml:16:11
       16 | reveal = ["level"]
          |           ^^^^^^^
      hint: no secret is configured there; delete the line
    error: the plugin must be told `key`
      config.toml:19:10
       19 | config = { key = { env = "A" } }
          |          ^^^^^^^^^^^^^^^^^^^^^^^
      hint: write reveal = ["key"] in [notifiers.c]: its receiver wants it where only the plugin can put it
    "#);
}
