//! A silence as the page's form has it: what was written there, and the draft that it means.

use jiff::Timestamp;
use serde::Deserialize;

use crate::core::silence::{Draft, Matcher};
use crate::ops::when;

/// What was written, as it was written.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Wanted {
    /// `watch`, `tag` or `conversation`.
    pub(crate) of: String,
    /// Which of them.
    pub(crate) which: String,
    /// For how long.
    #[serde(rename = "for")]
    pub(crate) span: String,
    /// Or until when.
    pub(crate) until: String,
    /// Anything but nothing: a reply ends it sooner.
    pub(crate) until_reply: String,
    /// Anything but nothing: the end of the conversation does.
    pub(crate) until_close: String,
    /// Why.
    pub(crate) reason: String,
    /// Who asks.
    pub(crate) by: String,
}

/// A field of the form that something is wrong with.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Field {
    /// What it is about.
    Of,
    /// Which.
    Which,
    /// For how long.
    Span,
    /// Until when.
    Until,
}

/// What is wrong with a form.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Mistakes {
    /// With which field, in the form's order.
    pub(crate) fields: Vec<(Field, String)>,
    /// What the daemon said of the whole.
    pub(crate) whole: Option<String>,
}

impl Mistakes {
    /// What the daemon refused.
    pub(crate) fn of_whole(why: String) -> Self {
        Self { whole: Some(why), ..Self::default() }
    }

    /// What is wrong with a field.
    pub(crate) fn of(&self, field: Field) -> Option<&str> {
        self.fields.iter().find(|(one, _)| *one == field).map(|(_, why)| why.as_str())
    }

    /// All of it, for a program.
    pub(crate) fn in_words(&self) -> String {
        let all = self.fields.iter().map(|(_, why)| why).chain(&self.whole);
        all.map(String::as_str).collect::<Vec<_>>().join("; ")
    }
}

impl Wanted {
    /// What is asked for, or all that is wrong with it. Whether it may be is for the daemon to say.
    pub(crate) fn draft(&self, now: Timestamp) -> Result<Draft, Mistakes> {
        let mut fields = Vec::new();
        let mut note = |field, why| fields.push((field, why));
        let matcher = self.matcher().map_err(|(field, why)| note(field, why));
        let until = self.end(now).map_err(|(field, why)| note(field, why));
        let (Ok(matcher), Ok(until)) = (matcher, until) else {
            return Err(Mistakes { fields, whole: None });
        };
        Ok(Draft {
            matcher,
            until,
            until_reply: !self.until_reply.is_empty(),
            until_close: !self.until_close.is_empty(),
            reason: self.reason.clone(),
            by: Some(self.by.trim().to_owned()).filter(|name| !name.is_empty()),
        })
    }

    fn matcher(&self) -> Result<Matcher, (Field, String)> {
        let which = self.which.trim();
        let missing = |what: &str| Err((Field::Which, format!("say which {what}")));
        match (self.of.as_str(), which) {
            (what @ ("watch" | "tag" | "conversation"), "") => missing(what),
            ("watch", name) => Ok(Matcher::Watch(name.to_owned())),
            ("tag", tag) => Ok(Matcher::Tag(tag.to_owned())),
            ("conversation", id) => match id.parse() {
                Ok(id) => Ok(Matcher::Conversation(id)),
                Err(why) => Err((Field::Which, format!("`{id}` is no conversation: {why}"))),
            },
            _ => Err((Field::Of, "say what it is about: a watch, a tag or a conversation".to_owned())),
        }
    }

    fn end(&self, now: Timestamp) -> Result<Timestamp, (Field, String)> {
        match (self.span.trim(), self.until.trim()) {
            ("", "") => Err((Field::Span, "write for how long, or until when".to_owned())),
            (span, "") => {
                when::span(span).map(|span| when::after(now, span)).map_err(|why| (Field::Span, why))
            }
            ("", until) => when::instant(until).map_err(|why| (Field::Until, why)),
            _ => Err((Field::Until, "write for how long or until when, not both".to_owned())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::status::tests::NOW;

    fn wanted(of: &str, which: &str, span: &str, until: &str) -> Wanted {
        let [of, which, span, until] = [of, which, span, until].map(str::to_owned);
        Wanted { of, which, span, until, reason: "migration".into(), ..Wanted::default() }
    }

    #[test]
    fn what_is_written_is_what_the_command_would_ask_for() {
        let draft =
            Wanted { until_reply: "on".into(), by: " noa ".into(), ..wanted("tag", " acme ", " 2h ", "") };
        let draft = draft.draft(NOW).unwrap();
        assert_eq!(draft.matcher, Matcher::Tag("acme".into()));
        assert_eq!(draft.until.duration_since(NOW).as_secs(), 7_200);
        assert_eq!((draft.until_reply, draft.until_close, draft.by.as_deref()), (true, false, Some("noa")));
        let draft = wanted("conversation", "main/7", "", "2026-12-01T10:00:00+02:00").draft(NOW).unwrap();
        assert_eq!(draft.matcher.to_string(), "conversation main/7");
        assert_eq!((draft.until.to_string().as_str(), draft.by), ("2026-12-01T08:00:00Z", None));
    }

    #[test]
    fn all_that_is_wrong_is_said_at_once_and_where() {
        let wrong = |wanted: Wanted| wanted.draft(NOW).unwrap_err();
        let mistakes = wrong(wanted("", "", "", ""));
        assert_eq!(mistakes.of(Field::Of), Some("say what it is about: a watch, a tag or a conversation"));
        assert_eq!(mistakes.of(Field::Span), Some("write for how long, or until when"));
        assert_eq!(mistakes.of(Field::Until), None);
        let mistakes = wrong(wanted("watch", " ", "soon", ""));
        assert_eq!(mistakes.in_words(), "say which watch; write how long: \"30m\", \"2h\", \"3d\"");
        let mistakes = wrong(wanted("conversation", "7", "2h", "2026-12-01T10:00:00Z"));
        assert!(
            mistakes.of(Field::Which).unwrap().starts_with("`7` is no conversation: write ACCOUNT/OBJECT")
        );
        assert_eq!(mistakes.of(Field::Until), Some("write for how long or until when, not both"));
        assert!(wrong(wanted("watch", "a", "", "tomorrow")).of(Field::Until).is_some());
    }
}
