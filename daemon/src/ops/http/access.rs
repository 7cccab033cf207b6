//! Who may see the page, and who may change things from it.

use std::net::IpAddr;

use axum::http::{HeaderMap, HeaderName, StatusCode, header};
use axum::response::{IntoResponse, Response};
use secrecy::{ExposeSecret, SecretString};
use tokio::time::Instant;

use super::sessions::{Key, Sessions, hash, same};

/// A request that carries one of these came through a proxy. A proxy on this machine makes the whole world
/// look local, so such requests need the token.
const PROXIED: [HeaderName; 4] = [
    header::FORWARDED,
    header::VIA,
    HeaderName::from_static("x-forwarded-for"),
    HeaderName::from_static("x-real-ip"),
];

/// Who may see the page: this machine, or a bearer of the token, who calls us by a name that we answer to. Changes need
/// the token, wherever they come from.
///
/// The name matters: a page on the Internet can have its own name resolve to 127.0.0.1 and then read what a
/// browser on this machine may read (DNS rebinding). It cannot make the browser send another `Host`.
#[derive(Clone, Debug, Default)]
pub struct Access {
    /// Opens the page to other machines, and its buttons. `None`: they are refused, and nothing can be changed.
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
    /// A change that a page which is not ours asks for.
    ForeignPage,
    /// A change, where no token is configured.
    ReadOnly,
}

/// What somebody who sees the page may do.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Rights {
    /// Read: no token is configured.
    Read,
    /// Read, and log in.
    LogIn,
    /// Change: a browser that has shown the token.
    Session(Key),
    /// Change: a program that bears the token.
    Bearer,
}

impl Rights {
    /// Whether the page may offer changes.
    pub(super) fn may_change(self) -> bool {
        matches!(self, Self::Session(_) | Self::Bearer)
    }
}

impl Access {
    /// What a request from `peer` with these headers may do, or why it may not even see the page.
    pub(super) fn admit(
        &self,
        peer: IpAddr,
        headers: &HeaderMap,
        sessions: &Sessions,
    ) -> Result<Rights, Refusal> {
        if !self.answers_to(headers) {
            return Err(Refusal::WrongHost);
        }
        let proxied = PROXIED.iter().any(|name| headers.contains_key(name));
        let is_local = peer.to_canonical().is_loopback() && !proxied;
        let Some(token) = self.token_hash() else {
            return if is_local { Ok(Rights::Read) } else { Err(Refusal::LocalOnly) };
        };
        if bearer(headers).is_some_and(|given| same(&hash(given), &token)) {
            return Ok(Rights::Bearer);
        }
        match sessions.of(headers, &token, Instant::now()) {
            Some(session) => Ok(Rights::Session(session)),
            None if is_local => Ok(Rights::LogIn),
            None => Err(Refusal::NoToken),
        }
    }

    /// Begins a session for whoever gives the token; gives the value of its cookie.
    pub(super) fn log_in(&self, given: &str, sessions: &Sessions) -> Option<String> {
        let token = self.token_hash()?;
        same(&hash(given.trim()), &token).then(|| sessions.begin(token, Instant::now()))?
    }

    /// An empty secret file must not be a token that everybody has.
    fn token_hash(&self) -> Option<Key> {
        let token = self.token.as_ref().filter(|token| !token.expose_secret().trim().is_empty());
        token.map(|token| hash(token.expose_secret()))
    }

