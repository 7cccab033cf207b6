//! How long a text is as SMS, and making it shorter without changing what it says.
//!
//! A text of which every character is in the GSM 7-bit alphabet (3GPP TS 23.038) goes as septets, 160 in one segment
//! and 153 in each of several; any other text goes as UTF-16, 70 units and 67
//! (<https://www.twilio.com/docs/glossary/what-sms-character-limit>).

/// Septets of the only segment, and of each of several.
const SEPTETS: Room = Room { alone: 160, of_several: 153 };
/// UTF-16 units of the only segment, and of each of several.
const UNITS: Room = Room { alone: 70, of_several: 67 };

/// The basic alphabet: one septet each. (The escape itself is no character.)
const BASIC: &str = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?\
                     ¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà";
/// The extension table: an escape and a septet each.
const EXTENSION: &str = "^{}\\[~]|€";

struct Room {
    alone: usize,
    of_several: usize,
}

impl Room {
    /// How many segments pieces of these sizes fill, in order; a piece is never split.
    fn segments(&self, sizes: impl Iterator<Item = usize> + Clone) -> usize {
        let all: usize = sizes.clone().sum();
        if all <= self.alone {
            return 1;
        }
        let (mut segments, mut used) = (1, 0);
        for size in sizes {
            if used + size > self.of_several {
                (segments, used) = (segments + 1, 0);
            }
            used += size;
        }
        segments
    }
}

/// How many segments the text is sent in.
pub(crate) fn segments(text: &str) -> usize {
    if text.chars().all(|c| septets(c).is_some()) {
        SEPTETS.segments(text.chars().filter_map(septets))
    } else {
        UNITS.segments(text.chars().map(char::len_utf16))
    }
}

/// How many septets the character takes; None if it is not in the alphabet.
fn septets(c: char) -> Option<usize> {
    if BASIC.contains(c) {
        return Some(1);
    }
    EXTENSION.contains(c).then_some(2)
}

/// The text with typographic signs in their typewriter form, and without marks of direction, which many phones show as
/// boxes. One such sign would turn the whole message to UTF-16 and more than halve its room (Twilio's own "smart
/// encoding" replaces them as well, after lengths were counted).
pub(crate) fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\u{2018}'..='\u{201b}' | '\u{2032}' | '\u{2bc}' | '`' | '´' => out.push('\''),
            '\u{201c}'..='\u{201f}' | '\u{2033}' | '«' | '»' => out.push('"'),
            '\u{2010}'..='\u{2015}' | '\u{2212}' => out.push('-'),
            '…' => out.push_str("..."),
            '\u{a0}' | '\u{2000}'..='\u{200a}' | '\u{202f}' | '\u{205f}' => out.push(' '),
            '\u{ad}' | '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2066}'..='\u{2069}' => {}
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_alphabet_is_the_whole_of_the_standards_table() {
        // 128 places, of which one is the escape; the extension has ten characters, of which form feed is never sent.
        assert_eq!((BASIC.chars().count(), EXTENSION.chars().count()), (127, 9));
        let mut all: Vec<char> = BASIC.chars().chain(EXTENSION.chars()).collect();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), 136);
        for none in ['`', 'ç', 'á', '’', '…', '\t', '\u{c}', 'ש', '\u{1b}'] {
            assert_eq!(septets(none), None, "{none:?}");
        }
    }

    #[test]
    fn segments_are_counted_as_they_are_sent() {
        let table: &[(&str, usize, usize)] = &[
            ("", 1, 1),
            ("a", 160, 1),
            ("a", 161, 2),
            ("a", 306, 2),
            ("a", 307, 3),
            ("a", 1530, 10),
            // Two septets each; 153 is odd, so one of each segment stays empty.
            ("€", 80, 1),
            ("€", 81, 2),
            ("€", 152, 2),
            ("€", 153, 3),
            ("ש", 70, 1),
            ("ש", 71, 2),
            ("ש", 134, 2),
            ("ש", 135, 3),
            // Two units each; 67 is odd as well.
            ("😀", 35, 1),
            ("😀", 36, 2),
            ("😀", 66, 2),
            ("😀", 67, 3),
        ];
        for &(piece, times, expected) in table {
            assert_eq!(segments(&piece.repeat(times)), expected, "{piece} {times}");
        }
        assert_eq!(segments(&format!("{}ש", "a".repeat(69))), 1);
        assert_eq!(segments(&format!("{}ש", "a".repeat(70))), 2, "one letter turns all of it to UTF-16");
        assert_eq!(
            segments(&format!("{}€{}", "a".repeat(152), "a".repeat(152))),
            3,
            "an escape is not split"
        );
    }

    #[test]
    fn typographic_signs_become_those_of_a_typewriter() {
        assert_eq!(
            plain("“Dana’s” – ‘so’… a\u{a0}b `x` «y»\u{2066}z\u{2069}\u{200e}"),
            "\"Dana's\" - 'so'... a b 'x' \"y\"z"
        );
        assert_eq!(plain("שלום é 😀 👨\u{200d}👩"), "שלום é 😀 👨\u{200d}👩");
    }
}
