//! A plugin's JSON Schema: which fields are secrets, what the defaults are, and the form of it that holds once
//! secrets have been replaced. Knows no TOML.

use serde_json::{Map, Value as Json, json};

/// How many steps are taken to fill in defaults, and how deep: a schema that refers to itself would never end.
const STEPS_MAX: usize = 10_000;
const DEPTH_MAX: usize = 64;
/// How many subschemas of one value are looked at.
const SUBSCHEMAS_MAX: usize = 256;

/// The key that stands for a secret: `{"$secret": "/json/pointer"}`.
pub(super) const SECRET: &str = "$secret";

/// What a field takes.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) enum Secrecy {
    /// No references.
    None,
    /// Text or a reference.
    Allowed,
    /// Only a reference.
    Required,
}

/// The subschemas that say something about one value.
#[derive(Clone, Debug)]
pub(super) struct Rules<'s> {
    root: &'s Json,
    schemas: Vec<&'s Map<String, Json>>,
}

impl<'s> Rules<'s> {
    /// Of the whole configuration.
    pub(super) fn new(root: &'s Json) -> Self {
        Self::of(root, vec![root])
    }

    /// Follows `$ref` and the combining keywords: any branch may be the one that applies.
    fn of(root: &'s Json, mut todo: Vec<&'s Json>) -> Self {
        let mut schemas: Vec<&Map<String, Json>> = Vec::new();
        while let Some(next) = todo.pop() {
            let Json::Object(schema) = next else { continue };
            if schemas.len() >= SUBSCHEMAS_MAX || schemas.iter().any(|seen| std::ptr::eq(*seen, schema)) {
                continue;
            }
            schemas.push(schema);
            if let Some(target) =
                schema.get("$ref").and_then(Json::as_str).and_then(|text| text.strip_prefix('#'))
            {
                todo.extend(root.pointer(target));
            }
            for keyword in ["allOf", "anyOf", "oneOf"] {
                todo.extend(schema.get(keyword).and_then(Json::as_array).into_iter().flatten());
            }
            todo.extend(["if", "then", "else"].iter().filter_map(|keyword| schema.get(*keyword)));
        }
        Self { root, schemas }
    }

    /// Of a property.
    pub(super) fn property(&self, name: &str) -> Self {
        let mut rules = Vec::new();
        for schema in &self.schemas {
            match schema.get("properties").and_then(|properties| properties.get(name)) {
                Some(rule) => rules.push(rule),
                None => {
                    rules.extend(
                        schema
                            .get("patternProperties")
                            .and_then(Json::as_object)
                            .into_iter()
                            .flat_map(Map::values),
                    );
                    rules.extend(schema.get("additionalProperties"));
                }
            }
        }
        Self::of(self.root, rules)
    }

    /// Of an element of a list.
    pub(super) fn element(&self, index: usize) -> Self {
        let rule = |schema: &&'s Map<String, Json>| {
            let first = schema.get("prefixItems").and_then(|rules| rules.get(index));
            first.or_else(|| schema.get("items"))
        };
        Self::of(self.root, self.schemas.iter().filter_map(rule).collect())
    }

    /// What the value takes; the strictest rule wins. A marking that we do not know is taken as the strictest.
    pub(super) fn secrecy(&self) -> Secrecy {
        let marks = self.schemas.iter().filter_map(|schema| schema.get("x-secret"));
        marks
            .map(|mark| if mark == "allowed" { Secrecy::Allowed } else { Secrecy::Required })
            .max()
            .unwrap_or(Secrecy::None)
    }

    /// Whether the plugin cannot work with the secret unless it is told it: `"x-reveal": "required"`.
    pub(super) fn must_be_revealed(&self) -> bool {
        self.schemas.iter().any(|schema| schema.get("x-reveal").is_some())
    }

    /// Whether anything is said about the value at all.
    pub(super) fn are_silent(&self) -> bool {
        self.schemas.is_empty()
    }

    /// The names of the properties that the value may have.
    pub(super) fn property_names(&self) -> impl Iterator<Item = &'s str> + Clone {
        let objects: Vec<_> =
            self.schemas.iter().filter_map(|schema| schema.get("properties")?.as_object()).collect();
        objects.into_iter().flat_map(Map::keys).map(String::as_str)
    }

    /// What the schema's author says that the value is.
    pub(super) fn description(&self) -> Option<&'s str> {
        self.schemas.iter().find_map(|schema| schema.get("description")?.as_str())
    }

    /// Puts in what was left out and has a default. Within branches that may not apply, nothing is put in.
    pub(super) fn fill_defaults(root: &Json, value: &mut Json) {
        fill(root, root, value, &mut Budget { steps: STEPS_MAX, depth: DEPTH_MAX });
    }
}

struct Budget {
    steps: usize,
    depth: usize,
}

