//! The configuration's schema as it is published: with the options of every plugin that comes with commwatch.
//! `UPDATE_EXAMPLES=1` writes it anew.

use commwatch::config::{Schema, schema, shipped_schemas};

use crate::markdown::{blocks, code};
use crate::root;

const README: &str = include_str!("../../../README.md");

#[test]
fn the_published_schema_is_what_the_command_writes() {
    let Schema { json, left_out } = schema(&shipped_schemas());
    assert_eq!(left_out, []);
    let text = serde_json::to_string_pretty(&json).unwrap() + "\n";
    let path = root().join("daemon/schema/config.schema.json");
    if std::env::var_os("UPDATE_EXAMPLES").is_some() {
        std::fs::write(&path, &text).unwrap();
    }
    let golden = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(golden == text, "{}: see UPDATE_EXAMPLES", path.display());
}

#[test]
fn every_plugin_that_comes_with_commwatch_has_its_options_in_it() {
    let folders = std::fs::read_dir(root().join("plugins")).unwrap();
    let mut there: Vec<String> =
        folders.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    there.sort();
    let shipped = shipped_schemas();
    assert_eq!(there, shipped.keys().cloned().collect::<Vec<_>>());
    for name in there {
        let text = std::fs::read_to_string(root().join(format!("plugins/{name}/schema.json"))).unwrap();
        assert_eq!(shipped[&name], serde_json::from_str::<serde_json::Value>(&text).unwrap(), "{name}");
    }
}

#[test]
fn the_readme_says_how_an_editor_finds_it() {
    assert!(README.contains("#:schema config.schema.json"));
    assert!(code(README).iter().any(|words| words == "commwatch schema >config.schema.json"));
    let manual = std::fs::read_to_string(root().join("config.example.toml")).unwrap();
    let first = manual.lines().next().unwrap();
    assert_eq!(first, "#:schema /usr/share/commwatch/schema/config.schema.json");
    // Whatever else a line says, it is a comment.
    assert!(blocks(README, "toml").iter().all(|block| block.parse::<toml::Table>().is_ok()));
}
