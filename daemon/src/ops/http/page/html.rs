//! Text that is safe to be a document: nothing gets in but literals of the pages' own files, and what was escaped.

use std::fmt::Display;

use jiff::Timestamp;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::ops::status::Age;

/// What a segment of a path may hold as it is.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// How well something is; always said in a word beside it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Tone {
    /// As it should be.
    Good,
    /// It may become well by itself.
    Doubtful,
    /// Somebody should look.
    Bad,
    /// Neither.
    Plain,
}

impl Tone {
    /// Its class in the style sheet.
    pub(super) fn class(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Doubtful => "doubtful",
            Self::Bad => "bad",
            Self::Plain => "plain",
        }
    }
}

/// A document in the making.
#[derive(Default)]
pub(super) struct Html(String);

impl Html {
    /// The document.
    pub(super) fn done(self) -> String {
        self.0
    }

    /// Markup, which only literals are.
    pub(super) fn raw(&mut self, markup: &'static str) -> &mut Self {
        self.0.push_str(markup);
        self
    }

    /// Anything else. What would turn the direction of the text around it does not.
    pub(super) fn text(&mut self, text: &str) -> &mut Self {
        for c in text.chars() {
            match c {
                '&' => self.0.push_str("&amp;"),
                '<' => self.0.push_str("&lt;"),
                '>' => self.0.push_str("&gt;"),
                '"' => self.0.push_str("&quot;"),
                '\'' => self.0.push_str("&#39;"),
                '\n' => self.0.push('\n'),
                c if c.is_control() || turns(c) => self.0.push('\u{fffd}'),
                c => self.0.push(c),
            }
        }
        self
    }

    /// Anything that can be written.
    pub(super) fn show(&mut self, what: impl Display) -> &mut Self {
        self.text(&what.to_string())
    }

    /// Somebody's words in whatever direction they are written, without turning what stands around them.
    pub(super) fn isolated(&mut self, text: &str) -> &mut Self {
        self.raw("<bdi>").text(text).raw("</bdi>")
    }

    /// A link to `prefix` and a segment that may hold anything.
    pub(super) fn link(&mut self, prefix: &'static str, segment: &str, words: &str) -> &mut Self {
        self.raw("<a href=\"").address(prefix, segment).raw("\">").isolated(words).raw("</a>")
    }

    /// A path, or the beginning of one, with a segment that may hold anything.
    pub(super) fn address(&mut self, prefix: &'static str, segment: &str) -> &mut Self {
        self.raw(prefix).show(utf8_percent_encode(segment, SEGMENT))
    }

    /// How long ago, or how soon.
    pub(super) fn ago(&mut self, at: Timestamp, now: Timestamp) -> &mut Self {
        self.timed(at, &Age::of(at, now).to_string())
    }

    /// A stretch of time that began at `at`.
    pub(super) fn since(&mut self, at: Timestamp, now: Timestamp) -> &mut Self {
        self.timed(at, &Age::of(at, now).span())
    }

    /// A time of day, in UTC.
    pub(super) fn clock(&mut self, at: Timestamp) -> &mut Self {
        let words = format!("{at:.0}").replace('T', " ").replace('Z', " UTC");
        self.timed(at, &words)
    }

    fn timed(&mut self, at: Timestamp, words: &str) -> &mut Self {
        let exact = format!("{at:.0}");
        self.raw("<time datetime=\"").text(&exact).raw("\" title=\"").text(&exact).raw("\">");
        self.text(words).raw("</time>")
    }

    /// A word with its shape and colour.
    pub(super) fn state(&mut self, word: &str, tone: Tone) -> &mut Self {
        self.raw("<span class=\"state ").raw(tone.class()).raw("\">").text(word).raw("</span>")
    }

    /// A bar from 0 to 1 for the eye; the number stands beside it in words.
    pub(super) fn bar(&mut self, share: f64, tone: Tone) -> &mut Self {
        let width = if share.is_finite() { share.clamp(0.0, 1.0) * 100.0 } else { 0.0 };
        self.raw("<svg class=\"bar ").raw(tone.class());
        self.raw(
            "\" viewBox=\"0 0 100 8\" preserveAspectRatio=\"none\" aria-hidden=\"true\" focusable=\"false\">",
        );
        self.raw(
            "<rect class=\"track\" width=\"100\" height=\"8\"/><rect class=\"fill\" height=\"8\" width=\"",
        );
        self.show(format_args!("{width:.1}")).raw("\"/></svg>")
    }

    /// A part of the page under a heading. `id` names it for links.
    pub(super) fn section(&mut self, id: &'static str, heading: &'static str) -> &mut Self {
        self.raw("<section aria-labelledby=\"").raw(id).raw("\">\n<h2 id=\"").raw(id).raw("\">");
        self.raw(heading).raw("</h2>\n")
    }

    /// The end of it.
    pub(super) fn end_section(&mut self) -> &mut Self {
        self.raw("</section>\n")
    }

    /// A sentence about what is not there.
    pub(super) fn none(&mut self, words: &str) -> &mut Self {
        self.raw("<p class=\"none\">").text(words).raw("</p>\n")
    }

