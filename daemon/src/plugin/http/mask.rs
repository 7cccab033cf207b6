//! Takes secrets out of what a receiver says back.
//!
//! Many servers repeat what they were asked (`Cannot POST /hooks/T0/B0/...`), and what they say goes to the
//! plugin and from there into logs and the delivery's record. So the secrets of a request, and the telling parts
//! of a secret URL, are looked for in its answer. What is sent is never changed.

use secrecy::zeroize::Zeroizing;
use url::Url;

/// What stands in the place of a secret.
const MASK: &[u8] = b"[secret]";
/// Shortest whole secret that is looked for; a shorter one would strike out ordinary words.
const WHOLE_BYTES_MIN: usize = 4;
/// Shortest part of a secret URL that is looked for by itself.
const PART_BYTES_MIN: usize = 8;

/// The secrets of one request.
#[derive(Default)]
pub(super) struct Mask {
    /// Longest first, so that a whole secret is struck out rather than a part of it.
    needles: Vec<Zeroizing<Vec<u8>>>,
}

impl Mask {
    /// Adds a secret.
    pub(super) fn add(&mut self, secret: &str) {
        self.add_from(secret, WHOLE_BYTES_MIN);
    }

    /// Adds a secret URL: its text and those parts by which it can be used or guessed.
    pub(super) fn add_url(&mut self, text: &str, url: &Url) {
        self.add(text);
        self.add(url.as_str());
        let target = &url[url::Position::BeforePath..url::Position::AfterQuery];
        for part in target.split(['?', '&']).chain(target.split(['/', '?', '&', '='])) {
            self.add_from(part, PART_BYTES_MIN);
        }
        self.add_from(target, PART_BYTES_MIN);
    }

    fn add_from(&mut self, text: &str, bytes_min: usize) {
        if text.len() < bytes_min {
            return;
        }
        for spelling in [text.to_owned(), text.replace('/', "\\/"), text.replace('&', "&amp;")] {
            let needle = Zeroizing::new(spelling.into_bytes());
            if !self.needles.contains(&needle) {
                self.needles.push(needle);
            }
        }
        self.needles.sort_by_key(|needle| std::cmp::Reverse(needle.len()));
    }

    /// How many bytes behind a cut have to be read to see every secret that begins before it.
    pub(super) fn overhang(&self) -> usize {
        self.needles.first().map_or(0, |longest| longest.len() - 1)
    }

    /// The first `bytes_max` bytes, with every secret that begins among them struck out.
    pub(super) fn bytes(&self, bytes: &[u8], bytes_max: usize) -> Vec<u8> {
        let end = bytes.len().min(bytes_max);
        let mut masked = Vec::with_capacity(end);
        let mut at = 0;
        while at < end {
            match self.needles.iter().find(|needle| bytes[at..].starts_with(needle)) {
                Some(needle) => {
                    masked.extend_from_slice(MASK);
                    at += needle.len();
                }
                None => {
                    masked.push(bytes[at]);
                    at += 1;
                }
            }
        }
        masked.truncate(bytes_max);
        masked
    }

    /// The text, with every secret struck out.
    pub(super) fn text(&self, text: &str) -> String {
        String::from_utf8_lossy(&self.bytes(text.as_bytes(), usize::MAX)).into_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mask(url: &str) -> Mask {
        let mut mask = Mask::default();
        mask.add_url(url, &Url::parse(url).unwrap());
        mask
    }

    #[test]
    fn a_secret_url_is_recognised_whole_and_in_its_telling_parts() {
        let mask = mask("https://hooks.example.org/services/T0/B0/x7Yw3kQ9zz?token=q1w2e3r4t5");
        for (said, masked) in [
            ("Cannot POST /services/T0/B0/x7Yw3kQ9zz?token=q1w2e3r4t5", "Cannot POST [secret]"),
            ("no route /services/T0/B0/x7Yw3kQ9zz here", "no route [secret] here"),
            ("unknown hook x7Yw3kQ9zz.", "unknown hook [secret]."),
            ("bad q1w2e3r4t5", "bad [secret]"),
            (r#"{"path":"\/services\/T0\/B0\/x7Yw3kQ9zz"}"#, r#"{"path":"[secret]"}"#),
            ("https://hooks.example.org/services/T0/B0/x7Yw3kQ9zz?token=q1w2e3r4t5", "[secret]"),
            ("T0 and B0 are not found at hooks.example.org", "T0 and B0 are not found at hooks.example.org"),
        ] {
            assert_eq!(mask.text(said), masked);
        }
    }

    #[test]
    fn no_part_of_a_secret_is_left_at_the_cut() {
        let mut mask = Mask::default();
        mask.add("0123456789");
        let said = b"..........0123456789....";
        for cut in 0..said.len() {
            let read = &said[..said.len().min(cut + mask.overhang())];
            let masked = String::from_utf8(mask.bytes(read, cut)).unwrap();
            assert!(masked.len() <= cut && !masked.contains(|c: char| c.is_ascii_digit()), "{cut}: {masked}");
        }
    }

    #[test]
    fn a_secret_as_short_as_a_word_is_left_alone() {
        let mut mask = Mask::default();
        mask.add("");
        mask.add("ok");
        assert_eq!(mask.text("ok, all is well"), "ok, all is well");
    }
}
