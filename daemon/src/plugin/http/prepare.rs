//! Makes of a plugin's description the request that is sent, or refuses it.
//!
//! The one place where a secret is put into a request: as the whole URL, as a whole header value, as what goes into
//! `authorization`, or as a signing key.

use std::time::SystemTime;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use commwatch_plugin_api::{Auth, Body, HttpError, Request, Sign, Value};
use reqwest::Method;
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};
use secrecy::ExposeSecret;
use secrecy::zeroize::Zeroizing;
use url::Url;

use super::mask::Mask;
use super::sign::{self, WebhookKey};
use super::{REQUEST_BODY_MAX, address, fault};
use crate::plugin::grant::Grant;

/// Most headers that a plugin may set.
const HEADERS_MAX: usize = 64;
/// Longest value of a header, resolved.
const HEADER_VALUE_BYTES_MAX: usize = 8 * 1024;
/// Most secrets that sign one request.
const SIGNING_SECRETS_MAX: usize = 8;
/// Longest message id of Standard Webhooks.
const MESSAGE_ID_BYTES_MAX: usize = 255;
/// What a plugin may ask for; nothing that opens a tunnel or changes the protocol.
const METHODS: [Method; 6] =
    [Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::PATCH, Method::DELETE];
/// Headers that say how the message travels, which is the host's affair.
const HEADERS_OF_THE_HOST: [&str; 12] = [
    "connection",
    "content-length",
    "expect",
    "host",
    "keep-alive",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "commwatch-retry-after-ms",
];

/// A request that may be sent, and the secrets that are in it.
pub(super) struct Prepared {
    pub(super) request: reqwest::Request,
    pub(super) mask: Mask,
}

/// Completes the request, as of `now`.
///
/// # Errors
/// [`HttpError::Refused`], with a text that holds no secret.
pub(super) fn prepare(request: Request, grant: &Grant, now: SystemTime) -> Result<Prepared, HttpError> {
    let mut desk = Desk { grant, mask: Mask::default(), headers: HeaderMap::new() };
    // The plugin may have put these anywhere, also into the body.
    grant.revealed().for_each(|(_, secret)| desk.mask.add(secret.expose_secret()));
    desk.request(request, now)
        .map(|request| Prepared { request, mask: desk.mask })
        .map_err(|why| HttpError::Refused { why: fault::one_line(&why) })
}

/// A request while it is being made; its errors are texts without a secret.
struct Desk<'g> {
    grant: &'g Grant,
    mask: Mask,
    headers: HeaderMap,
}

