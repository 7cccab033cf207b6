//! What the configuration takes, by the schema and by the plugin: the two agree.

use commwatch_plugin_api::testing::{FakeHost, notification, start};
use commwatch_twilio::Twilio;
use serde_json::{Value, json};

use crate::{SID, deliver, plain, service};

fn schema() -> Value {
    serde_json::from_str(commwatch_twilio::SCHEMA).expect("the schema is JSON")
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
        service(),
        with("from", json!("12345")),
        with("from", json!("ACME Ops")),
        with("api_key", json!(format!("SK{SID}"))),
        with("segments", json!(10)),
    ];
    for config in &right {
        assert!(schema_takes(config), "schema: {config}");
        assert_eq!(start::<Twilio>(config.clone(), &FakeHost::new().host()).err(), None, "{config}");
    }
    let mut both = service();
    both["from"] = json!("+15005550006");
    let mut neither = plain();
    neither.as_object_mut().expect("an object").remove("from");
    let wrong = [
        json!({}),
        both,
        neither,
        with("account_sid", json!("AC1")),
        with("account_sid", json!(format!("SK{SID}"))),
        with("api_key", json!(format!("AC{SID}"))),
        with("from", json!("+0123456789")),
        with("from", json!("a name that is too long")),
        with("from", json!("x&To=1")),
        with("to", json!("0501234567")),
        with("to", json!("+9725012345678901")),
        with("to", json!(["+972501234567"])),
        with("to", json!("+972501234567,+972501234568")),
        with("segments", json!(0)),
        with("segments", json!(11)),
        with("media_url", json!("https://evil.example")),
    ];
    for config in &wrong {
        assert!(!schema_takes(config), "schema: {config}");
        assert!(start::<Twilio>(config.clone(), &FakeHost::new().host()).is_err(), "{config}");
    }
}

#[test]
fn the_defaults_in_the_schema_are_the_plugins_own() {
    let default = |name: &str| schema()["properties"][name]["default"].clone();
    let url =
        format!("{}/2010-04-01/Accounts/AC{SID}/Messages.json", default("api_url").as_str().expect("text"));
    assert_eq!(deliver(&plain(), &notification()).requests[0].url, url.into());
    let mut explicit = plain();
    explicit["segments"] = default("segments");
    let mut long = notification();
    long.text = "word ".repeat(500);
    assert_eq!(deliver(&plain(), &long).text(0), deliver(&explicit, &long).text(0));
}

#[test]
fn a_refusal_says_what_to_change() {
    let said = |name: &str, value: Value| {
        let mut config = plain();
        config[name] = value;
        start::<Twilio>(config, &FakeHost::new().host()).expect_err("refused")
    };
    insta::assert_snapshot!(said("account_sid", json!("x")), @"`account_sid` is AC and 32 hexadecimal digits");
    insta::assert_snapshot!(said("messaging_service_sid", json!(format!("MG{SID}"))), @"give `from` or `messaging_service_sid`, not both");
    insta::assert_snapshot!(said("from", json!("+1-500")), @"`from` is a number such as +15005550006, a short code, or a name of at most 11 letters and digits");
    insta::assert_snapshot!(said("to", json!("0501234567")), @"`to` is one international number, such as +972501234567");
    insta::assert_snapshot!(said("segments", json!(11)), @"`segments` goes from 1 to 10");
}

#[test]
fn the_token_is_a_reference_in_every_text_of_the_plugin() {
    let notifier = start::<Twilio>(plain(), &FakeHost::new().host()).expect("right");
    assert!(format!("{notifier:?}").contains(r#"Secret { name: "/auth_token" }"#));
}
