//! Chats that take messages at a secret address. What customers wrote can call nobody and format nothing there.

use serde::Deserialize;

/// A chat whose body is known.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Preset {
    Discord,
    GoogleChat,
    Mattermost,
}

impl Preset {
    /// Its template, as `application/json`.
    pub(crate) fn body(self) -> &'static str {
        match self {
            Self::Discord => DISCORD,
            Self::GoogleChat => GOOGLE_CHAT,
            Self::Mattermost => MATTERMOST,
        }
    }
}

/// At most 2000 characters (documented). Nobody is mentioned, whatever is written; flag 4: links are not unfolded.
const DISCORD: &str = r#"{
  "content": {{ sign ~ "**" ~ (title | plain | cut(250)) ~ "**\n" ~ (text | plain | cut(1200)) ~ ("\n<" ~ link ~ ">" if link else "") }},
  "allowed_mentions": {"parse": []},
  "flags": 4
}"#;

/// A post takes 16383 characters (documented); people read less.
const MATTERMOST: &str = r#"{
  "text": {{ sign ~ "**" ~ (title | plain | cut(250)) ~ "**\n" ~ (text | plain | cut(4000)) ~ ("\n<" ~ link ~ ">" if link else "") }}
}"#;

/// A card, since in a card's header nothing is formatted, and in its paragraphs only HTML is.
const GOOGLE_CHAT: &str = r#"{
  "cardsV2": [{
    "cardId": "commwatch",
    "card": {
      "header": {"title": {{ sign ~ (title | clean | cut(200)) }}, "subtitle": {{ severity }}},
      "sections": [{"widgets": [
        {"textParagraph": {"text": {{ (text | clean | cut(3000) | html or "-") }}}}
        {%- if link %},
        {"buttonList": {"buttons": [{"text": "Open in CommBox", "onClick": {"openLink": {"url": {{ link }}}}}]}}
        {%- endif %}
      ]}]
    }
  }]
}"#;
