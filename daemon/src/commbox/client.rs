//! The polled API, for one account.
//!
//! It asks and hands back what came: whether an answer says something new, and when to ask again, is decided
//! elsewhere. It never retries, follows no redirect and asks nobody else, so that one call is one request.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use jiff::Timestamp;
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_ENCODING, HeaderValue, LOCATION};
use reqwest::{Response, StatusCode};
use secrecy::SecretString;
use url::Url;

use super::address;
use super::answer::Answer;
use super::connection::{self, ClientError};
use super::error::{Code, FetchError, Reaction, reaction};
use super::retry_after::{date, retry_after};
use super::token::{Token, token_expiry};
use super::{envelope, transport};
use crate::config::{Account, read_secret};
use crate::core::listing::Listing;
use crate::core::watch::Stream;

/// How much of an error's body is read, for its description.
const ERROR_BODY_BYTES_MAX: usize = 16 * 1024;

/// How long an error's body is waited for; its status has already said what matters.
const ERROR_BODY_WAIT: Duration = Duration::from_secs(2);

/// Bounds of a client.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// The largest answer in bytes; a larger one is broken off and is [`Reaction::Malformed`].
    pub body_bytes_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { body_bytes_max: 16 * 1024 * 1024 }
    }
}

/// Asks one account's API. Cloning is cheap and shares the connections.
#[derive(Clone)]
pub struct Client {
    http: reqwest::Client,
    base: Url,
    authorization: HeaderValue,
    token: Arc<Token>,
    expires: Option<Timestamp>,
    timeout: Duration,
    limits: Limits,
}

impl Client {
    /// Makes a client for `account`. Reads `ca_file` and the system's certificate authorities; asks nobody.
    pub fn new(account: &Account, token: SecretString, limits: Limits) -> Result<Self, ClientError> {
        let expires = token_expiry(&token);
        let token = Token::new(&token)?;
        let base = connection::base(account)?;
        let http = connection::http(account)?;
        Ok(Self {
            http,
            base,
            authorization: token.header(),
            token: Arc::new(token),
            expires,
            timeout: account.timeout,
            limits,
        })
    }

    /// Makes one with the account's key, read just now. An error says which account, and what is wrong with it.
    pub fn open(name: &str, account: &Account) -> Result<Self, String> {
        let key =
            read_secret(&account.token).map_err(|error| format!("the key of account {name}: {error}"))?;
        Self::new(account, key, Limits::default()).map_err(|error| format!("account {name}: {error}"))
    }

    /// When the key expires, if it says so.
    pub fn expires(&self) -> Option<Timestamp> {
        self.expires
    }

    /// Reads a conversation with all its messages: one request. The answer is whole, but not looked into.
    pub async fn conversation(&self, stream: &Stream, object: i64) -> Result<Answer, FetchError> {
        self.get(&address::conversation(&self.base, stream, object)).await
    }

    /// Reads one page of a list of conversations: one request.
    pub async fn list(&self, listing: &Listing) -> Result<Answer, FetchError> {
        self.get(&address::listing(&self.base, listing)).await
    }

    /// Asks whether address and key are good.
    pub async fn system_status(&self) -> Result<(), FetchError> {
        let answer = self.get(&address::system_status(&self.base)).await?;
        answer.check()
    }

    async fn get(&self, url: &str) -> Result<Answer, FetchError> {
        let started = Instant::now();
        self.exchange(url, started).await.map_err(|error| error.after(started.elapsed()))
    }

    async fn exchange(&self, url: &str, started: Instant) -> Result<Answer, FetchError> {
        let request = self
            .http
            .get(url)
            .header(AUTHORIZATION, self.authorization.clone())
            .header(ACCEPT, HeaderValue::from_static("application/json"));
        let mut response =
            request.send().await.map_err(|error| self.fault(&error, transport::Phase::Head))?;
        let wait = retry_after(response.headers(), SystemTime::now());
        if response.status() != StatusCode::OK {
            return Err(self.refused(response, wait).await);
        }
        if let Some(coding) = coding(&response) {
            let detail = format!("the answer is compressed ({coding}) although that was not asked for");
            return Err(self.error(Reaction::Malformed, Code::Decode, &detail));
        }
        let date = date(response.headers());
        let body = match transport::body(&mut response, self.limits.body_bytes_max).await {
            Ok(body) => body,
            Err(transport::BodyError::TooLarge) => {
                let detail = format!("the answer is larger than {} bytes", self.limits.body_bytes_max);
                return Err(self.error(Reaction::Malformed, Code::Body, &detail));
            }
            Err(transport::BodyError::Fault(error)) => return Err(self.fault(&error, transport::Phase::Body)),
        };
        Ok(Answer::new(body, date, wait, started.elapsed(), Arc::clone(&self.token)))
    }

    fn fault(&self, error: &reqwest::Error, phase: transport::Phase) -> FetchError {
        let (code, detail) = transport::classify(error, phase, self.timeout);
        self.error(Reaction::Unavailable { retry_after: None }, code, &detail)
    }

    /// Names an answer with another status than 200, with what its body says of it, if it says so at once.
    async fn refused(&self, mut response: Response, wait: Option<Duration>) -> FetchError {
        let status = response.status();
        let code = Code::Http(status.as_u16());
        let reason = status.canonical_reason().unwrap_or("unknown status");
        let mut detail = format!("{} {reason}", status.as_u16());
        if status.is_redirection() {
            if let Some(host) = self.redirected_to(&response) {
                detail = format!("{detail}: redirects to {host}, which is not followed; is base_url right?");
            }
        } else {
            let body = transport::body(&mut response, ERROR_BODY_BYTES_MAX);
            if let Ok(Ok(body)) = tokio::time::timeout(ERROR_BODY_WAIT, body).await
                && let Some(said) = envelope::description(&String::from_utf8_lossy(&body), &self.token)
                && said != reason
            {
                detail = format!("{detail}: {said}");
            }
        }
        self.error(reaction(status.as_u16(), wait), code, &detail)
    }

    /// The key goes before the text is cut, or half of it might stay.
    fn error(&self, reaction: Reaction, code: Code, detail: &str) -> FetchError {
        FetchError::new(reaction, code, self.token.redact(detail))
    }

    /// The host alone: the rest of the address may hold anything.
    fn redirected_to(&self, response: &Response) -> Option<String> {
        let location = response.headers().get(LOCATION)?.to_str().ok()?;
        self.base.join(location).ok()?.host_str().map(str::to_owned)
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("base", &self.base.as_str())
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}

fn coding(response: &Response) -> Option<&str> {
    let coding = response.headers().get(CONTENT_ENCODING)?.to_str().unwrap_or("unknown").trim();
    (!coding.is_empty() && !coding.eq_ignore_ascii_case("identity")).then_some(coding)
}
