//! The one TLS provider of the process.
//!
//! Every HTTP client here is built on rustls without a built-in choice of cryptography; which one it is, is said
//! in this file and nowhere else.

use std::sync::Once;

/// Makes `ring` the cryptography of every TLS connection of this process. Call it before an HTTP client is built,
/// as often as is convenient: only the first call does something.
pub fn install() {
    static INSTALLED: Once = Once::new();
    INSTALLED.call_once(|| {
        // Refused only if somebody chose before us, and then a choice stands, which is all that a client needs.
        let _ = rustls::crypto::ring::default_provider().install_default();
    });
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_client_can_be_built_however_often_the_provider_was_installed() {
        super::install();
        super::install();
        assert!(rustls::crypto::CryptoProvider::get_default().is_some());
        reqwest::Client::builder().no_proxy().build().expect("a client");
    }
}
