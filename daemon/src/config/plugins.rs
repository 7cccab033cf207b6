//! `[plugins]`: where plugin files are looked for, and whose are loaded.

use super::section::{Context, Key, Section, key, later};
use super::spanned::Table;
use super::{Plugins, Trust};

pub(super) const KEYS: &[Key] = &[key("path"), key("trust"), later("pins")];

pub(super) const PATH: [&str; 2] = ["/usr/local/lib/commwatch/plugins", "/usr/lib/commwatch/plugins"];
const TRUSTS: [(&str, Trust); 2] = [("strict", Trust::Strict), ("owner", Trust::Owner)];

pub(super) fn read(cx: Context<'_>, root: &Table) -> Plugins {
    let section = root.get("plugins").and_then(|entry| Section::open(cx, &entry.value, "[plugins]", KEYS));
    let texts = section.and_then(|section| section.texts("path"));
    if let (Some(section), Some(true)) = (section, texts.as_ref().map(Vec::is_empty)) {
        section.error(
            section.place("path"),
            "`path` names no folder",
            "delete the key for the usual folders",
        );
    }
    let path = match texts {
        Some(texts) => texts.into_iter().map(|(_, text)| cx.folder.join(text)).collect(),
        None => PATH.iter().map(|path| path.into()).collect(),
    };
    let trust = section.and_then(|section| section.word("trust", &TRUSTS)).unwrap_or(Trust::Strict);
    Plugins { path, trust }
}