impl Desk<'_> {
    fn request(&mut self, request: Request, now: SystemTime) -> Result<reqwest::Request, String> {
        let Request { method, url, headers, auth, sign, body: Body(body), timeout_ms: _ } = request;
        let method = method_of(&method)?;
        let url = self.url(&url)?;
        if body.len() > REQUEST_BODY_MAX {
            return Err(format!("the body has {} bytes, more than {REQUEST_BODY_MAX}", body.len()));
        }
        if headers.len() > HEADERS_MAX {
            return Err(format!("{} headers, more than {HEADERS_MAX}", headers.len()));
        }
        for (name, value) in &headers {
            self.plain_header(name, value)?;
        }
        self.auth(&auth)?;
        self.sign(&sign, &body, now)?;

        let mut request = reqwest::Request::new(method, url);
        *request.headers_mut() = std::mem::take(&mut self.headers);
        *request.body_mut() = Some(body.into());
        Ok(request)
    }

    fn url(&mut self, value: &Value) -> Result<Url, String> {
        let text = self.resolve(value)?;
        let url = Url::parse(&text).map_err(|_| "the url is not an absolute URL".to_owned())?;
        if matches!(value, Value::Secret(_)) {
            self.mask.add_url(&text, &url);
        }
        if !matches!(url.scheme(), "http" | "https") {
            return Err("the url's scheme is neither http nor https".to_owned());
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err("the url holds a user name or password".to_owned());
        }
        if !self.grant.allows(&url) {
            return Err("the url's host is not one that this notifier's configuration names".to_owned());
        }
        if address::is_forbidden_literal(&url) {
            return Err(address::ForbiddenAddress.to_string());
        }
        Ok(url)
    }

    fn plain_header(&mut self, name: &str, value: &Value) -> Result<(), String> {
        let name = header_name(name)?;
        if HEADERS_OF_THE_HOST.contains(&name.as_str()) {
            return Err(format!("the header {name} is the host's to set"));
        }
        let text = self.resolve(value)?;
        self.header(name, &text, matches!(value, Value::Secret(_)))
    }

    /// Sets a header that nobody set yet.
    fn header(&mut self, name: HeaderName, text: &str, sensitive: bool) -> Result<(), String> {
        if text.len() > HEADER_VALUE_BYTES_MAX {
            return Err(format!("the header {name} is longer than {HEADER_VALUE_BYTES_MAX} bytes"));
        }
        let mut value = HeaderValue::from_bytes(text.as_bytes())
            .map_err(|_| format!("the header {name} holds a line break or another control character"))?;
        value.set_sensitive(sensitive);
        if self.headers.insert(name.clone(), value).is_some() {
            return Err(format!("the header {name} is set twice"));
        }
        Ok(())
    }

    fn auth(&mut self, auth: &Auth) -> Result<(), String> {
        let text = match auth {
            Auth::None => return Ok(()),
            Auth::Bearer { token } => Zeroizing::new(format!("Bearer {}", *self.resolve(token)?)),
            Auth::Basic { user, password } => {
                if user.contains(':') {
                    return Err("the user name of basic authorization holds a colon".to_owned());
                }
                let pair = Zeroizing::new(format!("{user}:{}", *self.resolve(password)?));
                let encoded = Zeroizing::new(BASE64.encode(pair.as_bytes()));
                self.mask.add(&encoded);
                Zeroizing::new(format!("Basic {}", *encoded))
            }
        };
        self.header(AUTHORIZATION, &text, true)
    }

    fn sign(&mut self, sign: &Sign, body: &[u8], now: SystemTime) -> Result<(), String> {
        match sign {
            Sign::None => Ok(()),
            Sign::StandardWebhooks { id, secrets } => {
                if id.is_empty() || id.contains('.') || id.len() > MESSAGE_ID_BYTES_MAX {
                    return Err("a webhook id has 1 to 255 bytes and no dot".to_owned());
                }
                if let Some(name) = self.headers.keys().find(|name| name.as_str().starts_with("webhook-")) {
                    return Err(format!("the header {name} is the signature's to set"));
                }
                let timestamp = sign::seconds(now);
                let keys = self.webhook_keys(secrets)?;
                let signature = sign::standard_webhooks(&keys, id, timestamp, body);
                self.header(HeaderName::from_static("webhook-id"), id, false)?;
                self.header(HeaderName::from_static("webhook-timestamp"), &timestamp.to_string(), false)?;
                self.header(HeaderName::from_static("webhook-signature"), &signature, false)
            }
            Sign::HmacSha256 { header, prefix, secret } => {
                let key = self.resolve(secret)?;
                if key.is_empty() {
                    return Err("the signing secret is empty".to_owned());
                }
                let value = format!("{prefix}{}", sign::hex(key.as_bytes(), body));
                let name = header_name(header)?;
                if HEADERS_OF_THE_HOST.contains(&name.as_str()) || name == AUTHORIZATION {
                    return Err(format!("a signature cannot stand in the header {name}"));
                }
                self.header(name, &value, false)
            }
        }
    }

    fn webhook_keys(&mut self, secrets: &[Value]) -> Result<Vec<WebhookKey>, String> {
        if secrets.is_empty() || secrets.len() > SIGNING_SECRETS_MAX {
            return Err(format!("1 to {SIGNING_SECRETS_MAX} secrets sign a request, not {}", secrets.len()));
        }
        let mut keys = Vec::with_capacity(secrets.len());
        for value in secrets {
            let text = self.resolve(value)?;
            if let Some(bare) = text.strip_prefix(sign::SECRET_PREFIX) {
                self.mask.add(bare);
            }
            let key = WebhookKey::parse(&text).ok_or_else(|| {
                let name = match value {
                    Value::Secret(secret) => secret.name(),
                    Value::Text(_) => "given as text",
                };
                format!("the signing secret {name} is not whsec_ followed by base64 of 24 to 64 bytes")
            })?;
            keys.push(key);
        }
        Ok(keys)
    }

    /// The text of a value. A secret is remembered, so that it is struck out of what comes back.
    fn resolve(&mut self, value: &Value) -> Result<Zeroizing<String>, String> {
        match value {
            Value::Text(text) => Ok(Zeroizing::new(text.clone())),
            Value::Secret(reference) => {
                let secret = self
                    .grant
                    .secret(reference)
                    .ok_or_else(|| "it refers to a secret that this notifier does not have".to_owned())?;
                self.mask.add(secret.expose_secret());
                Ok(Zeroizing::new(secret.expose_secret().to_owned()))
            }
        }
    }
}

fn method_of(text: &str) -> Result<Method, String> {
    let method = METHODS.into_iter().find(|method| method.as_str() == text);
    method.ok_or_else(|| format!("the method {text:?} is not one of {METHODS:?}"))
}

fn header_name(text: &str) -> Result<HeaderName, String> {
    HeaderName::from_bytes(text.as_bytes()).map_err(|_| format!("{text:?} is no name of a header"))
}
