//! What a plugin says of itself, read from its file without loading it: none of its code runs.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use commwatch_plugin_api::abi;
use commwatch_plugin_api::manifest::{
    CONCURRENCY_MAX, DESCRIPTION_BYTES_MAX, NAME_BYTES_MAX, NOTIFICATION_BYTES, REPEAT_SECONDS,
};
use object::{Object as _, ObjectSection as _, ReadCache};
use serde::Deserialize;

use super::refusal::{Refusal, Why};

/// A plugin's manifest, checked.
#[derive(Clone, Debug, Deserialize, PartialEq)]
pub struct Manifest {
    /// `a-z`, `0-9` and `-`, at most 64 bytes.
    pub name: String,
    /// The plugin's own version, at most 64 bytes.
    pub version: String,
    /// One sentence.
    #[serde(default)]
    pub description: String,
    /// How many threads may be inside `deliver` at once, 1 to 64.
    pub concurrency: u16,
    /// The longest notification that it takes, 1024 to 1048576 bytes of JSON.
    pub notification_bytes_max: u32,
    /// Whether it wants to be handed what the receiver said of the notification before.
    #[serde(default)]
    pub receipts: bool,
    /// How often what is open is handed over again, 10 to 3600 s; 0 where the receiver remembers it.
    #[serde(default)]
    pub repeat_seconds: u32,
    /// JSON Schema 2020-12 of its configuration.
    pub config: serde_json::Value,
}

/// The part that every version of a manifest has.
#[derive(Deserialize)]
struct Abi {
    abi: u64,
}

impl Manifest {
    /// Reads the manifest of the plugin in `file`.
    ///
    /// # Errors
    /// [`Refusal`], with a text for the operator, if it is no plugin or none for this commwatch.
    pub fn read(file: &Path) -> Result<Self, Refusal> {
        let refused = |why| Refusal::new(file, why);
        let json = section(file).map_err(refused)?;
        Self::parse(&json).map_err(refused)
    }

    /// Reads the bytes of the section.
    pub(super) fn parse(json: &[u8]) -> Result<Self, Why> {
        let json = without_padding(json);
        let not_json = |error: serde_json::Error| Why::Manifest(error.to_string());
        let Abi { abi: theirs } = serde_json::from_slice(json).map_err(not_json)?;
        if theirs != u64::from(abi::ABI_V1) {
            return Err(Why::Abi { theirs, ours: abi::ABI_V1 });
        }
        let manifest: Self = serde_json::from_slice(json).map_err(not_json)?;
        manifest.check().map_err(Why::Manifest)?;
        Ok(manifest)
    }

    fn check(&self) -> Result<(), String> {
        let letters = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-');
        if self.name.is_empty() || self.name.len() > NAME_BYTES_MAX || !self.name.bytes().all(letters) {
            return Err(format!(
                "name is {:?}, and may hold 1 to {NAME_BYTES_MAX} of a-z, 0-9 and -",
                self.name
            ));
        }
        if self.version.len() > NAME_BYTES_MAX || self.description.len() > DESCRIPTION_BYTES_MAX {
            return Err(format!(
                "version or description is longer than {NAME_BYTES_MAX} or {DESCRIPTION_BYTES_MAX} bytes"
            ));
        }
        if !(1..=CONCURRENCY_MAX).contains(&self.concurrency) {
            return Err(format!("concurrency is {}, and may be 1 to {CONCURRENCY_MAX}", self.concurrency));
        }
        let (least, most) = NOTIFICATION_BYTES;
        if !(least..=most).contains(&self.notification_bytes_max) {
            let bytes = self.notification_bytes_max;
            return Err(format!("notification_bytes_max is {bytes}, and may be {least} to {most}"));
        }
        let (least, most) = REPEAT_SECONDS;
        if self.repeat_seconds != 0 && !(least..=most).contains(&self.repeat_seconds) {
            let seconds = self.repeat_seconds;
            return Err(format!("repeat_seconds is {seconds}, and may be 0 or {least} to {most}"));
        }
        if !self.config.is_object() {
            return Err("config is not a JSON Schema of an object".to_owned());
        }
        jsonschema::draft202012::meta::validate(&self.config).map_err(|error| {
            format!("config is not a JSON Schema: at {:?}: {error}", error.instance_path().as_str())
        })
    }
}

/// A C string literal leaves NUL bytes behind.
pub(super) fn without_padding(json: &[u8]) -> &[u8] {
    let end = json.iter().rposition(|&byte| byte != 0).map_or(0, |last| last + 1);
    &json[..end]
}

