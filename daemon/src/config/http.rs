//! `[http]`: where metrics, health and the page are served.

use std::net::SocketAddr;

use super::section::{Bad, Context, Key, Section, key};
use super::spanned::Table;
use super::{Http, reference};

pub(super) const KEYS: &[Key] = &[key("listen"), key("token"), key("allowed_hosts"), key("show_text")];

pub(super) const LISTEN: &str = "127.0.0.1:9479";

pub(super) fn read(cx: Context<'_>, root: &Table) -> Http {
    let section = root.get("http").and_then(|entry| Section::open(cx, &entry.value, "[http]", KEYS));
    let listen = section.and_then(|section| section.parse("listen", listen));
    let token = section
        .and_then(|section| section.get("token"))
        .and_then(|entry| reference::read(cx, "token", &entry.value));
    let hosts = section.and_then(|section| section.texts("allowed_hosts")).unwrap_or_default();
    let hosts = hosts.into_iter().filter_map(|(at, text)| section?.parsed(at, host(text)));
    Http {
        listen: listen.unwrap_or_else(|| LISTEN.parse().expect("the default is an address")),
        token,
        allowed_hosts: hosts.collect(),
        show_text: section.and_then(|section| section.flag("show_text")).unwrap_or(false),
    }
}

fn listen(text: &str) -> Result<SocketAddr, Bad> {
    let hint = "write an IP address and a port, such as \"127.0.0.1:9479\" or \"[::]:9479\"; port 0 takes a free one";
    text.parse().map_err(|_| Bad::new(format!("`{text}` is not an address to listen on"), hint))
}

/// A value of the `Host` header without its port.
fn host(text: &str) -> Result<String, Bad> {
    let hint = "write the name alone, such as \"commwatch.example\", without scheme, port or path";
    let good = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_'));
    if good {
        Ok(text.to_ascii_lowercase())
    } else {
        Err(Bad::new(format!("`{text}` is not a host's name"), hint))
    }
}
