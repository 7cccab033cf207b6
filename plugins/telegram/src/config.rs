//! The notifier's configuration. `schema.json` says the same to operators.

use commwatch_plugin_api::{Secret, Severity};
use serde::{Deserialize, Serialize};

/// A name of Telegram.
const NAME_BYTES: std::ops::RangeInclusive<usize> = 3..=32;
/// There are no more severities.
const SILENT_MAX: usize = 3;

/// `[notifiers.NAME.config]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// `.../bot<token>/sendMessage`.
    pub(crate) url: Secret,
    pub(crate) chat_id: Chat,
    pub(crate) message_thread_id: Option<u64>,
    #[serde(default = "info_alone")]
    silent: Vec<Loudness>,
}

/// Which chat.
#[derive(Debug, Deserialize, Serialize)]
#[serde(try_from = "serde_json::Value", untagged)]
pub(crate) enum Chat {
    /// People, groups and channels.
    Id(i64),
    /// `@name` of a public group or channel.
    Name(String),
}

/// A severity, as an operator writes it; unlike in a notification, one that is not known is a mistake.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "lowercase")]
enum Loudness {
    Critical,
    Warning,
    Info,
}

fn info_alone() -> Vec<Loudness> {
    vec![Loudness::Info]
}

impl Config {
    /// # Errors
    /// One line for the operator: what is wrong and what to write instead.
    pub(crate) fn check(self) -> Result<Self, String> {
        if self.message_thread_id == Some(0) {
            return Err("`message_thread_id` is the number of a topic, from 1".to_owned());
        }
        if self.silent.len() > SILENT_MAX {
            return Err(format!("`silent` lists severities, at most {SILENT_MAX}"));
        }
        Ok(self)
    }

    pub(crate) fn is_silent(&self, severity: Severity) -> bool {
        self.silent.contains(&match severity {
            Severity::Critical => Loudness::Critical,
            Severity::Warning => Loudness::Warning,
            Severity::Info => Loudness::Info,
        })
    }
}

impl TryFrom<serde_json::Value> for Chat {
    type Error = String;

    fn try_from(value: serde_json::Value) -> Result<Self, String> {
        let is_name = |name: &str| {
            let plain = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
            plain && NAME_BYTES.contains(&name.len())
        };
        match (value.as_i64(), value.as_str()) {
            (Some(id), _) => Ok(Self::Id(id)),
            (_, Some(name)) if name.strip_prefix('@').is_some_and(is_name) => Ok(Self::Name(name.to_owned())),
            _ => Err("`chat_id` is a number without quotes, such as -1001234567890, or the \"@name\" of a public group \
                      or channel"
                .to_owned()),
        }
    }
}