/// The bytes of the manifest's section, at most [`abi::MANIFEST_BYTES_MAX`]; of the rest of the file only its
/// headers are read.
pub(super) fn section(file: &Path) -> Result<Vec<u8>, Why> {
    let metadata = std::fs::metadata(file).map_err(Why::Read)?;
    if !metadata.is_file() {
        return Err(Why::NotAFile); // Opening a FIFO would wait for ever.
    }
    let mut opened = File::open(file).map_err(Why::Read)?;
    let mut magic = [0; 4];
    if opened.read_exact(&mut magic).is_err() || magic != *b"\x7fELF" {
        return Err(Why::NotElf);
    }
    let cache = ReadCache::new(opened);
    let broken = |error: object::Error| Why::BrokenElf(error.to_string());
    let elf = object::File::parse(&cache).map_err(broken)?;
    if let Some(theirs) = other_machine(elf.architecture()) {
        return Err(Why::Machine { theirs, ours: std::env::consts::ARCH });
    }
    let section = elf.section_by_name(abi::PLUGIN_SECTION).ok_or(Why::NoSection)?;
    if section.size() > u64::from(abi::MANIFEST_BYTES_MAX) {
        return Err(Why::ManifestTooLong { bytes: section.size() });
    }
    Ok(section.data().map_err(broken)?.to_vec())
}

fn other_machine(theirs: object::Architecture) -> Option<String> {
    let ours = match std::env::consts::ARCH {
        "x86_64" => object::Architecture::X86_64,
        "aarch64" => object::Architecture::Aarch64,
        "riscv64" => object::Architecture::Riscv64,
        _ => return None, // The loader will say it in its own words.
    };
    (theirs != ours).then(|| format!("{theirs:?}").to_lowercase())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn good() -> Value {
        json!({
            "abi": 1, "name": "hook", "version": "1.0", "description": "d", "concurrency": 4,
            "notification_bytes_max": 4096, "config": {"type": "object"}, "a-later-field": [1],
        })
    }

    fn refusal(change: impl FnOnce(&mut Value)) -> String {
        let mut manifest = good();
        change(&mut manifest);
        Manifest::parse(manifest.to_string().as_bytes()).unwrap_err().to_string()
    }

    #[test]
    fn unknown_fields_and_padding_are_ignored() {
        let manifest = Manifest::parse(format!("{}\0\0\0", good()).as_bytes()).unwrap();
        assert_eq!((manifest.name.as_str(), manifest.concurrency), ("hook", 4));
    }

    #[test]
    fn another_abi_is_refused_before_anything_else_is_looked_at() {
        insta::assert_snapshot!(
            refusal(|m| *m = json!({"abi": 2, "name": 7})),
            @"it is built for plugin ABI 2, this commwatch has ABI 1: build it against this commwatch's header"
        );
    }

    #[test]
    fn a_bad_manifest_says_what_is_bad() {
        let cases = [
            refusal(|m| m["name"] = json!("Hook")),
            refusal(|m| m["concurrency"] = json!(0)),
            refusal(|m| m["concurrency"] = json!(65)),
            refusal(|m| m["notification_bytes_max"] = json!(1_048_577)),
            refusal(|m| m["config"] = json!(true)),
            refusal(|m| m["config"] = json!({"properties": {"a": {"type": "txt"}}})),
            refusal(|m| drop(m.as_object_mut().unwrap().remove("version"))),
            Manifest::parse(b"").unwrap_err().to_string(),
            Manifest::parse(b"{\"abi\":1}{\"abi\":1}").unwrap_err().to_string(),
        ];
        insta::assert_snapshot!(cases.join("\n"), @r#"
        its manifest is not usable: name is "Hook", and may hold 1 to 64 of a-z, 0-9 and -
        its manifest is not usable: concurrency is 0, and may be 1 to 64
        its manifest is not usable: concurrency is 65, and may be 1 to 64
        its manifest is not usable: notification_bytes_max is 1048577, and may be 1024 to 1048576
        its manifest is not usable: config is not a JSON Schema of an object
        its manifest is not usable: config is not a JSON Schema: at "/properties/a/type": "txt" is not valid under any of the schemas listed in the 'anyOf' keyword
        its manifest is not usable: missing field `version` at line 1 column 134
        its manifest is not usable: EOF while parsing a value at line 1 column 0
        its manifest is not usable: trailing characters at line 1 column 10
        "#);
    }

    #[test]
    fn a_file_that_is_no_plugin_says_so() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        std::fs::write(at("text.so"), "not a library").unwrap();
        std::fs::write(at("empty.so"), "").unwrap();
        std::fs::write(at("cut.so"), b"\x7fELF\x02\x01\x01\0").unwrap();
        let executable = std::env::current_exe().unwrap();
        let why = |file: &Path| section(file).unwrap_err().to_string();
        let cases = [
            why(&at("missing.so")),
            why(folder.path()),
            why(&at("text.so")),
            why(&at("empty.so")),
            why(&at("cut.so")),
            why(&executable),
        ];
        insta::assert_snapshot!(cases.join("\n"), @r#"
        it cannot be read: No such file or directory (os error 2)
        it is not a regular file
        it is not a shared library (no ELF file)
        it is not a shared library (no ELF file)
        it is a damaged ELF file: Could not read file magic
        it holds no section .commwatch.plugin: it is not a commwatch plugin
        "#);
    }
}
