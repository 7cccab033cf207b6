//! What the configuration takes, by the schema, by the plugin and by the README's examples.

use commwatch_email::Email;
use commwatch_plugin_api::testing::{FakeHost, start};
use serde_json::{Value, json};

fn schema() -> Value {
    serde_json::from_str(commwatch_email::SCHEMA).expect("the schema is JSON")
}

fn schema_takes(config: &Value) -> bool {
    jsonschema::validator_for(&schema()).expect("the schema is a schema").is_valid(config)
}

fn starts(config: Value) -> Result<(), String> {
    start::<Email>(config, &FakeHost::new().host()).map(drop)
}

fn plain() -> Value {
    json!({"host": "smtp.acme.example", "from": "alerts@acme.example", "to": ["night@acme.example"]})
}

fn with(name: &str, value: Value) -> Value {
    let mut config = plain();
    config[name] = value;
    config
}

fn signed_in() -> Value {
    let mut config = with("username", json!("dana"));
    config["password"] = json!("hush");
    config
}

#[test]
fn the_schema_is_one_and_describes_every_field_as_the_readme_does() {
    assert!(jsonschema::meta::is_valid(&schema()));
    let readme = include_str!("../../README.md");
    for (name, field) in schema()["properties"].as_object().expect("fields") {
        assert!(field["description"].as_str().is_some_and(|text| text.len() > 20), "{name}");
        assert!(readme.contains(&format!("| `{name}` |")), "{name} is not in the README");
    }
    let password = &schema()["properties"]["password"];
    assert_eq!((&password["x-secret"], &password["x-reveal"]), (&json!("required"), &json!("required")));
}

#[test]
fn the_schema_and_the_plugin_take_and_refuse_the_same() {
    let right = [
        plain(),
        signed_in(),
        with("tls", json!("implicit")),
        with("port", json!(2525)),
        with("from", json!("commwatch <alerts@acme.example>")),
        with("reply_to", json!("support@acme.example")),
        json!({"host": "localhost", "tls": "none", "from": "a@x.example", "to": ["b@x.example"]}),
        json!({"host": "::1", "tls": "none", "from": "a@x.example", "to": ["b@x.example"]}),
    ];
    for config in right {
        assert!(schema_takes(&config), "schema: {config}");
        assert_eq!(starts(config.clone()), Ok(()), "{config}");
    }
    let wrong = [
        json!({}),
        with("to", json!([])),
        with("to", json!(vec!["night@acme.example"; 21])),
        with("tls", json!("maybe")),
        with("port", json!(70_000)),
        with("username", json!("dana")),
        with("password", json!("hush")),
        with("ca_file", json!("ca.pem")),
        with("subject", json!("x")),
    ];
    for config in wrong {
        assert!(!schema_takes(&config), "schema: {config}");
        assert!(starts(config.clone()).is_err(), "{config}");
    }
}

#[test]
fn a_refusal_says_what_to_change() {
    let said = |config: Value| starts(config).expect_err("refused");
    insta::assert_snapshot!(said(with("tls", json!("none"))), @r#"`tls` is "none", and smtp.acme.example is another machine: customers' words and the password would be read on the way; write "starttls" or "implicit""#);
    insta::assert_snapshot!(said(with("username", json!("dana"))), @"`username` and `password` go together: write both, or neither");
    insta::assert_snapshot!(said(with("from", json!("alerts"))), @r#"`from`: "alerts" is no address; it is written "alerts@acme.example" or "Name <alerts@acme.example>""#);
    insta::assert_snapshot!(said(with("to", json!(["night@acme.example\r\nBcc: evil@evil.example"]))), @r#"`to`: "night@acme.example\r\nBcc: evil@evil.example" is no address; it is written "alerts@acme.example" or "Name <alerts@acme.example>""#);
    insta::assert_snapshot!(said(with("to", json!(["דנה@acme.example"]))), @r#"`to`: "דנה@acme.example" is no address; it is written "alerts@acme.example" or "Name <alerts@acme.example>""#);
    insta::assert_snapshot!(said(with("ca_file", json!("/nowhere/ca.pem"))), @"`ca_file` /nowhere/ca.pem: No such file or directory (os error 2)");
    let mut hidden = signed_in();
    hidden["password"] = json!({"$secret": "/password"});
    insta::assert_snapshot!(said(hidden), @r#"the plugin signs in itself: write reveal = ["password"] in the notifier's section, so that it is told `password`"#);
    let email: Email = start(signed_in(), &FakeHost::new().host()).expect("right");
    assert!(!format!("{email:?}").contains("hush"));
}

#[test]
fn the_examples_of_the_readme_are_right() {
    let blocks: Vec<_> = include_str!("../../README.md").split("```toml\n").skip(1).collect();
    assert!(blocks.len() >= 2);
    for block in blocks {
        let example: toml::Table = block.split("```").next().unwrap_or_default().parse().expect("TOML");
        for notifier in example["notifiers"].as_table().expect("notifiers").values() {
            assert_eq!(notifier["plugin"].as_str(), Some("email"));
            let mut config = serde_json::to_value(&notifier["config"]).expect("JSON");
            if config.get("password").is_some() {
                assert_eq!(notifier["reveal"].as_array().map(|all| all[0].as_str()), Some(Some("password")));
                config["password"] = json!("hush");
            }
            assert!(schema_takes(&config), "{config}");
            assert_eq!(starts(config), Ok(()));
        }
    }
}
