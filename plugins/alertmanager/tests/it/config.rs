//! What the configuration takes, by the schema, by the plugin and by the README's examples.

use serde_json::{Value, json};

use crate::world::{config, start};

fn schema() -> Value {
    serde_json::from_str(commwatch_alertmanager::SCHEMA).expect("the schema is JSON")
}

/// By the schema, with secrets as the text that they stand for.
fn schema_takes(config: &Value) -> bool {
    let mut config = config.clone();
    for value in
        config.as_object_mut().expect("an object").values_mut().filter(|value| value.get("$secret").is_some())
    {
        *value = json!("a secret");
    }
    jsonschema::validator_for(&schema()).expect("the schema is a schema").is_valid(&config)
}

fn with(more: Value) -> Value {
    let (Value::Object(mut config), Value::Object(more)) = (config(), more) else { panic!("two objects") };
    config.extend(more);
    Value::Object(config)
}

#[test]
fn the_schema_is_one_and_describes_every_field_as_the_readme_does() {
    assert!(jsonschema::meta::is_valid(&schema()));
    let readme = include_str!("../../README.md");
    for (name, field) in schema()["properties"].as_object().expect("fields") {
        assert!(field["description"].as_str().is_some_and(|text| text.len() > 20), "{name}");
        assert!(readme.contains(&format!("`{name}`")), "{name} is not in the README");
    }
}

#[test]
fn the_schema_and_the_plugin_agree() {
    let secret = || json!({"$secret": "/x"});
    for right in [
        config(),
        with(json!({"bearer_token": secret()})),
        with(json!({"user": "me", "password": secret()})),
        with(json!({"resolve_after": "90s", "open_for": "1d12h"})),
        with(json!({"labels": {"team": "support", "_x9": "y"}})),
    ] {
        assert!(schema_takes(&right), "schema: {right}");
        assert_eq!(start(right.clone()).err(), None, "{right}");
    }
    for wrong in [
        json!({}),
        with(json!({"uri": "x"})),
        with(json!({"user": "me"})),
        with(json!({"password": secret()})),
        with(json!({"user": "a:b", "password": secret()})),
        with(json!({"bearer_token": secret(), "user": "me", "password": secret()})),
        with(json!({"resolve_after": "5 minutes"})),
        with(json!({"resolve_after": ""})),
        with(json!({"labels": {"9x": "y"}})),
        with(json!({"labels": {"ש": "y"}})),
        with(json!({"labels": {"x": ""}})),
    ] {
        assert!(!schema_takes(&wrong), "schema: {wrong}");
        assert!(start(wrong.clone()).is_err(), "{wrong}");
    }
    for (field, default) in [("resolve_after", "5m"), ("open_for", "15m")] {
        assert_eq!(schema()["properties"][field]["default"], default);
        let explicit = crate::world::alert(
            with(json!({field: default})),
            &commwatch_plugin_api::testing::notification(),
        );
        assert_eq!(explicit, crate::world::alert(config(), &commwatch_plugin_api::testing::notification()));
    }
}

#[test]
fn a_refusal_says_what_to_change() {
    let said = |more: Value| start(with(more)).expect_err("refused");
    insta::assert_snapshot!(said(json!({"user": "me"})), @"`user` and `password` need each other");
    insta::assert_snapshot!(said(json!({"resolve_after": "59s"})), @r#"`resolve_after` is "59s"; write a duration from 1m to 30d, such as "5m", "1h30m" or "7d""#);
    insta::assert_snapshot!(said(json!({"open_for": "99999999999999999999d"})), @r#"`open_for` is "99999999999999999999d"; write a duration from 3m to 30d, such as "5m", "1h30m" or "7d""#);
    insta::assert_snapshot!(said(json!({"open_for": "179s"})), @r#"`open_for` is "179s"; write a duration from 3m to 30d, such as "5m", "1h30m" or "7d""#);
    insta::assert_snapshot!(said(json!({"labels": {"severity": "x"}})), @"`labels` cannot set severity: it is written for each alert");
    insta::assert_snapshot!(said(json!({"labels": {"a-b": "x"}})), @r#"`labels` holds "a-b", which is no name of a label: letters, digits and _"#);
}

#[test]
fn the_examples_of_the_readme_are_right() {
    let blocks: Vec<_> = include_str!("../../README.md").split("```toml\n").skip(1).collect();
    assert!(!blocks.is_empty());
    for block in blocks {
        let example: toml::Table = block.split("```").next().unwrap_or_default().parse().expect("TOML");
        for notifier in example["notifiers"].as_table().expect("notifiers").values() {
            assert_eq!(notifier["plugin"].as_str(), Some("alertmanager"));
            let mut config = serde_json::to_value(&notifier["config"]).expect("JSON");
            if config.get("password").is_some() {
                config["password"] = json!({"$secret": "/password"});
            }
            assert!(schema_takes(&config), "{config}");
            assert_eq!(start(config).err(), None);
        }
    }
}