fn fill(root: &Json, schema: &Json, value: &mut Json, budget: &mut Budget) {
    if budget.steps == 0 || budget.depth == 0 {
        return;
    }
    budget.steps -= 1;
    budget.depth -= 1;
    let target = schema.get("$ref").and_then(Json::as_str).and_then(|text| text.strip_prefix('#'));
    if let Some(target) = target.and_then(|target| root.pointer(target)) {
        fill(root, target, value, budget);
    }
    for part in schema.get("allOf").and_then(Json::as_array).into_iter().flatten() {
        fill(root, part, value, budget);
    }
    match value {
        Json::Object(object) if !object.contains_key(SECRET) => {
            for (name, rule) in schema.get("properties").and_then(Json::as_object).into_iter().flatten() {
                if let (None, Some(default)) = (object.get(name), rule.get("default")) {
                    object.insert(name.clone(), default.clone());
                }
                if let Some(value) = object.get_mut(name) {
                    fill(root, rule, value, budget);
                }
            }
        }
        Json::Array(elements) => {
            if let Some(rule) = schema.get("items") {
                elements.iter_mut().for_each(|element| fill(root, rule, element, budget));
            }
        }
        _ => {}
    }
    budget.depth += 1;
}

/// The schema with every secret field changed to take what stands for a secret.
pub(super) fn with_placeholders(schema: &Json) -> Json {
    match schema {
        Json::Object(object) => {
            let inner: Map<String, Json> = object
                .iter()
                .filter(|(key, _)| *key != "x-secret")
                .map(|(key, value)| (key.clone(), in_subschemas(key, value, &with_placeholders)))
                .collect();
            let placeholder = json!({ "type": "object", "required": [SECRET] });
            match object.get("x-secret") {
                None => Json::Object(inner),
                Some(mark) if mark == "allowed" => json!({ "if": placeholder, "else": inner }),
                Some(_) => placeholder,
            }
        }
        other => other.clone(),
    }
}

/// Changes what a keyword holds if that is schemas; everything else, such as an example, stays as it is.
pub(super) fn in_subschemas(keyword: &str, value: &Json, change: &dyn Fn(&Json) -> Json) -> Json {
    match (keyword, value) {
        (
            "properties" | "patternProperties" | "$defs" | "definitions" | "dependentSchemas",
            Json::Object(schemas),
        ) => schemas.iter().map(|(name, schema)| (name.clone(), change(schema))).collect(),
        ("allOf" | "anyOf" | "oneOf" | "prefixItems", Json::Array(schemas)) => {
            schemas.iter().map(change).collect()
        }
        (
            "items"
            | "additionalProperties"
            | "unevaluatedProperties"
            | "unevaluatedItems"
            | "contains"
            | "not"
            | "if"
            | "then"
            | "else",
            schema,
        ) => change(schema),
        (_, other) => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_found_through_references_branches_lists_and_maps() {
        let schema = json!({
            "$defs": { "key": { "type": "string", "x-secret": "required" } },
            "properties": {
                "direct": { "$ref": "#/$defs/key" },
                "list": { "type": "array", "items": { "$ref": "#/$defs/key" } },
                "headers": { "additionalProperties": { "type": "string", "x-secret": "allowed" } },
                "plain": { "type": "string" },
                "odd": { "x-secret": true },
            },
            "oneOf": [{ "properties": { "branch": { "x-secret": "required" } } }, { "required": ["direct"] }],
        });
        let rules = Rules::new(&schema);
        assert_eq!(rules.property("direct").secrecy(), Secrecy::Required);
        assert_eq!(rules.property("list").element(3).secrecy(), Secrecy::Required);
        assert_eq!(rules.property("headers").property("X-Key").secrecy(), Secrecy::Allowed);
        assert_eq!(rules.property("plain").secrecy(), Secrecy::None);
        assert_eq!(rules.property("odd").secrecy(), Secrecy::Required);
        assert_eq!(rules.property("branch").secrecy(), Secrecy::Required);
    }

    #[test]
    fn a_schema_that_refers_to_itself_ends() {
        let schema = json!({ "$ref": "#", "allOf": [{ "$ref": "#" }], "properties": { "x": { "$ref": "#", "default": {} } } });
        assert_eq!(Rules::new(&schema).property("x").property("x").secrecy(), Secrecy::None);
        let mut value = json!({});
        Rules::fill_defaults(&schema, &mut value);
        assert!(value.pointer("/x/x").is_some());
    }

    #[test]
    fn defaults_fill_what_was_left_out_and_nothing_else() {
        let schema = json!({
            "$defs": { "retry": { "properties": { "times": { "default": 3 } } } },
            "properties": {
                "a": { "default": 1 },
                "b": { "default": 2 },
                "retry": { "$ref": "#/$defs/retry" },
                "absent": { "$ref": "#/$defs/retry" },
                "list": { "items": { "properties": { "x": { "default": true } } } },
            },
        });
        let mut value = json!({ "b": 5, "retry": {}, "list": [{}, { "x": false }] });
        Rules::fill_defaults(&schema, &mut value);
        assert_eq!(
            value,
            json!({ "a": 1, "b": 5, "retry": { "times": 3 }, "list": [{ "x": true }, { "x": false }] })
        );
    }

    #[test]
    fn an_example_inside_a_schema_is_not_taken_for_a_schema() {
        let schema = json!({ "default": { "x-secret": "required" }, "enum": [{ "x-secret": "required" }] });
        assert_eq!(with_placeholders(&schema), schema);
    }
}
