use super::*;

#[test]
fn what_is_made_up_fits_the_schema_and_holds_what_it_requires() {
    let schema = json!({
        "type": "object", "additionalProperties": false, "required": ["url", "token", "level", "many"],
        "properties": {
            "url": { "type": "string", "format": "uri" },
            "token": { "type": "string", "x-secret": "required" },
            "level": { "enum": ["info", "warn"] },
            "many": { "type": "array", "minItems": 2, "items": { "type": "integer", "minimum": 5 } },
            "extra": { "type": "string" },
            "kept": { "type": "boolean", "default": true },
        },
    });
    assert_eq!(
        example::of(&schema).unwrap(),
        json!({
            "kept": true, "level": "info", "many": [5, 5], "token": { "$secret": "/token" },
            "url": "https://receiver.example/hook",
        })
    );
    let either = json!({
        "type": "object", "properties": { "a": { "type": "string" }, "b": { "type": "string" } },
        "oneOf": [{ "required": ["a"] }, { "required": ["b"] }],
    });
    assert_eq!(example::of(&either).unwrap(), json!({ "a": "example" }));
    let strict = json!({ "type": "object", "required": ["a"], "properties": { "a": { "type": "string", "pattern": "^#" } } });
    assert!(example::of(&strict).unwrap_err().contains("/a"));
}

#[test]
fn what_is_strange_is_as_long_as_it_may_be_and_no_longer() {
    for bytes_max in [4_096, 262_144, 1_048_576] {
        let strange = strange(bytes_max);
        assert!(
            strange.len() <= bytes_max && strange.len() > bytes_max / 2,
            "{} of {bytes_max}",
            strange.len()
        );
    }
    let mut sample: Json = serde_json::from_str(&sample()).unwrap();
    // What the host adds for the SDK.
    (sample["attempt"], sample["replay"]) = (json!(1), json!(false));
    let notification: commwatch_plugin_api::Notification = serde_json::from_value(sample).unwrap();
    assert_eq!(notification.events.len(), 1);
}
