//! A request as the API reads it: which operation, on what, with which parameters.

use axum::http::{HeaderMap, Uri, header};
use percent_encoding::percent_decode_str;

use crate::fault::Scope;

/// What a path names. Path parameters are decoded once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Operation {
    GetObject {
        stream: String,
        object: String,
    },
    StreamObjects {
        stream: String,
    },
    /// A customer's conversations; the newer path also counts unread messages.
    IdentityObjects {
        identity: String,
        v2: bool,
    },
    SystemStatus,
    Unknown,
}

/// The decoded query parameters, in their order. Bounded by the size of a request line.
#[derive(Clone, Debug, Default)]
pub(crate) struct Query(Vec<(String, String)>);

/// A parameter that cannot be what it says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BadParameter;

impl Operation {
    pub(crate) fn of(path: &str) -> Operation {
        let segments: Vec<String> = path.split('/').skip(1).map(decode).collect();
        let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
        match segments[..] {
            ["streams", stream, "objects", object] => {
                Operation::GetObject { stream: stream.to_owned(), object: object.to_owned() }
            }
            ["streams", stream, "objects"] => Operation::StreamObjects { stream: stream.to_owned() },
            ["users", "identities", identity, "objects"] => {
                Operation::IdentityObjects { identity: identity.to_owned(), v2: false }
            }
            ["v2", "users", "identities", identity, "objects"] => {
                Operation::IdentityObjects { identity: identity.to_owned(), v2: true }
            }
            ["core", "systemstatus"] => Operation::SystemStatus,
            _ => Operation::Unknown,
        }
    }

    /// The conversation that is asked for.
    pub(crate) fn object_id(&self) -> Option<i64> {
        match self {
            Operation::GetObject { object, .. } => object.parse().ok(),
            _ => None,
        }
    }

    pub(crate) fn scope(&self) -> Option<Scope> {
        match self {
            Operation::GetObject { .. } => self.object_id().map(Scope::Object),
            Operation::StreamObjects { .. } | Operation::IdentityObjects { .. } => Some(Scope::Listings),
            Operation::SystemStatus => Some(Scope::SystemStatus),
            Operation::Unknown => None,
        }
    }
}

impl Query {
    pub(crate) fn of(uri: &Uri) -> Query {
        let pairs = uri.query().unwrap_or("").split('&').filter(|pair| !pair.is_empty());
        let decode = |text: &str| decode(&text.replace('+', " "));
        Query(
            pairs
                .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
                .map(|(name, value)| (decode(name), decode(value)))
                .collect(),
        )
    }

    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    pub(crate) fn number(&self, name: &str) -> Result<Option<i64>, BadParameter> {
        self.get(name).map(str::parse).transpose().map_err(|_| BadParameter)
    }

    /// A boolean in lower case, the only documented form.
    pub(crate) fn flag(&self, name: &str, default: bool) -> Result<bool, BadParameter> {
        match self.get(name) {
            None => Ok(default),
            Some("true") => Ok(true),
            Some("false") => Ok(false),
            Some(_) => Err(BadParameter),
        }
    }
}

/// The token of `Authorization: Bearer <token>`.
pub(crate) fn bearer(headers: &HeaderMap) -> Option<&str> {
    headers.get(header::AUTHORIZATION)?.to_str().ok()?.strip_prefix("Bearer ")
}

fn decode(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_parameter_is_decoded_exactly_once() {
        let stream = |path| match Operation::of(path) {
            Operation::GetObject { stream, .. } => stream,
            other => panic!("{other:?}"),
        };
        assert_eq!(stream("/streams/ab_fcd%3d%3D/objects/1"), "ab_fcd==");
        assert_eq!(stream("/streams/ab_fcd%253d%253d/objects/1"), "ab_fcd%3d%3d");
    }

    #[test]
    fn a_path_with_a_slash_too_many_is_unknown() {
        assert_eq!(Operation::of("/streams/1/objects/2/"), Operation::Unknown);
        assert_eq!(Operation::of("//streams/1/objects/2"), Operation::Unknown);
    }
}
