//! The floors and absences of ARCHITECTURE.md. Reads the source as text: what a compiler could check (the crates'
//! directions) stands in the manifests.

use std::path::{Path, PathBuf};

use crate::root;

/// Each wing, and what it may import besides itself. From top to bottom, as in ARCHITECTURE.md.
const FLOORS: [(&str, &[&str]); 8] = [
    ("cli", &["engine", "plugin", "ops", "commbox", "store", "config", "core", "tls"]),
    ("engine", &["plugin", "ops", "commbox", "store", "config", "core", "tls"]),
    // The executable is its own child.
    ("plugin", &["config", "core", "tls", "plugin_host"]),
    ("ops", &["config", "core"]),
    ("commbox", &["config", "core", "tls"]),
    ("store", &["core"]),
    ("config", &["core"]),
    ("core", &[]),
];

/// A clock, I/O, a runtime: what a pure module has no use for.
const IMPURE: [&str; 16] = [
    "::now()",
    "std::env",
    "std::fs",
    "std::io",
    "std::net",
    "std::os",
    "std::process",
    "std::thread",
    "std::time::Instant",
    "std::time::SystemTime",
    "axum",
    "reqwest",
    "rusqlite",
    "tokio",
    "tracing",
    "rand::",
];

/// The only files with `unsafe` in them, tests apart.
const UNSAFE: [&str; 4] = [
    "daemon/src/plugin/library.rs",
    "daemon/src/plugin/sandbox.rs",
    "plugin-api/src/abi.rs",
    "plugin-api/src/export.rs",
];

struct Source {
    /// From the repository's root.
    path: String,
    /// Without comments, and without the tests at its end.
    code: String,
}

/// What a folder of sources holds, tests apart.
fn sources(folder: &str) -> Vec<Source> {
    let mut found = Vec::new();
    collect(&root().join(folder), &mut found);
    assert!(!found.is_empty(), "there is no {folder}");
    found
}

fn collect(folder: &Path, found: &mut Vec<Source>) {
    let mut paths: Vec<PathBuf> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    for path in paths {
        let name = path.file_name().unwrap().to_str().unwrap();
        if path.is_dir() && name != "tests" {
            collect(&path, found);
        } else if name.ends_with(".rs") && name != "tests.rs" {
            let text = std::fs::read_to_string(&path).unwrap();
            let path = path.strip_prefix(root()).unwrap().to_str().unwrap().to_owned();
            found.push(Source { path, code: code(&text) });
        }
    }
}

/// Comments blanked, and what comes after `#[cfg(test)] mod ... {` cut off: tests stand at the end.
fn code(text: &str) -> String {
    let text = text.split("#[cfg(test)]\nmod tests {").next().unwrap();
    let lines = text.lines().filter(|line| !line.trim_start().starts_with("//"));
    lines.map(|line| line.split(" // ").next().unwrap()).collect::<Vec<_>>().join("\n")
}

/// The sources of one wing.
fn wing(name: &str) -> Vec<Source> {
    let mut all = sources("daemon/src");
    all.retain(|source| {
        source.path == format!("daemon/src/{name}.rs")
            || source.path.starts_with(&format!("daemon/src/{name}/"))
    });
    assert!(!all.is_empty(), "there is no wing {name}");
    all
}

/// The wings that code names, by path or in a group.
fn imports(code: &str) -> Vec<String> {
    let paths = code.split("crate::").skip(1);
    paths.flat_map(|path| path.strip_prefix('{').map_or_else(|| vec![first_word(path)], members)).collect()
}

/// The first word of each member of a group whose brace is open.
fn members(group: &str) -> Vec<String> {
    let mut depth = 1_u32;
    let mut members = vec![String::new()];
    for c in group.chars() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 1 => members.push(String::new()),
            _ => {}
        }
        if depth == 0 {
            break;
        }
        members.last_mut().unwrap().push(c);
    }
    members.iter().map(|member| first_word(member.trim_matches([',', ' ', '\n']))).collect()
}

fn first_word(path: &str) -> String {
    path.chars().take_while(|c| c.is_ascii_lowercase() || *c == '_').collect()
}

#[test]
fn imports_are_found_however_they_are_written() {
    assert_eq!(imports("use crate::store::{Due, Store};\nlet x = crate::tls::install();"), ["store", "tls"]);
    assert_eq!(imports("use crate::{core::{a, b}, store};"), ["core", "store"]);
    assert_eq!(imports("pub(crate) use crate::engine;"), ["engine"]);
}

