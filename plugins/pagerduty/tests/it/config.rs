//! What the configuration takes, by the schema, by the plugin and by the README's examples.

use serde_json::{Value, json};

use crate::world::{KEY, config, start};

fn schema() -> Value {
    serde_json::from_str(commwatch_pagerduty::SCHEMA).expect("the schema is JSON")
}

fn schema_takes(config: &Value) -> bool {
    jsonschema::validator_for(&schema()).expect("the schema is a schema").is_valid(config)
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
fn the_schema_and_the_plugin_agree() {
    for right in
        [config(), json!({"routing_key": KEY, "url": "https://pd.example/v2/enqueue", "source": "x"})]
    {
        assert!(schema_takes(&right), "schema: {right}");
        assert_eq!(start(right.clone()).err(), None, "{right}");
    }
    for wrong in
        [json!({}), json!({"routing_key": KEY, "key": "x"}), json!({"routing_key": KEY, "source": ""})]
    {
        assert!(!schema_takes(&wrong), "schema: {wrong}");
        assert!(start(wrong.clone()).is_err(), "{wrong}");
    }
    assert_eq!(schema()["properties"]["routing_key"]["x-reveal"], "required");
}

#[test]
fn a_refusal_says_what_to_change_and_never_the_key() {
    let said = |config: Value| start(config).expect_err("refused");
    insta::assert_snapshot!(said(json!({"routing_key": {"$secret": "/routing_key"}})), @r#"PagerDuty wants `routing_key` in the body of each request: write reveal = ["routing_key"] in the notifier's section, so that the plugin is told it"#);
    insta::assert_snapshot!(said(json!({"routing_key": "TOPSECRET"})), @"`routing_key` is not an integration key of 32 letters and digits; copy it from the Events API v2 integration of the service");
    insta::assert_snapshot!(said(json!({"routing_key": KEY, "source": "\u{202e}"})), @"`source` has nothing to show; delete the line or fill it in");
    assert!(!format!("{:?}", start(config()).expect("right")).contains(KEY));
}

#[test]
fn the_examples_of_the_readme_are_right() {
    let blocks: Vec<_> = include_str!("../../README.md").split("```toml\n").skip(1).collect();
    assert!(!blocks.is_empty());
    for block in blocks {
        let example: toml::Table = block.split("```").next().unwrap_or_default().parse().expect("TOML");
        for notifier in example["notifiers"].as_table().expect("notifiers").values() {
            assert_eq!(notifier["plugin"].as_str(), Some("pagerduty"));
            assert_eq!(notifier["reveal"].as_array().map(|all| all[0].as_str()), Some(Some("routing_key")));
            let mut config = serde_json::to_value(&notifier["config"]).expect("JSON");
            config["routing_key"] = json!(KEY);
            assert!(schema_takes(&config), "{config}");
            assert_eq!(start(config).err(), None);
        }
    }
}
