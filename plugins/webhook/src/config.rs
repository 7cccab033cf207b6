//! The notifier's configuration. `schema.json` says the same to operators; what a schema cannot say well is said
//! here in words.

use std::collections::BTreeMap;

use commwatch_plugin_api::{Secret, Value};
use serde::Deserialize;

/// Secrets that may sign at once; two are enough to rotate.
const SECRETS_MAX: usize = 4;
/// Headers that an operator may add.
const HEADERS_MAX: usize = 32;
/// Headers that this plugin or the host writes.
const TAKEN: [&str; 9] = [
    "connection",
    "content-length",
    "content-type",
    "host",
    "te",
    "transfer-encoding",
    "webhook-id",
    "webhook-signature",
    "webhook-timestamp",
];

/// `[notifiers.NAME.config]`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Config {
    url: Value,
    secret: Option<Secret>,
    secrets: Option<Vec<Secret>>,
    #[serde(default)]
    headers: BTreeMap<String, Value>,
}

/// Where events are posted, and with what.
pub(crate) struct Destination {
    pub(crate) url: Value,
    /// Each signs; none where the operator wants no signature.
    pub(crate) secrets: Vec<Secret>,
    pub(crate) headers: BTreeMap<String, Value>,
}

impl Config {
    /// # Errors
    /// One line for the operator: what is wrong and what to write instead.
    pub(crate) fn check(self) -> Result<Destination, String> {
        let secrets = match (self.secret, self.secrets) {
            (Some(_), Some(_)) => {
                return Err("`secret` and `secrets` exclude each other; put all into `secrets`".to_owned());
            }
            (Some(secret), None) => vec![secret],
            (None, secrets) => secrets.unwrap_or_default(),
        };
        if secrets.len() > SECRETS_MAX {
            return Err(format!("`secrets` holds {}; at most {SECRETS_MAX} sign at once", secrets.len()));
        }
        if self.headers.len() > HEADERS_MAX {
            return Err(format!("`headers` holds {}, more than {HEADERS_MAX}", self.headers.len()));
        }
        for (name, value) in &self.headers {
            check_header(name, value)?;
        }
        Ok(Destination { url: self.url, secrets, headers: self.headers })
    }
}

fn check_header(name: &str, value: &Value) -> Result<(), String> {
    let lower = name.to_ascii_lowercase();
    if TAKEN.contains(&lower.as_str()) {
        return Err(format!("`headers` cannot set {lower}: it is written for each request"));
    }
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    if name.is_empty() || !name.bytes().all(is_token) {
        return Err(format!("`headers` holds {name:?}, which is no name of a header"));
    }
    match value {
        Value::Text(text) if text.chars().any(char::is_control) => {
            Err(format!("`headers`: {name} holds a line break or another control character"))
        }
        _ => Ok(()),
    }
}
