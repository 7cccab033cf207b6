//! The line of a file that a mistake is about, with the part that is wrong marked. Never one that holds a secret.

use super::findings::Doubt;
use super::mistake::Excerpt;
use super::spanned::Place;

/// How many characters of a line are shown.
const SHOWN_CHARS_MAX: usize = 110;
/// How many characters of a long line stand before the mark.
const SHOWN_CHARS_BEFORE: usize = 30;
/// Stands for a line that is not shown.
const HIDDEN: &str = "(this line is not shown: it may hold a secret)";

/// A file's text by lines.
#[derive(Debug)]
pub(super) struct Lines<'a> {
    text: &'a str,
    /// Offsets of the lines' first bytes, ascending; the first is 0.
    starts: Vec<usize>,
}

impl<'a> Lines<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        let starts = std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
        Self { text, starts }
    }

    /// Line and column of a byte, both from 1; the column counts characters.
    pub(super) fn position(&self, byte: usize) -> (usize, usize) {
        let byte = self.boundary(byte);
        let line = self.line_of(byte);
        (line + 1, self.text[self.starts[line]..byte].chars().filter(|c| *c != '\u{feff}').count() + 1)
    }

    /// The line where the place begins, as far as it may be shown: not at all if it holds a secret, and not beyond
    /// a text that may be one.
    pub(super) fn excerpt(&self, at: Place, doubts: &[(Place, Doubt)]) -> Excerpt {
        let line = self.line_of(self.boundary(at.start));
        let mut end = self.text.len();
        for (place, doubt) in doubts.iter().filter(|(place, _)| place.file == at.file) {
            let (first, last) = (self.line_of(place.start), self.line_of(place.end));
            if (first..=last).contains(&line) {
                let shown_up_to = if *doubt == Doubt::May && first == line { place.start } else { 0 };
                end = end.min(shown_up_to);
            }
        }
        if end <= at.start {
            return Excerpt { text: HIDDEN.to_owned(), before: 0, marked: 0 };
        }
        self.cut(at, end, str::to_owned)
    }

    /// The line with all but its punctuation and well-known words masked: in a file that is not TOML nobody can
    /// tell what is a secret.
    pub(super) fn bare_excerpt(&self, at: Place) -> Excerpt {
        self.cut(at, self.text.len(), mask)
    }

    /// The line up to a byte, and no more of it than a person reads.
    fn cut(&self, at: Place, shown_up_to: usize, change: impl Fn(&str) -> String) -> Excerpt {
        let (start, end) = (self.boundary(at.start), self.boundary(at.end));
        let line = self.line_of(start);
        let from = self.starts[line];
        let line_end = self.starts.get(line + 1).map_or(self.text.len(), |next| next - 1);
        let to = line_end.min(shown_up_to);
        let mut whole = change(self.text[from..to].trim_end_matches('\r'));
        if to < line_end {
            whole.push('…');
        }
        let before = self.text[from..start.min(to)].chars().count();
        let marked = self.text[start.min(to)..end.clamp(start.min(to), to)].trim_end().chars().count().max(1);
        let all: Vec<char> =
            whole.chars().map(|c| if c.is_control() || c == '\u{feff}' { ' ' } else { c }).collect();
        if all.len() <= SHOWN_CHARS_MAX {
            return Excerpt {
                text: all.into_iter().collect::<String>().trim_end().to_owned(),
                before,
                marked,
            };
        }
        let skipped = before.saturating_sub(SHOWN_CHARS_BEFORE);
        let mut text: String = if skipped > 0 { "…".into() } else { String::new() };
        text.extend(all.iter().skip(skipped).take(SHOWN_CHARS_MAX));
        if all.len() > skipped + SHOWN_CHARS_MAX {
            text.push('…');
        }
        let before = before - skipped + usize::from(skipped > 0);
        Excerpt { text, before, marked: marked.min(SHOWN_CHARS_MAX.saturating_sub(before).max(1)) }
    }

    fn line_of(&self, byte: usize) -> usize {
        self.starts.partition_point(|start| *start <= byte) - 1
    }

    /// The nearest place at or before this byte where a character begins.
    fn boundary(&self, byte: usize) -> usize {
        self.text.floor_char_boundary(byte.min(self.text.len()))
    }
}

