//! HTTP for plugins: what a plugin describes is checked against its grant, completed with secrets, sent and
//! answered.
//!
//! A plugin holds no socket and no secret. Only hosts that the operator wrote are reached, and none of them at a
//! link-local or cloud metadata address; redirects are not followed, cookies not kept, proxies of the
//! environment not used. Knows nothing of deliveries and repeats nothing by itself.

mod address;
mod answer;
mod fault;
mod mask;
mod prepare;
mod retry_after;
mod sign;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use commwatch_plugin_api::{HttpError, Request, Response, abi};
use thiserror::Error;
use tokio::time::Instant;

use self::address::{GuardedResolver, Lookup, SystemLookup};
use super::grant::Grant;

/// Longest body that is sent; a longer one is refused.
pub const REQUEST_BODY_MAX: usize = abi::HTTP_REQUEST_BODY_MAX as usize;
/// Longest body that is handed to a plugin; the rest is cut off.
pub const RESPONSE_BODY_MAX: usize = abi::HTTP_RESPONSE_BODY_MAX as usize;
/// Longest wait that a receiver can ask for.
pub const RETRY_AFTER_MAX: Duration = Duration::from_secs(60 * 60);

/// How long finding the host, connecting and the TLS handshake may take together. It is shorter than the usual
/// deadline of a delivery, so that a host that is away is told from one that is silent.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Longest time that a request can ask for; what counts in the end is the delivery's deadline.
const TIMEOUT_MAX: Duration = Duration::from_secs(24 * 60 * 60);
/// How long an idle connection is kept. Short, since a receiver that closes it while we write leaves us in
/// doubt of whether the request arrived.
const POOL_IDLE: Duration = Duration::from_secs(20);
/// Idle connections kept for one host.
const POOL_IDLE_PER_HOST_MAX: usize = 4;
/// Most headers that a receiver may answer with; past it there is no answer.
const RECEIVED_HEADERS_MAX: usize = 128;

/// Sends requests for plugins.
#[async_trait]
pub trait HostHttp: Send + Sync {
    /// Sends the request, once, and reads the answer, all before `deadline` (or the request's own, if that is
    /// sooner). `notifier` is for the log.
    ///
    /// # Errors
    /// [`HttpError::Refused`] if the grant or the rules forbid it, [`HttpError::NotSent`] if surely nothing was
    /// sent, [`HttpError::NoAnswer`] if it may have been. No text holds a secret.
    async fn send(
        &self,
        notifier: &str,
        request: Request,
        grant: &Grant,
        deadline: Instant,
    ) -> Result<Response, HttpError>;
}

/// Why there is no HTTP service.
#[derive(Debug, Error)]
#[error(
    "cannot make an HTTP client: {why}; TLS needs the system's root certificates (package ca-certificates)"
)]
pub struct HttpServiceError {
    why: String,
}

/// The HTTP service of the daemon: one pool of connections for all notifiers.
pub struct HttpService {
    client: reqwest::Client,
    clock: Clock,
}

/// Tells the wall-clock time, which signatures carry and `Retry-After` dates are measured by.
type Clock = Arc<dyn Fn() -> SystemTime + Send + Sync>;

impl HttpService {
    /// A service on the system's clock, resolver and root certificates. On a machine that has none, plain HTTP
    /// works and HTTPS is refused request by request.
    ///
    /// # Errors
    /// When there is no TLS at all.
    pub fn new() -> Result<Self, HttpServiceError> {
        Self::with(Arc::new(SystemTime::now), SystemLookup)
    }

    fn with(clock: Clock, lookup: impl Lookup) -> Result<Self, HttpServiceError> {
        crate::tls::install();
        let resolver = Arc::new(GuardedResolver::new(lookup));
        let builder = || {
            reqwest::Client::builder()
                .user_agent(concat!("commwatch/", env!("CARGO_PKG_VERSION")))
                .redirect(reqwest::redirect::Policy::none())
                .referer(false)
                .no_proxy()
                .dns_resolver(Arc::clone(&resolver))
                .connect_timeout(CONNECT_TIMEOUT)
                .pool_idle_timeout(POOL_IDLE)
                .pool_max_idle_per_host(POOL_IDLE_PER_HOST_MAX)
                .http1_max_headers(RECEIVED_HEADERS_MAX)
        };
        let client = builder().build().or_else(|error| {
            tracing::warn!(
                error = fault::chain(&error),
                "no root certificates: notifiers reach no https address; install the package ca-certificates"
            );
            builder().tls_certs_only([]).build()
        });
        let client = client.map_err(|error| HttpServiceError { why: fault::chain(&error) })?;
        Ok(Self { client, clock })
    }

    async fn exchange(&self, prepared: prepare::Prepared) -> Result<Response, HttpError> {
        let prepare::Prepared { request, mask } = prepared;
        let response = self.client.execute(request).await.map_err(|error| fault::of(error, &mask))?;
        answer::read(response, (self.clock)(), &mask).await
    }
}

#[async_trait]
impl HostHttp for HttpService {
    async fn send(
        &self,
        notifier: &str,
        request: Request,
        grant: &Grant,
        deadline: Instant,
    ) -> Result<Response, HttpError> {
        let began = Instant::now();
        let until = match request.timeout_ms {
            Some(ms) => deadline.min(began + Duration::from_millis(ms).min(TIMEOUT_MAX)),
            None => deadline,
        };
        if until <= began {
            return Err(HttpError::NotSent { why: "no time was left to send it".to_owned() });
        }
        let prepared = prepare::prepare(request, grant, (self.clock)())?;
        let answer = tokio::time::timeout_at(until, self.exchange(prepared)).await.unwrap_or_else(|_| {
            let seconds = (until - began).as_secs_f64();
            Err(HttpError::NoAnswer { why: format!("no whole answer within {seconds:.1} s") })
        });
        let took_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
        match &answer {
            Ok(response) => tracing::debug!(notifier, took_ms, status = response.status, "HTTP answer"),
            Err(error) => tracing::debug!(notifier, took_ms, ?error, "no HTTP answer"),
        }
        answer
    }
}

impl std::fmt::Debug for HttpService {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("HttpService")
    }
}
