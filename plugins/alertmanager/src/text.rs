//! Other people's text, made harmless and short enough.

use unicode_segmentation::UnicodeSegmentation;

/// One line of it, at most `chars_max` characters.
pub(crate) fn line(text: &str, chars_max: usize) -> String {
    let text: String = text.chars().filter_map(plain).collect();
    cut(&text.split_whitespace().collect::<Vec<_>>().join(" "), chars_max)
}

/// The text with its lines, at most `chars_max` characters.
pub(crate) fn lines(text: &str, chars_max: usize) -> String {
    let text: String = text.replace("\r\n", "\n").chars().filter_map(plain).collect();
    cut(text.trim(), chars_max)
}

/// What remains of a character: line breaks of every kind become line feeds; other control characters and what
/// turns the direction of the words around it vanish.
fn plain(c: char) -> Option<char> {
    match c {
        '\n' | '\r' | '\u{b}' | '\u{c}' | '\u{85}' | '\u{2028}' | '\u{2029}' => Some('\n'),
        '\t' => Some(' '),
        '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{fffe}' | '\u{ffff}' => None,
        c if c.is_control() => None,
        c => Some(c),
    }
}

/// The beginning of `text` with an ellipsis where something is missing: at most `chars_max` characters, and never
/// ending within what a person sees as one, unless that alone is longer.
fn cut(text: &str, chars_max: usize) -> String {
    if text.chars().count() <= chars_max {
        return text.to_owned();
    }
    let room = chars_max.saturating_sub(1);
    let (mut kept, mut used) = (String::new(), 0);
    for cluster in text.graphemes(true) {
        used += cluster.chars().count();
        if used > room {
            break;
        }
        kept.push_str(cluster);
    }
    if kept.is_empty() {
        kept = text.chars().take(room).collect();
    }
    kept.truncate(kept.trim_end().len());
    kept + "…"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_person_sees_as_one_character_stays_whole() {
        assert_eq!(cut("abcdef", 6), "abcdef");
        assert_eq!(cut("abcdef", 5), "abcd…");
        assert_eq!(cut("a👨‍👩‍👧b", 4), "a…");
        assert_eq!(cut("ab cd", 4), "ab…");
        assert_eq!(cut(&format!("a{}", "\u{301}".repeat(50)), 10).chars().count(), 10);
    }

    #[test]
    fn controls_and_direction_overrides_vanish() {
        assert_eq!(lines(" a\0b\u{1b}[1m\r\nc\u{2028}d\u{202e}e ", 99), "ab[1m\nc\nde");
        assert_eq!(line("a\n\n b\tc", 99), "a b c");
    }
}