/// Puts `*` for every letter and digit of words that are not this product's own.
fn mask(line: &str) -> String {
    let mut masked = String::with_capacity(line.len());
    let mut rest = line;
    while let Some(first) = rest.chars().next() {
        let length = rest.find(|c| !is_word(c)).unwrap_or(rest.len());
        if length == 0 {
            masked.push(first);
            rest = &rest[first.len_utf8()..];
            continue;
        }
        let (word, after) = rest.split_at(length);
        if super::keys::is_known_word(word) {
            masked.push_str(word);
        } else {
            masked.extend(word.chars().map(|_| '*'));
        }
        rest = after;
    }
    masked
}

/// What a secret may be made of; the rest is TOML's punctuation and white space.
fn is_word(c: char) -> bool {
    !c.is_whitespace() && !matches!(c, '"' | '\'' | '[' | ']' | '{' | '}' | '=' | ',' | '#' | '.' | ':')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(start: usize, end: usize) -> Place {
        Place { file: 0, start, end }
    }

    #[test]
    fn columns_count_characters_and_the_mark_stands_under_them() {
        let text = "a = 1\ntitle = \"שלום\" # x\r\n";
        let lines = Lines::new(text);
        let hash = text.find('#').unwrap();
        assert_eq!(lines.position(hash), (2, 16));
        let excerpt = lines.excerpt(place(hash, hash + 1), &[]);
        assert_eq!((excerpt.text.as_str(), excerpt.before, excerpt.marked), ("title = \"שלום\" # x", 15, 1));
    }

    #[test]
    fn a_long_line_is_cut_around_the_mark() {
        let text = format!("{}WRONG{}", "a".repeat(300), "b".repeat(300));
        let excerpt = Lines::new(&text).excerpt(place(300, 305), &[]);
        let marked: String = excerpt.text.chars().skip(excerpt.before).take(excerpt.marked).collect();
        assert_eq!(marked, "WRONG");
        assert!(excerpt.text.chars().count() <= SHOWN_CHARS_MAX + 2);
    }

    #[test]
    fn any_line_of_a_secret_is_hidden_also_when_the_mistake_is_beside_it() {
        let text = "a = { b = 1, c = \"\"\"se\ncret\"\"\" }\nd = 1\n";
        let lines = Lines::new(text);
        let place_of = |part: &str| place(text.find(part).unwrap(), text.find(part).unwrap() + 1);
        let secret = place(text.find("\"\"\"").unwrap(), text.find(" }").unwrap());
        let hidden = [(secret, Doubt::Is)];
        assert_eq!(lines.excerpt(place_of("b"), &hidden).text, HIDDEN);
        assert_eq!(lines.excerpt(place_of("}"), &hidden).text, HIDDEN);
        assert_eq!(lines.excerpt(place_of("d"), &hidden).text, "d = 1");
        let doubtful = [(secret, Doubt::May)];
        assert_eq!(lines.excerpt(place_of("b"), &doubtful).text, "a = { b = 1, c = …");
        assert_eq!(lines.excerpt(place_of("\"\"\""), &doubtful).text, HIDDEN);
        assert_eq!(lines.excerpt(place_of("}"), &doubtful).text, HIDDEN);
    }

    #[test]
    fn of_a_line_that_is_not_toml_only_known_words_are_shown() {
        assert_eq!(mask("token: \"s3cret/KEY=\" # notify"), "token: \"**********=\" # notify");
        assert_eq!(mask("abc-123 ünï"), "******* ***");
    }
}
