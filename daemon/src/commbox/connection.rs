//! How an account is reached: its address, proxy, certificate authorities, and the connections kept to it.

use std::path::{Path, PathBuf};
use std::time::Duration;

use reqwest::{Certificate, Proxy};
use rustls::RootCertStore;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use url::Url;

use super::transport;
use crate::config::Account;
use crate::tls;

/// After how long without traffic the kernel asks whether the other side is still there.
const KEEPALIVE: Duration = Duration::from_secs(30);

/// How long an unused connection is kept: less than the minute after which common gateways close theirs, since a
/// request that meets such a close on its way is lost.
const CONNECTION_IDLE_MAX: Duration = Duration::from_secs(50);

/// Why a client can't be made of an account.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The key can't be a key; it is not shown.
    #[error("the token {why}: store the API key alone, as the console shows it (Settings > API)")]
    Token {
        /// What is wrong with it.
        why: &'static str,
    },
    /// The address can't be used.
    #[error("base_url {why}")]
    BaseUrl {
        /// What is wrong with it, and what now.
        why: &'static str,
    },
    /// Further certificate authorities could not be had.
    #[error("ca_file {path}: {why}")]
    CaFile {
        /// The file.
        path: PathBuf,
        /// What is wrong with it, and what now.
        why: String,
    },
    /// The proxy's address can't be used.
    #[error("proxy: {why}")]
    Proxy {
        /// What is wrong with it.
        why: String,
    },
    /// TLS could not be set up.
    #[error(
        "can't set up HTTPS: {why}; install the system's CA certificates (ca-certificates) or set ca_file"
    )]
    Tls {
        /// What was missing.
        why: String,
    },
}

/// An HTTP client for this account alone. Reads `ca_file` and the system's certificate authorities.
pub(super) fn http(account: &Account) -> Result<reqwest::Client, ClientError> {
    tls::install();
    let mut builder = reqwest::Client::builder()
        .user_agent(concat!("commwatch/", env!("CARGO_PKG_VERSION")))
        .timeout(account.timeout)
        .redirect(reqwest::redirect::Policy::none())
        .referer(false)
        .retry(reqwest::retry::never())
        // One connection carries one request: a dead one costs one time-out, not every poll behind it.
        .http1_only()
        .pool_max_idle_per_host(usize::try_from(account.max_in_flight).unwrap_or(usize::MAX))
        .pool_idle_timeout(CONNECTION_IDLE_MAX)
        .tcp_keepalive(KEEPALIVE)
        // Only the account's own proxy is used, not one that happens to be in the environment.
        .no_proxy();
    if let Some(url) = &account.proxy {
        builder = builder.proxy(proxy(url)?);
    }
    let is_plain = [Some(&account.base_url), account.proxy.as_ref()]
        .into_iter()
        .flatten()
        .all(|url| url.scheme() == "http");
    builder = match account.ca_file.as_deref().map(authorities).transpose()? {
        // Nothing will be verified, so a machine without any certificates is no obstacle.
        None if is_plain => builder.tls_certs_only([]),
        None => builder,
        Some(authorities) => builder.tls_certs_merge(authorities),
    };
    builder.build().map_err(|error| ClientError::Tls { why: transport::cause(&error) })
}

/// The address that every request's path is put behind.
pub(super) fn base(account: &Account) -> Result<Url, ClientError> {
    let url = &account.base_url;
    let refuse = |why| Err(ClientError::BaseUrl { why });
    if !url.username().is_empty() || url.password().is_some() {
        return refuse("holds a user name or password: remove it, the key belongs into `token`");
    }
    if !matches!(url.scheme(), "https" | "http") || url.host().is_none() {
        return refuse("must be an https address, such as https://api.commbox.io");
    }
    if url.query().is_some() || url.fragment().is_some() {
        return refuse("must end with its path: remove what follows `?` or `#`");
    }
    Ok(url.clone())
}

fn proxy(url: &Url) -> Result<Proxy, ClientError> {
    if !matches!(url.scheme(), "http" | "https") {
        return Err(ClientError::Proxy {
            why: format!("`{}` is not supported, use http or https", url.scheme()),
        });
    }
    Proxy::all(url.clone()).map_err(|error| ClientError::Proxy { why: transport::cause(&error) })
}

fn authorities(path: &Path) -> Result<Vec<Certificate>, ClientError> {
    let wrong = |why: String| ClientError::CaFile { path: path.to_owned(), why };
    let unusable =
        || wrong("is no list of CA certificates: give `-----BEGIN CERTIFICATE-----` blocks (PEM)".to_owned());
    let pem = std::fs::read(path).map_err(|error| wrong(format!("can't be read: {error}")))?;
    let mut authorities = Vec::new();
    for certificate in CertificateDer::pem_slice_iter(&pem) {
        let certificate = certificate.map_err(|_| unusable())?;
        authorities.push(Certificate::from_der(&certificate).map_err(|_| unusable())?);
        RootCertStore::empty().add(certificate).map_err(|_| unusable())?;
    }
    if authorities.is_empty() { Err(unusable()) } else { Ok(authorities) }
}
