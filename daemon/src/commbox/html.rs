//! HTML to plain text, for reading: nothing is rendered, run or fetched.
//!
//! Written for the mails that people send: the quoted history stays (behind the text, where it stands), scripts,
//! styles and comments go, and what only looks like markup is kept as text. One pass, no recursion.

use std::borrow::Cow;

mod tag;

use self::tag::{Effect, Tag, tag};
use super::entities;

/// Tags that tell markup in a chat, where nothing says that it is HTML: these in pairs,
const TELLING: [&str; 30] = [
    "a",
    "b",
    "blockquote",
    "body",
    "center",
    "div",
    "em",
    "font",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "html",
    "i",
    "li",
    "ol",
    "p",
    "pre",
    "s",
    "span",
    "strong",
    "table",
    "tbody",
    "td",
    "th",
    "tr",
    "u",
    "ul",
];

/// and these alone.
const TELLING_ALONE: &str = "br hr img";

/// The text of `html`, in lines.
pub(super) fn to_text(html: &str) -> String {
    let mut lines = Lines::default();
    let mut at = 0;
    while let Some(offset) = html[at..].find(['<', '&']) {
        let here = at + offset;
        lines.text(&html[at..here]);
        at = if html.as_bytes()[here] == b'&' {
            let (text, length) = entities::decode(&html[here..]);
            lines.text(&text);
            here + length
        } else {
            element(html, here, &mut lines)
        };
    }
    lines.text(&html[at..]);
    lines.out
}

/// The text with its entities decoded, and otherwise as it is.
pub(super) fn decoded(text: &str) -> Cow<'_, str> {
    if !text.contains('&') {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    while let Some(offset) = text[at..].find('&') {
        out.push_str(&text[at..at + offset]);
        let (decoded, length) = entities::decode(&text[at + offset..]);
        out.push_str(&decoded);
        at += offset + length;
    }
    out.push_str(&text[at..]);
    Cow::Owned(out)
}

/// Whether there is at least one neat tag of HTML: enough where HTML is expected.
pub(super) fn has_markup(text: &str) -> bool {
    text.match_indices('<').any(|(at, _)| {
        text[at..].starts_with("<!--")
            || tag(text, at).is_some_and(|tag| tag.is_neat && tag.effect().is_some())
    })
}

/// Whether text of which nothing is known is HTML: a neat tag that stands alone, or one that is opened and closed.
pub(super) fn is_markup_beyond_doubt(text: &str) -> bool {
    let mut opened = [false; TELLING.len()];
    text.match_indices('<').any(|(at, _)| {
        let Some(tag) = tag(text, at).filter(|tag| tag.is_neat) else { return false };
        if !tag.closes && tag.is(TELLING_ALONE) {
            return true;
        }
        let Some(which) = TELLING.iter().position(|name| tag.name.eq_ignore_ascii_case(name)) else {
            return false;
        };
        opened[which] |= !tag.closes;
        tag.closes && opened[which]
    })
}

/// Takes what begins with the `<` at `at`, and says where to go on.
fn element(html: &str, at: usize, lines: &mut Lines) -> usize {
    let rest = &html[at..];
    if let Some(comment) = rest.strip_prefix("<!--") {
        return comment.find("-->").map_or(html.len(), |end| at + "<!--".len() + end + "-->".len());
    }
    if rest.starts_with("<!") || rest.starts_with("<?") {
        return rest.find('>').map_or(html.len(), |end| at + end + 1);
    }
    let literal = |lines: &mut Lines| {
        lines.text("<");
        at + 1
    };
    let Some(tag) = tag(html, at) else { return literal(lines) };
    match tag.effect() {
        Some(Effect::Dropped) if tag.closes => tag.end,
        Some(Effect::Dropped) => behind_end_tag(html, tag.end, tag.name),
        // A single letter is a tag only if what follows looks like one: people write "a<b and b>c".
        Some(effect) if tag.is_neat || tag.name.len() > 1 => {
            lines.tag(&tag, effect);
            tag.end
        }
        _ => literal(lines),
    }
}

/// Behind `</name ...>`, searched from `from`; the end, if there is none.
fn behind_end_tag(html: &str, from: usize, name: &str) -> usize {
    let bytes = html.as_bytes();
    html[from..]
        .match_indices("</")
        .map(|(offset, _)| from + offset + 2)
        .find(|start| {
            let end = start + name.len();
            bytes.get(*start..end).is_some_and(|word| word.eq_ignore_ascii_case(name.as_bytes()))
                && bytes.get(end).is_none_or(|byte| !byte.is_ascii_alphanumeric())
        })
        .and_then(|start| html[start..].find('>').map(|end| start + end + 1))
        .unwrap_or(html.len())
}

/// Text under construction: whitespace is folded, line breaks are kept back until text follows.
#[derive(Default)]
struct Lines {
    out: String,
    breaks: usize,
    space: bool,
    preformatted: usize,
}

