//! Signatures over the exact bytes that are sent.

use std::time::SystemTime;

use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use data_encoding::HEXLOWER;
use hmac::{Hmac, KeyInit, Mac};
use secrecy::zeroize::Zeroizing;
use sha2::Sha256;

/// Base64 of secrets: with its padding or without.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);
/// What every Standard Webhooks secret begins with.
pub(super) const SECRET_PREFIX: &str = "whsec_";
/// How many bytes such a secret holds.
const SECRET_BYTES: std::ops::RangeInclusive<usize> = 24..=64;

/// A key of Standard Webhooks.
pub(super) struct WebhookKey(Zeroizing<Vec<u8>>);

impl WebhookKey {
    /// Reads `whsec_<base64>`; nothing if it is not that, or too short to be safe.
    pub(super) fn parse(secret: &str) -> Option<Self> {
        let bytes = Zeroizing::new(BASE64.decode(secret.strip_prefix(SECRET_PREFIX)?).ok()?);
        SECRET_BYTES.contains(&bytes.len()).then_some(Self(bytes))
    }
}

/// `webhook-signature`: one part for each key, in order.
pub(super) fn standard_webhooks(keys: &[WebhookKey], id: &str, timestamp: u64, body: &[u8]) -> String {
    let head = format!("{id}.{timestamp}.");
    let part =
        |key: &WebhookKey| format!("v1,{}", BASE64.encode(hmac_sha256(&key.0, [head.as_bytes(), body])));
    keys.iter().map(part).collect::<Vec<_>>().join(" ")
}

/// HMAC-SHA256 of the body in lower-case hex.
pub(super) fn hex(key: &[u8], body: &[u8]) -> String {
    HEXLOWER.encode(&hmac_sha256(key, [body]))
}

/// Seconds since 1970, as `webhook-timestamp` has it; 0 before.
pub(super) fn seconds(now: SystemTime) -> u64 {
    now.duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

fn hmac_sha256<const N: usize>(key: &[u8], parts: [&[u8]; N]) -> [u8; 32] {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes a key of any length");
    for part in parts {
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the Standard Webhooks libraries' own tests.
    const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    const ID: &str = "msg_p5jXN8AQM9LWM0D4loKWxJek";
    const TIMESTAMP: u64 = 1_614_265_330;
    const BODY: &[u8] = br#"{"test": 2432232314}"#;
    const SIGNATURE: &str = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";

    #[test]
    fn the_published_example_of_standard_webhooks_is_signed_as_published() {
        let keys = [WebhookKey::parse(SECRET).unwrap()];
        assert_eq!(standard_webhooks(&keys, ID, TIMESTAMP, BODY), SIGNATURE);
    }

    #[test]
    fn every_key_signs_in_order_while_a_secret_is_rotated() {
        let new = format!("whsec_{}", BASE64.encode([7; 32]));
        let keys = [WebhookKey::parse(&new).unwrap(), WebhookKey::parse(SECRET).unwrap()];
        let both = standard_webhooks(&keys, ID, TIMESTAMP, BODY);
        let (first, second) = both.split_once(' ').unwrap();
        assert_eq!(first, standard_webhooks(&keys[..1], ID, TIMESTAMP, BODY));
        assert_eq!(second, SIGNATURE);
    }

    #[test]
    fn a_secret_is_24_to_64_bytes_behind_its_prefix() {
        for bytes in [24, 25, 32, 64] {
            let padded = format!("whsec_{}", BASE64.encode(vec![1; bytes]));
            assert!(WebhookKey::parse(&padded).is_some(), "{bytes}");
            assert!(WebhookKey::parse(padded.trim_end_matches('=')).is_some(), "{bytes} without padding");
        }
        for bytes in [0, 23, 65] {
            assert!(
                WebhookKey::parse(&format!("whsec_{}", BASE64.encode(vec![1; bytes]))).is_none(),
                "{bytes}"
            );
        }
        for wrong in ["", "whsec_", SECRET.trim_start_matches("whsec_"), "whsec_!!!!", "whpk_MfKQ9r8GKYqr"] {
            assert!(WebhookKey::parse(wrong).is_none(), "{wrong}");
        }
    }

    #[test]
    fn hmac_hex_is_that_of_rfc_4231() {
        assert_eq!(
            hex(b"Jefe", b"what do ya want for nothing?"),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        );
    }
}
