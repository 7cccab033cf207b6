//! Who may ask the daemon for what, by the real socket.

use std::os::unix::fs::{PermissionsExt as _, chown};
use std::os::unix::process::CommandExt as _;

use crate::world::{World, run};

/// Somebody who is neither root nor the daemon's user, and a group that they are in.
const NOBODY: u32 = 65_534;

#[tokio::test(flavor = "multi_thread")]
async fn the_daemons_own_user_may_change_things() {
    let mut world = World::new().await;
    world.watching(7);
    world.start().await;
    world.baselined().await;
    let text = world.ask(&["silence", "add", "--watch", "w7", "--for", "1h", "--reason", "test"]);
    assert!(text.contains("w7"), "{text}");
}

/// Only root can become somebody else: as another user this shows nothing, and the tables beside the code do.
#[tokio::test(flavor = "multi_thread")]
async fn who_may_open_the_socket_may_read_and_who_is_in_the_group_may_change_where_root_runs_this() {
    if !rustix_is_root() {
        return;
    }
    let mut world = World::new().await;
    world.watching(7);
    world.start().await;
    world.baselined().await;
    let socket = world.path("admin.sock");
    std::fs::set_permissions(world.folder(), std::fs::Permissions::from_mode(0o755)).unwrap();
    let binary = world.path("commwatch-for-others");
    std::fs::copy(&world.binary, &binary).unwrap();
    std::fs::set_permissions(&binary, std::fs::Permissions::from_mode(0o755)).unwrap();
    // As the package has it: the socket is its group's.
    chown(&socket, Some(0), Some(NOBODY)).unwrap();
    let as_nobody = |words: &[&str]| {
        let mut command = std::process::Command::new(&binary);
        command.args(words).args(["--socket"]).arg(&socket).current_dir("/").uid(NOBODY).gid(NOBODY);
        let output = run(&mut command);
        let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
        (output.status.code(), text(&output.stdout), text(&output.stderr))
    };
    let change = ["silence", "add", "--watch", "w7", "--for", "1h", "--reason", "test"];

    let (code, stdout, stderr) = as_nobody(&["status"]);
    assert_eq!(code, Some(0), "{stderr}");
    assert!(stdout.contains("w7"), "{stdout}");
    assert_eq!(as_nobody(&["silence", "list"]).0, Some(0));
    let (code, _, stderr) = as_nobody(&change);
    assert_eq!(code, Some(1));
    assert_eq!(
        stderr.trim(),
        "error: this changes something, which only root and the daemon's own user may; you are user 65534\n  \
         hint: use sudo, or name a group whose members may: [admin] write_group = \"GROUP\""
    );
    for words in [&["reload"][..], &["ack", "w7"], &["replay", "evt_1"], &["notifiers", "resume", "hook"]] {
        let (code, _, stderr) = as_nobody(words);
        assert!(code == Some(1) && stderr.contains("this changes something"), "{words:?}: {stderr}");
    }
    assert!(!world.ask(&["silence", "list"]).contains("test"), "nothing was changed");

    // A reload is enough to let them.
    let group = std::fs::read_to_string("/etc/group").unwrap();
    let named = group.lines().find(|line| line.split(':').nth(2) == Some("65534")).unwrap();
    let named = named.split(':').next().unwrap();
    let text = world.config_text().replace("[admin]\n", &format!("[admin]\nwrite_group = \"{named}\"\n"));
    world.replace(&world.config_path(), &text);
    world.ask(&["reload"]);
    let (code, _, stderr) = as_nobody(&change);
    assert_eq!(code, Some(0), "{stderr}");
    let text = text.replace(&format!("\"{named}\""), "\"root\"");
    world.replace(&world.config_path(), &text);
    world.ask(&["reload"]);
    let (code, _, stderr) = as_nobody(&change);
    assert!(code == Some(1) && stderr.contains("members of the group root may"), "{stderr}");
}

fn rustix_is_root() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let uids = status.lines().find_map(|line| line.strip_prefix("Uid:")).unwrap();
    uids.split_whitespace().nth(1) == Some("0")
}
