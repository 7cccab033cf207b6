//! What the configuration takes, by the schema and by the plugin: the two agree.

use commwatch_plugin_api::testing::{FakeHost, start};
use commwatch_teams::Teams;
use serde_json::{Value, json};

use crate::config;

fn schema() -> Value {
    serde_json::from_str(commwatch_teams::SCHEMA).expect("the schema is JSON")
}

/// By the schema, with secrets as the text that they stand for.
fn schema_takes(config: &Value) -> bool {
    let mut config = config.clone();
    for value in config.as_object_mut().expect("an object").values_mut() {
        if value.get("$secret").is_some() {
            *value = json!("https://secret.example/x");
        }
    }
    jsonschema::validator_for(&schema()).expect("the schema is a schema").is_valid(&config)
}

#[test]
fn every_field_of_the_schema_is_described_in_it_and_in_the_readme() {
    assert!(jsonschema::meta::is_valid(&schema()));
    let readme = include_str!("../../README.md");
    for (name, field) in schema()["properties"].as_object().expect("fields") {
        assert!(field["description"].as_str().is_some_and(|text| text.len() > 20), "{name}");
        assert!(readme.contains(&format!("| `{name}` |")), "{name} is not in the README");
    }
}

#[test]
fn the_schema_and_the_plugin_take_and_refuse_the_same() {
    assert!(schema_takes(&config()));
    assert_eq!(start::<Teams>(config(), &FakeHost::new().host()).err(), None);
    let wrong =
        [json!({}), json!({"uri": {"$secret": "/url"}}), json!({"url": {"$secret": "/url"}, "channel": "x"})];
    for config in &wrong {
        assert!(!schema_takes(config), "schema: {config}");
        assert!(start::<Teams>(config.clone(), &FakeHost::new().host()).is_err(), "{config}");
    }
}

#[test]
fn the_address_is_a_reference_in_every_text_of_the_plugin() {
    let notifier = start::<Teams>(config(), &FakeHost::new().host()).expect("right");
    assert!(format!("{notifier:?}").contains(r#"Secret { name: "/url" }"#));
}