    /// Whether it was called by a name of ours.
    pub(super) fn answers_to(&self, headers: &HeaderMap) -> bool {
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
            Self::ForeignPage => {
                (StatusCode::FORBIDDEN, "changes are taken from pages of commwatch itself\n").into_response()
            }
            Self::ReadOnly => {
                let hint = "nothing can be changed here, since no [http] token is configured; use the command line\n";
                (StatusCode::FORBIDDEN, hint).into_response()
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

    impl Access {
        fn enter(&self, peer: IpAddr, headers: &HeaderMap) -> Result<Rights, Refusal> {
            self.admit(peer, headers, &Sessions::default())
        }
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
            assert_eq!(
                Access::default().enter(HERE, &headers(&[("host", host)])),
                Ok(Rights::Read),
                "{host}"
            );
        }
        for peer in ["::1", "::ffff:127.0.0.1"] {
            let verdict = Access::default().enter(peer.parse().unwrap(), &headers(&[("host", "localhost")]));
            assert_eq!(verdict, Ok(Rights::Read), "{peer}");
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
            assert_eq!(open().enter(HERE, &headers(&[("host", host)])), Err(Refusal::WrongHost), "{host}");
        }
        assert_eq!(open().enter(HERE, &HeaderMap::new()), Err(Refusal::WrongHost));
        let mut two = headers(&[("host", "localhost")]);
        two.append("host", "evil.example".parse().unwrap());
        assert_eq!(open().enter(HERE, &two), Err(Refusal::WrongHost));
        // A good token does not help a rebound name either: the browser would be the one to bear it.
        let bearing = headers(&[("host", "evil.example"), ("authorization", "Bearer s3cret-token")]);
        assert_eq!(open().enter(HERE, &bearing), Err(Refusal::WrongHost));
    }

    #[test]
    fn another_machine_needs_the_token_and_a_name_that_is_allowed() {
        let there = "192.0.2.7".parse().unwrap();
        for host in ["watch.example", "Watch.Example:443", "[fd00::7]:9479"] {
            let bearing = headers(&[("host", host), ("authorization", "bearer s3cret-token")]);
            assert_eq!(open().enter(there, &bearing), Ok(Rights::Bearer), "{host}");
        }
        for given in
            ["Bearer s3cret-toke", "Bearer s3cret-token2", "Bearer ", "Basic s3cret-token", "s3cret-token"]
        {
            let bearing = headers(&[("host", "watch.example"), ("authorization", given)]);
            assert_eq!(open().enter(there, &bearing), Err(Refusal::NoToken), "{given}");
        }
        let bearing = headers(&[("host", "watch.example"), ("authorization", "Bearer ")]);
        for token in [None, Some("".into()), Some("\n".into())] {
            assert_eq!(Access { token, ..open() }.enter(there, &bearing), Err(Refusal::LocalOnly));
        }
    }

    #[test]
    fn a_proxy_on_this_machine_does_not_make_the_world_local() {
        for header in ["forwarded", "via", "x-forwarded-for", "x-real-ip"] {
            let mut proxied = headers(&[("host", "watch.example")]);
            proxied.insert(HeaderName::from_static(header), "198.51.100.3".parse().unwrap());
            assert_eq!(open().enter(HERE, &proxied), Err(Refusal::NoToken), "{header}");
        }
    }
    #[test]
    fn this_machine_reads_without_the_token_and_changes_nothing() {
        let local = headers(&[("host", "localhost")]);
        assert_eq!(open().enter(HERE, &local), Ok(Rights::LogIn));
        let wrong = headers(&[("host", "localhost"), ("authorization", "Bearer nonsense")]);
        assert_eq!(open().enter(HERE, &wrong), Ok(Rights::LogIn));
        assert!(!Rights::LogIn.may_change() && !Rights::Read.may_change());
    }

    #[test]
    fn a_browser_that_has_shown_the_token_may_change_until_the_token_is_another() {
        let (access, sessions, there) = (open(), Sessions::default(), "192.0.2.7".parse().unwrap());
        for wrong in ["", "s3cret-toke", "s3cret-token2"] {
            assert_eq!(access.log_in(wrong, &sessions), None, "{wrong}");
        }
        assert_eq!(Access { token: Some("".into()), ..open() }.log_in("", &sessions), None);
        let value = access.log_in("s3cret-token\n", &sessions).unwrap();
        let mut bearing = headers(&[("host", "watch.example")]);
        bearing.insert(header::COOKIE, format!("commwatch_session={value}").parse().unwrap());
        let rights = access.admit(there, &bearing, &sessions).unwrap();
        assert!(matches!(rights, Rights::Session(_)) && rights.may_change());
        let other = Access { token: Some("another".into()), ..open() };
        assert_eq!(other.admit(there, &bearing, &sessions), Err(Refusal::NoToken));
        assert_eq!(other.admit(HERE, &bearing, &sessions), Ok(Rights::LogIn));
    }
}
