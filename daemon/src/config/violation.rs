//! What a plugin's schema objects to, in the words of the file rather than of JSON Schema.

use std::collections::BTreeMap;

use jsonschema::ValidationError;
use jsonschema::error::{TypeKind, ValidationErrorKind};
use serde_json::Value as Json;

use super::findings::Note;
use super::plugin_schema::Rules;
use super::pointer::{escape, unescape};
use super::section::Context;
use super::spanned::Place;
use super::suggest::{did_you_mean, list, nearest};

/// Where a value of the configuration stands in the file, by JSON pointer.
pub(super) type Places = BTreeMap<String, Spots>;

#[derive(Clone, Copy, Debug)]
pub(super) struct Spots {
    pub(super) key: Place,
    pub(super) value: Place,
}

/// Records one violation. Values are never repeated: any of them may be a secret.
pub(super) fn tell(
    cx: Context<'_>,
    title: &str,
    violation: &ValidationError<'_>,
    places: &Places,
    rules: &Rules<'_>,
) {
    if cx.findings.any_unread() && is_of_something_left_out(violation.kind()) {
        return;
    }
    let pointer = violation.instance_path().as_str();
    let spots = nearest_place(places, pointer);
    let name = match pointer.rsplit_once('/') {
        Some((_, last)) if last.parse::<usize>().is_err() => format!("`{}`", unescape(last)),
        Some(_) => format!("`{}`", unescape(&pointer[1..]).replace('/', ".")),
        None => title.to_owned(),
    };
    let keys = || inner(rules, pointer);
    match violation.kind() {
        ValidationErrorKind::AdditionalProperties { unexpected }
        | ValidationErrorKind::UnevaluatedProperties { unexpected } => {
            for key in unexpected {
                let place = nearest_place(places, &format!("{pointer}/{}", escape(key)));
                let hint = match nearest(key, keys().property_names()) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => format!("keys here are {}", list(keys().property_names())),
                };
                cx.findings.add(Note::error(place.key, format!("unknown key `{key}` in {name}")).hint(hint));
            }
        }
        ValidationErrorKind::Required { property } => {
            let key = property.as_str().unwrap_or_default();
            let message = format!("`{key}` is missing in {name}");
            cx.findings.add(described(Note::error(spots.value, message), key, &keys().property(key)));
        }
        ValidationErrorKind::Type { kind } => {
            cx.findings.add(Note::error(spots.value, format!("{name} must be {}", kind_names(kind))));
        }
        ValidationErrorKind::Enum { options } => {
            let words: Vec<&str> =
                options.as_array().into_iter().flatten().filter_map(Json::as_str).collect();
            let given = violation.instance().as_str().unwrap_or_default();
            let hint = format!(
                "it is one of {}{}",
                list(words.iter().copied()),
                did_you_mean(given, words.iter().copied())
            );
            cx.findings
                .add(Note::error(spots.value, format!("{name} is none of the words it may be")).hint(hint));
        }
        ValidationErrorKind::OneOfNotValid { context } | ValidationErrorKind::AnyOf { context } => {
            match nearest_form(context) {
                Form::Missing(keys) => {
                    cx.findings.add(Note::error(spots.value, format!("{name} needs {keys}")));
                }
                Form::Nearest(violations) => {
                    violations.iter().for_each(|violation| tell(cx, title, violation, places, rules));
                }
                Form::None => {
                    let message = format!("{name} fits none of the forms that the plugin takes");
                    cx.findings.add(Note::error(spots.value, message));
                }
            }
        }
        ValidationErrorKind::OneOfMultipleValid { .. } => {
            let message = format!("{name} has keys that exclude each other");
            let hint = format!("of {} the plugin takes only some together", list(keys().property_names()));
            cx.findings.add(Note::error(spots.value, message).hint(hint));
        }
        ValidationErrorKind::FalseSchema => {
            cx.findings
                .add(Note::error(spots.key, format!("{name} does not go together with the keys beside it")));
        }
        kind => {
            let message = match kind {
                ValidationErrorKind::Format { format } => {
                    format!("{name} does not have the form of a `{format}`")
                }
                _ => violation.masked_with(&name).to_string(),
            };
            cx.findings.add(described(Note::error(spots.value, message), name.trim_matches('`'), &keys()));
        }
    }
}

/// Whether a file that could not be read may hold what would mend it.
fn is_of_something_left_out(kind: &ValidationErrorKind) -> bool {
    matches!(
        kind,
        ValidationErrorKind::Required { .. }
            | ValidationErrorKind::AnyOf { .. }
            | ValidationErrorKind::OneOfNotValid { .. }
            | ValidationErrorKind::MinProperties { .. }
    )
}

/// What stands nearest: the value itself, or whatever holds it (a default has no place in the file).
fn nearest_place(places: &Places, pointer: &str) -> Spots {
    let mut pointer = pointer;
    loop {
        if let Some(spots) = places.get(pointer) {
            return *spots;
        }
        // The empty pointer is always there.
        pointer = pointer.rsplit_once('/').map_or("", |(outer, _)| outer);
    }
}

fn inner<'s>(rules: &Rules<'s>, pointer: &str) -> Rules<'s> {
    let step = |rules: Rules<'s>, part: &str| match part.parse() {
        Ok(index) => rules.element(index),
        Err(_) => rules.property(&unescape(part)),
    };
    pointer.split('/').skip(1).fold(rules.clone(), step)
}

/// What is wrong where a value may have one of several forms.
enum Form<'v> {
    /// Each form lacks keys and nothing else is wrong: which.
    Missing(String),
    /// One form is nearer than the others: what it objects to.
    Nearest(&'v [ValidationError<'static>]),
    None,
}

fn nearest_form<'v>(forms: &'v [Vec<ValidationError<'static>>]) -> Form<'v> {
    let missing = |violation: &ValidationError<'static>| match violation.kind() {
        ValidationErrorKind::Required { property } => property.as_str().map(|key| format!("`{key}`")),
        _ => None,
    };
    let all = |form: &Vec<ValidationError<'static>>| form.iter().map(missing).collect::<Option<Vec<_>>>();
    if let Some(keys) = forms.iter().map(|form| Some(all(form)?.join(" and "))).collect::<Option<Vec<_>>>() {
        return Form::Missing(keys.join(", or "));
    }
    let fewest = forms.iter().map(Vec::len).min().unwrap_or_default();
    let mut nearest = forms.iter().filter(|form| form.len() == fewest);
    match (nearest.next(), nearest.next()) {
        (Some(form), None) => Form::Nearest(form),
        _ => Form::None,
    }
}

fn kind_names(kind: &TypeKind) -> String {
    let name = |kind: String| match kind.as_str() {
        "string" => "text in quotes".to_owned(),
        "integer" => "a whole number without quotes".to_owned(),
        "number" => "a number without quotes".to_owned(),
        "boolean" => "true or false without quotes".to_owned(),
        "array" => "a list".to_owned(),
        "object" => "a table".to_owned(),
        _ => kind,
    };
    match kind {
        TypeKind::Single(kind) => name(kind.to_string()),
        TypeKind::Multiple(kinds) => {
            kinds.iter().map(|kind| name(kind.to_string())).collect::<Vec<_>>().join(" or ")
        }
    }
}

/// With what the plugin says of the key.
fn described(note: Note, key: &str, rules: &Rules<'_>) -> Note {
    match rules.description() {
        Some(description) => note.hint(format!("`{key}`: {description}")),
        None => note,
    }
}
