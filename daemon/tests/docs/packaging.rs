//! What is packed is what there is: nothing is forgotten in the package or the Dockerfile, and what their pages say of
//! versions is so.

use commwatch::config::{self, Severity};

use crate::markdown::blocks;
use crate::readme::{Built, README};
use crate::root;

fn read(file: &str) -> String {
    std::fs::read_to_string(root().join(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
}

/// The folders of the plugins that are shipped.
fn plugins() -> Vec<String> {
    let folders = std::fs::read_dir(root().join("plugins")).unwrap();
    let names: Vec<String> = folders.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    assert!(names.len() >= 12, "{names:?}");
    names
}

/// What follows a key on its line, once.
fn value<'a>(text: &'a str, before: &str) -> &'a str {
    let lines: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix(before)).collect();
    let [value] = lines[..] else { panic!("{before:?} {} times", lines.len()) };
    value.trim_matches('"')
}

#[test]
fn every_plugin_is_in_the_package_and_in_the_container() {
    let (manifest, dockerfile) = (read("daemon/Cargo.toml"), read("packaging/Dockerfile"));
    for plugin in plugins() {
        let asset =
            format!("[\"target/release/libcommwatch_{plugin}.so\", \"usr/lib/commwatch/plugins/\", \"644\"]");
        assert!(manifest.contains(&asset), "{plugin} in the package");
        assert!(
            dockerfile.split_whitespace().any(|word| word == format!("-p=commwatch-{plugin}")),
            "{plugin}"
        );
    }
    assert_eq!(manifest.matches("target/release/libcommwatch_").count(), plugins().len());
    assert_eq!(dockerfile.matches("-p=commwatch-").count(), plugins().len());
}

#[test]
fn every_file_that_is_packed_is_there() {
    let manifest = read("daemon/Cargo.toml");
    let assets = manifest.lines().filter_map(|line| line.strip_prefix("  [\"")?.split('"').next());
    let (mut files, daemon) = (0, root().join("daemon"));
    for asset in assets.filter(|asset| !asset.starts_with("target/") && !asset.contains("/generated/")) {
        let path = daemon.join(asset.split('*').next().unwrap());
        assert!(path.exists(), "{asset}");
        files += 1;
    }
    assert!(files > 10, "{files}");
    // The Dockerfile takes files of the repository by name, besides what it builds.
    let dockerfile = read("packaging/Dockerfile");
    let named: Vec<&str> = dockerfile
        .split_whitespace()
        .filter(|word| ["README.md", "config.example.toml"].contains(word) || word.starts_with("LICENSE"))
        .collect();
    assert_eq!(named, ["README.md", "LICENSE-MIT", "LICENSE-APACHE", "config.example.toml"]);
    assert!(named.iter().all(|file| root().join(file).exists()));
    assert!(named.iter().all(|file| !read("packaging/Dockerfile.dockerignore").contains(file)));
}

#[test]
fn every_drop_in_is_packed_and_explained() {
    assert!(read("daemon/Cargo.toml").contains("\"../systemd/examples/*.conf\""));
    let page = read("systemd/README.md");
    let examples: Vec<_> = std::fs::read_dir(root().join("systemd/examples")).unwrap().collect();
    assert!(examples.len() >= 4);
    for example in examples {
        let name = example.unwrap().file_name().into_string().unwrap();
        assert!(page.contains(&format!("](examples/{name})")), "{name}");
    }
}

#[test]
fn versions_are_what_the_pages_say() {
    let (workspace, script) = (read("Cargo.toml"), read("packaging/build-deb.sh"));
    let rust = value(&workspace, "rust-version = ");
    assert!(read("packaging/Dockerfile").contains(&format!("FROM rust:{rust}-slim-bookworm AS build")));
    let glibc = value(&script, "GLIBC=");
    let version = value(&workspace, "version = ");
    for page in [README, &read("packaging/README.md")] {
        assert!(
            page.contains(&format!("glibc {glibc}")) || page.contains(&format!("glibc is {glibc}")),
            "{page}"
        );
        assert!(page.contains(&format!("commwatch_{version}-1_amd64.deb")), "{page}");
    }
}

#[test]
fn the_file_to_start_with_is_refused_as_it_is_and_the_readmes_once_it_is_filled_in() {
    let text = read("packaging/commwatch.toml");
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("commwatch.toml");
    std::fs::write(&path, &text).unwrap();
    let refusal = config::load(&path, &Built).unwrap_err().to_string();
    assert!(refusal.contains("accounts"), "{refusal}");
    let filled: String = uncommented(&text, "#watch = [");
    let first = &blocks(README, "toml")[0];
    let lines: Vec<&str> = filled.lines().filter(|line| !line.is_empty()).collect();
    assert_eq!(lines, first.lines().collect::<Vec<_>>());
    std::fs::write(&path, filled).unwrap();
    let loaded = config::load(&path, &Built).unwrap();
    assert!(loaded.warnings.iter().all(|remark| remark.severity == Severity::Warning));
}

/// From the line that begins so, with the `#` of each taken away.
fn uncommented(text: &str, from: &str) -> String {
    let lines = text.lines().skip_while(|line| !line.starts_with(from));
    lines.map(|line| format!("{}\n", line.strip_prefix('#').unwrap_or(line))).collect()
}
