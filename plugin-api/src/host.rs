//! What the host does for a plugin: HTTP with secrets, and logging.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// A reference to a secret of the notifier's own configuration. It can be put into a [`Request`]; what it
/// stands for is known to the host alone. In the configuration JSON that a plugin is started with it is
/// written `{"$secret": "/json/pointer"}`; the text is an opaque name.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Secret {
    #[serde(rename = "$secret")]
    name: String,
}

impl Secret {
    /// Names a secret; for tests, where no host hands references out.
    pub fn named(name: impl Into<String>) -> Self {
        Self { name: name.into() }
    }

    /// The reference's opaque name.
    pub fn name(&self) -> &str {
        &self.name
    }
}

/// A value that is either plain text or a whole secret. In a request it is resolved by the host; the two are
/// never mixed within one value.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Value {
    /// A reference.
    Secret(Secret),
    /// Text as it is.
    Text(String),
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<Secret> for Value {
    fn from(secret: Secret) -> Self {
        Self::Secret(secret)
    }
}

/// An HTTP request that the host sends for the plugin. Only hosts that the operator wrote into this notifier's
/// configuration (fields with `"format": "uri"`) are reached; redirects are not followed. The host adds
/// `user-agent`, `content-length` and `host`.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Request {
    /// `POST`, `PUT`, ...
    pub method: String,
    /// Absolute, `https` or `http`; may be a secret as a whole.
    pub url: Value,
    /// Header names (lower case) and values.
    #[serde(default)]
    pub headers: BTreeMap<String, Value>,
    /// What goes into `authorization`.
    #[serde(default)]
    pub auth: Auth,
    /// How the body is signed.
    #[serde(default)]
    pub sign: Sign,
    /// At most this long for the whole exchange; never longer than what is left for the delivery.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout_ms: Option<u64>,
    /// The bytes that are sent; carried beside the request's description, not inside it.
    #[serde(skip)]
    pub body: Body,
}

/// The bytes of a request.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Body(pub Vec<u8>);

impl<T: Into<Vec<u8>>> From<T> for Body {
    fn from(bytes: T) -> Self {
        Self(bytes.into())
    }
}

impl Request {
    /// A POST of `body` with its content type.
    pub fn post(url: impl Into<Value>, content_type: &str, body: impl Into<Body>) -> Self {
        Self {
            method: "POST".to_owned(),
            url: url.into(),
            headers: BTreeMap::from([("content-type".to_owned(), content_type.into())]),
            auth: Auth::None,
            sign: Sign::None,
            timeout_ms: None,
            body: body.into(),
        }
    }

    /// Adds or replaces a header.
    #[must_use]
    pub fn header(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.headers.insert(name.to_ascii_lowercase(), value.into());
        self
    }

    /// Sets what goes into `authorization`.
    #[must_use]
    pub fn auth(mut self, auth: Auth) -> Self {
        self.auth = auth;
        self
    }

    /// Sets how the body is signed.
    #[must_use]
    pub fn sign(mut self, sign: Sign) -> Self {
        self.sign = sign;
        self
    }
}

/// What goes into `authorization`.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum Auth {
    /// Nothing.
    #[default]
    None,
    /// `Bearer <token>` (RFC 6750).
    Bearer {
        /// The token.
        token: Value,
    },
    /// `Basic` (RFC 7617).
    Basic {
        /// The user name.
        user: String,
        /// The password.
        password: Value,
    },
}

/// How the host signs the exact bytes that it sends.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum Sign {
    /// Not at all.
    #[default]
    None,
    /// Standard Webhooks 1.0: sets `webhook-id`, `webhook-timestamp` (seconds of this attempt) and
    /// `webhook-signature`, with one `v1,` part for each secret, in order.
    StandardWebhooks {
        /// The message id; holds no dot.
        id: String,
        /// `whsec_...`; several while a secret is rotated.
        secrets: Vec<Value>,
    },
    /// HMAC-SHA256 of the body, lower-case hex behind `prefix`, in the header named.
    HmacSha256 {
        /// The header's name.
        header: String,
        /// Text before the hex, such as `sha256=`; may be empty.
        prefix: String,
        /// The key.
        secret: Value,
    },
}

/// The answer to a request.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Response {
    /// HTTP status, 100 to 599.
    pub status: u16,
    /// Header names in lower case; of a repeated header the first value.
    pub headers: BTreeMap<String, String>,
    /// The body up to `response_body_max` (64 KiB); the rest is cut off.
    #[serde(skip)]
    pub body: Vec<u8>,
}

impl Response {
    /// Whether the status is 2xx.
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// The body as text, invalid UTF-8 replaced.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// `Retry-After`, which the host has already turned from either of its forms (RFC 9110, 10.2.3) into a
    /// span, and bounded.
    pub fn retry_after(&self) -> Option<Duration> {
        self.headers.get("commwatch-retry-after-ms")?.parse().ok().map(Duration::from_millis)
    }
}

/// Why there is no answer.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum HttpError {
    /// The request was not sent (no such host, connection refused, TLS fault): nothing can have arrived.
    NotSent {
        /// One line, without secrets.
        why: String,
    },
    /// The request may have been sent, but no whole answer came: it may have arrived.
    NoAnswer {
        /// One line, without secrets.
        why: String,
    },
    /// The host refused to send it (host not written by the operator, unknown secret, malformed request).
    Refused {
        /// One line, without secrets.
        why: String,
    },
}

/// How much a log line matters.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Level {
    /// Something is wrong.
    Error,
    /// Something may be wrong.
    Warn,
    /// Worth a line in peace.
    Info,
    /// For who looks for a fault.
    Debug,
}

/// The host, as a plugin sees it; valid on every thread for as long as the notifier lives.
#[derive(Clone, Copy)]
pub struct Host {
    inner: &'static dyn HostFunctions,
}

/// What stands behind [`Host`]: the ABI's table in a plugin, a fake in a test.
pub trait HostFunctions: Send + Sync {
    /// Sends the request and waits for the answer.
    ///
    /// # Errors
    /// [`HttpError`], by what may have arrived.
    fn http(&self, request: &Request) -> Result<Response, HttpError>;
    /// Writes a line into the daemon's log, with the notifier's name. At most 8 KiB of it are kept.
    fn log(&self, level: Level, message: &str);
}

impl Host {
    /// Wraps functions that live as long as the process.
    pub fn new(inner: &'static dyn HostFunctions) -> Self {
        Self { inner }
    }

    /// Sends the request and waits for the answer. May be called only while the plugin is within `deliver`.
    ///
    /// # Errors
    /// [`HttpError`], by what may have arrived.
    pub fn http(&self, request: &Request) -> Result<Response, HttpError> {
        self.inner.http(request)
    }

    /// Writes a line into the daemon's log.
    pub fn log(&self, level: Level, message: &str) {
        self.inner.log(level, message);
    }
}

impl std::fmt::Debug for Host {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Host")
    }
}
