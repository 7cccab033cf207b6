//! Files that are no plugin, or none for this commwatch, are refused with both sides shown.

use std::path::Path;

use commwatch::plugin::PluginState;
use commwatch::plugin::manifest::Manifest;
use commwatch_plugin_api::Outcome;
use serde_json::json;

use crate::world::{World, compile, library, spec};

/// Why a notifier with this file does not start.
async fn refusal(file: &Path, config: serde_json::Value) -> String {
    let world = World::start(spec(file.to_owned(), config));
    let why = world.failure().await;
    assert!(world.deliver("x").await.not_sent);
    world.stop().await;
    why.replace(&file.display().to_string(), "FILE")
}

async fn refusal_of_variant(defines: &[&str]) -> String {
    let folder = tempfile::tempdir().unwrap();
    let why = refusal(&compile("daemon/tests/plugins/variant.c", defines, folder.path()), json!({})).await;
    why.replace(&folder.path().display().to_string(), "FOLDER")
}

#[tokio::test]
async fn a_library_that_does_not_fit_is_refused() {
    let mut all = String::new();
    for defines in [
        "-DMANIFEST_ABI=\"2\"",
        "-DTABLE_ABI=2",
        "-DTABLE_SIZE=40",
        "-DOTHER_MANIFEST",
        "-DNO_ENTRY",
        "-DNULL_TABLE",
        "-DNO_CREATE",
        "-DNO_DELIVER",
        "-DUNDEFINED",
        "-DSECTION=\".other\"",
    ] {
        all += &format!("{defines}\n    {}\n", refusal_of_variant(&[defines]).await);
    }
    insta::assert_snapshot!(all, @r#"
    -DMANIFEST_ABI="2"
        plugin FILE: it is built for plugin ABI 2, this commwatch has ABI 1: build it against this commwatch's header
    -DTABLE_ABI=2
        plugin FILE: it is built for plugin ABI 2, this commwatch has ABI 1: build it against this commwatch's header
    -DTABLE_SIZE=40
        plugin FILE: its table has 40 bytes, ABI 1 needs at least 56
    -DOTHER_MANIFEST
        plugin FILE: its table's manifest ({"abi":1,"name":"variant","version":"2.0.0","concurrency":1,) is not the one in its section ({"abi":1,"name":"variant","version":"1.0.0","concurrency":1,): the file is put together wrongly
    -DNO_ENTRY
        plugin FILE: it does not export `cw_plugin_entry_v1`: FILE: undefined symbol: cw_plugin_entry_v1
    -DNULL_TABLE
        plugin FILE: `cw_plugin_entry_v1` returned NULL
    -DNO_CREATE
        plugin FILE: its table has no `create`
    -DNO_DELIVER
        plugin FILE: its table has no `deliver`
    -DUNDEFINED
        plugin FILE: it does not load: FILE: undefined symbol: nobody_defines_this
    -DSECTION=".other"
        plugin FILE: it holds no section .commwatch.plugin: it is not a commwatch plugin
    "#);
}

#[tokio::test]
async fn a_file_that_is_no_library_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let text = folder.path().join("libcommwatch_text.so");
    std::fs::write(&text, "#!/bin/sh\n").unwrap();
    let cut = folder.path().join("libcommwatch_cut.so");
    let whole = std::fs::read(library("faulty")).unwrap();
    std::fs::write(&cut, &whole[..whole.len() / 2]).unwrap();
    let missing = folder.path().join("libcommwatch_missing.so");
    let executable = Path::new(env!("CARGO_BIN_EXE_commwatch"));
    let mut all = String::new();
    for file in [&text, &cut, &missing, executable, folder.path()] {
        all += &format!("{}\n", refusal(file, json!({})).await);
    }
    insta::assert_snapshot!(all, @r#"
    plugin FILE: it is not a shared library (no ELF file)
    plugin FILE: it is a damaged ELF file: Invalid ELF section header offset/size/alignment
    plugin FILE: it cannot be read: No such file or directory (os error 2)
    plugin FILE: it holds no section .commwatch.plugin: it is not a commwatch plugin
    plugin FILE: it is not a regular file
    "#);
}

#[tokio::test]
async fn a_plugin_that_refuses_its_configuration_says_why() {
    let faulty = library("faulty");
    let mut all = String::new();
    for config in
        [json!({"mode": "refuse-start"}), json!({"mode": "panic-at-start"}), json!({"mode": "dance"})]
    {
        all += &format!("{}\n", refusal(&faulty, config).await);
    }
    let all = all.split(", expected one of").next().unwrap();
    insta::assert_snapshot!(all, @r#"
    plugin FILE: it does not start: the room `vip` does not exist: name one that does
    plugin FILE: it does not start: panic: told to panic at the start
    plugin FILE: it does not start: config.mode: unknown variant `dance`
    "#);
}

#[tokio::test]
async fn a_plugin_that_crashes_while_starting_is_tried_again() {
    let world = World::start(spec(library("faulty"), json!({"mode": "abort-at-start"})));
    let restarting = world.state(|state| matches!(state, PluginState::Restarting { .. })).await;
    let PluginState::Restarting { why, .. } = restarting else { panic!("{restarting:?}") };
    assert_eq!(why, "the plugin process ended while starting: signal: 6 (SIGABRT)");
    while world.host.restarts()["crashed"] < 3 {
        world.state(|state| *state == PluginState::Starting).await;
        world.state(|state| matches!(state, PluginState::Restarting { .. })).await;
    }
    let report = world.deliver("x").await;
    assert!(report.not_sent && matches!(report.outcome, Outcome::Retry { .. }), "{report:?}");
    world.stop().await;
}

#[tokio::test]
async fn reading_a_manifest_runs_none_of_the_plugins_code() {
    let folder = tempfile::tempdir().unwrap();
    let touched = folder.path().join("touched");
    let define = format!("-DTOUCH=\"{}\"", touched.display());
    let library = compile("daemon/tests/plugins/variant.c", &[&define], folder.path());
    assert_eq!(Manifest::read(&library).unwrap().name, "variant");
    assert!(!touched.exists(), "a constructor has run");
    let world = World::start(spec(library, json!({})));
    world.pid().await;
    assert!(touched.exists(), "it does run in the child");
    world.stop().await;
}

#[test]
fn the_manifest_of_every_plugin_here_is_good() {
    for plugin in ["log", "faulty"] {
        let manifest = Manifest::read(&library(plugin)).unwrap();
        assert_eq!(manifest.name, plugin);
        assert_eq!(manifest.version, env!("CARGO_PKG_VERSION"));
    }
}
