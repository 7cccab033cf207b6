//! The notifier's configuration. `schema.json` says the same to operators; what a schema says badly is said again
//! here in words.

use std::collections::BTreeMap;

use commwatch_plugin_api::{Secret, Value};
use serde::Deserialize;

use crate::presets::Preset;

/// Headers that an operator may add.
const HEADERS_MAX: usize = 32;
/// Statuses that may be expected.
const EXPECT_MAX: usize = 32;
/// The longest template of a body, bytes.
const BODY_TEMPLATE_BYTES_MAX: usize = 64 * 1024;
/// The longest template of a path or a header, bytes.
const LINE_TEMPLATE_BYTES_MAX: usize = 8 * 1024;
/// Headers that this plugin or the host writes.
const TAKEN: [&str; 6] = ["connection", "content-length", "content-type", "host", "te", "transfer-encoding"];

/// `[notifiers.NAME.config]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    url: Value,
    path: Option<String>,
    #[serde(default)]
    method: Method,
    preset: Option<Preset>,
    content_type: Option<String>,
    body: Option<String>,
    #[serde(default)]
    headers: BTreeMap<String, Value>,
    expect: Option<Vec<u16>>,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
enum Method {
    #[default]
    Post,
    Put,
    Patch,
}

/// What is the same in every request.
#[derive(Debug)]
pub(crate) struct Endpoint {
    url: Value,
    pub(crate) method: String,
    pub(crate) secret_headers: BTreeMap<String, Secret>,
    pub(crate) expect: Expect,
}

/// The statuses that mean accepted; none given means 2xx.
#[derive(Debug)]
pub(crate) struct Expect(pub(crate) Option<Vec<u16>>);

/// The templates as they were written.
#[derive(Debug)]
pub(crate) struct Sources {
    pub(crate) content_type: String,
    pub(crate) body: String,
    /// What a plain body looks like here, if a chat would not take any.
    pub(crate) preset: Option<Preset>,
    pub(crate) path: Option<String>,
    pub(crate) headers: BTreeMap<String, String>,
}

impl Endpoint {
    /// The address with the rendered path behind it.
    pub(crate) fn url_with(&self, path: &str) -> Value {
        match &self.url {
            Value::Text(url) if !path.is_empty() => format!("{}{path}", url.trim_end_matches('/')).into(),
            url => url.clone(),
        }
    }
}

impl Config {
    /// # Errors
    /// One line for the operator.
    pub(crate) fn check(self) -> Result<(Endpoint, Sources), String> {
        let body = match (self.body, self.preset) {
            (Some(body), _) => body,
            (None, Some(preset)) => preset.body().to_owned(),
            (None, None) => return Err("give `body`, a template, or `preset`".to_owned()),
        };
        if body.trim().is_empty() {
            return Err("`body` is empty".to_owned());
        }
        let content_type = self.content_type.unwrap_or_else(|| "application/json".to_owned());
        if content_type.chars().any(char::is_control) || !content_type.contains('/') {
            return Err(
                "`content_type` is a type such as \"application/json\" or \"text/plain; charset=utf-8\""
                    .to_owned(),
            );
        }
        let is_secret = matches!(self.url, Value::Secret(_));
        if is_secret && self.path.is_some() {
            return Err("`path` cannot be appended to a `url` that is a secret; write the whole address into the secret"
                .to_owned());
        }
        bounded("body", &body, BODY_TEMPLATE_BYTES_MAX)?;
        if let Some(path) = &self.path {
            bounded("path", path, LINE_TEMPLATE_BYTES_MAX)?;
        }
        if self.headers.len() > HEADERS_MAX {
            return Err(format!("`headers` holds {}, more than {HEADERS_MAX}", self.headers.len()));
        }
        if let Some(expect) = &self.expect
            && (expect.is_empty()
                || expect.len() > EXPECT_MAX
                || !expect.iter().all(|s| (200..500).contains(s)))
        {
            return Err(format!("`expect` lists 1 to {EXPECT_MAX} statuses from 200 to 499"));
        }
        let (mut secret_headers, mut headers) = (BTreeMap::new(), BTreeMap::new());
        for (name, value) in self.headers {
            let name = checked_header(&name)?;
            match value {
                Value::Secret(secret) => {
                    secret_headers.insert(name, secret);
                }
                Value::Text(template) => {
                    bounded("headers", &template, LINE_TEMPLATE_BYTES_MAX)?;
                    headers.insert(name, template);
                }
            }
        }
        let endpoint = Endpoint {
            url: self.url,
            method: self.method.name().to_owned(),
            secret_headers,
            expect: Expect(self.expect),
        };
        Ok((endpoint, Sources { content_type, body, preset: self.preset, path: self.path, headers }))
    }
}

impl Method {
    fn name(self) -> &'static str {
        match self {
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
        }
    }
}

fn bounded(field: &str, template: &str, bytes_max: usize) -> Result<(), String> {
    if template.len() <= bytes_max {
        return Ok(());
    }
    Err(format!("the template in `{field}` has {} bytes, more than {bytes_max}", template.len()))
}

fn checked_header(name: &str) -> Result<String, String> {
    let lower = name.to_ascii_lowercase();
    if TAKEN.contains(&lower.as_str()) {
        let instead = if lower == "content-type" { "; set `content_type`" } else { "" };
        return Err(format!("`headers` cannot set {lower}: it is written for each request{instead}"));
    }
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    if name.is_empty() || !name.bytes().all(is_token) {
        return Err(format!("`headers` holds {name:?}, which is no name of a header"));
    }
    Ok(lower)
}
