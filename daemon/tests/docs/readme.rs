//! The README does what it says.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use commwatch::config::{self, Catalog, Found, Loaded, NotFound, Severity, Trust};
use commwatch::ops::metrics::{Metrics, Outbox};
use commwatch::plugin::Manifest;
use jiff::Timestamp;

use crate::markdown::{anchors, blocks, code, links};
use crate::root;

pub(crate) const README: &str = include_str!("../../../README.md");

/// The plugins that were built beside this test, wherever the configuration looks for them.
pub(crate) struct Built;

impl Catalog for Built {
    fn find(&self, plugin: &str, folders: &[PathBuf], _: Trust) -> Result<Found, NotFound> {
        let here = std::env::current_exe().unwrap().parent().unwrap().to_owned();
        let library = here.join(format!("libcommwatch_{}.so", plugin.replace('-', "_")));
        let manifest = Manifest::read(&library).map_err(|refusal| NotFound {
            why: refusal.to_string(),
            looked_in: folders.to_vec(),
            names: vec![],
        })?;
        let repeats = manifest.repeat_seconds > 0;
        Ok(Found { library, schema: manifest.config, version: manifest.version, repeats })
    }
}

fn load(toml: &str) -> Loaded {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("commwatch.toml");
    std::fs::write(&path, toml).unwrap();
    config::load(&path, &Built).unwrap_or_else(|mistakes| panic!("{mistakes}"))
}

#[test]
fn the_configuration_to_start_with_has_15_lines_and_nothing_to_remark_on() {
    let first = &blocks(README, "toml")[0];
    assert_eq!(load(first).warnings, []);
    assert!(first.lines().count() <= 15, "{first}");
}

#[test]
fn every_configuration_is_sound() {
    let blocks = blocks(README, "toml");
    assert_eq!(blocks.len(), 4);
    let first = blocks[0].clone();
    for block in blocks {
        // What is shown of a configuration goes with the one to start with.
        let is_whole = block.contains("[accounts.");
        let loaded = load(&if is_whole { block } else { format!("{first}\n{block}") });
        assert!(loaded.warnings.iter().all(|remark| remark.severity == Severity::Warning));
        assert!(loaded.config.notifiers.values().all(|notifier| notifier.library.is_ok()));
    }
}

#[test]
fn every_command_exists_with_its_options() {
    let mut tried = 0;
    for line in code(README) {
        let words: Vec<&str> = line.split_whitespace().collect();
        let is_ours = |word: &str| word == "commwatch" || word.ends_with("debug/commwatch");
        // The name of the service, or of a package, not a command.
        let Some(at) = words.iter().position(|word| is_ours(word)) else { continue };
        if at > 0 && matches!(words[at - 1], "-p" | "restart" | "status" | "--now" | "-u") {
            continue;
        }
        let end = words.iter().position(|word| *word == "|").unwrap_or(words.len());
        let arguments = &words[at + 1..end];
        let is_name = |word: &&&str| word.bytes().all(|b| b.is_ascii_lowercase());
        let command: Vec<&str> = arguments.iter().take_while(is_name).copied().collect();
        if command.is_empty() {
            continue;
        }
        let help = help(&command, &line);
        for option in arguments.iter().filter(|word| word.starts_with('-')) {
            assert!(help.contains(*option), "`{line}`: no {option} in\n{help}");
        }
        tried += 1;
    }
    assert!(tried > 10, "only {tried} commands were found");
    assert!(code(README).contains(&"--output json".to_owned()) && help(&["status"], "").contains("--output"));
}

fn help(command: &[&str], line: &str) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_commwatch")).args(command).arg("--help").output().unwrap();
    assert!(output.status.success(), "`{line}`: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn the_two_commands_of_the_first_screen_are_there() {
    let aliases = std::fs::read_to_string(root().join(".cargo/config.toml")).unwrap();
    assert!(aliases.contains("demo = \"run -q -p commwatch --example demo --\""));
    let first_screen: Vec<&str> = README.lines().take(40).collect();
    assert!(first_screen.contains(&"cargo demo") && first_screen.contains(&"cargo test --workspace"));
}

#[test]
fn every_number_to_look_at_is_exported() {
    let table: String = README.lines().filter(|line| line.starts_with('|')).collect();
    let is_name = |c: char| c.is_ascii_lowercase() || c == '_';
    let named: Vec<&str> =
        table.split(|c| !is_name(c)).filter(|word| word.starts_with("commwatch_")).collect();
    assert!(named.len() > 15, "{named:?}");
    let exported = exported();
    for name in named {
        assert!(exported.contains(&format!("# TYPE {name} ")), "{name} is no metric");
    }
}

/// What `/metrics` has once everything has happened that makes a series.
fn exported() -> String {
    let config = load(&blocks(README, "toml")[0]).config;
    let now = Timestamp::from_second(1_800_000_000).unwrap();
    let metrics = Metrics::new(now);
    metrics.configure(&config, now);
    metrics.config_taken(now);
    let watch = metrics.watch(&config.watches[0], Duration::from_secs(10), now);
    watch.succeeded(now);
    watch.waits_since(Some(now));
    metrics.store_space(1, 1);
    metrics.account("main").up(true);
    metrics.account("main").budget(1.0, 0.1);
    metrics.account("main").clock_skew(0.0);
    metrics.account("main").token_expires(Some(now));
    metrics.notifier("log").heartbeat(now);
    metrics.notifier("log").outbox(&Outbox {
        pending: 1,
        held: [("quiet_hours", 1)].into(),
        oldest_pending: Some(now),
        dead: 0,
        imbalance: 0,
    });
    metrics.notifier("log").up(true);
    metrics.notifier("log").process_up(true);
    metrics.notifier("log").restarted("crashed", 1);
    metrics.encode()
}

#[test]
fn every_link_leads_somewhere() {
    for page in pages() {
        let text = std::fs::read_to_string(&page).unwrap();
        for link in links(&text).iter().filter(|link| !link.contains("://")) {
            let (file, anchor) = link.split_once('#').unwrap_or((link, ""));
            let target = if file.is_empty() { page.clone() } else { page.parent().unwrap().join(file) };
            assert!(target.exists(), "{}: {link}", page.display());
            if !anchor.is_empty() {
                let there = anchors(&std::fs::read_to_string(&target).unwrap());
                assert!(there.iter().any(|heading| heading == anchor), "{}: {link}", page.display());
            }
        }
    }
}

/// Every page in the repository.
fn pages() -> Vec<PathBuf> {
    let mut pages = Vec::new();
    let mut add = |folder: &Path| {
        let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        pages.extend(entries.filter(|path| path.extension().is_some_and(|end| end == "md")));
    };
    let root = root();
    let folders = [
        "",
        "docs",
        "plugins/alertmanager",
        "plugins/email",
        "plugins/exec",
        "plugins/http",
        "plugins/log",
        "plugins/ntfy",
        "plugins/pagerduty",
        "plugins/slack",
        "plugins/teams",
        "plugins/telegram",
        "plugins/twilio",
        "plugins/webhook",
        "simulator",
        "systemd",
        "monitoring",
        "packaging",
    ];
    folders.iter().for_each(|folder| add(&root.join(folder)));
    assert!(pages.len() >= 16, "{pages:?}");
    pages
}
