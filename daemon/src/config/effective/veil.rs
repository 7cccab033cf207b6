//! What nobody is shown: values that are written out and may be secrets. Of an address the host stays.

use toml::{Table, Value};
use url::Url;

use super::super::address::OBJECT_ID;
use super::super::plugin_schema::SECRET;
use super::super::suspicion::{key_sounds_secret, text_looks_secret};
use super::super::{Notifier, SecretRef};

/// Stands for what is hidden; also what an address may hold.
const VEIL: &str = "(hidden)";

/// A reference as it is written.
pub(super) fn reference(secret: &SecretRef) -> Value {
    let (key, name) = match secret {
        SecretRef::Credential(name) => ("credential", name.clone()),
        SecretRef::File(path) => ("file", path.display().to_string()),
        SecretRef::Env(name) => ("env", name.clone()),
    };
    Value::Table(Table::from_iter([(key.to_owned(), Value::String(name))]))
}

/// A text, and whether something of it is hidden since it looks like a secret.
pub(super) fn text(text: &str) -> (Value, bool) {
    let shown = if text_looks_secret(text) { veiled(text) } else { text.to_owned() };
    let is_hidden = shown != text;
    (Value::String(shown), is_hidden)
}

/// A plugin's own configuration, key by key, each with whether something of it is hidden.
pub(super) fn config(notifier: &Notifier) -> Vec<(String, (Value, bool))> {
    let entries = notifier.config.as_object().into_iter().flatten();
    let entry = |(key, value): (&String, &serde_json::Value)| {
        let mut veil = Veil { notifier, is_hidden: false };
        let pointer = super::super::plugin_config::pointer_to(key);
        let shown = veil.shown(key, value, &pointer, false)?;
        Some((key.clone(), (shown, veil.is_hidden)))
    };
    entries.filter_map(entry).collect()
}

struct Veil<'a> {
    notifier: &'a Notifier,
    is_hidden: bool,
}

impl Veil<'_> {
    /// `None`: TOML has no such value. Within what is private everything is.
    fn shown(
        &mut self,
        key: &str,
        value: &serde_json::Value,
        pointer: &str,
        is_private: bool,
    ) -> Option<Value> {
        let is_private = is_private || self.notifier.private.contains(pointer);
        let may_be_secret = is_private || key_sounds_secret(key);
        match value {
            serde_json::Value::Null => None,
            serde_json::Value::Bool(flag) => Some(Value::Boolean(*flag)),
            serde_json::Value::Number(_) if is_private => Some(self.hide()),
            serde_json::Value::Number(number) => match number.as_i64() {
                Some(number) => Some(Value::Integer(number)),
                None => number.as_f64().map(Value::Float),
            },
            serde_json::Value::String(text) => {
                let shown =
                    if may_be_secret || text_looks_secret(text) { veiled(text) } else { text.clone() };
                self.is_hidden |= shown != *text;
                Some(Value::String(shown))
            }
            serde_json::Value::Array(values) => {
                let values = values.iter().enumerate();
                let shown = values.filter_map(|(index, value)| {
                    self.shown(key, value, &format!("{pointer}/{index}"), is_private)
                });
                Some(Value::Array(shown.collect()))
            }
            serde_json::Value::Object(object) => {
                if object.contains_key(SECRET) {
                    return self.notifier.secrets.get(pointer).map(reference);
                }
                let shown = object.iter().filter_map(|(key, value)| {
                    let pointer = format!("{pointer}{}", super::super::plugin_config::pointer_to(key));
                    Some((key.clone(), self.shown(key, value, &pointer, may_be_secret)?))
                });
                Some(Value::Table(shown.collect()))
            }
        }
    }

    fn hide(&mut self) -> Value {
        self.is_hidden = true;
        Value::String(VEIL.to_owned())
    }
}

/// Of an address its host, which is no secret and says whom it is about; of anything else nothing.
fn veiled(text: &str) -> String {
    let Ok(url) = Url::parse(text) else { return VEIL.to_owned() };
    let Some(host) = url.host_str().filter(|host| !host.is_empty()) else { return VEIL.to_owned() };
    let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
    let origin = format!("{}://{host}{port}", url.scheme());
    if text == origin || text == format!("{origin}/") {
        return text.to_owned();
    }
    let object = if text.contains(OBJECT_ID) { format!("/{OBJECT_ID}") } else { String::new() };
    format!("{origin}/{VEIL}{object}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_an_address_the_host_stays_and_of_anything_else_nothing() {
        for (text, shown) in [
            ("https://hooks.example/services/T0/B0/hunter2", "https://hooks.example/(hidden)"),
            ("https://user:hunter2@hooks.example:8443", "https://hooks.example:8443/(hidden)"),
            ("https://hooks.example?key=hunter2", "https://hooks.example/(hidden)"),
            ("https://hooks.example/", "https://hooks.example/"),
            ("https://x.example/{object_id}?key=hunter2", "https://x.example/(hidden)/{object_id}"),
            ("wss://hooks.example/hunter2", "wss://hooks.example/(hidden)"),
            ("Bearer hunter2", "(hidden)"),
            ("user:hunter2", "(hidden)"),
            ("hunter2", "(hidden)"),
            ("mailto:hunter2@x.example", "(hidden)"),
        ] {
            assert_eq!(veiled(text), shown);
        }
    }
}
