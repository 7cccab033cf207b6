//! Who may ask for what. Whoever may open the socket may read; changing is for root, for the user that the daemon runs as,
//! and for members of `[admin] write_group`, by what the kernel says of who is at the other end.

use nix::unistd::{Gid, Group, Uid, User, getgrouplist};

use super::Request;

/// What a request needs.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Right {
    /// It changes nothing of what is told to whom, nor of the daemon's state.
    Read,
    /// It does.
    Change,
}

impl Request {
    /// What it needs.
    pub fn right(&self) -> Right {
        match self {
            Self::Status {}
            | Self::Online {}
            | Self::Why { .. }
            | Self::Events { .. }
            | Self::Deliveries { .. }
            | Self::Silences { .. }
            | Self::Replay { dry_run: true, .. } => Right::Read,
            // What a test sends, people read.
            Self::Test { .. }
            // A backup is a file that the daemon writes wherever it may.
            | Self::Backup { .. }
            | Self::Reload { .. }
            | Self::Replay { dry_run: false, .. }
            | Self::DropDead { .. }
            | Self::Resume { .. }
            | Self::SilenceAdd { .. }
            | Self::SilenceExpire { .. }
            | Self::Ack { .. } => Right::Change,
        }
    }
}

/// Who is at the other end, as the kernel says.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Peer {
    /// The user.
    pub uid: u32,
    /// The group in force when it connected.
    pub gid: u32,
}

/// Whether `peer` may change things, by this machine's users and groups, which may be somewhere in a network: this blocks.
///
/// # Errors
/// Why not, for a person.
pub fn decide(peer: Option<Peer>, group: Option<&str>) -> Result<(), String> {
    may_change(peer, rustix::process::geteuid().as_raw(), group, is_member)
}

/// Whether `peer` may change things. `own` is the daemon's user; `is_member` is asked where only a group can tell.
fn may_change(
    peer: Option<Peer>,
    own: u32,
    group: Option<&str>,
    is_member: impl Fn(Peer, &str) -> Result<bool, String>,
) -> Result<(), String> {
    let Some(peer) = peer else { return Err(refusal("the system does not say who you are", group)) };
    if peer.uid == 0 || peer.uid == own {
        return Ok(());
    }
    let you = format!("you are user {}", peer.uid);
    let Some(name) = group else { return Err(refusal(&you, group)) };
    match is_member(peer, name) {
        Ok(true) => Ok(()),
        Ok(false) => Err(refusal(&format!("{you}, who is not in it"), group)),
        Err(why) => Err(refusal(&format!("{you}, and {why}"), group)),
    }
}

fn refusal(you: &str, group: Option<&str>) -> String {
    let (group, hint) = match group {
        Some(group) => (
            format!(", the daemon's own user and members of the group {group}"),
            "use sudo, or become a member of that group ([admin] write_group) and log in again",
        ),
        None => (
            " and the daemon's own user".to_owned(),
            "use sudo, or name a group whose members may: [admin] write_group = \"GROUP\"",
        ),
    };
    format!("this changes something, which only root{group} may; {you}\n  hint: {hint}")
}

