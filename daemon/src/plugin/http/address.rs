//! Which addresses are never connected to, whoever wrote the host: link-local ones and those where clouds keep
//! their metadata, behind which lie the machine's own credentials.
//!
//! A name is judged by the very addresses that are then connected to, so an answer that changes between the
//! check and its use changes nothing.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use async_trait::async_trait;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use thiserror::Error;
use url::{Host, Url};

/// Addresses of one name that are tried at most.
const ADDRESSES_MAX: usize = 16;

/// Metadata services outside the link-local ranges.
const METADATA_V4: [Ipv4Addr; 3] = [
    Ipv4Addr::new(100, 100, 100, 200), // Alibaba Cloud
    Ipv4Addr::new(168, 63, 129, 16),   // Azure, wire server
    Ipv4Addr::new(192, 0, 0, 192),     // Oracle Cloud, classic
];
const METADATA_V6: [Ipv6Addr; 4] = [
    Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254), // AWS
    Ipv6Addr::new(0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254),  // Google Cloud
    Ipv6Addr::new(0xfd00, 0xc1, 0, 0, 0, 0, 0xa9fe, 0xa9fe), // Oracle Cloud
    Ipv6Addr::new(0xfd00, 0x42, 0, 0, 0, 0, 0, 0x42),   // Scaleway
];

/// A name leads to nothing but addresses that are never connected to.
#[derive(Debug, Error)]
#[error("the host's address is link-local or a cloud metadata service's, where nothing is sent")]
pub(super) struct ForbiddenAddress;

/// Whether the address is one that is never connected to.
pub(super) fn is_forbidden(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => address.is_link_local() || METADATA_V4.contains(&address),
        IpAddr::V6(address) => {
            address.is_unicast_link_local()
                || METADATA_V6.contains(&address)
                || embedded_v4(address).is_some_and(|inner| is_forbidden(IpAddr::V4(inner)))
        }
    }
}

/// Whether the URL names a forbidden address as such, which is never asked of a resolver.
pub(super) fn is_forbidden_literal(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(address)) => is_forbidden(address.into()),
        Some(Host::Ipv6(address)) => is_forbidden(address.into()),
        _ => false,
    }
}

/// The IPv4 address that an IPv6 address is another spelling of: mapped or compatible (RFC 4291), behind the
/// well-known NAT64 prefix (RFC 6052), or 6to4 (RFC 3056).
fn embedded_v4(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let part = |high: u16, low: u16| {
        let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
        Some(Ipv4Addr::new(a, b, c, d))
    };
    match address.segments() {
        [0, 0, 0, 0, 0, 0 | 0xffff, high, low] | [0x64, 0xff9b, 0, 0, 0, 0, high, low] => part(high, low),
        [0x2002, high, low, ..] => part(high, low),
        _ => None,
    }
}

/// Finds the addresses of a name.
#[async_trait]
pub(super) trait Lookup: Send + Sync + 'static {
    /// The addresses, in the order in which they should be tried.
    async fn lookup(&self, name: &str) -> io::Result<Vec<IpAddr>>;
}

/// The system's resolver.
pub(super) struct SystemLookup;

#[async_trait]
impl Lookup for SystemLookup {
    async fn lookup(&self, name: &str) -> io::Result<Vec<IpAddr>> {
        Ok(tokio::net::lookup_host((name, 0)).await?.map(|address| address.ip()).collect())
    }
}

/// A resolver that leaves out forbidden addresses.
pub(super) struct GuardedResolver<L> {
    lookup: Arc<L>,
}

impl<L: Lookup> GuardedResolver<L> {
    pub(super) fn new(lookup: L) -> Self {
        Self { lookup: Arc::new(lookup) }
    }
}

impl<L: Lookup> Resolve for GuardedResolver<L> {
    fn resolve(&self, name: Name) -> Resolving {
        let lookup = Arc::clone(&self.lookup);
        Box::pin(async move {
            let found = lookup.lookup(name.as_str()).await?;
            let any = !found.is_empty();
            let allowed: Vec<_> = found
                .into_iter()
                .filter(|address| !is_forbidden(*address))
                .take(ADDRESSES_MAX)
                .map(|address| SocketAddr::new(address, 0)) // 0: the port comes from the URL.
                .collect();
            if any && allowed.is_empty() {
                return Err(ForbiddenAddress.into());
            }
            Ok(Box::new(allowed.into_iter()) as Addrs)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn link_local_and_metadata_addresses_are_forbidden_in_every_spelling() {
        for address in [
            "169.254.0.1",
            "169.254.169.254",
            "100.100.100.200",
            "168.63.129.16",
            "192.0.0.192",
            "fe80::1",
            "febf:ffff::1",
            "fd00:ec2::254",
            "fd20:ce::254",
            "fd00:c1::a9fe:a9fe",
            "fd00:42::42",
            "::ffff:169.254.169.254",
            "::ffff:100.100.100.200",
            "::169.254.169.254",
            "64:ff9b::a9fe:a9fe",
            "2002:a9fe:a9fe::1",
        ] {
            assert!(is_forbidden(address.parse().unwrap()), "{address}");
        }
    }

    #[test]
    fn private_and_loopback_addresses_are_the_operators_choice() {
        for address in [
            "127.0.0.1",
            "10.0.0.1",
            "172.16.0.1",
            "192.168.1.1",
            "100.100.100.201",
            "169.253.255.255",
            "169.255.0.0",
            "8.8.8.8",
            "::1",
            "fc00::1",
            "fd00:ec2::253",
            "fec0::1",
            "2001:db8::1",
            "::ffff:127.0.0.1",
            "64:ff9b::808:808",
            "2002:808:808::1",
        ] {
            assert!(!is_forbidden(address.parse().unwrap()), "{address}");
        }
    }

    #[test]
    fn a_literal_is_recognised_however_the_url_spells_it() {
        for url in [
            "http://169.254.169.254/latest",
            "http://2852039166/",
            "http://0xa9.0xfe.0xa9.0xfe/",
            "http://0251.0376.0251.0376/",
            "http://169.254.43518/",
            "http://[::ffff:a9fe:a9fe]/",
            "http://[fe80::1]:8080/",
        ] {
            assert!(is_forbidden_literal(&Url::parse(url).unwrap()), "{url}");
        }
        for url in ["http://127.0.0.1/", "http://[::1]/", "http://localhost/"] {
            assert!(!is_forbidden_literal(&Url::parse(url).unwrap()), "{url}");
        }
    }
}
