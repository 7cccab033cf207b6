//! Web addresses: where `CommBox` is, where links point, which proxy is used.

use std::net::IpAddr;

use url::{Host, Url};

use super::section::Bad;

/// What stands for the conversation in `console_url`.
pub(super) const OBJECT_ID: &str = "{object_id}";

/// `CommBox`'s address: `https`, or `http` to a loopback address; without a slash at the end of its path.
pub(super) fn base_url(text: &str) -> Result<Url, Bad> {
    let hint = "write the address alone, such as \"https://api.commbox.io\"";
    let mut url = web(text, hint)?;
    if url.scheme() == "http" && !is_loopback(&url) {
        let why = "`base_url` is not encrypted: the key would travel in the open";
        return Err(Bad::new(why, "use https; http is for addresses of this machine, such as 127.0.0.1"));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(Bad::new("`base_url` has a `?` or `#` part", hint));
    }
    let path = url.path().trim_end_matches('/').to_owned();
    url.set_path(&path);
    Ok(url)
}

/// A link with a place for the conversation's id.
pub(super) fn console_url(text: &str) -> Result<String, Bad> {
    let hint = "such as \"https://acme.example/widget/object/{object_id}\"";
    if !text.contains(OBJECT_ID) {
        let hint = format!("put {OBJECT_ID} where the conversation's number belongs, {hint}");
        return Err(Bad::new(format!("`console_url` does not contain {OBJECT_ID}"), hint));
    }
    let filled = text.replace(OBJECT_ID, "1");
    if filled.contains(['{', '}']) {
        return Err(Bad::new(format!("`console_url` has a placeholder other than {OBJECT_ID}"), hint));
    }
    web(&filled, hint)?;
    Ok(text.to_owned())
}

/// An HTTP proxy.
pub(super) fn proxy(text: &str) -> Result<Url, Bad> {
    web(text, "write the proxy's address, such as \"http://proxy.example:3128\"")
}

/// Whether the host is this machine for certain.
pub(super) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name.eq_ignore_ascii_case("localhost"),
        Some(Host::Ipv4(address)) => IpAddr::V4(address).is_loopback(),
        Some(Host::Ipv6(address)) => IpAddr::V6(address).is_loopback(),
        None => false,
    }
}

/// Messages do not repeat the address: one with a password in it must not be shown.
fn web(text: &str, hint: &str) -> Result<Url, Bad> {
    let url =
        Url::parse(text).map_err(|error| Bad::new(format!("this is not a web address: {error}"), hint))?;
    // What browsers make of a slip ("http:/x", a backslash) is not what was meant.
    let has_host = text.split_once("://").is_some_and(|(_, rest)| !rest.starts_with('/'));
    if !has_host || text.contains(|c: char| c.is_whitespace() || c.is_control() || c == '\\') {
        return Err(Bad::new("this is not a web address: it does not begin with https:// and a host", hint));
    }
    if !matches!(url.scheme(), "http" | "https") {
        return Err(Bad::new("only http and https addresses are supported", hint));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(Bad::new("a user name or password in an address is not supported", hint));
    }
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_http_is_for_this_machine_only() {
        for text in
            ["http://127.0.0.1:8080", "http://[::1]:1", "http://localhost:3000/api", "https://api.commbox.io"]
        {
            assert!(base_url(text).is_ok(), "{text}");
        }
        for text in [
            "http://api.commbox.io",
            "http://127.0.0.1.example",
            "http://localhost.example",
            "http://10.0.0.1",
        ] {
            assert!(base_url(text).is_err(), "{text}");
        }
    }

    #[test]
    fn an_address_is_taken_as_it_is_written_or_not_at_all() {
        for text in [
            "https:/x.example",
            "https:x.example",
            "https:///x.example",
            " https://x.example",
            "https://x\\@y",
        ] {
            assert!(base_url(text).is_err() && proxy(text).is_err(), "{text}");
        }
    }

    #[test]
    fn the_path_of_a_base_url_ends_without_a_slash() {
        assert_eq!(base_url("https://x.example/api//").unwrap().as_str(), "https://x.example/api");
        // An address without a path has this one slash by definition.
        assert_eq!(base_url("https://x.example").unwrap().path(), "/");
    }

    #[test]
    fn a_password_in_an_address_is_refused_and_not_repeated() {
        let bad = proxy("http://user:hunter2@proxy.example").unwrap_err();
        assert!(!bad.message.contains("hunter2") && !bad.hint.contains("hunter2"));
        assert!(base_url("https://key@api.commbox.io").is_err());
    }

    #[test]
    fn a_link_needs_the_conversations_place_and_nothing_else_in_braces() {
        assert!(console_url("https://acme.example/o/{object_id}?x={object_id}").is_ok());
        for text in [
            "https://acme.example/",
            "https://acme.example/{object}",
            "ftp://x/{object_id}",
            "{object_id}",
            "https://acme.example/{object_id}/{stream_id}",
        ] {
            assert!(console_url(text).is_err(), "{text}");
        }
    }
}
