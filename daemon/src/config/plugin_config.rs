//! `[notifiers.NAME.config]`: checked against the plugin's schema, secrets taken out, violations brought back to
//! the place in the file.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Number, Value as Json, json};
use url::Url;

use super::SecretRef;
use super::address;
use super::findings::{Doubt, Note};
use super::plugin_schema::{Rules, SECRET, Secrecy, with_placeholders};
use super::pointer;
use super::reference;
use super::section::Context;
use super::spanned::{Kind, Place, Table, Value};
use super::violation::{self, Places, Spots};

/// A configuration that the plugin's schema accepts.
#[derive(Debug, Default)]
pub(super) struct Checked {
    pub(super) config: Json,
    /// Where its secrets come from, by JSON pointer.
    pub(super) secrets: BTreeMap<String, SecretRef>,
    /// Those that the plugin cannot work with unless it is told them, by JSON pointer.
    pub(super) to_reveal: BTreeSet<String>,
    /// Those of its values that are written out and may be secrets all the same, by JSON pointer.
    pub(super) private: BTreeSet<String>,
}

/// Checks a configuration; one that was left out is empty and stands at `header`. `None` = mistakes were told.
///
/// # Errors
/// If the schema itself is unusable: why.
pub(super) fn check(
    cx: Context<'_>,
    title: &str,
    config: Option<&Value>,
    header: Place,
    schema: &Json,
) -> Result<Option<Checked>, String> {
    let validator = jsonschema::options()
        .offline()
        .should_validate_formats(true)
        .build(&with_placeholders(schema))
        .map_err(|error| error.to_string())?;
    let mut convert = Convert {
        cx,
        secrets: BTreeMap::new(),
        to_reveal: BTreeSet::new(),
        private: BTreeSet::new(),
        places: Places::new(),
        refused: BTreeSet::new(),
        mistakes: false,
    };
    let at = config.map_or(header, |config| config.at);
    convert.places.insert(String::new(), Spots { key: at, value: at });
    let rules = Rules::new(schema);
    let mut json = match config.map(|config| (&config.kind, config)) {
        None => json!({}),
        Some((Kind::Table(table), _)) => convert.table(table, "", &rules),
        Some((_, value)) => {
            cx.findings.hide_all(value, Doubt::May);
            cx.findings
                .add(Note::error(value.at, format!("{title} must be a table, not {}", value.kind_name())));
            return Ok(None);
        }
    };
    Rules::fill_defaults(schema, &mut json);
    for violation in validator.iter_errors(&json) {
        // Of what has been refused already, nothing more needs to be said.
        if convert.refused.contains(violation.instance_path().as_str()) {
            continue;
        }
        convert.mistakes = true;
        violation::tell(cx, title, &violation, &convert.places, &rules);
    }
    let Convert { secrets, to_reveal, private, mistakes, .. } = convert;
    Ok((!mistakes).then_some(Checked { config: json, secrets, to_reveal, private }))
}

/// Turns TOML into JSON.
struct Convert<'a> {
    cx: Context<'a>,
    secrets: BTreeMap<String, SecretRef>,
    to_reveal: BTreeSet<String>,
    private: BTreeSet<String>,
    places: Places,
    /// Pointers of values that mistakes were told of.
    refused: BTreeSet<String>,
    mistakes: bool,
}

impl Convert<'_> {
    fn table(&mut self, table: &Table, pointer: &str, rules: &Rules<'_>) -> Json {
        let mut object = Map::new();
        for entry in &table.0 {
            let pointer = pointer.to_owned() + &pointer_to(&entry.key);
            self.places.insert(pointer.clone(), Spots { key: entry.key_at, value: entry.value.at });
            let value = self.value(&entry.key, &entry.value, pointer, &rules.property(&entry.key));
            object.insert(entry.key.clone(), value);
        }
        Json::Object(object)
    }

    /// `label` is what messages call the value.
    fn value(&mut self, label: &str, value: &Value, pointer: String, rules: &Rules<'_>) -> Json {
        if rules.are_silent() {
            self.cx.findings.hide_all(value, Doubt::May);
            self.private.insert(pointer.clone());
        }
        if rules.must_be_revealed() {
            self.to_reveal.insert(pointer.clone());
        }
        match (rules.secrecy(), &value.kind) {
            (_, Kind::Unusable) => {
                self.refuse(&pointer);
                Json::Null
            }
            (Secrecy::Required, _) | (Secrecy::Allowed, Kind::Table(_)) => {
                self.reference(label, value, pointer)
            }
            (Secrecy::Allowed, _) => {
                self.cx.findings.hide_all(value, Doubt::May);
                self.private.insert(pointer.clone());
                self.plain(label, value, &pointer, rules)
            }
            (Secrecy::None, Kind::Table(table)) if looks_like_reference(table, rules) => {
                self.refuse(&pointer);
                let message = format!("`{label}` takes no reference to a secret");
                let hint = "this field is no secret to the plugin; write its value itself";
                self.cx.findings.add(Note::error(value.at, message).hint(hint));
                placeholder(&pointer)
            }
            (Secrecy::None, _) => self.plain(label, value, &pointer, rules),
        }
    }

    fn plain(&mut self, label: &str, value: &Value, pointer: &str, rules: &Rules<'_>) -> Json {
        match &value.kind {
            Kind::Text(text) | Kind::Date(text) => {
                self.warn_of_plain_http(label, value.at, text);
                Json::String(text.clone())
            }
            Kind::Integer(number) => Json::from(*number),
            Kind::Float(number) => Number::from_f64(*number).map_or(Json::Null, Json::Number),
            Kind::Flag(flag) => Json::Bool(*flag),
            Kind::Table(table) => self.table(table, pointer, rules),
            Kind::Array(values) => {
                let element = |(index, value): (usize, &Value)| {
                    let pointer = format!("{pointer}/{index}");
                    self.places.insert(pointer.clone(), Spots { key: value.at, value: value.at });
                    self.value(&format!("{label}[{index}]"), value, pointer, &rules.element(index))
                };
                values.iter().enumerate().map(element).collect()
            }
            Kind::Unusable => Json::Null,
        }
    }

    fn reference(&mut self, label: &str, value: &Value, pointer: String) -> Json {
        let json = placeholder(&pointer);
        match reference::read(self.cx, label, value) {
            Some(reference) => {
                self.secrets.insert(pointer, reference);
            }
            None => self.refuse(&pointer),
        }
        json
    }

    fn refuse(&mut self, pointer: &str) {
        self.refused.insert(pointer.to_owned());
        self.mistakes = true;
    }

    fn warn_of_plain_http(&self, label: &str, at: Place, text: &str) {
        let Ok(url) = Url::parse(text) else { return };
        if url.scheme() == "http" && !address::is_loopback(&url) {
            let message = format!("`{label}` is not encrypted: customers' messages would travel in the open");
            self.cx.findings.add(Note::warning(at, message).hint("use https where the receiver can"));
        }
    }
}

/// The pointer of a field of the configuration's top.
pub(super) fn pointer_to(field: &str) -> String {
    format!("/{}", pointer::escape(field))
}

fn placeholder(pointer: &str) -> Json {
    json!({ SECRET: pointer })
}

/// `{ env = "X" }` where the schema knows nothing of a property `env`.
fn looks_like_reference(table: &Table, rules: &Rules<'_>) -> bool {
    !table.0.is_empty()
        && table.0.iter().all(|entry| {
            reference::KEYS.iter().any(|key| key.name == entry.key) && rules.property(&entry.key).are_silent()
        })
}
