//! The manifest, put together while the plugin is compiled, so that it stands in the file as plain bytes.

/// What a plugin says of itself; `export_plugin!` fills it in.
#[derive(Clone, Copy, Debug)]
pub struct Manifest {
    /// `a-z`, `0-9` and `-`, at most 64 bytes.
    pub name: &'static str,
    /// The crate's version.
    pub version: &'static str,
    /// One sentence, at most 500 bytes.
    pub description: &'static str,
    /// How many threads may be inside `deliver` at once, 1 to 64.
    pub concurrency: u16,
    /// No notification is longer than this; 1024 to 1048576.
    pub notification_bytes_max: u32,
    /// Whether it wants to be handed what the receiver said of the notification before
    /// ([`Notification::receipt`](crate::Notification::receipt)).
    pub receipts: bool,
    /// How often it wants to be handed again what is open (`open` or `update`, and not closed since), in seconds: 10 to
    /// 3600, or 0 where its receiver remembers. The notification has the same bytes.
    pub repeat_seconds: u32,
    /// JSON Schema 2020-12 of an object. Whether it is one is seen when the daemon reads it, or in a test.
    pub config_schema: &'static str,
}

/// At most this many threads are inside one plugin.
pub const CONCURRENCY_MAX: u16 = 64;
/// The bounds of `notification_bytes_max`.
pub const NOTIFICATION_BYTES: (u32, u32) = (1024, 1_048_576);
/// The bounds of `repeat_seconds`, where it is not 0.
pub const REPEAT_SECONDS: (u32, u32) = (10, 3_600);
/// The longest name and version, in bytes.
pub const NAME_BYTES_MAX: usize = 64;
/// The longest description, in bytes.
pub const DESCRIPTION_BYTES_MAX: usize = 500;

impl Manifest {
    /// Fails the build where a value is outside its bounds.
    pub const fn check(&self) {
        let name = self.name.as_bytes();
        assert!(!name.is_empty() && name.len() <= NAME_BYTES_MAX, "name: 1 to 64 characters");
        let mut at = 0;
        while at < name.len() {
            assert!(matches!(name[at], b'a'..=b'z' | b'0'..=b'9' | b'-'), "name: only a-z, 0-9 and -");
            at += 1;
        }
        assert!(self.version.len() <= NAME_BYTES_MAX, "version: at most 64 bytes");
        assert!(self.description.len() <= DESCRIPTION_BYTES_MAX, "description: at most 500 bytes");
        assert!(self.concurrency >= 1 && self.concurrency <= CONCURRENCY_MAX, "concurrency: 1 to 64");
        let (least, most) = NOTIFICATION_BYTES;
        assert!(
            self.notification_bytes_max >= least && self.notification_bytes_max <= most,
            "notification_bytes_max: 1024 to 1048576"
        );
        let (least, most) = REPEAT_SECONDS;
        let repeat = self.repeat_seconds;
        assert!(repeat == 0 || (repeat >= least && repeat <= most), "repeat_seconds: 0, or 10 to 3600");
        assert!(self.json_len() <= crate::abi::MANIFEST_BYTES_MAX as usize, "manifest: at most 256 KiB");
    }

    /// Length of [`json`](Self::json).
    pub const fn json_len(&self) -> usize {
        self.render(&mut [])
    }

    /// The manifest as JSON; `LEN` is [`json_len`](Self::json_len).
    pub const fn json<const LEN: usize>(&self) -> [u8; LEN] {
        let mut out = [0; LEN];
        self.render(&mut out);
        out
    }

