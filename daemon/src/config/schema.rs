//! The configuration's JSON Schema, for editors: what is written by hand, joined with the schemas of plugins. The reader
//! decides what is right; tests hold the two together.

use std::collections::BTreeMap;

use serde_json::{Map, Value as Json, json};

use super::event_type;
use super::plugin_schema::in_subschemas;
use crate::core::event::{STATUSES, status_name};

/// All but the plugins, the types of events and the words of statuses.
const WRITTEN: &str = include_str!("schema.json");

/// The schemas of the plugins that come with commwatch.
const SHIPPED: [(&str, &str); 12] = [
    ("alertmanager", include_str!("../../../plugins/alertmanager/schema.json")),
    ("email", include_str!("../../../plugins/email/schema.json")),
    ("exec", include_str!("../../../plugins/exec/schema.json")),
    ("http", include_str!("../../../plugins/http/schema.json")),
    ("log", include_str!("../../../plugins/log/schema.json")),
    ("ntfy", include_str!("../../../plugins/ntfy/schema.json")),
    ("pagerduty", include_str!("../../../plugins/pagerduty/schema.json")),
    ("slack", include_str!("../../../plugins/slack/schema.json")),
    ("teams", include_str!("../../../plugins/teams/schema.json")),
    ("telegram", include_str!("../../../plugins/telegram/schema.json")),
    ("twilio", include_str!("../../../plugins/twilio/schema.json")),
    ("webhook", include_str!("../../../plugins/webhook/schema.json")),
];

/// A schema of the whole configuration.
#[derive(Clone, Debug, PartialEq)]
pub struct Schema {
    /// Draft 2020-12.
    pub json: Json,
    /// Plugins whose own schemas cannot be used, and why: theirs is left open.
    pub left_out: Vec<(String, String)>,
}

/// The schemas of the plugins that come with commwatch, by the plugin's word.
pub fn shipped_schemas() -> BTreeMap<String, Json> {
    SHIPPED.into_iter().map(|(name, text)| (name.to_owned(), parsed(text))).collect()
}

/// The schema of a configuration whose notifiers may use these plugins; what any other takes is not known.
pub fn schema(plugins: &BTreeMap<String, Json>) -> Schema {
    let mut json = parsed(WRITTEN);
    let (mut definitions, mut choices, mut left_out) = (Map::new(), Vec::new(), Vec::new());
    for (name, own) in plugins {
        let definition = format!("plugin-{name}");
        let validator = match usable(own) {
            Ok(validator) => validator,
            Err(why) => {
                left_out.push((name.clone(), why));
                continue;
            }
        };
        let mut then = json!({ "properties": { "config": { "$ref": format!("#/$defs/{definition}") } } });
        if !validator.is_valid(&json!({})) {
            then["required"] = json!(["config"]);
        }
        let is_it = json!({ "properties": { "plugin": { "const": name } }, "required": ["plugin"] });
        choices.push(json!({ "if": is_it, "then": then }));
        definitions.insert(definition.clone(), as_written(own, &format!("#/$defs/{definition}")));
    }
    let names: Vec<&String> = plugins.keys().collect();
    let events: Vec<&str> = event_type::routed().collect();
    let words = STATUSES.into_iter().filter_map(status_name);
    let words: Vec<String> = words.flat_map(|word| [word.to_owned(), word.replace(' ', "_")]).collect();
    let written = &mut json["$defs"];
    written["notifiers"]["allOf"] = Json::Array(choices);
    written["plugin"] =
        json!({ "title": "Plugin", "anyOf": [{ "enum": names }, { "$ref": "#/$defs/name" }] });
    written["event"] = json!({ "title": "Event type", "enum": events });
    written["status"] =
        json!({ "title": "Status", "anyOf": [{ "enum": words }, { "type": "integer", "minimum": 1 }] });
    if let Json::Object(written) = written {
        written.extend(definitions);
    }
    Schema { json, left_out }
}

/// Of our own making, and tested.
fn parsed(text: &str) -> Json {
    serde_json::from_str(text).expect("the schemas that are built in are JSON")
}

/// What checks a configuration as it is written, if the plugin's schema is one.
fn usable(own: &Json) -> Result<jsonschema::Validator, String> {
    let alone =
        json!({ "$ref": "#/$defs/own", "$defs": { "own": as_written(own, "#/$defs/own"), "secret": {} } });
    jsonschema::options().offline().build(&alone).map_err(|error| error.to_string())
}

/// A plugin's schema as it holds of the file: references to secrets where they are taken, and nothing required that has
/// a default. `here` is where it will stand, for its references to itself.
fn as_written(own: &Json, here: &str) -> Json {
    let mut changed = change(own, here);
    if let Json::Object(root) = &mut changed {
        root.retain(|key, _| !matches!(key.as_str(), "$schema" | "$id"));
    }
    changed
}

fn change(schema: &Json, here: &str) -> Json {
    let Json::Object(object) = schema else { return schema.clone() };
    let has_default = |name: &Json| {
        let rule = object.get("properties").and_then(|rules| rules.get(name.as_str()?));
        rule.is_some_and(|rule| rule.get("default").is_some())
    };
    let keyword = |(key, value): (&String, &Json)| {
        let value = match (key.as_str(), value) {
            ("$ref", Json::String(target)) if target == "#" || target.starts_with("#/") => {
                json!(format!("{here}{}", &target[1..]))
            }
            ("required", Json::Array(names)) => {
                names.iter().filter(|name| !has_default(name)).cloned().collect()
            }
            _ => in_subschemas(key, value, &|inner| change(inner, here)),
        };
        (key.clone(), value)
    };
    let is_ours = |key: &str| matches!(key, "x-secret" | "x-reveal");
    let mut inner: Map<String, Json> = object.iter().filter(|(key, _)| !is_ours(key)).map(keyword).collect();
    let Some(mark) = object.get("x-secret") else { return Json::Object(inner) };
    let mut outer = Map::new();
    for key in ["title", "description"] {
        outer.extend(inner.remove_entry(key));
    }
    let reference = json!({ "$ref": "#/$defs/secret" });
    if mark == "allowed" {
        outer.insert("anyOf".to_owned(), json!([inner, reference]));
    } else {
        outer.insert("$ref".to_owned(), reference["$ref"].clone());
    }
    Json::Object(outer)
}
