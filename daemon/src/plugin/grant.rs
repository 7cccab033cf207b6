//! What one notifier may reach: the secrets of its configuration and the hosts that the operator wrote there.
//!
//! Knows no HTTP. A plugin names a secret by its reference and never sees what stands behind it; a host that
//! stands in no field with `"format": "uri"` does not exist for the plugin.

mod uri_fields;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use commwatch_plugin_api::Secret;
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value as Json;
use thiserror::Error;
use url::{Host, Url};

/// The secrets and hosts of one notifier. Its debug print tells how many there are, and nothing else.
pub struct Grant {
    secrets: BTreeMap<String, SecretString>,
    origins: Vec<Origin>,
    /// Pointers of the secrets that the plugin itself is told.
    revealed: BTreeSet<String>,
}

/// Why a configuration grants nothing. Tells the field, never what stands in it.
#[derive(Clone, Debug, Error, Eq, PartialEq)]
pub enum GrantError {
    /// A `"format": "uri"` field does not hold an absolute URL.
    #[error("{field}: not a URL; write it in full, such as https://example.org/hook")]
    NotAUrl {
        /// JSON pointer of the field.
        field: String,
    },
    /// A URL carries `user:password@`, which servers, proxies and error texts repeat.
    #[error("{field}: holds a user name or password; put it into a header or a field of its own")]
    Credentials {
        /// JSON pointer of the field.
        field: String,
    },
    /// The field refers to a secret that nobody resolved.
    #[error("{field}: the secret that it refers to is unknown")]
    UnknownSecret {
        /// JSON pointer of the field.
        field: String,
    },
}

/// Scheme, host and port: what has to be equal for a request to be let through.
#[derive(Clone, Eq, PartialEq)]
struct Origin {
    scheme: String,
    host: Host<String>,
    port: u16,
}

impl Grant {
    /// Reads off `config` what it grants. `schema` is the plugin's own and says which fields are URLs; `config`
    /// has its defaults filled in and its secrets written as `{"$secret": "/pointer"}`; `secrets` holds what
    /// they stand for.
    ///
    /// A URL of another scheme than `http` and `https` is the plugin's own affair and grants nothing.
    ///
    /// # Errors
    /// [`GrantError`], for the first field that is wrong.
    pub fn new(
        schema: &Json,
        config: &Json,
        secrets: BTreeMap<String, SecretString>,
    ) -> Result<Self, GrantError> {
        let mut origins = Vec::new();
        for (field, value) in uri_fields::find(schema, config) {
            let Some(url) = url_of(&field, value, &secrets)? else { continue };
            if !url.username().is_empty() || url.password().is_some() {
                return Err(GrantError::Credentials { field });
            }
            if let Some(origin) = Origin::of(&url)
                && !origins.contains(&origin)
            {
                origins.push(origin);
            }
        }
        Ok(Self { secrets, origins, revealed: BTreeSet::new() })
    }

    /// The same, with the plugin itself being told the secrets at these pointers: the operator's choice, for a
    /// receiver that wants a secret where the host cannot put it.
    #[must_use]
    pub fn revealing(self, revealed: BTreeSet<String>) -> Self {
        Self { revealed, ..self }
    }

    /// The configuration that the plugin is started with: `config` with the revealed secrets in it as text.
    pub(crate) fn reveal_in(&self, mut config: Json) -> Json {
        for (pointer, secret) in self.revealed() {
            if let Some(field) = config.pointer_mut(pointer) {
                *field = Json::from(secret.expose_secret());
            }
        }
        config
    }

    /// What the plugin is told, by pointer.
    pub(crate) fn revealed(&self) -> impl Iterator<Item = (&str, &SecretString)> {
        let secret = |pointer: &'_ String| self.secrets.get_key_value(pointer);
        self.revealed.iter().filter_map(secret).map(|(pointer, secret)| (pointer.as_str(), secret))
    }

    /// Whether the operator wrote this scheme, host and port.
    pub(crate) fn allows(&self, url: &Url) -> bool {
        Origin::of(url).is_some_and(|origin| self.origins.contains(&origin))
    }

    /// What a reference stands for.
    pub(crate) fn secret(&self, reference: &Secret) -> Option<&SecretString> {
        self.secrets.get(reference.name())
    }
}

impl fmt::Debug for Grant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Grant")
            .field("secrets", &self.secrets.len())
            .field("hosts", &self.origins.len())
            .finish()
    }
}

impl Origin {
    fn of(url: &Url) -> Option<Self> {
        if !matches!(url.scheme(), "http" | "https") {
            return None;
        }
        Some(Self {
            scheme: url.scheme().to_owned(),
            host: url.host()?.to_owned(),
            port: url.port_or_known_default()?,
        })
    }
}

