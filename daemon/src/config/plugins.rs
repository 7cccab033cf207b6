//! `[plugins]`: where plugin files are looked for, and whose are loaded.

use std::path::{Path, PathBuf};

use super::section::{Context, Key, Section, key};
use super::spanned::Table;
use super::{Plugins, Trust, source};

pub(super) const KEYS: &[Key] = &[key("path"), key("trust"), key("pins")];

pub(super) const PATH: [&str; 2] = ["/usr/local/lib/commwatch/plugins", "/usr/lib/commwatch/plugins"];
/// Where pins stand when nothing else is said; beside the configuration.
pub(super) const PINS: &str = "plugins.lock";

pub(super) const TRUSTS: [(&str, Trust); 2] = [("strict", Trust::Strict), ("owner", Trust::Owner)];

/// Where the configuration at `path` has plugins looked for, as far as that can be told however wrong the rest of it may
/// be. `None`: the file cannot be read.
pub fn plugin_folders(path: &Path) -> Option<Vec<PathBuf>> {
    let (sources, files) = source::read_all(path);
    files.first()?.text.as_ref().ok()?;
    let folder = sources.named.parent().unwrap_or(Path::new("/"));
    let tables = files.iter().filter_map(|file| file.text.as_ref().ok()?.parse::<toml::Table>().ok());
    let said = tables.filter_map(|table| Some(table.get("plugins")?.get("path")?.as_array()?.clone())).next();
    Some(match said {
        Some(said) => said.iter().filter_map(toml::Value::as_str).map(|text| folder.join(text)).collect(),
        None => PATH.iter().map(|path| path.into()).collect(),
    })
}

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
    let pins = section.and_then(|section| section.path("pins")).unwrap_or_else(|| cx.folder.join(PINS));
    Plugins { path, trust, pins }
}
