//! A configuration that a schema allows, made up from it: what it requires, and nothing else.

use serde_json::{Map, Value as Json, json};

/// Schemas within schemas that are followed.
const DEPTH_MAX: u32 = 8;
/// An address that nobody has (RFC 2606).
const ADDRESS: &str = "https://receiver.example/hook";

/// Makes one up.
///
/// # Errors
/// Why what was made up does not fit.
pub(super) fn of(schema: &Json) -> Result<Json, String> {
    let made = value(schema, "", 0);
    // A secret is a reference for the plugin, and text for its schema.
    let validator = jsonschema::options().offline().build(schema).map_err(|error| error.to_string())?;
    let text = as_text(&made);
    if let Some(error) = validator.iter_errors(&text).next() {
        return Err(format!("at {:?}: {error}", error.instance_path().as_str()));
    }
    Ok(made)
}

/// References replaced by what they might stand for.
fn as_text(made: &Json) -> Json {
    match made {
        Json::Object(object) if object.contains_key("$secret") => json!(ADDRESS),
        Json::Object(object) => {
            object.iter().map(|(key, value)| (key.clone(), as_text(value))).collect::<Map<_, _>>().into()
        }
        Json::Array(values) => values.iter().map(as_text).collect(),
        other => other.clone(),
    }
}

fn value(schema: &Json, pointer: &str, depth: u32) -> Json {
    if schema["x-secret"] == "required" {
        return json!({ "$secret": pointer });
    }
    for known in ["const", "default"] {
        if let Some(value) = schema.get(known) {
            return value.clone();
        }
    }
    for several in ["examples", "enum"] {
        if let Some(value) = schema[several].as_array().and_then(|all| all.first()) {
            return value.clone();
        }
    }
    let kind = match &schema["type"] {
        Json::Array(kinds) => kinds.first().and_then(Json::as_str),
        other => other.as_str(),
    };
    match kind {
        Some("object") => object(schema, pointer, depth),
        Some("array") => {
            let least = schema["minItems"].as_u64().unwrap_or(0).min(4);
            (0..least).map(|n| value(&schema["items"], &format!("{pointer}/{n}"), depth + 1)).collect()
        }
        Some("integer" | "number") => schema.get("minimum").cloned().unwrap_or_else(|| json!(1)),
        Some("boolean") => json!(false),
        None if schema.get("properties").is_some() => object(schema, pointer, depth),
        _ => text(schema),
    }
}

/// What it requires, and what the first of its alternatives does.
fn object(schema: &Json, pointer: &str, depth: u32) -> Json {
    if depth > DEPTH_MAX {
        return json!({});
    }
    let names = |schema: &Json| schema["required"].as_array().cloned().unwrap_or_default();
    let mut required = names(schema);
    for several in ["anyOf", "oneOf"] {
        if let Some(first) = schema[several].as_array().and_then(|all| all.first()) {
            required.extend(names(first));
        }
    }
    let defaults = schema["properties"].as_object().into_iter().flatten();
    let defaults = defaults.filter(|(_, property)| property.get("default").is_some());
    let mut made: Map<String, Json> =
        defaults.map(|(name, property)| (name.clone(), property["default"].clone())).collect();
    for name in required.iter().filter_map(Json::as_str) {
        let pointer = format!("{pointer}/{name}");
        made.insert(name.to_owned(), value(&schema["properties"][name], &pointer, depth + 1));
    }
    Json::Object(made)
}

fn text(schema: &Json) -> Json {
    match schema["format"].as_str() {
        Some("uri") => json!(ADDRESS),
        Some("email") => json!("ops@receiver.example"),
        Some("hostname") => json!("receiver.example"),
        _ => {
            let least = schema["minLength"].as_u64().unwrap_or(0).min(256) as usize;
            json!(format!("{:x<least$}", "example"))
        }
    }
}
