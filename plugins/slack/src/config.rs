//! The notifier's configuration. `schema.json` says the same to operators; what a schema says badly ("exactly
//! one of the two") is said again here in words.

use commwatch_plugin_api::{Secret, Severity};
use serde::Deserialize;

use crate::escape::Safe;

/// Mentions for one severity.
const MENTIONS_MAX: usize = 10;
/// An id of Slack has 9 to 12 characters so far.
const MENTION_BYTES_MAX: usize = 32;
/// A channel's name has at most 80 characters.
const CHANNEL_BYTES_MAX: usize = 100;

/// `[notifiers.NAME.config]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    webhook_url: Option<Secret>,
    bot_token: Option<Secret>,
    channel: Option<String>,
    #[serde(default = "slack_api")]
    api_url: String,
    #[serde(default)]
    thread: bool,
    broadcast: Option<Severity>,
    #[serde(default)]
    mention: Mentions,
}

/// Whom the operator wants to be called, by severity. Nobody unless configured.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Mentions {
    critical: Vec<Mention>,
    warning: Vec<Mention>,
    info: Vec<Mention>,
}

/// Slack's command that calls somebody, such as `<!here>`.
#[derive(Debug, Deserialize)]
#[serde(try_from = "String")]
struct Mention(Safe);

/// Where messages go.
#[derive(Debug)]
pub(crate) enum Destination {
    /// An incoming webhook, which is tied to one channel.
    Webhook { url: Secret },
    /// The Web API as a bot. In threads: with the least severity that the channel sees of replies.
    Bot { api: String, token: Secret, channel: String, threads: Option<Severity> },
}

fn slack_api() -> String {
    "https://slack.com/api".to_owned()
}

impl Config {
    /// Splits the configuration into what the notifier works with.
    ///
    /// # Errors
    /// One line for the operator.
    pub(crate) fn split(self) -> Result<(Destination, Mentions), String> {
        let destination = match (self.webhook_url, self.bot_token, self.channel) {
            (Some(url), None, None) => Destination::Webhook { url },
            (None, Some(token), Some(channel)) => Destination::Bot {
                api: self.api_url.trim_end_matches('/').to_owned(),
                token,
                threads: self.thread.then(|| self.broadcast.unwrap_or(Severity::Warning)),
                channel: checked_channel(channel, self.thread)?,
            },
            (None, Some(_), None) => {
                return Err("`bot_token` needs `channel`: the id of a channel".to_owned());
            }
            (None, None, _) => return Err("give `webhook_url`, or `bot_token` with `channel`".to_owned()),
            (Some(_), ..) => {
                return Err("`webhook_url` stands alone: it knows its channel; remove it, or remove \
                            `bot_token` and `channel`"
                    .to_owned());
            }
        };
        if self.thread && matches!(destination, Destination::Webhook { .. }) {
            return Err(
                "`thread` needs a bot (`bot_token` and `channel`): a webhook is not told which message is \
                        which"
                    .to_owned(),
            );
        }
        if self.broadcast.is_some() && !self.thread {
            return Err(
                "`broadcast` is about replies in threads: add `thread = true`, or remove it".to_owned()
            );
        }
        let Mentions { critical, warning, info } = &self.mention;
        if [critical, warning, info].iter().any(|mentions| mentions.len() > MENTIONS_MAX) {
            return Err(format!("`mention` lists at most {MENTIONS_MAX} for one severity"));
        }
        Ok((destination, self.mention))
    }
}

impl Destination {
    /// The channel that a message has to name.
    pub(crate) fn channel(&self) -> Option<&str> {
        match self {
            Self::Webhook { .. } => None,
            Self::Bot { channel, .. } => Some(channel),
        }
    }
}

impl Mentions {
    /// The commands for a severity; empty when nobody is to be called.
    pub(crate) fn of(&self, severity: Severity) -> Safe {
        let mentions = match severity {
            Severity::Critical => &self.critical,
            Severity::Warning => &self.warning,
            Severity::Info => &self.info,
        };
        let commands: Vec<_> = mentions.iter().map(|Mention(command)| command.clone()).collect();
        Safe::join(&commands, " ")
    }
}

impl TryFrom<String> for Mention {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let is_id = (2..=MENTION_BYTES_MAX).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit());
        let command = match text.as_str() {
            "@channel" => "<!channel>".to_owned(),
            "@here" => "<!here>".to_owned(),
            id if is_id && id.starts_with(['U', 'W']) => format!("<@{id}>"),
            id if is_id && id.starts_with('S') => format!("<!subteam^{id}>"),
            _ => {
                return Err(
                    "`mention` takes \"@channel\", \"@here\", or the id of a person (U..., W...) or of a \
                            user group (S...)"
                        .to_owned(),
                );
            }
        };
        Ok(Self(Safe::markup(command)))
    }
}

fn checked_channel(channel: String, is_id: bool) -> Result<String, String> {
    let is_of_an_id = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit();
    // To a person's id (U...) it writes in a channel of another id, which only the answer tells.
    if is_id && !(channel.starts_with(['C', 'G', 'D']) && channel.bytes().all(is_of_an_id)) {
        return Err(
            "with `thread`, `channel` is the id of a channel, such as \"C0123456789\": a message is \
                    exchanged by the channel's id only"
                .to_owned(),
        );
    }
    let fits = !channel.is_empty() && channel.len() <= CHANNEL_BYTES_MAX;
    if fits && !channel.contains(|c: char| c.is_whitespace() || c.is_control()) {
        Ok(channel)
    } else {
        Err("`channel` is the id of a channel, such as \"C0123456789\", or its name".to_owned())
    }
}
