//! What may be configured: by the schema, by the plugin's own words, and by the README's examples.

use super::*;

fn validator() -> jsonschema::Validator {
    let schema: Json = serde_json::from_str(include_str!("../../schema.json")).unwrap();
    jsonschema::meta::validate(&schema).unwrap();
    jsonschema::draft202012::new(&schema).unwrap()
}

fn refused(config: Json) -> String {
    let Err(why) = start::<Webhook>(config, &FakeHost::new().host()) else { panic!("started") };
    assert!(!why.contains("TOPSECRET") && !why.contains('\n'), "{why}");
    why
}

#[test]
fn the_schema_knows_what_is_right_and_what_is_wrong() {
    let validator = validator();
    for right in [
        json!({"url": URL}),
        json!({"url": URL, "secret": "whsec_x"}),
        json!({"url": URL, "secrets": ["whsec_x", "whsec_y"], "headers": {"X-A": "1"}}),
    ] {
        assert!(validator.is_valid(&right), "{right}");
    }
    for wrong in [
        json!({}),
        json!({"url": 7}),
        json!({"url": URL, "uri": URL}),
        json!({"url": URL, "secrets": []}),
        json!({"url": URL, "secrets": ["1", "2", "3", "4", "5"]}),
        json!({"url": URL, "secret": "whsec_x", "secrets": ["whsec_y"]}),
        json!({"url": URL, "headers": {"x a": "1"}}),
        json!({"url": URL, "headers": {"x-a": 1}}),
    ] {
        assert!(!validator.is_valid(&wrong), "{wrong}");
    }
}

#[test]
fn the_schema_marks_the_secrets_and_the_address() {
    let schema: Json = serde_json::from_str(include_str!("../../schema.json")).unwrap();
    for (pointer, mark) in [
        ("/properties/url", "allowed"),
        ("/properties/secret", "required"),
        ("/properties/secrets/items", "required"),
        ("/properties/headers/additionalProperties", "allowed"),
    ] {
        assert_eq!(schema.pointer(pointer).unwrap()["x-secret"], mark, "{pointer}");
    }
    assert_eq!(schema["properties"]["url"]["format"], "uri");
}

#[test]
fn a_mistake_is_named_in_one_line() {
    let secret = json!({"$secret": "/x"});
    for (config, why) in [
        (
            json!({"url": URL, "secret": secret, "secrets": [secret]}),
            "`secret` and `secrets` exclude each other; put all into `secrets`",
        ),
        (
            json!({"url": URL, "secrets": [secret, secret, secret, secret, secret]}),
            "`secrets` holds 5; at most 4 sign at once",
        ),
        (
            json!({"url": URL, "headers": {"Webhook-Id": "1"}}),
            "`headers` cannot set webhook-id: it is written for each request",
        ),
        (
            json!({"url": URL, "headers": {"content-type": "text/plain"}}),
            "`headers` cannot set content-type: it is written for each request",
        ),
        (
            json!({"url": URL, "headers": {"x a": "1"}}),
            "`headers` holds \"x a\", which is no name of a header",
        ),
        (
            json!({"url": URL, "headers": {"x-a": "TOPSECRET\r\nx-b: 1"}}),
            "`headers`: x-a holds a line break or another control character",
        ),
    ] {
        assert_eq!(refused(config), why);
    }
    // A secret as text is the daemon's to refuse; here it is refused without being repeated.
    refused(json!({"url": URL, "secret": 7}));
    assert!(refused(json!({"secret": secret})).contains("url"));
}

#[test]
fn the_examples_of_the_readme_are_right() {
    let validator = validator();
    let readme = include_str!("../../README.md");
    let examples: Vec<_> =
        readme.split("```toml\n").skip(1).map(|rest| rest.split("```").next().unwrap()).collect();
    assert_eq!(examples.len(), 3);
    for example in examples {
        let example: toml::Table = example.parse().unwrap();
        for notifier in example["notifiers"].as_table().unwrap().values() {
            assert_eq!(notifier["plugin"].as_str(), Some("webhook"));
            let config = serde_json::to_value(&notifier["config"]).unwrap();
            let resolved = replace_references(&config, &json!("whsec_x"));
            assert!(validator.is_valid(&resolved), "{resolved}");
            webhook(replace_references(&config, &json!({"$secret": "/x"})));
        }
    }
}

/// The configuration with something else where it refers to a secret.
fn replace_references(config: &Json, by: &Json) -> Json {
    match config {
        Json::Object(object)
            if ["credential", "file", "env"].iter().any(|kind| object.contains_key(*kind)) =>
        {
            by.clone()
        }
        Json::Object(object) => {
            object.iter().map(|(name, value)| (name.clone(), replace_references(value, by))).collect()
        }
        Json::Array(items) => items.iter().map(|item| replace_references(item, by)).collect(),
        other => other.clone(),
    }
}
