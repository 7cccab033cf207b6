//! The JSON Schema says what the reader says.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use jsonschema::Validator;
use serde_json::{Value as Json, json};

use super::manual::{MANUAL, with_defaults, with_everything};
use super::{GOOD, Shelf, World};
use crate::config::load::{Surroundings, load_in};
use crate::config::section::{Key, asked};
use crate::config::{Catalog, Found, NotFound, Schema, Trust, keys, schema, shipped_schemas};

/// The plugins that come with commwatch, with their real schemas.
pub(super) struct Shipped;

impl Catalog for Shipped {
    fn find(&self, plugin: &str, folders: &[PathBuf], _: Trust) -> Result<Found, NotFound> {
        static ALL: LazyLock<BTreeMap<String, Json>> = LazyLock::new(shipped_schemas);
        let Some(schema) = ALL.get(plugin).cloned() else {
            let why = format!("there is no libcommwatch_{plugin}.so");
            return Err(NotFound { why, looked_in: folders.to_vec(), names: ALL.keys().cloned().collect() });
        };
        let library = Path::new("/plugins").join(format!("libcommwatch_{plugin}.so"));
        Ok(Found { library, schema, version: "1.0.0".into(), repeats: false })
    }
}

pub(super) fn validator(schema: &Json) -> Validator {
    jsonschema::options().offline().should_validate_formats(true).build(schema).unwrap()
}

pub(super) fn remarks(validator: &Validator, config: &toml::Table) -> Vec<String> {
    let json = serde_json::to_value(config).unwrap();
    validator.iter_errors(&json).map(|error| format!("{}: {error}", error.instance_path())).collect()
}

/// With the shipped plugins.
pub(super) static REAL: LazyLock<Validator> = LazyLock::new(|| validator(&schema(&shipped_schemas()).json));

/// What the schema has against a configuration whose plugins are those of the tests' shelf.
pub(super) fn of_shelf(text: &str) -> Vec<String> {
    static SHELF: LazyLock<Validator> = LazyLock::new(|| {
        let names = shipped_schemas().into_keys().chain(["pager".to_owned()]);
        let found = names.map(|name| {
            let found = Shelf.find(&name, &[], Trust::Strict).unwrap();
            (name, found.schema)
        });
        validator(&schema(&found.collect()).json)
    });
    remarks(&SHELF, &text.parse().unwrap())
}

fn check(text: &str) -> Vec<String> {
    remarks(&REAL, &text.parse().unwrap())
}

/// The definition that stands for a table, by the name of its keys.
fn definition(name: &str) -> Json {
    schema(&BTreeMap::new()).json["$defs"][name].clone()
}

fn names(keys: &[Key]) -> BTreeSet<&str> {
    keys.iter().filter(|key| !key.later).map(|key| key.name).collect()
}

fn properties(schema: &Json) -> BTreeSet<&str> {
    schema["properties"].as_object().unwrap().keys().map(String::as_str).collect()
}

#[test]
fn the_schema_knows_every_key_that_the_reader_knows_and_no_other() {
    let whole = schema(&BTreeMap::new()).json;
    assert_eq!(properties(&whole), names(keys::SECTIONS));
    for (name, keys) in keys::KEYS.iter().chain(&keys::INNER) {
        let definition = definition(name);
        assert_eq!(properties(&definition), names(keys), "in {name}");
        assert_eq!(definition["additionalProperties"], false, "in {name}");
    }
}

#[test]
fn every_table_that_the_reader_opens_and_every_key_that_it_asks_for_is_known() {
    let world = World::new(&with_everything());
    world.write("company-ca.pem", "");
    load_in(&world.folder.path().join("config.toml"), &Shipped, &Surroundings::default()).unwrap();
    let asked = asked::so_far();
    let all: Vec<_> = keys::KEYS.iter().chain(&keys::INNER).collect();
    for opened in asked.keys() {
        let is_known = |keys: &[Key]| keys.iter().map(|key| key.name).eq(opened.iter().copied());
        assert!(all.iter().any(|(_, keys)| is_known(keys)), "a table with {opened:?} is in no list");
    }
    for (name, keys) in all {
        let whole: Vec<&str> = keys.iter().map(|key| key.name).collect();
        let asked: BTreeSet<&str> = asked[&whole].iter().map(String::as_str).collect();
        assert_eq!(asked, names(keys), "in {name}: what nobody asks for does nothing");
    }
}