    /// A table that becomes a list of cards on a narrow screen. A column whose name begins with `#` holds numbers.
    /// Without rows it is the sentence `none`.
    pub(super) fn table<T>(
        &mut self,
        caption: &'static str,
        columns: &'static [&'static str],
        rows: impl IntoIterator<Item = T>,
        none: &str,
        mut row: impl FnMut(&mut Row<'_>, T),
    ) -> &mut Self {
        let mut rows = rows.into_iter().peekable();
        if rows.peek().is_none() {
            return self.none(none);
        }
        // The roles repeat what the elements are, since a table that is shown as cards would lose them.
        self.raw("<table role=\"table\">\n<caption>").raw(caption);
        self.raw("</caption>\n<thead role=\"rowgroup\"><tr role=\"row\">");
        for column in columns {
            let (name, is_number) = column_name(column);
            self.raw("<th scope=\"col\" role=\"columnheader\"").raw(if is_number {
                " class=\"number\">"
            } else {
                ">"
            });
            self.raw(name).raw("</th>");
        }
        self.raw("</tr></thead>\n<tbody role=\"rowgroup\">\n");
        for item in rows {
            self.raw("<tr role=\"row\">");
            row(&mut Row { html: self, columns: columns.iter() }, item);
            self.raw("</tr>\n");
        }
        self.raw("</tbody>\n</table>\n")
    }
}

/// Whether it overrides the direction of what comes after it. The marks that a right-to-left text needs do not.
fn turns(c: char) -> bool {
    matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{2028}' | '\u{2029}')
}

fn column_name(column: &'static str) -> (&'static str, bool) {
    column.strip_prefix('#').map_or((column, false), |name| (name, true))
}

/// A row of a table, filled from left to right.
pub(super) struct Row<'a> {
    html: &'a mut Html,
    columns: std::slice::Iter<'static, &'static str>,
}

impl Row<'_> {
    /// What the row is about.
    pub(super) fn head(&mut self, fill: impl FnOnce(&mut Html)) -> &mut Self {
        let _ = self.columns.next();
        self.html.raw("<th scope=\"row\" role=\"rowheader\">");
        fill(self.html);
        self.html.raw("</th>");
        self
    }

    /// A cell.
    pub(super) fn cell(&mut self, fill: impl FnOnce(&mut Html)) -> &mut Self {
        let (name, is_number) = self.columns.next().map_or(("", false), |column| column_name(column));
        self.html.raw("<td role=\"cell\" data-label=\"").raw(name);
        self.html.raw(if is_number { "\" class=\"number\"><div>" } else { "\"><div>" });
        fill(self.html);
        self.html.raw("</div></td>");
        self
    }

    /// Somebody's words.
    pub(super) fn text(&mut self, text: &str) -> &mut Self {
        self.cell(|html| match text.is_empty() {
            true => {
                html.raw("<span class=\"nothing\">-</span>");
            }
            false => {
                html.isolated(text);
            }
        })
    }

    /// A number.
    pub(super) fn number(&mut self, number: impl Display) -> &mut Self {
        self.cell(|html| {
            html.show(number);
        })
    }

    /// A word with its shape and colour.
    pub(super) fn state(&mut self, word: &str, tone: Tone) -> &mut Self {
        self.cell(|html| {
            html.state(word, tone);
        })
    }

    /// How long ago; `never` where it has not been.
    pub(super) fn time(&mut self, at: Option<Timestamp>, now: Timestamp) -> &mut Self {
        self.cell(|html| match at {
            Some(at) => {
                html.ago(at, now);
            }
            None => {
                html.raw("<span class=\"nothing\">never</span>");
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(make: impl FnOnce(&mut Html)) -> String {
        let mut html = Html::default();
        make(&mut html);
        html.done()
    }

    #[test]
    fn no_text_becomes_markup_or_turns_what_stands_around_it() {
        let text = |text: &str| {
            made(|html| {
                html.text(text);
            })
        };
        assert_eq!(text("<script>'&\"</script>"), "&lt;script&gt;&#39;&amp;&quot;&lt;/script&gt;");
        assert_eq!(text("a\u{202e}b\u{2066}c\u{0}d\u{1b}[1m"), "a\u{fffd}b\u{fffd}c\u{fffd}d\u{fffd}[1m");
        // Marks that a text from right to left is written with stay.
        assert_eq!(text("\u{200f}דנה\u{200e}"), "\u{200f}דנה\u{200e}");
    }

    #[test]
    fn a_link_stays_where_it_is_written() {
        let link = made(|html| {
            html.link("/watches/", "../x?\"><b>", "go <b>");
        });
        assert_eq!(link, "<a href=\"/watches/..%2Fx%3F%22%3E%3Cb%3E\"><bdi>go &lt;b&gt;</bdi></a>");
    }

    #[test]
    fn a_bar_is_never_longer_than_its_track() {
        for (share, width) in [(0.333, "33.3"), (2.0, "100.0"), (-1.0, "0.0"), (f64::NAN, "0.0")] {
            let bar = made(|html| {
                html.bar(share, Tone::Plain);
            });
            assert!(bar.contains(&format!("width=\"{width}\"")), "{bar}");
        }
    }
}
