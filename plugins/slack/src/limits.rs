//! How much Slack takes, and cutting text down to it.
//!
//! Slack says "characters" and does not say which. Text is counted here in UTF-16 code units *after* escaping,
//! which is never less than the number of characters; the whole request is counted in bytes, which is never
//! less than either.

use std::borrow::Cow;

use commwatch_plugin_api::text;

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

/// How many units `c` takes once it is escaped.
pub(crate) fn escaped_units(c: char) -> usize {
    match c {
        '&' => "&amp;".len(),
        '<' => "&lt;".len(),
        '>' => "&gt;".len(),
        c => c.len_utf16(),
    }
}

/// The longest beginning of `text` that, escaped, takes at most `units_max` units, with an ellipsis where
/// something is missing.
pub(crate) fn cut(text: &str, units_max: usize) -> Cow<'_, str> {
    text::cut(text, "…", |text| units(text) <= units_max)
}

fn units(text: &str) -> usize {
    text.chars().map(escaped_units).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ellipsis_counts_as_part_of_what_is_allowed() {
        assert_eq!(cut("abcdef", 5), "abcd…");
        assert_eq!(cut("abcdef", 1), "…");
        assert_eq!(cut("abcdef", 0), "");
    }

    #[test]
    fn escaped_characters_count_as_what_they_become() {
        assert_eq!(cut("a&b", 7), "a&b");
        assert_eq!(cut("a&b", 6), "a…");
        assert_eq!(cut("<<<", 8), "<…");
    }
}
