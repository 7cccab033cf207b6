//! Other people's text, made fit to be shown in a message: titles, names and texts are written by customers.
//!
//! [`lines`] and [`line()`] take out what would change the text around it (control characters, direction overrides),
//! [`cut`] shortens to a receiver's limit, [`link`] makes an address that cannot be left early. What is markup to a
//! receiver only that receiver's plugin knows: to neutralise it is not done here.

use std::borrow::Cow;

use unicode_segmentation::UnicodeSegmentation;

/// A person sees this many `char`s as one at most (a family emoji has 7). What claims to be one and is longer,
/// such as a letter under a thousand accents, may be cut inside.
const CLUSTER_CHARS_MAX: usize = 32;
/// The longest link; half an address leads nowhere, so a longer one is none.
pub const LINK_BYTES_MAX: usize = 2_000;

const POP_ISOLATE: char = '\u{2069}';

/// The text in its lines: every kind of line break is one line feed, and at most one empty line remains between two
/// others. No control character, no invisible space and no direction override is in it; isolates stand in pairs
/// within their line, one deep. Empty if there is nothing to see.
pub fn lines(text: &str) -> String {
    let text: String = text.replace("\r\n", "\n").chars().filter_map(plain).collect();
    let mut lines: Vec<String> = Vec::new();
    for line in text.split('\n').map(|line| paired(line.trim_end())) {
        let repeated_gap = is_blank(&line) && lines.last().is_none_or(|last| is_blank(last));
        if !repeated_gap {
            lines.push(line);
        }
    }
    while lines.last().is_some_and(|last| is_blank(last)) {
        lines.pop();
    }
    lines.join("\n")
}

/// The text as one line, cleaned as by [`lines`], with single spaces. Empty if there is nothing to see.
pub fn line(text: &str) -> String {
    let text: String = text.chars().filter_map(plain).collect();
    let line = paired(&text.split_whitespace().collect::<Vec<_>>().join(" "));
    if is_blank(&line) { String::new() } else { line }
}

/// The text, or its longest beginning that `fits` with `ellipsis` behind it. Never ends within what a person sees as
/// one character, leaves no space before the ellipsis, and closes an isolate that it cut into. Empty where not even
/// the ellipsis fits.
///
/// `fits` says whether a text is short enough by the receiver's own measure (bytes, UTF-16 code units, segments); of
/// a text that fits, every beginning must fit as well.
///
/// ```
/// # use commwatch_plugin_api::text::cut;
/// assert_eq!(cut("hello wonderful", "…", |text| text.encode_utf16().count() <= 7), "hello…");
/// ```
pub fn cut<'a>(text: &'a str, ellipsis: &str, fits: impl Fn(&str) -> bool) -> Cow<'a, str> {
    if fits(text) {
        return Cow::Borrowed(text);
    }
    let beginning = |end: usize| {
        let mut kept = text[..end].trim_end().to_owned();
        let is_open = kept.rfind(is_isolate) > kept.rfind(POP_ISOLATE);
        kept.push_str(ellipsis);
        kept.extend(is_open.then_some(POP_ISOLATE));
        kept
    };
    // Mostly a small part of the text fits: what is looked at grows from the start.
    let mut all = ends(text);
    let mut ends = Vec::new();
    loop {
        let known = ends.len();
        ends.extend(all.by_ref().take(known.max(64)));
        if ends.len() == known || !fits(&beginning(ends[ends.len() - 1])) {
            break;
        }
    }
    let fitting = ends.partition_point(|&end| fits(&beginning(end)));
    Cow::Owned(fitting.checked_sub(1).map_or_else(String::new, |last| beginning(ends[last])))
}

/// One [`line()`] of at most `chars_max` characters, [cut](cut()) with an ellipsis.
pub fn line_within(text: &str, chars_max: usize) -> String {
    cut(&line(text), "…", |text| text.chars().count() <= chars_max).into_owned()
}

/// The [`lines`] of a text, at most `chars_max` characters of them, [cut](cut()) with an ellipsis.
pub fn lines_within(text: &str, chars_max: usize) -> String {
    cut(&lines(text), "…", |text| text.chars().count() <= chars_max).into_owned()
}

