//! Making the text of other people harmless: titles, names and messages are all written by customers.
//!
//! Slack reads commands in angle brackets (`<!channel>`, `<@U123>`) and, where asked to, words such as
//! `@channel`. [`Foreign`] is text that was cleaned so that neither can be in it; [`Safe`] is what may be put
//! into a message, and nothing else makes it from a customer's text.

use commwatch_plugin_api::text;
use serde::Serialize;

use crate::limits;

/// Words that call everybody, behind an `@`. `group` is an old name of `channel`.
const CALLS: [&str; 4] = ["channel", "here", "everyone", "group"];

/// Stands between `@` and such a word: takes no room on the screen and forbids a line break.
const WORD_JOINER: char = '\u{2060}';

const FIRST_STRONG_ISOLATE: char = '\u{2068}';
const POP_ISOLATE: char = '\u{2069}';

/// Somebody else's text, cleaned but not yet cut and escaped: no control character but the line feed, no
/// direction override, isolates only in pairs and one deep, and no word that calls everybody.
#[derive(Debug, Default)]
pub(crate) struct Foreign(String);

/// Text that stands in a message as it is: escaped and within its limit.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize)]
#[serde(transparent)]
pub(crate) struct Safe(String);

impl Foreign {
    /// Cleans text that stays in its lines. At most one empty line remains between two others.
    pub(crate) fn lines(text: &str) -> Self {
        Self(uncalled(&text::lines(text)))
    }

    /// Cleans text and makes one line of it.
    pub(crate) fn line(text: &str) -> Self {
        Self(uncalled(&text::line(text)))
    }

    /// Whether there is nothing to see.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Cuts and escapes the text: at most `units_max` units.
    pub(crate) fn fit(&self, units_max: usize) -> Safe {
        Safe(escape(&limits::cut(&self.0, units_max)))
    }

    /// Like [`fit`](Self::fit), for a place within a line of our own: an isolate around it keeps text that runs
    /// from right to left from turning our words around.
    pub(crate) fn fit_isolated(&self, units_max: usize) -> Safe {
        let Safe(inner) = self.fit(units_max.saturating_sub(2));
        Safe(format!("{FIRST_STRONG_ISOLATE}{inner}{POP_ISOLATE}"))
    }
}

impl Safe {
    /// Words of our own: nothing in them needs escaping.
    pub(crate) fn own(words: impl Into<String>) -> Self {
        let words = words.into();
        debug_assert!(!words.contains(['&', '<', '>']), "our own words need no escaping: {words}");
        Self(words)
    }

    /// Markup of our own; its parts that come from outside were made safe before.
    pub(crate) fn markup(markup: String) -> Self {
        Self(markup)
    }

    /// Joins parts.
    pub(crate) fn join(parts: &[Safe], between: &str) -> Self {
        Self(parts.iter().map(Self::as_str).collect::<Vec<_>>().join(between))
    }

    /// The text.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether there is no text at all.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// An address that can stand in a link, escaped. None when it is no such address or too long.
pub(crate) fn link(url: &str) -> Option<Safe> {
    let escaped = escape(&text::link(url)?);
    (escaped.len() <= limits::URL_UNITS_MAX).then_some(Safe(escaped))
}

/// The text with a joiner between each `@` and a word that calls everybody.
fn uncalled(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for (at, c) in text.char_indices() {
        out.push(c);
        if c == '@' && CALLS.iter().any(|word| begins_with(&text[at + 1..], word)) {
            out.push(WORD_JOINER);
        }
    }
    out
}

fn begins_with(text: &str, word: &str) -> bool {
    text.get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word))
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str) -> String {
        Foreign::lines(text).fit(3000).0
    }

    #[test]
    fn commands_of_slack_become_text() {
        assert_eq!(
            lines("<!channel> <@U1> <#C1> <!subteam^S1>"),
            "&lt;!channel&gt; &lt;@U1&gt; &lt;#C1&gt; &lt;!subteam^S1&gt;"
        );
        assert_eq!(lines("&lt;!channel&gt;"), "&amp;lt;!channel&amp;gt;");
        assert_eq!(lines("<\u{200b}!channel>"), "&lt;!channel&gt;");
    }

    #[test]
    fn words_that_call_everybody_are_parted_from_their_sign() {
        assert_eq!(
            lines("@channel @HERE @everyone! dana@hereford.uk dana@example.com"),
            "@\u{2060}channel @\u{2060}HERE @\u{2060}everyone! dana@\u{2060}hereford.uk dana@example.com"
        );
    }

    #[test]
    fn a_word_that_only_cleaning_would_join_is_parted_as_well() {
        for hidden in
            ["@\u{200b}channel", "@\0channel", "@\u{202e}channel", "@\u{2069}channel", "@\u{2060}channel"]
        {
            assert_eq!(lines(hidden), "@\u{2060}channel", "{hidden:?}");
        }
    }

    #[test]
    fn a_cut_closes_the_isolate_that_it_cut_into() {
        assert_eq!(Foreign::line("x \u{2068}abcdef\u{2069}").fit(7).0, "x \u{2068}ab…\u{2069}");
        assert_eq!(Foreign::line("\u{2068}a\u{2069} bcdefgh").fit(7).0, "\u{2068}a\u{2069} bc…");
    }

    #[test]
    fn text_within_our_own_line_is_isolated() {
        assert_eq!(Foreign::line("דנה").fit_isolated(5).0, "\u{2068}דנה\u{2069}");
        assert_eq!(Foreign::line("דנהדנה").fit_isolated(6).0, "\u{2068}דנה…\u{2069}");
    }

    #[test]
    fn text_of_which_nothing_can_be_seen_counts_as_none() {
        for blank in ["", "  \n", "\u{200e}\u{200f}", "\u{3164}", "\u{feff}\u{200b}", "\u{2068}\u{2069}"] {
            assert!(Foreign::line(blank).is_empty(), "{blank:?}");
            assert!(Foreign::lines(blank).is_empty(), "{blank:?}");
        }
    }

    #[test]
    fn a_link_cannot_be_left_early_nor_lead_to_another_scheme() {
        let link = |url| link(url).map(|safe| safe.0);
        assert_eq!(
            link("https://a.example/o/1?a=1&b=ש").as_deref(),
            Some("https://a.example/o/1?a=1&amp;b=%D7%A9")
        );
        assert_eq!(
            link("https://a.example/|x> <!here>@here").as_deref(),
            Some("https://a.example/%7Cx%3E%20%3C!here%3E%40here")
        );
        assert_eq!(link("javascript:alert(1)"), None);
        assert_eq!(link("ftp://a.example/"), None);
        assert_eq!(link("/relative"), None);
        assert_eq!(link(&format!("https://a.example/{}", "x".repeat(2000))), None);
    }
}
