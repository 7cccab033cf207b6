//! The notifier's configuration. `schema.json` says the same to operators.

use commwatch_plugin_api::{Secret, Severity};
use serde::Deserialize;

/// A topic's name, as ntfy's server checks it (`topicRegex`).
const TOPIC_BYTES_MAX: usize = 64;
/// Tags of an operator's own; ours.
const TAGS_MAX: usize = 5;
/// One such tag; ours.
const TAG_BYTES_MAX: usize = 50;

/// `[notifiers.NAME.config]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    #[serde(default = "ntfy_sh")]
    url: String,
    topic: String,
    token: Option<Secret>,
    #[serde(default)]
    priority: Priorities,
    #[serde(default)]
    tags: Vec<String>,
}

/// 1 to 5 (<https://docs.ntfy.sh/publish/#message-priority>), by severity.
#[derive(Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Priorities {
    critical: u8,
    warning: u8,
    info: u8,
}

/// Where messages go, and how they look there.
#[derive(Debug)]
pub(crate) struct Destination {
    /// The server's root, which is where JSON is published.
    pub(crate) url: String,
    pub(crate) topic: String,
    pub(crate) token: Option<Secret>,
    pub(crate) priority: Priorities,
    pub(crate) tags: Vec<String>,
}

fn ntfy_sh() -> String {
    "https://ntfy.sh".to_owned()
}

impl Default for Priorities {
    fn default() -> Self {
        Self { critical: 5, warning: 4, info: 3 }
    }
}

impl Priorities {
    pub(crate) fn of(&self, severity: Severity) -> u8 {
        match severity {
            Severity::Critical => self.critical,
            Severity::Warning => self.warning,
            Severity::Info => self.info,
        }
    }
}

impl Config {
    /// # Errors
    /// One line for the operator: what is wrong and what to write instead.
    pub(crate) fn check(self) -> Result<Destination, String> {
        let Self { url, topic, token, priority, tags } = self;
        let is_word = |text: &str, more: &[u8], max: usize| {
            let fits = (1..=max).contains(&text.len());
            fits && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || more.contains(&byte))
        };
        if !is_word(&topic, b"-_", TOPIC_BYTES_MAX) {
            return Err(format!(
                "`topic` is the topic's name alone: letters, digits, `-` and `_`, at most {TOPIC_BYTES_MAX}"
            ));
        }
        let Priorities { critical, warning, info } = priority;
        if [critical, warning, info].iter().any(|priority| !(1..=5).contains(priority)) {
            return Err("`priority` goes from 1 (quiet) to 5 (loud)".to_owned());
        }
        let is_tag = |tag: &String| is_word(tag, b"-+_", TAG_BYTES_MAX) && *tag == tag.to_ascii_lowercase();
        if tags.len() > TAGS_MAX || !tags.iter().all(is_tag) {
            return Err(format!("`tags` takes at most {TAGS_MAX}, of a-z, 0-9, `-`, `+` and `_`"));
        }
        Ok(Destination { url: format!("{}/", url.trim_end_matches('/')), topic, token, priority, tags })
    }
}