#[test]
fn everything_is_described() {
    let whole = schema(&BTreeMap::new()).json;
    for (name, _) in keys::KEYS.iter().chain(&keys::INNER) {
        assert!(whole["$defs"][name]["title"].is_string(), "{name}");
        for (key, rule) in whole["$defs"][name]["properties"].as_object().unwrap() {
            assert!(
                rule["description"].as_str().is_some_and(|text| text.ends_with(['.', '|', '}'])),
                "{name}.{key}"
            );
        }
    }
}

#[test]
fn every_default_in_the_schema_is_the_real_one() {
    let minimal = format!(
        "{GOOD}[[watch]]\nname = 'w'\nstream = 1\nobject = 1\n[[watch]]\nname = 's'\nchannel.stream = 2\n\
         [[route]]\nnotify = ['log']\n[heartbeat]\nnotify = ['log']\n\
         [hours.h]\ntimezone = 'UTC'\nopen = ['mon 09:00-10:00']\n\
         [notifiers.g]\nplugin = 'log'\ngroup = {{}}\nquiet_hours = {{ during = 'h' }}\n"
    );
    let mut filled: toml::Table = minimal.parse().unwrap();
    let mut defaults = 0;
    for (name, _) in keys::KEYS.iter().chain(&keys::INNER) {
        let definition = definition(name);
        let defaults_of = definition["properties"].as_object().unwrap().iter();
        for (key, default) in defaults_of.filter_map(|(key, rule)| Some((key, rule.get("default")?))) {
            let default = toml::Value::try_from(default).unwrap();
            for table in tables(&mut filled, name) {
                assert!(table.insert(key.clone(), default.clone()).is_none(), "{name}.{key}");
                defaults += 1;
            }
        }
    }
    assert!(defaults > 40, "{defaults}");
    let essence = |text: &str| super::manual::essence(&super::manual::load(text).config);
    assert_eq!(essence(&toml::to_string(&filled).unwrap()), essence(&minimal));
}

/// The tables that a definition is about; those of the sections that are left out are made.
fn tables<'t>(config: &'t mut toml::Table, name: &str) -> Vec<&'t mut toml::Table> {
    fn named(value: Option<&mut toml::Value>) -> Vec<&mut toml::Table> {
        let all = value.and_then(toml::Value::as_table_mut).into_iter().flat_map(|all| all.iter_mut());
        all.filter_map(|(_, value)| value.as_table_mut()).collect()
    }
    match name {
        "accounts" | "notifiers" | "hours" => named(config.get_mut(name)),
        "watch" | "route" => {
            let all = config[name].as_array_mut().unwrap();
            all.iter_mut().filter_map(toml::Value::as_table_mut).collect()
        }
        "group" | "quiet_hours" => config["notifiers"]["g"][name].as_table_mut().into_iter().collect(),
        "secret" | "customer" | "channel" => Vec::new(),
        _ => {
            let made = config.entry(name).or_insert_with(|| toml::Value::Table(toml::Table::new()));
            made.as_table_mut().into_iter().collect()
        }
    }
}

#[test]
fn the_manual_fits_with_its_defaults_and_all_of_its_examples() {
    assert!(MANUAL.starts_with("#:schema "), "editors look for it in the first line");
    for text in [MANUAL.to_owned(), with_defaults(), with_everything()] {
        assert_eq!(check(&text), [""; 0]);
    }
}

