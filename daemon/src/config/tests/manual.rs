//! `config.example.toml` is the manual of every option, and this holds it to that.

use std::collections::BTreeSet;

use toml::Value;

use super::{Shelf, World};
use crate::config::keys;
use crate::config::load::{Surroundings, load_in};
use crate::config::{Config, Loaded};

pub(super) const MANUAL: &str = include_str!("../../../../config.example.toml");

pub(super) fn load(text: &str) -> Loaded {
    let world = World::new(text);
    world.write("company-ca.pem", "");
    let systemd = Surroundings {
        state_directory: Some("/var/lib/commwatch".into()),
        runtime_directory: Some("/run/commwatch".into()),
    };
    load_in(&world.folder.path().join("config.toml"), &Shelf, &systemd)
        .unwrap_or_else(|mistakes| panic!("{mistakes}"))
}

/// The manual with the `#` taken from lines that show a default.
pub(super) fn with_defaults() -> String {
    uncommented("#", |rest| rest.starts_with(|c: char| c.is_ascii_lowercase()))
}

/// The manual with all that it shows switched on.
pub(super) fn with_everything() -> String {
    let defaults = with_defaults();
    defaults.lines().map(|line| format!("{}\n", line.strip_prefix("#: ").unwrap_or(line))).collect()
}

fn uncommented(mark: &str, is_key: impl Fn(&str) -> bool) -> String {
    let line = |line: &'static str| match line.strip_prefix(mark) {
        Some(rest) if is_key(rest) => format!("{rest}\n"),
        _ => format!("{line}\n"),
    };
    MANUAL.lines().map(line).collect()
}

/// All but where the files lay.
pub(super) fn essence(config: &Config) -> String {
    let mut config = config.clone();
    config.path.clear();
    config.files.clear();
    config.origins = crate::config::Origins::default();
    config.plugins.pins = config.plugins.pins.file_name().unwrap_or_default().into();
    format!("{config:#?}")
}

#[test]
fn the_manual_is_a_sound_configuration() {
    let loaded = load(MANUAL);
    assert_eq!(loaded.warnings, []);
    assert!(loaded.config.notifiers.values().all(|notifier| notifier.library.is_ok()));
}

#[test]
fn every_default_in_the_manual_is_the_real_one() {
    assert_ne!(with_defaults(), MANUAL);
    assert_eq!(essence(&load(&with_defaults()).config), essence(&load(MANUAL).config));
}

#[test]
fn every_example_in_the_manual_is_taken() {
    let config = load(&with_everything()).config;
    assert!(config.accounts["main"].proxy.is_some() && config.accounts["main"].ca_file.is_some());
    assert!(config.http.token.is_some() && config.routes[0].priority.is_some());
    assert_eq!(config.notifiers["events"].secrets.len(), 2);
    assert!(config.notifiers.values().all(|notifier| notifier.library.is_ok()));
    for (name, secrets) in
        [("phones", 1), ("ops-telegram", 1), ("ops-teams", 1), ("sms-dana", 1), ("night-desk", 1)]
    {
        assert_eq!(config.notifiers[name].secrets.len(), secrets, "{name}");
    }
}

#[test]
fn every_key_stands_in_the_manual_and_every_key_in_it_exists() {
    let manual: toml::Table = with_everything().parse().unwrap();
    let sections: BTreeSet<&str> = manual.keys().map(String::as_str).collect();
    let known: BTreeSet<&str> = keys::SECTIONS.iter().filter(|key| !key.later).map(|key| key.name).collect();
    assert_eq!(sections, known);
    for (section, keys) in keys::KEYS {
        let known: BTreeSet<&str> = keys.iter().filter(|key| !key.later).map(|key| key.name).collect();
        let shown: BTreeSet<&str> = tables(section, &manual[section])
            .into_iter()
            .flat_map(|table| table.keys().map(String::as_str).collect::<Vec<_>>())
            .collect();
        assert_eq!(shown, known, "in [{section}]");
    }
}

/// The tables whose keys a section's reader knows.
fn tables<'v>(section: &str, value: &'v Value) -> Vec<&'v toml::Table> {
    match (section, value) {
        ("accounts" | "notifiers" | "hours", Value::Table(named)) => {
            named.values().filter_map(Value::as_table).collect()
        }
        (_, Value::Array(values)) => values.iter().filter_map(Value::as_table).collect(),
        (_, value) => value.as_table().into_iter().collect(),
    }
}

#[test]
fn watches_as_lines_are_what_the_manual_says() {
    let lines: String = MANUAL
        .lines()
        .skip_while(|line| !line.starts_with("#   watch = ["))
        .take_while(|line| line.starts_with("#   "))
        .map(|line| format!("{}\n", &line[1..]))
        .collect();
    let world = World::new(super::GOOD);
    world.write("conf.d/vips.toml", &lines);
    assert_eq!(world.config().watches.len(), 2);
}
