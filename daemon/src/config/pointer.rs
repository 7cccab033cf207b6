//! Names within a JSON pointer (RFC 6901, section 3).

/// A name as it stands in one.
pub(crate) fn escape(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

/// What is meant by it.
pub(crate) fn unescape(part: &str) -> String {
    part.replace("~1", "/").replace("~0", "~")
}