#[test]
fn every_configuration_in_a_readme_fits() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let plugins = std::fs::read_dir(root.join("plugins")).unwrap();
    let mut pages = vec![root.join("README.md")];
    pages.extend(plugins.map(|entry| entry.unwrap().path().join("README.md")));
    let mut seen = 0;
    for page in pages.iter().filter(|page| page.exists()) {
        let text = std::fs::read_to_string(page).unwrap();
        let blocks = text.split("```toml\n").skip(1).map(|rest| rest.split("```").next().unwrap());
        for block in blocks.filter(|block| !block.contains("[package]") && !block.contains("[dependencies]"))
        {
            let mut config: toml::Table = block.parse().unwrap();
            // What is shown of a notifier goes with what is said above it.
            let plugin = page.parent().unwrap().file_name().unwrap().to_str().unwrap();
            for notifier in tables(&mut config, "notifiers") {
                notifier.entry("plugin").or_insert_with(|| plugin.into());
            }
            assert_eq!(remarks(&REAL, &config), [""; 0], "{}:\n{block}", page.display());
            seen += 1;
        }
    }
    assert!(seen > 15, "{seen}");
}

#[test]
fn a_secret_is_a_reference_where_a_plugin_takes_nothing_else() {
    let hook = |keys: &str| {
        let text = format!(
            "[notifiers.x]\nplugin = 'webhook'\n[notifiers.x.config]\nurl = 'https://x.example'\n{keys}"
        );
        check(&text).len()
    };
    assert_eq!(hook("secret = { env = 'S' }"), 0);
    assert_eq!(hook("secret = 'whsec_abc'"), 1);
    assert_eq!(hook("secrets = [{ file = 'a' }, { credential = 'b' }]"), 0);
    assert_ne!(hook("secrets = ['whsec_abc']"), 0);
    assert_eq!(hook("headers = { a = 'text', b = { env = 'B' } }"), 0);
    assert_ne!(hook("headers = { a = { enf = 'B' } }"), 0);
    assert_ne!(hook("secret = { env = 'S', file = 's' }"), 0);
}

#[test]
fn what_a_plugin_needs_is_needed_and_what_has_a_default_is_not() {
    assert_eq!(check("[notifiers.x]\nplugin = 'log'\n"), [""; 0]);
    assert_ne!(check("[notifiers.x]\nplugin = 'slack'\n"), [""; 0]);
    assert_eq!(check("[notifiers.x]\nplugin = 'acme-own'\nconfig = { anything = 1 }\n"), [""; 0]);
    let own = json!({ "type": "object", "required": ["a", "b"], "properties": { "a": { "default": 1 }, "b": { "$ref": "#/$defs/b" } },
        "$defs": { "b": { "type": "integer" } } });
    let own = validator(&schema(&[("own".to_owned(), own)].into()).json);
    let fits = |config: &str| {
        let text = format!("[notifiers.x]\nplugin = 'own'\nconfig = {config}\n");
        remarks(&own, &text.parse().unwrap()).is_empty()
    };
    assert!(fits("{ b = 2 }"));
    assert!(!fits("{ a = 1 }") && !fits("{ b = 'two' }"));
}

#[test]
fn a_plugin_whose_schema_is_none_is_left_open_and_named() {
    let of = |name: &str| (name.to_owned(), Shelf.find(name, &[], Trust::Strict).unwrap().schema);
    let elsewhere = json!({ "$ref": "https://schemas.example/own.json" });
    let plugins = [of("damaged"), of("recursive"), of("slack"), ("elsewhere".to_owned(), elsewhere)].into();
    let Schema { json, left_out } = schema(&plugins);
    let names: Vec<&str> = left_out.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["damaged", "elsewhere"]);
    let validator = validator(&json);
    let text = "[notifiers.x]\nplugin = 'damaged'\nconfig.a = 1\n[notifiers.y]\nplugin = 'recursive'\nconfig.x.x.x = {}\n";
    assert_eq!(remarks(&validator, &text.parse().unwrap()), [""; 0]);
}
