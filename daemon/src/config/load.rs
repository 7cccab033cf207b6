//! From files to a [`Config`]: read, parse, merge, check each section, look for what is suspicious.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::catalog::Catalog;
use super::collection::Named;
use super::findings::{Doubt, Findings};
use super::keys::SECTIONS;
use super::mistake::{Mistake, Mistakes};
use super::section::{Context, not_yet, unknown_key};
use super::source::{self, Sources};
use super::spanned::{self, Table};
use super::warning::Facts;
use super::watch::{Placed, Watched};
use super::{
    Config, account, admin, fallback, heartbeat, hours, http, log, notifier, operators, origin, plugins,
    polling, reload, route, store, warning, watch,
};

/// A configuration that may be used.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The configuration.
    pub config: Config,
    /// What is legal but suspicious, and notifiers that will not work ([`Severity::Broken`](super::Severity)).
    pub warnings: Vec<Mistake>,
    /// The files it was read from, for the watcher.
    pub sources: Sources,
}

/// Reads and checks the configuration at `path` and in `conf.d` beside it.
///
/// # Errors
/// If anything is wrong: all of it at once.
pub fn load(path: &Path, catalog: &dyn Catalog) -> Result<Loaded, Mistakes> {
    load_in(path, catalog, &Surroundings::of_this_process())
}

/// What defaults depend on besides the file.
#[derive(Clone, Debug, Default)]
pub(super) struct Surroundings {
    /// systemd's `StateDirectory=`.
    pub(super) state_directory: Option<PathBuf>,
    /// systemd's `RuntimeDirectory=`.
    pub(super) runtime_directory: Option<PathBuf>,
}

impl Surroundings {
    fn of_this_process() -> Self {
        // Several folders are separated by colons; ours is the first.
        let first =
            |name: &str| std::env::split_paths(&std::env::var_os(name)?).find(|path| path.is_absolute());
        Self { state_directory: first("STATE_DIRECTORY"), runtime_directory: first("RUNTIME_DIRECTORY") }
    }
}

pub(super) fn load_in(
    path: &Path,
    catalog: &dyn Catalog,
    surroundings: &Surroundings,
) -> Result<Loaded, Mistakes> {
    let (sources, files) = source::read_all(path);
    let paths = files.iter().map(|file| file.path.clone()).collect();
    let folder = sources.named.parent().unwrap_or(Path::new("/")).to_path_buf();
    let findings = Findings::new(files);
    let root = parse_all(&findings);
    // Of a file that is not TOML nothing is taken; the others are read all the same, for what is wrong with them.
    let cx = Context { findings: &findings, folder: &folder, surroundings, catalog };
    let config = read(cx, &root, sources.named.clone(), paths);
    let failed = findings.any_errors();
    let mistakes = findings.finish();
    match config {
        Some(config) if !failed => Ok(Loaded { config, warnings: mistakes, sources }),
        _ => Err(Mistakes(mistakes)),
    }
}

fn parse_all(findings: &Findings) -> Table {
    let mut root = Table::default();
    for (index, file) in findings.files().iter().enumerate() {
        if let Ok(text) = &file.text {
            let table = spanned::parse(index, text, findings);
            findings.hide_suspicious(&table);
            root.merge(table, "", findings);
        }
    }
    root
}

/// The straight way through all sections; each records its own mistakes.
fn read(cx: Context<'_>, root: &Table, path: PathBuf, files: Vec<PathBuf>) -> Option<Config> {
    check_sections(cx, root);
    let accounts = account::read_all(cx, root);
    let paces = polling::read(cx, root);
    let watches = watch::read_all(cx, root, &accounts, paces);
    let plugins = plugins::read(cx, root);
    let hours = hours::read_all(cx, root);
    let notifiers = notifier::read_all(cx, root, &plugins, &hours);
    fallback::check(cx, root);
    let routes = route::read_all(cx, root, &notifiers, &hours);
    let operators = operators::read(cx, root, &notifiers);
    let heartbeat = heartbeat::read(cx, root, &notifiers);
    let store = store::read(cx, root);
    let http = http::read(cx, root);
    let admin = admin::read(cx, root, &store);
    let reload = reload::read(cx, root);
    let log = log::read(cx, root);
    if cx.findings.any_errors() {
        return None;
    }
    warning::about(&Facts {
        findings: cx.findings,
        root,
        accounts: &accounts,
        paces,
        watches: &watches,
        hours: &hours,
        notifiers: &notifiers,
        routes: &routes,
        operators: &operators,
        heartbeat: heartbeat.as_ref(),
        store: &store,
        http: &http,
        log: &log,
    });
    let mut config_watches = Vec::new();
    let mut seeks = Vec::new();
    for Placed { watched, .. } in watches {
        match watched {
            Watched::Named(watch) => config_watches.push(watch),
            Watched::Found(seek) => seeks.push(seek),
        }
    }
    Some(Config {
        path,
        files,
        accounts: items(accounts),
        watches: config_watches,
        seeks,
        notifiers: items(notifiers),
        routes: routes.into_iter().map(|placed| placed.route).collect(),
        hours: items(hours),
        operators,
        heartbeat,
        plugins,
        store,
        http,
        admin,
        reload,
        log,
        origins: origin::of(cx.findings, root),
    })
}

fn items<T>(all: BTreeMap<String, Named<T>>) -> BTreeMap<String, T> {
    all.into_iter().filter_map(|(name, named)| Some((name, named.item?))).collect()
}

fn check_sections(cx: Context<'_>, root: &Table) {
    for entry in &root.0 {
        match SECTIONS.iter().find(|section| section.name == entry.key) {
            Some(section) if section.later => {
                cx.findings.add(not_yet(entry, &format!("[{}]", section.name), "the section"));
            }
            Some(_) => {}
            None => {
                let names = SECTIONS.iter().filter(|section| !section.later).map(|section| section.name);
                cx.findings.hide_all(&entry.value, Doubt::May);
                cx.findings.add(unknown_key(entry, "the file", names));
            }
        }
    }
}
