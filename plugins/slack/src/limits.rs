//! How much Slack takes, and cutting text down to it.
//!
//! Slack says "characters" and does not say which. Text is counted here in UTF-16 code units *after* escaping,
//! which is never less than the number of characters; the whole request is counted in bytes, which is never
//! less than either.

use unicode_segmentation::UnicodeSegmentation;

/// A header block's text (documented).
pub(crate) const HEADER_UNITS_MAX: usize = 150;
/// A section block's text (documented).
pub(crate) const SECTION_UNITS_MAX: usize = 3_000;
/// One element of a context block. Ours: Slack takes more, but small print should stay small.
pub(crate) const CONTEXT_UNITS_MAX: usize = 300;
/// A name within small print. Ours.
pub(crate) const NAME_UNITS_MAX: usize = 60;
/// The message's text within the top-level text beside blocks, which notifications and screen readers use. Ours.
pub(crate) const FALLBACK_UNITS_MAX: usize = 800;
/// The top-level text without blocks. Slack recommends to stay below 4 000.
pub(crate) const PLAIN_UNITS_MAX: usize = 3_500;
/// Blocks of one message (documented).
pub(crate) const BLOCKS_MAX: usize = 50;
/// The whole request. Blocks of about 13 200 characters in all were seen to be refused, which no page says.
pub(crate) const BODY_BYTES_MAX: usize = 12_000;
/// An id within metadata. Ours; the daemon's ids are far shorter.
pub(crate) const ID_BYTES_MAX: usize = 255;
/// A link's address; a longer one is left out, since half an address leads nowhere.
pub(crate) const URL_UNITS_MAX: usize = 2_000;
/// Events shown one by one; further ones are counted. Each takes two of [`BLOCKS_MAX`].
pub(crate) const EVENTS_LISTED_MAX: usize = 20;

/// A person sees this as one character (a family emoji has 11 units). What claims to be one and is longer, such
/// as a letter under a thousand accents, may be cut inside.
const CLUSTER_UNITS_MAX: usize = 64;

/// What stands where text was cut off: one unit.
const ELLIPSIS: char = '…';

/// How many units `c` takes once it is escaped.
pub(crate) fn escaped_units(c: char) -> usize {
    match c {
        '&' => "&amp;".len(),
        '<' => "&lt;".len(),
        '>' => "&gt;".len(),
        c => c.len_utf16(),
    }
}

/// Text that was cut, if it had to be.
pub(crate) struct Cut {
    /// At most as many escaped units as were given, the ellipsis included.
    pub(crate) text: String,
    /// Whether anything is missing.
    pub(crate) was_cut: bool,
}

/// The longest beginning of `text` that, escaped, takes at most `units_max` units, with an ellipsis where
/// something is missing. Never ends inside what a person sees as one character.
pub(crate) fn cut(text: &str, units_max: usize) -> Cut {
    if beginning(text, units_max).len() == text.len() {
        return Cut { text: text.to_owned(), was_cut: false };
    }
    let Some(room) = units_max.checked_sub(ELLIPSIS.len_utf16()) else {
        return Cut { text: String::new(), was_cut: true };
    };
    let mut kept = beginning(text, room).trim_end().to_owned();
    kept.push(ELLIPSIS);
    Cut { text: kept, was_cut: true }
}

fn beginning(text: &str, room: usize) -> &str {
    let mut used = 0;
    for (at, cluster) in text.grapheme_indices(true) {
        let size = units(cluster);
        if used + size > room {
            let inside = if size > CLUSTER_UNITS_MAX { characters_within(cluster, room - used) } else { 0 };
            return &text[..at + inside];
        }
        used += size;
    }
    text
}

/// How many bytes of `text` fit into `room`, by whole `char`s.
fn characters_within(text: &str, room: usize) -> usize {
    let mut used = 0;
    for (at, c) in text.char_indices() {
        used += escaped_units(c);
        if used > room {
            return at;
        }
    }
    text.len()
}

fn units(text: &str) -> usize {
    text.chars().map(escaped_units).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut_text(text: &str, units_max: usize) -> String {
        cut(text, units_max).text
    }

    #[test]
    fn text_that_fits_is_left_alone() {
        assert_eq!(cut_text("abc", 3), "abc");
        assert_eq!(cut_text("", 0), "");
    }

    #[test]
    fn an_ellipsis_counts_as_part_of_what_is_allowed() {
        assert_eq!(cut_text("abcdef", 5), "abcd…");
        assert_eq!(cut_text("abcdef", 1), "…");
        assert_eq!(cut_text("abcdef", 0), "");
    }

    #[test]
    fn escaped_characters_count_as_what_they_become() {
        assert_eq!(cut_text("a&b", 7), "a&b");
        assert_eq!(cut_text("a&b", 6), "a…");
        assert_eq!(cut_text("<<<", 8), "<…");
    }

    #[test]
    fn what_a_person_sees_as_one_character_stays_whole() {
        let family = "👨‍👩‍👧‍👦";
        assert_eq!(cut_text(&format!("a{family}{family}"), 13), format!("a{family}…"));
        assert_eq!(cut_text(&format!("a{family}{family}"), 12), "a…");
        assert_eq!(cut_text("e\u{301}e\u{301}e\u{301}", 4), "e\u{301}…");
        assert_eq!(cut_text("😀😀", 3), "😀…");
        assert_eq!(cut_text("😀😀", 2), "…");
        assert_eq!(cut_text("🇮🇱🇮🇱", 6), "🇮🇱…");
    }

    #[test]
    fn a_letter_under_a_thousand_accents_is_cut_inside() {
        let tower = format!("a{}", "\u{301}".repeat(1000));
        let text = cut_text(&tower, 50);
        assert_eq!(text.chars().count(), 50);
        assert!(text.ends_with('…'));
    }

    #[test]
    fn no_space_is_left_before_the_ellipsis() {
        assert_eq!(cut_text("hello wonderful", 7), "hello…");
    }
}
