//! What is a tag, and what only looks like one.

/// Elements that make a line of their own.
const LINES: &str = "address article aside blockquote body caption center dd details dir div dl dt fieldset \
figcaption figure footer form head header hr html legend li main menu nav ol option pre section select summary table \
tbody tr ul";

/// Elements with a blank line around.
const PARAGRAPHS: &str = "p h1 h2 h3 h4 h5 h6";

/// Elements within a line.
const INLINE: &str = "a abbr acronym area b base bdi bdo big br button cite code col colgroup del dfn em font i img \
input ins kbd label link map mark meta nobr noscript object q s samp small span strike strong sub sup tfoot thead time \
tt u var wbr";

/// Elements with a gap around.
const CELLS: &str = "td th";

/// Elements that are dropped with all that they hold.
const DROPPED: &str = "script style title template iframe svg math xml noframes";

/// How Office begins the names of its own elements.
const OFFICE: [&str; 5] = ["o:", "v:", "w:", "m:", "st1:"];

/// How long a quoted value with a `<` in it may be, in bytes.
const QUOTED_SIGN_BYTES_MAX: usize = 256;

/// One tag.
pub(super) struct Tag<'a> {
    /// As it was written.
    pub(super) name: &'a str,
    /// Whether it is an end tag.
    pub(super) closes: bool,
    /// Behind its `>`.
    pub(super) end: usize,
    /// Whether its attributes are written as attributes are: `name="value"`, or none.
    pub(super) is_neat: bool,
}

/// What an element does to the text around it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Effect {
    /// Stands on lines of its own.
    Line,
    /// As a line, with a blank one around.
    Paragraph,
    /// Is set off by a blank.
    Gap,
    /// Nothing.
    Inline,
    /// Is dropped, up to its end tag or, without one, to the end.
    Dropped,
}

impl Tag<'_> {
    /// Whether it is one of `names`, which blanks separate.
    pub(super) fn is(&self, names: &str) -> bool {
        names.split(' ').any(|name| self.name.eq_ignore_ascii_case(name))
    }

    /// What it does; `None` if no such element is known.
    pub(super) fn effect(&self) -> Option<Effect> {
        let known = [
            (INLINE, Effect::Inline),
            (LINES, Effect::Line),
            (PARAGRAPHS, Effect::Paragraph),
            (CELLS, Effect::Gap),
            (DROPPED, Effect::Dropped),
        ];
        let effect = known.iter().find(|(names, _)| self.is(names)).map(|(_, effect)| *effect);
        let is_office = || {
            OFFICE.iter().any(|prefix| {
                self.name.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix))
            })
        };
        effect.or_else(|| is_office().then_some(Effect::Inline))
    }
}

/// The tag that begins with the `<` at `at`; `None` if it is only a sign. A tag ends at the first `>` outside
/// quotes; one that has none before the next `<` outside quotes is a sign as well.
pub(super) fn tag(html: &str, at: usize) -> Option<Tag<'_>> {
    let bytes = html.as_bytes();
    let closes = bytes.get(at + 1) == Some(&b'/');
    let start = at + 1 + usize::from(closes);
    if !bytes.get(start)?.is_ascii_alphabetic() {
        return None;
    }
    let mut end = start;
    while bytes
        .get(end)
        .is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'-' || is_prefix(bytes, end))
    {
        end += 1;
    }
    let name = &html[start..end];
    if !matches!(bytes.get(end)?, b'>' | b'/') && !bytes[end].is_ascii_whitespace() {
        return None;
    }
    let mut attributes = Attributes::new(bytes, end);
    attributes.skip().then(|| Tag { name, closes, end: attributes.at, is_neat: attributes.is_neat() })
}

/// A colon within a name (`o:p`), as against an address's (`https://`).
fn is_prefix(bytes: &[u8], at: usize) -> bool {
    bytes[at] == b':' && bytes.get(at + 1).is_some_and(u8::is_ascii_alphabetic)
}

/// The attributes of a tag, passed over.
struct Attributes<'a> {
    bytes: &'a [u8],
    at: usize,
    names: usize,
    values: usize,
    is_odd: bool,
}

impl<'a> Attributes<'a> {
    fn new(bytes: &'a [u8], at: usize) -> Self {
        Self { bytes, at, names: 0, values: 0, is_odd: false }
    }

    fn is_neat(&self) -> bool {
        !self.is_odd && (self.names == 0 || self.values > 0)
    }

    /// Goes behind the tag's `>`; whether there is one. Looks no further than the next `<` outside quotes, so
    /// that a text full of signs costs one pass.
    fn skip(&mut self) -> bool {
        while let Some(byte) = self.bytes.get(self.at) {
            match byte {
                b'>' => {
                    self.at += 1;
                    return true;
                }
                b'<' => return false,
                b'=' => {
                    self.values += 1;
                    self.is_odd |= self.names < self.values;
                    self.at += 1;
                    self.value();
                }
                b'/' => self.at += 1,
                byte if byte.is_ascii_whitespace() => self.at += 1,
                _ => self.name(),
            }
        }
        false
    }

    fn name(&mut self) {
        self.names += 1;
        let (name, end) = self.until(b"=<>/");
        self.is_odd |= !name.iter().all(|byte| byte.is_ascii_alphanumeric() || b"-_:.".contains(byte));
        self.at = end;
    }

    fn value(&mut self) {
        self.at += self.bytes[self.at..].iter().take_while(|byte| byte.is_ascii_whitespace()).count();
        let Some(quote @ (b'"' | b'\'')) = self.bytes.get(self.at) else {
            self.at = self.until(b"<>").1;
            return;
        };
        let inside = &self.bytes[self.at + 1..];
        let end = match inside.iter().position(|byte| byte == quote || *byte == b'<') {
            Some(end) if inside[end] == *quote => Some(end),
            _ => inside.iter().take(QUOTED_SIGN_BYTES_MAX).position(|byte| byte == quote),
        };
        // A quote that is never closed is no quote.
        self.at += end.map_or(1, |end| end + 2);
    }

    /// What stands before one of `ends` or a blank, and where that is.
    fn until(&self, ends: &[u8]) -> (&'a [u8], usize) {
        let rest = &self.bytes[self.at..];
        let length =
            rest.iter().take_while(|byte| !ends.contains(byte) && !byte.is_ascii_whitespace()).count();
        (&rest[..length], self.at + length)
    }
}
