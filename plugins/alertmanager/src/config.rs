//! The notifier's configuration. `schema.json` says the same to operators; what a schema says badly is said again
//! here in words.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use commwatch_plugin_api::{Auth, Secret, text};
use jiff::SignedDuration;
use serde::Deserialize;

use crate::alert::LABELS;

/// Labels that an operator may add.
const LABELS_MAX: usize = 16;
/// The text of such a label.
const LABEL_CHARS_MAX: usize = 255;
/// How long an alert may fire, seconds: no less than Alertmanager usually waits before it tells anybody (30 s).
const FIRES_SECONDS: RangeInclusive<i64> = 60..=30 * 86_400;
/// How long one may that is sent again every minute: two of these may fail.
const OPEN_SECONDS: RangeInclusive<i64> = 180..=30 * 86_400;

/// `[notifiers.NAME.config]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    url: String,
    bearer_token: Option<Secret>,
    user: Option<String>,
    password: Option<Secret>,
    #[serde(default = "five_minutes")]
    resolve_after: String,
    #[serde(default = "a_quarter")]
    open_for: String,
    #[serde(default)]
    labels: BTreeMap<String, String>,
}

/// Where alerts go, and what is the same in all of them.
#[derive(Debug)]
pub(crate) struct Destination {
    pub(crate) url: String,
    pub(crate) auth: Auth,
    /// How long an alert fires that nothing ends.
    pub(crate) resolve_after: SignedDuration,
    /// How long an alert fires that something ends, from when it was last said.
    pub(crate) open_for: SignedDuration,
    pub(crate) labels: BTreeMap<String, String>,
}

fn five_minutes() -> String {
    "5m".to_owned()
}

fn a_quarter() -> String {
    "15m".to_owned()
}

impl Config {
    /// # Errors
    /// One line for the operator.
    pub(crate) fn check(self) -> Result<Destination, String> {
        let auth = match (self.bearer_token, self.user, self.password) {
            (None, None, None) => Auth::None,
            (Some(token), None, None) => Auth::Bearer { token: token.into() },
            (None, Some(user), Some(password)) if !user.is_empty() && !user.contains(':') => {
                Auth::Basic { user, password: password.into() }
            }
            (None, Some(_), Some(_)) => return Err("`user` is empty or holds a colon".to_owned()),
            (None, ..) => return Err("`user` and `password` need each other".to_owned()),
            (Some(_), ..) => {
                return Err(
                    "`bearer_token` stands alone; remove it, or remove `user` and `password`".to_owned()
                );
            }
        };
        if self.labels.len() > LABELS_MAX {
            return Err(format!("`labels` holds {}, more than {LABELS_MAX}", self.labels.len()));
        }
        let mut labels = BTreeMap::new();
        for (name, value) in self.labels {
            let value = checked_label(&name, &value)?;
            labels.insert(name, value);
        }
        Ok(Destination {
            url: format!("{}/api/v2/alerts", self.url.trim_end_matches('/')),
            auth,
            resolve_after: fires("resolve_after", &self.resolve_after, FIRES_SECONDS)?,
            open_for: fires("open_for", &self.open_for, OPEN_SECONDS)?,
            labels,
        })
    }
}

fn checked_label(name: &str, value: &str) -> Result<String, String> {
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    if name.is_empty() || !name.chars().all(is_name) || name.starts_with(|c: char| c.is_ascii_digit()) {
        return Err(format!("`labels` holds {name:?}, which is no name of a label: letters, digits and _"));
    }
    if LABELS.contains(&name) {
        return Err(format!("`labels` cannot set {name}: it is written for each alert"));
    }
    let shown = text::line_within(value, LABEL_CHARS_MAX);
    if shown.is_empty() { Err(format!("`labels`: {name} has nothing to show")) } else { Ok(shown) }
}

/// Reads "5m", "1h30m", "7d".
fn fires(field: &str, text: &str, within: RangeInclusive<i64>) -> Result<SignedDuration, String> {
    let seconds = seconds(text).filter(|seconds| within.contains(seconds));
    seconds.map(SignedDuration::from_secs).ok_or_else(|| {
        format!(
            "`{field}` is {:?}; write a duration from {}m to 30d, such as \"5m\", \"1h30m\" or \"7d\"",
            text,
            within.start() / 60
        )
    })
}

fn seconds(text: &str) -> Option<i64> {
    let mut rest = text;
    let mut total: i64 = 0;
    while !rest.is_empty() {
        let end = rest.find(|c: char| !c.is_ascii_digit())?;
        let number: i64 = rest[..end].parse().ok()?;
        let unit = match rest[end..].chars().next()? {
            's' => 1,
            'm' => 60,
            'h' => 3_600,
            'd' => 86_400,
            _ => return None,
        };
        total = total.checked_add(number.checked_mul(unit)?)?;
        rest = &rest[end + 1..];
    }
    Some(total)
}
