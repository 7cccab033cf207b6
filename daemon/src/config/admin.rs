//! `[admin]`: the socket that `commwatch status` and its siblings talk to.

use super::section::{Context, Key, Section, key, later};
use super::spanned::Table;
use super::{Admin, Store};

pub(super) const KEYS: &[Key] = &[key("socket"), later("write_group")];

const FILE: &str = "admin.sock";
/// `sun_path` of Linux, without the zero at its end.
const SOCKET_BYTES_MAX: usize = 107;

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
    Admin { socket: given.unwrap_or_else(|| beside().join(FILE)) }
}
