//! The parts of an Adaptive Card 1.4 that are used (<https://adaptivecards.io/explorer/>).
//!
//! `TextBlock`, `Fact.title` and `Fact.value` read a subset of Markdown, links included (Microsoft: "Format cards in
//! Teams"). A `TextRun` does not ("Markdown is not supported"), so other people's text stands in those alone; facts
//! hold only words of ours.

use serde::Serialize;

use crate::neutral::Neutral;

/// What a workflow is posted; it takes the card out of the first attachment.
#[derive(Serialize)]
pub(crate) struct Post {
    #[serde(rename = "type")]
    kind: &'static str,
    attachments: [Attachment; 1],
}

#[derive(Serialize)]
struct Attachment {
    #[serde(rename = "contentType")]
    content_type: &'static str,
    content: Card,
}

/// The card.
#[derive(Serialize)]
pub(crate) struct Card {
    #[serde(rename = "$schema")]
    schema: &'static str,
    #[serde(rename = "type")]
    kind: &'static str,
    version: &'static str,
    msteams: Width,
    body: Vec<Element>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    actions: Vec<Action>,
}

#[derive(Serialize)]
struct Width {
    width: &'static str,
}

/// A part of a card's body.
#[derive(Serialize)]
#[serde(tag = "type")]
pub(crate) enum Element {
    RichTextBlock {
        inlines: [TextRun; 1],
        #[serde(skip_serializing_if = "Option::is_none")]
        spacing: Option<&'static str>,
    },
    FactSet {
        facts: Vec<Fact>,
    },
}

/// Text without markup.
#[derive(Serialize)]
pub(crate) struct TextRun {
    #[serde(rename = "type")]
    kind: &'static str,
    text: Neutral,
    #[serde(skip_serializing_if = "Option::is_none")]
    size: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    weight: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    color: Option<&'static str>,
}

/// Words of ours: both are Markdown.
#[derive(Serialize)]
pub(crate) struct Fact {
    pub(crate) title: &'static str,
    pub(crate) value: String,
}

/// What can be pressed.
#[derive(Serialize)]
#[serde(tag = "type")]
pub(crate) enum Action {
    #[serde(rename = "Action.OpenUrl")]
    OpenUrl { title: &'static str, url: String },
}

impl Post {
    pub(crate) fn of(body: Vec<Element>, actions: Vec<Action>) -> Self {
        let content = Card {
            schema: "http://adaptivecards.io/schemas/adaptive-card.json",
            kind: "AdaptiveCard",
            version: "1.4",
            msteams: Width { width: "Full" },
            body,
            actions,
        };
        let content_type = "application/vnd.microsoft.card.adaptive";
        Self { kind: "message", attachments: [Attachment { content_type, content }] }
    }
}

impl Element {
    /// The card's first line; `color` is one of the schema's `Colors`.
    pub(crate) fn title(text: Neutral, color: &'static str) -> Self {
        let (size, weight, color) = (Some("Medium"), Some("Bolder"), Some(color));
        Self::RichTextBlock {
            inlines: [TextRun { kind: "TextRun", text, size, weight, color }],
            spacing: None,
        }
    }

    /// A line of text; `spacing` from what stands above it.
    pub(crate) fn text(text: Neutral, spacing: Option<&'static str>) -> Self {
        let run = TextRun { kind: "TextRun", text, size: None, weight: None, color: None };
        Self::RichTextBlock { inlines: [run], spacing }
    }
}
