//! The notifier's configuration. `schema.json` says the same to operators.

use std::fmt;

use commwatch_plugin_api::Value;
use commwatch_plugin_api::text;
use serde::Deserialize;

/// An integration key has this many letters and digits (documented).
const KEY_LEN: usize = 32;
/// A source of the operator's own. Ours: PagerDuty names no bound.
const SOURCE_CHARS_MAX: usize = 255;

/// `[notifiers.NAME.config]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    routing_key: Value,
    #[serde(default = "us_region")]
    url: String,
    source: Option<String>,
}

/// Where events go, and as whose.
#[derive(Debug)]
pub(crate) struct Service {
    pub(crate) key: Key,
    pub(crate) url: String,
    pub(crate) source: Option<String>,
}

/// The integration key, which the operator revealed. It is printed nowhere.
pub(crate) struct Key(String);

impl Key {
    /// For the body of a request, and for nothing else.
    pub(crate) fn in_body(&self) -> &str {
        &self.0
    }

    /// The text without the key, should somebody have repeated it.
    pub(crate) fn struck_from(&self, text: &str) -> String {
        text.replace(&self.0, "[secret]")
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key")
    }
}

fn us_region() -> String {
    "https://events.pagerduty.com/v2/enqueue".to_owned()
}

impl Config {
    /// # Errors
    /// One line for the operator.
    pub(crate) fn check(self) -> Result<Service, String> {
        let key = match self.routing_key {
            Value::Text(key) => key,
            Value::Secret(_) => {
                return Err("PagerDuty wants `routing_key` in the body of each request: write reveal = \
                            [\"routing_key\"] in the notifier's section, so that the plugin is told it"
                    .to_owned());
            }
        };
        if key.len() != KEY_LEN || !key.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            return Err(format!(
                "`routing_key` is not an integration key of {KEY_LEN} letters and digits; copy it from the Events API \
                 v2 integration of the service"
            ));
        }
        let source = self.source.map(|source| text::line_within(&source, SOURCE_CHARS_MAX));
        if source.as_ref().is_some_and(String::is_empty) {
            return Err("`source` has nothing to show; delete the line or fill it in".to_owned());
        }
        Ok(Service { key: Key(key), url: self.url, source })
    }
}