/// The URL in a field, be it text or a reference; nothing where the field holds neither, which is for the
/// schema to judge.
fn url_of(
    field: &str,
    value: &Json,
    secrets: &BTreeMap<String, SecretString>,
) -> Result<Option<Url>, GrantError> {
    let text = match value {
        Json::String(text) => text.as_str(),
        Json::Object(object) => match object.get("$secret").and_then(Json::as_str) {
            Some(name) => secrets
                .get(name)
                .ok_or_else(|| GrantError::UnknownSecret { field: field.to_owned() })?
                .expose_secret(),
            None => return Ok(None),
        },
        _ => return Ok(None),
    };
    Url::parse(text).map(Some).map_err(|_| GrantError::NotAUrl { field: field.to_owned() })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn schema() -> Json {
        json!({
            "type": "object",
            "properties": {
                "url": {"type": "string", "format": "uri", "x-secret": "required"},
                "proxy": {"type": "string", "format": "uri"},
                "note": {"type": "string"},
            }
        })
    }

    fn secrets<const N: usize>(pairs: [(&str, &str); N]) -> BTreeMap<String, SecretString> {
        pairs.into_iter().map(|(name, text)| (name.to_owned(), SecretString::from(text))).collect()
    }

    fn allows(grant: &Grant, url: &str) -> bool {
        grant.allows(&Url::parse(url).unwrap())
    }

    #[test]
    fn a_host_is_granted_with_its_scheme_and_port_and_any_path() {
        let grant =
            Grant::new(&schema(), &json!({"url": "https://Hooks.Example.org/a"}), BTreeMap::new()).unwrap();
        assert!(allows(&grant, "https://hooks.example.org/b?c"));
        assert!(allows(&grant, "https://hooks.example.org:443/"));
        for other in [
            "http://hooks.example.org/",
            "https://hooks.example.org:8443/",
            "https://example.org/",
            "https://hooks.example.org.evil.test/",
            "https://hooks.example.org@evil.test/",
            "ftp://hooks.example.org/",
        ] {
            assert!(!allows(&grant, other), "{other}");
        }
    }

    #[test]
    fn a_secret_url_grants_its_host_and_its_reference_resolves() {
        let grant = Grant::new(
            &schema(),
            &json!({"url": {"$secret": "/url"}}),
            secrets([("/url", "https://hooks.example.org/T0/B0/x")]),
        )
        .unwrap();
        assert!(allows(&grant, "https://hooks.example.org/"));
        assert_eq!(
            grant.secret(&Secret::named("/url")).unwrap().expose_secret(),
            "https://hooks.example.org/T0/B0/x"
        );
        assert!(grant.secret(&Secret::named("/other")).is_none());
    }

    #[test]
    fn a_url_in_a_field_that_is_not_declared_as_one_grants_nothing() {
        let grant = Grant::new(&schema(), &json!({"note": "https://evil.test/"}), BTreeMap::new()).unwrap();
        assert!(!allows(&grant, "https://evil.test/"));
    }

    #[test]
    fn an_error_names_the_field_and_not_its_text() {
        for (text, error) in [
            ("TOPSECRET", GrantError::NotAUrl { field: "/url".to_owned() }),
            ("https://u:TOPSECRET@example.org/", GrantError::Credentials { field: "/url".to_owned() }),
        ] {
            let refused =
                Grant::new(&schema(), &json!({"url": {"$secret": "/url"}}), secrets([("/url", text)]))
                    .unwrap_err();
            assert_eq!(refused, error);
            assert!(!format!("{refused} {refused:?}").contains("TOPSECRET"));
        }
        let unknown = Grant::new(&schema(), &json!({"url": {"$secret": "/x"}}), BTreeMap::new()).unwrap_err();
        assert_eq!(unknown, GrantError::UnknownSecret { field: "/url".to_owned() });
    }

    #[test]
    fn a_url_of_another_scheme_is_no_error_and_grants_nothing() {
        let grant =
            Grant::new(&schema(), &json!({"proxy": "smtp://mail.example.org"}), BTreeMap::new()).unwrap();
        assert!(!allows(&grant, "http://mail.example.org:25/"));
    }

    #[test]
    fn a_plugin_is_told_what_the_operator_reveals_and_no_more() {
        let config = json!({"url": {"$secret": "/url"}, "note": {"$secret": "/note"}});
        let both = || secrets([("/url", "https://hush.example.org/TOPSECRET"), ("/note", "hush")]);
        let grant = || Grant::new(&schema(), &config, both()).unwrap();
        assert_eq!(grant().reveal_in(config.clone()), config);
        let told = grant().revealing(["/note".to_owned(), "/other".to_owned()].into());
        assert_eq!(told.reveal_in(config.clone()), json!({"url": {"$secret": "/url"}, "note": "hush"}));
        assert_eq!(told.revealed().map(|(pointer, _)| pointer).collect::<Vec<_>>(), ["/note"]);
        assert!(!format!("{told:?}").contains("hush"));
    }

    #[test]
    fn the_debug_print_holds_no_secret() {
        let grant = Grant::new(
            &schema(),
            &json!({"url": {"$secret": "/url"}}),
            secrets([("/url", "https://hush.example.org/TOPSECRET")]),
        )
        .unwrap();
        assert_eq!(format!("{grant:?}"), "Grant { secrets: 1, hosts: 1 }");
    }
}
