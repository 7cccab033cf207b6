//! The way to the files: every name on it whose change may lead somewhere else, links followed by hand.
//!
//! Kubernetes, for one, mounts `commwatch.toml -> ..data/commwatch.toml` and `..data -> ..2026_01_01/`, and swaps
//! `..data`: neither the file nor the folder that was named changes.

use std::collections::BTreeSet;
use std::path::{Component, Path, PathBuf};

use super::source::Sources;

/// How many links are followed, as in Linux.
const LINKS_MAX: usize = 40;

/// Names that matter, and the folders that hold them.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) struct Trail {
    /// Files, folders of files, links, and what is missing.
    names: BTreeSet<PathBuf>,
    /// Folders in which any name matters: `conf.d`, wherever it really is.
    whole: BTreeSet<PathBuf>,
    folders: BTreeSet<PathBuf>,
}

impl Trail {
    pub(super) fn of(files: &Sources) -> Self {
        let mut trail = Self::default();
        trail.add(&files.named);
        if let Some(conf_d) = trail.add(&files.conf_d).filter(|folder| folder.is_dir()) {
            let entries = std::fs::read_dir(&conf_d).into_iter().flatten().flatten();
            entries.for_each(|entry| drop(trail.add(&entry.path())));
            trail.folders.insert(conf_d.clone());
            trail.whole.insert(conf_d);
        }
        trail
    }

    /// Folders to watch; all existed a moment ago.
    pub(super) fn folders(&self) -> impl Iterator<Item = &Path> {
        self.folders.iter().map(PathBuf::as_path)
    }

    /// Whether an event about this path may have changed what the files say.
    pub(super) fn concerns(&self, path: &Path) -> bool {
        self.names.contains(path) || path.parent().is_some_and(|folder| self.whole.contains(folder))
    }

    /// Walks to a path, remembering its last name, the folder above each link, and what is missing. Answers where it
    /// really is, as far as it exists.
    fn add(&mut self, path: &Path) -> Option<PathBuf> {
        let mut here = PathBuf::from("/");
        let mut todo: Vec<PathBuf> = parts(path);
        let mut links = 0;
        while let Some(part) = todo.pop() {
            if part == Path::new("..") {
                here.pop();
                continue;
            }
            let next = here.join(&part);
            let kind = next.symlink_metadata();
            let is_link = kind.as_ref().is_ok_and(|kind| kind.is_symlink());
            if is_link || kind.is_err() || todo.is_empty() {
                self.names.insert(next.clone());
                self.folders.insert(here.clone());
            }
            if kind.is_err() {
                return None;
            }
            // A folder that goes says so by itself, and then whatever is in it has changed.
            self.names.insert(here.clone());
            if is_link {
                links += 1;
                let target = std::fs::read_link(&next).ok().filter(|_| links <= LINKS_MAX)?;
                if target.is_absolute() {
                    here = PathBuf::from("/");
                }
                todo.extend(parts(&target));
            } else {
                here = next;
            }
        }
        Some(here)
    }
}

/// A path's names, last first.
fn parts(path: &Path) -> Vec<PathBuf> {
    let name = |part: Component<'_>| match part {
        Component::Normal(name) => Some(PathBuf::from(name)),
        Component::ParentDir => Some(PathBuf::from("..")),
        _ => None,
    };
    let mut parts: Vec<PathBuf> = path.components().filter_map(name).collect();
    parts.reverse();
    parts
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::symlink;

    fn trail(folder: &Path) -> Trail {
        let sources = Sources {
            named: folder.join("etc/commwatch.toml"),
            conf_d: folder.join("etc/conf.d"),
            content: std::collections::BTreeMap::new(),
        };
        Trail::of(&sources)
    }

    fn folder() -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().canonicalize().unwrap();
        fs::create_dir(path.join("etc")).unwrap();
        (folder, path)
    }

    #[test]
    fn a_plain_file_needs_its_folder_only() {
        let (_guard, path) = folder();
        fs::write(path.join("etc/commwatch.toml"), "").unwrap();
        let trail = trail(&path);
        assert_eq!(trail.folders().collect::<Vec<_>>(), [path.join("etc")]);
        assert!(trail.concerns(&path.join("etc/commwatch.toml")));
        assert!(trail.concerns(&path.join("etc/conf.d")));
        assert!(!trail.concerns(&path.join("etc/commwatch.db-wal")));
    }

    #[test]
    fn every_link_on_the_way_counts_with_the_folder_that_holds_it() {
        let (_guard, path) = folder();
        fs::create_dir(path.join("etc/..v1")).unwrap();
        fs::write(path.join("etc/..v1/commwatch.toml"), "").unwrap();
        symlink("..v1", path.join("etc/..data")).unwrap();
        symlink("..data/commwatch.toml", path.join("etc/commwatch.toml")).unwrap();
        fs::create_dir(path.join("shared")).unwrap();
        fs::write(path.join("shared/vips.toml"), "").unwrap();
        symlink(path.join("shared"), path.join("etc/conf.d")).unwrap();
        let trail = trail(&path);
        assert_eq!(
            trail.folders().collect::<Vec<_>>(),
            [path.clone(), path.join("etc"), path.join("etc/..v1"), path.join("shared")]
                .iter()
                .collect::<Vec<_>>()
        );
        for name in ["etc/commwatch.toml", "etc/..data", "etc/..v1/commwatch.toml", "shared/new.toml"] {
            assert!(trail.concerns(&path.join(name)), "{name}");
        }
    }

    #[test]
    fn what_is_missing_is_waited_for_where_the_way_ends() {
        let (_guard, path) = folder();
        fs::remove_dir(path.join("etc")).unwrap();
        let trail = trail(&path);
        assert_eq!(trail.folders().collect::<Vec<_>>(), [path.as_path()]);
        assert!(trail.concerns(&path.join("etc")));
    }

    #[test]
    fn links_in_a_circle_end() {
        let (_guard, path) = folder();
        symlink("b", path.join("etc/commwatch.toml")).unwrap();
        symlink("commwatch.toml", path.join("etc/b")).unwrap();
        assert!(trail(&path).concerns(&path.join("etc/b")));
    }
}
