//! The shapes of a Slack message, as far as this plugin uses them.

use serde::Serialize;

use crate::escape::Safe;

/// What is posted, to a webhook, to `chat.postMessage` or to `chat.update`.
#[derive(Debug, Serialize)]
pub(crate) struct Post<'a> {
    /// Where to; a webhook knows its channel itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) channel: Option<&'a str>,
    /// The message that is exchanged, by `chat.update`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) ts: Option<&'a str>,
    /// The parent that it replies to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) thread_ts: Option<&'a str>,
    /// Whether the reply is shown in the channel as well.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(crate) reply_broadcast: bool,
    /// With blocks: what notifications and screen readers say. Without: the message.
    pub(crate) text: Safe,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) blocks: Vec<Block>,
    /// Whether asterisks and the like in `text` are formatting.
    pub(crate) mrkdwn: bool,
    #[serde(flatten)]
    pub(crate) fixed: Fixed,
    /// What finds the message again; a webhook has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) metadata: Option<Metadata<'a>>,
}

/// What is the same in every message: nothing is looked for in the text, and nothing is fetched for it.
#[derive(Debug, Serialize)]
pub(crate) struct Fixed {
    parse: &'static str,
    link_names: bool,
    unfurl_links: bool,
    unfurl_media: bool,
}

impl Fixed {
    pub(crate) const PLAIN: Self =
        Self { parse: "none", link_names: false, unfurl_links: false, unfurl_media: false };
}

#[derive(Debug, Serialize)]
pub(crate) struct Metadata<'a> {
    event_type: &'static str,
    event_payload: Payload<'a>,
}

#[derive(Debug, Serialize)]
struct Payload<'a> {
    id: &'a str,
}

impl<'a> Metadata<'a> {
    /// Names the notification.
    pub(crate) fn of(id: &'a str) -> Self {
        Self { event_type: "commwatch", event_payload: Payload { id } }
    }
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "snake_case", tag = "type")]
pub(crate) enum Block {
    Header { text: Text },
    Section { text: Text },
    Context { elements: Vec<Text> },
}

/// A text object. Customers' words only ever stand in plain ones.
#[derive(Debug, Serialize)]
#[serde(tag = "type")]
pub(crate) enum Text {
    /// Shown as it is; `:tada:` stays five letters between colons.
    #[serde(rename = "plain_text")]
    Plain { text: Safe, emoji: bool },
    /// Read as Slack's markup. `verbatim`: nothing is looked for but the markup itself.
    #[serde(rename = "mrkdwn")]
    Markup { text: Safe, verbatim: bool },
}

impl Text {
    pub(crate) fn plain(text: Safe) -> Self {
        Self::Plain { text, emoji: false }
    }

    pub(crate) fn markup(text: Safe) -> Self {
        Self::Markup { text, verbatim: true }
    }
}
