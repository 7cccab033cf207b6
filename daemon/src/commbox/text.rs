//! The plain text of a message: what people read and what edits are told by.

use std::borrow::Cow;

use sha2::{Digest, Sha256};

use super::html;
use crate::core::message::TEXT_CHARS_MAX;

/// How far a cut moves back rather than split what is one character to a reader.
const CLUSTER_CHARS_MAX: usize = 32;

/// What a text was written as.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Form {
    /// Plain text, unless it is markup beyond doubt.
    Chat,
    /// HTML, unless it has no markup.
    Mail,
    /// Plain text.
    Subject,
}

/// A plain text.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Plain {
    /// At most [`TEXT_CHARS_MAX`] characters; no control characters but newline and tab; no blank lines around.
    pub(super) text: String,
    /// Whether it was cut.
    pub(super) truncated: bool,
    /// Of the whole text with its whitespace folded. It is stored: how it comes about must not change.
    pub(super) hash: u64,
}

/// Makes the plain text of `raw`.
pub(super) fn plain(raw: &str, form: Form) -> Plain {
    let whole = match form {
        Form::Chat if html::is_markup_beyond_doubt(raw) => clean(&html::to_text(raw)),
        Form::Mail if html::has_markup(raw) => clean(&html::to_text(raw)),
        Form::Mail => clean(&html::decoded(raw)),
        Form::Chat | Form::Subject => clean(raw),
    };
    let kept = cut(&whole, TEXT_CHARS_MAX);
    Plain { truncated: kept.len() < whole.len(), text: kept.trim_end().to_owned(), hash: hash(&whole) }
}

/// The first eight bytes, as a number.
pub(super) fn first_eight_bytes(digest: &[u8]) -> u64 {
    digest.iter().take(8).fold(0, |number, byte| number << 8 | u64::from(*byte))
}

fn hash(text: &str) -> u64 {
    let mut hasher = Sha256::new();
    for word in text.split_whitespace() {
        hasher.update(without_tracking(word).as_bytes());
        hasher.update(b" ");
    }
    first_eight_bytes(&hasher.finalize())
}

/// Parts of an address that differ from one answer to the next although nobody has edited anything: signatures that
/// expire, and marks of who followed a link.
const TRACKING: [&str; 16] = [
    "fbclid",
    "gclid",
    "sig",
    "signature",
    "expires",
    "token",
    "policy",
    "key-pair-id",
    "se",
    "st",
    "sp",
    "sv",
    "sr",
    "spr",
    "skt",
    "ske",
];
const TRACKING_PREFIXES: [&str; 3] = ["utm_", "x-amz-", "x-goog-"];

/// An address without them; any other word as it is.
fn without_tracking(word: &str) -> Cow<'_, str> {
    let is_address = word.starts_with("https://") || word.starts_with("http://");
    let Some((address, query)) = word.split_once('?').filter(|_| is_address) else { return word.into() };
    let is_tracking = |part: &&str| {
        let name = part.split('=').next().unwrap_or_default().to_ascii_lowercase();
        TRACKING.contains(&name.as_str()) || TRACKING_PREFIXES.iter().any(|prefix| name.starts_with(prefix))
    };
    if !query.split('&').any(|part| is_tracking(&part)) {
        return word.into();
    }
    let kept: Vec<&str> = query.split('&').filter(|part| !is_tracking(part)).collect();
    format!("{address}?{}", kept.join("&")).into()
}

/// One kind of line break, no control characters, no blank lines around.
fn clean(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\r' => {
                chars.next_if_eq(&'\n');
                clean.push('\n');
            }
            '\u{b}' | '\u{c}' | '\u{85}' | '\u{2028}' | '\u{2029}' => clean.push('\n'),
            '\n' | '\t' => clean.push(c),
            '\u{feff}' => {}
            _ if c.is_control() => {}
            _ => clean.push(c),
        }
    }
    let end = clean.trim_end().len();
    clean.truncate(end);
    // Blank lines go, the first line's indentation stays.
    let start = clean.len() - clean.trim_start().len();
    let start = clean[..start].rfind('\n').map_or(0, |newline| newline + 1);
    clean.drain(..start);
    clean
}

