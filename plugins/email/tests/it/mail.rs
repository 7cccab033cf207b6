//! A mail, read as RFC 5322, 2045 and 2047 have it, and as strictly: what is not as they say is a panic.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

#[derive(Debug)]
pub(crate) struct Mail {
    /// Names and unfolded, decoded values, in order.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Mail {
    pub(crate) fn read(bytes: &[u8]) -> Self {
        let text = std::str::from_utf8(bytes).expect("ASCII");
        assert!(text.is_ascii() && !text.contains('\0'), "7 bits: {text:?}");
        assert!(!text.replace("\r\n", "").contains(['\r', '\n']), "only whole line ends: {text:?}");
        assert!(text.split("\r\n").all(|line| line.len() <= 998), "RFC 5322, 2.1.1");
        let (head, body) = text.split_once("\r\n\r\n").expect("an empty line");
        let headers: Vec<(String, String)> = head
            .replace("\r\n ", " ")
            .replace("\r\n\t", " ")
            .split("\r\n")
            .map(|line| line.split_once(": ").unwrap_or_else(|| panic!("a header: {line:?}")))
            .map(|(name, value)| (name.to_owned(), decoded(value)))
            .collect();
        let mut mail = Self { headers, body: String::new() };
        mail.body = mail.decoded_body(body).replace("\r\n", "\n");
        mail
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        let mut found = self.headers.iter().filter(|(one, _)| one == name).map(|(_, value)| value.as_str());
        let first = found.next().unwrap_or_default();
        assert_eq!(found.next(), None, "{name} comes twice");
        first
    }

    /// As text for golden files: the date is another each time.
    pub(crate) fn golden(&self) -> String {
        let line = |(name, value): &(String, String)| {
            format!("{name}: {}\n", if name == "Date" { "(now)" } else { value })
        };
        format!("{}\n{}", self.headers.iter().map(line).collect::<String>(), self.body)
    }

    fn decoded_body(&self, body: &str) -> String {
        let bytes = match self.header("Content-Transfer-Encoding") {
            "7bit" => body.as_bytes().to_vec(),
            "quoted-printable" => quoted_printable(&body.replace("=\r\n", "")),
            "base64" => BASE64.decode(body.replace("\r\n", "")).expect("base64"),
            other => panic!("{other}"),
        };
        String::from_utf8(bytes).expect("UTF-8")
    }
}

fn quoted_printable(text: &str) -> Vec<u8> {
    let (mut bytes, mut rest) = (Vec::new(), text.as_bytes());
    while let [first, after @ ..] = rest {
        rest = after;
        if *first == b'=' {
            let hex = std::str::from_utf8(&rest[..2]).expect("two digits");
            bytes.push(u8::from_str_radix(hex, 16).expect("two digits"));
            rest = &rest[2..];
        } else {
            bytes.push(*first);
        }
    }
    bytes
}

/// Encoded words (RFC 2047); white space between two of them is none.
fn decoded(value: &str) -> String {
    let (mut bytes, mut was_encoded, mut gap) = (Vec::new(), false, String::new());
    for part in value.split_inclusive(' ') {
        let word = part.trim_end_matches(' ');
        let encoded = word.strip_prefix("=?utf-8?b?").and_then(|word| word.strip_suffix("?="));
        match encoded {
            Some(encoded) => {
                if !was_encoded {
                    bytes.extend_from_slice(gap.as_bytes());
                }
                bytes.extend(BASE64.decode(encoded).expect("base64"));
            }
            None => {
                bytes.extend_from_slice(gap.as_bytes());
                bytes.extend_from_slice(word.as_bytes());
            }
        }
        (was_encoded, gap) = (encoded.is_some(), part[word.len()..].to_owned());
    }
    String::from_utf8(bytes).expect("UTF-8")
}
