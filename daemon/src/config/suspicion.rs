//! What may be a secret although nobody said so: better one excerpt too few than a token on a screen.

/// Whether a key of this name is likely to hold a secret.
pub(super) fn key_sounds_secret(key: &str) -> bool {
    const PARTS: [&str; 10] = [
        "token",
        "secret",
        "passw",
        "passphrase",
        "pwd",
        "api_key",
        "api-key",
        "apikey",
        "authorization",
        "private",
    ];
    let key = key.to_ascii_lowercase();
    key == "key" || PARTS.iter().any(|part| key.contains(part))
}

/// Whether a text looks like a key, or like an address with one in it.
pub(super) fn text_looks_secret(text: &str) -> bool {
    const BEGINNINGS: [&str; 8] =
        ["whsec_", "xoxb-", "xoxp-", "xapp-", "eyJ", "Bearer ", "Basic ", "https://hooks.slack.com/"];
    BEGINNINGS.iter().any(|beginning| text.starts_with(beginning))
        || (text.contains("://")
            && (text.contains('@') || key_sounds_secret(text) || query_looks_secret(text)))
}

/// Whether one of an address's parameters is likely to hold a secret.
fn query_looks_secret(address: &str) -> bool {
    const NAMES: [&str; 4] = ["sig", "signature", "auth", "code"];
    let Some((_, query)) = address.split_once('?') else { return false };
    let mut names = query.split(['&', ';']).map(|pair| pair.split('=').next().unwrap_or_default());
    names.any(|name| key_sounds_secret(name) || NAMES.contains(&name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_with_a_key_and_well_known_keys_are_suspected() {
        for text in [
            "https://user:pw@x.example",
            "https://x.example/?access_token=1",
            "http://proxy.example/?id=7&key=1",
            "https://x.example/workflows/1?sp=%2F&sig=abc",
            "xoxb-1-2-abc",
            "whsec_MfKQ9r8G",
        ] {
            assert!(text_looks_secret(text), "{text}");
        }
        assert!(!text_looks_secret("https://api.commbox.io"));
        assert!(!text_looks_secret("https://acme.example/?object={object_id}"));
        assert!(key_sounds_secret("Bot_Token") && !key_sounds_secret("title"));
    }
}
