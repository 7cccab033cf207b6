//! Who may see the page.

use std::net::IpAddr;

use axum::http::{HeaderMap, HeaderName, StatusCode, header};
use axum::response::{IntoResponse, Response};
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};

/// A request that carries one of these came through a proxy. A proxy on this machine makes the whole world
/// look local, so such requests need the token.
const PROXIED: [HeaderName; 4] = [
    header::FORWARDED,
    header::VIA,
    HeaderName::from_static("x-forwarded-for"),
    HeaderName::from_static("x-real-ip"),
];

/// Who may see the page: this machine, or a bearer of the token, who calls us by a name that we answer to.
///
/// The name matters: a page on the Internet can have its own name resolve to 127.0.0.1 and then read what a
/// browser on this machine may read (DNS rebinding). It cannot make the browser send another `Host`.
#[derive(Clone, Debug, Default)]
pub struct Access {
    /// Opens the page to other machines. `None`: they are refused.
    pub token: Option<SecretString>,
    /// Names that are answered besides those of the loopback, without ports.
    pub allowed_hosts: Vec<String>,
}

/// Why somebody may not see the page.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Refusal {
    /// Called by a name that we do not answer to.
    WrongHost,
    /// Neither local nor a bearer of the token.
    NoToken,
    /// Not local, and no token is configured.
    LocalOnly,
}

impl Access {
    /// Whether a request from `peer` with these headers may see the page.
    pub(super) fn admit(&self, peer: IpAddr, headers: &HeaderMap) -> Result<(), Refusal> {
        if !self.answers_to(headers) {
            return Err(Refusal::WrongHost);
        }
        let proxied = PROXIED.iter().any(|name| headers.contains_key(name));
        if peer.to_canonical().is_loopback() && !proxied {
            return Ok(());
        }
        // An empty secret file must not be a token that everybody has.
        let token = self.token.as_ref().filter(|token| !token.expose_secret().trim().is_empty());
        let token = token.ok_or(Refusal::LocalOnly)?;
        match bearer(headers) {
            Some(given) if same(given, token.expose_secret()) => Ok(()),
            _ => Err(Refusal::NoToken),
        }
    }

    fn answers_to(&self, headers: &HeaderMap) -> bool {
        let mut hosts = headers.get_all(header::HOST).iter();
        let (Some(Ok(host)), None) = (hosts.next().map(|host| host.to_str()), hosts.next()) else {
            return false;
        };
        let host = without_port(host);
        let loopback = host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback());
        loopback
            || host.eq_ignore_ascii_case("localhost")
            || self.allowed_hosts.iter().any(|allowed| without_port(allowed).eq_ignore_ascii_case(host))
    }
}

/// `host`, `host:1`, `[::1]` and `[::1]:1` without port and brackets.
fn without_port(host: &str) -> &str {
    if let Some(rest) = host.strip_prefix('[') {
        return rest.split_once(']').map_or("", |(ip, _)| ip);
    }
    match host.rsplit_once(':') {
        // More than one colon is an IPv6 address without brackets, as an operator may write it.
        Some((name, _)) if !name.contains(':') => name,
        _ => host,
    }
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// Compares without telling by its duration where two texts differ: what is compared are hashes, whole.
fn same(given: &str, expected: &str) -> bool {
    let (given, expected) = (Sha256::digest(given), Sha256::digest(expected));
    given.iter().zip(expected.iter()).fold(0, |differ, (a, b)| differ | (a ^ b)) == 0
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        match self {
            Self::WrongHost => {
                let hint = "commwatch does not answer to this name; allow it with [http] allowed_hosts\n";
                (StatusCode::FORBIDDEN, hint).into_response()
            }
            Self::NoToken => {
                let challenge = [(header::WWW_AUTHENTICATE, "Bearer realm=\"commwatch\"")];
                (StatusCode::UNAUTHORIZED, challenge, "this page needs the token of [http]\n").into_response()
            }
            Self::LocalOnly => {
                let hint =
                    "this page is for the machine that commwatch runs on; [http] token opens it to others\n";
                (StatusCode::FORBIDDEN, hint).into_response()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
    }

    fn open() -> Access {
        Access {
            token: Some("s3cret-token".into()),
            allowed_hosts: vec!["watch.example".into(), "fd00::7".into()],
        }
    }

    #[test]
    fn this_machine_sees_the_page_under_every_name_of_the_loopback() {
        for host in ["localhost", "LocalHost:9479", "127.0.0.1:9479", "127.8.9.1", "[::1]:9479", "[::1]"] {
            assert_eq!(Access::default().admit(HERE, &headers(&[("host", host)])), Ok(()), "{host}");
        }
        for peer in ["::1", "::ffff:127.0.0.1"] {
            let verdict = Access::default().admit(peer.parse().unwrap(), &headers(&[("host", "localhost")]));
            assert_eq!(verdict, Ok(()), "{peer}");
        }
    }

    #[test]
    fn a_name_that_was_bound_to_the_loopback_from_outside_is_refused() {
        for host in [
            "evil.example",
            "evil.example:9479",
            "localhost.evil.example",
            "127.0.0.1.nip.example",
            "",
            "[::1",
        ] {
            assert_eq!(open().admit(HERE, &headers(&[("host", host)])), Err(Refusal::WrongHost), "{host}");
        }
        assert_eq!(open().admit(HERE, &HeaderMap::new()), Err(Refusal::WrongHost));
        let mut two = headers(&[("host", "localhost")]);
        two.append("host", "evil.example".parse().unwrap());
        assert_eq!(open().admit(HERE, &two), Err(Refusal::WrongHost));
        // A good token does not help a rebound name either: the browser would be the one to bear it.
        let bearing = headers(&[("host", "evil.example"), ("authorization", "Bearer s3cret-token")]);
        assert_eq!(open().admit(HERE, &bearing), Err(Refusal::WrongHost));
    }

    #[test]
    fn another_machine_needs_the_token_and_a_name_that_is_allowed() {
        let there = "192.0.2.7".parse().unwrap();
        for host in ["watch.example", "Watch.Example:443", "[fd00::7]:9479"] {
            let bearing = headers(&[("host", host), ("authorization", "bearer s3cret-token")]);
            assert_eq!(open().admit(there, &bearing), Ok(()), "{host}");
        }
        for given in
            ["Bearer s3cret-toke", "Bearer s3cret-token2", "Bearer ", "Basic s3cret-token", "s3cret-token"]
        {
            let bearing = headers(&[("host", "watch.example"), ("authorization", given)]);
            assert_eq!(open().admit(there, &bearing), Err(Refusal::NoToken), "{given}");
        }
        let bearing = headers(&[("host", "watch.example"), ("authorization", "Bearer ")]);
        for token in [None, Some("".into()), Some("\n".into())] {
            assert_eq!(Access { token, ..open() }.admit(there, &bearing), Err(Refusal::LocalOnly));
        }
    }

    #[test]
    fn a_proxy_on_this_machine_does_not_make_the_world_local() {
        for header in ["forwarded", "via", "x-forwarded-for", "x-real-ip"] {
            let mut proxied = headers(&[("host", "watch.example")]);
            proxied.insert(HeaderName::from_static(header), "198.51.100.3".parse().unwrap());
            assert_eq!(open().admit(HERE, &proxied), Err(Refusal::NoToken), "{header}");
        }
    }
}