/// At most `max` characters, not ending inside what is one character to a reader.
fn cut(text: &str, max: usize) -> &str {
    let Some((limit, _)) = text.char_indices().nth(max) else { return text };
    let mut end = limit;
    for _ in 0..CLUSTER_CHARS_MAX {
        match text[..end].char_indices().next_back() {
            Some((before, last)) if joins(last, text[end..].chars().next()) => end = before,
            Some(_) => return &text[..end],
            None => break,
        }
    }
    // No reader's character is that long: cut it.
    &text[..limit]
}

/// Whether `next` belongs to the character that `last` began: marks, variation selectors, joined emoji, flags.
fn joins(last: char, next: Option<char>) -> bool {
    let is_flag_letter = |c| matches!(c, '\u{1f1e6}'..='\u{1f1ff}');
    next.is_some_and(|next| {
        last == '\u{200d}'
            || (is_flag_letter(last) && is_flag_letter(next))
            || matches!(next,
                '\u{200d}' | '\u{300}'..='\u{36f}' | '\u{483}'..='\u{489}' | '\u{591}'..='\u{5bd}' | '\u{5bf}'
                | '\u{5c1}'..='\u{5c2}' | '\u{5c4}'..='\u{5c5}' | '\u{5c7}' | '\u{610}'..='\u{61a}'
                | '\u{64b}'..='\u{65f}' | '\u{670}' | '\u{6d6}'..='\u{6dc}' | '\u{6df}'..='\u{6e4}'
                | '\u{6e7}'..='\u{6e8}' | '\u{6ea}'..='\u{6ed}' | '\u{1ab0}'..='\u{1aff}' | '\u{1dc0}'..='\u{1dff}'
                | '\u{20d0}'..='\u{20ff}' | '\u{fe00}'..='\u{fe0f}' | '\u{fe20}'..='\u{fe2f}'
                | '\u{1f3fb}'..='\u{1f3ff}' | '\u{e0020}'..='\u{e007f}' | '\u{e0100}'..='\u{e01ef}')
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chat_is_left_as_it_was_written() {
        for text in [
            "I <3 you",
            "a < b",
            "if x<y and y>z",
            "if a<b and b>c then",
            "a<b>c",
            "1 <2> 3 <b 4>",
            "use the <b> key",
            "<script>alert(1)</script>",
            "<style>x</style>",
            "see <https://example.com/a?b=1&amp;c=2>",
            "Lee <lee@example.com>",
            "Tom &amp; Jerry",
            "  indented\n\n\n  twice\tand a tab",
            "<",
            "</",
            "<a",
            "<p",
            "<p>no end",
            "שלום, ההזמנה שלי (מס׳ 1234) עוד לא הגיעה 😕",
        ] {
            assert_eq!(plain(text, Form::Chat).text, text, "{text}");
        }
    }

    #[test]
    fn markup_in_a_chat_is_told_by_known_tags_that_are_whole() {
        for (given, expected) in [
            ("<b>bold</b> &amp; plain", "bold & plain"),
            ("one<br>two<br/>three", "one\ntwo\nthree"),
            ("<div dir=\"rtl\">שלום</div>", "שלום"),
            ("<p>a</p>\n<p>b</p>", "a\n\nb"),
            ("see <a href='https://x.example/?a=1&b=2' target=_blank>this</a>", "see this"),
        ] {
            assert_eq!(plain(given, Form::Chat).text, expected, "{given}");
        }
    }

    #[test]
    fn a_mail_without_markup_keeps_its_lines_and_signs() {
        for (given, expected) in [
            ("a < b\r\nand c > d", "a < b\nand c > d"),
            ("if x<y and y>z", "if x<y and y>z"),
            ("R&amp;D &lt;3", "R&D <3"),
            ("Lee <lee@example.com> wrote:\n> hi", "Lee <lee@example.com> wrote:\n> hi"),
        ] {
            assert_eq!(plain(given, Form::Mail).text, expected, "{given}");
        }
    }

    #[test]
    fn control_characters_and_blank_lines_around_are_dropped() {
        for (given, expected) in [
            ("\n\nPlease choose a topic\n\n", "Please choose a topic"),
            (" \r\n\t\r\n  a\r\nb\rc \n \n", "  a\nb\nc"),
            ("a\u{0}b\u{1b}[31mc\u{7f}\u{9b}d", "ab[31mcd"),
            ("\u{feff}a\u{2028}b\u{2029}c\u{85}d\u{b}e\u{c}f", "a\nb\nc\nd\ne\nf"),
            ("\n \n", ""),
            ("", ""),
        ] {
            assert_eq!(plain(given, Form::Chat).text, expected, "{given:?}");
        }
    }

    #[test]
    fn a_long_text_is_cut_by_characters_and_an_edit_behind_the_cut_still_shows() {
        let hebrew = "ש".repeat(TEXT_CHARS_MAX);
        let exact = plain(&hebrew, Form::Chat);
        assert_eq!((exact.text.chars().count(), exact.truncated), (TEXT_CHARS_MAX, false));
        let longer = plain(&format!("{hebrew}א"), Form::Chat);
        assert_eq!((longer.text.as_str(), longer.truncated), (hebrew.as_str(), true));
        assert_ne!(longer.hash, plain(&format!("{hebrew}ב"), Form::Chat).hash);
    }

    #[test]
    fn a_cut_does_not_split_what_is_one_character_to_a_reader() {
        let before = "x".repeat(TEXT_CHARS_MAX - 1);
        for cluster in ["e\u{301}", "👍🏽", "👩\u{200d}👩\u{200d}👧", "🇮🇱", "❤\u{fe0f}", "שׁ"]
        {
            let cut = plain(&format!("{before}{cluster} and more"), Form::Chat);
            assert_eq!((cut.text.as_str(), cut.truncated), (before.as_str(), true), "{cluster}");
        }
        let endless = plain(&format!("e{}", "\u{301}".repeat(TEXT_CHARS_MAX)), Form::Chat);
        assert_eq!(endless.text.chars().count(), TEXT_CHARS_MAX);
    }

    #[test]
    fn whitespace_does_not_make_an_edit() {
        let hash = |text| plain(text, Form::Chat).hash;
        assert_eq!(hash("a  b\r\n\n c"), hash("a b\nc "));
        assert_ne!(hash("ab c"), hash("a bc"));
        assert_eq!(hash(""), hash(" \n"));
    }

    #[test]
    fn a_signature_in_an_address_does_not_make_an_edit() {
        let hash = |text: &str| plain(text, Form::Chat).hash;
        let link = |query| hash(&format!("see https://files.example/a.pdf?{query} please"));
        assert_eq!(
            link("id=7&X-Amz-Signature=aa&X-Amz-Date=1"),
            link("id=7&X-Amz-Signature=bb&X-Amz-Date=2")
        );
        assert_eq!(link("utm_source=x"), link("utm_source=y"));
        assert_ne!(link("id=7&sig=a"), link("id=8&sig=a"));
        assert_ne!(hash("what?sig=a"), hash("what?sig=b"));
    }

    #[test]
    fn the_hash_is_the_same_in_every_version() {
        // It is in every store there is: if this fails, every known message would look edited.
        assert_eq!(plain("Hello, where is my order?", Form::Chat).hash, 6_741_683_285_606_152_045);
        assert_eq!(plain("<p>שלום&nbsp;לך</p>", Form::Mail).hash, plain("שלום לך", Form::Chat).hash);
    }
}
