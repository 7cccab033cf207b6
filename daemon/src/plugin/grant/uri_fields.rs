//! Which values of a configuration its schema calls URLs.
//!
//! Follows the words of JSON Schema that lead from a value to its parts. What a schema says in another way is not
//! found, and a host that is not found is not granted.

use serde_json::{Map, Value as Json};

use crate::config::pointer::escape;

/// How many schemas deep a value is followed; a schema may refer to itself.
const DEPTH_MAX: usize = 32;
/// How many schemas are looked at in all; one that refers to itself twice doubles at each step.
const VISITS_MAX: usize = 10_000;

/// Every value that some part of the schema declares as `"format": "uri"`, with its JSON pointer.
pub(super) fn find<'c>(schema: &Json, config: &'c Json) -> Vec<(String, &'c Json)> {
    let mut walk = Walk { root: schema, visits: 0, found: Vec::new() };
    walk.visit(schema, config, "", DEPTH_MAX);
    walk.found
}

struct Walk<'s, 'c> {
    root: &'s Json,
    visits: usize,
    found: Vec<(String, &'c Json)>,
}

impl<'s, 'c> Walk<'s, 'c> {
    fn visit(&mut self, schema: &'s Json, value: &'c Json, pointer: &str, depth: usize) {
        let (Some(schema), Some(depth)) = (schema.as_object(), depth.checked_sub(1)) else { return };
        self.visits += 1;
        if self.visits > VISITS_MAX {
            return;
        }
        let is_uri = schema.get("format").and_then(Json::as_str) == Some("uri");
        if is_uri && !self.found.iter().any(|(known, _)| known == pointer) {
            self.found.push((pointer.to_owned(), value));
        }
        for same in self.of_the_same_value(schema) {
            self.visit(same, value, pointer, depth);
        }
        match value {
            Json::Object(members) => {
                for (name, member) in members {
                    if let Some(schema) = of_member(schema, name) {
                        let at = format!("{pointer}/{}", escape(name));
                        self.visit(schema, member, &at, depth);
                    }
                }
            }
            Json::Array(items) => {
                for (index, item) in items.iter().enumerate() {
                    if let Some(schema) = schema.get("items") {
                        self.visit(schema, item, &format!("{pointer}/{index}"), depth);
                    }
                }
            }
            _ => {}
        }
    }

    /// The schemas that `schema` hands the same value on to.
    fn of_the_same_value(&self, schema: &'s Map<String, Json>) -> Vec<&'s Json> {
        let lists = ["allOf", "anyOf", "oneOf"].into_iter().filter_map(|word| schema.get(word)?.as_array());
        let branches = ["then", "else"].into_iter().filter_map(|word| schema.get(word));
        let referred = schema.get("$ref").and_then(Json::as_str).and_then(|to| to.strip_prefix('#'));
        let referred = referred.and_then(|pointer| self.root.pointer(pointer));
        lists.flatten().chain(branches).chain(referred).collect()
    }
}

fn of_member<'s>(schema: &'s Map<String, Json>, name: &str) -> Option<&'s Json> {
    let named = schema.get("properties").and_then(|properties| properties.get(name));
    named.or_else(|| schema.get("additionalProperties"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn pointers(schema: Json, config: Json) -> Vec<String> {
        find(&schema, &config).into_iter().map(|(pointer, _)| pointer).collect()
    }

    #[test]
    fn urls_are_found_wherever_a_schema_can_put_them() {
        let uri = json!({"type": "string", "format": "uri"});
        let schema = json!({
            "properties": {
                "one": uri,
                "many": {"type": "array", "items": uri},
                "deep": {"properties": {"a/b": uri}},
                "either": {"oneOf": [{"type": "null"}, uri]},
                "shared": {"$ref": "#/$defs/address"},
            },
            "additionalProperties": {"properties": {"url": uri}},
            "$defs": {"address": uri},
        });
        let config = json!({
            "one": 1, "many": [2, 3], "deep": {"a/b": 4}, "either": 5, "shared": 6, "other": {"url": 7, "x": 8}
        });
        assert_eq!(
            pointers(schema, config),
            ["/deep/a~1b", "/either", "/many/0", "/many/1", "/one", "/other/url", "/shared"]
        );
    }

    #[test]
    fn a_schema_that_refers_to_itself_is_followed_to_a_bound() {
        assert_eq!(pointers(json!({"$ref": "#"}), json!({"a": 1})), Vec::<String>::new());
        let wide = json!({"anyOf": [{"$ref": "#"}, {"$ref": "#"}, {"$ref": "#"}], "format": "uri"});
        assert_eq!(pointers(wide, json!({"a": 1})), [""]);
    }

    #[test]
    fn a_value_that_no_schema_describes_is_not_found() {
        let schema = json!({"properties": {"a": {"type": "string"}}});
        assert_eq!(pointers(schema, json!({"a": "http://x", "b": "http://y"})), Vec::<String>::new());
    }
}
