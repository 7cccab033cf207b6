//! `[admin]`: the socket that `commwatch status` and its siblings talk to.

use std::path::{Path, PathBuf};

use nix::unistd::Group;

use super::findings::Note;
use super::section::{Bad, Context, Key, Section, key};
use super::source;
use super::spanned::Table;
use super::{Admin, Store};

pub(super) const KEYS: &[Key] = &[key("socket"), key("write_group")];

const FILE: &str = "admin.sock";
/// Where the configuration of the installed service is, and where its state is.
const INSTALLED: &str = "/etc/commwatch";
const STATE: &str = "/var/lib/commwatch";
/// `sun_path` of Linux, without the zero at its end.
const SOCKET_BYTES_MAX: usize = 107;
/// The longest name of a group (useradd(8)).
const GROUP_BYTES_MAX: usize = 32;

/// Where the daemon of the configuration at `path` listens, as far as that can be told from outside: what the files say,
/// however wrong the rest of them may be; else beside the store if there is a socket; else there as well, where the
/// configuration names a store and is not that of the installed service: nobody means that one with a file of his own.
/// `None`: the usual place is meant.
pub fn likely_socket(path: &Path) -> Option<PathBuf> {
    let (sources, files) = source::read_all(path);
    let folder = sources.named.parent().unwrap_or(Path::new("/"));
    let tables: Vec<toml::Table> =
        files.iter().filter_map(|file| file.text.as_ref().ok()?.parse().ok()).collect();
    let said = |section: &str, key: &str| {
        let value = tables.iter().find_map(|table| table.get(section)?.get(key)?.as_str());
        value.map(|text| folder.join(text))
    };
    let store = said("store", "path");
    let beside = |store: &Path| Some(store.parent()?.join(FILE));
    let is_installed = folder == Path::new(INSTALLED);
    let own = store.as_deref().and_then(beside).filter(|socket| !is_installed || socket.exists());
    let usual = || Some(Path::new(STATE).join(FILE)).filter(|socket| store.is_none() && socket.exists());
    said("admin", "socket").or(own).or_else(usual)
}

/// By default it lies in systemd's runtime folder, else beside the store.
pub(super) fn read(cx: Context<'_>, root: &Table, store: &Store) -> Admin {
    let section = root.get("admin").and_then(|entry| Section::open(cx, &entry.value, "[admin]", KEYS));
    let beside = || {
        cx.surroundings.runtime_directory.clone().unwrap_or_else(|| {
            store.path.parent().map_or_else(|| cx.folder.to_path_buf(), |folder| folder.to_path_buf())
        })
    };
    let given = section.and_then(|section| section.path("socket"));
    if let (Some(section), Some(path)) = (section, &given)
        && path.as_os_str().len() > SOCKET_BYTES_MAX
    {
        let message = format!("`socket` is longer than {SOCKET_BYTES_MAX} bytes");
        section.error(
            section.place("socket"),
            message,
            "sockets have a bound of their own; choose a shorter path",
        );
    }
    let write_group = section.and_then(|section| write_group(cx, &section));
    Admin { socket: given.unwrap_or_else(|| beside().join(FILE)), write_group }
}

/// A group that this machine does not have is no mistake: the file may be checked on another one than it is for.
fn write_group(cx: Context<'_>, section: &Section<'_>) -> Option<String> {
    let name = section.parse("write_group", group)?;
    if matches!(Group::from_name(name), Ok(None)) {
        let message = format!(
            "there is no group `{name}` on this machine: only root and the daemon's own user may change things"
        );
        let hint = "make it (groupadd), or name another one";
        cx.findings.add(Note::warning(section.place("write_group"), message).hint(hint));
    }
    Some(name.to_owned())
}

fn group(text: &str) -> Result<&str, Bad> {
    let odd = |byte: u8| {
        byte.is_ascii_whitespace() || byte.is_ascii_control() || matches!(byte, b':' | b',' | b'/')
    };
    if text.len() <= GROUP_BYTES_MAX && !text.bytes().any(odd) {
        Ok(text)
    } else {
        Err(Bad::new(
            format!("`{text}` is not a group's name"),
            "write one name as in /etc/group, such as \"ops\"",
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_socket_is_found_however_wrong_the_rest_of_the_file_is() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("commwatch.toml");
        std::fs::write(&file, "nonsense = 1\n[admin]\nsocket = \"a.sock\"\n").unwrap();
        assert_eq!(likely_socket(&file), Some(folder.path().join("a.sock")));
        std::fs::write(&file, "[store]\npath = \"state/x.db\"\n").unwrap();
        assert_eq!(likely_socket(&file), Some(folder.path().join("state/admin.sock")), "none but its own");
        std::fs::create_dir(folder.path().join("state")).unwrap();
        std::fs::write(folder.path().join("state/admin.sock"), "").unwrap();
        assert_eq!(likely_socket(&file), Some(folder.path().join("state/admin.sock")));
        assert_eq!(likely_socket(&folder.path().join("absent.toml")), None);
    }
}
