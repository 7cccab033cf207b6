//! Whether a change comes from a page of ours.
//!
//! A page on another host can have a browser send a form here, with the cookie where that host counts as the same
//! site (another port of this machine does). It cannot have it say that it comes from us.

use axum::http::{HeaderMap, HeaderName, header};

const FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Where a request says that it comes from.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Origin {
    /// A page of ours.
    Ours,
    /// Another page, or one that hides which it is.
    Foreign,
    /// No browser, or a very old one.
    Silent,
}

impl Origin {
    /// Of a request.
    pub(super) fn of(headers: &HeaderMap) -> Self {
        let site = headers.get(FETCH_SITE).map(|site| site.as_bytes() == b"same-origin");
        let origin = headers.get(header::ORIGIN).map(|origin| {
            let (origin, host) =
                (origin.to_str().ok(), headers.get(header::HOST).and_then(|host| host.to_str().ok()));
            origin.zip(host).is_some_and(|(origin, host)| authority(origin).eq_ignore_ascii_case(host))
        });
        match (site, origin) {
            (Some(false), _) | (_, Some(false)) => Self::Foreign,
            (None, None) => Self::Silent,
            _ => Self::Ours,
        }
    }
}

/// `http://host:1` without its scheme; nothing of an origin that has none (`null`).
fn authority(origin: &str) -> &str {
    let schemes = ["https://", "http://"];
    schemes.iter().find_map(|scheme| origin.strip_prefix(scheme)).unwrap_or("")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(pairs: &[(&'static str, &'static str)]) -> Origin {
        let headers = pairs.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()));
        Origin::of(&headers.collect())
    }

    #[test]
    fn a_page_of_ours_says_so_and_no_other_can() {
        let host = ("host", "localhost:9479");
        for (site, origin, expected) in [
            (Some("same-origin"), Some("http://localhost:9479"), Origin::Ours),
            (None, Some("http://localhost:9479"), Origin::Ours),
            (None, Some("http://LOCALHOST:9479"), Origin::Ours),
            (Some("same-origin"), None, Origin::Ours),
            (None, None, Origin::Silent),
            (Some("same-site"), Some("http://localhost:9479"), Origin::Foreign),
            (Some("same-site"), Some("http://localhost:3000"), Origin::Foreign),
            (Some("cross-site"), Some("https://evil.example"), Origin::Foreign),
            (Some("none"), None, Origin::Foreign),
            (None, Some("https://evil.example"), Origin::Foreign),
            (None, Some("null"), Origin::Foreign),
            (None, Some(""), Origin::Foreign),
            (None, Some("localhost:9479"), Origin::Foreign),
            (None, Some("http://localhost:9479.evil.example"), Origin::Foreign),
            (None, Some("http://localhost"), Origin::Foreign),
        ] {
            let site = site.map(|site| ("sec-fetch-site", site));
            let origin = origin.map(|origin| ("origin", origin));
            let pairs: Vec<_> = [host].into_iter().chain(site).chain(origin).collect();
            assert_eq!(of(&pairs), expected, "{pairs:?}");
        }
    }
}
