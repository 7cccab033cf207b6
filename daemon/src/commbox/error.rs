//! What went wrong with a request, named by what to do next.

use std::fmt;
use std::time::Duration;

/// Characters of an error's detail.
pub const DETAIL_CHARS_MAX: usize = 200;

/// Why a conversation could not be read.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct FetchError {
    /// What to do next.
    pub reaction: Reaction,
    /// What it was; the label `code` of metrics.
    pub code: Code,
    /// One line for the operator, at most [`DETAIL_CHARS_MAX`] characters: never a key, an address with a
    /// query, or a customer's text.
    pub detail: String,
    /// How long the request took.
    pub took: Duration,
}

/// What to do next.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Reaction {
    /// The whole account is too fast: slow down (429).
    Throttled {
        /// How long `CommBox` asks to wait, at most an hour.
        retry_after: Option<Duration>,
    },
    /// The key is refused (401, 403): stop the account, probe slowly.
    Denied,
    /// This conversation can't be had at this address (400, 404, 410, other 4xx, 501, empty data): say it once,
    /// retry slowly.
    Gone,
    /// Not now (other 5xx, redirects, faults on the way): retry with backoff.
    Unavailable {
        /// How long `CommBox` asks to wait, at most an hour.
        retry_after: Option<Duration>,
    },
    /// An answer that says nothing we can trust (not JSON, too large, another object): retry with backoff.
    Malformed,
}

/// What it was. Displays as the value of the metrics label `code`.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Code {
    /// An HTTP status other than 200.
    Http(u16),
    /// No whole answer within the account's timeout.
    Timeout,
    /// No connection, or it broke before the answer began.
    Connect,
    /// The other side's certificate or handshake.
    Tls,
    /// The host's name could not be resolved.
    Dns,
    /// An answer that broke off, or is larger than allowed.
    Body,
    /// A 200 that is not the JSON we know.
    Decode,
    /// A 200 whose envelope or data says otherwise.
    Envelope,
}

impl FetchError {
    pub(super) fn new(reaction: Reaction, code: Code, detail: impl AsRef<str>) -> Self {
        Self { reaction, code, detail: one_line(detail.as_ref(), DETAIL_CHARS_MAX), took: Duration::ZERO }
    }

    /// What comes of an HTTP status that did not come over a network.
    #[cfg(test)]
    pub(crate) fn of_status(status: u16, retry_after: Option<Duration>, took: Duration) -> Self {
        Self::new(reaction(status, retry_after), Code::Http(status), format!("made {status}")).after(took)
    }

    /// An answer that cannot be used, and why.
    pub fn malformed(code: Code, detail: impl AsRef<str>) -> Self {
        Self::new(Reaction::Malformed, code, detail)
    }

    pub(super) fn after(mut self, took: Duration) -> Self {
        self.took = took;
        self
    }
}

impl fmt::Display for FetchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.detail, self.code)
    }
}

impl std::error::Error for FetchError {}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Http(status) => return write!(f, "{status}"),
            Self::Timeout => "timeout",
            Self::Connect => "connect",
            Self::Tls => "tls",
            Self::Dns => "dns",
            Self::Body => "body",
            Self::Decode => "decode",
            Self::Envelope => "envelope",
        })
    }
}

/// What a status other than 200 asks for, be it HTTP's or the envelope's (commbox-api §9).
pub(super) fn reaction(status: u16, retry_after: Option<Duration>) -> Reaction {
    match status {
        429 => Reaction::Throttled { retry_after },
        401 | 403 => Reaction::Denied,
        // A proxy's key, a slow link, an early request: nothing that this conversation can help.
        407 | 408 | 425 => Reaction::Unavailable { retry_after },
        // 501 is how a wrong operation is refused: like the 4xx, it will not mend itself.
        400..=499 | 501 => Reaction::Gone,
        300..=399 | 500..=599 => Reaction::Unavailable { retry_after },
        _ => Reaction::Malformed,
    }
}

/// Folds whitespace, drops control characters, and cuts at `max` characters.
pub(super) fn one_line(text: &str, max: usize) -> String {
    let mut line = String::new();
    let mut length = 0;
    for word in text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty()) {
        let gap = usize::from(length > 0);
        if length + gap >= max {
            break;
        }
        if gap == 1 {
            line.push(' ');
        }
        length += gap;
        for c in word.chars().take(max - length) {
            line.push(c);
            length += 1;
        }
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_status_has_its_reaction() {
        let wait = Some(Duration::from_secs(7));
        for (statuses, expected) in [
            (&[429][..], Reaction::Throttled { retry_after: wait }),
            (&[401, 403], Reaction::Denied),
            (&[400, 402, 404, 405, 406, 409, 410, 413, 414, 415, 422, 431, 451, 501], Reaction::Gone),
            (
                &[407, 408, 425, 500, 502, 503, 504, 505, 520, 599],
                Reaction::Unavailable { retry_after: wait },
            ),
            (&[300, 301, 302, 303, 304, 307, 308], Reaction::Unavailable { retry_after: wait }),
            (&[0, 100, 199, 201, 204, 206, 600, 999], Reaction::Malformed),
        ] {
            for status in statuses {
                assert_eq!(reaction(*status, wait), expected, "{status}");
            }
        }
    }

    #[test]
    fn a_line_is_one_line_and_short() {
        assert_eq!(one_line("  Not\r\n\tfound\u{0}here \u{7f}", 200), "Not found here");
        assert_eq!(one_line("שלום לכולם", 6), "שלום ל");
        assert_eq!(one_line("ab cd", 3), "ab");
        assert_eq!(one_line("ab cd", 2), "ab");
        assert_eq!(one_line("", 5), "");
        assert_eq!(one_line("abc", 0), "");
    }

    #[test]
    fn codes_display_as_metrics_labels() {
        let codes =
            [Code::Http(404), Code::Timeout, Code::Connect, Code::Tls, Code::Dns, Code::Body, Code::Decode];
        let labels: Vec<String> = codes.iter().chain(&[Code::Envelope]).map(ToString::to_string).collect();
        assert_eq!(labels, ["404", "timeout", "connect", "tls", "dns", "body", "decode", "envelope"]);
    }
}
