//! A disk that fails on request: see `disk.c`.

use std::path::PathBuf;

use crate::world::World;

pub struct Disk {
    folder: PathBuf,
}

impl Disk {
    /// Every daemon that this world starts from now on has its database on such a disk.
    pub fn of(world: &mut World) -> Self {
        let folder = world.preload("disk");
        world.environment.insert("FAULTY_DISK", folder.display().to_string());
        Self { folder }
    }

    /// Nothing more can be written, or (`false`) it can again.
    pub fn full(&self, is: bool) {
        self.set("full", is);
    }

    /// Whoever touches it waits, or (`false`) goes on.
    pub fn hangs(&self, is: bool) {
        self.set("hang", is);
    }

    /// Every commit takes a while, or (`false`) no longer does.
    pub fn slow(&self, is: bool) {
        self.set("slow", is);
    }

    /// Whatever is written fails, or (`false`) no longer does.
    pub fn fails(&self, is: bool) {
        self.set("eio", is);
    }

    /// Whatever is read fails, or (`false`) no longer does.
    pub fn unreadable(&self, is: bool) {
        self.set("unreadable", is);
    }

    /// What is written cannot be made to last, or (`false`) it can again.
    pub fn fsync_fails(&self, is: bool) {
        self.set("fsync-fails", is);
    }

    /// Nothing can be written or made anew, or (`false`) it can again.
    pub fn read_only(&self, is: bool) {
        self.set("read-only", is);
    }

    /// The files get no more of it than they have, or (`false`) they do again.
    pub fn has_no_room(&self, is: bool) {
        self.set("no-room", is);
    }

    /// The daemon is killed just before or after the `n`-th write or sync, from now on, of a file with `file` in its
    /// name: `kills_at("-wal", "write", 3, "before")`.
    pub fn kills_at(&self, file: &str, operation: &str, n: usize, when: &str) {
        // By rename: it must never see half of it.
        std::fs::write(self.folder.join("moment"), format!("{file} {operation} {n} {when}\n")).unwrap();
        std::fs::rename(self.folder.join("moment"), self.folder.join("kill")).unwrap();
    }

    /// Takes that back; says whether it has happened.
    pub fn has_killed(&self) -> bool {
        std::fs::remove_file(self.folder.join("kill")).unwrap();
        std::fs::remove_file(self.folder.join("killed")).is_ok()
    }

    fn set(&self, what: &str, is: bool) {
        let path = self.folder.join(what);
        if is { std::fs::write(path, "").unwrap() } else { std::fs::remove_file(path).unwrap() }
    }
}
