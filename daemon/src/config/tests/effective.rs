//! The configuration as it is used, printed.

use std::collections::BTreeSet;
use std::fs;

use insta::assert_snapshot;
use serde_json::Value as Json;

use super::manual::{MANUAL, essence, with_defaults, with_everything};
use super::{GOOD, World};
use crate::config::load::{Surroundings, load_in};
use crate::config::{Catalog, Config, effective};

/// Without what is hidden: that cannot be the same.
fn shown(config: &Config) -> String {
    use crate::config::suspicion::text_looks_secret;
    let is_hidden = |text: &str| text_looks_secret(text) || text.contains("(hidden)");
    let mut config = config.clone();
    for account in config.accounts.values_mut() {
        account.console_url.take_if(|url| is_hidden(url));
        account.proxy.take_if(|url| is_hidden(url.as_str()));
    }
    for notifier in config.notifiers.values_mut() {
        if let Json::Object(object) = &mut notifier.config {
            veil(object, "", &notifier.private);
        }
        notifier.private.clear();
    }
    essence(&config)
}

/// Puts the same for every text or number that may be hidden.
fn veil(object: &mut serde_json::Map<String, Json>, at: &str, private: &BTreeSet<String>) {
    for (key, value) in object.iter_mut() {
        let pointer = format!("{at}{}", crate::config::plugin_config::pointer_to(key));
        veil_value(value, &pointer, key, private);
    }
}

fn veil_value(value: &mut Json, pointer: &str, key: &str, private: &BTreeSet<String>) {
    use crate::config::suspicion::{key_sounds_secret, text_looks_secret};
    let is_private = key_sounds_secret(key) || private.contains(pointer);
    match value {
        Json::Object(inner) if inner.contains_key("$secret") => {}
        _ if is_private => *value = Json::Null,
        Json::String(text) if text_looks_secret(text) || text.contains("(hidden)") => *value = Json::Null,
        Json::Object(inner) => veil(inner, pointer, private),
        Json::Array(values) => {
            for (index, value) in values.iter_mut().enumerate() {
                veil_value(value, &format!("{pointer}/{index}"), key, private);
            }
        }
        _ => {}
    }
}

/// What is printed loads again, into the same configuration.
pub(super) fn assert_printed_is_the_same(config: &Config, catalog: &dyn Catalog) {
    let printed = effective(config).to_string();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("printed.toml");
    fs::write(&path, &printed).unwrap();
    // All that depends on the surroundings stands in it.
    let again = load_in(&path, catalog, &Surroundings::default())
        .unwrap_or_else(|mistakes| panic!("{mistakes}{printed}"));
    assert_eq!(shown(&again.config), shown(config), "{printed}");
    let table: toml::Table = printed.parse().unwrap();
    assert_eq!(serde_json::to_value(table).unwrap(), effective(config).to_json()["config"]);
}

#[test]
fn the_manual_is_printed_as_it_is_used_and_read_again() {
    for text in [MANUAL.to_owned(), with_defaults(), with_everything()] {
        let world = World::new(&text);
        world.write("company-ca.pem", "");
        assert_printed_is_the_same(&world.config(), &super::Shelf);
    }
}