#[test]
fn imports_only_go_down_the_floors() {
    let mut seen = 0;
    for (name, below) in FLOORS {
        for source in wing(name) {
            for import in imports(&source.code) {
                let allowed = import == name || below.contains(&import.as_str());
                assert!(allowed, "{}: {name} stands below {import} and must not import it", source.path);
                seen += 1;
            }
        }
    }
    assert!(seen > 100, "only {seen} imports were found");
}

#[test]
fn every_wing_has_a_floor() {
    let lib = code(&std::fs::read_to_string(root().join("daemon/src/lib.rs")).unwrap());
    for line in lib.lines().filter_map(|line| line.strip_prefix("pub mod ")) {
        let name = line.trim_end_matches(';');
        let known = FLOORS.iter().any(|(wing, _)| *wing == name) || ["tls", "plugin_host"].contains(&name);
        assert!(known, "{name} has no floor: say in ARCHITECTURE.md and here where it stands");
    }
}

#[test]
fn the_core_reads_no_clock_and_does_no_io() {
    for source in wing("core") {
        for word in IMPURE {
            assert!(!names(&source.code, word), "{}: {word} in core/", source.path);
        }
    }
    assert!(names("let n = rand::random();", "rand::") && !names("mod errand; errand::Errand", "rand::"));
}

/// Whether code has a word that is not the end of a longer one.
fn names(code: &str, word: &str) -> bool {
    let continues =
        |before: char| word.starts_with(char::is_alphabetic) && (before.is_alphanumeric() || before == '_');
    code.match_indices(word).any(|(at, _)| !code[..at].ends_with(continues))
}

#[test]
fn sql_stands_in_the_store_alone_and_the_store_knows_no_http() {
    for source in sources("daemon/src") {
        let in_store = source.path.starts_with("daemon/src/store");
        let sql = ["rusqlite", "\"SELECT ", "\"INSERT ", "\"UPDATE ", "\"DELETE ", "\"PRAGMA "];
        let http = ["reqwest", "axum", "http::", "commbox"];
        for word in if in_store { &http[..] } else { &sql[..] } {
            assert!(!source.code.contains(word), "{}: {word}", source.path);
        }
    }
}

#[test]
fn only_the_engine_spawns_tasks_so_that_stop_can_join_them() {
    let words = ["tokio::spawn", "task::spawn", "spawn_blocking", "spawn_local", "JoinSet", "TaskTracker"];
    let spawns = |source: &Source| words.iter().any(|word| source.code.contains(word));
    for source in sources("daemon/src") {
        let in_engine = source.path.starts_with("daemon/src/engine");
        assert!(in_engine || !spawns(&source), "{}: spawns a task outside engine/", source.path);
    }
    assert!(wing("engine").iter().any(spawns));
}

#[test]
fn unsafe_has_four_addresses() {
    let mut found = Vec::new();
    for folder in [
        "daemon/src",
        "plugin-api/src",
        "plugins/alertmanager/src",
        "plugins/email/src",
        "plugins/exec/src",
        "plugins/http/src",
        "plugins/log/src",
        "plugins/ntfy/src",
        "plugins/pagerduty/src",
        "plugins/slack/src",
        "plugins/teams/src",
        "plugins/telegram/src",
        "plugins/twilio/src",
        "plugins/webhook/src",
        "simulator/src",
    ] {
        for source in sources(folder) {
            let marks =
                ["unsafe {", "unsafe fn", "unsafe impl", "unsafe extern", "#[unsafe(", "(unsafe_code"];
            if marks.iter().any(|mark| source.code.contains(mark)) {
                found.push(source.path);
            }
        }
    }
    found.sort();
    assert_eq!(found, UNSAFE);
}

#[test]
fn crates_depend_in_one_direction() {
    let of_ours = |manifest: &str| -> Vec<String> {
        let text = std::fs::read_to_string(root().join(manifest).join("Cargo.toml")).unwrap();
        let table: toml::Table = text.parse().unwrap();
        let names = table["dependencies"].as_table().unwrap().keys();
        names.filter(|name| name.starts_with("commwatch")).cloned().collect()
    };
    assert_eq!(of_ours("daemon"), ["commwatch-plugin-api"]);
    assert!(of_ours("plugin-api").is_empty());
    assert!(of_ours("simulator").is_empty());
    for plugin in [
        "plugins/alertmanager",
        "plugins/email",
        "plugins/exec",
        "plugins/http",
        "plugins/log",
        "plugins/ntfy",
        "plugins/pagerduty",
        "plugins/slack",
        "plugins/teams",
        "plugins/telegram",
        "plugins/twilio",
        "plugins/webhook",
    ] {
        assert_eq!(of_ours(plugin), ["commwatch-plugin-api"], "{plugin}");
    }
}
