//! What the configuration takes, by the schema and by the plugin: the two agree.

use commwatch_ntfy::Ntfy;
use commwatch_plugin_api::Severity;
use commwatch_plugin_api::testing::{FakeHost, notification, start};
use serde_json::{Value, json};

use crate::{deliver, full, plain};

fn schema() -> Value {
    serde_json::from_str(commwatch_ntfy::SCHEMA).expect("the schema is JSON")
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
    let right = [plain(), full(), with("tags", json!(["+1", "a_b-c"])), with("priority", json!({}))];
    for config in &right {
        assert!(schema_takes(config), "schema: {config}");
        assert_eq!(start::<Ntfy>(config.clone(), &FakeHost::new().host()).err(), None, "{config}");
    }
    let wrong = [
        json!({}),
        with("topic", json!("")),
        with("topic", json!("a/b")),
        with("topic", json!("x".repeat(65))),
        with("topics", json!(["a"])),
        with("priority", json!({"critical": 0})),
        with("priority", json!({"info": 6})),
        with("priority", json!({"urgent": 5})),
        with("tags", json!(["a,b"])),
        with("tags", json!(["Loud"])),
        with("tags", json!(vec!["a"; 6])),
    ];
    for config in &wrong {
        assert!(!schema_takes(config), "schema: {config}");
        assert!(start::<Ntfy>(config.clone(), &FakeHost::new().host()).is_err(), "{config}");
    }
}

#[test]
fn the_defaults_in_the_schema_are_the_plugins_own() {
    let schema = schema();
    let field = |pointer: &str| schema.pointer(pointer).expect("a default").clone();
    for (severity, name) in
        [(Severity::Critical, "critical"), (Severity::Warning, "warning"), (Severity::Info, "info")]
    {
        let mut told = notification();
        told.severity = severity;
        let sent = deliver(&plain(), &told);
        assert_eq!(
            sent.json(0)["priority"],
            field(&format!("/properties/priority/properties/{name}/default"))
        );
        let url = format!("{}/", field("/properties/url/default").as_str().expect("text"));
        assert_eq!(sent.requests[0].url, url.into());
    }
}

#[test]
fn a_refusal_says_what_to_change() {
    let said = |config: Value| start::<Ntfy>(config, &FakeHost::new().host()).expect_err("refused");
    insta::assert_snapshot!(said(json!({"topic": "https://ntfy.sh/alerts"})), @"`topic` is the topic's name alone: letters, digits, `-` and `_`, at most 64");
    insta::assert_snapshot!(said(json!({"topic": "a", "priority": {"info": 9}})), @"`priority` goes from 1 (quiet) to 5 (loud)");
    insta::assert_snapshot!(said(json!({"topic": "a", "tags": ["a,b"]})), @"`tags` takes at most 5, of a-z, 0-9, `-`, `+` and `_`");
}
