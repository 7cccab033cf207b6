//! What the configuration takes, by the schema, by the plugin and by the README's examples.

use serde_json::{Value, json};

use crate::world::{URL, start, with_body};

fn schema() -> Value {
    serde_json::from_str(commwatch_http::SCHEMA).expect("the schema is JSON")
}

/// The configuration with `by` where it refers to a secret.
fn with_secrets(config: &Value, by: &Value) -> Value {
    let is_reference = |one: &serde_json::Map<String, Value>| {
        ["$secret", "credential", "file", "env"].iter().any(|key| one.contains_key(*key))
    };
    match config {
        Value::Object(object) if is_reference(object) => by.clone(),
        Value::Object(object) => {
            object.iter().map(|(name, value)| (name.clone(), with_secrets(value, by))).collect()
        }
        other => other.clone(),
    }
}

fn schema_takes(config: &Value) -> bool {
    let config = with_secrets(config, &json!("https://secret.example/x"));
    jsonschema::validator_for(&schema()).expect("the schema is a schema").is_valid(&config)
}

#[test]
fn the_schema_is_one_and_describes_every_field_as_the_readme_does() {
    assert!(jsonschema::meta::is_valid(&schema()));
    let readme = include_str!("../../README.md");
    for (name, field) in schema()["properties"].as_object().expect("fields") {
        assert!(field["description"].as_str().is_some_and(|text| text.len() > 15), "{name}");
        assert!(readme.contains(&format!("| `{name}` |")), "{name} is not in the README");
    }
}

#[test]
fn the_schema_and_the_plugin_agree() {
    for right in [
        with_body("{{ title }}", json!({})),
        with_body(
            "{{ title }}",
            json!({"content_type": "text/plain; charset=utf-8", "method": "PATCH", "path": "/{{ key }}"}),
        ),
        with_body(
            "{{ title }}",
            json!({"expect": [200, 409], "headers": {"x-a": "{{ id }}", "authorization": {"$secret": "/h"}}}),
        ),
        json!({"url": {"$secret": "/url"}, "preset": "google-chat"}),
    ] {
        assert!(schema_takes(&right), "schema: {right}");
        assert_eq!(start(right.clone()).err(), None, "{right}");
    }
    for wrong in [
        json!({"url": URL}),
        json!({"body": "1"}),
        json!({"url": URL, "preset": "irc"}),
        with_body("", json!({})),
        with_body("1", json!({"method": "TRACE"})),
        with_body("1", json!({"content_type": "json"})),
        with_body("1", json!({"path": "x"})),
        with_body("1", json!({"expect": []})),
        with_body("1", json!({"expect": [500]})),
        with_body("1", json!({"headers": {"x a": "1"}})),
        with_body("1", json!({"uri": "1"})),
    ] {
        assert!(!schema_takes(&wrong), "schema: {wrong}");
        assert!(start(wrong.clone()).is_err(), "{wrong}");
    }
}

#[test]
fn a_refusal_says_what_to_change() {
    let said = |config: Value| start(config).expect_err("refused");
    insta::assert_snapshot!(said(json!({"url": URL})), @"give `body`, a template, or `preset`");
    insta::assert_snapshot!(said(with_body("1", json!({"headers": {"Content-Type": "x"}}))), @"`headers` cannot set content-type: it is written for each request; set `content_type`");
    insta::assert_snapshot!(said(with_body("1", json!({"headers": {"Host": "x"}}))), @"`headers` cannot set host: it is written for each request");
    insta::assert_snapshot!(said(with_body(&"x".repeat(70_000), json!({}))), @"the template in `body` has 70000 bytes, more than 65536");
}

#[test]
fn the_examples_of_the_readme_are_right() {
    let blocks: Vec<_> = include_str!("../../README.md").split("```toml\n").skip(1).collect();
    assert!(blocks.len() >= 3);
    for block in blocks {
        let example: toml::Table = block.split("```").next().unwrap_or_default().parse().expect("TOML");
        for notifier in example["notifiers"].as_table().expect("notifiers").values() {
            assert_eq!(notifier["plugin"].as_str(), Some("http"));
            let config = serde_json::to_value(&notifier["config"]).expect("JSON");
            assert!(schema_takes(&config), "{config}");
            assert_eq!(start(with_secrets(&config, &json!({"$secret": "/x"}))).err(), None);
        }
    }
}
