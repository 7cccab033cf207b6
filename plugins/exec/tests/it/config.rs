//! What the configuration takes, by the schema, by the plugin and by the README's example.

use commwatch_exec::Exec;
use commwatch_plugin_api::testing::{FakeHost, start};
use serde_json::{Value, json};

fn schema() -> Value {
    serde_json::from_str(commwatch_exec::SCHEMA).expect("the schema is JSON")
}

fn schema_takes(config: &Value) -> bool {
    jsonschema::validator_for(&schema()).expect("the schema is a schema").is_valid(config)
}

fn starts(config: Value) -> Result<(), String> {
    start::<Exec>(config, &FakeHost::new().host()).map(drop)
}

#[test]
fn the_schema_is_one_and_describes_every_field_as_the_readme_does() {
    assert!(jsonschema::meta::is_valid(&schema()));
    let readme = include_str!("../../README.md");
    for (name, field) in schema()["properties"].as_object().expect("fields") {
        assert!(field["description"].as_str().is_some_and(|text| text.len() > 20), "{name}");
        assert!(readme.contains(&format!("| `{name}` |")), "{name} is not in the README");
    }
}

#[test]
fn the_schema_and_the_plugin_take_and_refuse_the_same() {
    for right in [
        json!({"program": "/bin/true"}),
        json!({"program": "/bin/sh", "args": ["-c", "true"], "env": {"A_1": "x"}, "timeout": "1m30s"}),
        json!({"program": "/bin/sh", "timeout": "100ms"}),
    ] {
        assert!(schema_takes(&right), "schema: {right}");
        assert_eq!(starts(right.clone()), Ok(()), "{right}");
    }
    for wrong in [
        json!({}),
        json!({"program": "true"}),
        json!({"program": "./true"}),
        json!({"program": "/bin/"}),
        json!({"program": "/bin/true", "args": vec!["x"; 65]}),
        json!({"program": "/bin/true", "env": {"A=B": "x"}}),
        json!({"program": "/bin/true", "timeout": "soon"}),
        json!({"program": "/bin/true", "shell": true}),
    ] {
        assert!(!schema_takes(&wrong), "schema: {wrong}");
        assert!(starts(wrong.clone()).is_err(), "{wrong}");
    }
}

#[test]
fn a_refusal_says_what_to_change() {
    let said = |config: Value| starts(config).expect_err("refused");
    insta::assert_snapshot!(said(json!({"program": "notify-send hello"})), @r#"`program` is "notify-send hello": write an absolute path, and arguments into `args`"#);
    insta::assert_snapshot!(said(json!({"program": "/nowhere/siren"})), @"`program` /nowhere/siren: No such file or directory (os error 2)");
    insta::assert_snapshot!(said(json!({"program": "/etc/passwd"})), @"`program` /etc/passwd: nobody may execute it (chmod +x)");
    insta::assert_snapshot!(said(json!({"program": "/bin/true", "timeout": "1h"})), @r#"`timeout` is "1h"; write a duration from 100ms to 10m, such as "10s""#);
    insta::assert_snapshot!(said(json!({"program": "/bin/true", "args": ["a\0b"]})), @"a NUL character cannot be handed to a program");
}

#[test]
fn the_example_of_the_readme_is_right() {
    let blocks: Vec<_> = include_str!("../../README.md").split("```toml\n").skip(1).collect();
    assert_eq!(blocks.len(), 1);
    let example: toml::Table = blocks[0].split("```").next().unwrap_or_default().parse().expect("TOML");
    let notifier = &example["notifiers"]["siren"];
    assert_eq!(notifier["plugin"].as_str(), Some("exec"));
    let config = serde_json::to_value(&notifier["config"]).expect("JSON");
    assert!(schema_takes(&config), "{config}");
}