impl Lines {
    fn text(&mut self, text: &str) {
        for c in text.chars() {
            match c {
                // A soft hyphen is a hint where to break a word.
                '\u{ad}' => {}
                _ if c.is_whitespace() && self.preformatted == 0 => self.space = true,
                _ => {
                    self.flush();
                    self.out.push(c);
                }
            }
        }
    }

    fn flush(&mut self) {
        if !self.out.is_empty() && self.breaks > 0 {
            self.out.extend(std::iter::repeat_n('\n', self.breaks));
        } else if !self.out.is_empty() && self.space && !self.out.ends_with(['\n', ' ']) {
            self.out.push(' ');
        }
        self.breaks = 0;
        self.space = false;
    }

    /// At most one blank line stands between two texts.
    fn tag(&mut self, tag: &Tag<'_>, effect: Effect) {
        match effect {
            Effect::Line => self.breaks = self.breaks.max(1),
            Effect::Paragraph => self.breaks = 2,
            Effect::Gap => self.space = true,
            Effect::Inline if tag.is("br") => self.breaks = (self.breaks + 1).min(2),
            Effect::Inline | Effect::Dropped => {}
        }
        if tag.is("pre") {
            self.preformatted =
                if tag.closes { self.preformatted.saturating_sub(1) } else { self.preformatted + 1 };
        } else if tag.is("li") && !tag.closes {
            self.flush();
            self.out.push_str("- ");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mails_become_what_a_reader_sees() {
        for (given, expected) in [
            (
                "<div dir=\"ltr\">Hello,<br>the attached invoice is <b>wrong</b>.&nbsp;Please fix it.</div>",
                "Hello,\nthe attached invoice is wrong. Please fix it.",
            ),
            (
                "<div>Any news? &lt;3 days left&gt; &amp; counting<br><br></div><div>From: x</div>",
                "Any news? <3 days left> & counting\n\nFrom: x",
            ),
            ("<p>one</p><p>two</p>", "one\n\ntwo"),
            ("one<br>\n two<br><br><br><br>three", "one\ntwo\n\nthree"),
            ("<ul><li>a</li><li> b</li></ul>c", "- a\n- b\nc"),
            ("<table><tr><td>a</td><td>b</td></tr><tr><td>c</td></tr></table>", "a b\nc"),
            ("<pre>  a\n    b</pre> c  d", "  a\n    b\nc d"),
            ("a<script>alert('</div>')</script>b<STYLE type=x>p{}</STYLE >c", "abc"),
            ("<html><head><title>T</title><meta x=y></head><body>b</body></html>", "b"),
            ("a<!-- <b>x</b> -->b<!DOCTYPE html>c<?xml v?>d<![if !mso]>e<![endif]>", "abcde"),
            ("<o:p>&nbsp;</o:p>x<O:P></O:P><v:shape id=\"a\">y</v:shape>", "xy"),
            ("<img src=\"https://files.example.org/t.gif\" alt=\"a>b\">x", "x"),
            ("<a title=\"a<b>c\" href='#'>link</a>", "link"),
            ("<blockquote>quoted</blockquote>", "quoted"),
            ("soft&shy;hyphen", "softhyphen"),
            ("<P ALIGN=CENTER>LOUD</P>", "LOUD"),
        ] {
            assert_eq!(to_text(given), expected, "{given}");
        }
    }

    #[test]
    fn what_only_looks_like_markup_is_kept() {
        for (given, expected) in [
            ("if x<y and y>z<br>ok", "if x<y and y>z\nok"),
            ("if a<b and b>c<br>ok", "if a<b and b>c\nok"),
            ("Lee <lee@example.com><br>ok", "Lee <lee@example.com>\nok"),
            ("see <https://example.com/x><br>ok", "see <https://example.com/x>\nok"),
            ("<custom-thing>kept</custom-thing><br>ok", "<custom-thing>kept</custom-thing>\nok"),
            ("<note:urgent> call<br>ok", "<note:urgent> call\nok"),
            ("I <3 you<br>ok <", "I <3 you\nok <"),
            ("<div", "<div"),
            ("<div x=\"", "<div x=\""),
            ("</", "</"),
            ("&", "&"),
        ] {
            assert_eq!(to_text(given), expected, "{given}");
        }
    }

    #[test]
    fn what_is_never_closed_hides_no_more_than_it_must() {
        assert_eq!(to_text("a<script>b"), "a");
        assert_eq!(to_text("a<!-- b"), "a");
        assert_eq!(to_text("a<b title=\"x>y</b>"), "ay");
    }

    #[test]
    fn hostile_text_costs_one_pass() {
        let started = std::time::Instant::now();
        for piece in [
            "<", "<a ", "<a x=\"", "<b>", "&", "&#", "</", "<!--", "<script>", "<p ", "<a x='<", "<title",
            "</script",
        ] {
            let text = piece.repeat(300_000 / piece.len());
            let _ = (has_markup(&text), is_markup_beyond_doubt(&text), to_text(&text), decoded(&text));
        }
        // A pass over the rest at each piece would take many minutes.
        assert!(started.elapsed().as_secs() < 60);
    }
}
