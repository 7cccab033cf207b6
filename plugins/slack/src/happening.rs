//! What this plugin says of an event. Every field is looked for and none is needed: an event of a kind that is
//! not known here is shown by its type.

use commwatch_plugin_api::Event;
use jiff::Timestamp;
use serde_json::Value;

use crate::escape::{Foreign, Safe};
use crate::limits::{CONTEXT_UNITS_MAX, NAME_UNITS_MAX};

/// An event, as it is shown.
#[derive(Debug, Default)]
pub(crate) struct Happening {
    /// The conversation's title, as the operator calls it.
    pub(crate) watch: Foreign,
    /// The message, if it is about one and its text may leave the house.
    pub(crate) text: Foreign,
    kind: String,
    author_kind: Foreign,
    author_name: Foreign,
    change: Option<(Foreign, Foreign)>,
    attachments: u64,
    time: Option<Timestamp>,
}

impl Happening {
    /// Reads an event; of one that is not JSON of the expected shape nothing is said.
    pub(crate) fn of(event: &Event) -> Self {
        let Ok(event) = event.decode::<Value>() else { return Self::default() };
        let text = |pointer| event.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
        let line = |pointer| Foreign::line(text(pointer));
        let watch = line("/data/watch/title");
        Self {
            watch: if watch.is_empty() { line("/data/watch/name") } else { watch },
            text: Foreign::lines(text("/data/message/text")),
            kind: text("/type").to_owned(),
            author_kind: line("/data/message/author/kind"),
            author_name: line("/data/message/author/name"),
            change: change(&event),
            attachments: event.pointer("/data/message/attachments").and_then(Value::as_u64).unwrap_or(0),
            time: text("/time").parse().ok(),
        }
    }

    /// Who did what, for small print: `customer Dana · edited · 2 attachments`. May be empty; each part has a
    /// limit, so that the whole stays below [`CONTEXT_UNITS_MAX`].
    pub(crate) fn summary(&self) -> Safe {
        let mut parts = Vec::new();
        if !self.author_kind.is_empty() {
            let name = self.author_name.fit_isolated(NAME_UNITS_MAX);
            let kind = self.author_kind.fit(NAME_UNITS_MAX);
            let named = !self.author_name.is_empty();
            parts.push(if named { Safe::join(&[kind, name], " ") } else { kind });
        }
        parts.extend(self.what());
        match self.attachments {
            0 => {}
            1 => parts.push(Safe::own("1 attachment")),
            n => parts.push(Safe::own(format!("{n} attachments"))),
        }
        let summary = Safe::join(&parts, " · ");
        debug_assert!(summary.as_str().encode_utf16().count() <= CONTEXT_UNITS_MAX);
        summary
    }

    /// When it happened, as markup that Slack shows in the reader's own time zone.
    pub(crate) fn local_time(&self) -> Option<Safe> {
        let seconds = self.time.map(Timestamp::as_second).filter(|&seconds| seconds > 0)?;
        let utc = self.utc()?;
        Some(Safe::markup(format!("<!date^{seconds}^{{date_short_pretty}} {{time_secs}}|{}>", utc.as_str())))
    }

    /// When it happened, as text.
    pub(crate) fn utc(&self) -> Option<Safe> {
        Some(Safe::own(self.time?.strftime("%Y-%m-%d %H:%M:%S UTC").to_string()))
    }

    /// What happened, where it is not simply a new message.
    fn what(&self) -> Option<Safe> {
        let kind = self.kind.strip_prefix("commwatch.").unwrap_or(&self.kind);
        let kind = kind.rsplit_once(".v").map_or(kind, |(kind, _)| kind);
        let words = match kind {
            "" | "message.created" => return None,
            "message.edited" => "edited".to_owned(),
            "message.deleted" => "deleted".to_owned(),
            kind => kind.replace(['.', '_'], " "),
        };
        let words = Foreign::line(&words).fit(NAME_UNITS_MAX);
        let Some((previous, current)) = &self.change else { return Some(words) };
        let arrow = Safe::join(
            &[previous.fit_isolated(NAME_UNITS_MAX / 2), current.fit_isolated(NAME_UNITS_MAX / 2)],
            " → ",
        );
        Some(Safe::join(&[words, arrow], ": "))
    }
}

fn change(event: &Value) -> Option<(Foreign, Foreign)> {
    let word = |pointer| match event.pointer(pointer)? {
        Value::String(text) => Some(Foreign::line(text)),
        Value::Number(number) => Some(Foreign::line(&number.to_string())),
        _ => None,
    };
    let (previous, current) = (word("/data/change/previous")?, word("/data/change/current")?);
    (!previous.is_empty() && !current.is_empty()).then_some((previous, current))
}