/// An address that can stand in a link: `http` or `https`, with everything percent-encoded that could end the link,
/// open markup or hide another host. None when it is no such address or longer than [`LINK_BYTES_MAX`].
pub fn link(url: &str) -> Option<String> {
    let scheme = url.split_once("://")?.0;
    if !scheme.eq_ignore_ascii_case("https") && !scheme.eq_ignore_ascii_case("http") {
        return None;
    }
    let mut encoded = String::with_capacity(url.len());
    for byte in url.bytes() {
        if byte.is_ascii_alphanumeric() || b"%&/:?=#.-_~!$'()+,;[]".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    (encoded.len() <= LINK_BYTES_MAX).then_some(encoded)
}

/// Where the text may be cut, from 0 on; not its own end.
fn ends(text: &str) -> impl Iterator<Item = usize> {
    text.grapheme_indices(true).flat_map(|(at, cluster)| {
        let is_tower = cluster.chars().nth(CLUSTER_CHARS_MAX).is_some();
        let inside = if is_tower { usize::MAX } else { 1 };
        cluster.char_indices().take(inside).map(move |(within, _)| at + within)
    })
}

/// What may remain of a character: line breaks of every kind become line feeds; other control characters, invisible
/// spaces and direction overrides vanish.
fn plain(c: char) -> Option<char> {
    match c {
        '\n' | '\r' | '\u{b}' | '\u{c}' | '\u{85}' | '\u{2028}' | '\u{2029}' => Some('\n'),
        '\t' => Some(' '),
        c if c.is_control() => None,
        // Embeddings and overrides; deprecated formatting.
        '\u{202a}'..='\u{202e}' | '\u{206a}'..='\u{206f}' => None,
        // Zero-width space, byte order mark, word joiner and invisible operators; interlinear notes.
        '\u{200b}' | '\u{feff}' | '\u{2060}'..='\u{2065}' | '\u{fff9}'..='\u{fffb}' => None,
        '\u{fffe}' | '\u{ffff}' => None,
        c => Some(c),
    }
}

fn is_isolate(c: char) -> bool {
    matches!(c, '\u{2066}'..='\u{2068}')
}

/// The line with its outermost pairs of isolates; unpaired and inner ones vanish. (An isolate never reaches
/// beyond its line.)
fn paired(line: &str) -> String {
    let mut kept = vec![false; line.len()];
    let mut open = Vec::new();
    for (at, c) in line.char_indices() {
        if is_isolate(c) {
            open.push(at);
        } else if c == POP_ISOLATE
            && let Some(start) = open.pop()
        {
            // Whatever pairs were kept inside this one are inner ones now.
            kept[start..at].fill(false);
            (kept[start], kept[at]) = (true, true);
        }
    }
    let is_mark = |c| is_isolate(c) || c == POP_ISOLATE;
    line.char_indices().filter(|&(at, c)| !is_mark(c) || kept[at]).map(|(_, c)| c).collect()
}

/// Whether nothing of it can be seen.
fn is_blank(text: &str) -> bool {
    text.chars().all(|c| {
        c.is_whitespace()
            || matches!(
                c,
                '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
                    | '\u{180b}'..='\u{180f}' | '\u{200c}'..='\u{200f}' | '\u{2066}'..='\u{2069}'
                    | '\u{2800}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{ffa0}' | '\u{e0000}'..='\u{e0fff}'
            )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut_units(text: &str, units_max: usize) -> String {
        cut(text, "…", |text| text.encode_utf16().count() <= units_max).into_owned()
    }

    #[test]
    fn controls_vanish_and_line_breaks_of_every_kind_become_one() {
        assert_eq!(lines("a\0b\u{1b}[31m\u{7f}c"), "ab[31mc");
        assert_eq!(lines("a\r\nb\rc\u{2028}d"), "a\nb\nc\nd");
        assert_eq!(lines("\n\n a \n\n\n\n b\t\n\n"), " a\n\n b");
        assert_eq!(line(" a\n\n b\tc "), "a b c");
        assert_eq!(line("\u{202e}evil\u{202c} \u{200b}\u{2060}\u{feff}"), "evil");
    }

    #[test]
    fn only_whole_pairs_of_isolates_remain_and_only_the_outer_ones() {
        assert_eq!(line("new from \u{2068}דנה\u{2069}!"), "new from \u{2068}דנה\u{2069}!");
        assert_eq!(line("a\u{2067}b"), "ab");
        assert_eq!(line("a\u{2069}b"), "ab");
        assert_eq!(line("\u{2068}a\u{2067}b\u{2069}c\u{2069}d"), "\u{2068}abc\u{2069}d");
        assert_eq!(lines("\u{2068}a\nb\u{2069}"), "a\nb");
    }

    #[test]
    fn text_of_which_nothing_can_be_seen_counts_as_none() {
        for blank in ["", "  \n", "\u{200e}\u{200f}", "\u{3164}", "\u{feff}\u{200b}", "\u{2068}\u{2069}"] {
            assert_eq!((line(blank), lines(blank)), (String::new(), String::new()), "{blank:?}");
        }
    }

    #[test]
    fn text_that_fits_is_left_alone() {
        assert!(matches!(cut("abc", "…", |text| text.len() <= 3), Cow::Borrowed("abc")));
        assert_eq!(cut_units("", 0), "");
    }

    #[test]
    fn the_ellipsis_counts_and_no_space_stands_before_it() {
        assert_eq!(cut_units("abcdef", 5), "abcd…");
        assert_eq!(cut_units("abcdef", 1), "…");
        assert_eq!(cut_units("abcdef", 0), "");
        assert_eq!(cut_units("hello wonderful", 7), "hello…");
        assert_eq!(cut("שלום", "…", |text| text.len() <= 7), "של…");
        assert_eq!(cut("abcdef", "...", |text| text.len() <= 5), "ab...");
    }

    #[test]
    fn what_a_person_sees_as_one_character_stays_whole() {
        let family = "👨‍👩‍👧‍👦";
        assert_eq!(cut_units(&format!("a{family}{family}"), 13), format!("a{family}…"));
        assert_eq!(cut_units(&format!("a{family}{family}"), 12), "a…");
        assert_eq!(cut_units("e\u{301}e\u{301}e\u{301}", 4), "e\u{301}…");
        assert_eq!(cut_units("😀😀", 3), "😀…");
        assert_eq!(cut_units("😀😀", 2), "…");
        assert_eq!(cut_units("🇮🇱🇮🇱", 6), "🇮🇱…");
    }

    #[test]
    fn a_letter_under_a_thousand_accents_is_cut_inside() {
        let text = cut_units(&format!("a{}", "\u{301}".repeat(1000)), 50);
        assert_eq!(text.chars().count(), 50);
        assert!(text.ends_with('…'));
    }

    #[test]
    fn a_cut_closes_the_isolate_that_it_cut_into() {
        assert_eq!(cut_units("x \u{2068}abcdef\u{2069}", 7), "x \u{2068}ab…\u{2069}");
        assert_eq!(cut_units("\u{2068}a\u{2069} bcdefgh", 7), "\u{2068}a\u{2069} bc…");
    }

    #[test]
    fn every_cut_of_every_length_fits_and_wastes_no_room_that_a_letter_could_use() {
        let text = "one \u{2068}דנה לוי\u{2069} 👨‍👩‍👧‍👦 two\u{301} three 🇮🇱 four";
        let all = text.encode_utf16().count();
        for max in 1..all {
            let units = cut_units(text, max).encode_utf16().count();
            assert!(units <= max && units + 13 > max, "{max}: {units}");
        }
    }

    #[test]
    fn a_link_cannot_be_left_early_nor_lead_to_another_scheme() {
        assert_eq!(
            link("https://a.example/o/1?a=1&b=ש").as_deref(),
            Some("https://a.example/o/1?a=1&b=%D7%A9")
        );
        assert_eq!(
            link("https://a.example/|x> <!here>@here\n").as_deref(),
            Some("https://a.example/%7Cx%3E%20%3C!here%3E%40here%0A")
        );
        for none in ["javascript:alert(1)", "ftp://a.example/", "/relative", ""] {
            assert_eq!(link(none), None, "{none}");
        }
        assert_eq!(link(&format!("https://a.example/{}", "x".repeat(LINK_BYTES_MAX))), None);
    }
}
