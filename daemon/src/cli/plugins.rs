//! `commwatch plugins conform` and `plugins pin`.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::{Console, Exit};
use crate::config::{self, Catalog as _};
use crate::core::online::Verdict;
use crate::core::plural::many;
use crate::ops::status::plain;
use crate::plugin::conform::{Line, conform};
use crate::plugin::pins::Change;
use crate::plugin::{Children, Installed, Pins, list};

/// The longest configuration that is read for a plugin, bytes.
const CONFIG_BYTES_MAX: u64 = 1024 * 1024;

/// What is tried.
#[derive(Debug, clap::Args)]
pub struct ConformArgs {
    /// The .so file; its code runs
    file: PathBuf,
    /// What it is started with, a JSON object as its schema wants it [default: one that is made up from the schema]
    #[arg(long = "with", value_name = "JSON-FILE")]
    with: Option<PathBuf>,
}

/// Tries a plugin.
pub(super) fn run_conform(args: &ConformArgs, console: &mut Console<'_>) -> Exit {
    match tried(args) {
        Ok(lines) => {
            let value = json!({ "file": args.file, "lines": lines });
            console.answer(&value, text(&lines).trim_end());
            if lines.iter().any(|line| line.result == Verdict::Fail) { Exit::Failed } else { Exit::Done }
        }
        Err(why) => {
            console.message(&format!("error: {why}"));
            Exit::Failed
        }
    }
}

fn tried(args: &ConformArgs) -> Result<Vec<Line>, String> {
    let config = args.with.as_deref().map(read_config).transpose()?;
    let children = Children::start().map_err(|error| format!("cannot start what starts plugins: {error}"))?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| format!("cannot start the runtime: {error}"))?;
    Ok(runtime.block_on(conform(&args.file, config, &children)))
}

fn read_config(path: &Path) -> Result<Value, String> {
    let unread = |why: String| format!("{}: {why}", path.display());
    let length = std::fs::metadata(path).map_err(|error| unread(error.to_string()))?.len();
    if length > CONFIG_BYTES_MAX {
        return Err(unread(format!("it is longer than {CONFIG_BYTES_MAX} bytes")));
    }
    let text = std::fs::read_to_string(path).map_err(|error| unread(error.to_string()))?;
    serde_json::from_str(&text).map_err(|error| unread(format!("it is no JSON: {error}")))
}

fn text(lines: &[Line]) -> String {
    let mut text = String::new();
    for Line { result, rule, written, text: said } in lines {
        let _ = writeln!(text, "{:<5} {rule:<14}  {}  [{written}]", result.as_str(), plain(said));
    }
    let count = |result| lines.iter().filter(|line| line.result == result).count();
    let (ok, warn, fail) = (count(Verdict::Ok), count(Verdict::Warn), count(Verdict::Fail));
    let _ = writeln!(text, "{ok} ok, {warn} to look at, {fail} failed; rules are in commwatch_plugin.h");
    text
}

/// Pins every plugin that is installed and may be loaded, as it is now.
pub(super) fn run_pin(path: &Path, console: &mut Console<'_>) -> Exit {
    let plugins = match config::load(path, &Installed) {
        Ok(loaded) => loaded.config.plugins,
        Err(mistakes) => {
            console.message(mistakes.to_string().trim_end());
            return Exit::InvalidConfig;
        }
    };
    let mut files = Vec::new();
    for (name, _) in list(&plugins.path) {
        match Installed.find(&name, &plugins.path, plugins.trust) {
            Ok(found) => files.push(found.library),
            Err(not_found) => console.message(&format!("warning: {name} is not pinned: {}", not_found.why)),
        }
    }
    let lock = &plugins.pins;
    // One that cannot be read is written anew.
    let before = Pins::read(lock).ok().flatten().unwrap_or_default();
    let pinned = Pins::of_files(files).and_then(|pins| {
        pins.write(lock).map_err(|error| format!("cannot write {}: {error}", lock.display()))?;
        Ok(pins)
    });
    match pinned {
        Ok(pins) => {
            let changes = pins.against(&before);
            let rows: Vec<Value> = changes
                .iter()
                .map(|(file, change)| json!({ "file": file, "change": word(*change) }))
                .collect();
            console.answer(&json!({ "lock": lock, "plugins": rows }), &pinned_text(lock, &pins, &changes));
            Exit::Done
        }
        Err(why) => {
            console.message(&format!("error: {why}"));
            Exit::Failed
        }
    }
}

fn word(change: Change) -> &'static str {
    match change {
        Change::Same => "same",
        Change::Added => "added",
        Change::Changed => "changed",
        Change::Removed => "removed",
    }
}

fn pinned_text(lock: &Path, pins: &Pins, changes: &[(PathBuf, Change)]) -> String {
    let mut text = String::new();
    for (file, change) in changes {
        let _ = writeln!(text, "{:<8} {}", word(*change), plain(&file.to_string_lossy()));
    }
    let (count, lock) = (many(pins.len(), "plugin is", "plugins are"), lock.display());
    let _ = write!(
        text,
        "{count} pinned in {lock}; no other is loaded from now on, once `commwatch reload` was done"
    );
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_rule_is_a_line_that_says_where_it_is_written() {
        let line = |result, rule, written, text: &str| Line { result, rule, written, text: text.to_owned() };
        let lines = [
            line(Verdict::Ok, "manifest", "1. the section", "log 0.1.0"),
            line(Verdict::Fail, "503", "cw_outcome_v1", "delivered, and was not; expected: retry"),
            line(Verdict::Warn, "not tried", "Threads", "the rest\u{1b}[2J"),
        ];
        insta::assert_snapshot!(text(&lines), @"
        ok    manifest        log 0.1.0  [1. the section]
        fail  503             delivered, and was not; expected: retry  [cw_outcome_v1]
        warn  not tried       the rest�[2J  [Threads]
        1 ok, 1 to look at, 1 failed; rules are in commwatch_plugin.h
        ");
    }

    #[test]
    fn what_was_pinned_is_told_with_what_it_changes() {
        let changes = [
            (PathBuf::from("/p/libcommwatch_a.so"), Change::Same),
            (PathBuf::from("/p/libcommwatch_b.so"), Change::Changed),
            (PathBuf::from("/p/libcommwatch_c.so"), Change::Removed),
        ];
        let text = pinned_text(Path::new("/etc/commwatch/plugins.lock"), &Pins::default(), &changes);
        insta::assert_snapshot!(text, @"
        same     /p/libcommwatch_a.so
        changed  /p/libcommwatch_b.so
        removed  /p/libcommwatch_c.so
        0 plugins are pinned in /etc/commwatch/plugins.lock; no other is loaded from now on, once `commwatch reload` was done
        ");
    }
}
