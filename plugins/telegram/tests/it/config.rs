//! What the configuration takes, by the schema and by the plugin: the two agree.

use commwatch_plugin_api::testing::{FakeHost, start};
use commwatch_telegram::Telegram;
use serde_json::{Value, json};

use crate::{plain, topic};

fn schema() -> Value {
    serde_json::from_str(commwatch_telegram::SCHEMA).expect("the schema is JSON")
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
    let with = |name: &str, value: Value| {
        let mut config = plain();
        config[name] = value;
        config
    };
    let right = [
        plain(),
        topic(),
        with("chat_id", json!(42)),
        with("chat_id", json!("@abc")),
        with("silent", json!([])),
        with("silent", json!(["critical", "warning", "info"])),
    ];
    for config in &right {
        assert!(schema_takes(config), "schema: {config}");
        assert_eq!(start::<Telegram>(config.clone(), &FakeHost::new().host()).err(), None, "{config}");
    }
    let wrong = [
        json!({}),
        json!({"chat_id": 1}),
        json!({"url": {"$secret": "/url"}}),
        with("chat_id", json!("-1001234567890")),
        with("chat_id", json!("acme_ops")),
        with("chat_id", json!("@two words")),
        with("chat_id", json!(1.5)),
        with("chat_id", json!(null)),
        with("message_thread_id", json!(0)),
        with("message_thread_id", json!("12")),
        with("parse_mode", json!("HTML")),
        with("silent", json!(["loud"])),
        with("silent", json!(["info", "info", "info", "info"])),
    ];
    for config in &wrong {
        assert!(!schema_takes(config), "schema: {config}");
        assert!(start::<Telegram>(config.clone(), &FakeHost::new().host()).is_err(), "{config}");
    }
}

#[test]
fn a_refusal_says_what_to_change() {
    let said = |name: &str, value: Value| {
        let mut config = plain();
        config[name] = value;
        start::<Telegram>(config, &FakeHost::new().host()).expect_err("refused")
    };
    insta::assert_snapshot!(said("chat_id", json!("-1001234567890")), @r#"config.chat_id: `chat_id` is a number without quotes, such as -1001234567890, or the "@name" of a public group or channel"#);
    insta::assert_snapshot!(said("message_thread_id", json!(0)), @"`message_thread_id` is the number of a topic, from 1");
    insta::assert_snapshot!(said("silent", json!(["loud"])), @"config.silent[0]: unknown variant `loud`, expected one of `critical`, `warning`, `info`");
}

#[test]
fn the_address_is_a_reference_in_every_text_of_the_plugin() {
    let notifier = start::<Telegram>(plain(), &FakeHost::new().host()).expect("right");
    assert!(format!("{notifier:?}").contains(r#"Secret { name: "/url" }"#));
}