    const fn render(&self, out: &mut [u8]) -> usize {
        let mut at = put(out, 0, b"{\"abi\":1,\"name\":");
        at = put_text(out, at, self.name);
        at = put(out, at, b",\"version\":");
        at = put_text(out, at, self.version);
        at = put(out, at, b",\"description\":");
        at = put_text(out, at, self.description);
        at = put(out, at, b",\"concurrency\":");
        at = put_number(out, at, self.concurrency as u32);
        at = put(out, at, b",\"notification_bytes_max\":");
        at = put_number(out, at, self.notification_bytes_max);
        if self.receipts {
            at = put(out, at, b",\"receipts\":true");
        }
        if self.repeat_seconds > 0 {
            at = put(out, at, b",\"repeat_seconds\":");
            at = put_number(out, at, self.repeat_seconds);
        }
        at = put(out, at, b",\"config\":");
        at = put(out, at, self.config_schema.as_bytes());
        put(out, at, b"}")
    }
}

/// Writes at `at` what fits (nothing, when only the length is asked for), and returns where to go on.
const fn put(out: &mut [u8], at: usize, bytes: &[u8]) -> usize {
    let mut taken = 0;
    while taken < bytes.len() {
        if at + taken < out.len() {
            out[at + taken] = bytes[taken];
        }
        taken += 1;
    }
    at + taken
}

const fn put_text(out: &mut [u8], at: usize, text: &str) -> usize {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    let bytes = text.as_bytes();
    let mut at = put(out, at, b"\"");
    let mut taken = 0;
    while taken < bytes.len() {
        let byte = bytes[taken];
        at = match byte {
            b'"' | b'\\' => put(out, at, &[b'\\', byte]),
            0..0x20 => {
                put(out, at, &[b'\\', b'u', b'0', b'0', HEX[byte as usize >> 4], HEX[byte as usize & 15]])
            }
            _ => put(out, at, &[byte]),
        };
        taken += 1;
    }
    put(out, at, b"\"")
}

const fn put_number(out: &mut [u8], at: usize, number: u32) -> usize {
    let at = if number >= 10 { put_number(out, at, number / 10) } else { at };
    put(out, at, &[b'0' + (number % 10) as u8])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_manifest_is_json_with_every_text_escaped() {
        const MANIFEST: Manifest = Manifest {
            name: "a-1",
            version: "1.2.3",
            description: "says \"hi\" \\ \u{1} שלום",
            concurrency: 64,
            notification_bytes_max: 1_048_576,
            receipts: false,
            repeat_seconds: 0,
            config_schema: r#"{"type": "object"}"#,
        };
        const JSON: [u8; MANIFEST.json_len()] = MANIFEST.json();
        let read: serde_json::Value = serde_json::from_slice(&JSON).unwrap();
        let expected = serde_json::json!({
            "abi": 1, "name": "a-1", "version": "1.2.3", "description": "says \"hi\" \\ \u{1} שלום",
            "concurrency": 64, "notification_bytes_max": 1_048_576, "config": {"type": "object"},
        });
        assert_eq!(read, expected);
        const ASKING: Manifest = Manifest { receipts: true, repeat_seconds: 60, ..MANIFEST };
        const ASKED: [u8; ASKING.json_len()] = ASKING.json();
        let read: serde_json::Value = serde_json::from_slice(&ASKED).unwrap();
        assert_eq!((&read["receipts"], &read["repeat_seconds"]), (&true.into(), &60.into()));
        assert_eq!(read["config"], expected["config"]);
    }

    #[test]
    fn a_value_outside_its_bounds_is_refused() {
        let good = Manifest {
            name: "a",
            version: "1",
            description: "",
            concurrency: 1,
            notification_bytes_max: 1024,
            receipts: false,
            repeat_seconds: 0,
            config_schema: "{}",
        };
        good.check();
        for bad in [
            Manifest { name: "A", ..good },
            Manifest { name: "", ..good },
            Manifest { concurrency: 0, ..good },
            Manifest { concurrency: 65, ..good },
            Manifest { notification_bytes_max: 1023, ..good },
            Manifest { repeat_seconds: 9, ..good },
            Manifest { repeat_seconds: 3601, ..good },
        ] {
            assert!(std::panic::catch_unwind(|| bad.check()).is_err(), "{bad:?}");
        }
    }
}
