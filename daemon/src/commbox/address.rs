//! Where things are asked for.
//!
//! A channel's encrypted id is opaque, and its `=` must arrive encoded exactly once (commbox-api §4.1), so the
//! path is built as text: pushing segments through a URL library would leave `=` bare.

use std::fmt::Write as _;

use url::Url;

use crate::core::listing::{Listing, PAGE_SIZE};
use crate::core::watch::Stream;

/// Get Object: a conversation with its messages, without its activities.
pub(super) fn conversation(base: &Url, stream: &Stream, object: i64) -> String {
    let stream = encoded(&stream.to_string());
    format!(
        "{}/streams/{stream}/objects/{object}?includeChilds=true&includeActivityLog=false",
        base.as_str().trim_end_matches('/')
    )
}

/// A list of conversations, without their messages.
pub(super) fn listing(base: &Url, listing: &Listing) -> String {
    const PLAIN: &str = "includeChilds=false&includeActivityLog=false";
    const NEWEST_FIRST: &str = "sort=desc&order=createdtime";
    let base = base.as_str().trim_end_matches('/');
    let of_stream = |stream: &Stream, limit: String, page: u32| {
        let stream = encoded(&stream.to_string());
        format!(
            "{base}/streams/{stream}/objects?{limit}&{NEWEST_FIRST}&pageNumber={page}&pageSize={PAGE_SIZE}&{PLAIN}"
        )
    };
    match listing {
        Listing::Identity(identity) => format!("{base}/v2/users/identities/{identity}/objects?{PLAIN}"),
        Listing::Address { stream, address, page } => {
            let (address, kind) = (encoded(address.text()), address.kind());
            let limit = format!("identityStreamProviderId={address}&identityStreamProviderType={kind}");
            of_stream(stream, limit, *page)
        }
        Listing::Channel { stream, statuses, from, until, page } => {
            let statuses: Vec<String> = statuses.iter().map(ToString::to_string).collect();
            let limit =
                format!("unixStartTime={from}&unixEndTime={until}&status={}", encoded(&statuses.join(",")));
            of_stream(stream, limit, *page)
        }
    }
}

/// System status: whether address and key are good.
pub(super) fn system_status(base: &Url) -> String {
    format!("{}/core/systemstatus", base.as_str().trim_end_matches('/'))
}

/// One path segment: all but RFC 3986's unreserved characters encoded, in lower case as the vendor writes it.
fn encoded(segment: &str) -> String {
    segment.bytes().fold(String::with_capacity(segment.len() + 8), |mut text, byte| {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            text.push(char::from(byte));
        } else {
            let _ = write!(text, "%{byte:02x}");
        }
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(base: &str, stream: Stream) -> String {
        let url = conversation(&Url::parse(base).unwrap(), &stream, 293_854);
        // What is sent is what was built: the URL library changes nothing.
        assert_eq!(Url::parse(&url).unwrap().as_str(), url);
        url
    }

    #[test]
    fn an_encrypted_id_is_encoded_once_and_otherwise_left_alone() {
        let encrypted = Stream::Encrypted("AbC_fEXAMPLEstream_bA==".to_owned());
        assert_eq!(
            path("https://api.commbox.io", encrypted),
            "https://api.commbox.io/streams/AbC_fEXAMPLEstream_bA%3d%3d/objects/293854?includeChilds=true&includeActivityLog=false"
        );
    }

    #[test]
    fn a_base_may_end_in_a_slash_and_have_a_path() {
        let expected = "https://gateway.example/commbox/v1/streams/532/objects/293854?includeChilds=true&includeActivityLog=false";
        assert_eq!(path("https://gateway.example/commbox/v1", Stream::Number(532)), expected);
        assert_eq!(path("https://gateway.example/commbox/v1/", Stream::Number(532)), expected);
        assert_eq!(
            system_status(&Url::parse("http://127.0.0.1:1/x/").unwrap()),
            "http://127.0.0.1:1/x/core/systemstatus"
        );
    }

    #[test]
    fn no_text_leaves_its_segment() {
        for hostile in ["a/../../core", "a?b=c", "a#b", "a%2e", "..\\x", "é ", "a&b;c"] {
            let url = path("https://api.commbox.io", Stream::Encrypted(hostile.to_owned()));
            let url = Url::parse(&url).unwrap();
            let segments: Vec<&str> = url.path_segments().unwrap().collect();
            assert_eq!((segments.len(), segments[0], segments[2]), (4, "streams", "objects"), "{hostile}");
            assert_eq!(percent_encoding::percent_decode_str(segments[1]).decode_utf8().unwrap(), hostile);
            assert_eq!(url.query(), Some("includeChilds=true&includeActivityLog=false"));
        }
    }
}
