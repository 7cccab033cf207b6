//! Character references (`&amp;`, `&#1513;`).

use std::borrow::Cow;

/// The longest reference, in bytes; a longer one is text.
const REFERENCE_BYTES_MAX: usize = 32;

/// U+00A0 to U+00FF, in order.
const LATIN_1: &str = "nbsp iexcl cent pound curren yen brvbar sect uml copy ordf laquo not shy reg macr deg plusmn \
sup2 sup3 acute micro para middot cedil sup1 ordm raquo frac14 frac12 frac34 iquest Agrave Aacute Acirc Atilde Auml \
Aring AElig Ccedil Egrave Eacute Ecirc Euml Igrave Iacute Icirc Iuml ETH Ntilde Ograve Oacute Ocirc Otilde Ouml \
times Oslash Ugrave Uacute Ucirc Uuml Yacute THORN szlig agrave aacute acirc atilde auml aring aelig ccedil egrave \
eacute ecirc euml igrave iacute icirc iuml eth ntilde ograve oacute ocirc otilde ouml divide oslash ugrave uacute \
ucirc uuml yacute thorn yuml";

/// Others that people's mail programs write.
const NAMED: [(&str, char); 42] = [
    ("amp", '&'),
    ("lt", '<'),
    ("gt", '>'),
    ("quot", '"'),
    ("apos", '\''),
    ("AMP", '&'),
    ("LT", '<'),
    ("GT", '>'),
    ("QUOT", '"'),
    ("OElig", 'Œ'),
    ("oelig", 'œ'),
    ("Scaron", 'Š'),
    ("scaron", 'š'),
    ("Yuml", 'Ÿ'),
    ("circ", 'ˆ'),
    ("tilde", '˜'),
    ("ensp", ' '),
    ("emsp", ' '),
    ("thinsp", ' '),
    ("zwnj", '\u{200c}'),
    ("zwj", '\u{200d}'),
    ("lrm", '\u{200e}'),
    ("rlm", '\u{200f}'),
    ("ndash", '–'),
    ("mdash", '—'),
    ("lsquo", '‘'),
    ("rsquo", '’'),
    ("sbquo", '‚'),
    ("ldquo", '“'),
    ("rdquo", '”'),
    ("bdquo", '„'),
    ("bull", '•'),
    ("hellip", '…'),
    ("permil", '‰'),
    ("lsaquo", '‹'),
    ("rsaquo", '›'),
    ("euro", '€'),
    ("trade", '™'),
    ("larr", '←'),
    ("rarr", '→'),
    ("minus", '−'),
    ("hearts", '♥'),
];

/// What browsers make of the numbers 128 to 159, which old programs take from Windows' code page.
const WINDOWS_1252: [char; 32] = [
    '€', '\u{81}', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\u{8d}', 'Ž', '\u{8f}', '\u{90}',
    '‘', '’', '“', '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', '\u{9d}', 'ž', 'Ÿ',
];

/// What the reference at the beginning of `text` (its `&`) stands for, and how many bytes it takes. What is no
/// reference stands for itself.
pub(super) fn decode(text: &str) -> (Cow<'static, str>, usize) {
    let reference = Reference::read(text);
    let decoded = reference.as_ref().and_then(|reference| match reference.number {
        Some(high @ 0xd800..=0xdbff) => {
            // Some programs write one emoji as two halves.
            let behind = &text[reference.length..];
            let low = Reference::read(behind).filter(|low| matches!(low.number, Some(0xdc00..=0xdfff)));
            let (low, length) = low.and_then(|low| Some((low.number?, low.length)))?;
            let whole = char::from_u32(0x1_0000 + ((high - 0xd800) << 10) + (low - 0xdc00))?;
            Some((whole, reference.length + length))
        }
        Some(number) => Some((character(number), reference.length)),
        None => named(reference.word).map(|c| (c, reference.length)),
    });
    match (decoded, reference) {
        (Some((c, length)), _) => (Cow::Owned(c.to_string()), length),
        (None, Some(Reference { number: Some(_), length, .. })) => (Cow::Borrowed("\u{fffd}"), length),
        (None, _) => (Cow::Borrowed("&"), 1),
    }
}

/// What stands between `&` and `;`.
struct Reference<'a> {
    word: &'a str,
    number: Option<u32>,
    /// With `&` and `;`.
    length: usize,
}

impl<'a> Reference<'a> {
    fn read(text: &'a str) -> Option<Self> {
        let rest = text.strip_prefix('&')?;
        let is_part = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'#';
        let word = &rest[..rest.bytes().take(REFERENCE_BYTES_MAX).take_while(is_part).count()];
        let has_end = rest.as_bytes().get(word.len()) == Some(&b';');
        let number = word.strip_prefix('#').and_then(|number| match number.strip_prefix(['x', 'X']) {
            Some(hex) => u32::from_str_radix(hex, 16).ok(),
            None => number.parse().ok(),
        });
        // Without its end a word is more likely part of an address (`?a=1&copy=2`).
        let is_reference = has_end || number.is_some() || word == "nbsp";
        is_reference.then_some(Self { word, number, length: 1 + word.len() + usize::from(has_end) })
    }
}

fn named(word: &str) -> Option<char> {
    let latin = || {
        let offset = LATIN_1.split_ascii_whitespace().position(|name| name == word)?;
        char::from_u32(0xa0 + u32::try_from(offset).ok()?)
    };
    NAMED.iter().find(|(name, _)| *name == word).map(|(_, c)| *c).or_else(latin)
}

fn character(number: u32) -> char {
    match number {
        0x80..=0x9f => WINDOWS_1252[(number - 0x80) as usize],
        0 => '\u{fffd}',
        _ => char::from_u32(number).unwrap_or('\u{fffd}'),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_stand_for_their_characters() {
        for (given, expected, length) in [
            ("&amp;x", "&", 5),
            ("&lt;", "<", 4),
            ("&nbsp;", "\u{a0}", 6),
            ("&nbsp x", "\u{a0}", 5),
            ("&yuml;", "ÿ", 6),
            ("&eacute;", "é", 8),
            ("&divide;", "÷", 8),
            ("&rlm;", "\u{200f}", 5),
            ("&#1513;", "ש", 7),
            ("&#1513 ", "ש", 6),
            ("&#x5E9;", "ש", 7),
            ("&#128533;", "😕", 9),
            ("&#55357;&#56853;", "😕", 16),
            ("&#150;", "–", 6),
            ("&#55357;x", "\u{fffd}", 8),
            ("&#xffffff;", "\u{fffd}", 10),
            ("&#0;", "\u{fffd}", 4),
        ] {
            assert_eq!(decode(given), (Cow::Borrowed(expected), length), "{given}");
        }
    }

    #[test]
    fn what_is_no_reference_stands_for_itself() {
        for given in
            ["&", "& b", "&;", "&unknown;", "&copy=2", "&lt", "&#;", "&#x;", "&#99999999999;", "&א;", "&a&b;"]
        {
            assert_eq!(decode(given), (Cow::Borrowed("&"), 1), "{given}");
        }
    }
}
