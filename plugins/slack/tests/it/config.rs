//! What the configuration takes, by the schema and by the plugin: the two agree.

use serde_json::{Value, json};

use crate::world::{answer, bot, deliver, notification, start, webhook, with};

fn schema() -> Value {
    serde_json::from_str(commwatch_slack::SCHEMA).expect("the schema is JSON")
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
fn the_schema_is_json_schema_2020_12() {
    assert_eq!(schema()["$schema"], "https://json-schema.org/draft/2020-12/schema");
    assert!(jsonschema::meta::is_valid(&schema()));
}

#[test]
fn every_field_of_the_schema_is_described_in_it_and_in_the_readme() {
    let readme = include_str!("../../README.md");
    for (name, field) in schema()["properties"].as_object().expect("fields") {
        assert!(field["description"].as_str().is_some_and(|text| text.len() > 20), "{name}");
        assert!(readme.contains(&format!("| `{name}` |")), "{name} is not in the README");
    }
}

#[test]
fn exactly_one_of_the_two_ways_in_is_taken_by_the_schema_and_by_the_plugin() {
    let right = [
        webhook(),
        bot(),
        with(webhook(), json!({"api_url": "https://slack.com/api"})),
        with(bot(), json!({"api_url": "https://slack-gov.com/api"})),
        with(bot(), json!({"mention": {"critical": ["@channel", "@here", "U012ABC", "W1", "S012ABC"]}})),
        with(webhook(), json!({"mention": {}})),
    ];
    for config in &right {
        assert!(schema_takes(config), "schema: {config}");
        assert_eq!(start(config).err(), None, "{config}");
    }
    let wrong = [
        json!({}),
        json!({"channel": "C1"}),
        json!({"bot_token": {"$secret": "/bot_token"}}),
        with(webhook(), json!({"channel": "C1"})),
        with(webhook(), json!({"bot_token": {"$secret": "/bot_token"}})),
        with(webhook(), bot()),
        with(bot(), json!({"channel": ""})),
        with(bot(), json!({"channel": "two words"})),
        with(bot(), json!({"chanel": "C1"})),
        with(bot(), json!({"mention": {"critical": ["@everyone"]}})),
        with(bot(), json!({"mention": {"critical": ["<!channel>"]}})),
        with(bot(), json!({"mention": {"critical": ["U1> <!here"]}})),
        with(bot(), json!({"mention": {"critical": ["dana"]}})),
        with(bot(), json!({"mention": {"critical": vec!["U1"; 11]}})),
        with(bot(), json!({"mention": {"urgent": ["U1"]}})),
    ];
    for config in &wrong {
        assert!(!schema_takes(config), "schema: {config}");
        assert!(start(config).is_err(), "{config}");
    }
}

#[test]
fn the_default_in_the_schema_is_the_plugins_own() {
    let sent = deliver(&bot(), &notification(), vec![answer(200, r#"{"ok":true}"#)]);
    let url = format!("{}/chat.postMessage", schema()["properties"]["api_url"]["default"].as_str().unwrap());
    assert_eq!(sent.requests[0].url, url.into());
}

#[test]
fn a_refusal_says_what_to_change() {
    let said = |config: Value| start(&config).expect_err("refused");
    insta::assert_snapshot!(said(json!({})), @"give `webhook_url`, or `bot_token` with `channel`");
    insta::assert_snapshot!(said(json!({"bot_token": {"$secret": "/bot_token"}})), @"`bot_token` needs `channel`: the id of a channel");
    insta::assert_snapshot!(said(with(webhook(), bot())), @"`webhook_url` stands alone: it knows its channel; remove it, or remove `bot_token` and `channel`");
    insta::assert_snapshot!(said(with(bot(), json!({"channel": "my channel"}))), @r#"`channel` is the id of a channel, such as "C0123456789", or its name"#);
    insta::assert_snapshot!(said(with(bot(), json!({"mention": {"info": ["dana"]}}))), @r#"config.mention.info[0]: `mention` takes "@channel", "@here", or the id of a person (U..., W...) or of a user group (S...)"#);
}

#[test]
fn secrets_are_references_in_every_text_of_the_plugin() {
    let notifier = start(&bot()).expect("right");
    assert!(format!("{notifier:?}").contains(r#"Secret { name: "/bot_token" }"#));
}
