//! What templates can do to a text.

use unicode_segmentation::UnicodeSegmentation;

/// Stands between a sign and what would make a command of it: takes no room on the screen.
const WORD_JOINER: char = '\u{2060}';

/// The text without control characters but the line feed, and without marks that turn the direction of other words.
pub(crate) fn clean(text: &str) -> String {
    let kept = |c: char| match c {
        '\r' | '\u{b}' | '\u{c}' | '\u{85}' | '\u{2028}' | '\u{2029}' => Some('\n'),
        '\t' => Some(' '),
        '\n' => Some(c),
        '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200b}' | '\u{2060}' | '\u{feff}' => None,
        c if c.is_control() => None,
        c => Some(c),
    };
    text.replace("\r\n", "\n").chars().filter_map(kept).collect()
}

/// The text as it is read in a chat that knows Markdown: nothing in it formats, mentions or makes an emoji.
pub(crate) fn plain(text: &str) -> String {
    let text = clean(text);
    let mut plain = String::with_capacity(text.len());
    let mut characters = text.chars().peekable();
    while let Some(c) = characters.next() {
        match c {
            '\\' | '*' | '_' | '~' | '`' | '|' | '#' | '[' | ']' | '(' | ')' | '>' | '-' | '+' | '!' => {
                plain.extend(['\\', c]);
            }
            '@' | '<' => plain.extend([c, WORD_JOINER]),
            // A name between two colons is an emoji; the colon of an address is none.
            ':' if characters.peek().is_some_and(|next| next.is_alphanumeric() || "_+-".contains(*next)) => {
                plain.extend([c, WORD_JOINER]);
            }
            c => plain.push(c),
        }
    }
    plain
}

/// The text as it is read in HTML.
pub(crate) fn html(text: &str) -> String {
    let mut html = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => html.push_str("&amp;"),
            '<' => html.push_str("&lt;"),
            '>' => html.push_str("&gt;"),
            '"' => html.push_str("&quot;"),
            '\'' => html.push_str("&#39;"),
            c => html.push(c),
        }
    }
    html
}

/// The beginning of the text, at most `units_max` UTF-16 units (which is never less than characters), with an
/// ellipsis where something is missing. Never ends within what a person sees as one character.
pub(crate) fn cut(text: &str, units_max: usize) -> String {
    let units = |text: &str| text.encode_utf16().count();
    let text = text.trim();
    if units(text) <= units_max {
        return text.to_owned();
    }
    let mut room = units_max.saturating_sub(1);
    let mut kept = String::new();
    for cluster in text.graphemes(true) {
        let size = units(cluster);
        if size > room {
            break;
        }
        room -= size;
        kept.push_str(cluster);
    }
    kept.truncate(kept.trim_end().len());
    if units_max > 0 {
        kept.push('…');
    }
    kept
}

/// An address that can stand in a text: `http` or `https`, with everything percent-encoded that could end it. Empty
/// when it is none or longer than [`LINK_BYTES_MAX`].
pub(crate) fn link(url: &str) -> String {
    let is_web = url.starts_with("https://") || url.starts_with("http://");
    let mut link = String::new();
    for byte in url.bytes().filter(|_| is_web) {
        if byte.is_ascii_alphanumeric() || b"%&/:?=#.-_~$+,;".contains(&byte) {
            link.push(char::from(byte));
        } else {
            link.push_str(&format!("%{byte:02X}"));
        }
    }
    if link.len() <= LINK_BYTES_MAX { link } else { String::new() }
}

/// A longer address is left out, since half an address leads nowhere.
const LINK_BYTES_MAX: usize = 400;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_a_plain_text_is_a_command() {
        assert_eq!(plain("*a* _b_ `c` [d](e) > f"), r"\*a\* \_b\_ \`c\` \[d\]\(e\) \> f");
        assert_eq!(
            plain("@here <@1> <!channel> :tada:"),
            "@\u{2060}here <\u{2060}@\u{2060}1\\> <\u{2060}\\!channel\\> :\u{2060}tada:"
        );
        assert_eq!(plain("@\u{2060}he\u{200b}re\0\u{202e}"), "@\u{2060}here");
    }

    #[test]
    fn a_cut_keeps_whole_what_a_person_sees_as_one_character() {
        assert_eq!(cut("abcdef", 6), "abcdef");
        assert_eq!(cut("abc def", 5), "abc…");
        assert_eq!(cut("a😀b", 3), "a…");
        assert_eq!(cut("a", 0), "");
    }

    #[test]
    fn a_link_cannot_be_left_early() {
        assert_eq!(
            link("https://a.example/x?y=1&z=>|@here ש"),
            "https://a.example/x?y=1&z=%3E%7C%40here%20%D7%A9"
        );
        assert_eq!(link("javascript:alert(1)"), "");
        assert_eq!(link(&format!("https://a.example/{}", "x".repeat(400))), "");
    }
}