/// Whether somebody belongs to a group: by the group in force, or by the machine's list of users and groups. That may be
/// somewhere in a network, so this blocks.
fn is_member(peer: Peer, group: &str) -> Result<bool, String> {
    let unread = |error: nix::Error| format!("the machine's users and groups cannot be read: {error}");
    let Some(group) = Group::from_name(group).map_err(unread)? else {
        return Err(format!("there is no group `{group}` on this machine"));
    };
    if Gid::from_raw(peer.gid) == group.gid {
        return Ok(true);
    }
    let Some(user) = User::from_uid(Uid::from_raw(peer.uid)).map_err(unread)? else { return Ok(false) };
    let Ok(name) = std::ffi::CString::new(user.name) else { return Ok(false) };
    Ok(getgrouplist(&name, user.gid).map_err(unread)?.contains(&group.gid))
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::core::replay::Selection;
    use crate::core::silence::{Draft, Matcher};

    /// One of each, by the name that it has on the socket.
    fn requests() -> Vec<(&'static str, Right, Request)> {
        let read = |line: &'static str| -> Request { serde_json::from_str(line).expect(line) };
        vec![
            ("status", Right::Read, read(r#"{"command":"status"}"#)),
            ("online", Right::Read, read(r#"{"command":"online"}"#)),
            ("why", Right::Read, read(r#"{"command":"why","of":{"about":"event","id":"evt_1"}}"#)),
            ("events", Right::Read, read(r#"{"command":"events","of":{"limit":1}}"#)),
            ("deliveries", Right::Read, read(r#"{"command":"deliveries","of":{"limit":1}}"#)),
            ("silences", Right::Read, read(r#"{"command":"silences"}"#)),
            ("replay", Right::Read, Request::Replay { of: selection(), dry_run: true }),
            ("replay", Right::Change, Request::Replay { of: selection(), dry_run: false }),
            ("drop-dead", Right::Change, Request::DropDead { of: selection() }),
            ("backup", Right::Change, read(r#"{"command":"backup","file":"/x"}"#)),
            ("test", Right::Change, read(r#"{"command":"test","notifier":"x"}"#)),
            ("reload", Right::Change, read(r#"{"command":"reload"}"#)),
            ("resume", Right::Change, read(r#"{"command":"resume","notifier":"x"}"#)),
            ("silence-add", Right::Change, Request::SilenceAdd { draft: draft() }),
            ("silence-expire", Right::Change, read(r#"{"command":"silence-expire","id":1}"#)),
            ("ack", Right::Change, read(r#"{"command":"ack","watch":"x"}"#)),
        ]
    }

    fn draft() -> Draft {
        Draft {
            matcher: Matcher::Watch("x".into()),
            until: Timestamp::UNIX_EPOCH,
            until_reply: false,
            until_close: false,
            reason: "x".into(),
            by: None,
        }
    }

    fn selection() -> Selection {
        Selection { event: Some("evt_1".into()), ..Selection::default() }
    }

    #[test]
    fn each_request_is_classed_by_what_it_does() {
        for (name, right, request) in requests() {
            assert_eq!(request.right(), right, "{name}");
            let line = serde_json::to_value(&request).unwrap();
            assert_eq!(line["command"], name);
        }
    }

    #[test]
    fn root_the_own_user_and_the_group_may_change_and_nobody_else() {
        let may = |uid, group: Option<&str>| {
            let member = |peer: Peer, group: &str| match group {
                "gone" => Err("there is no group `gone` on this machine".to_owned()),
                _ => Ok(peer.gid == 7),
            };
            may_change(Some(Peer { uid, gid: if uid == 30 { 7 } else { 9 } }), 20, group, member)
        };
        for (uid, group, allowed) in [
            (0, None, true),
            (20, None, true),
            (30, None, false),
            (0, Some("ops"), true),
            (20, Some("ops"), true),
            (30, Some("ops"), true),
            (40, Some("ops"), false),
            (30, Some("gone"), false),
            (0, Some("gone"), true),
        ] {
            assert_eq!(may(uid, group).is_ok(), allowed, "{uid} {group:?}");
        }
        assert!(may_change(None, 20, Some("ops"), |_, _| Ok(true)).is_err(), "who is unknown may nothing");
        insta::assert_snapshot!(may(40, None).unwrap_err(), @r#"
        this changes something, which only root and the daemon's own user may; you are user 40
          hint: use sudo, or name a group whose members may: [admin] write_group = "GROUP"
        "#);
        insta::assert_snapshot!(may(40, Some("ops")).unwrap_err(), @"
        this changes something, which only root, the daemon's own user and members of the group ops may; you are user 40, who is not in it
          hint: use sudo, or become a member of that group ([admin] write_group) and log in again
        ");
        insta::assert_snapshot!(may(40, Some("gone")).unwrap_err(), @"
        this changes something, which only root, the daemon's own user and members of the group gone may; you are user 40, and there is no group `gone` on this machine
          hint: use sudo, or become a member of that group ([admin] write_group) and log in again
        ");
    }

    #[test]
    fn membership_is_the_machines_own() {
        assert_eq!(is_member(Peer { uid: 1, gid: 0 }, "root"), Ok(true), "by the group in force");
        assert_eq!(is_member(Peer { uid: 0, gid: 4_000_000_000 }, "root"), Ok(true), "by the list of users");
        assert_eq!(is_member(Peer { uid: 4_000_000_000, gid: 4_000_000_000 }, "root"), Ok(false));
        let missing = is_member(Peer { uid: 0, gid: 0 }, "no-such-group-at-all").unwrap_err();
        assert_eq!(missing, "there is no group `no-such-group-at-all` on this machine");
    }
}