#[test]
fn files_are_merged_and_defaults_filled_in_with_the_place_of_what_is_written() {
    let world = World::new(&format!("{GOOD}[[route]]\nnotify = ['log']\n"));
    world.write(
        "conf.d/vips.toml",
        "watch = [\n  { name = 'dana', priority = 'vip', stream = 532, object = 7, interval = '10s' },\n]\n\
         [accounts.main]\nburst = 7\n[notifiers.log]\nconfig.level = 'warn'\n",
    );
    let printed = world.plain(&effective(&world.config()).to_string());
    assert_snapshot!(printed, @r#"
    # The configuration as it is used: files merged, defaults filled in, secrets hidden. Beside what is written: where.

    [accounts.main]
    base_url = "https://api.commbox.io/"  # config.toml:2
    token = { credential = "commbox-token" }  # config.toml:3
    rate = "1/s"
    burst = 7  # conf.d/vips.toml:5
    max_in_flight = 4
    timeout = "10s"
    bots = []
    streams = []

    [[watch]]
    name = "dana"  # conf.d/vips.toml:2
    title = "dana"
    priority = "vip"  # conf.d/vips.toml:2
    tags = []
    account = "main"
    stream = 532  # conf.d/vips.toml:2
    object = 7  # conf.d/vips.toml:2
    interval = "10s"  # conf.d/vips.toml:2
    baseline = "silent"

    [notifiers.log]
    plugin = "log"  # config.toml:5
    content = "snippet"
    timezone = "UTC"
    timeout = "15s"
    rate = "10/s"
    retry_for = "6h"
    retries = "people"
    order = "any"
    group = false
    max_per = false
    reveal = []

    [notifiers.log.config]
    level = "warn"  # conf.d/vips.toml:7
    lines_max = 100

    [[route]]
    name = "route-1"
    events = ["message.created"]
    from = ["customer", "unknown"]
    tags = []
    tags_all = []
    not_tags = []
    notify = ["log"]  # config.toml:10

    [operators]
    notify = ["log"]  # config.toml:7

    [plugins]
    path = ["/usr/local/lib/commwatch/plugins", "/usr/lib/commwatch/plugins"]
    trust = "strict"
    pins = "plugins.lock"

    [store]
    path = "/var/lib/commwatch/commwatch.db"
    retention = "30d"
    text_retention = "7d"

    [http]
    listen = "127.0.0.1:9479"
    allowed_hosts = []
    show_text = false

    [admin]
    socket = "/var/lib/commwatch/admin.sock"

    [reload]
    on_change = true
    settle = "2s"

    [log]
    level = "info"
    format = "auto"
    "#);
}

#[test]
fn for_programs_it_is_the_configuration_and_where_it_is_written() {
    let world = World::new(&format!("{GOOD}[polling]\ninterval = '20s'\n"));
    world.write("conf.d/a.toml", "[[watch]]\nname = 'w'\nstream = 1\nobject = 2\n");
    let config = world.config();
    let json = effective(&config).to_json();
    assert_eq!(json["config"]["watch"][0]["interval"], "20s");
    assert_eq!(json["config"]["accounts"]["main"]["token"]["credential"], "commbox-token");
    let place = |way: &str| world.plain(json["origins"][way].as_str().unwrap_or("none"));
    assert_eq!(place("watch.w.object"), "conf.d/a.toml:4");
    assert_eq!(place("watch.w.interval"), "none", "it is [polling]'s");
    assert_eq!(place("accounts.main.token"), "config.toml:3");
    // Each place is one where such a key stands.
    for (way, place) in config.origins.all() {
        let (file, line) = place.rsplit_once(':').unwrap();
        let text = fs::read_to_string(file).unwrap();
        let line = text.lines().nth(line.parse::<usize>().unwrap() - 1).unwrap();
        assert!(line.contains(way.rsplit('.').next().unwrap()), "{way}: {line}");
    }
}

#[test]
fn a_notifier_whose_plugin_is_not_there_says_that_its_configuration_is_not_known() {
    let world = World::new(&format!("{GOOD}[notifiers.x]\nplugin = 'absent'\nconfig.key = 'hunter2'\n"));
    let printed = effective(&world.config()).to_string();
    assert!(
        printed.contains(
            "[notifiers.x]\n# It cannot work, and its own configuration is not known: no plugin `absent`: "
        ),
        "{printed}"
    );
    assert!(!printed.contains("hunter2"), "{printed}");
}

/// Everywhere where a secret may be written out and is taken.
const LEAKY: &str = r#"
[accounts.main]
base_url = "https://api.commbox.io"
token = { env = "T" }
console_url = "https://acme.example/{object_id}?access_token=hunter2"
proxy = "http://proxy.example:3128/?key=hunter2"
[notifiers.hook]
plugin = "webhook"
[notifiers.hook.config]
url = "https://hooks.example/services/hunter2"
headers = { authorization = "Bearer hunter2", x-anything = "hunter2" }
[notifiers.hook-2]
plugin = "webhook"
config.url = "https://me:hunter2@hooks.example"
[notifiers.tickets]
plugin = "http"
[notifiers.tickets.config]
url = "https://tickets.example/hunter2"
body = "{}"
headers = { "X-Api-Key" = "hunter2" }
[notifiers.alerts]
plugin = "alertmanager"
config.url = "http://me:hunter2@127.0.0.1:9093"
[notifiers.siren]
plugin = "exec"
[notifiers.siren.config]
program = "/bin/true"
env = { SIREN_TOKEN = "hunter2", SIREN_PASSWORD = "hunter2" }
args = ["https://siren.example/?token=hunter2", "Bearer hunter2"]
[notifiers.own]
plugin = "pager"
[notifiers.own.config]
anything = "hunter2"
deep = { er = ["hunter2", { still = "hunter2" }] }
number = 40414041
[notifiers.log]
plugin = "log"
config.file = "whsec_hunter2"
"#;

#[test]
fn nothing_that_may_be_a_secret_is_printed_wherever_it_is_written() {
    let world = World::new(LEAKY);
    let config = world.config();
    let (printed, json) = (effective(&config).to_string(), effective(&config).to_json().to_string());
    assert_eq!(LEAKY.matches("hunter2").count(), 17);
    for text in [&printed, &json] {
        assert!(!text.contains("hunter2") && !text.contains("40414041"), "{text}");
    }
    // What it is about is seen all the same.
    for shown in
        ["https://hooks.example/(hidden)", "https://acme.example/(hidden)/{object_id}", "SIREN_TOKEN"]
    {
        assert!(printed.contains(shown), "{printed}");
    }
}
