//! Other people's text for a text run. Markdown is none there; what is parted here are the other signs that some reader
//! of cards looks for: `{{DATE(...)}}`, the templates' `${...}`, and the `<at>` of mentions.

use serde::Serialize;

/// Takes no room on the screen and forbids a line break.
const WORD_JOINER: char = '\u{2060}';

/// Text that means nothing but itself.
#[derive(Serialize)]
#[serde(transparent)]
pub(crate) struct Neutral(String);

impl Neutral {
    pub(crate) fn of(text: &str) -> Self {
        let mut out = String::with_capacity(text.len());
        for (at, c) in text.char_indices() {
            out.push(c);
            let rest = &text[at + c.len_utf8()..];
            let is_live = match c {
                '{' | '$' => rest.starts_with('{'),
                '<' => begins_with(rest, "at") || begins_with(rest, "/at"),
                _ => false,
            };
            if is_live {
                out.push(WORD_JOINER);
            }
        }
        Self(out)
    }
}

fn begins_with(text: &str, word: &str) -> bool {
    text.get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functions_templates_and_mentions_are_parted_and_nothing_else_is() {
        assert_eq!(Neutral::of("{{DATE(1)}} {{{x}}}").0, "{\u{2060}{DATE(1)}} {\u{2060}{\u{2060}{x}}}");
        assert_eq!(Neutral::of("${name}").0, "$\u{2060}{name}");
        assert_eq!(Neutral::of("<at>All</AT>").0, "<\u{2060}at>All<\u{2060}/AT>");
        for same in ["{a} $5 <b> [x](y) **b** \u{5d0}<", ""] {
            assert_eq!(Neutral::of(same).0, same);
        }
    }
}
